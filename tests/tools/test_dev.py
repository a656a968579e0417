"""The commands as somebody types them who has the wrong Python, or none."""

import ast
import os
import subprocess
import sys

import pytest

from tools.basics import ROOT

DEV = ROOT / "tools" / "dev.py"
AS_OLD_PYTHON = f"""
import runpy, sys
sys.version_info = (3, 10, 13)
sys.argv = ["dev.py", "run"]
runpy.run_path({str(DEV)!r}, run_name="__main__")
"""


def with_old_python(folder, **env):
    command = [sys.executable, "-c", AS_OLD_PYTHON]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": str(folder), **env})


def fake_python(folder, name, exit_code):
    path = folder / name
    path.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    path.chmod(0o755)


def test_old_python_names_a_newer_one_that_works(tmp_path):
    fake_python(tmp_path, "python3.14", 127)  # such as a shim with no version behind it
    fake_python(tmp_path, "python3.12", 0)

    done = with_old_python(tmp_path, MAKELEVEL="1")

    expected = "Python 3.10.13 is too old: AOS Portal needs 3.11 or newer. Next: make run PYTHON=python3.12\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)


def test_old_python_without_make(tmp_path):
    fake_python(tmp_path, "python3.13", 0)

    assert with_old_python(tmp_path).stderr.endswith("Next: python3.13 tools/dev.py run\n")


def test_old_python_and_no_newer_one(tmp_path):
    done = with_old_python(tmp_path, MAKELEVEL="1")

    assert done.stderr.endswith("Next: install Python 3.11 or newer, then: make run PYTHON=python3.11\n")


def test_an_old_python_can_read_the_file_that_tells_it_off():
    ast.parse(DEV.read_text(), feature_version=(3, 6))


@pytest.mark.parametrize("command", ["run", "test", "serve", "migrate"])
def test_make_without_python_says_so_in_one_line(command):
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", command, "PYTHON=python3.x"], cwd=ROOT, capture_output=True, text=True, check=False, env=env
    )

    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.startswith("There is no python3.x here: install Python 3.11 or newer")
    assert f"make {command} PYTHON=" in done.stderr.splitlines()[0]


def test_unknown_command_names_the_known_ones():
    done = subprocess.run([sys.executable, DEV, "start"], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.startswith("Name one of these: run, test, serve, migrate")
