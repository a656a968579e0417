"""Signing in: the way to APS and back, through the pages."""

import base64
import hashlib

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from social_django.models import UserSocialAuth

from aosportal.passport.models import Grant
from tests.conftest import browser, sign_in
from tests.support.fake_aps import ALICE, BOB, ISSUER, begin, finish


def test_a_person_signs_in_and_reaches_the_list(aps, client):
    response = aps.sign_in(client)

    assert response.status_code == 302
    assert response["Location"] == "/subscriptions/"
    user = User.objects.get()
    assert (user.username, user.first_name, user.last_name, user.email) == ("alice", "Alice", "Moreno", ALICE["email"])
    grant = Grant.objects.get(user=user)
    assert (grant.subject, grant.sid, grant.is_active) == ("sub-alice", "SID-1", True)
    assert client.session["grant"] == str(grant.pk)


def test_b01_pkce_s256_in_every_start_and_its_verifier_once_to_the_token_endpoint(aps, client):
    first, second = begin(client), begin(client)
    finish(client, first, code=aps.authorize(first))

    sent = [form["code_verifier"] for path, form in aps.calls if path == "/connect/token"]
    assert len(sent) == 1
    assert 43 <= len(sent[0]) <= 128
    digest = base64.urlsafe_b64encode(hashlib.sha256(sent[0].encode()).digest()).rstrip(b"=").decode()
    assert (first["code_challenge_method"], first["code_challenge"]) == ("S256", digest)
    assert second["code_challenge"] != first["code_challenge"]


def test_a02_state_nonce_and_verifier_never_repeat(aps, settings):
    settings.SIGN_IN_RATE_BROWSER = 50  # without a CSRF cookie they count as one browser
    starts = [begin(browser()) for _ in range(50)]

    for name in ("state", "nonce", "code_challenge"):
        assert len({start[name] for start in starts}) == 50
        assert all(len(start[name]) >= 22 for start in starts)


def test_the_authorize_request_holds_what_is_documented_and_nothing_from_the_browser(aps, client, settings):
    settings.SOCIAL_AUTH_APS_RESOURCE = ["https://aos.test/?a=1&b=2+3"]
    evil = {
        "scope": "admin",
        "prompt": "none",
        "resource": "https://evil.test",
        "client_id": "evil",
        "login_hint": "x&prompt=none",
    }
    response = client.post("/login/aps/?prompt=none&resource=https://evil.test", evil)

    query = begin(client)
    assert set(query) == {
        "client_id",
        "redirect_uri",
        "state",
        "response_type",
        "code_challenge_method",
        "code_challenge",
        "nonce",
        "resource",
        "scope",
    }
    assert query["resource"] == "https://aos.test/?a=1&b=2+3"
    assert query["scope"] == "openid profile email offline_access"
    assert response["Location"].startswith(f"{ISSUER}/connect/authorize?client_id=0e7a4a2e")
    assert "evil" not in response["Location"]
    assert "prompt" not in response["Location"]


def test_resource_goes_to_the_token_endpoint_too(aps, client, settings):
    settings.SOCIAL_AUTH_APS_RESOURCE = ["https://aos.test/?a=1&b=2+3"]
    aps.sign_in(client)

    assert aps.calls[-2][1]["resource"] == "https://aos.test/?a=1&b=2+3"


def test_b03_state_is_used_up_by_the_first_answer(aps, client):
    query = begin(client)
    finish(client, query, code=aps.authorize(query))
    again = finish(browser(), query, code=aps.authorize(query))

    assert again.status_code == 403
    assert aps.paths().count("/connect/token") == 1


def test_b03_state_is_used_up_by_an_error_answer_too(aps, client):
    query = begin(client)
    denied = finish(client, query, error="access_denied")
    then = finish(client, query, code=aps.authorize(query))

    assert (denied.status_code, then.status_code) == (403, 403)
    assert "/connect/token" not in aps.paths()


def test_b08_tokens_in_the_callback_are_ignored(aps, client):
    query = begin(client)
    response = finish(client, query, access_token="evil", id_token=aps.id_token(ALICE, query["nonce"]))

    assert response.status_code == 400
    assert client.post("/complete/aps/", {"state": query["state"], "code": "x"}).status_code == 405
    assert not Grant.objects.exists()
    assert "/connect/token" not in aps.paths()


@pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO", "HTTP_FORWARDED"])
def test_b12_redirect_uri_is_the_configured_one_whatever_the_headers_say(aps, client, header):
    assert begin(client, **{header: "evil.test"})["redirect_uri"] == "https://portal.test/complete/aps/"


def test_b12_redirect_uri_is_the_configured_one_on_a_second_allowed_host_too(aps, client, settings):
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "second.test"]

    assert begin(client, SERVER_NAME="second.test")["redirect_uri"] == "https://portal.test/complete/aps/"


def test_b12_a_foreign_host_is_refused(aps):
    response = browser().post("/login/aps/", SERVER_NAME="evil.test")

    assert response.status_code == 400
    assert "evil.test" not in response.content.decode()


@pytest.mark.parametrize("leaves_out", ["name", "email"])
def test_the_profile_of_the_id_token_saves_a_call_to_userinfo(aps, client, leaves_out):
    aps.claims = {leaves_out: None}
    aps.sign_in(client)

    assert aps.paths() == ["/.well-known/openid-configuration", "/connect/token", "/jwks"]


def test_a_warm_sign_in_costs_aps_one_call(aps, client):
    aps.sign_in(client)
    aps.calls.clear()
    aps.sign_in(browser())

    assert aps.paths() == ["/connect/token"]


def test_without_a_profile_in_the_id_token_userinfo_is_asked_with_the_token_in_a_header(aps, client):
    aps.claims = {"name": None, "email": None, "given_name": None}
    aps.sign_in(client)

    assert aps.paths()[-1] == "/connect/userinfo"
    assert aps.requests[-1].headers["Authorization"].startswith("Bearer AT-CANARY-")
    assert User.objects.get().email == ALICE["email"]


def test_aps_identity_userinfo_signs_in_without_an_id_token(aps, client, settings):
    settings.APS_IDENTITY = "userinfo"
    aps.answer = {"id_token": None}
    response = aps.sign_in(client)

    assert response["Location"] == "/subscriptions/"
    assert Grant.objects.get().identity_kind == "userinfo"
    assert UserSocialAuth.objects.get().extra_data == {
        "identity": "userinfo",
        "issuer": ISSUER,
        "subject": "sub-alice",
    }


def test_where_an_id_token_is_configured_none_is_no_sign_in(aps, client):
    aps.answer = {"id_token": None}

    assert aps.sign_in(client).status_code == 502
    assert not User.objects.exists()


def test_client_secret_basic_is_form_encoded_and_stays_out_of_the_body(aps, client, settings):
    settings.SOCIAL_AUTH_APS_TOKEN_ENDPOINT_AUTH_METHOD = "client_secret_basic"
    aps.sign_in(client)

    request = next(request for request in aps.requests if request.url.endswith("/connect/token"))
    user, secret = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode().split(":")
    assert (user, secret) == (settings.SOCIAL_AUTH_APS_KEY, "CS-CANARY-%2B%25%3A%26secret")
    assert "client_secret" not in request.body


def test_endpoints_set_by_hand_need_no_discovery(aps, client, settings, wire):
    settings.APS_DISCOVERY = False
    settings.SOCIAL_AUTH_APS_AUTHORIZATION_URL = f"{ISSUER}/connect/authorize?tenant=1"
    settings.SOCIAL_AUTH_APS_ACCESS_TOKEN_URL = f"{ISSUER}/connect/token"
    settings.SOCIAL_AUTH_APS_JWKS_URI = f"{ISSUER}/jwks"
    response = client.post("/login/aps/")

    assert response["Location"].startswith(f"{ISSUER}/connect/authorize?tenant=1&client_id=")
    assert aps.sign_in(client)["Location"] == "/subscriptions/"
    assert "/.well-known/openid-configuration" not in aps.paths()


# --- Where the person goes afterwards


def test_each_start_keeps_its_own_destination(aps, client):
    first, second = begin(client, next="/subscriptions/?q=one"), begin(client, next="/account/")
    one = finish(client, first, code=aps.authorize(first))
    two = finish(client, second, code=aps.authorize(second))

    assert (one["Location"], two["Location"]) == ("/subscriptions/?q=one", "/account/")


