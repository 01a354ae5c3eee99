import socket

import pytest
import trio

from chat_server.sessions.transport import SocketTransport


async def test_what_has_come_is_taken_without_waiting_as_much_as_is_asked_for() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    transport = SocketTransport(ours)
    with pytest.raises(trio.WouldBlock):
        transport.receive_nowait(100)
    theirs.send(b"first and more")
    assert transport.receive_nowait(5) == b"first"
    with trio.fail_after(10):
        assert await transport.receive_some(4) == b" and"
        assert await transport.receive_some(100) == b" more"
    theirs.close()
    assert transport.receive_nowait(100) == b""
    transport.close()
    with pytest.raises(trio.BrokenResourceError):
        transport.receive_nowait(100)
