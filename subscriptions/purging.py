"""Takes old renames out of the ledger: written to a file first, and recorded (decision 16). Nobody else deletes there.

And takes a person out of it: a pseudonym stands where their subject stood.
"""

import hashlib
import json
import logging
import os
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from .models import Batch, LedgerUpkeep, OpenRename, Rename, RenameEvent

logger = logging.getLogger(__name__)
_CHUNK = 500  # renames of one file, and of one transaction


def old_rows() -> QuerySet[Rename]:
    """Renames older than LEDGER_RETENTION_DAYS whose outcome is known and whose batch is gone.

    A row of a batch counts as not begun where the ledger has no rename of it: then it could be sent once more.
    """
    old = Rename.objects.filter(created__lt=timezone.now() - timedelta(days=settings.LEDGER_RETENTION_DAYS))
    is_open, has_batch = OpenRename.objects.filter(pk=OuterRef("pk")), Batch.objects.filter(pk=OuterRef("batch_id"))
    return old.filter(~Exists(is_open), ~Exists(has_batch)).order_by("created", "pk")


def export_and_purge(folder: Path) -> int:
    """Write old renames to files of JSON lines in `folder`, then delete them; return how many. Raises OSError.

    Killed in between, it leaves a file whose rows are still in the ledger; the next one exports them once more.
    """
    purged = 0
    while rows := list(old_rows().prefetch_related("events")[:_CHUNK]):
        file = _write(folder, rows)
        deleted = _purge(rows, file)
        if not deleted:  # another housekeeping was faster, and has exported them
            file.unlink()
        purged += deleted
    return purged


def facts(row: Rename) -> dict[str, Any]:
    """One rename with all its events, as the ledger has it."""
    events = [_columns(event) for event in sorted(row.events.all(), key=lambda event: event.number)]
    return {**_columns(row), "events": events}


def _columns(row: Rename | RenameEvent) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def _write(folder: Path, rows: list[Rename]) -> Path:
    """All of it is on the disk, under its name, before this returns; only the portal's own account can read it."""
    name = f"ledger-{rows[0].created:%Y%m%d}-{rows[-1].created:%Y%m%d}-{uuid.uuid4().hex[:8]}.jsonl"
    part = folder / f".{name}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(facts(row), cls=DjangoJSONEncoder, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return part.rename(folder / name)


def _purge(rows: list[Rename], file: Path) -> int:
    """Delete and record, both or neither. The ledger's own managers refuse it; this is the one way around them."""
    keys = [row.pk for row in rows]
    with transaction.atomic():
        QuerySet(RenameEvent).filter(rename__in=keys).delete()
        deleted = QuerySet(Rename).filter(pk__in=keys).delete()[1].get(Rename._meta.label, 0)
        if deleted:
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            LedgerUpkeep(kind=LedgerUpkeep.Kind.PURGED, rows=deleted, file=file.name, sha256=digest).save()
    if deleted:
        logger.info("%d renames were exported to %s and taken out of the ledger", deleted, file.name)
    return deleted


def forget_person(renames: QuerySet[Rename]) -> int:
    """Put pseudonyms where subjects stand in these rows, and record it; return how many rows there were.

    What is not known of them stays unknown: nobody is left whose list would tell. To be called in a transaction.
    """
    rows = 0
    theirs: QuerySet[Rename] = QuerySet(Rename).filter(pk__in=list(renames.values_list("pk", flat=True)))
    OpenRename.objects.filter(rename__in=theirs.values("pk")).delete()
    for issuer, subject in set(theirs.order_by().values_list("issuer", "subject")):
        named = theirs.filter(issuer=issuer, subject=subject)
        rows += named.update(subject=pseudonym(issuer, subject), user=None, grant_id=None)
    LedgerUpkeep(kind=LedgerUpkeep.Kind.ERASED, rows=rows).save()
    return rows


def pseudonym(issuer: str, subject: str) -> str:
    """The same for all rows of a person. Without SECRET_KEY nobody finds out whose it is, not even by trying."""
    text = json.dumps([issuer, subject])
    return f"erased-{salted_hmac('subscriptions.pseudonym', text, algorithm='sha256').hexdigest()[:32]}"
