"""chat-tui line by line, told by a server that cuts and skips at will: what it writes, asks and keeps."""

import asyncio
import json
import os
import select
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.protocol import entries, events
from chat_server.protocol.conversation_events import ConversationsListed, Conversing
from chat_server.protocol.entries import Entry, Said
from chat_server.protocol.events import Event
from chat_server.protocol.incoming import Ref
from chat_server.protocol.moderation_events import LineHeld
from chat_server.protocol.stored_event import StoredEvent
from chat_tui.client.accounts import CANNOT_ASK
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.in_order import Reading
from chat_tui.client.local_store import LocalStore
from chat_tui.client.pending import Pending
from chat_tui.client.pipes import LINE_MAX, Input, Output, TooLong
from chat_tui.client.plain_program import Exit, PlainProgram
from chat_tui.client.state import RoomState
from plain_programs import plain_program, run_to_the_end, turns
from processes import TIMEOUT
from stories import FakeConnection


class TalkingRoom:
    """One room of a server, and one connection to it, on which what comes may be delivered, skipped, or lost with the connection."""

    def __init__(
        self, told: Callable[[Event, Ref | None], None], connection: FakeConnection, position: Callable[[], int]
    ) -> None:
        self._told, self._connection, self._position = told, connection, position
        self._answered = 0
        self.lines: list[Entry] = []
        self.unknown: set[int] = set()
        self.coming: deque[tuple[Event, Ref | None]] = deque()
        self.has_been_here = False
        self.is_connected = False

    def _shown(self, first: int, last: int) -> tuple[Entry, ...]:
        return tuple(
            cast("Entry", StoredEvent("python", line.seq, 0.0, "", "")) if line.seq in self.unknown else line
            for line in self.lines[first - 1 : last]
        )

    def say(self, *, is_known: bool) -> None:
        seq = len(self.lines) + 1
        self.lines.append(Said("python", seq, float(seq), "bob", f"line {seq}"))
        if not is_known:
            self.unknown.add(seq)
        if self.is_connected:
            self.coming.append((self._shown(seq, seq)[0], None))

    def connect(self, page: int) -> None:
        if self.is_connected:
            return
        self.is_connected = True
        self._answered = len(self._connection.asked)
        last = len(self.lines)
        self.coming.append((events.Entered("python", (), 0, "", last), None))
        if self.has_been_here:
            after = self._position()
            for first in range(after + 1, last + 1, page):
                shown = self._shown(first, min(first + page - 1, last))
                self.coming.append((entries.PageShown("python", shown, 1, last, ""), None))
        self.coming.append((events.RoomsListed((("python", 1),)), None))

    def cut(self) -> None:
        self.is_connected = False
        self.coming.clear()

    def skip(self) -> None:
        """Everything that waits is skipped but who entered, and the reader is told."""
        if self.is_connected and self.has_been_here and self.coming:
            self.coming.clear()
            self.coming.append((events.Skipped(1, {"python": 0}), None))

    def deliver(self) -> None:
        if self.coming:
            event, ref = self.coming.popleft()
            self.has_been_here = self.has_been_here or isinstance(event, events.Entered)
            self._told(event, ref)
        self._answer()

    def _answer(self) -> None:
        for do, fields in self._connection.asked[self._answered :] if self.is_connected else ():
            if do == "history" and "after" in fields:
                first = cast("int", fields["after"]) + 1
                page = entries.PageShown("python", self._shown(first, first + 6), 1, len(self.lines), "")
                self.coming.append((page, cast("Ref", fields["ref"])))
        self._answered = len(self._connection.asked)


@given(
    st.lists(st.tuples(st.sampled_from(["say", "deliver", "new kind", "cut", "skip", "connect"]), st.integers(1, 9)))
)
def test_every_line_is_written_once_and_in_order_whatever_is_cut_and_skipped(steps: list[tuple[str, int]]) -> None:
    written: list[str] = []
    now = [0.0]

    async def play() -> TalkingRoom:
        program, connection = plain_program(written, lambda: now[0])
        client = program.client
        room = TalkingRoom(client._take, connection, lambda: client.state.positions()["python"])
        room.connect(1)
        room.deliver()
        for step, times in steps:
            for _ in range(times):
                match step:
                    case "say" | "new kind":
                        room.say(is_known=step == "say")
                    case "deliver":
                        room.deliver()
                    case "cut":
                        room.cut()
                    case "skip":
                        room.skip()
                    case _:
                        room.connect(times)
        room.connect(3)
        for _ in range(4):
            while room.coming:
                room.deliver()
            now[0] += 6
            client.tick()
            room.deliver()
        assert not client.state.room("python").has_hole
        return room

    room = asyncio.run(play())
    shown = [f"[python] {line.seq} bob: {line.text}" for line in room.lines if line.seq not in room.unknown]
    assert [line for line in written if line.startswith("[python]")] == shown


