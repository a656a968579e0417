"""The project's .venv: made, repaired and filled as a command needs it, and left alone when it is as it should be."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tools.basics import LOGS, ROOT, Trouble, say, shown, spelled
from tools.processes import Processes

LEVELS = ("serve", "run", "test")  # each holds what the one before holds
LOCKS = (*LEVELS, "audit", "bench")  # the last two for folders of their own
VENV = ROOT / ".venv"
LOG = LOGS / "install.log"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
LEADS_ASTRAY = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PYTHONHOME", "PYTHONPATH")
PIP = "-I -m pip --disable-pip-version-check --no-input"
INSTALL = f"{PIP} install --require-hashes --no-deps --only-binary :all: --progress-bar off -r"


def ensure(level: str, command: str) -> None:
    """Make .venv hold all that a level asks for; an environment that already does is not touched."""
    if sound() and installed(level):
        return
    with Processes() as processes:
        if not sound():
            _make(processes, command)
        if not installed(level):
            _install(processes, level, command)


def check_can_ensure(command: str) -> None:
    """Raise Trouble, before anything is printed, where no .venv could be made."""
    if not sound() and any(importlib.util.find_spec(module) is None for module in ("venv", "ensurepip")):
        raise Trouble(f"Python {VERSION} has no venv module here. Next: {_venv_advice(command)}")


def _venv_advice(command: str) -> str:
    if shutil.which("apt") is None:
        return f"install a Python 3.11 or newer that has it, then: {spelled(command)}"
    return f"apt install python{VERSION}-venv (as root), then: {spelled(command)}"


def sound() -> bool:
    """Tell whether .venv has a working interpreter of our version, with pip."""
    probe = [str(PYTHON), "-I", "-c", "import pip, sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        answer = subprocess.run(probe, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == VERSION


def installed(level: str) -> bool:
    """Tell whether this level, or one that holds it, was installed from the lock files as they are now."""
    holding = LEVELS[LEVELS.index(level) :]
    return any(_stamp_file(each).is_file() and _stamp_file(each).read_text() == _stamp(each) for each in holding)


def lock_file(level: str) -> Path:
    """The file that pins a level, or the tools of `make audit`."""
    return ROOT / "requirements" / f"{level}.txt"


def _stamp_file(level: str) -> Path:
    return VENV / f"installed-{level}"


def _stamp(level: str) -> str:
    held = LEVELS[: LEVELS.index(level) + 1]
    locks = b"".join(lock_file(each).read_bytes() for each in held)
    return f"{VERSION} {hashlib.sha256(locks).hexdigest()}\n"


def _make(processes: Processes, command: str) -> None:
    if VENV.exists() or VENV.is_symlink():
        say(f"The environment in .venv is half-made or of another Python than {VERSION}: making it anew.")
        _remove()
    base = getattr(sys, "_base_executable", sys.executable)  # we may be running in the .venv that was just removed
    if processes.run("venv", [base, "-I", "-m", "venv", VENV], _pip_environment(os.environ), LOG) != 0:
        raise Trouble(f"The environment in .venv could not be made. Next: read {shown(LOG)}, then: {spelled(command)}")


def _remove() -> None:
    try:
        shutil.rmtree(VENV) if VENV.is_dir() and not VENV.is_symlink() else VENV.unlink()
    except OSError as error:
        raise Trouble(f"The half-made .venv could not be removed ({error.strerror}). Next: rm -rf {VENV}") from error


def _install(processes: Processes, level: str, command: str) -> None:
    for each in LEVELS:
        _stamp_file(each).unlink(missing_ok=True)
    say("Installing what this needs into .venv, once; it takes a minute or so.")
    lock = lock_file(level)
    if processes.run("pip", [PYTHON, *INSTALL.split(), lock], _pip_environment(os.environ), LOG) != 0:
        raise Trouble(
            f"{_what_failed(LOG.read_text(errors='replace'), lock)} Next: read {shown(LOG)}, then: {spelled(command)}"
        )
    _stamp_file(level).write_text(_stamp(level))


def _pip_environment(ambient: Mapping[str, str]) -> dict[str, str]:
    """Proxies and package sources stay as the person set them; what would install elsewhere does not."""
    return {name: value for name, value in ambient.items() if name not in LEADS_ASTRAY}


def _what_failed(log: str, lock: Path) -> str:
    if "DO NOT MATCH THE HASHES" in log:
        return f"A downloaded package is not the one that {shown(lock)} names; it was not installed."
    if "No space left" in log:
        return "The disk is full."
    if "No matching distribution" in log or "onnection" in log:
        return "pip could not get a package: is there a network, or a mirror in pip's configuration?"
    return "pip failed."
