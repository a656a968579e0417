"""The stand-in APS, as a portal and a browser see it."""

from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
import requests

from tests.sandbox.visitor import SCOPE, Visitor, answered

ALICE = "6c0f6dd8-0a7e-4f6b-9b1c-2f7f6c1f0a11"


def claims(visitor, token):
    key = jwt.PyJWKClient(f"{visitor.at.aps_url}/.well-known/jwks").get_signing_key_from_jwt(token)
    return jwt.decode(token, key, ["RS256"], audience=visitor.at.client_id, issuer=visitor.at.aps_url)


def userinfo(visitor):
    headers = {"Authorization": f"Bearer {visitor.tokens['access_token']}"}
    return requests.get(f"{visitor.at.aps_url}/connect/userinfo", headers=headers, timeout=10)


def revoke(visitor, token):
    form = {"token": token, "client_id": visitor.at.client_id, "client_secret": visitor.at.client_secret}
    return requests.post(f"{visitor.at.aps_url}/connect/revoke", data=form, timeout=10)


def test_the_whole_way_from_button_to_rename(visitor):
    people = visitor.start()
    for name in ("Alice Moreno", "Bob Okafor", "Carmen Ruiz", "Dana Kim"):
        assert name in people.text
    consent = visitor.press(people, person="alice.moreno")
    assert "Allow" in consent.text
    assert "Deny" in consent.text

    back = answered(visitor.press(consent, allow="on"))
    assert (back["state"], back["iss"]) == (visitor.state, visitor.at.aps_url)
    visitor.tokens = visitor.redeem(back["code"]).json()

    assert visitor.tokens["expires_in"] == 600
    who = claims(visitor, visitor.tokens["id_token"])
    assert (who["sub"], who["name"], who["nonce"]) == (ALICE, "Alice Moreno", visitor.nonce)
    assert (who["given_name"], who["family_name"]) == ("Alice", "Moreno")
    assert (who["email"], who["preferred_username"]) == ("alice.moreno@example.com", "alice.moreno")
    assert who["sid"]
    assert abs(who["iat"] - who["auth_time"]) < 20
    assert userinfo(visitor).json()["sub"] == ALICE

    first = next(iter(visitor.names()))
    assert visitor.rename(first, "Renamed 🎉").json()["displayName"] == "Renamed 🎉"
    assert visitor.names()[first] == "Renamed 🎉"


def test_discovery_says_what_there_is(stand_ins):
    shown = requests.get(f"{stand_ins.aps_url}/.well-known/openid-configuration", timeout=10).json()

    assert shown["issuer"] == stand_ins.aps_url
    for name, path in {
        "authorization_endpoint": "authorize",
        "token_endpoint": "token",
        "userinfo_endpoint": "userinfo",
        "revocation_endpoint": "revoke",
        "introspection_endpoint": "introspect",
        "end_session_endpoint": "logout",
    }.items():
        assert shown[name] == f"{stand_ins.aps_url}/connect/{path}"
    assert shown["authorization_response_iss_parameter_supported"] is True
    assert shown["code_challenge_methods_supported"] == ["S256"]


def test_refusing_consent_is_access_denied(visitor):
    consent = visitor.press(visitor.start(), person="alice.moreno")

    back = answered(visitor.press(consent))

    assert (back["error"], back["state"], back["iss"]) == ("access_denied", visitor.state, visitor.at.aps_url)


def test_consent_is_asked_once_in_a_browser_session(alice):
    assert "code" in answered(alice.start())
    assert "Allow" in alice.start(scope=SCOPE + " abs_api").text


@pytest.mark.parametrize("prompt", ["select_account", "login"])
def test_prompt_asks_who_it_is_once(alice, prompt):
    people = alice.start(prompt=prompt)
    assert "Who are you today?" in people.text

    consent = alice.press(people, person="bob.okafor")

    assert "bob.okafor@example.com" in consent.text


def test_prompt_none_without_a_session_is_login_required(visitor):
    assert answered(visitor.start(prompt="none"))["error"] == "login_required"


def test_prompt_none_never_asks(alice):
    assert "code" in answered(alice.start(prompt="none"))
    assert answered(alice.start(prompt="none", scope=SCOPE + " abs_api"))["error"] == "consent_required"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"resource": "https://elsewhere.example.com"}, "invalid_target"),
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"response_type": "token"}, "unauthorized_client"),
    ],
)
def test_a_bad_authorization_request_goes_back_as_an_error(alice, changes, error):
    back = answered(alice.start(**changes))

    assert (back["error"], back["state"], back["iss"]) == (error, alice.state, alice.at.aps_url)


@pytest.mark.parametrize(
    "changes", [{"redirect_uri": "http://127.0.0.1:1/complete/aps/"}, {"client_id": "nobody"}], ids=["uri", "client"]
)
def test_a_stranger_is_never_redirected_to(alice, changes):
    answer = alice.start(**changes)

    assert answer.status_code == 400
    assert "cannot start" in answer.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"resource": "https://elsewhere.example.com"}, "invalid_target"),
    ],
)
def test_a_bad_token_request_is_refused(alice, changes, error):
    code = answered(alice.start())["code"]

    answer = alice.redeem(code, **changes)

    assert answer.json()["error"] == error
    assert "access_token" not in answer.text


