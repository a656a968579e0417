"""One person's data: found, exported, erased (docs/data.md)."""

import logging
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from social_django.models import UserSocialAuth

from aosportal.passport import people
from aosportal.passport.encryption import CannotDecrypt
from aosportal.passport.models import Admission, GivenByClaim, Grant, PendingRevocation, RecentFailure
from subscriptions import audit, purging, snapshots
from subscriptions.models import Batch, BatchRow, Draft, Notice, Rename, Snapshot

logger = logging.getLogger(__name__)
_NEVER = {"password", "access_token", "refresh_token", "id_token", "claim", "claimed_until"}
_ERASED = "(erased)"  # stands for erased administrators in the admin's own log; APS cannot give such a user name


class NotOne(Exception):
    """Nobody was found, or several. The text says what to do."""


@dataclass
class Person:
    """A user of the portal, or what the ledger still has of one: then `user` is None."""

    user: User | None
    subjects: set[tuple[str, str]] = field(default_factory=set)  # issuer and subject

    @property
    def renames(self) -> QuerySet[Rename]:
        """All rows of the ledger that name this person."""
        named = Q(user=self.user) if self.user else Q(pk=None)
        for issuer, subject in self.subjects:
            named |= Q(issuer=issuer, subject=subject)
        return Rename.objects.filter(named)


def find(text: str, issuer: str = "") -> Person:
    """Find a person by subject, or by user name where no `issuer` is given. Raises NotOne."""
    if not text:  # the portal's own renames have no subject
        raise NotOne("Give a subject or a user name.")
    users = list(User.objects.filter(_named(text, issuer)).distinct())
    if len(users) > 1:
        names = ", ".join(sorted(user.username for user in users))
        raise NotOne(f"Several people are meant: {names}. Give the subject, and its issuer with --issuer.")
    rows = Rename.objects.filter(subject=text, **({"issuer": issuer} if issuer else {}))
    if users:
        return Person(users[0], _subjects_of(users[0]))
    subjects = set(rows.order_by().values_list("issuer", "subject"))
    if len(subjects) != 1:
        raise NotOne("Nobody has this subject or user name." if not subjects else "Say which issuer with --issuer.")
    return Person(None, subjects)


def _named(text: str, issuer: str) -> Q:
    """By what social-auth stores of an identity, too: who was never let in has no grant."""
    if not issuer:
        return Q(social_auth__extra_data__subject=text) | Q(grants__subject=text) | Q(username=text)
    identity = Q(social_auth__extra_data__subject=text, social_auth__extra_data__issuer=issuer)
    return identity | Q(grants__subject=text, grants__issuer=issuer)


def _subjects_of(user: User) -> set[tuple[str, str]]:
    """As its sign-ins and its renames name it. The portal's own renames name nobody."""
    of_grants = Grant.objects.filter(user=user).values_list("issuer", "subject")
    of_rows = Rename.objects.filter(user=user).order_by().values_list("issuer", "subject")
    of_identities = ((row["issuer"], row["subject"]) for row in _identities(user))
    return {pair for pair in (*of_grants, *of_rows, *of_identities) if pair[1]}


def export(person: Person) -> dict[str, Any]:
    """Everything that the portal holds of a person, and never a token, a password or a session's key."""
    user = person.user
    return {
        "user": _columns(user) if user else None,
        "subjects": [{"issuer": issuer, "subject": subject} for issuer, subject in sorted(person.subjects)],
        "renames": [purging.facts(row) for row in person.renames.order_by("created").prefetch_related("events")],
        **(_of_user(user) if user else {}),
    }


