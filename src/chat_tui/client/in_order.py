"""Which lines of a room have been written, so that each is written once and in order, whatever comes first.

Knows what is known of a room. Never knows where it is written, nor how it came.
"""

from collections.abc import Callable

from chat_server.protocol.entries import Entry, Line, LineBlocked
from chat_server.protocol.names import name_key
from chat_tui.client.entry_words import between, told
from chat_tui.client.state import RoomState
from chat_tui.client.timeline import BlockedLines
from chat_tui.language import say, sentences


def line_in_words(line: Line) -> str:
    """`[python] 4711 ann: hello`: a line as it is read out."""
    if isinstance(line, LineBlocked):
        return f"[{line.room}] {line.seq} " + say("(blocked)")
    shape = line.shape
    is_told = line.request is None or not line.text  # by the server, in its words
    text = (told(line) if is_told else line.text).replace("\n", "\n  ")
    if is_told:
        return f"[{line.room}] {line.seq} {line.nick}{line.mark} {text}"
    sign = f"{shape.sign} " if shape.sign and not shape.is_sentence else ""
    return f"[{line.room}] {line.seq} {sign}{line.nick}{line.mark}{between(shape)}{text}"


class Reading:
    """Which lines of each room have been written, so that each is written once and in order."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._come: dict[str, int] = {}
        self._own: set[tuple[str, int]] = set()

    def entered(self, room: RoomState, position: int) -> None:
        """The user is in a room, and has seen it up to here."""
        come = self._come.setdefault(name_key(room.name), position)
        if room.last < come:
            told = say("The server has an older copy of this room. Its lines now end at {number}.", number=room.last)
            self._write(f"[{room.name}] {told}")
            self._come[name_key(room.name)] = room.last

    def left(self, name: str) -> None:
        """The user is no longer in a room."""
        self._come.pop(name_key(name), None)

    def is_own(self, line: Entry) -> None:
        """A line comes back to the user who has just sent it, and is told of it by its number."""
        self._own.add((name_key(line.room), line.seq))

    def go_on(self, room: RoomState) -> int:
        """Write what can be written without leaving anything out; return up to which number everything has been."""
        key = name_key(room.name)
        come = self._come.get(key)
        if come is None:
            return 0
        kept_from, position = max(room.first - 1, room.since), room.position
        if kept_from > come and position > come:
            end = min(kept_from, position)
            missing = (
                say("line {end} was not received.", end=end)
                if end == come + 1
                else say("lines {first} to {end} were not received.", first=come + 1, end=end)
            )
            is_kept = room.since > room.first - 1
            hint = (
                say("/since {number} shows what is kept of them.", number=come)
                if is_kept
                else say("They are not kept.")
            )
            self._write(f"[{room.name}] {sentences(missing, hint)}")
            come = end
        entries = room.timeline.entries
        for index in range(room.timeline.index_of(come + 1), len(entries)):
            line = entries[index]
            if isinstance(line, BlockedLines):
                if line.seq > position:
                    break
                self._write(f"[{room.name}] {line.text}")
            elif isinstance(line, Entry):
                if line.seq > position:
                    break
                if (key, line.seq) not in self._own:
                    self._write(line_in_words(line))
                self._own.discard((key, line.seq))
        self._come[key] = max(come, position)
        return self._come[key]
