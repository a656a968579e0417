"""Reads pytest's reports: a test that was skipped on one database may have run on the other."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree  # the reports are pytest's own

MANY = 5  # more names than this say no more


def never_run(reports: Iterable[Path]) -> list[str]:
    """Name the tests that were skipped wherever they came up; a test that is expected to fail did run."""
    ran: set[str] = set()
    skipped: set[str] = set()
    for report in reports:
        for name, was_skipped in _tests(report):
            (skipped if was_skipped else ran).add(name)
    names = sorted(skipped - ran)
    more = [f"{len(names) - MANY} more skipped tests"] if len(names) > MANY else []
    return [f"skipped: {name}" for name in names[:MANY]] + more


def _tests(report: Path) -> Iterator[tuple[str, bool]]:
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - see above
        mark = case.find("skipped")
        is_skip = mark is not None and mark.get("type") != "pytest.xfail"
        yield f"{case.get('classname')}::{case.get('name')}", is_skip
