"""The ordinary program: stock social-auth and sessions, `get_access_token`, and `requests.get` in a view."""

import os

import requests
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path

from bench import programs

programs.configure(
    __name__,
    apps=["social_django"],
    AUTHENTICATION_BACKENDS=["social_core.backends.open_id_connect.OpenIdConnectAuth"],
    LOGIN_URL="/",
    LOGIN_REDIRECT_URL="/",
    SOCIAL_AUTH_OIDC_OIDC_ENDPOINT=os.environ["APS_ISSUER"],
    SOCIAL_AUTH_OIDC_KEY=os.environ["APS_CLIENT_ID"],
    SOCIAL_AUTH_OIDC_SECRET=os.environ["APS_CLIENT_SECRET"],
    SOCIAL_AUTH_OIDC_USE_PKCE=True,
    SOCIAL_AUTH_OIDC_VERIFY_SSL=os.environ["BUNDLE"],
)


def page(request: HttpRequest) -> HttpResponse:
    """Render the rows, with the person's token; for others, the button."""
    if not request.user.is_authenticated:
        return render(request, "sign_in.html")
    from social_django.utils import load_strategy  # it looks at the settings when it is imported

    social = request.user.social_auth.get(provider="oidc")
    token = social.get_access_token(load_strategy(request))
    answer = requests.get(
        os.environ["AOS_URL"],
        headers={"Authorization": f"Bearer {token}"},
        verify=os.environ["BUNDLE"],
        timeout=10,
    )
    return render(request, "list.html", {"items": answer.json()})


application = get_wsgi_application()
urlpatterns = [path("", page), path("", include("social_django.urls", namespace="social"))]
