"""Who may do what: by Django permission, by claim of APS, and by the change freeze. Through the pages."""

import re

import pytest
from django.contrib.auth.models import Group, Permission, User

from aosportal.operations.models import Conditions
from aosportal.passport.models import Grant
from aosportal.passport.roles import make_groups
from subscriptions import batches, batching
from subscriptions.models import Batch, Rename
from subscriptions.planning import PlannedRow
from tests.conftest import browser, sign_in
from tests.subscriptions.fake_aos import FakeAOS, item
from tests.subscriptions.pages import LIST, RENAME, field, save, send, words

MANY = "/subscriptions/rename-many/"


@pytest.fixture
def aos(wire):
    return FakeAOS(wire)


@pytest.fixture
def hers(client, alice, aos):
    aos.items["alice-token"] = [item(), item("s-2", "Other")]
    sign_in(client, alice)
    return client


@pytest.fixture
def assigned(settings, db):
    """Roles are assigned, and the groups are there, as `migrate` makes them."""
    settings.ROLES = "assigned"
    make_groups()


def put_into(user, *groups):
    user.groups.set(Group.objects.filter(name__in=groups))


def freeze(**more):
    Conditions(is_read_only=True, reason="Closing of the year, until Monday.", **more).save()


def controls(page):
    """What a page offers of renaming."""
    text = page.content.decode()
    marks = {"rename": "data-rename", "tick": "tick-row", "many": 'id="many"', "undo": "/undo/"}
    return {name for name, mark in marks.items() if mark in text}


def test_an_installation_that_sets_nothing_lets_each_admitted_person_rename_one_and_many(hers):
    assert controls(hers.get(LIST)) == {"rename", "tick", "many"}
    assert save(hers, "New").status_code == 302
    assert hers.get(MANY).status_code == 200
    assert hers.get("/subscriptions/audit/").status_code == 403
    assert "Audit" not in words(hers.get(LIST))


def test_without_the_permission_to_use_it_nobody_comes_in_or_stays(assigned, hers, aps, alice):
    assert hers.get(LIST)["Location"].startswith("/login/")
    assert Grant.objects.get(user=alice).status == "ended"
    refused = aps.sign_in(browser())
    assert refused.status_code == 403
    assert "This account may not use the portal" in words(refused)
    assert len(aps.revoked) == 4


def test_a_reader_sees_the_list_and_no_control_that_changes(assigned, hers, alice, aos):
    put_into(alice, "Portal users")
    assert controls(hers.get(LIST)) == set()
    for path in (RENAME, MANY, f"{MANY}?all=1", f"{MANY}list.csv"):
        refused = hers.get(path)
        assert refused.status_code == 403, path
        assert "Your role in this portal does not include this" in words(refused)
        assert "See all subscriptions" in words(refused)
    answer = hers.post(RENAME, {"display_name": "Typed", "seen": "x"})
    assert answer.status_code == 403
    assert field(answer, "display_name") == "Typed"
    answer = hers.post(MANY, {"plan": "edit", "ids": "s-1", "front": "Typed "})
    assert answer.status_code == 403
    assert 'value="Typed "' in answer.content.decode()
    assert (aos.sent, Rename.objects.count(), Batch.objects.count()) == ([], 0, 0)


def test_a_renamer_renames_one_and_not_many(assigned, hers, alice, aos):
    put_into(alice, "Renamers")
    assert controls(hers.get(LIST)) == {"rename"}
    assert save(hers, "New").status_code == 302
    assert hers.get(MANY).status_code == 403
    put_into(alice, "Bulk renamers")
    assert controls(hers.get(LIST)) == {"rename", "tick", "many"}
    assert hers.get(MANY).status_code == 200


def test_who_may_no_longer_rename_cannot_undo(assigned, hers, alice, aos):
    put_into(alice, "Renamers")
    save(hers, "New")
    row = Rename.objects.get()
    hers.get(LIST)
    assert "undo" in controls(hers.get("/subscriptions/renames/"))
    put_into(alice, "Portal users")
    history = hers.get("/subscriptions/renames/")
    assert controls(history) == set()
    assert "New" in words(history)
    for answer in (
        hers.post(f"/subscriptions/renames/{row.pk}/undo/"),
        hers.get(f"/subscriptions/renames/{row.pk}/undo/"),
    ):
        assert answer.status_code == 403
        assert "Your role in this portal does not include this" in words(answer)
        assert "Try again" not in words(answer)
    assert len(aos.sent) == 1


def planned(alice):
    rows = [PlannedRow("s-1", "Old name", "New"), PlannedRow("s-2", "Other", "Newer")]
    return batches.plan(alice.grant, rows)


def stands(batch):
    batch.refresh_from_db()
    return batch.state, batch.trouble


