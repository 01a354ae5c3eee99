"""chat-tui line by line without a server: told what a server says, and what it writes and asks."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from callers import newcomer
from chat_server.protocol import events
from chat_tui.client.client import Client
from chat_tui.client.connection import Connection
from chat_tui.client.local_store import LocalStore
from chat_tui.client.plain_program import PlainProgram
from processes import TIMEOUT
from stories import FakeConnection, welcome


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
