"""Alice at her subscriptions, with AOS faked at the wire."""

import pytest

from aosportal import http
from aosportal.passport import tokens
from subscriptions import attempts
from tests.conftest import sign_in
from tests.support import hostile_aos

from .fake_aos import FakeAOS, item


@pytest.fixture
def aos(wire):
    return FakeAOS(wire)


@pytest.fixture
def token():
    return lambda user: tokens.access_token_for(user.grant).reveal()


@pytest.fixture
def hers(client, alice, aos, token):
    """A client with Alice signed in, who has one subscription, s-1."""
    aos.items[token(alice)] = [item()]
    sign_in(client, alice)
    return client


@pytest.fixture
def hostile(client, alice, settings):
    """AOS on a real socket, ready to misbehave. Alice is signed in with `client`, and has one subscription, s-1."""
    aos = hostile_aos.HostileAOS(owner=lambda token: token.removesuffix("-token"), alice=[hostile_aos.item()])
    settings.AOS_BASE_URL, settings.AOS_TIMEOUT = aos.url, 20
    sign_in(client, alice)
    yield aos
    aos.stop()


@pytest.fixture
def evil():
    """A host that AOS may try to lead us to, and that must see nothing: not even a connection."""
    server = hostile_aos.evil()
    yield server
    server.stop()
    assert (server.connections, server.log) == (0, [])


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """Reading back and repeating wait for AOS; tests do not."""
    monkeypatch.setattr(http, "_BACK_OFF", 0)
    monkeypatch.setattr(attempts, "_PAUSE", 0)
