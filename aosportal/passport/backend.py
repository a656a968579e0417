"""The python-social-auth backend "aps": signs people in with APS as a confidential client.

A subclass of OpenIdConnectAuth, which checks state, nonce, PKCE and the ID token. Each override says what the base
class lacks. Run the sign-in tests on every upgrade of social-auth-core.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, cast
from urllib.parse import urlencode

import requests
from django.conf import settings
from django.http import HttpRequest
from social_core.backends.open_id_connect import OpenIdConnectAuth
from social_core.exceptions import (
    AuthInputError,
    AuthResponseError,
    ErrorStage,
    SocialAuthBaseException,
)
from social_core.utils import handle_http_errors

from . import claimed, claims, keys, starts
from .calls import APSCalls
from .identity import Identity, NoIdentity
from .models import Grant
from .tokenset import TokenSet

logger = logging.getLogger(__name__)
_KEYS = keys.KeyCache()
_MOST_PENDING = 10  # starts of a sign-in in one browser
_PROFILE = ("sub", "name", "given_name", "family_name", "preferred_username", "email")
_LONGEST_CLAIM = 150  # characters, as much as Django's name columns take


class AlliancePassport(APSCalls):
    """Signs people in with Alliance Passport Services.

    After it: `tokens`, `identity`, `facts` (the claims that decide roles), `grant`, `destination`.
    """

    name = "aps"
    title = "Alliance Passport"
    DEFAULT_USE_PKCE = True
    EXTRA_DATA = []
    # `claims.check_times` judges these, with one leeway, and logs by how much a clock differs.
    JWT_DECODE_OPTIONS = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    tokens: TokenSet
    facts: claimed.Facts
    grant: Grant
    destination = ""

    # --- The way to APS ---------------------------------------------------------------------------------------

    def get_redirect_uri(self, state: str | None = None) -> str:
        """The one registered address, never built from the Host header."""
        return f"{settings.PORTAL_URL}/complete/{self.name}/"

    def auth_params(self, state: str | None = None) -> dict[str, Any]:
        """Add `resource` (RFC 8707), and keep where the person wants to go with this start, not with the session."""
        params = cast("dict[str, Any]", super().auth_params(state))
        destination = self.strategy.session_pop("next") or ""
        key = self.transaction_key(str(state))
        self.strategy.session_set(key, {**self.strategy.session_get(key), "next": destination})
        starts.note_destination(str(state), destination)
        if self.strategy.request_data(merge=False).get("account") == "other":
            params["prompt"] = "select_account"
        return {**params, **self._resource()}

    def get_or_create_state(self) -> str | None:
        """Begin a start; of more than ten that are pending in one browser the oldest are forgotten (D23)."""
        state = super().get_or_create_state()
        pending = self.strategy.session_get(self._transaction_index_key()) or {}
        for old in sorted(pending, key=pending.__getitem__)[:-_MOST_PENDING]:
            self.strategy.session_pop(self.transaction_key(old))
            del pending[old]
        self.strategy.session_set(self._transaction_index_key(), pending)
        return state

    def auth_url(self) -> str:
        """Encode the parameters; the base class decodes them again, which splits a value at its `&`."""
        params = self.auth_params(self.get_or_create_state()) | self.get_scope_argument() | self.auth_extra_arguments()
        endpoint = self.authorization_url()
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(params, doseq=True)}"

    # --- The way back -----------------------------------------------------------------------------------------

    def process_error(self, data: Any, *, stage: ErrorStage = "callback") -> None:
        """Use up the state before an error from the browser is believed; the base class looks at no state here."""
        if data is self.data and ("error" in data or "denied" in data):
            self.validate_state()
        super().process_error(data, stage=stage)

    def validate_state(self) -> str | None:
        """Take up this start's destination, and compare the answer's issuer (RFC 9207)."""
        state = super().validate_state()
        self.destination = str((self._oauth2_transaction or {}).get("next") or "")
        self._check_issuer_parameter()
        return state

    def _check_issuer_parameter(self) -> None:
        request = cast("HttpRequest | None", getattr(self.strategy, "request", None))
        named = request.GET.getlist("iss") if request else []
        required = bool(self.oidc_config().get("authorization_response_iss_parameter_supported"))
        if named != [settings.APS_ISSUER] and (named or required):
            raise AuthResponseError(self, claim="iss", code="invalid_claim", stage="callback")

    def auth_complete_params(self, state: str | None = None) -> dict[str, Any]:
        """Add `resource`, and refuse to ask for tokens without a code."""
        if not self.data.get("code"):
            raise AuthInputError(self, parameter="code", code="missing_parameter", stage="callback")
        return {**super().auth_complete_params(state), **self._resource()}

    def refresh_token_params(self, token: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Add `resource`, and authenticate as everywhere; the base class always sends the secret in the body."""
        grant = {"grant_type": "refresh_token", "refresh_token": token}
        return {**grant, **self._client_credentials(), **self._resource()}

    def request_access_token(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        """Keep the tokens aside, before userinfo is merged into the same answer. The ID token is checked by then."""
        issues_none = settings.APS_IDENTITY == "userinfo"
        ask: Any = super(OpenIdConnectAuth, self) if issues_none else super()
        answer: dict[Any, Any] = ask.request_access_token(*args, **kwargs)
        self.get_access_token(answer)
        self.check_token_type(answer)
        self.tokens = TokenSet.from_answer(answer)
        return answer

    def process_refresh_token_response(self, response: requests.Response, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        """Check the token type; a refreshed ID token is checked by the base class."""
        answer = super().process_refresh_token_response(response, *args, **kwargs)
        self.check_token_type(answer)
        return answer

    @handle_http_errors
    def do_auth(self, access_token: str, *args: Any, **kwargs: Any) -> Any:
        """Run the pipeline with the profile alone: its arguments reach signals and, on failure, reports."""
        kwargs.update(response=self.user_data(access_token), backend=self)
        return self.strategy.authenticate(*args, **kwargs)

    # --- Who it is --------------------------------------------------------------------------------------------

    def user_data(self, access_token: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The profile: from the ID token if it carries one, else from userinfo. An allow list; texts only.

        What decides roles is looked for there too; where the ID token has it, that counts.
        """
        signed = self.id_token or {}
        is_whole = (signed.get("name") or signed.get("email")) and all(name in signed for name in claimed.wanted())
        profile = signed if is_whole else {**signed, **self._userinfo(access_token)}
        self.facts = claimed.read({**profile, **signed})
        texts = {key: profile[key] for key in _PROFILE if isinstance(profile.get(key), str)}
        return {key: text if key == "sub" else _printable(text) for key, text in texts.items()}

    def _userinfo(self, access_token: str) -> dict[str, Any]:
        """Ask userinfo. Where the ID token vouches, a refusal is no obstacle: APS may bind tokens to the resource."""
        try:
            answer = self.get_json(self.userinfo_url(), headers={"Authorization": f"Bearer {access_token}"})
        except SocialAuthBaseException as error:
            if self.id_token is None or error.status_code not in (401, 403):
                raise
            logger.info("Userinfo refused the access token; going on with the ID token alone.")
            return {}
        if not isinstance(answer, dict):
            raise AuthResponseError(self, code="malformed_response", stage="user_info")
        if self.id_token is not None and answer.get("sub") != self.id_token["sub"]:
            raise AuthResponseError(self, claim="sub", code="invalid_claim", stage="user_info")
        return answer

    @property
    def identity(self) -> Identity:
        """Who signed in, after the checks. Raises AuthResponseError if APS named nobody."""
        try:
            return Identity.from_claims(settings.APS_IDENTITY, settings.APS_ISSUER, self.id_token or {})
        except NoIdentity:
            raise AuthResponseError(self, claim="sub", code="missing_claim", stage="user_info") from None

    def get_user_id(self, details: dict[str, Any], response: dict[str, Any]) -> str:
        """The key of the identity (decision 2). Without an ID token, userinfo is the one who vouches."""
        if settings.APS_IDENTITY == "userinfo":
            self.id_token = {"sub": response.get("sub")}
        return self.identity.uid

    def extra_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """What social-auth stores in clear beside the uid: who it is, and no token (the base class stores all)."""
        identity = self.identity
        return {"identity": identity.kind, "issuer": identity.issuer, "subject": identity.subject}

    # --- The ID token -----------------------------------------------------------------------------------------

    def find_valid_key(self, id_token: str) -> keys.Key | None:
        """Find the key that signed an ID token; ask APS once more for its keys if none did (it may have new ones)."""
        _KEYS.get(settings.APS_ISSUER, self.get_remote_jwks_keys)
        return self._key_of(id_token, ("jwt",), "id_token")

    def key_of_logout_token(self, token: str) -> keys.Key | None:
        """Find the key that signed a logout token. Anybody may post one: all that it makes us ask of APS is limited."""
        return self._key_of(token, ("logout+jwt", "jwt"), "logout_token")

    def _key_of(self, token: str, types: Sequence[str], purpose: str) -> keys.Key | None:
        algorithms = self.setting("JWT_ALGORITHMS")
        key = keys.verifying(token, _KEYS.known(settings.APS_ISSUER), algorithms, types)
        newer = [] if key else _KEYS.get_newer(settings.APS_ISSUER, self.get_remote_jwks_keys, purpose)
        return key or keys.verifying(token, newer, algorithms, types)

    def validate_temporal_claims(self, id_token: dict[str, Any]) -> None:
        """Check times with one leeway for all; the base class gives `nbf` none."""
        self._checked(claims.check_times, id_token)

    def validate_claims(self, id_token: dict[str, Any]) -> None:
        """At a sign-in, look at `auth_time` too where max_age was asked for; the base class never does."""
        super().validate_claims(id_token)
        if self.setting("MAX_AGE") is not None:
            self._checked(claims.check_auth_time, id_token, self.setting("MAX_AGE"))

    def validate_authorized_party(self, id_token: dict[str, Any], client_id: str) -> None:
        """Refuse further audiences; the base class accepts them where `azp` names us."""
        self._checked(claims.check_audience, id_token, client_id)

    def _checked(self, check: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        try:
            check(*args, **kwargs)
        except claims.BadClaim as bad:
            raise AuthResponseError(self, claim=bad.claim, code=bad.code, stage="token_validation") from None


def _printable(text: str) -> str:
    """A claim that a name column takes: PostgreSQL refuses NUL."""
    return "".join(character for character in text if character.isprintable())[:_LONGEST_CLAIM]
