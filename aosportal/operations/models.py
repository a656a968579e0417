"""What an administrator says to everybody (the change freeze and the announcement), and which workers are alive."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone


class Conditions(models.Model):
    """The one row that holds for the whole portal. Where there is none, nothing is frozen or announced."""

    is_read_only = models.BooleanField(
        "read only",
        default=False,
        help_text="Change freeze: everything can be read, nothing is renamed. Batches pause.",
    )
    reason = models.CharField(max_length=300, blank=True, help_text="Why, and until when. Shown on every page.")
    announcement = models.TextField(
        blank=True, max_length=1000, help_text="Plain text on every page, also to visitors who are not signed in."
    )
    announced_from = models.DateTimeField(null=True, blank=True, help_text="UTC. Empty: at once.")
    announced_until = models.DateTimeField(null=True, blank=True, help_text="UTC. Empty: until the text is removed.")

    class Meta:
        verbose_name = verbose_name_plural = "change freeze and announcement"

    def __str__(self) -> str:
        return "read only" if self.is_read_only else "open for changes"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep it the only row."""
        self.pk = 1
        super().save(*args, **kwargs)

    @classmethod
    def now(cls) -> "Conditions":
        """What holds at this moment."""
        return cls.objects.first() or cls()

    @property
    def announced(self) -> str:
        """The announcement, while it is its time."""
        now = timezone.now()
        has_begun = self.announced_from is None or self.announced_from <= now
        is_over = self.announced_until is not None and self.announced_until <= now
        return self.announcement if has_begun and not is_over else ""


class Heartbeat(models.Model):
    """A worker process says every few seconds that it is alive. Its row goes when it ends, or a day after its death."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.CharField(max_length=255)
    process = models.PositiveIntegerField(help_text="its id on that host")
    since = models.DateTimeField(default=timezone.now)
    at = models.DateTimeField(db_index=True, help_text="by the database's clock")

    def __str__(self) -> str:
        return f"worker {self.process} on {self.host}"
