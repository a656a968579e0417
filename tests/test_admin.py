"""Django admin: who gets in, and that it changes nothing that is only to be looked at. See also test_admin_pages."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from tests.conftest import browser

LOCAL = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def office(admin_user, settings):
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, LOCAL]
    client = browser()
    client.force_login(admin_user, backend=LOCAL)
    return client


def test_d16_social_auths_own_pages_are_not_there(office):
    for model in ("usersocialauth", "nonce", "association"):
        assert office.get(f"/admin/social_django/{model}/").status_code == 404


def test_grants_can_be_looked_at_but_not_changed(office, alice):
    page = reverse("admin:passport_grant_change", args=[alice.grant.pk])

    assert 'name="_save"' not in office.get(page).content.decode()
    assert office.post(page, {"status": "ended"}).status_code == 403
    assert office.get(reverse("admin:passport_grant_add")).status_code == 403


def test_d07_the_password_form_is_off_unless_switched_on(client, db, settings):
    response = client.get("/admin/login/?next=/admin/auth/")
    assert response["Location"] == "/login/?next=%2Fadmin%2Fauth%2F"
    assert client.post("/admin/login/", {"username": "a", "password": "b"}).status_code == 302

    settings.LOCAL_ADMIN = True
    assert 'name="password"' in client.get("/admin/login/").content.decode()


def test_a_person_without_staff_rights_gets_a_plain_no(client, aps):
    aps.sign_in(client)
    response = client.get("/admin/", follow=True)

    assert response.status_code == 403


def test_a_local_admin_without_aps_identity_sees_no_subscriptions_and_a_way_to_the_admin(office):
    page = office.get("/")

    assert page.status_code == 200
    assert 'href="/admin/"' in page.content.decode()


def test_local_passwords_are_limited(client, db, settings):
    settings.LOCAL_ADMIN = True
    statuses = [client.post("/admin/login/", {"username": "a", "password": "b"}).status_code for _ in range(11)]

    assert statuses == [200] * 10 + [429]


def test_a_person_who_has_signed_in_can_be_deleted(office, aps, client, django_capture_on_commit_callbacks):
    aps.sign_in(client)
    alice = User.objects.get(username="alice")
    page = office.get(f"/admin/auth/user/{alice.pk}/delete/")
    assert "Cannot delete" not in page.content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        office.post(f"/admin/auth/user/{alice.pk}/delete/", {"post": "yes"})

    assert not User.objects.filter(pk=alice.pk).exists()
    assert len(aps.revoked) == 2
