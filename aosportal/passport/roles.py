"""What a person may do here, as Django permissions.

With ROLES=everyone, whoever is admitted may use the portal, rename, and rename many; with ROLES=assigned only those to
whom an administrator, or a claim of APS, has given the permission, mostly by a group. The audit trail and the
administration are never for everyone. Superusers may do all of it.
"""

from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Exists, OuterRef

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

USE, RENAME, RENAME_MANY = "passport.use_portal", "passport.rename", "passport.rename_many"
READ_AUDIT = "passport.read_audit"
# For a query of something with a `user`: whether that person has a permission of their own, or is in a group.
_OF_USER = OuterRef("user_id")
HAS_ROLES = {
    "has_roles": Exists(User.groups.through.objects.filter(user_id=_OF_USER))
    | Exists(User.user_permissions.through.objects.filter(user_id=_OF_USER))
}
_OF_EVERYONE = frozenset({USE, RENAME, RENAME_MANY})

# Groups that `migrate` makes where they are missing. Administrators may also look at every page of the admin.
ADMINISTRATORS = "Administrators"
_CHANGED_BY_ADMINISTRATORS = ("change_user", "change_conditions")
GROUPS = {
    "Portal users": {USE},
    "Renamers": {USE, RENAME},
    "Bulk renamers": {USE, RENAME, RENAME_MANY},
    "Auditors": {USE, READ_AUDIT},
    ADMINISTRATORS: {USE, RENAME, RENAME_MANY, READ_AUDIT},
}


class PermissionsAlone(ModelBackend):
    """Answers for permissions, and signs nobody in: passwords are for LOCAL_ADMIN=on."""

    def authenticate(self, request: Any, **credentials: Any) -> None:  # type: ignore[override]
        """Nobody."""

    def _get_user_permissions(self, user_obj: Any) -> Any:
        """A person's own and those of their groups, in one query."""
        own, of_groups = super()._get_user_permissions(user_obj), super()._get_group_permissions(user_obj)  # type: ignore[misc]
        return own.order_by().union(of_groups.order_by())

    def _get_group_permissions(self, user_obj: Any) -> Any:
        return Permission.objects.none()


def may(user: "User | AnonymousUser", permission: str) -> bool:
    """Whether a signed-in person has this permission, or needs none for it. One query at most, once per object."""
    if settings.ROLES == "everyone" and permission in _OF_EVERYONE:
        return True
    has_any = user.is_superuser or getattr(user, "has_roles", True)
    return has_any and user.has_perm(permission)


def make_groups(sender: AppConfig | None = None, **signal: Any) -> None:
    """Make the groups that are missing; those that are there stay as an administrator has left them."""
    there = set(Group.objects.filter(name__in=GROUPS).values_list("name", flat=True))
    new = Group.objects.bulk_create(Group(name=name) for name in GROUPS if name not in there)
    known = list(Permission.objects.select_related("content_type")) if new else []
    holds = Group.permissions.through
    holds.objects.bulk_create(
        holds(group_id=group.pk, permission_id=each.pk) for group in new for each in known if _has(group.name, each)
    )


def _has(group: str, permission: Permission) -> bool:
    if f"{permission.content_type.app_label}.{permission.codename}" in GROUPS[group]:
        return True
    looks = permission.codename.startswith("view_") or permission.codename in _CHANGED_BY_ADMINISTRATORS
    return group == ADMINISTRATORS and looks
