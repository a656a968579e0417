"""The address that a request came from, as far as it can be believed (D13)."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the peer's address; behind TRUST_PROXY_HEADERS = n proxies, the nth of X-Forwarded-For from the right.

    What stands further left was written by the client, and nothing else is read. Empty where there is no address.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    proxies = settings.TRUST_PROXY_HEADERS
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",") if proxies else []
    candidate = forwarded[-proxies].strip() if 0 < proxies <= len(forwarded) else peer
    try:
        return str(ipaddress.ip_address(candidate))
    except ValueError:
        return ""
