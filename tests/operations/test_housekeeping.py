"""What is dead goes, what lives stays; old renames are in a file before they are gone."""

import hashlib
import io
import json
import time
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db.models import QuerySet
from django.utils import timezone
from social_django.models import Association, Code, Nonce, Partial

from aosportal.operations import housekeeping
from aosportal.operations.management.commands import worker
from aosportal.passport.models import ApplicationGrant, Grant, RecentFailure, SeenLogoutToken
from subscriptions import ledger, purging
from subscriptions.ledger import Finding, State
from subscriptions.models import Batch, BatchRow, Draft, LedgerUpkeep, Notice, OpenRename, Rename, Snapshot, Turn
from tests.conftest import grant_of
from tests.subscriptions.ledgers import intended

pytestmark = pytest.mark.django_db
DAY = 24 * 60 * 60


def run(*arguments):
    output = io.StringIO()
    call_command("housekeeping", *arguments, stdout=output)
    return output.getvalue()


def counted(output):
    """What it says: rows of what, where there were any."""
    lines = [line.split(None, 1) for line in output.splitlines()[:-1]]
    return {name: int(rows) for rows, name in lines if rows != "0"}


def ago(days):
    return timezone.now() - timedelta(days=days)


def renamed(grant, days, state=State.CONFIRMED, **columns):
    """A rename made so many days ago; without a state, its outcome is open."""
    row = intended(grant, seconds_ago=days * DAY)
    if state:
        ledger.record(row, Finding(state, is_observed=True, name="New\0\u2028name"))
    QuerySet(Rename).filter(pk=row.pk).update(**columns)
    return row


def one_of_each(user, days):
    """A row of each kind, as old as that; not one of them is needed any more after 90 days."""
    seconds = int(ago(days).timestamp())
    Session.objects.create(session_key=f"key{days}", session_data="", expire_date=ago(days))
    Association.objects.create(server_url=f"a{days}", handle="x", issued=seconds, lifetime=600)
    Nonce.objects.create(server_url=f"n{days}", timestamp=seconds, salt="x")
    Grant.objects.filter(pk=grant_of(user, "x").pk).update(last_seen=ago(days), **Grant.over("signed out"))
    SeenLogoutToken.objects.create(key=f"k{days}", expires_at=ago(days))
    RecentFailure.objects.create(user=user, service="AOS", kind="busy", request_id="r", at=ago(days))
    ApplicationGrant.objects.create(key=f"k{days}", expires_at=ago(days))
    Snapshot.objects.create(key=f"k{days}", user=user, sealed="", taken_at=ago(days))
    Draft.objects.create(user=user, subscription_id=f"s{days}", text="x", kept_at=ago(days))
    Turn.objects.create(subscription_id=f"s{days}", until=ago(days))
    for state in Batch.State:
        batch = Batch.objects.create(
            user=user, grant_id=user.grant.pk, state=state, created=ago(days), free_at=ago(days)
        )
        BatchRow.objects.create(batch=batch, number=1, subscription_id="s-1", name_wanted="x")
    for model, columns in ((Code, {"email": f"{days}@corp.test"}), (Partial, {})):
        model.objects.filter(pk=model.objects.create(**columns).pk).update(timestamp=ago(days))
    renamed(user.grant, days)


DEAD = {
    "expired sessions": 1,
    "begun sign-ins": 1,
    "nonces": 1,
    "codes": 1,
    "interrupted sign-ins": 1,
    "used logout tokens": 1,
    "ended sign-ins": 1,
    "failures": 1,
    "unused access of the portal's own": 1,
    "kept lists": 1,
    "drafts": 1,
    "untold outcomes": 1,
    "turns of killed workers": 1,
    "unconfirmed batches": 1,
    "finished or abandoned batches": 2,
}


def test_what_is_dead_goes_and_what_lives_stays(alice):
    one_of_each(alice, days=100)
    one_of_each(alice, days=-1)
    assert counted(run("--dry-run")) == DEAD
    assert counted(run("--dry-run")) == DEAD  # it only told
    assert counted(run()) == DEAD

    assert counted(run()) == {}
    for model in (Session, Association, Nonce, SeenLogoutToken, RecentFailure, ApplicationGrant, Snapshot, Draft, Turn,
                  Notice):  # fmt: skip
        assert model.objects.count() == 1, model
    assert sorted(Grant.objects.values_list("status", flat=True)) == ["active", "ended"]
    assert Batch.objects.filter(created__lt=ago(90)).get().state == "running"  # a worker will take it up
    assert Rename.objects.count() == 2


