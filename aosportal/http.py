"""The one door to other hosts: a deadline, a size cap, verified TLS, no redirects, no cookies.

`send` makes one exchange: it gives a whole answer or raises a `Fault`, which says whether the other side can have acted
on the request. A `Policy` adds what a service needs that may be down for long: repeats, a gate, a bounded pool.
"""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from django.utils.http import parse_http_date_safe

from . import database, events
from .exchange import BearerAuth, Broken, Redirected, TooLarge, send
from .wire import Deadline, Fault, NotReached, TLSFailed, TooSlow

__all__ = [
    "BearerAuth",
    "Broken",
    "Closed",
    "Deadline",
    "Fault",
    "Gate",
    "NotReached",
    "Operation",
    "Policy",
    "Redirected",
    "TLSFailed",
    "TooLarge",
    "TooSlow",
    "seconds_to_wait",
    "send",
]
_BACK_OFF = 0.2  # seconds: the longest pause before a second try; twice that before a third
_LONGEST_PAUSE = 2.0  # seconds that a thread waits because the service asks for it
_LONGEST_QUEUE = 1.0  # seconds that a thread waits for its turn
_LONGEST_BELIEVED = 3600  # seconds of Retry-After
_FAILURES, _REST = 5, 5.0  # after so many operations in a row without an answer, rest for so many seconds


class Closed(Fault):
    """Nothing was sent: the service asks to be left alone, or does not answer, or enough calls are under way.

    `seconds` is how long to wait.
    """

    def __init__(self, url: str, what: str, *, seconds: float) -> None:
        super().__init__(urlsplit(url).netloc, what, sent=False)
        self.seconds = seconds


class Gate(Protocol):
    """Where all workers keep until when a service wants no calls."""

    def seconds(self) -> float:
        """Seconds until it opens; 0 when it is open."""

    def close(self, seconds: float) -> None:
        """Close it for so long, or leave it closed for longer."""


@dataclass
class Operation:
    """One thing to get or do at another service, in as many exchanges as its deadline and its tries allow.

    `before_try` is called right before each of them; what it raises passes through, and nothing more is sent.
    """

    method: str
    url: str
    deadline: Deadline
    before_try: Callable[[], None] = lambda: None
    tried: int = 0

    def begin_try(self) -> None:
        """Count a try and tell it. Raises TooSlow when the time is over."""
        if not self.deadline.left():
            raise TooSlow(urlsplit(self.url).netloc, "the time was over before a try", sent=False)
        self.before_try()
        self.tried += 1

    @property
    def may_try(self) -> bool:
        """Whether there is a try left: a GET has three, a change two."""
        return self.tried < (3 if self.method == "GET" else 2)

    def may_repeat(self, outcome: requests.Response | Fault) -> bool:
        """Whether to try again: a GET after what may pass by itself, a change only if it surely was not processed."""
        if not self.may_try or isinstance(outcome, TLSFailed):
            return False
        if isinstance(outcome, Fault):
            return not outcome.sent or (self.method == "GET" and isinstance(outcome, (TooSlow, Broken)))
        return outcome.status_code in ({429, 502, 503, 504} if self.method == "GET" else {429, 503})


