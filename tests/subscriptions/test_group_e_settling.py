"""Rows E28 to E32 over several visits: what was not known is found out and told once; one form makes one change."""

import threading

import pytest
from django.core.management import call_command

from subscriptions import settling
from subscriptions.models import Rename, RenameEvent
from tests.conftest import browser, sign_in
from tests.support.hostile_answers import hang_up, reply, reset, says
from tests.support.hostile_aos import Fault, ignore, instead, item
from tests.support.people import until

from .group_e import ANY_SUCCESS, assert_done, assert_kept, assert_not_known, open_form, press_save, rename
from .pages import LIST, said, words

pytestmark = pytest.mark.django_db
HISTORY = "/subscriptions/renames/"


def states(**which):
    """What the ledger says of each rename, oldest first: its states in order."""
    rows = Rename.objects.filter(**which).order_by("created")
    return [list(row.events.order_by("number").values_list("state", flat=True)) for row in rows]


def look_due():
    """The worker's next round."""
    settling.look_now()
    return settling.settle_due()


@pytest.fixture
def lost(hostile, client):
    """A change took hold, its answer was lost, and AOS was down right afterwards; now all is well again."""
    opened = open_form(client)
    hostile.gets, hostile.every_get, hostile.puts = [None], Fault(reset), [Fault(hang_up)]
    page = press_save(client, opened, " New ")
    assert_not_known(page)
    assert states() == [["pending", "unknown"]]
    hostile.every_get = Fault()
    return page


def test_e28_what_was_not_known_is_confirmed_at_the_next_visit_and_told_once(hostile, client, lost):
    text = words(client.get(LIST))
    assert "Renamed “Old name” to “New”" in text
    assert states() == [["pending", "unknown", "confirmed"]]
    assert not ANY_SUCCESS.search(words(client.get(LIST)))
    assert len(hostile.sent) == 1


def test_e28_the_worker_confirms_it_and_the_next_page_of_any_kind_tells(hostile, client, lost):
    assert look_due() == 1
    assert states() == [["pending", "unknown", "confirmed"]]
    assert "Renamed “Old name” to “New”" in words(client.get("/account/"))
    assert len(hostile.sent) == 1


def test_e28_the_command_settles_it_and_sends_nothing(hostile, lost, capsys):
    call_command("settle_renames")
    assert "1 settled, 0 not known yet" in capsys.readouterr().out
    assert len(hostile.sent) == 1


def test_e28_while_it_is_not_known_the_page_and_the_history_say_so(hostile, client, lost):
    hostile.every_get = Fault(reset)
    assert "being checked" in words(client.get(HISTORY))
    assert look_due() == 0
    assert states() == [["pending", "unknown"]]
    hostile.every_get = Fault()
    client.get(LIST)
    assert "Done" in words(client.get(HISTORY))


def test_e28_the_ledger_notes_what_aos_showed(hostile, client):
    hostile.puts = [Fault(reply(502, "<h1>"))]
    assert_done(rename(client), client)
    last = RenameEvent.objects.order_by("number").last()
    assert (last.state, last.status, last.is_observed, last.name_observed) == ("confirmed", 502, True, "New")


@pytest.fixture
def late(hostile, client):
    """A change whose time has not come: AOS will apply it when the event is set."""
    later = threading.Event()
    hostile.puts = [Fault(reply(504, ""), late=later)]
    assert_not_known(rename(client))
    return later


def test_e29_a_change_that_lands_late_is_confirmed_at_the_next_look(hostile, client, late):
    client.get(LIST)
    assert states() == [["pending", "unknown"]]
    late.set()
    until(lambda: hostile.name("alice") == "New")
    assert "Renamed “Old name” to “New”" in words(client.get(LIST))
    assert states() == [["pending", "unknown", "confirmed"]]
    assert len(hostile.sent) == hostile.applied == 1


def test_e29_a_change_that_never_shows_is_not_done_after_a_while(hostile, client, late, monkeypatch):
    client.get(LIST)
    monkeypatch.setattr(settling, "LATE", settling.LATE * 0)
    text = words(client.get(LIST))
    assert "was not renamed to “New”" in text
    assert states() == [["pending", "unknown", "not_done"]]
    assert len(hostile.sent) == 1


