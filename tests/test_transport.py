import socket
from contextlib import suppress

import pytest
import trio
import trio.testing

from chat_server.sessions.transport import SocketTransport, receive_some


async def test_what_has_come_is_taken_without_waiting_as_much_as_is_asked_for() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    transport = SocketTransport(ours)
    with pytest.raises(trio.WouldBlock):
        transport.receive_nowait(100)
    theirs.send(b"first and more")
    assert transport.receive_nowait(5) == b"first"
    with trio.fail_after(10):
        assert await receive_some(transport, 4) == b" and"
        assert await receive_some(transport, 100) == b" more"
    theirs.close()
    assert transport.receive_nowait(100) == b""
    transport.close()
    with pytest.raises(trio.BrokenResourceError):
        transport.receive_nowait(100)


async def test_what_comes_after_the_last_words_is_thrown_away_until_the_other_side_ends() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    transport = SocketTransport(ours)
    transport.send_nowait(b"goodbye")
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(transport.linger)
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert (theirs.recv(100), theirs.recv(100)) == (b"goodbye", b"")
            theirs.send(b"not yet")
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert nursery.child_tasks
            theirs.close()
    transport.close()


async def test_who_sends_too_much_after_the_last_words_is_waited_for_no_longer() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    transport = SocketTransport(ours)
    sent = 0
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(transport.linger)
            theirs.setblocking(False)
            while nursery.child_tasks:
                with suppress(BlockingIOError):
                    sent += theirs.send(bytes(65536))
                await trio.lowlevel.checkpoint()
    assert sent < 32 * 2**20
    transport.close()
    theirs.close()


async def test_nobody_is_waited_for_who_has_gone() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    transport = SocketTransport(ours)
    theirs.close()
    with trio.fail_after(10):
        await transport.linger()
        transport.close()
        await transport.linger()
