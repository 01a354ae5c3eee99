"""chat-tui line by line: one's own lines stand where they were said, once, whatever is cut between what the server says."""

import asyncio
from collections import deque
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.protocol import entries, events
from chat_server.protocol.entries import Entry, Said
from chat_server.protocol.events import Event
from chat_tui.client.connection import ConnectionChanged, Status
from plain_programs import plain_program


class KeepingRoom:
    """One room of a server, and a connection of ann's, who says lines there: they are stored, shown, and said to be stored, each step by itself."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.program, self.connection = plain_program(self.written, lambda: 0.0, rooms=["python"])
        self.lines: list[Entry] = []
        self.elsewhere: set[int] = set()
        self.coming: deque[Event] = deque()
        self._keys: dict[str, int] = {}
        self._sent = 0
        self._words = count(1)
        self._has_been_here = False

    @property
    def is_connected(self) -> bool:
        return self.connection.status is Status.ONLINE

    def say(self, nick: str) -> None:
        """Somebody says something: bob, or ann here or elsewhere."""
        if nick == "ann":
            outgoing = self.program.client.outgoing
            outgoing.say(outgoing.pending("python", "say", f"line {next(self._words)}"))
            return
        seq = self._line(nick.removesuffix(" elsewhere"), f"line {next(self._words)}")
        if nick != "bob":
            self.elsewhere.add(seq)

    def _line(self, nick: str, text: str) -> int:
        seq = len(self.lines) + 1
        self.lines.append(Said("python", seq, float(seq), nick, text))
        if self.is_connected:
            self.coming.append(self.lines[-1])
        return seq

    def store(self) -> None:
        """The server stores what has come from ann, and says so; what it has stored already is only said."""
        for pending in self.connection.said[self._sent :] if self.is_connected else ():
            if pending.key not in self._keys:
                self._keys[pending.key] = self._line("ann", pending.text)
            self.coming.append(events.Stored("python", self._keys[pending.key], pending.key))
        self._sent = len(self.connection.said)

    def deliver(self) -> None:
        if self.coming:
            event = self.coming.popleft()
            self._has_been_here = self._has_been_here or isinstance(event, events.Entered)
            self.program.client._take(event, None)

    def cut(self) -> None:
        if self.is_connected:
            self.connection.status = Status.WAITING
            self.coming.clear()
            self._sent = len(self.connection.said)
            self.program.changed(ConnectionChanged(Status.WAITING, "the connection broke"))

    def connect(self) -> None:
        if self.is_connected:
            return
        self.connection.status = Status.ONLINE
        self.begin()
        self.program.changed(ConnectionChanged(Status.ONLINE))
        for pending in self.program.client.outgoing.to_send():
            self.connection.say(pending)

    def begin(self) -> None:
        last = len(self.lines)
        self.coming.append(events.Entered("python", (), 0, "", last))
        after = self.program.client.state.positions()["python"] if self._has_been_here else last
        if after < last:
            self.coming.append(entries.PageShown("python", tuple(self.lines[after:last]), 1, last, ""))
        self.coming.append(events.RoomsListed((("python", 1),)))

    def end(self) -> list[str]:
        """Let everything come; return what stands of the room on the screen."""
        self.connect()
        self.store()
        while self.coming:
            self.deliver()
        assert not self.program.client.store.unsent
        return [line for line in self.written if line.startswith("[python]")]


def number_of(written: str) -> int:
    words = written.removeprefix("[python] ").removeprefix("stored as ").split()
    return int(words[0])


def is_right(room: KeepingRoom) -> bool:
    """Whether each line stands there once and in order, others' whole."""
    told = room.end()
    whole = {line.seq: f"[python] {line.seq} {line.nick}: {line.text}" for line in room.lines}
    mine = {line.seq for line in room.lines if line.nick == "ann"} - room.elsewhere
    own = {f"[python] stored as {seq}" for seq in mine}
    are_right = all(line in own or line == whole[number_of(line)] for line in told)
    return are_right and [number_of(line) for line in told] == [*range(1, len(room.lines) + 1)]


STEPS = ("ann", "bob", "ann elsewhere", "store", "deliver", "cut", "connect")


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 4)), max_size=40))
def test_ones_own_lines_stand_where_they_were_said_once_whatever_is_cut(steps: list[tuple[str, int]]) -> None:
    async def play() -> None:
        room = KeepingRoom()
        room.begin()
        room.deliver()
        for step, times in steps:
            for _ in range(times):
                if step in ("store", "deliver", "cut", "connect"):
                    getattr(room, step)()
                else:
                    room.say(step)
        assert is_right(room), room.written

    asyncio.run(play())


@pytest.mark.parametrize("delivered", range(9))
def test_wherever_it_is_cut_ones_own_line_comes_once(delivered: int) -> None:
    async def play() -> None:
        room = KeepingRoom()
        room.begin()
        room.deliver()
        for nick in ("bob", "ann", "bob", "ann"):
            room.say(nick)
            room.store()
        for _ in range(delivered):
            room.deliver()
        room.cut()
        for nick in ("bob", "bob"):
            room.say(nick)
        assert is_right(room), room.written

    asyncio.run(play())


def test_without_a_cut_it_comes_as_its_number_alone() -> None:
    async def play() -> None:
        room = KeepingRoom()
        room.begin()
        room.deliver()
        for nick in ("bob", "ann", "ann elsewhere", "ann"):
            room.say(nick)
        room.store()
        told = ["1 bob: line 1", "2 ann: line 3", "stored as 3", "stored as 4"]
        assert room.end() == [f"[python] {line}" for line in told]

    asyncio.run(play())


def test_in_a_muted_room_it_comes_as_its_number_though_the_line_had_come_with_what_was_missed() -> None:
    async def play() -> None:
        room = KeepingRoom()
        room.begin()
        room.deliver()
        room.program.client.state.choices.mute("python", is_wanted=True)
        room.say("bob")
        room.say("ann")
        room.store()
        room.cut()
        assert room.end() == ["[python] stored as 2"]

    asyncio.run(play())


def test_at_the_end_it_is_told_though_lines_before_it_are_missing() -> None:
    async def play() -> None:
        room = KeepingRoom()
        room.begin()
        room.deliver()
        room.say("bob")
        room.say("ann")
        room.store()
        room.coming = deque(one for one in room.coming if not isinstance(one, Said) or one.nick == "ann")
        assert room.end() == []
        room.program._teller.end()
        assert room.written[-1] == "[python] stored as 2"

    asyncio.run(play())
