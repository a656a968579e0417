"""How `make serve` runs gunicorn. The names in capitals come from the environment; README explains them."""

import contextlib
import ctypes
import gc
import logging
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

_host = os.environ.get("HOST") or "127.0.0.1"
bind = f"{f'[{_host}]' if ':' in _host else _host}:{os.environ.get('PORT') or '8000'}"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
worker_class = "gthread"  # a worker mostly waits for APS and AOS
threads = int(os.environ.get("WEB_THREADS") or 64)
timeout = 60  # seconds without a sign of life from a worker; longer than any call to APS and AOS may take
graceful_timeout = 30  # seconds for requests under way when the server is told to end
keepalive = 5  # seconds
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - a slow disk must not look like a hung worker
control_socket_disable = True

certfile = os.environ.get("TLS_CERT_FILE") or None
keyfile = os.environ.get("TLS_KEY_FILE") or None

# Django alone decides which forwarded headers to believe (TRUST_PROXY_HEADERS).
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}

# No query string may reach a log: APS's redirect to /complete/aps/ carries `code` in one.
accesslog = "-"
access_log_format = "%(t)s %(h)s %(m)s %(U)s %(s)s %(B)s %(M)sms %(i)s"


_is_json = os.environ.get("LOG_FORMAT") == "json"
_FIELDS = {"address": "h", "method": "m", "path": "U", "bytes": "B", "request_id": "i"}


class CarefulLogger(Logger):
    """gunicorn's logger. It cuts query strings off, and keeps one event on one line whatever a path holds."""

    def setup(self, cfg: object) -> None:
        """Set up as usual; every record passes, rewritten."""
        super().setup(cfg)
        if _is_json:
            from aosportal.logs import JSONFormatter

            for handler in (*self.error_log.handlers, *self.access_log.handlers):
                handler.setFormatter(JSONFormatter())
        self.error_log.addFilter(self._clean)
        self.access_log.addFilter(self._clean)

    def atoms(self, resp: Any, req: Any, environ: Any, request_time: Any) -> dict[str, Any]:
        """Add `i`, the portal's id of the request."""
        found: dict[str, Any] = super().atoms(resp, req, environ, request_time)
        return {**found, "i": found.get("{x-request-id}o", "-")}

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Tell of a request: as a line, or as fields."""
        if not _is_json:
            super().access(resp, req, environ, request_time)
            return
        atoms = self.atoms(resp, req, environ, request_time)
        fields = {name: atoms[letter] for name, letter in _FIELDS.items()}
        fields |= {"status": int(atoms["s"]), "seconds": round(request_time.total_seconds(), 3)}
        self.access_log.info("%s", f"{atoms['m']} {atoms['U']} {atoms['s']}", extra={"fields": fields})

    @staticmethod
    def _clean(record: logging.LogRecord) -> bool:
        text = re.sub(r"\?[^\s\"']+", "?…", record.getMessage())
        record.msg, record.args = re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda found: repr(found[0])[1:-1], text), ()
        return True


logger_class = CarefulLogger

# --- Metrics: all workers of this host count into one directory, and /metrics sums. Without METRICS_TOKEN nobody asks.
_counts = os.environ.get("PROMETHEUS_MULTIPROC_DIR") or ""
_is_ours = False
if not _counts and (any(os.environ.get(f"METRICS_TOKEN{end}") for end in ("", "_FILE"))):
    _counts, _is_ours = tempfile.mkdtemp(prefix="aosportal-metrics-", dir=worker_tmp_dir), True
if _counts:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _counts  # prometheus_client looks for it when it is imported


# --- Memory: a long list is some large blocks. Blocks of a megabyte and more go back to the system when they are freed;
# without this, glibc comes to keep them (mallopt(3); other libraries have no such function).
_M_MMAP_THRESHOLD, _LARGE = -3, 1 << 20  # bytes
with contextlib.suppress(AttributeError):
    ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)


def on_starting(server: object) -> None:
    """Begin afresh. A `make worker` that counts into the same directory keeps what it has counted."""
    for file in Path(_counts).glob("*_*.db") if _counts else ():
        pid = file.stem.rpartition("_")[2]
        if pid.isdecimal() and not _lives(int(pid)):
            file.unlink(missing_ok=True)


def post_worker_init(worker: object) -> None:
    """What is there once the portal is loaded stays: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


def child_exit(server: object, worker: Any) -> None:
    """What a worker has counted stays; what it measured goes with it."""
    if _counts:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    """Leave nothing behind, unless another server goes on with it (SIGUSR2)."""
    if _is_ours and not getattr(server, "reexec_pid", 0):
        shutil.rmtree(_counts, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
