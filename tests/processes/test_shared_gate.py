"""What AOS tells one worker about waiting, all workers heed: through the database (rows E15 and E18)."""

import time
from email.utils import formatdate

import pytest

from tests.processes.place import RENAME, save
from tests.support.hostile_answers import JSON, reply
from tests.support.hostile_aos import Fault
from tests.support.people import at_once, until

SECONDS = 15  # a gate that opens within two is waited for, and this machine may be slow


def says_seconds():
    return str(SECONDS)


def says_when():
    return formatdate(time.time() + SECONDS, usegmt=True)


def answers_of_both(place, ask):
    """What many at once are answered, until both workers have had a part."""
    answers = at_once([ask] * 16)
    while len(place.workers_that_answered()) < 2 and len(answers) < 80:
        answers += at_once([ask] * 16)
    return answers


@pytest.mark.parametrize("says", [says_seconds, says_when])
def test_e15_what_one_worker_was_told_the_other_heeds(place, says):
    alice = place.person()
    place.aos.log.clear()
    place.aos.gets = [Fault(reply(429, "", {**JSON, "Retry-After": says()}))]
    began = time.monotonic()
    assert alice.get(RENAME).status_code == 503
    time.sleep(1.2)  # each worker reads the gate once a second at most
    answers = answers_of_both(place, lambda: alice.copy().get(RENAME))

    assert {answer.status_code for answer in answers} == {503}
    assert all(1 <= int(answer.headers["Retry-After"]) <= SECONDS for answer in answers)
    assert len(place.workers_that_answered()) == 2
    assert len(place.aos.log) == 1
    until(lambda: alice.copy().get(RENAME).status_code == 200, seconds=40)
    assert place.aos.log[1].at - began >= SECONDS - 1.5  # a date has whole seconds


def test_e15_e18_a_change_that_was_told_to_wait_holds_up_the_lists_of_all_workers(place):
    alice, bob = place.person(), place.person()
    form = alice.get(RENAME)
    place.aos.log.clear()
    place.aos.puts = [Fault(reply(503, "", {**JSON, "Retry-After": says_seconds()}))]
    assert save(alice, form, "New")().status_code == 503
    time.sleep(1.2)
    before = len(place.aos.log)
    answers = answers_of_both(place, lambda: bob.copy().get(RENAME))

    assert {answer.status_code for answer in answers} == {503}
    assert len(place.workers_that_answered()) == 2
    assert len(place.aos.log) == before
    assert place.states(alice) == [["pending", "not_done"]]
    until(lambda: bob.copy().get(RENAME).status_code == 200, seconds=40)
