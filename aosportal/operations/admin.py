"""The front page of the administration, the change freeze, and the log of what administrators did."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import models
from django.http import HttpRequest

from aosportal.admin import ReadOnlyAdmin

from .models import Conditions

# Django's own pair of fields for a date and a time has labels that belong to neither.
_MOMENT = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

admin.site.index_template = "operations/index.html"
admin.site.index_title = "Is it well?"


@admin.register(Conditions)
class ConditionsAdmin(admin.ModelAdmin):
    """The one row of it."""

    list_display = ("__str__", "reason", "announcement", "announced_from", "announced_until")
    formfield_overrides = {models.DateTimeField: {"form_class": forms.DateTimeField, "widget": _MOMENT}}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """As long as there is none."""
        may_change = request.user.has_perm("operations.change_conditions")
        return may_change and not Conditions.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """It is emptied instead."""
        return False


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    """What was done in the administration, and who took the audit trail away."""

    list_display = ("action_time", "user", "content_type", "object_repr", "change_message")
    list_filter = ("action_flag",)
    list_select_related = ("user", "content_type")
    list_per_page = 50
    search_fields = ("user__username", "object_repr", "change_message")
    date_hierarchy = "action_time"
