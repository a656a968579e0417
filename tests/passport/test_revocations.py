"""Tokens are given back to APS: at once where it answers, later where it does not."""

import contextlib
import re
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import timedelta

import pytest
import requests
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone
from django.utils.http import http_date

from aosportal.passport import people, revocations
from aosportal.passport.backend import AlliancePassport
from aosportal.passport.models import Grant, PendingRevocation
from tests.conftest import browser
from tests.support.people import until
from tests.test_settings import GOOD, ROOT

DOWN = (503, {}, "")


@pytest.fixture
def left_open(aps, client):
    """Alice has signed out while APS was down."""
    aps.sign_in(client)
    aps.replies["/connect/revoke"] = DOWN
    client.post("/logout/")
    aps.calls.clear()
    return aps


def later(**delta):
    """Let time go by for everything that waits."""
    moment = timedelta(**delta)
    for row in PendingRevocation.objects.all():
        PendingRevocation.objects.filter(pk=row.pk).update(next_try=row.next_try - moment, created=row.created - moment)


def test_b14_what_aps_could_not_be_asked_waits_encrypted(left_open):
    rows = list(PendingRevocation.objects.order_by("pk").values())

    assert [row["hint"] for row in rows] == ["refresh_token", "access_token"]
    assert "CANARY" not in str(rows)
    assert [row.secret().reveal()[:10] for row in PendingRevocation.objects.order_by("pk")] == [
        "RT-CANARY-",
        "AT-CANARY-",
    ]


def test_b14_it_is_asked_again_when_aps_is_back_and_not_before_it_is_due(left_open):
    left_open.replies.clear()
    assert revocations.retry_due() == 0
    later(minutes=1)

    assert revocations.retry_due() == 2
    assert [token[:2] for token in left_open.revoked] == ["RT", "AT"]
    assert not PendingRevocation.objects.exists()


def test_b14_it_waits_longer_each_time_and_an_hour_at_most(left_open):
    waits = []
    for _ in range(8):
        later(hours=2)
        PendingRevocation.objects.update(created=timezone.now())
        revocations.retry_due()
        waits.append(minutes_to_wait())

    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]


def test_b14_after_a_day_it_is_given_up_with_an_event(left_open, caplog):
    later(hours=25)
    revocations.retry_due()

    assert not PendingRevocation.objects.exists()
    assert caplog.text.count("revocation given_up") == 2
    assert "CANARY" not in caplog.text


@pytest.mark.parametrize("how", ["seconds", "date", "a year"])
def test_b14_aps_says_when_to_come_again(aps, client, how):
    texts = {"seconds": "1200", "date": http_date(time.time() + 1200), "a year": "31536000"}
    aps.sign_in(client)
    aps.replies["/connect/revoke"] = (503, {"Retry-After": texts[how]}, "")
    client.post("/logout/")
    first = minutes_to_wait()
    later(hours=6)
    revocations.retry_due()

    assert (first, minutes_to_wait()) == ((360, 360) if how == "a year" else (20, 20))


def minutes_to_wait():
    return round((PendingRevocation.objects.first().next_try - timezone.now()).total_seconds() / 60)


def test_b14_an_aps_that_does_not_revoke_access_tokens_has_been_asked(aps, client):
    aps.sign_in(client)
    refused = (400, {"Content-Type": "application/json"}, '{"error": "unsupported_token_type"}')
    answer = aps.routes["/connect/revoke"]
    aps.routes["/connect/revoke"] = lambda request: (
        refused if request.form["token_type_hint"] == "access_token" else answer(request)
    )

    assert client.post("/logout/")["Location"].startswith("https://aps.test/connect/logout")
    assert not PendingRevocation.objects.exists()


def test_b14_b15_aps_is_dead_at_sign_out_and_asked_when_it_lives_again(aps, client):
    def dead(request):
        raise requests.ConnectionError

    aps.sign_in(client)
    alive, aps.routes = aps.routes, dict.fromkeys(aps.routes, dead)
    AlliancePassport.get_openid_configuration.invalidate()
    page = client.get(client.post("/logout/")["Location"]).content.decode()

    assert "your session there may still be open" in page
    assert client.get("/subscriptions/")["Location"].startswith("/login/")
    later(minutes=1)
    assert revocations.retry_due() == 0
    aps.routes = alive
    later(minutes=2)
    assert revocations.retry_due() == 2
    assert [token[:2] for token in aps.revoked] == ["RT", "AT"]


def test_two_workers_ask_once(left_open, monkeypatch):
    left_open.replies.clear()
    later(minutes=1)
    taken = list(PendingRevocation.objects.all())
    revocations.retry_due()

    assert [revocations._retry(row) for row in taken] == [False, False]
    assert len(left_open.revoked) == 2


def test_the_command_asks_now(left_open, capsys):
    with pytest.raises(SystemExit):
        call_command("retry_revocations")
    assert capsys.readouterr().out == "0 settled, 2 left.\n"
    left_open.replies.clear()
    call_command("retry_revocations")

    assert capsys.readouterr().out == "2 settled, 0 left.\n"
    assert not PendingRevocation.objects.exists()


