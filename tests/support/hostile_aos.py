"""AOS at its worst, on a real socket: it keeps people's subscriptions, notes every request, and does as it is told.

    aos = HostileAOS(alice_token=[item()])
    aos.puts = [Fault(reply(502), late=1)]  # the next change: a bad gateway says no, and a second later it takes hold
    aos.every_get = Fault(drip("body"))

Names of faults read as what AOS does. Times are seconds. Nothing here asserts anything.
"""

import contextlib
import copy
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.support.hostile_answers import JSON, Answer, Talk, says, whole

Item = dict[str, Any]
_PATH = "/api/v2/subscriptions"


def item(id: str = "s-1", name: str | None = "Old name", **fields: Any) -> Item:
    """A subscription as AOS lists it."""
    return {"id": id, "subscriptionId": f"sub-{id}", "displayName": name, "state": "Enabled", **fields}


@dataclass
class Request:
    """What came in. `applied`: the store was changed by it; `at` is time.monotonic()."""

    method: str
    path: str  # as sent, with the query
    headers: dict[str, str]  # names in lower case
    body: bytes
    at: float = field(default_factory=time.monotonic)
    applied: bool = False
    port: int = 0  # the other end's

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


# --- What a change does to the store: gets the person's items, the one meant (None: no such), the name wanted ---
def obey(items: list[Item], meant: Item | None, wanted: str) -> None:
    if meant is not None:
        meant["displayName"] = wanted


def ignore(items: list[Item], meant: Item | None, wanted: str) -> None:
    """Leave everything as it is."""


def instead(change: Callable[[str], str]) -> Callable[[list[Item], Item | None, str], None]:
    """Take another name than the one wanted: `instead(str.upper)`."""
    return lambda items, meant, wanted: obey(items, meant, change(wanted))


def another(items: list[Item], meant: Item | None, wanted: str) -> None:
    """Rename the first item that was not meant."""
    obey(items, next(each for each in items if each is not meant), wanted)


def remove(items: list[Item], meant: Item | None, wanted: str) -> None:
    """The item is deleted in the meantime."""
    items[:] = [each for each in items if each is not meant]


@dataclass
class Fault:
    """One misbehaviour. A wait is seconds, or an event that the test sets."""

    answer: Answer | None = None  # None: the proper one
    does: Callable[[list[Item], Item | None, str], None] = obey
    before: float | threading.Event = 0  # waits before looking or applying
    after: float | threading.Event = 0  # waits between applying and answering
    late: float | None = None  # applies so long after the answer, not before it
    lags: float = 0  # the list shows the names before this change for so long
    lagging_reads: int = 0  # or for so many reads


