"""The whole of the screen in a real Chromium: by keyboard alone, by mouse, without script; on phone, tablet and desk.

Each walk is one person in one window. The watch over every window looks for broken policies and requests elsewhere.
"""

import csv
import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.hands import Keyboard, Mouse, button, link
from tests.support.hostile_answers import says
from tests.support.hostile_aos import Fault, item

pytestmark = pytest.mark.browser
LOOKS = [
    (Keyboard, 360, "dark"),
    (Keyboard, 768, "light"),
    (Keyboard, 1440, "light"),
    (Mouse, 360, "light"),
    (Mouse, 768, "dark"),
    (Mouse, 1440, "dark"),
]
SLOW = 0.15  # seconds for a change, where progress is to be seen


def subscriptions():
    plans = [item(f"plan-{number}", f"Plan {number}") for number in range(1, 61)]
    shops = [item(f"shop-{number}", f"Shop {number}", state="Warned") for number in range(1, 13)]
    return [*plans, *shops]


class Walk:
    """One person's window, and what AOS has for them."""

    def __init__(self, office, page, hand, *, script=True):
        self.office, self.page, self.hand, self.script = office, page, hand, script
        self.person = office.someone(page, subscriptions())
        self.page.goto(f"{office.url}/subscriptions/")

    def name(self, subscription_id):
        return self.office.aos.name(self.person.name, subscription_id)

    def sent(self):
        return [wanted for wanted, _ in self.office.changes(self.person)]

    def use(self, target):
        self.hand.use(target)

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def row(self, text):
        return self.page.get_by_role("row").filter(has_text=re.compile(rf"{text}(?!\d)"))

    def download(self, target):
        with self.page.expect_download() as download:
            self.use(target)
        with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
            return file.read()

    def fits(self):
        self.page.wait_for_load_state()
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), self.page.url

    def search(self, text):
        expect(self.page.get_by_role("searchbox")).to_be_visible()
        self.page.wait_for_load_state()
        self.hand.type(self.page.get_by_role("searchbox"), text)
        if not self.script:
            self.press("Enter")
        expect(self.page).to_have_url(re.compile(f"q={text}"))
        expect(self.page.locator(".found").get_by_text(re.compile(r"\d+ found · 72 in all"))).to_be_visible()

    def settle(self, words):
        """Wait until the progress of a batch says so; without script by Refresh."""
        heading = self.page.get_by_role("heading", name=words, exact=True)
        for _ in range(0 if self.script else 40):
            if heading.count():
                break
            self.page.wait_for_timeout(250)
            refresh = self.page.get_by_role("link", name="Refresh")
            self.use(refresh) if refresh.count() else self.page.reload()
        expect(heading).to_be_visible(timeout=20_000)
        self.fits()


def find(walk):
    """Search, filter, sort, pages, refresh, export."""
    page = walk.page
    walk.use(link(page, "Next"))
    expect(page.get_by_text("51–72 of 72 subscriptions")).to_be_visible()
    walk.use(link(page, "Previous"))
    walk.search("shop")
    expect(page.locator("table tbody tr")).to_have_count(12)
    walk.use(link(page, "Enabled"))
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    walk.use(link(page, "Clear all"))
    walk.use(page.get_by_role("link", name="State", exact=True))
    walk.use(page.get_by_role("link", name="State", exact=True))
    expect(page.get_by_role("columnheader", name="State")).to_have_attribute("aria-sort", "descending")
    walk.use(page.get_by_role("link", name="Name", exact=True))
    walk.use(page.get_by_role("link", name="Name", exact=True))
    expect(page.locator("table tbody th").first).to_contain_text("Shop 12")
    reads = len(walk.office.aos.log)
    walk.use(link(page, "Refresh"))
    expect(page).to_have_url(f"{walk.office.url}/subscriptions/?sort=-name")
    assert len(walk.office.aos.log) == reads + 1
    walk.search("shop")
    names = [f"Shop {number}" for number in range(12, 0, -1)]
    assert [row["displayName"] for row in csv.DictReader(walk.download(link(page, "CSV")).splitlines())] == names
    assert [row["displayName"] for row in json.loads(walk.download(link(page, "JSON")))] == names
    walk.fits()


def copy(walk):
    copied = button(walk.page, "Copy shop-3")
    walk.use(copied)
    expect(walk.page.get_by_text("Copied.")).to_have_count(1)
    assert walk.page.evaluate("navigator.clipboard.readText()") == "shop-3"


