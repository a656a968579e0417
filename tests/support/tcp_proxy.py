"""A TCP proxy between the portal and a service that a test must not touch: it can delay, cut, refuse and swallow."""

import contextlib
import socket
import struct
import threading
import time


class TCPProxy:
    """Carries bytes from `port` of this machine to `target`, a (host, port). `delay` is seconds before each piece.

    `connections` is how many there were; `nearer` tells, by the port that the target sees, the one that came here.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target, self.delay, self.connections = target, 0.0, 0
        self.nearer: dict[int, int] = {}
        self._open: set[socket.socket] = set()
        self._filling: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._start()

    def cut(self) -> None:
        """Reset every connection that is open; new ones may come."""
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                each.shutdown(socket.SHUT_RDWR)
                each.close()

    def refuse(self) -> None:
        """Refuse new connections, until `accept`. What is open stays open; the port stays ours."""
        self._end()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))

    def swallow(self) -> None:
        """Be a black hole for new connections, until `accept`: no SYN is answered, for the queue is full."""
        self.refuse()
        self._listener.listen(0)
        self._filling = [socket.socket() for _ in range(4)]
        for each in self._filling:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", self.port))

    def accept(self) -> None:
        """Let connections come again, on the same port."""
        self.refuse()
        self._listener.listen(128)
        self._start()

    def stop(self) -> None:
        """End everything."""
        self._end()
        self.cut()

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for each in [self._listener, *self._filling]:
            each.close()

    def _start(self) -> None:
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = listener.accept()[0]
                self.connections += 1
                threading.Thread(target=self._carry_both_ways, args=[near], daemon=True).start()

    def _carry_both_ways(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError), near, socket.create_connection(self.target) as far:
            self._open |= {near, far}
            self.nearer[far.getsockname()[1]] = near.getpeername()[1]
            back = threading.Thread(target=self._carry, args=[far, near], daemon=True)
            back.start()
            self._carry(near, far)
            back.join()
            self._open -= {near, far}

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        """Carry until the source ends, and say so to the sink."""
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                time.sleep(self.delay)
                sink.sendall(piece)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
