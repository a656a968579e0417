"""Renames whose outcome is not known: found out by looking, at the next visit or by the worker, never by sending."""

import time
import uuid
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from aosportal.passport.identity import Identity
from aosportal.passport.models import Grant
from aosportal.passport.tokenset import TokenSet
from aosportal.secret import Secret
from subscriptions import settling
from subscriptions.aos import AOS
from subscriptions.models import OpenRename, Turn
from subscriptions.turns import Held
from tests.conftest import sign_in
from tests.support.fake_aps import ISSUER

from .fake_aos import Reply, item
from .ledgers import intended, make_older, states, wait
from .pages import LIST, words

pytestmark = pytest.mark.django_db
CHECKING = "Not known yet whether “Old name” was renamed to “New”"


def another_sign_in(user, name, subject):
    """A further live grant of this user, in another browser."""
    tokens = TokenSet(Secret(name), Secret(f"{name}-refresh"), None, timezone.now() + timedelta(hours=1), None)
    return Grant.of_sign_in(user, Identity("id_token", ISSUER, subject), tokens, sid="", scope="openid")


def asked_with(aos):
    return [request.headers["Authorization"].removeprefix("Bearer ") for request in aos.requests]


@pytest.fixture
def shown(aos, alice, token):
    """Set what AOS lists for Alice: the name of s-1, or nothing."""

    def show(*names):
        aos.items[token(alice)] = [item(id="s-2", name="Another"), *(item(name=name) for name in names)]

    return show


@pytest.mark.parametrize(
    ("name", "seconds_ago", "state"),
    [
        ("New", 6, "confirmed"),
        ("NEW ", 6, "confirmed"),
        ("New", 4000, "confirmed"),
        ("Theirs", 6, "conflicted"),
        (None, 6, "conflicted"),
        ("Old name", 50, "unknown"),
        ("Old name", 62, "not_done"),
    ],
)
def test_e28_e31_the_worker_finds_out_by_looking(aos, alice, shown, name, seconds_ago, state):
    row = intended(alice.grant, seconds_ago=seconds_ago)
    shown(name)
    assert settling.settle_due() == (state != "unknown")
    assert states(row) == ["pending", state]
    assert (row.events.last().is_observed, row.events.last().name_observed) == (True, name)
    assert OpenRename.objects.exists() == (state == "unknown")
    assert (len(aos.requests), aos.sent) == (1, [])


def test_e29_a_change_that_lands_late_is_found(alice, shown):
    row = intended(alice.grant)
    shown("Old name")
    settling.settle_due()
    shown("New")
    make_older(row, 11)
    assert settling.settle_due() == 1
    assert states(row) == ["pending", "unknown", "confirmed"]


def test_e29_a_list_that_was_asked_for_in_time_and_came_late_proves_nothing(alice, aos):
    row = intended(alice.grant, seconds_ago=50)
    listed = [settling.Subscription("s-1", "", "Old name", "")]
    make_older(row, 20)
    assert settling.settle_by(settling.open_of(alice), listed, timezone.now() - timedelta(seconds=20)) == 0
    assert states(row) == ["pending", "unknown"]


def test_e29_where_a_call_may_take_long_a_change_has_longer_to_show(alice, shown, settings):
    settings.AOS_TIMEOUT = 60
    row = intended(alice.grant, seconds_ago=100)
    shown("Old name")
    assert settling.settle_due() == 0
    make_older(row, 101)
    assert settling.settle_due() == 1
    assert states(row) == ["pending", "unknown", "not_done"]


def test_a_list_from_before_the_intent_tells_nothing(alice):
    row = intended(alice.grant, seconds_ago=10)
    listed = [settling.Subscription("s-1", "", "New", "")]
    assert settling.settle_by(settling.open_of(alice), listed, row.created - timedelta(seconds=1)) == 0
    assert states(row) == ["pending"]


def test_e13_what_is_not_listed_any_more_is_never_called_refused(alice, shown, hers):
    """The change may have been made before the subscription went away."""
    row = intended(alice.grant)
    shown()
    assert settling.settle_due() == 0
    assert states(row) == ["pending", "unknown"]
    make_older(row, 60)
    assert settling.settle_due() == 1
    assert (states(row)[-1], row.events.last().reason) == ("conflicted", "not-there")
    assert "It cannot be known whether “Old name” was renamed to “New”" in words(hers.get(LIST))
    assert "no longer there" in words(hers.get("/subscriptions/renames/"))


