"""What becomes of the user's own lines among those that are written line by line: told by their number, or written whole; once, and where they stand.

The server shows a line, and says then that it is stored. When the connection breaks between the two, it says so on the next one, where the line
has come with all that was missed, or has been written before. Knows numbers; never knows how they are written.
"""

from collections.abc import Callable, Iterable

from chat_server.protocol.entries import KIND_BY_WORD, Entry, LineBlocked
from chat_server.protocol.names import name_key
from chat_tui.client.state import RoomState

SAID = tuple(set(KIND_BY_WORD.values()))
"""Kinds of lines that are kept until the server has said that they are stored."""


class OwnLines:
    """Those of all rooms."""

    def __init__(self, me: Callable[[], str]) -> None:
        """None is known. `me` gives the name under which the user is here."""
        self._me = me
        self._answered: set[tuple[str, int]] = set()
        self._coming: set[tuple[str, int]] = set()  # of which the server is about to say that they are stored
        # It has, and nothing has been written of them yet; with the room's name.
        self._stored: dict[tuple[str, int], str] = {}
        self._whole: dict[str, set[int]] = {}  # written whole before it has, by room

    def came(self, line: Entry) -> None:
        """A line of the user's comes as it is said."""
        (self._coming if isinstance(line, SAID) else self._answered).add((name_key(line.room), line.seq))

    def stored(self, room: str, seq: int, come: int | None) -> bool:
        """The server says that one is stored, where everything up to `come` has been written. Returns whether that is told now, not in its turn."""
        key = name_key(room)
        self._coming = {one for one in self._coming if one[0] != key or one[1] >= seq}  # it says so in order
        if seq in self._whole.get(key, ()):
            return False
        if come is None or seq <= come:
            return True
        self._stored[key, seq] = room
        return False

    def lost(self) -> None:
        """The server says no more what is stored of what has come: it says that again."""
        self._coming.clear()

    def begun_anew(self, room: str) -> None:
        """The numbers of a room are those of other lines now."""
        self._whole.pop(name_key(room), None)

    def is_answered(self, line: Entry) -> bool:
        """Whether this is told by the answer to the command that has made it; asked once."""
        return _taken(self._answered, line.room, line.seq)

    def is_stored(self, room: str, seq: int) -> bool:
        """Whether it is now that a line is to be told by its number; asked once."""
        if self._stored.pop((name_key(room), seq), None) is None:
            return False
        _taken(self._coming, room, seq)
        return True

    def waits(self, room: RoomState, seq: int) -> bool:
        """Whether the server is about to say that this line is stored: if lines wait for that here. Those said elsewhere wait with them."""
        if any(not pending.why for pending in room.pending):
            return (name_key(room.name), seq) in self._coming
        self._coming = {one for one in self._coming if one[0] != name_key(room.name)}
        return False

    def written(self, line: Entry | LineBlocked) -> None:
        """A line was written whole."""
        if isinstance(line, SAID) and line.nick == self._me():
            self._whole.setdefault(name_key(line.room), set()).add(line.seq)

    def go_on(self, room: RoomState) -> None:
        """Know no longer what was written whole, where nothing waits to be stored."""
        if not room.pending:
            self._whole.pop(name_key(room.name), None)

    def left(self, room: str = "") -> Iterable[tuple[str, int]]:
        """Those of a room ("": of all) of which the server has said that they are stored, and nothing was written, in order; taken once."""
        left = sorted(one for one in self._stored if not room or one[0] == name_key(room))
        return [(self._stored.pop(one), one[1]) for one in left]


def _taken(known: set[tuple[str, int]], room: str, seq: int) -> bool:
    one = (name_key(room), seq)
    if one not in known:
        return False
    known.discard(one)
    return True
