"""What is repeated and what is not (decision 17): three tries of a GET, two of a PUT, whatever mix of failures."""

import random
import time

import pytest

from aosportal import http
from aosportal.passport import tokens
from aosportal.passport.tokens import SignInRequired
from subscriptions.aos import AOS, AOSError, Busy, NotThere, TooSlow, Unusable

from .fake_aos import Reply

pytestmark = pytest.mark.django_db
HTML = {"Content-Type": "text/html"}


@pytest.fixture
def api(hers, alice, aos, token, monkeypatch):
    monkeypatch.setattr(tokens, "renewed_token_for", lambda grant, refused: tokens.Secret("renewed"))
    aos.items["renewed"] = aos.items[token(alice)]
    return AOS(alice.grant)


def replies(*statuses):
    return [Reply(status, "<h1>", HTML) for status in statuses]


def ask(api, aos, *statuses):
    """Ask for the list while AOS gives these answers first; return the error or None, and how many GETs it took."""
    aos.gets = replies(*statuses)
    return outcome(api.subscriptions), len(aos.requests)


def put(api, aos, *statuses, **options):
    aos.puts = replies(*statuses)
    return outcome(lambda: api.rename("s-1", "New", **options)), len(aos.sent)


def outcome(call):
    try:
        call()
    except (AOSError, SignInRequired) as error:
        return error
    return None


def test_e16_a_500_is_not_repeated(api, aos):
    error, count = ask(api, aos, 500)
    assert (type(error), count) == (Unusable, 1)


def test_e16_a_500_to_a_change_is_sent_once_and_nobody_knows(api, aos):
    error, count = put(api, aos, 500)
    assert (type(error), error.may_have_happened, count) == (Unusable, True, 1)


@pytest.mark.parametrize("statuses", [(502,), (503,), (504,), (429,), (502, 504), (503, 429), (401, 503), (503, 401)])
def test_e17_a_list_that_comes_at_last_comes(api, aos, statuses):
    assert ask(api, aos, *statuses) == (None, len(statuses) + 1)


@pytest.mark.parametrize(
    ("status", "kind"), [(502, Unusable), (503, Busy), (504, Unusable), (429, Busy)], ids=["502", "503", "504", "429"]
)
def test_e17_a_list_is_asked_for_three_times_at_most(api, aos, status, kind):
    error, count = ask(api, aos, *[status] * 9)
    assert (type(error), count) == (kind, 3)


def test_e17_a_401_at_the_third_try_is_no_reason_to_sign_in(api, aos):
    error, count = ask(api, aos, 503, 503, 401)
    assert (type(error), error.retry_after, count) == (Busy, 1, 3)


def test_e17_pauses_are_short_grow_and_are_left_to_chance(api, aos, monkeypatch):
    pauses = []
    monkeypatch.setattr(http, "_BACK_OFF", 0.2)
    monkeypatch.setattr(time, "sleep", pauses.append)
    random.seed(17)
    for _ in range(20):
        ask(api, aos, 503, 503)
    first, second = pauses[0::2], pauses[1::2]
    assert 0 <= min(first) < 0.1 < max(first) <= 0.2
    assert 0 <= min(second) < 0.2 < max(second) <= 0.4
    assert len(set(pauses)) == 40


@pytest.mark.parametrize("status", [400, 403, 404, 409, 501, 505])
def test_nothing_else_is_repeated(api, aos, status):
    assert ask(api, aos, status)[1] == 1
    assert put(api, aos, status)[1] == 1


@pytest.mark.parametrize("statuses", [(503,), (429,), (401,)])
def test_e17_a_change_that_was_surely_not_made_is_sent_once_more(api, aos, statuses):
    moments = []
    assert put(api, aos, *statuses, before_sending=lambda: moments.append(len(aos.sent))) == (None, 2)
    assert moments == [0, 1]


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        ((503, 503), Busy),
        ((429, 503), Busy),
        ((503, 401), Busy),
        ((401, 503), Busy),
        ((401, 429), Busy),
        ((401, 401), SignInRequired),
        ((503, 404), NotThere),
    ],
    ids=str,
)
def test_e17_two_changes_are_sent_at_most(api, aos, statuses, kind):
    aos.applies = False
    error, count = put(api, aos, *statuses, *[503] * 5)
    assert (type(error), getattr(error, "may_have_happened", False), count) == (kind, False, 2)


