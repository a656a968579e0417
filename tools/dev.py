"""The project's commands: `python3 tools/dev.py run`, and so on; `make run` calls the same.

This one file keeps to what a Python 3.6 can read, so that an old Python prints a sentence and not a SyntaxError.
The rest of tools/ is imported once the version is known to do.
"""

import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
USABLE = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"


def main(arguments: "list[str]") -> int:
    """Carry out one command and give its exit code."""
    if sys.version_info < OLDEST:
        sys.stderr.write(too_old(arguments) + "\n")
        return 1
    sys.path[0] = ROOT
    from tools import commands

    return commands.main(arguments)


def too_old(arguments: "list[str]") -> str:
    """Say in one line that this Python is too old, and which command to give instead."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    said = f"Python {version} is too old: AOS Portal needs 3.11 or newer. Next: "
    command = " ".join(arguments[:1]) or "run"
    newer = newer_python()
    if newer is None:
        return said + f"install Python 3.11 or newer, then: {spelled(command, 'python3.11')}"
    return said + spelled(command, newer)


def spelled(command: str, python: str) -> str:
    """Write a command the way this one was given: through make, or without it."""
    if "MAKELEVEL" in os.environ:
        return f"make {command} PYTHON={python}"
    return f"{python} tools/dev.py {command}"


def newer_python() -> "str | None":
    """Find a python3.x on PATH that would do; None if there is none."""
    names = [f"python3.{minor}" for minor in range(14, 10, -1)]
    return next((name for name in names if usable(name)), None)


def usable(name: str) -> bool:
    """Try an interpreter: a name on PATH may be a shim with nothing behind it."""
    path = shutil.which(name)
    if path is None:
        return False
    quiet = subprocess.DEVNULL
    try:
        return subprocess.call([path, "-c", USABLE], stdin=quiet, stdout=quiet, stderr=quiet) == 0  # noqa: S603
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
