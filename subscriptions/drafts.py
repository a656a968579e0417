"""Keeps what somebody typed when their sign-in had ended: ten minutes, to be in the field when they are back."""

from datetime import timedelta

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.utils import timezone

from .models import Draft

LIFETIME = timedelta(minutes=10)
MOST = 5  # for one person
MANY = "*"  # stands for the form of renaming many where a subscription's id stands: it is none
_LONGEST = 10_000  # characters
_LONGEST_OF_MANY = 2_000_000


def keep(owner: int, subscription_id: str, typed: str) -> None:
    """Keep `typed` for the user with this key; of more than five drafts the oldest go."""
    _drop_expired()
    text = typed[: _LONGEST_OF_MANY if subscription_id == MANY else _LONGEST].replace(
        "\0", "\ufffd"
    )  # PostgreSQL stores no NUL
    fresh = {"text": text, "kept_at": timezone.now()}
    Draft.objects.update_or_create(user_id=owner, subscription_id=subscription_id, defaults=fresh)
    newest = Draft.objects.filter(user_id=owner).order_by("-kept_at", "-pk").values_list("pk", flat=True)[:MOST]
    Draft.objects.filter(user_id=owner).exclude(pk__in=list(newest)).delete()


def keep_for_owner(owner: int, subscription_id: str, typed: str) -> None:
    """Keep `typed` for a user that a form names; one who is gone by now is nobody to keep it for."""
    if get_user_model().objects.filter(pk=owner, is_active=True).exists():
        keep(owner, subscription_id, typed)


def kept(owner: int, subscription_id: str) -> str | None:
    """Return what this person typed for this subscription, if it is still kept."""
    _drop_expired()
    return Draft.objects.filter(user_id=owner, subscription_id=subscription_id).values_list("text", flat=True).first()


def forget(owner: int, subscription_id: str) -> None:
    """Drop what was kept: it is done, or no longer wanted."""
    _drop_expired()
    Draft.objects.filter(user_id=owner, subscription_id=subscription_id).delete()


def expired() -> QuerySet[Draft]:
    """Those whose time is over."""
    return Draft.objects.filter(kept_at__lt=timezone.now() - LIFETIME)


def _drop_expired() -> None:
    expired().delete()
