"""What comes by connections, over real sockets: who waits is told, the reader is offered it first, and nothing is left unread."""

import gc
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from weakref import ref

import pytest
import trio
import trio.testing

from captured_logs import capture_logs
from chat_server.server.listening import set_tcp_options
from chat_server.sessions.readiness import EVENTS_MAX, Readiness, new_readiness
from chat_server.sessions.transport import SocketTransport, receive_some


@asynccontextmanager
async def told() -> AsyncIterator[Readiness]:
    """What tells connections, as long as the test takes."""
    readiness = new_readiness()
    if readiness is None:
        pytest.skip("no epoll here")
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(readiness.run)
            yield readiness
            nursery.cancel_scope.cancel()


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    ours.setblocking(False)
    set_tcp_options(ours, 0)
    theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return ours, theirs


def connected(readiness: Readiness) -> tuple[SocketTransport, socket.socket]:
    ours, theirs = tcp_pair()
    return SocketTransport(ours, readiness), theirs


async def settled() -> None:
    await trio.testing.wait_all_tasks_blocked(0.005)


class Taking:
    """A reader that takes all it is offered, or what `limit` allows, and notes it."""

    def __init__(self, transport: SocketTransport, limit: int = 1000) -> None:
        self.transport = transport
        self.limit = limit
        self.taken = b""
        transport.reader = self

    def take(self) -> bool:
        self.taken += self.transport.receive_nowait(self.limit)
        return True


async def test_who_waits_is_told_of_each_thing_that_comes() -> None:
    async with told() as readiness:
        transport, theirs = connected(readiness)
        theirs.send(b"before anybody waits")
        assert await receive_some(transport, 100) == b"before anybody waits"
        for number in range(3):
            theirs.send(b"%d" % number)
            assert await receive_some(transport, 100) == b"%d" % number
        theirs.close()
        assert await receive_some(transport, 100) == b""
        assert await receive_some(transport, 100) == b""  # it stays so
        transport.close()


async def test_what_is_left_unread_is_told_of_though_nothing_more_comes() -> None:
    async with told() as readiness:
        transport, theirs = connected(readiness)
        theirs.send(b"abcdef")
        assert [await receive_some(transport, 4), await receive_some(transport, 4)] == [b"abcd", b"ef"]
        theirs.send(b"1234")
        assert await receive_some(transport, 4) == b"1234"  # as much as was asked for: more may be there, and is not
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive_some, transport, 4)
            await settled()  # it waits, and does not ask again and again
            theirs.send(b"5")
        transport.close()
        theirs.close()


@pytest.mark.parametrize("is_awaited", [False, True])
async def test_an_end_that_comes_together_with_the_last_bytes_is_told_of(*, is_awaited: bool) -> None:
    """One event tells of both, and the bytes are fewer than were asked for."""
    async with told() as readiness:
        transport, theirs = connected(readiness)
        if is_awaited:  # once, so that the connection is registered
            theirs.send(b"x")
            assert await receive_some(transport, 100) == b"x"
        theirs.send(b"last")
        theirs.close()
        assert await receive_some(transport, 100) == b"last"
        assert await receive_some(transport, 100) == b""
        transport.close()


async def test_an_end_behind_what_a_reader_takes_wakes_who_waits() -> None:
    async with told() as readiness, trio.open_nursery() as nursery:
        transport, theirs = connected(readiness)
        reader = Taking(transport)
        nursery.start_soon(transport.wait_readable)
        await settled()
        theirs.send(b"last")
        theirs.close()
        await settled()
        assert (reader.taken, transport.receive_nowait(10)) == (b"last", b"")
        assert not nursery.child_tasks
        transport.close()


async def test_a_reset_is_told_of() -> None:
    async with told() as readiness:
        transport, theirs = connected(readiness)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        theirs.close()
        with pytest.raises(trio.BrokenResourceError):
            await receive_some(transport, 100)
        transport.close()


async def test_what_stands_behind_urgent_data_is_told_of_though_nothing_more_comes() -> None:
    """As a telnet client interrupts: IAC IP IAC DM, of which the last is urgent (RFC 854)."""
    async with told() as readiness:
        transport, theirs = connected(readiness)
        for is_awaited in (False, True):
            theirs.send(b"x")
            assert await receive_some(transport, 100) == b"x"
            came = b""
            async with trio.open_nursery() as nursery:
                if is_awaited:
                    nursery.start_soon(transport.wait_readable)
                    await settled()
                theirs.send(b"hello\xff\xf4\xff\xf2", socket.MSG_OOB)
                theirs.send(b"a line behind it\n")
            while not came.endswith(b"\n"):
                came += await receive_some(transport, 100)
            assert came == b"hello\xff\xf4\xff\xf2a line behind it\n"
        transport.close()
        theirs.close()


