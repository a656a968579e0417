"""One try to rename: sends a committed intent, and finds out what became of it (decision 17).

At most one change is sent that AOS can have processed. Nothing is sent again to find out: AOS's list is looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

from aosportal import database

from . import ledger, snapshots
from .answers import Receipt
from .aos import NO_TOKEN, AOSError, Busy, Changed, NotThere, Subscription
from .errors import Occupied
from .ledger import Finding, State
from .models import Rename
from .names import is_tidied
from .snapshots import Listed
from .turns import Held, TurnLost, seconds_of_turn

if TYPE_CHECKING:
    from aosportal.passport.models import Grant

Word = Literal["done", "unchanged", "conflict", "different", "not-done", "unknown"]
_PAUSE = 0.5  # seconds between two looks


class API(Protocol):
    """What a rename needs of `aos.AOS`."""

    grant: "Grant | None"

    def subscriptions(self) -> list[Subscription]:
        """List the person's subscriptions."""

    def rename(self, subscription_id: str, name: str, *, etag: str, before_sending: Callable[[], None]) -> Receipt:
        """Send the change; return what AOS said."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a rename ended; `rename` is its row in the ledger, where there is one.

    done: AOS took the wanted name (`is_lagging`: its list does not show it yet). unchanged: it had that name, or
    nothing was typed; nothing was sent. conflict: the name is no longer the one that was seen; nothing was done.
    different: AOS took it, and shows yet another name. not-done: nothing was changed, see `error`. unknown: sent, and
    not seen yet; `error` says why, if there was one.
    """

    state: Word
    before: Subscription
    now: Subscription
    error: AOSError | None = None
    is_lagging: bool = False
    rename: Rename | None = None


def pick(listed: list[Subscription], subscription_id: str) -> Subscription:
    """Return the subscription from a list. Raises NotThere."""
    found = next((each for each in listed if each.id == subscription_id), None)
    if found is None or not found.can_rename:
        raise NotThere("The list has no such id.")
    return found


def occupied() -> Occupied:
    """The error for when the turn was not to be had."""
    return Occupied("somebody is renaming it just now", retry_after=round(seconds_of_turn()))