def test_what_has_been_written_is_kept_no_longer() -> None:
    async def act() -> None:
        written: list[str] = []
        program, _ = plain_program(written, lambda: 0.0)
        client = program.client
        client._take(events.Entered("python", (), 0, "", 0), None)
        lines = [Said("python", seq, float(seq), "bob", f"line {seq}") for seq in range(1, 501)]
        for line in lines:
            client._take(line, None)
        room = client.state.room("python")
        assert not room.timeline.entries
        assert (room.position, room.last, room.unread) == (500, 500, 0)
        told = len(written)
        client._take(entries.Recalled("python", tuple(lines[-20:]), None, 500, "UTC"), None)
        assert written[told:] == [], "it is nothing new"
        client._take(Said("python", 502, 502.0, "bob", "line 502"), None)
        assert [line.seq for line in room.timeline.lines()] == [502], "it waits for the one that is missing"

    asyncio.run(act())


def test_what_is_written_to_the_user_is_told_though_they_are_in_no_room() -> None:
    async def act() -> None:
        written: list[str] = []
        program, connection = plain_program(written, lambda: 0.0)
        take = program.client._take
        take(ConversationsListed((Conversing("@eve", 4, 1), Conversing("@mallory", 1, 1, is_request=True))), None)
        take(entries.PageShown("@eve", (Said("@eve", 4, 4.0, "eve", "while you were away"),), 1, 4, ""), None)
        take(Said("@bob", 7, 7.0, "bob", "psst"), None)
        take(events.Entered("@bob", ("bob",), 0, "", 7), None)
        take(Said("@bob", 8, 8.0, "bob", "still there?"), None)
        told = [line for line in written if line.startswith("[@") or "mallory" in line]
        assert told == [
            "mallory wants to write to you. /accept mallory shows what, and so does writing to mallory.",
            "[@eve] 4 eve: while you were away",
            "[@bob] 7 bob: psst",
            "[@bob] 8 bob: still there?",
        ]
        assert ("history", "@eve") in [(do, fields.get("room")) for do, fields in connection.asked]

    asyncio.run(act())


def test_output_that_nobody_reads_waits_in_bounds_and_says_what_was_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_tui.client.pipes.UNWRITTEN_MAX", 200_000)
    reading, writing = os.pipe()
    output = Output(writing, "utf-8", lambda _: None)
    for number in range(10_000):
        output.write(f"line {number:<95}")
    with os.fdopen(reading, "rb") as reader:
        written = [reader.readline()]
        while not written[-1].startswith(b"*"):
            written.append(reader.readline())
        output.write("read again")
        output.close(TIMEOUT)
        os.close(writing)
        rest = reader.read()
    assert rest == b"read again\n"
    *lines, told = written
    assert [int(line.split()[1]) for line in lines] == list(range(len(lines)))
    assert 2000 <= len(lines) <= 3500, "what a pipe and the bound hold"
    assert told == b"* %d lines are left out here: what reads this output was too slow.\n" % (10_000 - len(lines))


def test_a_reconnect_changes_nothing_about_where_one_is() -> None:
    async def play() -> None:
        written: list[str] = []
        program, connection = plain_program(written, lambda: 0.0, rooms=["python", "write"])
        for room in ("python", "write"):
            program.client._take(events.Entered(room, (), 0), None)
        program.client._take(events.RoomsListed((("python", 1), ("write", 1))), None)
        program.input.receive_data(b"/python\none\n")
        program.take_input()
        program.client._take(events.Stored("python", 1, connection.said[0].key), None)
        connection.status = Status.WAITING
        program.changed(ConnectionChanged(Status.WAITING, "the connection broke"))
        program.input.receive_data(b"two\n")
        program.take_input()
        connection.status = Status.ONLINE
        program.changed(ConnectionChanged(Status.ONLINE))
        for room in ("python", "write"):
            program.client._take(events.Entered(room, (), 0), None)
        program.input.receive_data(b"three\n")
        program.take_input()
        assert [(line.room, line.text) for line in program.client.store.unsent] == [
            ("python", "two"),
            ("python", "three"),
        ]
        assert connection.said[0].room == "python"

    asyncio.run(play())


