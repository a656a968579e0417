"""The page of a batch under way, which looks by itself how far it is."""

import pytest
from playwright.sync_api import expect

from tests.browser.hands import button
from tests.support.hostile_aos import Fault, item

pytestmark = pytest.mark.browser


def test_a_button_that_is_held_down_while_the_page_looks_again_is_pressed(page, office):
    office.someone(page, [item(f"s-{number}", f"Plan {number}") for number in range(60)])
    office.aos.every_put = Fault(before=1)
    page.goto(f"{office.url}/subscriptions/rename-many/?all=1")
    page.get_by_label("Put in front").fill("New ")
    button(page, "Preview").first.click()
    button(page, "Rename what is ticked").click()
    button(page, "Pause").hover()
    page.mouse.down()
    for _ in range(2):  # the second is asked when the first has been taken in
        page.wait_for_event("response", lambda response: "show=" in response.url)
    page.mouse.up()

    expect(button(page, "Continue")).to_be_visible()