@pytest.mark.django_db(transaction=True)
def test_a_batch_pauses_when_its_owner_loses_the_permission_and_goes_on_when_they_say_so(assigned, hers, alice, aos):
    put_into(alice, "Bulk renamers")
    batch = planned(alice)
    page = f"{MANY}{batch.pk}/"
    assert hers.post(page, {"do": "confirm", "shown": "1 2", "row": ["1", "2"]}).status_code == 302
    aos.on_put = lambda: put_into(alice, "Renamers")  # while the first row is sent
    batching.run_batches.call()
    assert stands(batch) == ("paused", "not-permitted")
    assert len(aos.sent) == 1
    told = hers.get(page)
    assert "no longer includes renaming many" in words(told)
    assert 'value="continue"' not in told.content.decode()
    assert hers.post(page, {"do": "continue"}).status_code == 403
    assert stands(batch) == ("paused", "not-permitted")

    put_into(alice, "Bulk renamers")
    aos.on_put = lambda: None
    assert 'value="continue"' in hers.get(page).content.decode()
    assert hers.post(page, {"do": "continue"}).status_code == 302
    batching.run_batches.call()
    assert stands(batch) == ("done", "")
    assert len(aos.sent) == 2


@pytest.fixture(autouse=True)
def one_call_at_a_time(settings):
    settings.BATCH_CALLS = 1


@pytest.mark.django_db(transaction=True)
def test_in_a_change_freeze_everything_reads_and_nothing_is_renamed(hers, alice, aos):
    opened = hers.get(RENAME)
    save(hers, "Before")
    running, waiting = planned(alice), planned(alice)
    hers.post(f"{MANY}{running.pk}/", {"do": "confirm", "shown": "1 2", "row": ["1", "2"]})
    freeze()
    batching.run_batches.call()

    assert stands(running) == ("paused", "frozen")
    listed = hers.get(LIST)
    assert (listed.status_code, controls(listed)) == (200, set())
    assert "Read-only for now: nothing can be renamed. Closing of the year, until Monday." in words(listed)
    for page in ("/subscriptions/renames/", "/subscriptions/export.csv", f"{MANY}{running.pk}/", "/account/"):
        assert hers.get(page).status_code == 200
    answer = send(hers, opened, "Typed")
    assert answer.status_code == 503
    assert field(answer, "display_name") == "Typed"
    assert "Closing of the year" in words(answer)
    row = Rename.objects.latest("created")
    for page, form in (
        (f"/subscriptions/renames/{row.pk}/undo/", {}),
        (f"{MANY}{running.pk}/", {"do": "continue"}),
        (f"{MANY}{waiting.pk}/", {"do": "confirm", "shown": "1 2", "row": ["1"]}),
    ):
        assert hers.post(page, form).status_code == 503
    assert batches.to_send(waiting).count() == 1  # the ticks are kept
    assert len(aos.sent) == 1

    Conditions.objects.update(is_read_only=False)
    assert send(hers, opened, "Typed").status_code in (302, 409)
    assert hers.post(f"{MANY}{running.pk}/", {"do": "continue"}).status_code == 302


def test_what_fails_by_our_own_rules_is_no_failure_of_aos(hers, alice):
    freeze()
    hers.get(RENAME)
    assert alice.recent_failures.count() == 0


@pytest.mark.parametrize(
    ("times", "is_shown"),
    [({}, True), ({"announced_from": "2999-01-01T00:00Z"}, False), ({"announced_until": "2020-01-01T00:00Z"}, False)],
)
def test_an_announcement_is_plain_text_on_every_page_while_its_time_is(client, db, times, is_shown):
    Conditions(announcement="Maintenance <b>on</b> Sunday", **times).save()
    for path in ("/", "/login/", "/signed-out/", "/nowhere"):
        page = client.get(path).content.decode()
        assert ("Maintenance &lt;b&gt;on&lt;/b&gt; Sunday" in page) == is_shown, path


def test_name_help_and_privacy_stand_on_every_page_also_of_trouble(hers, settings, client):
    settings.PRODUCT_NAME, settings.SUPPORT_URL = "Names & Co", "mailto:help@corp.test"
    settings.PRIVACY_URL = "https://corp.test/privacy"
    pages = [hers.get(path) for path in (LIST, RENAME, "/account/", "/nowhere", "/subscriptions/nothing/rename/")]
    pages += [browser().get("/"), browser().get("/", SERVER_NAME="elsewhere.test")]
    assert [page.status_code for page in pages] == [200, 200, 200, 404, 404, 200, 400]
    for page in pages:
        text = page.content.decode()
        assert "Names &amp; Co" in text
        assert "AOS Portal" not in text
        assert 'href="mailto:help@corp.test"' in text
        assert 'href="https://corp.test/privacy"' in text
    assert "Get help" in words(pages[3])
    assert "Get help" in words(pages[6])


# --- By claim of APS


@pytest.fixture
def by_claim(settings, db):
    make_groups()
    settings.APS_GROUP_CLAIM = "roles"
    settings.APS_GROUPS = {"portal-admins": "Administrators", "portal-audit": "Auditors", "typo": "No such group"}


def groups_of(name):
    return sorted(User.objects.get(username=name).groups.values_list("name", flat=True))


def is_staff(name):
    return User.objects.get(username=name).is_staff


