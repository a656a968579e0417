"""The points of a rename at which a test stops it, to kill its worker or to take its database away."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import requests

from tests.processes.place import RENAME, Place, save
from tests.support.hostile_answers import hang_up
from tests.support.hostile_aos import Fault, ignore
from tests.support.hostile_aos import Request as AOSRequest
from tests.support.people import Person, until

WANTED = "New name"
_LONG = 60.0  # seconds: until the test lets it go


@dataclass(frozen=True)
class Point:
    """AOS holds the request of this method. If there is a state, it is let go, and stopped when that is recorded."""

    method: str
    fault: Fault
    state: str = ""
    sent: int = 0
    applied: int = 0


BEFORE_THE_INTENT = Point("GET", Fault(before=_LONG))
INTENDED = Point("GET", Fault(before=_LONG), "pending")
SENT = Point("PUT", Fault(before=_LONG, does=ignore, answer=hang_up), sent=1)
APPLIED = Point("PUT", Fault(after=_LONG), sent=1, applied=1)
RECORDED = Point("PUT", Fault(after=_LONG), "confirmed", sent=1, applied=1)


@dataclass
class Stopped:
    """A rename to WANTED by `person`. `request` is what AOS held, `answer` is or will be that to the `form`."""

    person: Person
    form: requests.Response
    request: AOSRequest
    answer: "Future[requests.Response]"


def stop_at(place: Place, point: Point, do: Callable[[Stopped], object]) -> Stopped:
    """Somebody new presses Save; `do` is done at the point. Returns when Save has been answered, or never will be.

    After a recorded state PostgreSQL stops it surely. On SQLite that is a race, which is run until it is won.
    """
    for _ in range(20):
        stopped = _stop_once(place, point, do)
        was_late = len(place.aos.sent) != point.sent or _is_done(stopped.answer)
        if not (point.state and was_late):
            return stopped
        place.fine_weather()
    raise AssertionError("It could not be stopped there.")


def _stop_once(place: Place, point: Point, do: Callable[[Stopped], object]) -> Stopped:
    person = place.person()
    form = person.get(RENAME)
    place.aos.log.clear()
    (place.aos.gets if point.method == "GET" else place.aos.puts).append(point.fault)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(save(person, form, WANTED))
        until(lambda: _has_reached(place, point))
        stopped = Stopped(person, form, place.aos.log[-1], answer)
        with _stopped_after_state(place, point, person):
            do(stopped)
        place.aos.release()
    return stopped


def _has_reached(place: Place, point: Point) -> bool:
    return [each.method for each in place.aos.log[-1:]] == [point.method] and place.aos.applied == point.applied


@contextlib.contextmanager
def _stopped_after_state(place: Place, point: Point, person: Person) -> Iterator[None]:
    if not point.state:
        yield
        return
    recorded = (
        "SELECT 1 FROM subscriptions_renameevent e JOIN subscriptions_rename r ON r.id = e.rename_id"
        f" WHERE r.subject = '{person.claims['sub']}' AND e.state = '{point.state}'"
    )
    with place.portal.faults.stopped_once(recorded) as wait:
        place.aos.release()
        wait()
        yield


def _is_done(answer: "Future[requests.Response]") -> bool:
    return answer.exception() is None and answer.result().status_code == 302