def test_the_days_are_settings(alice, settings):
    settings.RETENTION_DAYS = 200
    one_of_each(alice, days=100)

    assert not counted(run()).keys() & {
        "ended sign-ins",
        "failures",
        "untold outcomes",
        "finished or abandoned batches",
    }


def test_it_deletes_some_at_a_time(alice, monkeypatch):
    monkeypatch.setattr(housekeeping, "_CHUNK", 2)
    for number in range(5):
        SeenLogoutToken.objects.create(key=str(number), expires_at=ago(1))

    assert counted(run()) == {"used logout tokens": 5}


def test_without_a_folder_the_ledger_stays(alice):
    renamed(alice.grant, 1000)
    assert "old renames (they stay: LEDGER_EXPORT_DIR is not set)" in run()

    assert Rename.objects.count() == 1


def test_old_renames_are_in_a_file_before_they_are_gone(alice, tmp_path, monkeypatch):
    monkeypatch.setattr(purging, "_CHUNK", 2)
    old = [renamed(alice.grant, days) for days in (1002, 1001, 1000)]
    new = renamed(alice.grant, 700)
    assert counted(run("--dry-run", "--ledger-dir", str(tmp_path)))["old renames"] == 3
    assert not list(tmp_path.iterdir())
    assert counted(run("--ledger-dir", str(tmp_path)))["old renames"] == 3

    files = sorted(tmp_path.iterdir())
    rows = [json.loads(line) for file in files for line in file.read_text().split("\n")[:-1]]
    assert [row["id"] for row in rows] == [str(row.pk) for row in old]
    assert (rows[0]["subject"], rows[0]["name_wanted"]) == ("sub-alice", "New")
    assert [event["state"] for event in rows[0]["events"]] == ["pending", "confirmed"]
    assert rows[0]["events"][1]["name_observed"] == "New\0\u2028name"
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert list(Rename.objects.all()) == [new]
    records = {row.file: (row.kind, row.rows, row.sha256) for row in LedgerUpkeep.objects.all()}
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    assert [records[file.name] for file in files] == [("purged", 2, digests[0]), ("purged", 1, digests[1])]
    run("--ledger-dir", str(tmp_path))
    assert sorted(tmp_path.iterdir()) == files


def test_what_is_open_or_belongs_to_a_batch_stays_in_the_ledger(alice, tmp_path):
    """A row of a batch that the ledger does not know counts as not begun: it would be sent again."""
    batch = Batch.objects.create(user=alice, grant_id=alice.grant.pk, state="running", free_at=ago(1000))
    renamed(alice.grant, 1000, state=None)
    renamed(alice.grant, 1000, batch_id=batch.pk)
    run("--ledger-dir", str(tmp_path))
    assert (Rename.objects.count(), OpenRename.objects.count()) == (2, 1)

    Batch.objects.update(state="done")
    assert counted(run("--ledger-dir", str(tmp_path)))["old renames"] == 1  # the batch has gone just before


def test_a_folder_that_cannot_be_written_to_leaves_the_ledger_alone(alice, tmp_path):
    renamed(alice.grant, 1000)
    with pytest.raises(CommandError, match="The ledger stays as it is"):
        run("--ledger-dir", str(tmp_path / "not there"))

    assert Rename.objects.count() == 1
    assert not LedgerUpkeep.objects.exists()


def test_two_at_once_purge_each_row_once(alice, tmp_path, monkeypatch):
    renamed(alice.grant, 1000)
    purge, seen = purging._purge, []

    def another_is_faster(rows, file):
        if not seen:
            seen.append(0)
            seen[0] = purging.export_and_purge(tmp_path)
        return purge(rows, file)

    monkeypatch.setattr(purging, "_purge", another_is_faster)
    run("--ledger-dir", str(tmp_path))

    assert seen == [1]
    assert len(list(tmp_path.iterdir())) == LedgerUpkeep.objects.count() == 1


def test_the_worker_does_it_when_it_begins_and_once_a_day(alice, monkeypatch):
    housekeeping._last_time.clear()
    assert housekeeping.keep_house in worker._JOBS
    for hours, left in ((0, 0), (23, 1), (25, 0)):
        SeenLogoutToken.objects.update_or_create(key="k", defaults={"expires_at": ago(1)})
        moment = time.monotonic() + hours * 60 * 60
        monkeypatch.setattr(housekeeping.time, "monotonic", lambda moment=moment: moment)
        housekeeping.keep_house()
        assert SeenLogoutToken.objects.count() == left
    housekeeping._last_time.clear()
