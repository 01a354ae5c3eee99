"""The conversations at this node: those of everybody who is here, opened when they come or something is written to them, closed when both are gone.

Ten thousand of them are as many objects and no task. A session hears those of its person wherever it is, in the hall or in a room. Never knows
what was asked for, nor how anything is shown.
"""

from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from math import inf
from typing import cast
from weakref import WeakKeyDictionary

import trio

from chat_server.accounts import is_account, sender_of
from chat_server.guard import Guard
from chat_server.journal import JournalError, KeptConversation, Party
from chat_server.journal.conversations import MARK, name_of
from chat_server.protocol.conversation_events import (
    ConversationEnded,
    ConversationPasses,
    ConversationsListed,
    Conversing,
    RequestCame,
)
from chat_server.protocol.entries import Entry
from chat_server.protocol.events import Event
from chat_server.protocol.names import name_key
from chat_server.protocol.room_events import RoomRenamed
from chat_server.protocol.room_state import EMPTY
from chat_server.rooms.conversation import Conversation, in_room
from chat_server.rooms.directory import Directory
from chat_server.rooms.gate import Gate
from chat_server.rooms.passing import Passing, node_of
from chat_server.rooms.peers import Peer, is_own
from chat_server.rooms.person import Person, person_id
from chat_server.rooms.replies import Replies
from chat_server.rooms.room import Occupant, Room, carried_through
from chat_server.rooms.unread import Unread
from chat_server.rooms.who_may_write import is_shown

LISTED_MAX = 200
"""Conversations that somebody is listed."""


