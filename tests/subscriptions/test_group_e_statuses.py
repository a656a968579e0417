"""Rows E06, E07 and E12 to E17: redirects and statuses. Through the pages, with an AOS on real sockets."""

import email.utils
import time

import pytest

from tests.support.hostile_answers import HTML, redirect, reply, says
from tests.support.hostile_aos import Fault, ignore, instead, item, remove

from .group_e import (
    assert_done,
    assert_kept,
    assert_no_internals,
    assert_not_known,
    assert_trouble,
    at_most,
    open_form,
    press_save,
    rename,
)
from .pages import LIST, RENAME, field, words

pytestmark = pytest.mark.django_db
REDIRECTS = [301, 302, 303, 307, 308]
REFRESH = f"{LIST}?refresh=1"


def away(evil, hostile):
    return f"{evil.url}/api/v2/subscriptions"


def downgraded(evil, hostile):
    return f"http://localhost:{evil.port}/api/v2/subscriptions"


def same_host(evil, hostile):
    return f"{hostile.url}/elsewhere"


def without_scheme(evil, hostile):
    return f"//127.0.0.1:{evil.port}/x"


PLACES = [away, downgraded, same_host, without_scheme]


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_e06_a_redirect_of_the_list_is_a_fault_and_not_followed(hostile, evil, client, status, place):
    hostile.every_get = Fault(redirect(status, place(evil, hostile), [item(name="Evil!")]))
    assert_trouble(client.get(LIST), 502)
    assert_trouble(client.get(RENAME), 502)
    assert {request.path for request in hostile.log} == {"/api/v2/subscriptions"}


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_e07_a_redirect_of_a_change_is_no_success_and_not_followed(hostile, evil, client, status, place):
    hostile.puts = [Fault(redirect(status, place(evil, hostile), item(name="New")), does=ignore)]
    assert_kept(rename(client), 502)
    assert hostile.name("alice") == "Old name"
    assert [request.path for request in hostile.sent] == ["/api/v2/subscriptions/s-1"]
    assert {request.path for request in hostile.log if request.method == "GET"} == {"/api/v2/subscriptions"}


def test_e07_what_a_read_back_cannot_see_is_not_known(hostile, evil, client):
    opened = open_form(client)
    hostile.puts = [Fault(redirect(307, evil.url))]
    hostile.gets = [None, *[Fault(redirect(302, evil.url, [item(name="New")]))] * 9]
    assert_not_known(press_save(client, opened, " New "))
    assert len(hostile.sent) == 1


def test_e12_a_403_on_the_list_is_no_permission_without_refresh_repeat_sign_out_or_old_list(
    hostile, client, alice, caplog
):
    assert "Old name" in words(client.get(LIST))
    hostile.log.clear()
    hostile.gets = [Fault(says({"detail": "UPSTREAM"}, 403))]
    page = client.get(REFRESH)
    assert_trouble(page, 403)
    assert "No permission" in words(page)
    assert "Old name" not in words(page)
    assert [request.headers["authorization"] for request in hostile.log] == ["Bearer alice-token"]
    assert "403" in caplog.text
    assert "Old name" in words(client.get(LIST))  # still signed in


def test_e12_a_403_on_one_change_leaves_the_others_alone(hostile, client, caplog):
    hostile.items["alice"].append(item("s-2", "Second"))
    hostile.puts = [Fault(says({}, 403), does=ignore)]
    page = rename(client)
    assert_kept(page, 403)
    assert "does not allow" in words(page)
    assert len(hostile.sent) == 1
    assert "403" in caplog.text
    assert_done(rename(client, "Newer", "/subscriptions/s-2/rename/"), client, "Newer")
    assert hostile.name("alice") == "Old name"


