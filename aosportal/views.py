"""The landing page, the admin's way in, and the pages for errors."""

import sys
from contextlib import suppress

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.http import urlencode
from django.views import defaults
from django.views.decorators.http import require_safe

from . import events, request_id
from .client_address import client_address
from .passport import rate_limits
from .passport.destination import safe_destination
from .passport.portal_request import PortalRequest
from .passport.views import too_many


@login_not_required
@require_safe
def landing(request: PortalRequest) -> HttpResponse:
    """Signed out: what the portal is, and the sign-in button. Signed in: to the list."""
    if not request.user.is_authenticated:
        return render(request, "landing.html")
    if request.grant is None:
        return render(request, "passport/nobody.html")
    return redirect("subscriptions:list")


@login_not_required
def admin_login(request: HttpRequest) -> HttpResponse:
    """Staff sign in with APS like everybody. The password form exists only where LOCAL_ADMIN=on."""
    if request.user.is_authenticated and not request.user.is_staff:
        raise PermissionDenied
    if settings.LOCAL_ADMIN:
        seconds = rate_limits.seconds_before_password(request) if request.method == "POST" else 0
        return too_many(request, seconds) if seconds else _local_password(request)
    wanted = safe_destination(request, request.GET.get("next")) or reverse("admin:index")
    return redirect(f"{reverse('passport:login')}?{urlencode({'next': wanted})}")


def _local_password(request: HttpRequest) -> HttpResponse:
    response = admin.site.login(request)
    if request.method == "POST":
        told = {"user": request.user.pk, "address": client_address(request), "method": "password"}
        events.note("sign_in", "ok" if request.user.is_authenticated else "failed", **told)
    return response


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Tell the log, then show Django's own page."""
    events.note("denied", "refused", path=request.path, method=request.method, address=client_address(request))
    return defaults.permission_denied(request, exception)


def csrf_failure(request: HttpRequest, reason: str = "", *, is_kept: bool = False) -> HttpResponse:
    """The form has expired, or came from elsewhere. `is_kept`: what was typed waits in the form behind the button."""
    events.note("csrf", "refused", path=request.path, reason=reason, address=client_address(request))
    context = {"back": safe_destination(request, request.path) or "/", "is_kept": is_kept}
    return render(request, "403_csrf.html", context, status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A bare page: the Host header itself may be what is wrong. Who lost a race with a sign-out may sign in again."""
    if isinstance(exception, SessionInterrupted):
        return redirect(f"{reverse('passport:login')}?{urlencode({'next': safe_destination(request, request.path)})}")
    events.note("request", "bad", path=request.path, reason=type(exception).__name__, address=client_address(request))
    return HttpResponse(_bare(request, "400.html"), status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """A bare page: whatever failed may fail again in a page that asks for more. 503 where it is the database.

    It shows a name that somebody has just typed, so that it can be copied: nothing else may have kept it.
    """
    context = {"typed": _typed(request)}
    error = sys.exception()
    outcome = "database_away" if isinstance(error, OperationalError) else "failed"
    events.note("request", outcome, path=request.path, method=request.method, reason=type(error).__name__)
    if isinstance(error, OperationalError):
        return HttpResponse(_bare(request, "503.html", context), status=503, headers={"Retry-After": "30"})
    return HttpResponse(_bare(request, "500.html", context), status=500)


def _bare(request: HttpRequest, page: str, context: dict[str, str] | None = None) -> str:
    """A page in the browser's language, which is not set where the request got no further than the first middleware."""
    with translation.override(translation.get_language_from_request(request)):
        return render_to_string(page, {**(context or {}), "request_id": request_id.current()})


def _typed(request: HttpRequest) -> str:
    with suppress(OSError, SuspiciousOperation):  # what came in cannot be read
        return request.POST.get("display_name", "")
    return ""
