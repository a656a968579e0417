"""`manage.py worker` finds out by itself what became of renames; two of them do it once (issue 5, row E31)."""

import re

import pytest

from tests.processes.place import Place, save, told
from tests.support.hostile_answers import hang_up
from tests.support.hostile_aos import Fault, ignore
from tests.support.people import at_once, until

SOON = 60  # seconds: two rounds of the worker, and slow machines
NOT_KNOWN = [["pending", "unknown"]]
CONFIRMED = [["pending", "unknown", "confirmed"]]


@pytest.fixture(scope="module")
def _place():
    place = Place(AOS_TIMEOUT="8")
    yield place
    place.stop()


def lost(place, count=1):
    """People whose renames got no answer, and showed no effect at once; by now AOS has applied them."""
    people = [place.person(f"s-{number}") for number in range(count)]  # one id would make them wait for each other
    paths = [f"/subscriptions/s-{number}/rename/" for number in range(count)]
    place.aos.every_put = Fault(hang_up, does=ignore)
    answers = at_once([save(each, each.get(path), "New", path) for each, path in zip(people, paths, strict=True)])
    assert [answer.status_code for answer in answers] == [502] * count
    assert [place.states(person) for person in people] == [NOT_KNOWN] * count
    for person in people:
        place.aos.items[person.name][0]["displayName"] = "New"
    return people


def test_e31_two_workers_at_once_settle_each_rename_once(place):
    people = lost(place, count=6)
    place.portal.execute("UPDATE subscriptions_openrename SET next_look = '2026-01-01 00:00:00'")
    place.aos.log.clear()
    place.aos.every_get = Fault(before=0.5)  # so that both are at it together
    with place.portal.running("worker") as one, place.portal.running("worker") as other:
        until(lambda: "worker begun" in one.read_text() and "worker begun" in other.read_text(), SOON)
        until(lambda: all(place.states(each) == CONFIRMED for each in people), SOON)
    settled = re.findall(r"rename confirmed .*\brename=(\S+)", one.read_text() + other.read_text())

    assert len(settled) == len(set(settled)) == len(people)
    assert [request.method for request in place.aos.log] == ["GET"] * len(people)
    assert [place.states(each) for each in people] == [CONFIRMED] * len(people)


def test_e28_e31_e33_the_worker_finds_out_by_itself_though_its_database_was_away_and_the_person_is_told(place):
    (alice,) = lost(place)
    place.portal.faults.cut()
    try:
        with place.portal.running("worker") as log:
            until(lambda: "worker failed job=settle_due" in log.read_text(), SOON)
            place.portal.faults.mend()
            until(lambda: place.states(alice) == CONFIRMED, SOON)
    finally:
        place.portal.faults.mend()
    assert told(alice, "New") == [f"Renamed “Owned by {alice.name}.” to “New”."]
    assert told(alice, "New") == []
    assert len(place.changes(alice)) == 1
