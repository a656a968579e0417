"""The history: what a person renamed through this portal, with its outcome, on pages and in files. Theirs alone."""

import csv
import io
import json
import re

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from subscriptions import history, ledger
from subscriptions.answers import Receipt
from subscriptions.ledger import Finding, State
from subscriptions.models import Rename, RenameEvent
from tests.conftest import browser, grant_of, sign_in

from .ledgers import intended
from .pages import words

pytestmark = pytest.mark.django_db
HISTORY = "/subscriptions/renames/"


def ended(grant, wanted="New", state=State.CONFIRMED, *, shows=None, reason="", status=200, **fields):
    """A rename that ended so."""
    row = intended(grant, wanted, **fields)
    receipt = Receipt(status, "aos-17", "ours-4")
    is_observed = state == State.CONFIRMED or shows is not None
    name = shows or (wanted if is_observed else None)
    ledger.record(row, Finding(state, is_observed=is_observed, name=name, reason=reason, receipt=receipt))
    return row


def rows(page):
    """The words of each row of the table."""
    found = re.findall(r"<tr.*?</tr>", page.content.decode(), flags=re.S)[1:]
    return [" ".join(re.sub(r"<[^>]+>", "", each).split()) for each in found]


def exported(client, kind, query=""):
    """The rows of an export, as somebody who reads the file gets them."""
    text = client.get(f"{HISTORY}export.{kind}{query}").getvalue().decode()
    return json.loads(text) if kind == "json" else list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def wanted_in(client, query=""):
    """The wanted names that the page and both files have, which must agree."""
    files = [[row["nameWanted"] for row in exported(client, kind, query)] for kind in ("csv", "json")]
    assert files[0] == files[1]
    assert len(rows(client.get(f"{HISTORY}{query}"))) == len(files[0])
    return files[0]


def test_it_says_what_it_knows_and_that_it_knows_no_more(hers, alice):
    text = "Only what you renamed in this portal. Changes made elsewhere are not known here."
    assert text in words(hers.get(HISTORY))
    assert "Nothing renamed yet" in words(hers.get(HISTORY))
    ended(alice.grant)
    page = words(hers.get(HISTORY))
    assert text in page
    assert "Nothing renamed yet" not in page


@pytest.mark.parametrize(
    ("state", "facts", "said"),
    [
        (State.CONFIRMED, {}, "Done"),
        (State.CONFIRMED, {"shows": "NEW"}, "Done AOS showed NEW"),
        (State.REJECTED, {"status": 422}, "Refused by AOS"),
        (State.CONFLICTED, {"shows": "Theirs"}, "Changed by somebody else AOS showed Theirs"),
        (State.CONFLICTED, {"reason": "not-there"}, "Cannot be known: no longer there"),
        (State.NOT_DONE, {"shows": "Old name"}, "Not done"),
        (State.UNKNOWN, {}, "Not known yet, being checked"),
    ],
)
def test_each_outcome_has_its_own_word_and_what_aos_said(hers, alice, state, facts, said):
    ended(alice.grant, state=state, **facts)
    (row,) = rows(hers.get(HISTORY))
    assert row.startswith("New was Old name " + said)
    assert f"AOS answered {facts.get('status', 200)}" in row
    for each in ("aos-17", "ours-4", "Pending", "s-1"):
        assert each in row
    assert ("AOS showed" in row) == ("AOS showed" in said)


def test_a_rename_that_nobody_has_looked_at_is_being_checked(hers, alice):
    intended(alice.grant, seen=None)
    (row,) = rows(hers.get(HISTORY))
    assert row.startswith("New was unnamed Not known yet, being checked")


def test_newest_first_and_per_subscription(hers, alice):
    for seconds, name, which in ((30, "First", "s-1"), (20, "Other", "s-2"), (10, "Last", "s-1")):
        ended(alice.grant, name, id=which, seconds_ago=seconds)
    assert wanted_in(hers) == ["Last", "Other", "First"]
    assert wanted_in(hers, "?subscription=s-1") == ["Last", "First"]
    page = hers.get(f"{HISTORY}?subscription=s-1").content.decode()
    for link in ("export.csv?subscription=s-1", "export.json?subscription=s-1", 'href="/subscriptions/renames/"'):
        assert link in page
    assert f"{HISTORY}?subscription=s-2" in hers.get(HISTORY).content.decode()
    for none in ("?subscription=s-3", "?subscription=s", "?subscription=%00s-1x", f"?subscription={'x' * 999}"):
        assert wanted_in(hers, none) == []


def test_d01_another_persons_renames_are_in_no_page_and_no_file(hers, alice, bob):
    ended(alice.grant, "Hers")
    ended(bob.grant, "His")
    row = intended(None, "The portal's own", seconds_ago=5)
    assert row.user is None
    his = browser()
    sign_in(his, bob)
    for client, name in ((hers, "Hers"), (his, "His")):
        assert wanted_in(client) == wanted_in(client, "?subscription=s-1") == [name]
    for path in (HISTORY, f"{HISTORY}export.csv", f"{HISTORY}export.json"):
        assert browser().get(path)["Location"].startswith("/login/?next=")


def test_it_stays_across_sign_ins_and_grants(hers, alice):
    ended(alice.grant)
    alice.grant.end("signed out")
    alice.grant = grant_of(alice, "another")
    sign_in(hers, alice)
    assert wanted_in(hers) == ["New"]