def _of_user(user: User) -> dict[str, Any]:
    return {
        "groups": list(user.groups.values_list("name", flat=True)),
        "permissions": list(user.user_permissions.values_list("codename", flat=True)),
        "identities": _identities(user),
        "sign_ins": _rows(Grant.objects.filter(user=user)),
        "sessions": [{"expires": row.expire_date} for row in sessions_of(user)],
        "admission": _rows(Admission.objects.filter(user=user)),
        "given_by_claim": _rows(GivenByClaim.objects.filter(user=user)),
        "people_admitted": Admission.objects.filter(admitted_by=user).count(),
        "failures": _rows(RecentFailure.objects.filter(user=user)),
        "drafts": _rows(Draft.objects.filter(user=user)),
        "kept_lists": [_kept_list(row) for row in Snapshot.objects.filter(user=user)],
        "batches": [
            {**_columns(batch), "rows": _rows(BatchRow.objects.filter(batch=batch))}
            for batch in Batch.objects.filter(user=user)
        ],
        "untold_outcomes": _rows(Notice.objects.filter(user=user)),
        "admin_log": _rows(LogEntry.objects.filter(Q(user=user) | _about(user))),
    }


def _identities(user: User) -> list[dict[str, Any]]:
    """Whom APS vouched for, as social-auth stores it."""
    return [
        {"provider": row.provider, "since": row.created}
        | {name: str(row.extra_data.get(name, "")) for name in ("identity", "issuer", "subject")}
        for row in UserSocialAuth.objects.filter(user=user)
    ]


def _rows(rows: QuerySet[Any]) -> list[dict[str, Any]]:
    return [_columns(row) for row in rows]


def _columns(row: Model) -> dict[str, Any]:
    return {each.attname: getattr(row, each.attname) for each in row._meta.concrete_fields if each.name not in _NEVER}


def _kept_list(row: Snapshot) -> dict[str, Any]:
    """The names that AOS gave, as of when."""
    try:
        names = [{"id": each.id, "name": each.name, "state": each.state} for each in snapshots.subscriptions_in(row)]
    except (CannotDecrypt, TypeError):
        names = []
    return {"taken_at": row.taken_at, "subscriptions": names}


def _about(user: User) -> Q:
    """What the admin's log says about this user, and about their sign-ins."""
    types = ContentType.objects.get_for_models(User, Grant)
    grants = [str(key) for key in Grant.objects.filter(user=user).values_list("pk", flat=True)]
    return Q(content_type=types[User], object_id=str(user.pk)) | Q(content_type=types[Grant], object_id__in=grants)


def sessions_of(user: User) -> list[Session]:
    """The rows of this user's sessions. Each of all the portal's has to be opened for that."""
    everybodys = Session.objects.iterator(chunk_size=500)
    return [row for row in everybodys if row.get_decoded().get(SESSION_KEY) == str(user.pk)]


@dataclass(frozen=True)
class Erased:
    """How many sign-ins were ended, rows of the ledger have a pseudonym now, and tokens APS has yet to revoke."""

    ended: int
    rows: int
    to_revoke: int


def erase(person: Person) -> Erased:
    """End what they have open and revoke it at APS; then delete all of it, and put a pseudonym into the ledger."""
    user, grants = person.user, list(Grant.objects.filter(user=person.user)) if person.user else []
    ended = people.end_all(Grant.objects.filter(user=user), "the person was erased") if user else 0
    with transaction.atomic():
        if user:
            User.objects.select_for_update().get(pk=user.pk)  # no rename of theirs is begun any more
        rows = purging.forget_person(person.renames)
        audit.forget_person({subject for _issuer, subject in person.subjects}, _names(user) if user else [])
        if user:
            _delete(user)
    logger.info("A person was erased; %d renames of theirs have a pseudonym now", rows)
    left = PendingRevocation.objects.filter(grant_id__in=[grant.pk for grant in grants])
    return Erased(ended, rows, left.count())


def _names(user: User) -> list[str]:
    return [user.username, user.first_name, user.last_name, user.email]


def _delete(user: User) -> None:
    """All that hangs on the user goes with it, but for the audit trail of what they did as an administrator."""
    Session.objects.filter(pk__in=[row.pk for row in sessions_of(user)]).delete()
    LogEntry.objects.filter(_about(user)).update(object_repr=_ERASED)
    done = LogEntry.objects.filter(user=user)
    if done.exists():
        done.update(user=User.objects.get_or_create(username=_ERASED, defaults={"is_active": False})[0])
    user.delete()
