from collections.abc import Callable
from math import inf
from typing import Generic, TypeVar

import pytest
import trio
import trio.testing
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat_server.rooms.giving import give_each
from chat_server.sessions.backlog import URGENT_MAX
from chat_server.sessions.corking import Corked
from chat_server.sessions.memory_budget import Budget
from chat_server.sessions.outbox import CORKED_MAX, Outbox
from chat_server.sessions.transport import HELD, Reader

M = TypeVar("M")


class Pipe:
    """A transport whose kernel takes `room` bytes, until `room` grows."""

    def __init__(self, room: int) -> None:
        self.descriptor = -1
        self.prepare = None
        self.reader: Reader | None = None
        self.room = room
        self.written = b""
        self.is_closed = False
        self._changed = trio.Event()

    def send_nowait(self, data: bytes) -> int:
        if self.is_closed:
            raise BrokenPipeError
        if not self.room:
            raise BlockingIOError
        taken = data[: self.room]
        self.room -= len(taken)
        self.written += taken
        return len(taken)

    async def wait_writable(self) -> None:
        while not self.room:
            await self._changed.wait()
            if self.is_closed:
                raise trio.ClosedResourceError

    async def wait_readable(self) -> None:
        raise NotImplementedError

    def receive_nowait(self, limit: int) -> bytes:
        raise NotImplementedError

    def is_lost(self) -> bool:
        return self.is_closed

    async def linger(self) -> None:
        raise NotImplementedError

    def read(self, count: int) -> None:
        """Be a reader who reads so many bytes."""
        self.room += count
        self._wake()

    def close(self) -> None:
        self.is_closed = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


class Owner(Generic[M]):
    """Whose outbox it is, as far as the outbox knows."""

    def __init__(self, notice: Callable[[int, M], bytes], mark: Callable[[], M]) -> None:
        self.skip_notice = notice
        self.positions = mark


def make(
    nursery: trio.Nursery, pipe: Pipe, *, limit: int = 100, patience: float = 60, budget: Budget | None = None
) -> Outbox[int]:
    return Outbox(
        pipe,
        Owner(lambda lines, _: b"* %d skipped\n" % lines, lambda: 0),
        start=nursery.start_soon,
        limit=limit,
        budget=budget or Budget(0),
        patience=patience,
    )


async def test_what_the_kernel_takes_never_waits(nursery: trio.Nursery) -> None:
    pipe = Pipe(1000)
    outbox = make(nursery, pipe)
    outbox.push(b"hello\n")
    assert pipe.written == b"hello\n"
    assert outbox.is_empty


async def test_what_it_does_not_take_follows_in_order(nursery: trio.Nursery) -> None:
    pipe = Pipe(3)
    outbox = make(nursery, pipe)
    outbox.push(b"hello\n")
    outbox.push(b"world\n")
    assert (pipe.written, outbox.size) == (b"hel", 9)
    pipe.read(1000)
    await outbox.emptied()
    assert pipe.written == b"hello\nworld\n"
    assert outbox.size == 0


async def test_beyond_the_limit_what_waits_is_dropped_and_counted_and_the_reader_is_told(nursery: trio.Nursery) -> None:
    pipe = Pipe(9)
    outbox = make(nursery, pipe, limit=30)
    for number in range(100):
        outbox.push(b"line %d\n" % number)
    assert outbox.size < 30
    pipe.read(1000)
    await outbox.emptied()
    outbox.push(b"live\n")
    assert pipe.written == b"line 0\nline 1\n* 98 skipped\nlive\n"


async def test_a_batch_larger_than_the_limit_is_dropped_whole(nursery: trio.Nursery) -> None:
    pipe = Pipe(0)
    outbox = make(nursery, pipe, limit=30)
    outbox.push(b"x\n" * 1000)
    assert outbox.size == 0
    pipe.read(1000)
    await outbox.emptied()
    assert pipe.written == b"* 1000 skipped\n"


async def test_bytes_that_are_no_line_are_not_cut_either(nursery: trio.Nursery) -> None:
    pipe = Pipe(1)
    outbox = make(nursery, pipe, limit=30)
    outbox.push(b"\xff\xfe\x01")
    outbox.push(b"x" * 40 + b"\n")
    pipe.read(1000)
    await outbox.emptied()
    assert pipe.written == b"\xff\xfe\x01* 1 skipped\n"