def rename_by_keys(walk):
    """/ and arrows, F2 and Enter, Esc, help while typing, the outcome with Undo, the list of keys."""
    page, field = walk.page, walk.page.get_by_label("Display name")
    walk.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    walk.hand.reach(link(page, "Rename Shop 12"))
    walk.press("ArrowDown", "ArrowDown", "ArrowUp", "F2")
    expect(field).to_be_focused()
    expect(field).to_have_value("Shop 11")
    help_while_typing(walk, field)
    walk.press("Escape")
    expect(field).to_have_count(0)
    expect(link(page, "Rename Shop 11")).to_be_focused()
    walk.press("Enter")
    expect(field).to_be_focused()
    scrolled = page.evaluate("scrollY")
    page.keyboard.insert_text("Renamed by key")
    walk.press("Enter")
    expect(button(page, "Undo")).to_be_focused()
    assert abs(page.evaluate("scrollY") - scrolled) < 100
    assert walk.name("shop-11") == "Renamed by key"
    walk.press("Enter")
    expect(page.get_by_text("Renamed. Before: “Renamed by key”.")).to_be_visible()
    walk.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    walk.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def rename_by_mouse(walk):
    """A click on the name, Save and Cancel, the outcome with Undo, the list of keys."""
    page, field = walk.page, walk.page.get_by_label("Display name")
    page.locator(".name", has_text="Shop 11").click()
    expect(field).to_be_focused()
    help_while_typing(walk, field)
    page.get_by_role("link", name="Cancel").click()
    expect(field).to_have_count(0)
    page.locator(".name", has_text="Shop 11").click()
    walk.hand.type(field, "Renamed by click")
    walk.use(button(page, "Save"))
    expect(page.get_by_text("Renamed. Before: “Shop 11”.")).to_be_visible()
    assert walk.name("shop-11") == "Renamed by click"
    walk.use(button(page, "Undo"))
    expect(page.get_by_text("Renamed. Before: “Renamed by click”.")).to_be_visible()
    walk.use(button(page, "Keys"))
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    walk.use(button(page, "Close"))
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def rename_without_script(walk):
    page = walk.page
    walk.use(link(page, "Rename Shop 11"))
    walk.hand.type(page.get_by_label("Display name"), "Renamed by form")
    walk.fits()
    walk.use(button(page, "Save"))
    assert walk.name("shop-11") == "Renamed by form"
    walk.use(button(page, "Undo"))
    expect(page.get_by_role("status").filter(has_text="“Shop 11”")).to_be_visible()
    walk.use(link(page, "History"))
    expect(walk.row("Renamed by form")).to_have_count(2)
    walk.use(link(page, "Subscriptions"))
    walk.search("shop")


def help_while_typing(walk, field):
    page = walk.page
    walk.hand.type(field, "p\u0430y  day")
    expect(page.get_by_text("several spaces in a row")).to_be_visible()
    expect(page.get_by_text("look alike")).to_be_visible()
    expect(page.get_by_text("247 characters left")).to_be_visible()
    walk.fits()


def change_ticked(walk):
    """Some rows: find and replace, prefix and suffix, preview, and back."""
    page = walk.page
    for number in (2, 3):
        walk.hand.tick(page.get_by_role("checkbox", name=f"Select Shop {number} ", exact=False).first)
    walk.use(button(page, "Change the ticked"))
    expect(page.get_by_text("2 selected.")).to_be_visible()
    for label, text in {"Find": "shop", "Replace with": "Store", "Put in front": "My ", "Put at the end": "!"}.items():
        walk.hand.type(page.get_by_label(label, exact=True), text)
    walk.fits()
    walk.use(button(page, "Preview"))
    expect(page.get_by_text("2 of 2 will be renamed.")).to_be_visible()
    expect(page.get_by_text("My Store 2!")).to_be_visible()
    walk.fits()
    walk.use(link(page, "Change"))
    expect(page.get_by_label("Replace with")).to_have_value("Store")
    walk.use(page.get_by_role("link", name="Subscriptions", exact=True))


