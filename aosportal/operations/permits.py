"""What pages offer a person at this moment: by their roles, and by the change freeze."""

import functools
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError
from django.http import HttpRequest

from aosportal.passport.roles import READ_AUDIT, RENAME, RENAME_MANY, may

from .models import Conditions

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class Permits:
    """For templates: each is looked up when a page asks, and once for a page."""

    def __init__(self, user: "User | AnonymousUser") -> None:
        self._user = user

    @functools.cached_property
    def conditions(self) -> Conditions:
        """The freeze and the announcement. A database that is away must not make an error page worse."""
        try:
            return Conditions.now()
        except DatabaseError:
            return Conditions()

    @functools.cached_property
    def rename(self) -> bool:
        """Whether to offer renaming."""
        return not self.conditions.is_read_only and may(self._user, RENAME)

    @functools.cached_property
    def rename_many(self) -> bool:
        """Whether to offer renaming many."""
        return not self.conditions.is_read_only and may(self._user, RENAME_MANY)

    @functools.cached_property
    def read_audit(self) -> bool:
        """Whether to offer the audit trail."""
        return may(self._user, READ_AUDIT)


def on_pages(request: HttpRequest) -> dict[str, Any]:
    """For every template: `permits`."""
    return {"permits": Permits(getattr(request, "user", None) or AnonymousUser())}
