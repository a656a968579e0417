"""The one question: an access token for this sign-in, now."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone

from aosportal.passport import refreshing, single_flight, tokens
from aosportal.passport.models import Grant
from aosportal.passport.tokenset import TokenSet
from aosportal.secret import Secret
from tests.conftest import person, sign_in
from tests.support.fake_aps import BOB, FakeAPS

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def expired(aps):
    """Alice's grant, whose access token has run out; APS knows its refresh token."""
    aps.knows_refresh_token("alice-refresh")
    return person("alice", seconds=-1).grant


def test_a_fresh_token_costs_no_call(aps, alice):
    assert tokens.access_token_for(alice.grant) == Secret("alice-token")
    assert aps.calls == []


@pytest.mark.parametrize(("seconds", "calls"), [(59, 1), (75, 0)])
def test_it_is_renewed_a_minute_ahead(aps, seconds, calls):
    aps.knows_refresh_token("alice-refresh")
    tokens.access_token_for(person("alice", seconds=seconds).grant)

    assert len(aps.refreshes()) == calls


def test_a_renewed_token_is_stored_before_it_is_used(aps, expired):
    token = tokens.access_token_for(expired)

    stored = Grant.objects.get()
    assert token.reveal().startswith("AT-CANARY")
    assert stored.token("access_token") == token
    assert stored.token("refresh_token").reveal().startswith("RT-CANARY")
    assert stored.is_fresh()
    assert stored.claim is None


def test_resource_and_client_go_with_the_refresh(aps, expired, settings):
    settings.SOCIAL_AUTH_APS_RESOURCE = ["https://aos.test/?a=1&b=2"]
    tokens.access_token_for(expired)

    form = aps.calls[-1][1] if aps.calls[-1][0].endswith("token") else aps.calls[-2][1]
    assert form["resource"] == "https://aos.test/?a=1&b=2"
    assert form["client_secret"] == "CS-CANARY-+%:&secret"


def test_e36_an_answer_without_a_refresh_token_keeps_the_old_one(aps, expired):
    aps.answer = {"refresh_token": None, "id_token": None}
    tokens.access_token_for(expired)

    assert Grant.objects.get().token("refresh_token") == Secret("alice-refresh")


@pytest.mark.parametrize("expires_in", [None, "600", "soon", 0, -5, 10**30, 1.5, "1e999", True, []])
def test_e36_any_expires_in_leaves_a_usable_grant(aps, expired, expires_in):
    aps.answer = {"expires_in": expires_in}
    first = tokens.access_token_for(expired)

    assert first.reveal().startswith("AT-CANARY")
    assert Grant.objects.get().is_active


def test_e36_only_invalid_grant_ends_the_sign_in(aps, expired):
    aps.families.clear()
    with pytest.raises(tokens.SignInRequired):
        tokens.access_token_for(expired)

    ended = Grant.objects.get()
    assert (ended.status, ended.access_token, ended.refresh_token, ended.id_token) == ("ended", "", "", "")
    with pytest.raises(tokens.SignInRequired):
        tokens.access_token_for(ended)
    assert len(aps.refreshes()) == 1


ILL = {
    "503": ((503, {}, ""), tokens.PassportUnavailable),
    "HTML": ((200, {"Content-Type": "text/html"}, "<h1>"), tokens.PassportUnavailable),
    "a list": ((200, JSON, "[]"), tokens.PassportUnavailable),
    "another token type": (
        (200, JSON, '{"access_token": "AT-CANARY", "token_type": "mac"}'),
        tokens.PassportUnavailable,
    ),
    "redirect": ((307, {"Location": "https://evil.test"}, ""), tokens.PassportUnavailable),
    "wrong client secret": ((401, JSON, '{"error": "invalid_client"}'), tokens.PassportMisconfigured),
    "client may not": ((400, JSON, '{"error": "unauthorized_client"}'), tokens.PassportMisconfigured),
    "wrong resource": ((400, JSON, '{"error": "invalid_target"}'), tokens.PassportMisconfigured),
}


@pytest.mark.parametrize("case", ILL)
def test_e36_an_ill_aps_ends_nothing(aps, expired, case):
    aps.replies["/connect/token"], failure = ILL[case]
    with pytest.raises(failure) as raised:
        tokens.access_token_for(expired)

    assert "CANARY" not in str(raised.value)
    assert Grant.objects.get().claim is None
    aps.replies.clear()
    assert tokens.access_token_for(Grant.objects.get()).reveal().startswith("AT-CANARY")


def test_while_the_token_still_lives_an_ill_aps_is_no_obstacle(aps):
    aps.replies["/connect/token"] = (503, {}, "")

    assert tokens.access_token_for(person("alice", seconds=30).grant) == Secret("alice-token")


def test_without_a_refresh_token_the_access_is_used_up_to_its_end(aps):
    grant = person("alice", seconds=30).grant
    Grant.objects.update(refresh_token="")
    assert tokens.access_token_for(grant) == Secret("alice-token")

    Grant.objects.update(expires_at=timezone.now())
    with pytest.raises(tokens.SignInRequired):
        tokens.access_token_for(Grant.objects.get())
    assert aps.calls == []


