"""The ledger of renames (decisions 15 and 16): intents that never change, and events that are only added.

Nobody but `renaming` and `settling` writes here. Each function commits what it writes before it returns.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from aosportal import events

from .answers import NOTHING_SAID, Receipt
from .models import Notice, OpenRename, Rename, RenameEvent

if TYPE_CHECKING:
    from aosportal.passport.models import Grant

State = RenameEvent.State
SETTLED = frozenset(State) - {State.PENDING, State.UNKNOWN}
FIRST_LOOK = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Wish:
    """A rename that somebody asks for. `id` names the form that it came from: one form makes one rename."""

    subscription_id: str
    name: str
    id: uuid.UUID
    undoes: uuid.UUID | None = None
    batch_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a rename: its state, the name that AOS shows (if `is_observed`), and what AOS said."""

    state: State
    is_observed: bool = False
    name: str | None = None
    reason: str = ""
    receipt: Receipt = NOTHING_SAID


def open_rename(grant: "Grant | None", wish: Wish, seen: str | None) -> Rename:
    """Commit the intent: pending from now on. Raises IntegrityError where this form has made its rename already.

    A durable block refuses an outer transaction: what is not committed must not be sent.
    """
    row = Rename(
        id=wish.id,
        subscription_id=wish.subscription_id,
        name_seen=seen,
        name_wanted=wish.name,
        undoes_id=wish.undoes,
        batch_id=wish.batch_id,
    )
    if grant:
        row.user, row.issuer, row.subject, row.grant_id = grant.user, grant.issuer, grant.subject, grant.pk
    with transaction.atomic(durable=True):
        row.save()
        RenameEvent(rename=row, number=1, state=State.PENDING).save()
        OpenRename.objects.create(rename=row, next_look=timezone.now() + FIRST_LOOK)
    return row


def record(rename: Rename, finding: Finding) -> bool:
    """Add what became of a rename; False, and nothing added, if its outcome was final before."""
    with transaction.atomic():
        still_open = OpenRename.objects.select_for_update().filter(pk=rename.pk)
        if not still_open:
            return False
        number = rename.events.count() + 1
        RenameEvent(
            rename=rename,
            number=number,
            state=finding.state,
            reason=finding.reason,
            status=finding.receipt.status,
            correlation_id=finding.receipt.correlation_id,
            request_id=finding.receipt.request_id,
            is_observed=finding.is_observed,
            name_observed=finding.name,
        ).save()
        if finding.state in SETTLED:
            still_open.delete()
        if rename.user_id and not rename.batch_id:
            # Locked: a page that tells this notice just now tells the new state, or leaves a new notice.
            Notice.objects.select_for_update().get_or_create(rename=rename, user_id=rename.user_id)
    _tell(rename, finding)
    return True


def _tell(rename: Rename, finding: Finding) -> None:
    """No name reaches the log: names can be personal."""
    events.note(
        "rename",
        str(finding.state),
        user=rename.user_id,
        rename=rename.pk,
        subscription=rename.subscription_id,
        batch=rename.batch_id,
        status=finding.receipt.status,
        upstream_id=finding.receipt.correlation_id,
        reason=finding.reason,
        seconds=(timezone.now() - rename.created).total_seconds(),
    )


def with_state(renames: QuerySet[Rename]) -> QuerySet[Rename]:
    """Annotate each with `state`, `reason`, `is_observed` and `name_observed` of its last event."""
    last = RenameEvent.objects.filter(rename=OuterRef("pk")).order_by("-number")
    fields = ("state", "reason", "is_observed", "name_observed")
    return renames.annotate(**{field: Subquery(last.values(field)[:1]) for field in fields})


def made_by_form(form_id: uuid.UUID) -> Rename | None:
    """The rename that a form has made already, with its state."""
    return with_state(Rename.objects.filter(pk=form_id)).select_related("open").first()
