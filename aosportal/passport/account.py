"""The account page: who is signed in, and their sign-ins, each of which they can end."""

import uuid

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from .models import Grant, RecentFailure
from .people import end_all
from .portal_request import PortalRequest
from .sessions import why_over
from .views import sign_out


@require_safe
def page(request: PortalRequest) -> HttpResponse:
    """Show the person, what APS granted, and where they are signed in."""
    active = _of(request).filter(status=Grant.Status.ACTIVE).order_by("-last_seen")
    sign_ins = [grant for grant in active if not why_over(grant)]
    limits = {"idle_minutes": settings.SESSION_IDLE_MINUTES, "absolute_hours": settings.SESSION_ABSOLUTE_HOURS}
    failures = RecentFailure.objects.filter(user=request.user.pk or 0).order_by("-pk")
    context = {"grant": request.grant, "sign_ins": sign_ins, "failures": failures, **limits}
    return render(request, "passport/account.html", context)


@require_POST
def end_one(request: PortalRequest, grant_id: uuid.UUID) -> HttpResponse:
    """End one of one's own sign-ins; anybody else's is not found. This browser's own is a sign-out, at APS too."""
    if request.grant and request.grant.pk == grant_id:
        return sign_out(request)
    if not end_all(_of(request).filter(pk=grant_id), "ended on the account page"):
        raise Http404
    messages.success(request, _("That session has ended."))
    return redirect("passport:account")


@require_POST
def end_everywhere(request: PortalRequest) -> HttpResponse:
    """End all of one's other sign-ins, then sign out here and at APS."""
    others = _of(request).exclude(pk=request.grant.pk) if request.grant else _of(request)
    end_all(others, "signed out everywhere")
    return sign_out(request)


@require_POST
def still_here(request: HttpRequest) -> HttpResponse:
    """Nothing but being asked counts: GrantMiddleware has noted that the person is here."""
    return HttpResponse(status=204)


def _of(request: PortalRequest) -> QuerySet[Grant]:
    return Grant.objects.filter(user=request.user.pk or 0)
