"""Real HTTP servers on this machine for fakes: TLS with a test authority, or plain."""

import atexit
import shutil
import ssl
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

Reply = tuple[int, dict[str, str], str | bytes]


@dataclass
class Request:
    """What came in. `body` is the raw text; `form` its fields, where somebody has read them."""

    method: str
    url: str
    headers: dict[str, str]
    form: dict[str, str] = field(default_factory=dict)
    body: str = ""
    port: int = 0  # the other end's


class Authority:
    """A test certificate authority; `bundle` is the PEM file for CA_BUNDLE."""

    def __init__(self) -> None:
        self._ca = trustme.CA()
        directory = tempfile.mkdtemp(prefix="authority-")
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        self.bundle = str(Path(directory) / "ca.pem")
        self._ca.cert_pem.write_to_path(self.bundle)

    def context(self, *names: str, **options: Any) -> ssl.SSLContext:
        """A server's TLS context with a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names, **options).configure_cert(context)
        return context


class Server:
    """Answers with `handler` until stopped; `seen` holds every request. With a TLS context it speaks https."""

    def __init__(self, handler: Callable[[Request], Reply], tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Request] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if len(body) < length:
                    raise ConnectionAbortedError  # killed while sending: half a request is none
                request = Request(
                    self.command,
                    server.url + self.path,
                    dict(self.headers),
                    body=body.decode(),
                    port=self.client_address[1],
                )
                server.seen.append(request)
                status, headers, content = handler(request)
                raw = content.encode() if isinstance(content, str) else content
                (self.send_response_only if "Date" in headers else self.send_response)(status)
                for name, value in {**headers, "Content-Length": str(len(raw))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PUT = _answer  # noqa: N815 - http.server's names

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._http = _Quiet(("127.0.0.1", 0), Handler)
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._http.server_address[1]
        self.url = f"{'https' if tls else 'http'}://{'localhost' if tls else '127.0.0.1'}:{self.port}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """Answer nobody any more."""
        self._http.shutdown()
        self._http.server_close()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *args: Any) -> None:
        """A client that went away, or refused our certificate, is what the tests are about."""
