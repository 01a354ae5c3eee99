"""The links between servers, the engine and callers do what a network may do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest
import trio

from cluster.links import Link, linked

SOON = 0.2
"""Seconds in which what is let through has come, however slow the machine is when nothing waits for it to."""


async def _echo(stream: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError):
        async for data in stream:
            await stream.send_all(data)


@asynccontextmanager
async def to_an_echo() -> AsyncIterator[Link]:
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, _echo, [listener])
        port = listener.socket.getsockname()[1]
        async with linked(partial(trio.open_tcp_stream, "127.0.0.1", port)) as link:
            yield link
        nursery.cancel_scope.cancel()


async def call(link: Link) -> trio.SocketStream:
    return await trio.open_tcp_stream("127.0.0.1", link.port)


async def said_back(stream: trio.SocketStream, text: bytes) -> bytes:
    await stream.send_all(text)
    return await stream.receive_some()


async def assert_nothing_comes(stream: trio.SocketStream) -> None:
    with trio.move_on_after(SOON) as waited:
        await stream.receive_some()
    assert waited.cancelled_caught


async def assert_ends(stream: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError):
        assert await stream.receive_some() == b""


async def test_a_link_passes_everything_on_both_ways() -> None:
    async with to_an_echo() as link, await call(link) as ann, await call(link) as bob:
        assert await said_back(ann, b"hello") == b"hello"
        assert await said_back(bob, b"hi") == b"hi"


async def test_a_cut_ends_what_is_connected_and_lets_nobody_in_until_it_is_mended() -> None:
    async with to_an_echo() as link, await call(link) as ann:
        assert await said_back(ann, b"hello") == b"hello"
        link.cut()
        await assert_ends(ann)
        async with await call(link) as again:
            await assert_ends(again)
        link.mend()
        async with await call(link) as again:
            assert await said_back(again, b"hello") == b"hello"


async def test_a_black_hole_tells_nobody_and_gives_back_what_it_has_swallowed() -> None:
    async with to_an_echo() as link, await call(link) as ann:
        assert await said_back(ann, b"hello") == b"hello"
        link.black_hole()
        async with await call(link) as bob:
            for stream in (ann, bob):
                await stream.send_all(b"anybody?")
                await assert_nothing_comes(stream)
            link.mend()
            assert [await ann.receive_some(), await bob.receive_some()] == [b"anybody?"] * 2


async def test_a_delay_holds_everything_up_each_way() -> None:
    async with to_an_echo() as link, await call(link) as ann:
        link.delay = 0.05
        began = trio.current_time()
        assert await said_back(ann, b"hello") == b"hello"
        assert trio.current_time() - began >= 0.1


@pytest.mark.parametrize("is_muted", [False, True])
async def test_those_who_listen_can_be_dropped_or_muted_and_the_others_go_on(*, is_muted: bool) -> None:
    async with to_an_echo() as link, await call(link) as listener, await call(link) as other:
        assert await said_back(listener, b"Q\0\0\0\x10LISTEN chat\0")
        assert await said_back(other, b"SELECT 1")
        if is_muted:
            link.mute_listeners()
            await listener.send_all(b"x")
            await assert_nothing_comes(listener)
        else:
            assert link.drop(only_listeners=True) == 1
            await assert_ends(listener)
        assert await said_back(other, b"SELECT 2") == b"SELECT 2"