async def test_what_stands_behind_descriptors_is_told_of_though_nothing_more_comes() -> None:
    async with told() as readiness:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        transport = SocketTransport(ours, readiness)
        theirs.send(b"before")
        socket.send_fds(theirs, [b"with"], [0])
        theirs.send(b"behind")
        came = b""
        while not came.endswith(b"behind"):
            came += await receive_some(transport, 100)
        assert came == b"beforewithbehind"
        transport.close()
        theirs.close()


async def test_who_waits_is_woken_when_the_connection_is_closed_here() -> None:
    async with told() as readiness, trio.open_nursery() as nursery:
        transport, theirs = connected(readiness)
        ended: list[str] = []

        async def wait() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await transport.wait_readable()
            ended.append("closed")

        nursery.start_soon(wait)
        await settled()
        transport.close()
        await settled()
        assert ended == ["closed"]
        theirs.close()


@pytest.mark.parametrize("fails", [False, True])
async def test_nothing_is_kept_of_a_connection_that_is_closed(*, fails: bool) -> None:
    class Weak(SocketTransport):
        __slots__ = ("__weakref__",)

    async with told() as readiness:
        ours, theirs = tcp_pair()
        transport = Weak(ours, readiness)
        theirs.send(b"x")
        await receive_some(transport, 10)
        if fails:
            transport.reader = Failing(transport)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_fail, transport)
                await settled()
                theirs.send(b"x")
        transport.close()
        kept = ref(transport)
        gc.disable()
        del transport
        assert kept() is None
        gc.enable()
        theirs.close()


class Failing:
    """A reader with a bug."""

    def __init__(self, transport: SocketTransport) -> None:
        self.transport = transport

    def take(self) -> bool:
        raise KeyError("a bug")


async def _fail(transport: SocketTransport) -> None:
    with pytest.raises(KeyError, match="a bug"):
        await transport.wait_readable()


async def test_who_waits_no_longer_is_not_woken_and_may_wait_again() -> None:
    async with told() as readiness:
        transport, theirs = connected(readiness)
        reader = Taking(transport)
        with trio.move_on_after(0.01):
            await transport.wait_readable()
        theirs.send(b"meanwhile")
        await settled()
        assert reader.taken == b""  # the reader is for while somebody waits
        assert await receive_some(transport, 100) == b"meanwhile"
        transport.close()
        theirs.close()


async def test_two_cannot_wait_for_the_same() -> None:
    async with told() as readiness, trio.open_nursery() as nursery:
        transport, theirs = connected(readiness)
        nursery.start_soon(transport.wait_readable)
        await settled()
        with pytest.raises(trio.BusyResourceError):
            await transport.wait_readable()
        theirs.send(b"x")
        await settled()
        assert not nursery.child_tasks
        transport.close()
        theirs.close()


async def test_what_a_reader_takes_wakes_nobody() -> None:
    async with told() as readiness, trio.open_nursery() as nursery:
        transport, theirs = connected(readiness)
        reader = Taking(transport)
        nursery.start_soon(transport.wait_readable)
        await settled()
        for piece in (b"a", b"b", b"c"):
            theirs.send(piece)
            await settled()
        assert reader.taken == b"abc"
        assert nursery.child_tasks
        nursery.cancel_scope.cancel()
    transport.close()
    theirs.close()


async def test_what_a_reader_leaves_wakes_who_waits() -> None:
    async with told() as readiness, trio.open_nursery() as nursery:
        transport, theirs = connected(readiness)
        reader = Taking(transport, limit=4)
        nursery.start_soon(transport.wait_readable)
        await settled()
        theirs.send(b"abcdef")
        await settled()
        assert not nursery.child_tasks
        assert (reader.taken, transport.receive_nowait(10)) == (b"abcd", b"ef")
        transport.close()
        theirs.close()


async def test_what_a_reader_raises_is_raised_where_the_task_waits() -> None:
    async with told() as readiness:
        transport, theirs = connected(readiness)
        other, others_end = connected(readiness)
        transport.reader = Failing(transport)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_fail, transport)
            await settled()
            theirs.send(b"x")
        others_end.send(b"y")
        assert await receive_some(other, 10) == b"y"  # it is the end of nothing else
        for one in (transport, theirs, other, others_end):
            one.close()


