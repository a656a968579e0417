"""A portal of two workers, a hostile AOS, and a database that a test can take away."""

import itertools
import re
from collections.abc import Callable
from typing import Any

import requests

from tests.support.fake_aps import FakeAPS
from tests.support.hostile_aos import Fault, HostileAOS, item
from tests.support.hostile_aos import Request as AOSRequest
from tests.support.people import Person
from tests.support.portal import Portal
from tests.support.servers import Server
from tests.support.tcp_proxy import TCPProxy
from tests.support.workers import until_all_answer, worker_connected, workers_of

LIST = "/subscriptions/"
FRESH = "/subscriptions/?refresh=1"
RENAME = "/subscriptions/s-1/rename/"
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
AOS_SECONDS = 2  # the portal's deadline for an operation at AOS
TURN_SECONDS = AOS_SECONDS + 2  # how long a killed worker's turn to rename stays its own
THREADS = 8  # of each worker


class Place:
    """The portal, APS, and AOS behind a proxy. Log lines begin with the process id of the worker."""

    def __init__(self, **variables: str) -> None:
        self.aps, self._numbers = FakeAPS(), itertools.count(1)
        self._aps_server = Server(self.aps)
        self.aps.issuer = self._aps_server.url
        self.aos = HostileAOS(owner=lambda token: token.rpartition("-sub-")[2])
        self.way = TCPProxy(("127.0.0.1", self.aos.port))
        usual = {"APS_TIMEOUT": "8", "AOS_TIMEOUT": str(AOS_SECONDS), "CONNECT_TIMEOUT": "1", "WEB_CONCURRENCY": "2"}
        self.portal = Portal(
            is_cuttable=True,
            APS_ISSUER=self.aps.issuer,
            AOS_BASE_URL=f"http://127.0.0.1:{self.way.port}",
            WEB_THREADS=str(THREADS),
            GUNICORN_CMD_ARGS="--access-logformat '%(p)s answered %(s)s to %(m)s %(U)s'",
            SIGN_IN_RATE_ADDRESS="1000",
            LOG_LEVEL="INFO",
            **{**usual, **variables},
        )

    def workers(self) -> set[int]:
        """The process ids of gunicorn's workers."""
        return workers_of(self.portal)

    def worker_that_sent(self, request: AOSRequest) -> int:
        """The process id of the worker that sent this to AOS, over a connection that is still open."""
        return worker_connected(self.portal, self.way.nearer[request.port], self.way.port)

    def fine_weather(self) -> None:
        """AOS behaves; nobody goes on with what earlier tests left open. The log is read from here on."""
        self.aos.release()
        self.aos.gets, self.aos.puts, self.aos.every_get, self.aos.every_put = [], [], Fault(), Fault()
        self.portal.execute("UPDATE subscriptions_batch SET state = 'paused', claim = NULL WHERE state = 'running'")
        self.portal.execute("DELETE FROM subscriptions_openrename")
        self._log_from = self.portal.log.stat().st_size

    def recover(self) -> None:
        """Wait until every worker gets answers of AOS again: after a few failures each leaves it alone for a while."""
        person = self.person()
        until_all_answer(self.portal, lambda: person.copy().get(RENAME))

    def log(self) -> str:
        """What the portal has logged in this test."""
        return self.portal.log.read_bytes()[self._log_from :].decode()

    def workers_that_answered(self) -> set[str]:
        """The process ids of those that have answered anything about a rename in this test."""
        return set(re.findall(rf"<(\d+)> answered \d+ to \w+ {RENAME}", self.log()))

    def person(self, id: str = "s-1") -> Person:
        """Somebody new, signed in, with a subscription."""
        person = Person(self.portal.url, self.aps, f"alice{next(self._numbers)}")
        self.aos.items[person.name] = [item(id, f"Owned by {person.name}.")]
        assert person.sign_in().headers.get("Location") == LIST
        return person

    def states(self, person: Person) -> list[list[str]]:
        """What the ledger says of each rename of this person, oldest first: its states in order."""
        events = self.portal.query(
            "SELECT r.id, e.state FROM subscriptions_renameevent e JOIN subscriptions_rename r ON r.id = e.rename_id"
            f" WHERE r.subject = '{person.claims['sub']}' ORDER BY r.created, e.number"
        )
        return [[state for _, state in each] for _, each in itertools.groupby(events, key=lambda event: event[0])]

    def age(self, person: Person) -> None:
        """This person's renames are an hour old: what AOS does not show by now did not happen."""
        earlier = (
            "created - INTERVAL '1 hour'" if self.portal.database.is_postgresql else "datetime(created, '-1 hour')"
        )
        self.portal.execute(
            f"UPDATE subscriptions_rename SET created = {earlier} WHERE subject = '{person.claims['sub']}'"
        )

    def free_turns(self) -> None:
        """The turns of killed workers have run out."""
        self.portal.execute("DELETE FROM subscriptions_turn")

    def changes(self, person: Person) -> list[tuple[str, bool]]:
        """The changes that AOS got with this person's tokens: the name, and whether it was applied."""
        return [
            (put.json["displayName"], put.applied)
            for put in self.aos.sent
            if put.headers["authorization"].endswith(f"-sub-{person.name}")
        ]

    def stop(self) -> None:
        self.portal.stop()
        for each in (self.way, self.aos, self._aps_server):
            each.stop()


def save(person: Person, form: requests.Response, wanted: str, path: str = RENAME) -> Callable[[], Any]:
    """Press Save on a form of this person, in a window of its own."""
    return lambda: person.copy().post(path, form, **{**dict(HIDDEN.findall(form.text)), "display_name": wanted})


def told(person: Person, wanted: str) -> list[str]:
    """What the list says about renames to that name."""
    page = person.get(LIST)
    assert page.status_code == 200, page.text
    return [text for text in map(_text, _NOTICE.findall(page.text)) if f"to “{wanted}”" in text]


_NOTICE = re.compile(r'<div class="notice [^"]*"\s+role="status">\s*<p>(.*?)</p>', re.S)


def _text(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", markup).split())