def test_a_destination_is_forgotten_with_its_start(aps, client):
    begin(client, next="/account/")

    assert aps.sign_in(client)["Location"] == "/subscriptions/"


OPEN_REDIRECTS = [
    "https://evil.test",
    "//evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "/\t/evil.test",
    "\t//evil.test",
    "///evil.test",
    "javascript:alert(1)",
    "https:evil.test",
    "http://portal.test.evil.test/",
    "https://portal.test@evil.test/",
    "/ /evil.test",
    "/\n/evil.test",
    "data:text/html,x",
    "%2f%2fevil.test",
    "https://evil.test\\@portal.test",
    "//portal.test:8443/",
    "ftp://portal.test/",
    "/login/?next=//evil.test",
]


@pytest.mark.parametrize("wanted", OPEN_REDIRECTS)
def test_d01_b09_no_open_redirect(aps, client, wanted):
    started = aps.sign_in(client, next=wanted)
    at_callback = aps.sign_in(browser(), next=wanted)
    query = begin(other := browser())
    in_query = finish(other, query, code=aps.authorize(query), next=wanted)
    page = browser().get("/login/", {"next": wanted})

    for response in (started, at_callback, in_query):
        assert response["Location"] == "/subscriptions/"
    assert "evil.test" not in page.content.decode()


def test_d01_the_sign_in_page_carries_a_good_destination(client, db):
    page = client.get("/login/", {"next": "/subscriptions/?q=a&state=Enabled"})

    assert 'name="next" value="/subscriptions/?q=a&amp;state=Enabled"' in page.content.decode()


# --- Who it is


def test_d02_a_sign_in_begins_by_post_with_a_csrf_token_alone(aps):
    checked = browser()
    checked.handler.enforce_csrf_checks = True

    assert checked.get("/login/aps/").status_code == 405
    assert checked.post("/login/aps/").status_code == 403
    assert aps.calls == []


def test_d02_a02_an_attackers_callback_in_the_victims_browser_is_refused(aps):
    attacker, victim = browser(), browser()
    query = begin(attacker)
    response = finish(victim, query, code=aps.authorize(query, BOB))

    assert response.status_code == 403
    assert not Grant.objects.exists()
    assert "/connect/token" not in aps.paths()


def test_d04_the_session_key_rotates_at_sign_in_and_at_the_next_one(aps, client):
    begin(client)
    keys = [client.session.session_key]
    for _ in range(2):
        aps.sign_in(client)
        keys.append(client.session.session_key)

    assert len(set(keys)) == 3
    for old in keys[:2]:
        fresh = browser()
        fresh.cookies["__Host-aosportal_session"] = old
        assert fresh.get("/subscriptions/")["Location"].startswith("/login/")


def test_d06_a_known_address_and_username_join_nobody(aps, client):
    root = User.objects.create_superuser("alice", ALICE["email"], "x")
    aps.sign_in(client)

    newcomer = User.objects.exclude(pk=root.pk).get()
    assert client.session["_auth_user_id"] == str(newcomer.pk)
    assert (newcomer.is_staff, newcomer.is_superuser) == (False, False)


def test_d07_claims_give_no_privilege(aps, client):
    claims = {
        "is_superuser": True,
        "is_staff": True,
        "groups": ["admin"],
        "roles": ["admin"],
        "preferred_username": "admin",
        "id": 1,
        "pk": 1,
    }
    aps.sign_in(client, person={**ALICE, **claims})

    user = User.objects.get()
    assert (user.username, user.is_staff, user.is_superuser, user.groups.count()) == ("admin", False, False, 0)


def test_d08_a07_two_people_who_swap_usernames_and_addresses_stay_themselves(aps):
    first, second = browser(), browser()
    aps.sign_in(first, person=ALICE)
    aps.sign_in(second, person=BOB)
    before = {browser_.session["_auth_user_id"] for browser_ in (first, second)}
    aps.sign_in(first, person={**BOB, "sub": "sub-alice"})
    aps.sign_in(second, person={**ALICE, "sub": "sub-bob"})

    assert {first.session["_auth_user_id"], second.session["_auth_user_id"]} == before
    alice = UserSocialAuth.objects.get(extra_data__subject="sub-alice").user
    assert (alice.email, alice.username) == (BOB["email"], "alice")


