"""What this provider adds to the toolkit's rules."""

import hashlib

from django.conf import settings
from oauth2_provider.oauth2_validators import OAuth2Validator, validate_resource_as_url_prefix
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error

from sandbox.passport.models import Origin

GRANT_TYPES = ["authorization_code", "refresh_token", "client_credentials"]


def is_for(address, resources):
    """Whether a token made for `resources` may be used at `address`; userinfo takes every token."""
    own = address.startswith("/")  # the toolkit names its userinfo endpoint without a host
    return own or validate_resource_as_url_prefix(address, resources)


def known_resource(resource):
    """Whether `resource` is the API that tokens can be asked for (RFC 8707): the stand-in AOS."""
    return resource.rstrip("/") == settings.AOS_URL


def invalid_target(**kwargs):
    """The error for any other resource (RFC 8707, section 2)."""
    return CustomOAuth2Error(error="invalid_target", description="The requested resource is not known.", **kwargs)


def code_key(code):
    """The key under which a code's browser session is kept; not the code itself."""
    return "code " + hashlib.sha256(code.encode()).hexdigest()


def family_key(family):
    """The key under which a refresh token family's browser session is kept."""
    return f"family {family}"


class Validator(OAuth2Validator):
    """Personal claims, `sid` and `auth_time` of the real browser session, resources, refresh tokens on request."""

    def validate_grant_type(self, client_id, grant_type, client, request, *args, **kwargs):
        """The one client may use all three grants."""
        return grant_type in GRANT_TYPES

    def validate_redirect_uri(self, client_id, redirect_uri, request, *args, **kwargs):
        """The registered text and nothing else: the toolkit would take any port of loopback (RFC 8252, 7.3)."""
        return redirect_uri in request.client.redirect_uris.split()

    def validate_silent_login(self, request):
        """`prompt=none` is a good request; the view knows who is signed in."""
        return True

    def validate_silent_authorization(self, request):
        """As above: the view knows who has consented."""
        return True

    def get_additional_claims(self, request):
        """Who the person is; each claim is given only with its scope."""
        person = request.user
        return {
            "name": person.name,
            "given_name": person.given_name,
            "family_name": person.family_name,
            "preferred_username": person.username,
            "email": person.email,
            "email_verified": True,
        }

    def get_discovery_claims(self, request):
        """The claims that an ID token may hold."""
        return [
            *["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "sid", "name", "given_name", "family_name"],
            *["preferred_username", "email", "email_verified"],
        ]

    def get_id_token_dictionary(self, token, token_handler, request):
        """The toolkit's claims, with the session id and the time of its sign-in."""
        claims, expires = super().get_id_token_dictionary(token, token_handler, request)
        if request.sign_in:
            claims |= {"sid": str(request.sign_in.id), "auth_time": int(request.sign_in.at.timestamp())}
        return claims, expires

    def _create_authorization_code(self, request, code, expires=None):
        grant = super()._create_authorization_code(request, code, expires)
        Origin.objects.create(key=code_key(code["code"]), sign_in=request.sign_in)
        return grant

    def validate_code(self, client_id, code, client, request, *args, **kwargs):
        """Check the code and remember which browser session it came from."""
        valid = super().validate_code(client_id, code, client, request, *args, **kwargs)
        request.sign_in = _sign_in(code_key(code))
        return valid

    def validate_refresh_token(self, refresh_token, client, request, *args, **kwargs):
        """Check the refresh token and remember which browser session it came from."""
        valid = super().validate_refresh_token(refresh_token, client, request, *args, **kwargs)
        request.sign_in = _sign_in(family_key(request.refresh_token_instance.token_family)) if valid else None
        return valid

    def _save_bearer_token(self, token, request, *args, **kwargs):
        if "offline_access" not in request.scopes:
            token.pop("refresh_token", None)  # asked for by scope (OpenID Connect Core, section 11)
        return super()._save_bearer_token(token, request, *args, **kwargs)

    def _create_refresh_token(self, request, code, access_token, previous):
        refresh_token = super()._create_refresh_token(request, code, access_token, previous)
        Origin.objects.get_or_create(key=family_key(refresh_token.token_family), defaults={"sign_in": request.sign_in})
        return refresh_token

    def _validate_resource_uris(self, request, resources):
        if not all(known_resource(each) for each in resources):
            raise invalid_target(request=request)


def _sign_in(key):
    origin = Origin.objects.select_related("sign_in").filter(key=key).first()
    return origin and origin.sign_in
