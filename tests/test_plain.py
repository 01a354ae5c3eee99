"""chat-tui line by line: as a filter between real pipes, files and closed descriptors; and against a server that cuts and skips at will."""

import asyncio
import json
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forks
from callers import newcomer
from chat_server.protocol import entries, events
from chat_server.protocol.conversation_events import ConversationsListed, Conversing
from chat_server.protocol.entries import Entry, Said
from chat_server.protocol.events import Event
from chat_server.protocol.incoming import Ref
from chat_server.protocol.moderation_events import LineHeld
from chat_server.protocol.stored_event import StoredEvent
from chat_tui.client.accounts import CANNOT_ASK
from chat_tui.client.client import Client
from chat_tui.client.connection import Connection, ConnectionChanged, Status
from chat_tui.client.in_order import Reading
from chat_tui.client.local_store import LocalStore
from chat_tui.client.pending import Pending
from chat_tui.client.pipes import LINE_MAX, Input, Output, TooLong
from chat_tui.client.plain_program import Exit, PlainProgram
from chat_tui.client.state import RoomState
from processes import ROOT, TIMEOUT, ServerProcess, running_server, terminal
from stories import FakeConnection, welcome

PROGRAM = [sys.executable, "-m", "chat_tui"]


# A server that is told what to do, and what the program makes of it.


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


def plain_program(written: list[str], now: Callable[[], float], **settings: Any) -> tuple[PlainProgram, FakeConnection]:
    def client_for(program: PlainProgram) -> Client:
        return Client(
            "127.0.0.1",
            5000,
            "ann",
            store=LocalStore(None),
            caller=newcomer(),
            rooms=settings.get("rooms", ()),
            loads_older=False,
            clock=now,
            on_event=program.take,
            on_change=program.changed,
            on_refused=program.refused,
        )

    program = PlainProgram(client_for, written.append, written.append, **settings)
    connection = FakeConnection()
    program.client.connection = cast("Connection", connection)
    program.client._take(welcome(), None)
    program.client._take(events.LoggedIn("ann", "t" * 22), None)
    return program, connection


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


def run_to_the_end(act: Callable[[PlainProgram, FakeConnection], Any], **settings: Any) -> tuple[int, list[str]]:
    """Have the program run in python, and act; return its exit code, and what it has written."""
    written: list[str] = []

    async def play() -> int:
        program, connection = plain_program(written, lambda: 0.0, rooms=["python"], **settings)
        program.client._take(events.Entered("python", (), 0), None)
        program.client._take(events.RoomsListed((("python", 1),)), None)
        program.input.start = lambda: None  # type: ignore[method-assign]
        running = asyncio.create_task(program.run())
        await turns()
        await act(program, connection)
        async with asyncio.timeout(TIMEOUT):
            return await running

    return asyncio.run(play()), written


async def turns() -> None:
    """Let the program do what it has to do now."""
    for _ in range(10):
        await asyncio.sleep(0)


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


# Real pipes, and a real server.


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ExitStack() as stack:
        config = Path(stack.enter_context(_folder())) / "chat.toml"
        config.write_text("[limits]\nmessages_per_second = 0\n")
        yield stack.enter_context(running_server("--config", str(config)))


@contextmanager
def _folder() -> Iterator[str]:
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - tmp_path is for a test, not for a module

    with TemporaryDirectory() as folder:
        yield folder


_names = iter(range(10**6))


