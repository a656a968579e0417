"""How a hostile server answers: each function or its result gets the `Talk` of one exchange. Times are seconds."""

import gzip
import json
import select
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

JSON = {"Content-Type": "application/json;"}  # as documented, with the semicolon
HTML = {"Content-Type": "text/html"}
_BLOCK = 65536  # bytes


def whole(status: int, headers: dict[str, str], body: str | bytes) -> bytes:
    """A well-formed HTTP answer."""
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(raw)}", "", ""]).encode("latin-1") + raw


class Talk:
    """One exchange, while its answer is being given. `proper` is the answer that a well-behaved AOS would give."""

    def __init__(self, connection: socket.socket, proper: bytes, ended: threading.Event) -> None:
        self.send, self.proper, self.ended, self._connection = connection.sendall, proper, ended, connection

    def close(self) -> None:
        """Hang up."""
        self._connection.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Hang up with an RST."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(self._connection.detach())

    def wait(self, seconds: float = 3600) -> None:
        """Wait so long, or until the server is stopped or released, or the other side has hung up."""
        for _ in range(int(seconds / 0.05)):
            readable, _, _ = select.select([self._connection], [], [], 0)
            if self.ended.wait(0.05) or (readable and not self._connection.recv(1, socket.MSG_PEEK)):
                return


Answer = Callable[[Talk], object]


def reply(status: int = 200, body: str | bytes = "", headers: dict[str, str] = JSON) -> Answer:
    """This status, body and headers."""
    return lambda talk: talk.send(whole(status, headers, body))


def says(payload: Any, status: int = 200, **headers: str) -> Answer:
    """This as JSON."""
    return reply(status, json.dumps(payload), {**JSON, **headers})


def redirect(status: int, url: str, payload: Any = None) -> Answer:
    """A redirect, with a body that looks like a success."""
    return says(payload, status, Location=url)


def raw(*parts: bytes, pause: float = 0, end: Callable[[Talk], None] = Talk.close) -> Answer:
    """These bytes, a pause, and then by default the end of the connection."""
    return lambda talk: (talk.send(b"".join(parts)), talk.ended.wait(pause), end(talk))


def silent(talk: Talk) -> None:
    """Say nothing until the server is stopped or released, or the other side has hung up."""
    talk.wait()


def reset(talk: Talk) -> None:
    """An RST instead of an answer."""
    talk.reset()


def hang_up(talk: Talk) -> None:
    """The end of the connection instead of an answer."""
    talk.close()


def stale(talk: Talk) -> None:
    """The proper answer, and then, without having said so, the end of the connection."""
    talk.send(talk.proper)
    talk.close()


def last(talk: Talk) -> None:
    """The proper answer, which says that it is the last one of this connection."""
    talk.send(talk.proper.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    talk.close()


def drip(part: str, seconds: float = 0.2) -> Answer:
    """The proper answer, byte by byte from "status line", "headers" or "body" on."""
    end_of_line = b"\r\n" if part == "headers" else b"\r\n\r\n"

    def answer(talk: Talk) -> None:
        start = 0 if part == "status line" else talk.proper.index(end_of_line) + len(end_of_line)
        talk.send(talk.proper[:start])
        for byte in talk.proper[start:]:
            talk.send(bytes([byte]))
            talk.ended.wait(seconds)

    return answer


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
truncated = raw(_HEAD, b"Content-Length: 100\r\n\r\n", b'[{"id":')
reset_in_the_body = raw(_HEAD, b"Content-Length: 100\r\n\r\n", b'[{"id":', pause=0.1, end=Talk.reset)
not_http = raw(b"220 smtp.example ready\r\n" * 3)


def flood(size: int = 100_000_000) -> Answer:
    """A JSON list of so many bytes."""

    def answer(talk: Talk) -> None:
        talk.send(_HEAD + b"Content-Length: %d\r\n\r\n[" % size)
        for _ in range(size // _BLOCK):
            talk.send(b" " * _BLOCK)

    return answer


def endless(talk: Talk) -> None:
    """Chunks for as long as anybody reads."""
    talk.send(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while not talk.ended.is_set():
        talk.send(b"%x\r\n" % _BLOCK + b" " * _BLOCK + b"\r\n")


def gzip_bomb(size: int = 1_000_000_000) -> Answer:
    """So many bytes of JSON, a thousandth of it on the wire."""
    million = gzip.compress(b" " * 1_000_000)  # members of one gzip file may follow one another
    return reply(200, million * (size // 1_000_000), {**JSON, "Content-Encoding": "gzip"})