def test_what_an_older_server_lists_and_then_refuses_is_not_listed() -> None:
    async def play() -> None:
        written: list[str] = []
        program, connection = plain_program(written, lambda: 0.0)
        program.client._take(events.RoomsListed((("python", 1),)), None)
        program.input.receive_data(b"/help\n")
        program.take_input()
        listed = events.HelpListed((("/charset [CHARSET]", "Choose it"), ("/rooms", "List the rooms")), ("python",))
        program.client._take(listed, cast("Ref", connection.last("help")["ref"]))
        told = "\n".join(written)
        assert "/rooms" in told
        assert "/charset" not in told

    asyncio.run(play())


def test_a_command_whose_answer_was_lost_comes_again_before_what_was_typed_after_it() -> None:
    async def play() -> None:
        program, connection = plain_program([], lambda: 0.0, rooms=["python"])
        program.client._take(events.Entered("python", (), 0), None)
        program.client._take(events.RoomsListed((("python", 1), ("write", 0))), None)
        program.input.receive_data(b"/write\nfor write\n")
        program.take_input()
        assert connection.last("join")["room"] == "write"
        program.changed(ConnectionChanged(Status.WAITING, "the connection broke"))
        program.take_input()
        assert not connection.said, "it was for another room"
        program.client._take(events.RoomsListed((("python", 1), ("write", 0))), None)
        program.take_input()
        program.client._take(events.Entered("write", (), 0), cast("Ref", connection.last("join")["ref"]))
        program.take_input()
        assert [line.room for line in connection.said] == ["write"]

    asyncio.run(play())


def test_what_the_server_could_not_store_is_sent_again() -> None:
    async def play() -> None:
        written: list[str] = []
        program, connection = plain_program(written, lambda: 0.0, rooms=["python"])
        program.client._take(events.Entered("python", (), 0), None)
        program.input.receive_data(b"one\n")
        program.take_input()
        program.client._take(events.NotStored("python", 1, connection.said[0].key), None)
        assert program.client.store.unsent
        program.client.outgoing.send_line_again(connection.said[0].key)
        assert [line.text for line in connection.said] == ["one", "one"]
        assert connection.said[0].key == connection.said[1].key

    asyncio.run(play())


def test_what_waits_for_a_moderator_is_not_sent_again_and_is_told() -> None:
    async def play() -> None:
        written: list[str] = []
        program, connection = plain_program(written, lambda: 0.0, rooms=["python"])
        program.client._take(events.Entered("python", (), 0), None)
        program.input.receive_data(b"one\n")
        program.take_input()
        program.client._take(LineHeld("python", 7, connection.said[0].key), None)
        assert not program.client.store.unsent
        assert any("waits for a moderator of python" in line for line in written)

    asyncio.run(play())


def test_the_end_waits_for_what_was_missed() -> None:
    async def act(program: PlainProgram, connection: FakeConnection) -> None:
        lines = tuple(Said("python", seq, 0.0, "bob", f"line {seq}") for seq in (1, 2, 3))
        program.client._take(lines[2], None)
        program.input.receive_data(b"")
        await turns()
        assert program.code is None
        program.client._take(events.RoomFailed("python", 1), None)
        program.client._take(entries.PageShown("python", lines[:2], 1, 3, ""), connection.ref("history"))

    code, written = run_to_the_end(act)
    assert code == Exit.STORED
    assert written[-3:] == [f"[python] {seq} bob: line {seq}" for seq in (1, 2, 3)]


def test_that_missing_lines_cannot_be_had_just_now_is_told_once() -> None:
    async def act(program: PlainProgram, connection: FakeConnection) -> None:
        refused = events.Refused("history-failed", {}, "python", "The history cannot be read now.")
        lines = tuple(Said("python", seq, 0.0, "bob", f"line {seq}") for seq in range(1, 6))
        for missing, known in ((lines[:1], lines[1]), (lines[2:4], lines[4])):
            program.client._take(known, None)
            for _ in range(3):
                program.client._take(events.Skipped(1, {"python": 1}), None)
                program.client._take(refused, connection.ref("history"))
            program.client._take(entries.PageShown("python", missing, 1, known.seq, ""), connection.ref("history"))
        program.input.receive_data(b"")

    _, written = run_to_the_end(act)
    told = "Lines of python are missing: The history cannot be read now. They are being asked for again."
    assert [line for line in written if "missing" in line] == [told, told], "once for each hole"


