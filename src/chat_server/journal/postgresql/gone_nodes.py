"""Nodes that are none any more, in PostgreSQL. See GoneNodes in journal/nodes.py."""

from collections.abc import Collection, Sequence

from chat_server.journal.nodes import GoneNode, Moved
from chat_server.journal.postgresql.arrays import integers
from chat_server.journal.postgresql.link import Asked, Connection
from chat_server.journal.turn_codec import decode_movements


class PostgresqlGoneNodes:
    """See GoneNodes."""

    def __init__(self, ask: Asked, change: Asked) -> None:
        """`change` asks by a connection by which something is stored."""
        self._ask, self._change = ask, change

    async def left(self) -> Sequence[GoneNode]:
        """Those for which nobody has made up; see GoneNodes."""
        return await self._ask(
            lambda connection: [
                GoneNode(*row) for row in connection.execute("SELECT id, seen FROM gone_node ORDER BY id")
            ]
        )

    async def made_up(self, nodes: Collection[int]) -> None:
        """Somebody has made up for these; see GoneNodes."""
        sql = "DELETE FROM gone_node WHERE id = ANY (%b::bigint[])"
        await self._change(lambda connection: connection.execute(sql, [integers([*nodes])]))

    async def moved(self, room: str, seq: int) -> Sequence[Moved]:
        """Who has moved; see GoneNodes."""

        def ask(connection: Connection) -> Sequence[Moved]:
            rows = connection.execute(
                "SELECT batch.first, batch.node, batch.movements FROM batch JOIN room ON room.id = batch.room"
                " WHERE room.name = %b AND NOT is_deleted AND movements IS NOT NULL AND batch.turn >= coalesce((SELECT b.turn FROM batch AS b"
                " WHERE b.room = room.id AND b.count > 0 AND b.first <= %b ORDER BY b.first DESC LIMIT 1), 0) ORDER BY batch.turn",
                [room, seq],
            )
            return [
                Moved(first + after, node, movement)
                for first, node, movements in rows
                for after, movement in decode_movements(movements)
            ]

        return await self._ask(ask)