@pytest.mark.parametrize("other", ["ABC", "abc ", "àbc"])
def test_d09_subjects_are_compared_byte_for_byte(aps, other):
    aps.sign_in(browser(), person={**ALICE, "sub": "abc"})
    aps.sign_in(browser(), person={**ALICE, "sub": other})

    assert User.objects.count() == 2


@pytest.mark.parametrize("subject", ["", None, 1, True, ["abc"], "x" * 256, "abc\u0000"])
def test_d09_a_subject_that_is_none_signs_nobody_in(aps, client, subject):
    response = aps.sign_in(client, person={**ALICE, "sub": subject})

    assert response.status_code == 502
    assert not User.objects.exists()


def test_the_same_subject_of_another_issuer_is_another_person(aps, client, settings):
    aps.sign_in(client)
    settings.APS_IDENTITY = "userinfo"  # what vouches is part of the key, as the issuer is
    aps.sign_in(browser())

    assert User.objects.count() == 2


def test_d14_a_session_that_names_somebody_elses_grant_is_over(client, alice, bob):
    sign_in(client, alice)
    session = client.session
    session["grant"] = str(bob.grant.pk)
    session.save()

    assert client.get("/subscriptions/")["Location"].startswith("/login/")


def test_d10_bob_in_alices_open_session_becomes_bob_and_joins_nobody(aps, client):
    aps.sign_in(client, person=ALICE)
    alice_grant = Grant.objects.get()
    aps.sign_in(client, person=BOB)

    people = {social.extra_data["subject"]: social.user for social in UserSocialAuth.objects.all()}
    assert people["sub-alice"] != people["sub-bob"]
    assert client.session["_auth_user_id"] == str(people["sub-bob"].pk)
    alice_grant.refresh_from_db()
    assert (alice_grant.is_active, alice_grant.access_token) == (False, "")
    assert any(token.startswith("RT-CANARY") for token in aps.revoked)


def test_d11_a_disabled_person_is_out_and_stays_out(aps, client):
    aps.sign_in(client)
    User.objects.update(is_active=False)

    assert client.get("/subscriptions/")["Location"].startswith("/login/")
    refused = aps.sign_in(client)
    assert refused.status_code == 403
    assert User.objects.count() == 1
    assert not Grant.objects.filter(status="active").exists()
    assert "Ask an administrator" in refused.content.decode()


def test_only_who_is_admitted_comes_in_where_admit_is_listed(aps, client, settings, admin_user):
    settings.ADMIT = "listed"
    refused = aps.sign_in(client)
    assert refused.status_code == 403
    assert not Grant.objects.exists()

    admin = browser()
    admin.force_login(admin_user, backend="django.contrib.auth.backends.ModelBackend")
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, "django.contrib.auth.backends.ModelBackend"]
    alice = User.objects.get(username="alice")
    admin.post("/admin/auth/user/", {"action": "admit", "_selected_action": [alice.pk]})

    assert aps.sign_in(client)["Location"] == "/subscriptions/"
    assert alice.admission.admitted_by == admin_user
    admin.post("/admin/auth/user/", {"action": "no_longer_admit", "_selected_action": [alice.pk]})
    assert client.get("/subscriptions/")["Location"].startswith("/login/")


@pytest.mark.parametrize(
    "email", ["a@evil@corp.com", "a@corp.com.evil", "a@corp。com", "root@corp.com", "x" * 500 + "@corp.com"]
)
def test_d12_an_odd_address_admits_and_joins_nobody(aps, client, settings, email):
    settings.ADMIT = "listed"
    User.objects.create_superuser("root", "root@corp.com", "x")
    refused = aps.sign_in(client, person={**ALICE, "email": email})

    assert refused.status_code == 403
    assert User.objects.filter(is_superuser=True).count() == 1
    assert not Grant.objects.exists()


def test_a04_a_second_provider_fails_the_system_check(settings):
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, "social_core.backends.google.GoogleOAuth2"]

    assert [problem.id for problem in run_checks() if problem.id == "passport.E001"] == ["passport.E001"]


def test_a04_one_provider_passes_the_system_check(db):
    assert not [problem for problem in run_checks() if problem.id == "passport.E001"]
