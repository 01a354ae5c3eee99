"""What is noted of accounts at any node, as it is stored in PostgreSQL: when they were used, and how many tries have failed at all nodes together.

Each function is part of somebody's transaction.
"""

from collections.abc import Sequence

from chat_server.accounts import FAILURES_MAX
from chat_server.accounts.networks import NETWORKS_MAX
from chat_server.journal.account_rows import CAME_FROM
from chat_server.journal.postgresql.link import Connection


def note_seen(connection: Connection, seen: Sequence[tuple[int, int, str, float]]) -> None:
    """Note of accounts by which device, from which network and when they were used last, if that is not known better."""
    values = [[*column] for column in zip(*seen, strict=True)]
    accounts, _, _, times = values
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
        values,
    )
    connection.execute(
        f"INSERT INTO came_from AS known ({CAME_FROM}) SELECT one.account, one.network, max(one.at)"  # noqa: S608 - a list of columns
        " FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::float8[]) AS one (account, device, network, at)"
        " JOIN account ON account.id = one.account AND state <> 'closed' WHERE one.network <> ''"
        " GROUP BY one.account, one.network ORDER BY 1, 2"
        " ON CONFLICT (account, network) DO UPDATE SET at = greatest(known.at, excluded.at)",
        values,
    )
    connection.execute(
        "DELETE FROM came_from USING"
        " (SELECT account, network, row_number() OVER (PARTITION BY account ORDER BY at DESC, network) AS place FROM came_from"
        " WHERE account = ANY (%s)) AS ranked"
        " WHERE place > %s AND came_from.account = ranked.account AND came_from.network = ranked.network",
        [accounts, NETWORKS_MAX],
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
