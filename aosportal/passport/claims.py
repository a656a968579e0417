"""What a token of APS must say, and when (OpenID Connect Core section 3.1.3.7).

For ID tokens this comes on top of what social-core checks.
"""

import logging
import time
from typing import Any

LEEWAY = 30  # seconds that APS's clock may differ from ours (decision 8)
OLDEST = 600  # seconds since the token was issued
_END_OF_TIME = 10**12  # seconds; a larger number is no moment
logger = logging.getLogger(__name__)


class BadClaim(Exception):
    """A claim is missing or wrong. `code` is python-social-auth's word for it."""

    def __init__(self, claim: str, code: str = "invalid_claim") -> None:
        super().__init__(f"{claim}: {code}")
        self.claim = claim
        self.code = code


def check_times(claims: dict[str, Any]) -> None:
    """Raise BadClaim unless iat, exp and nbf fit our clock."""
    now = time.time()
    if _moment(claims, "iat") is None:
        raise BadClaim("iat", "missing_claim")
    _refuse_future(claims, "iat", now)
    _refuse_future(claims, "nbf", now)
    _refuse_past(claims, "iat", now, OLDEST)
    _refuse_past(claims, "exp", now, 0)


def check_auth_time(claims: dict[str, Any], max_age: int) -> None:
    """Raise BadClaim unless the person signed in at APS at most `max_age` seconds ago.

    For a sign-in that asked for it: a refreshed ID token carries the first auth_time (OIDC Core section 12.2).
    """
    if _moment(claims, "auth_time") is None:
        raise BadClaim("auth_time", "missing_claim")
    _refuse_past(claims, "auth_time", time.time(), max_age)


def check_audience(claims: dict[str, Any], client_id: str) -> None:
    """Raise BadClaim unless the token is for us alone: we trust no further audience, whatever `azp` says."""
    audience = claims.get("aud")
    if audience not in (client_id, [client_id]):
        raise BadClaim("aud")
    if claims.get("azp", client_id) != client_id:
        raise BadClaim("azp")


def _moment(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _END_OF_TIME:  # no NaN either
        raise BadClaim(name)
    return float(value)


def _refuse_future(claims: dict[str, Any], name: str, now: float) -> None:
    moment = _moment(claims, name)
    if moment is not None and moment > now + LEEWAY:
        _log_difference(name, moment - now)
        raise BadClaim(name, "response_not_yet_valid")


def _refuse_past(claims: dict[str, Any], name: str, now: float, age: int) -> None:
    moment = _moment(claims, name)
    if moment is not None and moment + age + LEEWAY < now:
        _log_difference(name, moment - now)
        raise BadClaim(name, "response_expired")


def _log_difference(name: str, seconds: float) -> None:
    logger.warning("The token's %s differs from our clock by %+.0f seconds; %s are allowed", name, seconds, LEEWAY)
