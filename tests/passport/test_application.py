"""The portal under its own identity: the client credentials grant."""

import base64
import threading

import pytest
from django.db import connections
from django.utils import timezone

from aosportal.passport import tokens
from aosportal.passport.models import ApplicationGrant
from tests.support.fake_aps import JSON


def asked(aps):
    return [form for _path, form in aps.calls if form.get("grant_type") == "client_credentials"]


def test_it_is_asked_for_once_and_kept(aps):
    first, second = tokens.application_token(), tokens.application_token()

    assert first == second
    assert len(asked(aps)) == 1
    assert "CANARY" not in str(ApplicationGrant.objects.values())


def test_the_form_carries_client_scope_resource_and_the_operators_fields(aps, settings):
    settings.APS_APPLICATION_SCOPE = "subscriptions.write"
    settings.APS_APPLICATION_FORM = [("requested_scopes", "1 2"), ("requested_enrollment", "a&b")]
    tokens.application_token()

    assert asked(aps) == [
        {
            "grant_type": "client_credentials",
            "scope": "subscriptions.write",
            "requested_scopes": "1 2",
            "requested_enrollment": "a&b",
            "client_id": settings.SOCIAL_AUTH_APS_KEY,
            "client_secret": settings.SOCIAL_AUTH_APS_SECRET,
            "resource": "https://aos.test",
        }
    ]


def test_client_secret_basic_holds_here_too(aps, settings):
    settings.SOCIAL_AUTH_APS_TOKEN_ENDPOINT_AUTH_METHOD = "client_secret_basic"
    tokens.application_token()

    header = aps.requests[-1].headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(header).decode().endswith(":CS-CANARY-%2B%25%3A%26secret")
    assert "client_secret" not in asked(aps)[0]


def test_it_is_renewed_a_minute_before_it_expires(aps):
    aps.answer = {"expires_in": 75}
    tokens.application_token()
    tokens.application_token()
    assert len(asked(aps)) == 1

    ApplicationGrant.objects.update(expires_at=timezone.now() + timezone.timedelta(seconds=59))
    tokens.application_token()
    assert len(asked(aps)) == 2


def test_a_refused_token_is_replaced(aps):
    refused = tokens.application_token()

    assert tokens.application_token(refused) != refused
    assert len(asked(aps)) == 2


def test_another_scope_has_another_token(aps, settings):
    first = tokens.application_token()
    settings.APS_APPLICATION_SCOPE = "other"

    assert tokens.application_token() != first


def test_after_a_lost_key_it_is_obtained_anew(aps, settings):
    tokens.application_token()
    settings.TOKEN_ENCRYPTION_KEYS = ["bmV3LXRlc3RzLW9ubHkta2V5LW9mLXRoaXJ0eS1ieXQ="]

    assert tokens.application_token()
    assert len(asked(aps)) == 2


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        ((401, JSON, '{"error": "invalid_client"}'), tokens.PassportMisconfigured),
        ((400, JSON, '{"error": "unauthorized_client"}'), tokens.PassportMisconfigured),
        ((400, JSON, '{"error": "invalid_scope"}'), tokens.PassportMisconfigured),
        ((503, {}, ""), tokens.PassportUnavailable),
        ((200, {"Content-Type": "text/html"}, "<h1>"), tokens.PassportUnavailable),
        ((200, JSON, '{"access_token": "AT-CANARY", "token_type": "mac"}'), tokens.PassportUnavailable),
        ((200, JSON, '{"token_type": "Bearer"}'), tokens.PassportUnavailable),
    ],
    ids=str,
)
def test_failures_are_told_apart_and_the_next_try_may_follow_at_once(aps, reply, failure):
    aps.replies["/connect/token"] = reply
    with pytest.raises(failure) as raised:
        tokens.application_token()
    assert "CANARY" not in str(raised.value)

    aps.replies.clear()
    assert tokens.application_token()


def test_ten_threads_ask_once(wire, transactional_db):
    from tests.support.fake_aps import FakeAPS

    aps = FakeAPS().on(wire)
    found, start = [], threading.Barrier(10)

    def ask():
        start.wait()
        try:
            found.append(tokens.application_token().reveal())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(found), len(set(found)), len(asked(aps))) == (10, 1, 1)
