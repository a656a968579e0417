"""`make screenshots`: a picture of every page and state, in screenshots/. It needs a Chromium."""

import os
import shlex

from tools import checking, installing
from tools.basics import Trouble, clean_environment, spelled
from tools.processes import Processes


def main() -> int:
    """Install what tests need, and take the pictures whose names hold all words of ARGS."""
    installing.check_can_ensure("screenshots")
    chromium = checking.find_programs(os.environ).get("CHROMIUM")
    if chromium is None:
        raise Trouble(f"There is no Chromium here. Next: apt install chromium, then: {spelled('screenshots')}")
    installing.ensure("test", "screenshots")
    env = {**clean_environment(os.environ), "CHROMIUM": chromium}
    command = [installing.PYTHON, "-m", "tests.screenshots", *shlex.split(os.environ.get("ARGS", ""))]
    with Processes() as processes:
        return processes.run("screenshots", command, env, None)
