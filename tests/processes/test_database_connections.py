"""Nobody holds a connection to the database while APS or AOS is asked (issue 8): one connection serves many people."""

import os
import threading
import time

import pytest

from tests.processes.conftest import World as AnyWorld
from tests.processes.conftest import assert_list_of
from tests.support.people import at_once, until

pytestmark = pytest.mark.skipif(
    not os.environ.get("DATABASE_URL", "").startswith("postgres"), reason="SQLite has no connections to share"
)
PEOPLE, WAITING = 8, 24
LIST = "/subscriptions/"


@pytest.fixture(scope="module")
def world():
    """One process, which may have one connection."""
    world = AnyWorld(aps_seconds=8, WEB_CONCURRENCY="1", WEB_THREADS="32", AOS_CALLS="24", DATABASE_CONNECTIONS="1")
    world.fine_weather()
    yield world
    log = world.log()
    world.stop()
    assert "Traceback" not in log, log[-5000:]


def all_at_once(count):
    """What lets nobody on before so many have come."""
    barrier = threading.Barrier(count)
    return lambda *moment: barrier.wait(timeout=6) if moment in ((), ("before",)) else None


def test_aos_is_asked_by_eight_people_at_once(world):
    people = [world.person(f"asks{number}") for number in range(PEOPLE)]
    world.aos.hold = all_at_once(PEOPLE)
    pages = at_once([lambda person=person: person.get(LIST) for person in people])
    world.aos.hold = lambda: None
    for person, page in zip(people, pages, strict=True):
        assert_list_of(person, page)


def test_aps_renews_for_eight_people_at_once(world):
    people = [world.person(f"renews{number}") for number in range(PEOPLE)]
    world.expire()
    world.aps.hold = all_at_once(PEOPLE)
    pages = at_once([lambda person=person: person.get(LIST) for person in people])
    world.aps.hold = lambda moment: None
    for person, page in zip(people, pages, strict=True):
        assert_list_of(person, page)


def test_those_who_wait_for_a_renewal_leave_the_connection_to_the_one_who_renews(world):
    alice = world.person()
    world.expire()
    world.aps.hold = lambda moment: time.sleep(1 if moment == "before" else 0)
    pages = at_once([lambda: alice.copy().get(LIST)] * WAITING)
    world.aps.hold = lambda moment: None
    for page in pages:
        assert_list_of(alice, page)
    assert len(world.aps.refreshes()) == 1


def test_the_portal_has_no_more_connections_than_it_may(world):
    name = world.portal.database.name
    asked = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    at_once([lambda: world.person().get(LIST)] * PEOPLE)
    until(lambda: world.portal.query(asked) == [(1,)])
