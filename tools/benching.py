"""`make bench`: how fast the portal is, beside other programs. QUICK=1 does a part of it, KEEP=1 keeps the result,
SOAK=1 uses the portal for ten minutes instead.

The peers and the plots have a lock of their own, requirements/bench.txt, and live in .run/bench beside the tests'
packages.
"""

import hashlib
import os
import shutil
from pathlib import Path

from tools import installing
from tools.basics import LOGS, ROOT, RUN, Trouble, clean_environment, private_folder, say, shown, spelled
from tools.processes import Processes

FOLDER = RUN / "bench"
LOG = LOGS / "bench-install.log"


def main() -> int:
    """Install what it needs, and run it; what is measured is the production server on a PostgreSQL."""
    database = os.environ.get("TEST_DATABASE_URL", "")
    if not database.startswith("postgres"):
        example = {"TEST_DATABASE_URL": "postgres://root@127.0.0.1:5432/test"}
        raise Trouble(f"The benchmark needs a PostgreSQL. Next: {spelled('bench', **example)}")
    installing.check_can_ensure("bench")
    installing.ensure("test", "bench")
    with Processes() as processes:
        packages = _packages(processes)
        env = clean_environment(os.environ, "QUICK", "KEEP", "SOAK", "SECONDS")
        env |= {"DATABASE_URL": database, "PYTHONPATH": os.pathsep.join((str(ROOT), str(packages)))}
        return processes.run("bench", [installing.PYTHON, "-m", "bench"], env, None)


def _packages(processes: Processes) -> Path:
    """The folder with what the lock names, made once for each lock."""
    lock = installing.lock_file("bench")
    folder = FOLDER / f"packages-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    say("Installing the peers and the plots into .run/bench, once.")
    private_folder(FOLDER)
    half = folder.with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    install = [installing.PYTHON, *installing.INSTALL.removesuffix(" -r").split(), "--target", half, "-r", lock]
    if processes.run("pip", install, os.environ, LOG) != 0:
        raise Trouble(f"{shown(lock)} could not be installed. Next: read {shown(LOG)}, then: {spelled('bench')}")
    half.rename(folder)
    return folder
