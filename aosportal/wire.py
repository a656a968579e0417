"""Sockets that keep a deadline. A socket's own timeout starts anew at each byte, so a slow drip would never end.

This is the lower half of `aosportal.http`; nothing else imports it.
"""

import contextvars
import functools
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import urllib3
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

_current: contextvars.ContextVar["Call"] = contextvars.ContextVar("call")


class Fault(Exception):
    """The other host gave no usable answer. The text names the host and the kind of failure, never a secret.

    `sent` tells whether the request may have reached the other side: if False, it surely was not processed.
    """

    def __init__(self, host: str, what: str, *, sent: bool) -> None:
        super().__init__(f"{host}: {what}")
        self.host = host
        self.sent = sent


class NotReached(Fault):
    """No connection: name look-up or connect failed."""


class TLSFailed(NotReached):
    """The certificate or the handshake was refused."""


class TooSlow(Fault):
    """The deadline passed."""


def tls_reason(error: BaseException) -> str:
    """The short reason of OpenSSL, which names no secret."""
    found = next((arg for arg in _flatten(error) if getattr(arg, "reason", None) and hasattr(arg, "verify_code")), None)
    return str(getattr(found, "verify_message", "")) or type(error).__name__


def _flatten(error: BaseException) -> list[BaseException]:
    reason = getattr(error, "reason", None)
    nested = [arg for arg in (*error.args, reason) if isinstance(arg, BaseException)]
    return [error, *(inner for each in nested for inner in _flatten(each))]


class Deadline:
    """The moment by which a whole operation must be over: all its waits, and all its tries to the last byte.

    Each try may take all that is left. One that does leaves nothing for another.
    """

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left; 0 when it is over."""
        return max(0.0, self._ends - time.monotonic())


class Call:
    """One exchange: its deadline, and whether its request has begun to leave. Entered, it is this thread's call."""

    def __init__(self, host: str, seconds: float) -> None:
        self.host = host
        self.seconds = seconds
        self.sent = False
        self._ends = time.monotonic() + seconds

    def __enter__(self) -> Self:
        self._reset = _current.set(self)
        return self

    def __exit__(self, *details: object) -> None:
        _current.reset(self._reset)

    def remaining(self) -> float:
        """Seconds left. Raises TooSlow when there are none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TooSlow(self.host, f"no whole answer in {self.seconds:.3g} seconds", sent=self.sent)
        return left


class _KeepsDeadline:
    """Before each operation, gives the socket what is left of the current call's time."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_current.get().remaining())  # type: ignore[attr-defined]
        return super().recv_into(*args, **kwargs)  # type: ignore[misc, no-any-return]

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(_current.get().remaining())  # type: ignore[attr-defined]
        _current.get().sent = True
        super().sendall(*args, **kwargs)  # type: ignore[misc]


class PlainSocket(_KeepsDeadline, socket.socket):
    """A TCP socket with the call's deadline."""


class TLSSocket(_KeepsDeadline, ssl.SSLSocket):
    """A TLS socket with the call's deadline."""

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands within what is left of the call's time."""
        self.settimeout(_current.get().remaining())
        super().do_handshake(block)


@functools.cache
def tls_context() -> ssl.SSLContext:
    """One TLS context for this process: TLS 1.2 or newer, the system's roots and CA_BUNDLE's, always verified."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.CA_BUNDLE:
        context.load_verify_locations(settings.CA_BUNDLE)
    context.sslsocket_class = TLSSocket
    return context


@functools.cache
def _resolvers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolve")


def _resolve(host: str, port: int) -> list[tuple[Any, ...]]:
    """Look a name up within the deadline: getaddrinfo itself takes none."""
    call = _current.get()
    looked_up = _resolvers().submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        return list(looked_up.result(timeout=min(call.remaining(), settings.CONNECT_TIMEOUT)))
    except TimeoutError:
        looked_up.cancel()
        raise TooSlow(call.host, "name look-up took too long", sent=False) from None
    except (OSError, UnicodeError) as error:
        raise NotReached(call.host, f"name look-up failed ({type(error).__name__})", sent=False) from None


def _connect(host: str, port: int) -> PlainSocket:
    """Connect to the first of the host's addresses that answers."""
    call = _current.get()
    failure: Fault = NotReached(call.host, "the name has no address", sent=False)
    for family, kind, protocol, _name, address in _resolve(host, port):
        sock = PlainSocket(family, kind, protocol)
        try:
            sock.settimeout(min(call.remaining(), settings.CONNECT_TIMEOUT))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except TimeoutError:
            failure = TooSlow(call.host, "no connection in time", sent=False)
        except OSError as error:
            failure = NotReached(call.host, f"no connection ({type(error).__name__})", sent=False)
        else:
            return sock
        sock.close()
    raise failure


class _PlainConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port)


class _TLSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port)


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TLSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


_POOLS = {"http": _PlainPool, "https": _TLSPool}


class DeadlineAdapter(HTTPAdapter):
    """Pools connections made of the sockets above. It never retries."""

    def __init__(self) -> None:
        super().__init__(pool_connections=8, pool_maxsize=64, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools."""
        super().init_poolmanager(*args, ssl_context=tls_context(), **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Make the pools that go through OUTBOUND_PROXY."""
        manager = super().proxy_manager_for(proxy, ssl_context=tls_context(), **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave verification to the TLS context, which always verifies; requests would add roots of its own."""
