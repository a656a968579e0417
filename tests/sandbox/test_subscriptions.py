"""The stand-in AOS in fine weather."""

from uuid import UUID

import pytest
import requests

STRANGE = ["<script>alert(1)</script>", "{{7*7}}", None, "Plan 2", "Plan 10", "فرع الرياض", "  leading spaces"]


def test_everybody_has_about_twenty_with_awkward_names(alice):
    items = alice.aos().json()

    assert 18 <= len(items) <= 25
    assert {tuple(item) for item in items} == {("id", "subscriptionId", "displayName", "state")}
    assert all(UUID(item["id"]) and UUID(item["subscriptionId"]) for item in items)
    assert {item["state"] for item in items} == {"Enabled", "Warned", "PastDue", "Disabled", "Deleted", "Zombified"}
    names = [item["displayName"] for item in items]
    assert set(STRANGE) <= set(names)
    assert max(len(name or "") for name in names) == 200


def test_bob_neither_sees_nor_renames_what_is_alices(alice, bob):
    hers = next(iter(alice.names()))

    assert not set(alice.names()) & set(bob.names())
    assert bob.rename(hers, "Mine now").status_code == 404
    assert "Mine now" not in alice.names().values()


def test_dana_may_not_see_subscriptions(visitor):
    visitor.sign_in("dana.kim")

    assert visitor.aos().status_code == 403
    assert visitor.rename("anything", "New").status_code == 403


@pytest.mark.parametrize("name", ["", "   ", None, 7])
def test_a_name_that_is_none_is_refused_with_details(alice, name):
    first, before = next(iter(alice.names().items()))

    answer = alice.rename(first, name)

    assert answer.status_code == 400
    assert answer.json()["validationDetails"]["displayName"]
    assert alice.names()[first] == before


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"displayName": "New", "state": "Enabled"}'])
def test_a_body_of_another_shape_is_refused(alice, body):
    first = next(iter(alice.names()))

    answer = put(alice, first, body)

    assert answer.status_code == 400
    assert answer.json()["validationDetails"]


def put(visitor, subscription_id, body):
    headers = {"Authorization": f"Bearer {visitor.tokens['access_token']}", "Content-Type": "application/json;"}
    address = f"{visitor.at.aos_url}/api/v2/subscriptions/{subscription_id}"
    return requests.put(address, data=body, headers=headers, timeout=10)


@pytest.mark.parametrize("wrong", ["not-a-guid", "00000000-0000-4000-8000-000000000000", "%2e%2e"])
def test_an_unknown_id_is_not_found(alice, wrong):
    assert alice.rename(wrong, "New").status_code == 404


@pytest.mark.parametrize("header", ["", "Bearer nonsense", "Basic YTpi", "Bearer"])
def test_without_a_good_token_there_is_nothing(stand_ins, header):
    answer = requests.get(f"{stand_ins.aos_url}/api/v2/subscriptions", headers={"Authorization": header}, timeout=10)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_aos_sets_no_cookie(alice):
    assert not alice.aos().cookies
    assert not alice.rename(next(iter(alice.names())), "New").cookies


def test_cookies_are_not_named_as_the_portals(alice):
    assert set(alice.browser.cookies.keys()) == {"sandbox_session", "sandbox_csrf"}
