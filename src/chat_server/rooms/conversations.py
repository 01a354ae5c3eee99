"""The conversations at this node: those of everybody who is here, opened when they come or something is written to them, closed when both are gone.

Ten thousand of them are as many objects and no task. A session hears those of its person wherever it is, in the hall or in a room. Never knows
what was asked for, nor how anything is shown.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from math import inf
from typing import cast
from weakref import WeakKeyDictionary

import trio

from chat_server.accounts import is_account, sender_of
from chat_server.guard import Guard
from chat_server.journal import JournalError, KeptConversation, Party, RoomRecord
from chat_server.journal.conversations import MARK, name_of
from chat_server.journal.happened import account_of, may_be_at_several_nodes
from chat_server.journal.mentions import Mention
from chat_server.protocol.conversation_events import (
    ConversationEnded,
    ConversationPasses,
    ConversationsListed,
    Conversing,
    RequestCame,
)
from chat_server.protocol.entries import Entry
from chat_server.protocol.events import Event, RoomFailed
from chat_server.protocol.names import name_key
from chat_server.protocol.room_events import RoomRenamed
from chat_server.protocol.room_state import EMPTY
from chat_server.rooms.conversation import Conversation, in_room
from chat_server.rooms.directory import Directory
from chat_server.rooms.gate import Gate
from chat_server.rooms.guests_elsewhere import GuestsElsewhere, person_here
from chat_server.rooms.named_meanwhile import told_to
from chat_server.rooms.named_meanwhile import waiting as named
from chat_server.rooms.passing import Passing, node_of
from chat_server.rooms.peers import Peer, is_own
from chat_server.rooms.person import Person, person_id
from chat_server.rooms.replies import Replies
from chat_server.rooms.room import Occupant, Room
from chat_server.rooms.sending import Sending
from chat_server.rooms.unread import Unread
from chat_server.rooms.who_may_write import is_shown

Look = Callable[[str], Awaitable[Sequence[KeptConversation]]]
"""Says which conversations are kept of somebody."""

LISTED_MAX = 200
"""Conversations that somebody is listed."""


class Conversations:
    """All conversations that are open at one server."""

    def __init__(self, directory: Directory[Room, Person[Occupant]]) -> None:
        """None is open."""
        self.directory = directory
        """Who is here, and what keeps conversations."""
        self.gate = Gate("", EMPTY)
        """What the server's moderators forbid: one for all, for whoever writes slowly does so everywhere."""
        self.gate.server = directory.accounts.acts.in_force
        self._open: dict[str, Conversation] = {}
        self._of: dict[str, dict[str, Conversation]] = {}  # by who the two are, and by name
        self.guests: dict[str, Person[Occupant]] = {}
        """Guests in conversations who are here, by who they are."""
        self.elsewhere = GuestsElsewhere(directory.nodes)
        """The others in conversations with somebody who is here, and who else is written to."""
        self._heard: WeakKeyDictionary[Occupant, dict[str, int]] = WeakKeyDictionary()
        self.replies: WeakKeyDictionary[Occupant, Replies] = WeakKeyDictionary()
        """To whom a reply of a session's goes."""
        self._loading: dict[str, trio.Event] = {}  # whose are being opened
        self._loaded: set[str] = set()  # whose are open, all of them
        self._came_in, self._came = trio.open_memory_channel[Occupant](inf)
        self.sending = Sending(directory)
        """What is on its way."""
        self.unread = Unread()
        """How much waits for those to whom somebody writes."""
        self.passing = Passing(directory)
        """What is kept of conversations with guests, as far as it is to be deleted."""
        self._guard = Guard("something went wrong with somebody's conversations")

    async def run(self) -> None:
        """Tell whoever comes what waits for them, and delete what ends, for ever."""
        async with trio.open_nursery() as nursery:
            self.sending.begin(nursery)
            nursery.start_soon(self.passing.run)
            async for session in self._came:
                with self._guard, suppress(JournalError):
                    await _welcome(self, session)

    # Who is here.

    def who(self, person: Person[Occupant]) -> str:
        """Who somebody is to the journal, and to the other of a conversation."""
        return person_id(person, node_of(self.directory))

    def person(self, who: str) -> Person[Occupant] | None:
        """Somebody who is here."""
        return self.guests.get(who) or self.directory.identified(who)

    def peer(self, name: str) -> Peer | None:
        """Who has this name: an account, or a guest who is here."""
        directory = self.directory
        account = directory.accounts.names.holder(name_key(name))
        if account:
            return Peer(sender_of(account), directory.accounts.names.name_of(account), account)
        person = directory.person(name)
        if person is not None and not person.account and person.nick:
            return Peer(self.who(person), person.nick, guest=person)
        who = self.elsewhere.find(name)
        return Peer(who, self.elsewhere.name_of(who)) if who and person is None else None

    async def peer_anywhere(self, name: str) -> Peer | None:
        """The same, where a guest may be at another node to whom nobody has written from here. Raises JournalError."""
        if (known := self.peer(name)) is not None:
            return known
        guest = await self.elsewhere.look_for(name)
        return None if guest is None else Peer(guest.person, guest.nick)

    def name_of(self, who: str) -> str:
        """What somebody is called now."""
        person = self.person(who)
        if person is not None:
            return person.nick
        account = account_of(who)
        return self.directory.accounts.names.name_of(account) if account else self.elsewhere.name_of(who)

    def room_of(self, conversation: Conversation, who: str) -> str:
        """What a conversation is called by one of the two."""
        return MARK + self.name_of(conversation.other(who).who)

    def open_of(self, who: str) -> Collection[Conversation]:
        """Somebody's that are open."""
        return self._of.get(who, {}).values()

    def called(self, person: Person[Occupant]) -> Mapping[str, str]:
        """What somebody calls their conversations that are open, by what the journal calls them."""
        who = self.who(person)
        return {name: self.room_of(one, who) for name, one in self._of.get(who, {}).items()}

    def came(self, session: Occupant) -> None:
        """Somebody has logged in who may have conversations from before. Never waits."""
        person = session.person
        if not person.account and self.directory.nodes is None:
            return
        if self.may_be_elsewhere(self.who(person)) and not session.proof.is_bot:
            self._came_in.send_nowait(session)

    def left(self, person: Person[Occupant]) -> None:
        """Somebody has gone, with the last of their sessions. Never waits."""
        as_guest = [who for who, guest in self.guests.items() if guest is person]  # they may have registered since
        for who in (self.who(person), *as_guest):
            passing = [one for one in self._of.get(who, {}).values() if one.is_passing]
            if passing and self.directory.nodes is not None:  # they may be elsewhere: the engine deletes what passes
                self.elsewhere.note(who, person.nick)
            else:
                for conversation in passing:
                    self.end(conversation, who, person.nick)
            self._close_all(who)
            self.guests.pop(who, None)

    def _close_all(self, who: str) -> None:
        """Somebody is not here: close theirs, but those in which the other is."""
        self._loaded.discard(who)
        for conversation in [*self._of.get(who, {}).values()]:
            if self.person(conversation.other(who).who) is None:
                self.close(conversation)

    async def listed(self, person: Person[Occupant], look: Look | None = None) -> list[Conversing]:
        """Somebody's conversations, those with the most unread lines first; `look` says which are kept. Raises JournalError."""
        who = self.who(person)
        await self.load(who, is_again=True, look=look)
        found = [
            Conversing(
                self.room_of(one, who), one.last_seq, one.unread(who), is_request=not one.party(who).has_accepted
            )
            for one in self._of.get(who, {}).values()
            if one.last_seq >= one.first
            and is_shown(person.blocks, one.other(who).who, self.name_of(one.other(who).who))
        ]
        return sorted(found, key=lambda one: -one.unread)[:LISTED_MAX]

    # Which are open.

    async def load(self, who: str, *, is_again: bool = False, look: Look | None = None) -> None:
        """Open all of somebody's, if they are here and it has not been done; or look again how far they have come. Raises JournalError."""
        while who in self._loading:
            await self._loading[who].wait()
        if (who in self._loaded and not is_again) or not self.may_be_elsewhere(who) or self.person(who) is None:
            return
        done = self._loading[who] = trio.Event()
        try:
            found = await (look or self.directory.journal.conversations.of)(who)
            await self.learn(one for kept in found for one in kept.record.parties)
            for kept in found:
                if not self.passing.has_ended(kept.record.name):
                    self.take(kept, who)
            if self.person(who) is not None:
                self._loaded.add(who)
        finally:
            del self._loading[who]
            done.set()
        if self.person(who) is None:  # they have gone meanwhile
            self._close_all(who)

    def may_be_elsewhere(self, who: str) -> bool:
        """Whether somebody who is not here may be back, or be at another node, and be the same: an account, or among nodes a guest with a token."""
        return is_account(who) or (self.directory.nodes is not None and may_be_at_several_nodes(who))

    async def learn(self, parties: Iterable[Party]) -> None:
        """Know what those of these are called who are guests, wherever they are. Raises JournalError."""
        guests = [one.who for one in parties if not is_account(one.who)]
        for who in guests:
            if who not in self.guests and (person := person_here(self.directory, who)) is not None:
                self.guests[who] = person
        await self.elsewhere.learn(who for who in guests if who not in self.guests)

    def forget_guests(self, parties: Iterable[Party]) -> None:
        """Those of these who are guests may be in no conversation any more."""
        for party in parties:
            if party.who not in self._of:
                self.guests.pop(party.who, None)

    def take(self, kept: KeptConversation, who: str = "") -> Conversation:
        """A conversation that is kept: the one that is open, or it is opened now."""
        conversation = self._open.get(kept.record.name)
        if conversation is None:
            conversation = self.open(kept.record)
        if who:
            conversation.level(kept, who)
        return conversation

    def get(self, name: str) -> Conversation | None:
        """The one that the journal calls so, if it is open."""
        return self._open.get(name)

    def open(self, record: RoomRecord, *, is_new: bool = False) -> Conversation:
        """Open one that is kept; see Conversation."""
        conversation = Conversation(record, self, is_new=is_new)
        self._open[conversation.name] = conversation
        for party in conversation.parties:
            self._of.setdefault(party.who, {})[conversation.name] = conversation
        if self.directory.nodes is not None:
            self.directory.nodes.follow(conversation)
        return conversation

    def close(self, conversation: Conversation) -> None:
        """Open it no longer, at this node."""
        if self.directory.nodes is not None:
            self.directory.nodes.unfollow(conversation)
        self._open.pop(conversation.name, None)
        for party in conversation.parties:
            of = self._of.get(party.who, {})
            of.pop(conversation.name, None)
            if not of:
                self._of.pop(party.who, None)
                self.elsewhere.forget(party.who)

    def between(self, one: str, other: str) -> Conversation | None:
        """The one between two, if it is open."""
        return next((known for known in self.open_of(one) if known.other(one).who == other), None)

    async def find(self, one: str, other: str) -> Conversation | None:
        """The conversation between two, if there is one; how far each has come who is here is known then. Raises JournalError."""
        await self.load(one)
        await self.load(other)
        if (known := self.between(one, other)) is not None:
            return known
        if not (is_account(one) and is_account(other)):
            return None
        kept = await self.directory.journal.conversations.find(name_of((one, other)))
        return None if kept is None else self.take(kept)

    def tell_passing(self, conversation: Conversation) -> None:
        """Tell those of the two who are here that one of them is a guest."""
        for party in conversation.parties:
            room = self.room_of(conversation, party.who)
            self.tell(party.who, ConversationPasses(room, room.removeprefix(MARK)))

    def end(self, conversation: Conversation, gone: str, nick: str) -> None:
        """One of the two is gone, and one of them was a guest."""
        other = conversation.other(gone).who
        conversation.is_over = True
        self.close(conversation)
        self.tell(other, ConversationEnded(MARK + nick, nick))
        if not self._of.get(other):
            self.guests.pop(other, None)
        self.passing.end(conversation.name)

    def renamed(self, who: str, old: str, new: str) -> None:
        """Somebody who was called `old` has another name: whoever has a conversation with them is told."""
        for conversation in self._of.get(who, {}).values():
            self.tell(conversation.other(who).who, RoomRenamed(MARK + old, MARK + new))

    # What is shown.

    def tell(self, who: str, *events: Event, but: Occupant | None = None) -> None:
        """Show events to all sessions of somebody who is here, but to one, and to bots."""
        for session in _sessions(self.person(who)):
            if session is not but and not session.proof.is_bot and not self._guard.attempt(_tell, session, events):
                self._guard.attempt(session.fail)

    def show(self, conversation: Conversation, lines: Sequence[Entry], but: Occupant | None) -> None:
        """Show lines, which are stored, to whoever of the two is here, but to one session."""
        for party in conversation.parties:
            if self.person(party.who) is not None:
                self._show_to(conversation, party, lines, but)

    def tell_failed(self, conversation: Conversation) -> None:
        """Tell whoever of the two is here that some of what they were shown is not kept."""
        for party in conversation.parties:
            self.tell(party.who, RoomFailed(self.room_of(conversation, party.who), conversation.last_seq))

    def _show_to(self, conversation: Conversation, party: Party, lines: Sequence[Entry], but: Occupant | None) -> None:
        who, room, person = party.who, self.room_of(conversation, party.who), self.person(party.who)
        other = conversation.other(who).who
        hears = person is not None and is_shown(person.blocks, other, room.removeprefix(MARK))
        if not party.has_accepted and not hears:
            return
        if not party.has_accepted:
            if conversation.unread(who) == len(lines):  # the first of what waits
                self.tell(who, RequestCame(room, room.removeprefix(MARK)))
            _note_writer(self.replies, person, other)
            return
        shown = [line for line in lines if hears or is_own(line, who, room)]
        before = lines[0].seq - 1
        if conversation.read.get(who, 0) >= before:  # else what waits from before is still to be read
            conversation.note_read(who, lines[-1].seq)
        self.tell(who, *(in_room(line, room) for line in shown), but=but)
        for session in person.sessions if person is not None else ():
            self._heard.setdefault(session, {}).setdefault(conversation.name, before)
        if not all(is_own(line, who, room) for line in shown):
            _note_writer(self.replies, person, other)

    def positions(self, session: Occupant, *, is_live_since: bool = False) -> dict[str, int]:
        """How far a session has come in the conversations of which it has heard something; or after which line it has heard them."""
        heard = self._heard.get(session)
        if heard is None:  # most have heard of none, and this is asked for whatever waits for a slow reader
            return {}
        who = self.who(session.person)
        return {
            self.room_of(one, who): since if is_live_since else one.last_seq
            for name, since in heard.items()
            if (one := self._open.get(name)) is not None
        }


