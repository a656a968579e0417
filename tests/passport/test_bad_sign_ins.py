"""Each way a sign-in can fail: a page with the right status and words, nobody signed in, no secret shown."""

import time

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import User
from django.utils.module_loading import import_string
from social_django.models import Association, Partial

from aosportal.passport.models import Grant
from tests.conftest import browser
from tests.support.fake_aps import ALICE, ISSUER, begin, finish

JSON = {"Content-Type": "application/json"}


def assert_refused(response, status):
    """A page for people: the status, one button that starts again, and nothing of APS's answer."""
    text = response.content.decode()
    assert response.status_code == status, (response.status_code, text)
    assert "Sign in with Alliance Passport" in text
    assert not any(word in text for word in ("CANARY", "Traceback", "aps.test/connect/token"))
    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert not Grant.objects.exists()
    assert "_auth_user_id" not in response.client.session


CALLBACKS = {
    "consent denied": ({"error": "access_denied", "error_description": "DESCRIPTION-CANARY"}, 403),
    "APS is ill": ({"error": "server_error"}, 503),
    "wrong scope": ({"error": "invalid_scope"}, 500),
    "wrong resource": ({"error": "invalid_target"}, 500),
    "an error nobody knows": ({"error": "x", "error_description": "<b>call +1</b>\r\nDESCRIPTION-CANARY"}, 502),
    "no code": ({}, 400),
    "empty code": ({"code": ""}, 400),
    "wrong state": ({"code": "CODE-CANARY", "state": "0" * 32}, 403),
    "long state": ({"code": "CODE-CANARY", "state": "0" * 500}, 403),
    "no state": ({"code": "CODE-CANARY", "state": None}, 400),
    "wrong iss": ({"code": "CODE-CANARY", "iss": "https://evil.test"}, 502),
    "iss with a slash": ({"code": "CODE-CANARY", "iss": f"{ISSUER}/"}, 502),
    "iss in capitals": ({"code": "CODE-CANARY", "iss": ISSUER.upper()}, 502),
    "iss twice": ({"code": "CODE-CANARY", "iss": [ISSUER, ISSUER]}, 502),
    "wrong iss on an error": ({"error": "access_denied", "iss": "https://evil.test"}, 502),
}


@pytest.mark.parametrize("case", CALLBACKS)
def test_bad_answers_in_the_browser_reach_no_token_endpoint(aps, client, case):
    parameters, status = CALLBACKS[case]
    response = finish(client, begin(client), **parameters)

    assert_refused(response, status)
    assert "/connect/token" not in aps.paths()


TOKEN_ANSWERS = {
    "HTML": ((200, {"Content-Type": "text/html"}, "<h1>AT-CANARY</h1>"), 502),
    "a list": ((200, JSON, "[]"), 502),
    "truncated": ((200, JSON, '{"access_token": "AT-CANARY'), 502),
    "500": ((500, {}, "AT-CANARY"), 503),
    "503": ((503, {"Retry-After": "5"}, ""), 503),
    "429": ((429, {}, ""), 503),
    "401 wrong client secret": ((401, JSON, '{"error": "invalid_client"}'), 500),
    "400 code rejected": ((400, JSON, '{"error": "invalid_grant"}'), 403),
    "400 wrong resource": ((400, JSON, '{"error": "invalid_target"}'), 500),
    "redirect to another host": ((307, {"Location": "https://evil.test/token"}, ""), 502),
}


@pytest.mark.parametrize("case", TOKEN_ANSWERS)
def test_bad_answers_of_the_token_endpoint(aps, client, case):
    aps.replies["/connect/token"], status = TOKEN_ANSWERS[case]
    response = aps.sign_in(client)

    assert_refused(response, status)
    assert aps.paths().count("/connect/token") == 1
    assert "/connect/userinfo" not in aps.paths()


FIELDS = {
    "no access token": {"access_token": None},
    "access token no text": {"access_token": 5},
    "no ID token": {"id_token": None},
    "ID token no JWT": {"id_token": "AT-CANARY"},
    "token_type mac": {"token_type": "mac"},
    "no token_type": {"token_type": None},
}


@pytest.mark.parametrize("case", FIELDS)
def test_bad_fields_in_the_token_answer(aps, client, case):
    aps.answer = FIELDS[case]

    assert_refused(aps.sign_in(client), 502)


