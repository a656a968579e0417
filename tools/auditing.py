"""`make audit` and `make sbom`: known vulnerabilities in what is locked, and the bill of materials of what is deployed.

Their tools have a lock of their own, requirements/audit.txt, and live in a folder that is thrown away.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools import installing
from tools.basics import LOGS, ROOT, RUN, Trouble, private_folder, say, shown, spelled
from tools.processes import Processes

# A package that could not be looked up fails the audit: silence must mean that every one was.
AUDIT = "-m pip_audit --strict --progress-spinner off --disable-pip --require-hashes"
# The graph between packages is not in a lock file, and the tool warns of that each time.
SBOM = "-W ignore::UserWarning -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible"
BILL = RUN / "sbom.cdx.json"
LOG = LOGS / "audit.log"


def audit() -> int:
    """Look up every locked package, those for tests too; 1 if one is known to be weak or could not be looked up."""
    widest = installing.LEVELS[-1]  # it holds the others
    code = _with_tools("audit", [*AUDIT.split(), "--requirement", installing.lock_file(widest)])
    if code != 0:
        say("The audit failed, see above. “Could not be audited”: the list of weaknesses was not reached from here.")
    return code


def sbom() -> int:
    """Write what `make serve` installs as CycloneDX JSON."""
    private_folder(BILL.parent)
    code = _with_tools("sbom", [*SBOM.split(), "--output-file", BILL, installing.lock_file("serve")])
    if code == 0:
        say(f"{shown(BILL)} is the bill of materials, CycloneDX in JSON.")
    return code


def _with_tools(command: str, arguments: Sequence[object]) -> int:
    """Install the tools beside nothing else, and run one of them in the checkout."""
    installing.check_can_ensure(command)
    installing.ensure("serve", command)
    with tempfile.TemporaryDirectory() as folder, Processes() as processes:
        _install(processes, Path(folder), command)
        env = {**os.environ, "PYTHONPATH": folder}
        return processes.run(command, [installing.PYTHON, *arguments], env, None)


def _install(processes: Processes, folder: Path, command: str) -> None:
    lock = installing.lock_file("audit")
    into = ["--target", folder, "-r", lock]
    install = [installing.PYTHON, *installing.INSTALL.removesuffix(" -r").split(), *into]
    if processes.run("pip", install, os.environ, LOG) != 0:
        raise Trouble(
            f"{lock.relative_to(ROOT)} could not be installed. Next: read {shown(LOG)}, then: {spelled(command)}"
        )
