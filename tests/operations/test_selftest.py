"""`manage.py selftest`: a clean installation passes; each planted fault is found, and its remedy named."""

import datetime
import io
import json
import os
import subprocess
import sys
from email.utils import format_datetime

import pytest
from django.core.management import call_command
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from aosportal import exchange, wire
from aosportal.operations.heartbeat import ALIVE, Heart
from aosportal.operations.models import Heartbeat
from aosportal.operations.selftest.checks import ALL
from aosportal.passport.models import Grant
from subscriptions import aos, snapshots
from tests.conftest import person
from tests.support.fake_aps import JSON, FakeAPS
from tests.support.servers import Authority, Server
from tests.support.stand_ins import free_ports
from tests.test_settings import GOOD, ROOT

DAY = datetime.timedelta(days=1)
HTML = {"Content-Type": "text/html"}


@pytest.fixture(scope="module")
def authority():
    return Authority()


class Installation:
    """A portal with all that it needs: APS and AOS on TLS sockets, a worker, tokens that can be read."""

    def __init__(self, authority, settings):
        self.authority, self.settings, self.servers = authority, settings, []
        self.aps, self.aos_reply = FakeAPS(), (200, JSON, '[{"id": "s-1", "displayName": "One"}]')
        self.date = None
        self.serve_aps(authority.context("localhost"))
        self.serve_aos(authority.context("localhost"))
        settings.CA_BUNDLE = authority.bundle
        self.forget_connections()
        Heart().beat()
        self.alice = person("alice")
        snapshots.listed(self.alice.grant, list)

    def serve_aps(self, tls):
        url = self._serve(self._aps_answer, tls)
        self.aps.issuer = self.settings.APS_ISSUER = self.settings.SOCIAL_AUTH_APS_ID_TOKEN_ISSUER = url
        self.settings.SOCIAL_AUTH_APS_OIDC_ENDPOINT = url

    def serve_aos(self, tls):
        self.settings.AOS_BASE_URL = self._serve(lambda request: self.aos_reply, tls)

    def _serve(self, handler, tls):
        self.servers.append(Server(handler, tls))
        return self.servers[-1].url

    def _aps_answer(self, request):
        status, headers, body = self.aps(request)
        return status, {**headers, **({"Date": self.date} if self.date else {})}, body

    def forget_connections(self):
        wire.tls_context.cache_clear()
        exchange._session.cache_clear()
        aos._policy.cache_clear()

    def selftest(self):
        """The exit code, and each check's state and texts."""
        output, code = io.StringIO(), 0
        try:
            call_command("selftest", "--json", stdout=output)
        except SystemExit as end:
            code = end.code
        return code, {each["check"]: each for each in json.loads(output.getvalue())["checks"]}


@pytest.fixture
def installation(authority, settings, db):
    installation = Installation(authority, settings)
    yield installation
    for server in installation.servers:
        server.stop()
    installation.forget_connections()


def state_of(found):
    return {name: each["state"] for name, each in found.items()}


def test_a_clean_installation_passes(installation):
    code, found = installation.selftest()

    assert (code, set(state_of(found).values()) - {"ok"}) == (0, {"skipped"})
    assert [name for name, each in found.items() if each["state"] == "skipped"] == ["Client secret's expiry"]
    assert "days left" in found["APS: TLS"]["what"]
    assert "1 subscriptions" in found["AOS: list"]["what"]


def wrong_secret(here):
    here.aps.replies["/connect/token"] = (401, JSON, '{"error": "invalid_client"}')


def wrong_issuer(here):
    here.aps.metadata = {"issuer": "https://other.test"}


def no_discovery(here):
    here.aps.replies["/.well-known/openid-configuration"] = (404, HTML, "")


def another_endpoint_host(here):
    here.aps.metadata = {"token_endpoint": "https://elsewhere.test/token"}


def other_client_authentication(here):
    here.aps.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_basic"]}


def certificate(side, **options):
    def plant(here):
        getattr(here, f"serve_{side}")(here.authority.context("localhost", **options))

    return plant


def untrusted_authority(here):
    here.serve_aps(Authority().context("localhost"))


def clock_off(here):
    here.date = format_datetime(timezone.now() - datetime.timedelta(minutes=10), usegmt=True)


def lost_key(here):
    here.settings.TOKEN_ENCRYPTION_KEYS = ["bmV3LXRlc3RzLW9ubHkta2V5LW9mLXRoaXJ0eS1ieXQ="]


def lost_list_key(here):
    lost_key(here)
    Grant.objects.all().delete()


def not_registered(here):
    here.aps.registered = {"https://portal.test/complete/aps"}


def an_error_page_by_redirect(here):
    here.aps.replies["/connect/authorize"] = (302, {"Location": "/home/error?errorId=1"}, "")