def test_pages_hold_all_rows_once_and_keep_the_subscription(hers, alice, monkeypatch):
    monkeypatch.setattr(history, "_ROWS", 2)
    for number in range(5):
        ended(alice.grant, f"Name {number}", seconds_ago=10 * number)
    ended(alice.grant, "Elsewhere", id="s-2", seconds_ago=990)
    path, seen = f"{HISTORY}?subscription=s-1", []
    while path:
        page = hers.get(path)
        seen += [row.split(" was")[0] for row in rows(page)]
        older = re.search(r'href="([^"]+)">Older', page.content.decode())
        path = older and HISTORY + older[1].replace("&amp;", "&")
    assert seen == [f"Name {number}" for number in range(5)]
    assert "5–5 of 5" in words(page)
    assert "Newer" in words(page)
    assert rows(hers.get(f"{HISTORY}?page=nonsense")) == rows(hers.get(HISTORY))
    assert rows(hers.get(f"{HISTORY}?page=99")) == rows(hers.get(f"{HISTORY}?page=3"))
    assert len(exported(hers, "csv")) == 6  # a file has no pages


def test_a_file_has_every_fact(hers, alice):
    row = ended(alice.grant, state=State.CONFLICTED, shows="Theirs", status=409)
    (fact,) = exported(hers, "json")
    assert fact == {
        "id": str(row.pk),
        "when": row.created.isoformat(),
        "subscription": "s-1",
        "nameBefore": "Old name",
        "nameWanted": "New",
        "state": "conflicted",
        "nameAfterwards": "Theirs",
        "status": 409,
        "correlationId": "aos-17",
        "requestId": "ours-4",
    }
    (line,) = exported(hers, "csv")
    assert line == {key: str(value) for key, value in fact.items()}


def test_what_is_not_known_is_null_and_an_empty_cell(hers, alice):
    intended(alice.grant, seen=None)
    (fact,), (line,) = exported(hers, "json"), exported(hers, "csv")
    assert [fact[key] for key in ("nameBefore", "nameAfterwards", "status")] == [None] * 3
    assert [line[key] for key in ("nameBefore", "nameAfterwards", "status")] == [""] * 3


def test_d20_no_cell_is_a_formula_and_json_is_as_it_was(hers, alice):
    """The names, and what AOS calls its own id of an answer."""
    row = intended(alice.grant, "=1+1", seen="@SUM(A1)")
    receipt = Receipt(200, "+cmd", "-2")
    ledger.record(row, Finding(State.CONFIRMED, is_observed=True, name="\t=x", receipt=receipt))
    keys = ("nameBefore", "nameWanted", "nameAfterwards", "correlationId", "requestId")
    assert [exported(hers, "csv")[0][key] for key in keys] == ["'@SUM(A1)", "'=1+1", "'\t=x", "'+cmd", "'-2"]
    assert [exported(hers, "json")[0][key] for key in keys] == ["@SUM(A1)", "=1+1", "\t=x", "+cmd", "-2"]


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_file_is_dated_and_nobody_stores_it(hers, alice, kind):
    ended(alice.grant)
    response = hers.get(f"{HISTORY}export.{kind}")
    assert response["Content-Disposition"] == f'attachment; filename="renames-{timezone.now():%Y-%m-%d}.{kind}"'
    assert "no-store" in response["Cache-Control"]
    assert hers.post(f"{HISTORY}export.{kind}").status_code == hers.post(HISTORY).status_code == 405


def test_the_last_event_counts_in_whatever_order_the_database_has_them(hers, alice):
    """PostgreSQL puts a row where there is room, and gives rows as they lie there."""
    row = intended(alice.grant)
    QuerySet(RenameEvent).filter(rename=row).update(number=2, state="confirmed", status=200, is_observed=True)
    RenameEvent(rename=row, number=1, state=State.PENDING).save()
    (fact,) = exported(hers, "json")
    assert (fact["state"], fact["status"]) == ("confirmed", 200)
    (text,) = rows(hers.get(HISTORY))
    assert text.index("Pending") < text.index("Confirmed, AOS answered 200")


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "{{7777*11}}", '"><img src=x>', "a\0b", "\u202eevil"])
def test_d19_odd_names_are_text(hers, alice, name):
    ended(alice.grant, name, seen=name + "!", shows=name + "?")
    page = hers.get(HISTORY).content.decode()
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "85547" not in words(hers.get(HISTORY))
    (fact,) = exported(hers, "json")
    assert (fact["nameBefore"], fact["nameWanted"], fact["nameAfterwards"]) == (name + "!", name, name + "?")


def test_undo_is_offered_for_what_was_done_and_no_other(hers, alice):
    """What happens when it is pressed is in test_undo."""
    done = ended(alice.grant, id="s-1")
    ended(alice.grant, id="s-2", state=State.CONFLICTED, shows="Theirs")
    ended(alice.grant, id="s-3", state=State.NOT_DONE, shows="Old name")
    ended(alice.grant, id="s-4", state=State.UNKNOWN, shows="Old name")
    ended(alice.grant, id="s-5", seen=None)
    hers.get(HISTORY)  # tells them, with an Undo of its own
    assert re.findall(r"/renames/([^/]+)/undo/", hers.get(HISTORY).content.decode()) == [str(done.pk)]
    assert Rename.objects.count() == 5
