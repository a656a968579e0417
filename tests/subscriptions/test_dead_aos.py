"""An AOS that cannot be reached, or is down for long, by real sockets: bounded in time and in calls."""

import contextlib
import socket
import threading
import time

import pytest
from django.db import connections

from aosportal import http
from subscriptions import aos as client
from subscriptions.aos import AOS, AOSError, Busy, TooSlow, Unusable
from tests.conftest import sign_in
from tests.support.people import at_once, until
from tests.support.servers import Authority
from tests.support.servers import Server as TLSServer

from .pages import LIST, RENAME, words
from .test_deadlines import Server, reset, whole

CONFIRMED = whole(b'{"id": "s-1", "displayName": "New"}')


@pytest.fixture
def serve(settings):
    """Start an AOS that does what `talk(server, connection)` does with each request."""
    servers = []

    def start(talk, seconds=10):
        servers.append(Server(talk))
        settings.AOS_BASE_URL, settings.AOS_TIMEOUT = servers[-1].url, seconds
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def black_hole(settings):
    """A port that answers no SYN: its listener accepts nobody, and the queue before it is full."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            client = sockets.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        settings.AOS_BASE_URL = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield


@pytest.fixture
def lookups(monkeypatch):
    """The look-ups of names. `answers` says what each gives: an error to raise, or a list; then come true ones."""
    real = socket.getaddrinfo

    class Lookups(list):
        answers = []

        def __call__(self, host, *args, **kwargs):
            self.append(host)
            answer = self.answers.pop(0) if self.answers else real(host, *args, **kwargs)
            if isinstance(answer, Exception):
                raise answer
            return answer

    found = Lookups()
    monkeypatch.setattr(socket, "getaddrinfo", found)
    return found


@pytest.mark.django_db
def test_e01_a_black_hole_costs_less_than_the_deadline(black_hole, alice, settings, lookups):
    settings.CONNECT_TIMEOUT, settings.AOS_TIMEOUT = 0.2, 10
    start = time.monotonic()
    with pytest.raises(TooSlow):
        AOS(alice.grant).subscriptions()
    assert time.monotonic() - start < 9
    assert len(lookups) == 3


@pytest.mark.django_db
def test_e01_a_change_into_a_black_hole_is_tried_twice_and_was_not_made(black_hole, alice, settings, lookups):
    settings.CONNECT_TIMEOUT = 0.2
    calls = []
    with pytest.raises(TooSlow) as error:
        AOS(alice.grant).rename("s-1", "New", before_sending=lambda: calls.append(1))
    assert error.value.may_have_happened is False
    assert len(lookups) == len(calls) == 2
    assert error.value.receipt.status is None


@pytest.mark.django_db
def test_e01_the_deadline_bounds_all_tries_together(black_hole, alice, settings):
    settings.CONNECT_TIMEOUT, settings.AOS_TIMEOUT = 3, 0.5
    start = time.monotonic()
    with pytest.raises(TooSlow):
        AOS(alice.grant).subscriptions()
    assert time.monotonic() - start < 6  # nine, if each try had three


@pytest.mark.django_db
def test_e02_no_answer_uses_up_the_deadline_and_leaves_no_second_try(serve, alice):
    server = serve(lambda server, connection: server.ended.wait(9), seconds=1)
    with pytest.raises(TooSlow) as error:
        AOS(alice.grant).subscriptions()
    assert (server.requests, error.value.may_have_happened) == (["GET"], False)


@pytest.mark.django_db
def test_e02_no_answer_to_a_change_is_not_known_and_never_repeated(serve, alice):
    server = serve(lambda server, connection: server.ended.wait(9), seconds=1)
    with pytest.raises(TooSlow) as error:
        AOS(alice.grant).rename("s-1", "New")
    assert (server.requests, error.value.may_have_happened) == (["PUT"], True)


DEAD_NAMES = {
    "no such name": lambda port: socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
    "resolver down": lambda port: socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
    "empty": lambda port: [],
    "wrong address": lambda port: socket.getaddrinfo("127.0.0.1", port, type=socket.SOCK_STREAM),
}


def dead(kind):
    """What a look-up gives of this kind, with a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return DEAD_NAMES[kind](port)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", DEAD_NAMES)