class Policy:
    """How one service is called (decision 22): made once, and used by all threads of this process.

    An answer of 429 or 503 with Retry-After closes `gate`, for all workers. After five operations in a row without an
    answer, this process leaves the service alone; every five seconds one caller finds out whether it is back.
    At most `calls` operations are under way, their pauses included. The others wait for their turn, at most a second;
    once one has waited in vain, they are refused at once until there is a turn again. So, whatever the service does,
    threads are left for pages that do not need it.
    """

    def __init__(self, gate: Gate, calls: int) -> None:
        self._gate = gate
        self._turns, self._is_stuck = threading.BoundedSemaphore(calls), False
        self._lock, self._failures, self._rests_until = threading.Lock(), 0, 0.0

    def send(self, operation: Operation, **options: Any) -> requests.Response:
        """Return the last answer, whatever its status. `options` are those of `send`. Raises the last try's Fault."""
        self._refuse_if_closed(operation)
        with self._turn(operation):
            outcome = self._try(operation, options)
            while operation.may_repeat(outcome) and _pause(operation, outcome):
                outcome = self._try(operation, options)
        self._note(operation, outcome)
        if isinstance(outcome, Fault):
            raise outcome
        return outcome

    def _refuse_if_closed(self, operation: Operation) -> None:
        """Refuse at once what would have to wait for long. The caller that ends a rest begins the next one."""
        now = time.monotonic()
        with self._lock:
            rest = self._rests_until - now
            if self._failures >= _FAILURES and rest <= 0:
                self._rests_until = now + _REST
        if rest > 0:
            raise Closed(operation.url, "does not answer", seconds=rest)
        if self._gate.seconds() > _LONGEST_PAUSE:
            raise Closed(operation.url, "asks to be left alone", seconds=self._gate.seconds())

    @contextlib.contextmanager
    def _turn(self, operation: Operation) -> Iterator[None]:
        """One of the turns."""
        database.let_go()
        wait = 0.0 if self._is_stuck else min(_LONGEST_QUEUE, operation.deadline.left())
        self._is_stuck = not self._turns.acquire(timeout=wait)
        if self._is_stuck:
            raise Closed(operation.url, "enough calls are under way", seconds=_LONGEST_PAUSE)
        try:
            yield
        finally:
            self._turns.release()

    def _try(self, operation: Operation, options: dict[str, Any]) -> requests.Response | Fault:
        self._wait_at_gate(operation)
        operation.begin_try()
        try:
            response = send(operation.method, operation.url, seconds=operation.deadline.left(), **options)
        except Fault as fault:
            return fault
        told = _told(response)
        if told:
            self._gate.close(told)
            host = urlsplit(operation.url).netloc
            events.note("gate", "closed", host=host, status=response.status_code, wait=told)
        return response

    def _wait_at_gate(self, operation: Operation) -> None:
        """Wait until the gate opens, and a moment of chance, so that not all come at once."""
        seconds = self._gate.seconds()
        if not seconds:
            return
        wait = seconds + _chance(_BACK_OFF)
        if seconds > _LONGEST_PAUSE or wait >= operation.deadline.left():
            raise Closed(operation.url, "asks to be left alone", seconds=seconds)
        database.rest(wait)

    def _note(self, operation: Operation, outcome: requests.Response | Fault) -> None:
        """Count operations in a row that reached nobody."""
        failed = isinstance(outcome, (NotReached, TooSlow))
        with self._lock:
            before, self._failures = self._failures, self._failures + 1 if failed else 0
            self._rests_until = time.monotonic() + _REST if self._failures >= _FAILURES else 0.0
        if self._failures == _FAILURES:
            events.note("upstream", "down", host=urlsplit(operation.url).netloc)
        elif before >= _FAILURES > self._failures:
            events.note("upstream", "up", host=urlsplit(operation.url).netloc)


def _pause(operation: Operation, outcome: requests.Response | Fault) -> bool:
    """Wait before the next try, as long as the service asks; False if the time does not allow that."""
    told = _told(outcome) or 0
    wait = told + _chance(_BACK_OFF * 2 ** (operation.tried - 1))
    if told > _LONGEST_PAUSE or wait >= operation.deadline.left():
        return False
    database.rest(wait)
    return True


def _chance(most: float) -> float:
    """Full jitter."""
    return random.uniform(0, most)  # noqa: S311 - no secret


def _told(outcome: requests.Response | Fault) -> int | None:
    """Seconds that a 429 or 503 asks to wait; None if it does not say."""
    if isinstance(outcome, Fault) or outcome.status_code not in {429, 503}:
        return None
    told = _read_retry_after(outcome.headers.get("Retry-After"))
    return None if told is None else max(1, min(told, _LONGEST_BELIEVED))


def seconds_to_wait(retry_after: str | None, *, usual: int, longest: int = _LONGEST_BELIEVED) -> int:
    """Read a Retry-After header: from 1 to `longest` seconds, `usual` for none and for nonsense."""
    told = _read_retry_after(retry_after)
    return max(1, min(usual if told is None else told, longest))


def _read_retry_after(text: str | None) -> int | None:
    """Seconds from now, of a number or a date (RFC 9110 section 10.2.3); None for anything else."""
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:10])
    moment = parse_http_date_safe(text)
    return None if moment is None else moment - int(time.time())
