"""What the pages of the administration share. It speaks English alone."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class LookOnly(admin.options.BaseModelAdmin):
    """Looks, and touches nothing."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False


class ReadOnlyAdmin(LookOnly, admin.ModelAdmin):
    """A page to look at."""

    class Media:
        css = {"all": ["admin.css"]}


class ReadOnlyRows(LookOnly, admin.StackedInline):
    """Rows of another model, to look at. Stacked: Django's table of them has a header without words."""

    extra = 0
    can_delete = False
