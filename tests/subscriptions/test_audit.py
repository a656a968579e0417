"""The audit trail: everybody's renames for those who may read them, by subscription, person and date; its exports."""

import csv
import json
import uuid
from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db.models import QuerySet

from subscriptions import ledger
from subscriptions.ledger import Finding, State, Wish
from subscriptions.models import Rename
from tests.conftest import person, sign_in

from .pages import words

pytestmark = pytest.mark.django_db(transaction=True)  # an intent is committed by itself
AUDIT = "/subscriptions/audit/"


def renamed(user, wanted, *, id="s-1", seen="Old", day=None):
    row = ledger.open_rename(user and user.grant, Wish(id, wanted, uuid.uuid4()), seen)
    ledger.record(row, Finding(State.CONFIRMED, is_observed=True, name=wanted))
    if day:
        QuerySet(Rename).filter(pk=row.pk).update(created=day)
    return row


@pytest.fixture
def trail(alice, bob):
    """Two renames of Alice's, one of Bob's, one of somebody deleted, one of the portal's own."""
    renamed(alice, "Shop")
    renamed(alice, "=cmd|' /C calc'!A0", id="s-2")
    renamed(bob, "Blog", day=datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC))
    carol = person("carol")
    renamed(carol, "Gone", id="s-3")
    carol.delete()
    ledger_of_the_portal = Wish("s-4", "By the portal", uuid.uuid4())
    ledger.open_rename(None, ledger_of_the_portal, "x")


@pytest.fixture
def auditor(client, db):
    user = person("erin")
    user.user_permissions.add(Permission.objects.get(codename="read_audit"))
    sign_in(client, user)
    return client


def found(page):
    return {name for name in ("Shop", "=cmd", "Blog", "Gone", "By the portal") if name in words(page)}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"Shop", "=cmd", "Blog", "Gone", "By the portal"}),
        ("subscription=s-1", {"Shop", "Blog"}),
        ("person=alice", {"Shop", "=cmd"}),
        ("person=sub-carol", {"Gone"}),
        ("person=nobody", set()),
        ("since=2026-01-31&until=2026-01-31", {"Blog"}),
        ("until=2026-01-30", set()),
        ("until=9999-12-31&since=0001-01-01&person=bob", {"Blog"}),
        ("since=2026-02-01&person=bob", set()),
        ("since=yesterday", set()),
        ("subscription=%00", set()),
        ("person=alice&page=99", {"Shop", "=cmd"}),
    ],
)
def test_it_finds_by_subscription_person_and_date(auditor, trail, query, expected):
    page = auditor.get(f"{AUDIT}?{query}")
    assert page.status_code == 200
    assert found(page) == expected


def test_exports_hold_everything_that_is_found_run_no_formula_and_are_themselves_noted(auditor, trail, caplog):
    table = auditor.get(f"{AUDIT}export.csv?person=alice")
    assert table.streaming
    rows = list(csv.DictReader(table.getvalue().decode("utf-8-sig").splitlines()))
    assert {(row["person"], row["subject"]) for row in rows} == {("alice", "sub-alice")}
    assert sorted(row["nameWanted"] for row in rows) == ["'=cmd|' /C calc'!A0", "Shop"]
    everything = json.loads(auditor.get(f"{AUDIT}export.json").getvalue())
    assert len(everything) == 5
    assert {each["person"] for each in everything} == {"alice", "bob", None}
    notes = LogEntry.objects.order_by("action_time").values_list("user__username", "object_repr", "change_message")
    assert list(notes) == [
        ("erin", "the audit trail", "Exported: csv, person=alice"),
        ("erin", "the audit trail", "Exported: json, everything"),
    ]
    assert caplog.text.count("Audit trail exported") == 2


def test_only_who_may_read_it_gets_it_and_a_wrong_date_exports_nothing(client, alice, trail, auditor):
    assert auditor.get(f"{AUDIT}export.json?since=soon").getvalue() == b"[]\n"
    sign_in(client, alice)
    for path in (AUDIT, f"{AUDIT}export.csv", f"{AUDIT}export.json"):
        refused = client.get(path)
        assert refused.status_code == 403
        assert "Your role in this portal does not include this" in words(refused)
        assert "Blog" not in words(refused)
        assert client.post(path).status_code == 405
    assert LogEntry.objects.count() == 1


def test_a_page_costs_as_many_queries_for_fifty_renames_as_for_one(auditor, alice, django_assert_max_num_queries):
    for number in range(55):
        renamed(alice, f"Name {number}")
    with django_assert_max_num_queries(16):
        page = auditor.get(AUDIT)
    assert "1–50 of 55" in words(page)
    assert "51–55 of 55" in words(auditor.get(f"{AUDIT}?page=2"))
