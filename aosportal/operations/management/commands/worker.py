"""`manage.py worker`: batches, and what has to be tried again, until it is ended. Several may run."""

import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections

from aosportal import database, events, request_id
from aosportal.operations import housekeeping
from aosportal.operations.heartbeat import Heart
from aosportal.operations.queue import Queue
from aosportal.passport import people, revocations
from subscriptions import batches, batching, settling, snapshots

_PAUSE = 5.0  # seconds
_JOBS = (
    batching.wake,
    people.end_overdue,
    revocations.retry_due,
    settling.settle_due,
    snapshots.purge,
    batches.purge,
    batches.purge_tasks,
    housekeeping.keep_house,
)


class Command(BaseCommand):
    """Runs batches; ends sessions that are over, asks APS again to revoke tokens, settles renames, until a signal."""

    help = "Run batches; end overdue sessions, revoke tokens and settle renames every few seconds. Until ended."

    def handle(self, *args: Any, **options: Any) -> None:
        """Work and pause until a signal comes; a database that is away for a while is waited for."""
        ended, queue, heart = threading.Event(), Queue(), Heart()

        def end(number: int, frame: FrameType | None) -> None:
            ended.set()
            batching.ending.set()
            queue.end()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        queue.start()
        events.note("worker", "begun")
        while not ended.is_set():
            self._work(heart)
            database.let_go()
            ended.wait(_PAUSE)
        queue.join()
        with suppress(DatabaseError):
            heart.stop()

    def _work(self, heart: Heart) -> None:
        close_old_connections()
        for job in _JOBS:
            request_id.fresh()
            try:
                heart.beat()
                job()
            except Exception as error:  # noqa: BLE001 - one bad row or a database that is away must not end the worker
                events.note("worker", "failed", job=job.__name__, reason=type(error).__name__)
