"""A release with a migration is rolled under load (docs/upgrading.md): both versions serve one database."""

import contextlib
import shutil
import subprocess
import sys

import pytest
import requests

from tests.processes.place import RENAME, Place, save
from tests.processes.test_key_rotation import PATIENT, Load
from tests.support.people import until
from tests.support.portal import ROOT
from tests.support.stand_ins import free_ports

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the workers through /proc")
PEOPLE = 5
PARTS = ("aosportal", "subscriptions", "templates", "static", "staticfiles", "locale", "manage.py", "gunicorn.conf.py")
MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("subscriptions", "{last}")]
    operations = [
        migrations.AddField("rename", "note", models.TextField(db_default="new")),
        migrations.AddField("batch", "note", models.TextField(null=True)),
    ]
"""


@pytest.fixture
def portal():
    place = Place(**PATIENT, LIST_SECONDS="0")
    place.fine_weather()
    place.aps.answer = {"expires_in": 30}  # each page renews it
    yield place
    place.stop()


@pytest.fixture
def next_release(tmp_path):
    """A copy of the portal beside the present one, with one migration more, which expands."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, tmp_path / part)
    folder = tmp_path / "subscriptions" / "migrations"
    last = max(each.stem for each in folder.glob("0*.py"))
    (folder / "9999_next.py").write_text(MIGRATION.format(last=last))
    models = tmp_path / "subscriptions" / "models.py"
    text = models.read_text()
    fields = {"Rename(LedgerRow)": 'TextField(db_default="new")', "Batch(models.Model)": "TextField(null=True)"}
    for name, field in fields.items():
        start = text.index("\n    id = ", text.index(f"class {name}:"))
        text = f"{text[:start]}\n    note = models.{field}{text[start:]}"
    models.write_text(text)
    return tmp_path


def rename_all(people, name):
    """Everybody renames; gives who could not."""
    return [person for person in people if save(person, person.get(RENAME), name)().status_code != 302]


def beside(place, folder):
    """Start the new version on another port, with the same address and database; gives where it listens."""
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "gunicorn", "aosportal.wsgi"]
    with place.portal.log.open("ab") as log:
        environment = place.portal.environment | {"PORT": str(port)}
        place.new = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    until(lambda: answers(url), seconds=60, pause=0.2)
    return url


def answers(url):
    with contextlib.suppress(requests.RequestException):
        return requests.get(url, timeout=30).status_code == 200


def test_a_release_is_rolled_under_load_and_nobody_is_signed_out(portal, next_release):
    people = [portal.person() for _ in range(PEOPLE)]
    portal.aps.calls.clear()
    load = Load(people[1:])
    writer = people[:1]
    try:
        assert rename_all(writer, "Before") == []
        environment = portal.portal.environment
        migrate = [sys.executable, "manage.py", "migrate", "--noinput", "--verbosity", "0"]
        subprocess.run(migrate, cwd=next_release, env=environment, check=True, timeout=100)
        assert rename_all(writer, "By the old version on the new tables") == []

        new_portal = beside(portal, next_release)
        for number, person in enumerate(people[1:]):
            person.url = new_portal if number % 2 else person.url  # one host after another
        writer[0].url = new_portal
        assert rename_all(writer, "By the new version") == []
        writer[0].url = portal.portal.url
        assert rename_all(writer, "By the old version again") == []
        for person in people:
            person.url = new_portal
        assert rename_all(writer, "At last") == []
    finally:
        seen = load.stop()
        portal.new.terminate()
        assert portal.new.wait(timeout=40) == 0

    for person, answer in seen:
        assert not isinstance(answer, Exception), answer
        assert answer.status_code == 200, (answer.status_code, answer.headers.get("Location"))
        assert f"Owned by {person.name}." in answer.text
    assert portal.states(people[0]) == [["pending", "confirmed"]] * 5
    assert len(portal.changes(people[0])) == 5
    assert {note for (note,) in portal.portal.query("SELECT note FROM subscriptions_rename")} == {"new"}
    assert len(portal.aps.refreshes()) == len(set(portal.aps.refreshes())) > PEOPLE
    log = portal.log()
    assert "Traceback" not in log, log[-3000:]
