"""Gives tokens back to APS (RFC 7009). What APS could not be asked is kept, encrypted, and asked again later."""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone
from social_core.exceptions import SocialAuthBaseException

from aosportal import events, http
from aosportal.secret import Secret, forgetting

from .encryption import CannotDecrypt, seal
from .models import Grant, PendingRevocation
from .refreshing import passport
from .tokenset import TokenSet

_SECONDS = 3.0  # nobody who signs out waits longer for APS
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
_GIVE_UP = timedelta(hours=24)
_LONGEST_TOLD = 6 * 60 * 60  # seconds; APS may ask for as much by Retry-After
SILENCE = {"connection_failed", "timeout", "tls_error", "unavailable", "rate_limited"}
_CLAIM = timedelta(minutes=2)  # longer than a call to APS takes


def queue_grant(grant: Grant) -> list[PendingRevocation]:
    """Store what is to be revoked of a grant. In the transaction that ends it, so that no token is ever forgotten."""
    try:
        return _queue({hint: grant.token(hint) for hint in ("refresh_token", "access_token")}, grant.pk)
    except CannotDecrypt as error:
        events.note("revocation", "unreadable", grant=grant.pk, reason=error)
        return []


def tell_ended(grant: Grant, because: str) -> None:
    """Tell the log that a sign-in has ended."""
    events.note("grant", "ended", user=grant.user_id, grant=grant.pk, reason=because)


def revoke_tokens(tokens: TokenSet, grant_id: uuid.UUID) -> bool:
    """Revoke tokens that were issued and will not be used. False if APS could not be reached; never raises."""
    return ask_now(_queue({"refresh_token": tokens.refresh, "access_token": tokens.access}, grant_id))


def _queue(tokens: dict[str, Secret | None], grant_id: uuid.UUID) -> list[PendingRevocation]:
    """One row for each token, the refresh token first: without it, nothing more can be got."""
    rows = []
    for hint, token in tokens.items():
        if token:
            row = PendingRevocation(hint=hint, grant_id=grant_id, next_try=timezone.now() + _FIRST_WAIT)
            row.token = seal(token, field="token", owner=row.owner)
            row.save(force_insert=True)
            rows.append(row)
    return rows


def ask_now(rows: Iterable[PendingRevocation]) -> bool:
    """Ask APS for these at once. False if it could not be reached: they wait. Its silence is waited for once."""
    refusal: _Refusal | None = None
    for row in rows:
        refusal = refusal if refusal and refusal.is_silence else _ask_for(row)
        _settle_or_wait(row, refusal, _FIRST_WAIT)
    return not (refusal and refusal.is_silence)


class _Refusal(NamedTuple):
    """APS did not revoke a token: how long to wait before it is asked again, and whether it said nothing at all."""

    wait: timedelta
    is_silence: bool


def _ask_for(row: PendingRevocation) -> _Refusal | None:
    """Ask APS to forget one token; None if that is settled.

    Any 200 settles it (RFC 7009 section 2.2), and so does an APS that does not revoke such tokens (section 2.2.1).
    """
    try:
        with forgetting():
            passport(seconds=min(_SECONDS, settings.APS_TIMEOUT)).revoke(row.secret().reveal(), row.hint)
    except CannotDecrypt as error:
        events.note("revocation", "unreadable", grant=row.grant_id, reason=error)
    except SocialAuthBaseException as error:
        if error.provider_code != "unsupported_token_type":
            return _refusal(row, error)
    else:
        events.note("revocation", "ok", grant=row.grant_id, hint=row.hint)
    return None


def _refusal(row: PendingRevocation, error: SocialAuthBaseException) -> _Refusal:
    events.note("revocation", "postponed", grant=row.grant_id, hint=row.hint, reason=error.code)
    told = http.seconds_to_wait(getattr(error, "retry_after", None), usual=0, longest=_LONGEST_TOLD)
    return _Refusal(timedelta(seconds=told), error.code in SILENCE)


def _settle_or_wait(row: PendingRevocation, refusal: _Refusal | None, wait: timedelta) -> bool:
    """Forget what is settled; else put it off. Tell which."""
    mine = PendingRevocation.objects.filter(pk=row.pk)
    if refusal is None:
        mine.delete()
        return True
    mine.update(next_try=timezone.now() + max(wait, refusal.wait))
    return False


def retry_due() -> int:
    """Ask APS again for what is due; return how many were settled. Several workers may do this at once."""
    due = PendingRevocation.objects.filter(next_try__lte=timezone.now()).order_by("next_try")
    return sum(_retry(row) for row in due[:100])


def _retry(row: PendingRevocation) -> bool:
    """Take one up, if nobody else has; settle it, give up after a day, or wait twice as long as last time."""
    mine = PendingRevocation.objects.filter(pk=row.pk, next_try=row.next_try, tries=row.tries)
    if not mine.update(next_try=timezone.now() + _CLAIM, tries=row.tries + 1):
        return False
    refusal = _ask_for(row)
    if refusal and timezone.now() - row.created > _GIVE_UP:
        events.note("revocation", "given_up", grant=row.grant_id, hint=row.hint)
        refusal = None
    return _settle_or_wait(row, refusal, min(_FIRST_WAIT * 2 ** min(row.tries + 1, 10), _LONGEST_WAIT))
