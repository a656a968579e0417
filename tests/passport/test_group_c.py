"""Group C of the cases: what the OpenID Foundation's relying-party plans try, against the hostile provider."""

import re
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.auth.models import User
from django.contrib.messages import get_messages

from aosportal.passport import backend, keys
from aosportal.passport.models import Grant
from tests.conftest import browser
from tests.passport.test_bad_sign_ins import assert_refused
from tests.support.fake_aps import ALICE, BOB, ISSUER, JSON, NO_PROFILE, begin, finish, new_key


def assert_signed_in(response):
    assert (response.status_code, response["Location"]) == (302, "/subscriptions/")


def assert_rejected(aps, response, status=502):
    """Nobody is signed in, and userinfo is not asked."""
    assert_refused(response, status)
    assert "/connect/userinfo" not in aps.paths()
    assert not User.objects.exists()


def test_c01_everything_right(aps, client):
    aps.claims = NO_PROFILE
    assert_signed_in(aps.sign_in(client))

    assert aps.paths() == ["/.well-known/openid-configuration", "/connect/token", "/jwks", "/connect/userinfo"]


CLAIMS = {
    "c02_iss": ({"iss": "https://evil.test"}, 502),
    "c02_no_iss": ({"iss": None}, 502),
    "c03_no_sub": ({"sub": None}, 502),
    "c04_a09_aud": ({"aud": "somebody-else"}, 502),
    "c05_a09_no_aud": ({"aud": None}, 502),
    "c06_no_iat": ({"iat": None}, 502),
    "c14_nonce": ({"nonce": "x" * 64}, 403),
    "c14_no_nonce": ({"nonce": None}, 403),
    "c18_at_hash": ({"at_hash": "x" * 22}, 502),
    "c30_secondary_audience_without_azp": ({"aud": ["OURS", "somebody-else"]}, 502),
    "c30_a09_secondary_audience_with_azp": ({"aud": ["OURS", "somebody-else"], "azp": "OURS"}, 502),
    "c31_no_exp": ({"exp": None}, 502),
    "c31_expired": ({"exp": time.time() - 31}, 403),
    "c31_iat_a_week_ago": ({"iat": time.time() - 7 * 86400}, 403),
    "c31_iat_in_the_future": ({"iat": time.time() + 86400}, 502),
    "c31_nbf_in_the_future": ({"nbf": time.time() + 86400}, 502),
    "c31_iat_as_text": ({"iat": "now"}, 502),
    "c31_exp_as_a_list": ({"exp": []}, 502),
    "c31_nbf_as_text": ({"nbf": "soon"}, 502),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_id_token_claims(aps, client, settings, case):
    changes, status = CLAIMS[case]
    ours = settings.SOCIAL_AUTH_APS_KEY
    aps.claims = {
        key: [ours if each == "OURS" else each for each in value] if isinstance(value, list) else value
        for key, value in changes.items()
    }
    if aps.claims.get("azp") == "OURS":
        aps.claims["azp"] = ours

    assert_rejected(aps, aps.sign_in(client), status)


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_c31_thirty_seconds_of_leeway_for_a_fast_clock_at_aps(aps, client, claim):
    aps.claims = {claim: int(time.time()) + 22}

    assert_signed_in(aps.sign_in(client))


def test_c31_thirty_seconds_of_leeway_for_an_expiry(aps, client):
    aps.claims = {"exp": int(time.time()) - 22}

    assert_signed_in(aps.sign_in(client))


def test_c31_a_difference_beyond_the_leeway_is_measured_in_the_log(aps, client, caplog):
    aps.claims = {"iat": int(time.time()) + 600}
    aps.sign_in(client)

    seconds = re.search(r"iat differs from our clock by \+(\d+) seconds", caplog.text)[1]
    assert 590 <= int(seconds) <= 600


def test_c07_no_kid_and_one_key(aps, client):
    aps.keys, aps.signs_with = {None: aps.keys["key-1"]}, None

    assert_signed_in(aps.sign_in(client))


def test_c08_no_kid_and_several_keys(aps, client):
    aps.keys = {"other": new_key(), **aps.keys, None: new_key()}
    aps.signs_with = None

    assert_signed_in(aps.sign_in(client))


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_c09_rsa_signatures(aps, client, algorithm):
    aps.algorithm, aps.key_fields = algorithm, {"alg": None}

    assert_signed_in(aps.sign_in(client))


def test_c09_es256(aps, client):
    aps.keys, aps.algorithm, aps.key_fields = {"key-1": ec.generate_private_key(ec.SECP256R1())}, "ES256", {"alg": None}

    assert_signed_in(aps.sign_in(client))


def forged(aps, client, make):
    """Sign in with an ID token that `make` builds from the right claims."""
    query = begin(client)
    code = aps.authorize(query)
    right = jwt.decode(aps.id_token(ALICE, query["nonce"]), options={"verify_signature": False})
    aps.answer = {"id_token": make(right)}
    return finish(client, query, code=code)


def test_c10_alg_none(aps, client):
    assert_rejected(aps, forged(aps, client, lambda claims: jwt.encode(claims, None, algorithm="none")))


def test_c11_broken_rs256_signature(aps, client):
    stranger = new_key()
    response = forged(
        aps, client, lambda claims: jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": "key-1"})
    )

    assert_rejected(aps, response)


def test_c12_hmac_with_the_public_key_or_the_client_secret(aps, client, settings):
    public = keys_pem(aps)
    for secret in (public, settings.SOCIAL_AUTH_APS_SECRET.encode().ljust(32, b"-")):
        response = forged(aps, browser(), lambda claims, secret=secret: hs256(claims, secret))
        assert_rejected(aps, response)


def keys_pem(aps):
    from cryptography.hazmat.primitives import serialization

    public = aps.keys["key-1"].public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def hs256(claims, secret):
    """PyJWT refuses a PEM as an HMAC key, so the attacker's token is put together with its algorithm alone."""
    signing_input = jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": "key-1"}).rsplit(".", 1)[0]
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = jwt.utils.base64url_encode(algorithm.sign(signing_input.encode(), secret)).decode()
    return f"{signing_input}.{signature}"


def test_c12_broken_es256_signature(aps, client):
    stranger = ec.generate_private_key(ec.SECP256R1())

    assert_rejected(
        aps,
        forged(aps, client, lambda claims: jwt.encode(claims, stranger, algorithm="ES256", headers={"kid": "key-1"})),
    )


@pytest.mark.parametrize("answer", [{**ALICE, "sub": "sub-mallory"}, {"name": "no sub"}, [], "text"], ids=str)
def test_c13_userinfo_of_somebody_else(aps, client, answer):
    aps.claims, aps.userinfo = NO_PROFILE, answer

    assert_refused(aps.sign_in(client), 502)


def test_c15_absent_claims_are_no_error(aps, client):
    aps.claims, aps.userinfo = NO_PROFILE, {"sub": "sub-alice"}
    assert_signed_in(aps.sign_in(client))

    user = User.objects.get()
    assert (user.email, user.first_name) == ("", "")


def test_c16_client_secret_basic_is_never_also_in_the_body(aps, client, settings):
    settings.SOCIAL_AUTH_APS_TOKEN_ENDPOINT_AUTH_METHOD = "client_secret_basic"
    settings.SOCIAL_AUTH_APS_SECRET = "a:b%c+dé"
    assert_signed_in(aps.sign_in(client))

    request = next(each for each in aps.requests if each.url.endswith("/connect/token"))
    assert request.headers["Authorization"].startswith("Basic ")
    assert "client_secret" not in str(request.body)


def test_c17_the_token_goes_to_userinfo_in_the_header_alone(aps, client):
    aps.claims = NO_PROFILE
    aps.sign_in(client)

    request = next(each for each in aps.requests if each.url.endswith("/connect/userinfo"))
    assert request.headers["Authorization"].startswith("Bearer AT-CANARY")
    assert request.body is None


UNUSABLE_KEYS = [
    {"kty": "AKP", "kid": "pq", "alg": "ML-DSA-44", "pub": "x"},
    {"kty": "wonder", "kid": "key-1"},
    {"kty": "RSA", "kid": "key-1", "n": "%%%", "e": "AQAB"},
    {"kty": "EC", "crv": "P-999", "x": "", "y": "", "kid": "x"},
    {},
]


@pytest.mark.parametrize("kid", ["key-1", None])
def test_c19_keys_that_cannot_be_parsed_are_ignored(aps, client, kid):
    aps.more_keys = UNUSABLE_KEYS
    aps.keys, aps.signs_with = {kid: aps.keys["key-1"]}, kid

    assert_signed_in(aps.sign_in(client))


def test_c20_endpoints_come_from_the_metadata(aps, client):
    aps.routes["/t/other-token"] = aps.routes["/connect/token"]
    aps.routes["/k/other-jwks"] = aps.routes["/jwks"]
    aps.metadata = {"token_endpoint": f"{ISSUER}/t/other-token", "jwks_uri": f"{ISSUER}/k/other-jwks"}
    assert_signed_in(aps.sign_in(client))

    assert aps.paths()[1:] == ["/t/other-token", "/k/other-jwks"]


@pytest.mark.parametrize("issuer", [f"{ISSUER}/", "https://APS.test", "https://evil.test", None, 5])
def test_c21_a08_another_issuer_stops_before_the_authorization_request(aps, client, issuer):
    aps.metadata = {"issuer": issuer}
    response = client.post("/login/aps/")

    assert_refused(response, 500)
    assert aps.paths() == ["/.well-known/openid-configuration"]


class TestC22KeyRotation:
    @pytest.fixture
    def clock(self, monkeypatch):
        moment = [1000.0]
        monkeypatch.setattr(backend._KEYS, "_clock", lambda: moment[0])
        return moment

    def test_c22_a_new_key_is_fetched_when_it_is_first_met(self, aps, client, clock):
        aps.sign_in(client)
        clock[0] += keys.COOL_DOWN + 1
        aps.keys, aps.signs_with = {"key-2": new_key()}, "key-2"

        assert_signed_in(aps.sign_in(browser()))

    def test_c22_a_new_key_under_the_old_name_too(self, aps, client, clock):
        aps.sign_in(client)
        clock[0] += keys.COOL_DOWN + 1
        aps.keys = {"key-1": new_key()}

        assert_signed_in(aps.sign_in(browser()))

    def test_c22_made_up_key_ids_cannot_make_us_hammer_aps(self, aps, client, clock):
        aps.sign_in(client)
        aps.header = {"kid": "made-up"}
        for _ in range(5):
            assert aps.sign_in(browser()).status_code == 502

        assert aps.paths().count("/jwks") == 2  # the first, and one for all five
        clock[0] += keys.COOL_DOWN + 1
        aps.sign_in(browser())
        aps.sign_in(browser())
        assert aps.paths().count("/jwks") == 3

    def test_c22_a_key_that_is_rotated_just_before_signing_is_fetched_at_once(self, aps, client, clock):
        aps.sign_in(client)
        aps.keys, aps.signs_with = {"key-2": new_key()}, "key-2"

        assert_signed_in(aps.sign_in(browser()))

    def test_c22_a_withdrawn_key_is_trusted_for_an_hour_at_most(self, aps, client, clock):
        aps.sign_in(client)
        stolen = dict(aps.keys)
        aps.keys = {"key-2": new_key()}
        aps.replies["/jwks"] = aps._jwks(None)
        aps.keys = {**aps.keys, **stolen}
        assert_signed_in(aps.sign_in(browser()))
        clock[0] += keys.LIFE + 1

        assert aps.sign_in(browser()).status_code == 502

    def test_c22_a_failed_refetch_leaves_the_known_keys(self, aps, client, clock):
        aps.sign_in(client)
        clock[0] += keys.COOL_DOWN + 1
        aps.replies["/jwks"], aps.header = (503, {}, ""), {"kid": "made-up"}
        assert aps.sign_in(browser()).status_code == 503

        aps.header = {}
        assert_signed_in(aps.sign_in(browser()))


@pytest.mark.parametrize(
    "claims", [{"iss": "https://evil.test"}, {"sub": "sub-bob"}, {"aud": "somebody-else"}], ids=str
)
def test_c24_a_refreshed_id_token_of_somebody_else_is_refused_and_its_access_token_unused(aps, client, claims, wire):
    aps.sign_in(client)
    Grant.objects.update(expires_at="2020-01-01T00:00Z")
    aps.claims = claims
    client.get("/subscriptions/")

    stored = Grant.objects.get()
    assert stored.access_token == "" or "AT-CANARY" not in stored.access_token
    assert not [call for call in wire.calls if call.request.url.startswith("https://aos.test")]


@pytest.mark.parametrize("use", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"alg": "RSA-OAEP"}], ids=str)
def test_c31_a_key_that_is_not_for_signatures(aps, client, use):
    aps.key_fields = use

    assert_rejected(aps, aps.sign_in(client))


