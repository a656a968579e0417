"""Many hands on one subscription, on two workers (row E32): one form makes one change, nobody overwrites unseen."""

import threading
import time

import pytest

from tests.processes.place import RENAME, Place, save, told
from tests.subscriptions.pages import words
from tests.support.hostile_answers import silent
from tests.support.hostile_aos import Fault, ignore
from tests.support.people import at_once, until

AOS_SECONDS = 8  # ten who wait for one turn have two seconds more than that


@pytest.fixture(scope="module")
def _place():
    place = Place(AOS_TIMEOUT=str(AOS_SECONDS))
    yield place
    place.stop()


def statuses(answers):
    return sorted(getattr(answer, "status_code", answer) for answer in answers)


def test_e32_a_double_click_makes_one_change_and_is_told_once(place):
    alice = place.person()
    form, answers = alice.get(RENAME), []
    place.aos.log.clear()
    place.aos.puts = [Fault(before=60)]
    clicks = [threading.Thread(target=lambda: answers.append(save(alice, form, "New")())) for _ in range(2)]
    clicks[0].start()
    until(lambda: place.aos.sent)
    clicks[1].start()
    time.sleep(0.3)  # the second waits for its turn
    place.aos.release()
    for each in clicks:
        each.join()

    assert statuses(answers) == [302, 302]
    assert place.changes(alice) == [("New", True)]
    assert place.states(alice) == [["pending", "confirmed"]]
    assert told(alice, "New") == [f"Renamed “Owned by {alice.name}.” to “New”."]
    assert told(alice, "New") == []


def test_e32_one_form_sent_ten_times_at_once_makes_one_change(place):
    """Again, where one worker took it all."""
    for _ in range(6):
        alice = place.person()
        form = alice.get(RENAME)
        place.aos.puts = [Fault(after=0.3)]
        answers = at_once([save(alice, form, "New")] * 10)

        assert statuses(answers) == [302] * 10
        assert place.changes(alice) == [("New", True)]
        assert place.states(alice) == [["pending", "confirmed"]]
        if len(place.workers_that_answered()) == 2:
            break
    assert len(place.workers_that_answered()) == 2


def test_e32_one_form_sent_ten_times_whose_change_gets_no_answer_is_sent_once_and_nobody_is_told_lies(place):
    alice = place.person()
    form = alice.get(RENAME)
    place.aos.puts = [Fault(silent, does=ignore)]
    answers = at_once([save(alice, form, "New")] * 10)

    assert set(statuses(answers)) <= {502, 503, 504}
    for answer in answers:
        assert "Not known whether the name was changed" in words(answer) or answer.status_code == 503
        assert 'value="New"' in answer.text
    assert place.changes(alice) == [("New", False)]
    assert place.states(alice) == [["pending", "unknown"]]


def test_e32_ten_forms_with_ten_names_at_once_make_one_change_and_nine_questions(place):
    alice = place.person()
    forms = [alice.copy().get(RENAME) for _ in range(10)]
    answers = at_once([save(alice, form, f"Name {number}") for number, form in enumerate(forms)])

    assert statuses(answers) == [302] + [409] * 9
    ((name, applied),) = place.changes(alice)
    assert applied
    for answer in answers:
        assert answer.status_code == 302 or name in words(answer)
    assert sorted(place.states(alice)) == [["pending", "confirmed"]] + [["pending", "conflicted"]] * 9
    renamed = f"Renamed “Owned by {alice.name}.” to “{name}”."
    pages = [words(answer) for answer in answers] + told(alice, name)  # a conflict's page may be the first to tell it
    assert any(renamed in page for page in pages)


def test_e32_two_people_on_one_subscription_at_once_the_second_sees_the_first_and_decides(place):
    alice, bob = place.person(), place.person()
    place.aos.items[bob.name] = place.aos.items[alice.name]
    forms = {person: person.get(RENAME) for person in (alice, bob)}
    answers = at_once([save(person, forms[person], f"By {person.name}") for person in (alice, bob)])

    first, second = (alice, bob) if answers[0].status_code == 302 else (bob, alice)
    page = answers[[alice, bob].index(second)]
    assert statuses(answers) == [302, 409]
    assert f"By {first.name}" in words(page)
    assert (place.changes(first), place.changes(second)) == ([(f"By {first.name}", True)], [])
    assert place.aos.name(alice.name) == f"By {first.name}"

    assert save(second, page, f"By {second.name}")().status_code == 302
    assert place.aos.name(alice.name) == f"By {second.name}"
    assert (len(place.changes(first)), len(place.changes(second))) == (1, 1)


def test_e32_while_one_persons_change_is_on_its_way_another_person_waits_and_overwrites_nothing(place):
    alice, bob = place.person(), place.person()
    place.aos.items[bob.name] = place.aos.items[alice.name]
    hers, his, answers = alice.get(RENAME), bob.get(RENAME), []
    place.aos.log.clear()
    place.aos.puts = [Fault(before=60)]
    saving = threading.Thread(target=lambda: answers.append(save(alice, hers, "Hers")()))
    saving.start()
    until(lambda: place.aos.sent)
    threading.Timer(AOS_SECONDS / 4, place.aos.release).start()
    page = save(bob, his, "His")()
    saving.join()

    assert answers[0].status_code == 302
    assert page.status_code == 409
    assert "Hers" in words(page)
    assert (place.changes(alice), place.changes(bob)) == ([("Hers", True)], [])
    assert place.aos.name(alice.name) == "Hers"


def test_an_outcome_is_told_once_though_ten_pages_are_opened_at_once(place):
    alice = place.person()
    assert save(alice, alice.get(RENAME), "New")().status_code == 302
    texts = at_once([lambda: told(alice.copy(), "New")] * 10)
    assert [text for page in texts for text in page] == [f"Renamed “Owned by {alice.name}.” to “New”."]
