"""What to register at APS, from the settings. The keys are those of RFC 7591 and OpenID Connect."""

from django.conf import settings
from django.urls import reverse

from aosportal.passport.refreshing import passport


def sheet() -> dict[str, str | list[str]]:
    """Every value to enter, none of them secret."""
    return {
        "client_id": str(settings.SOCIAL_AUTH_APS_KEY),
        "application_type": "web, confidential",
        "redirect_uris": [passport().get_redirect_uri()],
        "post_logout_redirect_uris": [settings.PORTAL_URL + reverse("passport:signed_out")],
        "backchannel_logout_uri": settings.PORTAL_URL + reverse("passport:backchannel_logout"),
        "response_types": ["code"],
        "grant_types": ["authorization_code", *_refresh(), "client_credentials"],
        "code_challenge_methods": ["S256"],
        "scope": list(settings.SOCIAL_AUTH_APS_SCOPE),
        "resource": list(settings.SOCIAL_AUTH_APS_RESOURCE),
        "token_endpoint_auth_method": settings.SOCIAL_AUTH_APS_TOKEN_ENDPOINT_AUTH_METHOD,
        "id_token_signed_response_alg": list(settings.SOCIAL_AUTH_APS_JWT_ALGORITHMS),
    }


def _refresh() -> list[str]:
    return ["refresh_token"] if "offline_access" in settings.SOCIAL_AUTH_APS_SCOPE else []
