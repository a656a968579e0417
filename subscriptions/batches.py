"""Batches as they are kept: planned, confirmed, paused, gone on with. What became of each row is in the ledger.

Also what the queue keeps of the tasks that worked at them.
"""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Now
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from aosportal import events

from . import ledger
from .ledger import State
from .models import Batch, BatchRow, Rename, RenameEvent
from .planning import PlannedRow, Proposal

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from aosportal.passport.models import Grant

_FORGET_PLANS = _KEEP_TASKS = timedelta(days=1)
FAILED = ("failed", "conflict")
UNSETTLED = ("waiting", "unknown")


def plan(grant: "Grant", rows: Iterable[PlannedRow], *, asked: str = "", undoes: Batch | None = None) -> Batch:
    """Keep what somebody is about to do, until they confirm it; and as what form they `asked` for it."""
    with transaction.atomic():
        batch = Batch.objects.create(user=grant.user, grant_id=grant.pk, asked=asked, undoes=undoes)
        BatchRow.objects.bulk_create(
            (
                BatchRow(
                    batch=batch,
                    number=number,
                    subscription_id=row.id,
                    name_seen=row.seen,
                    name_wanted=row.wanted,
                    problem=row.problem,
                    is_duplicate=row.is_duplicate,
                    undoes=row.undoes,
                )
                for number, row in enumerate(rows, start=1)
            ),
            batch_size=500,
        )
    return batch


def choose(batch: Batch, shown: Iterable[int], chosen: Iterable[int]) -> None:
    """Of the rows with these numbers that were `shown`, leave out those that were not `chosen`. Only while planned."""
    rows = batch.rows.filter(batch__state=Batch.State.PLANNED, number__in=list(shown))
    chosen = set(chosen)
    rows.filter(number__in=chosen).update(is_left_out=False)
    rows.exclude(number__in=chosen).update(is_left_out=True)


def go_on(batch: Batch, grant: "Grant", *, since: Batch.State) -> bool:
    """Let it run with this sign-in, if it is still as it was `since`; tell whether it was."""
    as_it_was = Batch.objects.filter(pk=batch.pk, state=since)
    fresh = {"trouble": "", "asked": "", "is_news": False, "claim": None, "free_at": Now()}
    is_running = bool(as_it_was.update(state=Batch.State.RUNNING, grant_id=grant.pk, **fresh))
    if is_running:
        events.note("batch", "started", batch=batch.pk, user=grant.user_id, since=str(since))
    return is_running


def pause(batch: Batch) -> None:
    """Nothing more is begun. What is being sent right now is finished."""
    running = Batch.objects.filter(pk=batch.pk, state=Batch.State.RUNNING)
    if running.update(state=Batch.State.PAUSED, trouble="asked", claim=None):
        events.note("batch", "paused", batch=batch.pk, reason="asked")


def try_again(batch: Batch, grant: "Grant", numbers: Iterable[int]) -> int:
    """Try these rows once more, of those that failed; return how many. A conflict now counts as seen.

    Where none failed the batch stays done. It is locked before its rows are read: a second click must not see them as
    they were before the first.
    """
    with transaction.atomic():
        if not Batch.objects.select_for_update().filter(pk=batch.pk, state=Batch.State.DONE):
            return 0
        chosen = with_outcome(batch.rows.filter(number__in=list(numbers)))
        rows = [row for row in chosen if row.outcome in FAILED]
        if rows:
            go_on(batch, grant, since=Batch.State.DONE)
        for row in rows:
            if row.outcome == "conflict" and row.is_observed:
                row.name_seen = row.name_observed
            row.rename_id, row.ended, row.tries = uuid.uuid4(), "", 0
        BatchRow.objects.bulk_update(rows, ["name_seen", "rename_id", "ended", "tries"], batch_size=200)
    return len(rows)


def to_send(batch: Batch) -> QuerySet[BatchRow]:
    """The rows that are to be renamed."""
    return batch.rows.filter(problem="", is_left_out=False)


def waiting(batch: Batch) -> QuerySet[BatchRow]:
    """Those of them that have not been begun: the ledger has no row of theirs."""
    return to_send(batch).filter(~Exists(Rename.objects.filter(pk=OuterRef("rename_id"))), ended="")


