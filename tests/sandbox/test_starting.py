"""The stand-ins' commands: when they refuse, what they leave behind."""

import signal
import socket
from pathlib import Path

import pytest
import requests

from tests.support.stand_ins import CHECKOUT, StandIns, manage

CLIENT = {"SANDBOX_CLIENT_ID": "portal", "SANDBOX_CLIENT_SECRET": "canary-secret-canary"}


@pytest.mark.parametrize("arguments", [["prepare"], ["serve", "aos"]])
@pytest.mark.parametrize("environment", [{}, {"DEBUG": "off"}], ids=["unset", "off"])
def test_nothing_starts_where_debug_is_off(tmp_path, arguments, environment):
    done = manage(*arguments, SANDBOX_DIR=str(tmp_path / "made"), **CLIENT, **environment)

    assert done.returncode == 1
    assert "DEBUG" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("missing", sorted(CLIENT))
def test_prepare_names_what_is_missing(tmp_path, missing):
    rest = {name: value for name, value in CLIENT.items() if name != missing}

    done = manage("prepare", DEBUG="on", SANDBOX_DIR=str(tmp_path / "made"), **rest)

    assert done.returncode == 1
    assert missing in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_serve_before_prepare_says_what_to_do(tmp_path):
    done = manage("serve", "aos", DEBUG="on", SANDBOX_DIR=str(tmp_path))

    assert "python sandbox/manage.py prepare" in done.stderr


def test_prepare_again_keeps_keys_and_names_and_takes_a_new_secret(tmp_path):
    here = {"DEBUG": "on", "SANDBOX_DIR": str(tmp_path)}
    first = manage("prepare", **here, **CLIENT)
    key = (tmp_path / "aps-signing-key.pem").read_bytes()

    again = manage("prepare", **here, **CLIENT | {"SANDBOX_CLIENT_SECRET": "another-canary-secret"})

    assert (first.returncode, again.returncode) == (0, 0)
    assert (tmp_path / "aps-signing-key.pem").read_bytes() == key
    assert {oct(path.stat().st_mode)[-3:] for path in tmp_path.glob("*key*")} == {"600"}
    said = first.stdout + first.stderr + again.stdout + again.stderr
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (CLIENT["SANDBOX_CLIENT_SECRET"], "another-canary-secret"):
        assert secret not in said
        assert secret.encode() not in stored


def test_a_taken_port_is_named(tmp_path):
    here = {"DEBUG": "on", "SANDBOX_DIR": str(tmp_path)}
    manage("prepare", **here, **CLIENT)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = manage("serve", "aps", **here, SANDBOX_APS_PORT=str(port))

    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "SANDBOX_APS_PORT" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_listens_on_loopback_only(running):
    for process in running.processes:
        assert listening(process.pid) == {"0100007F"}  # 127.0.0.1 in the kernel's notation


def listening(pid):
    """The addresses that a process listens on, IPv4 and IPv6."""
    tables = [Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table]
    inodes = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes}


def test_both_end_at_once_even_while_answers_wait():
    with StandIns() as both:
        both.weather(aps="slow", aos="slow", slow_seconds=90)
        for address in (f"{both.aps_url}/.well-known/jwks", f"{both.aos_url}/api/v2/subscriptions"):
            with pytest.raises(requests.ReadTimeout):
                requests.get(address, timeout=0.2)
        for process, number in zip(both.processes, (signal.SIGINT, signal.SIGTERM), strict=True):
            process.send_signal(number)

        assert [process.wait(timeout=30) for process in both.processes] == [0, 0]
        assert "Traceback" not in both.printed()


def test_warns_loudly(stand_ins):
    pages = [f"{stand_ins.aps_url}/", f"{stand_ins.aps_url}/login", f"{stand_ins.aos_url}/weather/"]

    for text in (stand_ins.printed(), *(requests.get(page, timeout=10).text for page in pages)):
        assert "Stand-in. Not for production." in text
    for address in (stand_ins.aps_url, stand_ins.aos_url):
        assert f"{address} · Stand-in. Not for production." in stand_ins.printed()


def test_shares_no_code_with_the_portal():
    for path in (CHECKOUT / "sandbox").rglob("*.py"):
        text = path.read_text()
        assert "import aosportal" not in text
        assert "from aosportal" not in text
        assert "from subscriptions" not in text
