"""Where a person goes after signing in: a page of ours, never another site (D01)."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

_LONGEST = 2000  # characters


def safe_destination(request: HttpRequest, wanted: str | None) -> str:
    """Return `wanted` if it is a path on this site, else empty. Our own sign-in pages are no destination."""
    ours = path_of_ours(request, wanted)
    first = urlsplit(ours).path.strip("/").split("/")[0]
    return "" if first in {"login", "logout", "complete", "signed-out"} else ours


def path_of_ours(request: HttpRequest, wanted: str | None) -> str:
    """Return `wanted` if it is any path on this site, else empty."""
    if not wanted or len(wanted) > _LONGEST or not wanted.startswith("/") or _has_space_or_control(wanted):
        return ""
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None, require_https=request.is_secure())
    return wanted if is_ours else ""


def _has_space_or_control(text: str) -> bool:
    return " " in text or not text.isprintable()


def after_sign_in(request: HttpRequest, wanted: str | None) -> str:
    """Return where to go now: the safe destination, or the list."""
    return safe_destination(request, wanted) or str(settings.LOGIN_REDIRECT_URL)