def a_page_at_once(here):
    here.aps.replies["/connect/authorize"] = (200, HTML, "<h1>Invalid redirect_uri</h1>")


def unknown_scope(here):
    location = "https://portal.test/complete/aps/?error=invalid_scope&state=s"
    here.aps.replies["/connect/authorize"] = (302, {"Location": location}, "")


def not_migrated(here):
    MigrationRecorder.Migration.objects.filter(app="operations").delete()


def redis_down(here):
    url = f"redis://:CACHE-CANARY@127.0.0.1:{free_ports(1)[0]}/1"
    here.settings.CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": url}}


def aos_says(status):
    def plant(here):
        here.aos_reply = (status, JSON, "{}")

    return plant


def aos_away(here):
    here.settings.AOS_BASE_URL = f"https://127.0.0.1:{free_ports(1)[0]}"


def aps_away(here):
    here.settings.APS_ISSUER = here.settings.SOCIAL_AUTH_APS_OIDC_ENDPOINT = f"https://127.0.0.1:{free_ports(1)[0]}"


def no_worker(here):
    Heartbeat.objects.update(at=timezone.now() - ALIVE)


def secret_ends_in(days):
    def plant(here):
        here.settings.APS_CLIENT_SECRET_EXPIRES = (timezone.now() + days * DAY).date()

    return plant


def no_own_access(here):
    here.aps.replies["/connect/token"] = (400, JSON, '{"error": "unauthorized_client"}')


def no_own_access_and_aos_says(status):
    def plant(here):
        no_own_access(here)
        here.aos_reply = (status, JSON, "{}")

    return plant


def no_signing_keys(here):
    here.aps.keys = {}


