"""What somebody is told when they come in of rooms to which they have been invited meanwhile. Never knows how they have come."""

from itertools import islice

from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.room import Occupant, Room

TOLD_MAX = 10
"""Invitations of which somebody is told who comes; /rooms lists all of those rooms."""


def tell_invitations(place: Room, session: Occupant) -> None:
    """Tell somebody who has just come in, and is no bot, to which rooms they are invited."""
    if session.proof.is_bot or not session.person.account:
        return
    account = session.person.account
    invitations = (
        room.invitation_of(session)
        for room in place.directory.rooms
        if isinstance(room, ChatRoom) and account in room.gate.state.invitations
    )
    for event in islice((one for one in invitations if one is not None), TOLD_MAX):
        session.send_unasked(event)
