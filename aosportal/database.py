"""Threads wait for other hosts far longer than for the database: meanwhile others have their connection to it."""

import time

from django.db import connections


def let_go() -> None:
    """Give this thread's connections back to the pool. The next query takes one again; a transaction keeps its own."""
    for connection in connections.all(initialized_only=True):
        if getattr(connection, "pool", None) and not connection.in_atomic_block:
            connection.close()


def rest(seconds: float) -> None:
    """Sleep, without a connection."""
    let_go()
    time.sleep(seconds)
