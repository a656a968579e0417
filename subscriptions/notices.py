"""Tells people how their renames and batches ended, also while they were elsewhere. Each is told once."""

from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.http import HttpRequest

from . import batches
from .ledger import with_state
from .models import Batch, Notice, Rename
from .waiting import waiting_for

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def on_pages(request: HttpRequest) -> dict[str, Any]:
    """For every template: `rename_notices` and `batch_notices`, told when a page asks. HEAD shows nobody any."""
    user = getattr(request, "user", None)
    if not user or not user.is_authenticated or request.method == "HEAD":
        return {}
    return {"rename_notices": partial(_tell, user), "batch_notices": partial(_tell_batches, user)}


def _tell(user: "User") -> list[Rename]:
    """What this page is the first to tell: others may be made at the same moment.

    The notice goes before the state is read: what is found out after that gets a notice of its own.
    """
    if not waiting_for(user).notices:
        return []
    waiting = list(Notice.objects.filter(user=user).order_by("rename__created").values_list("pk", flat=True)[:20])
    if not waiting:
        return []
    with transaction.atomic():
        mine = [pk for pk in waiting if Notice.objects.filter(pk=pk).delete()[0]]
        return list(with_state(Rename.objects.filter(pk__in=mine)).order_by("created"))


def _tell_batches(user: "User") -> list[dict[str, Any]]:
    """What this page is the first to tell, each as `batches.summary` with its `batch`."""
    if not waiting_for(user).batches:
        return []
    news = [batch for batch in Batch.objects.filter(user=user, is_news=True)[:5] if is_told_batch(batch)]
    return [{"batch": batch, **batches.summary(batch, batches.counts(batch))} for batch in news]


def is_told_batch(batch: Batch) -> bool:
    """The page that is being made says it already; tell whether it is the first."""
    return bool(Batch.objects.filter(pk=batch.pk, is_news=True).update(is_news=False))


def to_tell(row: Rename | None) -> None:
    """The next page says it, though it may have been said before."""
    if row and row.user_id:
        Notice.objects.get_or_create(rename=row, user_id=row.user_id)


def is_told(row: Rename | None, *, is_known: bool = True) -> None:
    """The page that is being made says it already. One that says "not known" leaves what was found out since."""
    if row:
        notice = Notice.objects.filter(pk=row.pk)
        (notice if is_known else notice.filter(rename__open__isnull=False)).delete()
