"""The list that is kept: who gets it, for how long, and when it must be gone."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as portal
from django.db import OperationalError, connection
from django.utils import timezone

from aosportal.passport import people
from aosportal.passport.models import Grant
from subscriptions import snapshots
from subscriptions.answers import Subscription
from subscriptions.models import Snapshot
from tests.conftest import browser, sign_in

from .fake_aos import Reply, item
from .pages import LIST, save, words

pytestmark = pytest.mark.django_db
OTHER_KEY = Fernet.generate_key().decode()


class Cut:
    """A database that fails for the kept lists, from the nth statement on."""

    def __init__(self, after):
        self.left = after

    def __call__(self, execute, sql, params, many, context):
        if "subscriptions_snapshot" in sql:
            self.left -= 1
            if self.left < 0:
                raise OperationalError("cut off")
        return execute(sql, params, many, context)


def back_date(**ago):
    Snapshot.objects.update(taken_at=timezone.now() - timedelta(**ago))


def test_one_reading_serves_for_a_minute(hers, aos):
    pages = [words(hers.get(LIST)) for _ in range(3)]
    assert len(aos.requests) == 1
    assert all("Old name" in page for page in pages)

    back_date(seconds=45)
    hers.get(LIST)
    assert len(aos.requests) == 1
    back_date(seconds=61)
    hers.get(LIST)
    assert len(aos.requests) == 2


def test_with_0_seconds_every_page_asks_aos(hers, aos, settings):
    settings.LIST_SECONDS = 0
    for _ in range(3):
        hers.get(LIST)
    assert len(aos.requests) == 3


@pytest.mark.parametrize("header", ["max-age=0", "no-cache", "No-Cache, foo", "foo=1,  max-age=0"])
def test_a_reload_asks_aos(hers, aos, header):
    hers.get(LIST)
    hers.get(LIST, headers={"Cache-Control": header})
    hers.get(LIST, headers={"Cache-Control": "max-age=300"})
    assert len(aos.requests) == 2


def test_refresh_asks_aos_and_leaves_a_clean_address(hers, aos):
    link = hers.get(f"{LIST}?q=old&page=1").context["refresh_url"]
    aos.gets = [Reply.of([item(name="Old, but newer")])]
    response = hers.get(link)

    assert len(aos.requests) == 2
    assert response["Location"] == f"{LIST}?q=old&page=1"
    assert "Old, but newer" in words(hers.get(response["Location"]))
    assert len(aos.requests) == 2


def test_the_first_visit_after_a_rename_shows_what_the_rename_read_at_its_end(hers, aos):
    hers.get(LIST)
    save(hers, "New name")
    before = len(aos.requests)
    assert "New name" in words(hers.get(LIST))
    assert len(aos.requests) == before


def test_the_first_visit_after_a_rename_that_is_not_known_asks_aos(hers, aos):
    hers.get(LIST)
    aos.applies, aos.confirms = False, False
    save(hers, "New name")
    before = len(aos.requests)
    hers.get(LIST)
    assert len(aos.requests) == before + 1


def test_a_rename_asks_aos_itself(hers, aos):
    hers.get(LIST)
    aos.items[next(iter(aos.items))][0]["displayName"] = "Changed by somebody else"
    assert "Changed by somebody else" in words(hers.get("/subscriptions/s-1/rename/"))


def test_a_list_that_was_being_read_when_it_was_dropped_is_not_kept(hers, aos, alice):
    def old_list():
        snapshots.drop(alice.grant)
        return Reply.of([item(name="From before a rename")])()

    for first in (False, True):
        if first:
            hers.get(LIST)
        aos.gets = [old_list]
        assert "From before" in words(hers.get(LIST, headers={"Cache-Control": "no-cache"}))
        assert "Old name" in words(hers.get(LIST))


def test_a_list_that_was_being_read_at_sign_out_is_not_kept(hers, aos, alice):
    def late():
        alice.grant.end("signed out in another tab")
        return Reply.of([item()])()

    aos.gets = [late]
    hers.get(LIST)
    assert not Snapshot.objects.exclude(sealed="").exists()


def test_a_list_that_somebody_asked_for_just_before_signing_out_is_not_kept(alice):
    Grant.objects.get(pk=alice.grant.pk).end("signed out in another tab")
    snapshots.listed(alice.grant, list)
    assert not Snapshot.objects.exclude(sealed="").exists()


def test_it_is_encrypted_and_bound_to_its_person(hers, alice, bob):
    hers.get(LIST)
    sealed = Snapshot.objects.get().sealed
    assert "Old name" not in sealed
    snapshots.listed(bob.grant, list)
    Snapshot.objects.filter(user=bob).update(sealed=sealed)

    assert snapshots.last(alice.grant).subscriptions[0].name == "Old name"
    assert snapshots.last(bob.grant) is None


def test_what_is_kept_comes_back_exactly(alice):
    odd = [Subscription("s-1", "", None, "Enabled"), Subscription("", "x", "\0 é\u202e🦊\ufffd", "")]
    snapshots.listed(alice.grant, lambda: odd)
    assert snapshots.last(alice.grant).subscriptions == odd


def test_with_another_key_aos_is_asked(hers, aos, settings):
    hers.get(LIST)
    settings.TOKEN_ENCRYPTION_KEYS = [OTHER_KEY, *portal.TOKEN_ENCRYPTION_KEYS]
    hers.get(LIST)
    assert len(aos.requests) == 1  # the older key still reads it
    Snapshot.objects.update(sealed="gAAAAAB-nonsense")
    assert "Old name" in words(hers.get(LIST))
    assert len(aos.requests) == 2


@pytest.mark.parametrize("name", ["APS_CLIENT", "scope", "resource", "tenant"])
def test_d15_another_client_scope_resource_or_tenant_is_another_list(alice, settings, name):
    snapshots.listed(alice.grant, lambda: [Subscription("s-1", "", "The other list", "")])
    if name == "scope":
        alice.grant.scope = "openid"
    elif name == "APS_CLIENT":
        settings.SOCIAL_AUTH_APS_KEY = "another"
    elif name == "resource":
        settings.SOCIAL_AUTH_APS_RESOURCE = ["https://another.test"]
    else:
        settings.AOS_QUERY = "tenantId=another"
    assert snapshots.last(alice.grant) is None
    assert snapshots.listed(alice.grant, list).subscriptions == []


def sign_out(client, alice, aos, aps):
    client.post("/logout/")


def sign_out_everywhere(client, alice, aos, aps):
    client.post("/account/end-everywhere/")


def end_it_as_an_administrator_or_back_channel(client, alice, aos, aps):
    people.end_all(Grant.objects.filter(user=alice), "ended")


def end_the_grant_itself(client, alice, aos, aps):
    alice.grant.end("ended")


def disable(client, alice, aos, aps):
    alice.is_active = False
    alice.save()


def reach_the_idle_limit(client, alice, aos, aps):
    Grant.objects.filter(user=alice).update(last_seen=timezone.now() - timedelta(hours=2))
    people.end_overdue()


def be_refused_by_aos(client, alice, aos, aps):
    aos.items.clear()  # AOS knows the token no more: 401, also after a renewal
    client.get(LIST, headers={"Cache-Control": "no-cache"})


def be_refused_by_aps(client, alice, aos, aps):
    Grant.objects.filter(user=alice).update(expires_at=timezone.now() - timedelta(hours=1))
    client.get(LIST, headers={"Cache-Control": "no-cache"})


ENDS = [
    sign_out,
    sign_out_everywhere,
    end_it_as_an_administrator_or_back_channel,
    end_the_grant_itself,
    disable,
    reach_the_idle_limit,
    be_refused_by_aos,
    be_refused_by_aps,
]


@pytest.mark.parametrize("end", ENDS)
def test_d05_nothing_is_kept_when_a_sign_in_has_ended(hers, alice, bob, aos, aps, end):
    snapshots.listed(bob.grant, list)
    hers.get(LIST)
    assert Snapshot.objects.filter(user=alice).exists()
    end(hers, alice, aos, aps)

    assert not Grant.objects.get(user=alice).is_active
    assert not Snapshot.objects.filter(user=alice).exists()
    assert Snapshot.objects.filter(user=bob).exists()


def test_e12_a_403_forgets_the_list_and_shows_nothing_of_it(hers, aos):
    hers.get(LIST)
    for status, asked in ((403, 1), (503, 3)):
        aos.gets = [Reply.of({}, status)] * asked
        page = hers.get(LIST, headers={"Cache-Control": "no-cache"})
        assert page.status_code == status
        assert "Old name" not in words(page)


BAD = {
    "down": (Reply(503, "", {"Retry-After": "7"}), 503),
    "overloaded": (Reply(429, ""), 503),
    "broken": (Reply(500, ""), 502),
    "html": (Reply(200, "<h1>proxy</h1>", {"Content-Type": "text/html"}), 502),
    "empty": (Reply(204, ""), 502),
}


@pytest.mark.parametrize("weather", BAD)
def test_e18_when_aos_is_down_the_last_list_is_shown_to_be_read_only(hers, aos, weather):
    reply, status = BAD[weather]
    assert "/rename/" in hers.get(LIST).content.decode()
    back_date(hours=23)
    as_of = Snapshot.objects.get().taken_at
    aos.gets = [reply] * 3
    page = hers.get(LIST)

    assert page.status_code == status
    assert page.headers.get("Retry-After") == ("7" if weather == "down" else "30" if status == 503 else None)
    for text in ("Old name", "does not answer", f"as read on {as_of:%-d %B %Y, %H:%M} UTC", "Try again"):
        assert text in words(page)
    assert "/rename/" not in page.content.decode()


def test_e18_trying_again_asks_aos(hers, aos):
    hers.get(LIST)
    aos.gets = [Reply(503, "")] * 6
    again = hers.get(LIST, headers={"Cache-Control": "max-age=0"}).context["refresh_url"]
    assert hers.get(again).status_code == 503
    assert hers.get(again)["Location"] == LIST
    assert hers.get(LIST).status_code == 200


@pytest.mark.parametrize(("hours", "age", "is_shown"), [(24, 23, True), (24, 25, False), (2, 3, False), (0, 0, False)])
def test_e18_the_last_list_is_kept_as_long_as_the_setting_says(hers, aos, settings, hours, age, is_shown):
    settings.OUTAGE_LIST_HOURS = hours
    hers.get(LIST)
    back_date(hours=age)
    aos.gets = [Reply(503, "")] * 3
    page = hers.get(LIST, headers={"Cache-Control": "no-cache"})

    assert page.status_code == 503
    assert ("Old name" in words(page)) is is_shown
    assert "Try again" in words(page)


def test_e18_a_list_that_is_not_there_is_no_outage(hers, aos):
    hers.get(LIST)
    aos.gets = [Reply(404, "")]
    page = hers.get(LIST, headers={"Cache-Control": "no-cache"})
    assert page.status_code == 404
    assert "Old name" not in words(page)


@pytest.mark.parametrize(("hours", "gone_after"), [(24, {"hours": 25}), (0, {"seconds": 61})])
def test_what_is_too_old_is_deleted_by_the_worker(hers, bob, settings, hours, gone_after):
    settings.OUTAGE_LIST_HOURS = hours
    hers.get(LIST)
    back_date(**gone_after)
    snapshots.listed(bob.grant, list)
    assert snapshots.purge() == 1
    assert [row.user for row in Snapshot.objects.all()] == [bob]


def test_where_nothing_is_to_be_kept_nothing_is(hers, settings, caplog):
    settings.LIST_SECONDS = settings.OUTAGE_LIST_HOURS = 0
    with connection.execute_wrapper(Cut(0)):
        assert "Old name" in words(hers.get(LIST))
    assert "OperationalError" not in caplog.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("after", range(5))
def test_e33_a_list_that_aos_gave_is_shown_though_it_cannot_be_kept(hers, aos, after, caplog):
    with connection.execute_wrapper(Cut(after)):
        page = hers.get(LIST)
    assert page.status_code == 200
    assert "Old name" in words(page)
    assert ("OperationalError" in caplog.text) is (after < 3)

    aos.gets = [Reply(503, "")] * 3
    with connection.execute_wrapper(Cut(0)):
        assert hers.get(LIST, headers={"Cache-Control": "no-cache"}).status_code == 503


def test_two_browsers_of_one_person_share_it(hers, aos, alice):
    other = browser()
    sign_in(other, alice)
    hers.get(LIST)
    other.get(LIST)
    assert len(aos.requests) == 1
