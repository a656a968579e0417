"""axe-core finds nothing that WCAG 2.2 AA forbids, on any page, on a light phone and a dark desk (decision 32).

Each tour is one window that goes from state to state; what axe finds on the way is told at the end, all of it.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.hands import button, link
from tests.support.hostile_answers import reply, says
from tests.support.hostile_aos import Fault, ignore, item

pytestmark = pytest.mark.browser
STATES = ["Enabled", "Warned", "PastDue", "Disabled", "Deleted", "Zombified", ""]
NAMES = ["Contoso ERP", "<script>alert(1)</script>", "فرع الرياض", "a\u202eb", "W" * 255, None, "Plan 2"]


def subscriptions():
    return [item(f"s-{at}", NAMES[at % 7], state=STATES[at % 7]) for at in range(14)]


def rename(page, text):
    page.get_by_label("Display name").fill(text)
    button(page, "Save").click()


def test_the_list_and_renaming(tour, office):
    page, aos = tour.page, office.aos
    person = office.someone(page, subscriptions())
    tour.at("history, empty", "/subscriptions/renames/")
    tour.at("list", "/subscriptions/")
    link(page, "Rename Contoso ERP").click()
    page.get_by_label("Display name").fill("Con\u0442oso  ERP \u202e2027 ")
    tour.at("row opened")
    rename(page, "x" * 300)
    page.locator(".errors").wait_for()
    tour.at("row refused")
    rename(page, "Contoso 2027")
    page.locator(".row-note").wait_for()
    tour.at("row renamed")
    page.keyboard.press("?")
    tour.at("keys")
    page.keyboard.press("Escape")
    tour.at("found", "/subscriptions/?q=plan&state=PastDue")
    tour.at("no match", "/subscriptions/?q=nothing+like+this&state=Warned")

    path = "/subscriptions/s-6/rename/"
    tour.at("rename page", path)
    rename(page, " ")
    tour.at("rename page, refused")
    next(each for each in aos.items[person.name] if each["id"] == "s-6")["displayName"] = "Changed elsewhere"
    rename(page, "Mine")
    tour.at("rename page, conflict")
    rename(page, "Mine")
    tour.at("renamed notice")
    tour.at("undo", page.locator("form[action$='/undo/']").first.get_attribute("action"))
    aos.every_put = Fault(reply(502), does=ignore)
    page.goto(office.url + path)
    rename(page, "Perhaps")
    tour.at("rename page, not known")
    aos.every_put = Fault()
    page.goto(f"{office.url}/subscriptions/renames/")
    page.locator("summary").first.click()
    tour.at("history")

    aos.every_get = Fault(reply(503))
    tour.at("outage", "/subscriptions/?refresh=1")
    aos.every_get = Fault(says({}, 403))
    tour.at("forbidden", "/subscriptions/?refresh=1")
    tour.at("account", "/account/")
    office.fine_weather()
    aos.items[person.name] = []
    tour.at("no subscriptions", "/subscriptions/?refresh=1")
    assert tour.found == []


def test_renaming_many(tour, office):
    page, aos = tour.page, office.aos
    office.someone(page, [item(f"s-{at}", f"Plan {at}") for at in range(24)])
    tour.at("start", "/subscriptions/rename-many/")
    button(page, "Preview").click()
    tour.at("start, refused")
    tour.at("start, all", "/subscriptions/rename-many/?all=1")
    page.get_by_label("Paste a table").fill(
        "id,displayName,newName\ns-1,Plan 1,\ns-2,Old,New\nx,y,z\ns-3,,Plan 4\ns-4,,A"
    )
    button(page, "Preview").last.click()
    tour.at("preview")

    page.goto(f"{office.url}/subscriptions/rename-many/?all=1")
    page.get_by_label("Put in front").fill("New ")
    button(page, "Preview").first.click()
    aos.puts, aos.every_put = [Fault(says({"title": "No"}, 400), does=ignore)], Fault(before=1.5)
    button(page, "Rename what is ticked").click()
    expect(page.locator("progress")).to_be_visible()
    tour.at("progress")
    button(page, "Pause").click()
    expect(button(page, "Continue")).to_be_visible()
    tour.at("paused")
    aos.every_put = Fault()
    button(page, "Continue").click()
    expect(button(page, "Undo all")).to_be_visible(timeout=20_000)
    tour.at("done")
    button(page, "Undo all").click()
    tour.at("undo, preview")
    tour.at("start, with the latest", "/subscriptions/rename-many/")
    assert tour.found == []


LONG_HISTORY = """
from django.contrib.auth.models import Permission, User
from subscriptions.models import Rename, RenameEvent
user = User.objects.latest("pk")
user.user_permissions.add(Permission.objects.get(codename="read_audit"))
for at in range(120):
    rename = Rename.objects.create(user=user, subject="x", subscription_id="s-1", name_seen="Old", name_wanted="New")
    RenameEvent.objects.create(rename=rename, number=0, state="confirmed")
"""


def test_more_than_one_page(tour, office):
    office.someone(tour.page, [item(f"s-{at}", f"Plan {at}") for at in range(120)])
    office.portal.manage("shell", "--verbosity", "0", "-c", LONG_HISTORY)
    page = tour.page
    tour.at("list", "/subscriptions/?page=2")
    expect(link(page, "Previous")).to_be_visible()
    tour.at("history", "/subscriptions/renames/?page=2")
    expect(link(page, "Newer")).to_be_visible()
    tour.at("audit", "/subscriptions/audit/?page=2")
    expect(link(page, "Newer")).to_be_visible()
    tour.at("audit, refused", "/subscriptions/audit/?since=yesterday")
    expect(page.locator("[aria-invalid]")).to_be_visible()
    tour.at("audit, nothing found", "/subscriptions/audit/?person=nobody")
    expect(page.get_by_role("heading", name="No renames found")).to_be_visible()

    page.goto(f"{office.url}/subscriptions/rename-many/?all=1")
    page.get_by_label("Put in front").fill("New ")
    button(page, "Preview").first.click()
    tour.at("preview of 120")
    button(page, "Rename what is ticked").click()
    link(page, "Next").click()
    expect(link(page, "Previous")).to_be_visible()
    tour.at("progress")
    expect(page.get_by_text("120 of 120 settled")).to_be_visible(timeout=60_000)
    assert tour.found == []


def test_signed_out_and_errors(tour, office):
    page = tour.page
    for path in (
        "/",
        "/login/",
        "/signed-out/",
        "/signed-out/?open=aps",
        "/nowhere",
        "/complete/aps/?error=access_denied",
    ):
        tour.at(path, path)
    page.context.clear_cookies()
    page.goto(office.url)
    page.context.clear_cookies()
    button(page, "Sign in with").click()
    expect(page.get_by_role("heading", name="This form has expired")).to_be_visible()
    tour.at("form expired")
    for _ in range(12):  # each of two workers counts for itself
        page.goto(office.url)
        button(page, "Sign in with").click()
        page.wait_for_url(re.compile("/login/aps/|/connect/authorize"))
        if page.url.startswith(office.url):
            break
    expect(page.get_by_role("heading", name="Too many attempts")).to_be_visible()
    tour.at("too many attempts")
    for status in (400, 500, 503):
        tour.error(str(status), status, typed="Typed with care")
    office.someone(page, [])
    page.goto(f"{office.url}/admin/")
    expect(page.get_by_role("heading", name="You may not open this page")).to_be_visible()
    tour.at("may not")
    assert tour.found == []
