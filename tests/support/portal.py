"""Runs the portal as people run it: migrated, collected, under gunicorn, in processes of its own."""

import contextlib
import fcntl
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import environ
import psycopg
import requests

from tests.environment import FIXED
from tests.support.database_faults import PostgreSQLFaults, SQLiteFaults
from tests.support.stand_ins import free_ports

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 30  # seconds


class Portal:
    """A portal on a free port of this machine, DEBUG off, with a database of its own, of DATABASE_URL's kind.

    Variables go by name: `Portal(port, WEB_CONCURRENCY="4", APS_ISSUER=…)`. If `is_cuttable`, the test can take the
    database away by `faults`.
    """

    def __init__(self, port: int | None = None, *, is_cuttable: bool = False, **variables: str) -> None:
        self.port = port or free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.directory = tempfile.TemporaryDirectory(prefix="portal-")
        self.database = Database(Path(self.directory.name))
        kind = PostgreSQLFaults if self.database.is_postgresql else SQLiteFaults
        self.faults = kind(self.database) if is_cuttable else None
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            **FIXED,
            "PORTAL_URL": self.url,
            "LOOPBACK_HTTP": "on",
            "DATABASE_URL": (self.faults or self.database).url,
            "WEB_CONCURRENCY": "2",
            "DATABASE_CONNECTIONS": "5",  # many portals share one PostgreSQL
            "PORT": str(self.port),
            **variables,
        }
        self.log = Path(self.directory.name) / "portal.log"
        self.manage("migrate", "--verbosity", "0")
        _collect_static(self)
        self.serve()

    def manage(self, *arguments: str) -> str:
        """Run a management command in the portal's environment; return what it printed."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a management command that may fail."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[Path]:
        """Run a management command meanwhile; gives the file that it logs into. It ends by SIGTERM."""
        log = Path(self.directory.name) / f"{uuid.uuid4().hex}.log"
        command = [sys.executable, "manage.py", *arguments]
        with log.open("wb") as file:
            process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=file, stderr=file)
        try:
            yield log
        finally:
            process.terminate()
            assert process.wait(timeout=_PATIENCE) == 0, log.read_text()

    def serve(self) -> None:
        """Start the web server again, after its process has ended."""
        self.process = serve(self.environment, self.log)

    def end(self) -> None:
        """End every process; the data stays."""
        self.process.terminate()
        assert self.process.wait(timeout=_PATIENCE) == 0

    def start(self, **variables: str) -> None:
        """Start again after `end`, with some variables changed."""
        self.environment |= variables
        self.serve()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Look into the portal's database."""
        return self.database.query(sql)

    def execute(self, sql: str) -> None:
        """Change something in the portal's database."""
        self.database.execute(sql)

    def stop(self) -> None:
        """End every process, and remove the database."""
        ended_early = self.process.poll() is not None and self.log.read_text()[-3000:]
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.faults:
            self.faults.stop()
        self.database.drop()
        self.directory.cleanup()
        assert not ended_early, f"The portal had ended by itself: {ended_early}"


def serve(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start a web server in a process group of its own, and wait until it answers."""
    command = [sys.executable, "-m", "gunicorn", "aosportal.wsgi"]
    begins = log.stat().st_size if log.exists() else 0
    with log.open("ab") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=file, start_new_session=True)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            requests.get(f"http://127.0.0.1:{environment['PORT']}", timeout=_PATIENCE, allow_redirects=False)
        except requests.RequestException:
            time.sleep(0.05)
        else:
            if process.poll() is None and b"Listening at" in log.read_bytes()[begins:]:  # it is ours that answered
                return process
    process.kill()
    raise RuntimeError(f"The portal did not start: {log.read_text()}")


class Database:
    """A new database: a PostgreSQL one beside the database that DATABASE_URL names, else an SQLite file."""

    def __init__(self, directory: Path) -> None:
        ours = os.environ.get("DATABASE_URL", "")
        self.is_postgresql = ours.startswith("postgres")
        self.name = f"portal_test_{uuid.uuid4().hex[:12]}"
        self.url = f"sqlite:///{directory / 'portal.sqlite3'}"
        if self.is_postgresql:
            self._server = environ.Env.db_url_config(ours)
            self.url = ours.rsplit("/", 1)[0] + f"/{self.name}"
            self._administer(f'CREATE DATABASE "{self.name}"')

    def connect(self, name: str = "") -> "psycopg.Connection[Any]":
        """Connect to it, or to another one of the same PostgreSQL, in autocommit mode."""
        server = self._server
        password = server["PASSWORD"] or None
        return psycopg.connect(
            host=server["HOST"],
            port=server["PORT"] or 5432,
            user=server["USER"],
            password=password,
            dbname=name or self.name,
            autocommit=True,
        )

    def _administer(self, statement: str) -> None:
        with self.connect(self._server["NAME"]) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one query."""
        if self.is_postgresql:
            with self.connect() as connection:
                return connection.execute(sql).fetchall()  # type: ignore[call-overload, no-any-return]
        with contextlib.closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=10)) as file:
            return file.execute(sql).fetchall()

    def execute(self, sql: str) -> None:
        """Run one statement."""
        if self.is_postgresql:
            with self.connect() as connection:
                connection.execute(sql)  # type: ignore[call-overload]
            return
        with contextlib.closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=10)) as file, file:
            file.execute(sql)

    @contextlib.contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Nobody else can write to this table (SQLite: to any) until the end of the block."""
        if self.is_postgresql:
            with self.connect() as connection, connection.transaction():
                connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")  # type: ignore[call-overload]
                yield
            return
        with contextlib.closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=10)) as file:
            file.execute("BEGIN IMMEDIATE")
            yield
            file.rollback()

    def drop(self) -> None:
        """Remove it; an SQLite file goes with its directory."""
        if self.is_postgresql:
            self._administer(f'DROP DATABASE "{self.name}" WITH (FORCE)')


def _collect_static(portal: Portal) -> None:
    """Once in a test run: its processes share the checkout, and portals that run already serve these files."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    with open(Path(tempfile.gettempdir()) / "portal-collectstatic.lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if lock.read() != f"{run} {ROOT}":
            portal.manage("collectstatic", "--noinput", "--verbosity", "0")
            lock.truncate(0)
            lock.write(f"{run} {ROOT}")
