"""Checks of APS: its TLS, its clock, its discovery and keys, and what it thinks of this client."""

import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.utils import timezone
from social_core.exceptions import SocialAuthBaseException

from aosportal import http
from aosportal.passport import discovery
from aosportal.passport.refreshing import passport

from . import looking
from .here import SOON
from .results import Finding, failed, ok, skipped, warning

LEEWAY = 30  # seconds, decision 8
REACH = "Look whether this machine may reach it: DNS, firewall, OUTBOUND_PROXY; and whether it is up."
_REGISTRATION = "Compare with what is registered at APS: manage.py registration prints what it should be."
_REMEDIES = {
    "invalid_client": "Compare APS_CLIENT_ID, APS_CLIENT_SECRET and APS_CLIENT_AUTH with the registration at APS.",
    "invalid_scope": "APS does not know a scope. Correct APS_SCOPE; for client credentials, APS_APPLICATION_SCOPE.",
    "invalid_target": "APS does not know the API. Set APS_RESOURCE to the identifier URI of AOS at APS.",
    "connection_failed": REACH,
    "timeout": REACH,
    "tls_error": "See the line on TLS.",
}


def tls() -> Finding:
    """The certificates of APS."""
    return certificate_of(_any_address())


def certificate_of(url: str) -> Finding:
    """Whether the host's certificate is trusted, and for how long."""
    if url.startswith("http://"):
        return skipped("plain http, on this machine")
    try:
        sight = looking.at(url)
    except http.TLSFailed as fault:
        return failed(str(fault), _tls_remedy(str(fault)))
    except http.Fault as fault:
        return failed(str(fault), REACH)
    if sight.certificate_ends is None:
        return skipped(f"{urlsplit(url).netloc} is trusted; its certificate cannot be looked at")
    left = (sight.certificate_ends - timezone.now()).days
    what = f"{urlsplit(url).netloc} is trusted, {left} days left"
    return warning(what, "Ask its operator to renew it.") if left <= SOON else ok(what)


def _tls_remedy(what: str) -> str:
    if "expired" in what:
        return "The host's operator must renew the certificate. Also look at this machine's clock."
    if "mismatch" in what or "not valid for" in what:
        return "The certificate is for another name: correct the address."
    return "If the host belongs to you, name the PEM file of its authority in CA_BUNDLE. Otherwise somebody is between."


def clock() -> Finding:
    """This machine's clock against APS's Date header (RFC 9110 section 6.6.1), which counts whole seconds."""
    try:
        sight = looking.at(_any_address())
    except http.Fault as fault:
        return failed(str(fault), REACH)
    if sight.date is None or sight.at is None:
        return skipped("APS tells no date")
    ahead = round((sight.at - sight.date).total_seconds())
    what = f"{abs(ahead)} s {'ahead of' if ahead >= 0 else 'behind'} APS's"
    if abs(ahead) > LEEWAY:
        return failed(f"{what}: sign-ins are refused beyond {LEEWAY} s", "Set this machine's clock by NTP.")
    return ok(what)


def _any_address() -> str:
    """An address of APS that answers something to everybody."""
    addresses = settings.APS_URLS
    if settings.APS_DISCOVERY:
        return passport().oidc_config_url()
    return str(addresses["JWKS_URI"] or addresses["USERINFO_URL"] or addresses["ACCESS_TOKEN_URL"])


def discovered() -> Finding:
    """The discovery document: whether it may be used, and names what is needed."""
    backend: Any = passport()
    if not settings.APS_DISCOVERY:
        return ok("off: the addresses are set by hand")
    try:
        document = backend.get_json(backend.oidc_config_url(), stage="begin")
        discovery.check(document if isinstance(document, dict) else {})
    except discovery.UnusableDiscovery as error:
        what, _, remedy = str(error).partition(". ")
        return failed(what, remedy)
    except SocialAuthBaseException as error:
        remedy = "Look at APS_ISSUER. Where APS has no discovery: APS_DISCOVERY=off, and set its addresses by hand."
        return failed(f"no document at {backend.oidc_config_url()} ({error.code})", _REMEDIES.get(error.code, remedy))
    return _missing(document) or ok(f"issuer {settings.APS_ISSUER}")


