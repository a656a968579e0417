"""Back-channel logout: APS tells the portal that somebody has signed out there (OIDC Back-Channel Logout 1.0).

The logout token is checked as strictly as an ID token (section 2.6); it ends sign-ins by `sid`, or all of a person's.
"""

import hashlib
import json
from datetime import timedelta
from typing import Any

import jwt
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from social_core.exceptions import SocialAuthBaseException

from . import claims, people
from .models import Grant, SeenLogoutToken
from .refreshing import passport
from .revocations import ask_now

_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_REMEMBERED = timedelta(seconds=claims.OLDEST + 2 * claims.LEEWAY)
_LONGEST = 20_000  # characters


class BadLogoutToken(Exception):
    """The token must not be believed. The text says why, for the log; it holds nothing of the token."""


def log_out(tokens: list[str]) -> int:
    """End the sign-ins that the one logout token of a call names; return how many there were, which may be none.

    Raises BadLogoutToken.
    """
    if len(tokens) != 1:
        raise BadLogoutToken("there is none, or more than one")
    content = _verified(tokens[0])
    grants = _named(content)
    with transaction.atomic():  # APS may send the token again if we fail
        _use_up(content)
        ended = people.end_here(grants, "signed out at Alliance Passport")
    ask_now(ended.revocations)
    return len(ended.grants)


def _verified(token: str) -> dict[str, Any]:
    """Check signature, issuer, audience, times and what makes it a logout token."""
    content = _decoded(token)
    try:
        claims.check_times(content)
        claims.check_audience(content, settings.SOCIAL_AUTH_APS_KEY)
    except claims.BadClaim as bad:
        raise BadLogoutToken(str(bad)) from None
    events = content.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(_EVENT), dict):
        raise BadLogoutToken("it is not about a logout")
    if "exp" not in content:
        raise BadLogoutToken("it does not say when it expires")
    if "nonce" in content:
        raise BadLogoutToken("it has a nonce, as an ID token has")
    return content


def _decoded(token: str) -> dict[str, Any]:
    if len(token) > _LONGEST:
        raise BadLogoutToken("it is too long")
    try:
        key = passport().key_of_logout_token(token)
        signed = jwt.PyJWS().decode(token, jwt.PyJWK(key).key, algorithms=[key["alg"]]) if key else b""
        content = json.loads(signed) if key else None
    except (jwt.PyJWTError, SocialAuthBaseException, ValueError, RecursionError):
        raise BadLogoutToken("it cannot be read, or its key not be had") from None
    if not isinstance(content, dict):
        raise BadLogoutToken("no key of APS's has signed it")
    if content.get("iss") != settings.APS_ISSUER:
        raise BadLogoutToken("another issuer has signed it")
    return content


def _named(content: dict[str, Any]) -> Any:
    """The sign-ins of this `sid`, or of this `sub`; of both, where both are named."""
    names = {"sid": content.get("sid"), "subject": content.get("sub")}
    given = {field: value for field, value in names.items() if value is not None}
    if not given or not all(isinstance(value, str) and value.isprintable() and value for value in given.values()):
        raise BadLogoutToken("it names nobody")
    return Grant.objects.filter(issuer=settings.APS_ISSUER, **given)


def _use_up(content: dict[str, Any]) -> None:
    """Take each token once: the unique key decides, for all workers and hosts."""
    jti = content.get("jti")
    if not isinstance(jti, str) or not jti:
        raise BadLogoutToken("it has no jti")
    SeenLogoutToken.objects.filter(expires_at__lt=timezone.now()).delete()
    key = hashlib.sha256(json.dumps([settings.APS_ISSUER, jti]).encode()).hexdigest()
    try:
        with transaction.atomic():
            SeenLogoutToken.objects.create(key=key, expires_at=timezone.now() + _REMEMBERED)
    except IntegrityError:
        raise BadLogoutToken("it was used before") from None
