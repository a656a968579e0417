"""A browser as the benchmark needs one: keep-alive, cookies, gzip, and as little work of its own as can be."""

import re
import socket
from collections.abc import Callable
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.I)
_SECONDS = 60


class Answer:
    """A whole answer: its status, its head as bytes and its body, still compressed."""

    def __init__(self, head: bytes, body: bytes) -> None:
        self.status, self.head, self.body = int(head[9:12]), head, body

    def header(self, name: str) -> str:
        """The value of the first such header, or empty."""
        found = re.search(rb"\r\n%s: *([^\r]*)" % name.encode(), self.head, re.I)
        return found[1].decode() if found else ""


class Browser:
    """One person's connection to one program on this machine. Redirects are not followed."""

    def __init__(self, port: int) -> None:
        self.port, self.cookies = port, {}
        self._socket: socket.socket | None = None

    def twin(self, port: int | None = None) -> "Browser":
        """Another window: the same cookies, a connection of its own; or the same person at another host."""
        other = Browser(port or self.port)
        other.cookies = self.cookies
        return other

    def get(self, path: str, *, fresh: bool = False, gzip: bool = True) -> Answer:
        """Ask for a page; `fresh` as a reload does."""
        more = "Cache-Control: max-age=0\r\n" if fresh else ""
        return self._ask("GET", path, more + ("Accept-Encoding: gzip, deflate\r\n" if gzip else ""), b"")

    def post(self, path: str, form: dict[str, str]) -> Answer:
        """Send a form."""
        body = urlencode(form).encode()
        kind = "Content-Type: application/x-www-form-urlencoded\r\n"
        origin = f"Origin: http://127.0.0.1:{self.port}\r\n"
        return self._ask("POST", path, f"{kind}{origin}Content-Length: {len(body)}\r\n", body)

    def connect(self) -> None:
        """Have a connection before the first question."""
        self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Hang up."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def _ask(self, method: str, path: str, headers: str, body: bytes) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {cookies}\r\n{headers}\r\n"
        is_new = self._socket is None
        try:
            answer = self._exchange(head.encode() + body)
        except (ConnectionError, TimeoutError):
            self.close()
            if is_new or method != "GET":
                raise
            answer = self._exchange(head.encode() + body)  # the server had closed an idle connection
        self._remember(answer)
        if b"\r\nconnection: close" in answer.head.lower():
            self.close()
        return answer

    def _exchange(self, raw: bytes) -> Answer:
        if self._socket is None:
            self.connect()
        self._socket.sendall(raw)
        head, _, rest = self._read(b"", lambda seen: b"\r\n\r\n" in seen).partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if length:
            rest = self._read(rest, lambda seen: len(seen) >= int(length[1]))
        elif _CHUNKED.search(head):
            rest = self._read(rest, lambda seen: seen.endswith(b"0\r\n\r\n"))
        return Answer(head, rest)

    def _read(self, seen: bytes, is_whole: Callable[[bytes], bool]) -> bytes:
        while not is_whole(seen):
            more = self._socket.recv(262144)
            if not more:
                raise ConnectionResetError
            seen += more
        return seen

    def _remember(self, answer: Answer) -> None:
        for line in re.findall(rb"\r\nset-cookie: *([^\r]*)", answer.head, re.I):
            for name, morsel in SimpleCookie(line.decode()).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]


def form_token(answer: Answer) -> str:
    """The CSRF token of a page that was asked for without gzip."""
    return re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', answer.body)[1].decode()


def query_of(answer: Answer) -> dict[str, str]:
    """The parameters of the address that a redirect leads to."""
    return dict(parse_qsl(urlsplit(answer.header("Location")).query))
