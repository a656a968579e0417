"""People for the soak: each does, at random, what people do, and every answer they get is noted with its moments."""

import random
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

from tests.processes.place import HIDDEN, LIST
from tests.support.fake_aps import FakeAPS
from tests.support.hostile_aos import Item, item
from tests.support.people import Person

ROWS, BY_HAND, IN_A_BATCH = 120, 12, 6  # subscriptions of each person; those renamed one by one; those by batches
PAUSE = 1.5  # seconds that a person looks at a page, at most
MANY = "/subscriptions/rename-many/"
_LOOKS_AT_A_BATCH = 3
_HEADING = re.compile(r"<h[12][^>]*>\s*([^<]*?)\s*<")


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer: `status` is a number, or what failed, and then `heading` the page's. Moments: `time.monotonic`."""

    what: str
    status: str
    began: float
    ended: float
    is_well: bool
    heading: str = ""


class Unwell(Exception):
    """The answer was none that a person wants. What they were about ends."""


class Member(Person):
    """Somebody with many subscriptions; `is_in`: signed in.

    `told` has the names that the portal said are done, by subscription.
    """

    def __init__(self, url: str, aps: FakeAPS, number: int, seen: list[Seen]) -> None:
        super().__init__(url, aps, f"p{number:02}")
        self.told: dict[str, list[str]] = {}
        self.is_in, self._seen, self._dice, self._names = False, seen, random.Random(number), 0

    def items(self) -> list[Item]:
        """What AOS has for this person in the beginning."""
        return [item(f"{self.name}-{number}", f"Warehouse {number} of {self.name}") for number in range(ROWS)]

    def get(self, path: str, *, fresh: bool = False) -> requests.Response:
        """Ask for a page; `fresh` as a reload does. Raises Unwell."""
        headers = {"Cache-Control": "max-age=0"} if fresh else {}
        return self._noted(
            f"GET {self._place(path)}",
            lambda: self.session.get(self.url + path, headers=headers, allow_redirects=False, timeout=60),
        )

    def post(self, path: str, page: requests.Response, **fields: str) -> requests.Response:
        """Send a form of `page`. Raises Unwell."""
        return self._noted(f"POST {self._place(path)}", lambda: super(Member, self).post(path, page, **fields))

    def live(self, over: threading.Event) -> None:
        """Do one thing after the other until it is over. What goes wrong in here is noted as an answer, too."""
        while not over.wait(self._dice.uniform(0.1, PAUSE)):
            began = time.monotonic()
            try:
                self.do_one()
            except Unwell:
                pass
            except Exception as error:  # noqa: BLE001 - a page that is not what it should be
                self._note("a page", f"{type(error).__name__}: {error}", began, is_well=False)

    def do_one(self) -> None:
        """Do one thing; who is not signed in signs in."""
        deed = self._dice.choices(list(_DEEDS), list(_DEEDS.values()))[0] if self.is_in else Member.come
        deed(self)

    def do_all(self) -> None:
        """Do each thing once."""
        self.come()
        for deed in _DEEDS:
            with suppress(Unwell):
                deed(self)

    def come(self) -> None:
        """Sign in, and look at the list."""
        answer = self.sign_in()
        self.is_in = answer.headers.get("Location") == LIST
        self.get(LIST)

    def look(self) -> None:
        """Look at the list."""
        self.get(LIST)

    def reload(self) -> None:
        """Look at the list as AOS has it now."""
        self.get(LIST, fresh=True)

    def search(self) -> None:
        """Look for some of them, and at another page."""
        self.get(f"{LIST}?q=house+{self._dice.randrange(ROWS)}")
        self.get(f"{LIST}?sort=-name&page={self._dice.randint(1, 3)}")

    def rename(self) -> None:
        """Rename one, and see what the list says."""
        subscription_id = f"{self.name}-{self._dice.randrange(BY_HAND)}"
        path = f"{LIST}{subscription_id}/rename/"
        form, wanted = self.get(path), self._new_name()
        self._look_at_it()
        self.post(path, form, **{**dict(HIDDEN.findall(form.text)), "display_name": wanted})
        self.told.setdefault(subscription_id, []).append(wanted)
        self.get(LIST)

    def rename_many(self) -> None:
        """Rename some by a batch, and see how far it is."""
        ids = [f"{self.name}-{BY_HAND + number}" for number in range(IN_A_BATCH)]
        table = "\n".join(f"{each},{self._new_name()}" for each in ids)
        path = self.post(MANY, self.get(MANY), plan="table", table=table).headers["Location"]
        self.post(path, self.get(path), do="confirm")
        for _ in range(_LOOKS_AT_A_BATCH):
            self._look_at_it()
            self.get(path)

    def history(self) -> None:
        """Look at what they have renamed."""
        self.get("/subscriptions/renames/")

    def export(self) -> None:
        """Take the list away as a file."""
        self.get("/subscriptions/export.csv")

    def go_and_come(self) -> None:
        """Sign out, and in again."""
        self.post("/logout/", self.get("/account/"))
        self.is_in = False
        self.come()

    def _look_at_it(self) -> None:
        time.sleep(self._dice.uniform(0.1, PAUSE))

    def _new_name(self) -> str:
        self._names += 1
        return f"Name {self._names} of {self.name}"

    def _place(self, path: str) -> str:
        """A path without what differs from time to time, and without a query, which may hold a code."""
        return urlsplit(path).path.replace(f"/{self.name}-", "/…-")

    def _noted(self, what: str, ask: Callable[[], requests.Response]) -> requests.Response:
        began = time.monotonic()
        try:
            answer = ask()
        except requests.RequestException as error:
            self._note(what, type(error).__name__, began, is_well=False)
            raise Unwell from None
        is_out = answer.status_code == 302 and answer.headers["Location"].startswith("/login/")
        is_well = answer.status_code < 400 and not is_out
        self.is_in = self.is_in and not is_out
        heading = "" if is_well else " ".join(_HEADING.findall(answer.text))
        self._note(
            what, f"{answer.status_code}{' to sign in' if is_out else ''}", began, is_well=is_well, heading=heading
        )
        if not is_well:
            raise Unwell
        return answer

    def _note(self, what: str, status: str, began: float, *, is_well: bool, heading: str = "") -> None:
        self._seen.append(Seen(what, status, began, time.monotonic(), is_well, heading))


_DEEDS: dict[Callable[[Member], None], float] = {
    Member.look: 8,
    Member.reload: 5,
    Member.search: 5,
    Member.rename: 5,
    Member.rename_many: 0.5,
    Member.history: 1,
    Member.export: 0.5,
    Member.go_and_come: 1,
}
