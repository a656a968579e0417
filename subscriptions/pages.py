"""What the pages of subscriptions share: AOS as the person sees it, and the page for when it gives nothing to show."""

import functools
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from aosportal.passport import failures

from . import ledger, notices
from .aos import AOS, AOSError, Subscription
from .errors import Frozen, NotPermitted
from .models import Rename


def with_aos(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Give the view AOS as the signed-in person sees it; a local user without APS identity has none (decision 28)."""

    @functools.wraps(view)
    def wrapper(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        grant = getattr(request, "grant", None)
        if grant is None:
            return render(request, "passport/nobody.html")
        return view(request, AOS(grant, seconds=2 * settings.AOS_TIMEOUT), **kwargs)

    return wrapper


def note(request: HttpRequest, error: AOSError) -> None:
    """Remember a failure of AOS for the account page; what the portal itself does not allow is none."""
    if not isinstance(error, (Frozen, NotPermitted)):
        failures.note(request, "AOS", error.kind)


def trouble_page(request: HttpRequest, error: AOSError, *, typed: str = "") -> HttpResponse:
    """Render the page for when AOS gives nothing to show, or the portal allows nothing."""
    note(request, error)
    context = {"trouble": error, "typed": typed}
    return told_to_wait(render(request, "subscriptions/trouble.html", context, status=error.status), error)


def told_to_wait(response: HttpResponse, error: AOSError | None) -> HttpResponse:
    """Tell the browser when to ask again, if AOS has said it."""
    if error and error.retry_after:
        response["Retry-After"] = str(error.retry_after)
    return response


def is_htmx(request: HttpRequest) -> bool:
    """Whether a script of ours asks for a part of a page."""
    return bool(getattr(request, "htmx", False))


def row(
    request: HttpRequest, subscription: Subscription, *, told: Rename | None = None, is_shared: bool = False
) -> HttpResponse:
    """Render one row of the list; with the rename that has just ended, if there is one, which is told by that.

    `is_shared`: another subscription has this name.
    """
    notices.is_told(told)
    context: dict[str, Any] = {"rows": [(subscription, None)], "is_shared": is_shared}
    context["told"] = told and ledger.made_by_form(told.pk)
    return render(request, "subscriptions/_rows.html", context)
