"""A direct peer doing the same job: rayluo's `identity` (MSAL), tokens in the session; `requests.get` asks AOS."""

import os

import requests
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from identity.django import Auth

from bench import programs

programs.configure(__name__, apps=["identity"])
auth = Auth(
    os.environ["APS_CLIENT_ID"],
    client_credential=os.environ["APS_CLIENT_SECRET"],
    redirect_uri=f"http://127.0.0.1:{os.environ['PORT']}/auth_response",
    oidc_authority=os.environ["APS_ISSUER"],
)


@auth.login_required(scopes=["api"])
def page(request: HttpRequest, *, context: dict[str, str]) -> HttpResponse:
    """Render the rows, with the person's token."""
    answer = requests.get(
        os.environ["AOS_URL"],
        headers={"Authorization": f"Bearer {context['access_token']}"},
        verify=os.environ["BUNDLE"],
        timeout=10,
    )
    return render(request, "list.html", {"items": answer.json()})


application = get_wsgi_application()
urlpatterns = [path("", page), auth.urlpattern]
