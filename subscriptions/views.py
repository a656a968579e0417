"""The pages of renaming a subscription. They know no HTTP to AOS."""

import uuid
from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from aosportal import language

from . import drafts, listing, notices, permits, renaming, rescue, snapshots
from .aos import AOS, NO_TOKEN, AOSError, NotThere, Refused, Subscription
from .attempts import Outcome
from .forms import RenameForm
from .ledger import Wish
from .names import fingerprint, is_untouched
from .pages import is_htmx, note, row, told_to_wait, trouble_page, with_aos


@require_http_methods(["GET", "HEAD", "POST"])
@with_aos
def rename(request: HttpRequest, api: AOS, subscription_id: str) -> HttpResponse:
    """Show the form, or try to do what it says."""
    if request.method != "POST":
        return _open(request, api, subscription_id)
    form = RenameForm(request.POST)
    if "language" in request.POST:
        return _in_another_language(request, subscription_id, form)
    try:
        permits.check_change(request.user, permits.RENAME)
        return _save(request, api, subscription_id, form)
    except AOSError as error:
        return _in_trouble(request, subscription_id, form, error)
    except NO_TOKEN:
        drafts.keep(_person(request), subscription_id, form.typed)
        raise


@require_safe
@with_aos
def same_name(request: HttpRequest, api: AOS, subscription_id: str) -> JsonResponse:
    """Tell the script whether another subscription has this `name`, as far as the person's kept list tells."""
    return JsonResponse({"same": _is_shared(api, subscription_id, request.GET.get("name", ""))})


def _is_shared(api: AOS, subscription_id: str, name: str) -> bool:
    kept = snapshots.kept(api.sign_in)
    return kept is not None and listing.is_shared(kept.subscriptions, subscription_id, name)


def _in_another_language(request: HttpRequest, subscription_id: str, form: RenameForm) -> HttpResponse:
    """Nothing is sent to AOS. What was typed waits for the page in that language."""
    if form.data.get("seen") != fingerprint(form.typed):
        drafts.keep(_person(request), subscription_id, form.typed)
    return language.choose(request)


def _in_trouble(request: HttpRequest, subscription_id: str, form: RenameForm, error: AOSError) -> HttpResponse:
    """Nothing could be sent. What was typed stays; where there is nothing to rename any more, to be copied."""
    if isinstance(error, NotThere) and not is_htmx(request):
        return trouble_page(request, error, typed=form.typed)
    return _page(request, Subscription(subscription_id, "", None, ""), form, trouble=error, status=error.status)


def _open(request: HttpRequest, api: AOS, subscription_id: str) -> HttpResponse:
    """Show the form with the name as it is now, or with what was typed when the sign-in had ended."""
    try:
        permits.check_change(request.user, permits.RENAME)
        subscription = renaming.find(api, subscription_id)
    except AOSError as error:
        if is_htmx(request):
            return _in_trouble(request, subscription_id, RenameForm.showing(None), error)
        return trouble_page(request, error)
    draft = drafts.kept(_person(request), subscription_id)
    form = RenameForm.showing(subscription.name, text=draft)
    return _page(request, subscription, form, is_kept=draft is not None)


def _save(request: HttpRequest, api: AOS, subscription_id: str, form: RenameForm) -> HttpResponse:
    if not form.is_valid():
        return _reject(request, api, subscription_id, form)
    wish = Wish(subscription_id, form.cleaned_data["display_name"], form.form_id(_person(request)))
    outcome = renaming.rename(api, wish, form.cleaned_data["seen"], typed=form.typed)
    if outcome.state not in {"done", "different"}:
        notices.is_told(outcome.rename, is_known=outcome.state != "unknown")
    return _ANSWERS[outcome.state](request, api, outcome, form)


def _reject(request: HttpRequest, api: AOS, subscription_id: str, form: RenameForm) -> HttpResponse:
    """Show what is wrong with the text, unless it is AOS's own: a name that we would not allow may stay as it is."""
    subscription = renaming.find(api, subscription_id)
    if is_untouched(subscription.name, form.typed):
        return _unchanged(request, api, Outcome("unchanged", subscription, subscription), form)
    if "display_name" not in form.errors:  # it did not say which name was seen: the next Save knows
        form = RenameForm.holding(form.typed, seen=subscription.name)
        return _page(request, subscription, form, incomplete=True, status=422)
    return _page(request, subscription, form, status=422)


