"""How a check ends, and how one check leads to the next."""

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.db import DatabaseError


class State(enum.StrEnum):
    """A warning is to be looked at some day; a failure is to be mended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw, in words without secrets, and what to do about it."""

    state: State
    what: str
    remedy: str = ""


def ok(what: str) -> Finding:
    """All is well."""
    return Finding(State.OK, what)


def warning(what: str, remedy: str) -> Finding:
    """It works, and should be looked at."""
    return Finding(State.WARNING, what, remedy)


def failed(what: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(State.FAILED, what, remedy)


def skipped(why: str) -> Finding:
    """It was not looked at."""
    return Finding(State.SKIPPED, why)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at. Where a check that it `needs` did not end well, it is skipped."""

    name: str
    look: Callable[[], Finding]
    needs: tuple[str, ...] = ()


def run(checks: Sequence[Check]) -> Iterator[tuple[str, Finding]]:
    """Make the checks in turn. Whatever one of them meets, the others are made."""
    states: dict[str, State] = {}
    for check in checks:
        missing = next((name for name in check.needs if states[name] in (State.FAILED, State.SKIPPED)), None)
        finding = skipped(f"needs “{missing}”") if missing else _made(check)
        states[check.name] = finding.state
        yield check.name, finding


def _made(check: Check) -> Finding:
    """What goes wrong unexpectedly is told by its kind alone: its text may hold a secret."""
    try:
        return check.look()
    except DatabaseError as error:
        return failed(f"the database failed ({type(error).__name__})", "Look at the database and its log.")
    except Exception as error:  # noqa: BLE001 - one check must not end the others
        return failed(f"the check itself failed ({type(error).__name__})", "Please report this: it is a fault of ours.")
