"""How a conversation begins and ends, at this node or at another; and what its two are told of that, as far as they are here.

Among several nodes one with a guest is there for as long as both have names at some node: the engine sees to that. Never knows who may write to
whom.
"""

from collections.abc import Sequence

from chat_server.accounts import is_account
from chat_server.journal import JournalError, KeptConversation, Party
from chat_server.journal.conversations import MARK, name_of
from chat_server.protocol.conversation_events import ConversationEnded
from chat_server.rooms.conversation import Conversation
from chat_server.rooms.conversations import Conversations
from chat_server.rooms.guests_elsewhere import person_here
from chat_server.rooms.peers import Peer
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, carried_through


async def begin(conversations: Conversations, writer: Person[Occupant], peer: Peer, now: float) -> Conversation | None:
    """Begin the one between somebody and somebody to whom they have not written before; None if one of them has just gone. Raises JournalError."""
    who, directory = conversations.who(writer), conversations.directory
    is_passing, is_among_nodes = not (writer.account and peer.account), directory.nodes is not None
    name = conversations.passing.new_name() if is_passing else name_of((who, peer.who))
    parties = (Party(who, has_accepted=True, began_at=now), Party(peer.who, has_accepted=not peer.account))
    kept: KeptConversation | None = None
    with carried_through():  # else what is kept of one that passes would be ended by nobody
        await directory.journal.conversations.begin(name, parties)
        kept = await directory.journal.conversations.find(name)
    if kept is None and is_passing and is_among_nodes:
        return None
    if kept is None:
        raise JournalError("it has been deleted, or that took too long")
    if conversations.get(name) is not None:
        return conversations.take(kept)
    if peer.is_elsewhere:
        conversations.elsewhere.note(peer.who, peer.nick)
    # What another node has stored in it by now has been shown to nobody here.
    conversation = conversations.open(kept.record, is_new=is_among_nodes)
    if is_passing:
        _note_guests(conversations, conversation, ((who, writer), (peer.who, peer.guest)))
    return conversation


def _note_guests(
    conversations: Conversations, conversation: Conversation, two: Sequence[tuple[str, Person[Occupant] | None]]
) -> None:
    """One of the two is a guest, or both are; they are known by who they were when it was begun."""
    for who, person in two:
        if person is not None and not is_account(who):
            conversations.guests[who] = person
    conversations.tell_passing(conversation)
    if conversations.directory.nodes is not None:  # if one of them has gone meanwhile, the engine has seen that
        return
    for who, person in two:
        if person is not None and not person.sessions:  # they have gone meanwhile
            conversations.end(conversation, who, conversations.name_of(who) or person.nick)
            conversations.guests.pop(who, None)
            break
        if person is not None and person.account and not is_account(who):  # they have registered meanwhile
            deleted(conversations, conversation.name)
            break


def guest_registered(conversations: Conversations, person: Person[Occupant]) -> None:
    """A guest has an account from now on, and has written to nobody by that: what was written to them as a guest, or by them, is deleted.

    Where there are other nodes the engine sees to it.
    """
    if conversations.directory.nodes is None:
        for who in [who for who, guest in conversations.guests.items() if guest is person]:
            for conversation in [*conversations.open_of(who)]:
                deleted(conversations, conversation.name)


# At whatever node.


async def changed(conversations: Conversations, name: str, parties: Sequence[str]) -> None:
    """A conversation was begun at another node, or accepted. Raises JournalError."""
    directory = conversations.directory
    for who in parties:
        await conversations.load(who)  # what somebody is told of who has just come
    if conversations.get(name) is None and all(person_here(directory, who) is None for who in parties):
        return
    kept = await directory.journal.conversations.find(name)
    if kept is None:
        return
    if conversations.get(name) is None:
        await conversations.learn(kept.record.parties)
    known = conversations.get(name)
    if known is not None:
        known.take_parties(kept.record.parties)
        return
    conversation = conversations.open(kept.record, is_new=True)
    if conversation.is_passing:
        conversations.tell_passing(conversation)


def deleted(conversations: Conversations, name: str) -> None:
    """A conversation is no more. Where one of the two was a guest, whoever of them is here is told."""
    conversation = conversations.get(name)
    if conversation is None:
        return
    conversation.is_over = True
    for party in conversation.parties if conversation.is_passing else ():
        room = conversations.room_of(conversation, party.who)
        conversations.tell(party.who, ConversationEnded(room, room.removeprefix(MARK)))
    conversations.close(conversation)
    conversations.forget_guests(conversation.parties)
    conversations.passing.end(name)  # nobody is shown it any more; now it is forgotten


def renamed_elsewhere(conversations: Conversations, who: str, nick: str) -> None:
    """A guest who is at another node has another name."""
    old = conversations.elsewhere.name_of(who)
    if old and old != nick and conversations.person(who) is None:
        conversations.elsewhere.note(who, nick)
        conversations.renamed(who, old, nick)
