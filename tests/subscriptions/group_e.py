"""What the tests of group E share: using the pages as a browser does, and the promises that hold whatever AOS does."""

import contextlib
import re
import time

from .pages import LIST, RENAME, field, words

NOT_KNOWN = "Not known whether the name was changed"
ANY_SUCCESS = re.compile(r"\bRenamed “|\bNamed it “")


def fields(page):
    """What a browser would send of the rename form: every input, hidden ones too."""
    form = next(
        each for each in re.findall(r"<form\b.*?</form>", page.content.decode(), re.S) if "display_name" in each
    )
    return {name: field(page, name) for name in re.findall(r'<input[^>]*\bname="([^"]+)"', form) if "csrf" not in name}


def press_save(client, page, wanted, path=RENAME):
    """Type, and press Save on a form that is open."""
    return client.post(path, {**fields(page), "display_name": wanted})


def open_form(client, path=RENAME):
    page = client.get(path)
    assert page.status_code == 200
    return page


def rename(client, wanted=" New ", path=RENAME):
    """Open the form, type, press Save."""
    return press_save(client, open_form(client, path), wanted, path)


def assert_no_internals(page):
    text = page.content.decode()
    assert not re.search(r"Traceback|-token|127\.0\.0\.1|Errno|Exception|urllib3|UPSTREAM", text), text


def assert_trouble(page, status):
    """A page that says what is wrong, and nothing of the inside. It is not the list of somebody without any."""
    assert page.status_code == status
    assert_no_internals(page)
    assert "No subscriptions yet" not in words(page)


def assert_kept(page, status, typed=" New "):
    """The form again: what was typed is in the field, and no success is claimed."""
    assert_trouble(page, status)
    assert field(page, "display_name") == typed
    assert not ANY_SUCCESS.search(words(page))


def assert_not_known(page, status=502, typed=" New "):
    """The form again, saying that nobody knows."""
    assert_kept(page, status, typed)
    assert NOT_KNOWN in words(page)


def assert_done(page, client, wanted="New"):
    """It leads to the list, where the success is told and the new name is shown."""
    assert (page.status_code, page["Location"]) == (302, LIST)
    text = words(client.get(LIST))
    assert ANY_SUCCESS.search(text), text
    assert f"“{wanted}”" in text
    assert NOT_KNOWN not in text


@contextlib.contextmanager
def at_most(seconds):
    """A generous deadline."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds
