"""The pages of signing in and out."""

import contextlib
import time
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST, require_safe
from social_core.exceptions import AuthSessionError, SocialAuthBaseException
from social_django.utils import psa
from social_django.views import auth as start_at_provider

from aosportal import events
from aosportal.client_address import client_address
from aosportal.secret import forgetting

from . import backchannel, rate_limits
from .destination import after_sign_in, safe_destination
from .encryption import CannotDecrypt
from .models import Grant
from .portal_request import PortalRequest
from .refreshing import passport
from .revocations import ask_now
from .sessions import end_session, open_session

_STATE = "logout_state"
_SECONDS = 3.0  # nobody who signs out waits longer for an answer of APS


@never_cache
@login_not_required
@require_safe
def login(request: PortalRequest) -> HttpResponse:
    """Our sign-in page: one button, in a form that carries `next`."""
    wanted = safe_destination(request, request.GET.get("next"))
    if request.user.is_authenticated:
        return redirect(after_sign_in(request, wanted))
    return render(request, "passport/login.html", {"next": wanted})


@never_cache
@login_not_required
@require_POST
def begin(request: PortalRequest, backend: str) -> HttpResponse:
    """Start a sign-in by python-social-auth, unless this address or browser has started very many."""
    seconds = rate_limits.seconds_before_sign_in(request)
    if seconds:
        return too_many(request, seconds)
    return start_at_provider(request, backend)  # type: ignore[no-any-return]


def too_many(request: HttpRequest, seconds: int) -> HttpResponse:
    """Tell somebody to wait."""
    events.note("rate_limit", "refused", path=request.path, address=client_address(request), wait=seconds)
    response = render(request, "429.html", {"retry_after": seconds}, status=429)
    response["Retry-After"] = str(seconds)
    return response


@never_cache
@login_not_required
@require_GET
@psa("social:complete")
def complete(request: PortalRequest, backend: str) -> HttpResponse:
    """APS sends the browser back here. The open session plays no part in who signs in, so nobody is ever joined."""
    aps, began = cast("Any", request).backend, time.monotonic()
    try:
        with forgetting():
            user = aps.complete(user=None)
    except AuthSessionError:
        if request.grant is None:
            raise
        # A reload of the callback, or another tab was faster: the person is in.
        return _clean(redirect(settings.LOGIN_REDIRECT_URL))
    if not isinstance(user, User):
        raise AuthSessionError(aps, code="session_context_missing", stage="pipeline")
    before = open_session(request, user, aps.grant)
    ask_now(before.revocations)
    told = {"user": user.pk, "grant": aps.grant.pk, "address": aps.grant.address}
    events.note("sign_in", "ok", seconds=time.monotonic() - began, **told)
    if aps.grant.missing_scopes:
        _warn_of(request, aps.grant.missing_scopes)
    return _clean(redirect(after_sign_in(request, aps.destination)))


def _warn_of(request: HttpRequest, missing: list[str]) -> None:
    text = _(
        "Alliance Passport granted less than the portal asked for. Missing: %(missing)s. Some things may not work."
    )
    messages.warning(request, text % {"missing": ", ".join(missing)})


def _clean(response: HttpResponseRedirect) -> HttpResponse:
    """The address that is being left holds the code: no next page learns it."""
    response["Referrer-Policy"] = "no-referrer"
    return response


@login_not_required
@require_POST
def logout(request: PortalRequest) -> HttpResponse:
    """Sign out of this browser."""
    return sign_out(request)


def sign_out(request: PortalRequest) -> HttpResponse:
    """End the session here first, whatever APS says; then revoke the tokens there, and end the session there."""
    ended = end_session(request, "signed out")
    is_reached = ask_now(ended.revocations)
    events.note("sign_out", "ok" if is_reached else "aps_unreached")
    grant = next(iter(ended.grants), request.ended)
    response = HttpResponseRedirect(_where_to_sign_out(request, grant, is_reached))
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response


@never_cache
@csrf_exempt  # APS calls it, without cookies; the signed token is what counts
@login_not_required
@require_POST
def backchannel_logout(request: HttpRequest) -> HttpResponse:
    """APS tells that somebody has signed out there. 200, also where nobody was in here; 400 for whatever fails."""
    try:
        ended = backchannel.log_out(request.POST.getlist("logout_token"))
    except backchannel.BadLogoutToken as bad:
        events.note("backchannel_logout", "refused", reason=bad, address=client_address(request))
    except DatabaseError as error:
        events.note("backchannel_logout", "failed", reason=type(error).__name__)
    else:
        events.note("backchannel_logout", "ok", sign_ins=ended)
        return HttpResponse()
    return JsonResponse({"error": "invalid_request"}, status=400)


def _where_to_sign_out(request: PortalRequest, grant: Grant | None, is_reached: bool) -> str:
    """APS's end-session address; our own page where nobody was signed in, or where APS cannot be sent to."""
    here = reverse("passport:signed_out")
    if not request.came_signed_in:
        return here
    try:
        endpoint = passport(seconds=_SECONDS).end_session_url() if is_reached else ""
    except SocialAuthBaseException:
        is_reached, endpoint = False, ""
    if not is_reached:
        return f"{here}?{urlencode({'open': 'aps'})}"
    return _end_session_address(request, endpoint, grant) if endpoint else here


def _end_session_address(request: PortalRequest, endpoint: str, grant: Grant | None) -> str:
    """Where APS ends its session (RP-Initiated Logout 1.0). Without an ID token as hint, it asks the person."""
    state = request.session[_STATE] = get_random_string(32)
    parameters = {"client_id": settings.SOCIAL_AUTH_APS_KEY, "state": state}
    parameters["post_logout_redirect_uri"] = settings.PORTAL_URL + reverse("passport:signed_out")
    with contextlib.suppress(CannotDecrypt):
        id_token = grant.token("id_token") if grant else None
        parameters |= {"id_token_hint": id_token.reveal()} if id_token else {}
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"


@never_cache
@login_not_required
@require_safe
def signed_out(request: PortalRequest) -> HttpResponse:
    """Where APS returns after a sign-out. Says so if APS could not be reached, since its session may still be open."""
    if request.user.is_authenticated:
        messages.info(request, _("You are signed in."))
        return redirect(settings.LOGIN_REDIRECT_URL)
    if request.GET.get("state") not in (None, request.session.pop(_STATE, None)):
        events.note("sign_out", "other_state")  # harmless: there is nothing left to end
    # This page is public: it asks APS nothing, so its link is the address that is known without asking.
    link = settings.SOCIAL_AUTH_APS_END_SESSION_URL or settings.APS_ISSUER
    context = {"may_be_open": request.GET.get("open") == "aps", "end_session_link": link}
    return render(request, "passport/signed_out.html", context)
