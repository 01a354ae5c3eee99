"""What a server does because it is one of several nodes, beside what it does anyway: one task for all of it. Never knows how any of it is done."""

from collections.abc import Collection
from typing import Any

import trio

from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.guest_blocks import keep_level
from chat_server.rooms.other_nodes import OtherNodes
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant
from chat_server.server.changes_elsewhere import ChangesElsewhere
from chat_server.server.ending import Ending
from chat_server.server.engine_away import tell_of_engine
from chat_server.server.shared_limits import Shared, share_limits
from chat_server.sessions.session import ChatSession


async def be_among_nodes(
    others: OtherNodes[Person[Occupant]],
    changes: ChangesElsewhere,
    ending: Ending,
    sessions: Collection[ChatSession[Any]],
    shared: Shared,
) -> None:
    """Until cancelled: end when this node is given up, tell people when the engine is away, share names and limits, do what others have done."""
    nodes = others.nodes
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ending.watch, nodes)
        nursery.start_soon(tell_of_engine, nodes, sessions, conversations_of(changes.directory).sending.writers)
        nursery.start_soon(share_limits, nodes, shared, changes.directory)
        nursery.start_soon(others.run)
        nursery.start_soon(changes.run)
        nursery.start_soon(keep_level, changes.directory.guest_blocks, nodes)
