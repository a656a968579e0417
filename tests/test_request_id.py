"""One id for each web request: in our answer, in what we send to APS and AOS, on every line of the log."""

import io
import logging
import re

import pytest
from django.conf import settings

from aosportal import request_id
from aosportal.logs import CarefulFormatter
from tests.conftest import sign_in

pytestmark = pytest.mark.django_db
AOS = "https://aos.test/api/v2/subscriptions"
ID = re.compile(r"[0-9a-f]{32}")


@pytest.fixture
def log():
    """The lines of the log, as they are written."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(CarefulFormatter(settings.LOGGING["formatters"]["line"]["format"], style="{"))
    logging.getLogger().addHandler(handler)
    yield lambda: written.getvalue().splitlines()
    logging.getLogger().removeHandler(handler)


def test_each_request_has_an_id_of_its_own_and_none_that_comes_in_is_believed(client):
    ids = [client.get("/login/", headers={"X-Request-ID": "forged"})["X-Request-ID"] for _ in range(3)]
    assert all(ID.fullmatch(each) for each in ids)
    assert len(set(ids)) == 3


@pytest.mark.parametrize("path", ["/", "/nowhere/", "/subscriptions/", "/static/nothing.css", "/login/aps/"])
def test_every_answer_has_it(client, path):
    assert ID.fullmatch(client.get(path)["X-Request-ID"])


def test_aos_is_sent_it_with_every_call(client, alice, wire):
    wire.add("GET", AOS, status=503)
    sign_in(client, alice)
    page = client.get("/subscriptions/", headers={"X-Request-ID": "forged"})
    assert [call.request.headers["X-Request-ID"] for call in wire.calls] == [page["X-Request-ID"]] * 3
    spans = [call.request.headers["traceparent"].split("-") for call in wire.calls]
    assert [(span[0], span[1], span[3]) for span in spans] == [("00", page["X-Request-ID"], "00")] * 3
    assert len({span[2] for span in spans}) == 3


def test_aps_is_sent_it_too(client, aps):
    page = client.post("/login/aps/")
    assert page.status_code == 302
    assert {request.headers["X-Request-ID"] for request in aps.requests} == {page["X-Request-ID"]}


def test_every_line_of_the_log_has_it(client, alice, wire, log):
    wire.add("GET", AOS, status=500)
    sign_in(client, alice)
    start = len(log())
    page = client.get("/subscriptions/")
    lines = log()[start:]
    assert any(" call failed " in line for line in lines)
    assert any("Bad Gateway" in line for line in lines)  # Django's own, written after all middleware
    assert {line.split()[4] for line in lines} == {page["X-Request-ID"]}


def test_outside_a_request_the_log_has_a_dash_until_somebody_asks(log):
    logging.getLogger("aosportal").warning("before")
    made = request_id.current()
    logging.getLogger("aosportal").warning("after")
    assert [line.split()[4] for line in log()] == ["-", made]
    assert request_id.current() == made
    assert ID.fullmatch(made)
    assert request_id.fresh() != made
