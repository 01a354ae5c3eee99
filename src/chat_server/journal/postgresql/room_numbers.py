"""Which number in the database each room has, by the name that it has at this node.

A node may call a room by a name that another node has changed just now: as long as it has not carried that out, the old name stands for the same
room here. For any thread.
"""

from collections.abc import Collection, Mapping

import psycopg
from psycopg.rows import TupleRow


class RoomNumbers:
    """The numbers, as far as they are known."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._turns: dict[str, int] = {}

    def note(self, room: str, number: int, turn: int) -> None:
        """A room of this name has this number, and had this turn at last."""
        self._numbers[room] = number
        self._turns[room] = max(turn, self._turns.get(room, 0))

    def note_turn(self, room: str, turn: int) -> None:
        """The node has had an answer about this turn of a room."""
        self._turns[room] = max(turn, self._turns.get(room, 0))

    def forget(self, room: str) -> None:
        """The name stands for another room from now on, or for none: call it when its change has been carried out at this node."""
        self._numbers.pop(room, None)
        self._turns.pop(room, None)

    def known(self, room: str) -> int:
        """The number of a room; 0: it is not known."""
        return self._numbers.get(room, 0)

    def turn(self, room: str) -> int:
        """The newest turn of a room that is known."""
        return self._turns.get(room, 0)

    def find(self, connection: psycopg.Connection[TupleRow], rooms: Collection[str]) -> Mapping[str, int]:
        """The numbers of these rooms, without those that are not there; asks for what is not known."""
        unknown = [room for room in rooms if room not in self._numbers]
        if unknown:
            asked = "SELECT name, id, turn FROM room WHERE name = ANY (%s) AND NOT is_deleted"
            for name, number, turn in connection.execute(asked, [unknown]).fetchall():
                self.note(name, number, turn)
        return {room: self._numbers[room] for room in rooms if room in self._numbers}