async def test_a_reader_who_takes_nothing_for_too_long_loses_the_connection(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    pipe = Pipe(0)
    outbox = make(nursery, pipe, patience=60)
    outbox.push(b"hello\n")
    await trio.sleep(59)
    assert not pipe.is_closed
    await trio.sleep(2)
    assert pipe.is_closed
    assert outbox.is_closed
    await outbox.emptied()


async def test_a_reader_who_takes_a_byte_now_and_then_keeps_it(
    autojump_clock: trio.abc.Clock, nursery: trio.Nursery
) -> None:
    pipe = Pipe(0)
    outbox = make(nursery, pipe, patience=60)
    outbox.push(b"0123456789\n")
    for _ in range(10):
        await trio.sleep(59)
        pipe.read(1)
    await trio.testing.wait_all_tasks_blocked()
    assert pipe.written == b"0123456789"
    assert not pipe.is_closed


async def test_pushing_to_a_connection_that_is_gone_is_harmless(nursery: trio.Nursery) -> None:
    pipe = Pipe(100)
    outbox = make(nursery, pipe)
    pipe.close()
    outbox.push(b"hello\n")
    outbox.push(b"hello\n")
    assert outbox.is_closed
    assert outbox.size == 0


@pytest.mark.slow
@example(steps=[(1, 0), (0, 0), (11, 0), (0, 0)], limit=0)  # a notice that is itself dropped before any of it is read
@settings(max_examples=settings().max_examples * 10, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 25)), max_size=60), st.integers(0, 40))
def test_whatever_the_reader_does_lines_are_whole_in_order_and_accounted_for(
    steps: list[tuple[int, int]], limit: int
) -> None:
    async def converse() -> None:
        async with trio.open_nursery() as nursery:
            pipe = Pipe(0)
            outbox = make(nursery, pipe, limit=limit + 1)
            pushed = 0
            for read, length in steps:
                outbox.push(b"%d %s\n" % (pushed, b"x" * length))
                pushed += 1
                assert outbox.size <= limit + 1 + 30, "the limit, and the end of one line"
                assert outbox.size == sum(
                    len(data) for data, _ in (outbox._waiting._entries if outbox._waiting else ())
                )
                pipe.read(read)
                await trio.testing.wait_all_tasks_blocked()
            pipe.read(10_000)
            await outbox.emptied()
            due = 0
            for line in pipe.written.splitlines():
                if line.startswith(b"* "):
                    due += int(line.split()[1])
                else:
                    assert int(line.split()[0]) == due
                    due += 1
            assert due == pushed
            nursery.cancel_scope.cancel()

    trio.run(converse)


async def test_the_notice_is_told_what_stood_beside_the_first_of_what_was_dropped(nursery: trio.Nursery) -> None:
    position = 0
    told: list[tuple[int, int]] = []

    def notice(lines: int, after: int) -> bytes:
        told.append((lines, after))
        return b"* skipped\n"

    pipe = Pipe(0)
    outbox = Outbox(
        pipe, Owner(notice, lambda: position), start=nursery.start_soon, limit=40, patience=60, budget=Budget(0)
    )
    for position in range(100):
        outbox.push(b"line %d\n" % position)
        if position == 2:
            pipe.read(9)  # line 0 whole, and two bytes of the next
            await trio.testing.wait_all_tasks_blocked()
    pipe.read(1000)
    await outbox.emptied()
    assert pipe.written == b"line 0\nline 1\n* skipped\n"
    assert told == [(98, 0)], "a mark that is too old repeats something, and loses nothing"


async def test_positions_are_taken_for_every_16_kib_and_small_things_share_an_entry(nursery: trio.Nursery) -> None:
    marks = 0

    def mark() -> int:
        nonlocal marks
        marks += 1
        return marks

    pipe = Pipe(0)
    outbox = Outbox(
        pipe, Owner(lambda _, __: b"", mark), start=nursery.start_soon, limit=0, patience=60, budget=Budget(0)
    )
    sent = [b'{"is":"here"}\n'] * 10_000 + [b"x" * 2000 + b"\n"] * 100
    for data in sent:
        outbox.push(data)
    assert marks < 30
    assert outbox._waiting is not None
    assert len(outbox._waiting) < 200
    while not outbox.is_empty:
        pipe.read(100_000)
        await trio.testing.wait_all_tasks_blocked()
    assert pipe.written == b"".join(sent)


