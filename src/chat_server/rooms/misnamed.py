"""Who is called otherwise in a room of several nodes than at this node, where the room is to be told, or this node has not heard of it yet.

The engine knows which of somebody's names is the newest, and nothing else does: what is told of names comes late where a node cannot reach it. Never
knows when a room asks, nor what it tells.
"""

from contextlib import suppress

import trio

from chat_server.journal import JournalError
from chat_server.journal.happened import PersonId
from chat_server.journal.nodes import Nodes
from chat_server.protocol.names import name_key
from chat_server.rooms.batch import InboxEntry, Renaming
from chat_server.rooms.other_nodes import OtherNodes
from chat_server.rooms.person import Person, person_id
from chat_server.rooms.room import Occupant
from chat_server.rooms.shared_members import SharedMembers

ASKED_SECONDS = 1.0
"""Seconds for which a room waits for the engine to say which name of somebody's is the newest."""


async def names_to_tell(
    members: SharedMembers, nodes: Nodes, others: OtherNodes[Person[Occupant]] | None
) -> list[InboxEntry]:
    """The names by which those are to be called who are misnamed.

    Who has a newer one elsewhere is noted; they still are misnamed, as is of whom that is not known.
    """
    told: list[InboxEntry] = []
    for session in members.take_misnamed():
        nick, who, newest = session.nick, person_id(session.person, members.node), ""
        with suppress(JournalError), trio.move_on_after(ASKED_SECONDS):
            newest = await newest_name(nodes, nick, who)
        if newest == nick == session.nick:
            told.append((session, nick, Renaming(trio.Event()), ()))
            continue
        members.misnamed.add(session.person)
        if newest and others is not None:
            others.note_newer_name(who)
    return told


async def newest_name(nodes: Nodes, nick: str, who: PersonId) -> str:
    """Which of their names somebody who has this one was given last, at whatever node. Raises JournalError."""
    names = [one.nick for one in await nodes.whereabouts(name_key(nick)) if one.person == who]
    return names[-1] if names else nick
