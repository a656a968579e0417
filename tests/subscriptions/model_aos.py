"""AOS as a model at the wire: numbers every version of a name, logs who made it, and fails in the ways it is told to.

What it does not do, because nobody could notice: change a name and answer 401, 403, 404, 409, 412, 422, 429 or 503.
And it takes no longer than `HORIZON` to make and to show a change, counted from when somebody pressed Save.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import responses

from aosportal import wire as sockets

from .fake_aos import AOS, JSON

HORIZON = 45  # seconds: a list that shows the old name a minute after Save proves that nothing was changed
TIDIED = {"as it is": str, "in capitals": str.upper, "cut": lambda name: name[:55]}

# What a GET may meet, and a PUT: not processed, refused, answered by somebody who does not know, taken.
GETS = ("well", "lagging", "missing", "500", "502", "503", "429", "401", "403", "404", "html", "cut", "slow", "reset")
GETS += ("refused", "killed")
NOT_PROCESSED = ("401", "429", "503", "closed", "refused")
REFUSED = ("400", "403", "404", "409", "410", "412", "422", "invalid")
LOST = ("500", "502", "504", "302", "slow", "reset", "html", "cut", "failed", "late", "killed")
TAKEN = ("named", "unnamed", "empty", "old name", "third name")


class Killed(BaseException):
    """The worker that was talking to AOS is gone."""


@dataclass(frozen=True)
class Version:
    """A name that a subscription has had, who gave it (None: somebody outside the portal), and when all can see it."""

    name: str | None
    by: object
    shown_by: int


class ModelAOS:
    """Two subscriptions. `gets` and `puts` are what the next calls meet; after them all is well."""

    def __init__(self, mock, *, etags):
        self.etags, self.clock = etags, 0
        self.versions = {which: [Version("Old", None, 0)] for which in ("s-1", "s-2")}
        self.gets, self.puts, self.applies, self.tidies = [], [], True, "as it is"
        self.hidden = set()  # what the people of the portal have no access to
        self.asking = None  # whose form is being sent
        self.asked_at = {}
        self.shown = []  # each list that was given out: id -> number of the version
        self.sent, self.processed, self.answered, self.flying = Counter(), Counter(), {}, []
        self.before_put = lambda which, name, request: None
        self.meanwhile = self.before_kill = lambda: None
        mock.add_callback(responses.GET, AOS, lambda request: self.answer_get())
        mock.add_callback(responses.PUT, re.compile(rf"^{AOS}/[^/]+$"), self.answer_put)

    def name(self, which):
        """What it is called now."""
        return self.versions[which][-1].name

    def change(self, which, name, by=None):
        """Somebody gives it a name."""
        since = self.asked_at[by] if by else self.clock
        self.versions[which].append(Version(name, by, since + HORIZON))

    def wait(self, seconds):
        """Time goes by. What is on its way arrives within the horizon."""
        self.clock += seconds
        self.land([each for each in self.flying if self.asked_at[each[2]] + HORIZON <= self.clock])

    def land(self, late):
        """Changes that were sent long ago are made, unless they were only for a version that is gone."""
        for each in late:
            self.flying.remove(each)
            which, name, intent, tag = each
            if self.may_change(which, tag):
                self.change(which, name, intent)

    def tag(self, which, number=-1):
        """The entity tag of a version."""
        return f'"{which}-{number % len(self.versions[which])}"' if self.etags else None

    def may_change(self, which, tag):
        return tag is None or tag == self.tag(which)

    def applied(self, which, intent):
        """The numbers of the versions that this intent has made of another name."""
        rows = self.versions[which]
        return [n for n, row in enumerate(rows) if row.by == intent and n and rows[n - 1].name != row.name]

    def names_shown(self, which, since):
        """The names that lists have shown from that one on."""
        return [self.versions[which][shown[which]].name for shown in self.shown[since:] if which in shown]

    # --- The wire

    def answer_get(self):
        weather = self.gets.pop(0) if self.gets else "well"
        if weather not in {"well", "lagging", "missing"}:
            return self.fail(weather)
        hidden = {*self.hidden, *(["s-1"] if weather == "missing" else [])}
        shown = {which: self.visible(which, weather == "lagging") for which in self.versions if which not in hidden}
        self.shown.append(shown)
        return _json([self.item(which, number) for which, number in shown.items()])

    def visible(self, which, lagging):
        """The number of the newest version, or of the one before if a list may still lag behind it."""
        number = len(self.versions[which]) - 1
        return number - 1 if lagging and self.versions[which][-1].shown_by > self.clock else number

    def item(self, which, number):
        fields = {
            "id": which,
            "subscriptionId": which,
            "state": "Enabled",
            "displayName": self.versions[which][number].name,
        }
        return {**fields, "etag": self.tag(which, number)} if self.etags else fields

    def answer_put(self, request):
        which, wanted = urlsplit(request.url).path.split("/")[-1], json.loads(request.body)["displayName"]
        intent, tag = self.asking, request.headers.get("If-Match")
        self.before_put(which, wanted, request)
        self.sent[intent] += 1
        weather = self.puts.pop(0) if self.puts else "named"
        if weather in NOT_PROCESSED:
            return self.fail(weather)
        self.processed[intent] += 1
        self.meanwhile()
        if weather in REFUSED or which in self.hidden:
            return self.fail(weather if weather in REFUSED else "404")
        made = TIDIED[self.tidies](wanted)
        if weather == "late":
            self.flying.append((which, made, intent, tag))
            return self.fail("slow")
        if self.applies and self.may_change(which, tag):
            self.change(which, made, intent)
        elif self.applies and weather in TAKEN:
            return self.fail("412")
        return self.fail(weather) if weather in LOST else self.take(weather, which, made)

    def take(self, weather, which, made):
        """Say that it was done, which may be a lie."""
        names = {"named": made, "old name": self.versions[which][0].name, "third name": "Third"}
        if weather == "empty":
            return 204, {}, ""
        if weather == "unnamed":
            return _json({"id": which})
        self.answered.setdefault(self.asking, []).append(names[weather])
        return _json({"isSuccess": True, "result": {"id": which, "displayName": names[weather]}})

    def fail(self, weather):
        if weather == "killed":
            self.before_kill()
            raise Killed
        if weather in {"slow", "reset", "refused"}:
            sockets._current.get().sent = weather != "refused"
            raise (requests.ReadTimeout if weather == "slow" else requests.ConnectionError)
        if weather.isdecimal():
            return int(weather), {"Location": "https://elsewhere.test"} if weather == "302" else {}, ""
        return {
            "closed": (503, {"Retry-After": "60"}, ""),
            "invalid": _json({"isSuccess": False, "validationDetails": {"displayName": ["Taken."]}}),
            "failed": _json({"isSuccess": False}),
            "html": (200, {"Content-Type": "text/html"}, "<h1>Proxy</h1>"),
            "cut": (200, JSON, '{"id": "s-'),
        }[weather]


def _json(payload):
    return 200, JSON, json.dumps(payload)