def with_outcome(rows: QuerySet[BatchRow]) -> QuerySet[BatchRow]:
    """Annotate each with `outcome`, and with `state`, `reason`, `is_observed` and `name_observed` of its rename.

    The outcomes are: left-out, waiting, unchanged, done, different (AOS took it and shows another name), conflict
    (somebody else has renamed it), failed, unknown (being looked for).
    """
    last = RenameEvent.objects.filter(rename=OuterRef("rename_id")).order_by("-number")
    fields = ("state", "reason", "is_observed", "name_observed")
    facts: dict[str, Any] = {field: Subquery(last.values(field)[:1]) for field in fields}
    return rows.annotate(**facts, **_OUTCOME)


_OUTCOME: dict[str, Any] = {
    "outcome": Case(
        When(~Q(problem="") | Q(is_left_out=True), then=Value("left-out")),
        When(ended="unchanged", then=Value("unchanged")),
        When(~Q(ended=""), then=Value("failed")),
        When(state=None, then=Value("waiting")),
        When(state=State.CONFIRMED, name_observed=F("name_wanted"), then=Value("done")),
        When(state=State.CONFIRMED, then=Value("different")),
        When(state=State.CONFLICTED, then=Value("conflict")),
        When(state__in=[State.REJECTED, State.NOT_DONE], then=Value("failed")),
        default=Value("unknown"),
    )
}


def of_outcome(rows: QuerySet[BatchRow], outcome: str) -> QuerySet[BatchRow]:
    """Those with this outcome, of rows that `with_outcome` has annotated."""
    wanted: dict[str, Any] = {"outcome": outcome}
    return rows.filter(**wanted)


def numbers_of(batch: Batch, outcome: str) -> list[int]:
    """The numbers of the rows with this outcome."""
    return [row.number for row in of_outcome(with_outcome(batch.rows.all()), outcome)]


def counts(batch: Batch) -> dict[str, int]:
    """How many rows have which outcome."""
    rows: QuerySet[Any] = with_outcome(batch.rows.all()).order_by()
    return {row["outcome"]: row["rows"] for row in rows.values("outcome").annotate(rows=Count("pk"))}


def summary(batch: Batch, counts: dict[str, int]) -> dict[str, Any]:
    """What a page tells of the batch as a whole. `is_moving`: it may be otherwise in a moment, with nobody's doing."""
    total = sum(counts.values()) - counts.get("left-out", 0)
    open_rows = sum(counts.get(outcome, 0) for outcome in UNSETTLED)
    is_running = batch.state == Batch.State.RUNNING
    return {
        "counts": counts,
        "total": total,
        "settled": total - open_rows,
        "is_running": is_running,
        "is_moving": is_running or bool(counts.get("unknown")),
        "failed": sum(counts.get(outcome, 0) for outcome in FAILED),
        "renamed": counts.get("done", 0) + counts.get("different", 0),
    }


def asked(user: "User", batch_id: str) -> str | None:
    """The form that a plan of this person came from, while it is kept."""
    try:
        plans = Batch.objects.filter(pk=uuid.UUID(batch_id), user=user, state=Batch.State.PLANNED)
    except ValueError:
        return None
    return plans.values_list("asked", flat=True).first()


def wishes_to_undo(batch: Batch) -> list[Proposal]:
    """What would take back each rename of the batch that AOS took, if nobody has changed the name since."""
    taken = ledger.with_state(Rename.objects.filter(batch_id=batch.pk)).order_by("created")
    return [
        Proposal(each.subscription_id, each.name_seen or "", each.name_observed or "", each.pk)
        for each in taken
        if each.state == State.CONFIRMED and each.name_observed != each.name_seen
    ]


def forgotten_plans() -> QuerySet[Batch]:
    """Plans that nobody confirmed within a day."""
    return Batch.objects.filter(state=Batch.State.PLANNED, created__lt=timezone.now() - _FORGET_PLANS)


def purge() -> int:
    """Forget plans that nobody confirmed within a day; return how many."""
    return forgotten_plans().delete()[0]


def old_tasks() -> QuerySet[Any]:
    """What the queue did long ago, and what a killed worker left in it."""
    old = DBTaskResult.objects.filter(enqueued_at__lt=timezone.now() - _KEEP_TASKS)
    return old.exclude(pk__in=DBTaskResult.objects.ready().values("pk"))


def purge_tasks() -> int:
    """Forget them."""
    return old_tasks().delete()[0]
