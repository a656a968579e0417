"""AOS at its worst, and what it costs a portal of real worker processes: memory, threads, other people's time."""

import gzip
import re
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.processes.place import AOS_SECONDS, LIST, RENAME, THREADS
from tests.support.hostile_answers import JSON, drip, endless, flood, gzip_bomb, reply, silent
from tests.support.hostile_aos import Fault
from tests.support.people import Person, at_once, until

MEGABYTES_50 = 50_000  # as /proc counts: kB


@pytest.fixture
def place(_place):
    """Fine weather, and at the end everybody is well: the same workers answer, and nothing was an error of ours."""
    _place.fine_weather()
    workers, start = _place.workers(), _place.portal.log.stat().st_size
    yield _place
    _place.fine_weather()
    _place.recover()
    assert _place.workers() == workers
    log = _place.portal.log.read_bytes()[start:].decode()
    assert "Traceback" not in log, log[-5000:]


def kilobytes(pid, field):
    (line,) = [each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith(field)]
    return int(line.split()[1])


def forget_peak(pid):
    Path(f"/proc/{pid}/clear_refs").write_text("5")


GIANTS = {"100 MB": flood(), "gzip bomb": gzip_bomb(), "endless": endless, "drip": drip("body", 0.5)}


@pytest.mark.parametrize("case", GIANTS)
def test_e22_a_giant_answer_costs_a_worker_little_memory_and_no_more_than_the_deadline(place, case):
    alice = place.person()
    for _ in range(10):
        alice.copy().get(RENAME)
    workers = place.workers()
    for pid in workers:
        forget_peak(pid)
    before = {pid: kilobytes(pid, "VmRSS") for pid in workers}
    place.aos.every_get = Fault(GIANTS[case])
    start = time.monotonic()
    page = alice.get(RENAME)
    assert time.monotonic() - start < AOS_SECONDS + 3
    assert page.status_code == (504 if case == "drip" else 502)
    grown = {pid: kilobytes(pid, "VmHWM") - before[pid] for pid in workers}
    assert max(grown.values()) < MEGABYTES_50, grown


def test_e22_giant_answers_at_once_cost_a_worker_no_more_than_each_its_cap(place):
    alice = place.person()
    workers = place.workers()
    for pid in workers:
        forget_peak(pid)
    before = {pid: kilobytes(pid, "VmRSS") for pid in workers}
    place.aos.every_get = Fault(gzip_bomb())
    at_once([lambda: alice.copy().get(RENAME)] * 16)
    grown = {pid: kilobytes(pid, "VmHWM") - before[pid] for pid in workers}
    assert max(grown.values()) < MEGABYTES_50 * THREADS // 2, grown


def test_e01_while_aos_is_a_black_hole_pages_that_do_not_need_it_are_there(place):
    alice, bob = place.person(), Person(place.portal.url, place.aps, "bob")
    place.way.swallow()
    place.way.cut()
    try:
        crowd = threading.Thread(target=lambda: at_once([lambda: alice.copy().get(RENAME)] * 30))
        crowd.start()
        time.sleep(0.3)
        start = time.monotonic()
        assert bob.sign_in().headers["Location"] == LIST
        assert bob.get("/account/").status_code == 200
        assert time.monotonic() - start < 8
        start = time.monotonic()
        assert alice.get(RENAME).status_code in {502, 503, 504}
        assert time.monotonic() - start < AOS_SECONDS + 3
        crowd.join()
    finally:
        place.way.accept()


DOWN = {"silent": Fault(silent), "503": Fault(reply(503)), "refused": None}


@pytest.mark.parametrize("case", DOWN)
def test_e18_a_hundred_clicks_at_an_aos_that_is_down_are_bounded_and_answered(place, case):
    people = [place.person() for _ in range(4)]
    place.aos.log.clear()
    connections = place.way.connections
    place.aos.most_at_once = 0
    if DOWN[case]:
        place.aos.every_get = DOWN[case]
    else:
        place.way.refuse()
        place.way.cut()
    answers = []
    clicks = [lambda person=person: answers.append(person.copy().get(RENAME)) for person in people * 25]
    crowd = threading.Thread(target=at_once, args=[clicks])
    start = time.monotonic()
    crowd.start()
    time.sleep(0.2)
    assert people[0].get("/account/").status_code == 200
    assert time.monotonic() - start < 10
    crowd.join()
    assert len(answers) == 100
    assert {answer.status_code for answer in answers} <= {502, 503, 504}
    assert len(place.aos.log) <= 300
    assert place.way.connections - connections <= 300
    assert place.aos.most_at_once <= 3 * THREADS  # of two workers; and AOS sees late who has gone away

    if DOWN[case]:
        place.aos.every_get = Fault()
    else:
        place.way.accept()
    until(lambda: people[0].get(RENAME).status_code == 200, 30)


def knowing(place):
    """The workers that have not got an answer five times."""
    failed = Counter(re.findall(rf"<(\d+)> answered 504 to GET {RENAME}", place.log()))
    return {int(pid) for pid, count in failed.items() if count >= 5}


def test_e18_an_aos_that_is_down_for_long_is_left_alone(place):
    alice = place.person()
    place.aos.every_get = Fault(silent)
    until(lambda: at_once([lambda: alice.copy().get(RENAME)] * 20) and knowing(place) == place.workers(), 40)
    start = time.monotonic()
    answers = Counter(answer.status_code for answer in at_once([lambda: alice.copy().get(RENAME)] * 100))
    assert answers[503] + answers[504] == 100
    assert answers[504] <= 2 * (1 + (time.monotonic() - start) / 5)  # each of two workers asks once in five seconds


HEAVY = {
    "empty objects": b"[" + b"{}," * 6_600_000 + b"{}]",
    "empty lists": b"[" + b"[]," * 6_600_000 + b"[]]",
    "numbers": b"[" + b"1000," * 3_900_000 + b"1]",
    "texts": b"[" + b'"a",' * 4_900_000 + b'"a"]',
}


@pytest.mark.parametrize("case", HEAVY)
def test_e22_many_small_values_cost_a_worker_little_memory_and_no_more_than_the_deadline(place, case):
    alice = place.person()
    for _ in range(10):
        alice.copy().get(RENAME)
    workers = place.workers()
    for pid in workers:
        forget_peak(pid)
    before = {pid: kilobytes(pid, "VmRSS") for pid in workers}
    place.aos.every_get = Fault(reply(200, gzip.compress(HEAVY[case]), {**JSON, "Content-Encoding": "gzip"}))
    start = time.monotonic()
    page = alice.get(RENAME)
    seconds = time.monotonic() - start
    grown = {pid: kilobytes(pid, "VmHWM") - before[pid] for pid in workers}
    assert page.status_code == 502
    assert max(grown.values()) < MEGABYTES_50, (grown, seconds)
    assert seconds < AOS_SECONDS + 3
