"""Addresses under /subscriptions/."""

from django.urls import path, register_converter

from . import audit, batch_views, history, list_views, many_views, views
from .answers import SAFE_ID


class SafeIdConverter:
    """An id that is fit for a URL (decision 19); any other address is not found."""

    regex = SAFE_ID

    def to_python(self, value: str) -> str:
        """Take it as it is."""
        return value

    def to_url(self, value: str) -> str:
        """Take it as it is."""
        return value


register_converter(SafeIdConverter, "safe_id")

app_name = "subscriptions"
urlpatterns = [
    path("", list_views.subscription_list, name="list"),
    path("export.csv", list_views.export, {"kind": "csv"}, name="export_csv"),
    path("export.json", list_views.export, {"kind": "json"}, name="export_json"),
    path("audit/", audit.trail, name="audit"),
    path("audit/export.csv", audit.export, {"kind": "csv"}, name="audit_csv"),
    path("audit/export.json", audit.export, {"kind": "json"}, name="audit_json"),
    path("renames/", history.history, name="renames"),
    path("renames/export.csv", history.export, {"kind": "csv"}, name="renames_csv"),
    path("renames/export.json", history.export, {"kind": "json"}, name="renames_json"),
    path("renames/<uuid:rename_id>/undo/", history.undo, name="undo"),
    path("rename-many/", many_views.rename_many, name="rename_many"),
    path("rename-many/list.csv", many_views.list_csv, name="rename_many_csv"),
    path("rename-many/<uuid:batch_id>/", batch_views.batch, name="batch"),
    path("rename-many/<uuid:batch_id>/result.csv", batch_views.result_csv, name="batch_csv"),
    path("<safe_id:subscription_id>/rename/", views.rename, name="rename"),
    path("<safe_id:subscription_id>/same-name/", views.same_name, name="same_name"),
]
