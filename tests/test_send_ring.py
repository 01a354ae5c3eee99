"""Sending to many readers by one system call comes to the same as sending to each; where that cannot be, each is sent to."""

import ctypes
import errno
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captured_logs import capture_logs
from chat_server.protocol.entries import Said
from chat_server.protocol.events import Event
from chat_server.protocol.runs import RunTexts, SaidRun
from chat_server.rooms.at_once import MANY
from chat_server.rooms.audience import Audience
from chat_server.rooms.sink import SendMany, Sink
from chat_server.server.send_ring import BYTES_MAX, ENTRIES, ManySends, SendRing
from chat_server.sessions.memory_budget import Budget
from chat_server.sessions.outbox import Outbox, PushSink
from chat_server.sessions.transport import SocketTransport, Transport
from test_outbox import Owner, Pipe
from test_sockets import call_with_small_buffer, running


@pytest.fixture(scope="module")
def ring() -> Iterator[SendRing]:
    try:
        ring = SendRing()
    except OSError as error:
        pytest.skip(f"no io_uring here: {error}")
    with closing(ring):
        yield ring


def pair(buffer: int = 65536) -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    return ours, theirs


def sent(descriptor: int, data: bytes) -> int:
    """What a `send` comes to."""
    try:
        with closing(socket.socket(fileno=os.dup(descriptor))) as connection:
            return connection.send(data)
    except OSError as error:
        return -(error.errno or 0)


def received(theirs: socket.socket) -> bytes:
    came = b""
    try:
        while data := theirs.recv(65536):
            came += data
    except OSError:
        pass
    return came


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.sampled_from(["ready", "nearly full", "full", "gone", "none"]), min_size=1, max_size=12),
    st.lists(st.integers(1, 3000), min_size=1, max_size=4),
)
def test_what_each_socket_takes_is_what_its_own_send_would(ring: SendRing, kinds: list[str], sizes: list[int]) -> None:
    with ExitStack() as exits:
        sides: list[list[tuple[int, socket.socket]]] = []
        for _ in range(2):
            sides.append([])
            for kind in kinds:
                ours, theirs = map(exits.enter_context, map(closing, pair(1)))
                while kind in ("full", "nearly full"):
                    try:
                        ours.send(b"x" * 500)
                    except BlockingIOError:
                        break
                if kind == "nearly full":
                    theirs.recv(700)
                elif kind == "gone":
                    theirs.close()
                sides[-1].append((-1 if kind == "none" else ours.fileno(), theirs))
        for size in sizes:
            data = os.urandom(size)
            each = [sent(descriptor, data) if descriptor >= 0 else -errno.EBADF for descriptor, _ in sides[1]]
            taken = ring.send([descriptor for descriptor, _ in sides[0]], data)
            assert (taken or [size] * len(kinds)) == each
        assert [received(theirs) for _, theirs in sides[0]] == [received(theirs) for _, theirs in sides[1]]


