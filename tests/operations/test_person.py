"""One person's data, by the commands: exported whole and without a secret, erased whole and at APS first."""

import io
import json
import re

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core import serializers
from django.core.management import CommandError, call_command
from django.test import RequestFactory

from aosportal.passport.models import Admission, Grant, PendingRevocation, RecentFailure
from subscriptions import audit, batches, drafts, ledger
from subscriptions.ledger import Finding, State
from subscriptions.models import LedgerUpkeep, OpenRename, Rename
from subscriptions.planning import PlannedRow
from tests.conftest import browser
from tests.subscriptions.fake_aos import FakeAOS, item
from tests.subscriptions.ledgers import intended
from tests.support.fake_aps import ALICE, BOB, ISSUER

pytestmark = pytest.mark.django_db
KNOWN = {
    "Admission", "Batch", "Draft", "GivenByClaim", "Grant", "LogEntry", "Notice", "RecentFailure", "Rename", "Snapshot",
    "UserSocialAuth", "User_groups", "User_user_permissions",
}  # fmt: skip


def run(*arguments):
    output = io.StringIO()
    call_command("person", *arguments, stdout=output)
    return output.getvalue()


def everything():
    """What the database holds, as text; without ciphertext, in which any short word may be by chance."""
    rows = "".join(serializers.serialize("json", model.objects.all()) for model in apps.get_models())
    return re.sub(r"gAAAA[\w=-]+", "", rows) + str([session.get_decoded() for session in Session.objects.all()])


@pytest.fixture
def alice(aps, wire, client):
    """Alice has used all that the portal has, and was admitted by an administrator; so has Bob."""
    aos = FakeAOS(wire)
    chief = User.objects.create_superuser("chief")
    for name, claims, browser_ in (("alice", ALICE, client), ("bob", BOB, browser())):
        aps.sign_in(browser_, person=claims)
        user = User.objects.get(username=name)
        grant = Grant.objects.get(user=user)
        aos.items[grant.token("access_token").reveal()] = [item(name=f"Listed for {name}")]
        browser_.get("/subscriptions/")
        Admission.objects.create(user=user, admitted_by=chief)
        RecentFailure.objects.create(user=user, service="AOS", kind="busy", request_id=f"request-{name}")
        drafts.keep(user.pk, "s-1", f"Typed by {name}")
        ledger.record(intended(grant, f"Wanted by {name}"), Finding(State.CONFIRMED, is_observed=True, name="Now"))
        intended(grant, f"Lost by {name}")
        batches.plan(
            grant, [PlannedRow("s-1", "Old name", f"Batched by {name}", "", False, None)], asked=f"Form of {name}"
        )
        about = {"content_type": ContentType.objects.get_for_model(User), "object_id": user.pk, "object_repr": name}
        LogEntry.objects.create(user=chief, action_flag=CHANGE, change_message="Admitted.", **about)
    return User.objects.get(username="alice")


def test_an_export_holds_all_of_one_person_and_no_secret(alice):
    text = run("export", "sub-alice")
    data = json.loads(text)

    for word in ("Listed for alice", "Typed by alice", "Wanted by alice", "Batched by alice", "Form of alice",
                 "request-alice", "alice@corp.test", "sub-alice", "Admitted."):  # fmt: skip
        assert word in text
    assert [event["state"] for event in data["renames"][0]["events"]] == ["pending", "confirmed"]
    assert (len(data["sign_ins"]), len(data["sessions"]), len(data["untold_outcomes"])) == (1, 1, 1)
    assert "bob" not in text.lower()
    secrets = [row.session_key for row in Session.objects.all()] + ["CANARY", "gAAAA"]
    assert not [secret for secret in secrets if secret in text]
    assert run("export", "alice") == text