def test_e04_a_name_that_leads_nowhere_is_said_and_recovers_by_itself(serve, client, alice, lookups, kind):
    server = serve(lambda server, connection: connection.sendall(whole()))
    sign_in(client, alice)
    lookups.answers = [dead(kind)] * 3
    page = client.get(LIST)
    assert page.status_code == 502
    assert "Traceback" not in words(page)
    assert len(lookups) == 3 + (kind == "wrong address")
    assert client.get(LIST).status_code == 200
    assert server.requests == ["GET"]


@pytest.mark.django_db
@pytest.mark.parametrize("kind", DEAD_NAMES)
def test_e04_a_change_that_did_not_get_through_is_sent_once_more(serve, alice, lookups, kind):
    server = serve(lambda server, connection: connection.sendall(CONFIRMED))
    lookups.answers = [dead(kind)]
    assert AOS(alice.grant).rename("s-1", "New").name == "New"
    assert server.requests == ["PUT"]


@pytest.mark.django_db
def test_e05_a_certificate_that_is_refused_is_not_tried_again(alice, lookups, settings):
    server = TLSServer(lambda request: (200, {}, "[]"), Authority().context("localhost"))
    settings.AOS_BASE_URL = server.url
    with pytest.raises(Unusable):
        AOS(alice.grant).subscriptions()
    server.stop()
    assert (len(lookups), server.seen) == (1, [])


def broken_once(how):
    def talk(server, connection):
        if len(server.requests) == 1:
            how(server, connection)
        else:
            connection.sendall(whole())

    return talk


BREAKS = {
    "reset": reset,
    "reset in the body": lambda server, connection: (connection.sendall(whole()[:-7]), reset(server, connection)),
    "truncated": lambda server, connection: (connection.sendall(whole()[:-7]), connection.close()),
    "closed": lambda server, connection: connection.close(),
}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", BREAKS)
def test_e20_a_list_that_breaks_off_is_asked_for_again(serve, alice, kind):
    server = serve(broken_once(BREAKS[kind]))
    assert [each.name for each in AOS(alice.grant).subscriptions()] == ["Old"]
    assert server.requests == ["GET", "GET"]


@pytest.mark.django_db
def test_e20_a_list_that_always_breaks_off_is_asked_for_three_times(serve, alice):
    server = serve(reset)
    with pytest.raises(Unusable):
        AOS(alice.grant).subscriptions()
    assert server.requests == ["GET"] * 3


class Crowded(Server):
    """Notes how many requests it holds at the same moment."""

    def __init__(self, talk):
        self.now = self.most = 0
        self.lock = threading.Lock()
        super().__init__(talk)

    @contextlib.contextmanager
    def holding(self):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            yield
        finally:
            with self.lock:
                self.now -= 1


def silent(server, connection):
    with server.holding():
        connection.recv(1)  # until the portal gives up


def down(server, connection):
    with server.holding():
        time.sleep(0.01)
        connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")


def alive(server, connection):
    with server.holding():
        time.sleep(0.01)
        connection.sendall(whole())


class Ill:
    """What AOS does with a request, until it is well."""

    def __init__(self, how):
        self.how = how

    def __call__(self, server, connection):
        self.how(server, connection)


@pytest.fixture
def crowd(settings, transactional_db, alice, monkeypatch):
    """`crowd(how)` makes an AOS that does that; then `click(count)` lets so many threads ask for the list at once."""
    settings.AOS_CALLS, settings.AOS_TIMEOUT = 4, 1
    monkeypatch.setattr(http, "_LONGEST_QUEUE", 0.2)
    servers = []

    def start(how):
        servers.append(Crowded(Ill(how)))
        settings.AOS_BASE_URL = servers[-1].url
        return servers[-1]

    def ask():
        try:
            return AOS(alice.grant).subscriptions()
        finally:
            connections.close_all()

    start.click = lambda count: at_once([ask] * count)
    yield start
    for server in servers:
        server.stop()


