"""Who may change what, asked before each change: by the person's roles in this portal, and by the change freeze."""

import logging
from typing import TYPE_CHECKING

from aosportal.operations.models import Conditions
from aosportal.passport.roles import READ_AUDIT, RENAME, RENAME_MANY, may

from .errors import Frozen, NotPermitted

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

__all__ = ["READ_AUDIT", "RENAME", "RENAME_MANY", "check", "check_change"]
logger = logging.getLogger(__name__)


def check(user: "User | AnonymousUser", permission: str) -> None:
    """Raise NotPermitted unless the person may do this."""
    if not may(user, permission):
        logger.warning("Refused: user %s has no permission %s", user.pk, permission)
        raise NotPermitted(permission)


def check_change(user: "User | AnonymousUser | None", permission: str) -> None:
    """Raise NotPermitted as `check`, and Frozen where nobody may change anything now. None: the portal."""
    if user is not None:
        check(user, permission)
    if Conditions.now().is_read_only:
        raise Frozen("the portal is read-only")
