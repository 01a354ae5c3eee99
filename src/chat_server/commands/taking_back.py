"""To take back what was said: one's own lines, and as a moderator those of others.

What is asked for becomes an entry of the room's log, behind which the old text is nowhere any more. Never knows how that is done.
"""

from typing import Annotated, ClassVar

from msgspec import Meta

from chat_server.commands.access import access
from chat_server.commands.handler import CommandHandler
from chat_server.commands.letting_in import readable
from chat_server.commands.moderating import act_in
from chat_server.journal import JournalError
from chat_server.protocol.entries import Deleted, Entry, Redacted, TopicSet
from chat_server.protocol.events import Refused
from chat_server.protocol.redactions import can_be_deleted, in_words, ranges_of
from chat_server.protocol.requests import Number, Request
from chat_server.rooms.batch import Acting
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.reader import line as readable_line
from chat_server.rooms.room import ROOM, MaybeAwaitable, Occupant

DELETE_TOKENS = 5.0
"""Lines for which it counts to delete one: it is read, its batch is stored again, and it is indexed again."""


class Delete(Request, frozen=True, gc=False):
    """Delete a line."""

    group: ClassVar[str] = "talking"
    number: Annotated[Number, Meta(description="the line's number")]


class NoSuchLine(Refused, frozen=True):
    """There is no line with this number."""

    code: str = "no-such-line"
    sentence: ClassVar[str] = "There is no line #{number} here. /last shows the newest ones with their numbers."


class DeletedAlready(Refused, frozen=True):
    """It has been deleted."""

    code: str = "deleted-already"
    sentence: ClassVar[str] = "Line #{number} is deleted already."


class StaysOnRecord(Refused, frozen=True):
    """It is not something that somebody has said."""

    code: str = "stays-on-record"
    sentence: ClassVar[str] = "Line #{number} says what was done, not what was said: that stays on record."


class TakingBackCommands(CommandHandler):
    """To take back what was said."""

    @access(where=(ROOM,), asks_engine=True)
    def do_delete(self, place: ChatRoom, session: Occupant, request: Delete) -> MaybeAwaitable:
        """Delete a line of yours; moderators delete those of others.

        A line is named by its number in this room, such as 4711. Nobody can read its text again.
        Without an account you can delete what you have said since you came in.
        """
        return _delete(place, session, request.number)


async def _delete(place: ChatRoom, session: Occupant, number: int) -> None:
    session.owe(DELETE_TOKENS)
    details = {"number": str(number)}
    try:
        line = await readable_line(place, session, number)
    except JournalError:
        session.send(Refused("cannot-read"))
        return
    if line is None:
        session.send(NoSuchLine(details=details))
    elif isinstance(line, Deleted):
        session.send(DeletedAlready(details=details))
    elif not can_be_deleted(line):
        session.send(StaysOnRecord(details=details))
    else:
        await _redact(place, session, line)


async def _redact(place: ChatRoom, session: Occupant, line: Entry) -> None:
    is_own, role = place.is_own(session, line), ""
    if line.author and not is_own:
        account = await readable(place.directory.accounts.account(line.author))
        if isinstance(account, Refused):
            session.send(account)
            return
        role = account.role if account is not None and account.state != "closed" else ""
    of = ranges_of([line.seq])
    nick = session.nick if is_own else line.nick
    redacted = Redacted(place.name, 0, 0.0, "", in_words(of), whom=nick, of=of, account=line.author)
    topics = frozenset({line.text}) if isinstance(line, TopicSet) else frozenset[str]()
    pause = act_in(place, session, Acting(redacted, role, is_own=is_own, topics=topics))
    if pause is not None:
        await pause
