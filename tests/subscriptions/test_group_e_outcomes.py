"""Rows E27 to E30: long lists, lost answers, late changes and lies. Through the pages, with an AOS on real sockets."""

import threading

import pytest

from tests.support.hostile_answers import (
    HTML,
    drip,
    endless,
    hang_up,
    not_http,
    redirect,
    reply,
    reset,
    reset_in_the_body,
    says,
    silent,
    truncated,
)
from tests.support.hostile_aos import Fault, another, ignore, instead, item
from tests.support.people import until

from .group_e import (
    ANY_SUCCESS,
    assert_done,
    assert_kept,
    assert_no_internals,
    assert_not_known,
    at_most,
    open_form,
    press_save,
    rename,
)
from .pages import LIST, said, words

pytestmark = pytest.mark.django_db
LEFTOVER = says({"id": "s-1", "tags": {}})  # as documented: a confirmation that does not hold the name


@pytest.mark.parametrize("count", [10_000, 100_000])
def test_e27_many_subscriptions_are_listed_in_a_small_page_and_one_is_renamed(hostile, client, settings, count):
    settings.AOS_TIMEOUT = 60
    hostile.items["alice"] = [item(f"s-{number}", f"Plan {number}") for number in range(1, count + 1)]
    with at_most(120):
        page = client.get(LIST)
    assert page.status_code == 200
    assert str(count) in words(page).replace(",", "")
    assert len(page.content) < 300_000
    last = f"s-{count}"
    with at_most(120):
        page = rename(client, "New", f"/subscriptions/{last}/rename/")
    assert (page.status_code, hostile.name("alice", last)) == (302, "New")
    assert len(hostile.sent) == 1


LOST = {
    "no answer": silent,
    "reset": reset,
    "hang-up": hang_up,
    "truncated": truncated,
    "reset in the body": reset_in_the_body,
    "not http": not_http,
    "drip": drip("body"),
    "endless": endless,
    "500": reply(500, "<h1>", HTML),
    "502": reply(502, "<h1>", HTML),
    "504": reply(504, "<h1>", HTML),
    "redirect": redirect(302, "/elsewhere"),
}
SLOW = {"no answer", "drip"}


@pytest.mark.parametrize("case", LOST)
def test_e28_a_change_that_took_hold_is_done_however_its_answer_was_lost(hostile, client, settings, case):
    settings.AOS_TIMEOUT, settings.MAX_ANSWER_BYTES = 2 if case in SLOW else 20, 1_000_000
    hostile.puts = [Fault(LOST[case])]
    with at_most(10):
        page = rename(client)
    assert_done(page, client)
    assert len(hostile.sent) == hostile.applied == 1


@pytest.mark.parametrize("case", LOST)
def test_e28_a_change_that_did_not_take_hold_is_never_called_failed_nor_done(hostile, client, settings, case):
    settings.AOS_TIMEOUT, settings.MAX_ANSWER_BYTES = 2 if case in SLOW else 20, 1_000_000
    hostile.puts = [Fault(LOST[case], does=ignore)]
    with at_most(10):
        page = rename(client)
    assert_not_known(page, 504 if case in SLOW else 502)
    assert len(hostile.sent) == 1

    again = press_save(client, page, " New ")  # the person decides to repeat it
    assert_done(again, client)
    assert (len(hostile.sent), hostile.applied) == (2, 1)


@pytest.mark.parametrize("case", LOST)
def test_e28_an_aos_that_is_down_afterwards_leaves_it_not_known(hostile, client, settings, case):
    settings.AOS_TIMEOUT, settings.MAX_ANSWER_BYTES = 2 if case in SLOW else 20, 1_000_000
    opened = open_form(client)
    hostile.gets, hostile.every_get, hostile.puts = [None], Fault(reset), [Fault(LOST[case])]
    with at_most(10):
        page = press_save(client, opened, " New ")
    assert_not_known(page, 504 if case in SLOW else 502)
    assert len(hostile.sent) == hostile.applied == 1


def test_e28_pressing_save_again_on_a_change_that_took_hold_meanwhile_sends_nothing(hostile, client):
    opened = open_form(client)
    hostile.gets, hostile.every_get, hostile.puts = [None], Fault(reset), [Fault(hang_up)]
    page = press_save(client, opened, " New ")
    assert_not_known(page)
    hostile.every_get = Fault()
    said(press_save(client, page, " New "), client)
    assert len(hostile.sent) == 1


def test_e29_a_change_that_lands_late_is_not_known_and_then_seen(hostile, client):
    later = threading.Event()
    hostile.puts = [Fault(reply(504, ""), late=later)]
    page = rename(client)
    assert_not_known(page)
    later.set()
    until(lambda: hostile.name("alice") == "New")
    assert "New" in words(client.get(f"{LIST}?refresh=1", follow=True))
    said(press_save(client, page, " New "), client)
    assert len(hostile.sent) == hostile.applied == 1


