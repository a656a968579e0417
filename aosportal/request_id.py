"""One id for each web request: in our log lines, in what we send to APS and AOS, and in our own answer."""

import contextvars
import secrets
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
_current: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
_user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="")


def fresh(user: object = "") -> str:
    """Begin something new: from here on, this thread's work goes by another id, and is done for this user's key."""
    made = uuid.uuid4().hex
    _current.set(made)
    works_for(user)
    return made


def works_for(user: object) -> None:
    """Note whose request this is, by the user's key; empty: nobody's."""
    _user.set("" if user is None else str(user))


def user() -> str:
    """The key of the user whom this thread works for, or empty."""
    return _user.get()


def current() -> str:
    """The id of what this thread is doing; outside a web request, the first call makes one."""
    return _current.get() or fresh(_user.get())


def for_logs() -> str:
    """The id, or a dash where nothing has asked for one."""
    return _current.get() or "-"


def headers() -> dict[str, str]:
    """What tells APS and AOS which request of ours a call belongs to.

    The id is the trace id of `traceparent` too (W3C Trace Context). Nothing is sampled: the portal records no spans.
    """
    return {HEADER: current(), "traceparent": f"00-{current()}-{secrets.token_hex(8)}-00"}


def on_pages(request: HttpRequest) -> dict[str, str]:
    """For templates: a page that reports trouble shows the id."""
    return {"request_id": current()}


class RequestIdMiddleware:
    """Gives each request an id of our own. One that comes in is somebody else's word, and is not looked at.

    The id stays until this thread's next request: Django logs a refusal after all middleware.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Go on, and tell the id."""
        made = fresh()
        response = self.get_response(request)
        response[HEADER] = made
        return response
