"""What a platform asks before it sends people here: is the process alive, and can it serve? (decision 24)"""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

_known = {"is_migrated": False}  # once they are applied, they stay so while this process lives


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """200 while the process answers at all: it asks nothing and nobody."""
    return _said("alive", 200)


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 where the database answers and is migrated, else 503. The cache is no reason (decision 25)."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _is_migrated():
            return _said("not ready: migrations", 503)
    except DatabaseError:
        return _said("not ready: database", 503)
    return _said("ready", 200)


def _is_migrated() -> bool:
    if not _known["is_migrated"]:
        executor = MigrationExecutor(connection)
        _known["is_migrated"] = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _known["is_migrated"]


def _said(words: str, status: int) -> HttpResponse:
    """Plain words, without the portal's name, host or version."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(f"{words}\n", content_type="text/plain", status=status, headers=headers)
