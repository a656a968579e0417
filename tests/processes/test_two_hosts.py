"""Two hosts behind nginx with TLS, on one PostgreSQL and one Redis, and fifty people who work meanwhile (issue 7)."""

import itertools
import os
import random
import signal
import threading
import time

import pytest
import requests

from tests.processes.place import LIST, save
from tests.support.fake_aps import FakeAPS
from tests.support.hostile_aos import Fault, HostileAOS, item
from tests.support.nginx import Nginx
from tests.support.people import Person
from tests.support.portal import Portal, serve
from tests.support.servers import Server
from tests.support.stand_ins import free_ports

PEOPLE, PAUSE = 50, 2.5  # seconds that a person looks at a page
on_postgresql = os.environ.get("DATABASE_URL", "").startswith("postgres")
pytestmark = [
    pytest.mark.nginx,
    pytest.mark.redis,
    pytest.mark.skipif(not on_postgresql, reason="Two hosts share a PostgreSQL"),
]


class Hosts:
    """Two portals that share a database and a cache, nginx in front, APS, and an AOS that takes a moment."""

    def __init__(self):
        self.aps, self.ends = FakeAPS(), []
        self._aps_server = Server(self.aps)
        self.aps.issuer = self._aps_server.url
        self.aos = HostileAOS(owner=lambda token: token.rpartition("-sub-")[2])
        self.aos.every_get = self.aos.every_put = Fault(before=0.05)
        front, *self.ports = free_ports(3)
        cache = os.environ["TEST_CACHE_URL"].rsplit("/", 1)[0] + "/10"
        self.portal = Portal(
            self.ports[0],
            PORTAL_URL=f"https://localhost:{front}",
            TRUST_PROXY_HEADERS="1",
            APS_ISSUER=self.aps.issuer,
            AOS_BASE_URL=f"http://127.0.0.1:{self.aos.port}",
            APS_TIMEOUT="8",
            AOS_TIMEOUT="8",
            CACHE_URL=cache,
            SIGN_IN_RATE_ADDRESS="100000",
            LOG_LEVEL="INFO",
        )
        self.environments = [{**self.portal.environment, "PORT": str(port)} for port in self.ports]
        self.processes = [self.portal.process, serve(self.environments[1], self.portal.log)]
        self.nginx = Nginx(os.environ["NGINX"], front, *self.ports)

    def person(self, name):
        """Somebody with one subscription, not signed in."""
        self.aos.items[name] = [item(f"s-{name}", f"Owned by {name}.")]
        return Person(self.nginx.url, self.aps, name, self.nginx.bundle)

    def end(self, host, number=signal.SIGTERM):
        """Stop a host as its operator does, or kill all of its processes; note when."""
        began = time.monotonic()
        if number == signal.SIGKILL:
            os.killpg(self.processes[host].pid, number)
        else:
            self.processes[host].send_signal(number)
        self.processes[host].wait(timeout=40)
        self.ends.append((began, time.monotonic()))

    def start(self, host):
        """Start a host that has ended, and wait until nginx turns to it again (fail_timeout)."""
        self.processes[host] = serve(self.environments[host], self.portal.log)
        self.portal.process = self.processes[0]
        time.sleep(1.2)

    def reload(self, host):
        """New code for a host that serves: its workers are replaced. Wait until all of them are."""
        master = self.processes[host].pid
        before = children(master)
        self.processes[host].send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 40
        while before & children(master):
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def stop(self):
        self.nginx.stop()
        self.processes[1].terminate()
        self.processes[1].wait(timeout=40)
        self.portal.stop()
        self.aos.stop()
        self._aps_server.stop()


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return set(file.read().split())


def rename(person):
    return f"/subscriptions/s-{person.name}/rename/"


@pytest.fixture(scope="module")
def hosts():
    hosts = Hosts()
    yield hosts
    log = hosts.portal.log.read_text()
    hosts.stop()
    assert "Traceback" not in log, log[-5000:]


def test_signed_in_on_one_host_and_at_work_on_the_other(hosts):
    alice = hosts.person("alice")
    hosts.end(1)
    assert alice.sign_in().headers["Location"] == LIST
    form = alice.get(rename(alice))
    hosts.start(1)
    hosts.end(0)
    assert save(alice, form, "From the other host", rename(alice))().headers["Location"].startswith(LIST)
    assert "From the other host" in alice.get(LIST).text
    hosts.start(0)

    assert hosts.aos.items["alice"][0]["displayName"] == "From the other host"