@settings(max_examples=settings().max_examples * 2, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.integers(1, 40).map(lambda size: b"x" * size + b"\n"), st.just(b"\xff\xfb\x01"), st.integers(1, 60)
        ),
        max_size=40,
    ),
    st.integers(0, 30),
)
def test_what_a_protocol_needs_is_not_dropped_and_stands_inside_nothing(moves: list[bytes | int], room: int) -> None:
    """Its bytes come whole, in order and all of them, whatever text is dropped around them; and text is cut nowhere else."""

    async def play() -> None:
        async with trio.open_nursery() as nursery:
            pipe = Pipe(room)
            outbox = make(nursery, pipe)
            asked = 0
            for move in moves:
                if isinstance(move, int):
                    pipe.read(move)
                elif move[:1] == b"\xff":
                    outbox.push_urgent(move)
                    asked += 1
                else:
                    outbox.push(move)
                await trio.testing.wait_all_tasks_blocked()
            pipe.read(100_000)
            await outbox.emptied()
            assert pipe.written.count(b"\xff\xfb\x01") == asked
            text = pipe.written.replace(b"\xff\xfb\x01", b"")
            assert b"\xff" not in text
            for line in text.splitlines():
                assert line == b"x" * len(line) or line.endswith(b" skipped")

    trio.run(play)


async def test_who_asks_for_more_answers_than_they_read_does_not_fill_the_memory(nursery: trio.Nursery) -> None:
    pipe = Pipe(0)
    outbox = make(nursery, pipe)
    for _ in range(10_000):
        outbox.push_urgent(b"\xff\xfb\x01")
    assert outbox._waiting is not None
    assert outbox.size + len(outbox._waiting._urgent) <= URGENT_MAX + 3
    outbox.close()
    pipe.close()


async def test_a_notice_names_the_place_of_what_was_dropped_whatever_stood_before_it(nursery: trio.Nursery) -> None:
    pipe, told, shown = Pipe(0), list[int](), [0]

    def notice(lines: int, after: int) -> bytes:
        told.append(after)
        return b"* %d\n" % lines

    outbox = Outbox(
        pipe, Owner(notice, lambda: shown[0]), start=nursery.start_soon, limit=2000, patience=60, budget=Budget(0)
    )
    for number in range(200):
        shown[0] = number
        if number == 15:
            outbox.push_urgent(b"\xff\xfb\x01")
            assert outbox._waiting is not None
            outbox._write_what_fits(outbox._waiting)
        outbox.push(b"a line of a hundred bytes " * 4 + b"\n")
    pipe.read(100_000)
    await outbox.emptied()
    assert told == [0]


async def test_a_notice_that_is_skipped_behind_what_a_protocol_needs_is_told_again_in_full(
    nursery: trio.Nursery,
) -> None:
    pipe = Pipe(2)
    outbox = make(nursery, pipe, limit=20)
    outbox.push(b"begun\n")
    for _ in range(30):
        outbox.push(b"line\n")
    outbox.push_urgent(b"\xff\xfb\x01")
    pipe.read(5)  # the rest of the line, and the first byte of what the protocol needs
    await trio.testing.wait_all_tasks_blocked()
    assert pipe.written == b"begun\n\xff"
    for _ in range(10):
        outbox.push(b"more\n")
    pipe.read(1000)
    await outbox.emptied()
    assert pipe.written == b"begun\n\xff\xfb\x01* 40 skipped\n"


async def test_what_a_protocol_needs_does_not_wait_until_everything_has_been_read(nursery: trio.Nursery) -> None:
    pipe = Pipe(10)
    outbox = make(nursery, pipe, limit=10_000_000)
    for _ in range(500):
        outbox.push(b"x" * 999 + b"\n")
    outbox.push_urgent(b"\xff\xfb\x01")
    for _ in range(20):
        pipe.read(4099)
        await trio.testing.wait_all_tasks_blocked()
    assert b"\xff\xfb\x01" in pipe.written
    outbox.close()
    pipe.close()