def change_all(walk):
    """All that match: a row left out, progress, leaving and coming back, a pause."""
    page = walk.page
    walk.search("shop")
    walk.office.aos.every_put = Fault(before=SLOW)
    walk.use(link(page, "Change all 12"))
    expect(page.get_by_text(re.compile("All that the list shows for “shop”: 12."))).to_be_visible()
    walk.hand.type(page.get_by_label("Put in front"), "New ")
    walk.use(button(page, "Preview"))
    walk.hand.tick(page.get_by_role("checkbox", name=re.compile("New Shop 7 ")))
    walk.use(button(page, "Rename what is ticked"))
    expect(page.get_by_text("of 11 settled")).to_be_visible()
    if button(page, "Pause").count():
        walk.use(page.get_by_role("link", name="See all subscriptions"))
    else:
        walk.use(page.get_by_role("link", name="Subscriptions", exact=True))
    walk.use(link(page, "Bring a table"))
    walk.use(page.locator(".recent a").first)
    walk.settle("11 renamed")
    walk.office.aos.every_put = Fault()
    assert walk.name("shop-7") == "Shop 7"
    assert sorted(walk.sent()).count("New Shop 1") == 1


def bring_table(walk):
    """CSV out, edited, pasted with mistakes; then as a file, with a row that fails, is tried again, and all undone."""
    page = walk.page
    walk.use(page.get_by_role("link", name="Subscriptions", exact=True))
    walk.use(link(page, "Bring a table"))
    exported = walk.download(link(page, "Download your list as CSV"))
    assert len(exported.splitlines()) == 73
    pasted = (
        "id,displayName,newName\nplan-1,Plan 1,First\nplan-2,Plan 2,\nnobody,x,y\nplan-3,Plan 3,Plan 3\nplan-4,Old,New"
    )
    walk.hand.type(page.get_by_label("Paste a table"), pasted + f"\nplan-5,Plan 5,{'x' * 256}\nplan-6,Plan 6,Plan 7\n")
    walk.use(button(page, "Preview").last if walk.script else button(page, "Preview"))
    for words in ("Empty", "Unknown id", "Unchanged", "Changed since", "Too long", "Same name"):
        expect(page.locator("table .state").filter(has_text=words)).to_have_count(1)
    walk.fits()
    walk.use(link(page, "With problems"))
    expect(page.locator("table tbody tr")).to_have_count(5)
    walk.use(link(page, "Change"))
    expect(page.get_by_label("Paste a table")).to_have_value(re.compile("plan-5"))
    walk.hand.type(page.get_by_label("Paste a table"), " ")
    with page.expect_file_chooser() as chooser:
        walk.use(page.get_by_label("or choose a CSV file"))
    edited = "id;displayName;newName\r\nplan-1;Plan 1;First\r\nplan-2;Plan 2;Second\r\n".encode("utf-8-sig")
    chooser.value.set_files({"name": "edited.csv", "mimeType": "text/csv", "buffer": edited})
    walk.use(button(page, "Preview").last)
    expect(page.get_by_text("2 of 2 will be renamed.")).to_be_visible()

    walk.office.aos.puts = [Fault(says({"title": "Not this name"}, 400), does=lambda *_: None)]
    walk.use(button(page, "Rename what is ticked"))
    walk.settle("1 renamed")
    walk.use(button(page, "Try the ticked ones again"))
    walk.settle("2 renamed")
    assert [walk.name(f"plan-{number}") for number in (1, 2)] == ["First", "Second"]
    assert len(walk.download(link(page, "Result as CSV")).splitlines()) == 3
    walk.use(button(page, "Undo all"))
    expect(page.get_by_role("heading", name="Undo: look it over")).to_be_visible()
    walk.use(button(page, "Rename what is ticked"))
    walk.settle("2 renamed")
    assert [walk.name(f"plan-{number}") for number in (1, 2)] == ["Plan 1", "Plan 2"]


@pytest.mark.parametrize(("hand", "width", "scheme"), LOOKS, ids=lambda each: getattr(each, "__name__", each))
def test_the_whole_screen(new_page, office, hand, width, scheme):
    page = new_page(width=width, scheme=scheme)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    walk = Walk(office, page, hand(page))
    find(walk)
    copy(walk)
    (rename_by_keys if hand is Keyboard else rename_by_mouse)(walk)
    change_ticked(walk)
    change_all(walk)
    bring_table(walk)


@pytest.mark.parametrize("width", [360, 1440])
def test_the_whole_screen_without_script(new_page, office, width):
    page = new_page(width=width, script=False)
    walk = Walk(office, page, Mouse(page), script=False)
    find(walk)
    rename_without_script(walk)
    change_ticked(walk)
    change_all(walk)
    bring_table(walk)
