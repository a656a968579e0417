"""The AOS client: the only module that knows AOS's HTTP. It lists a person's subscriptions and renames one.

Every failure becomes an `AOSError` here, once. `NO_TOKEN` passes through: only a sign-in, or APS, can help there.
"""

import contextlib
import functools
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, quote

import requests
from django.conf import settings

from aosportal import events, http, request_id, strict_json
from aosportal.passport import tokens
from aosportal.secret import Secret

from . import answers
from .answers import Receipt, Subscription
from .errors import AOSError, Busy, Changed, NoPermission, NotThere, Refused, TooSlow, Unusable
from .gates import SharedGate

if TYPE_CHECKING:
    from aosportal.passport.models import Grant

__all__ = [
    "AOS",
    "NO_TOKEN",
    "AOSError",
    "Busy",
    "Changed",
    "NoPermission",
    "NotThere",
    "Receipt",
    "Refused",
    "Subscription",
    "TooSlow",
    "Unusable",
]
# What `tokens` raises when there is no token to ask AOS with. Pages leave it to the site-wide handler.
NO_TOKEN = (tokens.SignInRequired, tokens.PassportUnavailable, tokens.PassportMisconfigured)
_USUAL_WAIT = 30  # seconds
_decoding = threading.Lock()  # one long list at a time: threads gain nothing by doing it together, and need the memory
_ID_HEADERS = ("X-Correlation-ID", "X-Request-ID", "Request-Id")
_SIMPLE_ERRORS: dict[int, type[AOSError]] = {
    403: NoPermission,
    404: NotThere,
    410: NotThere,
    409: Changed,
    412: Changed,
}


class AOS:
    """AOS as one signed-in person sees it: each call carries that person's own token. None: as the portal itself.

    Make one for each thing that the person does. `seconds`, from the first call on, bound all its calls together; each
    has AOS_TIMEOUT at most.
    """

    def __init__(self, grant: "Grant | None", seconds: float | None = None) -> None:
        self.grant = grant
        self._seconds = seconds

    @property
    def sign_in(self) -> "Grant":
        """The person's sign-in, for pages: there it always is."""
        return cast("Grant", self.grant)

    def subscriptions(self) -> list[Subscription]:
        """Return what AOS lists for this person, in its order. Raises AOSError or one of NO_TOKEN."""
        response = self._ask("GET", collection())
        with _receipt_on_errors(response):
            _refuse_failure(response, change=False)
            try:
                with _decoding:
                    return answers.read_list(_json(response))
            except ValueError as error:
                raise _unusable(response, error, change=False) from None

    def rename(
        self,
        subscription_id: str,
        name: str,
        *,
        etag: str = "",
        before_sending: Callable[[], None] = lambda: None,
    ) -> Receipt:
        """Ask AOS to give this name. The receipt's name is what AOS confirms, None when it does not say.

        At most two PUTs are sent: the second only after 401, a failed connect, 429 or 503. `before_sending` is called
        right before each; what it raises passes through, and nothing more is sent.
        With an `etag`, AOS is asked to change only what still has it (If-Match, RFC 9110 section 13.1.1).
        Raises AOSError (look at `may_have_happened`), or one of NO_TOKEN, and then nothing was changed.
        """
        if not answers.is_safe_id(subscription_id):
            raise NotThere("The id is unfit for a URL.")
        url = f"{collection()}/{quote(subscription_id, safe='')}"
        response = self._ask(
            "PUT", url, before_sending, json={"displayName": name}, headers={"If-Match": etag} if etag else None
        )
        with _receipt_on_errors(response):
            _refuse_failure(response, change=True)
            try:
                return replace(_receipt(response), name=_confirmed_name(response, subscription_id))
            except ValueError as error:
                raise _unusable(response, error, change=True) from None

    def _ask(
        self, method: str, url: str, before_try: Callable[[], None] = lambda: None, **options: Any
    ) -> requests.Response:
        """Send a request; after a 401, which means that AOS did nothing, once more with a renewed token."""
        token = self._token()
        operation = http.Operation(method, url, self._call_deadline(), before_try)
        response = _send(operation, token, options)
        if response.status_code == 401:
            response = self._ask_again(operation, token, options, response)
        return response

    def _ask_again(
        self, operation: http.Operation, refused: Secret, options: dict[str, Any], response: requests.Response
    ) -> requests.Response:
        if not operation.may_try:
            with _receipt_on_errors(response):
                raise Busy("AOS refused the token at the last try", retry_after=1)
        response = _send(operation, self._renewed(refused), options)
        if response.status_code == 401:
            events.note("answer", "unauthorized", method=operation.method, status=401)
            raise tokens.SignInRequired("AOS refused a renewed token")
        return response

    def _token(self) -> Secret:
        return tokens.access_token_for(self.grant) if self.grant else tokens.application_token()

    def _renewed(self, refused: Secret) -> Secret:
        return tokens.renewed_token_for(self.grant, refused) if self.grant else tokens.application_token(refused)

    def _call_deadline(self) -> http.Deadline:
        left = self._deadline.left() if self._deadline else math.inf
        return http.Deadline(min(settings.AOS_TIMEOUT, left))

    @functools.cached_property
    def _deadline(self) -> http.Deadline | None:
        return None if self._seconds is None else http.Deadline(self._seconds)


