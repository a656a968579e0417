"""Languages and time zones in a real browser."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in

pytestmark = pytest.mark.browser
BOGOTA = {"locale": "es-CO", "timezone_id": "America/Bogota"}


def moment_of(time):
    """What a time element means, in Bogotá."""
    return datetime.fromisoformat(time.get_attribute("datetime")).astimezone(ZoneInfo("America/Bogota"))


def test_times_are_those_of_the_viewers_zone_and_language(new_page, world):
    page = new_page()
    sign_in(page, world)
    cookies = page.context.cookies()
    there = new_page(**BOGOTA)
    there.context.add_cookies(cookies)

    there.goto(world.url + "/account/")
    since = there.locator("td time").first
    expect(there.locator("html")).to_have_attribute("lang", "es")
    expect(since).to_contain_text(f"{moment_of(since):%-d}")
    expect(since).to_contain_text(f"{int(f'{moment_of(since):%I}')}:{moment_of(since):%M}")
    expect(since).not_to_contain_text("UTC")


def test_without_script_times_are_utc_and_the_switch_works_and_stays(new_page, world):
    page = new_page(script=False, **BOGOTA)
    page.goto(world.url + "/login/?next=/account/")

    expect(page.get_by_role("heading", level=1)).to_have_text("Iniciar sesión")
    page.get_by_role("button", name="English").click()
    expect(page).to_have_url(world.url + "/login/?next=%2Faccount%2F")
    sign_in(page, world)
    expect(page.locator(".head time")).to_have_text(re.compile(r"^\d\d:\d\d UTC$"))


def test_the_switch_keeps_what_is_searched_for(page, world):
    sign_in(page, world)
    page.get_by_role("searchbox").fill("contoso")
    page.wait_for_url("**q=contoso**")
    page.get_by_role("button", name="Español").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Suscripciones")
    expect(page.get_by_role("searchbox")).to_have_value("contoso")
    expect(page.get_by_role("button", name="Español")).to_have_attribute("aria-current", "true")
