"""Checks of this installation itself: settings, database, cache, keys, worker, and the client secret's last day."""

import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.cache import cache
from django.core.checks import CheckMessage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import Error
from django.utils import timezone
from django.utils.crypto import get_random_string

from aosportal.operations import heartbeat
from aosportal.passport import stored
from aosportal.passport.encryption import CannotDecrypt
from subscriptions import snapshots

from .results import Finding, failed, ok, skipped, warning

SOON = 14  # days
_PATIENCE = 5  # seconds to connect to PostgreSQL


def configuration() -> Finding:
    """Django's own checks, those for a deployment included. What settings refuse never comes as far as here."""
    found: list[CheckMessage] = checks.run_checks(include_deployment_checks=not settings.DEBUG)
    found = [each for each in found if not each.is_silenced()]
    if found:
        what = " ".join(f"{each.id}: {each.msg}" for each in found)
        remedy = " ".join(str(each.hint) for each in found if each.hint) or "Look into .env.example."
        return (failed if any(each.is_serious() for each in found) else warning)(what, remedy)
    if settings.DEBUG:
        return warning("development mode", "For real people, take DEBUG away.")
    return ok(f"production mode, at {settings.PORTAL_URL}")


def database() -> Finding:
    """One question to the database."""
    if connection.vendor == "postgresql":
        connection.settings_dict.setdefault("OPTIONS", {}).setdefault("connect_timeout", _PATIENCE)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            version = ".".join(map(str, connection.get_database_version()))
    except Error as error:
        what = f"{connection.display_name} does not answer ({type(error).__name__})"
        return failed(what, "Start it, or correct DATABASE_URL: host, port, name, user, password.")
    return ok(f"{connection.display_name} {version}")


def migrations() -> Finding:
    """Whether the tables are those of this version."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        first = missing[0][0]
        return failed(f"{len(missing)} not applied, the first is {first.app_label}.{first.name}", "Run: make migrate")
    return ok("all applied")


def shared_cache() -> Finding:
    """Write something and read it. Correctness never needs the cache (decision 25); rate limits do."""
    location = str(settings.CACHES["default"].get("LOCATION", ""))
    if not location.startswith(("redis://", "rediss://")):
        return ok("none: each process counts its own rate limits")
    key, value = f"selftest-{get_random_string(12)}", get_random_string(12)
    try:
        cache.set(key, value, timeout=10)
        found = cache.get(key)
        cache.delete(key)
    except Exception as error:  # noqa: BLE001 - whatever the client raises; its text may hold the password
        what = f"Redis at {_place(location)} does not answer ({type(error).__name__}): nothing is rate-limited"
        return failed(what, "Start it, or correct CACHE_URL. Or take CACHE_URL away: each process counts for itself.")
    if found != value:
        return failed(f"Redis at {_place(location)} forgets at once", "Look at its memory limit and its log.")
    return ok(f"Redis at {_place(location)}")


def _place(url: str) -> str:
    """Host and port, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2]


def encryption_keys() -> Finding:
    """Whether the present keys open everything that is stored."""
    tokens = [_is_readable(each) for each in stored.tokens()]
    lists = snapshots.unreadable()
    if not all(tokens):
        return failed(
            f"{tokens.count(False)} of {len(tokens)} stored tokens cannot be read",
            "Put the lost key back at the end of TOKEN_ENCRYPTION_KEYS. If it is lost for good: "
            "these people will be asked to sign in again, and nothing else is lost.",
        )
    if lists:
        remedy = (
            "Nothing to do: they are replaced at the next visit. Until then these people see none while AOS is down."
        )
        return warning(f"{lists} kept lists cannot be read", remedy)
    return ok(f"{len(settings.TOKEN_ENCRYPTION_KEYS)} in use, {len(tokens)} stored tokens can be read")


def _is_readable(each: stored.StoredToken) -> bool:
    try:
        each.read()
    except CannotDecrypt:
        return False
    return True


def worker() -> Finding:
    """Whether a worker process has given a sign of life lately."""
    living = list(heartbeat.alive())
    if not living:
        what = "none runs: batches do not start, tokens are not revoked, unknown renames are not settled"
        return failed(what, "Start one beside the portal: make worker")
    hosts = ", ".join(sorted({each.host for each in living}))
    return ok(f"{len(living)} on {hosts}, alive {_seconds_since(living[0].at)} s ago")


def _seconds_since(moment: datetime.datetime) -> int:
    return max(0, round((timezone.now() - moment).total_seconds()))


def client_secret_expiry() -> Finding:
    """The date that the operator was told at registration."""
    last: datetime.date | None = settings.APS_CLIENT_SECRET_EXPIRES
    if last is None:
        return skipped("APS_CLIENT_SECRET_EXPIRES is not set")
    left = (last - timezone.now().date()).days
    remedy = "Make a new one at APS, put it into APS_CLIENT_SECRET and its last day into APS_CLIENT_SECRET_EXPIRES."
    if left < 0:
        return failed(f"its last day was {last}", remedy)
    return warning(f"{left} days left, until {last}", remedy) if left <= SOON else ok(f"{left} days left, until {last}")
