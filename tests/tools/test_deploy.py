"""The files in deploy/, as far as this machine can try them: no container is built, and no systemd started."""

import configparser
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from django.core.management import get_commands

from tools.basics import ROOT

DEPLOY = ROOT / "deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
COPIED = [*re.findall(r"^COPY (?!--from)(\S+) \S+$", CONTAINERFILE, re.MULTILINE), "manage.py", "gunicorn.conf.py"]
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_the_image_gets_what_the_ignore_file_lets_through_and_nothing_else():
    rules = (ROOT / ".dockerignore").read_text().splitlines()

    assert "*" in rules
    assert {rule[1:] for rule in rules if rule.startswith("!")} == set(COPIED)
    assert all((ROOT / path).exists() for path in COPIED)


def test_what_the_image_holds_is_a_whole_portal_and_its_build_step_works(tmp_path):
    for path in COPIED:
        target = tmp_path / path
        target.parent.mkdir(exist_ok=True)
        if (ROOT / path).is_dir():
            shutil.copytree(ROOT / path, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / path, target)
    step = re.search(r"^RUN (DEBUG=off .*? collectstatic --noinput)", CONTAINERFILE, re.DOTALL | re.MULTILINE)[1]
    step = step.replace("\\\n", " ").replace(".venv/bin/python", sys.executable)
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", step], cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "staticfiles").glob("portal.*.css.gz"))


def test_the_image_gives_up_its_rights_and_starts_as_make_serve_does():
    assert "USER 10001:10001" in CONTAINERFILE
    assert 'CMD ["python", "-m", "gunicorn", "--config", "gunicorn.conf.py", "aosportal.wsgi"]' in CONTAINERFILE
    assert "--require-hashes" in CONTAINERFILE


@pytest.mark.parametrize("name", ["migrate", "portal", "worker"])
def test_each_of_our_containers_is_read_only_and_runs_a_command_that_exists(name):
    service = COMPOSE["services"][name]
    command = service.get("command", [])

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert not command or (command[:2] == ["python", "manage.py"] and command[2] in get_commands())
    assert "DATABASE_URL" not in service["environment"]  # the secret comes from a file


def unit(name):
    """A unit file's sections. A key that comes twice is kept once: systemd allows it, and we do not look at those."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(DEPLOY / "systemd" / name)
    return parser


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        ("aos-portal.service", "-m gunicorn --config gunicorn.conf.py aosportal.wsgi"),
        ("aos-portal-worker.service", "manage.py worker"),
    ],
)
def test_units_start_what_make_starts_without_rights(name, starts):
    service = unit(name)["Service"]

    assert service["ExecStart"] == f"/opt/aos-portal/.venv/bin/python {starts}"
    assert service["User"] == "aos-portal"
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert int(service["TimeoutStopSec"]) > 30  # gunicorn's graceful_timeout, in seconds


def test_the_socket_keeps_the_port_while_the_portal_restarts():
    assert unit("aos-portal.socket")["Socket"]["ListenStream"] == "127.0.0.1:8000"
    assert unit("aos-portal.service")["Unit"]["Requires"] == "aos-portal.socket"
