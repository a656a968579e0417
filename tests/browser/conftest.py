"""A real Chromium, a real portal, and the stand-ins for APS and AOS, each in processes of its own."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.tour import Tour
from tests.browser.watch import Watch
from tests.processes.place import Place
from tests.support.hostile_aos import Item
from tests.support.people import Person
from tests.support.portal import Portal
from tests.support.stand_ins import StandIns, free_ports

expect.set_options(timeout=15_000)  # milliseconds: the machine may be busy
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@contextmanager
def open_world() -> Iterator["World"]:
    """A portal, and the stand-ins."""
    port = free_ports(1)[0]
    with StandIns(portal_url=f"http://127.0.0.1:{port}") as stand_ins:
        portal = Portal(
            port,
            APS_ISSUER=stand_ins.aps_url,
            AOS_BASE_URL=stand_ins.aos_url,
            APS_CLIENT_ID=stand_ins.client_id,
            APS_CLIENT_SECRET=stand_ins.client_secret,
            AOS_TIMEOUT="4",
            SIGN_IN_RATE_ADDRESS="1000",
        )
        yield World(portal, stand_ins)
        portal.stop()


@pytest.fixture(scope="session")
def _world() -> Iterator["World"]:
    with open_world() as made:
        yield made


@pytest.fixture
def world(_world: "World") -> Iterator["World"]:
    """The world in fine weather, which a test leaves behind too, and nothing open of what earlier tests did."""
    _world.stand_ins.weather(do="reset")
    for table in ("openrename", "notice"):
        _world.portal.execute(f"DELETE FROM subscriptions_{table}")
    yield _world
    _world.stand_ins.weather(do="reset")


class Office(Place):
    """A portal with a worker, passwords for a local administrator, and an AOS that lists what a test likes."""

    def someone(self, page: Page, items: list[Item]) -> Person:
        """Somebody new with these subscriptions, whose session this browser has: APS's pages are not what is tested."""
        person = self.person()
        self.aos.items[person.name] = items
        cookies = [{"name": each.name, "value": each.value or "", "url": self.url} for each in person.session.cookies]
        page.context.add_cookies(cookies)  # type: ignore[arg-type]
        return person

    @property
    def url(self) -> str:
        """Where the portal is."""
        return self.portal.url

    @property
    def aps_url(self) -> str:
        """Where APS is."""
        return self.aps.issuer


ADMIN_PASSWORD = "only-for-tests-1"


@contextmanager
def open_office() -> Iterator[Office]:
    """The office, with its worker at work."""
    office = Office(
        APS_TIMEOUT="8",
        AOS_TIMEOUT="8",
        LOCAL_ADMIN="on",
        BATCH_CALLS="2",
        SIGN_IN_RATE_BROWSER="3",
        LIST_SECONDS="600",
        DJANGO_SUPERUSER_PASSWORD=ADMIN_PASSWORD,
    )
    office.portal.manage("createsuperuser", "--noinput", "--username", "root", "--email", "root@corp.test")
    with office.portal.running("worker"):
        yield office
    office.stop()


@pytest.fixture(scope="session")
def _office() -> Iterator[Office]:
    with open_office() as office:
        yield office


@pytest.fixture
def office(_office: Office) -> Iterator[Office]:
    """The office in fine weather. Whatever the test did, no view may have failed."""
    _office.fine_weather()
    yield _office
    assert "Internal Server Error" not in _office.log(), _office.log()[-5000:]


class World:
    """What a browser test works with."""

    def __init__(self, portal: Portal, stand_ins: StandIns) -> None:
        self.portal, self.stand_ins = portal, stand_ins
        self.url, self.aps_url = portal.url, stand_ins.aps_url


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """The Chromium that CHROMIUM names, else the system's."""
    named = os.environ.get("CHROMIUM", "chromium")
    with sync_playwright() as playwright:
        path = shutil.which(named) or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def new_page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Open another browser window with its own cookies: `new_page(width=390, script=False)`.

    No window may break the page's policy or ask another origin than the portal's, but for APS's own pages.
    """
    places = [request.getfixturevalue(name) for name in ("world", "office") if name in request.fixturenames]
    contexts = []
    watches: list[Watch] = []

    def opened(*, width: int = 1280, script: bool = True, scheme: str = "light", **more: Any) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=script, color_scheme=scheme, **more
        )
        contexts.append(context)
        watches.append(Watch(context, places))
        page = context.new_page()
        page.set_default_timeout(15_000)
        return page

    opened.watches = watches  # type: ignore[attr-defined]
    yield opened
    for context in contexts:
        context.close()
    assert [fault for watch in watches for fault in watch.faults] == []


@pytest.fixture
def page(new_page: Any) -> Page:
    return new_page()


@pytest.fixture
def tour(new_page: Any, office: Office) -> Tour:
    """A window at the office that has axe look at each page that it comes to."""
    page = new_page(width=360, reduced_motion="reduce")
    return Tour(page, office.url, new_page.watches[-1])


def sign_in(page: Page, world: World, who: str = "Alice Moreno", start: str = "/") -> None:
    """Sign in as a demo person and consent, as a person does."""
    page.goto(world.url + start)
    page.get_by_role("button", name="Sign in with Alliance Passport").click()
    home = page.get_by_role("navigation", name="Main")
    for name in (who, "Allow"):  # as far as APS asks
        button = page.get_by_role("button", name=name)
        expect(button.or_(home)).to_be_visible()
        if button.count():
            button.click()
    expect(home).to_be_visible()
    page.wait_for_load_state()
