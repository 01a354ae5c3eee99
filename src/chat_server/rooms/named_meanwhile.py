"""Where somebody was named while they were not there, as far as they are told of it: where they may read it, and not by whom they have blocked.

Never knows how that is kept (journal/mentions.py), nor who asks.
"""

from collections.abc import Iterable

from chat_server.journal.mentions import Mention
from chat_server.protocol.people_events import MentionsWaiting
from chat_server.rooms.directory import Directory
from chat_server.rooms.known_rooms import known_in
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room


def told_to(
    session: Occupant, mentions: Iterable[Mention], directory: Directory[Room, Person[Occupant]]
) -> list[Mention]:
    """Those of somebody's mentions of which they are told."""
    shown: list[Mention] = []
    for one in mentions:
        room = known_in(directory, session, one.room)
        if room is not None and one.seq >= room.reads_from(session) and one.by not in session.person.blocks.accounts:
            shown.append(one)
    return shown


def waiting(mentions: Iterable[Mention]) -> MentionsWaiting | None:
    """How many of these they have not seen, and where; None: they have seen all."""
    rooms: dict[str, list[int]] = {}
    for one in mentions:
        if not one.is_read:
            rooms.setdefault(one.room, []).append(one.seq)
    return MentionsWaiting(tuple((room, len(seqs), min(seqs)) for room, seqs in rooms.items())) if rooms else None
