"""`make run`: ports, keys, environment, and that nothing stays behind."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stand_ins import free_ports
from tools import running
from tools.basics import ROOT, Trouble


@pytest.fixture
def ports():
    """The first of three free ports."""
    while True:
        port = free_ports(1)[0]
        if not any(map(running.unusable, range(port, port + 3))):
            return port


def start(folder, port, broken=""):
    command = [sys.executable, "-m", "tests.tools.small_run", folder, str(port), broken]
    env = {**os.environ, "PORT": str(port)}
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def alive(pid):
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_text() if Path("/proc").exists() else ""
    except (ProcessLookupError, FileNotFoundError):
        return False
    return status.rpartition(")")[2].split()[:1] != ["Z"]  # ended, but not yet collected by whoever must


def started(folder):
    return [int(pid) for file in folder.glob("*.pid") for pid in file.read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_stays_behind(tmp_path, ports, number):
    runner = start(tmp_path, ports)
    said = ""
    while "Ctrl-C" not in said:
        line = runner.stdout.readline()
        assert line, said + runner.stderr.read()
        said += line
    pids = started(tmp_path)
    assert len(pids) == 6
    assert all(map(alive, pids))

    runner.send_signal(number)
    _, err = runner.communicate(timeout=20)

    assert (runner.returncode, err) == (0, "")
    assert not any(map(alive, pids))
    for line in (f"http://127.0.0.1:{ports}\n", f"http://127.0.0.1:{ports + 2}/weather/", "Alice Moreno", "Dana Kim"):
        assert line in said


def test_a_server_that_dies_ends_the_others_and_is_named(tmp_path, ports):
    runner = start(tmp_path, ports, broken="aos")
    _, err = runner.communicate(timeout=20)

    assert runner.returncode == 1
    assert err.startswith("The aos process ended by itself (exit code 1). Next: read ")
    assert err.splitlines()[0].endswith("aos.log")
    assert "no aos today" in err
    assert not any(map(alive, started(tmp_path)))


@pytest.mark.parametrize(("offset", "who"), [(0, "portal"), (1, "stand-in for APS"), (2, "stand-in for AOS")])
def test_taken_port_is_named_with_a_free_one(ports, offset, who, monkeypatch):
    monkeypatch.setenv("MAKELEVEL", "1")
    monkeypatch.delenv("PYTHON", raising=False)
    with socket.create_server(("127.0.0.1", ports + offset)), pytest.raises(Trouble) as trouble:
        running.check_ports(ports)

    said, _, command = str(trouble.value).partition(" Next: ")
    assert said == f"Port {ports + offset}, for the {who}, is taken by another program."
    assert command.startswith("make run PORT=")
    running.check_ports(int(command.rpartition("=")[2]))


def test_a_port_that_was_just_left_is_free(ports):
    with socket.create_server(("127.0.0.1", ports)) as server, socket.create_connection(("127.0.0.1", ports)):
        server.accept()[0].close()  # ours closes first: the port now waits out its last packets

    running.check_ports(ports)


@pytest.mark.parametrize("text", ["abc", "0", "65534", "-1", "80.5", "²"])
def test_port_that_is_none(text, monkeypatch):
    monkeypatch.setenv("PORT", text)
    with pytest.raises(Trouble, match="is not a port from 1 to 65533"):
        running.chosen_port()


def test_keys_are_made_once_for_their_owner_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "KEYS", tmp_path / "run" / "keys.json")

    first = running.development_keys()

    assert running.development_keys() == first
    assert stat.S_IMODE(running.KEYS.stat().st_mode) == 0o600
    assert stat.S_IMODE(running.KEYS.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("spoilt", ["", "{", "[]", "7", json.dumps({"SECRET_KEY": "x"})])
def test_spoilt_keys_are_made_anew(tmp_path, monkeypatch, spoilt):
    monkeypatch.setattr(running, "KEYS", tmp_path / "keys.json")
    running.KEYS.write_text(spoilt)

    assert set(running.development_keys()) == set(json.loads(running.KEYS.read_text()))


def test_the_callers_own_settings_stay_outside(monkeypatch):
    for name in (
        "DATABASE_URL",
        "APS_TOKEN_URL",
        "AOS_QUERY",
        "CACHE_URL",
        "HTTPS_PROXY",
        "PYTHONPATH",
        "ALLOWED_HOSTS",
    ):
        monkeypatch.setenv(name, "theirs")
    keys = running._new_keys()

    told = [running.portal_environment(8000, keys), running.sandbox_environment(8000, keys)]

    assert not any("theirs" in env.values() for env in told)
    assert told[0]["DATABASE_URL"].endswith("/.run/portal.sqlite3")


def test_run_installs_the_run_level(monkeypatch, ports):
    asked = []
    monkeypatch.setenv("PORT", str(ports))
    monkeypatch.setattr(running.installing, "check_can_ensure", lambda command: None)
    monkeypatch.setattr(running.installing, "ensure", lambda level, command: asked.append(level))
    monkeypatch.setattr(running, "serve_until_one_ends", lambda *arguments: None)

    running.main()

    assert asked == ["run"]
