"""The stand-in AOS: list one's subscriptions, rename one of them."""

import functools
import hashlib
import json
import uuid

from django.core.exceptions import ValidationError
from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.models import AccessToken

from sandbox.subscriptions.models import Subscription

# The documented header, trailing semicolon and all.
JSON = "application/json;"


def bearer(request):
    """The token in the `Authorization` header, or an empty string."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def access_token(text):
    """What APS knows about a token, expired or not; None for a stranger's."""
    checksum = hashlib.sha256(text.encode()).hexdigest()
    return AccessToken.objects.select_related("user").filter(token_checksum=checksum).first()


def problem(status, title, **headers):
    """An RFC 9457 problem."""
    body = {"type": "about:blank", "title": title, "status": status}
    return JsonResponse(body, status=status, content_type="application/problem+json", headers=headers)


def unauthorized():
    """401 with the challenge of RFC 6750, section 3."""
    return problem(401, "The access token is missing, expired or not known.", **{"WWW-Authenticate": INVALID})


INVALID = 'Bearer error="invalid_token"'


def visible_to(person):
    """The subscriptions of a person; a client's own token, which is nobody's, sees all of them."""
    return Subscription.objects.filter(owner=person) if person else Subscription.objects.all()


def for_method(method):
    """Only one method, only with a good token, only for somebody who may: `view(request, theirs, …)`."""

    def decorate(view):
        @csrf_exempt
        @functools.wraps(view)
        def checked(request, **kwargs):
            token = access_token(bearer(request))
            if not token or token.is_expired() or not token.allows_audience(request.build_absolute_uri(request.path)):
                return unauthorized()
            if token.user and not token.user.may_see_subscriptions:
                return problem(403, "You may not see subscriptions.")
            if request.method != method:
                return problem(405, f"Only {method} here.", Allow=method)
            return view(request, visible_to(token.user), **kwargs)

        return checked

    return decorate


@for_method("GET")
def subscriptions(request, theirs):
    """All subscriptions that the token is good for."""
    items = [each.as_json() for each in theirs]
    return JsonResponse(items, safe=False, content_type=JSON)


@for_method("PUT")
def subscription(request, theirs, subscription_id):
    """Rename one subscription that the token is good for; any other is not there."""
    item = theirs.filter(id=_guid(subscription_id)).first()
    if item is None:
        return problem(404, "There is no such subscription.")
    if request.content_type != "application/json":
        return problem(415, "Send application/json.")
    try:
        item.display_name = _display_name(request.body)
    except ValidationError as refusal:
        return refused(refusal)
    item.save(update_fields=["display_name"])
    return JsonResponse(item.as_json(), content_type=JSON)


def refused(refusal):
    """400 with `validationDetails`, in the envelope."""
    body = {
        "isSuccess": False,
        "errorMessage": "The request is not valid.",
        "errorCode": "ValidationFailed",
        "correlationId": str(uuid.uuid4()),
        "validationDetails": refusal.message_dict,
        "result": None,
    }
    return JsonResponse(body, status=400, content_type=JSON)


def _guid(text):
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _display_name(body):
    try:
        sent = json.loads(body)
    except ValueError:
        raise ValidationError({"body": ["This is not JSON."]}) from None
    if not isinstance(sent, dict) or set(sent) != {"displayName"}:
        raise ValidationError({"body": ["Send displayName and nothing else."]})
    name = sent["displayName"]
    if not isinstance(name, str) or not name.strip():
        raise ValidationError({"displayName": ["The name must not be empty."]})
    return name
