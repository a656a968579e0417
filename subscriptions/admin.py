"""The ledger and the batches in the administration: to look at, and to take away. AOS owns the subscriptions."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django_tasks_db.models import DBTaskResult

from aosportal.admin import ReadOnlyAdmin, ReadOnlyRows

from . import audit, batches, reports
from .ledger import State, with_state
from .models import Batch, Rename, RenameEvent

admin.site.unregister(DBTaskResult)  # its page lets people delete what is queued


class _ByState(admin.SimpleListFilter):
    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The states of a rename."""
        return [(state.value, state.value) for state in State]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Rename]) -> QuerySet[Rename]:
        """The state is that of the last event."""
        wanted: dict[str, Any] = {"state": self.value()}
        return queryset.filter(**wanted) if self.value() else queryset


class _Events(ReadOnlyRows):
    model = RenameEvent
    fields = ("at", "state", "reason", "status", "name_observed", "correlation_id", "request_id")
    ordering = ("number",)


@admin.register(Rename)
class RenameAdmin(ReadOnlyAdmin):
    """The ledger of renames."""

    list_display = ("created", "user", "subscription_id", "name_seen", "name_wanted", "state", "batch_id")
    list_filter = (_ByState,)
    list_select_related = ("user",)
    list_per_page = 50
    search_fields = ("subscription_id", "user__username", "user__email", "subject", "name_seen", "name_wanted")
    date_hierarchy = "created"
    ordering = ("-created",)
    inlines = (_Events,)
    actions = ("export_csv", "export_json")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rename]:
        """Each with its state."""
        return with_state(super().get_queryset(request))

    @admin.display(ordering="state")
    def state(self, rename: Rename) -> str:
        """What is known of it."""
        return rename.state

    @admin.action(description="Export the selected renames as CSV", permissions=["view"])
    def export_csv(self, request: HttpRequest, renames: QuerySet[Rename]) -> HttpResponseBase:
        """All of them, also those of other pages."""
        return _export(request, renames, "csv")

    @admin.action(description="Export the selected renames as JSON", permissions=["view"])
    def export_json(self, request: HttpRequest, renames: QuerySet[Rename]) -> HttpResponseBase:
        """All of them, also those of other pages."""
        return _export(request, renames, "json")


def _export(request: HttpRequest, renames: QuerySet[Rename], kind: str) -> HttpResponseBase:
    audit.note_export(request, f"{kind}, from the administration")
    rows = renames.select_related("user").prefetch_related(reports.events())
    return reports.file("audit", reports.FACTS_OF_ALL, reports.facts_of_all, rows, kind)


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    """Renames that were confirmed at once. Each row's outcome is in the ledger, under the batch's id."""

    list_display = ("created", "user", "state", "trouble", "id")
    list_filter = ("state",)
    list_select_related = ("user",)
    list_per_page = 50
    search_fields = ("user__username", "user__email", "id")
    date_hierarchy = "created"
    ordering = ("-created",)
    fields = ("id", "user", "created", "state", "trouble", "grant_id", "undoes", "rows_by_outcome")
    readonly_fields = ("id", "rows_by_outcome")

    @admin.display
    def rows_by_outcome(self, batch: Batch) -> str:
        """How many rows have which outcome."""
        return ", ".join(f"{outcome}: {rows}" for outcome, rows in sorted(batches.counts(batch).items())) or "none"