def test_a_code_is_good_once(alice):
    code = answered(alice.start())["code"]

    assert alice.redeem(code).status_code == 200
    assert alice.redeem(code).json()["error"] == "invalid_grant"


def test_the_client_may_authenticate_by_basic(alice):
    form = {"grant_type": "refresh_token", "refresh_token": alice.tokens["refresh_token"]}
    known = (alice.at.client_id, alice.at.client_secret)

    answer = requests.post(f"{alice.at.aps_url}/connect/token", data=form, auth=known, timeout=10)

    assert answer.status_code == 200


def test_client_credentials_are_nobody_and_see_everybodys(visitor):
    visitor.tokens = visitor.token(grant_type="client_credentials", scope="abs_api").json()

    assert "refresh_token" not in visitor.tokens
    assert len({each["id"] for each in visitor.aos().json()}) > 20


def test_without_offline_access_there_is_no_refresh_token(visitor):
    visitor.sign_in("alice.moreno", scope="openid")

    assert "refresh_token" not in visitor.tokens
    assert "email" not in claims(visitor, visitor.tokens["id_token"])


def test_a_refresh_rotates_and_keeps_the_session(alice):
    before = claims(alice, alice.tokens["id_token"])

    renewed = alice.refresh().json()

    assert renewed["refresh_token"] != alice.tokens["refresh_token"]
    after = claims(alice, renewed["id_token"])
    assert [after[name] for name in ("sub", "sid", "auth_time")] == [
        before[name] for name in ("sub", "sid", "auth_time")
    ]


def test_a_reused_refresh_token_ends_its_whole_family(alice):
    renewed = alice.refresh().json()

    assert alice.refresh().json()["error"] == "invalid_grant"
    assert alice.refresh(renewed["refresh_token"]).json()["error"] == "invalid_grant"
    alice.tokens = renewed
    assert alice.aos().status_code == 401


def test_of_parallel_refreshes_at_most_one_wins(alice):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: alice.refresh(), range(8)))

    assert sum(answer.status_code == 200 for answer in answers) == 1
    assert {answer.json().get("error") for answer in answers} == {None, "invalid_grant"}


def test_a_revoked_refresh_token_is_over_with_its_access_token(alice):
    assert revoke(alice, alice.tokens["refresh_token"]).status_code == 200

    assert alice.aos().status_code == 401
    assert alice.refresh().json()["error"] == "invalid_grant"


def test_signing_out_ends_the_session_at_aps_without_a_question(alice):
    revoke(alice, alice.tokens["refresh_token"])
    asked = {
        "id_token_hint": alice.tokens["id_token"],
        "post_logout_redirect_uri": f"{alice.at.portal_url}/signed-out/",
        "state": "s-1",
    }

    answer = alice.browser.get(f"{alice.at.aps_url}/connect/logout", params=asked, allow_redirects=False)

    assert answer.headers["Location"] == f"{alice.at.portal_url}/signed-out/?state=s-1"
    assert "Who are you today?" in alice.start().text
    assert alice.tokens["id_token"] not in alice.at.printed()


@pytest.mark.parametrize("elsewhere", ["http://127.0.0.1:1/signed-out/", "https://elsewhere.example.com/"])
def test_signing_out_goes_nowhere_else(alice, elsewhere):
    asked = {"id_token_hint": alice.tokens["id_token"], "post_logout_redirect_uri": elsewhere}

    answer = alice.browser.get(f"{alice.at.aps_url}/connect/logout", params=asked, allow_redirects=False)

    assert answer.status_code == 400


def test_signing_out_leaves_other_browsers_alone(alice, stand_ins):
    with Visitor(stand_ins) as elsewhere:
        elsewhere.sign_in("alice.moreno")
        hint = {"id_token_hint": alice.tokens["id_token"]}
        alice.browser.get(f"{stand_ins.aps_url}/connect/logout", params=hint, timeout=10)

        assert elsewhere.aos().status_code == 200
        assert "code" in answered(elsewhere.start())


def test_two_browser_sessions_have_two_sids(alice, stand_ins):
    with Visitor(stand_ins) as elsewhere:
        elsewhere.sign_in("alice.moreno")
        one, two = (claims(each, each.tokens["id_token"]) for each in (alice, elsewhere))

    assert one["sub"] == two["sub"]
    assert one["sid"] != two["sid"]


def test_introspection_knows_a_token(alice):
    form = {
        "token": alice.tokens["access_token"],
        "client_id": alice.at.client_id,
        "client_secret": alice.at.client_secret,
    }
    answer = requests.post(f"{alice.at.aps_url}/connect/introspect", data=form, timeout=10).json()

    assert answer["active"] is True
    assert answer["username"] == "alice.moreno"
