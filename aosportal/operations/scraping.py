"""/metrics, for Prometheus: what the processes of this host have counted, and what the database says just now."""

import hmac
import os
from collections.abc import Iterable

import prometheus_client
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import multiprocess
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

import aosportal
from aosportal import metrics
from aosportal.passport.models import Grant, PendingRevocation
from subscriptions.models import Batch, Gate, OpenRename

from . import heartbeat


@require_safe
def metrics_page(request: HttpRequest) -> HttpResponse:
    """Everything in Prometheus's text format, for whoever shows METRICS_TOKEN as bearer token (RFC 6750)."""
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(shown.encode(), settings.METRICS_TOKEN.encode()):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"})
    text = prometheus_client.generate_latest(_counted()) + prometheus_client.generate_latest(_database())
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(text, content_type=prometheus_client.CONTENT_TYPE_LATEST, headers=headers)


def _counted() -> CollectorRegistry:
    """What all processes have counted that share a directory; without one, this process alone."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return metrics.REGISTRY
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def _database() -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(DatabaseCollector())
    return registry


class DatabaseCollector(Collector):
    """What the shared database says, the same on every host: read at each scrape, in a few small queries."""

    def collect(self) -> Iterable[Metric]:
        """Give what can be read; a database that is away is told as such, and the rest is left out."""
        build = GaugeMetricFamily("aosportal_build_info", "The version that runs.", labels=("version",))
        build.add_metric([aosportal.__version__], 1)
        up = GaugeMetricFamily("aosportal_database_up", "Whether the database answers.")
        try:
            found = [_grants(), _batches(), _open_renames(), _revocations(), _gates(), _workers()]
        except DatabaseError:
            found = []
        up.add_metric([], bool(found))
        return [build, up, *found]


def _grants() -> Metric:
    metric = GaugeMetricFamily("aosportal_grants", "Sign-ins that are open.")
    metric.add_metric([], Grant.objects.filter(status=Grant.Status.ACTIVE).count())
    return metric


def _batches() -> Metric:
    metric = GaugeMetricFamily("aosportal_batches", "Batches, by state.", labels=("state",))
    counted = dict(Batch.objects.order_by().values_list("state").annotate(Count("pk")))
    for state in Batch.State.values:
        metric.add_metric([state], counted.get(state, 0))
    return metric


def _open_renames() -> Metric:
    metric = GaugeMetricFamily("aosportal_open_renames", "Renames whose outcome is not known yet.")
    metric.add_metric([], OpenRename.objects.count())
    return metric


def _workers() -> Metric:
    metric = GaugeMetricFamily("aosportal_workers", "Worker processes that gave a sign of life in five minutes.")
    metric.add_metric([], heartbeat.alive().count())
    return metric


def _revocations() -> Metric:
    metric = GaugeMetricFamily("aosportal_pending_revocations", "Tokens that APS has still to be asked to revoke.")
    metric.add_metric([], PendingRevocation.objects.count())
    return metric


def _gates() -> Metric:
    name, help_text = "aosportal_gate_closed_seconds", "For how long a service still wants no calls; 0: open."
    metric = GaugeMetricFamily(name, help_text, labels=("service",))
    closed = {gate.service: gate for gate in Gate.objects.annotate(now=Now())}
    for service in ("AOS",):
        gate = closed.get(service)
        left = (gate.closed_until - gate.now).total_seconds() if gate and gate.closed_until else 0.0
        metric.add_metric([service], max(0.0, left))
    return metric
