"""AOS is silent while a hundred people click: pages that do not need it go on, and so does the list when it is back."""

import threading
import time

from tests.processes.conftest import AOS_SECONDS, list_of
from tests.support.people import Person, at_once

CLICKS = 100


def test_e18_a_silent_aos_costs_the_portal_no_worker(world):
    person, is_back = world.person(), threading.Event()
    world.forget()
    world.aos.hold = lambda: is_back.wait(60)
    visits = [visitor(world) for _ in range(10)]
    *clicks, first, second = at_once([list_of(person)] * CLICKS + [lambda: [each() for each in visits]] * 2)
    asked = len(world.aos.asked)
    is_back.set()

    assert {answer.status_code for answer in clicks} <= {503, 504}
    assert asked <= 3 * CLICKS
    assert {status for status, _seconds in first + second} == {200}
    *usual, _, _ = sorted(seconds for _status, seconds in first + second)  # the machine may stall for a moment
    assert usual[-1] < AOS_SECONDS
    world.recover()


def visitor(world):
    """Somebody who looks at a page that needs no AOS; gives its status, and the seconds that it took."""

    def visit():
        start = time.monotonic()
        answer = Person(world.portal.url, world.aps, "visitor").get("/login/")
        return answer.status_code, time.monotonic() - start

    return visit
