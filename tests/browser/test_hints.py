"""Another subscription with the same name, and another language, while a name is being typed in a row."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in

pytestmark = pytest.mark.browser
SAME = "Another of yours has this name."


def test_another_with_the_same_name_is_said_while_typing_by_one_small_request(page, world):
    sign_in(page, world)
    page.get_by_role("link", name="Rename Contoso ERP").click()
    asked = []
    page.on("request", lambda request: asked.append(request) if "same-name" in request.url else None)
    field = page.get_by_label("Display name")
    expect(field).to_be_focused()
    field.press_sequentially("ANALYTICS – bogota", delay=10)
    expect(page.get_by_text(SAME)).to_be_visible()
    assert len(asked) < 5  # one, where the machine types as fast as people do
    assert len(asked[-1].response().body()) < 50
    field.press("x")
    expect(page.get_by_text(SAME)).to_be_hidden()
    field.press("Backspace")
    expect(page.get_by_text(SAME)).to_be_visible()  # it moves the button
    page.get_by_role("button", name="Save").click()  # a hint, no wall
    expect(page.get_by_role("status").filter(has_text="Renamed")).to_contain_text(SAME)


def test_nothing_is_asked_any_more_once_the_name_is_saved(page, world):
    sign_in(page, world)
    page.get_by_role("link", name="Rename Contoso ERP").click()
    page.route("**/same-name/*", lambda route: None)  # no answer
    with page.expect_request("**/same-name/*") as asked:
        page.get_by_label("Display name").fill("Saved before an answer")
    with page.expect_event("requestfailed", lambda request: request == asked.value):
        page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Rename Saved before an answer")).to_be_visible()


def test_what_is_typed_in_a_row_survives_another_language_and_so_does_the_list(page, world):
    sign_in(page, world, start="/subscriptions/?q=contoso")
    page.get_by_role("link", name="Rename Contoso ERP").click()
    page.get_by_label("Display name").fill("Typed “with” care")
    page.get_by_role("button", name="Español").click()
    field = page.get_by_label("Nombre visible")
    expect(field).to_have_value("Typed “with” care")
    expect(page).to_have_url(f"{world.url}/subscriptions/?q=contoso")
    page.get_by_role("button", name="Guardar").click()
    expect(page.get_by_role("link", name="Renombrar Typed “with” care")).to_be_visible()
