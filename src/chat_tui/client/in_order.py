"""Which lines of a room have been written, so that each is written once and in order, whatever comes first.

Knows what is known of a room. Never knows where it is written, nor how it came.
"""

from collections.abc import Callable, Iterable

from chat_server.protocol.amending import Edited, Reacted, Redacted
from chat_server.protocol.entries import Amending, Entry, Line, LineBlocked
from chat_server.protocol.names import name_key
from chat_tui.client.amended_words import Beginnings, Reactions, marks_behind
from chat_tui.client.clocks import shown
from chat_tui.client.entry_words import between, told
from chat_tui.client.own_lines import OwnLines
from chat_tui.client.state import RoomState
from chat_tui.client.timeline_entries import BlockedLines
from chat_tui.language import say, sentences


def line_in_words(line: Line, replied: str = "", *, has_time: bool = False) -> str:
    """`[python] 4711 ann: hello`: a line as it is read out. `replied` says to whom it replies; `has_time`: its time stands after its number."""
    number = f"[{line.room}] {line.seq}"
    if has_time:
        clock = shown(line.at)
        number += f" {clock.tm_hour:02}:{clock.tm_min:02}"
    if isinstance(line, LineBlocked):
        return f"{number} " + say("(blocked)")
    return f"{number} {said_in_words(line, replied)}"


def said_in_words(line: Entry, replied: str = "") -> str:
    """`ann: hello`: who says a line, and what. What follows a line break is indented, so that it looks like nobody else's line."""
    shape = line.shape
    is_told = line.request is None or not line.text  # by the server, in its words
    text = (told(line) if is_told else line.text).replace("\n", "\n  ")
    if is_told:
        return f"{line.nick}{line.mark} {text}"
    sign = f"{shape.sign} " if shape.sign and not shape.is_sentence else ""
    middle = f"{replied}: " if replied else between(shape)
    return f"{sign}{line.nick}{line.mark}{middle}{text}{marks_behind(line)}"


class Reading:
    """Which lines of each room have been written, so that each is written once and in order."""

    def __init__(
        self,
        write: Callable[[str], None],
        is_told: Callable[[Line], bool] = lambda _: True,
        has_times: Callable[[], bool] = lambda: False,
        me: Callable[[], str] = str,
    ) -> None:
        """Nothing has been written. `is_told`: whether a line is to be; `has_times`: whether its time stands with it; `me`: the user's name."""
        self._write, self._is_told, self._has_times = write, is_told, has_times
        self._come: dict[str, int] = {}
        self._own = OwnLines(me)
        self._amending: dict[str, dict[int, Amending]] = {}
        self._beginnings, self._reactions = Beginnings(), Reactions()

    def entered(self, room: RoomState, position: int) -> None:
        """The user is in a room, and has seen it up to here."""
        come = self._come.setdefault(name_key(room.name), position)
        if room.last < come:
            told = say("The server has an older copy of this room. Its lines now end at {number}.", number=room.last)
            self._write(f"[{room.name}] {told}")
            self._come[name_key(room.name)] = room.last
            self._write_left(room.name)
            self._own.begun_anew(room.name)

    def left(self, name: str) -> None:
        """The user is no longer in a room."""
        self._write_left(name)
        self._come.pop(name_key(name), None)

    def is_own(self, line: Entry) -> None:
        """A line comes back to the user who has just sent it, and is told of it by its number."""
        if not isinstance(line, Edited | Reacted):  # of these nothing else tells
            self._own.came(line)

    def stored(self, room: str, seq: int) -> None:
        """The server says that a line of the user's is stored under this number."""
        if self._own.stored(room, seq, self._come.get(name_key(room))):
            self._write_stored(room, seq)

    def _write_stored(self, room: str, seq: int) -> None:
        told = say("stored as {number}", number=seq)
        self._write(f"[{room}] {told}")

    def _write_left(self, name: str = "") -> None:
        for room, seq in self._own.left(name):
            self._write_stored(room, seq)

    def connection_lost(self) -> None:
        """Nothing follows on what has come: what has waited for that is written, with the next step."""
        self._own.lost()

    def end(self) -> None:
        """Write what has waited for more."""
        self.tell_reactions(is_over=True)
        self._write_left()

    def take(self, lines: Iterable[Entry]) -> None:
        """Lines have come. What amends others stands nowhere among them, and is told in its turn."""
        for line in lines:
            if isinstance(line, Amending):
                self._amending.setdefault(name_key(line.room), {})[line.seq] = line

    def write(self, line: Line) -> None:
        """Write a line."""
        if not self._is_told(line):
            if not isinstance(line, LineBlocked | Reacted):
                self._note(line)
        elif isinstance(line, LineBlocked):
            self._write(line_in_words(line, has_time=self._has_times()))
        elif isinstance(line, Reacted):
            self._reactions.add(line)
        else:
            self._write(line_in_words(line, self._beginnings.replied(line), has_time=self._has_times()))
            self._own.written(line)
            self._note(line)

    def _note(self, line: Entry) -> None:
        """Know how a line begins, and what becomes of those before it."""
        if isinstance(line, Edited):
            self._beginnings.edited(line.room, line.of, line.text)
        elif isinstance(line, Redacted):
            for first, last in line.of:
                self._beginnings.forget(line.room, first, last)
        else:
            self._beginnings.note(line)

    def tick(self) -> None:
        """Half a second has passed."""
        self._reactions.tick()
        self.tell_reactions()

    def tell_reactions(self, *, is_over: bool = False) -> None:
        """Write what has waited for other reactions."""
        for words in self._reactions.due(is_over=is_over):
            self._write(words)

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
        for line in self._between(room, come, position):
            if isinstance(line, BlockedLines):
                self._write(f"[{room.name}] {line.text}")
            elif self._own.is_answered(line):
                self._note(line)
            elif self._own.is_stored(room.name, line.seq):
                self._write_stored(room.name, line.seq)
                self._note(line)
            elif self._own.waits(room, line.seq):
                position = line.seq - 1
                break
            else:
                self.write(line)
        else:
            while self._own.is_stored(room.name, max(come, position) + 1):  # the line itself comes next
                position = max(come, position) + 1
                self._write_stored(room.name, position)
        self._own.go_on(room)
        self._amending[key] = {seq: line for seq, line in self._amending.get(key, {}).items() if seq > position}
        self._come[key] = max(come, position)
        return self._come[key]

    def _between(self, room: RoomState, come: int, position: int) -> list[Entry | BlockedLines]:
        """What is known after one number and up to another, in order."""
        index_of = room.timeline.index_of
        known = room.timeline.entries[index_of(come + 1) : index_of(position + 1)]
        lines: list[Entry | BlockedLines] = [line for line in known if isinstance(line, Entry | BlockedLines)]
        amending = [
            line for line in self._amending.get(name_key(room.name), {}).values() if come < line.seq <= position
        ]
        return sorted([*lines, *amending], key=lambda line: line.seq) if amending else lines
