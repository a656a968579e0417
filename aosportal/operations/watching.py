"""Around every request: it is counted and timed, and what the platform asks (health, metrics) is answered first."""

import re
import time
from collections.abc import Callable

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from aosportal import events, metrics

from . import health, scraping

View = Callable[[HttpRequest], HttpResponse]
_METHODS = {"GET", "HEAD", "POST"}
_ACTION = re.compile(r"[a-z_]{1,50}")

# Answered in plain http and to any Host, without a session (decision 24): balancers and Prometheus ask each process
# by its address. /metrics asks for its token.
ADDRESSES: dict[str, View] = {
    "/health/live": health.live,
    "/health/ready": health.ready,
    "/metrics": scraping.metrics_page,
}


class PlatformMiddleware:
    """Answers ADDRESSES before anything looks at the host or cookies; SECURE_REDIRECT_EXEMPT names them too."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or go on."""
        view = ADDRESSES.get(request.path_info)
        is_open = view and (settings.METRICS_TOKEN or view is not scraping.metrics_page)
        return view(request) if view and is_open else self.get_response(request)


class WatchMiddleware:
    """Counts each request with the time until its answer began, and tells what administrators do."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Go on, and count."""
        began = time.monotonic()
        response = self.get_response(request)
        method = request.method if request.method in _METHODS else "other"
        seconds = time.monotonic() - began
        metrics.REQUESTS.labels(_route(request), method, f"{response.status_code // 100}xx").observe(seconds)
        if method == "POST" and response.status_code == 302 and _is_in_admin(request):
            _tell_of_admin(request)
        return response


def _route(request: HttpRequest) -> str:
    """The name of the address, of which there are a fixed number."""
    if request.path_info in ADDRESSES:
        return request.path_info
    if request.path_info.startswith(f"/{settings.STATIC_URL.lstrip('/')}"):
        return "static"
    return (request.resolver_match.view_name if request.resolver_match else "") or "none"


def _is_in_admin(request: HttpRequest) -> bool:
    """Whether the admin took it: it leads everybody else to a sign-in, which is a redirect, too."""
    return _route(request).startswith("admin:") and admin.site.has_permission(request)


def _tell_of_admin(request: HttpRequest) -> None:
    """A form in the admin was taken: which one, about what. Its fields stay out of the log."""
    found, action = request.resolver_match, request.POST.get("action", "")
    about = found.kwargs.get("object_id", "") if found else ""
    told = {"route": _route(request), "object": about, "action": action if _ACTION.fullmatch(action) else ""}
    events.note("admin", "done", **told)
