"""APS's signing keys (JWKS, RFC 7517): fetched when needed, re-fetched for an unknown key, forgotten in an hour.

One cache for each process and provider. What is re-fetched because of a token is limited, so that tokens with made-up
key ids cannot make the portal hammer APS; a key that APS has withdrawn is trusted for an hour at the most.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

Key = dict[str, Any]
LIFE = 3600.0  # seconds
COOL_DOWN = 30.0  # seconds between two fetches that unknown keys cause


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: list[Key]
    at: float


class KeyCache:
    """The keys of each provider. `fetch` raises what it likes; a failed re-fetch leaves the keys as they were."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._fetched: dict[str, _Fetched] = {}
        self._asked_again: dict[tuple[str, str], float] = {}

    def known(self, provider: str) -> list[Key]:
        """Return what was fetched, or none if that is older than LIFE."""
        fetched = self._fetched.get(provider)
        return fetched.keys if fetched and self._is_young(fetched) else []

    def get(self, provider: str, fetch: Callable[[], list[Key]]) -> list[Key]:
        """Return the keys, not older than LIFE."""
        fetched = self._fetched.get(provider)
        return fetched.keys if fetched and self._is_young(fetched) else self._fetch(provider, fetch)

    def get_newer(self, provider: str, fetch: Callable[[], list[Key]], purpose: str) -> list[Key]:
        """Return freshly fetched keys, or none if this was done for the same purpose less than COOL_DOWN ago."""
        asker = (provider, purpose)
        with self._lock:
            if self._clock() - self._asked_again.get(asker, -COOL_DOWN) < COOL_DOWN:
                return []
            self._asked_again[asker] = self._clock()
        return self._fetch(provider, fetch)

    def clear(self) -> None:
        """Forget everything."""
        self._fetched.clear()
        self._asked_again.clear()

    def _is_young(self, fetched: _Fetched) -> bool:
        return self._clock() - fetched.at < LIFE

    def _fetch(self, provider: str, fetch: Callable[[], list[Key]]) -> list[Key]:
        keys = fetch()
        self._fetched[provider] = _Fetched(keys, self._clock())
        return keys


def verifying(
    token: str, keys: Sequence[Key], algorithms: Sequence[str], types: Sequence[str] = ("jwt",)
) -> Key | None:
    """Return the key that verifies the token's signature, with the token's algorithm noted in it; None if none does.

    Algorithm and type (`typ`, in small letters) must be among ours, whatever the token says. Keys that its own header
    names are never looked at (jku, x5u, jwk). Raises jwt.DecodeError for what is no JWT.
    """
    header = jwt.get_unverified_header(token)
    algorithm = str(header.get("alg"))
    if algorithm not in algorithms or str(header.get("typ", "jwt")).lower().removeprefix("application/") not in types:
        return None
    fitting = (key for key in keys if _fits(key, header.get("kid"), algorithm))
    return next(({**key, "alg": algorithm} for key in fitting if _verifies(key, algorithm, token)), None)


def _fits(key: Key, kid: object, algorithm: str) -> bool:
    """Whether a key may sign, and may have signed this (RFC 7517 sections 4.2 to 4.5)."""
    return (
        (kid is None or key.get("kid") == kid)
        and key.get("use", "sig") == "sig"
        and "verify" in key.get("key_ops", ["verify"])
        and key.get("alg", algorithm) == algorithm
    )


def _verifies(key: Key, algorithm: str, token: str) -> bool:
    """Check the signature alone. A key that cannot be loaded, of a kind that we do not know, verifies nothing."""
    try:
        jwt.PyJWS().decode(token, jwt.PyJWK(key, algorithm).key, algorithms=[algorithm])
    except (jwt.PyJWTError, TypeError, ValueError):
        return False
    return True
