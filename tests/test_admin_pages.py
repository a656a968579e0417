"""Every registered page of the administration opens, is searched and is exported from, and none holds a secret."""

import csv
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from aosportal.operations.heartbeat import Heart
from aosportal.operations.models import Conditions
from aosportal.passport.models import Admission, Grant, PendingRevocation
from aosportal.passport.roles import make_groups
from subscriptions import batches, ledger
from subscriptions.ledger import Finding, State, Wish
from subscriptions.models import Gate, Rename
from subscriptions.planning import PlannedRow
from tests.conftest import browser, person, sign_in
from tests.subscriptions.pages import words
from tests.test_canary import found_in

pytestmark = pytest.mark.django_db(transaction=True)  # an intent is committed by itself
LOCAL = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def office(admin_user, settings):
    settings.AUTHENTICATION_BACKENDS = [settings.AUTHENTICATION_BACKENDS[0], LOCAL]
    client = browser()
    client.force_login(admin_user, backend=LOCAL)
    return client


def renamed(user, wanted="=New", seen="Old"):
    row = ledger.open_rename(user.grant, Wish("s-1", wanted, uuid.uuid4()), seen)
    ledger.record(row, Finding(State.CONFIRMED, is_observed=True, name=wanted))
    return row


def one_of_each(user):
    """A row of everything that is registered."""
    renamed(user)
    batches.plan(user.grant, [PlannedRow("s-1", "Old", "New")])
    Admission.objects.create(user=user)
    user.recent_failures.create(service="APS", kind="unavailable", request_id="request-7")
    Conditions(announcement="Hello").save()
    LogEntry.objects.create(user_id=user.pk, object_repr="x", action_flag=2)


def pages_of(model, site):
    base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    listing = reverse(f"{base}_changelist")
    yield listing
    if site.search_fields:
        yield f"{listing}?q=alice"
    if site.date_hierarchy:
        now = timezone.now()
        yield f"{listing}?{site.date_hierarchy}__year={now.year}&{site.date_hierarchy}__month={now.month}"
    for row in model.objects.all()[:3]:
        yield reverse(f"{base}_change", args=[row.pk])
        yield reverse(f"{base}_history", args=[row.pk])


def exports_of(office, model, site):
    """What the actions of this page that export give."""
    listing = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for action in site.actions or ():
        if action.startswith("export"):
            form = {"action": action, "_selected_action": [row.pk for row in model.objects.all()]}
            yield office.post(listing, form).getvalue().decode()


def test_a01_d16_every_page_opens_searches_and_exports_and_holds_no_secret(aps, office, client, settings):
    aps.sign_in(client)
    alice = User.objects.get(username="alice")
    alice.grant = Grant.objects.get()
    one_of_each(alice)
    make_groups()
    secrets = [settings.SECRET_KEY, settings.SOCIAL_AUTH_APS_SECRET, "gAAAA", client.session.session_key]
    secrets += [alice.grant.token(name).reveal() for name in ("access_token", "refresh_token", "id_token")]
    opened, exported = 0, 0
    for model, site in admin.site._registry.items():
        assert model.objects.exists() or model is Admission, model
        texts = []
        for page in pages_of(model, site):
            response = office.get(page)
            assert response.status_code == 200, page
            texts.append(response.content.decode())
        opened += len(texts)
        exports = list(exports_of(office, model, site))
        exported += len(exports)
        for text in texts + exports:
            assert found_in(text) == [], model
            assert [secret for secret in secrets if secret in text] == [], model
    assert {model._meta.model_name for model in admin.site._registry} == {
        "group", "user", "grant", "rename", "batch", "conditions", "logentry",
    }  # fmt: skip
    assert (opened > 25, exported) == (True, 2)


