"""One exchange with another host: sends a request, reads the whole answer, or says in a Fault why there is none.

This is the middle of `aosportal.http`; nothing else imports it.
"""

import functools
import http.cookiejar
import io
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from django.conf import settings

from . import database, request_id
from .secret import Secret, forgetting
from .upstream import Watch
from .wire import Call, DeadlineAdapter, Fault, NotReached, TLSFailed, TooSlow, tls_reason

_CHUNK = 65536  # bytes


class Broken(Fault):
    """The answer was cut off or unreadable."""


class Redirected(Fault):
    """The answer was a redirect, which is never followed."""


class TooLarge(Fault):
    """The answer was larger than the cap."""


class BearerAuth(requests.auth.AuthBase):
    """Puts an access token into the Authorization header (RFC 6750 section 2.1) of one call."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the header of this one request."""
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request


def send(
    method: str, url: str, *, seconds: float, service: str = "other", purpose: str = "other", **options: Any
) -> requests.Response:
    """Send one request and return its answer with the body read; the status is the caller's to judge.

    `seconds` bound the whole exchange, from name look-up to the last byte. `service` and `purpose` name it in the log
    and in metrics. `options` are those of `requests.Session.request`: headers, params, data, json, auth.
    Raises a Fault.
    """
    host, watch = urlsplit(url).netloc, Watch(service, purpose)
    options["headers"] = {**(options.get("headers") or {}), **request_id.headers()}
    database.let_go()
    try:
        with Call(host, seconds) as call, forgetting():
            response = _exchange(call, method, url, options)
    except Fault as fault:
        watch.ended(_outcome(fault), reason=str(fault), sent=fault.sent)
        raise
    watch.answered(response)
    return response


def _outcome(fault: Fault) -> str:
    """What the log calls it."""
    if isinstance(fault, TLSFailed):
        return "tls_failed"
    if isinstance(fault, TooSlow):
        return "too_slow"
    return "unreached" if isinstance(fault, NotReached) else "unusable"


def _exchange(call: Call, method: str, url: str, options: dict[str, Any]) -> requests.Response:
    """Translate every failure of the libraries. Their exceptions hold the request, and so are not chained."""
    try:
        fixed: dict[str, Any] = {"allow_redirects": False, "verify": True, "stream": True, "timeout": call.remaining()}
        response = _session().request(method, url, **fixed, **options)
        response._content = _read(response, call)
    except Fault:
        raise
    except (requests.exceptions.SSLError, urllib3.exceptions.SSLError) as error:
        raise TLSFailed(call.host, f"TLS failed ({tls_reason(error)})", sent=call.sent) from None
    except (requests.Timeout, urllib3.exceptions.TimeoutError):
        raise TooSlow(call.host, f"no whole answer in {call.seconds:.3g} seconds", sent=call.sent) from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise (Broken if call.sent else NotReached)(call.host, type(error).__name__, sent=call.sent) from None
    if response.is_redirect or 300 <= response.status_code < 400:
        raise Redirected(call.host, f"answered with a redirect ({response.status_code})", sent=True)
    return response


def _read(response: requests.Response, call: Call) -> bytes:
    """Read the body, decompressed, up to the cap; the connection goes back to the pool only after a whole one."""
    body = io.BytesIO()
    try:
        for chunk in response.raw.stream(_CHUNK, decode_content=True):
            body.write(chunk)
            if body.tell() > settings.MAX_ANSWER_BYTES:
                raise TooLarge(call.host, f"answered more than {settings.MAX_ANSWER_BYTES} bytes", sent=True)
    except BaseException:
        response.raw.close()
        raise
    return body.getvalue()


@functools.cache
def _session() -> requests.Session:
    """One session of pooled connections for this process. It keeps nothing of a person: no cookies, no credentials."""
    session = requests.Session()
    session.trust_env = False  # no proxies from the environment, and no netrc, which would beat our Authorization
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = "AOS-Portal"
    session.headers["Accept"] = "application/json"
    if settings.OUTBOUND_PROXY:
        session.proxies = {"http": settings.OUTBOUND_PROXY, "https": settings.OUTBOUND_PROXY}
    session.mount("https://", DeadlineAdapter())
    session.mount("http://", DeadlineAdapter())
    return session
