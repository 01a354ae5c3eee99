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
from chat_server.rooms.directory import Directory
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room
from chat_server.server.beside import Beside
from chat_server.server.handshakes import Handshakes
from chat_server.sessions.memory_budget import Budget
from chat_server.sessions.session import ChatSession, waiting_for

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
    beside: Beside
    seen: Seen = field(default_factory=Seen)

    async def look(self) -> None:
        """Walk through the sessions that there are."""
        seen = self.seen = Seen()
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
            seen.waiting_readers += waiting_for(session) > 0
            if number % SESSIONS_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
        seen.devices = len(devices)
        seen.people.update(("account" if person.account else "guest",) for person in people)