def test_erasing_ends_and_revokes_then_leaves_no_trace_but_pseudonyms(alice, aps, client):
    assert "alice" in everything().lower()
    said = run("erase", "alice", "--yes")

    assert said == "Erased. 1 sign-ins ended; 2 renames keep a pseudonym.\n"
    assert len(aps.revoked) == 2
    assert Session.objects.count() == 1  # Bob's
    assert client.get("/subscriptions/")["Location"].startswith("/login/")
    left = [row for row in Rename.objects.all() if row.user is None]
    assert {row.name_wanted for row in left} == {"Wanted by alice", "Lost by alice"}  # the names are the company's
    assert len({row.subject for row in left}) == 1
    assert left[0].subject.startswith("erased-")
    assert not OpenRename.objects.filter(rename__in=left)
    assert "alice" not in everything().lower().replace("wanted by alice", "").replace("lost by alice", "")
    assert LogEntry.objects.filter(object_repr="(erased)").count() == 1
    assert [(row.kind, row.rows) for row in LedgerUpkeep.objects.all()] == [("erased", 2)]
    assert "Listed for bob" in run("export", "bob")


def test_whoever_was_erased_comes_back_as_somebody_new(alice, aps):
    run("erase", "sub-alice", "--issuer", ISSUER, "--yes")
    again = browser()
    aps.sign_in(again)

    back = User.objects.get(username="alice")
    assert back.pk != alice.pk
    assert not Rename.objects.filter(user=back)
    assert json.loads(run("export", "sub-alice"))["renames"] == []


def test_somebody_who_was_deleted_before_can_be_erased_from_the_ledger(alice):
    alice.delete()
    assert len(json.loads(run("export", "sub-alice"))["renames"]) == 2
    run("erase", "sub-alice", "--yes")

    with pytest.raises(CommandError, match="Nobody has"):
        run("export", "sub-alice")


def test_what_an_administrator_did_stays_in_the_log_without_a_name(alice):
    LogEntry.objects.update(user=alice)
    run("erase", "alice", "--yes")

    assert {entry.user.username for entry in LogEntry.objects.all()} == {"(erased)"}
    assert not User.objects.get(username="(erased)").is_active
    assert LogEntry.objects.count() == 2


def test_who_looked_for_them_in_the_audit_trail_is_kept_and_not_whom(alice, caplog):
    chief = User.objects.get(username="chief")
    for query in ("person=Alice%40corp.test&since=2026-01-01", "person=sub-alice", "person=bob", "subscription=s-1"):
        request = RequestFactory().get("/")
        request.user = chief
        audit.note_export(request, f"csv, {query}")
    run("erase", "alice", "--yes")

    notes = LogEntry.objects.filter(object_repr="the audit trail").order_by("pk")
    assert [note.change_message.removeprefix("Exported: csv, ") for note in notes] == [
        "person=%28erased%29&since=2026-01-01",
        "person=%28erased%29",
        "person=bob",
        "subscription=s-1",
    ]
    assert "corp.test" not in caplog.text


def test_nobody_is_not_the_portal_itself(alice):
    intended(None, "By the portal")
    with pytest.raises(CommandError, match="Give a subject"):
        run("erase", "", "--yes")

    assert Rename.objects.filter(user=None, subject="").exists()


def test_an_aps_that_is_down_is_asked_again(alice, aps):
    aps.replies["/connect/revoke"] = (503, {}, "")
    said = run("erase", "alice", "--yes")

    assert "APS has not revoked 2 tokens yet" in said
    assert PendingRevocation.objects.count() == 2


def test_it_asks_before_and_refuses_to_guess(alice, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda question: "no")
    with pytest.raises(CommandError, match="Nothing was erased"):
        run("erase", "alice")
    User.objects.create_user("sub-alice")
    with pytest.raises(CommandError, match="Several people are meant: alice, sub-alice"):
        run("erase", "sub-alice", "--yes")
    with pytest.raises(CommandError, match="Nobody has"):
        run("erase", "sub-alice", "--issuer", "https://other.test", "--yes")

    assert User.objects.filter(pk=alice.pk).exists()


def test_everything_that_hangs_on_a_user_is_known_to_the_export():
    hanging = {relation.related_model.__name__ for relation in User._meta.related_objects}
    assert hanging <= KNOWN, "new rows about people: add them to aosportal/operations/people.py, and here"
