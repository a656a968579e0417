"""One rename of a subscription at a time, however many tabs, workers and hosts: a claim with an expiry (case E32).

The database's clock decides. A killed worker's turn runs out by itself; a worker that lost its turn must not send.
"""

import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, models
from django.db.models import Q
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from aosportal import database

from .models import Turn

_PAUSE = 0.1  # seconds between two tries


class TurnLost(Exception):
    """Somebody else has the turn now, or nobody gave it up in time. Nothing was sent."""


class Held:
    """A turn at one subscription."""

    def __init__(self, subscription_id: str) -> None:
        self.subscription_id, self.holder = subscription_id, uuid.uuid4()

    def keep(self) -> None:
        """Make the turn last for one more call to AOS. Raises TurnLost: then the call must not be made."""
        if not self._mine().filter(until__gt=Now()).update(until=_until()):
            raise TurnLost(self.subscription_id)

    def take(self) -> bool:
        """Take the turn if it is free; tell whether it was."""
        Turn.objects.bulk_create([Turn(subscription_id=self.subscription_id)], ignore_conflicts=True)
        free = Q(until=None) | Q(until__lte=Now())
        turn = Turn.objects.filter(free, subscription_id=self.subscription_id)
        return bool(turn.update(holder=self.holder, until=_until()))

    def give_up(self) -> None:
        """Let the next one have it. Where the database is away, it runs out by itself."""
        with suppress(DatabaseError):
            self._mine().delete()

    def _mine(self) -> models.QuerySet[Turn]:
        return Turn.objects.filter(subscription_id=self.subscription_id, holder=self.holder)


@contextmanager
def turn_at(subscription_id: str, *, seconds: float) -> Iterator[Held]:
    """Wait at most so many seconds for the turn, and give it up in the end. Raises TurnLost."""
    held = Held(subscription_id)
    give_up = time.monotonic() + seconds
    while not held.take():
        if time.monotonic() > give_up:
            raise TurnLost(subscription_id)
        database.rest(_PAUSE)
    try:
        yield held
    finally:
        held.give_up()


def taken(subscription_ids: Iterable[str]) -> set[str]:
    """Return which of these somebody is renaming right now."""
    live = Turn.objects.filter(subscription_id__in=subscription_ids, until__gt=Now())
    return set(live.values_list("subscription_id", flat=True))


def seconds_of_turn() -> float:
    """Two seconds longer than one call to AOS can take."""
    return float(settings.AOS_TIMEOUT) + 2


def _until() -> Combinable:
    return models.ExpressionWrapper(Now() + timedelta(seconds=seconds_of_turn()), models.DateTimeField())
