"""`make serve`, `make worker`, `make migrate`: production, by the environment alone. gunicorn.conf.py has the rest."""

import os
from collections.abc import Mapping

from tools import installing
from tools.basics import ROOT, Trouble
from tools.processes import Processes

SWITCHED_ON = {"on", "true", "yes", "1"}  # as settings.py reads DEBUG


def serve() -> int:
    """Check the environment, collect static files, and become gunicorn."""
    if os.name == "nt":
        raise Trouble("gunicorn does not run on Windows. Next: make run, or make serve on Linux or macOS")
    refuse_without_tls(os.environ)
    refuse_odd_numbers(os.environ)
    _install("serve")
    with Processes() as processes:
        for step in (
            ["check", "--deploy", "--fail-level", "ERROR"],
            ["collectstatic", "--noinput", "--verbosity", "0"],
        ):
            if processes.run(step[0], [installing.PYTHON, "manage.py", *step], os.environ, None) != 0:
                return 1
    return _become("-m", "gunicorn", "--config", "gunicorn.conf.py", "aosportal.wsgi")


def migrate() -> int:
    """Bring the database that the environment names up to date."""
    _install("migrate")
    return _become("manage.py", "migrate", "--noinput")


def worker() -> int:
    """Do what has to be tried again, in the environment's configuration, until ended."""
    _install("worker")
    return _become("manage.py", "worker")


def refuse_without_tls(env: Mapping[str, str]) -> None:
    """Raise Trouble where an https portal would be served in plain http: every page would redirect to itself."""
    certificate, key = env.get("TLS_CERT_FILE"), env.get("TLS_KEY_FILE")
    if bool(certificate) != bool(key):
        missing = "TLS_KEY_FILE" if certificate else "TLS_CERT_FILE"
        raise Trouble(f"{missing} is not set, but its other half is. Next: set both, or neither behind a TLS proxy")
    is_https = env.get("PORTAL_URL", "").lower().startswith("https://")
    if is_https and not (certificate or _proxies(env) or env.get("DEBUG", "").lower() in SWITCHED_ON):
        raise Trouble(
            "PORTAL_URL is https, but nothing here ends TLS. Next: set TRUST_PROXY_HEADERS=1 if one TLS proxy stands "
            "in front, or TLS_CERT_FILE and TLS_KEY_FILE to serve https directly"
        )


def refuse_odd_numbers(env: Mapping[str, str]) -> None:
    """Raise Trouble for a number that gunicorn.conf.py could not read."""
    for name in ("WEB_CONCURRENCY", "WEB_THREADS"):
        text = env.get(name) or "1"
        if not text.isdecimal() or int(text) < 1:
            raise Trouble(f"{name}={text} is no whole number of at least 1. Next: set {name}=2, or leave it out")


def _proxies(env: Mapping[str, str]) -> bool:
    return env.get("TRUST_PROXY_HEADERS", "").strip() not in ("", "0")


def _install(command: str) -> None:
    installing.check_can_ensure(command)
    installing.ensure("serve", command)


def _become(*arguments: str) -> int:
    """Replace this process, so that signals reach the server itself; on Windows, wait for it instead."""
    os.chdir(ROOT)
    command = [str(installing.PYTHON), *arguments]
    if os.name != "nt":
        os.execv(command[0], command)  # noqa: S606
    with Processes() as processes:
        return processes.run("command", command, os.environ, None)
