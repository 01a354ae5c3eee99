"""What was sent to PostgreSQL by a connection that broke, and whether it is still at work on it. Blocks; never knows what was sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from chat_server.journal.postgresql.link import Connection

J = TypeVar("J")


@dataclass
class Sent(Generic[J]):
    """What was sent by a connection that broke: nobody knows whether it is stored."""

    ticket: int
    jobs: Sequence[J]
    backends: list[tuple[int, Any]] = field(default_factory=list)  # which were given it


def is_at_work(connection: Connection, backends: Sequence[tuple[int, Any]]) -> bool:
    """Whether one of these backends still has what it was sent.

    One that waits for more is ended: what was sent to it may still be on its way, and must not be stored when it has been refused here. So is one
    that waits to hand something to a node that listens no more: it would keep its locks, and has not committed or has done so long ago.
    """
    rows = connection.execute(
        "SELECT pid, state = 'active' AND wait_event IS DISTINCT FROM 'ClientWrite' FROM pg_stat_activity"
        " WHERE (pid, backend_start) IN (SELECT * FROM unnest(%b::int[], %b::timestamptz[]))",
        [[pid for pid, _ in backends], [since for _, since in backends]],
    ).fetchall()
    for pid, is_busy in rows:
        if not is_busy:
            connection.execute("SELECT pg_terminate_backend(%b::int)", [pid])
    return bool(rows)