def test_the_front_page_tells_whether_it_is_well(office, alice, bob, settings):
    well = words(office.get("/admin/"))
    assert "People signed in 2" in well
    assert "Grants active: 2, ended: 0" in well
    assert "Renames today none" in well
    assert "Change freeze open for changes yes" in well
    assert "Workers none: start make worker no" in well

    Heart().beat()
    renamed(alice)
    ledger.open_rename(alice.grant, Wish("s-2", "New", uuid.uuid4()), "Old")
    bob.grant.end("signed out")
    alice.recent_failures.create(service="APS", kind="unavailable", request_id="request-7")
    Gate.objects.create(service="AOS", closed_until=timezone.now() + timedelta(minutes=5))
    PendingRevocation.objects.create(token="x", hint="refresh_token", grant_id=uuid.uuid4())
    Conditions(is_read_only=True, reason="Year's end").save()
    page = words(office.get("/admin/"))
    for text in (
        "People signed in 1",
        "Grants active: 1, ended: 1",
        "Renames today confirmed: 1, pending: 1",
        "Renames not known yet 1, being looked for",
        "failures in 24 hours: 1, the last: unavailable,",
        "request request-7 no",
        "AOS asked not to be called until",
        "1 waiting",
        "Workers 1, the latest sign of life:",
        "READ-ONLY: nothing is renamed. Year's end no",
    ):
        assert text in page, text


def test_a_person_is_seen_with_their_sessions_and_failures_and_ended_in_one_action(aps, office, client):
    aps.sign_in(client)
    alice = User.objects.get(username="alice")
    alice.recent_failures.create(service="AOS", kind="busy", request_id="request-9")
    listed = words(office.get("/admin/auth/user/"))
    assert "AOS busy, request request-9" in listed
    page = words(office.get(f"/admin/auth/user/{alice.pk}/change/"))
    for text in ("openid profile email offline_access", "request-9", "never the tokens"):
        assert text in page

    answer = office.post("/admin/auth/user/", {"action": "end_sessions", "_selected_action": [alice.pk]}, follow=True)
    assert "Sessions ended: 1." in words(answer)
    grant = Grant.objects.get()
    assert (grant.status, grant.access_token, grant.refresh_token, grant.id_token) == ("ended", "", "", "")
    assert len(aps.revoked) == 2
    assert client.get("/subscriptions/")["Location"].startswith("/login/")
    notes = LogEntry.objects.filter(object_id=alice.pk).values_list("change_message", flat=True)
    assert list(notes) == ["Sessions ended, tokens revoked and deleted."]


def test_the_ledger_is_read_only_and_its_export_runs_no_formula_and_is_noted(office, alice):
    row = renamed(alice)
    change = reverse("admin:subscriptions_rename_change", args=[row.pk])
    listing = reverse("admin:subscriptions_rename_changelist")
    assert 'name="_save"' not in office.get(change).content.decode()
    assert office.post(change, {"name_wanted": "x"}).status_code == 403
    assert (
        office.post(listing, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}).status_code
        == 302
    )
    assert Rename.objects.count() == 1
    assert "1 rename" in words(office.get(f"{listing}?state=confirmed"))
    assert "0 renames" in words(office.get(f"{listing}?state=unknown"))

    table = office.post(listing, {"action": "export_csv", "_selected_action": [row.pk]})
    (exported,) = csv.DictReader(table.getvalue().decode("utf-8-sig").splitlines())
    assert (exported["nameWanted"], exported["person"], exported["state"]) == ("'=New", "alice", "confirmed")
    assert LogEntry.objects.get().change_message == "Exported: csv, from the administration"


def test_a_freeze_is_declared_here_and_noted(office, admin_user):
    add = reverse("admin:operations_conditions_add")
    form = {"is_read_only": "on", "reason": "Year's end", "announcement": ""}
    times = {"announced_from": "2026-11-24T10:30", "announced_until": ""}
    assert office.post(add, {**form, **times}).status_code == 302
    assert Conditions.now().is_read_only
    assert Conditions.now().announced_from == datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
    assert LogEntry.objects.get().user == admin_user
    assert office.get(add).status_code == 403  # one is enough
    assert "Read-only for now" in words(office.get("/nowhere"))


