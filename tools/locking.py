"""`make lock`: writes requirements/*.txt from requirements/*.in, for every Python and platform that we support.

Pins that still fit stay as they are; `make lock ARGS=--upgrade-package=idna` moves one.
"""

import os
import shlex
import shutil
import tempfile
from pathlib import Path

from tools import installing
from tools.basics import LOGS, ROOT, Trouble, say, shown
from tools.processes import Processes

UV = "uv==0.13.9"
QUIETLY = "--no-emit-index-url --no-emit-find-links --no-header"  # a lock names packages, not where they came from
COMPILE = f"pip compile --universal --python-version 3.11 --generate-hashes {QUIETLY}"
LOG = LOGS / "lock.log"


def main() -> int:
    """Compile every lock; uv itself lives in a folder that is thrown away."""
    installing.check_can_ensure("lock")
    installing.ensure("serve", "lock")
    with tempfile.TemporaryDirectory() as folder, Processes() as processes:
        uv = _install_uv(processes, Path(folder))
        for level in installing.LOCKS:
            _compile(processes, uv, level)
    return 0


def _install_uv(processes: Processes, folder: Path) -> Path:
    command = [installing.PYTHON, *installing.PIP.split(), "install", "--target", folder, UV]
    if processes.run("uv", command, os.environ, LOG) != 0:
        raise Trouble(f"{UV} could not be installed. Next: read {shown(LOG)}")
    return Path(shutil.which("uv", path=str(folder / "bin")) or folder / "bin" / "uv")


def _compile(processes: Processes, uv: Path, level: str) -> None:
    lock = installing.lock_file(level).relative_to(ROOT)
    more = shlex.split(os.environ.get("ARGS", ""))
    command = [uv, *COMPILE.split(), lock.with_suffix(".in"), "--output-file", lock, *more]
    if processes.run("uv", command, os.environ, LOG) != 0:
        raise Trouble(f"{lock} could not be written. Next: read {shown(LOG)}")
    say(f"{lock} is up to date.")
