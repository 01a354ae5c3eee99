"""A whole server with accounts on virtual time, and who registers and comes back there."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio

import canary
from captured_logs import capture_logs
from chat_server.config import AccountsTable, Config
from chat_server.journal import PendingAppend, Receipt
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.entries import Entry
from streams import House, Program, open_house

CANARY = canary.PASSWORD
HERE = "127.0.0.1"


@asynccontextmanager
async def house_without_leaks(journal: MemoryJournal | None = None, **accounts: Any) -> AsyncIterator[House]:
    """A server with these settings of accounts; whatever it logs, no secret is in it."""
    journal = journal or MemoryJournal()
    with capture_logs() as logged:
        async with open_house(Config(accounts=AccountsTable(**accounts)), journal) as house:
            yield house
    assert CANARY not in repr(logged)
    assert CANARY not in repr(journal._kept)


async def register(house: House, nick: str = "ann", **fields: Any) -> dict[str, Any]:
    """Register by a program that goes again; return the answer."""
    program = house.connect(HERE)
    await program.ask("register", nick=nick, password=CANARY, **fields)
    answer = await program.read()
    await program.log_out()
    return answer


async def told(program: Program, do: str, /, **fields: Any) -> dict[str, Any]:
    """The answer to a request."""
    await program.ask(do, ref=4711, **fields)
    while (event := await program.read()).get("ref") != 4711:
        pass
    return event


async def holder(house: House, nick: str = "ann", **login: Any) -> Program:
    """Somebody with an account, by a program."""
    program = house.connect(HERE)
    answer = await told(program, "login", nick=nick, **(login or {"password": CANARY}))
    assert answer["is"] == "logged-in", answer
    return program


async def at_three_devices(house: House) -> list[Program]:
    await register(house)
    programs = [await holder(house) for _ in range(3)]
    for program in programs:
        await told(program, "join", room="python")
    return programs


class LateAppend:
    """Lines that are stored a second later."""

    def __init__(self, store: Callable[[], PendingAppend]) -> None:
        self._store = store

    async def stored(self) -> Receipt:
        await trio.sleep(1)
        return await self._store().stored()


class SlowJournal(MemoryJournal):
    """A journal whose disk takes a second for every batch."""

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> PendingAppend:
        return LateAppend(partial(super().append, lines, keys))
