"""What 10,000 subscriptions weigh on the wire, as the browser counts it: headers and compressed bodies."""

import uuid

import pytest
from playwright.sync_api import expect

from tests.support.hostile_aos import item

pytestmark = pytest.mark.browser
COUNT = 10_000
FIRST, LATER, ANSWER = 60_000, 12_000, 12_000  # bytes


class Scale:
    """Weighs all that a window loads: `requests` are addresses, `weight` bytes.

    Not the icon of the tab: a browser asks for it when it likes, once in all.
    """

    def __init__(self, page):
        self.requests, self.weight, self._icons = [], 0, set()
        self._wire = page.context.new_cdp_session(page)
        self._wire.send("Network.enable")
        self._wire.on("Network.requestWillBeSent", self._began)
        self._wire.on("Network.loadingFinished", self._finished)

    def _began(self, event):
        if "/static/icon." in (url := event["request"]["url"]):
            self._icons.add(event["requestId"])
        else:
            self.requests.append(url)

    def _finished(self, event):
        if event["requestId"] not in self._icons:
            self.weight += event["encodedDataLength"]

    def weigh(self, page, act):
        self.requests, self.weight = [], 0
        act()
        page.wait_for_load_state("networkidle")
        return int(self.weight)


def subscriptions():
    return [
        item(
            str(uuid.uuid5(uuid.NAMESPACE_DNS, f"id {number}")),
            f"Subscription {number} of a customer in Bogotá",
            subscriptionId=str(uuid.uuid5(uuid.NAMESPACE_DNS, f"subscription {number}")),
            state=("Enabled", "Enabled", "Warned", "PastDue", "Disabled")[number % 5],
        )
        for number in range(COUNT)
    ]


def test_ten_thousand_subscriptions_weigh_little(new_page, office, record_property):
    page = new_page()
    office.someone(page, subscriptions())
    scale, address = Scale(page), f"{office.url}/subscriptions/"

    first = scale.weigh(page, lambda: page.goto(address, timeout=30_000))
    expect(page.get_by_text("1–50 of 10,000 subscriptions")).to_be_visible()
    later = scale.weigh(page, lambda: page.goto(f"{address}?page=2"))
    answer = scale.weigh(page, lambda: type_and_wait(page))

    for name, value in {"first": first, "later": later, "answer": answer}.items():
        record_property(name, value)
    assert 20_000 < first < FIRST, first
    assert 3_000 < later < LATER, later
    assert len(scale.requests) == 1, scale.requests
    assert 1_000 < answer < ANSWER, answer


def type_and_wait(page):
    page.get_by_role("searchbox").fill("customer")
    expect(page.locator(".found").get_by_text("10,000 found")).to_be_visible()
