"""Notices: how a rename ended is told once, to the one who asked, whatever happens between."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from aosportal.passport.models import Grant
from subscriptions import ledger, settling
from subscriptions.answers import Subscription
from subscriptions.ledger import Finding, State
from subscriptions.models import Notice, OpenRename
from tests.conftest import browser, sign_in

from .fake_aos import Reply, item
from .ledgers import intended
from .pages import LIST, RENAME, save, send, words

pytestmark = pytest.mark.django_db
HISTORY = "/subscriptions/renames/"
RENAMED = "Renamed “Old name” to “New”."
CHECKING = "Not known yet whether “Old name” was renamed to “New”"


def confirmed(row):
    """Somebody finds out that AOS took it."""
    assert ledger.record(row, Finding(State.CONFIRMED, is_observed=True, name="New"))


def before_statement(text, do):
    """Do something at the moment before the first SQL statement that begins so, as another worker may."""
    done = []

    def wrapper(execute, sql, *rest):
        if sql.startswith(text) and not done:
            done.append(sql)
            do()
        return execute(sql, *rest)

    return connection.execute_wrapper(wrapper), done


@pytest.fixture
def his(bob, aos, token):
    """Bob's browser; he has the same subscription as Alice."""
    browser_of_bob = browser()
    sign_in(browser_of_bob, bob)
    aos.items[token(bob)] = [item()]
    return browser_of_bob


@pytest.mark.parametrize("path", [LIST, HISTORY, "/account/", RENAME, "/subscriptions/rename-many/"])
def test_any_page_tells_it_and_only_the_first(hers, alice, path):
    confirmed(intended(alice.grant))
    assert RENAMED in words(hers.get(path))
    assert RENAMED not in words(hers.get(path))
    assert RENAMED not in words(hers.get(LIST))


def test_nobody_else_is_told(hers, his, alice, client):
    confirmed(intended(alice.grant))
    for page in (his.get(LIST), his.get(HISTORY), browser().get("/login/")):
        assert "New" not in words(page)
    assert RENAMED in words(hers.get(LIST))
    assert RENAMED not in words(his.get(LIST))


def test_a_batch_tells_on_its_own_page_alone(hers, alice):
    row = ledger.open_rename(
        alice.grant, ledger.Wish("s-1", "New", alice.grant.pk, batch_id=alice.grant.pk), "Old name"
    )
    confirmed(row)
    assert not Notice.objects.exists()
    assert RENAMED not in words(hers.get(LIST))


def test_what_asks_for_no_page_takes_nothing_away(hers, alice):
    confirmed(intended(alice.grant))
    hers.head(LIST)
    hers.get(f"{HISTORY}export.csv").getvalue()
    hers.get(LIST, headers={"HX-Request": "true"})
    assert RENAMED in words(hers.get(LIST))


def test_the_list_that_finds_it_out_tells_it_though_its_token_had_to_be_renewed(hers, alice, aos, aps):
    intended(alice.grant)
    ended = timezone.now() - timedelta(minutes=1)
    Grant.objects.filter(user=alice).update(expires_at=ended)
    aps.knows_refresh_token("alice-refresh", {"sub": "sub-alice"})
    aos.gets = [Reply.of([item(name="New")])]
    assert RENAMED in words(hers.get(LIST))
    assert len(aps.refreshes()) == 1


def test_several_are_told_in_their_order_on_one_page(hers, alice):
    for seconds, name in ((30, "First"), (20, "Second")):
        row = intended(alice.grant, name, seconds_ago=seconds)
        ledger.record(row, Finding(State.CONFIRMED, is_observed=True, name=name))
    page = words(hers.get(LIST))
    assert -1 < page.index("to “First”") < page.index("to “Second”")


def test_what_is_found_out_while_a_page_says_not_known_is_told_all_the_same(hers, alice):
    row = intended(alice.grant)
    ledger.record(row, Finding(State.UNKNOWN))
    meanwhile, done = before_statement('DELETE FROM "subscriptions_notice"', lambda: confirmed(row))
    with meanwhile:
        first = words(hers.get(HISTORY))
    assert done
    assert (RENAMED in first) != (RENAMED in words(hers.get(HISTORY)))


def test_what_is_found_out_while_the_save_says_not_known_is_told_too(hers, alice, aos):
    """The answer is lost, this worker's look fails, and another worker's look at the same moment does not."""
    opened = hers.get(RENAME)

    def look_of_both():
        settling.settle_by(settling.open_of(alice), [Subscription("s-1", "", "New", "")], timezone.now())
        return Reply(403, "")()

    aos.puts, aos.gets = [Reply(500, "")], [Reply.of([item()]), look_of_both, Reply(403, ""), Reply(403, "")]
    page = words(send(hers, opened, "New"))
    assert "Not known whether the name was changed" in page
    assert not OpenRename.objects.exists()
    assert RENAMED in page
    assert RENAMED not in words(hers.get(HISTORY))


def test_the_page_that_answers_a_save_has_told_it(hers, alice, aos):
    aos.applies, aos.puts = False, [Reply.of({}, 422)]
    assert save(hers, "New").status_code == 422
    assert "was not renamed" not in words(hers.get(LIST))
    aos.puts = [Reply(500, "")]
    assert save(hers, "New").status_code == 502
    assert CHECKING not in words(hers.get(HISTORY))
