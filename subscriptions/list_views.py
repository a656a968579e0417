"""The list of subscriptions, as a page and as files. It knows no HTTP to AOS."""

from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from aosportal.passport.models import Grant
from aosportal.passport.portal_request import PortalRequest

from . import exporting, listing, settling, snapshots
from .aos import AOS, AOSError, Busy, Subscription, TooSlow, Unusable
from .list_links import links
from .models import Rename
from .pages import is_htmx, told_to_wait, trouble_page, with_aos
from .snapshots import Listed
from .waiting import look_again, waiting_for

_REFRESH = "refresh"
_FIELDS = ("id", "subscriptionId", "displayName", "state")


@require_safe
@with_aos
def subscription_list(request: PortalRequest, api: AOS) -> HttpResponse:
    """Show what the address asks for of the person's subscriptions; while AOS is down, of their last list."""
    try:
        listed, opened = _listed(request, api)
    except (Busy, TooSlow, Unusable) as error:
        last = snapshots.last(_grant(request))
        return _page(request, last, _opened(request), outage=error) if last else trouble_page(request, error)
    except AOSError as error:
        return trouble_page(request, error)
    if _REFRESH in request.GET:
        return redirect(_same_address(request))
    return _page(request, listed, opened)


@require_safe
@with_aos
def export(request: PortalRequest, api: AOS, kind: str) -> HttpResponseBase:
    """Give what the list shows, all pages of it, as a file: `csv` or `json`, with the fields as AOS names them."""
    try:
        rows = _selected(request, _listed(request, api)[0]).matching
    except AOSError as error:
        return trouble_page(request, error)
    cells = ((each.id, each.subscription_id, each.name, each.state) for each in rows)
    if kind == "csv":
        return exporting.csv_file("subscriptions", _FIELDS, cells)
    return exporting.json_file("subscriptions", (dict(zip(_FIELDS, row, strict=True)) for row in cells))


def _grant(request: PortalRequest) -> Grant:
    """The sign-in that `with_aos` has seen."""
    return cast("Grant", request.grant)


def _listed(request: PortalRequest, api: AOS) -> tuple[Listed, list[Rename]]:
    """The person's list, read anew where a rename's outcome is open: it may tell now; and those open even then."""
    read_at, opened = timezone.now(), _opened(request)
    unsettled = settling.at_rest(opened)
    listed = snapshots.listed(_grant(request), api.subscriptions, anew=bool(unsettled) or _is_asked_anew(request))
    if not opened:
        return listed, []
    settling.settle_by(unsettled, listed.subscriptions, read_at)
    look_again(_user(request))
    return listed, _opened(request)


def _opened(request: PortalRequest) -> list[Rename]:
    user = _user(request)
    return list(settling.open_of(user)) if waiting_for(user).renames else []


def _user(request: PortalRequest) -> User:
    """The request's own, whom the notices ask too: a grant that was renewed meanwhile holds another object."""
    return cast("User", request.user)


def _is_asked_anew(request: HttpRequest) -> bool:
    """Whether the person pressed Refresh, or reloaded the page, as browsers say by Cache-Control (RFC 9111 5.2.1)."""
    wishes = request.headers.get("Cache-Control", "").lower().replace(" ", "").split(",")
    return _REFRESH in request.GET or not {"no-cache", "max-age=0"}.isdisjoint(wishes)


def _same_address(request: HttpRequest, **added: str) -> str:
    """The address of this page, which says `refresh` only if that is added."""
    query = request.GET.copy()
    query.pop(_REFRESH, None)
    query.update(added)
    return f"{request.path}?{query.urlencode()}" if query else request.path


def _selected(request: HttpRequest, listed: Listed) -> listing.Listing:
    wished = {name: request.GET[name] for name in ("q", "state", "sort", "page") if name in request.GET}
    return listing.select(listed.subscriptions, **wished)


def _rows(subscriptions: list[Subscription], opened: list[Rename]) -> list[tuple[Subscription, Rename | None]]:
    """Each with its rename that is not known yet, if there is one."""
    unsettled = {rename.subscription_id: rename for rename in opened}
    return [(each, unsettled.get(each.id)) for each in subscriptions]


def _page(
    request: PortalRequest, listed: Listed, opened: list[Rename], *, outage: AOSError | None = None
) -> HttpResponse:
    """Render the list; one that is old because of an `outage` is only to be looked at."""
    selected = _selected(request, listed)
    context: dict[str, Any] = {"listing": selected, "links": links(selected), "as_of": listed.as_of, "trouble": outage}
    context["rows"] = _rows(selected.rows, opened)
    context["refresh_url"] = _same_address(request, refresh="1")
    page = "_results" if is_htmx(request) else "list"
    response = render(request, f"subscriptions/{page}.html", context, status=outage.status if outage else 200)
    return told_to_wait(response, outage)
