"""What a server does because it is one of several nodes, beside what it does anyway: one task for all of it. Never knows how any of it is done."""

from collections.abc import Collection
from typing import Any

import trio

from chat_server.journal.nodes import Nodes
from chat_server.rooms.directory import Directory
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room
from chat_server.server.address_counts import AddressCounts
from chat_server.server.ending import Ending
from chat_server.server.engine_away import tell_of_engine
from chat_server.server.shared_limits import share_limits
from chat_server.sessions.session import ChatSession


async def be_among_nodes(
    nodes: Nodes,
    ending: Ending,
    sessions: Collection[ChatSession[Any]],
    directory: Directory[Room, Person[Occupant]],
    counts: AddressCounts,
) -> None:
    """Until cancelled: end when the others have given this node up, tell people when the engine is away, share names and limits."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ending.watch, nodes)
        nursery.start_soon(tell_of_engine, nodes, sessions)
        nursery.start_soon(share_limits, nodes, counts, directory)
        if directory.others is not None:
            nursery.start_soon(directory.others.run)
