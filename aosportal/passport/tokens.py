"""Answers one question: an access token for this sign-in (or for the portal itself), now."""

import functools
import hashlib
import json
import logging
import time
import uuid

from django.conf import settings
from django.db import transaction

from aosportal import events
from aosportal.secret import Secret

from . import refreshing, revocations, single_flight
from .encryption import CannotDecrypt
from .models import ApplicationGrant, Grant, SealedTokens
from .refreshing import PassportMisconfigured, PassportUnavailable, SignInRequired
from .signals import signed_out

__all__ = [
    "PassportMisconfigured",
    "PassportUnavailable",
    "SignInRequired",
    "access_token_for",
    "application_token",
    "renewed_token_for",
]
logger = logging.getLogger(__name__)


def access_token_for(grant: Grant) -> Secret:
    """Return a token that lives for another minute, refreshing it first if need be.

    Raises SignInRequired, PassportUnavailable or PassportMisconfigured.
    """
    if grant.is_active and grant.is_fresh():
        return _decrypted(grant, "access_token")
    return _renewed(grant, refused=None)


def renewed_token_for(grant: Grant, refused: Secret) -> Secret:
    """Return another token than `refused`, which AOS did not accept. Raises as `access_token_for`."""
    return _renewed(grant, refused)


def _renewed(grant: Grant, refused: Secret | None) -> Secret:
    usable = functools.partial(_usable, grant, refused)
    return single_flight.once(grant, usable, functools.partial(_refresh, grant, refused))


def _usable(grant: Grant, refused: Secret | None) -> Secret | None:
    """The stored token, if it will do. Raises SignInRequired if no refresh can help."""
    if not grant.is_active:
        raise SignInRequired("this sign-in has ended")
    token = _decrypted(grant, "access_token")
    if token != refused and grant.is_fresh():
        return token
    if grant.refresh_token:
        return None
    if token == refused or grant.is_expired():
        raise SignInRequired("the access has run out, and APS gave no refresh token")
    return token


def _refresh(grant: Grant, refused: Secret | None, claim: uuid.UUID) -> Secret:
    """Refresh under the claim. Only APS's `invalid_grant` for the stored token ends the grant (decision 4)."""
    began = time.monotonic()

    def tell(outcome: str, reason: object = "") -> None:
        seconds = time.monotonic() - began
        events.note("refresh", outcome, user=grant.user_id, grant=grant.pk, seconds=seconds, reason=reason)

    try:
        tokens = refreshing.refresh(grant, _decrypted(grant, "refresh_token"))
    except SignInRequired as ended:
        if isinstance(ended, refreshing.SomebodyElse):
            revocations.revoke_tokens(ended.tokens, grant.pk)
        if _end(grant, claim, str(ended)):
            tell("ended", ended)
            raise
        return _renewed(grant, refused)  # somebody has stored another refresh token meanwhile
    except (PassportUnavailable, PassportMisconfigured) as error:
        tell(_outcome(error), error)
        single_flight.let_go(grant, claim)
        still_good = _decrypted(grant, "access_token")
        if still_good != refused and not grant.is_expired():
            return still_good
        raise
    try:
        kept = single_flight.keep(grant, claim, tokens, scope=tokens.scope or grant.scope)
    except single_flight.ClaimLost:
        tell("late")
        revocations.revoke_tokens(tokens, grant.pk)
        if not Grant.objects.filter(pk=grant.pk, status=Grant.Status.ACTIVE).exists():
            raise SignInRequired("this sign-in ended meanwhile") from None
        raise PassportUnavailable("APS answered too late to be stored") from None
    tell("ok")
    return kept


def _outcome(error: Exception) -> str:
    return "misconfigured" if isinstance(error, PassportMisconfigured) else "unavailable"


def _end(grant: Grant, claim: uuid.UUID, because: str) -> bool:
    """End the grant, if the refresh token that was sent is still the stored one; tell whether it was."""
    as_sent = Grant.objects.filter(pk=grant.pk, claim=claim, refresh_token=grant.refresh_token)
    with transaction.atomic():
        is_ended = bool(as_sent.update(**Grant.over(because)))
        if is_ended:
            signed_out.send(Grant, grants=[grant])
    if is_ended:
        revocations.tell_ended(grant, because)
    return is_ended


def application_token(refused: Secret | None = None) -> Secret:
    """Return a token of the portal's own, from the client credentials grant (RFC 6749 section 4.4).

    It is kept until a minute before it expires, for all workers and hosts; `refused` is one that AOS did not accept.
    Raises PassportUnavailable or PassportMisconfigured.
    """
    row, _is_new = ApplicationGrant.objects.get_or_create(key=_application_key())
    return single_flight.once(
        row, functools.partial(_application_usable, row, refused), functools.partial(_obtain, row)
    )


def _application_key() -> str:
    """Tells what the token is good for: another client, scope, resource or form has another token."""
    who = (settings.APS_ISSUER, settings.SOCIAL_AUTH_APS_KEY, settings.SOCIAL_AUTH_APS_RESOURCE)
    parts = (*who, settings.APS_APPLICATION_SCOPE, settings.APS_APPLICATION_FORM)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _application_usable(row: ApplicationGrant, refused: Secret | None) -> Secret | None:
    """The stored token; one that cannot be decrypted is obtained anew."""
    try:
        token = row.token("access_token")
    except CannotDecrypt:
        return None
    return token if token and token != refused and row.is_fresh() else None


def _obtain(row: ApplicationGrant, claim: uuid.UUID) -> Secret:
    try:
        tokens = refreshing.client_credentials()
    except (PassportUnavailable, PassportMisconfigured) as error:
        events.note("application_token", _outcome(error), reason=error)
        single_flight.let_go(row, claim)
        raise
    try:
        kept = single_flight.keep(row, claim, tokens)
    except single_flight.ClaimLost:
        raise PassportUnavailable("APS answered too late to be stored") from None
    events.note("application_token", "ok")
    return kept


def _decrypted(grant: SealedTokens, field: str) -> Secret:
    """Decrypt a token. What cannot be decrypted means "please sign in again" (decision 3)."""
    try:
        token = grant.token(field)
    except CannotDecrypt as error:
        logger.error("%s", error)
        raise SignInRequired("the stored tokens cannot be read") from None
    if token is None:
        raise SignInRequired("there is no stored token")
    return token
