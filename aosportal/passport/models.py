"""The token vault, and who may come in."""

import uuid
from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from aosportal.secret import Secret

from . import browsers
from .encryption import seal, unseal
from .identity import Identity
from .signals import signed_out
from .tokenset import TokenSet

REFRESH_AHEAD = timedelta(minutes=1)
TOKEN_FIELDS = ("access_token", "refresh_token", "id_token")


class SealedTokens(models.Model):
    """Tokens of one owner, each encrypted and bound to its column and owner; they never leave by str or admin.

    `claim` and `claimed_until` say who may renew them now (decision 5), by the database's clock.
    """

    access_token = models.TextField(blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="of the access token; empty: APS did not say")
    refreshed_at = models.DateTimeField(null=True, blank=True)
    claim = models.UUIDField(null=True, blank=True, editable=False)
    claimed_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    @property
    def owner(self) -> str:
        """What the tokens are bound to, besides their column."""
        raise NotImplementedError

    def token(self, field: str) -> Secret | None:
        """Decrypt a token's column; None if there is none. Raises encryption.CannotDecrypt."""
        sealed = getattr(self, field)
        return unseal(sealed, field=field, owner=self.owner) if sealed else None

    def sealed(self, tokens: TokenSet) -> dict[str, object]:
        """The columns for `tokens`. A token that the answer does not bring keeps its column (RFC 6749 section 6)."""
        brought = {"access_token": tokens.access, "refresh_token": tokens.refresh, "id_token": tokens.identity}
        columns: dict[str, object] = {
            field: seal(token, field=field, owner=self.owner)
            for field, token in brought.items()
            if token and hasattr(self, field)
        }
        return {**columns, "expires_at": tokens.expires_at}

    def is_fresh(self) -> bool:
        """Whether the access token lives for another minute, as far as we know."""
        return self.expires_at is None or self.expires_at > timezone.now() + REFRESH_AHEAD

    def is_expired(self) -> bool:
        """Whether the access token's time is over."""
        return self.expires_at is not None and self.expires_at <= timezone.now()


class Grant(SealedTokens):
    """One sign-in of one person: what APS granted to one browser session. Ending it ends that session."""

    class Status(models.TextChoices):
        """An ended grant has no tokens any more."""

        ACTIVE = "active"
        ENDED = "ended"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="grants")
    identity_kind = models.CharField(max_length=20)
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)
    sid = models.CharField(max_length=255, blank=True, help_text="APS's own session id, where it tells one")
    refresh_token = models.TextField(blank=True, editable=False)
    id_token = models.TextField(blank=True, editable=False)
    scope = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    ended_because = models.CharField(max_length=100, blank=True)
    since = models.DateTimeField(auto_now_add=True)
    last_seen = models.DateTimeField(default=timezone.now)
    browser = models.CharField(max_length=200, blank=True, help_text="as it called itself at sign-in")
    address = models.GenericIPAddressField(null=True, blank=True, help_text="where the sign-in came from")

    class Meta:
        indexes = [
            models.Index(fields=["user", "status"], name="grant_of_user"),
            models.Index(fields=["issuer", "subject"], name="grant_of_subject"),
            models.Index(fields=["sid"], name="grant_of_sid"),
        ]

    def __str__(self) -> str:
        return f"sign-in {self.id} ({self.status})"

    @classmethod
    def of_sign_in(cls, user: models.Model, identity: Identity, tokens: TokenSet, *, scope: str, **seen: str) -> Self:
        """Store the tokens of a fresh sign-in. `scope` is what was asked, for an answer that names none.

        `seen` are the columns sid, browser and address, as far as they are known.
        """
        who = {"identity_kind": identity.kind, "issuer": identity.issuer, "subject": identity.subject}
        grant = cls(user=user, scope=tokens.scope or scope, **who, **{key: text for key, text in seen.items() if text})
        for field, value in grant.sealed(tokens).items():
            setattr(grant, field, value)
        grant.save(force_insert=True)
        return grant

    @property
    def owner(self) -> str:
        """This sign-in, and its person."""
        return f"grant {self.pk} of user {self.user_id}"

    @property
    def who(self) -> tuple[str, str]:
        """The issuer and the subject that signed in."""
        return self.issuer, self.subject

    @property
    def browser_in_words(self) -> str:
        """The browser, in the reader's language."""
        return browsers.translated(self.browser)

    @property
    def missing_scopes(self) -> list[str]:
        """What was asked for and not granted. A refresh token says that offline_access was, whatever `scope` says."""
        granted = {*self.scope.split(), *(["offline_access"] if self.refresh_token else [])}
        return [scope for scope in settings.SOCIAL_AUTH_APS_SCOPE if scope not in granted]

    @property
    def is_active(self) -> bool:
        """Whether the person is still signed in."""
        return self.status == self.Status.ACTIVE

    def end(self, because: str) -> None:
        """End this sign-in and forget its tokens. Its session is over at its next request."""
        with transaction.atomic():
            Grant.objects.filter(pk=self.pk).update(**self.over(because))
            signed_out.send(Grant, grants=[self])
        for column, value in self.over(because).items():
            setattr(self, column, value)

    @classmethod
    def over(cls, because: str) -> dict[str, Any]:
        """The columns of an ended sign-in."""
        forgotten = dict.fromkeys(TOKEN_FIELDS, "")
        return {"status": cls.Status.ENDED, "ended_because": because, "claim": None, "claimed_until": None, **forgotten}


