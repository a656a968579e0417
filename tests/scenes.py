"""Every page and state of the portal, and how a person gets there: what `make screenshots` takes pictures of."""

import contextlib
import sqlite3
import uuid
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

from playwright.sync_api import Browser, Page

from tests.browser.conftest import World, sign_in

MANY = "/subscriptions/rename-many/"
LIST = "/subscriptions/"
AWAY = {"aos": "down", "retry_after": 1}  # the portal asks again after a second: later scenes need AOS


class Scene(NamedTuple):
    """Brings a page to a state; and in which looks to see it, beside the usual ones."""

    make: Callable[[Page, World], None]
    looks: tuple[str, ...]


SCENES: dict[str, Scene] = {}


def scene(*looks: str) -> Callable[[Callable[[Page, World], None]], Callable[[Page, World], None]]:
    """Add a scene, whose pictures are named after the function."""

    def add(make: Callable[[Page, World], None]) -> Callable[[Page, World], None]:
        SCENES[make.__name__.replace("_", "-")] = Scene(make, looks)
        return make

    return add


_SIGNED_IN: dict[str, Any] = {}  # cookies by person: each signs in once


def enter(page: Page, world: World, who: str = "Alice Moreno", start: str = LIST) -> None:
    """Go to a page as somebody who is signed in, whatever language this browser speaks."""
    if who not in _SIGNED_IN:
        context = cast("Browser", page.context.browser).new_context(locale="en-GB")
        sign_in(context.new_page(), world, who)
        _SIGNED_IN[who] = context.cookies()
        context.close()
    page.context.add_cookies(_SIGNED_IN[who])
    page.goto(world.url + start)


def open_row(page: Page, text: str) -> None:
    """Open the field of Contoso ERP, and type."""
    page.locator("[data-rename]").filter(has_text="Contoso ERP").click()
    page.locator("[name=display_name]").fill(text)


def to_rename_page(page: Page, world: World) -> None:
    """Go from the list to the page that renames Contoso ERP."""
    page.goto(world.url + str(page.locator("[data-rename]", has_text="Contoso ERP").get_attribute("href")))


def save(page: Page) -> None:
    """Press Save."""
    page.locator(".rename .primary").click()


def in_aos(world: World, sql: str, rows: Sequence[Sequence[object]] = ((),)) -> None:
    """Change what AOS keeps behind the portal's back."""
    (file,) = world.stand_ins.directory.glob("*.sqlite3")
    with contextlib.closing(sqlite3.connect(file, timeout=10)) as database, database:
        database.executemany(sql, rows)


def somebody_else_renames(world: World) -> None:
    """So that what the open form showed is no longer true."""
    in_aos(
        world, "UPDATE subscriptions_subscription SET display_name = 'Contoso Ltd' WHERE display_name = 'Contoso ERP'"
    )


# --- Before and after signing in


@scene("spanish")
def landing(page: Page, world: World) -> None:
    page.goto(world.url)


@scene()
def sign_in_page(page: Page, world: World) -> None:
    page.goto(f"{world.url}/login/?next=/account/")


@scene("phone-spanish")
def sign_in_denied(page: Page, world: World) -> None:
    page.goto(world.url)
    page.locator(".sign-in .primary").click()
    page.get_by_role("button", name="Carmen Ruiz").click()
    page.get_by_role("button", name="Deny").click()


@scene()
def signed_out(page: Page, world: World) -> None:
    page.goto(f"{world.url}/signed-out/")


@scene()
def no_subscriptions_here(page: Page, world: World) -> None:
    administration(page, world)
    page.goto(world.url)


# --- The list


@scene("phone-dark", "tablet", "spanish", "phone-spanish", "contrast", "contrast-dark", "forced", "no-script")
def list_whole(page: Page, world: World) -> None:
    enter(page, world)


@scene("phone-spanish", "forced")
def list_found(page: Page, world: World) -> None:
    enter(page, world, start=f"{LIST}?q=a&state=Enabled")


@scene()
def list_many(page: Page, world: World) -> None:
    bob = "SELECT id FROM passport_person WHERE username = 'bob.okafor'"
    rows = [(uuid.uuid4().hex, uuid.uuid4().hex, number + 50, f"Tenant {number}") for number in range(1, 195)]
    in_aos(world, f"INSERT INTO subscriptions_subscription SELECT ?, ?, ?, ?, 'Enabled', ({bob})", rows)
    enter(page, world, "Bob Okafor", start=f"{LIST}?page=2")


@scene("spanish")
def list_no_match(page: Page, world: World) -> None:
    enter(page, world, start=f"{LIST}?q=nothing+like+this&state=Enabled")


@scene()
def list_empty(page: Page, world: World) -> None:
    in_aos(world, "DELETE FROM subscriptions_subscription")
    enter(page, world)


