"""Many people on the same worker processes, whose tokens expire when they like."""

import random

from tests.processes.conftest import assert_list_of
from tests.support.people import at_once

PEOPLE, REQUESTS_EACH, THREADS = 50, 12, 16
SECONDS = [1, 30, 59, 61, 90, 300]  # up to a minute: renewed at the very next request


def test_d14_fifty_people_on_all_workers_each_see_their_own_whatever_expires_when(world):
    people = [world.person(f"p{number:02}") for number in range(PEOPLE)]
    world.expire()
    let_tokens_expire_at_random(world.aps)
    pages = browse(people)

    assert len(pages) == PEOPLE * REQUESTS_EACH
    for person, answer in pages:
        assert_list_of(person, answer)
    assert len(world.workers_that_answered()) == len(world.workers())
    assert {cookie for _token, cookie in world.aos.asked} == {""}
    assert len(world.aos.asked) == len(pages)
    assert len(world.aps.refreshes()) == len(set(world.aps.refreshes())) > PEOPLE


def let_tokens_expire_at_random(aps):
    issue, dice = aps._tokens, random.Random(5)
    aps._tokens = lambda person, nonce: {**issue(person, nonce), "expires_in": dice.choice(SECONDS)}


def browse(people):
    """Everybody asks for the list many times, in random order; return who got what."""
    windows = [person.copy() for person in people for _ in range(REQUESTS_EACH)]
    random.Random(6).shuffle(windows)
    parts = [windows[start::THREADS] for start in range(THREADS)]
    done = at_once([lambda part=part: [(each, each.get("/subscriptions/")) for each in part] for part in parts])
    return [pair for part in done for pair in part]
