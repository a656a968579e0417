"""The worker processes of a portal, seen through /proc: Linux only."""

import contextlib
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.people import at_once, until
from tests.support.portal import Portal


def workers_of(portal: Portal) -> set[int]:
    """The process ids of gunicorn's workers."""
    master = portal.process.pid
    return {int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()}


def kill(portal: Portal, pid: int) -> None:
    """`kill -9` one worker, and wait until the master has started another."""
    count = len(workers_of(portal))
    os.kill(pid, signal.SIGKILL)
    until(lambda: pid not in workers_of(portal) and len(workers_of(portal)) == count, seconds=30)


def until_all_answer(portal: Portal, ask: Callable[[], Any]) -> None:
    """Ask, many times at once, until each worker has answered 200: none of them still avoids APS or AOS."""
    start = portal.log.stat().st_size

    def all_have() -> bool:
        at_once([ask] * 8)
        log = portal.log.read_bytes()[start:].decode()
        return {int(pid) for pid in re.findall(r"<(\d+)> answered 200 ", log)} >= workers_of(portal)

    until(all_have, seconds=40)


def worker_connected(portal: Portal, port: int, peer: int) -> int:
    """The process id of the worker that holds a connection on this machine, from one port to the other."""
    found: list[int] = []
    until(lambda: found.extend(pid for pid in workers_of(portal) if _sockets(port, peer) & _files(pid)) or found)
    return found[0]


def _sockets(port: int, peer: int) -> set[str]:
    """The name that /proc gives to the socket of a connection.

    The kernel's table moves while it is read: a row may come twice, or be missed.
    """
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ends = (f":{port:04X}", f":{peer:04X}")
    return {f"socket:[{row[9]}]" for row in rows if (row[1][-5:], row[2][-5:]) == ends}


def _files(pid: int) -> set[str]:
    """The names of what a process has open; it may close some of it, or end, meanwhile."""
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for each in list(Path(f"/proc/{pid}/fd").iterdir()):
            with contextlib.suppress(FileNotFoundError):
                found.add(os.readlink(each))
    return found
