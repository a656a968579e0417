"""axe-core finds nothing in the administration that WCAG 2.2 AA forbids, new or after years of work (decision 32)."""

import re

import pytest
from django.contrib import admin
from playwright.sync_api import expect

from tests.browser.conftest import ADMIN_PASSWORD
from tests.browser.hands import button

pytestmark = pytest.mark.browser

# More than one page of each list, over days, months and years: all that Django shows only then.
YEARS_OF_WORK = """
from datetime import timedelta
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.utils import timezone
from subscriptions.models import Batch, Rename, RenameEvent
root = User.objects.get(username="root")
people = User.objects.bulk_create(User(username=f"walter{at}") for at in range(120))
for at, person in enumerate(people):
    day = timezone.now() - timedelta(days=at**2 / 10)
    rename = Rename.objects.create(
        user=person, subscription_id=f"s-{at}", name_seen="Old", name_wanted="New", created=day
    )
    RenameEvent.objects.create(rename=rename, number=0, state="confirmed", at=day)
    Batch.objects.create(user=person, grant_id=rename.pk, created=day, state="done")
    LogEntry.objects.create(user=root, action_time=day, object_repr="walter", action_flag=2, change_message="[]")
"""


FAILURE = """
from django.contrib.auth.models import User
from aosportal.passport.models import RecentFailure
RecentFailure.objects.create(user=User.objects.latest("pk"), service="AOS", kind="busy", request_id="f" * 32)
"""


def enter(page, url):
    page.goto(f"{url}/admin/login/?next=/admin/")
    page.get_by_label("Username").fill("root")
    page.get_by_label("Password").fill(ADMIN_PASSWORD)
    button(page, "Log in").click()
    expect(page.get_by_role("heading", name="Is it well?")).to_be_visible()


def look_at(tour, base):
    """The list of one kind, one of them, and the form to add one."""
    tour.at(base, base)
    rows = tour.page.locator("#result_list tbody tr th a")
    if rows.count():
        path = rows.first.get_attribute("href").split("?")[0]
        tour.at(f"one of {base}", path)
        tour.at(f"history of one of {base}", re.sub(r"change/$", "history/", path))
    if tour.page.goto(f"{tour.url}{base}add/").status == 200:
        tour.at(f"{base}add/")


def test_the_administration(tour, office):
    page = tour.page
    office.person()
    office.portal.manage("shell", "--verbosity", "0", "-c", FAILURE)
    tour.at("login", "/admin/login/?next=/admin/")
    page.get_by_label("Username").fill("root")
    page.get_by_label("Password").fill("wrong")
    button(page, "Log in").click()
    tour.at("login, refused")
    enter(page, office.url)
    tour.at("index")
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        row = page.locator(".facts tr").filter(has_text="Change freeze")
        assert row.bounding_box()["height"] < 60, width  # in words, not in letters
        assert row.bounding_box()["width"] <= width
    tour.at("nobody", "/")
    for model in admin.site._registry:
        look_at(tour, f"/admin/{model._meta.app_label}/{model._meta.model_name}/")
    tour.at("password", "/admin/password_change/")
    assert tour.found == []


def test_after_years_of_work(tour, office):
    office.portal.manage("shell", "--verbosity", "0", "-c", YEARS_OF_WORK)
    page = tour.page
    enter(page, office.url)
    tour.at("index")
    for base in ("auth/user", "subscriptions/batch", "admin/logentry", "subscriptions/rename"):
        tour.at(base, f"/admin/{base}/")
        expect(page.locator(".paginator a").first).to_be_visible()
    page.locator(".paginator a").first.click()
    tour.at("second page")
    for depth in ("years", "months", "days"):
        page.locator(".toplinks a:not(.date-back)").first.click()
        tour.at(depth)
    tour.at("filtered", "/admin/subscriptions/rename/?state=confirmed&q=walter")
    page.locator("#action-toggle").check()
    tour.at("all of a page chosen")
    page.goto(f"{office.url}/admin/auth/user/?q=walter1")
    page.locator("#action-toggle").check()
    page.get_by_label("Action:").select_option(label="Delete selected users")
    button(page, "Go").click()
    tour.at("delete")
    assert tour.found == []
