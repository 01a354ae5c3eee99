"""Who is called otherwise in a room of several nodes than at this node, where the room is to be told, or this node has not heard of it yet.

The engine knows which of somebody's names is the newest, and nothing else does: what is told of names comes late where a node cannot reach it. Never
knows when a room asks, nor what it tells.
"""

from contextlib import suppress

import trio

from chat_server.journal import JournalError
from chat_server.journal.nodes import Nodes
from chat_server.protocol.names import name_key
from chat_server.rooms.batch import InboxEntry, Renaming
from chat_server.rooms.person import person_id
from chat_server.rooms.shared_members import SharedMembers

ASKED_SECONDS = 1.0
"""Seconds for which a room waits for the engine to say which name of somebody's is the newest."""


async def names_to_tell(members: SharedMembers, nodes: Nodes) -> list[InboxEntry]:
    """The names by which those are to be called who are misnamed. Who has a newer one elsewhere, or of whom that is not known, still is misnamed."""
    told: list[InboxEntry] = []
    for session in members.take_misnamed():
        nick, is_newest = session.nick, False
        with suppress(JournalError), trio.move_on_after(ASKED_SECONDS):
            who = person_id(session.person, members.node)
            names = [one.nick for one in await nodes.whereabouts(name_key(nick)) if one.person == who]
            is_newest = not names or names[-1] == nick
        if is_newest and session.nick == nick:
            told.append((session, nick, Renaming(trio.Event()), ()))
        else:
            members.misnamed.add(session.person)
    return told
