"""What speaks against a wanted name, row by row; and tables as they come back from spreadsheets."""

import contextlib

import pytest

from subscriptions import importing
from subscriptions.answers import Subscription
from subscriptions.exporting import csv_lines
from subscriptions.importing import NotUsable
from subscriptions.planning import MOST_ROWS, Edit, Proposal, check, edited

ODD = "a/b"


def named(**names):
    return [Subscription(key, f"sub-{key}", name, "Enabled") for key, name in names.items()]


@pytest.mark.parametrize(
    ("edit", "name"),
    [
        (Edit(find="test", replace="live"), "live Shop live"),
        (Edit(find="test", replace="live", match_case=True), "Test Shop live"),
        (Edit(find="shop", replace=r"\1 $0 .*"), r"Test \1 $0 .* test"),
        (Edit(find=".", replace="x"), "Test Shop test"),
        (Edit(find="Test "), "Shop test"),
        (Edit(prefix="EU "), "EU Test Shop test"),
        (Edit(suffix=" (old)"), "Test Shop test (old)"),
        (Edit(find="Test", replace="", match_case=True, prefix="<", suffix=">"), "< Shop test>"),
    ],
)
def test_an_edit_takes_what_was_typed_letter_by_letter(edit, name):
    assert edit.apply("Test Shop test") == name


def test_a_subscription_without_a_name_gets_what_is_put_around_it():
    assert edited(named(a=None), Edit(prefix="New")) == [Proposal("a", "New")]


def problems(wishes, **names):
    return [row.problem for row in check(wishes, named(**names))]


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        (Proposal("a", "New"), ""),
        (Proposal("a", "New", expected="Old"), ""),
        (Proposal("a", "  "), "empty"),
        (Proposal("a", "\u200b"), "empty"),
        (Proposal("a", "x" * 255), ""),
        (Proposal("a", "x" * 256), "long"),
        (Proposal("a", "x\ny"), "control"),
        (Proposal("a", "Old"), "unchanged"),
        (Proposal("a", " Old "), "unchanged"),
        (Proposal("a", "New", expected="Older"), "changed"),
        (Proposal("a", "New", expected=""), "changed"),
        (Proposal("a", "Old", expected="Older"), "unchanged"),
        (Proposal("z", "New"), "unknown-id"),
    ],
)
def test_each_problem_is_found(wish, problem):
    assert problems([wish], a="Old") == [problem]


def test_an_id_that_comes_twice_is_a_problem_each_time():
    assert problems([Proposal("a", "1"), Proposal("b", "1"), Proposal("a", "2")], a="A", b="B") == [
        "twice",
        "",
        "twice",
    ]


def test_an_id_unfit_for_an_address_is_a_problem():
    (row,) = check([Proposal(ODD, "New")], [Subscription(ODD, "", "Old", "")])
    assert row.problem == "unusual-id"


@pytest.mark.parametrize("name", ["a\nb", "a\r\nb", " padded ", "", None, "tab\tbed"])
def test_an_odd_name_that_came_back_as_it_was_is_unchanged(name):
    (row,) = check([Proposal("a", (name or "").replace("\r\n", "\n"))], named(a=name))
    assert (row.problem, row.seen, row.wanted) == ("unchanged", name, name or "")


def test_new_names_are_trimmed():
    (row,) = check([Proposal("a", " New ")], named(a="Old"))
    assert (row.wanted, row.problem) == ("New", "")


def test_the_same_name_twice_is_a_hint_only():
    rows = check([Proposal("a", "shop"), Proposal("b", "Blog")], named(a="A", b="B", c="Shop", d="Blog Two"))
    assert [(row.problem, row.is_duplicate) for row in rows] == [("", True), ("", False)]


def test_a_name_that_another_row_gives_up_is_free():
    rows = check([Proposal("a", "B"), Proposal("b", "A")], named(a="A", b="B"))
    assert [row.is_duplicate for row in rows] == [False, False]


def test_undoing_gives_back_what_we_would_not_let_through():
    rows = check([Proposal("a", "x\ny ", expected="New", undoes="u")], named(a="New"))
    assert [(row.wanted, row.problem, row.undoes) for row in rows] == [("x\ny ", "", "u")]


def read(text):
    return [(each.id, each.name, each.expected) for each in importing.read(text)]


@pytest.mark.parametrize(
    "text",
    [
        "id,newName\na,New\n",
        "\ufeffid,newName\r\na,New\r\n",
        "ID;New name\na;New",
        'id\tnew_name\n"a"\t"New"\n\n\n',
        "id,state,displayName\na,Enabled,New",
        "name,id\nNew,a",
        "a,New",
        " a ;New;ignored\n;;\n",
    ],
)
def test_tables_of_many_kinds(text):
    assert read(text) == [("a", "New", None)]


def test_beside_the_exported_name_the_new_one_is_what_is_wanted():
    text = "id,subscriptionId,displayName,state,newName\na,s,Old,Enabled,New\nb,t,Only,Enabled"
    assert read(text) == [("a", "New", "Old"), ("b", "", "Only")]


@pytest.mark.parametrize(
    "name", ["=1+1", "'=1+1", "+1", "@x", "-", "'quoted'", 'a"b,c\nd;e', "\ttab", "é", "O'Neill", ""]
)
def test_d20_what_was_exported_comes_back_as_it_was(name):
    exported = "".join(csv_lines(["id", "displayName", "newName"], [["a", name, name]]))
    assert read(exported) == [("a", name, name)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no row"),
        ("\n , \n", "no row"),
        ("id,newName\n", "no row"),
        ("id,state\na,Enabled", "newName"),
        ('id,newName\na,"New', "Line 2"),
        ('id,newName\na,"New"x', "Line 2"),
        ("a," + "x" * 200_000, "Line 1"),
        ("a,b\n" * (MOST_ROWS + 2), "10000 rows"),
    ],
    ids=["nothing", "blanks", "header", "no-name", "open-quote", "odd-quote", "huge-cell", "too-many"],
)
def test_what_is_no_table_is_said_in_words(text, words):
    with pytest.raises(NotUsable, match=words):
        read(text)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_files_of_many_encodings(encoding):
    assert read(importing.decode("id,newName\na,Größe €".encode(encoding))) == [("a", "Größe €", None)]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x81\x8d", b"\0" * 100, bytes(range(256))])
def test_no_file_is_too_odd_to_be_told_of(content):
    with contextlib.suppress(NotUsable):
        importing.read(importing.decode(content))
