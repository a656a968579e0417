"""The page of a batch under way, which looks by itself how far it is."""

import pytest
from playwright.sync_api import expect

from tests.browser.hands import button
from tests.support.hostile_aos import Fault, item

pytestmark = pytest.mark.browser
LOOK_AGAIN = """() => new Promise((done) => {
  const source = document.getElementById("progress");
  document.addEventListener("htmx:afterSettle", () => done(), { once: true });
  htmx.ajax("GET", source.getAttribute("hx-get"), { source, target: source, swap: "outerHTML" });
})"""


@pytest.fixture
def page(page, office):
    """The progress of a batch that takes long, and has more than one page."""
    office.someone(page, [item(f"s-{number}", f"Plan {number}") for number in range(120)])
    office.aos.every_put = Fault(before=1)
    page.goto(f"{office.url}/subscriptions/rename-many/?all=1")
    page.get_by_label("Put in front").fill("New ")
    button(page, "Preview").click()
    button(page, "Rename what is ticked").click()
    expect(button(page, "Pause")).to_be_visible()
    return page


def test_whatever_has_the_focus_keeps_it_when_the_page_has_looked_again(page):
    ids = page.locator("#progress :is(a, button)").evaluate_all("all => all.map((each) => each.id)")
    assert {"pause", "see-all", "csv", "next"} < set(ids)
    for each in ids:
        page.locator(f"[id='{each}']").focus()
        page.evaluate(LOOK_AGAIN)
        assert page.evaluate("document.activeElement.id") == each


@pytest.mark.parametrize("is_early", [True, False], ids=["early", "late"])
def test_a_button_that_is_held_down_while_the_page_looks_again_is_pressed(page, is_early):
    button(page, "Pause").hover()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    if is_early:  # it is held down before the page looks again, or while the answer is on its way
        page.mouse.down()
        page.wait_for_timeout(3000)
        assert asked == []
    else:
        page.route("**/*show=*", lambda route: (page.mouse.down(), route.continue_()))
        page.wait_for_event("response", lambda response: "show=" in response.url)
        page.wait_for_timeout(500)
    page.mouse.up()

    expect(button(page, "Continue")).to_be_visible()