@scene("spanish")
def list_forbidden(page: Page, world: World) -> None:
    enter(page, world, "Dana Kim")


@scene("phone-spanish")
def list_outage(page: Page, world: World) -> None:
    enter(page, world)
    world.stand_ins.weather(**AWAY)
    page.goto(f"{world.url}{LIST}?refresh=1")


@scene()
def list_failed(page: Page, world: World) -> None:
    enter(page, world, start="/account/")
    world.portal.execute("DELETE FROM subscriptions_snapshot")
    world.stand_ins.weather(aos="html")
    page.goto(f"{world.url}{LIST}")


@scene()
def keys(page: Page, world: World) -> None:
    enter(page, world)
    page.keyboard.press("?")


# --- Renaming one


@scene("phone-dark", "spanish", "contrast", "forced", "tablet")
def row_opened(page: Page, world: World) -> None:
    enter(page, world)
    open_row(page, "warehousE  ")
    page.locator("[data-same]").wait_for()


@scene("phone-spanish", "forced")
def row_renamed(page: Page, world: World) -> None:
    enter(page, world)
    open_row(page, "Contoso ERP 2027")
    save(page)
    page.locator(".row-note").wait_for()


@scene()
def row_undone(page: Page, world: World) -> None:
    row_renamed(page, world)
    page.locator(".row-note button").click()
    page.locator(".row-note > p", has_text="2027").wait_for()  # of what it was before


@scene()
def row_refused(page: Page, world: World) -> None:
    enter(page, world)
    open_row(page, "A name that is too long for everybody " * 8)
    save(page)
    page.locator(".errors").wait_for()


@scene("spanish")
def row_conflict(page: Page, world: World) -> None:
    enter(page, world)
    open_row(page, "Contoso ERP 2027")
    somebody_else_renames(world)
    save(page)
    page.get_by_role("alert").first.wait_for()


@scene("phone-spanish")
def row_unknown(page: Page, world: World) -> None:
    enter(page, world)
    open_row(page, "Contoso ERP 2027")
    world.stand_ins.weather(aos="broken", hits="changes")
    save(page)
    page.get_by_role("alert").first.wait_for()


@scene()
def row_not_known_yet(page: Page, world: World) -> None:
    row_unknown(page, world)
    page.goto(f"{world.url}{LIST}")


@scene("no-script")
def rename_page(page: Page, world: World) -> None:
    enter(page, world)
    to_rename_page(page, world)


@scene("spanish", "contrast-dark")
def rename_page_with_error(page: Page, world: World) -> None:
    rename_page(page, world)
    page.locator("[name=display_name]").fill("   ")
    save(page)


@scene()
def rename_page_conflict(page: Page, world: World) -> None:
    rename_page(page, world)
    somebody_else_renames(world)
    page.locator("[name=display_name]").fill("Contoso ERP 2027")
    save(page)


@scene()
def renamed_notice(page: Page, world: World) -> None:
    rename_page(page, world)
    page.locator("[name=display_name]").fill("Warehouse")
    save(page)


@scene("tablet", "phone-spanish")
def history(page: Page, world: World) -> None:
    row_unknown(page, world)
    world.stand_ins.weather(aos="fine")
    for name in ("Contoso ERP 2027", "Contoso ERP – Bogotá"):
        page.goto(f"{world.url}{LIST}?refresh=1")
        to_rename_page(page, world)
        page.locator("[name=display_name]").fill(name)
        save(page)
    page.goto(f"{world.url}{LIST}renames/")
    page.locator("summary").first.click()


@scene()
def history_empty(page: Page, world: World) -> None:
    enter(page, world, "Bob Okafor", start=f"{LIST}renames/")


@scene()
def undo_page(page: Page, world: World) -> None:
    renamed_notice(page, world)
    page.goto(f"{world.url}{LIST}renames/")
    world.stand_ins.weather(aos="refusing", hits="changes")
    page.locator(".action button").click()


# --- Renaming many


def select_and_change(page: Page, world: World, **fields: str) -> None:
    """Tick some, open the forms, type, and press Preview."""
    enter(page, world)
    for name in ("Analytics", "Contoso", "Plan 2", "Plan 10", "Éclair"):
        page.get_by_role("row").filter(has_text=name).first.get_by_role("checkbox").check()
    page.locator("#many [type=submit]").first.click()
    for name, text in fields.items():
        page.locator(f"[name={name}]").fill(text)


def preview(page: Page, world: World) -> None:
    """Five rows, ready to be confirmed."""
    select_and_change(page, world, find="plan", replace="Tariff", front="2027 ")
    page.locator("[value=edit]").click()


@scene("phone-spanish", "forced")
def many_start(page: Page, world: World) -> None:
    select_and_change(page, world, find="plan", replace="Tariff")