def test_what_comes_after_the_server_has_refused_us_is_told_too() -> None:
    async def act(program: PlainProgram, connection: FakeConnection) -> None:
        connection.status = Status.REFUSED
        program.changed(ConnectionChanged(Status.REFUSED, "ann is taken."))
        await turns()
        program.input.receive_data(b"late\n")
        program.input.receive_data(b"")

    code, written = run_to_the_end(act)
    assert code == Exit.REFUSED
    assert written[-1] == "1 line is not stored. Nothing keeps it."


def test_who_has_no_connection_may_leave_all_the_same() -> None:
    async def act(program: PlainProgram, connection: FakeConnection) -> None:
        connection.status = Status.WAITING
        program.changed(ConnectionChanged(Status.WAITING, "it broke"))
        program.input.receive_data(b"/rooms\n/Quit now\n")

    code, written = run_to_the_end(act, is_interactive=True)
    assert code == Exit.STORED
    assert written[-1] == CANNOT_ASK


def test_a_line_that_can_never_be_sent_is_given_back_in_words() -> None:
    """It was kept for a server that took longer ones."""

    async def act(program: PlainProgram, _: FakeConnection) -> None:
        program.input.receive_data(b"")
        waiting = Pending("k", "python", "say", "far too long", 1.0, why="That is too long.")
        program.client.store.add(waiting)

    code, written = run_to_the_end(act)
    assert code == Exit.NOT_STORED
    assert "[python] not sent: That is too long. It was: far too long" in written


@pytest.mark.parametrize(
    ("first", "since", "hint"),
    [(1, 30, "/since 10 shows what is kept of them."), (31, 10, "They are not kept."), (31, 30, "They are not kept.")],
)
def test_what_was_not_received_is_told_and_how_to_see_it_if_that_can_be(first: int, since: int, hint: str) -> None:
    written: list[str] = []
    reading = Reading(written.append)
    room = RoomState("python")
    room.last = 10
    reading.entered(room, 10)
    room.is_joined, room.first, room.since, room.last = True, first, since, 31
    room.timeline.add([Said("python", 31, 0.0, "bob", "hello")])
    assert reading.go_on(room) == 31
    assert written == [f"[python] lines 11 to 30 were not received. {hint}", "[python] 31 bob: hello"]


@given(st.binary(max_size=40), st.lists(st.integers(0, 40), max_size=4))
def test_however_the_input_is_cut_its_lines_are_the_same(data: bytes, cuts: list[int]) -> None:
    whole, cut = Input(0, lambda: None), Input(0, lambda: None)
    whole.receive_data(data or b"x")
    ends = sorted({0, len(data), *(end for end in cuts if end < len(data))})
    for start, end in pairwise(ends):
        cut.receive_data(data[start:end])
    if not data:
        cut.receive_data(b"x")
    for lines in (whole, cut):
        lines.receive_data(b"")
    assert [whole.take() for _ in range(whole.waiting)] == [cut.take() for _ in range(cut.waiting)]
    assert whole.is_ended


def test_a_line_without_an_end_is_not_kept_for_ever_and_the_next_is_whole() -> None:
    lines = Input(0, lambda: None)
    for _ in range(100):
        lines.receive_data(b"x" * 65536)
    lines.receive_data(b"\nnext\r\n\xef\xbb\xbf")  # a mark that is no beginning
    first = lines.take()
    assert isinstance(first, TooLong)
    assert len(first) == LINE_MAX
    assert (lines.take(), lines.waiting) == ("next", 0)


