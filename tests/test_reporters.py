"""D18: what a reporter of errors (Sentry and the like) would see: the locals of every frame, along the whole chain."""

import sys

import pytest
from django.core.signals import got_request_exception

from aosportal.passport import backend, models, single_flight
from aosportal.passport.models import Grant
from tests.support.fake_aps import begin
from tests.test_canary import AOS, found_in


class Broken(Exception):
    """A mistake that nobody expects."""


@pytest.fixture
def reported():
    """All that a reporter could send of each exception that no view handles."""
    seen = []

    def report(sender, request, **rest):

        error = sys.exception()
        while error is not None:
            seen.append(f"{error!r} {error.args!r}")
            trace = error.__traceback__
            while trace is not None:
                seen.extend([_shown(each) for each in trace.tb_frame.f_locals.values()])
                trace = trace.tb_next
            error = error.__cause__ or error.__context__

    got_request_exception.connect(report)
    yield seen
    got_request_exception.disconnect(report)


def _shown(value):
    """As reporters do; the request itself is shown with its address, whose query they are told to leave out."""
    try:
        return repr(value).split("?")[0] if "WSGIRequest" in repr(value) else repr(value)
    except Exception as error:  # noqa: BLE001 - reporters go on too
        return type(error).__name__


def fail(*args, **kwargs):
    raise Broken("on purpose")


def in_the_pipeline(monkeypatch):
    monkeypatch.setattr(models.Grant, "of_sign_in", fail)


def at_the_id_token(monkeypatch):
    monkeypatch.setattr(backend.claims, "check_times", fail)


def at_the_socket(monkeypatch):
    monkeypatch.setattr("aosportal.exchange._read", fail)


@pytest.mark.parametrize("place", [in_the_pipeline, at_the_id_token, at_the_socket])
def test_d18_a_sign_in_that_breaks(aps, client, reported, monkeypatch, place):
    client.raise_request_exception = False
    query = begin(client)
    code = aps.authorize(query)
    place(monkeypatch)
    assert client.get("/complete/aps/", {"state": query["state"], "code": code}).status_code == 500

    assert any("on purpose" in text for text in reported)
    assert found_in("\n".join(reported)) == []


@pytest.mark.parametrize(
    "place", ["aosportal.exchange._read", "aosportal.passport.backend.AlliancePassport.check_token_type"]
)
def test_d18_a_refresh_that_breaks(aps, client, wire, reported, monkeypatch, place):
    client.raise_request_exception = False
    aps.sign_in(client)
    Grant.objects.update(expires_at="2020-01-01T00:00Z")
    monkeypatch.setattr(place, fail)
    assert client.get("/subscriptions/").status_code == 500

    assert any("on purpose" in text for text in reported)
    assert found_in("\n".join(reported)) == []


def test_d18_new_tokens_that_cannot_be_stored(aps, client, reported, monkeypatch):
    client.raise_request_exception = False
    aps.sign_in(client)
    Grant.objects.update(expires_at="2020-01-01T00:00Z")
    monkeypatch.setattr(single_flight, "claimed", fail)
    assert client.get("/subscriptions/").status_code == 500

    assert found_in("\n".join(reported)) == []


def test_d18_a_call_to_aos_that_breaks(aps, client, wire, reported, monkeypatch):
    client.raise_request_exception = False
    aps.sign_in(client)
    wire.add("GET", AOS, json=[])
    monkeypatch.setattr("aosportal.exchange._read", fail)
    assert client.get("/subscriptions/").status_code == 500

    assert any("on purpose" in text for text in reported)
    assert found_in("\n".join(reported)) == []
