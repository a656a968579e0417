"""The worker that refreshes is killed while other workers wait for it (decision 5), at both points."""

import threading
import time

from tests.processes.conftest import CLAIM_SECONDS, assert_list_of, assert_sent_to_sign_in, list_of
from tests.support.people import at_once

PATIENCE = CLAIM_SECONDS + 14  # seconds until everybody has an answer: the claim, and slow machines


class Killing:
    """Some requests at expiry; the worker that asks APS is killed when APS reaches `moment`.

    Killed "before", its refresh is never processed. `answers` are those of the workers that lived on.
    """

    def __init__(self, world, person, moment, requests=40):
        self.moment, self._reached, self._killed = moment, threading.Event(), threading.Event()
        world.expire()
        world.aps.hold = self._hold
        crowd = threading.Thread(target=self._come, args=(person, requests))
        crowd.start()
        assert self._reached.wait(15)
        world.kill(world.worker_that_asks_aps())
        killed_at = time.monotonic()
        self._killed.set()
        crowd.join()
        self.seconds = time.monotonic() - killed_at

    def _come(self, person, requests):
        everybody = at_once([list_of(person)] * requests)
        self.answers = [answer for answer in everybody if not isinstance(answer, Exception)]

    def _hold(self, now):
        if now != self.moment or self._reached.is_set():
            return
        self._reached.set()
        self._killed.wait(20)
        if now == "before":
            raise ConnectionAbortedError


def killed_among_forty(world, moment):
    """A person, and what became of forty requests. At times one worker takes them all, and all die with it: again."""
    for _ in range(5):
        person = world.person()
        killing = Killing(world, person, moment)
        if killing.answers:
            break
    assert 0 < len(killing.answers) < 40
    return person, killing


def test_e35_a_worker_killed_before_aps_processed_its_refresh_is_taken_over_by_one_that_waits(world):
    alice, killing = killed_among_forty(world, "before")
    for answer in killing.answers:
        assert_list_of(alice, answer)
    assert killing.seconds < PATIENCE
    assert len(world.aps.refreshes()) == 2  # one was never processed
    world.expire()
    assert_list_of(alice, alice.get("/subscriptions/"))


def test_e35_a_worker_killed_after_aps_rotated_costs_one_sign_in_and_no_500(world):
    alice, killing = killed_among_forty(world, "after")
    for answer in killing.answers:
        assert_sent_to_sign_in(answer)
    assert killing.seconds < PATIENCE
    assert len(world.aps.refreshes()) == 2  # the second one told APS that the first answer had been lost
    assert alice.sign_in().headers["Location"] == "/subscriptions/"
    assert_list_of(alice, alice.get("/subscriptions/"))


def test_e35_killed_before_and_nobody_waited_the_next_request_refreshes(world):
    alice = world.person()
    assert Killing(world, alice, "before", requests=1).answers == []

    began = time.monotonic()
    assert_list_of(alice, alice.get("/subscriptions/"))
    assert time.monotonic() - began < PATIENCE


def test_e35_killed_after_and_nobody_waited_the_next_request_leads_to_the_sign_in(world):
    alice = world.person()
    assert Killing(world, alice, "after", requests=1).answers == []

    began = time.monotonic()
    answer = alice.get("/subscriptions/")
    assert time.monotonic() - began < PATIENCE
    assert_sent_to_sign_in(answer)
    assert "Please sign in again" in alice.get(answer.headers["Location"]).text
