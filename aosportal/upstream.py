"""Tells and counts what became of calls to APS and AOS, for `aosportal.exchange`."""

import re
import time

import requests

from . import events, metrics, strict_json

_ID_HEADERS = ("X-Correlation-ID", "X-Request-ID", "Request-Id")
_ID = re.compile(r"[\w.:/+=-]{1,100}", re.ASCII)
_STATUSES = {401: "unauthorized", 403: "forbidden", 429: "busy", 503: "busy"}


class Watch:
    """One call. `service` and `operation` name it in the log and in metrics."""

    def __init__(self, service: str, operation: str) -> None:
        self._service, self._operation = service, operation
        self._began = time.monotonic()

    def answered(self, response: requests.Response) -> None:
        """There was a whole answer."""
        status = response.status_code
        outcome = _STATUSES.get(status) or ("ok" if status < 400 else "refused" if status < 500 else "failed")
        self.ended(outcome, status=status, upstream_id=upstream_id(response))

    def ended(self, outcome: str, **fields: object) -> None:
        """Log the end of the call, and count it with the time that it took."""
        seconds = time.monotonic() - self._began
        events.note("call", outcome, service=self._service, operation=self._operation, seconds=seconds, **fields)
        metrics.CALLS.labels(self._service, self._operation, outcome).observe(seconds)


def upstream_id(response: requests.Response) -> str:
    """The id that the other side gives the call: from its headers, or from the body of a refusal; or empty."""
    found = [response.headers.get(name, "") for name in _ID_HEADERS]
    if response.status_code >= 400:
        found.insert(0, _in_body(response))
    return next((text for text in found if _ID.fullmatch(text)), "")


def _in_body(response: requests.Response) -> str:
    try:
        body = strict_json.read(response.content)
    except ValueError:
        return ""
    named = body.get("correlationId") if isinstance(body, dict) else None
    return named if isinstance(named, str) else ""
