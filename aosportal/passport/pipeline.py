"""Our steps of the social-auth pipeline: who may come in, and the tokens into the vault."""

import logging
import uuid
from typing import TYPE_CHECKING, Any, NoReturn

from social_core.exceptions import AuthPolicyError, AuthSessionError

from aosportal import request_id
from aosportal.client_address import client_address

from . import browsers, claimed
from .admission import is_welcome
from .backend import AlliancePassport
from .models import Grant
from .revocations import revoke_tokens

if TYPE_CHECKING:
    from django.contrib.auth.models import User

logger = logging.getLogger(__name__)


def refuse_joining(backend: AlliancePassport, user: "User | None" = None, social: Any = None, **rest: Any) -> None:
    """Refuse to attach an identity to a user that was passed in: one APS identity is one person, always."""
    if user is not None and social is None:
        raise AuthSessionError(backend, code="user_mismatch", stage="pipeline")


def refuse_other_tenants(backend: AlliancePassport, uid: str, **rest: Any) -> None:
    """Refuse whoever's claim names none of APS_TENANTS, before anything is stored."""
    if not claimed.is_of_our_tenants(backend.facts):
        logger.warning("Sign-in refused: identity %s is of another tenant", uid[:12])
        _refuse(backend)


def apply_groups(backend: AlliancePassport, user: "User", **rest: Any) -> None:
    """Give and take away the groups that APS_GROUPS makes of the claim, at every sign-in."""
    claimed.apply_groups(user, backend.facts)


def refuse_unwelcome(backend: AlliancePassport, user: "User", **rest: Any) -> None:
    """Refuse whoever is disabled or not admitted, before a token is stored. The user stays, for an admin to admit."""
    if not is_welcome(user):
        request_id.works_for(user.pk)  # the log tells who was refused
        _refuse(backend)


def _refuse(backend: AlliancePassport) -> NoReturn:
    revoke_tokens(backend.tokens, uuid.uuid4())
    raise AuthPolicyError(backend, code="authentication_disallowed", stage="pipeline")


def store_grant(backend: AlliancePassport, user: "User", **rest: Any) -> dict[str, Any]:
    """Store the tokens of this sign-in, encrypted, in a grant of its own; the view binds it to the session."""
    sid = (backend.id_token or {}).get("sid")
    request: Any = getattr(backend.strategy, "request")  # noqa: B009 - social_core does not type it
    grant = Grant.of_sign_in(
        user,
        backend.identity,
        backend.tokens,
        sid=sid if isinstance(sid, str) and len(sid) <= 255 and sid.isprintable() else "",
        scope=" ".join(backend.get_scope()),
        browser=browsers.in_words(request.headers.get("User-Agent", "")),
        address=client_address(request),
    )
    backend.grant = grant
    return {"grant": grant}
