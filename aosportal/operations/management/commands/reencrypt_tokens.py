"""`manage.py reencrypt_tokens`: after a new key was put first in TOKEN_ENCRYPTION_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Model

from aosportal.passport import stored
from aosportal.passport.encryption import CannotDecrypt, seal, unseal
from subscriptions import snapshots
from subscriptions.models import Snapshot


class Command(BaseCommand):
    """Encrypts what is stored encrypted with the newest key, while people work; older keys can then be taken away."""

    help = "Encrypt every stored token and kept list with the first key of TOKEN_ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many were encrypted anew; exit code 1 if some tokens cannot be read with the present keys."""
        done = unreadable = 0
        for each in stored.tokens():
            try:
                done += self._reencrypt(each.row, each.field, each.field, each.row.owner)
            except CannotDecrypt:
                unreadable += 1
        lists = self._reencrypt_lists()
        self.stdout.write(
            f"{done} tokens and {lists} kept lists encrypted with the newest key, {unreadable} unreadable."
        )
        if unreadable:
            self.stderr.write("Unreadable tokens: put their key back, or let these people sign in again.")
            raise SystemExit(1)

    def _reencrypt_lists(self) -> int:
        """A list that cannot be read is none: it is let go, and AOS is asked for another."""
        done = 0
        for row in Snapshot.objects.exclude(sealed="").iterator(chunk_size=50):
            try:
                done += self._reencrypt(row, "sealed", snapshots.FIELD, row.key)
            except CannotDecrypt:
                Snapshot.objects.filter(pk=row.pk, sealed=row.sealed).delete()
        return done

    def _reencrypt(self, row: Model, column: str, field: str, owner: str) -> int:
        """Write only over the very ciphertext that was read: a refresh may have stored a newer token meanwhile."""
        text = getattr(row, column)
        if not text:
            return 0
        anew: dict[str, Any] = {column: seal(unseal(text, field=field, owner=owner), field=field, owner=owner)}
        return type(row)._default_manager.filter(pk=row.pk, **{column: text}).update(**anew)
