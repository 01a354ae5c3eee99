"""Who is writing just now, and how far somebody has read of what was written to them: told to programs of those who want that, and kept nowhere.

Both only among people who have chosen it (`/typing`, `/receipts`), and never past a block. Where and who is one bounded table with one task, which
looks once a second while there is something in it; what is said never comes by here. Never knows what was asked for, nor how nodes are told.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from math import inf
from typing import cast

import trio
from msgspec import Struct

from chat_server.accounts import Choices
from chat_server.guard import Guard
from chat_server.journal.happened import PersonId
from chat_server.journal.signs import PeopleRead, PeopleWriting, Read, Sign, Writer, WritingIn, in_signs
from chat_server.protocol.people_events import HasRead, Writing
from chat_server.protocol.requests import Say
from chat_server.rooms.chat_room import ChatRoom, listeners_of, people_of
from chat_server.rooms.conversation import Conversation
from chat_server.rooms.conversations import Conversations, conversations_of
from chat_server.rooms.directory import Directory
from chat_server.rooms.muted import muted_anywhere
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room, give_way
from chat_server.rooms.roster import Known
from chat_server.rooms.who_may_write import is_shown

TYPING, RECEIPTS = "typing", "receipts"
"""Under which of the choices that hold wherever they are it is kept that somebody shows, and is shown, who is writing; and how far one has read."""

ROOM_MAX = 50
"""People in a room beyond which nobody is told who is writing there: somebody always is."""

WRITING_SECONDS = 6.0
"""Seconds after which somebody is not writing any more of whom it was not said again."""

TELL_SECONDS = 1.0
"""Seconds from one look to the next: so often at most a room is told something."""

AGAIN_SECONDS = 3.0
"""Seconds after which it is told again who is writing, for whoever has come since or could not be told."""

NAMES_MAX = 5
"""Names that are told."""

PLACES_MAX = 1000
"""Rooms and conversations at a time in which it is known that somebody is writing; and people of whom it waits to be told how far they have read."""

SIGNS_AT_ONCE = 4
"""Signs by which other nodes are told at a time: a sixteenth of those that may wait. What is beyond that they are not told."""


def has_chosen(choices: Choices, what: str) -> bool:
    """Whether somebody who has chosen this takes part in one of the two."""
    return choices.get("", {}).get(what) is True


class _Author(Struct, frozen=True):
    """Somebody who is writing. `session` is theirs, if they are at this node; else they have blocked those in `hidden_from`."""

    nick: str
    account: int
    since: float
    until: float
    session: Occupant | None = None
    hidden_from: frozenset[PersonId] = frozenset()


Whence = tuple[int, PersonId]
"""At which other node (0: at this one) somebody is, and who they are."""


class _Place:
    """A room or a conversation in which somebody is writing, or was until just now."""

    __slots__ = ("authors", "has_changed", "is_news_to_nodes", "shown", "told_at")

    def __init__(self) -> None:
        self.authors: dict[Whence, _Author] = {}
        self.shown: set[Occupant] = set()  # who has been told that somebody is
        self.told_at = -inf
        self.has_changed = self.is_news_to_nodes = False

    def drop(self, gone: Sequence[Whence]) -> None:
        """These are not writing any more."""
        for one in gone:
            if self.authors.pop(one, None) is not None:
                self.has_changed = True
                self.is_news_to_nodes |= not one[0]


class WritingSigns:
    """Who is writing at one node, who has read what there, and what the other nodes tell of theirs."""

    def __init__(self, conversations: Conversations) -> None:
        """Nobody is writing."""
        self._conversations = conversations
        self._directory = conversations.directory
        self._places: dict[str, _Place] = {}  # by what the journal calls them
        self._reads: dict[tuple[str, PersonId], int] = {}
        self._own_reads: dict[tuple[str, PersonId], int] = {}  # of those the ones at this node
        self._something = trio.Event()
        self._guard = Guard("what somebody is just doing could not be told")

    async def run(self) -> None:
        """Tell what there is to tell, for ever."""
        while True:
            await self._something.wait()
            with self._guard:
                await self._look()
            await trio.sleep(TELL_SECONDS)
            if not (self._places or self._reads):
                self._something = trio.Event()

    # What people do at this node.

    def writes(self, place: str, session: Occupant) -> None:
        """Somebody is writing, where they may (`may_write`), and want it to be seen."""
        known = self._place(place)
        if known is None:
            return
        person, whence = session.person, self._whence(session)
        before = known.authors.get(whence)
        known.has_changed |= before is None
        since = time.time() if before is None or person.active_at > before.since else before.since
        until = trio.current_time() + WRITING_SECONDS
        known.authors[whence] = _Author(person.nick, person.account, since, until, session)
        known.is_news_to_nodes = True
        self._something.set()

    def stops(self, place: str, session: Occupant) -> None:
        """Somebody has taken away what they were writing."""
        if (known := self._places.get(place)) is not None:
            known.drop([self._whence(session)])

    def may_write(self, place: str, session: Occupant) -> bool:
        """Whether it is seen there that somebody writes: they may say something, at once, and there are not too many."""
        conversation = self._conversations.get(place)
        if conversation is not None:
            return _is_accepted(conversation) and muted_anywhere(self._directory, session, in_rooms=False) is None
        room = self._directory.room(place)
        if not isinstance(room, ChatRoom) or session not in room or room.population > ROOM_MAX:
            return False
        said = Say("")
        refusal = room.refusal_to_say(session, said)
        return (refusal is None or refusal.code == "slow-here") and room.verdict(session, said) is None

    def reads(self, conversation: Conversation, session: Occupant, seq: int) -> None:
        """One of the two has read up to here, and wants that to be seen."""
        who = self._conversations.who(session.person)
        other = conversation.other(who).who
        is_blocked = not is_shown(session.person.blocks, other, self._conversations.name_of(other))
        if _is_accepted(conversation) and not is_blocked:
            self._note_read(conversation, who, seq, is_own=True)

    def _note_read(self, conversation: Conversation, who: PersonId, seq: int, *, is_own: bool) -> None:
        key = conversation.name, who
        if len(self._reads) < PLACES_MAX or key in self._reads:
            self._reads[key] = max(min(seq, conversation.last_seq), self._reads.get(key, 0))
            if is_own:
                self._own_reads[key] = self._reads[key]
            self._something.set()

    def _place(self, name: str) -> _Place | None:
        """What is known of a place; None: it is one too many."""
        if name not in self._places and len(self._places) >= PLACES_MAX:
            return None
        return self._places.setdefault(name, _Place())

    def _whence(self, session: Occupant) -> Whence:
        return 0, self._conversations.who(session.person)

    # What other nodes tell.

    def heard(self, node: int, sign: PeopleWriting | PeopleRead) -> None:
        """Another node tells who is writing there, or has read something."""
        if isinstance(sign, PeopleRead):
            for read in sign.reads:
                conversation = self._conversations.get(read.conversation)
                if conversation is not None and read.who in [one.who for one in conversation.parties]:
                    self._note_read(conversation, read.who, read.seq, is_own=False)
            return
        for one in sign.rooms:
            is_here = self._conversations.get(one.room) is not None or self._directory.room(one.room) is not None
            if is_here and (known := self._place(one.room)) is not None:
                self._hear_of(known, node, one.writers)
                self._something.set()

    def _hear_of(self, known: _Place, node: int, writers: Sequence[Writer]) -> None:
        until = trio.current_time() + WRITING_SECONDS
        now = {
            (node, one.who): _Author(one.nick, one.account, 0.0, until, hidden_from=frozenset(one.hidden_from))
            for one in writers[:NAMES_MAX]
        }
        known.drop([whence for whence in known.authors if whence[0] == node and whence not in now])
        known.has_changed |= not now.keys() <= known.authors.keys()
        known.authors.update(now)

    # What is told.

    async def _look(self) -> None:
        for name, place in [*self._places.items()]:
            now = trio.current_time()
            place.drop([whence for whence, one in place.authors.items() if not self._goes_on(name, one, now)])
            if place.has_changed or (place.authors and now >= place.told_at + AGAIN_SECONDS):
                place.has_changed, place.told_at = False, now
                self._guard.attempt(self._tell, name, place)
            await give_way()
        reads, self._reads = self._reads, {}
        for (name, who), seq in reads.items():
            self._guard.attempt(self._tell_read, name, who, seq)
            await give_way()
        self._guard.attempt(self._tell_nodes)
        self._places = {name: place for name, place in self._places.items() if place.authors or place.has_changed}

    def _goes_on(self, name: str, author: _Author, now: float) -> bool:
        """Whether somebody is still writing: they have neither said anything since nor gone, and may still."""
        session = author.session
        if author.until <= now:
            return False
        if session is None:
            room = self._directory.room(name)
            return room is None or cast(ChatRoom, room).population <= ROOM_MAX
        person = session.person
        is_silent = person.active_at <= author.since
        is_here = session in person.sessions and has_chosen(person.choices, TYPING)
        return is_silent and is_here and self.may_write(name, session)

    def _tell(self, name: str, place: _Place) -> None:
        for session, room in self._programs(name):
            names = tuple(islice(dict.fromkeys(self._shown_to(session.person, place)), NAMES_MAX))
            if names or session in place.shown:
                (place.shown.add if names else place.shown.discard)(session)
                self._send(session, Writing(room, names))

    def _shown_to(self, person: Person[Occupant], place: _Place) -> Iterator[str]:
        """Who is writing, as far as somebody is told: nobody is told of themselves, nor of whom they have blocked, nor of who has blocked them."""
        own = self._conversations.who(person)
        for (_, who), author in place.authors.items():
            is_blocked = (
                own in author.hidden_from
                if author.session is None
                else author.session.person.blocks.hide(person.account, person.nick)
            )
            if who != own and not is_blocked and not person.blocks.hide(author.account, author.nick):
                yield author.nick

    def _programs(self, name: str) -> Iterator[tuple[Occupant, str]]:
        """The programs that are told who is writing somewhere, and what that is called there."""
        conversation, room = self._conversations.get(name), self._directory.room(name)
        if conversation is not None:
            for party in conversation.parties:
                called = self._conversations.room_of(conversation, party.who)
                for session in self._programs_of(party.who, TYPING):
                    yield session, called
        elif isinstance(room, ChatRoom):
            for session in listeners_of(room):
                if _is_told(session, TYPING):
                    yield session, room.name

    def _programs_of(self, who: PersonId, what: str) -> list[Occupant]:
        person = self._conversations.person(who)
        return [one for one in person.sessions if _is_told(one, what)] if person is not None else []

    def _tell_read(self, name: str, who: PersonId, seq: int) -> None:
        conversation = self._conversations.get(name)
        if conversation is None or not _is_accepted(conversation):
            return
        other = conversation.other(who).who
        for session in self._programs_of(other, RECEIPTS):
            if is_shown(session.person.blocks, who, self._conversations.name_of(who)):
                self._send(session, HasRead(self._conversations.room_of(conversation, other), seq))

    def _send(self, session: Occupant, event: Writing | HasRead) -> None:
        if not self._guard.attempt(session.send_unasked, event):
            self._guard.attempt(session.fail)

    # What other nodes are told.

    def _tell_nodes(self) -> None:
        news = [(name, place) for name, place in self._places.items() if place.is_news_to_nodes]
        reads, self._own_reads = self._own_reads, {}
        for _, place in news:
            place.is_news_to_nodes = False
        nodes = self._directory.nodes
        if nodes is None:
            return
        writing = [self._writing_in(name, place) for name, place in news if self._is_elsewhere(name)]
        signs: tuple[Sign, ...] = (
            *map(PeopleRead, in_signs([Read(name, who, seq) for (name, who), seq in reads.items()])),
            *map(PeopleWriting, in_signs(writing)),
        )
        for sign in signs[:SIGNS_AT_ONCE]:
            nodes.signs.tell(sign)

    def _is_elsewhere(self, name: str) -> bool:
        """Whether somebody may be told of a place at other nodes."""
        room = self._directory.room(name)
        return not isinstance(room, ChatRoom) or room.population > len({one.person for one in listeners_of(room)})

    def _writing_in(self, name: str, place: _Place) -> WritingIn:
        own = [
            (who, one, one.session.person)
            for (node, who), one in place.authors.items()
            if not node and one.session is not None
        ]
        return WritingIn(
            name,
            tuple(
                Writer(who, one.nick, one.account, self._hidden_from(name, person))
                for who, one, person in own[:NAMES_MAX]
            ),
        )

    def _hidden_from(self, name: str, person: Person[Occupant]) -> tuple[PersonId, ...]:
        """Who is there, or may be, whom somebody has blocked."""
        if not person.blocks:
            return ()
        conversation, room = self._conversations.get(name), self._directory.room(name)
        if conversation is not None:
            others = [one.who for one in conversation.parties]
            return tuple(one for one in others if not is_shown(person.blocks, one, self._conversations.name_of(one)))
        people = people_of(room) if isinstance(room, ChatRoom) else ()
        return tuple(
            one.person for one, nick in people if isinstance(one, Known) and person.blocks.hide(one.account, nick)
        )


def _is_accepted(conversation: Conversation) -> bool:
    return not conversation.is_over and all(one.has_accepted for one in conversation.parties)


def _is_told(session: Occupant, what: str) -> bool:
    """Whether somebody is told by this session: it is a program's, whoever's it is wants it, and nothing waits for it."""
    is_program = not (session.has_terminal or session.proof.is_bot)
    return is_program and has_chosen(session.person.choices, what) and session.sink.is_empty


def writing_of(directory: Directory[Room, Person[Occupant]]) -> WritingSigns:
    """Who is writing at the node that has this directory."""
    if directory.writing is None:
        directory.writing = WritingSigns(conversations_of(directory))
    return cast(WritingSigns, directory.writing)
