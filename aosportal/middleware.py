"""What holds for every response: the host, the content security policy, and caching."""

from collections.abc import Callable
from typing import Any

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect

from .environment import is_loopback

View = Callable[[HttpRequest], HttpResponse]
_SIGN_IN_PAGES = ("/login/", "/logout/", "/complete/", "/signed-out/")


class PortalHostMiddleware:
    """On one's own machine, sends `localhost` to PORTAL_URL's host: a sign-in begun on one cannot end on the other."""

    def __init__(self, get_response: View) -> None:
        if not is_loopback(settings.PORTAL_HOST):
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Redirect, or go on."""
        host = request.get_host().rsplit(":", 1)[0]
        if host != settings.PORTAL_HOST and is_loopback(host) and request.method in ("GET", "HEAD"):
            return HttpResponseRedirect(settings.PORTAL_URL + request.get_full_path())
        return self.get_response(request)


class WholePageMiddleware:
    """Where a script of ours asks for a part of a page and is sent elsewhere, the browser goes there with the page."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Turn a redirect into what htmx follows with the whole page; its cookies stay."""
        response = self.get_response(request)
        if getattr(request, "htmx", False) and 300 <= response.status_code < 400:
            response.headers["HX-Redirect"] = response.headers["Location"]
            del response.headers["Location"]
            response.status_code = 200
        return response


class PageSecurityMiddleware(CSPMiddleware):
    """The content security policy, and no stored copy of what a signed-in person saw."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Add the headers that django-csp and SecurityMiddleware do not."""
        if not request.path.startswith(f"/{settings.STATIC_URL.lstrip('/')}"):
            response.headers.setdefault("Cache-Control", "no-store")
        return super().process_response(request, response)

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        """Let the sign-in and sign-out forms lead to APS: Chromium applies form-action to each redirect of a POST."""
        parts = super().get_policy_parts(request, response, report_only)
        if not report_only and _has_sign_in_or_out_form(request):
            elsewhere = ["http://127.0.0.1:*", "http://localhost:*"] if settings.LOOPBACK_HTTP else []
            parts.replace = {**(parts.replace or {}), "form-action": ["'self'", "https:", *elsewhere]}
        return parts


def _has_sign_in_or_out_form(request: HttpRequest) -> bool:
    if request.path == "/" or request.path.startswith(_SIGN_IN_PAGES):
        return True
    user: Any = getattr(request, "user", None)
    try:
        return bool(user and user.is_authenticated)
    except DatabaseError:  # the user is looked up here at the latest; an error page must not fail again
        return False
