"""Reads the JSON that AOS answers, plain or in an envelope. Knows no HTTP, and takes nothing for granted.

Everything here raises ValueError for an answer that cannot be believed, unless it says otherwise.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

SAFE_ID = r"[A-Za-z0-9_-]{1,128}"
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ENVELOPE_KEYS = {"isSuccess", "result", "errorMessage", "validationDetails"}
_ETAG_KEYS = ("etag", "eTag", "@odata.etag")
_ANY_ETAG = frozenset(_ETAG_KEYS)
_MESSAGE_LIMIT = _ID_LIMIT = 200  # characters
_MOST_MESSAGES = 5


class Subscription(NamedTuple):
    """One subscription as AOS lists it. `name` is None where AOS gives none; what else is missing is empty."""

    id: str
    subscription_id: str
    name: str | None
    state: str
    etag: str = ""

    @property
    def can_rename(self) -> bool:
        """Whether the id is fit for a URL (decision 19)."""
        return is_safe_id(self.id)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is known of one call: AOS's status (None: no answer) and its own id of it, our id, the name it confirms."""

    status: int | None = None
    correlation_id: str = ""
    request_id: str = ""
    name: str | None = None


NOTHING_SAID = Receipt()


def is_safe_id(text: str) -> bool:
    """Tell whether `text` may become a path segment of a URL (decision 19)."""
    return re.fullmatch(SAFE_ID, text) is not None


class Rejection(ValueError):
    """The envelope says that what was sent is not valid, and `reasons` says why."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("The envelope says that it was not valid.")
        self.reasons = reasons


def unwrap(payload: Any) -> Any:
    """Take the result out of an envelope that says, as a boolean, that it succeeded; plain answers stay as they are."""
    if not isinstance(payload, dict) or not _ENVELOPE_KEYS & payload.keys():
        return payload
    if payload.get("isSuccess") is True:
        return payload.get("result")
    if payload.get("isSuccess") is False and payload.get("validationDetails"):
        raise Rejection(read_reasons(payload))
    raise ValueError("The envelope does not say that it succeeded.")


def read_correlation_id(payload: Any, *others: str | None) -> str:
    """Take AOS's own id of an answer from the envelope, else from the first of `others` that has one.

    Never raises. Printable ASCII only, at most 200 characters; empty if there is none.
    """
    fields = payload if isinstance(payload, dict) else {}
    found = [text for text in (fields.get("correlationId"), *others) if isinstance(text, str)]
    printable = ("".join(char for char in text if " " <= char <= "~").strip() for text in found)
    return next(filter(None, printable), "")[:_ID_LIMIT]


def read_list(payload: Any) -> list[Subscription]:
    """Read the collection. A bad item is kept with what is right about it; an empty one is dropped."""
    items = unwrap(payload)
    if not isinstance(items, list):
        raise ValueError("The answer holds no list.")  # noqa: TRY004 - the data is wrong, not the caller
    return [_read_item(item) for item in items if item]


def _read_item(item: Any) -> Subscription:
    fields = item if isinstance(item, dict) else {}
    return Subscription(  # there may be ten thousand: fields by place, and no etag looked for where there is none
        _text(fields.get("id")) or "",
        _text(fields.get("subscriptionId")) or "",
        _text(fields.get("displayName")),
        _text(fields.get("state")) or "",
        "" if _ANY_ETAG.isdisjoint(fields) else _etag(fields),
    )


def _etag(fields: dict[str, Any]) -> str:
    return next((str(tag) for key in _ETAG_KEYS if _is_etag(tag := fields.get(key))), "")


def _is_etag(tag: object) -> bool:
    """Whether it is a strong entity tag (RFC 9110 section 8.8.3): If-Match never takes a weak one."""
    return isinstance(tag, str) and re.fullmatch(r'"[\x21\x23-\x7e]{1,200}"', tag) is not None


def read_confirmed_name(payload: Any, subscription_id: str) -> str | None:
    """Return the name that a rename's answer confirms for this very subscription; None when it does not say."""
    result = unwrap(payload)
    if result is not None and not isinstance(result, dict):
        raise ValueError("The answer is no object.")
    if not result or result.get("id", subscription_id) != subscription_id:
        return None
    return _text(result.get("displayName"))


def _text(value: Any) -> str | None:
    """Take text as it is, but lone surrogates, which UTF-8 cannot hold, as the replacement character."""
    if not isinstance(value, str):
        return None
    return value if value.isascii() else _SURROGATE.sub("\ufffd", value)


def read_reasons(payload: Any) -> list[str]:
    """Collect why AOS refused: validation details, else problem details (RFC 9457), else the envelope's error message.

    Never raises: what is unreadable gives no reason. At most five, each a trimmed line of plain text.
    """
    fields = payload if isinstance(payload, dict) else {}
    for source in (("validationDetails", "errors"), ("detail",), ("errorMessage",), ("title",)):
        found = [_one_line(text) for key in source for text in _texts(fields.get(key))]
        reasons = list(dict.fromkeys(filter(None, found)))
        if reasons:
            return reasons[:_MOST_MESSAGES]
    return []


def _texts(value: Any) -> Iterator[str]:
    """Walk through text, lists, and objects of fields; in a list of RFC 9457 errors, through their `detail`."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _all_texts([value["detail"]] if isinstance(value.get("detail"), str) else value.values())
    elif isinstance(value, list):
        yield from _all_texts(value)


def _all_texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        yield from _texts(value)


def _one_line(text: str) -> str:
    """Drop control and direction characters, join white space, and shorten."""
    spaced = " ".join(text.split())
    kept = "".join(char for char in spaced if unicodedata.category(char) not in {"Cc", "Cf", "Cs"})
    return kept if len(kept) <= _MESSAGE_LIMIT else kept[: _MESSAGE_LIMIT - 1] + "…"