FAULTS = {
    "wrong client secret": (wrong_secret, "APS: client credentials", "failed", "APS_CLIENT_SECRET"),
    "wrong issuer": (wrong_issuer, "APS: discovery", "failed", "Set APS_ISSUER=https://other.test"),
    "no discovery": (no_discovery, "APS: discovery", "failed", "APS_DISCOVERY=off"),
    "endpoint elsewhere": (another_endpoint_host, "APS: discovery", "failed", "APS_ALLOWED_HOSTS"),
    "other client authentication": (other_client_authentication, "APS: discovery", "failed", "APS_CLIENT_AUTH"),
    "expired certificate": (certificate("aps", not_after=timezone.now() - DAY), "APS: TLS", "failed", "renew"),
    "certificate ends soon": (certificate("aos", not_after=timezone.now() + 9 * DAY), "AOS: TLS", "warning", "renew"),
    "untrusted authority": (untrusted_authority, "APS: TLS", "failed", "CA_BUNDLE"),
    "clock off": (clock_off, "APS: clock", "failed", "NTP"),
    "lost key": (lost_key, "Encryption keys", "failed", "TOKEN_ENCRYPTION_KEYS"),
    "lost key of lists": (lost_list_key, "Encryption keys", "warning", "Nothing to do"),
    "not registered": (
        not_registered,
        "APS: redirect URI",
        "failed",
        "https://portal.test/complete/aps/ to the letter",
    ),
    "error page": (an_error_page_by_redirect, "APS: redirect URI", "failed", "manage.py registration"),
    "a page at once": (a_page_at_once, "APS: redirect URI", "skipped", ""),
    "unknown scope": (unknown_scope, "APS: redirect URI", "failed", "APS_SCOPE"),
    "not migrated": (not_migrated, "Migrations", "failed", "make migrate"),
    "Redis down": (redis_down, "Cache", "failed", "CACHE_URL"),
    "AOS 401": (aos_says(401), "AOS: list", "failed", "APS_RESOURCE"),
    "AOS 403": (aos_says(403), "AOS: list", "failed", "permission"),
    "AOS 404": (aos_says(404), "AOS: list", "failed", "AOS_SUBSCRIPTIONS_PATH"),
    "AOS away": (aos_away, "AOS: list", "failed", "firewall"),
    "APS away": (aps_away, "APS: discovery", "failed", "firewall"),
    "no worker": (no_worker, "Worker", "failed", "make worker"),
    "secret expired": (secret_ends_in(-1), "Client secret's expiry", "failed", "APS_CLIENT_SECRET"),
    "secret ends soon": (secret_ends_in(14), "Client secret's expiry", "warning", "APS_CLIENT_SECRET"),
    "no access of its own": (no_own_access, "APS: client credentials", "warning", "client_credentials"),
    "no access, AOS 404": (no_own_access_and_aos_says(404), "AOS: list", "failed", "AOS_SUBSCRIPTIONS_PATH"),
    "no access, AOS 500": (no_own_access_and_aos_says(500), "AOS: list", "failed", "operator"),
    "no access, AOS 401": (no_own_access_and_aos_says(401), "AOS: list", "skipped", ""),
    "no signing keys": (no_signing_keys, "APS: signing keys", "failed", "operator"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_its_remedy_named(installation, fault, settings):
    settings.AOS_TIMEOUT = 10
    plant, check, state, remedy = FAULTS[fault]
    plant(installation)
    installation.forget_connections()
    code, found = installation.selftest()

    assert (found[check]["state"], code) == (state, int(state == "failed"))
    assert remedy in found[check]["remedy"]
    assert set(found) == {each.name for each in ALL}
    assert "CANARY" not in json.dumps(found)


def run_apart(*arguments, **changes):
    """In a process of its own: what the settings refuse, and a database that is not there."""
    command = [sys.executable, "manage.py", "selftest", *arguments]
    environment = {**GOOD, "APS_TIMEOUT": "1", "AOS_TIMEOUT": "1", **changes}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_database_that_is_away_hides_nothing_else(installation):
    away = f"postgres://portal:PW-CANARY@127.0.0.1:{free_ports(1)[0]}/portal"
    done = run_apart(
        "--json",
        DATABASE_URL=away,
        APS_TIMEOUT="8",
        AOS_TIMEOUT="30",  # the shared gate waits for the database first
        APS_ISSUER=installation.settings.APS_ISSUER,
        AOS_BASE_URL=installation.settings.AOS_BASE_URL,
        CA_BUNDLE=installation.authority.bundle,
    )
    found = {each["check"]: each for each in json.loads(done.stdout)["checks"]}

    assert done.returncode == 1
    assert (found["Database"]["state"], found["AOS: list"]["state"]) == ("failed", "ok")
    assert "DATABASE_URL" in found["Database"]["remedy"]
    assert found["Worker"] == {**found["Worker"], "state": "skipped", "what": "needs “Migrations”"}
    assert "CANARY" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_discovery_off_without_addresses_is_refused_before_any_check():
    done = run_apart(APS_DISCOVERY="off")

    assert (done.returncode, done.stdout) == (1, "")
    assert "APS_TOKEN_URL: is not set, and APS_DISCOVERY is off" in done.stderr


def test_the_table_says_what_to_do_below_each_failure(installation, capsys):
    no_worker(installation)
    with pytest.raises(SystemExit):
        call_command("selftest")

    shown = capsys.readouterr().out
    line = next(line for line in shown.splitlines() if line.startswith("Worker"))
    assert "failed" in line
    assert "→ Start one beside the portal: make worker" in shown
    assert "1 failed, 1 skipped." in shown


def test_nothing_of_what_aps_says_moves_the_cursor(installation, capsys):
    installation.aps.metadata = {"issuer": "https://other.test/\x1b[2J\x9b1A"}
    with pytest.raises(SystemExit):
        call_command("selftest")

    shown = capsys.readouterr().out
    assert "Set APS_ISSUER=https://other.test/[2J1A" in shown
    assert "\x1b" not in shown
    assert "\x9b" not in shown


def test_workers_beat_until_they_end(db):
    one, other = Heart(), Heart()
    for heart in (one, other, one):
        heart.beat()
    assert Heartbeat.objects.count() == 2

    one.stop()
    assert Heartbeat.objects.count() == 1
    Heartbeat.objects.update(at=timezone.now() - 2 * DAY)
    one.beat()
    assert Heartbeat.objects.count() == 1


@pytest.mark.redis
def test_a_redis_that_answers_is_fine(installation):
    redis_url = os.environ["TEST_CACHE_URL"].replace("rediscache://", "redis://")
    installation.settings.CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": redis_url}}

    assert installation.selftest()[1]["Cache"]["state"] == "ok"


def test_registration_prints_the_sheet_without_the_secret(capsys, settings):
    call_command("registration", "--json")
    sheet = json.loads(capsys.readouterr().out)
    call_command("registration")
    table = capsys.readouterr().out

    assert sheet["redirect_uris"] == ["https://portal.test/complete/aps/"]
    assert sheet["post_logout_redirect_uris"] == ["https://portal.test/signed-out/"]
    assert sheet["backchannel_logout_uri"] == "https://portal.test/logout/backchannel/"
    assert sheet["grant_types"] == ["authorization_code", "refresh_token", "client_credentials"]
    assert (sheet["scope"], sheet["resource"]) == (settings.SOCIAL_AUTH_APS_SCOPE, ["https://aos.test"])
    assert sheet["token_endpoint_auth_method"] == "client_secret_post"
    assert "https://portal.test/logout/backchannel/" in table
    assert "CANARY" not in json.dumps(sheet) + table
