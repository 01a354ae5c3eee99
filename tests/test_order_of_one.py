"""What one caller asks for is carried out in the order in which it came, whoever waits for what meanwhile: the read loop, by any interleaving."""

import socket
from collections.abc import Coroutine, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import trio
import trio.testing
from hypothesis import example, given
from hypothesis import strategies as st

from chat_server.limits import Limits
from chat_server.protocol.requests import Say
from chat_server.protocol.runs import SayRun
from chat_server.sessions.doors import PARSE_TEXT
from chat_server.sessions.pace import Address, Pace
from chat_server.sessions.read_loop import ReadLoop
from chat_server.sessions.readiness import Readiness
from chat_server.sessions.token_bucket import TokenBucket
from chat_server.sessions.transport import SocketTransport
from chat_server.sessions.turns import Turns
from chat_server.wire.text import TextDecoder


class Outbox:
    """Nothing is written, and nobody is lost."""

    is_closed = False

    def cork(self) -> None: ...

    def uncork(self) -> None: ...


class Told:
    """What tells a connection that something has come: the test does."""

    def register(self, *_: object) -> None: ...

    def forget(self, *_: object) -> None: ...


class Session:
    """Takes down what it is asked, some of it only after a pause, as where a room is full."""

    COSTS: ClassVar[dict[type, float]] = {}
    nick = "ann"
    is_lost = False

    def __init__(self, transport: SocketTransport, pauses: Sequence[float]) -> None:
        self.caller = SimpleNamespace(transport=transport)
        self.proof = SimpleNamespace(seconds=float("inf"))
        self.pauses = [*pauses]
        self.begun: list[str] = []
        self.done: list[str] = []
        self.wait_readable = transport.wait_readable

    def receive_nowait(self) -> bytes | None:
        try:
            return cast(SocketTransport, self.caller.transport).receive_nowait(64)
        except trio.WouldBlock:
            return None

    def is_light(self, asked: object) -> bool:
        return type(asked) is SayRun or (type(asked) is Say and len(asked.text) < 20)

    def handle(self, asked: object) -> Coroutine[Any, Any, None] | None:
        texts = (
            [one.text for one in asked]
            if isinstance(asked, SayRun)
            else [asked.text if isinstance(asked, Say) else "/"]
        )
        assert self.begun == self.done, "nothing is carried out before what came before it is"
        self.begun += texts
        seconds = self.pauses.pop(0) if self.pauses else 0.0
        if not seconds:
            self.done += texts
            return None
        return self.later(texts, seconds)

    async def later(self, texts: list[str], seconds: float) -> None:
        await trio.sleep(seconds)
        self.done += texts

    def carried_out(self) -> None: ...

    async def flushed(self) -> None:
        await trio.sleep(0.01)

    def send(self, _: object) -> None: ...

    send_unasked = send


SIZES = st.lists(st.integers(1, 90), max_size=12)
PAUSES = st.lists(st.sampled_from([0.0, 0.0, 0.001, 1.0]), max_size=20)
CHANGES = st.lists(st.sampled_from(["", "", "at once", "charged", "free", "wait"]), max_size=12)


async def turns_of_others(chunk: bytes) -> list[int]:
    """How often others have had their turn when each thing is carried out that a chunk asks for, where nothing is charged."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    transport = SocketTransport(ours, cast(Readiness, Told()))
    session = Session(transport, ())
    decoder = TextDecoder(PARSE_TEXT, 1000, in_runs=True)
    decoder.allow(1000, 1000)
    turns, had = 0, []
    handle = session.handle

    def noted(asked: object) -> Coroutine[Any, Any, None] | None:
        had.append(turns)
        return handle(asked)

    session.handle = noted  # type: ignore[method-assign]  # it does what it did
    context = SimpleNamespace(limits=Limits(idle_seconds=0), budget=SimpleNamespace(count=lambda _: None))
    loop: ReadLoop[Any] = ReadLoop(
        cast(Any, session), decoder, cast(Any, Outbox()), cast(Any, context), pace=None, login_deadline=float("inf")
    )
    theirs.sendall(chunk)
    theirs.shutdown(socket.SHUT_WR)
    transport.become_readable(1 << 13)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(loop.run)
        while len(had) < chunk.count(b"\n"):
            turns += 1
            await trio.lowlevel.checkpoint()
    transport.close()
    theirs.close()
    return had


def test_others_have_their_turn_between_any_two_commands_of_a_chunk_where_nothing_is_charged() -> None:
    turns = trio.run(turns_of_others, b"/online\n" * 8)
    assert turns[-1] - turns[0] >= 6  # Trio says in which order two of them go


async def played(lines: Sequence[str], sizes: Sequence[int], pauses: Sequence[float], changes: Sequence[str]) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    transport = SocketTransport(ours, cast(Readiness, Told()))
    session = Session(transport, pauses)
    decoder = TextDecoder(PARSE_TEXT, 1000, in_runs=True)
    decoder.allow(1000, 1000)
    context = SimpleNamespace(
        limits=Limits(messages_per_second=2, message_burst=3, idle_seconds=0),
        turns=Turns(lambda: 0.0),
        budget=SimpleNamespace(count=lambda _: None, forget=lambda _: None),
    )
    loop: ReadLoop[Any] = ReadLoop(
        cast(Any, session), decoder, cast(Any, Outbox()), cast(Any, context), pace=None, login_deadline=float("inf")
    )
    data = "".join(f"{line}\n" for line in lines).encode()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(loop.run)
        for size, change in zip([*sizes, len(data)], [*changes, *[""] * 20], strict=False):
            match change:
                case "charged":
                    loop.pace = Pace(TokenBucket(2, 3, trio.current_time()), Address("", None))
                    loop.limits_changed()
                case "free":
                    loop.pace = None
                    loop.limits_changed()
                case "wait":
                    await trio.sleep(0.5)
            theirs.sendall(data[:size])
            data = data[size:]
            transport.become_readable(1)
            if change != "at once":
                await trio.lowlevel.checkpoint()
        theirs.shutdown(socket.SHUT_WR)
        transport.become_readable(1 << 13)
    assert session.done == list(lines)
    transport.close()
    theirs.close()


@given(st.lists(st.booleans(), max_size=15), SIZES, PAUSES, CHANGES)
@example([False] * 9, [6, 6, 6, 6], [1.0] * 9, [])
@example([False] * 9, [6, 6, 6, 6], [1.0] * 9, ["", "at once", "at once"])
@example([False] * 9, [6, 12, 6, 6], [1.0, 0.0, 1.0], ["", "charged", "free", "charged"])
def test_what_one_caller_says_is_carried_out_in_its_order_whatever_waits(
    is_long: list[bool], sizes: list[int], pauses: list[float], changes: list[str]
) -> None:
    lines = [f"{number}{'-' * 30 if long else ''}" for number, long in enumerate(is_long)]
    clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(partial(played, lines, sizes, pauses, changes), clock=clock)
