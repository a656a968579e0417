"""One renewal of tokens at a time, however many threads, workers and hosts ask at once (decision 5).

A conditional UPDATE with an expiry, by the database's clock, decides who renews. The others wait and read again. No
transaction is open during a call to APS, and new tokens are committed before they are used.
"""

import time
import uuid
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from aosportal import database
from aosportal.secret import Secret

from .models import SealedTokens
from .refreshing import PassportUnavailable, SignInRequired
from .tokenset import TokenSet

_PAUSE = 0.05  # seconds between two looks at tokens that somebody else is renewing


class ClaimLost(Exception):
    """New tokens came too late to be stored, or their owner has gone meanwhile."""


def once(row: SealedTokens, usable: Callable[[], Secret | None], renew: Callable[[uuid.UUID], Secret]) -> Secret:
    """Read `row`; return what is `usable`, else claim it and `renew`, else wait: until a claim would have run out.

    Raises what `usable` and `renew` raise, and PassportUnavailable if nobody's renewal ends in time.
    """
    give_up = time.monotonic() + 2 * _claim_seconds()
    while time.monotonic() < give_up:
        _read_again(row)
        token = usable()
        if token:
            return token
        claim = _claim(row)
        if claim:
            return renew(claim)
        database.rest(_PAUSE)
    raise PassportUnavailable("somebody else's renewal did not end in time")


def _read_again(row: SealedTokens) -> None:
    try:
        row.refresh_from_db()
    except ObjectDoesNotExist:
        raise SignInRequired("this sign-in is gone") from None


def _claim(row: SealedTokens) -> uuid.UUID | None:
    """Claim the renewal of exactly the token that was read; None if it has changed or somebody has the claim."""
    claim = uuid.uuid4()
    until = models.ExpressionWrapper(Now() + timedelta(seconds=_claim_seconds()), models.DateTimeField())
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=Now())
    unchanged = _rows(row).filter(free, pk=row.pk, access_token=row.access_token)
    return claim if unchanged.update(claim=claim, claimed_until=until) else None


def _claim_seconds() -> float:
    """Two seconds longer than the call to APS can take."""
    return float(settings.APS_TIMEOUT) + 2


def claimed(row: SealedTokens, claim: uuid.UUID) -> models.QuerySet[SealedTokens]:
    """The row, as long as the claim stands."""
    return _rows(row).filter(pk=row.pk, claim=claim)


def let_go(row: SealedTokens, claim: uuid.UUID) -> None:
    """Give the claim back: the renewal failed, and the next one may try at once."""
    claimed(row, claim).update(claim=None, claimed_until=None)


def keep(row: SealedTokens, claim: uuid.UUID, tokens: TokenSet, **more: object) -> Secret:
    """Commit the new tokens while the claim stands, then use them. Raises ClaimLost.

    A durable block refuses an outer transaction, which could roll them back.
    """
    changes = {**row.sealed(tokens), "refreshed_at": timezone.now(), "claim": None, "claimed_until": None, **more}
    with transaction.atomic(durable=True):
        kept = claimed(row, claim).update(**changes)
    if not kept:
        raise ClaimLost
    for column, value in changes.items():
        setattr(row, column, value)
    return tokens.access


def _rows(row: SealedTokens) -> models.QuerySet[SealedTokens]:
    return type(row)._default_manager.all()
