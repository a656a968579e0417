"""Where things are, how trouble is told, and which environment the portal's processes get."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / ".run"
LOGS = RUN / "logs"

# All that a development process or a test may inherit; anything else could point it at real services.
INHERITED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "COLORTERM", "NO_COLOR", "TMPDIR", "TEMP", "TMP", "TZ"),
    *("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH"),
    *("SYSTEMROOT", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA"),  # Windows
)


class Trouble(SystemExit):
    """Something the person at the keyboard can mend: one line that says what, and the next command.

    Where nothing catches it, Python prints that line to standard error and exits with 1.
    """


def say(text: str = "") -> None:
    """Print a line now, also where the output is a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def spelled(command: str, **variables: object) -> str:
    """Write a command so that it can be pasted, the way this one was given: through make, or without it."""
    python = os.environ.get("PYTHON", "python3")
    given = [f"{name}={value}" for name, value in variables.items()]
    if "MAKELEVEL" not in os.environ:
        return " ".join([*given, python, "tools/dev.py", command])
    if python != "python3":
        given.append(f"PYTHON={python}")
    return " ".join(["make", command, *given])


def clean_environment(ambient: Mapping[str, str], *also: str) -> dict[str, str]:
    """Keep of an environment only what a process needs to run at all, and the names in `also`."""
    kept = {name: ambient[name] for name in (*INHERITED, *also) if name in ambient}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def shown(path: Path) -> str:
    """A path as seen from the checkout."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner may enter."""
    if path != RUN and path.is_relative_to(RUN):
        private_folder(path.parent)  # mkdir's mode is for the last folder alone
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
