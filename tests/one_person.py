"""What tests of one person by several sessions have in common: whoever is at two desks, and what is told of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import trio

from chat_server.journal import PendingAppend
from chat_server.journal.keys import SenderKey
from chat_server.journal.memory import MemoryJournal
from chat_server.protocol.entries import Entry
from chat_server.rooms.chat_room import ChatRoom
from fakes import Later
from streams import House, Program

TOKEN = "a-token-of-twenty-two-characters"  # noqa: S105 - nobody owns it
VISITS = ("joined", "left", "renamed")


async def ann_at_two_desks(house: House, *rooms: str) -> tuple[Program, Program]:
    """Ann by two sessions: one in these rooms, and one that has been added and is in none."""
    desk, phone = house.connect(), house.connect()
    await desk.enter("ann", *rooms, token=TOKEN)
    await phone.enter("ann", token=TOKEN, session="add")
    return desk, phone


async def heard(program: Program) -> list[dict[str, Any]]:
    """All that a program has been told, and is told within a second."""
    events = []
    with trio.move_on_after(1):
        while True:
            events.append(await program.read())
    return [event for event in events if event["is"] != "are-you-there"]


def visits(events: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Who came, went or took another name, by what one was told."""
    told: list[tuple[str, ...]] = []
    for event in events:
        if event["is"] == "renamed":
            told.append(("renamed", event["room"], event["old"], event["new"]))
        elif event["is"] in VISITS:
            told += [(event["is"], event["room"], nick) for nick in event["nicks"]]
    return told


def room_of(house: House, name: str) -> ChatRoom:
    room = house.server.hall.directory.room(name)
    assert isinstance(room, ChatRoom)
    return room


class SlowJournal(MemoryJournal):
    """A journal whose disk stands still for one room."""

    def __init__(self) -> None:
        super().__init__()
        self.slow_room = ""
        self.moves = trio.Event()

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> PendingAppend:
        pending = super().append(lines, keys)
        return Later(pending, self.moves.wait) if lines[0].room == self.slow_room else pending
