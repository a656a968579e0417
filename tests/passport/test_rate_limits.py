"""Starting a sign-in is limited for an address and for a browser; nothing else is."""

import os
import uuid

import pytest
import redis
from django.conf import settings as live

from aosportal.client_address import client_address
from aosportal.passport import rate_limits
from tests.conftest import browser


def start(client, **headers):
    return client.post("/login/aps/", **headers)


def with_csrf_cookie():
    client = browser()
    client.cookies[live.CSRF_COOKIE_NAME] = uuid.uuid4().hex
    return client


def test_the_twenty_first_start_of_a_browser_in_a_minute_waits(aps):
    client = with_csrf_cookie()
    statuses = [start(client).status_code for _ in range(21)]

    assert statuses == [302] * 20 + [429]
    refused = start(client)
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert "Too many" in refused.content.decode()


def test_the_sixty_first_start_of_an_address_waits_and_other_addresses_do_not(aps):
    statuses = [start(with_csrf_cookie()).status_code for _ in range(61)]

    assert statuses == [302] * 60 + [429]
    assert start(with_csrf_cookie(), REMOTE_ADDR="192.0.2.7").status_code == 302


def test_limits_are_settings(aps, settings):
    settings.SIGN_IN_RATE_BROWSER = 1
    client = with_csrf_cookie()

    assert [start(client).status_code for _ in range(2)] == [302, 429]


def test_pages_and_callbacks_are_not_limited(aps, client, settings):
    settings.SIGN_IN_RATE_BROWSER = settings.SIGN_IN_RATE_ADDRESS = 1
    start(client)

    assert {client.get("/login/").status_code for _ in range(5)} == {200}
    assert {client.get("/complete/aps/").status_code for _ in range(5)} == {400}


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        (2, "1.1.1.1, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "127.0.0.1"),
        (1, "<script>", ""),
        (1, "2001:DB8::1", "2001:db8::1"),
    ],
)
def test_d13_the_address_is_the_nth_from_the_right_and_nothing_else(rf, settings, proxies, forwarded, address):
    settings.TRUST_PROXY_HEADERS = proxies
    headers = {"HTTP_X_REAL_IP": "9.9.9.9", "HTTP_FORWARDED": "for=9.9.9.9", "HTTP_X_FORWARDED_FOR": forwarded}

    assert client_address(rf.get("/", **headers)) == address


def test_d13_a_forged_address_does_not_escape_the_limit(aps, settings):
    settings.SIGN_IN_RATE_ADDRESS = 1
    start(with_csrf_cookie(), HTTP_X_FORWARDED_FOR="1.1.1.1")

    assert start(with_csrf_cookie(), HTTP_X_FORWARDED_FOR="2.2.2.2").status_code == 429


def test_e34_a_store_that_is_down_limits_nothing_and_is_logged(aps, client, settings, caplog):
    settings.CACHES = {"default": {"BACKEND": "x", "LOCATION": "redis://127.0.0.1:1/0"}}
    settings.SIGN_IN_RATE_BROWSER = 1

    assert [start(client).status_code for _ in range(3)] == [302] * 3
    assert "rate_limit uncounted" in caplog.text


@pytest.mark.redis
def test_two_workers_count_together_in_redis(aps, settings):
    location = os.environ["TEST_CACHE_URL"].replace("rediscache://", "redis://")
    settings.CACHES = {"default": {"BACKEND": "x", "LOCATION": location}}
    settings.SIGN_IN_RATE_BROWSER = 1
    client = with_csrf_cookie()
    try:
        assert start(client).status_code == 302
        rate_limits.limiter.cache_clear()  # as another worker process, which shares nothing but Redis
        assert start(client).status_code == 429
    finally:
        store = redis.from_url(location)
        for key in store.scan_iter("LIMITS:*"):
            store.delete(key)
        store.close()
