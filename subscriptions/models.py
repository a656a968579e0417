"""What the portal keeps about renames. AOS owns the subscriptions themselves."""

import uuid
from typing import Any, Never

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Draft(models.Model):
    """A name that somebody typed and that could not be sent. Only its owner sees it, and it is never sent by itself."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts")
    subscription_id = models.CharField(max_length=128)
    text = models.TextField()
    kept_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "subscription_id"], name="one_draft_each")]

    def __str__(self) -> str:
        return f"draft {self.pk} of user {self.user_id}"


class NameField(models.TextField):  # type: ignore[type-arg]
    """A name exactly as AOS gave it: NUL, which PostgreSQL cannot store, is written as backslash and zero."""

    def get_prep_value(self, value: Any) -> Any:
        """Write."""
        text = super().get_prep_value(value)
        return None if text is None else text.replace("\\", "\\\\").replace("\0", "\\0")

    def from_db_value(self, value: str | None, *context: object) -> str | None:
        """Read."""
        return None if value is None else "\\".join(part.replace("\\0", "\0") for part in value.split("\\\\"))


class OnlyAdded(models.QuerySet[Any]):
    """Rows that are never changed or deleted (decision 16)."""

    def _refuse(self, *args: object, **kwargs: object) -> Never:
        raise TypeError("The ledger is only ever added to.")

    update = delete = bulk_update = update_or_create = _refuse


class LedgerRow(models.Model):
    """One line of the ledger: written once."""

    objects = OnlyAdded.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row. Raises TypeError for one that is there already."""
        if not self._state.adding:
            raise TypeError("The ledger is only ever added to.")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        """Refuse."""
        raise TypeError("The ledger is only ever added to.")


class Rename(LedgerRow):
    """An intent: who wants which subscription to have which name. Committed before anything is sent to AOS.

    Its id comes from the form, so that one form makes one rename however often it is sent. Deleting a person leaves
    the row with `user` null and the subject kept; a rename of the portal's own has neither.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="renames")
    issuer = models.CharField(max_length=500, blank=True)
    subject = models.CharField(max_length=255, blank=True)
    grant_id = models.UUIDField(null=True, blank=True, help_text="the sign-in that asked")
    subscription_id = models.CharField(max_length=128)
    name_seen = NameField(null=True, blank=True, help_text="what AOS called it just before")
    name_wanted = NameField()
    undoes = models.ForeignKey("self", on_delete=models.DO_NOTHING, db_constraint=False, null=True, blank=True)
    batch_id = models.UUIDField(null=True, blank=True, db_index=True)
    created = models.DateTimeField(default=timezone.now, db_index=True)

    # Of its last event, where `ledger.with_state` has asked.
    state: str
    reason: str
    is_observed: bool
    name_observed: str | None

    class Meta:
        indexes = [
            models.Index(fields=["user", "-created"], name="rename_of_user"),
            models.Index(fields=["subscription_id", "-created"], name="rename_of_subscription"),
        ]

    def __str__(self) -> str:
        return f"rename {self.id}"

    @property
    def is_by_portal(self) -> bool:
        """Whether the portal itself asked, by its command line. A deleted person's rows keep the subject."""
        return self.user_id is None and not self.subject

    @property
    def can_undo(self) -> bool:
        """Whether there is a name to go back to."""
        is_done = self.state == RenameEvent.State.CONFIRMED and self.name_observed != self.name_seen
        return is_done and bool(self.name_seen and self.name_seen.strip())

    @property
    def undo_id(self) -> uuid.UUID:
        """What an Undo button sends along: any page's first Undo of this rename is the same one."""
        return uuid.uuid5(self.pk, "undo")


