"""The floor: a bare Django view that makes one pooled call and renders the same rows. Nobody signs in.

`/` renders the portal's own table, `/plain/` the plainest one; `/decode/` only fetches and decodes. No program that
asks AOS for each page can be faster.
"""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import requests
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path

HERE = Path(__file__).parent
PAGE = 50  # rows, as the portal shows
settings.configure(
    SECRET_KEY="only-for-the-benchmark",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_I18N=True,
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [HERE / "templates", HERE.parent / "templates"],
            "OPTIONS": {"libraries": {"cells": "subscriptions.templatetags.cells"}},
        }
    ],
    MIDDLEWARE=[],
)
application = get_wsgi_application()
_session = requests.Session()
_session.trust_env = False
_session.verify = os.environ["BUNDLE"]
_session.headers["Authorization"] = "Bearer floor"
_session.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=64))


def _fetched() -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(_session.get(os.environ["AOS_URL"], timeout=10).content)
    return found


def _rendered(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    response = render(request, template, context)
    response["Content-Length"] = str(len(response.content))
    return response


def page(request: HttpRequest) -> HttpResponse:
    """Render the first rows as the portal does."""
    from subscriptions.answers import Subscription

    kept = ("id", "subscriptionId", "displayName", "state")
    rows = [(Subscription(*(item[name] for name in kept)), None) for item in _fetched()[:PAGE]]
    permits = SimpleNamespace(rename=True, rename_many=True)
    return _rendered(request, "subscriptions/_table.html", {"rows": rows, "permits": permits})


def plain(request: HttpRequest) -> HttpResponse:
    """Render the first rows as plainly as can be."""
    return _rendered(request, "list.html", {"items": _fetched()[:PAGE]})


def decode(request: HttpRequest) -> HttpResponse:
    """Tell how many there are."""
    return HttpResponse(f"{len(_fetched()):5}", headers={"Content-Length": "5"})


_rename = ([path("<str:subscription_id>/rename/", page, name="rename")], "subscriptions")
urlpatterns = [path("", page), path("plain/", plain), path("decode/", decode), path("s/", include(_rename))]
