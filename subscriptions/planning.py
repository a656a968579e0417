"""Plans many renames: what somebody wants, row by row, and what speaks against it. Knows no requests and no HTTP."""

import re
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.conf import settings

from .answers import Subscription
from .listing import fold
from .names import is_blank, is_control

MOST_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of many names: every `find` becomes `replace`, then `prefix` and `suffix` are put around it."""

    find: str = ""
    replace: str = ""
    match_case: bool = False
    prefix: str = ""
    suffix: str = ""

    def apply(self, name: str) -> str:
        """Return the new name."""
        if self.find:
            flags = re.NOFLAG if self.match_case else re.IGNORECASE
            name = re.sub(re.escape(self.find), lambda found: self.replace, name, flags=flags)
        return f"{self.prefix}{name}{self.suffix}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A wanted name. `expected` is the name it had when somebody decided that, as a cell holds it; None: not told."""

    id: str
    name: str
    expected: str | None = None
    undoes: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A proposal beside the name as it is. With a `problem` it cannot be done; `is_duplicate` is only a hint.

    Problems: unknown-id, unusual-id, twice (the id comes more than once), changed (it is not called what was expected),
    unchanged, empty, control (characters that no name can hold), long.
    """

    id: str
    seen: str | None
    wanted: str
    problem: str = ""
    is_duplicate: bool = False
    undoes: uuid.UUID | None = None


def edited(subscriptions: Iterable[Subscription], edit: Edit) -> list[Proposal]:
    """Propose the same change of each name."""
    return [Proposal(each.id, edit.apply(each.name or "")) for each in subscriptions]


def check(proposals: Sequence[Proposal], subscriptions: Iterable[Subscription]) -> list[PlannedRow]:
    """Compare what is wanted with the person's list."""
    known = {each.id: each for each in subscriptions}
    ids = Counter(each.id for each in proposals)
    rows = [_check(each, known.get(each.id), is_twice=ids[each.id] > 1) for each in proposals]
    return _mark_duplicates(rows, known)


def _check(wish: Proposal, now: Subscription | None, *, is_twice: bool) -> PlannedRow:
    name = now.name if now else wish.expected
    wanted = name or "" if is_same(wish.name, name) else wish.name if wish.undoes else wish.name.strip()
    problem = "twice" if is_twice else _problem(wish, now, wanted)
    return PlannedRow(wish.id, name, wanted, problem, undoes=wish.undoes)


def _problem(wish: Proposal, now: Subscription | None, wanted: str) -> str:
    if now is None:
        return "unknown-id"
    if not now.can_rename:
        return "unusual-id"
    if is_same(wanted, now.name):
        return "unchanged"
    if wish.expected is not None and not is_same(wish.expected, now.name):
        return "changed"
    if is_blank(wanted):
        return "empty"
    return "" if wish.undoes else _unfit(wanted)  # what AOS had once, it may have again


def _unfit(name: str) -> str:
    """What the rename form would not let through either."""
    if any(map(is_control, name)):
        return "control"
    return "long" if len(name) > settings.DISPLAY_NAME_LIMIT else ""


def is_same(cell: str, name: str | None) -> bool:
    """Whether a cell of a spreadsheet holds this name: files write line breaks in more than one way."""
    return _unix(cell) == _unix(name or "")


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _mark_duplicates(rows: list[PlannedRow], known: dict[str, Subscription]) -> list[PlannedRow]:
    """Mark rows after which two of the person's subscriptions would have one name."""
    names = {each.id: each.name or "" for each in known.values()}
    names |= {row.id: row.wanted for row in rows if not row.problem}
    taken = Counter(fold(name).strip() for name in names.values())
    return [replace(row, is_duplicate=not row.problem and taken[fold(row.wanted).strip()] > 1) for row in rows]
