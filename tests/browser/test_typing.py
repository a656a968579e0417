"""Search as you type, and help while a name is typed, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in
from tests.browser.test_main_job import names

pytestmark = pytest.mark.browser


def test_search_as_you_type_asks_when_you_rest_and_is_in_the_address(page, world):
    sign_in(page, world)
    asked = []
    page.on("request", lambda request: "/static/" in request.url or asked.append(request))
    page.get_by_role("searchbox").press_sequentially("plan", delay=10)
    expect(page.locator("#results").get_by_text("2 found · 21 in all")).to_be_visible()

    expect(page).to_have_url(f"{world.url}/subscriptions/?q=plan")
    assert names(page) == ["Plan 2", "Plan 10"]
    assert len(asked) < len("plan")  # one, where the machine types as fast as people do
    assert len(asked[-1].response().body()) < 12_000
    page.get_by_role("link", name="Rename Plan 2").click()
    page.get_by_label("Display name").fill("Plan B")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Renamed. Before: “Plan 2”.")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("plan")
    page.reload()
    assert names(page) == ["Plan 10", "Plan B"]


def test_what_the_eye_cannot_see_is_said(page, world):
    sign_in(page, world)
    page.get_by_role("link", name="Rename Contoso ERP").click()
    field = page.get_by_label("Display name")
    for name, words in {
        " x": "begins or ends with a space",
        "a  b": "several spaces in a row",
        "a\u202eb": "changes the writing direction",
        "a\u00adb": "cannot be seen",
        "p\u0430y": "look alike",
        "x" * 256: "1 character too many",
    }.items():
        field.fill(name)
        expect(page.get_by_text(re.compile(words))).to_be_visible()
    for harmless in ("Contoso ERP", "👩‍👩‍👧 crew", "Ñandú, Žižkov", "日本 plan", "فرع الرياض"):
        field.fill(harmless)
        expect(page.locator(".typing .hint").filter(visible=True)).to_have_count(0)
    field.fill("abc")
    expect(page.get_by_text("252 characters left.")).to_be_visible()


def test_an_id_is_copied_whole(page, world):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(page, world)
    button = page.get_by_role("button", name=re.compile("^Copy ")).first
    button.click()
    expect(page.get_by_text("Copied.")).to_have_count(1)
    assert page.evaluate("navigator.clipboard.readText()") == button.get_attribute("data-copy")


def test_a_portal_that_does_not_answer_leaves_what_was_typed(page, world):
    sign_in(page, world)
    page.get_by_role("link", name="Rename Contoso ERP").click()
    page.get_by_label("Display name").fill("Typed with care")
    page.context.set_offline(True)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The portal did not answer.")).to_be_visible()
    expect(page.get_by_label("Display name")).to_have_value("Typed with care")
    page.context.set_offline(False)
