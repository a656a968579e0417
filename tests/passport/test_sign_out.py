"""Signing out: here first, then the tokens and the session at APS."""

import base64
import json
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError

from aosportal.passport.backend import AlliancePassport
from aosportal.passport.models import Grant
from tests.conftest import browser


@pytest.fixture
def hers(aps, client):
    """A browser in which Alice is signed in."""
    aps.sign_in(client)
    return client


def test_the_session_is_dead_here_and_its_tokens_are_gone(hers):
    cookie = hers.cookies["__Host-aosportal_session"].value
    response = hers.post("/logout/")

    other = browser()
    other.cookies["__Host-aosportal_session"] = cookie
    for client in (hers, other):
        assert client.get("/subscriptions/")["Location"].startswith("/login/")
    assert (Grant.objects.get().status, Grant.objects.get().access_token) == ("ended", "")
    assert response["Clear-Site-Data"] == '"cache", "storage"'


def test_both_tokens_are_revoked_in_the_body_of_a_post(hers, aps):
    hers.post("/logout/")

    forms = [form for path, form in aps.calls if path == "/connect/revoke"]
    assert [form["token_type_hint"] for form in forms] == ["refresh_token", "access_token"]
    assert [form["token"][:3] for form in forms] == ["RT-", "AT-"]
    assert all(form["client_secret"] == "CS-CANARY-+%:&secret" for form in forms)
    assert all("?" not in request.url for request in aps.requests)


def test_client_secret_basic_holds_for_revocation_too(hers, aps, settings):
    settings.SOCIAL_AUTH_APS_TOKEN_ENDPOINT_AUTH_METHOD = "client_secret_basic"
    hers.post("/logout/")

    header = aps.requests[-1].headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(header).decode().endswith(":CS-CANARY-%2B%25%3A%26secret")
    assert "client_secret" not in aps.calls[-1][1]


def test_the_browser_goes_on_to_end_its_session_at_aps(hers):
    id_token = Grant.objects.get().token("id_token").reveal()
    address = urlsplit(hers.post("/logout/")["Location"])

    assert address._replace(query="").geturl() == "https://aps.test/connect/logout"
    state = parse_qs(address.query)["state"][0]
    assert len(state) == 32
    assert parse_qs(address.query) == {
        "state": [state],
        "client_id": ["0e7a4a2e-5d5c-4f44-9e6b-8d3f5f3f0a11"],
        "post_logout_redirect_uri": ["https://portal.test/signed-out/"],
        "id_token_hint": [id_token],
    }


def test_an_ill_aps_keeps_nobody_in_and_the_page_says_what_may_be_open(hers, aps):
    aps.replies["/connect/revoke"] = (503, {}, "")
    response = hers.post("/logout/")
    calls = len(aps.calls)
    page = hers.get(response["Location"]).content.decode()

    assert response["Location"] == "/signed-out/?open=aps"
    assert "may still be open" in page
    assert 'href="https://aps.test"' in page
    assert len(aps.calls) == calls  # the public page asks APS nothing
    assert hers.get("/subscriptions/")["Location"].startswith("/login/")


def test_d05_signing_out_of_a_session_whose_time_was_over_ends_it_at_aps_too(hers):
    id_token = Grant.objects.get().token("id_token").reveal()
    Grant.objects.update(last_seen="2020-01-01T00:00Z")
    query = parse_qs(urlsplit(hers.post("/logout/")["Location"]).query)

    assert query["id_token_hint"] == [id_token]


def test_d05_signing_out_of_a_session_that_was_ended_elsewhere_leads_to_aps_without_a_hint(hers):
    Grant.objects.get().end("ended by an administrator")
    address = hers.post("/logout/")["Location"]

    assert address.startswith("https://aps.test/connect/logout?")
    assert "id_token_hint" not in address


