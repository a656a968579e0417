"""All keys are changed as docs/keys.md says, by HUP, under load: nobody is signed out, and no token is lost."""

import signal
import sys
import threading
import time

import pytest
from cryptography.fernet import Fernet

from tests.environment import FIXED
from tests.processes.place import LIST, RENAME, Place, save
from tests.support.people import until
from tests.support.workers import workers_of

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the workers through /proc")
PEOPLE, SECONDS_BETWEEN = 6, 1.0
PATIENT = {"APS_TIMEOUT": "10", "AOS_TIMEOUT": "10"}  # new processes take the processor meanwhile
OLD, NEW = FIXED["TOKEN_ENCRYPTION_KEYS"], Fernet.generate_key().decode()
OLD_SECRET, NEW_SECRET = FIXED["SECRET_KEY"], "another-" + FIXED["SECRET_KEY"][::-1]
STEPS = [(f"{OLD},{NEW}", OLD_SECRET, NEW_SECRET), (f"{NEW},{OLD}", NEW_SECRET, OLD_SECRET)]
LAST = (NEW, NEW_SECRET, OLD_SECRET)


class Files:
    """The keys in files, as an operator keeps them."""

    NAMES = ("TOKEN_ENCRYPTION_KEYS", "SECRET_KEY", "SECRET_KEY_FALLBACKS")

    def __init__(self, folder, keys):
        self.paths = [folder / name for name in self.NAMES]
        self.write(keys)
        self.variables = {f"{path.name}_FILE": str(path) for path in self.paths}

    def write(self, keys):
        for path, text in zip(self.paths, keys, strict=True):
            path.write_text(text)


class Load:
    """Everybody looks at their list, renewing their access each time, again and again: each answer is kept."""

    def __init__(self, people):
        self.answers, self._over = [], threading.Event()
        self._threads = [threading.Thread(target=self._browse, args=[each], daemon=True) for each in people]
        for thread in self._threads:
            thread.start()

    def _browse(self, person):
        person.session.headers["Connection"] = "close"  # the next request may go to another process
        while not self._over.is_set():
            try:
                self.answers.append((person, person.get(LIST)))
            except Exception as error:  # noqa: BLE001 - the test looks at it
                self.answers.append((person, error))
            self._over.wait(0.05)

    def stop(self):
        self._over.set()
        for thread in self._threads:
            thread.join()
        return self.answers


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path, (OLD, OLD_SECRET, NEW_SECRET))


@pytest.fixture
def portal(files):
    place = Place(**PATIENT, LIST_SECONDS="0", **files.variables)
    place.fine_weather()
    place.aps.answer = {"expires_in": 30}  # each page renews it
    yield place
    place.stop()


def take_up(place, files, keys):
    """New keys for new processes; the old ones finish what they have begun."""
    files.write(keys)
    before = workers_of(place.portal)
    place.portal.process.send_signal(signal.SIGHUP)
    until(lambda: len(workers_of(place.portal)) == len(before) and not workers_of(place.portal) & before, seconds=40)
    time.sleep(SECONDS_BETWEEN)


def sealed(place):
    """Every ciphertext in the database."""
    columns = "access_token || ' ' || refresh_token || ' ' || id_token"
    rows = place.portal.query(f"SELECT {columns} FROM passport_grant WHERE status = 'active'")
    rows += place.portal.query("SELECT sealed FROM subscriptions_snapshot WHERE sealed <> ''")
    return [text for row in rows for text in row[0].split()]


def test_keys_change_under_load_and_nobody_is_signed_out(portal, files):
    people = [portal.person() for _ in range(PEOPLE)]
    idle = portal.person()  # does nothing meanwhile: only reencrypt_tokens takes these tokens along
    portal.aps.calls.clear()
    form = people[0].get(RENAME)
    load = Load(people)
    try:
        time.sleep(SECONDS_BETWEEN)
        for keys in STEPS:
            take_up(portal, files, keys)
        said = portal.portal.manage("reencrypt_tokens")
        take_up(portal, files, LAST)
    finally:
        answers = load.stop()

    assert ", 0 unreadable." in said
    assert len(answers) > 5 * PEOPLE
    for person, answer in answers:
        assert not isinstance(answer, Exception), answer
        assert answer.status_code == 200, (answer.status_code, answer.headers.get("Location"))
        assert f"Owned by {person.name}." in answer.text
    assert idle.get(LIST).status_code == 200
    spent = portal.aps.refreshes()
    assert len(spent) == len(set(spent)) > PEOPLE
    assert len(sealed(portal)) >= 3 * PEOPLE
    for text in sealed(portal):
        Fernet(NEW).decrypt(text.encode())
    assert save(people[0], form, "Typed before")().status_code == 302  # a form of before is still good
    assert portal.changes(people[0]) == [("Typed before", True)]
    log = portal.log()
    assert "Traceback" not in log, log[-3000:]
    assert "cannot be decrypted" not in log
