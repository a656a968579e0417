"""Calls to APS outside a sign-in: refresh, client credentials.

Failures are translated here into what the caller can do.
"""

import logging
from typing import Any

from django.conf import settings
from social_core.exceptions import AuthConfigurationError, AuthCredentialError, SocialAuthBaseException
from social_django.utils import load_backend, load_strategy

from aosportal.secret import Secret, forgetting

from .backend import AlliancePassport
from .models import Grant
from .tokenset import TokenSet

logger = logging.getLogger(__name__)


class SignInRequired(Exception):
    """Only a fresh sign-in of the person can help."""


class PassportUnavailable(Exception):
    """APS could not be reached, or failed: try later. Nothing was lost."""


class PassportMisconfigured(Exception):
    """APS refused the portal itself (client, secret, scope or resource): an operator must act. Nothing was lost."""


class SomebodyElse(SignInRequired):
    """APS answered a refresh for another person. `tokens` are what it gave; they must not be used."""

    def __init__(self, tokens: TokenSet) -> None:
        super().__init__("APS answered for somebody else")
        self.tokens = tokens


def passport(*, seconds: float | None = None) -> AlliancePassport:
    """The backend, without a request; each of its calls may take so many seconds, by default APS_TIMEOUT."""
    backend: Any = load_backend(load_strategy(), AlliancePassport.name, redirect_uri=None)
    backend.deadline = seconds or settings.APS_TIMEOUT
    return backend  # type: ignore[no-any-return]


def refresh(grant: Grant, token: Secret) -> TokenSet:
    """Ask APS for new tokens. Raises SignInRequired on `invalid_grant` alone, and where APS names somebody else."""
    backend = passport()
    try:
        with forgetting():
            answer = backend.refresh_token(token.reveal())
    except AuthCredentialError as error:
        if error.provider_code != "invalid_grant":
            raise PassportUnavailable(f"APS did not renew the access ({error.code})") from None
        raise SignInRequired("APS no longer accepts this sign-in") from None
    except AuthConfigurationError as error:
        logger.error("APS refused the portal: %s (%s)", error.provider_code, error.parameter)
        raise PassportMisconfigured("APS refused the portal itself") from None
    except SocialAuthBaseException as error:
        raise PassportUnavailable(f"APS did not renew the access ({error.code})") from None
    tokens = TokenSet.from_answer(answer)
    if backend.id_token is not None and (backend.identity.issuer, backend.identity.subject) != grant.who:
        raise SomebodyElse(tokens)
    return tokens


def client_credentials() -> TokenSet:
    """Ask APS for a token of the portal's own. Raises PassportMisconfigured where APS refuses, PassportUnavailable."""
    try:
        with forgetting():
            return TokenSet.from_answer(passport().client_credentials())
    except (AuthConfigurationError, AuthCredentialError) as error:
        logger.error("APS gives the portal no access of its own: %s", error.provider_code)
        raise PassportMisconfigured("APS refused the portal itself") from None
    except SocialAuthBaseException as error:
        raise PassportUnavailable(f"APS gave the portal no access of its own ({error.code})") from None
