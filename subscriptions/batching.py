"""Works at confirmed batches, outside of requests: fifty rows of each in turn, some at once (decisions 15, 18 and 26).

The list is read before the fifty, and once after them where an answer did not tell the name. Where no other batch
waits, the next fifty are made ready while the last of these are under way. A worker holds a batch by
a claim with an expiry. One that is killed has committed its intents: those rows are settled by looking, the others are
sent by whoever takes the batch up. Before each row the claim, the owner's sign-in and permission, and the change freeze
are looked at.
"""

import queue
import threading
import uuid
from collections.abc import Container
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connections
from django.db.models import DateTimeField, ExpressionWrapper, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from aosportal import database, events, request_id
from aosportal.passport.admission import is_welcome
from aosportal.passport.models import Grant
from aosportal.passport.tokens import SignInRequired

from . import batches, permits
from .aos import AOS, NO_TOKEN, AOSError, Busy, Subscription, TooSlow, Unusable
from .attempts import Unfinished
from .bulk import CHUNK, MOST_TRIES, REST, Before, look_before, look_once, may_pass
from .errors import Frozen, NotPermitted, Occupied
from .ledger import Wish
from .models import Batch, BatchRow
from .names import fingerprint
from .renaming import rename_listed

ending = threading.Event()  # set when this process is to end: no row is begun any more


@task()
def run_batches() -> None:
    """Work at whatever is due, a chunk of each batch in turn, until nothing is."""
    while not ending.is_set() and (batch := _take()):
        _Chunk(batch).work()


def wake() -> bool:
    """Queue work where a batch waits for it: after a rest, or because its worker was killed. Tell whether one did."""
    is_queued = DBTaskResult.objects.ready().filter(task_path=run_batches.module_path).exists()
    is_needed = _due().exists() and not is_queued
    if is_needed:
        run_batches.enqueue()
    return is_needed


def _due() -> QuerySet[Batch]:
    return Batch.objects.filter(state=Batch.State.RUNNING, free_at__lte=Now())


def _take() -> Batch | None:
    """Claim the batch that has waited longest."""
    for batch in _due().order_by("free_at")[:10]:
        batch.claim = uuid.uuid4()
        if _due().filter(pk=batch.pk).update(claim=batch.claim, free_at=_in(_seconds_of_claim())):
            return batch
    return None


def _seconds_of_claim() -> float:
    """A killed worker's batch is taken up after so long. Longer than one call to AOS can take."""
    return float(settings.AOS_TIMEOUT) + 5


def _in(seconds: float) -> Combinable:
    if not seconds:
        return Now()  # SQLite writes the sum differently, and it would not be due within this very millisecond
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())


class _Stop(Exception):
    """No further row of this chunk. The batch goes on after so many seconds; None: when its owner says so."""

    def __init__(self, trouble: str = "", seconds: float | None = 0) -> None:
        super().__init__(trouble)
        self.trouble, self.seconds = trouble, seconds


def _stop_for(error: Exception) -> _Stop:
    """What passes by itself is waited for; the rest is for the owner."""
    if isinstance(error, SignInRequired):
        return _Stop("signed-out", seconds=None)
    if isinstance(error, NO_TOKEN):
        return _Stop("passport", seconds=REST)
    if isinstance(error, (Busy, TooSlow, Unusable)):
        return _Stop(error.kind, seconds=error.retry_after or REST)
    return _Stop(error.kind if isinstance(error, AOSError) else "unusable", seconds=None)


class _Ready(NamedTuple):
    """A row to be sent, by a list that was read for it: the subscription there, and what was at rest before."""

    row: BatchRow
    before: Subscription | None
    ended: Container[uuid.UUID]


