"""Runs the queue of tasks (django-tasks-db) beside what the worker does anyway, in a thread of the same process."""

import logging
import threading
import uuid

from django.db import close_old_connections, connections
from django_tasks_db.management.commands.db_worker import Worker

logger = logging.getLogger(__name__)
_INTERVAL = 0.5  # seconds between two looks at the queue
_PAUSE = 5.0  # seconds, when the database is away


class Queue(threading.Thread):
    """Does one task after another until `end`."""

    def __init__(self) -> None:
        super().__init__(name="queue", daemon=True)
        self._ended = threading.Event()
        self._worker = Worker(
            queue_names=["default"],
            interval=_INTERVAL,
            batch=False,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=uuid.uuid4().hex,
            excluded_queue_names=[],
        )

    def run(self) -> None:
        """Work until ended; a database that is away for a while is waited for."""
        while not self._ended.is_set():
            try:
                close_old_connections()
                self._worker.run()
            except Exception as error:  # noqa: BLE001 - whatever it is, other tasks must go on
                logger.error("The queue pauses: %s", type(error).__name__)
                self._ended.wait(_PAUSE)
        connections.close_all()

    def end(self) -> None:
        """Finish the task at hand, and no other."""
        self._ended.set()
        self._worker.running = False
