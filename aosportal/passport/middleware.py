"""Ends sessions whose grant is gone, and turns what went wrong with APS into pages."""

from collections.abc import Callable
from typing import cast

from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from social_core.exceptions import AuthConfigurationError, AuthPolicyError, SocialAuthBaseException
from social_django.middleware import SocialAuthExceptionMiddleware

from aosportal import events, request_id
from aosportal.client_address import client_address

from . import failures, starts
from .destination import safe_destination
from .portal_request import PortalRequest
from .revocations import SILENCE
from .sessions import (
    end_and_revoke,
    grant_of,
    is_local_session_over,
    is_signed_in_by_aps,
    may_go_on,
    note_seen,
    why_over,
)
from .tokens import PassportMisconfigured, PassportUnavailable, SignInRequired

View = Callable[[PortalRequest], HttpResponse]


class GrantMiddleware:
    """Sets `request.grant`; a session without a live grant of a welcome person is over, whatever its cookie says."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: PortalRequest) -> HttpResponse:
        """Look at the session, then go on."""
        request.grant = request.ended = None
        request_id.works_for(request.session.get(SESSION_KEY))
        request.came_signed_in = is_signed_in_by_aps(request)
        if request.came_signed_in:
            self._look_at_grant(request)
        elif SESSION_KEY in request.session and is_local_session_over(request):
            logout(request)
        return self.get_response(request)

    def _look_at_grant(self, request: PortalRequest) -> None:
        grant = grant_of(request)
        over = why_over(grant) if grant else "its sign-in has ended"
        if grant is None or over or not may_go_on(request, grant):
            end_and_revoke(request, over or "the person is no longer welcome")
            if grant and over:
                messages.info(request, _("You were signed out: %(why)s.") % {"why": _(over)})
            return
        note_seen(request, grant)
        request.grant = grant


class SignInFailureMiddleware(SocialAuthExceptionMiddleware):
    """Shows the page of a failed sign-in, with one button that starts again and still goes where the person wanted."""

    def render_error(self, request: HttpRequest, exception: SocialAuthBaseException) -> HttpResponse:
        """Render our page; the text depends on the code alone, nothing of APS's answer is shown."""
        status = self.get_error_status(request, exception)
        told = {"reason": exception.code, "stage": exception.stage, "address": client_address(request)}
        events.note("sign_in", _outcome(exception), **told)
        wanted = getattr(getattr(request, "backend", None), "destination", "") or request.POST.get("next", "")
        wanted = wanted or starts.destination_of(request.GET.get("state", ""))
        context = {**exception.public_metadata(), "status": status, "next": safe_destination(request, wanted)}
        if isinstance(exception, AuthPolicyError):
            end_and_revoke(cast("PortalRequest", request), "signed in as somebody who is not admitted")
        response = render(request, "social_django/error.html", context, status=status)
        response["Referrer-Policy"] = "no-referrer"
        response["Cache-Control"] = "no-store"
        return response


def _outcome(error: SocialAuthBaseException) -> str:
    """What the log calls a failed sign-in."""
    if isinstance(error, AuthPolicyError):
        return "refused"
    if isinstance(error, AuthConfigurationError) or error.code == "credential_rejected":
        return "misconfigured"
    if error.code in SILENCE:
        return "unavailable"
    return "declined" if error.code == "authorization_declined" else "failed"


class SignInRequiredMiddleware:
    """The one place that turns "only you can help" into a sign-in that comes back to where the person was."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: PortalRequest) -> HttpResponse:
        """Go on."""
        return self.get_response(request)

    def process_exception(self, request: PortalRequest, exception: Exception) -> HttpResponse | None:
        """Translate what `tokens` raises; everything else is somebody else's."""
        if isinstance(exception, SignInRequired):
            return self._sign_in_again(request)
        if isinstance(exception, PassportUnavailable):
            failures.note(request, "APS", "unavailable")
            response = render(request, "passport/trouble.html", {"kind": "unavailable"}, status=503)
            response["Retry-After"] = "30"
            return response
        if isinstance(exception, PassportMisconfigured):
            failures.note(request, "APS", "misconfigured")
            return render(request, "passport/trouble.html", {"kind": "misconfigured"}, status=500)
        return None

    def _sign_in_again(self, request: PortalRequest) -> HttpResponse:
        """The session is over before the sign-in page is shown (D05). A POST is never repeated: its form comes back."""
        end_and_revoke(request, "AOS or APS no longer accepted it")
        wanted = request.get_full_path() if request.method == "GET" else request.path
        messages.info(request, _("Please sign in again. Your last sign-in is no longer accepted."))
        return HttpResponseRedirect(f"{reverse('passport:login')}?{urlencode({'next': wanted})}")
