"""Deletes what is no longer needed, some at a time, while people work. Any number may run at once.

How long things are kept: RETENTION_DAYS, LEDGER_RETENTION_DAYS, and what each of the parts promises by itself.
"""

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import F, Model, QuerySet
from django.utils import timezone
from social_django.models import Association, Code, Nonce, Partial

from aosportal.passport.models import ApplicationGrant, Grant, RecentFailure, SeenLogoutToken
from subscriptions import batches, drafts, purging, snapshots
from subscriptions.models import Batch, Notice, Turn

logger = logging.getLogger(__name__)
_CHUNK = 1000  # rows
_BATCHES = 10  # batches, each of which may have 10,000 rows
_DAY = timedelta(days=1)
_last_time: list[float] = []  # by time.monotonic, of this process


def dead() -> dict[str, QuerySet[Any]]:
    """What is to be deleted now, in words. Nothing of it can be needed any more by whoever is using the portal."""
    now = timezone.now()
    yesterday, long_ago = now - _DAY, now - timedelta(days=settings.RETENTION_DAYS)
    return {
        "expired sessions": Session.objects.filter(expire_date__lt=now),
        **_of_social_auth(yesterday),
        "used logout tokens": SeenLogoutToken.objects.filter(expires_at__lt=now),
        "ended sign-ins": Grant.objects.filter(status=Grant.Status.ENDED, last_seen__lt=long_ago),
        "failures": RecentFailure.objects.filter(at__lt=long_ago),
        "unused access of the portal's own": ApplicationGrant.objects.filter(expires_at__lt=long_ago),
        "kept lists": snapshots.too_old(),
        "drafts": drafts.expired(),
        "untold outcomes": Notice.objects.filter(rename__created__lt=long_ago),
        "turns of killed workers": Turn.objects.filter(until__lt=yesterday),
        "unconfirmed batches": batches.forgotten_plans(),
        "finished or abandoned batches": _over(long_ago),
        "finished tasks": batches.old_tasks(),
    }


def _of_social_auth(yesterday: datetime) -> dict[str, QuerySet[Any]]:
    """States and nonces of sign-ins: good for ten minutes, kept for a day."""
    seconds = int(yesterday.timestamp())
    begun = Association.objects.annotate(until=F("issued") + F("lifetime"))
    return {
        "begun sign-ins": begun.filter(until__lt=seconds),
        "nonces": Nonce.objects.filter(timestamp__lt=seconds),
        "codes": Code.objects.filter(timestamp__lt=yesterday),
        "interrupted sign-ins": Partial.objects.filter(timestamp__lt=yesterday),
    }


def _over(long_ago: datetime) -> QuerySet[Batch]:
    """Batches that were last worked at so long ago, and that no worker will take up by itself."""
    return Batch.objects.filter(state__in=[Batch.State.DONE, Batch.State.PAUSED], free_at__lt=long_ago)


def count(folder: str) -> dict[str, int]:
    """How many rows `run` would delete of what."""
    return {name: rows.count() for name, rows in dead().items()} | {_ledger_words(folder): purging.old_rows().count()}


def run(folder: str) -> Iterator[tuple[str, int]]:
    """Delete; give each name with how many rows there were. The ledger comes last. Raises OSError for its folder."""
    for name, rows in dead().items():
        yield name, sum(_in_chunks(rows))
    yield _ledger_words(folder), purging.export_and_purge(Path(folder)) if folder else 0


def _ledger_words(folder: str) -> str:
    return "old renames" if folder else "old renames (they stay: LEDGER_EXPORT_DIR is not set)"


def _in_chunks(rows: QuerySet[Any]) -> Iterator[int]:
    """Delete some at a time: no lock and no transaction lasts long. What has become alive meanwhile stays."""
    model: type[Model] = rows.model
    most = _BATCHES if model is Batch else _CHUNK
    while keys := list(rows.order_by().values_list("pk", flat=True)[:most]):
        deleted = rows.filter(pk__in=keys).delete()[1].get(model._meta.label, 0)
        yield deleted
        if not deleted:
            return


def keep_house() -> None:
    """For `make worker`: do it once when the worker has begun, and once a day from then on."""
    if _last_time and time.monotonic() - _last_time[0] < _DAY.total_seconds():
        return
    _last_time[:] = [time.monotonic()]
    done = {name: rows for name, rows in run(settings.LEDGER_EXPORT_DIR) if rows}
    logger.info("Housekeeping: %s", ", ".join(f"{rows} {name}" for name, rows in done.items()) or "nothing to do")