class RenameEvent(LedgerRow):
    """What became of an intent, or was found out later. The state of a rename is that of its last event."""

    class State(models.TextChoices):
        """`pending` is written with the intent; `pending` and `unknown` are settled later, the others are final.

        confirmed: AOS took it. rejected: AOS refused it. conflicted: the name is neither the one seen nor the one
        wanted, or, with the reason not-there, AOS lists the subscription no more, and nobody will know. not_done: it
        surely was not changed. unknown: it was sent, and nobody knows yet.
        """

        PENDING = "pending", _("Pending")
        CONFIRMED = "confirmed", _("Confirmed")
        REJECTED = "rejected", _("Rejected")
        CONFLICTED = "conflicted", _("Conflicted")
        NOT_DONE = "not_done", _("Not Done")
        UNKNOWN = "unknown", _("Unknown")

    rename = models.ForeignKey(Rename, on_delete=models.PROTECT, related_name="events")
    number = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=State.choices)
    reason = models.CharField(max_length=20, blank=True, help_text="the kind of failure, as errors.py names it")
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="what AOS answered to the change")
    correlation_id = models.CharField(max_length=200, blank=True, help_text="AOS's own id of that answer")
    request_id = models.CharField(max_length=64, blank=True, help_text="ours, sent along as X-Request-ID")
    is_observed = models.BooleanField(default=False, help_text="whether AOS told the name afterwards")
    name_observed = NameField(null=True, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rename", "number"], name="one_event_each")]

    def __str__(self) -> str:
        return f"{self.state}, event {self.number} of rename {self.rename_id}"


class LedgerUpkeep(LedgerRow):
    """Each time that rows of the ledger were taken out, after an export, or lost their person (decision 16).

    It names nobody: an erasure that could be traced would be none.
    """

    class Kind(models.TextChoices):
        """`purged`: exported to `file`, then deleted. `erased`: a pseudonym stands where a person's subject stood."""

        PURGED = "purged"
        ERASED = "erased"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    rows = models.PositiveIntegerField(help_text="renames")
    file = models.CharField(max_length=255, blank=True, help_text="name of the export, in LEDGER_EXPORT_DIR")
    sha256 = models.CharField(max_length=64, blank=True, help_text="of the export")
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.rows} renames {self.kind} at {self.at:%Y-%m-%d %H:%M}"


class OpenRename(models.Model):
    """A rename whose outcome is not final: when to look next. Gone when it is."""

    rename = models.OneToOneField(Rename, on_delete=models.CASCADE, primary_key=True, related_name="open")
    next_look = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"open rename {self.pk}"


class Notice(models.Model):
    """An outcome that its person has not been shown yet: kept until a page has shown it, whatever happens between."""

    rename = models.OneToOneField(Rename, on_delete=models.CASCADE, primary_key=True, related_name="notice")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="rename_notices")

    def __str__(self) -> str:
        return f"notice of rename {self.pk}"


class Turn(models.Model):
    """Whose turn it is to rename a subscription: one at a time, however many workers and hosts, by database's clock."""

    subscription_id = models.CharField(max_length=128, primary_key=True)
    holder = models.UUIDField(null=True)
    until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"turn at {self.subscription_id}"


class Gate(models.Model):
    """Until when another service has asked not to be called (Retry-After), for all workers and hosts."""

    service = models.CharField(max_length=50, primary_key=True)
    closed_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"gate of {self.service}"


class Snapshot(models.Model):
    """A person's list as AOS gave it, encrypted (decision 18). `key` names issuer, subject, client, scope, resource."""

    key = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="snapshots")
    sealed = models.TextField(editable=False)
    taken_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"snapshot {self.key[:8]} of {self.taken_at:%Y-%m-%d %H:%M}"


class Batch(models.Model):
    """Many renames that somebody confirmed at once, or is looking over before that (`planned`).

    What became of each row is in the ledger. While `running`, a worker works at it under `claim`; nobody else may
    before `free_at`, by the database's clock. `trouble` says why it rests or is paused.
    """

    class State(models.TextChoices):
        """`paused` goes on when its owner says so, and not before."""

        PLANNED = "planned"
        RUNNING = "running"
        PAUSED = "paused"
        DONE = "done"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="batches")
    grant_id = models.UUIDField(help_text="the sign-in that it works with")
    created = models.DateTimeField(default=timezone.now, db_index=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PLANNED)
    trouble = models.CharField(max_length=20, blank=True)
    undoes = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True)
    asked = models.TextField(blank=True, help_text="the form that it came from, until it is confirmed")
    is_news = models.BooleanField(default=False, help_text="it stopped by itself, and no page has told its owner yet")
    claim = models.UUIDField(null=True, editable=False)
    free_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "batches"
        indexes = [models.Index(fields=["state", "free_at"], name="batch_by_state")]

    def __str__(self) -> str:
        return f"batch {self.id}"


class BatchRow(models.Model):
    """One wanted rename of a batch. `rename_id` names the ledger's row of its latest try, which is there once it began.

    A row with a `problem`, or left out by its owner, is never sent. `ended` says why nothing had to be sent or could.
    """

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()
    subscription_id = NameField()
    name_seen = NameField(null=True)
    name_wanted = NameField()
    problem = models.CharField(max_length=20, blank=True)
    is_duplicate = models.BooleanField(default=False, help_text="another subscription would have the same name")
    is_left_out = models.BooleanField(default=False)
    rename_id = models.UUIDField(default=uuid.uuid4, unique=True)
    undoes = models.UUIDField(null=True, help_text="the rename that this takes back")
    ended = models.CharField(max_length=20, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)

    # Of its rename's last event, where `batches.with_outcome` has asked.
    outcome: str
    state: str | None
    reason: str | None
    is_observed: bool | None
    name_observed: str | None

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="one_row_each")]

    def __str__(self) -> str:
        return f"row {self.number} of batch {self.batch_id}"
