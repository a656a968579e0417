"""Until when AOS wants no calls (Retry-After), by the database's clock, for all threads, workers and hosts."""

import math
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import Error, models
from django.db.models import Q
from django.db.models.functions import Now

from aosportal import database, events

from .models import Gate

_MEMORY = 1.0  # seconds that what was read is good for


class SharedGate:
    """The gate of one service, as `aosportal.http.Policy` needs it. Each process reads it once a second at most.

    A database that cannot be asked keeps nobody from AOS: only what this process knows by itself counts then.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._read_at = self._opens_at = -math.inf  # by this process's clock
        self._is_down = False

    def seconds(self) -> float:
        """Seconds until it opens; 0 when it is open."""
        database.let_go()  # who waits here keeps no connection from the one that reads
        with self._reading:  # who comes while one reads waits for what it finds
            if self._is_time_to_read():
                self._ask(lambda: self._remember(self._read()))
                self._read_at = time.monotonic()  # a database that is away takes its time to say so
        return max(0.0, self._opens_at - time.monotonic())

    def close(self, seconds: float) -> None:
        """Close it for so many seconds, or leave it closed for longer."""
        self._remember(seconds)
        self._ask(lambda: self._write(seconds))

    def _is_time_to_read(self) -> bool:
        """Whether what was read last is too old by now."""
        with self._lock:
            now = time.monotonic()
            is_old = now - self._read_at >= _MEMORY
            if is_old:
                self._read_at = now
        return is_old

    def _remember(self, seconds: float) -> None:
        with self._lock:
            self._opens_at = max(self._opens_at, time.monotonic() + seconds)

    def _ask(self, question: Callable[[], None]) -> None:
        """Ask the database. That it is down is logged once, not for each call to AOS."""
        try:
            question()
        except Error as error:
            if not self._is_down:
                events.note("gate", "unshared", service=self._service, reason=type(error).__name__)
            self._is_down = True
        else:
            self._is_down = False

    def _read(self) -> float:
        gate = Gate.objects.annotate(now=Now()).filter(service=self._service).first()
        return (gate.closed_until - gate.now).total_seconds() if gate and gate.closed_until else 0.0

    def _write(self, seconds: float) -> None:
        until = models.ExpressionWrapper(Now() + timedelta(seconds=seconds), models.DateTimeField())
        sooner = Q(closed_until__isnull=True) | Q(closed_until__lt=until)
        Gate.objects.get_or_create(service=self._service)
        Gate.objects.filter(sooner, service=self._service).update(closed_until=until)
