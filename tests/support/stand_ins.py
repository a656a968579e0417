"""Runs the stand-ins for APS and AOS for a test, on free ports, in a directory of their own."""

import contextlib
import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import requests

CHECKOUT = Path(__file__).resolve().parents[2]
MANAGE = CHECKOUT / "sandbox" / "manage.py"
PATIENCE_SECONDS = 20
START_ATTEMPTS = 3
_GIVEN = set()  # ports of `free_ports`


def free_ports(count):
    """So many ports of 127.0.0.1 that nobody listens on now, below those that the system gives to clients.

    Tests that run beside this one have others to choose from: who listens may do so seconds later.
    """
    found, worker = [], int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ours = range(20_000 + worker, 32_000, workers)
    for port in random.sample(ours, len(ours)):
        with contextlib.suppress(OSError), socket.socket() as trial:
            trial.bind(("127.0.0.1", port))
            found += [port] if port not in _GIVEN else []
        if len(found) == count:
            break
    _GIVEN.update(found)
    return found


def command(*arguments, **environment):
    """What `subprocess` needs to run one command of the sandbox with no more of our environment than it must have."""
    bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {"args": [sys.executable, str(MANAGE), *arguments], "env": bare | environment, "text": True}


def manage(*arguments, **environment):
    """Run one command of the sandbox to its end; returns what it said, does not raise."""
    return subprocess.run(**command(*arguments, **environment), capture_output=True, check=False)


class StandIns:
    """Both stand-ins, ready to answer when the constructor returns; `stop()` ends them and removes their files.

    `portal_url` is where APS may send people back to. Further settings go by name: `SANDBOX_TOKEN_SECONDS="2"`.
    Usable as a context manager.
    """

    def __init__(self, portal_url="http://127.0.0.1:8000", **settings):
        self.portal_url = portal_url
        self.client_id = str(uuid.uuid4())
        self.client_secret = secrets.token_urlsafe(32)
        self.directory = Path(tempfile.mkdtemp(prefix="stand-ins-"))
        self.processes = []
        self._settings = settings
        for attempt in range(START_ATTEMPTS):
            try:
                self._start()
                break
            except BaseException as problem:
                self._end()
                # A free port can be taken by somebody else before we listen on it.
                if "is taken" not in str(problem) or attempt + 1 == START_ATTEMPTS:
                    shutil.rmtree(self.directory, ignore_errors=True)
                    raise

    def _start(self):
        aps_port, aos_port = free_ports(2)
        self.aps_url = f"http://127.0.0.1:{aps_port}"
        self.aos_url = f"http://127.0.0.1:{aos_port}"
        self.environment = {
            "DEBUG": "on",
            "SANDBOX_DIR": str(self.directory),
            "SANDBOX_PORTAL_URL": self.portal_url,
            "SANDBOX_APS_PORT": str(aps_port),
            "SANDBOX_AOS_PORT": str(aos_port),
            "SANDBOX_CLIENT_ID": self.client_id,
            "SANDBOX_CLIENT_SECRET": self.client_secret,
        } | self._settings
        prepared = manage("prepare", **self.environment)
        if prepared.returncode:
            raise RuntimeError(f"The stand-ins could not be prepared: {prepared.stderr}")
        self.processes = [self._serve("aps"), self._serve("aos")]
        self._wait_for(f"{self.aps_url}/login")
        self._wait_for(f"{self.aos_url}/weather/api")
        self.weather(do="reset")

    def _serve(self, role):
        with (self.directory / f"{role}.log").open("w") as log:
            return subprocess.Popen(**command("serve", role, **self.environment), stdout=log, stderr=log)

    def _wait_for(self, address):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                return requests.get(address, timeout=PATIENCE_SECONDS)
            except requests.ConnectionError:
                if any(process.poll() is not None for process in self.processes):
                    break
                time.sleep(0.05)
        raise RuntimeError(f"No answer from {address}: {self.printed()}")

    def weather(self, **wish):
        """Change the weather, e.g. `aos="down"`, `aps="slow"`, `slow_seconds=1`, `retry_after=1`, `do="reset"`.

        Returns the state after it; without a wish, the state now. An unknown wish is an `HTTPError`.
        """
        address = f"{self.aos_url}/weather/api"
        answer = requests.post(address, json=wish, timeout=10) if wish else requests.get(address, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def log(self):
        """The latest calls, newest first: time, stand_in, method, path, note, person, token, status (or None)."""
        return self.weather()["log"]

    def printed(self):
        """What both have written to their terminals."""
        return "".join(path.read_text() for path in sorted(self.directory.glob("*.log")))

    def stop(self):
        """End both and remove their files; may be called twice."""
        self._end()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _end(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(timeout=PATIENCE_SECONDS)
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.stop()
