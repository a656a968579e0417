"""Sessions: their limits, their cookies, the account page, and who may end whose."""

from datetime import timedelta

import pytest
from django.utils import timezone

from aosportal.passport import browsers, people
from aosportal.passport.models import Grant
from tests.conftest import browser, person, sign_in

AOS = "https://aos.test/api/v2/subscriptions"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"


@pytest.fixture
def hers(aps, wire, client):
    wire.add("GET", AOS, json=[])
    aps.sign_in(client)
    return client


def back_date(**ago):
    Grant.objects.update(**{name: timezone.now() - timedelta(minutes=minutes) for name, minutes in ago.items()})


def is_in(client):
    return client.get("/subscriptions/").status_code == 200


@pytest.mark.parametrize(("minutes", "stays"), [(58, True), (60.5, True), (62, False)])
def test_a14_the_idle_limit_is_enforced_here_whatever_the_cookie_says(hers, aps, minutes, stays):
    back_date(last_seen=minutes)

    assert is_in(hers) is stays
    assert ("nothing was done for too long" in hers.get("/login/", follow=True).content.decode()) is not stays
    assert Grant.objects.get().is_active is stays
    assert bool(aps.revoked) is not stays


@pytest.mark.parametrize(("hours", "stays"), [(11.9, True), (12.1, False)])
def test_a14_the_absolute_limit_holds_however_busy_one_is(hers, hours, stays):
    back_date(since=hours * 60)

    assert is_in(hers) is stays


def test_a14_limits_are_settings(hers, settings):
    settings.SESSION_IDLE_MINUTES = 5
    back_date(last_seen=6.5)

    assert not is_in(hers)


def test_a14_clicking_keeps_a_session_alive_and_polling_does_not(hers):
    back_date(last_seen=50)
    hers.get("/account/", HTTP_X_PORTAL_POLL="1")
    assert Grant.objects.get().last_seen < timezone.now() - timedelta(minutes=49)

    hers.post("/account/still-here/")
    assert Grant.objects.get().last_seen > timezone.now() - timedelta(minutes=1)


def test_a14_last_seen_is_written_once_a_minute_at_most(hers, django_assert_num_queries):
    hers.get("/account/")
    before = Grant.objects.get().last_seen
    hers.get("/account/")

    assert Grant.objects.get().last_seen == before


@pytest.mark.parametrize("limit", ["SESSION_IDLE_MINUTES", "SESSION_ABSOLUTE_HOURS"])
def test_a14_local_administrators_have_the_same_limits(admin_user, settings, limit):
    backend = "django.contrib.auth.backends.ModelBackend"
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, backend]
    office = browser()
    office.force_login(admin_user, backend=backend)
    assert office.get("/admin/").status_code == 200
    setattr(settings, limit, -5)

    assert office.get("/admin/").status_code == 302


def test_a13_a_new_sign_in_of_the_same_person_ends_the_old_session(hers, aps):
    old = hers.cookies["__Host-aosportal_session"].value
    aps.sign_in(hers)
    other = browser()
    other.cookies["__Host-aosportal_session"] = old

    assert (is_in(hers), is_in(other)) == (True, False)


def test_a15_after_signing_out_a_saved_cookie_is_of_no_use_and_aos_is_not_called(hers, wire):
    old = hers.cookies["__Host-aosportal_session"].value
    hers.post("/logout/")
    calls = len(wire.calls)
    other = browser()
    other.cookies["__Host-aosportal_session"] = old

    assert not is_in(other)
    assert len(wire.calls) == calls


def test_a20_cookies_are_host_bound_secure_and_out_of_reach_of_scripts(hers):
    hers.get("/account/")
    names = {"__Host-aosportal_session", "__Host-aosportal_csrf"}

    assert set(hers.cookies) == names
    for cookie in hers.cookies.values():
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (
            True,
            True,
            "Lax",
            "/",
            "",
        )


def test_a24_nothing_changes_by_get_and_nothing_without_a_token_of_ones_own(hers):
    hers.handler.enforce_csrf_checks = True
    grant = Grant.objects.get()
    for path in ("/logout/", "/account/still-here/", f"/account/end/{grant.pk}/", "/account/end-everywhere/"):
        assert hers.get(path).status_code == 405, path
        assert hers.post(path).status_code == 403, path
        assert hers.post(path, HTTP_ORIGIN="https://evil.test").status_code == 403, path
        assert hers.post(path, HTTP_ORIGIN="null").status_code == 403, path
    assert Grant.objects.get(pk=grant.pk).is_active


def test_a25_pages_of_signed_in_people_are_not_stored(hers):
    for path in ("/subscriptions/", "/account/", "/subscriptions/nowhere/rename/", "/nowhere"):
        assert hers.get(path)["Cache-Control"] == "no-store"
    assert hers.post("/logout/")["Clear-Site-Data"] == '"cache", "storage"'


