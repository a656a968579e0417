"""AOS answers 401: one refresh, one repeat, never a loop. Through the pages, with APS and AOS on the wire."""

import json

import pytest

from aosportal.passport.models import Grant
from tests.conftest import browser, sign_in

AOS = "https://aos.test/api/v2/subscriptions"
HERS = {"id": "s-1", "subscriptionId": "x-1", "displayName": "Blue", "state": "Enabled"}


class Guard:
    """AOS with one subscription, which accepts every token but those in `refused`; None refuses all."""

    def __init__(self, wire):
        self.refused = set()
        self.refuses_puts = 0  # so many more
        self.item = dict(HERS)
        self.asked = []
        wire.add_callback("GET", AOS, self)
        wire.add_callback("PUT", f"{AOS}/s-1", self)

    def __call__(self, request):
        token = request.headers["Authorization"].removeprefix("Bearer ")
        self.asked.append((request.method, token))
        if self.refuses_puts and request.method == "PUT":
            self.refuses_puts -= 1
            return 401, {"Content-Type": "application/json"}, "{}"
        if self.refused is None or token in self.refused:
            return 401, {"Content-Type": "application/json"}, "{}"
        if request.method == "PUT":
            self.item = {**self.item, **json.loads(request.body)}
        answer = self.item if request.method == "PUT" else [self.item]
        return 200, {"Content-Type": "application/json"}, json.dumps(answer)


@pytest.fixture
def aos(wire):
    return Guard(wire)


@pytest.fixture
def hers(aps, aos, alice, client):
    aps.knows_refresh_token("alice-refresh")
    sign_in(client, alice)
    return client


def test_e09_one_401_costs_one_refresh_and_the_person_notices_nothing(hers, aps, aos):
    aos.refused = {"alice-token"}
    page = hers.get("/subscriptions/")

    assert (page.status_code, "Blue" in page.content.decode()) == (200, True)
    assert aps.refreshes() == ["alice-refresh"]
    assert [token for _method, token in aos.asked] == [
        "alice-token",
        Grant.objects.get().token("access_token").reveal(),
    ]


def test_e10_401_for_ever_is_one_repeat_and_then_a_sign_in_without_a_loop(hers, aps, aos):
    aos.refused = None
    page = hers.get("/subscriptions/?q=a", follow=True)

    assert len(aos.asked) == 2
    assert len(aps.refreshes()) == 1
    assert page.redirect_chain == [("/login/?next=%2Fsubscriptions%2F%3Fq%3Da", 302)]
    assert "Please sign in again" in page.content.decode()


def test_e10_d05_the_sign_in_page_means_that_the_session_is_dead(hers, aos):
    aos.refused = None
    cookie = hers.cookies["__Host-aosportal_session"].value
    hers.get("/subscriptions/", follow=True)
    aos.refused = set()

    other = browser()
    other.cookies["__Host-aosportal_session"] = cookie
    for client in (hers, other):
        assert client.get("/subscriptions/")["Location"].startswith("/login/")
    assert Grant.objects.get().access_token == ""


def test_e11_a_401_on_a_put_is_repeated_once_and_applied_once(hers, aps, aos):
    form = hers.get("/subscriptions/s-1/rename/").context["form"]
    aos.refuses_puts = 1
    page = hers.post("/subscriptions/s-1/rename/", {"display_name": "Red", "seen": form["seen"].value()})

    assert page.status_code == 302
    assert [method for method, _token in aos.asked].count("PUT") == 2
    assert aos.item["displayName"] == "Red"
    assert aps.refreshes() == ["alice-refresh"]


def test_d15_what_one_person_sees_is_kept_for_nobody(hers, aos):
    page = hers.get("/subscriptions/")

    assert page["Cache-Control"] == "no-store"
    assert hers.get("/subscriptions/x.css").status_code == 404
    assert hers.get("/subscriptions/s-1/rename/x.js").status_code == 404
