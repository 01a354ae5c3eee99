import socket

import pytest
import trio

from chat_server.sessions.transport import SocketTransport


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_what_was_put_back_is_received_once_more_and_before_all_others(limit: int) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    transport = SocketTransport(ours)
    theirs.send(b"first and more")
    looked_at = await transport.receive_some(5)
    transport.put_back(looked_at[3:])
    transport.put_back(looked_at[:3])
    received = b""
    with trio.fail_after(10):
        while len(received) < len(b"first and more"):
            piece = await transport.receive_some(limit)
            assert len(piece) <= limit
            received += piece
    assert received == b"first and more"
    theirs.close()
    with trio.fail_after(10):
        assert await transport.receive_some(limit) == b""
    transport.close()