def test_no_more_is_read_than_can_be_taken_not_even_of_empty_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes waits, though nothing that is written has a character beside its line's end."""
    monkeypatch.setattr("chat_tui.client.pipes.WAITING_MAX", 1000)

    async def read() -> None:
        with _typing() as (lines, target):
            os.set_blocking(target, False)
            asyncio.get_running_loop().add_writer(target, lambda: os.write(target, b"\n" * 4096))
            await _until(lambda: lines.waiting > 1000)
            before = lines.waiting
            await asyncio.sleep(0.05)  # for what must not happen
            assert lines.waiting == before <= 1000 + 65536
            while lines.waiting > 999:
                lines.take()
            await _until(lambda: lines.waiting > 999)  # and now more is read
            asyncio.get_running_loop().remove_writer(target)
            while lines.waiting:
                lines.take()

    asyncio.run(read())


def test_what_is_piped_in_is_read_no_faster_than_the_program_takes_it() -> None:
    """While the loop does something else, the thread that reads does not read on."""

    async def read() -> None:
        with _typing() as (lines, target):
            os.write(target, b"first\n")
            deadline = time.monotonic() + TIMEOUT
            while select.select([lines._descriptor], [], [], 0)[0]:  # not a word to the loop
                assert time.monotonic() < deadline
            os.write(target, b"second\n")
            time.sleep(0.05)  # noqa: ASYNC251 - for what must not happen
            assert select.select([lines._descriptor], [], [], 0)[0]
            await _until(lambda: lines.waiting == 2)

    asyncio.run(read())


@contextmanager
def _typing() -> Iterator[tuple[Input, int]]:
    """An input, and where it is written."""
    source, target = os.pipe()
    lines = Input(source, lambda: None)
    lines.start()
    try:
        yield lines, target
    finally:
        os.close(target)  # the thread that reads comes to the end, and then to a loop that is closed


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not is_so():
            await asyncio.sleep(0.001)


def test_an_editors_mark_before_the_first_line_hides_no_command() -> None:
    lines = Input(0, lambda: None)
    lines.receive_data("\ufeff/help\n\ufeffhello\n".encode())
    assert [lines.take(), lines.take()] == ["/help", "\ufeffhello"]
    lines.receive_data("\x0c/help\n\u200b//help\n \x0c/help\n".encode())
    assert [lines.take(), lines.take(), lines.take()] == ["/help", "//help", " /help"]
    lines.receive_data("／help\na／b\n".encode())
    assert [lines.take(), lines.take()] == ["/help", "a／b"]


def test_a_write_that_fails_is_told_once_and_that_it_works_again(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "kept")
    told: list[str] = []
    store.tell = told.append
    for name in ("outbox", "memory"):
        (tmp_path / "kept" / f"{name}.json.new").mkdir()  # as good as a full disk
    store.add(Pending("k1", "python", "say", "one", 1.0))
    store.save()
    store.add(Pending("k2", "python", "say", "two", 2.0))
    assert len(told) == 1
    assert told[0].startswith("What you write is not kept on disk")
    assert not store.is_kept
    (tmp_path / "kept" / "outbox.json.new").rmdir()
    store.keep_up()
    assert len(told) == 1, "not all of it"
    (tmp_path / "kept" / "memory.json.new").rmdir()
    store.keep_up()
    assert told[1:] == ["What you write is kept on disk again."]
    store.close()
    again = LocalStore(tmp_path / "kept")
    assert [pending.text for pending in again.unsent] == ["one", "two"]
    again.close()


def test_thousands_of_lines_that_are_stored_are_not_written_down_thousands_of_times(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "kept")
    store.add(*(Pending(f"k{number}", "python", "say", "one", 1.0) for number in range(1000)))
    outbox = tmp_path / "kept" / "outbox.json"
    written = outbox.stat().st_ino
    for number in range(999):
        store.remove(f"k{number}")
    assert outbox.stat().st_ino == written
    store.keep_up()
    assert [line["key"] for line in json.loads(outbox.read_bytes())] == ["k999"]
    written = outbox.stat().st_ino
    store.keep_up()
    assert outbox.stat().st_ino == written, "nothing is new"
    store.remove("k999")
    store.save()
    assert json.loads(outbox.read_bytes()) == []
    store.close()


def test_a_file_that_cannot_be_read_is_told_and_put_aside_over_no_other(tmp_path: Path) -> None:
    for text in ("{", "["):
        (tmp_path / "outbox.json").write_text(text)
        store = LocalStore(tmp_path)
        assert "outbox.json cannot be read" in store.warnings[0]
        store.close()
    assert (tmp_path / "outbox.json.unreadable").read_text() == "{"
    assert (tmp_path / "outbox.json.unreadable2").read_text() == "["