def _missing(document: dict[str, Any]) -> Finding | None:
    needed = {"authorization_endpoint": "AUTHORIZATION_URL", "token_endpoint": "ACCESS_TOKEN_URL"}
    needed |= {"jwks_uri": "JWKS_URI"} if settings.APS_IDENTITY == "id_token" else {"userinfo_endpoint": "USERINFO_URL"}
    variables = {"ACCESS_TOKEN_URL": "APS_TOKEN_URL", "JWKS_URI": "APS_JWKS_URL"}
    for name, setting in needed.items():
        if not document.get(name) and not settings.APS_URLS[setting]:
            return failed(f"discovery names no {name}", f"Set {variables.get(setting, f'APS_{setting}')}.")
    methods = document.get("token_endpoint_auth_methods_supported")
    ours = settings.SOCIAL_AUTH_APS_TOKEN_ENDPOINT_AUTH_METHOD
    if isinstance(methods, list) and ours not in methods:
        return failed(
            f"APS does not take {ours}", "Set APS_CLIENT_AUTH to what it takes: " + ", ".join(map(str, methods))
        )
    return None


def signing_keys() -> Finding:
    """The keys that ID tokens are signed with."""
    if settings.APS_IDENTITY != "id_token":
        return skipped("no ID token is used: APS_IDENTITY=userinfo")
    return _asked("its keys cannot be had", _keys)


def _keys() -> Finding:
    count = len(passport().get_remote_jwks_keys())
    return ok(f"{count} to verify ID tokens with") if count else failed("there are none", "Ask APS's operator.")


def redirect_uri() -> Finding:
    """Ask for a sign-in without a person: APS says "nobody is signed in" only to an address that it knows.

    An APS that knows no `prompt=none` (OpenID Connect Core section 3.1.2.1) leads to its sign-in page instead.
    """
    address = passport().get_redirect_uri()
    try:
        sight = looking.at(passport().authorization_url(), params=_authorize_request(address))
    except http.Fault as fault:
        return failed(str(fault), REACH)
    if sight.location.startswith(f"{address}?"):
        return _sent_back(address, parse_qs(urlsplit(sight.location).query).get("error", [""])[0])
    if sight.status >= 400 or "error" in urlsplit(sight.location).path.lower():
        remedy = f"Register {address} to the letter, and look at APS_CLIENT_ID. {_REGISTRATION}"
        return failed(f"APS shows an error instead of a sign-in ({sight.status})", remedy)
    if not sight.location:
        return skipped(f"APS answers with a page ({sight.status}): whether it is a sign-in or an error, look yourself")
    return ok(f"{address}: APS leads to a sign-in")


def _authorize_request(address: str) -> dict[str, Any]:
    return {
        "response_type": "code",
        "client_id": settings.SOCIAL_AUTH_APS_KEY,
        "redirect_uri": address,
        "scope": " ".join(settings.SOCIAL_AUTH_APS_SCOPE),
        "resource": settings.SOCIAL_AUTH_APS_RESOURCE,
        "state": secrets.token_urlsafe(16),
        "nonce": secrets.token_urlsafe(16),
        "code_challenge": secrets.token_urlsafe(32),
        "code_challenge_method": "S256",
        "prompt": "none",
    }


def _sent_back(address: str, error: str) -> Finding:
    """What APS says to the registered address."""
    if error in ("login_required", "interaction_required", "consent_required", "account_selection_required", ""):
        return ok(address)
    return failed(f"APS knows the address, and says {printable(error)}", _REMEDIES.get(error, _REGISTRATION))


def own_access() -> Finding:
    """The client credentials grant (RFC 6749 section 4.4), which also proves the client's secret."""
    return _asked("no token", _token)


def _token() -> Finding:
    passport().client_credentials()
    return ok("APS gives the portal a token of its own")


def _asked(what: str, ask: Callable[[], Finding]) -> Finding:
    """Ask APS, and translate its refusal."""
    try:
        return ask()
    except SocialAuthBaseException as error:
        word = printable(str(error.provider_code or error.code))
        if error.provider_code == "unauthorized_client":
            remedy = "People can sign in. For the command line, register the grant type client_credentials at APS."
            return warning("APS knows the client, and gives it no access of its own", remedy)
        return failed(f"{what} ({word})", _REMEDIES.get(word, _REGISTRATION))


def printable(text: str) -> str:
    """A word of APS as a terminal can take it."""
    return "".join(each for each in text if each.isprintable())[:100]
