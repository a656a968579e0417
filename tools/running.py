"""`make run`: the portal and its stand-ins in development mode, on a database and keys of their own in .run/."""

import base64
import errno
import http.client
import json
import os
import secrets
import socket
import uuid
from pathlib import Path
from typing import NamedTuple

from tools import installing
from tools.basics import LOGS, RUN, Trouble, clean_environment, private_folder, say, shown, spelled, tail
from tools.processes import Processes, Stopped

KEYS = RUN / "keys.json"
NEEDED = ("portal", "stand-in for APS", "stand-in for AOS")  # what listens on PORT, PORT + 1, PORT + 2
READY = """
AOS Portal is running, with stand-ins for APS and AOS.

  Portal         {portal}
  Sign in as     Alice Moreno, Bob Okafor or Carmen Ruiz; Dana Kim has no permission
  Weather panel  {aos}/weather/   makes AOS slow, down or lying: see what the portal does then
  Logs           {logs}/

Ctrl-C ends all of it.
"""


class Child(NamedTuple):
    """A process that `make run` keeps: its name, the arguments after the interpreter, and the port it answers at."""

    name: str
    arguments: list[str]
    port: int | None
    env: dict[str, str]


def children(port: int, portal: dict[str, str], sandbox: dict[str, str]) -> list[Child]:
    """List everything that runs. Another process is another line here."""
    return [
        Child("aps", ["sandbox/manage.py", "serve", "aps"], port + 1, sandbox),
        Child("aos", ["sandbox/manage.py", "serve", "aos"], port + 2, sandbox),
        Child("worker", ["manage.py", "worker"], None, portal),
        Child("portal", ["manage.py", "runserver", f"127.0.0.1:{port}"], port, portal),
    ]


def main() -> int:
    """Install, prepare, start, say where to click, and wait for Ctrl-C."""
    port = chosen_port()
    installing.check_can_ensure("run")
    check_ports(port)
    installing.ensure("run", "run")
    with Processes() as processes:
        try:
            serve_until_one_ends(processes, port)
        except Stopped:
            say("\nEnding.")
    return 0


def serve_until_one_ends(processes: Processes, port: int) -> None:
    """Prepare both databases, start all children, and raise Trouble when one of them ends by itself."""
    keys = development_keys()
    portal, sandbox = portal_environment(port, keys), sandbox_environment(port, keys)
    prepare(processes, "prepare-sandbox", ["sandbox/manage.py", "prepare"], sandbox)
    prepare(processes, "migrate", ["manage.py", "migrate", "--noinput"], portal)
    everything = children(port, portal, sandbox)
    for child in everything:
        processes.start(child.name, [installing.PYTHON, *child.arguments], child.env, LOGS / f"{child.name}.log")
    wait_until_all_answer(processes, {child.name: child.port for child in everything if child.port})
    say(READY.format(portal=origin(port), aos=origin(port + 2), logs=shown(LOGS)))
    processes.wait_until(lambda: bool(processes.ended()))
    raise ended_by_itself(processes)


def wait_until_all_answer(processes: Processes, silent: dict[str, int]) -> None:
    """Come back when each port has answered; raise Trouble if a child ends first, or says nothing for a minute."""

    def settled() -> bool:
        for name in [name for name, port in silent.items() if answers(port)]:
            del silent[name]
        return bool(processes.ended()) or not silent

    if not processes.wait_until(settled, seconds=60):
        name = next(iter(silent))
        raise Trouble(f"The {name} process did not answer in a minute. Next: read {shown(LOGS / name)}.log")
    if processes.ended():
        raise ended_by_itself(processes)


def ended_by_itself(processes: Processes) -> Trouble:
    """Say which child has ended, and the end of its log."""
    name, code = next(iter(processes.ended().items()))
    log = LOGS / f"{name}.log"
    return Trouble(f"The {name} process ended by itself (exit code {code}). Next: read {shown(log)}\n\n{tail(log)}")


def prepare(processes: Processes, name: str, arguments: list[str], env: dict[str, str]) -> None:
    """Run one step before the servers start."""
    log = LOGS / f"{name}.log"
    code = processes.run(name, [installing.PYTHON, *arguments], env, log)
    if code != 0:
        raise Trouble(f"{' '.join(arguments)} failed (exit code {code}). Next: read {shown(log)}\n\n{tail(log)}")


def origin(port: int) -> str:
    """The address of a local server."""
    return f"http://127.0.0.1:{port}"


def chosen_port() -> int:
    """Read PORT; the two after it are used as well."""
    text = os.environ.get("PORT") or "8000"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65533:
        raise Trouble(f"PORT={text} is not a port from 1 to 65533. Next: {spelled('run', PORT=8100)}")
    return int(text)


def check_ports(port: int) -> None:
    """Raise Trouble if one of the three ports cannot be had, naming the next three that can."""
    for number, who in enumerate(NEEDED, start=port):
        reason = unusable(number)
        if reason:
            free = next((p for p in range(8100, 65000, 100) if not any(map(unusable, range(p, p + 3)))), 8100)
            raise Trouble(f"Port {number}, for the {who}, {reason}. Next: {spelled('run', PORT=free)}")


def unusable(port: int) -> str:
    """Say why a port cannot be listened on; empty if it can."""
    with socket.socket() as caller:
        caller.settimeout(0.5)
        if caller.connect_ex(("127.0.0.1", port)) == 0:
            return "is taken by another program"
    with socket.socket() as listener:
        if os.name != "nt":  # there it would allow two listeners
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            return "is taken by another program" if error.errno == errno.EADDRINUSE else f"is refused: {error.strerror}"
    return ""


def answers(port: int) -> bool:
    """Tell whether a web server answers there, whatever it says."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def development_keys() -> dict[str, str]:
    """Read the generated keys of this checkout; the first time, or when the file is spoilt, generate them."""
    try:
        keys = json.loads(KEYS.read_text())
        if set(keys) == set(_new_keys()):
            return {name: str(value) for name, value in keys.items()}
    except (OSError, ValueError, TypeError):
        pass
    keys = _new_keys()
    write_private(KEYS, json.dumps(keys, indent=2) + "\n")
    return keys


def _new_keys() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "TOKEN_ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "APS_CLIENT_ID": str(uuid.uuid4()),
        "APS_CLIENT_SECRET": secrets.token_urlsafe(32),
    }


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    private_folder(path.parent)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)


def portal_environment(port: int, keys: dict[str, str]) -> dict[str, str]:
    """All that the portal is told in development; nothing of the caller's own settings, and no .env file."""
    return {
        **clean_environment(os.environ),
        **keys,
        "DEBUG": "on",
        "PORT": str(port),
        "PORTAL_URL": origin(port),
        "DATABASE_URL": f"sqlite:///{RUN / 'portal.sqlite3'}",
        "ADMIT": "everyone",
        "APS_ISSUER": origin(port + 1),
        "AOS_BASE_URL": origin(port + 2),
    }


def sandbox_environment(port: int, keys: dict[str, str]) -> dict[str, str]:
    """All that the stand-ins are told; they listen on the two ports after PORT."""
    return {
        **clean_environment(os.environ),
        "DEBUG": "on",
        "PORT": str(port),
        "SANDBOX_DIR": str(RUN / "sandbox"),
        "SANDBOX_PORTAL_URL": origin(port),
        "SANDBOX_CLIENT_ID": keys["APS_CLIENT_ID"],
        "SANDBOX_CLIENT_SECRET": keys["APS_CLIENT_SECRET"],
    }
