"""What the token endpoint answered, as one typed value."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from aosportal.secret import Secret

_LONGEST_LIFE = 365 * 24 * 60 * 60  # seconds; a larger expires_in is taken for this


@dataclass(frozen=True, slots=True)
class TokenSet:
    """The tokens of RFC 6749 section 5.1. `expires_at` is None where APS does not say: then AOS's 401 tells."""

    access: Secret
    refresh: Secret | None
    identity: Secret | None
    expires_at: datetime | None
    scope: str | None

    @classmethod
    def from_answer(cls, answer: dict[str, Any]) -> "TokenSet":
        """Read a successful token answer, whose access_token has been checked to be a non-empty string."""
        scope = answer.get("scope")
        return cls(
            access=Secret(answer["access_token"]),
            refresh=_secret(answer.get("refresh_token")),
            identity=_secret(answer.get("id_token")),
            expires_at=_expiry(answer.get("expires_in")),
            scope=scope if isinstance(scope, str) else None,
        )


def _secret(value: object) -> Secret | None:
    return Secret(value) if isinstance(value, str) and value else None


def _expiry(expires_in: object) -> datetime | None:
    """Some servers send seconds as a string; nonsense counts as not said."""
    try:
        seconds = int(expires_in) if isinstance(expires_in, int | float | str) else 0
    except (ValueError, OverflowError):
        return None
    return timezone.now() + timedelta(seconds=min(seconds, _LONGEST_LIFE)) if seconds > 0 else None
