"""Sessions in real browsers: seen, ended, warned about."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in

pytestmark = pytest.mark.browser


def test_a_person_sees_two_browsers_ends_one_and_then_all(new_page, world):
    first, second = new_page(), new_page(width=390)
    sign_in(first, world)
    sign_in(second, world)
    first.get_by_role("link", name="Account").click()
    mine = first.get_by_role("row").filter(has_text="this one")
    expect(mine).to_have_count(1)
    others = first.get_by_role("row").filter(has_text="on Linux").filter(has_not_text="this one")
    for _ in range(others.count()):
        others.first.get_by_role("button", name="End the session").click()
        expect(first.get_by_role("status")).to_contain_text("That session has ended")
    second.goto(f"{world.url}/account/")
    assert "/login/" in second.url

    sign_in(second, world)
    first.get_by_role("button", name="Sign out everywhere").click()
    first.goto(f"{world.url}/account/")
    second.goto(f"{world.url}/account/")
    assert "/login/" in first.url
    assert "/login/" in second.url


def test_before_the_idle_limit_a_warning_can_extend_it(page, world):
    page.clock.install()
    sign_in(page, world)
    page.wait_for_url("**/subscriptions/")
    page.clock.fast_forward("00:58:30")
    banner = page.get_by_text("You will be signed out soon")
    expect(banner).to_be_visible()
    page.get_by_role("button", name="I am still here").click()
    expect(banner).to_be_hidden()

    page.clock.fast_forward("01:00:30")
    expect(page.get_by_text("Your session has probably ended")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_signing_out_in_another_tab_keeps_what_is_typed_for_the_same_person_alone(new_page, world, script):
    page = new_page(script=script)
    sign_in(page, world)
    page.get_by_role("row").filter(has_text="Contoso ERP").get_by_role("link", name="Rename").click()
    page.get_by_label("Display name").fill("Typed in one tab")
    other = page.context.new_page()
    other.goto(f"{world.url}/subscriptions/")
    other.get_by_role("button", name="Sign out").click()
    other.wait_for_load_state()
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile(r"/login/\?next=.*/rename/$"))
    form = page.url.split("next=")[1]

    sign_in(other, world, "Bob Okafor", start=f"/login/?next={form}")
    assert "Typed in one tab" not in other.content()
    other.goto(f"{world.url}/subscriptions/")
    other.get_by_role("button", name="Sign out").click()
    sign_in(page, world, "Alice Moreno", start=f"/login/?next={form}")
    expect(page.get_by_label("Display name")).to_have_value("Typed in one tab")
    assert not [call for call in world.stand_ins.log() if call["method"] == "PUT"]
