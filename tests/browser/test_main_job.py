"""The main job in a real browser: sign in, see the list, rename, sign out. As people do it, by role and label."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in
from tests.support.people import until

pytestmark = pytest.mark.browser


def names(page):
    shown = "rows => rows.map(row => row.querySelector('.name, .unnamed')?.innerText.trim())"
    return page.locator("table tbody tr").evaluate_all(shown)


def be_alice(page):
    """At APS, choose Alice and consent, as far as APS asks."""
    home = page.get_by_role("navigation", name="Main")
    for name in ("Alice Moreno", "Allow"):
        button = page.get_by_role("button", name=name)
        expect(button.or_(home)).to_be_visible()
        if button.count():
            button.click()
    page.wait_for_load_state()


def rename(page, old, new):
    page.get_by_role("row").filter(has_text=old).get_by_role("link", name="Rename").first.click()
    page.get_by_label("Display name").fill(new)
    save(page)
    expect(page.get_by_label("Display name")).to_have_count(0)


def save(page):
    """Press Save, and wait until there is an answer: the button is not to be pressed twice."""
    before = page.locator("[name=once]").input_value()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(f"[name=once][value='{before}']")).to_have_count(0, timeout=20_000)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_sign_in_list_rename_reload_sign_out(new_page, world, script):
    page = new_page(script=script)
    sign_in(page, world)
    expect(page).to_have_url(f"{world.url}/subscriptions/")
    expect(page.get_by_role("heading", name="Subscriptions")).to_be_visible()

    rename(page, "Contoso ERP", "Contoso ERP – 2027 ✓")
    said = "Renamed. Before: “Contoso ERP”." if script else "Renamed “Contoso ERP” to “Contoso ERP – 2027 ✓”"
    expect(page.get_by_role("status").filter(has_text=said)).to_be_visible()
    page.reload()
    expect(page.get_by_role("row").filter(has_text="Contoso ERP – 2027 ✓")).to_have_count(1)

    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/signed-out/"))
    page.goto(f"{world.url}/subscriptions/")
    expect(page).to_have_url(f"{world.url}/login/?next=/subscriptions/")


def test_a_second_person_in_another_browser_sees_only_their_own(new_page, world):
    alice, bob = new_page(), new_page()
    sign_in(alice, world, "Alice Moreno")
    sign_in(bob, world, "Bob Okafor")
    rename(alice, "Contoso ERP", "Only Alice's")
    address = (
        alice.get_by_role("row")
        .filter(has_text="Only Alice's")
        .get_by_role("link", name="Rename")
        .get_attribute("href")
    )

    bob.reload()
    assert "Only Alice's" not in names(bob)
    assert bob.goto(world.url + address).status == 404
    assert "Only Alice's" not in bob.content()


def test_the_page_first_asked_for_comes_after_signing_in(page, world):
    sign_in(page, world, start="/subscriptions/?q=plan&state=Enabled")

    expect(page).to_have_url(f"{world.url}/subscriptions/?q=plan&state=Enabled")


def test_two_tabs_each_reach_their_own_page(page, world):
    page.goto(f"{world.url}/login/?next=/subscriptions/?tab=1")
    other = page.context.new_page()
    other.goto(f"{world.url}/login/?next=/subscriptions/?tab=2")
    tabs = (page, other)
    for tab in tabs:
        tab.get_by_role("button", name="Sign in with Alliance Passport").click()
        expect(tab.get_by_role("button", name="Alice Moreno")).to_be_visible()
    be_alice(page)
    other.reload()  # APS knows by now who sits here
    be_alice(other)

    assert [tab.url for tab in tabs] == [f"{world.url}/subscriptions/?tab={number}" for number in (1, 2)]


def test_a_denied_consent_is_no_dead_end(page, world):
    page.goto(world.url)
    page.get_by_role("button", name="Sign in with Alliance Passport").click()
    page.get_by_role("button", name="Carmen Ruiz").click()
    page.get_by_role("button", name="Deny").click()

    expect(page.get_by_role("button", name="Sign in with Alliance Passport")).to_be_visible()
    assert "/complete/aps/" in page.url


def test_start_on_localhost_ends_signed_in(page, world):
    page.goto(f"http://localhost:{world.portal.port}/")
    sign_in(page, world)

    expect(page).to_have_url(f"{world.url}/subscriptions/")


def test_d19_awkward_names_are_shown_as_they_are_and_run_nothing(page, world):
    dialogs = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message) or dialog.dismiss())
    violations = []
    page.on(
        "console",
        lambda message: violations.append(message.text) if "Content Security Policy" in message.text else None,
    )
    sign_in(page, world)
    shown = "Contoso ERP"
    for name in ("<script>alert(1)</script> 2", "{{7*7}} 2", '"><img src=x onerror=alert(1)>', "a\u202eb", "x" * 255):
        rename(page, shown, name)
        page.wait_for_url("**/subscriptions/")
        shown = name
        assert shown in names(page)

    assert dialogs == []
    assert violations == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_nothing_leaves_the_origin_and_nothing_is_kept_in_the_browser(page, world):
    sign_in(page, world)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.get_by_role("link", name="Rename").first.click()

    assert all(url.startswith(world.url) for url in asked)
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert all(
        cookie["httpOnly"] for cookie in page.context.cookies(world.url) if cookie["name"].startswith("aosportal")
    )


def changes(world):
    """The changes that AOS has answered."""
    return [call for call in world.stand_ins.log() if (call["stand_in"], call["method"]) == ("aos", "PUT")]


@pytest.mark.parametrize(
    "weather",
    [
        "down",
        "overloaded",
        "broken",
        "html",
        "truncated",
        "wrong_shape",
        "unsuccessful",
        "forbidden",
        "slow",
        "refusing",
    ],
)
def test_bad_weather_keeps_what_was_typed_and_says_what_happened(page, world, weather):
    sign_in(page, world)
    page.get_by_role("row").filter(has_text="Contoso ERP").get_by_role("link", name="Rename").click()
    page.get_by_label("Display name").fill("Typed with care")
    world.stand_ins.weather(aos=weather, slow_seconds=6, retry_after=1)
    save(page)

    expect(page.get_by_role("alert").filter(visible=True)).to_have_count(1)
    expect(page.get_by_label("Display name")).to_have_value("Typed with care")
    world.stand_ins.weather(aos="fine")
    page.wait_for_timeout(1100)  # AOS has asked to be left alone for a second
    save(page)
    expect(page.get_by_label("Display name")).to_have_count(0)
    assert "Typed with care" in names(page)


@pytest.mark.parametrize("weather", ["losing", "leftover", "enveloped"])
def test_answers_that_say_little_are_read_back(page, world, weather):
    sign_in(page, world)
    world.stand_ins.weather(aos=weather)
    rename(page, "Contoso ERP", "Read back")
    world.stand_ins.weather(aos="fine")
    page.wait_for_url("**/subscriptions/")

    assert "Read back" in names(page)
    assert len(changes(world)) == 1


def test_a_dead_sign_in_at_save_keeps_the_name_for_the_same_person(page, world):
    sign_in(page, world)
    page.get_by_role("row").filter(has_text="Contoso ERP").get_by_role("link", name="Rename").click()
    page.get_by_label("Display name").fill("Kept while I signed in")
    world.stand_ins.weather(do="expire")
    world.stand_ins.weather(do="forget")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("Please sign in again")).to_be_visible()
    page.get_by_role("button", name="Sign in with Alliance Passport").click()
    be_alice(page)
    expect(page.get_by_label("Display name")).to_have_value("Kept while I signed in")
    assert not [call for call in world.stand_ins.log() if call["method"] == "PUT" and call["status"] == 200]


def test_by_keyboard_alone(page, world):
    sign_in(page, world)
    page.goto(f"{world.url}/subscriptions/")
    page.bring_to_front()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    first = page.get_by_role("link", name="Rename").first
    for _ in range(30):  # past Refresh, the search, the filters and the column headers
        page.keyboard.press("Tab")
        if first.evaluate("link => link === document.activeElement"):
            break
    expect(first).to_be_focused()
    page.keyboard.press("F2")
    expect(page.get_by_label("Display name")).to_be_focused()
    page.keyboard.type("By keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    assert "By keyboard" in names(page)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Renamed. Before: “By keyboard”.")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Display name")).to_be_focused()
    page.keyboard.type("never sent")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Display name")).to_have_count(0)
    assert "never sent" not in names(page)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_no_page_scrolls_sideways(new_page, world, width):
    page = new_page(width=width)
    for path in ("/", "/login/", "/signed-out/", "/nowhere"):
        page.goto(world.url + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    sign_in(page, world)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_aps_down_says_so_and_signing_out_still_works(page, world):
    sign_in(page, world)
    world.stand_ins.weather(aps="down")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{world.url}/signed-out/?open=aps")
    page.goto(f"{world.url}/subscriptions/")
    expect(page).to_have_url(re.compile("/login/"))


@pytest.mark.parametrize(
    ("weather", "is_applied"),
    [("slow", True), ("broken", False), ("refusing", False), ("html", False), ("unsuccessful", False)],
)
def test_e28_a_lost_answer_is_called_not_known_and_the_text_stays(page, world, weather, is_applied):
    sign_in(page, world)
    world.stand_ins.weather(aos=weather, hits="changes", slow_seconds=6)
    page.get_by_role("row").filter(has_text="Contoso ERP").get_by_role("link", name="Rename").click()
    page.get_by_label("Display name").fill("Perhaps renamed")
    save(page)

    if is_applied:  # the stand-in applies at once and answers late: reading back settles it
        expect(page.get_by_label("Display name")).to_have_count(0)
        assert "Perhaps renamed" in names(page)
        until(lambda: changes(world))  # the stand-in writes a call down when it has answered it
    else:
        expect(page.get_by_text("Not known whether the name was changed")).to_be_visible()
        expect(page.get_by_label("Display name")).to_have_value("Perhaps renamed")
        page.goto(f"{world.url}/subscriptions/")
        sent = "Sent: “Perhaps renamed”. Not known yet whether AOS took it; we are checking."
        expect(page.locator(".row-note")).to_have_text(sent, use_inner_text=True)  # in one line
    assert len(changes(world)) == 1


LIST_STATUS = {
    "fine": 200,
    "slow": 504,
    "down": 503,
    "overloaded": 503,
    "broken": 502,
    "refusing": 502,
    "html": 502,
    "truncated": 502,
    "wrong_shape": 502,
    "unsuccessful": 502,
    "enveloped": 200,
    "unauthorized": 302,
    "forbidden": 403,
    "lying": 200,
    "losing": 200,
    "leftover": 200,
}


def test_every_weather_of_aos_gives_the_status_that_is_decided(page, world):
    sign_in(page, world)
    known = {name for name in LIST_STATUS if name != "unauthorized"}
    for name in sorted(known):
        world.stand_ins.weather(aos=name, slow_seconds=6, retry_after=1)  # a second, in which AOS is left alone
        assert page.goto(f"{world.url}/subscriptions/?refresh=1").status == LIST_STATUS[name], name
        page.wait_for_timeout(1100 if name in {"down", "overloaded"} else 0)
    world.stand_ins.weather(aos="unauthorized")
    page.goto(f"{world.url}/subscriptions/?refresh=1")
    expect(page).to_have_url(re.compile("/login/"))