@pytest.mark.parametrize("typ", ["at+jwt", "logout+jwt", "application/at+jwt"])
def test_a12_a_token_of_another_type_is_no_id_token(aps, client, typ):
    aps.header = {"typ": typ}

    assert_rejected(aps, aps.sign_in(client))


def test_a11_key_locations_in_the_token_are_never_looked_at(aps, client, wire):
    stranger = new_key()
    own = {"jwk": jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key(), as_dict=True)}
    places = {"jku": "https://evil.test/jwks", "x5u": "https://evil.test/cert", **own}
    response = forged(
        aps, client, lambda claims: jwt.encode(claims, stranger, algorithm="RS256", headers={**places, "kid": "key-1"})
    )

    assert_rejected(aps, response)
    assert not [call for call in wire.calls if "evil.test" in call.request.url]


@pytest.mark.parametrize(
    "iss", ["https://evil.test", f"{ISSUER}/", ISSUER.upper(), [ISSUER, ISSUER], [ISSUER, "https://evil.test"], ""]
)
@pytest.mark.parametrize("answer", ["code", "error"])
def test_c32_b06_a_wrong_iss_in_the_callback_calls_no_endpoint(aps, client, iss, answer):
    query = begin(client)
    parameters = {"code": aps.authorize(query)} if answer == "code" else {"error": "access_denied"}
    response = finish(client, query, iss=iss, **parameters)

    assert_rejected(aps, response)
    assert "/connect/token" not in aps.paths()


