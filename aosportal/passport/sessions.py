"""Binds a browser's session to the grant of its sign-in. The session holds the grant's id, never a token."""

import functools
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, login, logout
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_noop

from . import roles
from .admission import is_welcome
from .models import Grant
from .people import Ended, end_here
from .portal_request import PortalRequest
from .revocations import ask_now

if TYPE_CHECKING:
    from django.contrib.auth.models import User

BACKEND_PATH = "aosportal.passport.backend.AlliancePassport"
_GRANT_KEY = "grant"
_LOCAL = "since_and_seen"
_SEEN_EVERY = 60  # seconds
_STARTS = "aps_oauth2_"  # the session keys of sign-ins begun in other tabs


def open_session(request: PortalRequest, user: "User", grant: Grant) -> Ended:
    """Begin a session with a new key. One that was open in this browser ends, whoever's it was; return what ended."""
    before = end_session(request, "signed in again in the same browser")
    login(request, user, backend=BACKEND_PATH)
    request.session[_GRANT_KEY] = str(grant.pk)
    request.grant = grant
    return before


def end_session(request: PortalRequest, because: str) -> Ended:
    """End the session here, and its grant; return what ended, to revoke it at APS."""
    ended = end_here(Grant.objects.filter(pk__in=filter(None, [request.session.get(_GRANT_KEY)])), because)
    begun = {key: value for key, value in request.session.items() if key.startswith(_STARTS)}
    logout(request)
    request.session.update(begun)
    request.grant = None
    return ended


def end_and_revoke(request: PortalRequest, because: str) -> None:
    """End the session here, and give its tokens back to APS. The sign-in stays at `request.ended`, as it was."""
    ended = end_session(request, because)
    request.ended = next(iter(ended.grants), None)
    ask_now(ended.revocations)


def grant_of(request: PortalRequest) -> Grant | None:
    """The live grant of this request's session, with its user, who need not be looked up again for `request.user`."""
    grant_id = request.session.get(_GRANT_KEY)
    if not grant_id:
        return None
    grant = _live().filter(pk=grant_id).first()
    if grant:
        _is_request_user(request, grant)
    return grant


@functools.cache
def _live() -> QuerySet[Grant]:
    """What every request of a signed-in person begins with; to put such a query together takes as long as to ask it."""
    return Grant.objects.select_related("user").filter(status=Grant.Status.ACTIVE).annotate(**roles.HAS_ROLES)


def _is_request_user(request: PortalRequest, grant: Grant) -> None:
    """Give Django's `get_user` its answer, where it would find the same: the session is of this user, and as it was."""
    user, session = grant.user, request.session
    user.has_roles = grant.has_roles  # type: ignore[attr-defined]
    is_theirs = session.get(SESSION_KEY) == str(user.pk)
    if is_theirs and constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
        request._cached_user = user  # type: ignore[attr-defined]


def is_signed_in_by_aps(request: PortalRequest) -> bool:
    """Whether this session was opened by a sign-in at APS, and so needs a grant."""
    return request.session.get(BACKEND_SESSION_KEY) == BACKEND_PATH


def may_go_on(request: PortalRequest, grant: Grant) -> bool:
    """Whether the session is still good: its grant lives, belongs to its user, and the user is still welcome."""
    user = request.user
    return grant.user_id == user.pk and is_welcome(user)


def why_over(grant: Grant) -> str:
    """Say in English why a sign-in's time is over, or nothing. The idle limit may be a minute late (see note_seen)."""
    now = timezone.now()
    if now - grant.since > timedelta(hours=settings.SESSION_ABSOLUTE_HOURS):
        return gettext_noop("it lasted as long as a session may")
    if now - grant.last_seen > timedelta(minutes=settings.SESSION_IDLE_MINUTES, seconds=_SEEN_EVERY):
        return gettext_noop("nothing was done for too long")
    return ""


def note_seen(request: PortalRequest, grant: Grant) -> None:
    """Write when the person was last seen, at most once a minute. A script that only polls does not count."""
    now = timezone.now()
    if (now - grant.last_seen).total_seconds() >= _SEEN_EVERY and "X-Portal-Poll" not in request.headers:
        Grant.objects.filter(pk=grant.pk).update(last_seen=now)


def is_local_session_over(request: PortalRequest) -> bool:
    """The same limits for an administrator with a local password, who has no grant: kept in the session itself."""
    now = int(timezone.now().timestamp())
    since, seen = request.session.setdefault(_LOCAL, [now, now])
    if (
        now - since > settings.SESSION_ABSOLUTE_HOURS * 3600
        or now - seen > settings.SESSION_IDLE_MINUTES * 60 + _SEEN_EVERY
    ):
        return True
    if now - seen >= _SEEN_EVERY and "X-Portal-Poll" not in request.headers:
        request.session[_LOCAL] = [since, now]
    return False


def limits(request: HttpRequest) -> dict[str, int]:
    """For templates: the seconds after which a session that is not used ends."""
    return {"idle_seconds": int(settings.SESSION_IDLE_MINUTES * 60)}
