"""Answers "is it well?" for the front page of the administration, from the database alone: nothing is called."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, Max
from django.urls import reverse
from django.utils import timezone

from aosportal.passport.models import Grant, PendingRevocation, RecentFailure
from subscriptions import ledger
from subscriptions.models import Batch, Gate, OpenRename, Rename, Snapshot

from . import heartbeat
from .models import Conditions

_LATELY = timedelta(hours=24)


class Fact(NamedTuple):
    """One line: what, how it is, where more is to be seen. `is_well` None: neither good nor bad."""

    what: str
    how: str
    link: str = ""
    is_well: bool | None = None


def facts() -> Iterator[Fact]:
    """Every line, the most important first."""
    yield _conditions()
    yield from _people()
    yield from _renames()
    yield _batches()
    yield _service("APS", last_good=_latest(Grant, "since", "refreshed_at"))
    yield _service("AOS", last_good=_latest(Snapshot, "taken_at"))
    yield _gate()
    yield _workers()
    yield _revocations()


def _conditions() -> Fact:
    now = Conditions.now()
    how = f"READ-ONLY: nothing is renamed. {now.reason}" if now.is_read_only else "open for changes"
    link = reverse("admin:operations_conditions_changelist")
    return Fact("Change freeze", how, link, is_well=not now.is_read_only)


def _people() -> Iterator[Fact]:
    signed_in = Grant.objects.filter(status=Grant.Status.ACTIVE).aggregate(people=Count("user", distinct=True))
    yield Fact("People signed in", str(signed_in["people"]), reverse("admin:auth_user_changelist"))
    states = dict(Grant.objects.order_by().values_list("status").annotate(Count("pk")))
    words = ", ".join(f"{state}: {states.get(state, 0)}" for state in Grant.Status.values)
    yield Fact("Grants", words, reverse("admin:passport_grant_changelist"))


def _renames() -> Iterator[Fact]:
    """By outcome. A day is UTC's, as in the ledger."""
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    rows: Any = ledger.with_state(Rename.objects.filter(created__gte=today)).order_by()
    states = {row["state"]: row["rows"] for row in rows.values("state").annotate(rows=Count("pk"))}
    words = ", ".join(f"{state}: {rows}" for state, rows in sorted(states.items())) or "none"
    link = reverse("admin:subscriptions_rename_changelist")
    yield Fact("Renames today", words, link)
    unsettled = OpenRename.objects.count()
    yield Fact("Renames not known yet", f"{unsettled}, being looked for" if unsettled else "none", link)


def _batches() -> Fact:
    states = dict(Batch.objects.order_by().values_list("state").annotate(Count("pk")))
    words = f"running: {states.get(Batch.State.RUNNING, 0)}, paused: {states.get(Batch.State.PAUSED, 0)}"
    return Fact("Batches", words, reverse("admin:subscriptions_batch_changelist"))


def _service(name: str, last_good: datetime | None) -> Fact:
    """Whether people get answers: the last good one, and what failed for them in a day (ten each are remembered)."""
    lately = RecentFailure.objects.filter(service=name, at__gte=timezone.now() - _LATELY)
    failed = lately.aggregate(count=Count("pk"), last=Max("at"))
    words = f"last good answer: {_moment(last_good)}; failures in 24 hours: {failed['count']}"
    if not failed["count"]:
        return Fact(name, words, is_well=True if last_good else None)
    is_well = last_good is not None and last_good > failed["last"]
    latest = lately.order_by("-pk")[0]
    words += f", the last: {latest.kind}, {_moment(latest.at)}, request {latest.request_id}"
    return Fact(name, words, is_well=is_well)


def _gate() -> Fact:
    closed = Gate.objects.filter(closed_until__gt=timezone.now()).order_by("-closed_until").first()
    how = f"{closed.service} asked not to be called until {_moment(closed.closed_until)}" if closed else "open"
    return Fact("Gate", how, is_well=closed is None)


def _workers() -> Fact:
    """Without one, batches stand still and nothing is settled or revoked by itself."""
    alive = heartbeat.alive()
    latest = alive.first()
    how = f"{alive.count()}, the latest sign of life: {_moment(latest.at)}" if latest else "none: start make worker"
    return Fact("Workers", how, is_well=latest is not None)


def _revocations() -> Fact:
    waiting = PendingRevocation.objects.count()
    return Fact("Tokens to be revoked at APS", f"{waiting} waiting" if waiting else "none", is_well=None)


def _latest(model: Any, *columns: str) -> datetime | None:
    found = model.objects.aggregate(*(Max(column) for column in columns)).values()
    return max((moment for moment in found if moment), default=None)


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "none"
