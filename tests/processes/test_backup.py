"""A backup and a restore with the commands of docs/backup.md, on PostgreSQL, while people are signed in."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes.conftest import assert_sent_to_sign_in
from tests.processes.place import LIST, RENAME, Place, save
from tests.support.hostile_answers import hang_up
from tests.support.hostile_aos import Fault
from tests.support.people import until
from tests.support.portal import ROOT, Database

START = "/subscriptions/rename-many/"
PAGE = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.skipif(
    not (os.environ.get("DATABASE_URL", "").startswith("postgres") and shutil.which("pg_dump")),
    reason="needs PostgreSQL and pg_dump",
)


def commands(kind):
    """What the page tells to type, in order."""
    return [block.strip() for block in re.findall(rf"^ *```sh {kind}\n(.*?)```", PAGE, re.M | re.S)]


def type_in(place, folder, command):
    """In a shell, in the portal's environment."""
    command = command.replace("python manage.py", f"{sys.executable} {ROOT / 'manage.py'}")
    command = command.replace("portal.dump", str(folder / "portal.dump"))
    subprocess.run(["bash", "-ec", command], env=place.portal.environment, cwd=folder, check=True, timeout=60)


@pytest.fixture
def portal():
    place = Place(LIST_SECONDS="0")
    place.fine_weather()
    yield place
    place.stop()


@pytest.fixture
def restored(portal):
    """A new, empty database."""
    database = Database(Path(portal.portal.directory.name))
    yield database
    portal.portal.end()
    database.drop()
    portal.portal.start(DATABASE_URL=portal.portal.database.url)


def loses_the_answer(place, person, wanted):
    """Rename; AOS does it and hangs up, and cannot be looked at. Nobody knows what became of it."""
    form = person.get(RENAME)
    place.aos.puts, place.aos.every_get = [Fault(hang_up)], Fault(hang_up)
    place.aos.gets = [None]
    save(person, form, wanted)()
    place.aos.every_get = Fault()


def begin_a_batch(person):
    """One row, confirmed, that a worker is about to send."""
    path = person.post(START, person.get(START), plan="table", table="s-1,Batched").headers["Location"]
    assert person.post(path, person.get(path), do="confirm").headers["Location"] == path


def test_after_a_restore_stale_people_sign_in_once_nothing_is_sent_again_and_the_unknown_is_settled(
    portal, restored, tmp_path
):
    stale, fresh, lost, late = portal.person(), portal.person(), portal.person(), portal.person()
    save(fresh, fresh.get(RENAME), "Before the backup")()
    loses_the_answer(portal, lost, "Lost")
    assert portal.states(lost) == [["pending", "unknown"]]
    begin_a_batch(late)
    (backup,) = commands("backup")
    type_in(portal, tmp_path, backup)

    subject = stale.claims["sub"]
    portal.portal.execute(f"UPDATE passport_grant SET expires_at = now() WHERE subject = '{subject}'")
    assert stale.get(LIST).status_code == 200  # its refresh token is another one now
    save(fresh, fresh.get(RENAME), "After the backup")()
    sent = len(portal.aos.sent)
    portal.portal.end()
    portal.portal.environment["DATABASE_URL"] = restored.url
    read, pause, settle = commands("restore")
    for command in (read, pause):
        type_in(portal, tmp_path, command)
    original, portal.portal.database = portal.portal.database, restored
    try:
        portal.portal.start()
        portal.portal.execute(f"UPDATE passport_grant SET expires_at = now() WHERE subject = '{subject}'")
        type_in(portal, tmp_path, settle)

        assert portal.states(lost) == [["pending", "unknown", "confirmed"]]
        assert fresh.get(LIST).status_code == 200
        assert_sent_to_sign_in(stale.get(LIST))
        assert stale.sign_in().headers["Location"] == LIST
        assert stale.get(LIST).status_code == 200
        assert portal.states(fresh) == [["pending", "confirmed"]]
        assert "After the backup" in fresh.get(LIST).text  # what was done after the backup is in AOS alone
        assert portal.portal.query("SELECT state, trouble FROM subscriptions_batch") == [("paused", "asked")]
        with portal.portal.running("worker") as log:
            until(lambda: "Housekeeping" in log.read_text(), seconds=30)
        assert len(portal.aos.sent) == sent
    finally:
        portal.portal.database = original
    assert "Traceback" not in portal.log()
