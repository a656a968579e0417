"""A direct peer doing the same job: mozilla-django-oidc, token in the session; `requests.get` asks AOS."""

import os

import requests
from django.contrib.auth.decorators import login_required
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path

from bench import programs

_aps = os.environ["APS_ISSUER"]
programs.configure(
    __name__,
    apps=["mozilla_django_oidc"],
    AUTHENTICATION_BACKENDS=["mozilla_django_oidc.auth.OIDCAuthenticationBackend"],
    LOGIN_URL="/oidc/authenticate/",
    LOGIN_REDIRECT_URL="/",
    OIDC_RP_CLIENT_ID=os.environ["APS_CLIENT_ID"],
    OIDC_RP_CLIENT_SECRET=os.environ["APS_CLIENT_SECRET"],
    OIDC_OP_AUTHORIZATION_ENDPOINT=f"{_aps}/connect/authorize",
    OIDC_OP_TOKEN_ENDPOINT=f"{_aps}/connect/token",
    OIDC_OP_USER_ENDPOINT=f"{_aps}/connect/userinfo",
    OIDC_OP_JWKS_ENDPOINT=f"{_aps}/jwks",
    OIDC_RP_SIGN_ALGO="RS256",
    OIDC_USE_PKCE=True,
    OIDC_STORE_ACCESS_TOKEN=True,
    OIDC_VERIFY_SSL=os.environ["BUNDLE"],
)


@login_required
def page(request: HttpRequest) -> HttpResponse:
    """Render the rows, with the person's token."""
    answer = requests.get(
        os.environ["AOS_URL"],
        headers={"Authorization": f"Bearer {request.session['oidc_access_token']}"},
        verify=os.environ["BUNDLE"],
        timeout=10,
    )
    return render(request, "list.html", {"items": answer.json()})


application = get_wsgi_application()
urlpatterns = [path("", page), path("oidc/", include("mozilla_django_oidc.urls"))]
