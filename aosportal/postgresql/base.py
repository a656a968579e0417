"""Connections from a pool, where Django's own way would fail people who only have to wait.

A pool's connections break together. Django has each tried in turn, with pauses: longer than anybody waits. Here the
first that is found broken has all of them tried; so `CONN_HEALTH_CHECKS` is off. And where all connections are in use
for longer than the pool's `timeout`, that alone does not mean that the database is away.
"""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import Error
from psycopg_pool import PoolTimeout

_MOST_WAITS = 4  # times the pool's `timeout`


class DatabaseWrapper(base.DatabaseWrapper):
    """Gives out connections that work, while the database answers at all."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Take one from the pool. Raises OperationalError, after its `timeout` where the database cannot be reached."""
        connection = self._wait_for_one(conn_params)
        if self.pool and not _answers(connection):
            self.pool.putconn(connection)
            self.pool.check()
            connection = self._wait_for_one(conn_params)
        return connection

    def _wait_for_one(self, conn_params: dict[str, Any]) -> Any:
        for _ in range(_MOST_WAITS - 1):
            before = self._failures()
            try:
                return super().get_new_connection(conn_params)
            except PoolTimeout:
                if self._failures() > before:
                    raise
        return super().get_new_connection(conn_params)

    def _failures(self) -> int:
        """How often the database could not be reached so far."""
        return self.pool.get_stats().get("connections_errors", 0) if self.pool else 0


def _answers(connection: Any) -> bool:
    try:
        connection.execute("")
    except Error:
        return False
    return True
