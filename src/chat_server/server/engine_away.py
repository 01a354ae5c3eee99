"""Telling people that what they say in rooms and to one another waits, while the engine of several nodes does not answer.

Never knows how anything is stored.
"""

from collections.abc import Collection
from typing import Any, cast
from weakref import WeakSet

import trio

from chat_server.guard import Guard
from chat_server.journal.nodes import Nodes
from chat_server.logs import log
from chat_server.protocol.events import Event
from chat_server.protocol.room_events import StoringGoesOn, StoringWaits
from chat_server.rooms.room import Occupant
from chat_server.sessions.session import ChatSession

LOOK_SECONDS = 0.25
"""Seconds between two looks whether the engine answers, where it may be that it does not. A look wakes a server that has nothing else to do."""

TOLD_AT_ONCE = 50
"""Sessions that are told before others have their turn: a millisecond."""


async def tell_of_engine(nodes: Nodes, sessions: Collection[ChatSession[Any]], writers: Collection[Occupant]) -> None:
    """Tell whoever is in a room, or writes to somebody, once that the engine is away, and once that it is back, until cancelled."""
    told: WeakSet[Occupant] = WeakSet()
    is_away = False
    while True:
        may_be_away_in = 0.0 if is_away else nodes.life.may_be_away_at - trio.current_time()
        await trio.sleep(max(LOOK_SECONDS, may_be_away_in))
        if nodes.life.is_engine_away and not is_away:
            is_away = True
            log.warning("the engine of the journal does not answer: what is said waits")
            told.update(cast(Occupant, session) for session in sessions if session.rooms)  # every kind is one
            await _tell(told, StoringWaits())
        if nodes.life.is_engine_away and (new := [session for session in writers if session not in told]):
            told.update(new)
            await _tell(new, StoringWaits())
        elif is_away and not nodes.life.is_engine_away:
            is_away = False
            log.info("the engine of the journal answers again")
            await _tell(told, StoringGoesOn())
            told.clear()


async def _tell(sessions: Collection[Occupant], event: Event) -> None:
    guard = Guard("somebody could not be told of the engine")
    for number, session in enumerate([*sessions], 1):
        guard.attempt(session.send_unasked, event)
        if not number % TOLD_AT_ONCE:
            await trio.lowlevel.checkpoint()