def test_however_often_and_to_however_many_it_sends_each_gets_everything_in_order(ring: SendRing) -> None:
    with ExitStack() as exits:
        pairs = [tuple(map(exits.enter_context, map(closing, pair()))) for _ in range(150)]
        descriptors = [ours.fileno() for ours, _ in pairs]
        expected = [b""] * len(pairs)
        for turn in range(40):
            count = (1, 2, 37, 150, 149)[turn % 5]
            data = b"%d " % turn * (turn % 3 + 1)
            places = [*range(count)][:: (1, -1, 1, 3)[turn % 4]]
            assert ring.send([descriptors[place] for place in places], data) == []
            expected = [said + data if place in places else said for place, said in enumerate(expected)]
        assert [received(theirs) for _, theirs in pairs] == expected
        many = descriptors * (ENTRIES // 100)
        assert len(many) > ENTRIES
        assert ring.send(many, b"x") == []
        assert {received(theirs) for _, theirs in pairs} == {b"x" * (ENTRIES // 100)}


def test_where_there_is_no_ring_or_no_longer_or_too_much_to_send_nothing_is_sent(ring: SendRing) -> None:
    ours, theirs = pair()
    with closing(ours), closing(theirs):
        many = ManySends()
        assert many([ours.fileno()], b"x" * (BYTES_MAX + 1)) is None
        assert many([ours.fileno()], b"hello") == []
        assert received(theirs) == b"hello"
        assert many([ours.fileno()], b"x" * BYTES_MAX) is not None
        assert set(received(theirs)) == {ord("x")}
        many.close()
        assert many([ours.fileno()], b"hello") is None
        assert received(theirs) == b""


def test_elsewhere_than_on_linux_nothing_is_asked_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert ManySends()([0], b"hello") is None


@pytest.mark.parametrize("answer", [-1, 0])
def test_what_the_kernel_did_not_come_to_has_taken_nothing(monkeypatch: pytest.MonkeyPatch, answer: int) -> None:
    many = ManySends()
    ours, theirs = pair()
    with closing(ours), closing(theirs), closing(many):
        if many([ours.fileno()], b"hello") is None or many._ring is None:
            pytest.skip("no io_uring here")
        real = many._ring._call

        def one_only(number: int, descriptor: int, left: int, *rest: Any) -> int:
            if left == 3:
                return int(real(number, descriptor, 1, 1, *rest[1:]))
            ctypes.set_errno(errno.EAGAIN)
            return answer

        monkeypatch.setattr(many._ring, "_call", one_only)
        with capture_logs() as logged:
            assert many([ours.fileno()] * 3, b", you") == [5, -errno.EAGAIN, -errno.EAGAIN]
            assert many([ours.fileno()], b"!") is None
        assert [entry["event"].partition(":")[0] for entry in logged] == ["io_uring has refused to send"]
        assert received(theirs) == b"hello, you"


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_ring_that_is_closed_leaves_no_descriptor_open(ring: SendRing) -> None:
    before = open_descriptors()
    one = SendRing()
    assert open_descriptors() > before
    for _ in range(2):
        one.close()
        assert open_descriptors() == before


def test_a_ring_that_cannot_be_mapped_leaves_no_descriptor_open(
    ring: SendRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "not here")

    before = open_descriptors()
    monkeypatch.setattr("mmap.mmap", refuse)
    with pytest.raises(OSError, match="not here"):
        SendRing()
    assert open_descriptors() == before
    assert ManySends()([0], b"hello") is None


def test_what_a_failure_has_left_in_a_ring_is_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    many = ManySends()
    with ExitStack() as exits:
        exits.callback(many.close)
        (ours, theirs), (other, _) = (tuple(map(exits.enter_context, map(closing, pair()))) for _ in range(2))
        if many([other.fileno()], b"hello") is None or many._ring is None:
            pytest.skip("no io_uring here")
        with monkeypatch.context() as patch:
            patch.setattr(many._ring, "_submit", None)
            with pytest.raises(TypeError):
                many([ours.fileno()], b"lost")
        assert many([other.fileno()], b"for another") is None
        assert received(theirs) == b""


def test_a_ring_that_is_given_up_has_sent_nothing_to_those_beyond_one_call_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = ManySends()
    ours, theirs = pair()
    with closing(ours), closing(theirs), closing(many):
        if many([ours.fileno()], b"hello") is None or many._ring is None:
            pytest.skip("no io_uring here")
        monkeypatch.setattr(many._ring, "_call", lambda *_: 0)
        with capture_logs():
            assert many([ours.fileno()] * (ENTRIES + 1), b", you") == [-errno.EAGAIN] * (ENTRIES + 1)
        assert received(theirs) == b"hello"


def test_a_signal_in_the_middle_of_it_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    many = ManySends()
    ours, theirs = pair()
    with closing(ours), closing(theirs), closing(many):
        if many([ours.fileno()], b"hello") is None or many._ring is None:
            pytest.skip("no io_uring here")
        real = many._ring._call
        answers = [-1, 1, -1]

        def interrupted(number: int, descriptor: int, left: int, *rest: Any) -> int:
            match answers.pop(0):
                case 1:
                    return int(real(number, descriptor, 1, 1, *rest[1:]))
                case answer:
                    ctypes.set_errno(errno.EINTR)
                    if not answers:
                        monkeypatch.setattr(many._ring, "_call", real)
                    return answer

        monkeypatch.setattr(many._ring, "_call", interrupted)
        assert many([ours.fileno()] * 3, b", you") == []
        assert received(theirs) == b"hello, you, you, you"


# In a room.


class Reader:
    """A member of a room, as far as it is shown things."""

    render_mention = None
    person = SimpleNamespace(blocks=())

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.has_failed = False

    @staticmethod
    def render(event: Event) -> bytes:
        return f"{getattr(event, 'text', event)}\n".encode()

    def fail(self) -> None:
        self.has_failed = True


def send_to(pipes: Sequence[Pipe]) -> SendMany:
    """Sends to pipes, whose descriptors are their places."""

    def send_many(descriptors: Sequence[int], data: bytes) -> Sequence[int]:
        taken: list[int] = []
        for descriptor in descriptors:
            try:
                taken.append(pipes[descriptor].send_nowait(data) if descriptor >= 0 else -errno.EBADF)
            except BlockingIOError:
                taken.append(-errno.EAGAIN)
            except OSError:
                taken.append(-errno.EPIPE)
        return taken

    return send_many


@given(
    st.lists(st.one_of(st.integers(0, 60), st.just(10_000), st.just(-1)), min_size=MANY, max_size=MANY + 8),
    st.lists(st.one_of(st.lists(st.text("abc", max_size=9), min_size=1, max_size=3), st.integers(1, 40)), max_size=6),
)
def test_a_room_gives_each_reader_the_same_with_and_without_it(rooms: list[int], moves: list[list[str] | int]) -> None:
    played: list[list[tuple[bytes, int]]] = []

    async def play(*, is_many: bool) -> None:
        async with trio.open_nursery() as nursery:
            pipes = [Pipe(max(room, 0)) for room in rooms]
            audience = Audience("python", 0, send_to(pipes) if is_many else None)
            readers: list[Any] = []
            for place, pipe in enumerate(pipes):
                pipe.descriptor = place
                readers.append(Reader(outbox_on(pipe, nursery)))
                audience.add(readers[-1], f"n{place}")
                if rooms[place] < 0:
                    pipe.close()
            for number, move in enumerate(moves):
                if isinstance(move, int):
                    for pipe in pipes[::3]:
                        pipe.read(move)
                    await trio.testing.wait_all_tasks_blocked()
                else:
                    audience.events.append(SaidRun("python", 1, [1.0] * len(move), "ann", RunTexts.of(move)))
                    audience.excluded.append(tuple({readers[1], *readers[number :: 5 - number % 4]}))
                    audience.flush(1)
            played.append([(pipe.written, reader.sink.size) for pipe, reader in zip(pipes, readers, strict=True)])
            nursery.cancel_scope.cancel()

    for is_many in (True, False):
        trio.run(partial(play, is_many=is_many), clock=trio.testing.MockClock())
    assert played[0] == played[1]


def outbox_on(transport: Transport, nursery: trio.Nursery) -> Outbox[int]:
    owner = Owner(lambda lines, _: b"* %d skipped\n" % lines, lambda: 0)
    return Outbox(transport, owner, start=nursery.start_soon, limit=30, patience=inf, budget=Budget(0))


@pytest.mark.parametrize("count", [MANY - 1, MANY])
def test_from_so_many_readers_of_a_kind_on_they_are_sent_to_at_once(count: int) -> None:
    asked: list[int] = []
    told: list[bytes] = []

    def send_many(descriptors: Sequence[int], data: bytes) -> Sequence[int]:
        asked.append(len(descriptors))
        return [len(data)] * len(descriptors)

    audience = Audience("python", 0, send_many)
    readers: list[Any] = [Reader(PushSink(told.append)) for _ in range(count)]
    for place, reader in enumerate(readers):
        audience.add(reader, f"n{place}")
    audience.put(Said("python", 1, 1.0, "ann", "hello"))
    audience.flush(1)
    assert (asked, len(told)) == (([], count) if count < MANY else ([MANY], 0))


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOMEM, errno.ECANCELED, errno.EAGAIN])
async def test_what_the_kernel_will_not_do_at_once_for_many_hangs_up_on_nobody(
    code: int, nursery: trio.Nursery
) -> None:
    pipes = [Pipe(20 if place else 3) for place in range(MANY)]
    audience = Audience("python", 0, lambda descriptors, _: [-code] * len(descriptors))
    outboxes = [outbox_on(pipe, nursery) for pipe in pipes]
    for place, (pipe, outbox) in enumerate(zip(pipes, outboxes, strict=True)):
        pipe.descriptor = place
        audience.add(Reader(outbox), f"n{place}")  # type: ignore[arg-type]
    for number, text in enumerate(("hello", "you"), 1):
        audience.events.append(SaidRun("python", number, [float(number)], "ann", RunTexts.of([text])))
        audience.excluded.append(())
        audience.flush(number)
    assert [(pipe.written, outbox.is_closed) for pipe, outbox in zip(pipes, outboxes, strict=True)] == [
        (b"hel" if place == 0 else b"hello\nyou\n", False) for place in range(MANY)
    ]
    assert outboxes[0].size == len(b"lo\nyou\n")


def test_where_sending_to_many_fails_each_is_sent_to_and_one_who_fails_harms_no_other() -> None:
    def broken(descriptors: Sequence[int], data: bytes) -> Sequence[int]:
        raise RuntimeError("no ring today")

    class Broken(PushSink):
        def send(self, data: bytes) -> int:
            raise RuntimeError("no reader today")

    for send_many in (broken, lambda descriptors, _: [-errno.EBADF] * len(descriptors)):
        told: list[bytes] = []
        audience = Audience("python", 0, send_many)
        readers: list[Any] = [Reader(PushSink(told.append)) for _ in range(MANY)]
        readers[3].sink = Broken(told.append)
        for place, reader in enumerate(readers):
            audience.add(reader, f"n{place}")
        audience.events.append(SaidRun("python", 1, [1.0], "ann", RunTexts.of(["hello"])))
        audience.excluded.append(())
        with capture_logs():
            audience.flush(1)
        assert told == [b"hello\n"] * (MANY - 1)
        assert [reader.has_failed for reader in readers] == [place == 3 for place in range(MANY)]


async def test_a_descriptor_is_written_to_only_while_the_connection_is_open_and_nothing_waits(
    nursery: trio.Nursery,
) -> None:
    ours, theirs = pair(1)
    with closing(theirs):
        transport = SocketTransport(ours)
        outbox = outbox_on(transport, nursery)
        assert outbox.target.descriptor == ours.fileno() >= 0
        for little in (b"", b"hello"):
            outbox.cork()
            assert outbox.target.descriptor == -1
            outbox.push(little)
            outbox.uncork()
            assert outbox.target.descriptor == ours.fileno()
        outbox.cork()
        outbox.push(b"x" * 100_000)
        outbox.uncork()
        assert outbox.target.descriptor == -1
        while not outbox.is_empty:
            received(theirs)
            await trio.sleep(0.001)
        assert outbox.target.descriptor == ours.fileno()
        outbox.close()
        assert outbox.target.descriptor == -1
        other = outbox_on(transport, nursery)
        transport.close()
        assert other.target.descriptor == -1


async def test_what_is_known_of_descriptors_is_forgotten_when_a_connection_ends_or_something_waits(
    nursery: trio.Nursery,
) -> None:
    asked: list[list[int]] = []

    def send_many(descriptors: Sequence[int], data: bytes) -> Sequence[int]:
        asked.append([*descriptors])
        return []

    with ExitStack() as exits:
        audience = Audience("python", 0, send_many)
        readers: list[Any] = []
        for place in range(MANY + 3):
            ours, theirs = pair(1)
            exits.callback(theirs.close)
            transport = SocketTransport(ours)
            exits.callback(transport.close)
            readers.append(Reader(outbox_on(transport, nursery)))
            readers[-1].transport, readers[-1].theirs, readers[-1].descriptor = transport, theirs, ours.fileno()
            audience.add(readers[-1], f"n{place}")
        seq = 0

        def shown_to(*but: Any) -> list[int]:
            nonlocal seq
            seq += 1
            audience.put(Said("python", seq, 1.0, "ann", "hello"), but)
            audience.flush(seq)
            return sorted(asked.pop())

        everybody = [reader.descriptor for reader in readers]
        assert shown_to() == everybody
        assert shown_to(readers[3], readers[-1], readers[0]) == sorted(
            {*everybody} - {everybody[i] for i in (3, -1, 0)}
        )
        assert shown_to() == everybody
        readers[2].transport.close()  # nobody has told the room
        with ExitStack() as meanwhile:
            meanwhile.callback(os.close, os.dup(0))  # which takes its number
            assert shown_to() == sorted([-1, *everybody[:2], *everybody[3:]])
        readers[5].sink.cork()
        assert shown_to().count(-1) == 2
        readers[5].sink.uncork()
        assert shown_to().count(-1) == 1
        readers[6].sink.push(b"x" * 100_000)
        assert shown_to().count(-1) == 2
        while not readers[6].sink.is_empty:
            received(readers[6].theirs)
            await trio.sleep(0.001)
        assert shown_to().count(-1) == 1
        audience.remove(readers[7], "n7")
        assert everybody[7] not in shown_to()
        audience.add(readers[7], "n7")
        assert everybody[7] in shown_to()
        audience.forget(readers[8])
        assert everybody[8] not in shown_to()
        readers[9].sink.close()
        assert everybody[9] not in shown_to()


async def test_a_large_room_hears_everything_in_order_though_one_reader_is_stuck_and_others_hang_up() -> None:
    async with running(messages_per_second=0, send_many=ManySends()) as (server, line):
        ann = await line.call()
        await ann.log_in("ann", "python")
        others = [await line.call() for _ in range(MANY + 6)]
        async with trio.open_nursery() as nursery:
            for number, other in enumerate(others):
                nursery.start_soon(other.log_in, f"n{number}", "python")
        stuck = await call_with_small_buffer(line)
        await stuck.type("/login stuck", "/history 0", "/join python")
        await stuck.read_until("* You are in python.")
        (session,) = (session for session in server._sessions if session.nick == "stuck")
        with closing(socket.socket(fileno=os.dup(session.caller.transport.descriptor))) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        last = 60
        for number in range(1, last + 1):
            await ann.type(f"{number} " + "x" * 1000)
            if number == 30:
                for other in others[:3]:
                    await trio.aclose_forcefully(other.stream)
            await others[-1].read_until(f"ann: {number} x")
        assert session._outbox.size
        for other in others[3:-1]:
            heard = [
                text for text in (await other.read_until(f"ann: {last} x")).splitlines() if text.startswith("ann: ")
            ]
            assert [int(text.split()[1]) for text in heard] == list(range(1, last + 1))
        await trio.aclose_forcefully(stuck.stream)  # the server would wait for it at the end
