"""What nodes tell each other of guests by signs: what one of them has chosen, if another node asks. Never knows what is made of it."""

from chat_server.journal.signs import BlocksAsked, GuestAsked, GuestTold, ReactionAsked, ReactionTakenBack, ReactionTold
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.directory import Directory
from chat_server.rooms.guests_elsewhere import person_here
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room
from chat_server.rooms.who_may_write import choice_of


def hear_of_guest(
    directory: Directory[Room, Person[Occupant]],
    node: int,
    sign: GuestAsked | GuestTold | ReactionAsked | ReactionTold | ReactionTakenBack | BlocksAsked,
) -> None:
    """Another node asks, and is answered if the guest is here; or it answers. Whom somebody has blocked is not told by a sign, which may be lost."""
    if isinstance(sign, BlocksAsked):
        blocker = directory.identified(sign.person) or directory.guest_blocks.who_left(sign.person)
        if blocker is not None and directory.others is not None:
            directory.others.tell_blocks(sign.person, directory.guest_blocks.of(blocker))
        return
    if isinstance(sign, ReactionAsked):
        nick = directory.guest_reactions.of(sign.person).get((sign.room, sign.of, sign.sign), "")
        if nick and directory.nodes is not None:
            directory.nodes.signs.tell(ReactionTold(node, sign.number, nick))
        return
    if isinstance(sign, ReactionTakenBack):
        directory.guest_reactions.taken_back(
            sign.person, directory.identified(sign.person), (sign.room, sign.of, sign.sign)
        )
        return
    if isinstance(sign, GuestTold | ReactionTold):
        conversations_of(directory).elsewhere.heard(sign)
        return
    person = person_here(directory, sign.person)
    if person is not None and directory.nodes is not None:
        directory.nodes.signs.tell(GuestTold(node, sign.number, choice_of(person.choices)))