@dataclass(frozen=True, slots=True)
class Attempt:
    """Sends one committed intent, and finds out what became of it, by as many looks at the list as are worth it."""

    api: API
    turn: Held
    row: Rename
    before: Subscription
    look: Callable[[], Listed]
    looks: int = 3
    sleep: Callable[[float], None] = database.rest

    def send(self) -> Receipt | AOSError:
        """Send it; return what AOS said. Raises one of NO_TOKEN, and then nothing was done, which is recorded."""
        before, wanted = self.before, self.row.name_wanted
        try:
            return self.api.rename(before.id, wanted, etag=before.etag, before_sending=self.turn.keep)
        except AOSError as error:
            return error
        except TurnLost:
            return occupied()
        except NO_TOKEN:
            ledger.record(self.row, Finding(State.NOT_DONE, reason="no-token"))
            raise
        finally:
            snapshots.drop(self.api.grant)  # also one that is being read meanwhile: it may be from before

    def needs_look(self, said: Receipt | AOSError) -> bool:
        """Whether what AOS said leaves open what the name is now."""
        if isinstance(said, AOSError):
            return said.may_have_happened or isinstance(said, Changed)
        return said.name in (None, self.before.name)

    def conclude(self, said: Receipt | AOSError) -> Outcome:
        """Look where that helps, and record the outcome."""
        if isinstance(said, AOSError):
            return self._after_error(said)
        return self._read_back(said) if self.needs_look(said) else self._confirmed(said)

    def _confirmed(self, receipt: Receipt) -> Outcome:
        """AOS's answer tells the name: it is believed. What the list shows is told as well."""
        told = self.before._replace(name=receipt.name)
        now, error = self._look()
        if error or now.name == self.before.name:
            return self._took(told, receipt, shows=told, is_lagging=error is None)
        return self._took(now if is_tidied(now.name, self.row.name_wanted) else told, receipt, shows=now)

    def _read_back(self, receipt: Receipt) -> Outcome:
        """AOS took it, and its answer does not tell the name. A name that is not near ours is somebody else's."""
        now, error = self._look_until_changed()
        if now.name == self.before.name:
            return self._unknown(now, error, receipt, is_observed=error is None)
        if is_tidied(now.name, self.row.name_wanted):
            return self._took(now, receipt, shows=now)
        self._record(State.CONFLICTED, now, receipt)
        return Outcome("different", self.before, now, rename=self.row)

    def _took(self, named: Subscription, receipt: Receipt, *, shows: Subscription, is_lagging: bool = False) -> Outcome:
        self._record(State.CONFIRMED, named, receipt, reason="lagging" if is_lagging else "")
        word: Word = "done" if shows.name == self.row.name_wanted else "different"
        return Outcome(word, self.before, shows, is_lagging=is_lagging, rename=self.row)

    def _after_error(self, error: AOSError) -> Outcome:
        """Decide what an error means, with a look at the list where that helps."""
        if error.may_have_happened:
            return self._after_loss(error)
        if isinstance(error, Changed):
            return self._after_change(error)
        refused = error.receipt.status not in {None, 401, 429, 503}
        state = State.REJECTED if refused else State.NOT_DONE
        ledger.record(self.row, Finding(state, reason=error.kind, receipt=error.receipt))
        return Outcome("not-done", self.before, self.before, error, rename=self.row)

    def _after_loss(self, error: AOSError) -> Outcome:
        now, unseen = self._look_until_changed()
        if now.name == self.before.name:
            return self._unknown(now, error, error.receipt, is_observed=unseen is None)
        if is_tidied(now.name, self.row.name_wanted):
            return self._took(now, error.receipt, shows=now)
        self._record(State.CONFLICTED, now, error.receipt)
        return Outcome("conflict", self.before, now, error, rename=self.row)

    def _after_change(self, error: AOSError) -> Outcome:
        now, unseen = self._look()
        changed = now.name != self.before.name
        state = State.CONFLICTED if changed else State.REJECTED
        self._record(state, now, error.receipt, reason=error.kind, is_observed=unseen is None)
        return Outcome("conflict" if changed else "not-done", self.before, now, error, rename=self.row)

    def _unknown(self, now: Subscription, error: AOSError | None, receipt: Receipt, *, is_observed: bool) -> Outcome:
        self._record(State.UNKNOWN, now, receipt, reason=error.kind if error else "", is_observed=is_observed)
        return Outcome("unknown", self.before, now, error, rename=self.row)

    def _record(
        self, state: State, now: Subscription, receipt: Receipt, *, reason: str = "", is_observed: bool = True
    ) -> None:
        if state == State.UNKNOWN or reason == "lagging":
            snapshots.drop(self.api.grant)  # it may soon show something else
        name = now.name if is_observed else None
        ledger.record(self.row, Finding(state, is_observed, name, reason, receipt))

    def _look_until_changed(self) -> tuple[Subscription, AOSError | None]:
        """Look until the list shows another name than before: AOS may take a moment to show what it took."""
        now, error = self._look()
        for _ in range(self.looks - 1):
            if now.name != self.before.name:
                break
            self.sleep(_PAUSE)
            now, error = self._look()
        return now, error

    def _look(self) -> tuple[Subscription, AOSError | None]:
        """Return the subscription as it is now, or as it was, with the reason, when that cannot be seen."""
        try:
            return pick(self.look().subscriptions, self.before.id), None
        except AOSError as error:
            return self.before, error
        except NO_TOKEN:  # the change is sent: "sign in again, nothing was sent" would be wrong
            return self.before, Busy("no token to look with")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A change that was sent. Only the list can tell what became of it; until then the ledger says pending."""

    _attempt: Attempt
    _said: Receipt | AOSError

    def conclude(self, look: Callable[[], Listed]) -> Outcome:
        """Record what the list tells that `look` gives, once; `look` may raise AOSError, or one of NO_TOKEN."""
        return replace(self._attempt, look=look, looks=1).conclude(self._said)