@pytest.mark.parametrize("statuses", [(502,), (504,), (503, 502), (401, 504)], ids=str)
@pytest.mark.parametrize("applies", [True, False])
def test_e17_a_change_after_502_or_504_is_not_known(api, aos, applies, statuses):
    aos.applies = applies
    error, count = put(api, aos, *statuses)
    assert (type(error), error.may_have_happened, count) == (Unusable, True, len(statuses))


class Stop(Exception):
    pass


@pytest.mark.parametrize("sent", [0, 1])
def test_what_stands_in_the_way_before_sending_passes_through(api, aos, sent):
    def stop():
        if len(aos.sent) == sent:
            raise Stop

    aos.puts = replies(503, 503)
    with pytest.raises(Stop):
        api.rename("s-1", "New", before_sending=stop)
    assert len(aos.sent) == sent


def test_an_operation_has_one_time_for_all_its_calls(hers, aos, alice):
    api = AOS(alice.grant, seconds=0)
    with pytest.raises(TooSlow) as error:
        api.rename("s-1", "New", before_sending=lambda: pytest.fail("nothing is sent"))
    assert error.value.may_have_happened is False
    assert isinstance(outcome(api.subscriptions), TooSlow)
    assert aos.requests == []


def test_a_renewal_that_takes_all_the_time_leaves_none_for_the_change(api, aos, settings, monkeypatch):
    settings.AOS_TIMEOUT = 1

    def slowly(grant, refused):
        time.sleep(1.2)
        return tokens.Secret("renewed")

    monkeypatch.setattr(tokens, "renewed_token_for", slowly)
    error, count = put(api, aos, 401)
    assert (type(error), error.may_have_happened, count) == (TooSlow, False, 1)


def test_a_receipt_says_what_aos_said(api, aos):
    aos.puts = [Reply.of({"isSuccess": True, "correlationId": "c-1", "result": {"id": "s-1", "displayName": "New"}})]
    receipt = api.rename("s-1", "New")
    assert (receipt.status, receipt.correlation_id, receipt.name) == (200, "c-1", "New")
    (request,) = aos.requests
    assert request.headers["X-Request-ID"] == receipt.request_id


@pytest.mark.parametrize(
    ("payload", "headers", "expected"),
    [
        ({"correlationId": "of the body"}, {"X-Correlation-ID": "of the header"}, "of the body"),
        ({"correlationId": 5}, {"X-Correlation-ID": "of the header"}, "of the header"),
        ({}, {"X-Request-ID": "two", "Request-Id": "three"}, "two"),
        ({}, {"Request-Id": "|three."}, "|three."),
        ([], {}, ""),
        ({"correlationId": "a\r\n\x1bbä" + "x" * 300}, {}, "ab" + "x" * 198),
        ({"correlationId": " \n"}, {"Request-Id": "three"}, "three"),
    ],
)
@pytest.mark.parametrize("status", [400, 500, 502])
def test_an_error_has_a_receipt(api, aos, payload, headers, expected, status):
    aos.puts = [Reply.of(payload, status, **headers)]
    receipt = outcome(lambda: api.rename("s-1", "New")).receipt
    assert (receipt.status, receipt.correlation_id, receipt.name) == (status, expected, None)


def test_an_answer_that_is_no_json_has_a_receipt(api, aos):
    aos.puts = aos.gets = [Reply(502, "<h1>", {"X-Correlation-ID": "c-2"})] * 4
    for call in (lambda: api.rename("s-1", "New"), api.subscriptions):
        receipt = outcome(call).receipt
        assert (receipt.status, receipt.correlation_id) == (502, "c-2")