class ApplicationGrant(SealedTokens):
    """The portal's own access, from the client credentials grant: a row for each client, scope, resource and form."""

    key = models.CharField(max_length=64, unique=True)

    def __str__(self) -> str:
        return f"the application's own access {self.key[:8]}"

    @property
    def owner(self) -> str:
        """The portal itself, with these very parameters."""
        return f"application {self.key}"


class PendingRevocation(models.Model):
    """A token that APS has not been asked to forget, since it could not be reached (decision 13). Encrypted."""

    token = models.TextField(editable=False)
    hint = models.CharField(max_length=20)
    grant_id = models.UUIDField()
    created = models.DateTimeField(auto_now_add=True)
    next_try = models.DateTimeField(default=timezone.now, db_index=True)
    tries = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"revocation {self.pk} of sign-in {self.grant_id}"

    @property
    def owner(self) -> str:
        """What the token is bound to."""
        return f"{self.hint} of ended grant {self.grant_id}"

    def secret(self) -> Secret:
        """Decrypt the token. Raises encryption.CannotDecrypt."""
        return unseal(self.token, field="token", owner=self.owner)


class SeenLogoutToken(models.Model):
    """A logout token that was used: its `jti` is not taken again (Back-Channel Logout 1.0 section 2.6)."""

    key = models.CharField(max_length=64, unique=True, help_text="SHA-256 of issuer and jti")
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"logout token {self.key[:8]}"


class Admission(models.Model):
    """Somebody may use the portal where ADMIT=listed. The portal's own permissions hang here, see `roles`."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="admission")
    admitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    admitted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        permissions = [
            ("use_portal", "May use the portal"),
            ("rename", "May rename subscriptions"),
            ("rename_many", "May rename many subscriptions at once"),
            ("read_audit", "May read the audit trail of everybody's renames"),
        ]

    def __str__(self) -> str:
        return f"admission of {self.user}"


class GivenByClaim(models.Model):
    """A group, or (`group` null) the staff status, that a claim of APS has given. Only that is taken away again."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="given_by_claim")
    group = models.ForeignKey("auth.Group", on_delete=models.CASCADE, null=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "group"], name="given_once")]

    def __str__(self) -> str:
        return f"{self.group or 'staff status'} of {self.user}, by claim"


class RecentFailure(models.Model):
    """Something that went wrong for a person, with our id of the request, by which support finds it in the logs."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recent_failures")
    at = models.DateTimeField(default=timezone.now)
    service = models.CharField(max_length=3, help_text="APS or AOS")
    kind = models.CharField(max_length=30)
    request_id = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.service} {self.kind}, request {self.request_id}"
