"""429 and 503: Retry-After in both forms, obeyed, and shared through the database."""

import email.utils
import time
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from aosportal import http
from subscriptions import aos as client
from subscriptions import gates
from subscriptions.aos import AOS, Busy
from subscriptions.models import Gate

from .fake_aos import Reply
from .pages import LIST

pytestmark = pytest.mark.django_db


def in_seconds(seconds):
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


def busy(retry_after=None, status=503):
    return Reply.of({}, status, **({"Retry-After": retry_after} if retry_after is not None else {}))


def become_another_process():
    """Forget what this process knows by itself: what the database says is left."""
    client._policy.cache_clear()


@pytest.fixture
def api(hers, alice):
    return AOS(alice.grant)


HEADERS = {  # what AOS says; what the person is told, from … to; whether others are kept away
    "seconds": ("7", 7, 7, True),
    "http date": (lambda: in_seconds(90), 85, 91, True),
    "past date": (lambda: in_seconds(-90), 1, 1, True),
    "10^9": ("1000000000", 3600, 3600, True),
    "thirty digits": ("9" * 30, 3600, 3600, True),
    "far date": (lambda: in_seconds(1e6), 3600, 3600, True),
    "zero": ("0", 1, 1, True),
    "garbage": ("soon", 30, 30, False),
    "negative": ("-5", 30, 30, False),
    "none": (None, 30, 30, False),
}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("case", HEADERS)
def test_e15_retry_after_is_told_obeyed_and_shared(hers, aos, monkeypatch, case, status):
    header, least, most, keeps_away = HEADERS[case]
    monkeypatch.setattr(http, "_LONGEST_PAUSE", 0.1)  # so that a second is too long to wait for
    aos.gets = [busy(header() if callable(header) else header, status)] * 3
    began, first = timezone.now() - timedelta(seconds=1), hers.get(LIST)  # what is told is rounded up
    asked, aos.gets = len(aos.requests), []
    become_another_process()
    if keeps_away:  # as it was a moment ago, however slow this machine is
        told = timedelta(seconds=int(first["Retry-After"]))
        closed = Gate.objects.get().closed_until - told
        assert began < closed < timezone.now() + timedelta(seconds=1)  # a date is read twice: a second may have begun
        Gate.objects.update(closed_until=timezone.now() + told)
    second = hers.get(LIST)

    assert first.status_code == 503
    assert least <= int(first["Retry-After"]) <= most
    assert asked == (1 if keeps_away else 3)
    assert len(aos.requests) == asked + (0 if keeps_away else 1)
    assert second.status_code == (503 if keeps_away else 200)
    assert not keeps_away or 1 <= int(second["Retry-After"]) <= int(first["Retry-After"])


def test_e15_a_rename_is_not_sent_through_a_closed_gate(api, aos):
    aos.gets = [busy("7")]
    with pytest.raises(Busy):
        api.subscriptions()
    with pytest.raises(Busy) as refused:
        api.rename("s-1", "New", before_sending=lambda: pytest.fail("nothing is sent"))
    assert refused.value.retry_after in {6, 7}
    assert not refused.value.may_have_happened
    assert aos.sent == []


def test_e15_a_short_wait_is_waited_for_and_nobody_notices(api, aos):
    aos.gets = [busy("1", 429)]
    start = time.monotonic()
    assert [each.name for each in api.subscriptions()] == ["Old name"]
    assert 1 <= time.monotonic() - start < 9
    assert len(aos.requests) == 2


def test_e15_another_worker_waits_too_if_it_is_short(api, aos):
    start = time.monotonic()
    Gate.objects.create(service="AOS", closed_until=timezone.now() + timedelta(seconds=1))
    assert api.subscriptions()
    assert 0.8 <= time.monotonic() - start < 9


def test_e15_a_wait_that_the_deadline_does_not_leave_is_told(alice, aos, hers, settings):
    settings.AOS_TIMEOUT = 0.9
    aos.gets = [busy("1", 429)]
    with pytest.raises(Busy) as refused:
        AOS(alice.grant).subscriptions()
    assert (refused.value.retry_after, len(aos.requests)) == (1, 1)


def test_e15_a_shorter_wait_does_not_shorten_a_longer_one(api, aos):
    with connection.execute_wrapper(no_reading):  # two workers that do not know of each other yet
        for seconds in ("300", "20"):
            become_another_process()
            aos.gets = [busy(seconds)]
            with pytest.raises(Busy):
                api.subscriptions()
    become_another_process()
    with pytest.raises(Busy) as refused:
        api.subscriptions()
    assert 290 < refused.value.retry_after <= 300


def test_e15_the_gate_opens_by_itself(api, aos):
    Gate.objects.create(service="AOS", closed_until=timezone.now() - timedelta(seconds=1))
    assert api.subscriptions()


def test_the_gate_costs_a_query_a_second_at_most(api, aos, django_assert_num_queries, monkeypatch):
    assert gates._MEMORY == 1
    monkeypatch.setattr(gates, "_MEMORY", 60)  # a second, on a machine that is slow today
    with django_assert_num_queries(1):
        for _ in range(20):
            api.subscriptions()


def test_e15_another_process_learns_of_it_within_a_second(api, aos):
    assert api.subscriptions()
    Gate.objects.create(service="AOS", closed_until=timezone.now() + timedelta(seconds=60))
    time.sleep(1.05)
    with pytest.raises(Busy):
        api.subscriptions()


def no_gates(execute, sql, params, many, context):
    if "subscriptions_gate" in sql:
        raise OperationalError("the database is down")
    return execute(sql, params, many, context)


def no_reading(execute, sql, params, many, context):
    if "subscriptions_gate" in sql and "closed_until" in sql and ">" in sql:
        raise OperationalError("not yet")
    return execute(sql, params, many, context)


def test_a_gate_whose_database_is_down_is_open_and_says_so_once(api, aos, caplog):
    with connection.execute_wrapper(no_gates):
        assert api.subscriptions()
        client._policy()._gate._read_at = 0
        assert api.subscriptions()
    assert caplog.text.count("gate unshared") == 1


def test_what_this_process_was_told_holds_without_the_database(api, aos):
    aos.gets = [busy("9")]
    with connection.execute_wrapper(no_gates):
        for _ in range(2):
            with pytest.raises(Busy):
                api.subscriptions()
    assert len(aos.requests) == 1