async def test_where_too_much_waits_for_all_together_those_for_whom_most_waits_lose_it_first(
    nursery: trio.Nursery,
) -> None:
    budget = Budget(1000)
    pipes = [Pipe(0), Pipe(0), Pipe(0)]
    outboxes = [make(nursery, pipe, limit=0, budget=budget) for pipe in pipes]
    for outbox, lines in zip(outboxes, (40, 20, 30), strict=True):
        for _ in range(lines):
            outbox.push(b"123456789\n")
    assert [outbox.size for outbox in outboxes] == [400, 200, 300]
    assert budget.total == 900
    for _ in range(11):
        outboxes[1].push(b"123456789\n")
    assert [outbox.size for outbox in outboxes] == [0, 310, 300]
    assert budget.total == 610
    pipes[0].read(1000)
    await trio.testing.wait_all_tasks_blocked()
    assert pipes[0].written == b"* 40 skipped\n"
    for outbox in outboxes:
        outbox.close()
    assert budget.total == 0


async def test_what_has_been_written_counts_no_longer(nursery: trio.Nursery) -> None:
    budget = Budget(0)
    pipe = Pipe(0)
    outbox = make(nursery, pipe, limit=0, budget=budget)
    outbox.push(b"x" * 999 + b"\n")
    assert budget.total == 1000
    pipe.read(1000)
    await outbox.emptied()
    await trio.testing.wait_all_tasks_blocked()
    assert budget.total == 0
    assert not budget._counted


class HoldingPipe(Pipe):
    """A transport that takes whatever it is given, and passes on what the kernel has room for; `wait_writable` passes on the rest."""

    def __init__(self, room: int) -> None:
        super().__init__(room)
        self.held = b""

    def send_nowait(self, data: bytes) -> int:
        if self.held:
            raise BlockingIOError
        self.held = data
        self._pass_on()
        return HELD if self.held else len(data)

    async def wait_writable(self) -> None:
        while self.held:
            await super().wait_writable()
            self._pass_on()

    def _pass_on(self) -> None:
        passed, self.held = self.held[: self.room], self.held[self.room :]
        self.room -= len(passed)
        self.written += passed


async def test_what_a_transport_has_taken_and_holds_is_not_gone(nursery: trio.Nursery) -> None:
    pipe = HoldingPipe(3)
    outbox = make(nursery, pipe)
    outbox.push(b"hello\n")
    assert not outbox.is_empty
    outbox.push(b"there\n")
    await trio.testing.wait_all_tasks_blocked()
    assert pipe.written == b"hel"
    pipe.read(5)
    await trio.testing.wait_all_tasks_blocked()
    assert pipe.written == b"hello\nth"
    assert not outbox.is_empty
    pipe.read(100)
    await outbox.emptied()
    assert pipe.written == b"hello\nthere\n"
    outbox.push(b"!\n")
    assert outbox.is_empty
    assert pipe.written == b"hello\nthere\n!\n"


async def test_what_is_skipped_while_a_transport_holds_something_breaks_no_line(nursery: trio.Nursery) -> None:
    pipe = HoldingPipe(3)
    outbox = make(nursery, pipe, limit=20)
    for number in range(10):
        outbox.push(b"line %d\n" % number)
    pipe.read(1000)
    await outbox.emptied()
    assert pipe.written == b"line 0\n* 9 skipped\n"


Move = bytes | int | str
TEXT = st.integers(0, 30).map(lambda size: b"x" * size + b"\n")
PROMPT = st.integers(1, 9).map(lambda size: b"p" * size)
URGENT = st.just(b"\xff\xfb\x01")


