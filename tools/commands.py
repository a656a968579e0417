"""The commands by name."""

import sys
from collections.abc import Callable

from tools import auditing, benching, checking, locking, picturing, running, serving
from tools.basics import say

COMMANDS: dict[str, Callable[[], int]] = {
    "run": running.main,
    "test": checking.main,
    "serve": serving.serve,
    "migrate": serving.migrate,
    "worker": serving.worker,
    "lock": locking.main,
    "screenshots": picturing.main,
    "bench": benching.main,
    "audit": auditing.audit,
    "sbom": auditing.sbom,
}


def main(arguments: list[str]) -> int:
    """Carry out the command that is named and give its exit code: 130 for one that was interrupted."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        sys.stderr.write(f"Name one of these: {', '.join(COMMANDS)}. For example: python3 tools/dev.py run\n")
        return 2
    try:
        return COMMANDS[arguments[0]]()
    except KeyboardInterrupt:
        say("\nStopped.")
        return 130
