"""The conversation in which something is to be written to somebody: found, begun if need be, or why nothing can be written to them.

What is decided is decided by rooms/who_may_write.py; here it is asked for what that needs to know. Never knows what is written.
"""

from chat_server.accounts import Choices
from chat_server.commands.acting import NoSuchPerson
from chat_server.commands.chosen import WHEREVER
from chat_server.journal import JournalError
from chat_server.protocol.conversation_events import RequestAccepted, RequestWaits
from chat_server.protocol.events import Refused
from chat_server.rooms.blocking import Blocks, blocks_of
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.conversation import Conversation, lines_in_room
from chat_server.rooms.conversation_life import begin
from chat_server.rooms.conversations import Conversations, conversations_of
from chat_server.rooms.direct import Direct
from chat_server.rooms.peers import Peer
from chat_server.rooms.presence import Somebody
from chat_server.rooms.room import Occupant, Room
from chat_server.rooms.roster import Known
from chat_server.rooms.unread import Waiting, waiting_in
from chat_server.rooms.who_may_write import (
    SHARED,
    Writer,
    choice_of,
    is_shown,
    refusal_of_more,
    refusal_to_begin,
    refusal_to_go_on,
)

BEGINNING_TOKENS = 5.0
"""Lines for which it counts to begin to write to somebody: who that is, whom one knows, and what else one has begun is asked for."""


async def conversation_with(place: Room, session: Occupant, peer: Peer) -> Conversation | Refused:
    """The conversation with somebody, begun if need be; or why nothing can be written to them. Raises JournalError."""
    conversations, directory, person = conversations_of(place.directory), place.directory, session.person
    who = conversations.who(person)
    if peer.who == who:
        return Refused("dm-self")
    here = conversations.person(peer.who)
    conversation = await conversations.find(who, peer.who)
    choices = await _choices(conversations, peer, is_begun=conversation is not None)
    if isinstance(choices, Refused):
        return choices
    blocks = here.blocks if here is not None else blocks_of(choices)
    waiting = await _waiting_for(conversations, peer.who, blocks)
    if conversation is None:
        session.owe(BEGINNING_TOKENS)
        refusal = await _refusal_to_begin(place, session, peer, choices)
        refusal = refusal or refusal_of_more(peer.nick, waiting.for_one(is_accepted=False))
        if refusal is not None:
            return refusal
        conversation = await begin(conversations, person, peer, directory.authentication.now())
        if conversation is None:
            return NoSuchPerson(details={"nick": peer.nick})
        if not conversation.is_passing:
            session.send_unasked(RequestWaits(peer.room, peer.nick))
    elif not conversation.party(who).has_accepted:  # whoever answers has accepted
        await show_accepted(conversations, conversation, who, session, peer)
    unread, is_accepted = (
        await _unread_by(conversations, conversation, peer.who),
        conversation.party(peer.who).has_accepted,
    )
    refusal = refusal_to_go_on(conversation.parties, who, peer.nick, unread)
    refusal = refusal or refusal_of_more(peer.nick, waiting.for_one(is_accepted=is_accepted))
    if refusal is None and (unread or here is None) and is_shown(blocks, who, person.nick):
        conversations.unread.note(peer.who, is_accepted=is_accepted)
    return refusal or conversation


async def refusal_to_enter(direct: Direct, session: Occupant) -> Refused | None:
    """Why somebody cannot go into a conversation that is `opened`: nothing has been written in it, and they may not begin. Raises JournalError.

    That they are blocked is no reason: of that they notice nothing.
    """
    if direct.conversation is not None:
        return None
    session.owe(BEGINNING_TOKENS)
    choices = await _choices(conversations_of(direct.directory), direct.peer)
    return choices if isinstance(choices, Refused) else await _refusal_to_begin(direct, session, direct.peer, choices)


async def show_accepted(
    conversations: Conversations,
    conversation: Conversation,
    who: str,
    session: Occupant,
    peer: Peer,
    *,
    is_asked: bool = False,
) -> None:
    """Accept somebody, and show what has waited. Raises JournalError."""
    lines = session.person.blocks.on(await conversation.accept(who))
    (session.send if is_asked else session.send_unasked)(RequestAccepted(peer.room, peer.nick))
    conversations.tell(who, *lines_in_room(lines, peer.room))


