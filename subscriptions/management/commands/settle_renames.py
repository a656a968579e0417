"""`manage.py settle_renames`: finds out, once and now, what became of renames whose outcome is open."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from subscriptions import settling
from subscriptions.models import OpenRename


class Command(BaseCommand):
    """Looks at AOS's lists with the sign-ins of the people who asked. Sends nothing, and leaves none pending."""

    help = "Find out what became of renames whose outcome is not known, by reading AOS's lists. Sends no change."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many were settled and how many are still not known; exit code 1 if some are."""
        settling.look_now()
        begun, settled = timezone.now(), 0
        while OpenRename.objects.filter(next_look__lte=begun).exists():
            settled += settling.settle_due()
        left = OpenRename.objects.count()
        self.stdout.write(f"{settled} settled, {left} not known yet.")
        if left:
            raise SystemExit(1)
