"""What must never pass from one person to another, or from AOS's data into a page."""

import re

import pytest

from tests.conftest import browser, sign_in

from .fake_aos import Reply, item
from .pages import LIST, RENAME, field, save, words

pytestmark = pytest.mark.django_db

AWKWARD = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onfocus=alert(1) autofocus='",
    "{{7*7}}",
    "{% debug %}",
    "</script><svg onload=alert(1)>",
    "javascript:alert(1)",
    "a\u202eb\u2066c",
    "🦊👩\u200d👩\u200d👧",
    "שלום עולם",
    "x" * 255,
]


@pytest.fixture
def both(client, alice, bob, aos, token):
    """Alice's client and Bob's, and a subscription each with the same id."""
    aos.items = {token(alice): [item(name="Alice's")], token(bob): [item(name="Bob's"), item(id="bobs")]}
    other = browser()
    sign_in(client, alice)
    sign_in(other, bob)
    return client, other


def test_d14_each_call_carries_its_own_persons_token(both, aos, alice, bob, token, settings):
    settings.LIST_SECONDS = 0
    hers, his = both
    for _ in range(3):
        assert "Alice's" in words(hers.get(LIST))
        assert "Bob's" in words(his.get(LIST))
    sent = [request.headers["Authorization"] for request in aos.requests]
    assert sent == [f"Bearer {token(alice)}", f"Bearer {token(bob)}"] * 3


def test_d15_a_kept_list_is_its_own_persons_alone(both, aos):
    hers, his = both
    for _ in range(3):
        assert ("Alice's" in words(hers.get(LIST)), "Bob's" in words(hers.get(LIST))) == (True, False)
        assert ("Alice's" in words(his.get(LIST)), "Bob's" in words(his.get(LIST))) == (False, True)
    assert len(aos.requests) == 2


def test_d14_a_cookie_that_aos_sets_never_comes_back(both, aos):
    hers, his = both
    aos.gets = [Reply.of([], **{"Set-Cookie": "who=alice; Path=/"})]
    for client in (hers, his, hers):
        client.get(LIST)
    assert all("Cookie" not in request.headers for request in aos.requests)


def test_d01_not_yours_is_not_found_whatever_the_method(both, aos, alice):
    hers, _ = both
    assert hers.get("/subscriptions/bobs/rename/").status_code == 404
    assert hers.post("/subscriptions/bobs/rename/", {"display_name": "x", "seen": "x"}).status_code == 404
    assert aos.sent == []


def test_b11_tokens_travel_in_the_header_alone(both, aos, alice, token):
    hers, _ = both
    save(hers, "New")
    assert {request.method for request in aos.requests} == {"GET", "PUT"}
    for request in aos.requests:
        assert token(alice) not in request.url
        assert token(alice).encode() not in (request.body or b"")


def test_a_token_is_in_no_page_header_or_log(both, aos, alice, token, caplog):
    hers, _ = both
    caplog.set_level("DEBUG")
    pages = [hers.get(LIST), hers.get(RENAME), save(hers, "New")]
    aos.gets = [Reply.of({}, 500)]
    pages.append(hers.get(LIST))
    for page in pages:
        assert token(alice) not in page.content.decode() + str(page.headers) + str(page.cookies)
    assert token(alice) not in caplog.text


@pytest.mark.parametrize("name", AWKWARD)
def test_d19_names_are_text_everywhere_and_come_back_exactly(hers, aos, name):
    reply = save(hers, name)
    assert aos.sent[-1][1] == {"displayName": name}
    listed = hers.get(LIST)
    opened = hers.get(RENAME)
    conflict = hers.post(RENAME, {"display_name": "z" + name[1:], "seen": "stale"})
    renamed = save(hers, "Plain")
    for page in (listed, opened, conflict, hers.get(LIST)):
        text = page.content.decode()
        assert name in words(page) or page is conflict or "<" in name
        for raw in ("<script>alert", "<img", "<svg", "onfocus=alert(1) autofocus='"):
            assert raw not in text
        assert re.findall(r"<script(?! (defer |type=\"module\" )?src=)", text) == []
    assert reply.status_code == renamed.status_code == 302
    assert field(opened, "display_name") == name