class Twins:
    """Two outboxes of which the same is asked; but the second is never corked, and is given what it is given as a room does that."""

    def __init__(self, nursery: trio.Nursery, room: int, limit: int) -> None:
        self.pipes = Pipe(room), Pipe(room)
        self._position = 0
        owner = Owner(lambda lines, after: b"* %d after %d skipped\n" % (lines, after), lambda: self._position)
        given = {"start": nursery.start_soon, "limit": limit, "patience": inf}
        self.budgets = Budget(0), Budget(0)
        self.outboxes = [
            Outbox(pipe, owner, budget=budget, **given)  # type: ignore[arg-type]
            for pipe, budget in zip(self.pipes, self.budgets, strict=True)
        ]
        self._is_corked = False

    async def play(self, move: Move) -> None:
        match move:
            case "cork":
                self.outboxes[0].cork()
                self._is_corked = True
            case "uncork":
                self.outboxes[0].uncork()
                self._is_corked = False
            case bytes():
                corked, plain = self.outboxes
                if move.startswith(b"\xff"):
                    corked.push_urgent(move)
                    plain.push_urgent(move)
                else:
                    corked.push(move)
                    give_each(iter((plain,)), move)
            case _ if self._is_corked:
                pass  # what is corked is uncorked before anybody else runs
            case int() if move < 0:  # the kernel has room, and the task that writes has not run yet
                for pipe in self.pipes:
                    pipe.room -= move
            case int():
                await self.read(move)
            case _:
                for outbox, budget in zip(self.outboxes, self.budgets, strict=True):
                    outbox.let_go()
                    budget.count(outbox)

    async def read(self, count: int) -> None:
        self._position += 1
        for pipe in self.pipes:
            pipe.read(count)
        await trio.testing.wait_all_tasks_blocked()

    def check(self) -> None:
        gathered, plain = (pipe.written for pipe in self.pipes)
        assert plain.startswith(gathered)
        if not self._is_corked:
            assert gathered == plain
            assert self.outboxes[0].size == self.outboxes[1].size == self.budgets[0].total


@settings(max_examples=settings().max_examples * 4, deadline=None)
@given(
    st.lists(
        st.one_of(
            TEXT,
            PROMPT,
            URGENT,
            st.integers(2000, 2100).map(lambda size: b"y" * size + b"\n"),
            st.integers(-60, 60),
            st.sampled_from(["cork", "uncork", "let go"]),
        ),
        max_size=60,
    ),
    st.integers(0, 60),
    st.sampled_from([20, 100, 0]),
)
@example([b"p", "cork", b"\xff\xfb\x01", b"x\n", b"\xff\xfb\x01", "uncork", 3, b"x\n"], 2, 20)
@example(["cork", b"\xff\xfb\x01", b"x" * 30 + b"\n", "uncork", 60], 0, 20)
@example([b"one\n", -60, "cork", b"two\n", "uncork", 60], 2, 0)
@example(["cork", b"one\n", "cork", b"two\n", "uncork"], 60, 0)
def test_a_reader_sees_the_same_whether_what_it_is_sent_is_gathered_or_not(
    moves: list[Move], room: int, limit: int
) -> None:
    """The same bytes, and at every moment at which it is not corked as many of them; and what waits is skipped at the same places."""

    async def play() -> None:
        async with trio.open_nursery() as nursery:
            twins = Twins(nursery, room, limit)
            for move in [*moves, "uncork"]:
                await twins.play(move)
                twins.check()
            await twins.read(10**6)
            twins.check()
            assert all(outbox.is_empty for outbox in twins.outboxes)

    trio.run(play)


async def test_what_is_gathered_is_written_before_the_outbox_is_closed_or_waited_for(nursery: trio.Nursery) -> None:
    for is_closed in (False, True):
        pipe = Pipe(1000)
        outbox = make(nursery, pipe)
        outbox.cork()
        outbox.push(b"hello\n")
        outbox.push_urgent(b"\xff\xfb\x01")
        assert pipe.written == b""
        assert not outbox.is_empty
        if is_closed:
            outbox.close()
        else:
            await outbox.emptied()
        assert pipe.written == b"hello\n\xff\xfb\x01"
        outbox.push(b"more\n")
        assert pipe.written.endswith(b"\x01" if is_closed else b"more\n")


async def test_what_is_gathered_goes_out_once_by_a_transport_that_holds_part_of_it(nursery: trio.Nursery) -> None:
    pipe = HoldingPipe(3)
    outbox = make(nursery, pipe)
    outbox.cork()
    outbox.push(b"hello\n")
    outbox.push(b"there\n")
    outbox.uncork()
    assert pipe.written == b"hel"
    outbox.push(b"you\n")
    pipe.read(100)
    await outbox.emptied()
    assert pipe.written == b"hello\nthere\nyou\n"


