"""The connections of a pool: nobody keeps the only one from whom all wait for, and all may break at once."""

import os
import socket
import threading
import time
from collections import Counter

import pytest

from tests.processes.conftest import World as AnyWorld
from tests.processes.place import Place
from tests.support.hostile_aos import Fault, item
from tests.support.people import at_once

pytestmark = pytest.mark.skipif(
    not os.environ.get("DATABASE_URL", "").startswith("postgres"), reason="SQLite has no connections to share"
)
PEOPLE, ROUNDS = 8, 15
LIST = "/subscriptions/"


@pytest.fixture(scope="module")
def place():
    """One process with many connections, that can be cut."""
    place = Place(WEB_CONCURRENCY="1", DATABASE_CONNECTIONS="8")
    yield place
    place.stop()


@pytest.fixture(scope="module")
def narrow_place():
    """One process with one connection, and an AOS of long lists."""
    place = Place(WEB_CONCURRENCY="1", DATABASE_CONNECTIONS="1")
    yield place
    place.stop()


@pytest.fixture(scope="module")
def world():
    """One process, which may have one connection."""
    world = AnyWorld(WEB_CONCURRENCY="1", WEB_THREADS="8", AOS_CALLS="6", DATABASE_CONNECTIONS="1")
    world.fine_weather()
    yield world
    world.stop()


def test_those_who_wait_for_the_gate_to_be_read_leave_the_connection_to_the_one_who_reads(world):
    """It is read once a second; so much comes that some wait for their call while others have just come."""
    people = [world.person(f"comes{number}") for number in range(PEOPLE)]
    world.aos.hold = lambda *moment: time.sleep(0.2)
    for _ in range(ROUNDS):
        pages = at_once([lambda person=person: person.get(LIST) for person in people] * 4)
        answers = Counter(page.status_code for page in pages)
        assert answers[200] + answers[503] == len(pages)  # 503: on a slow machine a call's turn may not come in time
        assert answers[200] > len(pages) / 2
    world.aos.hold = lambda: None
    assert "unshared" not in world.log()
    assert "database_away" not in world.log()


def test_a_database_that_was_away_for_a_moment_is_found_again_by_the_first_who_asks(place):
    """All connections that nobody uses are broken then: they are not tried one after another."""
    alice = place.person()
    sessions = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{place.portal.database.name}'"
    for _ in range(5):  # a pool grows by one at a time
        place.aos.gets = [Fault(before=0.5) for _ in range(8)]
        at_once([lambda: alice.copy().get(LIST)] * 8)
        if place.portal.query(sessions)[0][0] > 5:  # what is left of them, with our own
            break
    assert place.portal.query(sessions)[0][0] > 5

    place.portal.faults.cut()
    place.portal.faults.mend()
    assert alice.get(LIST).status_code == 200


def test_a_database_whose_host_answers_nothing_is_called_away_while_people_still_wait(place):
    """As long as a system waits for a connection by itself, two minutes and more, nobody does."""
    alice = place.person()
    place.portal.faults.drop()
    try:
        page = alice.session.get(f"{place.portal.url}{LIST}", timeout=25)
    finally:
        place.portal.faults.mend()
    assert page.status_code == 503
    assert alice.get(LIST).status_code == 200


def lock(database, seconds, is_held):
    with database.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE passport_grant")
        is_held.set()
        time.sleep(seconds)


def test_a_database_that_takes_long_is_not_called_away(world):
    """The one connection waits for a lock, for longer than the pool's `timeout`; so do all who wait for it."""
    people, is_held = [world.person(f"waits{number}") for number in range(3)], threading.Event()
    holder = threading.Thread(target=lock, args=[world.portal.database, 5, is_held])
    holder.start()
    assert is_held.wait(30)
    pages = at_once([lambda person=person: person.get(LIST) for person in people])
    holder.join()
    assert [page.status_code for page in pages] == [200] * 3


def test_a_download_over_a_slow_line_keeps_no_connection(narrow_place):
    alice, bob = narrow_place.person(), narrow_place.person()
    narrow_place.aos.items[alice.name] = [item(f"s-{number}", "x" * 200) for number in range(20_000)]
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", narrow_place.portal.port))
        cookies = "; ".join(f"{each.name}={each.value}" for each in alice.session.cookies)
        host = f"Host: 127.0.0.1:{narrow_place.portal.port}"
        line.sendall(f"GET {LIST}export.json HTTP/1.1\r\n{host}\r\nCookie: {cookies}\r\n\r\n".encode())
        assert line.recv(12) == b"HTTP/1.1 200"
        assert bob.get(LIST).status_code == 200
