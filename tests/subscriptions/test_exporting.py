"""Files to take away: what they hold, and that a spreadsheet runs nothing in them."""

import csv
import io
import json

import pytest

from subscriptions.exporting import csv_lines, guarded, json_lines, unguarded

from .fake_aos import Reply, item
from .pages import LIST, words

FORMULAS = ["=HYPERLINK(1)", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "\0=1", "＝1", "'=1", "''+1"]
PLAIN = ["", "Plan 2", "'quoted'", "a=b", "é", "1-2", "'", "''"]
ODD = [*FORMULAS, *PLAIN, 'a"b,c\r\nd', "a;b", " x ", "שלום", "🦊", "\u202e", "x\0y"]


def read(text):
    """As a spreadsheet reads it."""
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:], newline=""), strict=True))


@pytest.mark.parametrize("name", FORMULAS)
def test_d20_what_a_spreadsheet_could_run_is_text(name):
    assert guarded(name) == f"'{name}"


@pytest.mark.parametrize("name", PLAIN)
def test_d20_everything_else_is_left_alone(name):
    assert guarded(name) == name


def test_d20_a_guarded_table_read_again_is_what_it_was():
    rows = read("".join(csv_lines(("id", "name"), [("s-1", name) for name in ODD])))
    assert rows[0] == ["id", "name"]
    assert [unguarded(name) for _, name in rows[1:]] == ODD


def test_csv_is_as_rfc_4180_says():
    lines = list(csv_lines(("a", "b"), [('x"y,z', None), ("two\nlines", "é")]))
    assert lines == ["\ufeffa,b\r\n", '"x""y,z",\r\n', '"two\nlines",é\r\n']


@pytest.mark.parametrize("objects", [[], [{"a": 1}], [{"name": name} for name in [*ODD, None]]])
def test_json_comes_back_exactly(objects):
    assert json.loads("".join(json_lines(objects))) == objects


def test_json_is_readable():
    assert list(json_lines([{"name": "é"}, {}])) == ['[\n{"name": "é"}', ",\n{}", "\n]\n"]


MANY = [item(id=f"s-{n}", name=f"Plan {n}", state="Warned" if n % 2 else "Enabled") for n in range(700)]


def content(response):
    assert response.status_code == 200
    assert response.streaming
    return b"".join(response).decode()


@pytest.fixture
def many(hers, aos):
    aos.items[next(iter(aos.items))][:] = MANY
    return hers


@pytest.mark.django_db
def test_an_export_holds_all_pages_of_what_the_list_shows(many, aos):
    query = "?q=plan+1&state=Warned&sort=-name&page=2"
    table = read(content(many.get(f"{LIST}export.csv{query}")))
    objects = json.loads(content(many.get(f"{LIST}export.json{query}")))
    wanted = [f"s-{n}" for n in range(699, 0, -1) if str(n)[0] == "1" and n % 2]

    assert table[0] == ["id", "subscriptionId", "displayName", "state"] == list(objects[0])
    assert [row[0] for row in table[1:]] == [each["id"] for each in objects] == wanted
    assert objects[0] == {"id": "s-199", "subscriptionId": "sub-s-199", "displayName": "Plan 199", "state": "Warned"}
    assert len(read(content(many.get(f"{LIST}export.csv")))) == 701
    assert len(aos.requests) == 1  # the list that is kept serves exports too


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "type"), [("csv", "text/csv; charset=utf-8"), ("json", "application/json")])
def test_an_export_is_a_dated_file_that_nobody_stores(hers, kind, type):
    response = hers.get(f"{LIST}export.{kind}")
    assert response["Content-Type"] == type
    assert response["Cache-Control"] == "no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"].startswith('attachment; filename="subscriptions-2')
    assert response["Content-Disposition"].endswith(f'.{kind}"')


@pytest.mark.django_db
def test_the_list_links_to_exports_of_what_it_shows(many):
    links = many.get(f"{LIST}?q=plan+1&page=2").context["links"]
    assert (links["csv"], links["json"]) == (f"{LIST}export.csv?q=plan+1", f"{LIST}export.json?q=plan+1")


@pytest.mark.django_db
def test_e19_an_export_that_aos_does_not_give_is_a_page_and_no_file(hers, aos):
    hers.get(LIST)
    aos.gets = [Reply(503, "")] * 3
    response = hers.get(f"{LIST}export.csv", headers={"Cache-Control": "no-cache"})
    assert response.status_code == 503
    assert "busy" in words(response)
    assert "Content-Disposition" not in response


@pytest.mark.django_db
def test_an_export_is_only_read(hers):
    assert hers.post(f"{LIST}export.csv").status_code == 405
    assert hers.post(f"{LIST}export.json").status_code == 405