def test_an_aps_without_an_end_of_session_leads_to_our_own_page(hers, aps):
    aps.metadata = {"end_session_endpoint": None}
    AlliancePassport.get_openid_configuration.invalidate()

    assert hers.post("/logout/")["Location"] == "/signed-out/"


def test_signing_out_is_a_post_of_ones_own(hers):
    assert hers.get("/logout/").status_code == 405
    hers.handler.enforce_csrf_checks = True
    assert hers.post("/logout/").status_code == 403
    assert hers.get("/", follow=False)["Location"] == "/subscriptions/"


def test_signing_out_twice_is_fine(hers):
    hers.post("/logout/")

    assert hers.post("/logout/")["Location"] == "/signed-out/"
    assert hers.get("/signed-out/").status_code == 200


def test_another_browser_of_the_same_person_stays_signed_in(hers, aps, wire):
    wire.add("GET", "https://aos.test/api/v2/subscriptions", json=[])
    other = browser()
    aps.sign_in(other)
    hers.post("/logout/")

    assert other.get("/subscriptions/").status_code == 200


def test_d05_a_request_that_loses_the_race_with_a_sign_out_gets_the_sign_in_page(hers, wire):
    address = "https://aos.test/api/v2/subscriptions"
    item = {"id": "s-1", "subscriptionId": "x", "displayName": "Blue", "state": "Enabled"}

    def signed_out_elsewhere(request):
        Grant.objects.get().end("signed out")
        Session.objects.all().delete()
        return 200, {"Content-Type": "application/json"}, json.dumps({**item, "displayName": "Red"})

    wire.add("GET", address, json=[item])
    wire.add_callback("PUT", f"{address}/s-1", signed_out_elsewhere)
    form = hers.get("/subscriptions/s-1/rename/").context["form"]
    typed = {"display_name": "Red", "seen": form["seen"].value()}
    response = hers.post("/subscriptions/s-1/rename/", typed, follow=True)

    assert response.redirect_chain[-1] == ("/login/?next=/subscriptions/", 302)


def test_a_database_that_is_down_is_a_503_page(hers, wire):
    hers.raise_request_exception = False
    wire.add("GET", "https://aos.test/api/v2/subscriptions", body=OperationalError("connection refused: PW-CANARY"))
    response = hers.get("/subscriptions/")

    assert response.status_code == 503
    assert response["Retry-After"] == "30"
    assert "CANARY" not in response.content.decode()
    assert "Content-Security-Policy" in response


@pytest.mark.parametrize("state", ["right", "wrong", None])
def test_c26_b15_the_return_from_aps_works_with_any_state_and_twice(hers, state):
    sent = parse_qs(urlsplit(hers.post("/logout/")["Location"]).query)["state"][0]
    query = {} if state is None else {"state": sent if state == "right" else "x"}

    assert [hers.get("/signed-out/", query).status_code for _ in range(2)] == [200, 200]
    assert hers.get("/subscriptions/")["Location"].startswith("/login/")


def test_b15_an_expired_id_token_is_a_good_hint_still(aps, client):
    aps.claims = {"exp": int(time.time()) - 20}
    aps.sign_in(client)

    assert "id_token_hint" in client.post("/logout/")["Location"]


def test_use_another_account_asks_aps_to_let_choose_for_this_start_alone(aps, client):
    other = client.post("/login/aps/?prompt=none", {"account": "other"})["Location"]

    assert "prompt=select_account" in other
    assert "prompt" not in client.post("/login/aps/?account=other")["Location"]


def test_d23_five_hundred_starts_in_one_browser_leave_a_small_session_that_can_still_sign_in(aps, client, settings):
    settings.SIGN_IN_RATE_ADDRESS = settings.SIGN_IN_RATE_BROWSER = 1000
    for _ in range(500):
        client.post("/login/aps/", {"next": "/subscriptions/?q=" + "x" * 100})

    assert len(str(dict(client.session))) < 8000
    assert aps.sign_in(client)["Location"] == "/subscriptions/"
