"""A portal of several worker processes between a provider and an API, all by real sockets."""

import itertools
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
import requests

from tests.processes.place import Place
from tests.support.fake_aps import FakeAPS
from tests.support.people import OwnersAOS, Person
from tests.support.portal import Portal
from tests.support.servers import Authority, Server
from tests.support.workers import kill, until_all_answer, worker_connected, workers_of

APS_SECONDS = 4.0  # the portal's deadline for a call to APS
AOS_SECONDS = 8.0  # and for one to AOS
CLAIM_SECONDS = APS_SECONDS + 2  # decision 5
_FAILED = re.compile(r"> answered 5\d\d to ")


class World:
    """The portal, APS and AOS, and what a test does to them."""

    def __init__(
        self, aos_url: str = "", aos_seconds: float = AOS_SECONDS, aps_seconds: float = APS_SECONDS, **variables: str
    ) -> None:
        authority = Authority()
        self.aps, self.aos = FakeAPS(), OwnersAOS()
        self._issue, self._numbers = self.aps._tokens, itertools.count(1)
        self.servers = [Server(each, authority.context("localhost")) for each in (self.aps, self.aos)]
        self.aps.issuer = self.servers[0].url
        on_sqlite = not os.environ.get("DATABASE_URL", "").startswith("postgres")
        usual = {"WEB_CONCURRENCY": "2" if on_sqlite else "4", "WEB_THREADS": "44"}
        usual["AOS_CALLS"] = "40"  # at once: nobody waits for a turn, which the portal lets them for a second at most
        self.portal = Portal(
            APS_ISSUER=self.aps.issuer,
            AOS_BASE_URL=aos_url or self.servers[1].url,
            CA_BUNDLE=authority.bundle,
            APS_TIMEOUT=str(aps_seconds),
            AOS_TIMEOUT=str(aos_seconds),
            GUNICORN_CMD_ARGS="--access-logformat '%(p)s answered %(s)s to %(m)s %(U)s'",
            SIGN_IN_RATE_ADDRESS="1000",
            LIST_SECONDS="0",  # each page asks AOS, and so needs a token
            LOG_LEVEL="INFO",
            **{**usual, **variables},
        )

    def fine_weather(self) -> None:
        """APS and AOS behave well and remember nothing; the log is read from here on."""
        self.aps.replies, self.aps.answer, self.aos.refused = {}, {}, set()
        self.aps.hold = lambda moment: None
        self.aos.hold = lambda: None
        self.aps._tokens = self._issue
        self.forget()
        self._log_from = self._answers_from = self.portal.log.stat().st_size

    def forget_answers(self) -> None:
        """Who answers counts from here on."""
        self._answers_from = self.portal.log.stat().st_size

    def recover(self) -> None:
        """Wait until every worker gets answers of AOS again: after a few failures each leaves it alone for a while."""
        until_all_answer(self.portal, list_of(self.person()))

    def forget(self) -> None:
        """Calls to APS and AOS count from here on."""
        self.aps.calls.clear()
        self.aps.requests.clear()
        self.aos.asked.clear()

    def person(self, name: str = "") -> Person:
        """Somebody who has just signed in; without a name, somebody new: APS may end all that another test's had."""
        person = Person(self.portal.url, self.aps, name or f"alice{next(self._numbers)}")
        answer = person.sign_in()
        assert (answer.status_code, answer.headers.get("Location")) == (302, "/subscriptions/")
        return person

    def expire(self, seconds: float = -60) -> None:
        """Every access token has so many seconds left; calls count from here on."""
        moment = datetime.now(UTC) + timedelta(seconds=seconds)
        self.portal.execute(f"UPDATE passport_grant SET expires_at = '{moment.isoformat(sep=' ')}'")
        self.forget()

    def log(self) -> str:
        """What the portal has logged in this test."""
        return self.portal.log.read_bytes()[self._log_from :].decode()

    def workers_that_answered(self) -> set[str]:
        """The process ids of those that have shown a list in this test, or since `forget_answers`."""
        log = self.portal.log.read_bytes()[self._answers_from :].decode()
        return set(re.findall(r"<(\d+)> answered 200 to GET /subscriptions/", log))

    def workers(self) -> set[int]:
        """The process ids of gunicorn's workers."""
        return workers_of(self.portal)

    def kill(self, pid: int) -> None:
        """`kill -9` one worker, and wait until the master has started another."""
        kill(self.portal, pid)

    def worker_that_asks_aps(self) -> int:
        """The process id of the worker that sent APS its latest request, over a connection that is still open."""
        return worker_connected(self.portal, self.aps.requests[-1].port, self.servers[0].port)

    def stop(self) -> None:
        self.portal.stop()
        for server in self.servers:
            server.stop()


@pytest.fixture(scope="session")
def _world() -> Iterator[World]:
    world = World()
    yield world
    world.stop()


@pytest.fixture(scope="session")
def _place() -> Iterator[Place]:
    place = Place()
    yield place
    place.stop()


def lent(made: Any, *unwanted: str) -> Iterator[Any]:
    """Lend it in fine weather, to which it comes back. What is unwanted is not in its log afterwards."""
    made.fine_weather()
    start = made.portal.log.stat().st_size
    yield made
    log = made.portal.log.read_bytes()[start:].decode()
    made.fine_weather()
    try:
        assert not any(word in log for word in unwanted), log[-5000:]
    finally:
        if _FAILED.search(log):
            made.recover()


@pytest.fixture
def place(_place: Place) -> Iterator[Place]:
    """The place in fine weather. Whatever the test did, no view may have failed."""
    yield from lent(_place, "Traceback")


@pytest.fixture
def world(_world: World) -> Iterator[World]:
    """The world in fine weather. Whatever the test did, no view may have failed, and no database been locked."""
    yield from lent(_world, "Traceback", "locked")


def words_of(answer: requests.Response) -> str:
    """What the page says, without its rows."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text.partition("<main")[2].partition("<table")[0]).split())


def assert_list_of(person: Person, answer: object) -> None:
    """It is the list of this person's subscriptions, in a page of this person."""
    assert not isinstance(answer, Exception), answer
    assert answer.status_code == 200, f"{answer.status_code} {answer.headers.get('Location')}: {words_of(answer)}"
    assert f"Owned by {person.name}." in answer.text
    assert person.claims["name"] in answer.text


def assert_sent_to_sign_in(answer: object) -> None:
    """It leads to the sign-in page, and back to the list."""
    assert not isinstance(answer, Exception), answer
    assert answer.status_code == 302, f"{answer.status_code}: {words_of(answer)}"
    assert unquote(answer.headers["Location"]) == "/login/?next=/subscriptions/"


def list_of(person: Person) -> Callable[[], object]:
    """Asks for the list in a window of its own."""
    return lambda: person.copy().get("/subscriptions/")