def test_e12_somebody_elses_id_is_for_aos_to_decide(hostile, client):
    hostile.items["bob"] = [item("bobs", "Bob's")]
    opened = open_form(client)
    page = press_save(client, opened, "Mine now", "/subscriptions/bobs/rename/")
    assert_trouble(page, 404)
    assert hostile.sent == []
    hostile.items["alice"].append(item("bobs", "Shown to her, and not hers to change"))
    hostile.puts = [Fault(says({}, 404), does=ignore)]
    assert_trouble(rename(client, "Mine now", "/subscriptions/bobs/rename/"), 404)
    assert hostile.name("bob", "bobs") == "Bob's"


@pytest.mark.parametrize("status", [404, 410])
def test_e13_gone_between_list_and_change(hostile, client, status):
    hostile.puts = [Fault(says({}, status), does=remove)]
    page = rename(client, "My new name")
    assert_trouble(page, 404)
    assert "Not found" in words(page)
    assert "My new name" in words(page)
    assert len(hostile.sent) == 1
    assert "Old name" not in words(client.get(LIST))


@pytest.mark.parametrize("status", [409, 412])
def test_e14_a_conflict_shows_both_names_and_asks(hostile, client, status):
    hostile.puts = [Fault(says({}, status), does=instead(lambda wanted: "Theirs"))]
    page = rename(client)
    assert_kept(page, 409)
    assert "Theirs" in words(page)
    assert (len(hostile.sent), hostile.name("alice")) == (1, "Theirs")
    assert_done(press_save(client, page, " New "), client)
    assert (len(hostile.sent), hostile.name("alice")) == (2, "New")


def test_e14_a_name_changed_while_the_form_was_open_is_not_overwritten_unasked(hostile, client):
    opened = open_form(client)
    hostile.items["alice"][0]["displayName"] = "Theirs"
    page = press_save(client, opened, " New ")
    assert_kept(page, 409)
    assert "Theirs" in words(page)
    assert (hostile.sent, hostile.name("alice")) == ([], "Theirs")


def in_seconds(seconds):
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


# Retry-After, and what our page says: at least and at most so many seconds.
LONG = {
    "seconds": (lambda: "120", 110, 120),
    "date": (lambda: in_seconds(120), 110, 121),
    "enormous": (lambda: "1000000000", 3500, 3600),
}
SHORT = {
    "past": lambda: in_seconds(-100),
    "garbage": lambda: "soon, I promise",
    "negative": lambda: "-5",
    "none": lambda: None,
}


def busy(status, retry_after):
    return Fault(says({}, status, **({"Retry-After": retry_after} if retry_after is not None else {})), does=ignore)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("case", LONG)
def test_e15_a_long_wait_is_told_at_once_and_nobody_calls_before_it_is_over(hostile, client, status, case):
    retry_after, least, most = LONG[case]
    opened = open_form(client)
    hostile.log.clear()
    hostile.every_get = busy(status, retry_after())
    with at_most(10):
        pages = [client.get(REFRESH), client.get(RENAME), press_save(client, opened, " New ")]
    for page in pages:
        assert_trouble(page, 503)
        assert least <= int(page["Retry-After"]) <= most
    assert_kept(pages[2], 503)
    assert "AOS is busy" in words(pages[1])
    assert len(hostile.log) == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("case", LONG)
def test_e15_a_change_that_must_wait_long_is_not_done_and_sent_once(hostile, client, status, case):
    retry_after, least, most = LONG[case]
    hostile.puts = [busy(status, retry_after())]
    with at_most(10):
        page = rename(client)
    assert_kept(page, 503)
    assert least <= int(page["Retry-After"]) <= most
    before = len(hostile.log)
    assert_kept(press_save(client, page, " New "), 503)
    assert (len(hostile.sent), len(hostile.log), hostile.applied) == (1, before, 0)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("case", SHORT)
def test_e15_any_other_header_costs_few_tries_and_no_long_sleep(hostile, client, status, case):
    hostile.every_get = busy(status, SHORT[case]())
    with at_most(10):
        page = client.get(LIST)
    assert_trouble(page, 503)
    assert 1 <= int(page["Retry-After"]) <= 60
    assert 1 <= len(hostile.log) <= 3


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("case", SHORT)
def test_e15_a_change_is_sent_at_most_twice(hostile, client, status, case):
    opened = open_form(client)
    hostile.every_put = busy(status, SHORT[case]())
    with at_most(10):
        page = press_save(client, opened, " New ")
    assert_kept(page, 503)
    assert 1 <= len(hostile.sent) <= 2
    assert hostile.applied == 0