class _Chunk:
    """The next rows of a batch that this worker has claimed."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._mine = Batch.objects.filter(pk=batch.pk, claim=batch.claim)
        self._stop: _Stop | None = None
        self._unfinished: list[Unfinished] = []
        self._rows: queue.SimpleQueue[_Ready | None] = queue.SimpleQueue()  # None: time to make the next fifty ready
        self._preparing = threading.Lock()
        self._last = -1  # the number of the last row that was made ready

    def work(self) -> None:
        """Rename them, and let go of the batch."""
        request_id.fresh(self._batch.user_id)
        try:
            self._rename()
        except _Stop as stop:
            self._stop = stop
        self._let_go(self._stop or _Stop())

    def _rename(self) -> None:
        grant = self._go_on()
        self._make_ready(grant)
        with ThreadPoolExecutor(settings.BATCH_CALLS) as pool:
            list(pool.map(self._rename_one_by_one, range(settings.BATCH_CALLS)))
        self._conclude(grant)

    def _make_ready(self, grant: Grant) -> None:
        """Read the list for the next fifty, and let them go. A mark goes before the last of them: see `_go_further`."""
        chunk = list(batches.waiting(self._batch).filter(number__gt=self._last)[:CHUNK])
        if not chunk:
            return
        known = self._look_before(grant, chunk)
        for left, row in zip(range(len(chunk), 0, -1), chunk, strict=True):
            if left == settings.BATCH_CALLS:
                self._rows.put(None)
            self._rows.put(_Ready(row, known.listed.get(row.subscription_id), known.ended))
            self._last = row.number

    def _look_before(self, grant: Grant, chunk: list[BatchRow]) -> Before:
        try:
            return look_before(AOS(grant), grant.user, [row.subscription_id for row in chunk])
        except (AOSError, *NO_TOKEN) as error:
            raise _stop_for(error) from None
        finally:
            database.let_go()

    def _go_further(self) -> None:
        """Make the next fifty ready, unless another batch waits, or these must be looked at first."""
        with self._preparing:
            if not self._unfinished and not _due().exclude(pk=self._batch.pk).exists():
                self._make_ready(self._go_on())

    def _go_on(self) -> Grant:
        """Keep the claim for another call, and return the owner's sign-in. Raises _Stop."""
        kept = self._mine.filter(state=Batch.State.RUNNING, free_at__gt=Now()).update(free_at=_in(_seconds_of_claim()))
        if ending.is_set() or not kept:
            raise _Stop
        signed_in = Grant.objects.filter(pk=self._batch.grant_id, status=Grant.Status.ACTIVE)
        grant = signed_in.select_related("user").first()
        if grant is None or not is_welcome(grant.user):
            raise _Stop("signed-out", seconds=None)
        try:
            permits.check_change(grant.user, permits.RENAME_MANY)
        except (Frozen, NotPermitted) as error:
            raise _stop_for(error) from None
        return grant

    def _rename_one_by_one(self, number: int) -> None:
        """What each thread does."""
        try:
            while self._stop is None:
                ready = self._next()
                self._rename_row(ready) if ready else self._go_further()
        except queue.Empty:
            pass
        except _Stop as stop:
            self._stop = self._stop or stop
        finally:
            connections.close_all()

    def _next(self) -> _Ready | None:
        """Take what comes next, once it is ready where another thread prepares the next fifty. Raises queue.Empty."""
        try:
            return self._rows.get_nowait()
        except queue.Empty:
            database.let_go()
        with self._preparing:
            return self._rows.get_nowait()

    def _rename_row(self, ready: _Ready) -> None:
        request_id.fresh(self._batch.user_id)
        grant, row, before = self._go_on(), ready.row, ready.before
        if before is None or not before.can_rename:
            return _end(row, "not-there")
        wish = Wish(row.subscription_id, row.name_wanted, row.rename_id, row.undoes, self._batch.pk)
        try:
            outcome = rename_listed(AOS(grant), wish, fingerprint(row.name_seen), before, ended=ready.ended)
        except Occupied as error:
            return _end(row, error.kind)
        except (Frozen, NotPermitted) as error:
            raise _stop_for(error) from None
        except NO_TOKEN as error:
            self._repeat(row)
            raise _stop_for(error) from None
        if isinstance(outcome, Unfinished):
            self._unfinished.append(outcome)
        elif outcome.state == "unchanged":
            _end(row, "unchanged")
        elif outcome.error and may_pass(outcome.error):
            self._repeat(row)
            raise _stop_for(outcome.error)
        return None

    def _repeat(self, row: BatchRow) -> None:
        """Let it be tried again, by an intent of its own. After some tries it stays as the ledger has it: not done.

        So it does where another worker has the batch by now, and may have found nothing left to do.
        """
        again = BatchRow.objects.filter(pk=row.pk, tries__lt=MOST_TRIES - 1, batch__claim=self._batch.claim)
        if again.update(rename_id=uuid.uuid4(), tries=row.tries + 1):
            events.note("batch_row", "repeated", batch=row.batch_id, row=row.number)

    def _conclude(self, grant: Grant) -> None:
        """Look once for all rows whose answers did not tell the name. What cannot be seen now is settled later."""
        if not self._unfinished:
            return
        look = look_once(grant)
        for each in self._unfinished:
            each.conclude(look)

    def _let_go(self, stop: _Stop) -> None:
        """Say how the batch stands, unless somebody else has it or its owner has paused it."""
        state = Batch.State.RUNNING
        if stop.seconds is None:
            state = Batch.State.PAUSED
        elif not batches.waiting(self._batch).exists():
            state, stop = Batch.State.DONE, _Stop()
        is_news = state != Batch.State.RUNNING
        free_at = _in(stop.seconds or 0)
        self._mine.update(state=state, trouble=stop.trouble, claim=None, free_at=free_at, is_news=is_news)
        going_on = "rests" if stop.trouble else "went_on"
        outcome = str(state) if is_news else going_on
        events.note("batch", outcome, batch=self._batch.pk, reason=stop.trouble, wait=stop.seconds)


def _end(row: BatchRow, why: str) -> None:
    """Nothing had to be sent, or could be."""
    BatchRow.objects.filter(pk=row.pk).update(ended=why)
    events.note("batch_row", why.replace("-", "_"), batch=row.batch_id, row=row.number)