def test_groups_come_and_go_with_the_claim_and_nothing_else_does(by_claim, aps, client):
    aps.claims = {"roles": ["portal-audit", "somebody-elses", "typo", 7, None]}
    aps.sign_in(client)
    assert (groups_of("alice"), is_staff("alice")) == (["Auditors"], False)
    assert client.get("/subscriptions/audit/").status_code == 200
    User.objects.get().groups.add(Group.objects.get(name="Renamers"))  # by hand

    aps.claims = {"roles": "portal-admins"}  # a text instead of a list
    aps.sign_in(client)
    assert (groups_of("alice"), is_staff("alice")) == (["Administrators", "Renamers"], True)
    assert client.get("/admin/").status_code == 200

    aps.claims = {}
    aps.sign_in(client)
    assert (groups_of("alice"), is_staff("alice")) == (["Renamers"], False)
    assert client.get("/admin/", follow=True).status_code == 403


def test_what_was_given_by_hand_stays_when_the_claim_goes(by_claim, aps, client):
    aps.sign_in(client)
    User.objects.update(is_staff=True)
    put_into(User.objects.get(), "Administrators")
    for roles in (["portal-admins"], None):
        aps.claims = {"roles": roles}
        aps.sign_in(client)
    assert (groups_of("alice"), is_staff("alice")) == (["Administrators"], True)


def test_a_group_that_was_taken_by_hand_comes_back_with_the_claim_and_goes_with_it(by_claim, aps, client):
    aps.claims = {"roles": "portal-admins"}
    aps.sign_in(client)
    User.objects.get().groups.clear()
    User.objects.update(is_staff=False)
    assert aps.sign_in(client).status_code == 302
    assert (groups_of("alice"), is_staff("alice")) == (["Administrators"], True)
    aps.claims = {}
    aps.sign_in(client)
    assert (groups_of("alice"), is_staff("alice")) == ([], False)


def test_switching_the_mapping_off_takes_away_what_it_gave(by_claim, aps, client, settings):
    aps.claims = {"roles": "portal-admins"}
    aps.sign_in(client)
    settings.APS_GROUP_CLAIM, settings.APS_GROUPS = "", {}
    aps.sign_in(client)
    assert (groups_of("alice"), is_staff("alice")) == ([], False)


def test_a_list_of_subjects_makes_staff(by_claim, aps, client, settings):
    settings.APS_GROUP_CLAIM, settings.APS_GROUPS = "sub", {"sub-alice": "Administrators"}
    aps.sign_in(client)
    assert is_staff("alice")
    aps.sign_in(browser(), person={**aps.person, "sub": "sub-mallory", "preferred_username": "sub-alice"})
    assert User.objects.filter(is_staff=True).count() == 1


def test_a_claim_is_looked_for_in_userinfo_where_the_id_token_has_none_and_the_id_token_counts(by_claim, aps, client):
    aps.userinfo = {**aps.person, "roles": ["portal-audit"]}
    aps.sign_in(client)
    assert groups_of("alice") == ["Auditors"]
    aps.claims = {"roles": []}
    aps.sign_in(client)
    assert groups_of("alice") == []


def test_a_claim_in_userinfo_of_somebody_else_gives_nothing(by_claim, aps, client):
    aps.userinfo = {"sub": "sub-mallory", "roles": ["portal-admins"]}
    assert aps.sign_in(client).status_code >= 400
    assert User.objects.count() == 0


def test_a_role_by_claim_lets_somebody_in_where_roles_are_assigned(assigned, by_claim, aps, client):
    assert aps.sign_in(client).status_code == 403
    aps.claims = {"roles": ["portal-audit"]}
    assert aps.sign_in(client).status_code == 302


def test_people_of_other_tenants_do_not_come_in_and_leave_nothing(aps, client, settings, db):
    settings.APS_TENANT_CLAIM, settings.APS_TENANTS = "tenant", ["t-1", "t-2"]
    for claim in (None, "t-3", ["t-3"], {"t-1": 1}, "t-1 t-2"):
        aps.claims = {"tenant": claim}
        refused = aps.sign_in(client)
        assert refused.status_code == 403
        assert "This account may not use the portal" in words(refused)
    assert (User.objects.count(), Grant.objects.count(), len(aps.revoked)) == (0, 0, 10)
    for claim in ("t-1", ["t-3", "t-2"]):
        aps.claims = {"tenant": claim}
        assert aps.sign_in(client).status_code == 302


def test_the_ready_made_groups_are_left_as_an_administrator_has_changed_them(db):
    make_groups()
    Group.objects.get(name="Renamers").permissions.clear()
    Group.objects.filter(name="Auditors").delete()
    make_groups()
    assert Group.objects.get(name="Renamers").permissions.count() == 0
    audits = Permission.objects.filter(group__name="Auditors").values_list("codename", flat=True)
    assert sorted(audits) == ["read_audit", "use_portal"]


def test_a_refused_permission_is_one_event(assigned, hers, alice, caplog):
    put_into(alice, "Portal users")
    hers.get(RENAME)
    assert len(re.findall(rf"Refused: user {alice.pk} has no permission passport.rename", caplog.text)) == 1
