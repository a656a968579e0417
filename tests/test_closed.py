"""Closed by default: every address that needs no session is written down here."""

import re

import pytest
from django.urls import URLPattern, get_resolver

from aosportal.operations.watching import ADDRESSES

PUBLIC = {
    "/": 200,
    "/language/": 405,  # POST alone
    "/login/": 200,
    "/login/x/": 405,  # POST alone
    "/complete/x/": 404,  # no such backend
    "/logout/": 405,
    "/logout/backchannel/": 405,
    "/signed-out/": 200,
    "/health/live": 200,
    "/health/ready": 200,
    "/metrics": 404,  # without METRICS_TOKEN
}
VALUES = {"uuid": "0b7c55d1-9e03-4f7e-8c1d-aa0412345678", "safe_id": "s-1", "str": "x", "path": "x", "int": "1"}


def addresses(patterns, prefix="/"):
    for each in patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLPattern):
            yield route
        else:
            yield from addresses(each.url_patterns, route)


def concrete(route):
    """An address for a route: `<uuid:x>` and the admin's expressions filled in."""
    route = re.sub(r"<(?:(\w+):)?\w+>", lambda found: VALUES[found[1] or "str"], route)
    return re.sub(r"\(\?P<\w+>[^)]*\)|[\^$]|\\\\.", "x", route)


ALL = sorted({concrete(route) for route in addresses(get_resolver().url_patterns)} | set(ADDRESSES))


def test_there_are_addresses_to_look_at():
    assert len(ALL) > 30
    assert set(PUBLIC) <= set(ALL)


@pytest.mark.parametrize("address", ALL)
def test_a_visitor_gets_to_no_other_page(client, db, address):
    response = client.get(address)
    if address in PUBLIC:
        assert response.status_code == PUBLIC[address]
    else:
        assert response.status_code in (302, 404), response.status_code
        assert response.status_code == 404 or "/login/" in response["Location"]