class Conversations:
    """One for a server."""

    def __init__(self, directory: Directory[Room, Person[Occupant]]) -> None:
        """None is open."""
        self.directory = directory
        """Who is here, and what keeps conversations."""
        self.gate = Gate("", EMPTY)
        """What the server's moderators forbid: one for all, for whoever writes slowly does so everywhere."""
        self.gate.server = directory.accounts.acts.in_force
        self._open: dict[str, Conversation] = {}
        self._of: dict[str, dict[str, Conversation]] = {}  # by who the two are, and by name
        self._guests: dict[str, Person[Occupant]] = {}  # those in a conversation, by who they are
        self._heard: WeakKeyDictionary[Occupant, dict[str, int]] = WeakKeyDictionary()
        self.replies: WeakKeyDictionary[Occupant, Replies] = WeakKeyDictionary()
        """To whom a reply of a session's goes."""
        self._loading: dict[str, trio.Event] = {}  # whose are being opened
        self._loaded: set[str] = set()  # whose are open, all of them
        self._came_in, self._came = trio.open_memory_channel[Occupant](inf)
        self.unread = Unread()
        """How much waits for those to whom somebody writes."""
        self.passing = Passing(directory)
        """What is kept of conversations with guests, as far as it is to be deleted."""
        self._guard = Guard("something went wrong with somebody's conversations")

    async def run(self) -> None:
        """Tell whoever comes what waits for them, and delete what ends, for ever."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.passing.run)
            async for session in self._came:
                with self._guard, suppress(JournalError):
                    await self._welcome(session)

    # Who is here.

    def who(self, person: Person[Occupant]) -> str:
        """Who somebody is to the journal, and to the other of a conversation."""
        return person_id(person, node_of(self.directory))

    def person(self, who: str) -> Person[Occupant] | None:
        """Somebody who is here."""
        return self._guests.get(who) or self.directory.identified(who)

    def peer(self, name: str) -> Peer | None:
        """Who has this name: an account, or a guest who is here."""
        directory = self.directory
        account = directory.accounts.names.holder(name_key(name))
        if account:
            return Peer(sender_of(account), directory.accounts.names.name_of(account), account)
        person = directory.person(name)
        if person is None or person.account or not person.nick:
            return None
        return Peer(self.who(person), person.nick, guest=person)

    def name_of(self, who: str) -> str:
        """What somebody is called now."""
        person = self.person(who)
        if person is not None:
            return person.nick
        number = who.partition(":")[2]
        return self.directory.accounts.names.name_of(int(number)) if number.isdecimal() else ""

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
        """Somebody with an account has logged in. Never waits."""
        if session.person.account and not session.proof.is_bot:
            self._came_in.send_nowait(session)

    def left(self, person: Person[Occupant]) -> None:
        """Somebody has gone, with the last of their sessions. Never waits."""
        as_guest = [who for who, guest in self._guests.items() if guest is person]  # they may have registered since
        for who in (self.who(person), *as_guest):
            for conversation in [*self._of.get(who, {}).values()]:
                if conversation.is_passing:
                    self._end(conversation, who, person.nick)
            self._close_all(who)
            self._guests.pop(who, None)

    def _close_all(self, who: str) -> None:
        """Somebody is not here: close theirs, but those in which the other is."""
        self._loaded.discard(who)
        for conversation in [*self._of.get(who, {}).values()]:
            if self.person(conversation.other(who).who) is None:
                self._close(conversation)

    async def _welcome(self, session: Occupant) -> None:
        listed = await self.listed(session.person)
        waiting = [one for one in listed if one.unread or not session.has_terminal]
        if waiting and session.nick:
            _tell_waiting(self, session, waiting)

    async def listed(self, person: Person[Occupant]) -> list[Conversing]:
        """Somebody's conversations, those with the most unread lines first. Raises JournalError."""
        who = self.who(person)
        await self.load(who, is_again=True)
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

    async def load(self, who: str, *, is_again: bool = False) -> None:
        """Open all of somebody's, if they are here and it has not been done; or look again how far they have come. Raises JournalError."""
        while who in self._loading:
            await self._loading[who].wait()
        if (who in self._loaded and not is_again) or not is_account(who) or self.person(who) is None:
            return
        done = self._loading[who] = trio.Event()
        try:
            for kept in await self.directory.journal.conversations.of(who):
                self._take(kept, who)
            if self.person(who) is not None:
                self._loaded.add(who)
        finally:
            del self._loading[who]
            done.set()
        if self.person(who) is None:  # they have gone meanwhile
            self._close_all(who)

    def _take(self, kept: KeptConversation, who: str = "") -> Conversation:
        """A conversation that is kept: the one that is open, or it is opened now."""
        conversation = self._open.get(kept.record.name)
        if conversation is None:
            conversation = self._add(Conversation(kept.record, self.directory, self._show, self.gate))
        if who:
            conversation.level(kept, who)
        return conversation

    def _add(self, conversation: Conversation) -> Conversation:
        self._open[conversation.name] = conversation
        for party in conversation.parties:
            self._of.setdefault(party.who, {})[conversation.name] = conversation
        if self.directory.nodes is not None:
            self.directory.nodes.follow(conversation)
        return conversation

    def _close(self, conversation: Conversation) -> None:
        if self.directory.nodes is not None:
            self.directory.nodes.unfollow(conversation)
        self._open.pop(conversation.name, None)
        for party in conversation.parties:
            of = self._of.get(party.who, {})
            of.pop(conversation.name, None)
            if not of:
                self._of.pop(party.who, None)

    async def find(self, one: str, other: str) -> Conversation | None:
        """The conversation between two, if there is one; how far each has come who is here is known then. Raises JournalError."""
        await self.load(one)
        await self.load(other)
        for conversation in self._of.get(one, {}).values():
            if conversation.other(one).who == other:
                return conversation
        if not (is_account(one) and is_account(other)):
            return None
        kept = await self.directory.journal.conversations.find(name_of((one, other)))
        return None if kept is None else self._take(kept)

    async def begin(self, writer: Person[Occupant], peer: Peer, now: float) -> Conversation:
        """Begin the one between somebody and somebody to whom they have not written before. Raises JournalError."""
        who = self.who(writer)
        is_passing = not (writer.account and peer.account)
        name = self.passing.new_name() if is_passing else name_of((who, peer.who))
        parties = (Party(who, has_accepted=True, began_at=now), Party(peer.who, has_accepted=peer.guest is not None))
        kept: KeptConversation | None = None
        with carried_through():  # else what is kept of one that passes would be ended by nobody
            await self.directory.journal.conversations.begin(name, parties)
            kept = await self.directory.journal.conversations.find(name)
        if kept is None:
            raise JournalError("it has been deleted, or that took too long")
        if name in self._open:
            return self._take(kept)
        is_new = (
            self.directory.nodes is not None
        )  # what another node has stored in it by now has been shown to nobody here
        conversation = self._add(Conversation(kept.record, self.directory, self._show, self.gate, is_new=is_new))
        if is_passing:
            self._note_guests(conversation, writer, peer)
            for one, person in ((who, writer), (peer.who, peer.guest)):
                if person is not None and not (person.sessions and self.who(person) == one):  # they have gone meanwhile
                    self._end(conversation, one, self.name_of(one) or person.nick)
                    self._guests.pop(one, None)
                    break
        return conversation

    def _note_guests(self, conversation: Conversation, writer: Person[Occupant], peer: Peer) -> None:
        for person in (writer, peer.guest):
            if person is not None and not person.account:
                self._guests[self.who(person)] = person
        for who in (self.who(writer), peer.who):
            other = self.name_of(conversation.other(who).who)
            self.tell(who, ConversationPasses(MARK + other, other))

    def _end(self, conversation: Conversation, gone: str, nick: str) -> None:
        """One of the two is gone, and one of them was a guest."""
        other = conversation.other(gone).who
        conversation.is_over = True
        self._close(conversation)
        self.tell(other, ConversationEnded(MARK + nick, nick))
        if not self._of.get(other):
            self._guests.pop(other, None)
        self.passing.end(conversation.name)

    # What happens at other nodes.

    async def changed(self, name: str, parties: Sequence[str]) -> None:
        """A conversation was begun, or accepted. Raises JournalError."""
        for who in parties:
            await self.load(who)  # what somebody is told of who has just come
        if name not in self._open and all(self.person(who) is None for who in parties):
            return
        kept = await self.directory.journal.conversations.find(name)
        if kept is None:
            return
        known = self._open.get(name)
        if known is not None:
            known.take_parties(kept.record.parties)
        else:
            self._add(Conversation(kept.record, self.directory, self._show, self.gate, is_new=True))

    def deleted(self, name: str) -> None:
        """A conversation is no more."""
        if (conversation := self._open.get(name)) is not None:
            conversation.is_over = True
            self._close(conversation)

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

    def _show(self, conversation: Conversation, lines: Sequence[Entry], but: Occupant | None) -> None:
        for party in conversation.parties:
            if self.person(party.who) is not None:
                self._show_to(conversation, party, lines, but)

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
