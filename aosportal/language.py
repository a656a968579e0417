"""The language of the pages: the one chosen here, else what the browser asks for, else English."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from .passport.destination import path_of_ours, safe_destination


@login_not_required
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Remember the language in this browser for a year, and go back to the page. A language never heard of: nothing."""
    response = redirect(path_of_ours(request, request.POST.get("next")) or "/")
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
            samesite="Lax",
        )
    return response


def on_pages(request: HttpRequest) -> dict[str, Any]:
    """For templates: `languages`, and `language_next`, the address of this page; empty where it came by POST."""
    here = _here(request) if request.method == "GET" else ""
    return {"languages": settings.LANGUAGES, "language_next": here}


def _here(request: HttpRequest) -> str:
    """The address of this page; of sign-in pages what is safe to show: that of the callback holds a code."""
    if request.path == reverse("passport:login"):
        wanted = safe_destination(request, request.GET.get("next"))
        return f"{request.path}?{urlencode({'next': wanted})}" if wanted else request.path
    if request.path == reverse("passport:signed_out"):
        return request.get_full_path()
    return safe_destination(request, request.get_full_path())