def test_c32_b07_a_missing_iss_where_the_metadata_promises_it(aps, client):
    aps.metadata = {"authorization_response_iss_parameter_supported": True}

    assert_rejected(aps, aps.sign_in(client))
    assert "/connect/token" not in aps.paths()


def test_c32_the_right_iss(aps, client):
    aps.metadata = {"authorization_response_iss_parameter_supported": True}

    assert_signed_in(aps.sign_in(client, iss=ISSUER))


@pytest.mark.parametrize(
    ("state", "status"), [("wrong" * 8, 403), (None, 400), ("", 400), (["x", "y"], 403), ("x" * 300, 403)]
)
def test_c33_a03_a_wrong_or_missing_state_calls_no_endpoint(aps, client, state, status):
    query = begin(client)

    assert_refused(finish(client, query, state=state, code=aps.authorize(query)), status)
    assert "/connect/token" not in aps.paths()


HARMLESS = {
    "token_type in capitals": {"token_type": "BEARER"},
    "token_type in small letters": {"token_type": "bearer"},
    "no expires_in": {"expires_in": None},
    "no refresh token": {"refresh_token": None},
    "an unknown field": {"something": ["new"]},
}


@pytest.mark.parametrize("case", HARMLESS)
def test_c34_harmless_variations_succeed(aps, client, case):
    aps.answer = HARMLESS[case]

    assert_signed_in(aps.sign_in(client))


