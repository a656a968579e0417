"""`manage.py selftest`: whether this installation will do, and what to do where it will not."""

import json
import shutil
import textwrap
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand

from aosportal.operations.quiet import logging_off
from aosportal.operations.selftest.checks import ALL
from aosportal.operations.selftest.results import Finding, State, run

_NAME = max(len(check.name) for check in ALL) + 2
_STATE = 9
_MOST, _LEAST = 120, 60  # columns


class Command(BaseCommand):
    """Makes every check, prints a table, and ends with 1 if one has failed. It changes nothing at APS and AOS."""

    help = "Check this installation, APS and AOS; say what to do about each failure. Exit code 1 if there is one."
    requires_system_checks = ()  # they are one of the checks

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Describe the options."""
        parser.add_argument("--json", action="store_true", help="as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print each line as soon as it is known."""
        found = []
        with logging_off(options["verbosity"]):
            for name, finding in run(ALL):
                found.append((name, finding))
                if not options["json"]:
                    self._write(name, finding)
        counts = Counter(finding.state for _name, finding in found)
        self._write_json(found) if options["json"] else self._write_sum(counts)
        if counts[State.FAILED]:
            raise SystemExit(1)

    def _write(self, name: str, finding: Finding) -> None:
        style = {State.OK: self.style.SUCCESS, State.WARNING: self.style.WARNING, State.FAILED: self.style.ERROR}
        paint = style.get(finding.state, str)
        first, *more = [*_wrapped(finding.what), *_wrapped(finding.remedy, "→ ")]
        self.stdout.write(f"{name:<{_NAME}}{paint(f'{finding.state:<{_STATE}}')}{first}")
        for line in more:
            self.stdout.write(" " * (_NAME + _STATE) + line)

    def _write_sum(self, counts: Counter[State]) -> None:
        self.stdout.write("\n" + ", ".join(f"{counts[state]} {state}" for state in State if counts[state]) + ".")

    def _write_json(self, found: list[tuple[str, Finding]]) -> None:
        checks = [
            {"check": name, "state": finding.state, "what": finding.what, "remedy": finding.remedy}
            for name, finding in found
        ]
        is_ok = all(finding.state != State.FAILED for _name, finding in found)
        self.stdout.write(json.dumps({"ok": is_ok, "checks": checks}, indent=2, ensure_ascii=False))


def _wrapped(text: str, mark: str = "") -> Iterator[str]:
    """The text in lines as wide as the terminal allows; an address is not broken. What APS says moves no cursor."""
    text = "".join(each for each in text if each.isprintable())
    width = max(_LEAST, min(_MOST, shutil.get_terminal_size((_MOST, 0)).columns)) - _NAME - _STATE
    options: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
    yield from textwrap.wrap(text, width, initial_indent=mark, subsequent_indent=" " * len(mark), **options)