async def test_who_is_closed_by_the_reader_of_another_is_told_nothing_more() -> None:
    """Both are told in the same moment, and the descriptor of the one that is closed is somebody else's at once."""
    async with told() as readiness, trio.open_nursery() as nursery:
        pairs = [connected(readiness) for _ in range(2)]
        taken: list[int] = []
        strangers: list[tuple[SocketTransport, socket.socket]] = []

        class Closing:
            def __init__(self, number: int) -> None:
                self.number = number

            def take(self) -> bool:
                taken.append(self.number)
                other = pairs[1 - self.number][0]
                descriptor = other.descriptor
                other.close()
                strangers.append(connected(readiness))
                assert descriptor in (strangers[0][0].descriptor, strangers[0][1].fileno())
                return False

        async def wait(transport: SocketTransport) -> None:
            with suppress(trio.ClosedResourceError):
                await transport.wait_readable()

        for number, (transport, _) in enumerate(pairs):
            transport.reader = Closing(number)
            nursery.start_soon(wait, transport)
        await settled()
        for _, theirs in pairs:
            theirs.send(b"x")
        await settled()
        assert len(taken) == 1
        assert not nursery.child_tasks
        stranger, strangers_end = strangers[0]
        strangers_end.send(b"for the stranger")
        assert await receive_some(stranger, 100) == b"for the stranger"
    for transport, theirs in (*pairs, *strangers):
        transport.close()
        theirs.close()


async def test_a_bug_in_telling_one_connection_is_logged_and_hurts_no_other() -> None:
    class Broken:
        def become_readable(self, events: int) -> None:
            raise ZeroDivisionError

    async with told() as readiness:
        ours, theirs = tcp_pair()
        readiness.register(ours.fileno(), Broken())
        transport, other = connected(readiness)
        with capture_logs() as logged:
            theirs.send(b"x")
            other.send(b"y")
            assert await receive_some(transport, 10) == b"y"
        assert [entry["event"] for entry in logged] == ["a connection could not be told that something has come"]
        for one in (ours, theirs, transport, other):
            one.close()


async def test_what_a_reader_raises_that_nobody_waits_for_any_more_is_logged() -> None:
    async with told() as readiness, trio.open_nursery() as nursery:
        transport, theirs = connected(readiness)

        class Ending(Failing):
            def take(self) -> bool:
                nursery.cancel_scope.cancel()
                return super().take()

        transport.reader = Ending(transport)
        nursery.start_soon(transport.wait_readable)
        await settled()
        with capture_logs() as logged, trio.CancelScope(shield=True):
            theirs.send(b"x")
            await settled()
        assert len(logged) == 1
    transport.close()
    theirs.close()


async def test_nobody_is_registered_where_the_server_has_ended() -> None:
    async with told() as readiness:
        pass
    transport, theirs = connected(readiness)
    with pytest.raises(trio.ClosedResourceError):
        await transport.wait_readable()
    await transport.linger()
    transport.close()
    theirs.close()


class Fickle:
    """A reader that takes some of what it is offered, and leaves the rest to the task."""

    def __init__(self, transport: SocketTransport, chance: random.Random) -> None:
        self.transport, self.chance = transport, chance
        self.taken: list[bytes] = []
        transport.reader = self

    def take(self) -> bool:
        if self.chance.random() < 0.3:
            return False
        with suppress(trio.WouldBlock):
            self.taken.append(self.transport.receive_nowait(self.chance.randrange(1, 20)))
        return self.chance.random() < 0.7


@pytest.mark.parametrize("seed", range(5))
async def test_all_bytes_of_many_connections_come_in_order_whoever_takes_them(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    async with told() as readiness, trio.open_nursery() as nursery:
        sent: dict[int, bytes] = {}
        came: dict[int, bytes] = {}

        async def take_all(number: int, transport: SocketTransport) -> None:
            reader = Fickle(transport, chance) if chance.random() < 0.7 else None
            pieces = reader.taken if reader is not None else []
            while not pieces or pieces[-1]:
                await transport.wait_readable()
                with suppress(trio.WouldBlock):
                    pieces.append(transport.receive_nowait(chance.randrange(1, 20)))
            came[number] = b"".join(pieces)
            transport.close()

        async def send_all(number: int, theirs: socket.socket) -> None:
            for _ in range(chance.randrange(20)):
                piece = chance.randbytes(chance.randrange(1, 60))
                sent[number] = sent.get(number, b"") + piece
                theirs.send(piece)
                for _ in range(chance.randrange(4)):
                    await trio.lowlevel.checkpoint()
            theirs.close()

        for number in range(EVENTS_MAX + 20):
            transport, theirs = connected(readiness)
            sent[number] = b""
            nursery.start_soon(take_all, number, transport)
            nursery.start_soon(send_all, number, theirs)
    assert came == sent
