"""Real TLS handshakes with APS and AOS: a test authority through CA_BUNDLE, badly configured hosts, and "evil"."""

import datetime
import re
import ssl
from pathlib import Path

import pytest

from aosportal import exchange, http, wire
from aosportal.passport.models import Grant
from tests.passport.test_bad_sign_ins import assert_refused
from tests.support.fake_aps import FakeAPS
from tests.support.servers import Authority, Server

YESTERDAY = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def serve(authority):
    """Start a server, by default with a good certificate; all of them stop at the end."""
    started = []

    def start(handler=lambda request: (200, {"Content-Type": "application/json"}, "[]"), tls=None):
        started.append(Server(handler, tls or authority.context("localhost")))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(autouse=True)
def _trust(authority, settings):
    settings.CA_BUNDLE = authority.bundle
    wire.tls_context.cache_clear()
    yield
    wire.tls_context.cache_clear()


@pytest.fixture
def provider(serve, settings, db):
    """APS on a TLS socket, and the portal configured for it by settings alone."""
    aps = FakeAPS()
    server = serve(aps)
    aps.issuer = settings.APS_ISSUER = settings.SOCIAL_AUTH_APS_ID_TOKEN_ISSUER = server.url
    settings.SOCIAL_AUTH_APS_OIDC_ENDPOINT = server.url
    return aps


@pytest.fixture
def evil(serve):
    """A host that would love to get a code, a secret or a token. It answers whatever it is asked."""
    return serve(lambda request: (200, {"Content-Type": "application/json"}, '{"access_token": "evil"}'))


def test_a_whole_sign_in_over_tls(provider, client):
    assert provider.sign_in(client)["Location"] == "/subscriptions/"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_e08_no_redirect_of_the_token_endpoint_is_followed(provider, client, evil, status):
    provider.replies["/connect/token"] = (status, {"Location": f"{evil.url}/token"}, "")

    assert_refused(provider.sign_in(client), 502)
    assert evil.seen == []


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks"])
def test_e08_no_redirect_of_any_endpoint_is_followed(provider, client, evil, path):
    provider.replies[path] = (302, {"Location": f"{evil.url}{path}"}, "")
    response = client.post("/login/aps/") if "well-known" in path else provider.sign_in(client)

    assert_refused(response, 502)
    assert evil.seen == []


def test_e08_no_redirect_of_userinfo_is_followed(provider, client, evil):
    provider.claims = {"name": None, "email": None}
    provider.replies["/connect/userinfo"] = (302, {"Location": f"{evil.url}/userinfo"}, "")

    assert_refused(provider.sign_in(client), 502)
    assert evil.seen == []


@pytest.mark.parametrize("endpoint", ["token_endpoint", "jwks_uri", "userinfo_endpoint", "revocation_endpoint"])
def test_d21_metadata_that_leads_elsewhere_is_refused(provider, client, evil, endpoint):
    for url in (f"https://127.0.0.1:{evil.port}/x", "http://localhost/x", "http://169.254.169.254/x", "file:///x"):
        provider.metadata = {endpoint: url}
        assert_refused(client.post("/login/aps/"), 500)
    assert evil.seen == []


def test_d21_a_further_host_can_be_allowed(provider, client, settings):
    settings.APS_ALLOWED_HOSTS = ["127.0.0.1"]
    provider.metadata = {"userinfo_endpoint": "https://127.0.0.1/x"}

    assert provider.sign_in(client)["Location"] == "/subscriptions/"


def old_tls(authority):
    context = authority.context("localhost")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


BAD_HOSTS = {
    "expired": lambda authority: authority.context("localhost", not_after=YESTERDAY),
    "self-signed": lambda authority: Authority().context("localhost"),
    "wrong host": lambda authority: authority.context("elsewhere.test"),
    "unknown authority": lambda authority: Authority().context("localhost"),
    "TLS 1.1 only": old_tls,
}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("case", BAD_HOSTS)
def test_e05_a_badly_configured_host_gets_no_request(serve, authority, case, caplog):
    server = serve(tls=BAD_HOSTS[case](authority))
    with pytest.raises(http.TLSFailed) as raised:
        http.send("GET", server.url, seconds=5, headers={"Authorization": "Bearer AT-CANARY"})

    assert raised.value.sent is False
    assert server.seen == []
    assert "call tls_failed" in caplog.text
    assert "AT-CANARY" not in caplog.text


def test_e05_a_certificate_of_an_authority_that_is_not_named_is_refused(serve, settings):
    server = serve()
    settings.CA_BUNDLE = ""
    wire.tls_context.cache_clear()
    exchange._session.cache_clear()

    with pytest.raises(http.TLSFailed):
        http.send("GET", server.url, seconds=5)


def test_d22_nothing_turns_verification_off(serve, settings, monkeypatch):
    server = serve(tls=Authority().context("localhost"))
    settings.VERIFY_SSL = settings.SOCIAL_AUTH_VERIFY_SSL = settings.SOCIAL_AUTH_APS_VERIFY_SSL = False
    for name in ("PYTHONHTTPSVERIFY", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, "0")

    with pytest.raises(http.TLSFailed):
        http.send("GET", server.url, seconds=5)
    with pytest.raises(TypeError):
        http.send("GET", server.url, seconds=5, verify=False)


def test_d22_no_line_of_the_code_turns_verification_off():
    root = Path(http.__file__).parent.parent
    sources = [path.read_text() for folder in ("aosportal", "subscriptions") for path in (root / folder).rglob("*.py")]

    assert len(sources) > 40
    assert not [text for text in sources if re.search(r"verify\W{1,5}False|CERT_NONE|check_hostname\s*=\s*False", text)]


def test_a_proxy_or_a_netrc_of_the_environment_is_not_used(serve, evil, monkeypatch, tmp_path):
    server = serve()
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login mallory password evil\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTPS_PROXY", evil.url)
    http.send("GET", server.url, seconds=5)

    assert evil.seen == []
    assert "Authorization" not in server.seen[0].headers


def test_a_cookie_of_one_call_does_not_come_with_the_next(serve):
    server = serve(lambda request: (200, {"Set-Cookie": "person=alice", "Content-Type": "application/json"}, "[]"))
    for _ in range(2):
        http.send("GET", server.url, seconds=5)

    assert "Cookie" not in server.seen[1].headers


def test_one_connection_serves_many_calls(serve):
    connections = set()
    server = serve()
    original = server._http.get_request

    def counted():
        accepted = original()
        connections.add(accepted[1])
        return accepted

    server._http.get_request = counted
    for _ in range(5):
        http.send("GET", server.url, seconds=5)

    assert len(connections) == 1


def test_a08_nothing_is_stored_of_a_sign_in_that_failed(provider, client):
    provider.claims = {"iss": "https://evil.test"}
    provider.sign_in(client)

    assert not Grant.objects.exists()