def test_e29_somebody_elses_name_in_between_survives_and_is_told(hostile, client, late):
    hostile.items["alice"][0]["displayName"] = "Theirs"
    text = words(client.get(LIST))
    assert "AOS now shows “Theirs”" in text
    assert not ANY_SUCCESS.search(text)
    assert states() == [["pending", "unknown", "conflicted"]]
    assert (len(hostile.sent), hostile.name("alice")) == (1, "Theirs")


def test_e29_one_that_is_gone_by_then_is_told(hostile, client, late, monkeypatch):
    monkeypatch.setattr(settling, "LATE", settling.LATE * 0)
    hostile.items["alice"] = [item("s-2", "Second")]
    assert "AOS has no such subscription for you any more" in words(client.get(LIST))
    assert len(hostile.sent) == 1


def test_e30_the_ledger_holds_what_was_wanted_and_what_was_shown(hostile, client):
    hostile.confirms = False
    hostile.puts = [Fault(does=instead(str.upper))]
    assert "AOS took the new name, but shows it as “CAF\u00c9”" in said(rename(client, "Caf\u00e9"), client)
    row, last = Rename.objects.get(), RenameEvent.objects.order_by("number").last()
    assert (row.name_seen, row.name_wanted, last.name_observed) == ("Old name", "Caf\u00e9", "CAF\u00c9")
    assert "AOS showed CAF\u00c9" in words(client.get(HISTORY))


@pytest.mark.parametrize("does", [ignore, instead(lambda wanted: "Yours")], ids=["nothing", "another name"])
def test_e30_a_lie_without_a_name_is_never_confirmed(hostile, client, does):
    hostile.puts = [Fault(says({"isSuccess": True, "result": None}), does=does)]
    rename(client)
    assert states()[0][-1] in {"unknown", "conflicted"}


def test_e32_the_same_form_sent_again_gets_its_answer_and_no_second_change(hostile, client):
    opened = open_form(client)
    for _ in range(3):
        assert_done(press_save(client, opened, "New"), client)
    assert len(hostile.sent) == 1
    assert states() == [["pending", "confirmed"]]


def test_e32_the_same_form_sent_again_while_it_is_not_known_is_looked_up(hostile, client):
    opened = open_form(client)
    hostile.puts = [Fault(hang_up, does=ignore)]
    for _ in range(3):
        assert_not_known(press_save(client, opened, " New "))
    assert len(hostile.sent) == 1
    assert len(states()) == 1


def test_e32_two_tabs_with_two_names_the_second_sees_the_first(hostile, client):
    one, two = open_form(client), open_form(client)
    assert_done(press_save(client, one, "One"), client, "One")
    page = press_save(client, two, " Two ")
    assert_kept(page, 409, " Two ")
    assert "One" in words(page)
    assert (len(hostile.sent), hostile.name("alice")) == (1, "One")


def test_e32_two_people_on_one_subscription_the_second_sees_the_first(hostile, client, bob):
    hostile.items["bob"] = hostile.items["alice"]
    his = browser()
    sign_in(his, bob)
    opened = open_form(his)
    assert_done(rename(client, "Alice's"), client, "Alice's")
    page = press_save(his, opened, " Bob's ")
    assert_kept(page, 409, " Bob's ")
    assert "Alice's" in words(page)
    assert (len(hostile.sent), hostile.name("alice")) == (1, "Alice's")
    assert_done(press_save(his, page, " Bob's "), his, "Bob's")


def test_e32_a_form_of_somebody_else_is_not_answered_with_their_outcome(hostile, client, bob):
    hostile.items["bob"] = [item(name="Bob's own")]
    opened = open_form(client)
    assert_done(press_save(client, opened, "New"), client)
    his = browser()
    sign_in(his, bob)
    page = press_save(his, opened, "New")
    assert page.status_code == 409
    assert "Bob's own" in words(page)
    assert "Old name" not in words(page)
