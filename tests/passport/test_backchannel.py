"""Back-channel logout: what APS tells is believed only if it is a good logout token."""

import base64
import time
import uuid

import jwt
import pytest
from django.conf import settings as live
from django.db import OperationalError, connection

from aosportal.passport.backend import _KEYS, AlliancePassport
from aosportal.passport.models import Grant, PendingRevocation
from tests.conftest import browser
from tests.passport.test_group_c import hs256, keys_pem
from tests.support.fake_aps import ALICE, BOB, ISSUER, new_key

EVENT = "http://schemas.openid.net/event/backchannel-logout"


def logout_token(aps, *, key=None, algorithm="RS256", typ="logout+jwt", **changes):
    """A logout token for Alice; None takes a claim away."""
    claims = {"iss": ISSUER, "aud": live.SOCIAL_AUTH_APS_KEY, "iat": int(time.time()), "exp": int(time.time()) + 120}
    claims |= {"jti": uuid.uuid4().hex, "sub": "sub-alice", "events": {EVENT: {}}, **changes}
    content = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(content, key or aps.keys["key-1"], algorithm=algorithm, headers={"kid": "key-1", "typ": typ})


def tell(token, **extra):
    """APS calls, without cookies."""
    caller = browser()
    caller.handler.enforce_csrf_checks = True
    return caller.post("/logout/backchannel/", {"logout_token": token}, **extra)


def is_in(client):
    return not client.get("/login/").content.decode().count("Sign in with")


@pytest.fixture
def two(aps, client):
    """Alice in two browsers, of two sessions at APS; Bob in a third."""
    other, bobs = browser(), browser()
    aps.sign_in(client, person={**ALICE, "sid": "SID-1"})
    aps.sign_in(other, person={**ALICE, "sid": "SID-2"})
    aps.sign_in(bobs, person={**BOB, "sid": "SID-3"})
    return client, other, bobs


def test_b16_c27_by_sid_one_session_ends(aps, two):
    response = tell(logout_token(aps, sid="SID-1", sub=None))

    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert [is_in(each) for each in two] == [False, True, True]


def test_b16_by_sub_all_sessions_of_the_person_end(aps, two):
    assert tell(logout_token(aps)).status_code == 200
    assert [is_in(each) for each in two] == [False, False, True]


def test_b16_by_both_only_what_fits_both(aps, two):
    assert tell(logout_token(aps, sid="SID-3")).status_code == 200
    assert [is_in(each) for each in two] == [True, True, True]
    assert tell(logout_token(aps, sid="SID-2")).status_code == 200
    assert [is_in(each) for each in two] == [True, False, True]


def test_b16_the_tokens_are_gone_here_and_revoked_at_aps(aps, two):
    tell(logout_token(aps))

    assert len(aps.revoked) == 4
    assert not Grant.objects.filter(subject="sub-alice").exclude(access_token="").exists()


def test_b16_while_revocation_fails_the_people_are_out_all_the_same(aps, two):
    aps.replies["/connect/revoke"] = (503, {}, "")

    assert tell(logout_token(aps)).status_code == 200
    assert [is_in(each) for each in two] == [False, False, True]
    assert PendingRevocation.objects.count() == 4


@pytest.mark.parametrize("names", [{"sub": "sub-nobody"}, {"sub": None, "sid": "SID-99"}], ids=str)
def test_b16_who_is_out_already_is_a_success_and_nobody_else_is_touched(aps, two, names):
    assert tell(logout_token(aps, **names)).status_code == 200
    assert [is_in(each) for each in two] == [True, True, True]


def test_c27_a_token_without_a_type_of_its_own_is_believed(aps, two):
    assert tell(logout_token(aps, typ="JWT")).status_code == 200
    assert not is_in(two[0])


BAD = {
    "c28_wrong_iss": {"iss": "https://evil.test"},
    "c28_no_iss": {"iss": None},
    "c28_wrong_aud": {"aud": "somebody-else"},
    "c28_more_audiences": {"aud": ["somebody-else"]},
    "c28_no_event": {"events": None},
    "c28_wrong_event": {"events": {"http://evil.test/event": {}}},
    "c28_event_no_object": {"events": {EVENT: "yes"}},
    "c28_events_a_list": {"events": [EVENT]},
    "c28_with_nonce": {"nonce": "x"},
    "c28_expired": {"exp": 1},
    "c28_no_exp": {"exp": None},
    "c28_no_iat": {"iat": None},
    "c28_old": {"iat": 1},
    "c28_iat_no_number": {"iat": float("nan")},
    "c28_exp_endless": {"exp": float("inf")},
    "c28_exp_huge": {"exp": 10**400},
    "c28_nul_in_sid": {"sid": "SID-1\x00"},
    "c28_from_the_future": {"iat": 9_999_999_999},
    "c28_nobody": {"sub": None},
    "c28_sub_no_text": {"sub": 5},
    "c28_empty_sub": {"sub": ""},
    "c28_no_jti": {"jti": None},
    "a10_access_token": {"typ": "at+jwt"},
}