@pytest.mark.parametrize("weather", [Reply(503, ""), Reply(403, ""), Reply(200, "<h1>"), Reply(500, "")])
def test_a_list_that_cannot_be_read_is_asked_for_again_ever_more_rarely(alice, aos, shown, weather):
    row, waits = intended(alice.grant, seconds_ago=5), []
    for _ in range(12):
        aos.gets = [weather] * 3
        assert settling.settle_due() == 0
        waits.append(wait(row))
        make_older(row, waits[-1])
    assert waits == pytest.approx([5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600], rel=0.4)
    assert states(row) == ["pending", "unknown"]
    aos.gets = []
    shown("New")
    assert settling.settle_due() == 1
    assert states(row) == ["pending", "unknown", "confirmed"]


def test_a_list_that_is_read_often_meanwhile_does_not_put_off_the_next_look(alice, shown):
    """A batch reads it before each fifty; a person reloads it as often as they like."""
    row = intended(alice.grant, seconds_ago=10)
    shown()
    for _ in range(12):
        settling.settle(AOS(alice.grant), settling.open_of(alice.grant.user))
    assert wait(row) < 60


def test_what_is_not_due_is_left_alone(alice, aos, shown):
    row = intended(alice.grant, seconds_ago=2)
    assert settling.settle_due() == 0
    assert (states(row), aos.requests) == (["pending"], [])


def test_one_list_settles_all_of_a_person(alice, bob, aos, token, shown):
    rows = [intended(alice.grant, seconds_ago=ago) for ago in (10, 20)]
    rows.append(intended(alice.grant, "Another", id="s-2", seen="x"))
    bobs = intended(bob.grant, "Bob's")
    shown("New")
    aos.items[token(bob)] = [item(name="Bob's")]
    assert settling.settle_due() == 4
    assert {states(row)[-1] for row in (*rows, bobs)} == {"confirmed"}
    assert sorted(asked_with(aos)) == ["alice-token", "bob-token"]


# --- Whose sign-in looks


def test_the_sign_in_that_asked_looks(alice, aos, shown):
    intended(alice.grant)
    another_sign_in(alice, "newer", "sub-alice")
    settling.settle_due()
    assert asked_with(aos) == ["alice-token"]


def test_where_it_has_ended_another_of_the_same_person_looks(alice, aos):
    row = intended(alice.grant)
    alice.grant.end("signed out")
    another_sign_in(alice, "older", "sub-alice")
    another_sign_in(alice, "newest", "sub-alice")
    another_sign_in(alice, "somebody-else", "sub-other")
    aos.items["newest"] = [item(name="New")]
    assert settling.settle_due() == 1
    assert asked_with(aos) == ["newest"]
    assert states(row) == ["pending", "confirmed"]


def test_nobody_elses_sign_in_ever_looks(alice, bob, aos):
    """Bob may see another list, and an identity of another issuer or subject is another person."""
    row = intended(alice.grant)
    alice.grant.end("signed out")
    another_sign_in(alice, "somebody-else", "sub-other")
    for _ in range(3):
        assert settling.settle_due() == 0
        make_older(row, 4000)
    assert aos.requests == []
    assert states(row) == ["pending", "unknown"]


def test_where_nobody_can_look_the_next_visit_does(alice, aos, client):
    row = intended(alice.grant, seconds_ago=4000)
    alice.grant.end("signed out")
    settling.settle_due()
    alice.grant = another_sign_in(alice, "back-again", "sub-alice")
    aos.items["back-again"] = [item(name="New")]
    sign_in(client, alice)
    assert "Renamed “Old name” to “New”." in words(client.get(LIST))
    assert states(row) == ["pending", "unknown", "confirmed"]


def test_a_rename_of_a_deleted_person_waits_and_stops_nobody(alice, bob, aos, token):
    row, bobs = intended(alice.grant), intended(bob.grant, seconds_ago=5)
    alice.delete()
    aos.items[token(bob)] = [item(name="New")]
    assert settling.settle_due() == 1
    assert (states(row), states(bobs)) == (["pending", "unknown"], ["pending", "confirmed"])


# --- Several at once


