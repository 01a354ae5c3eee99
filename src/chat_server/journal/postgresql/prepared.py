"""Statements that are carried out for each commit: prepared once on a connection, and called by libpq itself.

To have psycopg look at each of the parameters, and wait as it does, took 0.3 ms of the interpreter's lock. Blocks, but for `send`. Never knows what
is asked.
"""

from collections.abc import Sequence
from typing import Any
from weakref import WeakSet

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult
from psycopg.rows import TupleRow

Connection = psycopg.Connection[TupleRow]


class Prepared:
    """A statement with parameters of these types, which are given in binary form."""

    def __init__(self, name: bytes, sql: bytes, types: Sequence[int]) -> None:
        """The parameters stand in the statement as `$1` and so on."""
        self._name = name
        self._sql = sql
        self._types = types
        self._binary = [Format.BINARY] * len(types)
        self._known_to: WeakSet[Connection] = WeakSet()

    def rows(self, connection: Connection, values: Sequence[Any]) -> Sequence[TupleRow]:
        """Carry it out. Raises psycopg.Error."""
        self.prepare(connection)
        return self.loaded(connection, connection.pgconn.exec_prepared(self._name, values, self._binary, Format.BINARY))

    def prepare(self, connection: Connection) -> None:
        """Have the connection know it. Raises psycopg.Error."""
        if connection not in self._known_to:
            _raise_if_refused(connection, connection.pgconn.prepare(self._name, self._sql, self._types))
            self._known_to.add(connection)

    def send(self, connection: Connection, values: Sequence[Any]) -> None:
        """Begin to carry it out, on a connection that knows it. Raises psycopg.Error."""
        connection.pgconn.send_query_prepared(self._name, values, self._binary, Format.BINARY)

    def loaded(self, connection: Connection, result: PGresult) -> Sequence[TupleRow]:
        """What has come of it. Raises psycopg.Error if it was refused."""
        _raise_if_refused(connection, result)
        rows = Transformer(connection)
        rows.set_pgresult(result, format=Format.BINARY)
        return rows.load_rows(0, result.ntuples, tuple)


def _raise_if_refused(connection: Connection, result: PGresult) -> None:
    if result.status not in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}:
        raise error_from_result(result, connection.info.encoding)