def test_e09_e35_a_refused_token_is_renewed_once_however_many_come_with_it(aps, alice):
    aps.knows_refresh_token("alice-refresh")
    renewed = {tokens.renewed_token_for(Grant.objects.get(), Secret("alice-token")).reveal() for _ in range(40)}

    assert len(renewed) == 1
    assert aps.refreshes() == ["alice-refresh"]


def test_an_id_token_of_somebody_else_at_refresh_ends_the_sign_in(aps, expired):
    aps.families["alice-refresh"]["person"] = BOB
    with pytest.raises(tokens.SignInRequired):
        tokens.access_token_for(expired)

    assert Grant.objects.get().status == "ended"


def test_what_cannot_be_decrypted_means_sign_in_again(aps, alice, client, settings):
    sign_in(client, alice)
    settings.TOKEN_ENCRYPTION_KEYS = ["bmV3LXRlc3RzLW9ubHkta2V5LW9mLXRoaXJ0eS1ieXQ="]
    response = client.get("/subscriptions/?q=a")

    assert response["Location"] == "/login/?next=%2Fsubscriptions%2F%3Fq%3Da"
    assert "Please sign in again" in client.get(response["Location"]).content.decode()


def test_an_abandoned_claim_runs_out(aps, expired):
    Grant.objects.update(claim="0" * 32, claimed_until=timezone.now() - timedelta(seconds=1))

    assert tokens.access_token_for(expired).reveal().startswith("AT-CANARY")


def test_a_standing_claim_is_waited_for_and_then_read_again(aps, expired, monkeypatch):
    Grant.objects.update(claim="0" * 32, claimed_until=timezone.now() + timedelta(seconds=60))
    pauses = []

    def somebody_else_refreshes(seconds):
        pauses.append(seconds)
        columns = Grant.objects.get().sealed(_fresh_tokens())
        Grant.objects.update(**columns, claim=None, claimed_until=None)

    monkeypatch.setattr(single_flight.time, "sleep", somebody_else_refreshes)
    assert tokens.access_token_for(expired) == Secret("from-the-other-worker")
    assert len(pauses) == 1
    assert aps.refreshes() == []


def _fresh_tokens():
    return TokenSet(Secret("from-the-other-worker"), None, None, timezone.now() + timedelta(hours=1), None)


def test_an_answer_that_comes_after_the_claim_ran_out_is_not_stored(aps, expired, monkeypatch):
    real = refreshing.refresh

    def slow(grant, token):
        answer = real(grant, token)
        Grant.objects.update(claim="1" * 32)
        return answer

    monkeypatch.setattr(refreshing, "refresh", slow)
    with pytest.raises(tokens.PassportUnavailable):
        tokens.access_token_for(expired)
    assert Grant.objects.get().token("access_token") == Secret("alice-token")


def test_e35_twenty_threads_at_expiry_refresh_once_and_all_get_the_new_token(wire, transactional_db):
    aps = FakeAPS().on(wire)
    aps.knows_refresh_token("alice-refresh")
    grant_id = person("alice", seconds=-1).grant.pk
    found, start = [], threading.Barrier(20)

    def ask():
        start.wait()
        try:
            found.append(tokens.access_token_for(Grant.objects.get(pk=grant_id)).reveal())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

    assert len(found) == 20
    assert len(set(found)) == 1
    assert aps.refreshes() == ["alice-refresh"]


def test_no_transaction_is_open_during_the_call(aps, expired, monkeypatch):
    depths = []
    real = refreshing.refresh

    def watched(grant, token):
        depths.append(len(connection.savepoint_ids))
        return real(grant, token)

    monkeypatch.setattr(refreshing, "refresh", watched)
    tokens.access_token_for(expired)
    assert depths == [0]


def test_e36_a_refusal_of_a_token_that_is_no_longer_stored_ends_nothing(aps, expired):
    def somebody_else_has_refreshed(moment):
        if moment == "before":
            aps.families.clear()
            newer = TokenSet(Secret("from-the-other-worker"), Secret("newer"), None, _fresh_tokens().expires_at, None)
            Grant.objects.update(**expired.sealed(newer))

    aps.hold = somebody_else_has_refreshed

    assert tokens.access_token_for(expired) == Secret("from-the-other-worker")
    assert Grant.objects.get().is_active


@pytest.mark.parametrize("error", ["invalid_token", "bad_refresh_token"])
def test_e36_no_other_error_than_invalid_grant_ends_a_sign_in(aps, expired, error):
    aps.replies["/connect/token"] = (400, JSON, f'{{"error": "{error}"}}')
    with pytest.raises(tokens.PassportUnavailable):
        tokens.access_token_for(expired)

    assert Grant.objects.get().is_active


def test_a19_max_age_is_a_matter_of_the_sign_in_and_not_of_each_refresh(aps, expired, settings):
    settings.SOCIAL_AUTH_APS_MAX_AGE = 300
    aps.claims = {"auth_time": int(time.time()) - 3000}

    assert tokens.access_token_for(expired).reveal().startswith("AT-CANARY")
