"""Which test holds which case: `python -m tests.security_table` writes the table of docs/security.md anew.

A test belongs to a case by its name (test_c02_…) or the name of its parameters ([c02_iss]).
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "security.md"
START, END = "<!-- table: python -m tests.security_table -->\n", "<!-- end of table -->\n"
_IDS = re.compile(r"(?:test_|\[|_|-)(?=[a-e]\d\d_)((?:[a-e]\d\d_)+)")


def collected() -> dict[str, set[str]]:
    """Ask pytest for all tests; return case id -> the tests that are named after it."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
    # A worker of a parallel run must not take this for a part of itself.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    listing = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    found: dict[str, set[str]] = {}
    for node in re.findall(r"^tests/\S+::.*$", listing, flags=re.MULTILINE):
        path, _, name = node.partition("::")
        function = name.split("[")[0].split("::")[-1]
        for ids in _IDS.findall(name.split("::")[-1]):
            for case in ids.strip("_").split("_"):
                found.setdefault(case.upper(), set()).add(f"`{path.removeprefix('tests/')}` {function}")
    return found


def table() -> str:
    """The table in Markdown, a row a case."""
    rows = [f"| {case} | {'<br>'.join(sorted(tests))} |" for case, tests in sorted(collected().items())]
    return "\n".join(["| case | held by |", "| --- | --- |", *rows]) + "\n"


def written() -> str:
    """The table as docs/security.md has it."""
    return PAGE.read_text(encoding="utf-8").split(START)[1].split(END)[0]


def write() -> None:
    """Put the present table into docs/security.md."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(START)
    PAGE.write_text(before + START + table() + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    write()
