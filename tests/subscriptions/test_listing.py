"""Finding, filtering, sorting and paging, without a page."""

import time
import unicodedata
import uuid

import pytest

from subscriptions.answers import Subscription
from subscriptions.listing import PAGE_SIZE, fold, natural_key, select


def named(*names, state="Enabled"):
    return [Subscription(f"id-{n}", f"sub-{n}", name, state) for n, name in enumerate(names)]


def found(listing):
    return [each.name for each in listing.rows]


ORDERS = [
    ["Plan 2", "plan 3", "Plan 10", "Plan 100"],
    ["e", "Éa", "eb", "éc", "z"],
    ["a 007", "a 8", "a 0010", "a 11b2", "a 11b10"],
    ["Ångström", "ärger", "Azure", "straße 1", "STRASSE 2"],
    ["Plan ٢", "Plan 3", "Plan １０"],
    ["x " + "9" * 5000, "x 1" + "0" * 5000],
    ["1.2.9", "1.2.10", "1.10.1"],
    [" leading", "middle", "  next"],
    ["", "z"][::-1],
    ["zebra", None],
]


@pytest.mark.parametrize("wanted", ORDERS)
def test_names_are_sorted_as_people_sort_them(wanted):
    for given in (wanted, wanted[::-1]):
        assert found(select(named(*given))) == wanted


def test_decomposed_and_composed_letters_are_the_same():
    assert fold(unicodedata.normalize("NFD", "Éclair")) == fold(unicodedata.normalize("NFC", "ÉCLAIR")) == "eclair"
    assert natural_key("Plan 02") == natural_key("plan 2")


def test_equal_names_are_in_the_order_of_their_ids_both_ways():
    rows = [Subscription(key, "", name, "") for key, name in (("c", "Same"), ("a", "sáme"), ("b", "SAME"))]
    for given in (rows, rows[::-1]):
        for sort in ("name", "-name", "state", "-state"):
            assert [each.id for each in select(given, sort=sort).rows] == ["a", "b", "c"]


def test_unnamed_ones_come_last_both_ways():
    rows = named("b", None, "a", "  ", "c")
    assert found(select(rows, sort="name"))[:3] == ["a", "b", "c"]
    assert found(select(rows, sort="-name"))[:3] == ["c", "b", "a"]


def test_states_are_sorted_by_their_word_and_within_one_by_name():
    rows = named("b", "a", state="Warned") + named("d", "c", state="deleted")
    assert found(select(rows, sort="state")) == ["c", "d", "a", "b"]
    assert found(select(rows, sort="-state")) == ["a", "b", "c", "d"]


SEARCHES = {
    "a piece of the name": ("toso", ["Contoso ERP"]),
    "another case": ("CONTOSO", ["Contoso ERP"]),
    "without accents": ("bogota", ["Analytics – Bogotá"]),
    "with other accents": ("bögötà", ["Analytics – Bogotá"]),
    "an id": ("ID-1", ["Analytics – Bogotá"]),
    "a subscription id": ("sub-2", ["二 (straße)"]),
    "a sharp s": ("STRASSE", ["二 (straße)"]),
    "another alphabet": ("二", ["二 (straße)"]),
    "spaces around": ("  erp ", ["Contoso ERP"]),
    "spaces within": ("o  e", []),
    "no regular expression": (".*", []),
    "nothing like it": ("nowhere", []),
}


@pytest.mark.parametrize("case", SEARCHES)
def test_searching_takes_no_notice_of_case_and_accents(case):
    q, wanted = SEARCHES[case]
    assert found(select(named("Contoso ERP", "Analytics – Bogotá", "二 (straße)"), q=q)) == wanted


def test_states_are_counted_among_what_is_found_and_keep_their_places():
    rows = named("a", "b", "ab") + named("c", state="Warned") + named("a", state="") + named("z", state="Odd")
    everything, some = select(rows), select(rows, q="a", state="Enabled")

    assert [(each.state, each.count) for each in everything.states] == [
        ("Enabled", 3),
        ("", 1),
        ("Odd", 1),
        ("Warned", 1),
    ]
    assert [(each.state, each.count) for each in some.states] == [("Enabled", 2), ("", 1), ("Odd", 0), ("Warned", 0)]
    assert [each.state for each in select(rows, q="z").states] == ["Enabled", "", "Odd", "Warned"]
    assert (some.found, some.total, found(some)) == (3, 6, ["a", "ab"])


def test_a_state_that_nobody_has_finds_nothing_and_stays_visible():
    listing = select(named("a"), state="Deleted")
    assert (found(listing), listing.found, listing.is_filtered) == ([], 1, True)
    assert [(each.state, each.count) for each in listing.states] == [("Enabled", 1), ("Deleted", 0)]


def test_an_empty_state_can_be_filtered_by():
    rows = named("a") + named("b", state="")
    (nothing,) = [each for each in select(rows).states if not each.state]
    assert found(select(rows, state=nothing.value)) == ["b"]
    assert len(select(rows, state=nothing.value).states) == 2


@pytest.mark.parametrize(
    ("page", "number", "size"),
    [("1", 1, 50), ("2", 2, 50), ("3", 3, 20), ("4", 3, 20), ("9" * 30, 3, 20), ("0", 1, 50), ("-1", 1, 50)]
    + [(text, 1, 50) for text in ("", "x", "1.5", "9" * 5000, "\0", "²")],
)
def test_any_page_number_leads_to_a_page(page, number, size):
    listing = select(named(*"a" * 120), page=page)
    assert (listing.page, listing.pages, len(listing.rows), PAGE_SIZE) == (number, 3, size, 50)
    assert (listing.first, listing.last) == ((number - 1) * 50 + 1, (number - 1) * 50 + size)


def test_no_subscriptions_are_one_empty_page():
    listing = select([], q="x", state="y", sort="z", page="7")
    assert (listing.rows, listing.page, listing.pages, listing.total) == ([], 1, 1, 0)


@pytest.mark.parametrize("sort", ["", "id", "--name", "NAME", "state "])
def test_an_unknown_sort_is_by_name(sort):
    listing = select(named("b", "a"), sort=sort)
    assert (listing.sort, found(listing)) == ("name", ["a", "b"])


def test_e27_ten_thousand_are_searched_and_sorted_at_once():
    rows = [Subscription(str(uuid.uuid4()), str(uuid.uuid4()), f"Büro {n}", "Enabled") for n in range(10_000)]
    before = time.monotonic()
    assert select(rows, q="büro 99", sort="-name").rows[0].name == "Büro 9999"
    assert select(rows).rows[2].name == "Büro 2"
    assert time.monotonic() - before < 30
