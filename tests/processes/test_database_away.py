"""The database goes away at each step (row E33): no change without a committed intent, and no restart afterwards.

PostgreSQL is cut off by a proxy. SQLite cannot be cut off: there every statement fails, because the tables are away.
"""

import re
import threading
import time

import pytest

from tests.processes.place import LIST, RENAME, TURN_SECONDS, save, told
from tests.processes.points import APPLIED, BEFORE_THE_INTENT, INTENDED, RECORDED, SENT, WANTED, stop_at
from tests.subscriptions.pages import words
from tests.support.hostile_aos import Fault
from tests.support.people import Person, at_once, until

DETAILS = re.compile(
    r"127\.0\.0\.1:|\b5432\b|portal_test|psycopg|sqlite|Error|Exception|Traceback|relation|no such|SELECT"
    r"|server closed",
    re.I,
)
RENAMED = "Renamed “"
NOT_KNOWN = "Not known yet whether"


@pytest.fixture
def place(_place):
    """Afterwards the same workers answer as before."""
    _place.fine_weather()
    yield _place
    log = _place.log()
    _place.fine_weather()
    assert "Booting worker" not in log


def assert_away(page):
    """The page says that the portal is not available, and nothing of the inside."""
    assert page.status_code == 503, words(page)
    assert "The portal is not available just now" in words(page)
    assert not DETAILS.search(page.text), page.text
    assert page.headers["Retry-After"] == "30"


def assert_away_with_what_was_typed(page):
    assert_away(page)
    assert f"You typed: {WANTED}" in words(page)
    assert "It may or may not have been done" in words(page)


def away(place, do):
    """Do something while the database is away; returns its result."""
    place.portal.faults.cut()
    try:
        return do()
    finally:
        place.portal.faults.mend()


def answered_without_database(place, stopped):
    """AOS goes on, and the person gets an answer."""
    place.aos.release()
    return stopped.answer.result()


def stopped_without_database(place, point):
    stopped = stop_at(place, point, lambda stopped: away(place, lambda: answered_without_database(place, stopped)))
    assert_away_with_what_was_typed(stopped.answer.result())
    return stopped


CUT = {
    "before_the_intent": (BEFORE_THE_INTENT, [], [], []),
    "between_intent_and_change": (INTENDED, ["pending"], ["pending", "unknown"], [NOT_KNOWN]),
    "while_aos_holds_the_change": (SENT, ["pending"], ["pending", "unknown"], [NOT_KNOWN]),
    "after_aos_applied": (APPLIED, ["pending"], ["pending", "confirmed"], [RENAMED]),
    "after_the_record": (RECORDED, ["pending", "confirmed"], ["pending", "confirmed"], [RENAMED]),
}


@pytest.mark.parametrize("case", CUT)
def test_e33_the_database_goes_away_in_a_rename_and_what_became_of_it_is_found_out_and_told_once(place, case):
    point, before, after, tells = CUT[case]
    alice = stopped_without_database(place, point).person
    assert place.states(alice) == [before] * bool(before)
    assert len(place.changes(alice)) == point.sent <= len(place.states(alice))

    place.free_turns()
    assert place.portal.run("settle_renames").returncode == (NOT_KNOWN in tells)
    assert place.states(alice) == [after] * bool(after)
    assert [text[: len(RENAMED)] for text in told(alice, WANTED)] == [text[: len(RENAMED)] for text in tells]
    assert told(alice, WANTED) == []
    assert len(place.changes(alice)) == point.sent
    assert place.aos.applied == point.applied


def test_e33_the_same_form_works_once_the_database_is_back(place):
    stopped = stopped_without_database(place, BEFORE_THE_INTENT)
    began = time.monotonic()
    assert save(stopped.person, stopped.form, WANTED)().status_code == 302
    assert time.monotonic() - began < TURN_SECONDS + 6
    assert place.changes(stopped.person) == [(WANTED, True)]


def test_e33_without_a_database_nothing_is_asked_of_aos_and_every_page_says_so(place):
    alice = place.person()
    form = alice.get(RENAME)
    place.aos.log.clear()

    def use():
        assert_away_with_what_was_typed(save(alice, form, WANTED)())
        for path in (LIST, RENAME, "/subscriptions/renames/", "/account/"):
            assert_away(alice.get(path))
        for page in at_once([lambda: alice.copy().get(LIST)] * 20):
            assert_away(page)

    away(place, use)
    assert place.aos.log == []
    assert [page.status_code for page in at_once([lambda: alice.copy().get(LIST)] * 20)] == [200] * 20


def test_e33_a_list_that_aos_gave_is_shown_though_the_database_has_gone_away_meanwhile(place):
    alice = place.person()
    place.aos.log.clear()
    place.aos.gets, pages = [Fault(before=60)], []
    visit = threading.Thread(target=lambda: pages.append(alice.get(LIST)))
    visit.start()
    until(lambda: place.aos.log)
    away(place, lambda: (place.aos.release(), visit.join()))
    assert pages[0].status_code == 200
    assert f"Owned by {alice.name}." in words(pages[0])
    assert alice.get(LIST).status_code == 200


def test_e33_without_a_database_nobody_signs_in_and_everybody_can_afterwards(place):
    alice, bob = (Person(place.portal.url, place.aps, name) for name in ("starts", "comes-back"))
    opened, wanted = alice.get("/login/"), bob.start()
    place.aps.calls.clear()

    def try_to():
        assert_away(alice.post("/login/aps/", opened))
        assert_away(bob.come_back(wanted))

    away(place, try_to)
    assert "/connect/token" not in place.aps.paths()
    for person in (alice, bob):
        place.aos.items[person.name] = []
        assert person.sign_in().headers["Location"] == LIST
        assert person.get(LIST).status_code == 200


def test_e33_a_rotated_token_that_cannot_be_stored_costs_one_sign_in_and_nothing_loops(place):
    alice = place.person()
    place.portal.execute(
        f"UPDATE passport_grant SET expires_at = '2026-01-01 00:00:00+00:00' WHERE subject = '{alice.claims['sub']}'"
    )
    place.aps.calls.clear()
    place.aps.hold = lambda moment: place.portal.faults.cut() if moment == "after" else None
    try:
        assert_away(alice.get(LIST))
    finally:
        place.aps.hold = lambda moment: None
        place.portal.faults.mend()

    answer = alice.get(LIST)
    assert answer.headers["Location"].startswith("/login/")
    assert "Please sign in again" in words(alice.get(answer.headers["Location"]))
    assert len(place.aps.refreshes()) == 2
    assert alice.sign_in().headers["Location"] == LIST
    assert alice.get(LIST).status_code == 200


def test_e33_a_database_that_is_locked_for_a_moment_is_waited_for(place):
    alice = place.person()
    form, answers = alice.get(RENAME), []
    place.aos.log.clear()
    place.aos.gets = [Fault(before=60)]
    saving = threading.Thread(target=lambda: answers.append(save(alice, form, WANTED)()))
    saving.start()
    until(lambda: place.aos.log)
    with place.portal.database.locked("subscriptions_rename"):
        place.aos.release()
        time.sleep(1)
        assert place.aos.sent == []
    saving.join()
    assert answers[0].status_code == 302
    assert place.states(alice) == [["pending", "confirmed"]]
