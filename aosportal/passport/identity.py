"""Who a person is: the issuer and the subject that APS vouches for, never an e-mail address or a name."""

import hashlib
import json
from dataclasses import dataclass

_LONGEST = 255  # characters, OpenID Connect Core section 2


class NoIdentity(Exception):
    """APS gave no usable subject."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A subject of an issuer. `kind` is where it was read, as APS_IDENTITY says: id_token or userinfo."""

    kind: str
    issuer: str
    subject: str

    @classmethod
    def from_claims(cls, kind: str, issuer: str, claims: dict[str, object]) -> "Identity":
        """Read `sub`, byte for byte. Raises NoIdentity unless it is a printable string of 1 to 255 characters."""
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST or not subject.isprintable():
            raise NoIdentity("sub is missing, empty, too long, unprintable or not a string")
        return cls(kind, issuer, subject)

    @property
    def uid(self) -> str:
        """The key of this identity in the database: 64 hex digits that no collation can confuse."""
        return hashlib.sha256(json.dumps([self.kind, self.issuer, self.subject]).encode()).hexdigest()