@functools.cache
def _policy() -> http.Policy:
    return http.Policy(SharedGate("AOS"), settings.AOS_CALLS)


def collection() -> str:
    """The address of the list."""
    return f"{settings.AOS_BASE_URL.rstrip('/')}/{settings.AOS_SUBSCRIPTIONS_PATH.strip('/')}"


def _send(operation: http.Operation, token: Secret, options: dict[str, Any]) -> requests.Response:
    """Let the policy send it, and translate why there is no answer."""
    query = parse_qsl(settings.AOS_QUERY.lstrip("?"), keep_blank_values=True)
    purpose = "rename" if operation.method == "PUT" else "list"
    try:
        return _policy().send(
            operation, params=query, auth=http.BearerAuth(token), service="AOS", purpose=purpose, **options
        )
    except http.Fault as fault:
        if isinstance(fault, http.Closed):
            events.note("call", "not_sent", service="AOS", operation=purpose, reason=str(fault))
        error = _no_answer(fault, may_have_happened=fault.sent and operation.method == "PUT")
    error.receipt = _receipt(None)
    raise error


def _no_answer(fault: http.Fault, *, may_have_happened: bool) -> AOSError:
    if isinstance(fault, http.Closed):
        return Busy(str(fault), retry_after=math.ceil(fault.seconds))
    kind = TooSlow if isinstance(fault, http.TooSlow) else Unusable
    return kind(str(fault), may_have_happened=may_have_happened)


@contextlib.contextmanager
def _receipt_on_errors(response: requests.Response) -> Iterator[None]:
    try:
        yield
    except AOSError as error:
        error.receipt = _receipt(response)
        raise


def _receipt(response: requests.Response | None) -> Receipt:
    """What is known of a call; None if it had no answer."""
    if response is None:
        return Receipt(None, "", request_id.current())
    try:
        payload = _json(response)
    except ValueError:
        payload = None
    others = (response.headers.get(name) for name in _ID_HEADERS)
    return Receipt(response.status_code, answers.read_correlation_id(payload, *others), request_id.current())


def _refuse_failure(response: requests.Response, *, change: bool) -> None:
    """Raise the AOSError that the status stands for; 2xx passes."""
    status = response.status_code
    if 200 <= status < 300:
        return
    what = f"AOS answered {status}"
    if status in _SIMPLE_ERRORS:
        raise _SIMPLE_ERRORS[status](what)
    if status in {429, 503}:
        raise Busy(what, retry_after=_wait(response))
    if change and status in {400, 422}:
        raise Refused(what, _reasons(response))
    raise Unusable(what, may_have_happened=change and status >= 500)


def _unusable(response: requests.Response, error: ValueError, *, change: bool) -> AOSError:
    """Sort an answer that says 2xx and yet cannot be believed. `error` tells what is wrong, and quotes no body."""
    method = response.request.method
    is_refusal = isinstance(error, answers.Rejection)
    told = {"method": method, "status": response.status_code, "upstream_id": _receipt(response).correlation_id}
    events.note("answer", "refused" if is_refusal else "unusable", **told, reason=str(error))
    if change and isinstance(error, answers.Rejection):
        return Refused(str(error), error.reasons)
    return Unusable(str(error), may_have_happened=change)


def _confirmed_name(response: requests.Response, subscription_id: str) -> str | None:
    return answers.read_confirmed_name(_json(response), subscription_id) if response.content else None


def _json(response: requests.Response) -> Any:
    """Decode an answer that says it is JSON. The documented header is `application/json;` with nothing after it."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise ValueError("The answer is not JSON.")
    return strict_json.read(response.content)


def _reasons(response: requests.Response) -> list[str]:
    try:
        return answers.read_reasons(_json(response))
    except ValueError:
        return []


def _wait(response: requests.Response) -> int:
    """Seconds to wait, as AOS says, within reason."""
    return http.seconds_to_wait(response.headers.get("Retry-After"), usual=_USUAL_WAIT)
