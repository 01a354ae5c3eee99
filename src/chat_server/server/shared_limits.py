"""The limits that count over all nodes, where several are one server: what each tells the others of its callers, and hears of theirs, by signs.

Never knows how a limit is decided, nor how signs are carried.
"""

import trio

from chat_server.guard import Guard
from chat_server.journal.nodes import Nodes
from chat_server.journal.signs import AddressesCounted, RoomFounded
from chat_server.logs import log
from chat_server.rooms.directory import Directory
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room
from chat_server.server.address_counts import AddressCounts

TELL_SECONDS = 0.5
"""Seconds between two times at which the others are told what has changed."""


async def share_limits(nodes: Nodes, counts: AddressCounts, directory: Directory[Room, Person[Occupant]]) -> None:
    """Tell and hear what counts, until cancelled."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_tell, nodes, counts)
        nursery.start_soon(_hear, nodes, counts, directory)


async def _tell(nodes: Nodes, counts: AddressCounts) -> None:
    guard = Guard("the other nodes could not be told how many are connected")
    dropped = 0
    while True:
        await trio.sleep(TELL_SECONDS)
        with guard:
            for told in counts.to_tell():
                nodes.signs.tell(AddressesCounted(told))
            if not dropped and nodes.signs.dropped:
                log.warning("some of what nodes tell each other was too much, and is left out")
            dropped = nodes.signs.dropped


async def _hear(nodes: Nodes, counts: AddressCounts, directory: Directory[Room, Person[Occupant]]) -> None:
    guard = Guard("what another node tells could not be taken in")
    async for node, sign in nodes.signs.others:
        with guard:
            match sign:
                case AddressesCounted():
                    counts.heard(node, sign.counts)
                case RoomFounded():
                    directory.note_founded(sign.person, sign.network)
