"""A person's list as AOS gave it, kept encrypted (decision 18).

For LIST_SECONDS it serves search, sorting, paging and export; for OUTAGE_LIST_HOURS it is what somebody still sees
when AOS is down. Nobody else ever gets it, and it is gone at the end of a sign-in and when AOS forbids the list.
"""

import base64
import hashlib
import json
import logging
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Exists, QuerySet
from django.utils import timezone

from aosportal.passport.encryption import CannotDecrypt, seal, unseal
from aosportal.passport.identity import Identity
from aosportal.passport.models import Grant
from aosportal.secret import Secret

from .answers import Subscription
from .errors import NoPermission
from .list_memory import ListMemory
from .models import Snapshot

logger = logging.getLogger(__name__)
_memory = ListMemory()
FIELD = "snapshot"  # what the encryption binds it to, with its key


@dataclass(frozen=True, slots=True)
class Listed:
    """What AOS listed for a person, and when."""

    subscriptions: list[Subscription]
    as_of: datetime


def listed(grant: Grant | None, read: Callable[[], list[Subscription]], *, anew: bool = False) -> Listed:
    """Return the person's list: the one kept, while it is fresh and not `anew`; else what `read` gives, which is kept.

    Nothing is kept for the portal itself (None).
    Raises what `read` raises; a database that fails meanwhile costs the kept list, not the one that AOS gave.
    """
    if grant is None:
        return Listed(read(), timezone.now())
    place = _place(grant)
    kept = None if anew else _opened(place, _fresh())
    if kept:
        return kept
    try:
        found = Listed(read(), timezone.now())
    except NoPermission:
        drop(grant)
        raise
    if place:
        _keep(place, grant, found)
    return found


def last(grant: Grant) -> Listed | None:
    """Return the person's last list, for when AOS is down; None if there is none, or OUTAGE_LIST_HOURS is 0 or over."""
    return _found(grant, _outage())


def kept(grant: Grant) -> Listed | None:
    """Return the person's list as far as one is kept at all, for what only helps: AOS is not asked."""
    return _found(grant, max(_fresh(), _outage()))


def _found(grant: Grant, longest: timedelta) -> Listed | None:
    try:
        return _opened(Snapshot.objects.filter(key=_key(grant)).first(), longest)
    except DatabaseError as error:
        logger.error("The last list could not be looked up: %s", type(error).__name__)
        return None


def drop(*grants: Grant | None) -> None:
    """Forget what is kept for these people. A list that is being read now is not kept either."""
    Snapshot.objects.filter(user__in={grant.user_id for grant in grants if grant}).delete()


def drop_signed_out(grants: list[Grant], **signal: Any) -> None:
    """Listen to `signed_out`."""
    drop(*grants)


def too_old() -> QuerySet[Snapshot]:
    """Those that are older than any setting allows."""
    return Snapshot.objects.filter(taken_at__lt=timezone.now() - max(_fresh(), _outage()))


def purge() -> int:
    """Delete what is older than any setting allows; return how many there were."""
    return too_old().delete()[0]


def subscriptions_in(row: Snapshot) -> list[Subscription]:
    """Decrypt a row's list, however old. Raises encryption.CannotDecrypt."""
    if not row.sealed:
        return []
    packed = unseal(row.sealed, field=FIELD, owner=row.key).reveal()
    return [Subscription(*fields) for fields in json.loads(zlib.decompress(base64.b64decode(packed)))]


def _fresh() -> timedelta:
    return timedelta(seconds=settings.LIST_SECONDS)


def _outage() -> timedelta:
    return timedelta(hours=settings.OUTAGE_LIST_HOURS)


def _key(grant: Grant) -> str:
    """What the list depends on: the person, and what their access is good for and where."""
    who = Identity(grant.identity_kind, grant.issuer, grant.subject).uid
    access = settings.SOCIAL_AUTH_APS_KEY, sorted(grant.scope.split()), settings.SOCIAL_AUTH_APS_RESOURCE
    where = settings.AOS_BASE_URL, settings.AOS_SUBSCRIPTIONS_PATH, settings.AOS_QUERY
    return hashlib.sha256(json.dumps([who, access, where]).encode()).hexdigest()


def _place(grant: Grant) -> Snapshot | None:
    """The person's row, made empty before AOS is asked, so that a drop meanwhile can be noticed: then it is gone."""
    if not max(_fresh(), _outage()):
        return None
    defaults = {"user_id": grant.user_id, "sealed": "", "taken_at": timezone.now()}
    try:
        return Snapshot.objects.get_or_create(key=_key(grant), defaults=defaults)[0]
    except DatabaseError as error:
        logger.error("The list is read without being kept: %s", type(error).__name__)
        return None


def _keep(place: Snapshot, grant: Grant, found: Listed) -> None:
    """Fill the row, if it is still as it was before AOS was asked, and the person is still signed in."""
    still_in = Grant.objects.filter(pk=grant.pk, status=Grant.Status.ACTIVE)
    as_seen = Snapshot.objects.filter(Exists(still_in), pk=place.pk, taken_at=place.taken_at)
    try:
        as_seen.update(sealed=_sealed(found.subscriptions, place.key), taken_at=found.as_of)
    except DatabaseError as error:
        logger.error("The list is not kept: %s", type(error).__name__)


def _sealed(subscriptions: list[Subscription], key: str) -> str:
    rows = json.dumps([each[:4] for each in subscriptions])
    packed = base64.b64encode(zlib.compress(rows.encode(), level=1)).decode()
    return seal(Secret(packed), field=FIELD, owner=key)


def _opened(row: Snapshot | None, longest: timedelta) -> Listed | None:
    """Decrypt the row's list, if it is not older than that. What cannot be read counts as none."""
    if row is None or not row.sealed or not timedelta() <= timezone.now() - row.taken_at < longest:
        return None
    try:
        return Listed(_memory.get(row.key, row.sealed, lambda: subscriptions_in(row)), row.taken_at)
    except (CannotDecrypt, TypeError) as error:  # TypeError: another version of the portal kept other fields
        logger.warning("A kept list cannot be read: %s", error)
        return None


def unreadable() -> int:
    """How many kept lists the present keys do not open."""
    return sum(not _is_readable(row) for row in Snapshot.objects.exclude(sealed="").iterator(chunk_size=50))


def _is_readable(row: Snapshot) -> bool:
    try:
        unseal(row.sealed, field=FIELD, owner=row.key)
    except CannotDecrypt:
        return False
    return True
