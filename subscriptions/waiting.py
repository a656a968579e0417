"""Whether anything of a person's waits to be found out or told. Mostly nothing does, so one query asks for all."""

import functools
from typing import TYPE_CHECKING, NamedTuple

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, QuerySet

from .models import Batch, Notice, OpenRename

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class Waiting(NamedTuple):
    """`renames`: the outcome of some is not known; `notices` of renames, and news of `batches`, were not shown yet."""

    renames: bool = False
    notices: bool = False
    batches: bool = False


def waiting_for(user: "User") -> Waiting:
    """Look, once for each user object, and so once for each request; until `look_again`."""
    if not hasattr(user, "_waiting"):
        found = _asked().filter(pk=user.pk).first()
        user._waiting = Waiting(*found or ())  # type: ignore[attr-defined]
    return user._waiting  # type: ignore[attr-defined, no-any-return]


@functools.cache
def _asked() -> "QuerySet[User, tuple[bool, ...]]":
    theirs = OuterRef("pk")
    renames, notices = OpenRename.objects.filter(rename__user=theirs), Notice.objects.filter(user=theirs)
    all_kinds = map(Exists, (renames, notices, Batch.objects.filter(user=theirs, is_news=True)))
    return get_user_model().objects.order_by().values_list(*all_kinds)


def look_again(user: "User") -> None:
    """Something may have been found out meanwhile."""
    if hasattr(user, "_waiting"):
        del user._waiting  # vars() would show the request's lazy user, not the one in it
