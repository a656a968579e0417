"""AOS for the benchmark, in a process of its own: TLS, keep-alive, so many rows after so long a wait.

    python -m bench.upstream PORT CERTIFICATE.pem

`PUT /_set` with {"rows": …, "delay": seconds} changes what it does. It answers from bytes made beforehand, so that it
is not what is measured.
"""

import asyncio
import json
import ssl
import sys
from typing import Any

PATH = "/api/v2/subscriptions"
STATES = ("Enabled", "Enabled", "Enabled", "Warned", "Disabled")
_ANSWER = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"


class Store:
    """What AOS lists, the same for everybody who has a token, and what was changed since it was last set."""

    def __init__(self) -> None:
        self.set({"rows": 20, "delay": 0.0})

    def set(self, wished: dict[str, Any]) -> None:
        """Begin afresh with so many rows; each answer takes `delay` seconds."""
        self.delay = float(wished["delay"])
        self.items = {item["id"]: item for item in map(_item, range(int(wished["rows"])))}
        self._listed: bytes | None = None

    def listed(self) -> bytes:
        """The list, encoded once for each change."""
        if self._listed is None:
            self._listed = json.dumps(list(self.items.values())).encode()
        return self._listed

    def rename(self, subscription_id: str, name: str) -> bytes:
        """Change one name; return what AOS confirms."""
        self.items[subscription_id]["displayName"] = name
        self._listed = None
        return json.dumps(self.items[subscription_id]).encode()


def _item(number: int) -> dict[str, Any]:
    return {
        "id": f"a1b2c3d4-0000-4000-8000-{number:012}",
        "subscriptionId": f"5e6f7a8b-0000-4000-9000-{number:012}",
        "displayName": f"Warehouse {number % 97} – team {number}",
        "state": STATES[number % len(STATES)],
        "ownerId": f"owner-{number % 7}",
        "createdAt": "2026-01-31T09:30:00Z",
    }


class Connection(asyncio.Protocol):
    """One client. Requests come one after another, as requests' pools send them."""

    def __init__(self, store: Store) -> None:
        self._store, self._seen = store, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """Answer once the request is whole."""
        self._seen += data
        head, found, body = self._seen.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._seen = b""
        status, answer, delay = self._answer(head, body)
        raw = _ANSWER % (status, len(answer), answer)
        asyncio.get_running_loop().call_later(delay, self._transport.write, raw)

    def _answer(self, head: bytes, body: bytes) -> tuple[int, bytes, float]:
        method, path = head.split(b" ", 2)[:2]
        if path == b"/_set":
            self._store.set(json.loads(body))
            return 200, b"{}", 0
        if b"\nauthorization: bearer " not in head.lower():
            return 401, b"{}", 0
        if method == b"PUT":
            name = json.loads(body)["displayName"]
            return 200, self._store.rename(path.decode().rsplit("/", 1)[1], name), self._store.delay
        return 200, self._store.listed(), self._store.delay


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\ncontent-length:")
    return int(rest.partition(b"\r")[0]) if found else 0


async def main(port: int, certificate: str) -> None:
    """Serve until ended."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    store = Store()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(store), "127.0.0.1", port, ssl=context, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
