"""Who is named in what is said and does not hear it: whose names are looked for, how much is looked through, what cannot be kept at once."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import trio
from msgspec.structs import replace

from chat_server.accounts import Accounts, Registration, sender_of
from chat_server.accounts.look_alikes import skeleton
from chat_server.accounts.names_index import NamesIndex, Refusal
from chat_server.journal import Journal, JournalError
from chat_server.journal.memory import MemoryJournal
from chat_server.journal.mentions import Mention
from chat_server.protocol.entries import Acted, Entry, Noticed, Said
from chat_server.protocol.room_state import EMPTY
from chat_server.protocol.runs import RunTexts, SaidRun
from chat_server.rooms import calls
from chat_server.rooms.away import AwayAmongNodes
from chat_server.rooms.calls import (
    KNOWN_MAX,
    LINES_A_SECOND,
    LINES_A_SECOND_IN_ALL,
    WAITING_MAX,
    Call,
    Calls,
    RoomCalls,
)
from node_houses import open_nodes
from node_people import accounts
from streams import House, Program, open_house
from test_blocks_among_nodes import account_at
from test_conversing import answer

ANN, BOB = 7, 11


class Gate:
    state = EMPTY


class Past:
    """A room where some have been."""

    def __init__(self, *accounts: int) -> None:
        self.room = "python"
        self.is_read = True
        self.accounts_changed = 0
        self.gate = Gate()
        self.people = [sender_of(account) for account in accounts]

    def line(self, number: int) -> None:
        """No line is remembered."""


class Nobody:
    """Nobody is here."""

    def hears(self, account: int) -> bool:
        return False


class Books:
    """A directory of whom nobody is here."""

    def __init__(self, journal: MemoryJournal) -> None:
        self.journal: Journal = journal
        self.accounts: Accounts = journal.accounts
        self.away = AwayAmongNodes()

    def identified(self, identity: str) -> None:
        return None

    def person(self, nick: str) -> None:
        return None


def names_of(**accounts: int) -> NamesIndex:
    names = NamesIndex()
    for name, account in accounts.items():
        names.put(account, name, name, skeleton(name))
    return names


def said(text: str, seq: int = 1, author: int = BOB) -> Said:
    return Said("python", seq, float(seq), "bob", text, author)


def waiting(found: Calls) -> list[tuple[int, int]]:
    return [(call.account, call.seq) for call in found._waiting]


async def test_whoever_was_there_is_looked_for_and_nobody_else_nor_oneself(autojump_clock: trio.abc.Clock) -> None:
    found = Calls(Books(MemoryJournal()))
    past, names = Past(ANN, BOB), names_of(ann=ANN, bob=BOB, cat=13)
    room = RoomCalls(Nobody(), past, found, names)
    lines: list[Entry] = [
        said("ann, cat and bob"),
        Acted("python", 2, 2.0, "bob", "waves at Ann", BOB),
        said("annabel", 3),
    ]
    room.note([*lines, None, Noticed("python", 4, 4.0, "bob", "ann", BOB)])
    room.note([SaidRun("python", 5, [5.0, 6.0], "eve", RunTexts.of(["nobody", "bob!"]), 0)])
    assert waiting(found) == [(ANN, 1), (ANN, 2), (BOB, 6)]
    past.people.append(sender_of(13))
    past.accounts_changed += 1
    names.take(ANN, "ann", skeleton("ann"))
    names.put(ANN, "anna", "anna", skeleton("anna"))
    await trio.sleep(1)
    room.note([said("anna, ann and cat", 7)])
    assert sorted(waiting(found)[3:]) == [(ANN, 7), (13, 7)]


async def test_only_so_many_names_are_looked_for_and_so_many_lines_looked_through(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = range(1, KNOWN_MAX + 11)
    names = names_of(**{f"n{account}": account for account in many})
    found = Calls(Books(MemoryJournal()))
    room = RoomCalls(Nobody(), Past(*many), found, names)
    room.note([said(f"n1 n11 n{KNOWN_MAX + 10}", author=0)])
    assert sorted(waiting(found)) == [(11, 1), (KNOWN_MAX + 10, 1)], "those who were there last"
    found._waiting.clear()
    room.note([said("n11", seq, 0) for seq in range(2, 2 * LINES_A_SECOND)])
    assert len(waiting(found)) == LINES_A_SECOND - 1
    await trio.sleep(1)
    room.note([said("n11", 1, 0)])
    assert len(waiting(found)) == LINES_A_SECOND
    others = [RoomCalls(Nobody(), Past(*many), found, names) for _ in range(12)]
    await trio.sleep(1)
    put: list[Call] = []
    monkeypatch.setattr(found, "put", put.append)
    for other in others:
        other.note([said("n11", seq, 0) for seq in range(1, LINES_A_SECOND + 1)])
    assert len(put) == LINES_A_SECOND_IN_ALL


async def test_what_cannot_be_kept_is_kept_later_and_of_too_much_the_newest(
    autojump_clock: trio.abc.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = MemoryJournal()
    await journal.create_room("python")
    made = await journal.accounts.register(Registration("ann", skeleton("ann")), time.time())
    assert not isinstance(made, Refusal)
    ann = made.account.id
    found = Calls(Books(journal))
    tries = 0
    add = journal.mentions.add

    async def refuse(mentions: list[Mention]) -> None:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise JournalError("no space left on device")
        await add(mentions)

    monkeypatch.setattr(journal.mentions, "add", refuse)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(found.run)
        for seq in range(WAITING_MAX + 5):
            found.put(Call(ann, "python", seq + 1, float(seq), BOB, "bob", is_here=False))
        await trio.sleep(3 * calls.AGAIN_SECONDS + 2)
        nursery.cancel_scope.cancel()
    assert tries == 4
    kept = await journal.mentions.of(ann)
    assert kept[-1].seq == WAITING_MAX + 5
    assert not found._waiting


async def test_whoever_has_a_role_is_looked_for_however_quickly_the_roles_change(
    autojump_clock: trio.abc.Clock,
) -> None:
    found, past = Calls(Books(MemoryJournal())), Past()
    room = RoomCalls(Nobody(), past, found, names_of(ann=ANN, bob=BOB))
    for number, account in enumerate((ANN, 13) * 50):
        past.gate.state = replace(EMPTY, roles={account: "member"})
        await trio.sleep(1)
        room.note([said("ann", number, BOB)])
        past.gate.state = EMPTY  # the next ones may be where these were
    assert [seq for _, seq in waiting(found)] == [*range(0, 100, 2)]


async def bot_of(owner: Program, house: House) -> Program:
    """A bot in the room python."""
    await owner.ask("code", purpose="bot", name="guard")
    token = (await owner.wait_for("bot-made"))["token"]
    bot = house.connect("127.0.0.99")
    await bot.ask("hello", protocol=2)
    await bot.ask("login", nick="x", token=token)
    await bot.ask("join", room="python")
    await bot.wait_for("entered")
    return bot


@asynccontextmanager
async def houses_of(count: int) -> AsyncIterator[Sequence[House]]:
    """So many nodes; 0: one server without any."""
    if count:
        async with open_nodes(count, config=accounts(), silence_seconds=9999) as houses:
            yield houses
    else:
        async with open_house(config=accounts(), silence_seconds=9999) as house:
            yield [house]


@pytest.mark.usefixtures("wall_clock")
@pytest.mark.parametrize("nodes", [0, 1, 2])
async def test_a_bot_hears_for_nobody_that_they_are_named(nodes: int, autojump_clock: trio.abc.Clock) -> None:
    async with houses_of(nodes) as houses:
        first = cast(Any, houses[0])
        ann, bob = await account_at(first, "ann", 1), await account_at(first, "bob", 2)
        await bot_of(bob, houses[-1])
        journal = houses[0].server._directory.journal
        account = houses[0].server._directory.accounts.names.holder("bob")
        await answer(ann, "say", room="python", text="bob: you hear this", key="1")
        await bob.ask("back", room="python")
        await bob.wait_for("went-back")
        await trio.sleep(5)
        told = await answer(ann, "say", room="python", text="bob: call me", key="2")
        await trio.sleep(5)
        assert [one.seq for one in await journal.mentions.of(account)] == [told["seq"]]


@pytest.mark.usefixtures("wall_clock")
async def test_what_a_bot_was_shown_at_another_node_nobody_has_read(autojump_clock: trio.abc.Clock) -> None:
    async with open_nodes(config=accounts(), silence_seconds=9999) as (a, b):
        ann, bob = await account_at(a, "ann", 1), await account_at(a, "bob", 2)
        await bob.ask("back", room="python")
        await bob.wait_for("went-back")
        bot = await bot_of(bob, b)
        await answer(ann, "say", room="python", text="missed", key="1")
        await bot.ask("back", room="python")
        await bot.wait_for("went-back")
        await trio.sleep(5)
        await bob.ask("join", room="python")
        recalled = await bob.wait_for("recalled")
        assert (recalled["missed"], [line["text"] for line in recalled["lines"]]) == (1, ["missed"])
