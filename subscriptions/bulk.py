"""What renaming many is like, for a confirmed batch (batching.py) and for the command line (foreground.py)."""

import uuid
from collections.abc import Callable, Container, Iterable
from typing import TYPE_CHECKING, NamedTuple

from django.utils import timezone

from . import settling, snapshots
from .aos import AOS, NO_TOKEN, AOSError, Busy, Subscription, TooSlow, Unusable
from .snapshots import Listed

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from aosportal.passport.models import Grant

CHUNK = 50  # rows for which the list is read once
MOST_TRIES = 5  # of one row, while AOS is too busy to do anything
REST = 10  # seconds, where AOS does not say how long
_NOT_PROCESSED = {None, 401, 429, 503}  # statuses that say that AOS did nothing, for now


class Before(NamedTuple):
    """What is known before some rows are sent: their subscriptions by id, and the renames that were at rest by then."""

    listed: dict[str, Subscription]
    ended: Container[uuid.UUID]


def look_before(api: AOS, owner: "User | None", ids: Iterable[str]) -> Before:
    """Read the list for rows of these ids, which also settles what became of the owner's earlier renames.

    Raises AOSError, or one of NO_TOKEN.
    """
    read_at, ended = timezone.now(), settling.ended(ids)
    earlier = settling.at_rest(settling.open_of(owner))
    listed = api.subscriptions()
    settling.settle_by(earlier, listed, read_at)
    return Before({each.id: each for each in listed}, ended)


def look_once(grant: "Grant | None") -> Callable[[], Listed]:
    """Read the list now, for all who look afterwards: each gets it, or the error, one of AOSError and NO_TOKEN."""
    found: Listed | Exception
    try:
        found = snapshots.listed(grant, AOS(grant).subscriptions, anew=True)
    except (AOSError, *NO_TOKEN) as error:
        found = error

    def look() -> Listed:
        if isinstance(found, Exception):
            raise found
        return found

    return look


def may_pass(error: AOSError) -> bool:
    """Whether AOS did nothing, for a reason that goes away by itself."""
    did_nothing = not error.may_have_happened and error.receipt.status in _NOT_PROCESSED
    return did_nothing and isinstance(error, (Busy, TooSlow, Unusable))
