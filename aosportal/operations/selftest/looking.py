"""One look at another host, through the one door: what an answer tells besides its body."""

import contextlib
import datetime
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from cryptography import x509
from django.conf import settings
from django.utils import timezone

from aosportal import http


@dataclass(slots=True)
class Sight:
    """The first lines of an answer, and when they came. `certificate_ends` is None for plain http."""

    status: int = 0
    location: str = ""
    date: datetime.datetime | None = None
    at: datetime.datetime | None = None
    certificate_ends: datetime.datetime | None = None


def at(url: str, **options: Any) -> Sight:
    """GET it, and tell what was seen, a redirect too, which is not followed. Raises an http.Fault."""
    sight = Sight()

    def see(response: requests.Response, *args: Any, **kwargs: Any) -> None:
        sight.at = timezone.now()
        sight.status, sight.location = response.status_code, response.headers.get("Location", "")
        sight.date = _date(response.headers.get("Date"))
        sight.certificate_ends = _certificate_ends(response)

    with contextlib.suppress(http.Redirected, http.TooLarge):  # seen all the same
        http.send("GET", url, seconds=settings.APS_TIMEOUT, hooks={"response": see}, **options)
    return sight


def _date(header: str | None) -> datetime.datetime | None:
    try:
        return parsedate_to_datetime(header) if header else None
    except ValueError:
        return None


def _certificate_ends(response: requests.Response) -> datetime.datetime | None:
    """When the first certificate of the chain runs out; before Python 3.13, when the host's own does."""
    sock: Any = getattr(getattr(response.raw, "connection", None), "sock", None)
    if not hasattr(sock, "getpeercert"):
        return None
    chain = sock.get_verified_chain() if hasattr(sock, "get_verified_chain") else [sock.getpeercert(binary_form=True)]
    return min(x509.load_der_x509_certificate(each).not_valid_after_utc for each in chain)