def _sessions(person: Person[Occupant] | None) -> Collection[Occupant]:
    return person.sessions if person is not None else ()


async def _welcome(conversations: Conversations, session: Occupant) -> None:
    """Tell whoever has come what waits for them, which is asked for by one question."""
    directory, account, mentions = conversations.directory, session.person.account, list[Mention]()

    async def look(_: str) -> list[KeptConversation]:
        await directory.calls.look()
        missed = await directory.journal.conversations.missed(account)
        mentions.extend(missed.mentions)
        return missed.conversations

    listed = await conversations.listed(session.person, look if account else None)
    event = named(told_to(session, mentions, directory)) if session.person.account == account else None
    if event is not None:
        session.send_unasked(event)
    waiting = [one for one in listed if one.unread or not session.has_terminal]
    if waiting and session.nick:
        _tell_waiting(conversations, session, waiting)


def _tell_waiting(conversations: Conversations, session: Occupant, waiting: Sequence[Conversing]) -> None:
    """Tell whoever has come what waits for them: a reply answers that."""
    session.send_unasked(ConversationsListed(tuple(waiting)))
    for one in waiting:
        if one.unread and (peer := conversations.peer(one.room.removeprefix(MARK))) is not None:
            conversations.replies.setdefault(session, Replies()).note(peer.who)


def _note_writer(replies: MutableMapping[Occupant, Replies], person: Person[Occupant] | None, other: str) -> None:
    """Somebody was told that another has written: a reply of theirs goes there."""
    for session in _sessions(person):
        replies.setdefault(session, Replies()).note(other)


def _tell(session: Occupant, events: Iterable[Event]) -> None:
    for event in events:
        session.send_unasked(event)


def conversations_of(directory: Directory[Room, Person[Occupant]]) -> Conversations:
    """The conversations at the node that has this directory."""
    if directory.conversing is None:
        directory.conversing = Conversations(directory)
    return cast(Conversations, directory.conversing)