def test_keys_rotate_here_too(left_open, settings):
    new = "bmV3LXRlc3RzLW9ubHkta2V5LW9mLXRoaXJ0eS1ieXQ="
    settings.TOKEN_ENCRYPTION_KEYS = [new, *settings.TOKEN_ENCRYPTION_KEYS]
    call_command("reencrypt_tokens")
    settings.TOKEN_ENCRYPTION_KEYS = [new]

    assert PendingRevocation.objects.first().secret()


def test_a16_disabling_a_person_ends_every_session_at_once_and_revokes(aps, client, django_capture_on_commit_callbacks):
    other = browser()
    aps.sign_in(client)
    aps.sign_in(other)
    user = User.objects.get()
    user.is_active = False
    with django_capture_on_commit_callbacks(execute=True):
        user.save()
        assert aps.revoked == []  # APS is not asked while a transaction is open

    assert len(aps.revoked) == 4
    assert not Grant.objects.exclude(access_token="", refresh_token="").exists()
    for each in (client, other):
        assert each.get("/subscriptions/")["Location"].startswith("/login/")


def test_a16_deleting_a_person_revokes(aps, client, django_capture_on_commit_callbacks):
    aps.sign_in(client)
    with django_capture_on_commit_callbacks(execute=True):
        User.objects.get().delete()

    assert len(aps.revoked) == 2
    assert client.get("/subscriptions/")["Location"].startswith("/login/")


def test_tokens_of_somebody_who_may_not_come_in_are_given_back(aps, client, settings):
    settings.ADMIT = "listed"
    aps.sign_in(client)

    assert [token[:2] for token in aps.revoked] == ["RT", "AT"]


def test_tokens_of_a_session_that_aos_no_longer_accepts_are_given_back(aps, client, wire):
    aps.sign_in(client)
    wire.add("GET", "https://aos.test/api/v2/subscriptions", status=401)
    client.get("/subscriptions/")

    assert [token[:2] for token in aps.revoked] == ["RT", "AT"]


def test_a_sign_out_during_a_refresh_leads_to_the_sign_in_page_and_the_new_tokens_are_given_back(aps, client):
    aps.sign_in(client)
    Grant.objects.update(expires_at="2020-01-01T00:00Z")
    aps.hold = lambda moment: Grant.objects.get().end("signed out") if moment == "after" else None
    response = client.get("/subscriptions/")

    assert response["Location"].startswith("/login/?next=")
    assert [token[:2] for token in aps.revoked] == ["RT", "AT"]


def test_the_worker_gives_signs_of_life_and_ends_at_once_when_it_is_told_to(tmp_path):
    def workers():
        with contextlib.closing(sqlite3.connect(tmp_path / "p.sqlite3")) as file:
            return file.execute("SELECT count(*) FROM operations_heartbeat").fetchone()[0]

    environment = {**GOOD, "DATABASE_URL": f"sqlite:///{tmp_path / 'p.sqlite3'}"}
    command = [sys.executable, "manage.py"]
    subprocess.run([*command, "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    worker = subprocess.Popen([*command, "worker"], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    lines = iter(worker.stderr.readline, "")
    assert any("worker begun" in line for line in lines)
    until(workers)
    worker.send_signal(signal.SIGTERM)

    assert set(re.findall(r"\w+: .*", worker.communicate(timeout=20)[1])) <= {"Housekeeping: nothing to do"}
    assert (worker.returncode, workers()) == (0, 0)


def test_b14_what_is_to_be_revoked_is_stored_with_the_end_of_the_sign_in(aps, client):
    aps.sign_in(client)
    ended = people.end_here(Grant.objects.all(), "and then the process was killed")

    assert len(ended.revocations) == PendingRevocation.objects.count() == 2
    later(minutes=1)
    assert revocations.retry_due() == 2
    assert [token[:2] for token in aps.revoked] == ["RT", "AT"]


def test_b14_after_a_day_of_no_worker_it_is_tried_once_more_before_it_is_given_up(left_open, caplog):
    left_open.replies.clear()
    later(hours=30)

    assert revocations.retry_due() == 2
    assert len(left_open.revoked) == 2
    assert "given_up" not in caplog.text


def test_a_refused_client_is_no_silence_so_the_browser_goes_on_to_aps(aps, client):
    aps.sign_in(client)
    aps.replies["/connect/revoke"] = (401, {"Content-Type": "application/json"}, '{"error": "invalid_client"}')

    assert client.post("/logout/")["Location"].startswith("https://aps.test/connect/logout?")
    assert PendingRevocation.objects.count() == 2


def test_a_person_deleted_during_a_refresh_leads_to_the_sign_in_page_and_the_new_tokens_are_given_back(aps, client):
    aps.sign_in(client)
    Grant.objects.update(expires_at="2020-01-01T00:00Z")
    aps.hold = lambda moment: Grant.objects.all().delete() if moment == "after" else None
    response = client.get("/subscriptions/")

    assert response["Location"].startswith("/login/?next=")
    assert [token[:2] for token in aps.revoked] == ["RT", "AT"]


def test_tokens_of_somebody_else_at_a_refresh_are_given_back(aps, client):
    aps.sign_in(client)
    Grant.objects.update(expires_at="2020-01-01T00:00Z")
    aps.claims = {"sub": "sub-mallory"}
    client.get("/subscriptions/")

    assert len(aps.revoked) == 2
