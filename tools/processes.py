"""Child processes that end when we end: by themselves, by Ctrl-C, or by a signal."""

# ruff: noqa: S603 - every command here is a list that tools/ itself wrote

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tools.basics import ROOT, private_folder

ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
PATIENCE = 5.0  # seconds between asking children to end and ending them


class Stopped(KeyboardInterrupt):
    """Somebody asked us to end, by Ctrl-C or by a signal."""


class Processes:
    """Children, each in a process group of its own. Leaving the `with` block ends every group.

    Signals only set a flag, which the waiting methods turn into `Stopped`: an exception raised inside a signal handler
    could strike between the start of a child and our noting it down, and that child would stay behind.
    """

    def __init__(self) -> None:
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._asked_to_stop = False
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> Self:
        self._handlers = {number: signal.signal(number, self._note) for number in ENDING}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.end()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: object) -> None:
        self._asked_to_stop = True

    def start(
        self, name: str, command: Sequence[object], env: Mapping[str, str], log: Path | None, cwd: Path = ROOT
    ) -> None:
        """Start a child; what it prints goes to the log, or to the terminal where there is none."""
        with _output(log) as out:
            self.running[name] = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=None if out is None else subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, name: str, command: Sequence[object], env: Mapping[str, str], log: Path | None) -> int:
        """Start a child, wait for its end, and give its exit code."""
        self.start(name, command, env, log)
        self.wait_until(lambda: name in self.ended())
        return self.running.pop(name).returncode

    def ended(self) -> dict[str, int]:
        """The children that have ended, with their exit codes."""
        return {name: child.returncode for name, child in self.running.items() if child.poll() is not None}

    def wait_until(self, done: Callable[[], bool], seconds: float = float("inf")) -> bool:
        """Wait until something is so; False if the time is over. Raises Stopped when we are asked to end."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
            if self._asked_to_stop:
                raise Stopped
        return True

    def end(self) -> None:
        """End every child and whatever it started: first asking, then not."""
        for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
            for child in self.running.values():
                _signal_group(child, number)
            deadline = time.monotonic() + PATIENCE
            while any(map(_group_alive, self.running.values())) and time.monotonic() < deadline:
                time.sleep(0.05)
        self.running.clear()


def _output(log: Path | None) -> contextlib.AbstractContextManager[IO[bytes] | None]:
    if log is None:
        return contextlib.nullcontext()
    private_folder(log.parent)
    return log.open("wb")


def _signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    if os.name == "nt":
        tree = ["taskkill", "/T", "/F", "/PID", str(child.pid)]
        subprocess.run(tree, check=False, capture_output=True)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _group_alive(child: subprocess.Popen[bytes]) -> bool:
    if child.poll() is None or os.name == "nt":
        return child.poll() is None
    try:
        os.killpg(child.pid, 0)  # the child is gone; what it started may not be
    except (ProcessLookupError, PermissionError):
        return False
    return True
