"""Rows E01 to E05: an AOS that cannot be reached, is too slow, or is not AOS. Through the pages, with real sockets."""

import socket
import threading

import pytest

from aosportal import exchange, wire
from tests.passport.test_tls import BAD_HOSTS
from tests.support.hostile_answers import drip, last, silent
from tests.support.hostile_aos import Fault, HostileAOS, ignore, item
from tests.support.servers import Authority
from tests.support.stand_ins import free_ports
from tests.support.tcp_proxy import TCPProxy

from .group_e import (
    NOT_KNOWN,
    assert_done,
    assert_kept,
    assert_not_known,
    assert_trouble,
    at_most,
    open_form,
    press_save,
    rename,
)
from .pages import LIST, words

pytestmark = pytest.mark.django_db
DRIPS = ["status line", "headers", "body"]


@pytest.fixture
def way(hostile, settings):
    """The way to AOS."""
    proxy = TCPProxy(("127.0.0.1", hostile.port))
    settings.AOS_BASE_URL = f"http://127.0.0.1:{proxy.port}"
    yield proxy
    proxy.stop()


def test_e01_a_black_hole_costs_its_connect_timeout_and_nothing_is_sent(hostile, client, settings, way):
    opened = open_form(client)
    way.swallow()
    way.cut()
    settings.CONNECT_TIMEOUT, settings.AOS_TIMEOUT = 0.3, 30
    with at_most(10):  # three tries, and not the deadline
        assert_trouble(client.get(f"{LIST}?refresh=1"), 504)
    with at_most(10):
        assert_kept(press_save(client, opened, " New "), 504)
    assert hostile.sent == []


def test_e01_a_way_that_is_cut_when_the_change_is_sent_did_nothing_and_then_the_same_form_works(
    hostile, client, settings, way
):
    settings.CONNECT_TIMEOUT = 0.2
    opened = open_form(client)
    hostile.gets = [Fault(lambda talk: (way.swallow(), last(talk)))]
    page = press_save(client, opened, " New ")
    assert_kept(page, 504)
    assert NOT_KNOWN not in words(page)
    assert hostile.sent == []
    way.accept()
    assert_done(press_save(client, page, " New "), client)
    assert len(hostile.sent) == hostile.applied == 1


def test_e02_an_aos_that_says_nothing_is_told_in_time(hostile, client, settings):
    settings.AOS_TIMEOUT = 2
    hostile.every_get = Fault(silent)
    with at_most(10):
        page = client.get(LIST)
    assert_trouble(page, 504)
    assert "did not answer in time" in words(page)
    assert len(hostile.log) <= 3


def test_e02_a_form_that_cannot_look_first_sends_nothing(hostile, client, settings):
    opened = open_form(client)
    settings.AOS_TIMEOUT = 2
    hostile.every_get = Fault(silent)
    with at_most(10):
        assert_kept(press_save(client, opened, " New "), 504)
    assert hostile.sent == []


def test_e02_a_change_that_gets_no_answer_is_not_known(hostile, client, settings):
    settings.AOS_TIMEOUT = 2
    hostile.puts = [Fault(silent, does=ignore)]
    with at_most(10):
        assert_not_known(rename(client), 504)
    assert len(hostile.sent) == 1


@pytest.mark.parametrize("part", DRIPS)
def test_e03_a_list_that_drips_ends_at_the_deadline(hostile, client, settings, part):
    settings.AOS_TIMEOUT = 2
    hostile.every_get = Fault(drip(part))
    with at_most(10):
        assert_trouble(client.get(LIST), 504)


@pytest.mark.parametrize("part", DRIPS)
def test_e03_a_rename_whose_answer_drips_ends_at_the_deadline_and_is_looked_up(hostile, client, settings, part):
    settings.AOS_TIMEOUT = 2
    hostile.puts = [Fault(drip(part)), Fault(drip(part), does=ignore)]
    with at_most(10):
        page = rename(client)
    assert_done(page, client)
    with at_most(10):
        assert_not_known(rename(client, " Newer "), 504, " Newer ")
    assert (len(hostile.sent), hostile.applied) == (2, 1)


@pytest.fixture
def names(monkeypatch, hostile, settings):
    """AOS by a name. `answer` in the returned dictionary is what the resolver does; `asked` counts the questions."""
    resolver = {"asked": 0, "answer": None}
    real = socket.getaddrinfo

    def look_up(host, *args, **kwargs):
        if host != "aos.test":
            return real(host, *args, **kwargs)
        resolver["asked"] += 1
        return resolver["answer"]() if resolver["answer"] else real("127.0.0.1", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    settings.AOS_BASE_URL = f"http://aos.test:{hostile.port}"
    return resolver


def unknown_name():
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def resolver_is_down():
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def wrong_address():
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", free_ports(1)[0]))]


def no_address():
    return []


BAD_NAMES = [unknown_name, resolver_is_down, wrong_address, no_address]


@pytest.mark.parametrize("answer", BAD_NAMES, ids=lambda answer: answer.__name__)
def test_e04_a_name_that_leads_nowhere_and_then_does(hostile, client, names, answer):
    opened = open_form(client)
    names["answer"], names["asked"] = answer, 0
    hostile_before = len(hostile.log)
    hostile.hang_up()  # connections that are open need no name
    with at_most(10):
        assert_trouble(client.get(f"{LIST}?refresh=1"), 502)
    assert 1 <= names["asked"] <= 3
    again = press_save(client, opened, " New ")
    assert_kept(again, 502)
    assert names["asked"] <= 6
    assert len(hostile.log) == hostile_before

    names["answer"] = None
    assert_done(press_save(client, again, " New "), client)
    assert len(hostile.sent) == 1


def test_e04_a_resolver_that_hangs_ends_in_time(hostile, client, settings, names):
    over = threading.Event()
    settings.CONNECT_TIMEOUT, names["answer"] = 0.3, lambda: over.wait(30)
    with at_most(10):
        assert_trouble(client.get(LIST), 504)
    over.set()


def test_e04_an_aos_that_is_gone_when_the_change_is_sent_did_nothing(hostile, client, way):
    opened = open_form(client)
    hostile.gets = [Fault(lambda talk: (way.refuse(), last(talk)))]
    page = press_save(client, opened, " New ")
    assert_kept(page, 502)
    assert NOT_KNOWN not in words(page)
    assert hostile.sent == []


@pytest.fixture
def authority(settings):
    authority = Authority()
    settings.CA_BUNDLE = authority.bundle
    for each in (wire.tls_context, exchange._session):
        each.cache_clear()
    yield authority
    wire.tls_context.cache_clear()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("case", BAD_HOSTS)
def test_e05_a_host_that_cannot_prove_itself_gets_no_request(client, hostile, settings, authority, caplog, case):
    opened = open_form(client)
    impostor = HostileAOS(tls=BAD_HOSTS[case](authority), owner=lambda token: "alice", alice=[item(name="Evil!")])
    settings.AOS_BASE_URL = impostor.url
    assert_trouble(client.get(f"{LIST}?refresh=1"), 502)
    assert_kept(press_save(client, opened, " New "), 502)
    impostor.stop()
    assert impostor.connections > 0
    assert impostor.log == []
    assert "TLS failed" in caplog.text
    assert "alice-token" not in caplog.text


def test_e05_the_right_host_is_believed(client, alice, hostile, settings, authority):
    real = HostileAOS(
        tls=authority.context("localhost"), owner=lambda token: token.removesuffix("-token"), alice=[item()]
    )
    settings.AOS_BASE_URL = real.url
    assert_done(rename(client), client)
    real.stop()
