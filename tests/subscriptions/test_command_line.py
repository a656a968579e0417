"""`manage.py subscriptions`: under the portal's own identity, through the same client, machine and ledger."""

import io
import itertools
import json
import os
import signal
import sys
import time
import uuid
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError
from django.utils import timezone

from aosportal.operations.models import Conditions
from aosportal.passport.models import ApplicationGrant
from subscriptions import foreground, ledger, settling
from subscriptions.ledger import Wish
from subscriptions.models import OpenRename, Rename
from tests.support.fake_aps import JSON, FakeAPS

from .fake_aos import FakeAOS, Reply, item


@pytest.fixture
def portal_list(wire, transactional_db):
    """AOS and APS on the wire. What AOS lists to the portal itself: three subscriptions."""
    aos, aos.aps = FakeAOS(wire), FakeAPS().on(wire)
    aos.mine = [item("s-1", "One"), item("s-2", "Two", state="Disabled"), item("s-3", "Three")]
    aos.of = lambda request: aos.mine if request.headers["Authorization"].startswith("Bearer AT-CANARY") else None
    return aos


def run(*arguments):
    """Exit code, stdout, stderr."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("subscriptions", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        code = end.code
    except CommandError as error:
        code = error.returncode
        err.write(str(error))
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "names.csv"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def states():
    return sorted((row.subscription_id, row.state) for row in ledger.with_state(Rename.objects.all()))


def test_list_prints_what_aos_lists_to_the_portal_itself(portal_list):
    portal_list.mine[2]["displayName"] = "Th\x1b[2Jree\u202e"
    code, out, _err = run("list")

    assert code == 0
    assert out.splitlines() == [
        "s-1  Enabled   One",
        "s-3  Enabled   Th\\x1b[2Jree\\u202e",
        "s-2  Disabled  Two",
    ]
    assert json.loads(run("list", "--json", "--state", "disabled")[1]) == [item("s-2", "Two", state="Disabled")]
    assert run("list", "--state", "Nonsense") == (0, "", "")
    assert ApplicationGrant.objects.count() == 1


def test_rename_goes_through_the_ledger_as_the_application(portal_list):
    assert run("rename", "s-1", " Uno ") == (0, "renamed    s-1  “One” → “Uno”\n1 renamed.\n", "")
    row = Rename.objects.get()

    assert (row.user, row.issuer, row.subject, row.grant_id) == (None, "", "", None)
    assert (row.name_seen, row.name_wanted, states()) == ("One", "Uno", [("s-1", "confirmed")])
    assert run("rename", "s-1", "Uno") == (0, "1 already so.\n", "")
    assert portal_list.sent == [("/api/v2/subscriptions/s-1", {"displayName": "Uno"})]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("s-9", "New"), "lists no such id"),
        (("s-1", " "), "is empty"),
        (("s-1", "a\nb"), "control characters"),
        (("s-1", "x" * 256), "too long"),
        (("s-1", "New", "--expect", "Other"), "not called what was expected"),
    ],
)
def test_a_rename_that_cannot_be_sent_says_why(portal_list, arguments, why):
    code, out, err = run("rename", *arguments)

    assert (code, out, portal_list.sent) == (1, "1 not done.\n", [])
    assert why in err


@pytest.mark.parametrize(
    ("reply", "code", "why"),
    [
        (Reply.of({}, 403), 1, "403"),
        (Reply.of({"validationDetails": {"displayName": ["Too plain."]}}, 400), 1, "Too plain."),
        (Reply.of({}, 404), 1, "404"),
        (Reply(500, "", {}), 3, "500"),
    ],
    ids=str,
)
def test_aos_refusals_and_lost_answers_have_their_exit_codes(portal_list, reply, code, why):
    portal_list.applies, portal_list.puts = False, [reply]
    found, _out, err = run("rename", "s-1", "New")

    assert found == code
    assert why in err
    assert OpenRename.objects.count() == (code == 3)


def test_an_unknown_outcome_is_settled_by_the_worker_with_the_portals_own_token(portal_list, alice):
    portal_list.applies, portal_list.puts = False, [Reply(500, "", {})]
    run("rename", "s-1", "New")
    portal_list.mine[0]["displayName"] = "New"
    stranger = ledger.open_rename(alice.grant, Wish("s-2", "Zwei", uuid.uuid4()), "Two")
    alice.grant.delete()
    OpenRename.objects.update(next_look=timezone.now() - timedelta(seconds=1))

    assert settling.settle_due() == 1
    assert ("s-1", "confirmed") in states()
    assert OpenRename.objects.get().pk == stranger.pk


def test_the_next_rename_settles_what_is_open_of_the_portal(portal_list):
    portal_list.applies, portal_list.puts = False, [Reply(500, "", {})]
    run("rename", "s-1", "New")
    portal_list.applies, portal_list.mine[0]["displayName"] = True, "New"

    assert run("rename", "s-1", "Newer")[0] == 0
    assert states() == [("s-1", "confirmed"), ("s-1", "confirmed")]


@pytest.mark.parametrize(
    ("plant", "why"),
    [
        (lambda aos: aos.gets.extend([Reply.of({}, 403)]), "(403). manage.py selftest"),
        (lambda aos: setattr(aos, "of", lambda request: None), "(401). manage.py selftest"),
        (lambda aos: aos.gets.extend([Reply(502, "<h1>", {})] * 3), "AOS answered 502"),
        (
            lambda aos: aos.aps.replies.update({"/connect/token": (401, JSON, '{"error":"invalid_client"}')}),
            "APS refuses",
        ),
        (lambda aos: aos.aps.replies.update({"/connect/token": (503, {}, "")}), "APS gave no token"),
    ],
    ids=["403", "401", "502", "invalid_client", "APS down"],
)
@pytest.mark.parametrize("arguments", [["list"], ["rename", "s-1", "New"]], ids=["list", "rename"])
def test_what_nothing_can_be_done_about_is_one_line(portal_list, plant, why, arguments):
    plant(portal_list)
    code, out, err = run(*arguments)

    assert (code, out, portal_list.sent) == (1, "", [])
    assert why in err
    assert len(err.splitlines()) == 1
    assert "CANARY" not in err


def test_rename_many_does_what_can_be_done_and_tells_the_rest(portal_list, table):
    path = table("id,displayName,newName\ns-1,One,Uno\ns-2,Other,Dos\ns-3,Three,Three\ns-9,x,y\n")
    code, out, _err = run("rename-many", "--from-csv", path, "--dry-run")

    assert (code, portal_list.sent, Rename.objects.count()) == (1, [], 0)
    assert "s-1: “One” → “Uno”" in out
    assert "1 would be renamed, 1 already so, 2 not done." in out

    code, out, err = run("rename-many", "--from-csv", path)

    assert (code, states(), [each["displayName"] for each in portal_list.mine]) == (
        1,
        [("s-1", "confirmed")],
        ["Uno", "Two", "Three"],
    )
    assert out == "renamed    s-1  “One” → “Uno”\n1 renamed, 1 already so, 2 not done.\n"
    assert "not-done   s-2: it is not called what was expected" in err
    assert Rename.objects.get().batch_id


def test_the_portals_own_export_comes_back_and_all_is_done(portal_list, table, monkeypatch):
    portal_list.mine = [item(f"s-{number}", f"Plan {number}") for number in range(120)]
    portal_list.confirms = False
    lines = [f"s-{number},Plan {number},Team {number}" for number in range(120)]
    path = table("\ufeffid,displayName,newName\r\n" + "\r\n".join(lines))
    code, out, err = run("rename-many", "--from-csv", path)

    assert (code, err, out.splitlines()[-1]) == (0, "", "120 renamed.")
    assert {each["displayName"] for each in portal_list.mine} == {f"Team {number}" for number in range(120)}
    assert len(portal_list.sent) == 120
    assert (
        len([each for each in portal_list.requests if each.method == "GET"]) == 7
    )  # to plan; then before and after 50
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(["id,newName", "s-1,Team 1"]).encode())))
    assert run("rename-many", "--from-csv", "-") == (0, "1 already so.\n", "")


def test_a_busy_aos_is_waited_for(portal_list, table, monkeypatch):
    slept = []
    monkeypatch.setattr(foreground, "database", SimpleNamespace(rest=slept.append))
    portal_list.puts = [Reply.of({}, 503), Reply.of({}, 503)]
    portal_list.on_put = lambda: setattr(portal_list, "applies", not portal_list.puts)
    code, out, _err = run("rename-many", "--from-csv", table("id,newName\ns-1,Uno\n"))

    assert (code, out.splitlines()[-1]) == (0, "1 renamed.")
    assert slept == [30]
    assert states() == [("s-1", "confirmed"), ("s-1", "not_done")]


def test_a_change_freeze_holds_here_too(portal_list, table):
    Conditions(is_read_only=True).save()

    for arguments in (["rename", "s-1", "Uno"], ["rename-many", "--from-csv", table("id,newName\ns-1,Uno\n")]):
        code, _out, err = run(*arguments)
        assert (code, portal_list.sent, Rename.objects.count()) == (1, [], 0)
        assert "read-only" in err


def test_a_forbidden_portal_stops_in_the_middle(portal_list, table):
    portal_list.applies, portal_list.puts = False, [Reply.of({}, 401)] * 6
    lines = [f"s-{number},New {number}" for number in (1, 2, 3)]
    code, _out, err = run("rename-many", "--from-csv", table("id,newName\n" + "\n".join(lines)))

    assert code == 1
    assert "(401). manage.py selftest" in err
    assert {state for _id, state in states()} == {"not_done"}


@pytest.mark.parametrize(
    ("text", "why"), [("", "no row"), ("id,colour\ns-1,red\n", "Call it newName"), ('id,newName\n"s-1,x', "quotation")]
)
def test_a_file_that_cannot_be_used_is_a_matter_of_usage(portal_list, table, text, why):
    code, out, err = run("rename-many", "--from-csv", table(text))

    assert (code, out, portal_list.requests) == (2, "", [])
    assert why in err
    assert run("rename-many", "--from-csv", "/nowhere.csv")[0] == 2


def test_a_database_that_fails_is_one_line(portal_list, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("PW-CANARY")

    monkeypatch.setattr(ledger, "open_rename", away)
    code, _out, err = run("rename", "s-1", "New")

    assert (code, portal_list.sent) == (3, [])
    assert err == "The database failed (OperationalError). What was sent is settled by the worker."


@pytest.fixture
def ctrl_c_is_heard():
    """A run in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_ctrl_c_begins_no_further_row_and_ends_with_a_line_and_an_exit_code(portal_list, table):
    count = itertools.count()

    def press_once():
        if next(count) == 0:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)

    portal_list.mine, portal_list.on_put = [item(f"s-{number}") for number in range(50)], press_once
    lines = [f"s-{number},New {number}" for number in range(50)]
    code, _out, err = run("rename-many", "--from-csv", table("id,newName\n" + "\n".join(lines)))

    assert code == 1
    assert "Stopped." in err
    assert 1 <= len(portal_list.sent) < 50
    assert {state for _id, state in states()} == {"confirmed"}
