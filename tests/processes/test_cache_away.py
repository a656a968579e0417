"""The cache goes away (row E34): signing in, the list and renames go on, for correctness needs the database alone."""

import os
import time
from urllib.parse import urlsplit

import pytest
import redis

from tests.processes.place import LIST, RENAME, Place, save, told
from tests.support.people import at_once
from tests.support.stand_ins import free_ports
from tests.support.tcp_proxy import TCPProxy

PATIENCE = 8  # seconds for a whole sign-in, whose every question to a cache that is silent gives up after half a second
_DATABASE = 9  # of Redis: the limits that other tests count there are not disturbed
NOT_LIMITED = "rate_limit uncounted"


@pytest.fixture(scope="module")
def proxy():
    """The way to a cache; nobody is there, unless TEST_CACHE_URL names a Redis."""
    parts = urlsplit(os.environ.get("TEST_CACHE_URL", ""))
    proxy = TCPProxy((parts.hostname or "127.0.0.1", parts.port or free_ports(1)[0]))
    yield proxy
    proxy.stop()


@pytest.fixture(scope="module")
def _cached(proxy):
    place = Place(CACHE_URL=f"rediscache://127.0.0.1:{proxy.port}/{_DATABASE}", AOS_TIMEOUT="8")
    yield place
    place.stop()


@pytest.fixture
def place(_cached):
    _cached.fine_weather()
    yield _cached
    assert "Traceback" not in _cached.log()


def assert_all_is_well(place):
    """Sign in, look, rename from ten windows at once, be told, sign out."""
    alice = place.person()
    form = alice.get(RENAME)
    answers = at_once([save(alice, form, "New")] * 10)
    assert [getattr(answer, "status_code", answer) for answer in answers] == [302] * 10
    assert place.changes(alice) == [("New", True)]
    assert place.states(alice) == [["pending", "confirmed"]]
    assert told(alice, "New") == [f"Renamed “Owned by {alice.name}.” to “New”."]
    assert alice.post("/logout/", alice.get(LIST)).status_code == 302
    assert alice.get(LIST).headers["Location"].startswith("/login/")


def test_e34_a_cache_that_refuses_changes_nothing(place, proxy):
    proxy.refuse()
    proxy.cut()
    try:
        assert_all_is_well(place)
    finally:
        proxy.accept()
    assert NOT_LIMITED in place.log()


def test_e34_a_cache_that_is_a_black_hole_costs_seconds_and_changes_nothing(place, proxy):
    proxy.swallow()
    proxy.cut()
    try:
        began = time.monotonic()
        place.person()
        assert time.monotonic() - began < PATIENCE
        assert_all_is_well(place)
    finally:
        proxy.accept()
    assert NOT_LIMITED in place.log()


@pytest.mark.redis
def test_e34_a_cache_that_goes_away_in_the_middle_and_comes_back_changes_nothing(place, proxy):
    parts = urlsplit(os.environ["TEST_CACHE_URL"])
    store = redis.from_url(parts._replace(scheme="redis", path=f"/{_DATABASE}").geturl())
    try:
        assert_all_is_well(place)
        assert NOT_LIMITED not in place.log()
        assert list(store.scan_iter("LIMITS:*"))
        proxy.cut()
        assert_all_is_well(place)
    finally:
        for key in store.scan_iter("LIMITS:*"):
            store.delete(key)
        store.close()
