"""What was typed survives a session that died between opening the form and Save: for its owner, and nobody else."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from aosportal.passport.models import Grant
from subscriptions import rescue
from subscriptions.models import Draft
from tests.conftest import browser, sign_in

from .pages import RENAME, field

pytestmark = pytest.mark.django_db


def die_by_dead_grant(client):
    Grant.objects.get().end("back-channel")


def die_by_idle_limit(client):
    Grant.objects.update(last_seen=timezone.now() - timezone.timedelta(minutes=62))


def die_by_absolute_limit(client):
    Grant.objects.update(since=timezone.now() - timezone.timedelta(hours=13))


def die_by_lost_cookie(client):
    del client.cookies["__Host-aosportal_session"]


def opened(client):
    """Open the form; return what its hidden fields hold."""
    page = client.get(RENAME)
    return {"seen": page.context["form"]["seen"].value(), "ticket": page.context["ticket"]}


@pytest.mark.parametrize("die", [die_by_dead_grant, die_by_idle_limit, die_by_absolute_limit, die_by_lost_cookie])
def test_the_name_is_in_the_field_after_the_same_person_signed_in(hers, aos, aps, alice, die):
    fields = opened(hers)
    die(hers)
    response = hers.post(RENAME, {"display_name": " Typed with care ", **fields})
    assert response["Location"].startswith("/login/?next=/subscriptions/s-1/rename/")
    assert aos.sent == []

    again = Grant.objects.get()
    fresh = {"last_seen": timezone.now(), "since": timezone.now(), "access_token": alice.grant.access_token}
    Grant.objects.filter(pk=again.pk).update(status="active", **fresh)
    sign_in(hers, alice)
    page = hers.get(RENAME)
    assert field(page, "display_name") == " Typed with care "
    assert "We kept what you typed" in page.content.decode()
    assert aos.sent == []


def test_another_person_at_the_same_browser_does_not_see_it(hers, aos, alice, bob, token):
    aos.items[token(bob)] = aos.items[token(alice)]
    fields = opened(hers)
    Grant.objects.filter(user=alice).get().end("idle")
    hers.post(RENAME, {"display_name": "Alice's words", **fields})
    sign_in(hers, bob)

    assert "Alice's words" not in hers.get(RENAME).content.decode()
    assert Draft.objects.get().user == alice


BAD_TICKETS = {
    "none": lambda alice: "",
    "garbage": lambda alice: "x" * 50,
    "of another subscription": lambda alice: rescue.ticket(alice.pk, "s-2"),
    "of a user who is gone": lambda alice: rescue.ticket(alice.pk + 99, "s-1"),
}


@pytest.mark.parametrize("case", BAD_TICKETS)
def test_without_a_valid_ticket_nothing_is_kept(alice, case):
    response = browser().post(RENAME, {"display_name": "x", "ticket": BAD_TICKETS[case](alice)})

    assert response["Location"].startswith("/login/")
    assert not Draft.objects.exists()


def test_an_old_ticket_is_none(alice, settings):
    ticket = rescue.ticket(alice.pk, "s-1")
    settings.SESSION_COOKIE_AGE = -1
    browser().post(RENAME, {"display_name": "x", "ticket": ticket})

    assert not Draft.objects.exists()


def test_without_a_csrf_token_nothing_is_kept_for_a_visitor(alice):
    visitor = browser()
    visitor.handler.enforce_csrf_checks = True
    response = visitor.post(RENAME, {"display_name": "x", "ticket": rescue.ticket(alice.pk, "s-1")})

    assert response.status_code == 403
    assert not Draft.objects.exists()


def test_a_form_from_before_a_new_sign_in_keeps_its_text_for_the_same_person(hers, alice):
    fields = opened(hers)
    hers.handler.enforce_csrf_checks = True
    response = hers.post(RENAME, {"display_name": "Typed before", **fields})

    assert response.status_code == 403
    assert "We kept what you typed" in response.content.decode()
    assert Draft.objects.get().text == "Typed before"
    assert field(hers.get(RENAME), "display_name") == "Typed before"


def test_somebody_elses_stale_form_keeps_nothing(hers, bob):
    hers.handler.enforce_csrf_checks = True
    hers.post(RENAME, {"display_name": "x", "ticket": rescue.ticket(bob.pk, "s-1")})

    assert not Draft.objects.exists()


def test_at_most_five_are_kept_and_for_ten_minutes(alice):
    for number in range(7):
        address = f"/subscriptions/s-{number}/rename/"
        browser().post(address, {"display_name": "x", "ticket": rescue.ticket(alice.pk, f"s-{number}")})
    assert sorted(Draft.objects.values_list("subscription_id", flat=True)) == [f"s-{n}" for n in range(2, 7)]

    Draft.objects.update(kept_at=timezone.now() - timezone.timedelta(minutes=11))
    browser().post(RENAME, {"display_name": "x", "ticket": rescue.ticket(alice.pk, "s-1")})
    assert Draft.objects.count() == 1


def test_nothing_is_kept_for_a_disabled_person(alice):
    ticket = rescue.ticket(alice.pk, "s-1")
    User.objects.update(is_active=False)
    browser().post(RENAME, {"display_name": "x", "ticket": ticket})

    assert not Draft.objects.exists()