CLAIMS = {
    "iss": ({"iss": "https://evil.test"}, 502),
    "no iss": ({"iss": None}, 502),
    "aud": ({"aud": "somebody-else"}, 502),
    "no aud": ({"aud": None}, 502),
    "no sub": ({"sub": None}, 502),
    "no iat": ({"iat": None}, 502),
    "no exp": ({"exp": None}, 502),
    "expired": ({"exp": int(time.time()) - 60}, 403),
    "issued long ago": ({"iat": int(time.time()) - 7200}, 403),
    "not yet valid": ({"nbf": int(time.time()) + 86400}, 502),
    "no nonce": ({"nonce": None}, 403),
    "wrong nonce": ({"nonce": "x" * 64}, 403),
    "azp": ({"azp": "somebody-else"}, 502),
    "at_hash": ({"at_hash": "x"}, 502),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_bad_id_tokens_sign_nobody_in_and_use_no_token(aps, client, case):
    aps.claims, status = CLAIMS[case]

    assert_refused(aps.sign_in(client), status)
    assert "/connect/userinfo" not in aps.paths()
    assert not User.objects.exists()


def test_an_id_token_signed_by_somebody_else(aps, client):
    query = begin(client)
    code = aps.authorize(query)
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = {"iss": ISSUER, "aud": "x", "sub": "sub-alice"}
    aps.answer = {"id_token": jwt.encode(claims, foreign, algorithm="RS256", headers={"kid": "key-1"})}

    assert_refused(finish(client, query, code=code), 502)


def test_an_unsigned_id_token(aps, client):
    aps.answer = {"id_token": jwt.encode({"iss": ISSUER, "sub": "sub-alice"}, None, algorithm="none")}

    assert_refused(aps.sign_in(client), 502)


def test_a06_the_same_id_token_twice(aps, client):
    query = begin(client)
    aps.answer = {"id_token": aps.id_token(ALICE, query["nonce"])}
    first = finish(client, query, code=aps.authorize(query))
    other = browser()
    again = begin(other)

    assert first.status_code == 302
    assert finish(other, again, code=aps.authorize(again)).status_code == 403


@pytest.mark.parametrize("answer", [[], "text", {"sub": "sub-mallory"}, {"name": "no sub"}], ids=str)
def test_userinfo_of_somebody_else_or_of_a_wrong_shape(aps, client, answer):
    aps.claims = {"name": None, "email": None}
    aps.userinfo = answer

    assert_refused(aps.sign_in(client), 502)


def test_userinfo_cannot_put_a_token_in_place_of_the_granted_one(aps, client):
    aps.claims = {"name": None, "email": None}
    aps.userinfo = {**ALICE, "access_token": "evil", "refresh_token": "evil", "expires_in": 1}
    aps.sign_in(client)

    assert Grant.objects.get().token("access_token").reveal().startswith("AT-CANARY")


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (requests.ConnectTimeout("CS-CANARY"), 504),
        (requests.ConnectionError("CS-CANARY"), 503),
        (requests.exceptions.SSLError("CS-CANARY"), 502),
    ],
    ids=["slow", "down", "TLS"],
)
def test_aps_cannot_be_reached(wire, db, client, failure, status):
    wire.add("GET", f"{ISSUER}/.well-known/openid-configuration", body=failure)

    assert_refused(client.post("/login/aps/", {"next": "/account/"}), status)


def test_discovery_of_another_issuer_is_not_used(aps, client, caplog):
    aps.metadata = {"issuer": f"{ISSUER}/"}
    response = client.post("/login/aps/")

    assert_refused(response, 500)
    assert f"Set APS_ISSUER={ISSUER}/" in caplog.text


@pytest.mark.parametrize(
    "url", ["http://aps.test/token", "https://evil.test/token", "http://169.254.169.254/", "file:///etc/passwd", 5]
)
def test_discovery_that_names_unsafe_endpoints_is_not_used(aps, client, url, caplog):
    aps.metadata = {"token_endpoint": url}

    assert_refused(client.post("/login/aps/"), 500)
    assert "token_endpoint" in caplog.text


def test_an_expired_start_can_be_begun_again_and_goes_where_it_wanted(aps, client, mocker_time):
    query = begin(client, next="/account/")
    mocker_time(700)
    response = finish(client, query, code=aps.authorize(query))

    assert_refused(response, 403)


def test_a_denied_consent_offers_the_destination_again(aps, client):
    response = finish(client, begin(client, next="/account/"), error="access_denied")

    assert 'name="next" value="/account/"' in response.content.decode()


def test_a_reloaded_callback_of_who_is_signed_in_goes_home(aps, client):
    query = begin(client, next="/account/")
    code = aps.authorize(query)
    finish(client, query, code=code)

    assert finish(client, query, code=code)["Location"] == "/subscriptions/"


@pytest.fixture
def mocker_time(monkeypatch):
    """Let the clock that social-auth reads go on by some seconds."""

    def forward(seconds):
        now = time.time() + seconds
        monkeypatch.setattr("social_core.backends.oauth._time", lambda: now)

    return forward


def test_d24_a_providers_text_is_not_shown_and_forges_no_log_line(aps, client, caplog):
    text = "<b>call +1 DESCRIPTION-CANARY</b>\r\n2026 ERROR forged"
    response = finish(client, begin(client), error="x", error_description=text, error_uri="https://evil.test")

    assert "call +1" not in response.content.decode()
    assert "evil.test" not in response.content.decode()
    assert "forged" not in caplog.text


def test_two_tabs_that_start_at_once_without_a_cookie_end_signed_in_or_one_button_away(aps):
    first, second = browser(), browser()
    one, two = begin(first, next="/account/"), begin(second, next="/subscriptions/?q=two")
    # Both answers set a session cookie, and the browser keeps the second one.
    lost = finish(second, one, code=aps.authorize(one))
    kept = finish(second, two, code=aps.authorize(two))

    assert lost.status_code == 403
    assert 'name="next" value="/account/"' in lost.content.decode()
    assert kept["Location"] == "/subscriptions/?q=two"


def test_a_restored_tab_whose_sign_in_is_long_over_offers_to_start_again_and_no_more(aps, client):
    response = client.get("/complete/aps/", {"state": "x" * 32, "code": "CODE-CANARY"})

    assert_refused(response, 403)
    assert 'name="next" value=""' in response.content.decode()


def test_the_noted_destination_is_judged_again(aps, client):
    query = begin(client, next="/account/")
    Association.objects.update(secret="//evil.test")

    assert "evil.test" not in finish(browser(), query, code="CODE-CANARY").content.decode()


def test_d03_there_is_no_partial_pipeline_to_resume(aps, client, settings):
    for step in settings.SOCIAL_AUTH_APS_PIPELINE:
        assert not hasattr(import_string(step), "__wrapped__"), step
    query = begin(client)
    response = finish(browser(), query, code="CODE-CANARY", partial_token="x", verification_code="x")

    assert response.status_code == 403
    assert Partial.objects.count() == 0
    assert "/connect/token" not in aps.paths()