async def _refusal_to_begin(place: Room, session: Occupant, peer: Peer, choices: Choices) -> Refused | None:
    """Why somebody may not begin to write to somebody who has chosen this. Raises JournalError."""
    conversations, directory, person = conversations_of(place.directory), place.directory, session.person
    who, kept = conversations.who(person), directory.journal.conversations
    now = directory.authentication.now()
    account = await directory.accounts.account(person.account) if person.account else None
    writer = Writer(who, account.made if account is not None else None, await kept.of(who))
    is_here = conversations.person(peer.who) is not None or not peer.account
    if not person.account and not is_here and not await conversations.elsewhere.are_here(peer.who):
        return Refused("dm-accounts", {"nick": peer.nick})
    choice = choice_of(choices)
    have_met = _is_with(place, session, peer)
    if not have_met and peer.account and choice == SHARED:
        have_met = await kept.have_met(who, peer.who)
    return refusal_to_begin(writer, peer.nick, choice, have_met=have_met, now=now)


async def _choices(conversations: Conversations, peer: Peer, *, is_begun: bool = False) -> Choices | Refused:
    """What somebody has chosen; or that they are nobody to whom anything can be written. Raises JournalError.

    Of a guest at another node it is asked there, unless a conversation with them `is_begun`, which lasts while they are.
    """
    here = conversations.person(peer.who) or peer.guest
    if peer.is_elsewhere and not is_begun:
        return await _choices_elsewhere(conversations, peer)
    if here is not None and here.sessions:
        return here.choices
    account = await conversations.directory.accounts.account(peer.account) if peer.account else None
    if account is not None and account.state != "closed":
        return account.choices
    return {} if peer.is_elsewhere else NoSuchPerson(details={"nick": peer.nick})


async def _choices_elsewhere(conversations: Conversations, peer: Peer) -> Choices | Refused:
    if not await conversations.elsewhere.are_here(peer.who):
        return NoSuchPerson(details={"nick": peer.nick})
    told = await conversations.elsewhere.chosen(peer.who)
    if told is None:
        raise JournalError("the node of a guest has not said what they have chosen")
    return {WHEREVER: {"dm": told.writers}}


def _is_with(place: Room, session: Occupant, peer: Peer) -> bool:
    """Whether two are in the same room now, at whatever nodes."""
    rooms = (place.directory.room(name) for name in session.person.rooms)
    others = (somebody for room in rooms if isinstance(room, ChatRoom) for somebody, _ in room.others(session))
    return any(_is(somebody, peer) for somebody in others)


def _is(somebody: Somebody, peer: Peer) -> bool:
    if peer.account:
        return somebody.account == peer.account
    return somebody.person == peer.who if isinstance(somebody, Known) else somebody is peer.guest


async def _unread_by(conversations: Conversations, conversation: Conversation, who: str) -> int:
    """How many lines one of the two has not been shown, wherever they are. Raises JournalError."""
    if conversations.person(who) is not None:
        return conversation.unread(who)
    positions = await conversations.directory.journal.positions(conversation.name)
    return conversation.last_seq - max(positions.get(who, 0), conversation.first - 1)


async def _waiting_for(conversations: Conversations, who: str, blocks: Blocks) -> Waiting:
    """What waits for somebody who has blocked these. Raises JournalError."""
    return await conversations.unread.of(who, lambda: _count_waiting(conversations, who, blocks))


async def _count_waiting(conversations: Conversations, who: str, blocks: Blocks) -> Waiting:
    """Count what waits for somebody who has blocked these, and is here or not. Raises JournalError."""
    if conversations.person(who) is not None:
        found = [(one.parties, one.unread(who)) for one in conversations.open_of(who)]
    else:
        kept = await conversations.directory.journal.conversations.of(who)
        found = [(one.record.parties, max(0, one.record.last - max(one.read, one.record.first - 1))) for one in kept]
    waiting: list[tuple[bool, int]] = []
    for parties, lines in found:
        own, other = sorted(parties, key=lambda party: party.who != who)
        if is_shown(blocks, other.who, conversations.name_of(other.who)):
            waiting.append((own.has_accepted, lines))
    return waiting_in(waiting)
