"""Judges APS's discovery document (OpenID Connect Discovery 1.0 section 4.3) before anything in it is used."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from aosportal.environment import is_safe_url

_ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "revocation_endpoint",
    "end_session_endpoint",
)


class UnusableDiscovery(Exception):
    """The document must not be used. The text is for the operator: it names what to set."""


def check(document: dict[str, Any]) -> None:
    """Raise UnusableDiscovery unless the issuer is ours to the letter and every endpoint is on an allowed host."""
    issuer = document.get("issuer")
    if issuer != settings.APS_ISSUER:
        raise UnusableDiscovery(f"APS calls itself {issuer!r}, not {settings.APS_ISSUER!r}. Set APS_ISSUER={issuer}")
    for name in _ENDPOINTS:
        _check_endpoint(name, document.get(name))


def _check_endpoint(name: str, url: object) -> None:
    if url is None:
        return
    if not isinstance(url, str) or not is_safe_url(url, loopback_http=settings.LOOPBACK_HTTP):
        raise UnusableDiscovery(f"discovery's {name} is not an https URL. Set it by hand, or ask APS's operator.")
    if _host(url) not in _allowed_hosts():
        raise UnusableDiscovery(f"discovery's {name} is on {_host(url)}. If it is APS's, add it to APS_ALLOWED_HOSTS.")


def _allowed_hosts() -> set[str]:
    own = {_host(url) for url in (settings.APS_ISSUER, *settings.APS_URLS.values()) if url}
    return own | {host.lower() for host in settings.APS_ALLOWED_HOSTS}


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()
