"""Pages and states that staff see, as `tests.scenes` has those of everybody."""

from playwright.sync_api import Page

from tests.browser.conftest import World
from tests.scenes import LIST, enter, row_renamed, scene


def _make_staff(page: Page, world: World) -> None:
    """Alice is a superuser, with something to look at."""
    row_renamed(page, world)
    world.portal.execute("UPDATE auth_user SET is_staff = TRUE, is_superuser = TRUE WHERE first_name = 'Alice'")


@scene("spanish")
def audit(page: Page, world: World) -> None:
    _make_staff(page, world)
    page.goto(f"{world.url}/subscriptions/audit/")


@scene()
def audit_nothing_found(page: Page, world: World) -> None:
    _make_staff(page, world)
    page.goto(f"{world.url}/subscriptions/audit/?person=nobody&since=soon")


@scene()
def audit_not_permitted(page: Page, world: World) -> None:
    enter(page, world, "Bob Okafor", "/subscriptions/audit/")


@scene()
def administration_renames(page: Page, world: World) -> None:
    _make_staff(page, world)
    page.goto(f"{world.url}/admin/subscriptions/rename/")


@scene("spanish")
def frozen(page: Page, world: World) -> None:
    _make_staff(page, world)
    page.goto(f"{world.url}/admin/operations/conditions/add/")
    page.get_by_label("Read only").check()
    page.get_by_label("Reason").fill("Closing of the year, until Monday 8:00.")
    page.get_by_label("Announcement", exact=False).first.fill("Maintenance on Sunday from 20:00 UTC.")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(world.url + LIST)
    world.portal.execute("DELETE FROM operations_conditions")
