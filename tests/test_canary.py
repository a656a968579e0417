"""Looks for planted secrets wherever the portal writes: cookies, sessions, database, pages, logs at DEBUG, reports."""

import logging
import re

import pytest
from django.apps import apps as django_apps
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.contrib.sessions.models import Session
from django.core import serializers
from django.test import override_settings
from django.views.debug import ExceptionReporter

from aosportal.logs import CarefulFormatter
from aosportal.passport.models import Grant
from tests.conftest import browser
from tests.support.fake_aps import begin, finish

CANARY = re.compile(r"(AT|RT|CODE|CS|SK|DESCRIPTION)-CANARY[\w-]*")
AOS = "https://aos.test/api/v2/subscriptions"
ROWS = [{"id": "s-1", "subscriptionId": "x-1", "displayName": "Blue", "state": "Enabled"}]


def found_in(text):
    return sorted({match.group() for match in CANARY.finditer(text)})


@pytest.fixture
def logged():
    """Everything that the root logger's handlers would write, at DEBUG, urllib3 and requests included."""
    lines: list[str] = []

    class Sink(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    sink = Sink(logging.DEBUG)
    sink.setFormatter(logging.getLogger().handlers[0].formatter if logging.getLogger().handlers else None)
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(sink)
    yield lines
    root.removeHandler(sink)
    root.setLevel(level)


def use_the_portal(aps, wire, client):
    """A whole visit: sign in, list, rename, a refresh, a denied sign-in, an APS that fails, sign out."""
    wire.add("GET", AOS, json=ROWS)
    wire.add("PUT", f"{AOS}/s-1", json={"id": "s-1", "displayName": "Red"})
    yield aps.sign_in(client)
    yield client.get("/subscriptions/")
    form = client.get("/subscriptions/s-1/rename/")
    yield form
    yield client.post(
        "/subscriptions/s-1/rename/", {"display_name": "Red", "seen": form.context["form"]["seen"].value()}
    )
    assert "PUT" in [call.request.method for call in wire.calls]
    Grant.objects.update(expires_at="2020-01-01T00:00Z")
    yield client.get("/subscriptions/")
    yield client.get("/")
    yield finish(client, begin(client), error="access_denied", error_description="DESCRIPTION-CANARY")
    aps.replies["/connect/token"] = (500, {}, "AT-CANARY")
    yield aps.sign_in(browser())
    aps.replies.clear()


def test_a01_no_secret_is_in_pages_cookies_sessions_database_and_logs(aps, wire, client, logged):
    pages = list(use_the_portal(aps, wire, client))
    sessions = str([session.get_decoded() for session in Session.objects.all()])
    rows = "".join(serializers.serialize("json", model.objects.all()) for model in django_apps.get_models())

    for page in pages:
        assert found_in(page.content.decode() + str(page.headers)) == []
    assert found_in(str(client.cookies)) == []
    assert found_in(sessions) == []
    assert found_in(rows) == []
    assert "sub-alice" in rows  # it does look
    assert "Blue" in "".join(page.content.decode() for page in pages)
    assert found_in("\n".join(logged)) == []
    assert len(logged) > 5
    session_keys = [session.session_key for session in Session.objects.all()]
    assert not any(key in line for key in session_keys for line in logged)


def test_d18_signals_of_a_sign_in_that_ends_with_nobody_hold_no_token(aps, client, settings):
    heard = []
    settings.SOCIAL_AUTH_APS_PIPELINE = settings.SOCIAL_AUTH_APS_PIPELINE[:2]

    def listen(credentials, **rest):
        heard.append(str(credentials))

    user_login_failed.connect(listen)
    try:
        response = aps.sign_in(client)
    finally:
        user_login_failed.disconnect(listen)

    assert response.status_code == 403
    assert len(heard) == 1
    assert found_in(heard[0]) == []


def test_b11_tokens_never_stand_in_an_address(aps, wire, client):
    list(use_the_portal(aps, wire, client))
    client.post("/logout/")

    assert len(wire.calls) > 8
    assert [call.request.url for call in wire.calls if found_in(call.request.url)] == []


def test_signing_out_puts_the_id_token_into_one_redirect_alone(aps, client):
    aps.sign_in(client)
    id_token = Grant.objects.get().token("id_token").reveal()
    response = client.post("/logout/")

    assert response["Location"].startswith("https://aps.test/connect/logout?")
    assert id_token in response["Location"]
    assert id_token not in client.get("/signed-out/").content.decode()


@pytest.mark.parametrize("debug", [True, False])
def test_d18_an_error_report_holds_no_secret_in_development_neither(aps, client, rf, debug):
    aps.sign_in(client)
    token, code = Grant.objects.get().token("access_token").reveal(), "CODE-CANARY-9"
    request = rf.get(
        "/complete/aps/", {"code": code}, HTTP_COOKIE=f"__Host-aosportal_session={token}", HTTP_AUTHORIZATION=token
    )
    with override_settings(DEBUG=debug):
        try:
            secret = {"client_secret": settings.SOCIAL_AUTH_APS_SECRET, "token": token}
            raise RuntimeError("a fault in " + type(secret).__name__)
        except RuntimeError as error:
            reporter = ExceptionReporter(request, type(error), error, error.__traceback__)
        html, text = reporter.get_traceback_html(), reporter.get_traceback_text()

    assert "a fault in dict" in html
    assert found_in(html.replace("CODE-CANARY-9", "")) == []
    assert found_in(text.replace("CODE-CANARY-9", "")) == []


def test_an_unexpected_error_shows_a_plain_page(aps, client, wire, monkeypatch):
    aps.sign_in(client)
    client.raise_request_exception = False
    wire.add("GET", AOS, body=RuntimeError("AT-CANARY-in-an-exception"))
    response = client.get("/subscriptions/")

    assert response.status_code == 500
    assert found_in(response.content.decode()) == []
    assert "Traceback" not in response.content.decode()


def shown(*args, **record):
    """What the portal's own formatter makes of a log call."""
    return CarefulFormatter("{message}", style="{").format(logging.LogRecord("x", 20, "", 0, *args, **record))


def test_the_address_of_the_callback_is_logged_without_its_query():
    line = shown('"%s" %s', ("GET /complete/aps/?code=CODE-CANARY HTTP/1.1", "302"), None)

    assert line == '"GET /complete/aps/?… HTTP/1.1" 302'


def test_a_query_in_a_message_or_a_traceback_is_cut_too():
    try:
        raise ValueError("Invalid HTTP_HOST header: 'e?code=CODE-CANARY'")
    except ValueError as error:
        text = shown(f"bad host e?code=CODE-CANARY {error}", (), (ValueError, error, error.__traceback__))

    assert "Traceback" in text
    assert found_in(text) == []


def test_a26_a_log_line_stays_one_line():
    assert shown("%s", ("a\r\nINFO forged\x1b[31m\u2028b",), None) == "a\\x0d\\x0aINFO forged\\x1b[31m\\x2028b"
