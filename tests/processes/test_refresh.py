"""One refresh for all who ask at once, over worker processes and real TLS.

The provider ends everything that came from a sign-in when one of its refresh tokens is spent twice.
"""

import time

import pytest

from tests.processes.conftest import APS_SECONDS, assert_list_of, assert_sent_to_sign_in, list_of
from tests.support.fake_aps import JSON
from tests.support.people import at_once


def test_e35_forty_requests_of_one_sign_in_at_expiry_cost_one_refresh(world):
    alice = world.person()
    until_workers_share(world, lambda: forty_at_expiry_cost_one_refresh(world, alice))
    assert_alive(world, alice)


def until_workers_share(world, ask):
    """Do it again while one worker takes all the requests, as happens at times."""
    workers = set()
    for _ in range(5):
        world.forget_answers()
        ask()
        workers = world.workers_that_answered()
        if len(workers) > 1:
            break
    assert len(workers) > 1


def forty_at_expiry_cost_one_refresh(world, person):
    world.expire()
    newest = list(world.aps.families)[-1]
    for answer in at_once([list_of(person)] * 40):
        assert_list_of(person, answer)
    assert world.aps.refreshes() == [newest]
    assert len({token for token, _cookie in world.aos.asked}) == 1


def assert_alive(world, person):
    """The sign-in goes on: with its present token, and with the refresh token that came with it."""
    assert_list_of(person, person.get("/subscriptions/"))
    world.expire()
    assert_list_of(person, person.get("/subscriptions/"))
    assert len(world.aps.refreshes()) == 1


def test_e09_e35_forty_requests_with_a_refused_token_cost_one_refresh(world):
    alice = world.person()
    until_workers_share(world, lambda: forty_with_a_refused_token_cost_one_refresh(world, alice))
    assert_alive(world, alice)


def forty_with_a_refused_token_cost_one_refresh(world, person):
    person.get("/subscriptions/")
    world.aos.refused = {world.aos.asked[-1][0]}
    world.forget()
    world.forget_answers()
    for answer in at_once([list_of(person)] * 40):
        assert_list_of(person, answer)
    assert len(world.aps.refreshes()) == 1


def test_e10_an_aos_that_refuses_every_token_costs_one_refresh_and_ends_at_the_sign_in_page(world):
    alice = world.person()
    world.forget()
    world.aos.refused = None
    assert_sent_to_sign_in(alice.get("/subscriptions/"))

    assert (len(world.aos.asked), len(world.aps.refreshes())) == (2, 1)
    world.aos.refused = set()
    assert_sent_to_sign_in(alice.get("/subscriptions/"))


def test_e10_forty_requests_to_an_aos_that_refuses_every_token_all_end_at_the_sign_in_page(world):
    alice = world.person()
    world.forget()
    world.aos.refused = None
    answers = at_once([list_of(alice)] * 40)

    for answer in answers:
        assert_sent_to_sign_in(answer)
    assert len(world.aos.asked) <= 2 * 40
    refreshes = world.aps.refreshes()
    assert 1 <= len(refreshes) == len(set(refreshes)) <= 40
    world.aos.refused = set()
    assert_sent_to_sign_in(alice.get("/subscriptions/"))
    assert alice.sign_in().headers["Location"] == "/subscriptions/"
    assert_list_of(alice, alice.get("/subscriptions/"))


def unavailable(aps):
    aps.replies["/connect/token"] = (503, {}, "")


def speaks_html(aps):
    aps.replies["/connect/token"] = (200, {"Content-Type": "text/html"}, "<h1>")


def wrong_client_secret(aps):
    aps.replies["/connect/token"] = (401, JSON, '{"error": "invalid_client"}')


def hangs_up(aps):
    aps.hold = _hang_up


def says_nothing(aps):
    aps.hold = lambda moment: (time.sleep(APS_SECONDS + 0.5), _hang_up(moment))


def _hang_up(moment):
    raise ConnectionAbortedError


ILL = {unavailable: 503, speaks_html: 503, wrong_client_secret: 500, hangs_up: 503, says_nothing: 503}


@pytest.mark.parametrize("ill", ILL, ids=lambda ill: ill.__name__)
def test_e36_an_ill_aps_ends_nothing(world, ill):
    alice = world.person()
    world.expire()
    ill(world.aps)
    assert alice.get("/subscriptions/").status_code == ILL[ill]
    claim = f"SELECT claim FROM passport_grant WHERE subject = '{alice.claims['sub']}'"
    assert world.portal.query(claim) == [(None,)]  # nobody waits for the failed one's claim to run out

    world.fine_weather()
    assert_list_of(alice, alice.get("/subscriptions/"))
    assert_alive(world, alice)


@pytest.mark.parametrize("ill", [wrong_client_secret, says_nothing], ids=lambda ill: ill.__name__)
def test_e36_while_the_token_lives_an_ill_aps_is_not_noticed(world, ill):
    alice = world.person()
    world.expire(seconds=45)
    ill(world.aps)
    assert_list_of(alice, alice.get("/subscriptions/"))

    assert len(world.aps.refreshes()) == 1
    world.fine_weather()
    assert_alive(world, alice)


def test_e36_forty_requests_to_an_ill_aps_get_a_page_that_says_so_and_end_nothing(world):
    alice = world.person()
    world.expire()
    unavailable(world.aps)
    answers = at_once([list_of(alice)] * 40)

    assert [getattr(answer, "status_code", answer) for answer in answers] == [503] * 40
    world.fine_weather()
    assert_list_of(alice, alice.get("/subscriptions/"))
