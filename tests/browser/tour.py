"""What axe-core says of each page that a test goes through, on a light phone and a dark desk (decision 32)."""

from axe_playwright_python.sync_playwright import Axe
from django.template.loader import render_to_string
from playwright.sync_api import Page

from tests.browser.watch import Watch

WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}
SETTLED = "Promise.allSettled(document.getAnimations().map(each => each.finished))"
LOOKS = [(360, "light"), (1440, "dark")]


class Tour:
    """A window, and what axe has found so far."""

    def __init__(self, page: Page, url: str, watch: Watch) -> None:
        self.page, self.url, self.watch = page, url, watch
        self.found: list[tuple[str, str, str]] = []

    def at(self, name: str, path: str | None = None) -> None:
        """Look at this page, or go to one and look."""
        if path:
            self.page.goto(self.url + path)
        self.page.wait_for_load_state()
        for width, scheme in LOOKS:
            self.page.emulate_media(color_scheme=scheme)
            self.page.set_viewport_size({"width": width, "height": 900})
            self._look(f"{name}, {width}, {scheme}")
            is_ours = "/admin/" not in self.page.url  # Django's own pages scroll on a phone
            assert not is_ours or self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
                name,
                width,
            )

    def _look(self, name: str) -> None:
        self.page.evaluate(SETTLED)  # a link of the administration changes its colour slowly
        with self.watch.looking_away():  # axe itself tries inline styles
            found = Axe().run(self.page, options=WCAG).response["violations"]
        self.found += [(name, each["id"], each["nodes"][0]["html"][:200]) for each in found]

    def error(self, name: str, status: int, **context: str) -> None:
        """Look at an error page that a healthy portal does not give."""
        body = render_to_string(f"{status}.html", context)
        self.page.route(
            "**/made-to-fail/", lambda route: route.fulfill(status=status, body=body, content_type="text/html")
        )
        self.at(name, "/made-to-fail/")
        self.page.unroute("**/made-to-fail/")