def test_people_without_permission_get_a_plain_no(alice, client, office):
    one_of_each(alice)
    sign_in(client, alice)
    for staff in (False, True):
        User.objects.filter(pk=alice.pk).update(is_staff=staff)
        for model in admin.site._registry:
            listing = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            assert client.get(listing, follow=True).status_code == 403, (staff, model)
            assert client.post(listing, {"action": "export_csv"}, follow=True).status_code == 403, (staff, model)
    assert "People signed in" not in words(client.get("/admin/"))


def test_administrators_look_at_everything_give_roles_and_make_no_superuser(alice, bob, admin_user, client):
    make_groups()
    one_of_each(alice)
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    alice.groups.add(Group.objects.get(name="Administrators"))
    sign_in(client, alice)
    for model in admin.site._registry:
        listing = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert client.get(listing).status_code == 200, model
    assert "People signed in" in words(client.get("/admin/"))
    page = f"/admin/auth/user/{bob.pk}/change/"
    form = {"username": "bob", "is_active": "on", "is_staff": "on", "is_superuser": "on", "user_permissions": ["1"]}
    form |= {"groups": [Group.objects.get(name="Auditors").pk], "date_joined_0": "2026-01-01", "date_joined_1": "00:00"}
    for inline in ("grants", "recent_failures"):
        form |= {f"{inline}-TOTAL_FORMS": "0", f"{inline}-INITIAL_FORMS": "0"}
    assert client.post(page, form).status_code == 302
    bob.refresh_from_db()
    assert (bob.is_staff, bob.is_superuser, bob.user_permissions.count()) == (True, False, 0)
    assert [group.name for group in bob.groups.all()] == ["Auditors"]

    page = f"/admin/auth/user/{admin_user.pk}/"
    assert client.post(f"{page}change/", form).status_code == 403
    assert client.post(f"{page}password/", {"password1": "x", "password2": "x"}).status_code == 403
    alice.user_permissions.add(Permission.objects.get(codename="delete_user"))
    assert client.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    admin_user.refresh_from_db()
    assert admin_user.is_superuser


def test_no_address_tells_a_stored_token_letter_by_letter(office, alice):
    grants = reverse("admin:passport_grant_changelist")
    for column in ("access_token", "refresh_token", "id_token"):
        assert office.get(f"{grants}?{column}__startswith=g").status_code == 400, column


def test_lists_cost_as_many_queries_for_many_as_for_one(office, alice):
    one_of_each(alice)
    pages = {}
    for step in (1, 2):
        for model in admin.site._registry:
            listing = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert office.get(listing).status_code == 200
            pages.setdefault(model._meta.model_name, []).append(len(queries))
        with CaptureQueriesContext(connection) as queries:
            office.get("/admin/")
        pages.setdefault("front", []).append(len(queries))
        if step == 1:
            for number in range(8):
                one_of_each_again(person(f"person-{number}"))
    assert {name: counts for name, counts in pages.items() if counts[1] > counts[0] + 1 or counts[1] > 30} == {}


def one_of_each_again(user):
    renamed(user)
    batches.plan(user.grant, [PlannedRow("s-1", "Old", "New")])
    user.recent_failures.create(service="APS", kind="unavailable", request_id="request-7")
    LogEntry.objects.create(user_id=user.pk, object_repr="x", action_flag=2)


def test_a_break_glass_superuser_is_made_by_command_and_signs_in_with_a_password(client, settings, monkeypatch):
    from django.core.management import call_command

    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a long enough password")
    call_command("createsuperuser", interactive=False, username="glass", email="", verbosity=0)
    form = {"username": "glass", "password": "a long enough password", "next": "/admin/"}
    assert client.post("/admin/login/", form)["Location"].startswith("/login/")  # LOCAL_ADMIN is off
    assert client.get("/admin/").status_code == 302

    settings.LOCAL_ADMIN = True
    settings.AUTHENTICATION_BACKENDS = [settings.AUTHENTICATION_BACKENDS[0], LOCAL]
    assert client.post("/admin/login/", form)["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
