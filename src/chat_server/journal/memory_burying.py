"""What becomes of what is kept by the engine `memory` when a node is none any more, and who was at it is nowhere; and how nodes are woken for that.

So of conversations with guests: each is there while both of the two have names at some node. Never knows why a node is given up.
"""

import time
from collections.abc import Iterable

from chat_server.journal.happened import RoomDeleted
from chat_server.journal.kept_in_memory import Kept, KeptRoom, KeptTurn
from chat_server.journal.memory_archive import MemoryRooms
from chat_server.journal.nodes import Placed, Turn, Went

SILENCE_SECONDS = 10.0
"""Seconds for which nothing was heard of a node when it is given up."""


def turn_of(room: KeptRoom, kept: KeptTurn) -> Turn:
    """A turn with its lines as they stand now."""
    start = kept.first - room.first
    return Turn(kept.number, kept.node, room.lines[max(0, start) : max(0, start + kept.length)], kept.movements)


def wake_all(kept: Kept, *rooms: str) -> None:
    """Wake every node for what has just happened in these rooms."""
    for name in rooms:
        room = kept.rooms[name]
        for node in [*kept.nodes.alive.values()]:
            node.wake(name, turn_of(room, room.turns[-1]))


def bury(kept: Kept, node: int) -> None:
    """Give a node up: nothing that it has is stored any more, and its people are nowhere any more, by one turn in each room."""
    if kept.nodes.alive.pop(node, None) is None and kept.nodes.gone.pop(node, None) is None:
        return
    for other in [*kept.nodes.alive.values()][:1]:
        other.life.note_buried()
    kept.nodes.to_make_up[node] = time.time() - SILENCE_SECONDS
    kept.nodes.names.forget(node)
    for one in [one for one in kept.nodes.lines_asked if one[0] == node]:
        del kept.nodes.lines_asked[one]
    end_passed(kept)
    for name, room in kept.rooms.items():
        people = [one for one in room.people.values() if one.node == node]
        if people:
            room.add_turn(0, node, _departures((one.person, one.device) for one in people))
            wake_all(kept, name)


def _departures(people: Iterable[tuple[str, int]]) -> list[Placed]:
    return [Placed(0, Went(person, device, has_read=False)) for person, device in people]


def end_passed(kept: Kept) -> None:
    """Delete each of which one of the two is nowhere, and tell all nodes of that."""
    for name, room in [*kept.rooms.items()]:
        if not kept.nodes.names.may_converse(room.parties):
            MemoryRooms(kept).delete_room(name)
            kept.nodes.changes.add(RoomDeleted(0, name))