def test_d13_headers_of_a_client_open_nothing(aps):
    headers = {
        "HTTP_X_FORWARDED_URI": "/health/live",
        "HTTP_X_FORWARDED_HOST": "portal.test",
        "HTTP_X_ORIGINAL_URL": "/login/",
        "HTTP_USER_AGENT": "kube-probe/1.30",
        "HTTP_X_FORWARDED_USER": "alice",
        "HTTP_REMOTE_USER": "alice",
    }
    for path in ("/subscriptions/", "/account/", "/admin/", "/subscriptions/#/login/", "/subscriptions/?/health/live"):
        assert browser().get(path, **headers).status_code == 302


def test_d23_two_session_cookies_and_giant_cookies_are_no_500(hers):
    for value in ("x" * 9000, "a; __Host-aosportal_session=b", "\x01"):
        other = browser()
        assert other.get("/login/", HTTP_COOKIE=f"__Host-aosportal_session={value}").status_code in (200, 400, 431)


def test_sign_ins_that_nobody_comes_back_to_are_ended_by_the_worker(hers, aps, bob):
    back_date(last_seen=62)
    Grant.objects.filter(pk=bob.grant.pk).update(last_seen=timezone.now())

    assert people.end_overdue() == 1
    assert [grant.status for grant in Grant.objects.order_by("since")] in (["ended", "active"], ["active", "ended"])
    assert len(aps.revoked) == 2


# --- The account page


def test_a18_the_account_page_shows_who_and_what_and_where(aps, wire, client):
    browser_of_hers = {"HTTP_USER_AGENT": FIREFOX, "REMOTE_ADDR": "203.0.113.9"}
    client.defaults.update(browser_of_hers)
    aps.sign_in(client)
    text = client.get("/account/").content.decode()

    for word in ("Alice Moreno", "alice@corp.test", "sub-alice", "offline_access", "Firefox on Windows", "203.0.113.9"):
        assert word in text
    assert text.count("this one") == 1
    assert "CANARY" not in text


def test_a18_every_page_of_a_signed_in_person_has_the_sign_out_button(hers):
    for path in ("/subscriptions/", "/account/", "/subscriptions/s-9/rename/", "/nowhere"):
        assert 'action="/logout/"' in hers.get(path).content.decode(), path


def test_a18_one_session_can_be_ended_from_another(hers, aps):
    other = browser()
    aps.sign_in(other)
    theirs = Grant.objects.get(pk=other.session["grant"])
    response = hers.post(f"/account/end/{theirs.pk}/")

    assert response["Location"] == "/account/"
    assert (is_in(hers), is_in(other)) == (True, False)
    assert len(aps.revoked) == 2


def test_a18_sign_out_everywhere_ends_all_of_ones_own(hers, aps, bob):
    other, bobs = browser(), browser()
    aps.sign_in(other)
    sign_in(bobs, bob)
    hers.post("/account/end-everywhere/")

    assert [is_in(each) for each in (hers, other, bobs)] == [False, False, True]


def test_d05_ending_ones_own_session_is_a_sign_out_at_aps_too(hers):
    own = Grant.objects.get()

    assert hers.post(f"/account/end/{own.pk}/")["Location"].startswith("https://aps.test/connect/logout?")
    assert not is_in(hers)


def test_d05_sign_out_everywhere_is_a_sign_out_at_aps_too(hers):
    assert hers.post("/account/end-everywhere/")["Location"].startswith("https://aps.test/connect/logout?")


def test_nobody_ends_or_sees_somebody_elses_session(hers, bob):
    assert hers.post(f"/account/end/{bob.grant.pk}/").status_code == 404
    assert Grant.objects.get(pk=bob.grant.pk).is_active
    assert str(bob.grant.pk) not in hers.get("/account/").content.decode()


def test_a17_an_administrator_ends_the_sessions_of_one_and_of_all_and_stays(hers, aps, bob):
    boss = person("boss")
    boss.is_staff = boss.is_superuser = True
    boss.save()
    office, bobs = browser(), browser()
    sign_in(office, boss)
    sign_in(bobs, bob)
    alice = Grant.objects.get(sid="SID-1").user
    office.post("/admin/auth/user/", {"action": "end_sessions", "_selected_action": [alice.pk]})
    assert [is_in(each) for each in (hers, bobs)] == [False, True]

    everybody = [str(pk) for pk in Grant.objects.values_list("pk", flat=True)]
    office.post("/admin/passport/grant/", {"action": "end_selected", "_selected_action": everybody})
    assert not is_in(bobs)
    assert office.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, "Firefox on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Linux"),
        ("curl/8.0\x00\n", "curl/8.0"),
        ("", ""),
    ],
)
def test_browsers_in_words(user_agent, words):
    assert browsers.in_words(user_agent) == words
