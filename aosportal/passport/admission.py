"""Who may come in (decision 12): anyone has an account at APS, so the portal decides for itself."""

from typing import TYPE_CHECKING

from django.conf import settings

from .models import Admission
from .roles import USE, may

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def is_welcome(user: "User") -> bool:
    """Whether `user` may use the portal now: not disabled, permitted to, and admitted where ADMIT=listed."""
    if not user.is_active or not may(user, USE):
        return False
    return settings.ADMIT == "everyone" or user.is_superuser or Admission.objects.filter(user=user).exists()