async def test_what_is_gathered_is_written_when_it_is_much(nursery: trio.Nursery) -> None:
    pipe = Pipe(10**6)
    outbox = make(nursery, pipe)
    outbox.cork()
    for number in range(1000):
        outbox.push(b"x" * 500 + b"\n")
        assert pipe.written.count(b"\n") >= number - CORKED_MAX
    outbox.push(b"y" * 5000 + b"\n")
    assert pipe.written.endswith(b"y\n")
    outbox.push(b"x\n")
    assert pipe.written.endswith(b"y\n"), "it is corked still"


async def test_a_connection_that_is_gone_when_it_is_uncorked_is_closed(nursery: trio.Nursery) -> None:
    pipe = Pipe(1000)
    outbox = make(nursery, pipe)
    outbox.cork()
    outbox.push(b"hello\n")
    pipe.close()
    outbox.uncork()
    assert outbox.is_closed
    outbox.cork()
    outbox.push(b"hello\n")
    outbox.uncork()
    assert outbox.size == 0


async def test_what_is_written_between_two_waits_goes_out_in_one_piece_however_they_end(nursery: trio.Nursery) -> None:
    pipe = Pipe(1000)
    sent: list[bytes] = []
    send = pipe.send_nowait

    def noted(data: bytes) -> int:
        sent.append(data)
        return send(data)

    pipe.send_nowait = noted  # type: ignore[method-assign]
    outbox = make(nursery, pipe)

    async def work() -> str:
        outbox.push(b"one\n")
        outbox.push(b"two\n")
        await trio.lowlevel.checkpoint()
        assert sent == [b"one\ntwo\n"]
        outbox.push(b"three\n")
        outbox.push(b"four\n")
        with trio.move_on_after(0):
            try:
                await trio.sleep_forever()
            finally:
                assert sent[1:] == [b"three\nfour\n"]
                outbox.push(b"five\n")
                outbox.push(b"six\n")
        await trio.lowlevel.checkpoint()
        assert sent[2:] == [b"five\nsix\n"]
        outbox.push(b"seven\n")
        outbox.push(b"eight\n")
        if len(sent) == 3:
            return "done"
        raise AssertionError

    assert await Corked(outbox, work()) == "done"
    assert sent[3:] == [b"seven\neight\n"]

    async def fail() -> None:
        outbox.push(b"nine\n")
        await trio.lowlevel.checkpoint()
        outbox.push(b"ten\n")
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        await Corked(outbox, fail())
    assert sent[4:] == [b"nine\n", b"ten\n"]
    outbox.push(b"at once\n")
    assert sent[6:] == [b"at once\n"]


class BrokenOutbox:
    """An outbox that cannot write, for a bug."""

    def cork(self) -> None: ...

    def uncork(self) -> None:
        raise RuntimeError("a bug")


@pytest.mark.goes_wrong
async def test_a_bug_in_what_is_written_while_something_is_waited_for_is_met_when_the_wait_is_over(
    autojump_clock: trio.abc.Clock,
) -> None:
    over = trio.Event()
    ended: list[str] = []

    async def wait() -> None:
        try:
            await over.wait()
        finally:
            ended.append("wait")

    async def session() -> None:
        with pytest.raises(RuntimeError, match="could not be written"):
            await Corked(BrokenOutbox(), wait())
        ended.append("session")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(session)
        await trio.sleep(1)
        assert not ended, "whoever wakes it would wake what does not wait any more"
        over.set()
    assert ended == ["wait", "session"]


async def test_a_bug_in_what_is_written_when_the_work_is_done_is_not_overlooked() -> None:
    async def work() -> None: ...

    with pytest.raises(RuntimeError, match="a bug"):
        await Corked(BrokenOutbox(), work())


async def test_trio_can_say_where_a_task_waits_whose_outbox_is_corked(nursery: trio.Nursery) -> None:
    async def wait_for_the_disk() -> None:
        await trio.sleep_forever()

    outbox = make(nursery, Pipe(1000))
    tasks: list[trio.lowlevel.Task] = []

    async def session() -> None:
        tasks.append(trio.lowlevel.current_task())
        await Corked(outbox, wait_for_the_disk())

    nursery.start_soon(session)
    await trio.testing.wait_all_tasks_blocked()
    where = [frame.f_code.co_name for frame, _ in tasks[0].iter_await_frames()]
    assert where[:3] == ["session", "wait_for_the_disk", "sleep_forever"]
    nursery.cancel_scope.cancel()
