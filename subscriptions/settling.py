"""Settles renames whose outcome is not known (decision 17): by looking at the list, never by sending again.

At once where a person comes back, and every few seconds by the worker, until it is known.
"""

import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from aosportal import database
from aosportal.passport.models import Grant

from . import turns
from .aos import AOS, NO_TOKEN, AOSError, NotThere, Subscription
from .ledger import FIRST_LOOK, SETTLED, Finding, State, record, with_state
from .models import OpenRename, Rename
from .names import is_tidied

if TYPE_CHECKING:
    from django.contrib.auth.models import User

logger = logging.getLogger(__name__)
LATE = timedelta(minutes=1)
_MOST = 500  # renames in one pass
_LONGEST_WAIT = timedelta(hours=1)
_CLAIM = timedelta(minutes=2)  # longer than it takes to read a list


class Lists(Protocol):
    """What settling needs of `aos.AOS`."""

    def subscriptions(self) -> list[Subscription]:
        """List the person's subscriptions."""


def late() -> timedelta:
    """A change that AOS does not show by then did not happen: a minute, more where a call may take more than 20 s."""
    return LATE * max(1.0, settings.AOS_TIMEOUT / 20)


def open_of(user: "User | None") -> QuerySet[Rename]:
    """This person's renames whose outcome is not known; for None, the portal's own."""
    theirs = Rename.objects.filter(user=user) if user else Rename.objects.filter(user=None, subject="")
    return with_state(theirs.filter(open__isnull=False)).select_related("open")


def settle_due() -> int:
    """Settle what is due, each with a sign-in of its person; return how many are. Several workers may do this."""
    due = with_state(Rename.objects.filter(open__next_look__lte=timezone.now())).select_related("open")
    mine: dict[Grant | None, list[Rename]] = defaultdict(list)
    for row in at_rest(due.order_by("open__next_look")[:_MOST]):
        if _take_up(row):
            mine[_grant_for(row)].append(row)
    return sum(settle(AOS(grant), rows) if grant else _settle_without(rows) for grant, rows in mine.items())


def look_now() -> None:
    """Make every open rename due, once those that are being sent right now have ended or their turns run out."""
    give_up = time.monotonic() + turns.seconds_of_turn() + 1
    ids = OpenRename.objects.values_list("rename__subscription_id", flat=True)
    while turns.taken(ids) and time.monotonic() < give_up:
        database.rest(0.1)
    OpenRename.objects.update(next_look=timezone.now())


def _take_up(row: Rename) -> bool:
    """Keep other workers off for a while."""
    due = OpenRename.objects.filter(pk=row.pk, next_look=row.open.next_look)
    return bool(due.update(next_look=timezone.now() + _CLAIM))


def _grant_for(row: Rename) -> Grant | None:
    """The sign-in that asked, if it lives, else the same person's newest."""
    theirs = Grant.objects.filter(user=row.user_id, issuer=row.issuer, subject=row.subject, status=Grant.Status.ACTIVE)
    asked = theirs.filter(pk=row.grant_id) if row.grant_id else theirs.none()
    return asked.first() or theirs.order_by("-since").first()


def _settle_without(rows: Iterable[Rename]) -> int:
    """Settle the portal's own. For the others nobody is signed in whose list would tell: their next visit does."""
    rows = list(rows)
    ours = [row for row in rows if row.is_by_portal]
    settled = settle(AOS(None), ours) if ours else 0
    return settled + sum(_postpone(row) for row in rows if not row.is_by_portal)


def settle(api: Lists, renames: Iterable[Rename]) -> int:
    """Read the list and settle what can be; return how many are settled. A list that cannot be read settles none."""
    read_at = timezone.now()
    try:
        listed = api.subscriptions()
    except (AOSError, *NO_TOKEN) as error:
        logger.info("Renames cannot be settled now: %s", type(error).__name__)
        return sum(_postpone(row) for row in renames)
    return settle_by(renames, listed, read_at)


def settle_by(renames: Iterable[Rename], listed: Iterable[Subscription], read_at: datetime) -> int:
    """Settle by a list that was asked for at `read_at`: it tells nothing of what was sent, or came to show, later."""
    names = {each.id: each.name for each in listed}
    return sum(_settle(row, _judge(row, names, read_at)) for row in renames if row.created < read_at)


def at_rest(renames: Iterable[Rename]) -> list[Rename]:
    """Those that nobody is sending right now."""
    rows = list(renames)
    taken = turns.taken({row.subscription_id for row in rows})
    return [row for row in rows if row.subscription_id not in taken]


def ended(subscription_ids: Iterable[str]) -> set[uuid.UUID]:
    """The renames of these that nobody is sending: a list that is asked for from now on shows what became of them."""
    made = Rename.objects.filter(subscription_id__in=list(subscription_ids)).only("subscription_id")
    return {row.pk for row in at_rest(made)}


def _settle(row: Rename, finding: Finding) -> bool:
    if finding.state not in SETTLED:
        return _postpone(row, finding)
    return record(row, finding)


def _judge(row: Rename, names: dict[str, str | None], read_at: datetime) -> Finding:
    """Compare what AOS shows with the names seen and wanted. What shows no change may still show it for a while.

    A subscription that is not listed any more tells nothing: the name may have been changed before.
    """
    is_late = read_at - row.created > late()
    if row.subscription_id not in names:
        return Finding(State.CONFLICTED if is_late else State.UNKNOWN, reason=NotThere.kind)
    name = names[row.subscription_id]
    if name == row.name_seen:
        state = State.NOT_DONE if is_late else State.UNKNOWN
    else:
        state = State.CONFIRMED if is_tidied(name, row.name_wanted) else State.CONFLICTED
    return Finding(state, is_observed=True, name=name)


def _postpone(row: Rename, finding: Finding | None = None) -> bool:
    """Look again when it is twice as old: ever more rarely, however often lists are read meanwhile.

    A rename that was only intended is from now on "not known".
    """
    if row.state == State.PENDING:
        record(row, finding or Finding(State.UNKNOWN))
    now = timezone.now()
    next_look = now + min(max(FIRST_LOOK, now - row.created), _LONGEST_WAIT)
    OpenRename.objects.filter(pk=row.pk).update(next_look=next_look)
    return False
