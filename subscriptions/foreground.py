"""Renames many under the portal's own identity while somebody waits: what the command line does (decision 15).

As with a batch, the list is read before each fifty and once after them, some rows are sent at once, and each goes
through the ledger. What is too busy is tried again; what was sent and is not known is settled later by looking.
"""

import queue
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.conf import settings
from django.db import connections

from aosportal import database, request_id

from .aos import AOS, NO_TOKEN, AOSError, Busy, NotThere, TooSlow, Unusable
from .attempts import Outcome, Unfinished
from .bulk import CHUNK, MOST_TRIES, REST, look_before, look_once, may_pass
from .errors import Frozen, Refused
from .ledger import Wish
from .names import fingerprint, is_tidied
from .planning import PlannedRow
from .renaming import rename_listed


@dataclass(frozen=True, slots=True)
class Ending:
    """How a row ended: `word` is done, unchanged, not-done or unknown; `why` is for people."""

    word: str
    why: str = ""


class Stopped(Exception):
    """No row can be renamed any more, for a reason that somebody must mend: one of AOSError or NO_TOKEN."""

    def __init__(self, error: Exception) -> None:
        super().__init__(type(error).__name__)
        self.error = error


def ending(outcome: Outcome, wanted: str) -> Ending:
    """What an outcome means to somebody who waits for it. A name that AOS has tidied is done."""
    if outcome.state in ("done", "unchanged"):
        return Ending(outcome.state)
    if outcome.state == "unknown":
        return Ending("unknown", reason(outcome.error) if outcome.error else "AOS still shows the old name")
    if outcome.state == "different" and is_tidied(outcome.now.name, wanted):
        return Ending("done", f"AOS made it “{outcome.now.name}”")
    return Ending("not-done", reason(outcome.error) if outcome.error else f"it is called “{outcome.now.name}” by now")


def reason(error: AOSError) -> str:
    """Why AOS did not do it, in its own words where it gave some."""
    return " ".join(error.messages) if isinstance(error, Refused) and error.messages else str(error)


def rename_many(rows: Sequence[PlannedRow], tell: Callable[[PlannedRow, Ending], None]) -> None:
    """Rename these rows; `tell` hears of each when it has ended, of one at a time, in any thread. Raises Stopped."""
    batch_id, lock = uuid.uuid4(), threading.Lock()

    def tell_alone(row: PlannedRow, found: Ending) -> None:
        with lock:
            tell(row, found)

    for start in range(0, len(rows), CHUNK):
        _Chunk(rows[start : start + CHUNK], batch_id, tell_alone).work()


class _Chunk:
    """Some rows, tried together until each has ended."""

    def __init__(
        self, rows: Sequence[PlannedRow], batch_id: uuid.UUID, tell: Callable[[PlannedRow, Ending], None]
    ) -> None:
        self._left, self._batch_id, self._tell = list(rows), batch_id, tell
        self._why: AOSError = Busy("not tried")

    def work(self) -> None:
        """Try them, and those again that AOS was too busy for."""
        for number in range(MOST_TRIES):
            if number and self._left:
                database.rest(self._why.retry_after or REST)
            self._try()
        for row in self._left:
            self._tell(row, Ending("not-done", reason(self._why)))

    def _try(self) -> None:
        if not self._left:
            return
        try:
            round_ = _Round(self._left, self._batch_id, self._tell)
        except (Busy, TooSlow, Unusable) as error:
            self._why = error
            return
        except (AOSError, *NO_TOKEN) as error:
            raise Stopped(error) from None
        round_.work()
        self._left, self._why = round_.again, round_.why or self._why
        if round_.stopped:
            raise Stopped(round_.stopped)


class _Round:
    """One try of some rows, by one reading of the list. Raises AOSError, or one of NO_TOKEN, if that fails."""

    def __init__(
        self, rows: Sequence[PlannedRow], batch_id: uuid.UUID, tell: Callable[[PlannedRow, Ending], None]
    ) -> None:
        request_id.fresh()
        self._known = look_before(AOS(None), None, [row.id for row in rows])
        self._batch_id, self._tell = batch_id, tell
        self._rows: queue.SimpleQueue[PlannedRow] = queue.SimpleQueue()
        for row in rows:
            self._rows.put(row)
        self._begun, self._interrupted = threading.Event(), threading.Event()
        self._unfinished: list[tuple[PlannedRow, Unfinished]] = []
        self.again: list[PlannedRow] = []
        self.why: AOSError | None = None
        self.stopped: Exception | None = None

    def work(self) -> None:
        """Send them, some at once; then look once for those whose answers did not tell the name."""
        with ThreadPoolExecutor(settings.BATCH_CALLS) as pool:
            try:
                threads = pool.map(self._one_by_one, range(settings.BATCH_CALLS))
                self._begun.set()
                list(threads)
            except BaseException:
                self._interrupted.set()  # before the pool waits for its threads
                self._begun.set()
                raise
        self._conclude()

    def _one_by_one(self, number: int) -> None:
        """What each thread does, with a database connection of its own, once the pool knows them all: one that Ctrl-C
        kept from it would not be waited for."""
        try:
            self._begun.wait()
            while not self._interrupted.is_set() and self.stopped is None:
                self._rename(self._rows.get_nowait())
        except queue.Empty:
            pass
        finally:
            connections.close_all()

    def _rename(self, row: PlannedRow) -> None:
        request_id.fresh()
        try:
            outcome = self._sent(row)
        except (Frozen, *NO_TOKEN) as error:
            self.stopped = error
        except AOSError as error:
            self._tell(row, Ending("not-done", reason(error)))
        else:
            self._note(row, outcome)

    def _sent(self, row: PlannedRow) -> Outcome | Unfinished:
        before = self._known.listed.get(row.id)
        if before is None:
            raise NotThere("AOS does not list it any more")
        wish = Wish(row.id, row.wanted, uuid.uuid4(), batch_id=self._batch_id)
        return rename_listed(AOS(None), wish, fingerprint(row.seen), before, ended=self._known.ended)

    def _note(self, row: PlannedRow, outcome: Outcome | Unfinished) -> None:
        if isinstance(outcome, Unfinished):
            self._unfinished.append((row, outcome))
        elif outcome.error and may_pass(outcome.error):
            self.again.append(row)
            self.why = outcome.error
        else:
            self._tell(row, ending(outcome, row.wanted))

    def _conclude(self) -> None:
        if not self._unfinished:
            return
        look = look_once(None)
        for row, each in self._unfinished:
            self._tell(row, ending(each.conclude(look), row.wanted))
