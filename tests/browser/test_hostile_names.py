"""Names that break careless pages: shown as they are, nothing of them runs, and they can be renamed like any other."""

import csv
import json

import pytest
from playwright.sync_api import expect

from tests.browser.hands import button, link
from tests.support.hostile_aos import item

pytestmark = pytest.mark.browser
NAMES = {
    "script": "<script>alert(1)</script>",
    "image": '"><img src=x onerror=alert(1)>',
    "braces": "{{7*7}} ${7*7} {% now %}",
    "turned": "invoice\u202egpj.exe",
    "nul": "before\0after",
    "lines": "one\r\ntwo\nthree",
    "emoji": "👩‍👩‍👧" * 51,  # 255 characters
    "long": "W" * 255,
    "formula": '=HYPERLINK("https://elsewhere.test")',
    "null": None,
}


def shown(name):
    """As a browser holds it in a page: HTML has no NUL, and one kind of line break."""
    return (name or "").replace("\0", "").replace("\r\n", "\n")


def names(page):
    return page.locator(".name").evaluate_all("names => names.map((name) => name.textContent)")


def fits(page):
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_hostile_names_are_harmless_everywhere(new_page, office, script):
    page = new_page(width=360, script=script)
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    person = office.someone(page, [item(key, name) for key, name in NAMES.items()])
    page.goto(f"{office.url}/subscriptions/")
    everything = {shown(name) for name in NAMES.values() if name}
    assert set(names(page)) ^ everything == set()
    expect(page.get_by_text("Unnamed", exact=True)).to_have_count(1)
    fits(page)

    for key in NAMES:  # saved as it was found: nothing is sent
        page.locator(f'a[href$="/{key}/rename/"]').click()
        expect(page.get_by_label("Display name")).to_be_visible()
        fits(page)
        button(page, "Save").click()
        expect(page.get_by_label("Display name")).to_have_count(0)
    assert office.changes(person) == []

    for key in NAMES:  # changed: no false conflict
        page.locator(f'a[href$="/{key}/rename/"]').click()
        page.get_by_label("Display name").fill(f"Tame {key}")
        button(page, "Save").click()
        expect(page.locator("tr .name").get_by_text(f"Tame {key}", exact=True)).to_be_visible()
        assert office.aos.name(person.name, key) == f"Tame {key}"
        fits(page)
    assert len(office.changes(person)) == len(NAMES)

    page.goto(f"{office.url}/subscriptions/renames/")
    was = page.locator("tbody th bdi:not(.name)").evaluate_all("names => names.map((name) => name.textContent)")
    assert set(was) ^ everything == set()
    fits(page)


def test_hostile_names_in_previews_and_files(new_page, office):
    page = new_page(width=360)
    office.someone(page, [item(key, name) for key, name in NAMES.items()])
    page.goto(f"{office.url}/subscriptions/")
    with page.expect_download() as download:
        link(page, "CSV").click()
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        rows = {row["id"]: row["displayName"] for row in csv.DictReader(file)}
    assert rows == {**NAMES, "null": "", "formula": f"'{NAMES['formula']}"}
    with page.expect_download() as download:
        link(page, "JSON").click()
    with open(download.value.path(), encoding="utf-8") as file:
        assert {row["id"]: row["displayName"] for row in json.load(file)} == NAMES

    link(page, "Change all").click()
    page.get_by_label("Put in front").fill('<b title="')
    button(page, "Preview").click()
    expect(page.locator("[value=confirm]")).to_be_visible()
    page.wait_for_load_state()
    old = page.locator("tbody .change .quiet bdi").evaluate_all("names => names.map((name) => name.textContent)")
    assert set(old) ^ {shown(name) for name in NAMES.values() if name} == set()
    assert shown(f'<b title="{NAMES["script"]}') in names(page)
    fits(page)
