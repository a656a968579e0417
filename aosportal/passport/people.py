"""What happens to sign-ins when a person is disabled or deleted: they end at once, and APS is asked to revoke."""

import functools
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.signals import post_save, pre_delete
from django.utils import timezone

from .models import Grant, PendingRevocation
from .revocations import ask_now, queue_grant, tell_ended
from .signals import signed_out

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class Ended(NamedTuple):
    """Sign-ins that have just ended, as they were before, and what is to be revoked of them at APS."""

    grants: list[Grant]
    revocations: list[PendingRevocation]


def end_all(grants: QuerySet[Grant], because: str) -> int:
    """End these sign-ins here, every one of them, then ask APS to revoke their tokens; return how many there were."""
    ended = end_here(grants, because)
    ask_now(ended.revocations)
    return len(ended.grants)


def end_here(grants: QuerySet[Grant], because: str) -> Ended:
    """End these sign-ins here, all or none, in one transaction with the notes of what is to be revoked at APS.

    Their rows are locked, so that no refresh stores new tokens between reading and ending.
    """
    with transaction.atomic():
        active = list(grants.filter(status=Grant.Status.ACTIVE).select_for_update())
        rows = [row for grant in active for row in queue_grant(grant)]
        Grant.objects.filter(pk__in=[grant.pk for grant in active]).update(**Grant.over(because))
        signed_out.send(Grant, grants=active)
    for grant in active:
        tell_ended(grant, because)
    return Ended(active, rows)


def end_overdue() -> int:
    """End the sign-ins whose idle or absolute limit has passed and that nobody has come back to."""
    now = timezone.now()
    idle = Q(last_seen__lt=now - timedelta(minutes=settings.SESSION_IDLE_MINUTES + 1))
    absolute = Q(since__lt=now - timedelta(hours=settings.SESSION_ABSOLUTE_HOURS))
    return end_all(Grant.objects.filter(idle | absolute), "its time was over")


def _after_saving(instance: "User", **signal: Any) -> None:
    if not instance.is_active:
        _end_and_ask_later(Grant.objects.filter(user=instance), "the person was disabled")


def _before_deleting(instance: "User", **signal: Any) -> None:
    _end_and_ask_later(Grant.objects.filter(user=instance), "the person was deleted")


def _end_and_ask_later(grants: QuerySet[Grant], because: str) -> None:
    """APS is asked when the surrounding transaction (the admin opens one) has been committed, and only then."""
    ended = end_here(grants, because)
    transaction.on_commit(functools.partial(ask_now, ended.revocations))


def connect() -> None:
    """Listen to users being saved and deleted, wherever that happens."""
    post_save.connect(_after_saving, sender=get_user_model(), dispatch_uid="passport.disabled")
    pre_delete.connect(_before_deleting, sender=get_user_model(), dispatch_uid="passport.deleted")
