"""To write to somebody beside the rooms, to answer, and to say who may begin to write to one. Never knows how it is stored, nor who is shown it."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, ClassVar, Literal

from msgspec import Meta
from msgspec.structs import replace

from chat_server.commands.access import access
from chat_server.commands.acting import Nick, NoSuchPerson
from chat_server.commands.begun import conversation_with, show_accepted
from chat_server.commands.chosen import note_choice
from chat_server.commands.direct_places import direct_place, enter_begun, with_peer_anywhere
from chat_server.commands.handler import CommandHandler
from chat_server.commands.holding import accept_held
from chat_server.commands.missed import come_back
from chat_server.commands.referring import say_of
from chat_server.journal import JournalError
from chat_server.journal.conversations import MARK
from chat_server.protocol.events import Answered, Event, NotStored, Refused, Stored, WentBack
from chat_server.protocol.names import name_key
from chat_server.protocol.requests import Act, Back, Key, Lines, Notice, Number, Request, Say
from chat_server.protocol.typed import shortened
from chat_server.rooms.conversation import Conversation
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.direct import Direct
from chat_server.rooms.peers import Peer
from chat_server.rooms.replies import Replies
from chat_server.rooms.room import CONVERSATION, MaybeAwaitable, Occupant, Room
from chat_server.rooms.who_may_write import choice_of


class Message(Request, frozen=True, gc=False, tag="msg"):
    """Write to somebody beside the rooms."""

    group: ClassVar[str] = "talking"
    aliases: ClassVar[tuple[str, ...]] = ("tell", "query", "w")
    nick: Nick
    text: Annotated[Lines, Meta(extra={"in_usage": True})] = ""
    key: Key = ""


class Reply(Request, frozen=True, gc=False):
    """Answer whoever has written to one last."""

    group: ClassVar[str] = "talking"
    aliases: ClassVar[tuple[str, ...]] = ("r",)
    text: Lines
    key: Key = ""


class Accept(Request, frozen=True, gc=False):
    """Let somebody new write to one; or a line be said that waits for a moderator."""

    group: ClassVar[str] = "talking"
    nick: Nick


class ChooseWriters(Request, frozen=True, gc=False, tag="dm"):
    """Ask who may begin to write to one, or choose it."""

    group: ClassVar[str] = "talking"
    who: Annotated[
        Literal["", "all", "accounts", "shared", "known"],
        Meta(description="all; whoever has an account; of those, whoever has been in a room with you; nobody new"),
    ] = ""


class MessageSent(Answered, frozen=True):
    """What the receiver has written to somebody is stored, as this number of `room`."""

    sentence: ClassVar[str] = "Sent to {nick} (#{seq})."

    nick: str
    room: str
    seq: Number


class WritersChosen(Answered, frozen=True, tag="dm-chosen"):
    """Who may begin to write to the receiver."""

    sentence: ClassVar[str] = (
        "Who may begin to write to you: {who}. /dm all: everybody; accounts: who has an account; shared: of those, who has been in a room with you;"
        " known: nobody new."
    )

    who: str


class ReplyUnclear(Refused, frozen=True):
    """Another has written since the one whom a reply would have answered."""

    code: str = "reply-unclear"
    sentence: ClassVar[str] = (
        "Nothing was sent: {nick} has written to you since. /reply again goes to {nick}; /msg NAME goes to whom you name."
    )


class NobodyWrote(Refused, frozen=True):
    """There is nobody to answer."""

    code: str = "nobody-wrote"
    sentence: ClassVar[str] = (
        "Nobody has written to you lately, so there is nobody to answer. /msg NAME writes to somebody."
    )


class NoRequest(Refused, frozen=True):
    """Somebody has asked for nothing."""

    code: str = "no-request"
    sentence: ClassVar[str] = "Nothing of {nick} waits for you."


class MessagesWait(Refused, frozen=True):
    """Too much that was written waits for an engine that does not answer."""

    code: str = "messages-wait"
    sentence: ClassVar[str] = (
        "Not sent to {nick}: what keeps messages does not answer, and too many wait already. Try again in a moment."
    )


class ConversingCommands(CommandHandler):
    """To write to one another."""

    @access(bots=False)
    def do_msg(self, place: Room, session: Occupant, request: Message) -> MaybeAwaitable:
        """Write to somebody alone, wherever they are.

        It waits for whoever is away. Without a text: go into the conversation, as /join @NAME does. /reply answers whoever wrote to you last.
        Whoever runs the server can read what it keeps, as everything that is said here.
        """
        peer = conversations_of(place.directory).peer(request.nick.removeprefix(MARK))
        # To find out who that is, or to go into the conversation, the engine is asked; what is written waits for it.
        asks_engine = peer is None or not request.text.strip()
        if asks_engine and place.directory.is_engine_away:
            session.send(Refused("engine-away"))
            return None
        if peer is None and place.directory.nodes is not None:
            nick = request.nick.removeprefix(MARK)
            return with_peer_anywhere(place, session, nick, partial(_msg, place, session, request))
        return _msg(place, session, request, peer)

    @access(bots=False)
    def do_reply(self, place: Room, session: Occupant, request: Reply) -> MaybeAwaitable:
        """Answer whoever has written to you last.

        To answer somebody who wants to write to you is to accept them: you are shown what has waited.
        If somebody else has written since, you are asked: nothing is sent, and the next /reply goes to them.
        """
        conversations = conversations_of(place.directory)
        who, is_clear = conversations.replies.setdefault(session, Replies()).target()
        nick = conversations.name_of(who) if who else ""
        peer = conversations.peer(nick) if nick else None
        if peer is None or peer.who != who:
            session.send(NobodyWrote())
            return None
        if not is_clear:
            session.send(ReplyUnclear(details={"nick": nick}))
            return None
        return _write(place, session, peer, Say(request.text, request.key))

    @access(bots=False, asks_engine=True)
    def do_accept(self, place: Room, session: Occupant, request: Accept) -> MaybeAwaitable:
        """Let somebody new write to you, and read what waits.

        With a number, for moderators: let a line be said that waits, as /held shows it. It is its author's, and has its number in the room from then.
        """
        if request.nick.isdecimal() and place.kind != CONVERSATION and place.refusal_of(session, "hold") is None:
            return accept_held(place, session, int(request.nick[:15]))
        peer = _peer(place, session, request.nick)
        return None if peer is None else _accept(place, session, peer)

    @access(bots=False)
    def do_dm(self, place: Room, session: Occupant, request: ChooseWriters) -> MaybeAwaitable:
        """Choose who may begin to write to you.

        all: everybody. accounts: whoever has an account. shared: of those, whoever has been in a room with you. known: nobody new.
        Whomever you have written to, or accepted, may always answer. Without a choice: show it.
        """
        if not request.who:
            session.send(WritersChosen(choice_of(session.person.choices)))
            return None
        return note_choice(place, session, "dm", request.who, WritersChosen(request.who))

    @access(where=(CONVERSATION,), bots=False)
    def do_say(self, place: Direct, session: Occupant, request: Say) -> MaybeAwaitable:
        """Write to the other.

        A line without a slash does the same. A line that begins with // is said with one slash.
        """
        if request.re:
            return say_of(place, session, request, partial(_say_here, place, session, request))
        return _say_here(place, session, request)

    @access(where=(CONVERSATION,), bots=False)
    def do_me(self, place: Direct, session: Occupant, request: Act) -> MaybeAwaitable:
        """Do something that the other sees.

        /me waves is shown to them as: ~ ann waves
        """
        return _say_here(place, session, request)

    @access(where=(CONVERSATION,), bots=False)
    def do_notice(self, place: Direct, session: Occupant, request: Notice) -> MaybeAwaitable:
        """Write to the other without notifying them."""
        return _say_here(place, session, request)

    @access(where=(CONVERSATION,))
    def do_back(self, place: Direct, session: Occupant, request: Back) -> MaybeAwaitable:
        """Go back to the hall."""
        if session.has_terminal:
            return session.leave(place, place.hall)
        session.send(WentBack(place.name))
        return None


def _say_here(place: Direct, session: Occupant, request: Say | Act | Notice) -> MaybeAwaitable:
    return _write(place, session, place.peer._replace(nick=place.called), request, is_here=True)


def _msg(place: Room, session: Occupant, request: Message, peer: Peer | None) -> MaybeAwaitable:
    if peer is None:
        session.send(NoSuchPerson(details={"nick": shortened(request.nick)}))
        return None
    if not request.text.strip():
        return enter_begun(session, direct_place(place, session, peer))
    return _write(place, session, peer, Say(request.text, request.key))


def _peer(place: Room, session: Occupant, name: str) -> Peer | None:
    """Who has this name; None, and the session is told, if nobody has."""
    peer = conversations_of(place.directory).peer(name.removeprefix(MARK))
    if peer is None:
        session.send(NoSuchPerson(details={"nick": shortened(name)}))
    return peer


async def _accept(place: Room, session: Occupant, peer: Peer) -> None:
    conversations = conversations_of(place.directory)
    who = conversations.who(session.person)
    try:
        conversation = await conversations.find(who, peer.who)
        if conversation is None or conversation.party(who).has_accepted:
            session.send(NoRequest(details={"nick": peer.nick}))
            return
        await show_accepted(conversations, conversation, who, session, peer, is_asked=True)
    except JournalError:
        session.send(Refused("cannot-store"))


def _write(
    place: Room, session: Occupant, peer: Peer, request: Say | Act | Notice, *, is_here: bool = False
) -> MaybeAwaitable:
    """Have something stored, and shown to both; what becomes of it is told."""
    sending = conversations_of(place.directory).sending
    if sending.is_full(session):
        session.send(MessagesWait(details={"nick": peer.nick}))
        return None
    tell = session.answer_later()
    return sending.carry(session, partial(_send, place, session, peer, request, tell=tell, is_here=is_here))


async def _send(
    place: Room,
    session: Occupant,
    peer: Peer,
    request: Say | Act | Notice,
    *,
    tell: Callable[[Event], None],
    is_here: bool,
) -> None:
    gate = conversations_of(place.directory).gate
    forbidden = gate.refusal_to_say(session, request, place.directory.authentication.now())
    found = forbidden or await _found(place, session, peer, request.key)
    if not isinstance(found, Conversation):
        tell(found)
        return
    # What one types where one is need not be shown to one again, as in a room.
    answer = await found.say(session, request, is_echoed=not is_here or session.receives_own)
    if isinstance(answer, Stored | NotStored):
        answer = replace(answer, room=peer.room)
    if not isinstance(answer, Stored) or (is_here and answer.key):
        tell(answer)
    elif not is_here and not session.has_terminal:
        tell(MessageSent(peer.nick, peer.room, answer.seq))
    if isinstance(answer, Stored):
        await _note_written(place, session, peer)


async def _found(place: Room, session: Occupant, peer: Peer, key: str) -> Conversation | Event:
    """The conversation in which something is to be written, when the engine answers; or why nothing is."""
    patience = conversations_of(place.directory).sending.patience()
    while await patience.engine_answers():
        try:
            return await conversation_with(place, session, peer)
        except JournalError:
            if not await patience.may_try_again():
                break
    return NotStored(peer.room, 1, key) if place.directory.is_engine_away else Refused("cannot-store")


async def _note_written(place: Room, session: Occupant, peer: Peer) -> None:
    """Somebody has written to somebody: they are told if those are away, and are back themselves."""
    calls = place.directory.calls
    guest = calls.away_guests.get(name_key(peer.nick)) if peer.is_elsewhere else peer.guest
    calls.has_written(session.person, peer.account, guest)
    if session.person.away is not None:
        await come_back(place, session, is_asked=False)
