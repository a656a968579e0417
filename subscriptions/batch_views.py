"""One batch: its preview, its progress and its result, all at one address. Others have none there."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from . import batches, batching, exporting, notices, permits, planning, snapshots
from .aos import AOS, AOSError
from .models import Batch, BatchRow
from .pages import is_htmx, trouble_page, with_aos

_ROWS = 100
_COLUMNS = ("row", "id", "nameBefore", "nameWanted", "outcome", "reason", "nameAfterwards")


@require_http_methods(["GET", "HEAD", "POST"])
@with_aos
def batch(request: HttpRequest, api: AOS, batch_id: uuid.UUID) -> HttpResponse:
    """Show the batch, or do what a button says."""
    found = _theirs(request, batch_id)
    if request.method == "POST":
        return _act(request, api, found)
    if found.state == Batch.State.PLANNED:
        return _preview(request, found)
    return _progress(request, found)


def _act(request: HttpRequest, api: AOS, batch: Batch) -> HttpResponse:
    """Do what a button says; pausing and ticking need no permission."""
    action = _ACTIONS.get(request.POST.get("do", ""), _choose)
    try:
        if action in (_confirm, _continue, _again, _undo):
            _note_ticks(request, batch)
            permits.check_change(request.user, permits.RENAME_MANY)
        return action(request, api, batch)
    except AOSError as error:
        return trouble_page(request, error)


@require_safe
@with_aos
def result_csv(request: HttpRequest, api: AOS, batch_id: uuid.UUID) -> HttpResponseBase:
    """Give every row with its outcome."""
    rows = batches.with_outcome(_theirs(request, batch_id).rows.all()).iterator(chunk_size=500)
    return exporting.csv_file("renamed", _COLUMNS, _cells(rows))


def _cells(rows: Iterable[BatchRow]) -> Iterator[tuple[str | None, ...]]:
    for row in rows:
        names = (row.subscription_id, row.name_seen, row.name_wanted)
        yield str(row.number), *names, row.outcome, row.problem or row.ended or row.reason, row.name_observed


def _theirs(request: HttpRequest, batch_id: uuid.UUID) -> Batch:
    return get_object_or_404(Batch, pk=batch_id, user=cast("User", request.user))


def _preview(request: HttpRequest, batch: Batch) -> HttpResponse:
    """Old and new name of each row, with what speaks against it."""
    show = request.GET.get("show", "")
    rows = batch.rows.all()
    counts = {
        "all": rows.count(),
        "fit": batches.to_send(batch).count(),
        "problems": rows.exclude(problem="").count(),
        "duplicates": rows.filter(is_duplicate=True).count(),
    }
    counts["usable"] = counts["all"] - counts["problems"]
    if show == "problems":
        rows = rows.exclude(problem="")
    elif show == "duplicates":
        rows = rows.filter(is_duplicate=True)
    context = {"batch": batch, "counts": counts, "show": show, "page": _page(request, rows)}
    return render(request, "subscriptions/many/preview.html", context)


def _progress(request: HttpRequest, batch: Batch) -> HttpResponse:
    """How far it is, and each row with its outcome. A script of ours gets just that part."""
    notices.is_told_batch(batch)
    show, counts = request.GET.get("show", ""), batches.counts(batch)
    rows = batches.with_outcome(batch.rows.all())
    if show in counts:
        rows = batches.of_outcome(rows, show)
    context: dict[str, Any] = {"batch": batch, "show": show, "page": _page(request, rows)}
    context |= batches.summary(batch, counts) | {"as_of": timezone.now()}
    page = "_progress" if is_htmx(request) else "progress"
    return render(request, f"subscriptions/many/{page}.html", context)


def _page(request: HttpRequest, rows: QuerySet[BatchRow]) -> Any:
    return Paginator(rows, _ROWS).get_page(request.GET.get("page"))


def _numbers(request: HttpRequest, name: str) -> list[int]:
    """The row numbers in a field; what is none is left out."""
    texts = " ".join(request.POST.getlist(name)).split()
    return [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 7]


def _to(batch: Batch, request: HttpRequest | None = None) -> HttpResponse:
    """Post/Redirect/Get, back to the page of rows that was asked for."""
    response = redirect("subscriptions:batch", batch.pk)
    if request:
        query = request.GET.copy()
        query["page"] = request.POST.get("page") or request.GET.get("page", "1")
        response["Location"] += f"?{query.urlencode()}"
    return response


def _choose(request: HttpRequest, api: AOS, batch: Batch) -> HttpResponse:
    """Note which rows of this page are to be renamed."""
    _note_ticks(request, batch)
    return _to(batch, request)


def _note_ticks(request: HttpRequest, batch: Batch) -> None:
    batches.choose(batch, _numbers(request, "shown"), _numbers(request, "row"))


def _confirm(request: HttpRequest, api: AOS, batch: Batch) -> HttpResponse:
    """Begin; a second click finds it begun."""
    if batches.to_send(batch).exists() and batches.go_on(batch, api.sign_in, since=Batch.State.PLANNED):
        batching.run_batches.enqueue()
    return _to(batch)


def _pause(request: HttpRequest, api: AOS, batch: Batch) -> HttpResponse:
    batches.pause(batch)
    return _to(batch)


def _continue(request: HttpRequest, api: AOS, batch: Batch) -> HttpResponse:
    if batches.go_on(batch, api.sign_in, since=Batch.State.PAUSED):
        batching.run_batches.enqueue()
    return _to(batch)


def _again(request: HttpRequest, api: AOS, batch: Batch) -> HttpResponse:
    """Try the ticked rows again, or all that failed without a conflict."""
    is_all = request.POST["do"] == "again-all"
    numbers = batches.numbers_of(batch, "failed") if is_all else _numbers(request, "row")
    if batches.try_again(batch, api.sign_in, numbers):
        batching.run_batches.enqueue()
    elif batch.state == Batch.State.DONE:
        messages.info(request, _("There was nothing to try again. Nothing was sent."))
    return _to(batch)


def _undo(request: HttpRequest, api: AOS, batch: Batch) -> HttpResponse:
    """Plan a batch that takes this one back; its preview tells what has changed since."""
    subscriptions = snapshots.listed(api.grant, api.subscriptions, anew=True).subscriptions
    wishes = batches.wishes_to_undo(batch)
    if not wishes:
        return _to(batch)
    return _to(batches.plan(api.sign_in, planning.check(wishes, subscriptions), undoes=batch))


_ACTIONS: dict[str, Callable[[HttpRequest, AOS, Batch], HttpResponse]] = {
    "confirm": _confirm,
    "pause": _pause,
    "continue": _continue,
    "again": _again,
    "again-all": _again,
    "undo": _undo,
}
