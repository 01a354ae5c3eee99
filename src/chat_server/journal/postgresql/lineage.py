"""Which of the databases at several addresses is the one: after a failover the old one may come back by itself, and would take lines, too.

A standby that takes over begins another timeline, whose number is greater; so the one with the greatest is the one, and one that is behind what is
known already is refused. Blocks. Never knows what is asked by a connection.
"""

from collections.abc import Callable, Mapping
from itertools import zip_longest
from threading import Lock

import psycopg
from psycopg.rows import TupleRow

from chat_server.logs import log

Connection = psycopg.Connection[TupleRow]
Told = Mapping[str, str]
"""What a connection is made by, as libpq names it."""

_PER_ADDRESS = ("host", "hostaddr", "port")


class Lineage:
    """What one server knows of it. Any thread may use it."""

    def __init__(self) -> None:
        """Know nothing: the first connection is made by asking at each address."""
        self._newest = 0
        self._told_of: set[str] = set()
        self._state = Lock()

    def connected(self, told: Told, connect: Callable[[Told], Connection]) -> Connection:
        """A connection to the one. Raises psycopg.Error; OperationalError if those that answer are all behind what is known."""
        if self._newest:
            connection = connect(told)
            if self._admits(connection):
                return connection
            connection.close()
        return self._newest_of(told, connect)

    def _admits(self, connection: Connection) -> bool:
        timeline = timeline_of(connection)
        with self._state:
            if timeline >= self._newest:
                self._newest = timeline
                return True
        return not timeline

    def _newest_of(self, told: Told, connect: Callable[[Told], Connection]) -> Connection:
        """A connection to the newest of those that answer; the others are told of in the log."""
        found: list[tuple[int, Connection]] = []
        for address in addresses(told):
            try:
                found.append((timeline_of(connection := connect(address)), connection))
            except psycopg.Error:
                continue
        if not found:
            return connect(told)  # which says what is wrong with all of them
        newest = max(timeline for timeline, _ in found)
        with self._state:
            self._newest = max(newest, self._newest)
        chosen: Connection | None = None
        for timeline, connection in found:
            if chosen is None and timeline in {0, self._newest}:
                chosen = connection
                continue
            if timeline < self._newest:
                self._tell_of(connection)
            connection.close()
        if chosen is None:
            raise psycopg.OperationalError(
                "the database that answers is from before a failover, and would be a second history: it is to be stopped, and made the standby"
            )
        return chosen

    def _tell_of(self, connection: Connection) -> None:
        address = f"{connection.info.host}:{connection.info.port}"
        if address not in self._told_of:
            self._told_of.add(address)
            log.warning(
                "a database takes lines that is from before a failover; it is passed over, and is to be stopped and made the standby",
                address=address,
            )


def timeline_of(connection: Connection) -> int:
    """The number of the timeline; 0: it is none of PostgreSQL's own, or does not say."""
    try:
        ((name,),) = connection.execute("SELECT pg_walfile_name(pg_current_wal_lsn())", prepare=False).fetchall()
    except psycopg.Error:
        if connection.closed:
            raise
        return 0
    return int(str(name)[:8], 16)


def addresses(told: Told) -> list[Told]:
    """The same for each address by itself."""
    lists = {name: told[name].split(",") for name in _PER_ADDRESS if "," in told.get(name, "")}
    return [
        {**told, **{name: value or "" for name, value in zip(lists, values, strict=True)}}
        for values in zip_longest(*lists.values())
    ] or [told]
