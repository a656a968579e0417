"""Renaming many, up to the preview: what is selected, what is wanted. It knows no HTTP to AOS."""

from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from aosportal import language
from aosportal.passport.portal_request import PortalRequest

from . import batches, drafts, exporting, listing, permits, planning, rescue, snapshots
from .aos import AOS, NO_TOKEN, AOSError, Subscription
from .errors import Frozen, NotPermitted
from .importing import NotUsable
from .many_forms import EditForm, Selection, TableForm, typed
from .models import Batch
from .pages import note, told_to_wait, trouble_page, with_aos

_COLUMNS = ("id", "displayName", "newName")
_RECENT = 10


@require_http_methods(["GET", "HEAD", "POST"])
@with_aos
def rename_many(request: PortalRequest, api: AOS) -> HttpResponseBase:
    """Show the forms for what is selected, or plan what one of them asks for."""
    if "language" in request.POST:
        drafts.keep(_user(request).pk, drafts.MANY, typed(request))
        return language.choose(request)
    edit, table = _forms(request)
    try:
        permits.check_change(request.user, permits.RENAME_MANY)
        if request.method != "POST" and "all" not in request.GET:
            return _open(request)
        if "plan" not in request.POST:
            return _page(request, edit, table, selected=_selection(request).of_list(_listed(api)))
        return _plan(request, api, edit, table)
    except AOSError as error:
        if request.method != "POST" and isinstance(error, (Frozen, NotPermitted)):
            return trouble_page(request, error)
        return _page(request, edit, table, trouble=error)
    except NO_TOKEN:
        if request.method == "POST":
            drafts.keep(_user(request).pk, drafts.MANY, typed(request))
        raise


@require_safe
@with_aos
def list_csv(request: HttpRequest, api: AOS) -> HttpResponseBase:
    """Give what the list shows as a table to edit: the new names are the present ones until somebody changes them."""
    try:
        permits.check(request.user, permits.RENAME_MANY)
        rows = listing.select(_listed(api), request.GET.get("q", ""), request.GET.get("state", "")).matching
    except AOSError as error:
        return trouble_page(request, error)
    return exporting.csv_file("rename", _COLUMNS, ((each.id, each.name, each.name) for each in rows))


def _listed(api: AOS, *, anew: bool = False) -> list[Subscription]:
    return snapshots.listed(api.grant, api.subscriptions, anew=anew).subscriptions


def _selection(request: HttpRequest) -> Selection:
    return Selection.of(request.POST if request.method == "POST" else request.GET)


def _forms(request: HttpRequest) -> tuple[EditForm, TableForm]:
    """Only the form whose button was pressed has to be filled in; what was typed in the other stays in it."""
    is_large = int(request.META.get("CONTENT_LENGTH") or 0) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE
    plan = request.POST.get("plan")
    edit = EditForm(request.POST if plan == "edit" else None, initial=request.POST.dict())
    table = TableForm(request.POST, request.FILES, is_large=is_large) if plan == "table" else None
    return edit, table or TableForm(initial=request.POST.dict())


def _plan(request: PortalRequest, api: AOS, edit: EditForm, table: TableForm) -> HttpResponse:
    """Keep the plan, so that its preview has an address of its own."""
    form: EditForm | TableForm = table if table.is_bound else edit
    subscriptions = _listed(api, anew=True)
    selected = _selection(request).of_list(subscriptions)
    if not form.is_valid():
        return _page(request, edit, table, selected=selected, status=422)
    try:
        wishes = form.proposals() if isinstance(form, TableForm) else form.proposals(selected)
    except NotUsable as error:
        form.add_error(None, str(error))
        return _page(request, edit, table, selected=selected, status=422)
    batch = batches.plan(api.sign_in, planning.check(wishes, subscriptions), asked=typed(request))
    drafts.forget(_user(request).pk, drafts.MANY)
    return redirect("subscriptions:batch", batch.pk)


def _open(request: PortalRequest) -> HttpResponse:
    """Show the forms as they were when a sign-in ended, or before the preview that `again` names; or empty."""
    text = drafts.kept(_user(request).pk, drafts.MANY)
    if text is not None:
        messages.info(request, _("We kept what you typed. Nothing was sent yet."))
    elif "again" in request.GET:
        text = batches.asked(_user(request), request.GET["again"])
    kept = QueryDict(text)
    initial = kept.dict()
    return _page(request, EditForm(initial=initial), TableForm(initial=initial), selection=Selection.of(kept))


def _page(
    request: PortalRequest,
    edit: EditForm,
    table: TableForm,
    *,
    selected: list[Subscription] | None = None,
    selection: Selection | None = None,
    trouble: AOSError | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render the forms. `selected` is None where the list was not read."""
    context: dict[str, Any] = {"edit": edit, "table": table, "selected": selected, "trouble": trouble}
    context["selection"] = selection or _selection(request)
    context["ticket"] = rescue.ticket(_user(request).pk, drafts.MANY)
    context["recent"] = Batch.objects.filter(user=_user(request)).order_by("-created")[:_RECENT]
    context["most_rows"] = planning.MOST_ROWS
    if trouble:
        note(request, trouble)
    response = render(request, "subscriptions/many/start.html", context, status=trouble.status if trouble else status)
    return told_to_wait(response, trouble)


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)