def test_e29_a_newer_name_of_somebody_else_survives(hostile, client):
    hostile.puts = [Fault(reply(504, ""), does=instead(lambda wanted: "Theirs"))]
    page = rename(client)
    assert_kept(page, page.status_code)
    assert page.status_code in {409, 502}
    assert "Theirs" in words(page)
    assert (len(hostile.sent), hostile.name("alice")) == (1, "Theirs")


def test_e29_a_newer_name_that_comes_after_the_page_is_asked_about_before_a_repeat(hostile, client):
    hostile.puts = [Fault(hang_up, does=ignore)]
    page = rename(client)
    assert_not_known(page)
    hostile.items["alice"][0]["displayName"] = "Theirs"
    again = press_save(client, page, " New ")
    assert_kept(again, 409)
    assert "Theirs" in words(again)
    assert (len(hostile.sent), hostile.name("alice")) == (1, "Theirs")


def test_e29_a_slow_change_holds_only_its_own_page(hostile, client, settings):
    settings.AOS_TIMEOUT, it_goes_on = 2, threading.Event()
    hostile.puts = [Fault(before=it_goes_on)]
    page = rename(client)
    assert_not_known(page, 504)
    it_goes_on.set()
    until(lambda: hostile.name("alice") == "New")
    assert len(hostile.sent) == hostile.applied == 1


UNCHANGED = {"plain": LEFTOVER, "the old name": None, "enveloped": says({"isSuccess": True, "result": None})}


@pytest.mark.parametrize("case", UNCHANGED)
def test_e30_done_says_aos_and_nothing_is_changed(hostile, client, case):
    hostile.puts = [Fault(UNCHANGED[case], does=ignore)]
    assert_not_known(rename(client))
    assert len(hostile.sent) == 1
    assert "Old name" in words(client.get(LIST))


@pytest.mark.parametrize("case", UNCHANGED)
def test_e30_done_says_aos_and_another_is_changed(hostile, client, case):
    hostile.items["alice"].append(item("s-2", "Second"))
    hostile.puts = [Fault(UNCHANGED[case], does=another)]
    assert_not_known(rename(client))
    assert hostile.name("alice", "s-2") == "New"
    assert len(hostile.sent) == 1


def test_e30_a_confirmation_of_another_subscription_confirms_nothing(hostile, client):
    hostile.puts = [Fault(says(item("s-2", "New")), does=ignore)]
    assert_not_known(rename(client))


CHANGES = {
    "trimmed": ("A  b", lambda wanted: "A b"),
    "another case": ("Caf\u00e9 Plan", str.upper),
    "decomposed": ("Caf\u00e9", lambda wanted: "Cafe\u0301"),
    "cut": ("x" * 200, lambda wanted: wanted[:100]),
    "something else": ("Mine", lambda wanted: "Yours"),
}


@pytest.mark.parametrize("confirms", [True, False])
@pytest.mark.parametrize("case", CHANGES)
def test_e30_a_name_that_aos_changed_is_shown_as_it_is(hostile, client, case, confirms):
    wanted, change = CHANGES[case]
    hostile.confirms = confirms
    hostile.puts = [Fault(does=instead(change))]
    page = rename(client, wanted)
    assert page.status_code == 302
    text = words(client.get(LIST))
    assert not ANY_SUCCESS.search(text)
    assert f"“{change(wanted)}”" in text
    assert len(hostile.sent) == 1


@pytest.mark.parametrize("reads", [1, 2])
def test_e30_a_list_that_lags_is_waited_for(hostile, client, reads):
    hostile.puts = [Fault(LEFTOVER, lagging_reads=reads)]
    assert_done(rename(client), client)
    assert len(hostile.sent) == 1


def test_e30_a_list_that_lags_for_long_is_not_waited_for_long(hostile, client):
    hostile.puts = [Fault(LEFTOVER, lags=60)]
    with at_most(10):
        assert_not_known(rename(client))
    assert len(hostile.log) <= 6


def test_e30_a_confirmed_name_is_not_hidden_by_a_list_that_lags(hostile, client):
    hostile.puts = [Fault(lags=60)]
    page = rename(client)
    assert page.status_code == 302
    assert_no_internals(page)
    assert "“New”" in words(client.get(LIST))
    assert len(hostile.sent) == 1


def test_e30_a_confirmed_name_that_is_nowhere_to_be_seen_is_told_with_the_one_that_is(hostile, client):
    hostile.puts = [Fault(says(item(name="New")), does=ignore)]
    page = rename(client)
    assert page.status_code in {302, 502}
    text = words(client.get(LIST) if page.status_code == 302 else page)
    assert not ANY_SUCCESS.search(text)
    assert "Old name" in text
    assert len(hostile.sent) == 1
