"""`manage.py retry_revocations`: asks APS once to revoke what it could not be asked before."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from aosportal.passport import revocations
from aosportal.passport.models import PendingRevocation


class Command(BaseCommand):
    """Tries all pending revocations now, whenever they are due."""

    help = "Ask APS now to revoke the tokens that it could not be asked to revoke before."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many were settled and how many are left; exit code 1 if some are left."""
        PendingRevocation.objects.update(next_try=timezone.now())
        settled, left = revocations.retry_due(), PendingRevocation.objects.count()
        self.stdout.write(f"{settled} settled, {left} left.")
        if left:
            raise SystemExit(1)
