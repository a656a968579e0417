"""A small threaded web server on loopback, which can also hang up without an answer."""

import logging
import signal
from urllib.parse import urlsplit

from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application

log = logging.getLogger("sandbox")

HANG_UP = "sandbox.hang_up"
QUIET = ("/weather/", "/static/")
_HANDLER = "sandbox.handler"


class CrashesOnly(logging.Filter):
    """Lets through what carries an exception."""

    def filter(self, record):
        """Whether the record tells of a crash."""
        return bool(record.exc_info)


class Handler(WSGIRequestHandler):
    """One connection. Logs method, path and status: never the query, which may hold an ID token."""

    def get_environ(self):
        """The request's environment, with a way back to this connection."""
        return super().get_environ() | {_HANDLER: self}

    def log_request(self, code="-", size="-"):
        """One quiet line for each call; none for the panel, which asks every other second."""
        path = urlsplit(self.path).path
        if not path.startswith(QUIET):
            log.info("%s  %s %s %s", self.server.role, self.command, path, getattr(code, "value", code))


class Server(ThreadedWSGIServer):
    """Serves one stand-in on 127.0.0.1; raises `OSError` if the port is taken."""

    request_queue_size = 64

    def __init__(self, role, port):
        super().__init__(("127.0.0.1", port), Handler)
        self.role = role
        self.set_app(hanging_up(get_wsgi_application()))

    def serve_until_told(self):
        """Serve until SIGINT or SIGTERM; calls still waiting are dropped."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        try:
            self.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            self.server_close()


def hanging_up(application):
    """Wrap `application`: where it set `HANG_UP` in the environment, the connection closes and nothing is sent."""

    def wrapped(environ, start_response):
        answer = application(environ, start_response)
        if not environ.get(HANG_UP):
            return answer
        answer.close()
        environ[_HANDLER].close_connection = True
        # wsgiref takes this for a client that left, and ends without a byte.
        raise ConnectionAbortedError

    return wrapped