@pytest.mark.parametrize("how", [silent, down, reset])
def test_e18_a_hundred_clicks_at_a_dead_aos_are_bounded(crowd, how):
    server = crowd(how)
    found = crowd.click(100)
    assert all(isinstance(each, AOSError) for each in found), found
    assert len(server.requests) <= 300
    assert server.most <= 4
    busy = [each for each in found if isinstance(each, Busy)]
    assert all(each.retry_after for each in busy)


def test_e18_a_silent_aos_is_left_alone_after_a_few_calls(crowd):
    server = crowd(silent)
    crowd.click(20)
    crowd.click(20)
    asked = len(server.requests)
    start = time.monotonic()
    found = crowd.click(100)

    assert asked <= 20
    assert len(server.requests) <= asked + 1
    assert sum(isinstance(each, Busy) for each in found) >= 99
    assert {each.retry_after for each in found if isinstance(each, Busy)} <= {1, 2, 3, 4, 5}
    assert time.monotonic() - start < 20


def test_e18_one_caller_at_a_time_looks_whether_it_is_back(crowd, monkeypatch, settings):
    server = crowd(silent)
    settings.AOS_TIMEOUT = 3
    monkeypatch.setattr(http, "_REST", 30)
    crowd.click(20)
    crowd.click(20)
    asked = len(server.requests)
    client._policy()._rests_until = time.monotonic()
    crowd.click(20)
    assert len(server.requests) == asked + 1


def test_e18_one_caller_finds_out_that_it_is_back_and_then_all_come(crowd, monkeypatch, settings):
    server = crowd(silent)
    monkeypatch.setattr(http, "_REST", 2)
    crowd.click(20)
    crowd.click(20)
    server.talk.how = alive
    asked = len(server.requests)
    time.sleep(2.1)
    monkeypatch.setattr(http, "_LONGEST_QUEUE", 30)
    settings.AOS_TIMEOUT = 30
    found = crowd.click(20)

    assert any(isinstance(each, list) for each in found)
    assert all(isinstance(each, (list, Busy)) for each in found)
    assert len(server.requests) > asked
    assert all(isinstance(each, list) for each in crowd.click(20))


def test_e18_a_lively_aos_serves_all_a_few_at_a_time(crowd, monkeypatch, settings):
    monkeypatch.setattr(http, "_LONGEST_QUEUE", 30)
    server = crowd(alive)
    settings.AOS_TIMEOUT = 30
    found = crowd.click(40)
    assert all(isinstance(each, list) for each in found), found
    assert server.most <= 4
    assert len(server.requests) == 40


def test_e18_once_one_has_waited_in_vain_nobody_waits(crowd, settings, monkeypatch):
    monkeypatch.setattr(http, "_LONGEST_QUEUE", 0.5)
    settings.AOS_TIMEOUT = 60
    server = crowd(lambda server, connection: (server.ended.wait(60), reset(server, connection)))
    hung = threading.Thread(target=crowd.click, args=(4,))
    hung.start()
    until(lambda: len(server.requests) == 4)
    start = time.monotonic()
    found = [crowd.click(1)[0] for _ in range(20)]
    seconds = time.monotonic() - start
    server.stop()
    hung.join()

    assert {type(each) for each in found} == {Busy}
    assert seconds < 8  # ten, if each had waited


@pytest.mark.django_db
def test_e18_a_rename_form_is_told_to_wait_and_keeps_the_text(serve, client, alice):
    serve(reset).stop()
    sign_in(client, alice)
    for _ in range(5):
        assert client.get(LIST).status_code == 502
    page = client.post(RENAME, {"display_name": "Typed", "seen": "x"})
    assert page.status_code == 503
    assert 1 <= int(page["Retry-After"]) <= 5
    assert "Typed" in page.content.decode()
