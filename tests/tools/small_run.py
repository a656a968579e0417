"""The real `make run` with small servers in it. Arguments: folder for logs, port, and the name of a broken one."""

import sys
from pathlib import Path

from tools import installing, processes, running

FOLDER, PORT, BROKEN = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
SERVER = str(Path(__file__).with_name("small_server.py"))


def child(name, port, env):
    """One small server, or one that does not start."""
    arguments = [SERVER, str(port), str(FOLDER / f"{name}.pid")]
    if name == BROKEN:
        arguments = ["-c", f"raise SystemExit('no {name} today')"]
    return running.Child(name, arguments, port, env)


def children(port, portal, sandbox):
    """Stand in for running.children."""
    return [child("aps", port + 1, sandbox), child("aos", port + 2, sandbox), child("portal", port, portal)]


if __name__ == "__main__":
    running.children = children
    running.prepare = installing.check_can_ensure = installing.ensure = lambda *arguments: None
    running.LOGS, running.KEYS = FOLDER / "logs", FOLDER / "keys.json"
    installing.PYTHON, processes.PATIENCE = sys.executable, 1.0
    sys.exit(running.main())
