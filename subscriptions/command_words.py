"""What the command line says. Names come from elsewhere: a terminal gets nothing of them that it could obey."""

from collections.abc import Iterable

from aosportal.passport.tokens import PassportMisconfigured, PassportUnavailable

from .answers import Subscription
from .errors import AOSError, Frozen, NoPermission
from .planning import PlannedRow

_SELFTEST = "manage.py selftest says more."
PROBLEMS = {
    "unknown-id": "AOS lists no such id to the portal itself",
    "unusual-id": "its id is unfit for a URL",
    "twice": "its id comes more than once",
    "changed": "it is not called what was expected",
    "unchanged": "it has that name already",
    "empty": "the new name is empty",
    "control": "the new name holds control characters or line breaks",
    "long": "the new name is too long (DISPLAY_NAME_LIMIT)",
}


def printable(text: str | None) -> str:
    """The text with its control and format characters spelled out: none moves the cursor or turns a line around."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text or "")


def trouble(error: Exception) -> str:
    """Why nothing more can be done, and what to do."""
    if isinstance(error, NoPermission):
        return f"AOS does not allow that to the portal itself (403). {_SELFTEST}"
    if isinstance(error, Frozen):
        return "The portal is read-only for now: an administrator's change freeze. Nothing more was sent."
    if isinstance(error, AOSError):
        return f"{printable(str(error))}. Nothing was changed. {_SELFTEST}"
    if isinstance(error, PassportUnavailable):
        return f"APS gave no token: it cannot be reached, or failed. Try later. {_SELFTEST}"
    if isinstance(error, PassportMisconfigured):
        return f"APS refuses the portal itself: look at its registration for client credentials. {_SELFTEST}"
    return f"AOS does not accept the portal's own token (401). {_SELFTEST}"


def table(subscriptions: Iterable[Subscription]) -> Iterable[str]:
    """A line for each: id, state, name."""
    rows = [(printable(each.id), printable(each.state) or "-", printable(each.name)) for each in subscriptions]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    return (f"{id_:<{widths[0]}}  {state:<{widths[1]}}  {name}".rstrip() for id_, state, name in rows)


def plan(row: PlannedRow) -> str:
    """What would become of one row."""
    if row.problem:
        return f"{printable(row.id)}: left out, {PROBLEMS[row.problem]}"
    hint = "  (another one has that name too)" if row.is_duplicate else ""
    return f"{row.id}: “{printable(row.seen)}” → “{printable(row.wanted)}”{hint}"
