"""How AOS can fail, sorted by what the caller can do about it. The texts are for logs; pages use their own words."""

from collections.abc import Sequence
from typing import ClassVar

from .answers import NOTHING_SAID, Receipt


class AOSError(Exception):
    """AOS did not do what was asked.

    `kind` names the failure for templates, `status` is what our page answers (decision 21), `retry_after` is seconds.
    `may_have_happened` is True when a change was sent and nobody knows whether AOS made it. `receipt` is what
    is known of the call.
    """

    kind: ClassVar[str] = "unusable"
    status: ClassVar[int] = 502

    def __init__(
        self,
        what: str,
        *,
        retry_after: int | None = None,
        may_have_happened: bool = False,
        receipt: Receipt = NOTHING_SAID,
    ) -> None:
        super().__init__(what)
        self.receipt = receipt
        self.retry_after = retry_after
        self.may_have_happened = may_have_happened


class NoPermission(AOSError):
    """The person may not do this. An administrator can help."""

    kind = "no-permission"
    status = 403


class NotThere(AOSError):
    """The person has no such subscription (any more)."""

    kind = "not-there"
    status = 404


class Changed(AOSError):
    """AOS has something newer, or another that is in the way. Look again, then decide."""

    kind = "changed"
    status = 409


class Refused(AOSError):
    """AOS does not take what was typed. `messages` is its reason as plain text, perhaps empty; it is not markup."""

    kind = "refused"
    status = 422

    def __init__(self, what: str, messages: Sequence[str], *, receipt: Receipt = NOTHING_SAID) -> None:
        super().__init__(what, receipt=receipt)
        self.messages = list(messages)


class Busy(AOSError):
    """Nothing was done. Ask again after `retry_after` seconds."""

    kind = "busy"
    status = 503


class Occupied(AOSError):
    """Somebody is renaming this very subscription through the portal just now. Nothing was sent."""

    kind = "occupied"
    status = 503


class TooSlow(AOSError):
    """No whole answer came in time."""

    kind = "slow"
    status = 504


class Unusable(AOSError):
    """AOS failed, could not be reached, or what it answered made no sense. Try later."""

    kind = "unusable"


class Frozen(AOSError):
    """An administrator has made the portal read-only for now. Nothing was sent."""

    kind = "frozen"
    status = 503


class NotPermitted(AOSError):
    """The person's roles in this portal do not include it. Nothing was sent."""

    kind = "not-permitted"
    status = 403


def of_kind(kind: str) -> AOSError | None:
    """The error that the ledger noted by its kind, for a page that tells about it again."""
    if kind == Refused.kind:
        return Refused("as noted", [])
    return next((each("as noted") for each in AOSError.__subclasses__() if each.kind == kind), None)
