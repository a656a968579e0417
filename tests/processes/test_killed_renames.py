"""`kill -9` of the worker that renames, at each point (row E31): nothing is lost or doubled, and the person is told."""

import sys
import time

import pytest
import requests

from tests.processes.place import RENAME, TURN_SECONDS, save, told
from tests.processes.points import APPLIED, BEFORE_THE_INTENT, INTENDED, RECORDED, SENT, WANTED, stop_at
from tests.subscriptions.pages import words
from tests.support.workers import kill

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the worker through /proc")
PATIENCE = TURN_SECONDS + 6  # seconds: the turn, and slow machines
POINTS = {
    "before_the_intent": BEFORE_THE_INTENT,
    "intended_and_not_sent": INTENDED,
    "sent_and_not_applied": SENT,
    "applied_and_not_answered": APPLIED,
    "recorded_and_not_answered": RECORDED,
}


def killed_at(place, point):
    """The worker of this rename is dead, and the browser got no answer."""
    stopped = stop_at(place, point, lambda stopped: kill(place.portal, place.worker_that_sent(stopped.request)))
    with pytest.raises(requests.ConnectionError):
        stopped.answer.result()
    assert len(place.aos.sent) == point.sent
    return stopped


def settle(place):
    """`manage.py settle_renames`: gives its exit code."""
    return place.portal.run("settle_renames").returncode


@pytest.mark.parametrize("case", ["applied_and_not_answered", "recorded_and_not_answered"])
def test_e31_what_aos_applied_is_confirmed_and_told_once_whenever_its_worker_was_killed(place, case):
    alice = killed_at(place, POINTS[case]).person
    assert settle(place) == 0
    assert place.states(alice) == [["pending", "confirmed"]]
    assert told(alice, WANTED) == [f"Renamed “Owned by {alice.name}.” to “{WANTED}”."]
    assert told(alice, WANTED) == []
    assert place.changes(alice) == [(WANTED, True)]


@pytest.mark.parametrize("case", ["intended_and_not_sent", "sent_and_not_applied"])
def test_e31_what_aos_does_not_show_is_not_known_and_a_minute_later_not_done_and_each_is_told_once(place, case):
    alice = killed_at(place, POINTS[case]).person
    place.free_turns()
    assert settle(place) == 1
    assert place.states(alice) == [["pending", "unknown"]]
    (text,) = told(alice, WANTED)
    assert text.startswith("Not known yet whether")
    assert told(alice, WANTED) == []

    place.age(alice)
    assert settle(place) == 0
    assert place.states(alice) == [["pending", "unknown", "not_done"]]
    (text,) = told(alice, WANTED)
    assert "was not renamed" in text
    assert told(alice, WANTED) == []
    assert place.changes(alice) == [(WANTED, False)] * POINTS[case].sent


def test_e31_killed_before_the_intent_nothing_was_sent_and_there_is_nothing_to_settle_or_tell(place):
    alice = killed_at(place, BEFORE_THE_INTENT).person
    place.free_turns()
    assert settle(place) == 0
    assert place.states(alice) == []
    assert told(alice, WANTED) == []
    assert place.changes(alice) == []


AGAIN = {
    "before_the_intent": (302, [(WANTED, True)]),
    "intended_and_not_sent": (502, []),
    "sent_and_not_applied": (502, [(WANTED, False)]),
    "applied_and_not_answered": (302, [(WANTED, True)]),
    "recorded_and_not_answered": (302, [(WANTED, True)]),
}


@pytest.mark.parametrize("case", AGAIN)
def test_e31_the_same_form_sent_again_after_the_kill_is_answered_and_nothing_is_sent_twice(place, case):
    status, changes = AGAIN[case]
    stopped = killed_at(place, POINTS[case])
    place.free_turns()
    page = save(stopped.person, stopped.form, WANTED)()

    assert page.status_code == status
    assert place.changes(stopped.person) == changes
    assert [text.startswith("Renamed “") for text in told(stopped.person, WANTED)] == [True] * (status == 302)
    assert ("Not known whether the name was changed" in words(page)) == (status == 502)
    assert told(stopped.person, WANTED) == []
    assert len(place.states(stopped.person)) <= 1


def test_e31_the_next_visit_settles_and_tells_what_a_killed_worker_left(place):
    alice = killed_at(place, APPLIED).person
    place.free_turns()
    assert told(alice, WANTED) == [f"Renamed “Owned by {alice.name}.” to “{WANTED}”."]
    assert told(alice, WANTED) == []
    assert place.states(alice) == [["pending", "confirmed"]]


def test_e31_the_same_form_sent_again_at_once_waits_until_the_killed_workers_turn_has_run_out(place):
    stopped = killed_at(place, APPLIED)
    began = time.monotonic()
    assert save(stopped.person, stopped.form, WANTED)().status_code == 302
    assert time.monotonic() - began < PATIENCE
    assert place.changes(stopped.person) == [(WANTED, True)]


def test_e31_another_tab_can_rename_when_the_killed_workers_turn_has_run_out(place):
    alice = killed_at(place, SENT).person
    began = time.monotonic()
    answer = save(alice, alice.get(RENAME), "From another tab")()

    assert answer.status_code == 302
    assert time.monotonic() - began < PATIENCE
    assert place.changes(alice) == [(WANTED, False), ("From another tab", True)]
    assert place.states(alice) == [["pending", "unknown"], ["pending", "confirmed"]]
