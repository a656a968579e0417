"""Limits on starting a sign-in (decision 14), which costs the database two rows, and on local passwords.

Counted in this process, or for all workers and hosts together where CACHE_URL names a Redis. If that is down, nothing
is limited and the fault is logged: nobody is kept out by it.
"""

import functools
import hashlib
import math
import time

from django.conf import settings
from django.http import HttpRequest
from limits import RateLimitItemPerMinute, storage, strategies

from aosportal import events
from aosportal.client_address import client_address

_MEMORY = "memory://"
_PASSWORDS = 10  # a minute, from one address


def seconds_before_sign_in(request: HttpRequest) -> int:
    """Count one start of a sign-in; return 0 if it may go on, else how many seconds to wait."""
    browser = hashlib.sha256(request.COOKIES.get(settings.CSRF_COOKIE_NAME, "").encode()).hexdigest()
    by_address = _counted(settings.SIGN_IN_RATE_ADDRESS, "address", client_address(request))
    return max(by_address, _counted(settings.SIGN_IN_RATE_BROWSER, "browser", browser))


def seconds_before_password(request: HttpRequest) -> int:
    """Count one try of a local password; return 0 if it may go on, else how many seconds to wait."""
    return _counted(_PASSWORDS, "password", client_address(request))


def _counted(most: int, kind: str, who: str) -> int:
    """Count one of `most` in a minute; return the seconds until the next minute if it is one too many."""
    item = RateLimitItemPerMinute(most)
    try:
        if limiter().hit(item, kind, who):
            return 0
        return max(1, math.ceil(limiter().get_window_stats(item, kind, who).reset_time - time.time()))
    except Exception as error:  # noqa: BLE001 - whatever the store raises holds nobody up
        events.note("rate_limit", "uncounted", kind=kind, reason=type(error).__name__)
        return 0


@functools.cache
def limiter() -> strategies.FixedWindowRateLimiter:
    """The one limiter of this process."""
    store = _store()
    patience = {} if store == _MEMORY else {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}  # seconds
    return strategies.FixedWindowRateLimiter(storage.storage_from_string(store, **patience))


def _store() -> str:
    """The Redis that CACHE_URL names, else this process's memory."""
    location = settings.CACHES["default"].get("LOCATION", "")
    return location if isinstance(location, str) and location.startswith(("redis://", "rediss://")) else _MEMORY
