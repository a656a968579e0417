"""The one rename machine (decision 15): from what a person saw and typed to what AOS is known to show.

One rename of a subscription at a time. The intent is committed before anything is sent; at most one change is sent that
AOS can have processed (decision 17); what AOS shows afterwards is looked at. Nothing is sent again to find out.
"""

import uuid
from collections.abc import Callable, Container
from dataclasses import replace
from functools import partial

from django.utils import timezone

from aosportal import database

from . import ledger, permits, settling, snapshots
from .aos import Busy, NotThere, Subscription
from .attempts import API, Attempt, Outcome, Unfinished, Word, occupied, pick
from .errors import of_kind
from .ledger import Finding, State, Wish
from .models import Rename
from .names import fingerprint, is_untouched
from .snapshots import Listed
from .turns import Held, TurnLost, seconds_of_turn, turn_at

_WORDS: dict[str, Word] = {State.CONFLICTED: "conflict", State.REJECTED: "not-done", State.NOT_DONE: "not-done"}


def find(api: API, subscription_id: str) -> Subscription:
    """Return the subscription as AOS lists it now. Raises NotThere, AOSError."""
    return pick(api.subscriptions(), subscription_id)


def rename(
    api: API, wish: Wish, seen: str, *, typed: str | None = None, sleep: Callable[[float], None] = database.rest
) -> Outcome:
    """Give a subscription the wished name, if its name is still the one with the fingerprint `seen`.

    `typed` is what the browser sent before trimming. A form that was sent before gets the same answer once more.
    Raises AOSError, or one of NO_TOKEN, only if nothing was sent or AOS surely did nothing.
    """
    try:
        with turn_at(wish.subscription_id, seconds=seconds_of_turn()) as turn:
            return _in_turn(api, turn, wish, seen, typed, sleep)
    except TurnLost:
        raise occupied() from None


def _in_turn(api: API, turn: Held, wish: Wish, seen: str, typed: str | None, sleep: Callable[[float], None]) -> Outcome:
    earlier = ledger.made_by_form(wish.id)
    if earlier:
        return _what_became_of(api, earlier)
    before = _read_before(api, wish.subscription_id)
    if wish.name == before.name or (typed is not None and is_untouched(before.name, typed)):
        if fingerprint(before.name) != seen and _is_behind(before):
            raise Busy("its list does not show yet what it confirmed", retry_after=5)
        return Outcome("unchanged", before, before)
    attempt = _begin(api, turn, wish, seen, before)
    if isinstance(attempt, Outcome):
        return attempt
    return replace(attempt, sleep=sleep).conclude(attempt.send())


def rename_listed(
    api: API, wish: Wish, seen: str, before: Subscription, *, ended: Container[uuid.UUID]
) -> Outcome | Unfinished:
    """Do as `rename`, for a row of a batch: `before` comes from a list that was read for many rows.

    `ended` are the renames that were over when that list was asked for: of any other it tells nothing. Nothing is read
    here; an answer that tells the name is believed. What only another look at the list can tell comes back unfinished.
    Raises as `rename`.
    """
    try:
        with turn_at(wish.subscription_id, seconds=seconds_of_turn()) as turn:
            return _listed_in_turn(api, turn, wish, seen, before, ended)
    except TurnLost:
        raise occupied() from None


def _listed_in_turn(
    api: API, turn: Held, wish: Wish, seen: str, before: Subscription, ended: Container[uuid.UUID]
) -> Outcome | Unfinished:
    made = set(Rename.objects.filter(subscription_id=wish.subscription_id).values_list("pk", flat=True))
    if wish.id in made:  # begun by a worker that has lost the batch since
        return Outcome("unknown", before, before)
    if any(each not in ended for each in made):
        raise occupied()  # by hand, and so the list may be out of date
    if wish.name == before.name:
        return Outcome("unchanged", before, before)
    attempt = _begin(api, turn, wish, seen, before)
    if isinstance(attempt, Outcome):
        return attempt
    said = attempt.send()
    return Unfinished(attempt, said) if attempt.needs_look(said) else replace(attempt, look=_unseen).conclude(said)


def _begin(api: API, turn: Held, wish: Wish, seen: str, before: Subscription) -> Attempt | Outcome:
    """Commit the intent. Where the name is not the one that was seen, it is a conflict, and nothing is to be sent.

    Raises NotPermitted or Frozen, and then there is no intent.
    """
    permits.check_change(
        api.grant.user if api.grant else None, permits.RENAME_MANY if wish.batch_id else permits.RENAME
    )
    row = ledger.open_rename(api.grant, wish, before.name)
    if fingerprint(before.name) != seen:
        ledger.record(row, Finding(State.CONFLICTED, is_observed=True, name=before.name))
        return Outcome("conflict", before, before, rename=row)
    return Attempt(api, turn, row, before, partial(snapshots.listed, api.grant, api.subscriptions, anew=True))


def _unseen() -> Listed:
    raise Busy("not looked at")


def _read_before(api: API, subscription_id: str) -> Subscription:
    """Read the name as it is; that settles what became of earlier renames, as far as it can be known."""
    read_at = timezone.now()
    listed = api.subscriptions()
    earlier = settling.open_of(api.grant.user if api.grant else None).filter(subscription_id=subscription_id)
    settling.settle_by(earlier, listed, read_at)
    return pick(listed, subscription_id)


def _is_behind(listed: Subscription) -> bool:
    """Whether the list shows the name from before a change that AOS has confirmed a moment ago."""
    recent = Rename.objects.filter(subscription_id=listed.id, created__gt=timezone.now() - settling.late())
    last = ledger.with_state(recent).order_by("-created").first()
    return last is not None and last.reason == "lagging" and last.name_seen == listed.name


def _what_became_of(api: API, row: Rename) -> Outcome:
    """Answer for a form that was sent before. What is still open is looked up, never sent again."""
    if row.state not in ledger.SETTLED:
        settling.settle(api, [row])
        row = ledger.made_by_form(row.pk) or row
    before = Subscription(row.subscription_id, "", row.name_seen, "")
    now = before._replace(name=row.name_observed) if row.is_observed else before
    error = of_kind(row.reason)
    if row.state == State.CONFIRMED:
        return Outcome("done" if now.name == row.name_wanted else "different", before, now, rename=row)
    is_gone = row.state in ledger.SETTLED and isinstance(error, NotThere)
    return Outcome("not-done" if is_gone else _WORDS.get(row.state, "unknown"), before, now, error, rename=row)
