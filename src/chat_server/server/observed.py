"""What is looked at when somebody fetches metrics: the objects of a running server, and what takes a walk through all of its sessions.

The walk gives way, so that who has thousands of callers keeps none of them waiting. Never knows what the metrics are called.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import product
from typing import Any, cast

import trio

from chat_server.journal.engines import Store
from chat_server.rooms.chat_room import ChatRoom, waiting_in
from chat_server.rooms.directory import Directory
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room
from chat_server.server.beside import Beside
from chat_server.server.handshakes import Handshakes
from chat_server.server.tally import Tally
from chat_server.sessions.memory_budget import Budget
from chat_server.sessions.session import ChatSession, lines_waiting_for, waiting_for

COUNTED_MAX = 16 * 2**20
"""Bytes that wait in which lines are counted, some milliseconds; they tell how many there are in all."""

SESSIONS_AT_ONCE = 100
"""Sessions looked at before others have their turn: 0.2 ms."""


@dataclass
class Seen:
    """What a walk through the sessions has found."""

    sessions: Counter[tuple[str, ...]] = field(
        default_factory=lambda: Counter(dict.fromkeys(product(("text", "json"), ("yes", "no")), 0))
    )
    """By door, and whether by TLS."""
    people: Counter[tuple[str, ...]] = field(default_factory=lambda: Counter({("account",): 0, ("guest",): 0}))
    """By what they are."""
    devices: int = 0
    waiting_readers: int = 0
    waiting_lines: float = 0
    """Lines that wait for these; where very much waits, as many as there would be if all of it were as that which was counted."""
    inbox_entries: int = 0
    """Entries that wait in the inbox of that room where most do."""


@dataclass
class Observed:
    """A server, with what its process has beside it."""

    directory: Directory[Room, Person[Occupant]]
    store: Store
    sessions: Collection[ChatSession[Any]]
    budget: Budget
    handshakes: Handshakes
    connections: int
    """Callers, those too who have not begun a session yet."""
    tally: Tally
    beside: Beside
    seen: Seen = field(default_factory=Seen)

    async def look(self) -> None:
        """Walk through the sessions that there are."""
        seen = self.seen = Seen()
        counted = waiting = 0  # bytes
        people: set[Person[Occupant]] = set()
        devices: set[tuple[int, int]] = set()
        for number, session in enumerate(list(self.sessions), 1):
            occupant = cast(Occupant, session)  # every kind of session is one
            door = "text" if occupant.has_terminal else "json"
            seen.sessions[door, "yes" if session.caller.origin.is_encrypted else "no"] += 1
            person = session.person
            if session.nick:
                people.add(person)
            if session.proof.device:
                devices.add((person.account, session.proof.device))
            if size := waiting_for(session):
                seen.waiting_readers += 1
                waiting += size
                if counted < COUNTED_MAX:
                    counted += size
                    seen.waiting_lines += lines_waiting_for(session)
                    await trio.lowlevel.checkpoint()
            if number % SESSIONS_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
        if counted:
            seen.waiting_lines *= waiting / counted
        seen.inbox_entries = max((waiting_in(cast(ChatRoom, room)) for room in self.directory.rooms), default=0)
        seen.devices = len(devices)
        seen.people.update(("account" if person.account else "guest",) for person in people)
