"""How the portal calls APS: discovery, client authentication, revocation. The lower half of `backend`."""

import logging
from typing import Any
from urllib.parse import quote_plus

import requests
from django.conf import settings
from requests.auth import HTTPBasicAuth
from social_core.backends.open_id_connect import OpenIdConnectAuth
from social_core.exceptions import (
    AuthConfigurationError,
    AuthProviderError,
    AuthResponseError,
    ErrorStage,
    SocialAuthBaseException,
)
from social_core.utils import cache, http_error

from aosportal import http

from . import discovery

logger = logging.getLogger(__name__)


class APSCalls(OpenIdConnectAuth[Any]):
    """Calls to APS through the one door, authenticated as APS_CLIENT_AUTH says, on every endpoint alike."""

    deadline: float | None = None  # seconds for each call; None: APS_TIMEOUT

    def refresh_token_auth(self) -> Any:
        """The Basic credentials, where APS_CLIENT_AUTH says so."""
        credentials = self.auth_complete_credentials()
        return credentials and HTTPBasicAuth(*credentials)

    def auth_complete_credentials(self) -> tuple[str, str] | None:
        """For client_secret_basic: id and secret, each form-encoded first (RFC 6749 section 2.3.1)."""
        if not self.use_basic_auth():
            return None
        client_id, client_secret = self.get_key_and_secret()
        return quote_plus(client_id), quote_plus(client_secret)

    def oidc_config(self) -> dict[str, Any]:
        """Discovery, judged before it is used; empty where APS_DISCOVERY is off."""
        return super().oidc_config() if settings.APS_DISCOVERY else {}

    @cache(ttl=86400)
    def get_openid_configuration(self, url: str) -> dict[str, Any]:
        """Fetch the discovery document. A day's cache in this process."""
        document = self.get_json(url, stage="begin")
        if not isinstance(document, dict):
            raise AuthResponseError(self, code="malformed_response", stage="begin")
        try:
            discovery.check(document)
        except discovery.UnusableDiscovery as error:
            logger.error("APS's discovery is not used: %s", error)
            raise AuthConfigurationError(self, parameter="APS_ISSUER", code="invalid_setting", stage="begin") from None
        return document

    def request(self, url: str, *, stage: ErrorStage = "user_info", timeout: Any = None, **options: Any) -> Any:
        """One call to APS through the door, with its deadline, cap and no redirects. Errors hold no request."""
        method = options.pop("method", "GET")
        try:
            seconds, purpose = timeout or self.deadline or settings.APS_TIMEOUT, _purpose(url, options)
            response = http.send(method, url, seconds=seconds, service="APS", purpose=purpose, **options)
        except http.TLSFailed:
            raise AuthProviderError(self, code="tls_error", stage=stage) from None
        except http.TooSlow:
            raise AuthProviderError(self, code="timeout", stage=stage) from None
        except http.NotReached:
            raise AuthProviderError(self, code="connection_failed", stage=stage) from None
        except http.Fault:
            raise AuthResponseError(self, code="malformed_response", stage=stage) from None
        if response.status_code >= 400:
            raise http_error(self, requests.HTTPError(response=response), stage=stage)
        return response

    def get_provider_error(self, data: object, **context: Any) -> SocialAuthBaseException | None:
        """Name APS's refusal of our `resource` (RFC 8707 section 2) what it is: a matter of configuration."""
        if isinstance(data, dict) and data.get("error") == "invalid_target":
            stage = context.get("stage", "callback")
            return AuthConfigurationError(self, code="invalid_setting", parameter="APS_RESOURCE", stage=stage)
        return super().get_provider_error(data, **context)

    def revoke(self, token: str, hint: str) -> bool:
        """Revoke one token (RFC 7009), in the body only. False if APS offers no revocation."""
        url = self.setting("REVOKE_TOKEN_URL") or self.oidc_config().get("revocation_endpoint")
        if not url:
            return False
        form = {"token": token, "token_type_hint": hint, **self._client_credentials()}
        auth = self.auth_complete_credentials()
        self.request(url, method="POST", data=form, auth=auth, stage="disconnect")
        return True

    def client_credentials(self) -> dict[Any, Any]:
        """Ask for a token under the portal's own identity (RFC 6749 section 4.4), with the operator's extra fields."""
        form = {"grant_type": "client_credentials", **dict(settings.APS_APPLICATION_FORM)}
        if settings.APS_APPLICATION_SCOPE:
            form["scope"] = settings.APS_APPLICATION_SCOPE
        answer: dict[Any, Any] = super(OpenIdConnectAuth, self).request_access_token(  # it brings no ID token
            self.access_token_url(),
            method="POST",
            headers=self.auth_headers(),
            data={**form, **self._client_credentials(), **self._resource()},
            auth=self.auth_complete_credentials(),
        )
        self.get_access_token(answer)
        self.check_token_type(answer)
        return answer

    def check_token_type(self, answer: dict[Any, Any]) -> None:
        """Refuse a token that is not a bearer token (RFC 6749 section 7.1)."""
        if str(answer.get("token_type", "")).lower() != "bearer":
            raise AuthResponseError(self, claim="token_type", code="invalid_claim", stage="token_validation")

    def end_session_url(self) -> str:
        """Where a browser ends its session at APS (RP-Initiated Logout 1.0), or empty."""
        return str(self.setting("END_SESSION_URL") or self.oidc_config().get("end_session_endpoint") or "")

    def _client_credentials(self) -> dict[str, str]:
        if self.use_basic_auth():
            return {}
        client_id, client_secret = self.get_key_and_secret()
        return {"client_id": client_id, "client_secret": client_secret}

    def _resource(self) -> dict[str, list[str]]:
        resource = self.setting("RESOURCE")
        return {"resource": resource} if resource else {}


def _purpose(url: str, options: dict[str, Any]) -> str:
    """What the log and metrics call a request."""
    form = options.get("data")
    if isinstance(form, dict):
        return "revoke" if "token_type_hint" in form else f"token_{form.get('grant_type')}"
    if "Authorization" in (options.get("headers") or {}):
        return "userinfo"
    return "discovery" if url.endswith("/.well-known/openid-configuration") else "keys"
