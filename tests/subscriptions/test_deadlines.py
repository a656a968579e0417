"""The AOS client against real sockets that misbehave (decision 20): in time, and saying what may have happened."""

import contextlib
import gzip
import json
import socket
import struct
import threading
import time

import pytest

from subscriptions.aos import AOS, TooSlow, Unusable
from tests.conftest import sign_in

from .pages import field, save, words

pytestmark = pytest.mark.django_db
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LIST = json.dumps([{"id": "s-1", "displayName": "Old", "state": "Enabled"}]).encode()


def whole(body=LIST, extra=b""):
    return HEAD + extra + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Server:
    """Listens on loopback; `talk(connection, number)` is what it does once a request has come in."""

    def __init__(self, talk):
        self.talk, self.requests, self.ended = talk, [], threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=self.listener.accept()[:1], daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            while self._request(connection):
                self.talk(self, connection)

    def _request(self, connection):
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = connection.recv(65536)
            if not chunk:
                return False
            received += chunk
        self.requests.append(received.split(b" ", 1)[0].decode())
        return True

    def stop(self):
        """Refuse connections from now on: closing alone would let the waiting accept take one more."""
        self.ended.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def drip(self, connection, text):
        for byte in text:
            connection.sendall(bytes([byte]))
            if self.ended.wait(0.2):
                return


@pytest.fixture
def serve(settings):
    servers = []

    def start(talk, seconds=10):
        servers.append(Server(talk))
        settings.AOS_BASE_URL, settings.AOS_TIMEOUT = servers[-1].url, seconds
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@contextlib.contextmanager
def at_most(seconds):
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


def reset(server, connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def flood(server, connection):
    connection.sendall(HEAD + b"Content-Length: 100000000\r\n\r\n")
    while not server.ended.is_set():
        connection.sendall(b"[" * 65536)


SLOW = {
    "nothing at all": lambda server, connection: server.ended.wait(30),
    "status line": lambda server, connection: server.drip(connection, whole()),
    "headers": lambda server, connection: (
        connection.sendall(HEAD),
        server.drip(connection, b"X-Slow: " + b"x" * 100),
    ),
    "body": lambda server, connection: (
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n"),
        server.drip(connection, b"[" + b" " * 99),
    ),
    "endless chunks": lambda server, connection: (
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n"),
        server.drip(connection, b"1\r\n \r\n" * 100),
    ),
}
BROKEN = {
    "reset": reset,
    "closed": lambda server, connection: connection.close(),
    "truncated": lambda server, connection: (
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n" + b"[" * 7),
        connection.close(),
    ),
    "reset in the body": lambda server, connection: (
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n" + b"[" * 7),
        time.sleep(0.1),
        reset(server, connection),
    ),
    "no http": lambda server, connection: (connection.sendall(b"220 smtp.example ready\r\n" * 3), connection.close()),
}


@pytest.mark.parametrize("kind", SLOW)
def test_e03_a_drip_ends_at_the_deadline(serve, alice, kind):
    serve(SLOW[kind], seconds=1)
    with at_most(8), pytest.raises(TooSlow) as caught:
        AOS(alice.grant).subscriptions()
    assert caught.value.may_have_happened is False


@pytest.mark.parametrize("kind", SLOW)
def test_e28_a_rename_that_drips_may_have_happened_and_is_sent_once(serve, alice, kind):
    server = serve(SLOW[kind], seconds=1)
    with at_most(8), pytest.raises(TooSlow) as caught:
        AOS(alice.grant).rename("s-1", "New")
    assert caught.value.may_have_happened is True
    assert server.requests == ["PUT"]


@pytest.mark.parametrize("kind", BROKEN)
def test_e20_a_broken_answer_is_unusable(serve, alice, kind):
    serve(BROKEN[kind])
    with pytest.raises(Unusable):
        AOS(alice.grant).subscriptions()


@pytest.mark.parametrize("kind", BROKEN)
def test_e28_a_rename_with_a_broken_answer_may_have_happened_and_is_sent_once(serve, alice, kind):
    server = serve(BROKEN[kind])
    with pytest.raises(Unusable) as caught:
        AOS(alice.grant).rename("s-1", "New")
    assert caught.value.may_have_happened is True
    assert server.requests == ["PUT"]


def test_a_refused_connection_did_nothing(serve, alice):
    serve(reset).stop()
    with pytest.raises(Unusable) as caught:
        AOS(alice.grant).rename("s-1", "New")
    assert caught.value.may_have_happened is False


@pytest.mark.parametrize(
    "talk",
    [
        flood,
        lambda server, connection: connection.sendall(
            whole(gzip.compress(b"[" + b" " * 20_000_000), b"Content-Encoding: gzip\r\n")
        ),
    ],
    ids=["100 MB", "gzip bomb"],
)
def test_e22_a_body_is_capped_after_decompression(serve, alice, settings, talk):
    settings.MAX_ANSWER_BYTES = 1_000_000
    serve(talk)
    with pytest.raises(Unusable, match="1000000 bytes"):
        AOS(alice.grant).subscriptions()


def test_e20_a_connection_that_went_stale_is_not_used_for_a_change(serve, alice):
    def confirm(server, connection):
        connection.sendall(whole() if server.requests[-1] == "GET" else whole(b'{"displayName": "New"}'))
        if len(server.requests) == 1:
            connection.shutdown(socket.SHUT_RDWR)

    server = serve(confirm)
    assert AOS(alice.grant).subscriptions()[0].name == "Old"
    time.sleep(0.2)
    assert AOS(alice.grant).rename("s-1", "New").name == "New"
    assert server.requests == ["GET", "PUT"]


def test_a_page_whose_rename_is_too_slow_says_that_nobody_knows(serve, client, alice):
    def talk(server, connection):
        if server.requests[-1] == "GET":
            connection.sendall(whole())
        else:
            server.ended.wait(30)

    server = serve(talk, seconds=3)
    sign_in(client, alice)
    page = save(client, " New ")
    assert page.status_code == 504
    assert "Not known whether the name was changed" in words(page)
    assert field(page, "display_name") == " New "
    assert server.requests == ["GET", "GET", "PUT", "GET", "GET", "GET"]


def test_one_connection_serves_many_calls(serve, alice):
    connections = set()
    serve(lambda server, connection: (connections.add(connection.fileno()), connection.sendall(whole())))
    for _ in range(5):
        AOS(alice.grant).subscriptions()
    assert len(connections) == 1
