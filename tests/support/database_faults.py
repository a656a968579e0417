"""What a test does to the database of a portal of real processes: takes it away, gives it back, stops the portal in it.

PostgreSQL is reached through a proxy that cuts every connection and refuses new ones. SQLite has no connection to cut:
there all tables are moved away, so that every statement fails at once, reading too.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.support.people import until
from tests.support.tcp_proxy import TCPProxy

if TYPE_CHECKING:
    from tests.support.portal import Database


class PostgreSQLFaults:
    """`url` is where the portal finds its database."""

    def __init__(self, database: "Database") -> None:
        self._database, parts = database, urlsplit(database.url)
        self._way = TCPProxy((parts.hostname or "127.0.0.1", parts.port or 5432))
        user = parts.netloc.rpartition("@")[0]
        self.url = parts._replace(netloc=f"{user}@127.0.0.1:{self._way.port}").geturl()

    def cut(self) -> None:
        """The database is gone, until `mend`."""
        self._way.refuse()
        self._way.cut()

    def drop(self) -> None:
        """Its host answers no packet any more, as when a network is cut, until `mend`."""
        self._way.swallow()
        self._way.cut()

    def mend(self) -> None:
        """It is back."""
        self._way.accept()

    @contextlib.contextmanager
    def stopped_once(self, sql: str) -> Iterator[Callable[[], None]]:
        """Nobody's turn to rename can be kept or given up. What is yielded waits until `sql` finds something."""
        with self._database.connect() as connection, connection.transaction():
            connection.execute("SELECT * FROM subscriptions_turn FOR UPDATE")
            yield lambda: until(lambda: self._database.query(sql))

    def stop(self) -> None:
        """Let nobody through any more."""
        self._way.stop()


class SQLiteFaults:
    """`url` is where the portal finds its database."""

    def __init__(self, database: "Database") -> None:
        self._database, self.url = database, database.url
        self._stopping: sqlite3.Connection | None = None

    def cut(self) -> None:
        """The database is gone, until `mend`."""
        self._rename_all("NOT LIKE 'away_%'", lambda name: f"away_{name}")

    def mend(self) -> None:
        """It is back."""
        self._rename_all("LIKE 'away_%'", lambda name: name.removeprefix("away_"))

    @contextlib.contextmanager
    def stopped_once(self, sql: str) -> Iterator[Callable[[], None]]:
        """What is yielded waits until `sql` finds something. From then on nobody writes.

        It is a race with whoever has just written that: the test must look whether it was won.
        """
        with contextlib.closing(self._connect(timeout=0)) as self._stopping:
            yield lambda: until(lambda: self._found_and_locked(sql), pause=0)
        self._stopping = None

    def stop(self) -> None:
        """The file goes with its directory."""

    def _connect(self, timeout: float = 10) -> sqlite3.Connection:
        return sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=timeout, isolation_level=None)

    def _found_and_locked(self, sql: str) -> bool:
        with contextlib.suppress(sqlite3.OperationalError):  # somebody is writing
            if self._stopping.execute(sql).fetchall():
                self._stopping.execute("BEGIN IMMEDIATE")
                return True
        return False

    def _rename_all(self, which: str, renamed: Callable[[str], str]) -> None:
        """In the transaction of `stopped_once`, if there is one, so that nobody writes in between."""
        with contextlib.ExitStack() as stack:
            connection = self._stopping or stack.enter_context(contextlib.closing(self._connect()))
            if not connection.in_transaction:
                connection.execute("BEGIN IMMEDIATE")
            names = f"SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name {which}"
            for (name,) in connection.execute(names).fetchall():
                connection.execute(f'ALTER TABLE "{name}" RENAME TO "{renamed(name)}"')
            connection.execute("COMMIT")
