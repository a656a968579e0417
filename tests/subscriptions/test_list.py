"""The list."""

import gzip
import html
import re
import time
import uuid

import pytest
from responses.matchers import query_param_matcher

from .fake_aos import Reply, item
from .pages import LIST, field, words

pytestmark = pytest.mark.django_db
PASSWORDS = "django.contrib.auth.backends.ModelBackend"


def test_it_shows_name_state_and_both_ids(hers):
    page = hers.get(LIST)
    assert page.status_code == 200
    for text in ("Old name", "Enabled", "s-1", "sub-s-1", "1 subscription", "UTC"):
        assert text in words(page)
    assert 'href="/subscriptions/s-1/rename/"' in page.content.decode()


def test_an_enveloped_list_is_the_same(hers, aos):
    aos.gets = [Reply.of({"isSuccess": True, "result": [item(name="In an envelope")]})]
    assert "In an envelope" in words(hers.get(LIST))


def test_no_subscriptions_has_its_own_words(hers, aos):
    aos.gets = [Reply.of([])]
    page = hers.get(LIST)
    assert page.status_code == 200
    assert "No subscriptions yet" in words(page)


def test_an_empty_answer_is_trouble_not_an_empty_list(hers, aos):
    aos.gets = [Reply(204, "")]
    assert hers.get(LIST).status_code == 502


def test_e26_awkward_items_are_listed_without_rename(hers, aos):
    aos.gets = [Reply.of([item(id="a/../b"), item(id=""), {"displayName": None}, item(id="fine", state="Sleeping")])]
    page = hers.get(LIST)
    assert page.status_code == 200
    assert words(page).count("Cannot be renamed here") == 3
    assert "Unnamed" in words(page)
    assert "Sleeping" in words(page)
    assert page.content.count(b"data-rename") == 1


def test_a_visitor_is_sent_to_sign_in(client, aos):
    page = client.get(LIST)
    assert (page.status_code, page["Location"]) == (302, "/login/?next=/subscriptions/")
    assert aos.requests == []


def test_a_local_user_without_aps_identity_sees_whose_page_it_is_not(client, aos, django_user_model, settings):
    settings.AUTHENTICATION_BACKENDS = [PASSWORDS]
    client.force_login(django_user_model.objects.create_user("root", is_staff=True), backend=PASSWORDS)
    page = client.get(LIST)
    assert page.status_code == 200
    assert "no subscriptions" in words(page).lower()
    assert aos.requests == []


def test_the_list_is_only_read(hers):
    assert hers.post(LIST).status_code == 405


def test_the_address_of_aos_is_configurable(hers, wire, settings):
    settings.AOS_BASE_URL, settings.AOS_SUBSCRIPTIONS_PATH = "https://own.test", "v3/subs/"
    wire.get("https://own.test/v3/subs", json=[item(name="Self-hosted")], match=[query_param_matcher({})])
    assert "Self-hosted" in words(hers.get(LIST))


def test_extra_query_parameters_are_configurable(hers, aos, settings):
    settings.AOS_QUERY = "tenantId=t%201&x="
    hers.get(LIST)
    assert aos.requests[-1].url.endswith("/subscriptions?tenantId=t+1&x=")


@pytest.fixture
def many(hers, aos):
    """Alice with 120 subscriptions."""
    states = ["Enabled"] * 60 + ["PastDue"] * 59 + [""]
    aos.items[next(iter(aos.items))][:] = [
        item(id=f"s-{n}", name=f"Plán {n}", state=state) for n, state in enumerate(states)
    ]
    return hers


def links(page):
    return re.findall(r'href="(/subscriptions/[^"]*)"', html.unescape(page.content.decode()))


def test_the_first_fifty_are_shown_and_all_are_counted(many):
    page = many.get(LIST)
    assert page.content.count(b"data-rename") == 50
    for text in ("1–50 of 120 subscriptions", "Page 1 of 3", "All 120", "Past due 59", "Not known 1"):
        assert text in words(page)
    assert {f"{LIST}?page=2", f"{LIST}?sort=-name", f"{LIST}?sort=state"} <= set(links(page))
    assert "Previous" not in words(page)
    last = many.get(f"{LIST}?page=99")
    assert "101–120 of 120" in words(last)
    assert f"{LIST}?page=2" in links(last)
    assert "Next" not in words(last)


def test_everything_asked_for_is_in_the_links_and_a_change_begins_at_the_first_page(many):
    page = many.get(f"{LIST}?q=plan+1&state=Enabled&sort=-name&page=1&odd=1")
    for link in (
        f"{LIST}?q=plan+1&sort=-name",  # any state
        f"{LIST}?q=plan+1&state=PastDue&sort=-name",
        f"{LIST}?state=Enabled&sort=-name",  # no search
        f"{LIST}?sort=-name",  # neither
        f"{LIST}?q=plan+1&state=Enabled",  # by name, the other way round
        f"{LIST}?q=plan+1&state=Enabled&sort=state",
    ):
        assert link in links(page)
    assert "11 found · 120 in all" in words(page)
    assert field(page, "q") == "plan 1"
    assert (field(page, "state"), field(page, "sort")) == ("Enabled", "-name")


@pytest.mark.parametrize(
    ("sort", "name", "state"), [("name", "ascending", ""), ("-name", "descending", ""), ("-state", "", "descending")]
)
def test_the_sorted_column_says_so(many, sort, name, state):
    page = many.get(f"{LIST}?sort={sort}").content.decode()
    heads = {title: head for head, title in re.findall(r"<th([^>]*)>\s*<a[^>]*>(\w+)</a>", page)}
    for title, wanted in (("Name", name), ("State", state)):
        assert ("aria-sort" in heads[title]) is bool(wanted)
        assert f'aria-sort="{wanted}"' in heads[title] or not wanted


def test_no_match_has_its_own_words_and_a_way_on(many):
    page = many.get(f"{LIST}?q=<b>nowhere&state=PastDue")
    assert page.status_code == 200
    assert (
        "No subscription has “<b>nowhere” in its name or ids and is in the state “Past due”. You have 120 in all."
        in words(page)
    )
    assert "<table" not in page.content.decode()
    assert LIST in links(page)
    elsewhere = many.get(f"{LIST}?q=plan+1&state=Deleted")
    assert "Search in every state" in words(elsewhere)
    assert "Deleted 0" in words(elsewhere)


@pytest.mark.parametrize(
    "query", ["?page=x", "?page=-5", "?sort=x&page=", "?state=&q=", "?q=%00%ff&state=%F0%9F", "?page=1&page=2"]
)
def test_nonsense_in_the_address_never_breaks_the_page(many, query):
    assert many.get(LIST + query).status_code == 200


def test_e27_ten_thousand_subscriptions_are_a_small_page(many, aos):
    aos.items[next(iter(aos.items))][:] = [
        item(id=str(uuid.uuid4()), name=f"Büro {n} – {n % 7}", subscriptionId=str(uuid.uuid4())) for n in range(10_000)
    ]
    before = time.monotonic()
    page = many.get(LIST)
    found = many.get(f"{LIST}?q=buro+99")
    assert time.monotonic() - before < 20

    assert "10,000 subscriptions" in words(page)
    assert "found · 10,000 in all" in words(found)
    assert len(gzip.compress(page.content)) < 12_000