class HostileAOS:
    """Lists and renames, unless told otherwise: `gets` and `puts` hold what the next requests meet, `every_…` the rest.

    `items` are by owner of the token, by default the token itself. `confirms`: a rename's answer holds the name.
    `most_at_once` is the largest number of requests under way at one moment, `connections` of connections so far.
    """

    def __init__(self, *, owner: Callable[[str], str] = str, tls: ssl.SSLContext | None = None, **items: list[Item]):
        self.items, self.owner, self.confirms, self._tls = dict(items), owner, True, tls
        self.log: list[Request] = []
        self.gets: list[Fault | None] = []
        self.puts: list[Fault | None] = []
        self.every_get = self.every_put = Fault()
        self.connections = self.most_at_once = self._under_way = 0
        self._old: tuple[list[Item], float, int] | None = None  # what a list that lags shows: until when, how often
        self._open: list[socket.socket] = []
        self._lock, self._ended = threading.RLock(), threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self.url = f"https://localhost:{self.port}" if tls else f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def sent(self) -> list[Request]:
        """The changes that arrived."""
        return [request for request in self.log if request.method == "PUT"]

    @property
    def applied(self) -> int:
        """How many changes took hold."""
        return sum(request.applied for request in self.log)

    def name(self, owner: str, id: str = "s-1") -> Any:
        """What this one is called now, really."""
        return next(each["displayName"] for each in self.items[owner] if each["id"] == id)

    def release(self) -> None:
        """End every wait and silence there is; later ones wait again."""
        ended, self._ended = self._ended, threading.Event()
        ended.set()

    def stop(self) -> None:
        """Hang up on everybody, and refuse connections from now on."""
        with contextlib.suppress(OSError):  # closing alone would let the waiting accept take one more
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        self._ended.set()

    def hang_up(self) -> None:
        """End every connection there is."""
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                self.connections += 1
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(connection)
            with connection, connection.makefile("rb") as file:
                while (request := _read(file)) is not None:
                    request.port = connection.getpeername()[1]
                    ended = self._ended  # before a test can see the request, and release it
                    with self._counted(request):
                        self._meet(request, connection, ended)

    @contextlib.contextmanager
    def _counted(self, request: Request) -> Iterator[None]:
        with self._lock:
            self.log.append(request)
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def _meet(self, request: Request, connection: socket.socket, ended: threading.Event) -> None:
        is_put = request.method == "PUT"
        with self._lock:
            waiting, usual = (self.puts, self.every_put) if is_put else (self.gets, self.every_get)
            fault = (waiting.pop(0) if waiting else usual) or Fault()
        _wait(fault.before, ended)
        if is_put and fault.late is None:
            self._apply(request, fault)
        talk = Talk(connection, self._proper(request), ended)
        _wait(fault.after, ended)
        try:
            (fault.answer or (lambda talk: talk.send(talk.proper)))(talk)
        finally:
            if is_put and fault.late is not None:
                threading.Thread(target=self._apply_late, args=[request, fault, ended], daemon=True).start()

    def _apply_late(self, request: Request, fault: Fault, ended: threading.Event) -> None:
        _wait(fault.late or 0, ended)
        self._apply(request, fault)

    def _mine(self, request: Request) -> list[Item] | None:
        return self.items.get(self.owner(request.headers.get("authorization", "").removeprefix("Bearer ")))

    def _meant(self, request: Request) -> Item | None:
        wanted = unquote(urlsplit(request.path).path.removeprefix(f"{_PATH}/"))
        return next((each for each in self._mine(request) or [] if each.get("id") == wanted), None)

    def _apply(self, request: Request, fault: Fault) -> None:
        with self._lock:
            items = self._mine(request) or []
            before = copy.deepcopy(items)
            fault.does(items, self._meant(request), request.json["displayName"])
            request.applied = items != before
            if fault.lags or fault.lagging_reads:
                self._old = before, time.monotonic() + fault.lags, fault.lagging_reads

    def _proper(self, request: Request) -> bytes:
        with self._lock:
            if self._mine(request) is None:
                return whole(401, JSON, '{"title": "Who?"}')
            if request.method == "GET":
                return whole(200, JSON, json.dumps(self._shown(request)))
            meant = self._meant(request)
            if meant is None:
                return whole(404, JSON, '{"title": "Not found"}')
            return whole(200, JSON, json.dumps(meant if self.confirms else {"id": meant["id"]}))

    def _shown(self, request: Request) -> Any:
        if self._old is not None:
            items, until, reads = self._old
            if reads > 0 or time.monotonic() < until:
                self._old = items, until, reads - 1
                return items
        return self._mine(request)


def _wait(what: float | threading.Event, ended: threading.Event) -> None:
    if isinstance(what, threading.Event):
        while not what.is_set() and not ended.is_set():
            what.wait(0.02)
    else:
        ended.wait(what)


def _read(file: Any) -> Request | None:
    """The next request of this connection. Half a request, of a process killed while sending, is none."""
    line = file.readline()
    if not line:
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    headers = {}
    while header := file.readline().decode("latin-1"):
        if header.isspace():
            length = int(headers.get("content-length", 0))
            body = file.read(length)
            return Request(method, path, headers, body) if len(body) == length else None
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return None


def evil() -> HostileAOS:
    """A host that would love to be sent a token. It answers whatever it is asked as if all had gone well."""
    aos = HostileAOS()
    aos.every_get = Fault(says([item(name="Evil!")]))
    aos.every_put = Fault(says(item(name="Evil!")))
    return aos
