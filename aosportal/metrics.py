"""What is counted while the portal works. docs/monitoring.md lists every metric; a test compares the two.

Under gunicorn the worker processes share a directory of counts (gunicorn.conf.py); else this process counts alone. No
label holds an id, a path or anything else that somebody outside can make more of.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # they would double the samples
REGISTRY = CollectorRegistry()
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

REQUESTS = Histogram(
    "aosportal_request_seconds",
    "Requests to the portal, by route, method and class of status.",
    ("route", "method", "status"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
CALLS = Histogram(
    "aosportal_upstream_seconds",
    "Calls to APS and AOS, by operation and outcome.",
    ("service", "operation", "outcome"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
EVENTS = Counter("aosportal_events", "What the log tells as events.", ("event", "outcome"), registry=REGISTRY)
