"""Under gunicorn: /metrics sums over all workers, and every line of the log is JSON with the request's id."""

import json
import re

import pytest
import requests

from tests.support.people import until
from tests.support.portal import Portal
from tests.support.workers import kill, workers_of

TOKEN = "0123456789-METRICS-CANARY"
PAGE = re.compile(r'^aosportal_request_seconds_count\{method="GET",route="passport:login",status="2xx"\} (\S+)$', re.M)


@pytest.fixture(scope="module")
def portal():
    portal = Portal(METRICS_TOKEN=TOKEN, LOG_FORMAT="json", LOG_LEVEL="INFO")
    yield portal
    portal.stop()


def scrape(portal):
    answer = requests.get(f"{portal.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
    assert answer.status_code == 200
    return answer.text


def logged(portal):
    """The lines of the log, each of which is JSON; the last one may still be being written."""
    return [json.loads(line) for line in portal.log.read_text().splitlines(keepends=True) if line.endswith("\n")]


def asked(portal):
    """What the log says of those who asked for the sign-in page."""
    lines = logged(portal)
    return [line for line in lines if line["logger"] == "gunicorn.access" and line.get("path") == "/login/"]


def test_metrics_sum_over_the_workers_of_the_host_and_survive_one(portal):
    ids = {requests.get(f"{portal.url}/login/", timeout=30).headers["X-Request-ID"] for _ in range(20)}
    assert float(PAGE.search(scrape(portal))[1]) == 20
    until(lambda: len(asked(portal)) == 20)  # a line is written when its answer has been sent
    kill(portal, next(iter(workers_of(portal))))
    assert float(PAGE.search(scrape(portal))[1]) == 20

    assert {line["request_id"] for line in asked(portal)} == ids
    assert {line["status"] for line in asked(portal)} == {200}
    assert any(line["logger"] == "gunicorn.error" for line in logged(portal))
    assert "CANARY" not in portal.log.read_text()


def test_health_by_a_real_server(portal):
    for method in ("GET", "HEAD"):
        for address in ("/health/live", "/health/ready"):
            answer = requests.request(method, portal.url + address, headers={"Host": "elsewhere.test"}, timeout=30)
            assert answer.status_code == 200
