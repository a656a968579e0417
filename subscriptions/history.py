"""A person's renames: the history with its exports, and Undo. It knows only what went through this portal."""

import uuid
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from . import notices, permits, renaming, reports
from .aos import AOS, AOSError, Subscription
from .attempts import Outcome
from .ledger import State, Wish, with_state
from .models import Rename
from .names import fingerprint
from .pages import is_htmx, told_to_wait, with_aos
from .pages import row as row_of

_ROWS = 50


@require_safe
def history(request: HttpRequest) -> HttpResponse:
    """Show the person's renames, newest first; `subscription` narrows them to one."""
    page = Paginator(_theirs(request), _ROWS).get_page(request.GET.get("page"))
    context = {"page": page, "subscription_id": _subscription_id(request)}
    return render(request, "subscriptions/history.html", context)


@require_safe
def export(request: HttpRequest, kind: str) -> StreamingHttpResponse:
    """Stream the same, all pages of it, as a file: `csv` or `json`."""
    return reports.file("renames", reports.FACTS, reports.facts, _theirs(request), kind)


@require_http_methods(["GET", "HEAD", "POST"])
@with_aos
def undo(request: HttpRequest, api: AOS, rename_id: uuid.UUID) -> HttpResponse:
    """Give a subscription back the name that it had before one of the person's renames, unless it has changed since.

    A GET only asks: so ends a sign-in that an Undo had to wait for.
    """
    row = get_object_or_404(_theirs(request), pk=rename_id)
    try:
        permits.check_change(request.user, permits.RENAME)
    except AOSError as error:
        return _not_undone(request, row, None, error)
    context = {"row": row, "form_id": uuid.uuid4()}
    if not row.can_undo:
        return render(request, "subscriptions/undo.html", context, status=409)
    if request.method != "POST":
        return render(request, "subscriptions/undo.html", {**context, "state": "asked"})
    wish = Wish(row.subscription_id, row.name_seen or "", _form_id(request), undoes=row.pk)
    try:
        outcome = renaming.rename(api, wish, fingerprint(row.name_observed))
    except AOSError as error:
        return _not_undone(request, row, None, error)
    if outcome.state in {"done", "different", "unchanged"}:
        return _undone(request, outcome)
    notices.is_told(outcome.rename, is_known=outcome.state != "unknown")
    return _not_undone(request, row, outcome, outcome.error)


def _undone(request: HttpRequest, outcome: Outcome) -> HttpResponse:
    """The row says it, or the next page does."""
    if is_htmx(request) and outcome.now.subscription_id:
        return row_of(request, outcome.now, told=outcome.rename)
    notices.to_tell(outcome.rename)
    if outcome.state == "unchanged":
        messages.info(request, format_html(_("It is already called “<bdi>{}</bdi>”."), outcome.now.name or ""))
    return redirect("subscriptions:list")


def _not_undone(request: HttpRequest, row: Rename, outcome: Outcome | None, error: AOSError | None) -> HttpResponse:
    """Say why, with both names where somebody has changed it since, and offer the next step."""
    state = outcome.state if outcome else "not-done"
    status = 409 if state == "conflict" else error.status if error else 502
    context: dict[str, Any] = {"row": row, "state": state, "trouble": error, "form_id": uuid.uuid4()}
    context["now"] = outcome.now if outcome else None
    if is_htmx(request):
        now = outcome.now if outcome else Subscription(row.subscription_id, "", row.name_observed, "")
        context |= {"rows": [(now, None)], "not_undone": True}
    page = "_rows" if is_htmx(request) else "undo"
    return told_to_wait(render(request, f"subscriptions/{page}.html", context, status=status), error)


def _form_id(request: HttpRequest) -> uuid.UUID:
    """Which Undo button was pressed: pressing it twice undoes once."""
    try:
        button = uuid.UUID(request.POST.get("once", ""))
    except ValueError:
        button = uuid.uuid4()
    return uuid.uuid5(button, str(request.user.pk))


def _subscription_id(request: HttpRequest) -> str:
    return request.GET.get("subscription", "").replace("\0", "")[:128]


def _theirs(request: HttpRequest) -> QuerySet[Rename]:
    """The person's own renames with their states, newest first; `is_latest` tells which Undo may still work.

    It may, unless something later was sent that AOS did not refuse.
    """
    rows = with_state(Rename.objects.filter(user=cast("User", request.user)))
    if _subscription_id(request):
        rows = rows.filter(subscription_id=_subscription_id(request))
    newer = Rename.objects.filter(subscription_id=OuterRef("subscription_id"), created__gt=OuterRef("created"))
    newer = newer.exclude(events__state__in=[State.REJECTED, State.NOT_DONE])
    return rows.annotate(is_latest=~Exists(newer)).prefetch_related(reports.events()).order_by("-created", "-pk")
