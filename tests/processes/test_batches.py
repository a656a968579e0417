"""Batches run by a worker process against an AOS that takes 200 ms for each answer."""

import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from tests.processes.conftest import World
from tests.support.people import until
from tests.support.portal import ROOT
from tests.support.servers import Server

ROWS, MANY, SECONDS_EACH, AOS_SECONDS = 500, 200, 0.2, 8.0
START = "/subscriptions/rename-many/"
JSON = {"Content-Type": "application/json"}


class SlowAOS:
    """Everybody has the same subscriptions. `puts` names each that was to be changed, as the requests arrived."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.names, self.puts = {f"s-{number}": f"Old {number}" for number in range(ROWS)}, []

    def __call__(self, request):
        if request.method == "GET":
            time.sleep(SECONDS_EACH)
            return 200, JSON, json.dumps([self.item(each) for each in list(self.names)])
        subscription_id = request.url.rsplit("/", 1)[1]
        self.puts.append(subscription_id)
        time.sleep(SECONDS_EACH)
        self.names[subscription_id] = json.loads(request.body)["displayName"]
        return 200, JSON, json.dumps(self.item(subscription_id))

    def item(self, subscription_id):
        name = self.names[subscription_id]
        return {"id": subscription_id, "subscriptionId": "x", "displayName": name, "state": "Enabled"}


class Office:
    """A portal with a worker beside it, and the slow AOS."""

    def __init__(self):
        self.aos = SlowAOS()
        self.server = Server(self.aos)
        self.world = World(self.server.url, AOS_SECONDS)
        self.worker = None

    def start_worker(self):
        with self.world.portal.log.open("ab") as log:
            command = [sys.executable, "manage.py", "worker"]
            self.worker = subprocess.Popen(command, cwd=ROOT, env=self.world.portal.environment, stdout=log, stderr=log)

    def kill_worker(self):
        self.worker.kill()
        self.worker.wait()

    def confirm(self, person, **plan):
        """Plan, and confirm what the preview shows; return the batch's address."""
        path = person.post(START, person.get(START), **plan).headers["Location"]
        assert person.post(path, person.get(path), do="confirm").headers["Location"] == path
        return path

    def stop(self):
        self.world.stop()
        self.server.stop()


@pytest.fixture(scope="session")
def _office():
    office = Office()
    yield office
    office.stop()


@pytest.fixture
def office(_office):
    _office.aos.reset()
    _office.world.fine_weather()
    _office.start_worker()
    yield _office
    _office.kill_worker()
    assert "Traceback" not in _office.world.log(), _office.world.log()[-5000:]


class Watcher:
    """Looks at a batch's page again and again meanwhile; `seen` are the counts of settled rows that it showed."""

    def __init__(self, person, path):
        self.person, self.path, self.seen, self._over = person.copy(), path, [], threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def _watch(self):
        while not self._over.wait(0.3):
            self.seen.append(settled(self.person, self.path))

    def __exit__(self, *error):
        self._over.set()
        self._thread.join()


def settled(person, path):
    """What a script of ours would be shown while it polls."""
    page = person.session.get(person.url + path, headers={"HX-Request": "true", "X-Portal-Poll": "1"}, timeout=60)
    return int(re.search(r"(\d+) of \d+ settled", page.text)[1])


def test_five_hundred_renames_survive_two_killed_workers_and_nothing_is_sent_twice(office):
    person = office.world.person()
    path = office.confirm(person, plan="edit", all="1", front="New ")
    with Watcher(person, path) as watcher:
        for count in (100, 300):
            until(lambda count=count: len(office.aos.puts) >= count, seconds=120)
            office.kill_worker()
            office.start_worker()
        until(lambda: settled(person, path) == ROWS, seconds=240)

    assert max(Counter(office.aos.puts).values()) == 1
    assert watcher.seen == sorted(watcher.seen)
    assert len(set(watcher.seen)) > 10
    page = person.get(path)
    done = {each for each in office.aos.names if office.aos.names[each].startswith("New ")}
    assert done == set(office.aos.puts)
    if len(done) < ROWS:  # intended by a worker that was killed before it sent
        assert person.post(path, page, do="again-all").headers["Location"] == path
        until(lambda: settled(person, path) == ROWS, seconds=120)
    assert sorted(office.aos.puts) == sorted(office.aos.names)
    assert "500 renamed" in " ".join(person.get(path).text.split())


def test_a_batch_pauses_when_its_owner_signs_out_and_goes_on_when_they_say_so(office):
    person = office.world.person()
    rows, account = "\n".join(f"s-{number},New {number}" for number in range(MANY)), person.get("/account/")
    path = office.confirm(person, plan="table", table=rows)
    until(lambda: len(office.aos.puts) >= 10, seconds=60)
    assert person.post("/logout/", account).status_code == 302
    time.sleep(2 * SECONDS_EACH + 1)
    count = len(office.aos.puts)
    assert count < MANY

    person.sign_in()
    time.sleep(1)
    page = person.get(path)
    assert "You were signed out" in page.text
    assert len(office.aos.puts) == count
    assert person.post(path, page, do="continue").headers["Location"] == path
    until(lambda: settled(person, path) == MANY, seconds=60)
    assert sorted(office.aos.puts) == sorted(f"s-{number}" for number in range(MANY))


def test_a_worker_that_is_asked_to_end_finishes_what_it_sends_and_leaves_the_rest(office):
    person = office.world.person()
    path = office.confirm(person, plan="table", table="\n".join(f"s-{number},New {number}" for number in range(MANY)))
    until(lambda: len(office.aos.puts) >= 10, seconds=60)
    office.worker.terminate()
    assert office.worker.wait(timeout=30) == 0

    count = len(office.aos.puts)
    assert count < MANY
    assert settled(person, path) == count
    office.start_worker()
    until(lambda: settled(person, path) == MANY, seconds=60)
    assert len(office.aos.puts) == MANY
