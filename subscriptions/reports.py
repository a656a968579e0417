"""Renames as files: a row each, with what became of it."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import StreamingHttpResponse

from . import exporting
from .models import Rename, RenameEvent

Row = Sequence[object]
FACTS = (
    "id",
    "when",
    "subscription",
    "nameBefore",
    "nameWanted",
    "state",
    "nameAfterwards",
    "status",
    "correlationId",
    "requestId",
)
FACTS_OF_ALL = (*FACTS, "user", "person", "issuer", "subject", "batch", "undoes", "signIn")


def events() -> "Prefetch[Any]":
    """What to prefetch: the events in their order."""
    return Prefetch("events", RenameEvent.objects.order_by("number"))


def facts(row: Rename) -> Row:
    """One rename. It must have its state and its events."""
    last = list(row.events.all())[-1]
    names = (row.subscription_id, row.name_seen, row.name_wanted, row.state, row.name_observed)
    return (str(row.pk), row.created.isoformat(), *names, last.status, last.correlation_id, last.request_id)


def facts_of_all(row: Rename) -> Row:
    """One rename, with who asked for it; it must have its user, too. What a deleted person was called is gone."""
    who = (row.user_id, row.user.get_username() if row.user else None, row.issuer, row.subject)
    links = (each and str(each) for each in (row.batch_id, row.undoes_id, row.grant_id))
    return (*facts(row), *who, *links)


def file(
    name: str, header: Sequence[str], read: Callable[[Rename], Row], rows: QuerySet[Rename], kind: str
) -> StreamingHttpResponse:
    """Stream them: `csv` or `json`. The rows must prefetch their events."""
    found = (read(row) for row in rows.iterator(chunk_size=500))
    if kind == "csv":
        return exporting.csv_file(name, header, ([_text(value) for value in row] for row in found))
    return exporting.json_file(name, (dict(zip(header, row, strict=True)) for row in found))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
