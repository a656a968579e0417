"""Finds, filters, sorts and pages a person's subscriptions. Knows no requests and no HTTP."""

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

from .answers import Subscription

PAGE_SIZE = 50
SORTS = ("name", "-name", "state", "-state")
NO_STATE = "-"  # stands for an empty state where an empty text means any
_LONGEST = 200  # characters of what is searched for
_REMEMBERED = 10_000  # names whose keys stay in memory: a list is sorted many times


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many of the found subscriptions have a state; `value` is what to filter by."""

    state: str
    count: int

    @property
    def value(self) -> str:
        """The state itself, or what stands for an empty one."""
        return self.state or NO_STATE


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of what was asked for. `q`, `state`, `sort` and `page` are as they were understood.

    `matching` is the whole of it, sorted, and `rows` the page. `found` counts what `q` finds in any state, and `states`
    tells how that divides, the most usual state first. `total` counts everything the person has.
    """

    q: str
    state: str
    sort: str
    page: int
    pages: int
    matching: list[Subscription]
    states: list[StateCount]
    found: int
    total: int

    @property
    def rows(self) -> list[Subscription]:
        """The subscriptions on this page."""
        return self.matching[self.first - 1 : self.last] if self.matching else []

    @property
    def first(self) -> int:
        """The number of the first row, from 1."""
        return (self.page - 1) * PAGE_SIZE + 1

    @property
    def last(self) -> int:
        """The number of the last row."""
        return min(self.page * PAGE_SIZE, len(self.matching))

    @property
    def is_filtered(self) -> bool:
        """Whether something may be left out."""
        return bool(self.q or self.state)


def select(
    subscriptions: list[Subscription], q: str = "", state: str = "", sort: str = "name", page: str = "1"
) -> Listing:
    """Return what these texts, as an address holds them, ask for. Nonsense asks for what is usual, never raises."""
    q = q.strip()[:_LONGEST]
    sort = sort if sort in SORTS else "name"
    found = _search(subscriptions, q)
    matching = _sorted([each for each in found if state in ("", each.state or NO_STATE)], sort)
    pages = max(1, -(-len(matching) // PAGE_SIZE))
    return Listing(
        q=q,
        state=state,
        sort=sort,
        page=min(_number(page), pages),
        pages=pages,
        matching=matching,
        states=_count_states(subscriptions, found, state),
        found=len(found),
        total=len(subscriptions),
    )


def fold(text: str) -> str:
    """Drop what searching and sorting take no notice of: case, accents, and the shape of digits."""
    if text.isascii():
        return text.lower()
    bare = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char)).casefold()
    return bare if bare.isascii() else re.sub(r"\d", lambda digit: str(unicodedata.decimal(digit[0])), bare)


@functools.lru_cache(_REMEMBERED)
def natural_key(text: str) -> str:
    """Return a key that sorts texts as people do: “Plan 2” before “Plan 10”, “é” beside “e”, spaces around ignored."""
    return re.sub(r"[0-9]+", _by_value, fold(text).strip())


def is_shared(subscriptions: list[Subscription], subscription_id: str, name: str) -> bool:
    """Tell whether another subscription has this name, but for what sorting takes no notice of."""
    wanted = fold(name).strip()
    others = (each.name for each in subscriptions if each.id != subscription_id)
    return bool(wanted) and any(fold(other or "").strip() == wanted for other in others)


def _by_value(number: re.Match[str]) -> str:
    """Of two numbers without leading zeros the longer is greater, and equally long ones compare as text."""
    digits = number[0].lstrip("0")
    return f"{len(digits):05}{digits}"


def _search(subscriptions: list[Subscription], q: str) -> list[Subscription]:
    """Those that hold the text in their name or one of their ids."""
    wanted = fold(q)
    if not wanted:
        return subscriptions
    return [
        each
        for each in subscriptions
        if wanted in fold(each.name or "") or wanted in fold(each.id) or wanted in fold(each.subscription_id)
    ]


def _sorted(subscriptions: Iterable[Subscription], sort: str) -> list[Subscription]:
    """By id, then by name, then as asked: each step keeps the order of what it finds equal. Unnamed ones come last."""
    rows = sorted(subscriptions, key=attrgetter("id"))
    rows.sort(key=lambda each: natural_key(each.name or ""), reverse=sort == "-name")
    rows.sort(key=lambda each: not each.name or each.name.isspace())
    if sort.endswith("state"):
        rows.sort(key=lambda each: natural_key(each.state), reverse=sort == "-state")
    return rows


def _count_states(everything: list[Subscription], found: list[Subscription], wanted: str) -> list[StateCount]:
    """Every state that the person has, and the one asked for, in an order that searching does not change."""
    usual = Counter(each.state for each in everything)
    if wanted:
        usual["" if wanted == NO_STATE else wanted] += 0
    counts = Counter(each.state for each in found)
    return [StateCount(state, counts[state]) for state in sorted(usual, key=lambda each: (-usual[each], each))]


def _number(text: str) -> int:
    """A whole number from 1; 1 for what is none."""
    try:
        return max(1, int(text))
    except ValueError:
        return 1
