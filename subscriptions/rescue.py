"""Keeps what somebody typed when their POST does not reach its view: no session any more, or a stale form.

The form carries a ticket, signed and dated, that names its owner (decision 7). Without a valid one nothing is kept;
what is kept is shown to that owner alone, and never sent by itself.
"""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django_htmx.http import HttpResponseClientRedirect

from aosportal import views

from . import drafts
from .many_forms import typed

_SALT = "subscriptions.rescue"


def ticket(owner: int, draft_id: str) -> str:
    """Return a ticket for a form that this user has open; it is good for as long as a session may last."""
    return signing.dumps([owner, draft_id], salt=_SALT)


def _draft_id(request: HttpRequest) -> str | None:
    """What a draft of this form goes by; None where no form of ours is sent to."""
    match = request.resolver_match
    if request.method != "POST" or match is None:
        return None
    if match.view_name == "subscriptions:rename_many":
        return drafts.MANY
    return match.kwargs["subscription_id"] if match.view_name == "subscriptions:rename" else None


def _owner(request: HttpRequest) -> int | None:
    """Whose form this is: the user that a valid ticket for this very address names."""
    draft_id = _draft_id(request)
    if draft_id is None:
        return None
    try:
        content = signing.loads(request.POST.get("ticket", ""), salt=_SALT, max_age=settings.SESSION_COOKIE_AGE)
    except signing.BadSignature:
        return None
    owner, of_draft = content
    return int(owner) if of_draft == draft_id else None


def _keep(request: HttpRequest, owner: int) -> None:
    draft_id = _draft_id(request)
    if draft_id is not None:
        text = typed(request) if draft_id == drafts.MANY else request.POST.get("display_name", "")
        drafts.keep_for_owner(owner, draft_id, text)


class SignInFirstMiddleware(LoginRequiredMiddleware):
    """Django's own, which leads visitors to the sign-in page; a form's text is kept on the way."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        """Keep the text for its owner. The CSRF token has been checked by now, so it came from a page of ours."""
        owner = _owner(request)
        if owner is not None:
            _keep(request, owner)
        return super().handle_no_permission(request, view_func)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Show that the form has expired; its text is kept if its owner is the one who sits here."""
    owner = _owner(request)
    is_kept = owner is not None and owner == request.user.pk
    if owner is not None and is_kept:
        _keep(request, owner)
        if getattr(request, "htmx", False):
            return HttpResponseClientRedirect(request.path)  # the form's own page, with the text in it
    return views.csrf_failure(request, reason, is_kept=is_kept)