@scene()
def many_start_with_error(page: Page, world: World) -> None:
    enter(page, world, start=MANY)
    page.locator("[name=table]").fill("name\nno id here")
    page.locator("[value=table]").click()


@scene("phone-dark", "phone-spanish", "tablet", "forced", "contrast")
def many_preview(page: Page, world: World) -> None:
    enter(page, world, start=MANY)
    page.goto(f"{world.url}{LIST}")
    names = ("Contoso", "Warehouse", "Plan 2", "Plan 10", "Billing")
    boxes = [page.get_by_role("row").filter(has_text=name).first.get_by_role("checkbox") for name in names]
    ids = [box.get_attribute("value") for box in boxes]
    wanted = ("contoso erp", "Analytics – Bogotá", "Plan 2", "Long " * 60, "Billing 2027")
    rows = "\n".join(f"{each},{name}" for each, name in zip(ids, wanted, strict=True))
    page.goto(f"{world.url}{MANY}")
    page.locator("[name=table]").fill(f"id,newName\n{rows}\nnobody,Lost")
    page.locator("[value=table]").click()


@scene("phone-spanish")
def many_progress(page: Page, world: World) -> None:
    preview(page, world)
    world.stand_ins.weather(aos="slow", slow_seconds=0.7)
    page.locator("[value=confirm]").click()
    with world.portal.running("worker"):
        page.locator("[href='?show=unknown'], progress:not([value='0'])").first.wait_for()


@scene()
def many_paused(page: Page, world: World) -> None:
    many_progress(page, world)
    page.locator("#pause").click()
    page.locator("#continue").wait_for()


@scene("phone-spanish", "forced")
def many_done(page: Page, world: World) -> None:
    preview(page, world)
    somebody_else_renames(world)
    page.locator("[value=confirm]").click()
    with world.portal.running("worker"):
        page.locator("#undo").wait_for()


@scene("spanish")
def many_told_elsewhere(page: Page, world: World) -> None:
    preview(page, world)
    page.locator("[value=confirm]").click()
    page.goto(f"{world.url}/account/")
    with world.portal.running("worker"):
        while not world.portal.query("SELECT 1 FROM subscriptions_batch WHERE state = 'done'"):
            page.wait_for_timeout(100)
    page.goto(f"{world.url}{LIST}")


# --- The rest


@scene("tablet", "phone-spanish")
def account(page: Page, world: World) -> None:
    enter(page, world)
    world.stand_ins.weather(aos="broken")
    page.goto(f"{world.url}{LIST}?refresh=1")
    page.goto(f"{world.url}/account/")


@scene("spanish")
def not_found(page: Page, world: World) -> None:
    page.goto(f"{world.url}/nowhere")


@scene()
def forbidden(page: Page, world: World) -> None:
    enter(page, world, start="/account/")
    page.goto(f"{world.url}/admin/login/")


@scene("spanish")
def form_expired(page: Page, world: World) -> None:
    page.goto(world.url)
    page.context.clear_cookies()
    page.locator(".sign-in .primary").click()


@scene()
def too_many_attempts(page: Page, world: World) -> None:
    for _ in range(5):
        page.goto(world.url)
        page.locator(".sign-in .primary").click()


def bare(page: Page, world: World, name: str) -> None:
    """An error page that a healthy portal does not give: made by the same call that makes it then."""
    language = str(page.evaluate("navigator.language"))[:2]
    make = "from django.utils import translation as t; from django.template.loader import render_to_string as r; "
    make += f"t.activate('{language}'); print(r('{name}', {{'typed': 'Contoso ERP 2027'}}))"
    markup = world.portal.manage("shell", "--verbosity", "0", "-c", make)
    page.route(f"{world.url}/bare/", lambda route: route.fulfill(body=markup, content_type="text/html; charset=utf-8"))
    page.goto(f"{world.url}/bare/")


@scene()
def bad_request(page: Page, world: World) -> None:
    bare(page, world, "400.html")


@scene("spanish")
def mistake(page: Page, world: World) -> None:
    bare(page, world, "500.html")


@scene("phone-spanish")
def not_available(page: Page, world: World) -> None:
    bare(page, world, "503.html")


@scene()
def administration_login(page: Page, world: World) -> None:
    page.goto(f"{world.url}/admin/login/")


@scene()
def administration(page: Page, world: World) -> None:
    administration_login(page, world)
    page.locator("#id_username").fill("root")
    page.locator("#id_password").fill("root")
    page.locator("[type=submit]").click()


@scene()
def administration_grants(page: Page, world: World) -> None:
    administration(page, world)
    page.goto(f"{world.url}/admin/passport/grant/")


@scene()
def administration_people(page: Page, world: World) -> None:
    administration(page, world)
    page.goto(f"{world.url}/admin/auth/user/")
