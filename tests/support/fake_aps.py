"""A hostile provider: APS with a switch for each way to be wrong, on the wire or on a TLS socket.

It remembers every call, and every token that it issues is a canary. Signing is PyJWT's.
"""

import base64
import hashlib
import itertools
import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import responses
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.test import Client

from tests.support.servers import Reply, Request

ISSUER = "https://aps.test"
ALICE = {
    "sub": "sub-alice",
    "name": "Alice Moreno",
    "given_name": "Alice",
    "family_name": "Moreno",
    "email": "alice@corp.test",
    "preferred_username": "alice",
}
BOB = {
    "sub": "sub-bob",
    "name": "Bob Okafor",
    "given_name": "Bob",
    "family_name": "Okafor",
    "email": "bob@corp.test",
    "preferred_username": "bob",
}
NO_PROFILE = {"name": None, "email": None, "given_name": None, "family_name": None, "preferred_username": None}
JSON = {"Content-Type": "application/json"}
_numbers = itertools.count(1)
_lock = threading.Lock()


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


_KEY = new_key()


class FakeAPS:
    """An OpenID Provider. Attributes are switches; `calls` are the requests that came in, as (path, form) pairs."""

    def __init__(self, issuer: str = ISSUER) -> None:
        self.issuer = issuer
        self.person: dict[str, Any] = dict(ALICE)
        self.claims: dict[str, Any] = {}  # overrides in the ID token; None takes a claim away
        self.answer: dict[str, Any] = {}  # overrides in the token answer; None takes a field away
        self.metadata: dict[str, Any] = {}  # overrides in discovery; None takes a field away
        self.userinfo: Any = None  # the answer of userinfo; None: the person's claims
        self.replies: dict[str, Reply] = {}  # instead of what the endpoint of this path would answer
        self.registered: set[str] = {f"{settings.PORTAL_URL}/complete/aps/"}
        self.hold: Callable[[str], None] = lambda moment: None  # called "before" and "after" a token is issued
        # Signing
        self.keys: dict[str | None, Any] = {"key-1": _KEY}
        self.signs_with: str | None = "key-1"
        self.algorithm = "RS256"
        self.header: dict[str, Any] = {}
        self.key_fields: dict[str, Any] = {}
        self.more_keys: list[dict[str, Any]] = []
        # Memory
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.requests: list[Any] = []
        self.codes: dict[str, dict[str, Any]] = {}
        self.families: dict[str, dict[str, Any]] = {}  # refresh token -> whose, and whether it was used up
        self.revoked: list[str] = []
        self.routes: dict[str, Callable[[Request], Reply]] = {
            "/.well-known/openid-configuration": self._discovery,
            "/jwks": self._jwks,
            "/connect/authorize": self._authorize,
            "/connect/token": self._token,
            "/connect/userinfo": self._userinfo,
            "/connect/revoke": self._revoke,
        }

    def on(self, wire: responses.RequestsMock) -> "FakeAPS":
        """Answer below requests, in this process."""
        for method in ("GET", "POST"):
            wire.add_callback(method, re.compile(re.escape(self.issuer) + "/.*"), self)
        return self

    def __call__(self, request: Any) -> Reply:
        """Answer one request."""
        path = urlsplit(request.url).path
        body = request.body.decode() if isinstance(request.body, bytes) else request.body or ""  # requests sends both
        form = {key: values[0] for key, values in parse_qs(body, keep_blank_values=True).items()}
        with _lock:
            self.calls.append((path, form))
            self.requests.append(request)
        if path in self.replies:
            return self.replies[path]
        return self.routes[path](Request(request.method, request.url, dict(request.headers), form))

    # --- What a test does with it

    def authorize(self, query: dict[str, str], person: dict[str, Any] | None = None) -> str:
        """The person signs in and consents: return the code for the redirect back."""
        code = f"CODE-CANARY-{next(_numbers)}"
        self.codes[code] = {**query, "person": person or self.person}
        return code

    def sign_in(self, client: Client, *, next: str = "", person: dict[str, Any] | None = None, **callback: Any) -> Any:
        """A whole sign-in of one browser; return the response of the callback."""
        query = begin(client, next=next)
        return finish(client, query, code=self.authorize(query, person), **callback)

    def paths(self) -> list[str]:
        """The paths that were called, in order."""
        return [path for path, _form in self.calls]

    def refreshes(self) -> list[str]:
        """The refresh tokens that were presented, in order."""
        return [form["refresh_token"] for _path, form in self.calls if form.get("grant_type") == "refresh_token"]

    def knows_refresh_token(self, token: str, person: dict[str, Any] | None = None) -> None:
        """Accept a refresh token once, as if it had been issued here."""
        self.families[token] = {"person": person or self.person, "used": False}

    # --- Endpoints

    def _discovery(self, request: Request) -> Reply:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/connect/authorize",
            "token_endpoint": f"{self.issuer}/connect/token",
            "userinfo_endpoint": f"{self.issuer}/connect/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "revocation_endpoint": f"{self.issuer}/connect/revoke",
            "end_session_endpoint": f"{self.issuer}/connect/logout",
        }
        return _json(_merged(document, self.metadata))

    def _jwks(self, request: Request) -> Reply:
        ours = [
            {**_public(key), **({"kid": kid} if kid else {}), "use": "sig", "alg": "RS256"}
            for kid, key in self.keys.items()
        ]
        return _json({"keys": [*self.more_keys, *(_merged(key, self.key_fields) for key in ours)]})

    def _authorize(self, request: Request) -> Reply:
        """Nobody is signed in here. A page for an address that is not registered, a redirect for one that is."""
        query = {key: values[0] for key, values in parse_qs(urlsplit(request.url).query).items()}
        if query.get("client_id") != settings.SOCIAL_AUTH_APS_KEY or query.get("redirect_uri") not in self.registered:
            return 400, {"Content-Type": "text/html"}, "<h1>Not registered</h1>"
        if query.get("prompt") != "none":
            return 302, {"Location": f"{self.issuer}/login"}, ""
        return 302, {"Location": f"{query['redirect_uri']}?error=login_required&state={query['state']}"}, ""

    def _token(self, request: Request) -> Reply:
        self.hold("before")
        with _lock:
            reply = self._issue(request.form)
        self.hold("after")
        return reply

    def _issue(self, form: dict[str, str]) -> Reply:
        if form["grant_type"] == "refresh_token":
            return self._refresh(form)
        if form["grant_type"] == "client_credentials":
            return _json(
                _merged(
                    {"access_token": f"AT-CANARY-{next(_numbers)}", "token_type": "Bearer", "expires_in": 600},
                    self.answer,
                )
            )
        start = self.codes.pop(form.get("code", ""), None)
        if start is None or start["redirect_uri"] != form["redirect_uri"] or not _pkce_fits(start, form):
            return _json({"error": "invalid_grant", "error_description": "DESCRIPTION-CANARY"}, 400)
        return _json(self._tokens(start["person"], start.get("nonce")))

    def _refresh(self, form: dict[str, str]) -> Reply:
        family = self.families.get(form["refresh_token"])
        if family is None or family["used"]:
            if family is not None:  # the reuse of a spent token ends everything that came from it
                self.families = {
                    token: each for token, each in self.families.items() if each["person"] != family["person"]
                }
            return _json({"error": "invalid_grant"}, 400)
        family["used"] = True
        return _json(self._tokens(family["person"], None))

    def _tokens(self, person: dict[str, Any], nonce: str | None) -> dict[str, Any]:
        number = next(_numbers)
        self.knows_refresh_token(f"RT-CANARY-{number}", person)
        fields = {
            "access_token": f"AT-CANARY-{number}-{person['sub']}",
            "refresh_token": f"RT-CANARY-{number}",
            "id_token": self.id_token(person, nonce),
            "token_type": "Bearer",
            "expires_in": 600,
        }
        return _merged(fields, self.answer)

    def id_token(self, person: dict[str, Any], nonce: str | None, **claims: Any) -> str:
        """A signed ID token with this moment's claims."""
        now = int(time.time())
        standard = {
            "iss": self.issuer,
            "aud": settings.SOCIAL_AUTH_APS_KEY,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "sid": "SID-1",
        }
        content = _merged(standard, {**person, **self.claims, **claims})
        header = {**({"kid": self.signs_with} if self.signs_with else {}), **self.header}
        return jwt.encode(content, self.keys[self.signs_with], algorithm=self.algorithm, headers=header)

    def _userinfo(self, request: Request) -> Reply:
        return _json(self.person if self.userinfo is None else self.userinfo)

    def _revoke(self, request: Request) -> Reply:
        self.revoked.append(request.form["token"])
        return 200, {}, ""


def begin(client: Client, *, next: str = "", **extra: Any) -> dict[str, str]:
    """Press the sign-in button; return the parameters of the redirect to APS."""
    response = client.post("/login/aps/", {"next": next} if next else {}, **extra)
    assert response.status_code == 302, response.status_code
    return {key: values[0] for key, values in parse_qs(urlsplit(response["Location"]).query).items()}


def finish(client: Client, query: dict[str, str], **callback: Any) -> Any:
    """APS sends the browser back."""
    parameters = {"state": query["state"], **callback}
    return client.get("/complete/aps/", {key: value for key, value in parameters.items() if value is not None})


def _public(key: Any) -> dict[str, Any]:
    kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return json.loads(kind.to_jwk(key.public_key()))


def _pkce_fits(start: dict[str, Any], form: dict[str, str]) -> bool:
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == start["code_challenge"]


def _merged(fields: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """With the overrides; None takes a field away."""
    return {key: value for key, value in {**fields, **overrides}.items() if value is not None}


def _json(body: Any, status: int = 200) -> Reply:
    return status, JSON, json.dumps(body)
