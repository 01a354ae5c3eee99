"""What is noted of accounts at any node, as it is stored in PostgreSQL: when they were used, and how many tries have failed at all nodes together.

Each function is part of somebody's transaction.
"""

from collections.abc import Sequence

from chat_server.accounts import FAILURES_MAX
from chat_server.journal.postgresql.link import Connection


def note_seen(connection: Connection, seen: Sequence[tuple[int, int, str, float]]) -> None:
    """Note of accounts by which device, from which network and when they were used last, if that is not known better."""
    accounts, devices, networks, times = ([*column] for column in zip(*seen, strict=True))
    connection.execute("SELECT FROM account WHERE id = ANY (%s) ORDER BY id FOR NO KEY UPDATE", [accounts])
    connection.execute(
        "UPDATE account SET seen = greatest(account.seen, used.at) FROM"
        " (SELECT id, max(at) AS at FROM unnest(%s::bigint[], %s::float8[]) AS one (id, at) GROUP BY id) AS used"
        " WHERE account.id = used.id AND state <> 'closed'",
        [accounts, times],
    )
    connection.execute(
        "UPDATE device SET seen = used.at, network = used.network"
        " FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::float8[]) AS used (account, device, network, at)"
        " WHERE device.id = used.device AND device.account = used.account AND device.seen <= used.at",
        [accounts, devices, networks, times],
    )


def note_failures(connection: Connection, failures: Sequence[tuple[str, int, int | None, float]]) -> None:
    """Note how many tries more have failed from a network with an account, and when; None: there were none, and it is forgotten."""
    values = [[*column] for column in zip(*failures, strict=True)]
    connection.execute(
        "DELETE FROM failure USING unnest(%s::text[], %s::bigint[], %s::bigint[], %s::float8[]) AS one (network, account, more, at)"
        " WHERE failure.network = one.network AND failure.account = one.account AND one.more IS NULL",
        values,
    )
    connection.execute(
        "INSERT INTO failure AS known"
        " SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::float8[]) AS one (network, account, more, at)"
        ' WHERE more IS NOT NULL ORDER BY network COLLATE "C", account'
        " ON CONFLICT (network, account) DO UPDATE SET count = known.count + excluded.count, at = greatest(known.at, excluded.at)",
        values,
    )
    connection.execute("DELETE FROM failure WHERE count <= 0")
    connection.execute(
        "DELETE FROM failure WHERE (network, account) IN"
        " (SELECT network, account FROM failure ORDER BY at DESC OFFSET %s)",
        [FAILURES_MAX],
    )