@pytest.mark.parametrize("case", BAD)
def test_broken_logout_tokens_end_nobody(aps, two, case):
    response = tell(logout_token(aps, **BAD[case]))

    assert (response.status_code, response.json()) == (400, {"error": "invalid_request"})
    assert "no-store" in response["Cache-Control"]
    assert [is_in(each) for each in two] == [True, True, True]


def test_c28_signatures(aps, two):
    claims = jwt.decode(logout_token(aps), options={"verify_signature": False})
    tokens = [
        jwt.encode(claims, None, algorithm="none"),
        logout_token(aps, key=new_key()),
        hs256(claims, keys_pem(aps)),
        logout_token(aps, algorithm="RS512"),
        "not.a.jwt",
        "",
        "x" * 50_000,
    ]

    assert {tell(token).status_code for token in tokens} == {400}
    assert [is_in(each) for each in two] == [True, True, True]


def test_c28_an_id_token_is_no_logout_token(aps, two):
    assert tell(aps.id_token(ALICE, "nonce")).status_code == 400
    assert is_in(two[0])


def test_c28_a_logout_token_is_used_once(aps, two, client):
    token = logout_token(aps)
    assert tell(token).status_code == 200
    aps.sign_in(client)

    assert tell(token).status_code == 400
    assert is_in(client)


def test_b16_get_is_not_allowed_and_every_call_gives_one_event(aps, two, caplog):
    assert browser().get("/logout/backchannel/").status_code == 405
    tell("x")
    tell(logout_token(aps))

    assert caplog.text.count("backchannel_logout refused") == 1
    assert caplog.text.count("backchannel_logout ok sign_ins=2") == 1


def test_b16_an_aps_whose_keys_cannot_be_had_ends_nobody(aps, two):
    _KEYS.clear()
    aps.replies["/jwks"] = (503, {}, "")

    assert tell(logout_token(aps)).status_code == 400
    assert is_in(two[0])


def test_b16_a_process_that_has_no_keys_yet_fetches_them(aps, two):
    _KEYS.clear()

    assert tell(logout_token(aps)).status_code == 200


def unknown_key():
    return jwt.encode({"iss": ISSUER}, new_key(), algorithm="RS256", headers={"kid": "made-up"})


@pytest.mark.parametrize("path", ["/jwks", "/.well-known/openid-configuration"])
def test_b16_tokens_with_made_up_keys_make_nobody_hammer_an_aps_that_fails(aps, two, path):
    _KEYS.clear()
    AlliancePassport.get_openid_configuration.invalidate()
    aps.replies[path] = (503, {}, "")
    aps.calls.clear()

    assert {tell(unknown_key()).status_code for _ in range(6)} == {400}
    assert aps.paths().count(path) == 1


def test_b16_tokens_with_made_up_keys_keep_nobody_from_signing_in_after_a_key_rotation(aps, two):
    assert tell(unknown_key()).status_code == 400
    aps.keys, aps.signs_with = {"key-2": new_key()}, "key-2"

    assert aps.sign_in(browser())["Location"] == "/subscriptions/"


def test_b16_two_tokens_in_one_call_are_refused(aps, two):
    both = {"logout_token": ["x", logout_token(aps)]}

    assert browser().post("/logout/backchannel/", both).status_code == 400
    assert is_in(two[0])


BODIES = {
    "json": ("application/json", b'{"logout_token": "x"}'),
    "no_boundary": ("multipart/form-data", b"x"),
    "other_charset": ("application/x-www-form-urlencoded; charset=latin-1", b"logout_token=x"),
    "many_fields": ("application/x-www-form-urlencoded", b"&a=" * 2000),
    "no_text": ("application/x-www-form-urlencoded", b"logout_token=%FF%00"),
    "deep_header": (
        "application/x-www-form-urlencoded",
        b"logout_token=" + base64.urlsafe_b64encode(b'{"alg":' + b"[" * 7000) + b".e30.x",
    ),
}


@pytest.mark.parametrize("kind", BODIES)
def test_b16_odd_bodies_are_a_400(aps, kind):
    content_type, body = BODIES[kind]
    response = browser().post("/logout/backchannel/", data=body, content_type=content_type)

    assert response.status_code == 400
    assert "no-store" in response["Cache-Control"]


def test_b16_a_token_that_the_database_kept_us_from_obeying_may_come_again(aps, two, caplog):
    def failing(execute, sql, *rest):
        if sql.startswith('UPDATE "passport_grant"'):
            raise OperationalError("connection lost: PW-CANARY")
        return execute(sql, *rest)

    token = logout_token(aps)
    with connection.execute_wrapper(failing):
        assert tell(token).status_code == 400
    assert is_in(two[0])
    assert "CANARY" not in caplog.text

    assert tell(token).status_code == 200
    assert not is_in(two[0])


def test_b16_a_silent_aps_is_waited_for_once_however_many_sign_ins_end(aps, two):
    aps.replies["/connect/revoke"] = (503, {}, "")
    tell(logout_token(aps))

    assert aps.paths().count("/connect/revoke") == 1
    assert PendingRevocation.objects.count() == 4
