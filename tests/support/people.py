"""People who use a portal of real processes by HTTP, and an AOS that knows whose token it sees."""

import html
import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.support.fake_aps import FakeAPS
from tests.support.servers import Reply, Request


class OwnersAOS:
    """Lists one subscription, named after the owner of the token; refuses the tokens in `refused` (all: None).

    An access token of FakeAPS ends in the subject. Each answer sets a cookie that must never come back. `hold` is
    called before anything is answered.
    """

    def __init__(self) -> None:
        self.refused: set[str] | None = set()
        self.asked: list[tuple[str, str]] = []  # token, cookie
        self.hold: Callable[[], Any] = lambda: None

    def __call__(self, request: Request) -> Reply:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.asked.append((token, request.headers.get("Cookie", "")))
        self.hold()
        owner = token.rpartition("-sub-")[2]
        headers = {"Content-Type": "application/json", "Set-Cookie": f"owner={owner}; Path=/"}
        if self.refused is None or token in self.refused:
            return 401, headers, "{}"
        item = {"id": "s-1", "subscriptionId": "x-1", "displayName": f"Owned by {owner}.", "state": "Enabled"}
        return 200, headers, json.dumps([item])


class Person:
    """A browser of one person. Redirects are not followed."""

    def __init__(self, url: str, aps: FakeAPS, name: str, bundle: str = "") -> None:
        self.url, self.aps, self.name = url, aps, name
        self.session = requests.Session()
        self.session.trust_env = False  # a bundle in the environment would beat this one
        self.session.verify = bundle or True
        self.claims = {"sub": f"sub-{name}", "name": name.title(), "email": f"{name}@corp.test"}

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.url + path, allow_redirects=False, timeout=60)

    def post(self, path: str, page: requests.Response, **fields: str) -> requests.Response:
        """Send a form of `page`."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
        form = {"csrfmiddlewaretoken": html.unescape(token), **fields}
        return self.session.post(
            self.url + path, form, headers={"Referer": self.url + "/"}, allow_redirects=False, timeout=60
        )

    def sign_in(self) -> requests.Response:
        """A whole sign-in; return the answer of the callback."""
        return self.come_back(self.start())

    def start(self) -> dict[str, str]:
        """Begin a sign-in; return what APS is asked for."""
        start = self.post("/login/aps/", self.get("/login/"))
        return {key: values[0] for key, values in parse_qs(urlsplit(start.headers["Location"]).query).items()}

    def come_back(self, query: dict[str, str]) -> requests.Response:
        """Sign in at APS, and return the answer of the callback."""
        code = self.aps.authorize(query, self.claims)
        return self.get(f"/complete/aps/?state={query['state']}&code={code}")

    def copy(self) -> "Person":
        """The same session in another window: connections are not shared, cookies are."""
        twin = Person(self.url, self.aps, self.name)
        twin.session.verify = self.session.verify
        twin.session.cookies.update(self.session.cookies)
        return twin


def at_once(jobs: list[Callable[[], Any]]) -> list[Any]:
    """Do all jobs at the same moment, each in a thread; return what they returned, an exception included."""
    results: list[Any] = [None] * len(jobs)
    gate = threading.Barrier(len(jobs))

    def run(index: int, job: Callable[[], Any]) -> None:
        gate.wait()
        try:
            results[index] = job()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[index] = error

    threads = [threading.Thread(target=run, args=each) for each in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def until(condition: Callable[[], Any], seconds: float = 15, pause: float = 0.02) -> None:
    """Wait for something that must come true, looking every `pause` seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(pause)
