"""Reads our pages as a person would: words, fields, buttons."""

import html
import re

LIST = "/subscriptions/"
RENAME = "/subscriptions/s-1/rename/"


def words(response):
    """The visible text of a page, on one line."""
    inside = re.sub(r"<(script|style)\b.*?</\1>", "", response.content.decode(), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", inside)).split())


def field(response, name):
    """The value of an input, as a browser would send it back."""
    (tag,) = re.findall(rf'<input[^>]*\bname="{name}"[^>]*>', response.content.decode())
    value = re.search(r'\bvalue="([^"]*)"', tag)
    return html.unescape(value[1]).replace("\r", "").replace("\n", "") if value else ""


def save(client, wanted, path=RENAME):
    """Open the form, type, press Save."""
    opened = client.get(path)
    assert opened.status_code == 200
    return send(client, opened, wanted, path)


def send(client, opened, wanted, path=RENAME):
    """Press Save on a form that is open."""
    return client.post(path, {"display_name": wanted, **{name: field(opened, name) for name in ("seen", "once")}})


def said(response, client):
    """Follow the redirect to the list, and read it."""
    assert (response.status_code, response["Location"]) == (302, LIST)
    return words(client.get(LIST))