class Plain:
    """chat-tui --plain with a nickname, a room and a state directory of its own."""

    def __init__(self, server: ServerProcess, folder: Path, *, make_room: bool = True) -> None:
        self.number = next(_names)
        self.port = server.port
        self.room = f"room{self.number}"
        self.nick = f"nick{self.number}"
        self.state = folder / "state"
        if make_room:
            self.run("/create " + self.room + "\n", room="")

    def flags(self, *more: str, room: str | None = None, nick: str = "", port: int = 0) -> list[str]:
        room = self.room if room is None else room
        return [
            *(f"127.0.0.1:{port or self.port}", "--plain", "--nick", nick or self.nick, "--state", str(self.state)),
            *("--config", os.devnull, *(["--room", room] if room else []), *more),
        ]

    def run(self, text: str | bytes, *more: str, **settings: Any) -> subprocess.CompletedProcess[str]:
        env = settings.pop("env", None)
        run = subprocess.run if env else forks.run  # what Python makes of the environment it makes when it starts
        done = run(
            [*PROGRAM, *self.flags(*more, **settings)],
            input=text if isinstance(text, bytes) else text.encode(),
            capture_output=True,
            timeout=TIMEOUT * 2,
            check=False,
            env=os.environ | (env or {}),
        )
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode("latin-1" if env else "utf-8"), done.stderr.decode()
        )

    def between(self, **streams: Any) -> subprocess.CompletedProcess[str]:
        """Run it with these streams, as a shell's < and > make them."""
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        done = forks.run([*PROGRAM, *self.flags()], text=True, timeout=TIMEOUT * 2, **streams)
        assert "Traceback" not in (done.stderr or ""), done.stderr
        return done

    def said(self) -> list[str]:
        """What has been said in the room, as somebody else reads it."""
        nick = f"reader{next(_names)}"
        other = forks.run(
            [*PROGRAM, *self.flags("--state", str(self.state.parent / nick), nick=nick, room="")],
            input=f"/join {self.room}\n/since 0\n".encode(),
            capture_output=True,
            timeout=TIMEOUT,
            check=True,
        )
        return re.findall(r"^#\d+ \S+ \w+: (.*)$", other.stdout.decode(), re.MULTILINE)


@pytest.fixture
def plain(server: ServerProcess, tmp_path: Path) -> Plain:
    return Plain(server, tmp_path)


@pytest.mark.slow
def test_a_thousand_lines_are_a_thousand_lines_at_the_servers_pace(tmp_path: Path) -> None:
    config = tmp_path / "chat.toml"
    config.write_text("[limits]\nmessages_per_second = 400\nmessage_burst = 20\nrequests_per_address = 400\n")
    with running_server("--config", str(config)) as server:
        plain = Plain(server, tmp_path, make_room=False)
        done = plain.run("".join(f"{number}\n" for number in range(1000)), room="python")
        assert (done.returncode, done.stderr) == (Exit.STORED, "")
        stored = [line for line in done.stdout.splitlines() if "stored as" in line]
        assert stored == [f"[python] stored as {number}" for number in range(1, 1001)]


def test_answers_come_in_the_order_of_what_was_typed(plain: Plain) -> None:
    done = plain.run(
        "one\n/online\n/dance with me\ntwo\n/last 1\n/search one\n/since 1\n/around 1\n/date 2020-01-01\n/history 3\n"
    )
    shown = [re.sub(r"\d\d:\d\d", "TIME", line) for line in done.stdout.splitlines() if not line.startswith("---")]
    room, nick = plain.room, plain.nick
    one, two = f"#1 TIME {nick}: one", f"#2 TIME {nick}: two"
    page = [one, two, "Lines 1–2 of 2."]
    assert shown[2:] == [
        f"[{room}] stored as 1",
        f"Nobody else is in {room}.",
        "There is no command /dance. /help lists all.",
        f"[{room}] stored as 2",
        two,
        "Line 2 of 2. Older: /before 2.",
        f"In {room}:",
        one,
        "1 line found. /around NUMBER shows the lines around it.",
        two,
        "Line 2 of 2. Older: /before 2.",
        *page,
        *page,
        "Lines shown to you on entering a room: 3",
    ]
    assert done.returncode == Exit.STORED


@pytest.mark.slow
def test_help_lists_what_is_not_refused_there(plain: Plain) -> None:
    given_values = {
        "ROOM": "python", "NICK": plain.nick + "x", "TEXT": "x", "ACTION": "x", "NUMBER": "1", "ID": "1", "WHY": "x", "DAY": "2020-01-01",
        "WORDS": "x", "SIGN": "+1",
    }  # fmt: skip
    for room in ("", plain.room):
        listed = plain.run("/help\n", room=room).stdout
        commands = dict(re.findall(r"^/(\w+)(.*?) - ", listed, re.MULTILINE))
        assert len(commands) > 5
        typed = ""
        for word in sorted(commands.keys() - {"logout"}, key=lambda word: word == "back"):
            wanted = re.findall(r"[A-Z]+", re.sub(r"\[.*?\]", "", commands[word]))
            typed += f"/{word} " + " ".join(given_values[name] for name in wanted) + "\n"
        told = plain.run(typed, room=room).stdout
        assert not re.search(r"does not work|There is no command|no room yet|Usage", told), told