def test_c34_aud_as_a_list(aps, client, settings):
    aps.claims = {"aud": [settings.SOCIAL_AUTH_APS_KEY]}

    assert_signed_in(aps.sign_in(client))


@pytest.mark.parametrize("token_type", ["mac", "DPoP", "", None, 5])
def test_c34_another_token_type_is_refused(aps, client, token_type):
    aps.answer = {"token_type": token_type}

    assert_refused(aps.sign_in(client), 502)


# --- Group B


def test_b02_pkce_is_never_given_up(aps, client):
    aps.metadata = {"code_challenge_methods_supported": None}
    finish(client, begin(client), error="invalid_request")

    assert begin(client)["code_challenge_method"] == "S256"


def test_b04_a_code_of_another_flow_is_refused_though_aps_checks_no_pkce(aps, client, monkeypatch):
    monkeypatch.setattr("tests.support.fake_aps._pkce_fits", lambda start, form: True)
    victim = begin(browser())
    attacker = begin(client)
    response = finish(client, attacker, code=aps.authorize(victim, BOB))

    assert_refused(response, 403)
    assert not User.objects.exists()


def test_b05_no_token_is_used_before_the_checks_succeed(aps, client, wire):
    aps.claims = {**NO_PROFILE, "nonce": "x" * 64}

    assert_rejected(aps, aps.sign_in(client), 403)
    assert not [call for call in wire.calls if call.request.url.startswith("https://aos.test")]


