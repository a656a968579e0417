"""The list in a real browser: found, filtered, sorted and refreshed without a script of ours."""

import csv
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in
from tests.browser.test_main_job import names
from tests.support.hostile_aos import item

pytestmark = pytest.mark.browser


def expect_names(page, *wanted):
    expect(page.locator("table tbody th")).to_have_text(wanted)


@pytest.mark.parametrize("width", [390, 1280])
def test_search_filter_sort_and_clear_by_clicks_and_keys(new_page, world, width):
    page = new_page(width=width, script=False)
    sign_in(page, world)
    page.get_by_label("Search names and ids").fill("PLAN")
    page.keyboard.press("Enter")
    expect_names(page, "Plan 2", "Plan 10")

    page.get_by_role("link", name="Name", exact=True).click()
    expect_names(page, "Plan 10", "Plan 2")
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "descending")

    page.get_by_role("link", name=re.compile("^Deleted")).click()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    page.get_by_role("link", name="Search in every state").click()
    expect_names(page, "Plan 10", "Plan 2")

    page.get_by_role("link", name="Clear the search “PLAN”").click()
    expect(page).to_have_url(f"{world.url}/subscriptions/?sort=-name")
    page.wait_for_load_state()
    assert len(names(page)) == 21
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_reload_and_refresh_ask_aos_and_a_click_soon_after_does_not(page, office):
    person = office.someone(page, [item("s-1"), item("s-2", state="Deleted")])

    def reads():
        return [each.method for each in office.aos.log if each.headers["authorization"].endswith(f"-sub-{person.name}")]

    page.goto(f"{office.url}/subscriptions/")
    assert reads() == ["GET"]
    page.get_by_role("link", name=re.compile("^Enabled")).click()
    expect(page).to_have_url(re.compile("state=Enabled"))
    assert reads() == ["GET"]
    page.reload()
    assert reads() == ["GET"] * 2
    page.get_by_role("link", name="Refresh").click()
    expect(page).to_have_url(f"{office.url}/subscriptions/?state=Enabled")
    assert reads() == ["GET"] * 3


def test_e18_aos_down_shows_the_last_list_and_trying_again_ends_it(page, world):
    sign_in(page, world)
    seen = names(page)
    world.stand_ins.weather(aos="down", retry_after=1)
    assert page.reload().status == 503
    expect(page.get_by_role("alert").filter(has_text="does not answer")).to_be_visible()
    assert names(page) == seen
    expect(page.get_by_role("link", name="Rename")).to_have_count(0)

    world.stand_ins.weather(aos="fine")
    page.wait_for_timeout(1100)
    page.get_by_role("link", name="Try again").click()
    expect(page).to_have_url(f"{world.url}/subscriptions/")
    expect(page.get_by_role("link", name="Rename").first).to_be_visible()


def test_an_export_is_a_file_with_what_the_list_shows(page, world):
    sign_in(page, world, start="/subscriptions/?q=plan")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert re.fullmatch(r"subscriptions-\d{4}-\d\d-\d\d\.csv", download.value.suggested_filename)
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        assert [row["displayName"] for row in csv.DictReader(file)] == ["Plan 2", "Plan 10"]