@pytest.mark.slow
def test_a_line_goes_to_the_room_that_was_named_last_and_to_no_other(plain: Plain, server: ServerProcess) -> None:
    other = Plain(server, plain.state / "other")
    done = plain.run(f"/join {other.room}\nfor the other\n/{plain.room}\nfor this\n/{plain.room}\nfor this too\n")
    assert done.returncode == Exit.STORED
    assert (plain.said(), other.said()) == (["for this", "for this too"], ["for the other"])
    done = plain.run("/join nowhere\nfor nobody\nand this\n")
    assert (done.returncode, plain.said()) == (Exit.NOT_STORED, ["for this", "for this too"])
    assert "There is no room nowhere" in done.stdout
    assert "2 lines were not sent" in done.stderr
    done = plain.run("/nowhere\nfor nobody\n")
    assert (done.returncode, plain.said()) == (Exit.NOT_STORED, ["for this", "for this too"]), "a room's name, mistyped"
    done = plain.run(f"/join {other.room}\n/back\nfor nobody\n")
    assert (done.returncode, other.said()) == (Exit.NOT_STORED, ["for the other"])


@pytest.mark.parametrize("seconds", ["-1", "soon", "inf", "nan"])
def test_a_wait_that_is_no_number_of_seconds_is_told_what_one_is(seconds: str) -> None:
    done = forks.run([*PROGRAM, "--plain", f"--wait={seconds}"], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == Exit.CANNOT_START
    assert f"'{seconds}' is no number of seconds, such as 0, 2.5 or 60" in done.stderr


def test_what_was_said_before_comes_before_what_is_said_now(plain: Plain) -> None:
    plain.run("".join(f"{number}\n" for number in range(150)))
    done = plain.run("/last 1\n", nick="late" + plain.nick)
    numbers = [int(number) for number in re.findall(r"^\[\w+\] (\d+) ", done.stdout, re.MULTILINE)]
    assert numbers
    assert numbers == sorted(numbers)
    assert numbers[-1] == 150
    assert done.stdout.index("[" + plain.room) < done.stdout.index("#150")


def test_with_the_server_away_lines_are_kept_and_said_to_be(plain: Plain) -> None:
    done = plain.run("one\ntwo\n", "--wait", "0.3", port=1)
    assert done.returncode == Exit.LEFT
    assert "2 lines are not stored. They are kept in" in done.stderr
    assert "There was no connection" in done.stderr
    done = plain.run("/join somewhere\nthree\n", "--wait", "0.3", port=1)
    assert "2 lines of the input are neither sent nor kept, from this one on: /join somewhere" in done.stderr


def test_with_the_name_taken_lines_are_kept_and_sent_the_next_time(plain: Plain, server: ServerProcess) -> None:
    with terminal("nc", "127.0.0.1", str(server.port)) as taker:
        taker.type(f"/login taken{plain.number}\n")
        taker.wait_for("Welcome")
        done = plain.run("one\ntwo\n", nick=f"taken{plain.number}")
        assert done.returncode == Exit.REFUSED
        assert "is taken" in done.stderr
        assert "2 lines are not stored. They are kept in" in done.stderr
    assert plain.run("").returncode == Exit.STORED
    assert plain.said() == ["one", "two"]


@pytest.mark.slow
def test_every_kind_of_input_and_output_will_do(plain: Plain, tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("from a file")
    for file in (tmp_path / "lines", Path("/dev/null")):
        with file.open() as lines:
            assert plain.between(stdin=lines).returncode == Exit.STORED
    assert plain.between(stdin=forks.CLOSED).returncode == Exit.STORED
    assert plain.between(input="to nowhere\n", stdout=forks.CLOSED).returncode == Exit.STORED
    nobody = plain.between(input="quietly\n", stdout=forks.CLOSED, stderr=forks.CLOSED)
    assert nobody.returncode == Exit.STORED
    folder = os.open("/", os.O_RDONLY)  # which Python itself does not take
    assert subprocess.run([*PROGRAM, *plain.flags()], stdin=folder, capture_output=True, check=False).returncode
    os.close(folder)
    with Path("/dev/full").open("w") as full:
        done = plain.between(input="x\n", stdout=full)
    assert (done.returncode, "No space left" in done.stderr) == (Exit.NO_OUTPUT, True)
    assert plain.said()[:3] == ["from a file", "to nowhere", "quietly"]


def test_when_nobody_reads_the_output_no_more_is_taken_and_what_was_is_stored(plain: Plain) -> None:
    with forks.Popen[str](
        [*PROGRAM, *plain.flags()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()  # as head does
        process.stdin.write("one\ntwo\n")
        process.stdin.flush()
        told = process.stderr.read()
        assert process.wait(TIMEOUT) == Exit.NO_OUTPUT
    assert "The output cannot be written" in told
    assert plain.said() in (["one", "two"], [])
    assert "is kept" in told or "neither sent nor kept" in told or "not read" in told


@pytest.mark.parametrize(
    ("encoding", "shown"), [({"PYTHONIOENCODING": "latin-1"}, "é ?"), ({"PYTHONIOENCODING": "ascii:strict"}, "? ?")]
)
def test_what_the_output_cannot_show_is_replaced(encoding: dict[str, str], shown: str, plain: Plain) -> None:
    done = plain.run("é 👋\n/last 1\nand on\n", env=encoding)
    assert f"{plain.nick}: {shown}" in done.stdout
    assert "stored as 2" in done.stdout
    assert done.returncode == Exit.STORED


def test_a_line_that_is_too_long_is_refused_with_a_sentence_and_the_next_is_sent(plain: Plain) -> None:
    done = plain.run("x" * 70_000 + "\n" + "y" * 300_000 + "\nshort\n" + "\x01" * 20_000 + "clean\n")
    assert done.returncode == Exit.NOT_STORED
    assert "That is 70000 bytes; a message has at most 16384." in done.stdout
    assert "far too long" in done.stdout
    assert plain.said() == ["short", "clean"]


def test_a_second_one_says_that_it_keeps_nothing_and_harms_nothing(plain: Plain) -> None:
    store = LocalStore(plain.state / f"127.0.0.1_{plain.port}")
    store.add(Pending("k", plain.room, "say", "kept", 0.0))
    before = {path.name: path.read_bytes() for path in store.directory.iterdir()} if store.directory else {}
    done = plain.run("hello\n", nick="second" + plain.nick)
    assert done.returncode == Exit.STORED
    assert "Nothing is kept on disk: another chat-tui is using" in done.stderr
    assert {path.name: path.read_bytes() for path in (plain.state / f"127.0.0.1_{plain.port}").iterdir()} == before
    done = plain.run("lost\n", "--wait", "0.3", port=1, nick="third" + plain.nick)
    store.close()


def test_an_output_that_nobody_reads_does_not_keep_a_signal_from_ending_the_program(plain: Plain) -> None:
    output, full = _full_pipe()
    process = forks.Popen[bytes](
        [*PROGRAM, *plain.flags(port=1)], stdin=subprocess.PIPE, stdout=full, stderr=subprocess.PIPE
    )
    os.close(full)
    try:
        assert process.stdin
        process.stdin.write(b"what is left\n")
        process.stdin.flush()
        _wait_until_kept(plain, b"what is left")
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT) == 143
    finally:
        process.kill()
        process.communicate()
        os.close(output)


def test_an_output_that_breaks_with_the_last_of_what_is_written_is_told_too(plain: Plain) -> None:
    output, full = _full_pipe()
    process = forks.Popen[bytes](
        [*PROGRAM, *plain.flags()], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE
    )
    os.close(full)
    try:
        for is_at_work in (True, False):  # in the end all it has still to do is to write
            deadline = time.monotonic() + TIMEOUT
            while _has_open(process.pid, "/lock") is not is_at_work:
                assert time.monotonic() < deadline
                time.sleep(0.01)
    finally:
        os.close(output)
        _, told = process.communicate(timeout=TIMEOUT)
    assert told == b"chat-tui: The output cannot be written: Broken pipe.\n"
    assert process.returncode == Exit.NO_OUTPUT


def _full_pipe() -> tuple[int, int]:
    output, full = os.pipe()
    os.set_blocking(full, False)
    with suppress(BlockingIOError):
        while True:
            os.write(full, b"x" * 4096)
    os.set_blocking(full, True)
    return output, full


def _has_open(pid: int, name: str) -> bool:
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # it has been closed meanwhile
            if os.readlink(file).endswith(name):
                return True
    return False


def _wait_until_kept(plain: Plain, words: bytes) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not any(words in file.read_bytes() for file in plain.state.rglob("*") if file.is_file()):
        assert time.monotonic() < deadline, "what was typed is not kept"
        time.sleep(0.02)


def test_a_signal_says_what_is_left(plain: Plain) -> None:
    process = forks.Popen[str](
        [*PROGRAM, *plain.flags(port=1)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write("what is left\n")
    process.stdin.flush()
    assert "No connection" in process.stdout.readline()
    _wait_until_kept(plain, b"what is left")
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 143
    assert "1 line is not stored. It is kept in" in told


class Withholding:
    """Between a program and its server: hands everything on, but from one request on no answer any more, until it is opened."""

    def __init__(self, port: int, request: bytes) -> None:
        self._server_port = port
        self._request = request
        self._is_open = False
        self._is_withholding = threading.Event()
        self._withheld = b""
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def open(self) -> None:
        """Withhold nothing from who calls from now on. Those who called before stay connected to the server."""
        self._is_open = True

    def wait_for(self, answer: bytes) -> None:
        """Wait until the server has given this answer, which does not come through."""
        deadline = time.monotonic() + TIMEOUT
        while answer not in self._withheld:
            assert time.monotonic() < deadline, self._withheld
            time.sleep(0.01)

    def close(self) -> None:
        for opened in (self._listener, *self._sockets):
            opened.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                if caller.recv(1, socket.MSG_PEEK) == b"\x16":  # what goes by in TLS it could not tell apart
                    caller.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._server_port))
                self._sockets += [caller, server]
                for source, target in ((caller, server), (server, caller)):
                    threading.Thread(target=self._hand_on, args=(source, target, self._is_open), daemon=True).start()

    def _hand_on(self, source: socket.socket, target: socket.socket, is_open: bool) -> None:
        is_answer = source.getpeername()[1] == self._server_port
        with suppress(OSError):
            while data := source.recv(65536):
                if not is_open and not is_answer and self._request in data:
                    self._is_withholding.set()
                if is_answer and not is_open and self._is_withholding.is_set():
                    self._withheld += data
                else:
                    target.sendall(data)
            if is_open:
                target.shutdown(socket.SHUT_WR)


@pytest.mark.slow
@pytest.mark.parametrize(("request_", "answer"), [("login", "logged-in"), ("join", "entered"), ("say", "stored")])
def test_whoever_is_killed_before_the_first_answer_comes_has_the_name_and_says_nothing_twice(
    plain: Plain, request_: str, answer: str
) -> None:
    nick = f"{plain.nick}new"
    with closing(Withholding(plain.port, f'"do":"{request_}"'.encode())) as between:
        with forks.Popen[bytes](
            [*PROGRAM, *plain.flags(nick=nick, port=between.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdin
            process.stdin.write(b"once\n")
            process.stdin.flush()
            between.wait_for(f'"is":"{answer}"'.encode())
            outbox = plain.state / f"127.0.0.1_{between.port}" / "outbox.json"
            deadline = time.monotonic() + TIMEOUT
            while not outbox.exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            process.kill()
        between.open()
        done = plain.run("", nick=nick, port=between.port)
    assert done.returncode == Exit.STORED, done.stderr
    assert plain.said() == ["once"]


@pytest.mark.slow
@pytest.mark.parametrize("seen", ["Connected", "You are in", "stored as"])
def test_whoever_is_killed_in_the_first_second_of_a_new_profile_says_nothing_twice(plain: Plain, seen: str) -> None:
    with forks.Popen[str](
        [*PROGRAM, *plain.flags()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("once\n")
        process.stdin.flush()
        while seen not in process.stdout.readline():
            pass
        process.kill()
    assert plain.run("").returncode == Exit.STORED
    assert plain.said() == ["once"]


@pytest.mark.slow
def test_the_document_is_played(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "plain.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- played -->\n```console\n(.*?)```", text, re.DOTALL)
    assert block
    state = tmp_path / "state"
    (tmp_path / "chat-tui").write_text(
        f'#!/bin/sh\nexec {shlex.join(PROGRAM)} --state {state} --config {os.devnull} "$@" 2>&1\n'
    )
    (tmp_path / "chat-tui").chmod(0o755)
    with running_server() as server:
        for part in block[1].split("$ ")[1:]:
            command, _, expected = part.partition("\n")
            done = subprocess.run(
                ["bash", "-c", command.replace("127.0.0.1:5000", f"127.0.0.1:{server.port}")],
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
                env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
            )
            shown = re.sub(r"--- [\d-]+ ---", "--- DAY ---", re.sub(r" \d\d:\d\d ", " TIME ", done.stdout))
            shown = shown.replace(str(state), "STATE").replace(str(server.port), "5000")
            assert shown == expected, command


# What is kept.


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
