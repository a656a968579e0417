"""The page of a batch under way, which looks by itself how far it is."""

import pytest
from playwright.sync_api import expect

from tests.browser.hands import button
from tests.support.hostile_aos import Fault, item

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("is_early", [True, False], ids=["early", "late"])
def test_a_button_that_is_held_down_while_the_page_looks_again_is_pressed(page, office, is_early):
    office.someone(page, [item(f"s-{number}", f"Plan {number}") for number in range(60)])
    office.aos.every_put = Fault(before=1)
    page.goto(f"{office.url}/subscriptions/rename-many/?all=1")
    page.get_by_label("Put in front").fill("New ")
    button(page, "Preview").first.click()
    button(page, "Rename what is ticked").click()
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