def _told_later(request: HttpRequest, api: AOS, outcome: Outcome, form: RenameForm) -> HttpResponse:
    """The next page tells it: the notice waits in the database, so that it is told even if this answer gets lost."""
    is_shared = _is_shared(api, outcome.now.id, outcome.now.name or "")
    if is_htmx(request):
        drafts.forget(_person(request), outcome.now.id)
        return row(request, outcome.now, told=outcome.rename, is_shared=is_shared)
    notices.to_tell(outcome.rename)
    if is_shared:
        messages.info(request, _("Another of yours has this name."))
    return _finish(request, outcome)


def _unchanged(request: HttpRequest, api: AOS, outcome: Outcome, form: RenameForm) -> HttpResponse:
    if is_htmx(request):
        drafts.forget(_person(request), outcome.now.id)
        return row(request, outcome.now)
    if form.data.get("seen") == fingerprint(outcome.now.name):
        messages.info(request, _("Nothing changed."))
    else:  # a second click, or an earlier change that AOS showed late
        messages.info(request, format_html(_("It is already called “<bdi>{}</bdi>”."), outcome.now.name or ""))
    return _finish(request, outcome)


def _conflict(request: HttpRequest, api: AOS, outcome: Outcome, form: RenameForm) -> HttpResponse:
    """Show both names. The form now says that the present one was seen, so saving again is a decision."""
    form = RenameForm.holding(form.typed, seen=outcome.now.name)
    return _page(request, outcome.now, form, conflict=True, status=409)


def _not_done(request: HttpRequest, api: AOS, outcome: Outcome, form: RenameForm) -> HttpResponse:
    error = outcome.error
    if isinstance(error, NotThere):
        return _in_trouble(request, outcome.now.id, form, error)
    if isinstance(error, Refused):
        form.add_error("display_name", error.messages or [_("AOS did not accept this name.")])
        return _page(request, outcome.now, form, status=error.status)
    return _page(request, outcome.now, form, trouble=error, status=error.status if error else 502)


def _unknown(request: HttpRequest, api: AOS, outcome: Outcome, form: RenameForm) -> HttpResponse:
    status = 504 if outcome.error and outcome.error.status == 504 else 502
    form = RenameForm.holding(form.typed, seen=outcome.now.name)
    return _page(request, outcome.now, form, trouble=outcome.error, unknown=True, status=status)


_ANSWERS: dict[str, Callable[[HttpRequest, AOS, Outcome, RenameForm], HttpResponse]] = {
    "done": _told_later,
    "different": _told_later,
    "unchanged": _unchanged,
    "conflict": _conflict,
    "not-done": _not_done,
    "unknown": _unknown,
}


def _person(request: HttpRequest) -> int:
    """The key of the signed-in user: whoever has a grant is one."""
    return cast(int, request.user.pk)


def _finish(request: HttpRequest, outcome: Outcome) -> HttpResponse:
    drafts.forget(_person(request), outcome.now.id)
    return redirect("subscriptions:list")


def _page(
    request: HttpRequest,
    subscription: Subscription,
    form: RenameForm,
    *,
    trouble: AOSError | None = None,
    conflict: bool = False,
    unknown: bool = False,
    incomplete: bool = False,
    is_kept: bool = False,
    status: int = 200,
) -> HttpResponse:
    """Render the form, as a page or as a row of the list, with everything that its templates ask for."""
    context = {"subscription": subscription, "form": form, "limit": settings.DISPLAY_NAME_LIMIT}
    context["form_id"] = uuid.uuid4()
    context["ticket"] = rescue.ticket(_person(request), subscription.id)
    context |= {"trouble": trouble, "conflict": conflict, "unknown": unknown, "incomplete": incomplete}
    context["is_kept"] = is_kept
    if trouble:
        note(request, trouble)
    page = "_row_form" if is_htmx(request) else "rename"
    response = render(request, f"subscriptions/{page}.html", context, status=status)
    return told_to_wait(response, trouble)
