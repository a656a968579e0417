"""The kinds of weather, each with the words on the panel and what it does to a call.

What a kind does is a function of the request, the view behind it and the weather; it returns the answer to send.
"""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.http import HttpResponse, JsonResponse
from django.utils import timezone

from sandbox.server import HANG_UP
from sandbox.subscriptions.api import JSON, problem, unauthorized


@dataclass(frozen=True)
class Condition:
    """One kind of weather: its name, what it does, and what the portal ought to make of it."""

    label: str
    does: str
    portal: str
    act: Callable


def fine(request, view, weather):
    """Pass the call through."""
    return view(request)


def slow(request, view, weather):
    """Do it at once, answer late."""
    answer = view(request)
    time.sleep(weather.slow_seconds)
    return answer


def down(request, view, weather):
    """503."""
    return problem(503, "Down for maintenance.", **{"Retry-After": str(weather.retry_after)})


def overloaded(request, view, weather):
    """429."""
    return problem(429, "Too many requests.", **{"Retry-After": str(weather.retry_after)})


def broken(request, view, weather):
    """500."""
    return problem(500, "Something broke.")


def refusing(request, view, weather):
    """Close the connection; nothing is done."""
    return hang_up(request)


def hang_up(request):
    """What the server takes as: close, send nothing."""
    request.environ[HANG_UP] = True
    return HttpResponse(status=500)


def html(request, view, weather):
    """A page, as from a proxy in between."""
    return HttpResponse("<!doctype html><title>Welcome</title><h1>Please sign in to the network</h1>")


def truncated(request, view, weather):
    """Do it, and answer with half of the JSON."""
    answer = view(request)
    answer.content = answer.content[: len(answer.content) // 2]
    return answer


def wrong_shape(request, view, weather):
    """Do it, and answer with JSON of another API."""
    view(request)
    return JsonResponse({"subscriptions": [{"name": 7}, "none"]}, content_type=JSON)


def enveloped(request, view, weather):
    """Do it, and wrap a good answer."""
    answer = view(request)
    if answer.status_code != 200:
        return answer
    return JsonResponse(envelope(result=json.loads(answer.content)), content_type=JSON)


def unsuccessful(request, view, weather):
    """200, and no success in the envelope; nothing is done."""
    body = envelope(isSuccess=False, errorMessage="The operation could not be completed.", errorCode="OperationFailed")
    return JsonResponse(body, content_type=JSON)


def envelope(**fields):
    """The newer services' wrapping."""
    return {
        "isSuccess": True,
        "errorMessage": None,
        "errorCode": None,
        "correlationId": str(uuid.uuid4()),
        "timestamp": timezone.now().isoformat(),
        "activityId": str(uuid.uuid4()),
        "validationDetails": None,
        "result": None,
    } | fields


def refuse_token(request, view, weather):
    """401."""
    return unauthorized()


def forbidden(request, view, weather):
    """403."""
    return problem(403, "You may not see subscriptions.")


def lying(request, view, weather):
    """Do it, say so, and undo it."""
    with transaction.atomic():
        answer = view(request)
        transaction.set_rollback(True)
    return answer


def losing(request, view, weather):
    """Apply a change and hang up; reading works."""
    answer = view(request)
    return hang_up(request) if request.method == "PUT" else answer


def leftover(request, view, weather):
    """Apply a change, and answer without its name; reading works."""
    answer = view(request)
    if request.method != "PUT" or answer.status_code != 200:
        return answer
    body = json.loads(answer.content)
    del body["displayName"]
    return JsonResponse(body, content_type=JSON)


def refuse_refresh(request, view, weather):
    """invalid_grant for a refresh; everything else works."""
    if request.POST.get("grant_type") != "refresh_token":
        return view(request)
    return JsonResponse({"error": "invalid_grant"}, status=400)


AOS = {
    "fine": Condition("Fine", "Everything works.", "The list, and renames that stay.", fine),
    "slow": Condition(
        "Slow",
        "Does it at once, answers late.",
        "Gives up after 10 seconds and says so. Only changes hit: read back, then done.",
        slow,
    ),
    "down": Condition("Down", "503 with Retry-After.", "Says that AOS is down and when to try again.", down),
    "overloaded": Condition("Overloaded", "429 with Retry-After.", "Says how long to wait.", overloaded),
    "broken": Condition("Broken", "500; changes nothing.", "No usable answer. Only changes hit: “not known”.", broken),
    "refusing": Condition(
        "Hanging up",
        "Closes the connection; changes nothing.",
        "No usable answer. Only changes hit: “not known”.",
        refusing,
    ),
    "html": Condition("HTML", "200 with a web page.", "No usable answer. Only changes hit: “not known”.", html),
    "truncated": Condition(
        "Half an answer",
        "Does it, sends half of the JSON.",
        "No usable answer. Only changes hit: read back, then done.",
        truncated,
    ),
    "wrong_shape": Condition(
        "Wrong shape",
        "Does it, sends JSON of another kind.",
        "No usable answer. Only changes hit: read back, then done.",
        wrong_shape,
    ),
    "unsuccessful": Condition(
        "No success",
        "200 with isSuccess: false; changes nothing.",
        "No usable answer. Only changes hit: “not known”.",
        unsuccessful,
    ),
    "enveloped": Condition(
        "In an envelope",
        "Good answers, wrapped as newer services do.",
        "Works as if nothing were different.",
        enveloped,
    ),
    "unauthorized": Condition(
        "Refusing tokens", "401 to every token.", "Renews the token once, then asks to sign in again.", refuse_token
    ),
    "forbidden": Condition(
        "Forbidden", "403 to everybody.", "Says that this account may not, and what to do.", forbidden
    ),
    "lying": Condition(
        "Lying", "Says that it renamed; changes nothing.", "Believes the answer. The list shows the old name.", lying
    ),
    "losing": Condition(
        "Losing answers", "Renames, then hangs up.", "Reads the list back, then says that it is done.", losing
    ),
    "leftover": Condition(
        "Leftover body",
        "Renames, answers without the name.",
        "Reads the list back, then says that it is done.",
        leftover,
    ),
}

HITS = {
    "everything": Condition("Every call", "Reading and changing.", "Reads first, so a rename stops there.", fine),
    "changes": Condition("Only changes", "Reading stays fine.", "Sends the rename, and then has to find out.", fine),
}

APS = {
    "fine": Condition("Fine", "Everything works.", "Sign-in and quiet renewal.", fine),
    "slow": Condition("Slow", "Answers the portal late.", "Sign-in says that APS is slow; nobody is signed out.", slow),
    "down": Condition(
        "Down",
        "503 to the portal; its own pages work.",
        "Sign-in says that APS is down. People inside stay inside.",
        down,
    ),
    "refusing": Condition(
        "Refusing refreshes",
        "invalid_grant to each refresh.",
        "Once the token has expired: please sign in again, and back to the page.",
        refuse_refresh,
    ),
}
