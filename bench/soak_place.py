"""Where the soak takes place: the portal, its worker, people, an APS of short tokens, an AOS that fails at times."""

import itertools
import random
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.soak_people import Member, Seen
from tests.support.fake_aps import FakeAPS
from tests.support.hostile_answers import JSON, Answer, reply, reset, truncated
from tests.support.hostile_aos import Fault, HostileAOS, ignore, obey
from tests.support.people import at_once
from tests.support.portal import ROOT, Portal
from tests.support.servers import Server
from tests.support.workers import workers_of

PEOPLE = 30
AOS_SECONDS, USUAL = 3.0, Fault(before=0.05)
LIVES = (1, 61, 65, 75, 90, 120)  # seconds of an access token; the portal renews it a minute before its end
REFUSED_AFTER = 25.0  # seconds from its first use on: then AOS wants another token, however long it lives
CAUSED = {"502", "503", "504"}  # how the portal says that AOS failed


@dataclass
class Window:
    """A time in which AOS failed, and for `margin` seconds after it people may still be told so."""

    what: str
    margin: float
    began: float
    ended: float = float("inf")

    def explains(self, seen: Seen) -> bool:
        """Whether this may be why somebody saw an error."""
        return seen.status in CAUSED and seen.began <= self.ended + self.margin and seen.ended >= self.began


class Weather(threading.Thread):
    """AOS fails in one way after the other, for a sixth of the time."""

    # After five operations without an answer, a process of the portal leaves AOS alone for five seconds. Then one
    # caller finds out that it is back, while the others are still refused.
    _FAULTS: tuple[tuple[str, Answer | None, float, float], ...] = (
        ("500", reply(500, "{}"), 0, 1),
        ("503, Retry-After: 1", reply(503, "{}", {**JSON, "Retry-After": "1"}), 0, 2),
        ("slow", None, AOS_SECONDS + 1, AOS_SECONDS + 5 + 2),
        ("reset", reset, 0, 1),
        ("truncated", truncated, 0, 1),
    )

    def __init__(self, aos: HostileAOS, seconds: float) -> None:
        super().__init__(daemon=True)
        self.windows: list[Window] = []
        self._aos, self._dice, self._over = aos, random.Random(1), threading.Event()
        self._every = max(12.0, seconds / 20)

    def run(self) -> None:
        """Fail and recover until ended."""
        for what, answer, after, margin in itertools.cycle(self._FAULTS):
            if self._over.wait(self._every * 5 / 6):
                return
            window = Window(what, margin, time.monotonic())
            self.windows.append(window)
            does = ignore if what.startswith("503") else self._dice.choice((obey, ignore))  # 503: surely not done
            self._aos.every_get, self._aos.every_put = Fault(answer, after=after), Fault(answer, does, after=after)
            self._over.wait(self._every / 6)
            self._aos.every_get = self._aos.every_put = USUAL
            window.ended = time.monotonic()

    def end(self) -> None:
        """Fine weather from now on."""
        self._over.set()
        self.join()


class Place:
    """The portal with two web workers and a worker for batches, APS, AOS, and people."""

    def __init__(self) -> None:
        self.aps, self.seen, self._first_used = FakeAPS(), [], {}
        self._dice = random.Random(2)
        self.aps.hold = lambda moment: self.aps.answer.update(expires_in=self._dice.choice(LIVES))
        self._server = Server(self.aps)
        self.aps.issuer = self._server.url
        self.aos = HostileAOS(owner=self._owner)
        self.aos.every_get = self.aos.every_put = USUAL
        self.portal = Portal(
            APS_ISSUER=self.aps.issuer,
            AOS_BASE_URL=self.aos.url,
            AOS_TIMEOUT=str(AOS_SECONDS),
            SIGN_IN_RATE_ADDRESS="100000",
            SIGN_IN_RATE_BROWSER="100000",
            LOG_LEVEL="INFO",
        )
        with self.portal.log.open("ab") as log:
            command = [sys.executable, "manage.py", "worker"]
            environment = self.portal.environment
            self._worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        self.people = [Member(self.portal.url, self.aps, number, self.seen) for number in range(PEOPLE)]
        for person in self.people:
            self.aos.items[person.name] = person.items()

    def _owner(self, token: str) -> str:
        """Whose token it is; nobody's, once AOS does not take it any more."""
        first = self._first_used.setdefault(token, time.monotonic())
        return token.rpartition("-sub-")[2] if time.monotonic() - first < REFUSED_AFTER else ""

    def processes(self) -> dict[str, int]:
        """The process ids by name, of those that live."""
        web = {f"web {number}": pid for number, pid in enumerate(sorted(workers_of(self.portal)), 1)}
        return {**web, **({"worker": self._worker.pid} if self._worker.poll() is None else {})}

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Meanwhile everybody is at it."""
        over = threading.Event()
        threads = [threading.Thread(target=person.live, args=[over]) for person in self.people]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def prepare(self) -> None:
        """Everybody signs in, and does everything once."""
        failed = [each for each in at_once([person.do_all for person in self.people]) if each]
        assert not failed, failed

    def settle(self) -> None:
        """Find out what became of every rename. What did not reach AOS is known not to be done after a minute."""
        for person in self.people:
            if not person.is_in:
                person.come()
        deadline = time.monotonic() + 90
        while self.portal.run("settle_renames").returncode and time.monotonic() < deadline:
            time.sleep(5)

    def lost(self) -> list[str]:
        """Subscriptions whose name at AOS is not the last one confirmed, and what was told and is not confirmed."""
        rows = self.portal.query(
            "SELECT r.subscription_id, r.name_wanted, (SELECT e.state FROM subscriptions_renameevent e"
            " WHERE e.rename_id = r.id ORDER BY e.number DESC LIMIT 1) FROM subscriptions_rename r ORDER BY r.created"
        )
        confirmed: dict[str, list[str]] = defaultdict(list)
        for subscription_id, name, state in rows:
            confirmed[subscription_id] += [name] if state == "confirmed" else []
        return [
            each["id"]
            for person in self.people
            for each, before in zip(self.aos.items[person.name], person.items(), strict=True)
            if each["displayName"] != [before["displayName"], *confirmed[each["id"]]][-1]
            or not set(person.told.get(each["id"], [])) <= set(confirmed[each["id"]])
        ]

    def stop(self) -> None:
        """End it all."""
        self._worker.terminate()
        self._worker.wait(timeout=40)
        self.portal.stop()
        self.aos.stop()
        self._server.stop()
