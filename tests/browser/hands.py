"""Two ways to use a page: by keyboard alone, and by mouse. What is typed is typed either way."""

import re

from playwright.sync_api import Locator, Page, expect

# How many presses of Tab lead from what has the focus to an element; backwards below zero.
_STEPS = """(element) => {
  const usable = 'a[href], button, input:not([type=hidden]), textarea, select, summary, [tabindex="0"]';
  const stops = [...document.querySelectorAll(usable)].filter((each) => each === element || each.checkVisibility());
  return stops.indexOf(element) - stops.indexOf(document.activeElement);
}"""
_IS_FOCUSED = "(element) => element === document.activeElement"


class Keyboard:
    """Presses keys, and nothing else."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def reach(self, target: Locator) -> None:
        """Press Tab, or Shift and Tab, until this has the focus; fails if it never has."""
        expect(target).to_be_visible()
        for _ in range(4):  # the count may be wrong; what counts is where the focus is
            steps = target.evaluate(_STEPS)
            for _ in range(abs(steps)):
                self.page.keyboard.press("Tab" if steps > 0 else "Shift+Tab")
            if target.evaluate(_IS_FOCUSED):
                return
        expect(target).to_be_focused()

    def use(self, target: Locator) -> None:
        """Follow a link, press a button."""
        self.reach(target)
        self.page.keyboard.press("Enter")

    def tick(self, target: Locator) -> None:
        """Tick a checkbox, or take the tick away."""
        self.reach(target)
        self.page.keyboard.press("Space")

    def type(self, target: Locator, text: str) -> None:
        """Put this into a field, over what is there."""
        self.reach(target)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)


class Mouse:
    """Clicks; only text comes by keyboard."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def use(self, target: Locator) -> None:
        """Follow a link, press a button."""
        target.click()

    def tick(self, target: Locator) -> None:
        """Tick a checkbox, or take the tick away."""
        target.click()

    def type(self, target: Locator, text: str) -> None:
        """Put this into a field, over what is there."""
        target.click(click_count=3)
        self.page.keyboard.insert_text(text)


def link(page: Page, name: str) -> Locator:
    """The link whose name begins so."""
    return page.get_by_role("link", name=re.compile(f"^{re.escape(name)}")).first


def button(page: Page, name: str) -> Locator:
    """The button whose name begins so."""
    return page.get_by_role("button", name=re.compile(f"^{re.escape(name)}")).first
