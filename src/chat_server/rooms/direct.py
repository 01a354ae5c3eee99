"""A conversation as a place, to one of the two: `@NAME`, where one can be, say something, and read back what was said.

Nobody need be in it to hear it. Never knows what can be asked for in it.
"""

from typing import ClassVar, TypeVar

from msgspec.structs import replace

from chat_server.accounts import sender_of
from chat_server.journal import JournalError
from chat_server.journal.conversations import MARK
from chat_server.protocol.entries import Entry, Found, PageShown, Recalled
from chat_server.protocol.events import Entered, Event, Refused
from chat_server.protocol.requests import HISTORY_MAX
from chat_server.protocol.room_state import NOTHING
from chat_server.rooms.blocking import shown_to
from chat_server.rooms.conversation import Conversation, lines_in_room
from chat_server.rooms.conversations import Conversations
from chat_server.rooms.paging import RECALLED_CHARACTERS, UNCHANGED, Amended, fitting
from chat_server.rooms.peers import Peer
from chat_server.rooms.person import Person
from chat_server.rooms.referred import ReferredLines
from chat_server.rooms.rights import Act
from chat_server.rooms.room import CONVERSATION, Occupant, Room

E = TypeVar("E", bound=Event)


class Direct(Room):
    """The conversation of somebody with somebody."""

    kind: ClassVar[str] = CONVERSATION

    def __init__(self, conversations: Conversations, person: Person[Occupant], peer: Peer, hall: Room) -> None:
        """It need not have been begun. One goes back to `hall` from it."""
        self._person, self._peer = person, peer
        self._conversations = conversations
        self._known: Conversation | None = None
        self.hall = hall
        """Where one goes back to."""
        super().__init__(peer.room, conversations.directory)

    @property
    def _who(self) -> str:
        return self._conversations.who(self._person)

    @property
    def peer(self) -> Peer:
        """With whom: a guest who has registered since is who they are by their account."""
        peer = self._peer
        if not peer.account:
            elsewhere, guest = self._conversations.elsewhere, peer.guest
            account = elsewhere.account_of(peer.who) if guest is None else guest.account
            if account:
                self._peer = Peer(sender_of(account), peer.nick, account)
        return self._peer

    @property
    def conversation(self) -> Conversation | None:
        """What is kept of it; None: nothing, as far as is known."""
        if self._known is None or {party.who for party in self._known.parties} == {self._who, self.peer.who}:
            return self._known
        return None  # one of them was a guest then

    def is_own(self, session: Occupant, line: Entry) -> bool:
        """Whether the session's person has said this."""
        conversation = self.conversation
        return conversation is not None and conversation.own.has(self._who, session.person.account, line)

    async def learn(self, line: Entry) -> None:
        """Find out whether a line is theirs whose place this is, if that is not known. Raises JournalError."""
        if self.conversation is not None:
            await self.conversation.own.learn(self._who, line)

    def refusal_of(self, session: Occupant, act: Act) -> Refused | None:
        """Why somebody may not do such a thing here: what is done to the whole server is done by whom it is in the hall."""
        return self.hall.refusal_of(session, act) if act == "panic" else None

    @property
    def is_with_oneself(self) -> bool:
        """Whether nobody else is in it."""
        return self.peer.who == self._who

    @property
    def called(self) -> str:
        """What the other is called now."""
        return self._conversations.name_of(self.peer.who) or self.peer.nick

    @property
    def kept_as(self) -> str:
        """What the journal calls it; what no room is called, if there is nothing."""
        return self.conversation.name if self.conversation is not None else MARK

    @property
    def last_seq(self) -> int:
        """The number of the newest line."""
        return self.conversation.last_seq if self.conversation is not None else 0

    @property
    def past(self) -> Amended:
        """What of the lines has come to stand otherwise; see Room."""
        return self.conversation if self.conversation is not None else UNCHANGED

    @property
    def referred(self) -> ReferredLines:
        """Lines of which somebody is about to say something; none are known where nothing was said."""
        return self.conversation.referred if self.conversation is not None else ReferredLines()

    @property
    def position(self) -> dict[str, int]:
        """How far somebody has come who has been shown everything."""
        return {self.name: self.last_seq}

    @property
    def nicks(self) -> list[str]:
        """The other, if they are at this node."""
        return [self.called] if self._conversations.person(self.peer.who) is not None else []

    async def opened(self) -> Conversation | None:
        """What is kept of it, if anything is. Raises JournalError."""
        if self.conversation is None or self.conversation.is_over:
            self._known = await self._conversations.find(self._who, self.peer.who)
        return self.conversation

    def reads_from(self, session: Occupant) -> int:
        """Whoever has accepted it reads all of it, and whoever has not nothing."""
        del session
        if self.conversation is None:
            return 0
        return 0 if self.conversation.party(self._who).has_accepted else NOTHING

    def entered(self) -> Entered:
        """What somebody is told who enters it."""
        return Entered(self.name, tuple(self.nicks), 0, "", self.last_seq)

    async def enter(self, session: Occupant, *, is_return: bool = False) -> int:
        """Tell the session that it is here, and what it has not been shown of it, as far as it is `opened`."""
        conversation = self.conversation
        session.send(self.entered())
        if conversation is None:
            return 0
        if not is_return and conversation.party(self._who).has_accepted:
            try:
                await self._recall(session, conversation)
            except JournalError:
                session.send(Refused("cannot-read"))
        return conversation.last_seq

    async def _recall(self, session: Occupant, conversation: Conversation) -> None:
        missed, last = conversation.unread(self._who), conversation.last_seq
        count = min(missed or session.person.history, HISTORY_MAX)
        if not count or not last:
            return
        page = await self.directory.journal.read(conversation.name, last - count + 1, last)
        fit = fitting(self.directory.guests.on(page.lines), from_end=True, limit=RECALLED_CHARACTERS)
        lines = lines_in_room(fit, self.name)
        recalled = Recalled(self.name, lines, missed or None, last, session.person.zone)
        session.send(shown_to(session.person.blocks, recalled))
        conversation.note_read(self._who, last)

    async def leave(self, session: Occupant) -> None:
        """Nothing is to be done."""

    def seen(self, event: E) -> E:
        """What the journal has of it as it is seen here; what is read so without a hole counts as shown."""
        if isinstance(event, PageShown):
            self._note_read(event)
            return replace(event, room=self.name, lines=lines_in_room(event.lines, self.name))
        if isinstance(event, Found):
            rooms = tuple((self.name, lines_in_room(lines, self.name)) for _, lines in event.rooms)
            return replace(event, room=self.name, rooms=rooms)
        return event

    def _note_read(self, page: PageShown) -> None:
        conversation, numbers = self.conversation, page.numbers
        if conversation is not None and numbers and numbers[0] <= conversation.read.get(self._who, 0) + 1:
            conversation.note_read(self._who, numbers[1])