@pytest.mark.parametrize("status", [429, 503])
def test_e15_a_short_wait_is_waited_and_nobody_notices(hostile, client, status):
    hostile.gets = [busy(status, "1")]
    assert "Old name" in words(client.get(LIST))
    first, second = hostile.log
    assert 0.9 < second.at - first.at < 10

    opened = open_form(client)
    hostile.puts = [busy(status, "1")]
    assert_done(press_save(client, opened, "New"), client)
    first, second = hostile.sent
    assert 0.9 < second.at - first.at < 10
    assert hostile.applied == 1


def test_e16_a_500_of_the_list_is_no_storm(hostile, client):
    hostile.every_get = Fault(reply(500, "<h1>UPSTREAM</h1>", HTML))
    assert_trouble(client.get(LIST), 502)
    assert len(hostile.log) <= 2


def test_e16_a_500_before_it_was_applied_is_not_known_and_not_repeated(hostile, client):
    hostile.puts = [Fault(says({"errorMessage": "UPSTREAM"}, 500), does=ignore)]
    assert_not_known(rename(client))
    assert len(hostile.sent) == 1


def test_e16_a_500_after_it_was_applied_is_done(hostile, client):
    hostile.puts = [Fault(reply(500, "<h1>UPSTREAM</h1>", HTML))]
    assert_done(rename(client), client)
    assert (len(hostile.sent), hostile.applied) == (1, 1)


BAD_GATEWAYS = [502, 503, 504]


@pytest.mark.parametrize("status", BAD_GATEWAYS)
def test_e17_one_bad_gateway_is_not_noticed(hostile, client, status):
    hostile.gets = [Fault(reply(status, "<h1>UPSTREAM</h1>", HTML))] * 2
    assert "Old name" in words(client.get(LIST))
    assert len(hostile.log) == 3


@pytest.mark.parametrize("status", BAD_GATEWAYS)
def test_e17_a_bad_gateway_for_ever_is_three_tries_and_a_page(hostile, client, status):
    hostile.every_get = Fault(reply(status, "<h1>UPSTREAM</h1>", HTML))
    with at_most(10):
        assert_trouble(client.get(LIST), 503 if status == 503 else 502)
    assert len(hostile.log) <= 3


@pytest.mark.parametrize("status", [502, 504])
def test_e17_a_change_behind_a_bad_gateway_is_looked_up_not_repeated(hostile, client, status):
    hostile.puts = [Fault(reply(status, "<h1>UPSTREAM</h1>", HTML)), Fault(reply(status, ""), does=ignore)]
    assert_done(rename(client), client)
    assert_not_known(rename(client, " Newer "), typed=" Newer ")
    assert (len(hostile.sent), hostile.applied) == (2, 1)


def test_e17_a_change_answered_with_503_is_not_done_and_sent_at_most_twice(hostile, client):
    hostile.every_put = Fault(reply(503, "<h1>UPSTREAM</h1>", HTML), does=ignore)
    with at_most(10):
        page = rename(client)
    assert_kept(page, 503)
    assert "Not known" not in words(page)
    assert int(page["Retry-After"]) >= 1
    assert 1 <= len(hostile.sent) <= 2


def test_e17_a_503_that_was_applied_after_all_does_no_harm(hostile, client):
    hostile.every_put = Fault(reply(503, "<h1>UPSTREAM</h1>", HTML))
    page = rename(client)
    assert_no_internals(page)
    assert len(hostile.sent) <= 2
    assert hostile.name("alice") == "New"
    if page.status_code != 302:
        assert field(page, "display_name") == " New "
    assert client.get(REFRESH, follow=True).status_code == 200
