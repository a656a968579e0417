"""Runs the shell blocks of a page in one bash, and compares what comes back with the blocks of text after them."""

import re
import subprocess
from typing import NamedTuple

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BETWEEN = "=-=-= next block =-=-="


class Example(NamedTuple):
    """A shell block, and what the page says that it prints: None where it says nothing."""

    command: str
    shown: str | None


def examples(page):
    """The shell blocks of a page, in order; each other block is what the one before it prints."""
    found = []
    for language, text in FENCE.findall(page):
        if language == "sh":
            found.append(Example(text, None))
        else:
            found[-1] = found[-1]._replace(shown=text)
    return found


def run(page, environment, folder):
    """Run a page's blocks one after the other; returns what each printed. Stops at the first that fails."""
    script = f"\nprintf '\\n%s\\n' '{BETWEEN}'\n".join(each.command for each in examples(page))
    command = ["bash", "-c", "set -euo pipefail\n" + script]
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout.replace("\r", "").split(BETWEEN)


def is_like(shown, printed):
    """Whether the output is what the page shows, where … stands for anything."""
    pattern = ".*?".join(re.escape(part) for part in shown.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None
