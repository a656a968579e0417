"""Remembers what last went wrong for a person, for the account page: support asks for the id of the request."""

from contextlib import suppress

from django.db import DatabaseError
from django.http import HttpRequest

from aosportal import request_id

from .models import RecentFailure

_KEPT = 10  # for each person


def note(request: HttpRequest, service: str, kind: str) -> None:
    """Remember a failure of APS or AOS. A database that is away must not make it worse."""
    if not request.user.is_authenticated:
        return
    with suppress(DatabaseError):
        mine = RecentFailure.objects.filter(user_id=request.user.pk)
        mine.create(user_id=request.user.pk, service=service, kind=kind, request_id=request_id.current())
        newest = mine.order_by("-pk").values_list("pk", flat=True)[:_KEPT]
        mine.exclude(pk__in=list(newest)).delete()
