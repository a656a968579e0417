"""Roles and admission by what APS vouches for: a claim of the verified ID token, or of userinfo. Off by default.

Never by an e-mail address or a name: the settings refuse those claims.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction

from .models import GivenByClaim
from .roles import ADMINISTRATORS

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.db.models import QuerySet

logger = logging.getLogger(__name__)
Facts = dict[str, frozenset[str]]


def wanted() -> list[str]:
    """The names of the claims that are looked at."""
    return [name for name in (settings.APS_TENANT_CLAIM, settings.APS_GROUP_CLAIM) if name]


def read(claims: Mapping[str, object]) -> Facts:
    """The texts in each of them: one, or a list. Anything else counts as nothing."""
    return {name: _texts(claims.get(name)) for name in wanted()}


def _texts(claim: object) -> frozenset[str]:
    values: Iterable[object] = claim if isinstance(claim, list) else [claim]
    return frozenset(value for value in values if isinstance(value, str))


def is_of_our_tenants(facts: Facts) -> bool:
    """Whether the claim names one of APS_TENANTS, where that matters."""
    return not settings.APS_TENANT_CLAIM or not facts[settings.APS_TENANT_CLAIM].isdisjoint(settings.APS_TENANTS)


def apply_groups(user: "User", facts: Facts) -> None:
    """Give the groups that the claim stands for, and take away those that a claim gave and gives no longer.

    The group Administrators brings the staff status, which opens /admin/. What somebody has by other ways stays.
    """
    claim = facts.get(settings.APS_GROUP_CLAIM, frozenset())
    names = {settings.APS_GROUPS[value] for value in claim if value in settings.APS_GROUPS}
    with transaction.atomic():
        get_user_model().objects.select_for_update().get(pk=user.pk)  # one sign-in of a person at a time
        given = GivenByClaim.objects.filter(user=user)
        _take(user, given.exclude(group__name__in=names).filter(group__isnull=False))
        _give(user, names)
        _set_staff(user, ADMINISTRATORS in names)


def _take(user: "User", rows: "QuerySet[GivenByClaim]") -> None:
    groups = [row.group for row in rows.select_related("group") if row.group]
    if groups:
        user.groups.remove(*groups)
        rows.delete()
        logger.warning("Roles: user %s lost %s by claim", user.pk, sorted(group.name for group in groups))


def _give(user: "User", names: set[str]) -> None:
    found = list(Group.objects.filter(name__in=names)) if names else []
    missing = names - {group.name for group in found}
    if missing:
        logger.error("APS_GROUPS names groups that do not exist: %s", sorted(missing))
    has = set(user.groups.values_list("pk", flat=True)) if found else set()
    new = [group for group in found if group.pk not in has]
    if new:
        user.groups.add(*new)
        rows = (GivenByClaim(user=user, group=group) for group in new)
        GivenByClaim.objects.bulk_create(rows, ignore_conflicts=True)  # it is there where somebody took a group by hand
        logger.warning("Roles: user %s got %s by claim", user.pk, sorted(group.name for group in new))


def _set_staff(user: "User", is_wanted: bool) -> None:
    mark = GivenByClaim.objects.filter(user=user, group=None)
    if is_wanted and not user.is_staff:
        GivenByClaim.objects.create(user=user, group=None)
    elif is_wanted or not mark.delete()[0]:
        return
    user.is_staff = is_wanted
    user.save(update_fields=["is_staff"])