def test_e32_what_is_being_sent_is_left_alone(hers, alice, aos, shown):
    row = intended(alice.grant)
    shown("Old name")
    held = Held("s-1")
    assert held.take()
    assert settling.settle_due() == 0
    assert aos.requests == []
    assert "Old name" in words(hers.get(LIST))
    assert states(row) == ["pending"]
    held.give_up()
    make_older(row, 60)
    assert settling.settle_due() == 1


def test_e32_two_workers_settle_once(alice, aos, shown):
    row, second = intended(alice.grant, seconds_ago=4000), []

    def slow_list():
        aos.gets = []
        second.append(settling.settle_due())
        return Reply.of([item(name="New")])()

    aos.gets = [slow_list]
    assert settling.settle_due() == 1
    assert (second, len(aos.requests)) == ([0], 1)
    assert states(row) == ["pending", "confirmed"]


def test_e31_what_a_killed_worker_took_up_is_taken_up_again(alice, aos, shown):
    class Killed(BaseException):
        pass

    def dies():
        raise Killed

    row = intended(alice.grant)
    aos.gets = [dies]
    with pytest.raises(Killed):
        settling.settle_due()
    shown("New")
    assert settling.settle_due() == 0
    make_older(row, 120)
    assert settling.settle_due() == 1


def test_a_visit_and_the_worker_at_once_give_one_outcome(hers, alice, aos):
    row = intended(alice.grant)

    def meanwhile():
        aos.gets = [Reply.of([item(name="New")])]
        assert settling.settle_due() == 1
        return Reply.of([item(name="Theirs")])()

    aos.gets = [meanwhile]
    hers.get(LIST)
    assert states(row) == ["pending", "confirmed"]


# --- The next visit


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("New", "Renamed “Old name” to “New”."),
        ("NEW", "AOS took the new name, but shows it as “NEW”."),
        ("Theirs", "but AOS now shows “Theirs”"),
        ("Old name", "“Old name” was not renamed to “New”: nothing was changed."),
    ],
)
def test_e31_the_next_visit_finds_out_and_tells(hers, alice, aos, shown, name, told):
    hers.get(LIST)  # what is kept of it must not be looked at
    intended(alice.grant, seconds_ago=70)
    shown(name)
    assert told in words(hers.get(LIST))
    assert told not in words(hers.get(LIST))
    assert not OpenRename.objects.exists()
    assert aos.sent == []


def test_a_visit_that_cannot_know_yet_says_so_once_and_later_what_became_of_it(hers, alice, shown):
    intended(alice.grant)
    shown("Old name")
    assert CHECKING in words(hers.get(LIST))
    assert CHECKING not in words(hers.get(LIST))
    shown("New")
    assert "Renamed “Old name” to “New”." in words(hers.get(LIST))


# --- The command


def settle_renames(capsys):
    """Run it; return what it says and its exit code."""
    try:
        call_command("settle_renames")
        code = 0
    except SystemExit as ended:
        code = ended.code
    return capsys.readouterr().out.strip(), code


def test_the_command_settles_at_once_what_it_can(alice, bob, shown, capsys):
    intended(alice.grant, seconds_ago=0)
    shown("New")
    assert settle_renames(capsys) == ("1 settled, 0 not known yet.", 0)
    bob.grant.end("signed out")
    row = intended(bob.grant, seconds_ago=0)
    assert settle_renames(capsys) == ("0 settled, 1 not known yet.", 1)
    assert states(row) == ["pending", "unknown"]  # none is left pending
    assert settle_renames(capsys) == ("0 settled, 1 not known yet.", 1)


def test_the_command_has_nothing_to_do(capsys, db):
    assert settle_renames(capsys) == ("0 settled, 0 not known yet.", 0)


def test_the_command_settles_more_than_one_pass_takes(alice, shown, capsys, monkeypatch):
    monkeypatch.setattr(settling, "_MOST", 2)
    for _ in range(5):
        intended(alice.grant, seconds_ago=0)
    shown("New")
    assert settle_renames(capsys) == ("5 settled, 0 not known yet.", 0)


def test_e31_the_command_waits_for_a_killed_workers_turn_to_run_out(alice, shown, capsys):
    row = intended(alice.grant)
    shown("New")
    soon = timezone.now() + timedelta(seconds=1.5)
    Turn.objects.create(subscription_id="s-1", holder=uuid.uuid4(), until=soon)
    begun = time.monotonic()
    assert settle_renames(capsys) == ("1 settled, 0 not known yet.", 0)
    assert time.monotonic() - begun > 0.5
    assert states(row) == ["pending", "confirmed"]
