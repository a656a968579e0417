"""Keeps secrets out of what is written: log lines, tracebacks, error pages."""

import json
import logging
import re
import time
from collections.abc import ItemsView
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

from . import request_id

_QUERY = re.compile(r"\?[^\s\"']+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


class CarefulFormatter(logging.Formatter):
    """Cuts query strings off (APS's redirect to us carries `code` in one, decision 10), tracebacks included.

    It adds the id of the web request. An event's message stays on one line, so that a name or a path cannot forge a
    second event. Times are UTC.
    """

    converter = staticmethod(time.gmtime)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """Format the record with its control characters escaped. Tracebacks still follow on lines of their own."""
        record.request_id = request_id.for_logs()
        record.message = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", record.message)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        """Format everything, without query strings."""
        return _QUERY.sub("?…", super().format(record))


class JSONFormatter(CarefulFormatter):
    """The same as one JSON object a line: what every line has, the fields of an event, and a traceback in one text."""

    def format(self, record: logging.LogRecord) -> str:
        """Format everything, without query strings."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "request_id": request_id.for_logs(),
            "user": request_id.user(),
            "message": record.getMessage(),
            "traceback": self.formatException(record.exc_info) if record.exc_info else "",
            **getattr(record, "fields", {}),
        }
        return json.dumps({name: _clean(value) for name, value in told.items() if value != ""})


def _clean(value: object) -> object:
    """Numbers as they are, everything else as text without query strings."""
    return value if isinstance(value, int | float) else _QUERY.sub("?…", str(value))


class NoLocalsFilter(SafeExceptionReporterFilter):
    """Error reports without local variables and form values: frames of the sign-in hold code, secret and tokens."""

    def is_active(self, request: HttpRequest | None) -> bool:
        """Filter in development too: the tokens there may be real."""
        return True

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> ItemsView[str, Any]:
        """Show no local variables at all."""
        return {}.items()

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        """Show no form values."""
        return {}

    def get_safe_request_meta(self, request: HttpRequest) -> dict[str, Any]:
        """Show headers without cookies, authorization and query."""
        hidden = {"HTTP_COOKIE", "HTTP_AUTHORIZATION", "QUERY_STRING", "HTTP_REFERER"}
        return {key: value for key, value in super().get_safe_request_meta(request).items() if key not in hidden}
