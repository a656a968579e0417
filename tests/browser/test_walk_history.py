"""The history in a real Chromium, by keyboard alone, by mouse, without script: what was renamed, how, and Undo."""

import csv

import pytest
from playwright.sync_api import expect

from tests.browser.hands import Mouse, link
from tests.browser.test_walks import LOOKS, Walk
from tests.processes.place import save

pytestmark = pytest.mark.browser
FORM = "/subscriptions/plan-1/rename/"


def look_back(walk):
    """Find a rename of before, its details, its file; take it back; be told; find both."""
    page, person = walk.page, walk.person
    assert save(person, person.get(FORM), "First of all", FORM)().status_code == 302
    walk.use(link(page, "History"))
    row = walk.row("First of all")
    expect(row).to_contain_text("was Plan 1")
    walk.use(row.locator("summary"))
    expect(row.get_by_text("Confirmed, AOS answered 200")).to_be_visible()
    walk.fits()
    told = list(csv.DictReader(walk.download(link(page, "CSV")).splitlines()))
    assert len(told) == 1
    assert "First of all" in told[0].values()

    walk.use(row.get_by_role("button"))
    expect(page.get_by_text("Renamed “First of all” to “Plan 1”.")).to_be_visible()
    assert walk.name("plan-1") == "Plan 1"
    walk.use(link(page, "History"))
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody tr").first).to_contain_text("was First of all")
    walk.use(page.locator("tbody tr").first.get_by_role("link"))
    expect(page).to_have_url(f"{walk.office.url}/subscriptions/renames/?subscription=plan-1")
    walk.fits()


@pytest.mark.parametrize(("hand", "width", "scheme"), LOOKS, ids=lambda each: getattr(each, "__name__", each))
def test_the_history(new_page, office, hand, width, scheme):
    page = new_page(width=width, scheme=scheme)
    look_back(Walk(office, page, hand(page)))


@pytest.mark.parametrize("width", [360, 1440])
def test_the_history_without_script(new_page, office, width):
    page = new_page(width=width, script=False)
    look_back(Walk(office, page, Mouse(page), script=False))
