"""Conversations as places: which one somebody means by `@NAME`, and how one goes into it.

Who has the name is looked for at this node, and where that is asked for at all. Never knows what is written.
"""

from collections.abc import Callable
from contextlib import suppress

from chat_server.commands.acting import NoSuchPerson
from chat_server.commands.begun import refusal_to_enter
from chat_server.commands.letting_in import readable
from chat_server.journal import JournalError
from chat_server.journal.conversations import MARK
from chat_server.protocol.events import Refused
from chat_server.protocol.typed import shortened
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.direct import Direct
from chat_server.rooms.peers import Peer
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room

LOOKING_TOKENS = 1.0
"""Lines for which it counts that the engine is asked whether somebody of a name is at another node."""


def names_somebody(room: str) -> bool:
    """Whether a room of this name is a conversation with somebody, as people and programs call it."""
    return room.startswith(MARK)


def nobody_named(room: str) -> Refused:
    """That there is nobody with whom this could be."""
    return NoSuchPerson(details={"nick": shortened(room[len(MARK) :])})


def conversation_named(place: Room, session: Occupant, room: str) -> Direct | None:
    """The conversation that is called so, if that is somebody to whom the session may write."""
    peer = conversations_of(place.directory).peer(room[len(MARK) :])
    return (
        direct_place(place, session, peer) if peer is not None and session.nick and not session.proof.is_bot else None
    )


async def with_peer_anywhere(
    place: Room, session: Occupant, nick: str, then: Callable[[Peer | None], MaybeAwaitable]
) -> None:
    """Do something with who is called so, whom the engine knows as a guest at another node; None: nobody is."""
    session.owe(LOOKING_TOKENS)
    peer = await readable(conversations_of(place.directory).peer_anywhere(nick))
    if isinstance(peer, Refused):
        session.send(peer)
    elif (pause := then(peer)) is not None:
        await pause


async def conversation_anywhere(place: Room, session: Occupant, room: str) -> Direct | None:
    """The same as `conversation_named`, where somebody may be a guest at another node to whom nobody has written from here."""
    known = conversation_named(place, session, room)
    if known is not None or place.directory.nodes is None:
        return known
    session.owe(LOOKING_TOKENS)
    with suppress(JournalError):
        peer = await conversations_of(place.directory).peer_anywhere(room[len(MARK) :])
        return None if peer is None or session.proof.is_bot else direct_place(place, session, peer)
    return None


def direct_place(place: Room, session: Occupant, peer: Peer) -> Direct:
    """The conversation with somebody, as a place."""
    hall = getattr(place, "hall", place)
    return Direct(conversations_of(place.directory), session.person, peer, hall)


async def enter_direct(session: Occupant, direct: Direct) -> bool:
    """Go into a conversation; a program is told how far it is, for it hears it anyway. Returns whether there is anything in it."""
    if direct.is_with_oneself:
        session.send(Refused("dm-self"))
        return False
    try:
        await direct.opened()
    except JournalError:
        session.send(Refused("cannot-read"))
        return False
    if session.has_terminal:
        await session.enter(direct)
    else:
        session.send(direct.entered())
    return direct.conversation is not None


async def enter_begun(session: Occupant, direct: Direct) -> None:
    """Go into a conversation, where there is one or it may be begun."""
    if direct.is_with_oneself:
        session.send(Refused("dm-self"))
        return
    try:
        await direct.opened()
        refusal = await refusal_to_enter(direct, session)
    except JournalError:
        refusal = Refused("cannot-read")
    if refusal is not None:
        session.send(refusal)
        return
    await enter_direct(session, direct)
