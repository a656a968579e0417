"""AOS at the wire: keeps each token's subscriptions, notes every request, and can be told to answer something else."""

import json
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import responses
from requests import PreparedRequest

AOS = "https://aos.test/api/v2/subscriptions"
JSON = {"Content-Type": "application/json;"}  # as documented, with the semicolon


def item(id="s-1", name="Old name", **fields):
    return {"id": id, "subscriptionId": f"sub-{id}", "displayName": name, "state": "Enabled", **fields}


@dataclass
class Reply:
    """What AOS answers instead of what it should."""

    status: int = 200
    body: str | bytes = ""
    headers: dict[str, str] = field(default_factory=lambda: dict(JSON))

    @classmethod
    def of(cls, payload, status=200, **headers):
        return cls(status, json.dumps(payload), {**JSON, **headers})

    def __call__(self):
        return self.status, self.headers, self.body


class FakeAOS:
    """`gets` and `puts` hold replies to give first. `applies`: a PUT takes hold. `confirms`: the answer says so.
    `makes`: what it makes of a name. `on_get` and `on_put` are called before a request is looked at."""

    def __init__(self, mock):
        self.items: dict[str, list[dict]] = {}
        self.requests: list[PreparedRequest] = []
        self.gets: list[Reply] = []
        self.puts: list[Reply] = []
        self.applies = True
        self.confirms = True
        self.makes = str
        self.on_get = self.on_put = lambda: None
        mock.add_callback(responses.GET, AOS, self._list)
        mock.add_callback(responses.PUT, re.compile(rf"^{AOS}/[^/]+$"), self._rename)

    def of(self, request):
        return self.items.get(request.headers["Authorization"].removeprefix("Bearer "))

    def _list(self, request):
        self.on_get()
        self.requests.append(request)
        if self.gets:
            return self.gets.pop(0)()
        items = self.of(request)
        return Reply.of({"title": "who?"}, 401)() if items is None else Reply.of(items)()

    def _rename(self, request):
        self.on_put()
        self.requests.append(request)
        wanted = json.loads(request.body)["displayName"]
        mine = [each for each in self.of(request) or [] if each["id"] == urlsplit(request.url).path.split("/")[-1]]
        if mine and self.applies:
            mine[0]["displayName"] = self.makes(wanted)
        if self.puts:
            return self.puts.pop(0)()
        if not mine:
            return Reply.of({"title": "Not Found"}, 404)()
        return Reply.of(mine[0] if self.confirms else {"id": mine[0]["id"]})()

    @property
    def sent(self):
        """The PUTs that arrived: (path, body)."""
        puts = [request for request in self.requests if request.method == "PUT"]
        return [(urlsplit(put.url).path, json.loads(put.body)) for put in puts]
