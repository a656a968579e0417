"""Watches a browser window for what no page of the portal may do: break its own policy, or ask another origin."""

import contextlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Request

_REPORT = """addEventListener("securitypolicyviolation", ({violatedDirective, blockedURI, sourceFile}) =>
  console.error("Content Security Policy", violatedDirective, blockedURI, sourceFile));"""


class Watch:
    """Sees every request and every violation of a policy in a window; `faults` are what should not have been.

    `places` have the portal's and APS's addresses. APS may be gone to as a page, and its own pages may ask it.
    """

    def __init__(self, context: BrowserContext, places: list[Any]) -> None:
        self.homes = {url for each in places for url in (each.url, each.url.replace("127.0.0.1", "localhost"))}
        self.passports = {each.aps_url for each in places}
        self.faults: list[str] = []
        context.add_init_script(_REPORT)
        context.on("request", self._asked)
        context.on("console", lambda message: self._said(message.text))
        context.on("weberror", lambda error: self.faults.append(f"Script failed: {error.error}"))

    @contextlib.contextmanager
    def looking_away(self) -> Iterator[None]:
        """What happens meanwhile is the test's own doing."""
        before = list(self.faults)
        yield
        self.faults[:] = before

    def _asked(self, request: Request) -> None:
        origin = _origin(request.url)
        if origin in self.homes or request.url.startswith(("data:", "blob:", "about:")):
            return
        if origin not in self.passports or not (
            request.is_navigation_request() or _origin(request.frame.url) == origin
        ):
            self.faults.append(f"Asked {request.url}")

    def _said(self, text: str) -> None:
        if "Content Security Policy" in text:
            self.faults.append(text)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
