"""The audit trail, for those who may read it: everybody's renames, by subscription, person and date.

It changes nothing. An export is itself noted, in the log and among the entries of the administration.
"""

import logging
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from . import permits, reports
from .errors import NotPermitted
from .ledger import with_state
from .models import Rename
from .pages import trouble_page

logger = logging.getLogger(__name__)
_ROWS = 50
_TO_THE_END = timedelta(days=1, microseconds=-1)  # of a day, the last day that there is included
_NOTED = "Exported: "


def _typed_date(label: Any) -> forms.DateField:
    return forms.DateField(label=label, required=False, input_formats=["%Y-%m-%d"])


class Search(forms.Form):
    """What to look for. Days are those of UTC, both ends included."""

    subscription = forms.CharField(label=_("Subscription id"), max_length=128, required=False)
    person = forms.CharField(label=_("Person: name, e-mail or subject"), max_length=255, required=False)
    since = _typed_date(_("From, UTC"))
    until = _typed_date(_("Until, UTC"))

    def found(self) -> QuerySet[Rename]:
        """The renames that fit, newest first; none where the form is wrong."""
        rows = with_state(Rename.objects.all()) if self.is_valid() else Rename.objects.none()
        wanted = self.cleaned_data
        if wanted.get("subscription"):
            rows = rows.filter(subscription_id=wanted["subscription"])
        if wanted.get("person"):
            rows = rows.filter(_is_of(wanted["person"]))
        if wanted.get("since"):
            rows = rows.filter(created__gte=_start_of(wanted["since"]))
        if wanted.get("until"):
            rows = rows.filter(created__lte=_start_of(wanted["until"]) + _TO_THE_END)
        return rows.select_related("user").prefetch_related(reports.events()).order_by("-created", "pk")

    @property
    def query(self) -> str:
        """The same search, for an address."""
        return urlencode({name: self.data[name] for name in self.fields if self.data.get(name)})


def _is_of(person: str) -> Q:
    """By the account's names and address, or by APS's subject to the letter, which outlives the account."""
    parts = Q()
    for word in person.split():
        like = Q(user__username__icontains=word) | Q(user__first_name__icontains=word)
        parts &= like | Q(user__last_name__icontains=word) | Q(user__email__icontains=word)
    return parts | Q(subject=person)


def _start_of(day: Any) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@require_safe
def trail(request: HttpRequest) -> HttpResponse:
    """Show a page of what is looked for."""
    try:
        permits.check(request.user, permits.READ_AUDIT)
    except NotPermitted as error:
        return trouble_page(request, error)
    search = Search(request.GET)
    page = Paginator(search.found(), _ROWS).get_page(request.GET.get("page"))
    return render(request, "subscriptions/audit.html", {"search": search, "page": page})


@require_safe
def export(request: HttpRequest, kind: str) -> HttpResponseBase:
    """Stream all of what is looked for, `csv` or `json`, and note who took it."""
    try:
        permits.check(request.user, permits.READ_AUDIT)
    except NotPermitted as error:
        return trouble_page(request, error)
    search = Search(request.GET)
    rows = search.found()
    note_export(request, f"{kind}, {search.query or 'everything'}")
    return reports.file("audit", reports.FACTS_OF_ALL, reports.facts_of_all, rows, kind)


def note_export(request: HttpRequest, what: str) -> None:
    """Note that somebody took a copy of the ledger away."""
    user = cast("User", request.user)
    LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(Rename),
        object_repr="the audit trail",
        action_flag=CHANGE,
        change_message=f"{_NOTED}{what}",
    )
    logger.info("Audit trail exported: user %s", user.pk)  # whom somebody looked for stays out of the log


def forget_person(subjects: Collection[str], names: Iterable[str]) -> None:
    """Put `(erased)` into the notes of exports for which somebody looked for the person with these."""
    known = [name.lower() for name in names if name]
    for entry in LogEntry.objects.filter(change_message__startswith=_NOTED, change_message__contains="person="):
        kind, _comma, query = entry.change_message.partition(", ")
        search = dict(parse_qsl(query))
        text = search.get("person", "").strip()
        words = text.lower().split()
        if words and (text in subjects or all(any(word in name for name in known) for word in words)):
            search["person"] = "(erased)"
            LogEntry.objects.filter(pk=entry.pk).update(change_message=f"{kind}, {urlencode(search)}")
