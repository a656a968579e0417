"""`make test`: every check and every test, then a table of how each went and a line on what was left out."""

import base64
import os
import secrets
import shlex
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tools import installing, results
from tools.basics import LOGS, Trouble, clean_environment, say, spelled
from tools.processes import Processes

PROGRAMS = {
    "CHROMIUM": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "NGINX": ("nginx", "/usr/sbin/nginx"),  # where Debian puts it, which is not on everybody's PATH
}
WITHOUT_DATABASE = ("browser", "docs", "sandbox", "tools")  # folders of tests to which the portal's database is all one
NEEDS = {"browser": "CHROMIUM", "nginx": "NGINX", "redis": "TEST_CACHE_URL"}  # what the tests with a mark need
CHECKS = {
    "packages": "-m pip check --disable-pip-version-check",
    "format": "-m ruff format --check .",
    "lint": "-m ruff check .",
    "templates": "-m djlint --check --lint templates",
    # The stand-ins have no static files app, and their weather panel refreshes itself where there is no script.
    "their templates": "-m djlint --check --lint --ignore D004,H052 sandbox/templates",
    "types": "-m mypy aosportal subscriptions tools",
    "migrations": "manage.py makemigrations --check --dry-run",
    "deployment": "manage.py check --deploy --fail-level WARNING",
}


class Outcome(NamedTuple):
    """How one step went."""

    name: str
    passed: bool
    seconds: float


def main() -> int:
    """Install, run everything whatever fails, and exit with 1 if anything did."""
    installing.check_can_ensure("test")
    env = {**os.environ, **find_programs(os.environ)}
    installing.ensure("test", "test")
    missing = what_is_left_out(env)
    if missing:
        say(f"This machine leaves out: {'; '.join(missing)}.")
    with Processes() as processes:
        outcomes = static_checks(processes)
        outcomes += test_runs(processes, env)
    left_out = missing + results.never_run(reports())
    say(table(outcomes))
    if left_out:
        say(f"Left out: {'; '.join(left_out)}.")
    strict = os.environ.get("REQUIRE_ALL") == "1"
    return 0 if all(outcome.passed for outcome in outcomes) and not (strict and left_out) else 1


def static_checks(processes: Processes) -> list[Outcome]:
    """Run all checks that need no test at once; what a failed one said is shown."""
    production, began = production_environment(), time.monotonic()
    offline = {**production, "DATABASE_URL": "sqlite://:memory:"}
    for name, arguments in CHECKS.items():
        env = production if name == "deployment" else offline
        processes.start(name, [installing.PYTHON, *arguments.split()], env, _check_log(name))
    outcomes: list[Outcome] = []
    while processes.running:
        processes.wait_until(lambda: bool(processes.ended()))
        for name, code in processes.ended().items():
            del processes.running[name]
            outcomes.append(Outcome(name, code == 0, time.monotonic() - began))
            if code != 0:
                say(f"--- {name} ---\n{_check_log(name).read_text(errors='replace')}")
    return sorted(outcomes, key=lambda outcome: list(CHECKS).index(outcome.name))


def _check_log(name: str) -> Path:
    return LOGS / f"check-{name.replace(' ', '-')}.log"


def test_runs(processes: Processes, ambient: Mapping[str, str]) -> list[Outcome]:
    """Run the tests on SQLite, and those that it matters to again on the database that TEST_DATABASE_URL names."""
    env = clean_environment(ambient, "TEST_DATABASE_URL", "TEST_CACHE_URL", "CI", *PROGRAMS)
    for old in reports():
        old.unlink()
    outcomes = [test_run(processes, "sqlite", env)]
    if env.get("TEST_DATABASE_URL"):
        elsewhere = [f"--ignore=tests/{folder}" for folder in WITHOUT_DATABASE]
        env["DATABASE_URL"] = env["TEST_DATABASE_URL"]
        outcomes.append(test_run(processes, "database", env, *elsewhere))
    return outcomes


def test_run(processes: Processes, name: str, env: Mapping[str, str], *more: str) -> Outcome:
    """Run pytest once with `more` arguments, in parallel, without the tests whose programs or services are missing."""
    began = time.monotonic()
    missing = [mark for mark, variable in NEEDS.items() if variable not in env]
    selection = ["-m", " and ".join(f"not {mark}" for mark in missing)] if missing else []
    report = f"--junitxml={LOGS / f'tests-{name}.xml'}"
    command = [
        installing.PYTHON,
        "-m",
        "pytest",
        "-n",
        "auto",
        report,
        *selection,
        *more,
        *shlex.split(os.environ.get("ARGS", "")),
    ]
    say(f"--- tests on {name} ---")
    code = processes.run(f"tests-{name}", command, env, None)
    return Outcome(f"tests, {name}", code == 0, time.monotonic() - began)


def reports() -> list[Path]:
    """The reports that the test runs wrote."""
    return sorted(LOGS.glob("tests-*.xml"))


def find_programs(env: Mapping[str, str]) -> dict[str, str]:
    """Find what some tests drive: by the variable that names it, else on PATH; what is not there is left out."""
    found = {}
    for variable, usual in PROGRAMS.items():
        named = env.get(variable)
        if named and shutil.which(named) is None:
            raise Trouble(
                f"{variable}={named} is no program. Next: {spelled('test', **{variable: '/usr/bin/' + usual[0]})}"
            )
        path = next(filter(None, map(shutil.which, [named] if named else usual)), None)
        if path:
            found[variable] = path
    return found


def what_is_left_out(env: Mapping[str, str]) -> list[str]:
    """Name what this machine cannot test, and what would change that."""
    missing = {
        "PostgreSQL tests (set TEST_DATABASE_URL)": "TEST_DATABASE_URL",
        "Redis tests (set TEST_CACHE_URL)": "TEST_CACHE_URL",
        "browser tests (apt install chromium, or set CHROMIUM)": "CHROMIUM",
        "nginx tests (apt install nginx-light, or set NGINX)": "NGINX",
    }
    return [what for what, variable in missing.items() if not env.get(variable)]


def table(outcomes: list[Outcome]) -> str:
    """Lay out how each step went."""
    rows = [f"  {o.name:<16} {'ok' if o.passed else 'FAILED':<8} {o.seconds:6.1f} s" for o in outcomes]
    return "\n".join(["", *rows, ""])


def production_environment() -> dict[str, str]:
    """An environment as a careful operator would write it, with keys made for this run alone."""
    return {
        **clean_environment(os.environ),
        "SECRET_KEY": secrets.token_urlsafe(64),
        "TOKEN_ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "PORTAL_URL": "https://portal.example.com",
        "TRUST_PROXY_HEADERS": "1",
        "ADMIT": "listed",
        "DATABASE_URL": "postgres://portal@database.example.com/portal?sslmode=verify-full&sslrootcert=system",
        "CACHE_URL": "rediscache://cache.example.com:6379/0",
        "APS_CLIENT_ID": "00000000-0000-0000-0000-000000000001",
        "APS_CLIENT_SECRET": secrets.token_urlsafe(32),
    }
