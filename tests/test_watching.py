"""Events, metrics, health: what operators see of the portal."""

import ast
import json
import logging
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from django.db import OperationalError, connection

import aosportal
from aosportal import events
from aosportal.logs import JSONFormatter
from aosportal.operations import health
from subscriptions.models import Gate
from tests.conftest import browser, sign_in
from tests.support.fake_aps import begin, finish

ROOT = Path(__file__).resolve().parent.parent
DOCS = (ROOT / "docs" / "monitoring.md").read_text()
ALERTS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
AOS = "https://aos.test/api/v2/subscriptions"
TOKEN = "METRICS-CANARY-0123456789"


@pytest.fixture
def told():
    """The events that were told, as lists of (event, outcome), and all fields."""
    records = []

    class Sink(logging.Handler):
        def emit(self, record):
            records.append(record.fields)

    sink = Sink()
    events.logger.addHandler(sink)
    yield lambda *names: [each for each in records if each["event"] in names]
    events.logger.removeHandler(sink)


@pytest.fixture
def scraped(client, settings, db):
    settings.METRICS_TOKEN = TOKEN
    return lambda: client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})


# --- The written list


def table(heading):
    """The rows of the table under a heading, cell by cell."""
    part = DOCS.split(f"{heading}\n", 1)[1].split("\n#", 1)[0]
    return [re.split(r"(?<!\\) \| ", row.strip("| ")) for row in re.findall(r"^\| `.*$", part, flags=re.M)]