def test_b10_the_callback_renders_nothing_of_its_address(aps, client):
    good, bad = aps.sign_in(client), finish(browser(), {"state": "x"}, code="CODE-CANARY")

    assert (good.status_code, good.content) == (302, b"")
    assert {good["Referrer-Policy"], bad["Referrer-Policy"]} == {"no-referrer"}
    assert "CODE-CANARY" not in bad.content.decode()


def test_c23_the_refreshed_token_is_the_one_that_aos_gets(aps, client, wire):
    wire.add("GET", "https://aos.test/api/v2/subscriptions", json=[])
    aps.sign_in(client)
    first = Grant.objects.get().token("access_token").reveal()
    Grant.objects.update(expires_at="2020-01-01T00:00Z")
    assert client.get("/subscriptions/").status_code == 200

    sent = wire.calls[-1].request.headers["Authorization"].removeprefix("Bearer ")
    assert sent == Grant.objects.get().token("access_token").reveal() != first


def test_b13_resource_is_the_same_in_authorize_token_and_refresh(aps, client, settings, wire):
    wire.add("GET", "https://aos.test/api/v2/subscriptions", json=[])
    settings.SOCIAL_AUTH_APS_RESOURCE = ["https://aos.test/a?b=1&c=2"]
    query = begin(client)
    finish(client, query, code=aps.authorize(query))
    Grant.objects.update(expires_at="2020-01-01T00:00Z")
    client.get("/subscriptions/")

    sent = [form["resource"] for path, form in aps.calls if path == "/connect/token"]
    assert [query["resource"], *sent] == ["https://aos.test/a?b=1&c=2"] * 3


def test_b13_links_in_aos_answers_are_not_followed(aps, client, wire):
    wire.add(
        "GET",
        "https://aos.test/api/v2/subscriptions",
        json={"isSuccess": True, "result": [], "nextLink": "https://evil.test/"},
    )
    aps.sign_in(client)

    assert client.get("/subscriptions/").status_code == 200
    assert not [call for call in wire.calls if "evil.test" in call.request.url]


def test_a05_the_browser_adds_nothing_to_the_request(aps, client):
    response = client.post("/login/aps/?scope=admin&prompt=none&resource=x", {"scope": "admin", "prompt": "none"})

    assert "admin" not in response["Location"]
    assert "prompt" not in response["Location"]


# --- max_age


@pytest.mark.parametrize(("age", "status"), [(0, 302), (320, 302), (400, 403), (None, 502), ("text", 502)])
def test_a19_auth_time_is_looked_at_where_max_age_was_asked(aps, client, settings, age, status):
    settings.SOCIAL_AUTH_APS_MAX_AGE = 300
    aps.claims = {"auth_time": int(time.time()) - age if isinstance(age, int) else age}
    query = begin(client)

    assert query["max_age"] == "300"
    assert finish(client, query, code=aps.authorize(query)).status_code == status


# --- What the person is told


def test_a_scope_granted_narrower_than_asked_is_told(aps, client):
    aps.answer = {"scope": "openid profile", "refresh_token": None}
    response = aps.sign_in(client)

    told = [str(message) for message in get_messages(response.wsgi_request)]
    assert "email, offline_access" in told[0]
    assert Grant.objects.get().scope == "openid profile"


def test_a_provider_that_refuses_bound_tokens_at_userinfo_is_no_obstacle(aps, client):
    aps.claims = NO_PROFILE
    aps.replies["/connect/userinfo"] = (401, JSON, '{"error": "invalid_token"}')

    assert_signed_in(aps.sign_in(client))
