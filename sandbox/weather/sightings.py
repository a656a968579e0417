"""What may be written down about a call: whose it is and which, but no secret."""

import hashlib

from oauth2_provider.models import AccessToken, Grant, RefreshToken

from sandbox.subscriptions.api import bearer

# Query values that are no secret and worth a look; all others are left out.
SHOWN = ("prompt", "resource", "tenantId", "page")


def describe(request):
    """The fields of a `Call` that can be told from the request."""
    form = request.POST if request.method == "POST" else {}
    token = bearer(request) or form.get("refresh_token") or form.get("token") or ""
    return {
        "method": request.method,
        "path": _path(request)[:500],
        "note": form.get("grant_type", "")[:60],
        "person": _whose(token, form.get("code")),
        "token": f"…{token[-4:]}" if len(token) >= 16 else "",
    }


def _path(request):
    shown = [f"{name}={value}" for name in SHOWN for value in request.GET.getlist(name)]
    if len(shown) < sum(len(values) for _, values in request.GET.lists()):
        shown.append("…")
    return "?".join(filter(None, [request.path, "&".join(shown)]))


def _whose(token, code):
    """The person's name behind a token or a code, or an empty string."""
    checksum = hashlib.sha256(token.encode()).hexdigest()
    lookups = [
        (AccessToken, {"token_checksum": checksum}, token),
        (RefreshToken, {"token_checksum": checksum}, token),
        (Grant, {"code": code}, code),
    ]
    for model, lookup, given in lookups:
        found = given and model.objects.select_related("user").filter(**lookup).first()
        if found and found.user:
            return found.user.name
    return ""