def notes():
    """Each `events.note(…)` in the code: event, and what it passes by name."""
    for package in ("aosportal", "subscriptions"):
        for source in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(source.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "events.note":
                    yield node.args[0].value, {word.arg for word in node.keywords if word.arg}


def test_the_events_written_down_are_those_of_the_code_both_ways():
    rows = {row[0].strip("`"): row for row in table("### Events")}
    assert {name: set(re.findall(r"`(\w+)`", row[1])) for name, row in rows.items()} == {
        name: set(outcomes) for name, outcomes in events.EVENTS.items()
    }
    assert {event for event, _ in notes()} == set(events.EVENTS)
    for event, fields in notes():
        assert fields - {"user"} <= set(re.findall(r"`(\w+)`", rows[event][-1])), event


def metric_names(text):
    return set(re.findall(r"^# TYPE (\w+)", text, flags=re.M))


def test_the_metrics_written_down_are_those_of_the_code_both_ways(scraped):
    scraped()
    assert {row[0].strip("`") for row in table("## Metrics")} == metric_names(scraped().content.decode())


def test_the_alert_rules_name_only_metrics_and_outcomes_that_exist(scraped):
    rules = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    known = {re.sub(r"_total$", "", name) for name in metric_names(scraped().content.decode())}
    assert len(rules) > 8
    for rule in rules:
        assert {"alert", "expr", "labels", "annotations"} <= set(rule)
        named = set(re.findall(r"aosportal_\w+", rule["expr"]))
        assert named
        assert {re.sub(r"_(total|count|bucket|sum)$", "", name) for name in named} <= known
        for event, outcome in re.findall(r'event="(\w+)", outcome!?="(\w+)"', rule["expr"]):
            assert outcome in events.EVENTS[event]


def test_the_version_is_the_projects():
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == aosportal.__version__


# --- A27: one event for each thing that matters


def test_a27_signing_in_and_out(aps, client, told):
    aps.sign_in(client)
    client.post("/logout/")
    finish(client, begin(client), error="access_denied")
    aps.replies["/connect/token"] = (503, {}, "")
    aps.sign_in(browser())

    assert [each["outcome"] for each in told("sign_in")] == ["ok", "declined", "unavailable"]
    assert told("sign_in")[0]["user"] == told("sign_out")[0]["user"]
    assert told("sign_in")[0]["seconds"] >= 0
    assert [each["reason"] for each in told("grant")] == ["signed out"]
    assert [each["outcome"] for each in told("revocation")] == ["ok", "ok"]


def test_a27_what_is_refused(aps, client, told, settings):
    strict = browser(enforce_csrf_checks=True)
    strict.post("/login/aps/")
    assert [(each["event"], each["path"]) for each in told("csrf")] == [("csrf", "/login/aps/")]

    aps.sign_in(client)
    assert client.get("/admin/", follow=True).status_code == 403
    assert [(each["path"], each["outcome"]) for each in told("denied")] == [("/admin/login/", "refused")]
    assert told("denied")[0]["user"]

    settings.SIGN_IN_RATE_BROWSER = 1
    client.post("/login/aps/")
    client.post("/login/aps/")
    assert len(told("rate_limit")) == 1


def test_a27_what_the_admin_did_not_take_is_not_told_as_done(client, alice, told):
    page = f"/admin/auth/user/{alice.pk}/change/"
    assert client.post(page).status_code == 302
    sign_in(client, alice)
    assert client.post(page).status_code == 302
    assert told("admin") == []


def test_a27_aos_refuses_and_says_its_own_id(client, alice, wire, told):
    wire.add("GET", AOS, status=403, json={"correlationId": "their-id-1"})
    sign_in(client, alice)
    page = client.get("/subscriptions/")

    (call,) = told("call")
    assert (call["outcome"], call["status"], call["upstream_id"], call["user"]) == (
        "forbidden",
        403,
        "their-id-1",
        str(alice.pk),
    )
    assert page["X-Request-ID"] in page.content.decode()


def test_a27_a_refresh_that_works_and_one_that_ends(aps, client, wire, told):
    wire.add("GET", AOS, json=[])
    aps.sign_in(client)
    from aosportal.passport.models import Grant

    Grant.objects.update(expires_at="2020-01-01T00:00Z")
    client.get("/subscriptions/")
    Grant.objects.update(expires_at="2020-01-01T00:00Z")
    aps.families.clear()
    client.get("/subscriptions/?refresh=1")

    assert [each["outcome"] for each in told("refresh")] == ["ok", "ended"]
    assert "token_refresh_token" in {each["operation"] for each in told("call")}


# --- The lines


def test_a26_a_json_line_is_one_object_whatever_is_in_it():
    record = logging.LogRecord(
        "x", 30, "", 0, 'GET /complete/aps/?code=CODE-CANARY" %s', ("a\r\n\x1b[31m\u2028b",), None
    )
    record.fields = {"event": "denied", "path": "/a?code=CODE-CANARY", "seconds": 0.5}
    try:
        raise ValueError("?code=CODE-CANARY")
    except ValueError:
        record.exc_info = sys.exc_info()
    line = JSONFormatter().format(record)
    read = json.loads(line)

    assert len(line.splitlines()) == 1
    assert "CANARY" not in line
    assert (read["event"], read["seconds"], read["level"]) == ("denied", 0.5, "WARNING")
    assert "Traceback" in read["traceback"]
    assert read["time"].endswith("+00:00")


def test_an_event_in_a_line_can_be_taken_apart(caplog):
    events.note("denied", "refused", path='/a b="c"\n', reason=None, wait=1.23456)
    assert caplog.messages == ['denied refused path="/a b=\\"c\\"\\n" wait=1.235']


# --- Pages that report trouble


@pytest.mark.parametrize("path", ["/nowhere/", "/admin/"])
def test_an_error_page_shows_the_id(aps, client, path):
    aps.sign_in(client)
    page = client.get(path, follow=True)
    assert page.status_code in (403, 404)
    assert page["X-Request-ID"] in page.content.decode()


def test_bare_pages_and_failed_sign_ins_show_it_too(aps, client, monkeypatch):
    assert_shown(browser().get("/login/", headers={"Host": "evil.test"}), 400)
    assert_shown(finish(client, begin(client), error="access_denied"), 401, 403)
    assert_shown(browser(enforce_csrf_checks=True).post("/login/aps/"), 403)
    client.raise_request_exception = False
    for error, status in ((ValueError(), 500), (OperationalError(), 503)):
        monkeypatch.setattr("aosportal.passport.rate_limits.seconds_before_sign_in", lambda request, e=error: raised(e))
        assert_shown(client.post("/login/aps/"), status)
    monkeypatch.setattr("aosportal.passport.rate_limits.seconds_before_sign_in", lambda request: 5)
    assert_shown(client.post("/login/aps/"), 429)


def raised(error):
    raise error


def assert_shown(page, *statuses):
    assert page.status_code in statuses, page.status_code
    assert page["X-Request-ID"] in page.content.decode()


# --- Health


def elsewhere(address, method="get", **headers):
    """As a balancer asks: plain http, by an address that is no host of ours."""
    client = browser(**headers)
    client.secure = False
    return getattr(client, method)(address, headers={"Host": "10.1.2.3:8000"})


@pytest.mark.parametrize("method", ["get", "head"])
def test_health_answers_plain_http_and_any_host_without_session_or_version(db, method):
    for address in ("/health/live", "/health/ready"):
        answer = elsewhere(address, method)
        assert answer.status_code == 200
        assert not answer.cookies
        assert not re.search(r"\d|portal|django|python", answer.content.decode(), re.I)
        assert elsewhere(address, "post").status_code == 405


def test_live_asks_nobody(django_assert_num_queries, db):
    with django_assert_num_queries(0):
        assert elsewhere("/health/live").status_code == 200


def test_not_ready_without_the_database_or_its_migrations(db, monkeypatch):
    def away(*args):
        raise OperationalError("CANARY")

    with connection.execute_wrapper(away):
        answer = elsewhere("/health/ready")
    assert (answer.status_code, answer.content) == (503, b"not ready: database\n")

    monkeypatch.setitem(health._known, "is_migrated", False)
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *args: ["one"])
    answer = elsewhere("/health/ready")
    assert (answer.status_code, answer.content) == (503, b"not ready: migrations\n")


