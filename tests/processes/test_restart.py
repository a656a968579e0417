"""A restart refuses nobody where systemd holds the port, as deploy/systemd/aos-portal.socket has it do."""

import signal
import socket
import subprocess
import sys
import threading

import pytest
import requests

from tests.support.people import until
from tests.support.portal import ROOT, Portal
from tests.support.stand_ins import free_ports

# What systemd does before it starts the service: the socket is file 3, and the environment says so.
AS_SYSTEMD = """import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "aosportal.wsgi"])"""


class Unit:
    """The portal's service, whose port belongs to the test."""

    def __init__(self, portal):
        self.environment, self.log = portal.environment, portal.log
        self.socket = socket.create_server(("127.0.0.1", free_ports(1)[0]), backlog=2048)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"
        self.start()

    def start(self):
        fd = self.socket.fileno()
        command = [sys.executable, "-c", AS_SYSTEMD, str(fd)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, pass_fds=[fd]
            )

    def restart(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=40)
        self.start()


@pytest.fixture
def unit():
    portal = Portal()
    unit = Unit(portal)
    yield unit
    unit.process.terminate()
    unit.process.wait(timeout=40)
    unit.socket.close()
    portal.stop()


def test_a_restart_refuses_nobody(unit):
    answers, over = [], threading.Event()

    def ask():
        while not over.is_set():
            try:
                answers.append(requests.get(unit.url, timeout=60, allow_redirects=False).status_code)
            except requests.RequestException as error:
                answers.append(type(error).__name__)

    crowd = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for each in crowd:
        each.start()
    try:
        for _ in range(2):
            before = len(answers)
            until(lambda before=before: len(answers) > before + 40, seconds=60)
            unit.restart()
    finally:
        over.set()
    for each in crowd:
        each.join()

    assert set(answers) == {200}