def test_nginx_and_portal_agree_on_who_speaks_to_whom(hosts):
    bob = hosts.person("bob")
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.test"}
    bob.session.headers.update(forged)
    bob.sign_in()
    page = bob.get(LIST)
    plain = requests.get(
        f"http://127.0.0.1:{hosts.nginx.plain_port}/login/?next=/a",
        headers={"Host": "evil.test"},
        allow_redirects=False,
        timeout=5,
    )

    assert page.status_code == 200
    assert "max-age=31536000" in page.headers["Strict-Transport-Security"]
    assert all(each.name.startswith("__Host-") and each.secure for each in bob.session.cookies)
    assert hosts.portal.query("SELECT host(address) FROM passport_grant WHERE subject = 'sub-bob'") == [("127.0.0.1",)]
    assert plain.headers["Location"] == "https://localhost/login/?next=/a"
    assert bob.get("/metrics").status_code == bob.get("/health/ready").status_code == 404
    assert "code=" not in hosts.nginx.logs()
    assert "/complete/aps/" in hosts.nginx.logs()


class Work:
    """Each person looks at the list, and every third time renames; until told to end. `done`: each request's fate."""

    def __init__(self, people):
        self.done, self.told, self.over = [], {person.name: [] for person in people}, threading.Event()
        self._threads = [threading.Thread(target=self._work, args=[person], daemon=True) for person in people]
        for thread in self._threads:
            thread.start()

    def _work(self, person):
        dice = random.Random(person.name)
        for turn in itertools.count(1):
            if self.over.wait(dice.uniform(0, 2 * PAUSE)):
                return
            if turn % 3:
                self._ask(lambda: person.get(LIST))
                continue
            if (form := self._ask(lambda: person.get(rename(person)))) is not None:
                self._rename(person, form, f"Name {turn} of {person.name}")

    def _rename(self, person, form, wanted):
        answer = self._ask(save(person, form, wanted, rename(person)))
        if answer is not None and answer.status_code == 302:
            self.told[person.name].append(wanted)

    def _ask(self, question):
        """Ask; None, noted with both moments, where that failed or a sign-in was wanted."""
        began = time.monotonic()
        try:
            answer = question()
            fate = answer.headers.get("Location", "") if answer.status_code == 302 else answer.status_code
        except requests.RequestException as error:
            answer, fate = None, type(error).__name__
        is_well = fate == 200 or str(fate).startswith(LIST)
        self.done.append((is_well, fate, began, time.monotonic()))
        return answer if is_well else None

    def end(self):
        self.over.set()
        for thread in self._threads:
            thread.join()


def test_hosts_that_are_stopped_reloaded_upgraded_and_killed_under_load_cost_nobody_anything(hosts):
    people = [hosts.person(f"p{number:02}") for number in range(PEOPLE)]
    for person in people:
        assert person.sign_in().headers["Location"] == LIST
    work = Work(people)
    try:
        killed = stop_reload_upgrade_and_kill(hosts)
    finally:
        work.end()
    settle(hosts.portal)

    failed = [each for each in work.done if not each[0]]
    assert len(work.done) > 4 * PEOPLE
    assert [each for each in failed if each[2] > killed[1] or each[3] < killed[0]] == []  # in flight when it was killed
    assert_nothing_is_lost(hosts, people, work)
    assert hosts.portal.query("SELECT count(*) FROM passport_grant WHERE status <> 'active'") == [(0,)]


def stop_reload_upgrade_and_kill(hosts):
    """Give when the kill began and when it was done."""
    time.sleep(2)
    hosts.end(0)  # an upgrade, one host after the other
    hosts.portal.manage("migrate", "--verbosity", "0")
    hosts.start(0)
    hosts.reload(1)
    time.sleep(2)
    hosts.end(1, signal.SIGKILL)
    killed = hosts.ends[-1]
    time.sleep(4)
    hosts.start(1)
    time.sleep(2)
    return killed


def settle(portal):
    """Settle all. What was cut off before it reached AOS is known not to be done a minute after it was asked for."""
    deadline = time.monotonic() + 90
    while (looked := portal.run("settle_renames")).returncode:
        assert time.monotonic() < deadline, looked.stdout + looked.stderr
        time.sleep(5)


def assert_nothing_is_lost(hosts, people, work):
    """What was told as renamed went to AOS once; the ledger ends where AOS does, and holds nothing open."""
    sent = [put.json["displayName"] for put in hosts.aos.sent]
    assert len(sent) == len(set(sent))
    for person in people:
        states = hosts.portal.query(
            "SELECT r.name_wanted, (SELECT e.state FROM subscriptions_renameevent e WHERE e.rename_id = r.id"
            " ORDER BY e.number DESC LIMIT 1) FROM subscriptions_rename r"
            f" WHERE r.subject = 'sub-{person.name}' ORDER BY r.created"
        )
        assert {state for _, state in states} <= {"confirmed", "not_done", "conflicted"}, states
        confirmed = [name for name, state in states if state == "confirmed"]
        assert set(work.told[person.name]) <= set(confirmed)
        assert hosts.aos.items[person.name][0]["displayName"] == (confirmed or [f"Owned by {person.name}."])[-1]