# --- Metrics


def test_metrics_ask_for_their_token(client, db, settings):
    assert client.get("/metrics").status_code == 404
    settings.METRICS_TOKEN = TOKEN
    for header in ({}, {"Authorization": "Bearer no"}, {"Authorization": "Bearer "}, {"Authorization": "Bearer é"}):
        answer = client.get("/metrics", headers=header)
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")


def value(page, name, **labels):
    """A sample of the answer, or 0."""
    for line in page.content.decode().splitlines():
        if line.startswith(name) and all(f'{key}="{text}"' in line for key, text in labels.items()):
            return float(line.rsplit(" ", 1)[1])
    return 0.0


def test_metrics_count_requests_calls_and_events(client, alice, wire, scraped):
    wire.add("GET", AOS, json=[])
    sign_in(client, alice)
    Gate.objects.create(service="AOS")
    samples = {
        "aosportal_request_seconds_count": {"route": "subscriptions:list", "method": "GET", "status": "2xx"},
        "aosportal_upstream_seconds_count": {"service": "AOS", "operation": "list", "outcome": "ok"},
        "aosportal_events_total": {"event": "call", "outcome": "ok"},
    }
    before = scraped()
    client.get("/subscriptions/")
    client.get("/subscriptions/CANARY-unknown/rename/?q=CANARY")
    after = scraped()
    for name, labels in samples.items():
        assert value(after, name, **labels) >= value(before, name, **labels) + 1
    assert value(after, "aosportal_grants") == 1
    assert value(after, "aosportal_workers") == 0
    assert "CANARY" not in after.content.decode()


def test_metrics_without_the_database_say_so(client, scraped):
    def away(*args):
        raise OperationalError

    with connection.execute_wrapper(away):
        page = scraped()
    assert value(page, "aosportal_database_up") == 0
    assert "aosportal_request_seconds" in page.content.decode()
