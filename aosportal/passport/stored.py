"""Every token that is stored, wherever it is: to be encrypted anew, or only looked at."""

from collections.abc import Iterator
from typing import NamedTuple

from aosportal.secret import Secret

from .models import TOKEN_FIELDS, ApplicationGrant, Grant, PendingRevocation, SealedTokens


class StoredToken(NamedTuple):
    """A row, and its column that holds a token; the column may be empty."""

    row: SealedTokens | PendingRevocation
    field: str

    def read(self) -> Secret | None:
        """Decrypt it; None if there is none. Raises encryption.CannotDecrypt."""
        return self.row.secret() if isinstance(self.row, PendingRevocation) else self.row.token(self.field)


def tokens() -> Iterator[StoredToken]:
    """Go through the tokens of people, of the portal itself, and those that are to be revoked."""
    for grant in Grant.objects.filter(status=Grant.Status.ACTIVE).iterator(chunk_size=500):
        yield from (StoredToken(grant, field) for field in TOKEN_FIELDS)
    yield from (StoredToken(row, "access_token") for row in ApplicationGrant.objects.iterator())
    yield from (StoredToken(row, "token") for row in PendingRevocation.objects.iterator())
