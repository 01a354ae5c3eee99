"""To show, and be shown, who is writing just now, and how far somebody has read; and what programs say of that. Never knows who is told, nor when."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from chat_server.commands.access import access
from chat_server.commands.chosen import note_choice
from chat_server.commands.handler import CommandHandler
from chat_server.protocol.events import Refused
from chat_server.protocol.requests import Number, Request
from chat_server.protocol.setting_events import SettingShown
from chat_server.rooms.conversation import Conversation
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.direct import Direct
from chat_server.rooms.person import Person
from chat_server.rooms.room import CONVERSATION, ROOM, MaybeAwaitable, Occupant, Room
from chat_server.rooms.writing import RECEIPTS, TYPING, has_chosen, writing_of

OnOrOff = Annotated[Literal["", "on", "off"], Meta(description="nothing: show which")]


class ChooseTyping(Request, frozen=True, gc=False, tag="typing"):
    """Show others that one is writing, and be shown who is, or not."""

    group: ClassVar[str] = "talking"
    typing: OnOrOff = ""


class ChooseReceipts(Request, frozen=True, gc=False, tag="receipts"):
    """Show whoever writes to one how far one has read, and be shown that, or not."""

    group: ClassVar[str] = "talking"
    receipts: OnOrOff = ""


class IsWriting(Request, frozen=True, gc=False, tag="writing"):
    """Say that the user is writing in the room; again every few seconds, for as long as they are. Not `on`: that they have taken it all away."""

    is_typed: ClassVar[bool] = False
    on: bool = True


class NoteRead(Request, frozen=True, gc=False, tag="has-read"):
    """Say up to which line the user has read the conversation."""

    is_typed: ClassVar[bool] = False
    seq: Number


class TypingOff(Refused, frozen=True):
    """Nobody is told that the receiver writes who has not chosen it."""

    code: str = "typing-off"
    sentence: ClassVar[str] = "Nobody is shown that you are writing, for you have not chosen it. /typing on does."


class TypingUnseen(Refused, frozen=True):
    """Nobody is told there that the receiver writes: there are too many people, or they may not say anything."""

    code: str = "typing-unseen"
    sentence: ClassVar[str] = "Nobody is shown there that you are writing."


class ReceiptsOff(Refused, frozen=True):
    """Nobody is told what the receiver has read who has not chosen it."""

    code: str = "receipts-off"
    sentence: ClassVar[str] = "Nobody is shown how far you have read, for you have not chosen it. /receipts on does."


class WritingCommands(CommandHandler):
    """Who is writing, and who has read what."""

    @access(bots=False)
    def do_typing(self, place: Room, session: Occupant, request: ChooseTyping) -> MaybeAwaitable:
        """Show others when you are writing, and see when they are.

        Only among people who have both chosen it, in programs that can show it, in conversations and in rooms of at most fifty. It is kept nowhere.
        """
        return _choose(place, session, TYPING, request.typing)

    @access(bots=False)
    def do_receipts(self, place: Room, session: Occupant, request: ChooseReceipts) -> MaybeAwaitable:
        """Show how far you have read, and see how far others have.

        Only in conversations of two who have both chosen it, in programs that can show it. It is kept nowhere.
        """
        return _choose(place, session, RECEIPTS, request.receipts)

    @access(door="program", where=(CONVERSATION, ROOM), bots=False)
    def do_writing(self, place: Room, session: Occupant, request: IsWriting) -> None:
        """Say that your user is writing."""
        signs, kept_as = writing_of(place.directory), place.kept_as
        if isinstance(place, Direct):
            conversation = _open(place, session)
            if conversation is None:
                return
            kept_as = conversation.name
        if not request.on:
            signs.stops(kept_as, session)
        elif not has_chosen(session.person.choices, TYPING):
            session.send(TypingOff())
        elif signs.may_write(kept_as, session):
            signs.writes(kept_as, session)
        elif not isinstance(place, Direct):  # there it would tell whether the other has accepted
            session.send(TypingUnseen())

    @access(door="program", where=(CONVERSATION,), bots=False)
    def do_has_read(self, place: Direct, session: Occupant, request: NoteRead) -> None:
        """Say how far your user has read."""
        conversation = _open(place, session)
        if not has_chosen(session.person.choices, RECEIPTS):
            session.send(ReceiptsOff())
        elif conversation is not None:
            writing_of(place.directory).reads(conversation, session, request.seq)


def _open(place: Direct, session: Occupant) -> Conversation | None:
    """The conversation with somebody, if it is known here: nothing is read for a sign."""
    conversations = conversations_of(place.directory)
    return conversations.between(conversations.who(session.person), place.peer.who)


def _choose(place: Room, session: Occupant, what: str, value: str) -> MaybeAwaitable:
    """Note the choice, if there is one, and show which holds."""
    person = session.person
    if not value:
        session.send(SettingShown(what, "on" if has_chosen(person.choices, what) else "off", is_new=False))
        return None
    answer = SettingShown(what, value)
    stored = note_choice(place, session, what, value == "on", answer)
    if stored is None:
        tell_programs(person, what, session)
        return None

    async def choose() -> None:
        await stored
        tell_programs(person, what, session)

    return choose()


def tell_programs(person: Person[Occupant], what: str, but: Occupant | None = None) -> None:
    """Tell somebody's programs, but one, what holds: they say when their user writes, and what they have read, only where that is wanted."""
    for session in person.sessions:
        if session is not but:
            tell_program(session, what)


def tell_chosen(session: Occupant) -> None:
    """Tell a program whose user has just logged in which of the two they have chosen."""
    if not session.person.choices:
        return
    for what in (TYPING, RECEIPTS):
        if has_chosen(session.person.choices, what):
            tell_program(session, what)


def tell_program(session: Occupant, what: str) -> None:
    """Tell a program what holds."""
    if not (session.has_terminal or session.proof.is_bot):
        value = "on" if has_chosen(session.person.choices, what) else "off"
        session.send_unasked(SettingShown(what, value, is_new=False))
