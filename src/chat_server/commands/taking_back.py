"""To take back what was said: one's own lines, and as a moderator those of others, one or all that somebody has said lately.

What is asked for becomes an entry of the room's log, after which the old text is nowhere any more; many lines become several, one after the other,
so that what is said meanwhile waits for none of them long. Never knows how that is done.
"""

from collections.abc import AsyncIterator, Sequence
from math import inf
from typing import Annotated, ClassVar, NamedTuple

from msgspec import Meta, Struct

from chat_server.commands.access import access
from chat_server.commands.acting import CURB_SECONDS_MAX, Nick, NoSuchSpan, act_in
from chat_server.commands.handler import CommandHandler
from chat_server.commands.letting_in import readable
from chat_server.commands.spans import parsed_span
from chat_server.journal import JournalError
from chat_server.protocol.amending import Deleted, Redacted
from chat_server.protocol.entries import Entry, TopicSet
from chat_server.protocol.events import Answered, Refused, Stored
from chat_server.protocol.names import name_key
from chat_server.protocol.redactions import NUMBERS_MAX, RANGES_MAX, can_be_deleted, in_words, ranges_of
from chat_server.protocol.requests import HowMany, Number, Request, RestOfLine
from chat_server.protocol.stored_event import span_of
from chat_server.rooms import reader
from chat_server.rooms.batch import Acting
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.direct import Direct
from chat_server.rooms.room import CONVERSATION, ROOM, MaybeAwaitable, Occupant

DELETE_TOKENS = 5.0
"""Lines for which it counts to delete one: it is read, its batch is stored again, and indexed again."""

PURGE_TOKENS = 1.0
"""The same for one of the entries that delete many lines, by those who moderate: paid before the next, so it is their pace too."""

PURGE_SECONDS = 3600.0
"""How far back somebody's lines are deleted where nothing is said of that."""

PURGED_MAX = 10_000
"""Lines that are deleted at once."""

LOOKED_THROUGH_MAX = 100_000
"""Of so many lines, the newest of a room, somebody's are looked for: a second beside the event loop."""

READ_AT_ONCE, READING_TOKENS = 500, 1.0
"""Lines after which the journal is asked for more, and for how many lines that counts."""

BYTES_AT_ONCE = 1 << 18
"""Characters of all lines between the first and the last that one entry deletes: their batches are stored again by one commit, in some milliseconds,
as with accounts that are erased (journal/sqlite/rewriting.py)."""


class Delete(Request, frozen=True, gc=False):
    """Delete a line."""

    group: ClassVar[str] = "talking"
    number: Annotated[Number, Meta(description="the line's number")]


class Purge(Request, frozen=True, gc=False):
    """Delete all that somebody has said lately."""

    group: ClassVar[str] = "moderating"
    nick: Nick
    span: Annotated[
        RestOfLine,
        Meta(
            description="how far back, such as 10m or 2h (else an hour); and then, to have it done, how many lines at most"
        ),
    ] = ""


class LinesDeleted(Answered, frozen=True, tag="lines-deleted"):
    """Lines of a room have been deleted."""

    sentence: ClassVar[str] = "Deleted in {room}: {count}."

    room: str
    count: HowMany


class LinesCounted(Answered, frozen=True, tag="lines-counted"):
    """So many lines of somebody would be deleted; nothing is yet."""

    sentence: ClassVar[str] = (
        "Lines of {nick} in {room} in {span}: {count}, {numbers}. /purge {nick} {span} {count} deletes them."
    )

    room: str
    nick: str
    span: str
    count: HowMany
    numbers: str


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


class NotYours(Refused, frozen=True):
    """Somebody else has said it, and nobody moderates what two write to one another."""

    code: str = "not-yours"
    sentence: ClassVar[str] = "Line #{number} is not yours. Nobody moderates what two write to one another."


class NotKnownYours(Refused, frozen=True):
    """It was said by a guest who was called as the receiver is, who has no account either: it may be another's."""

    code: str = "not-known-yours"
    sentence: ClassVar[str] = (
        "Line #{number} is not known to be yours: without an account you can change only what you have said since you connected here."
    )


def not_theirs(session: Occupant, line: Entry, refusal: Refused) -> Refused:
    """Why somebody may not change a line that is not known to be theirs: this refusal, unless they may well have said it."""
    if line.author or session.person.account or name_key(line.nick) != name_key(session.nick):
        return refusal
    return NotKnownYours(details={"number": str(line.seq)})


class NothingToPurge(Refused, frozen=True):
    """They have said nothing."""

    code: str = "nothing-to-purge"
    sentence: ClassVar[str] = "{nick} has said nothing here in {span}, or it is deleted already."


class TooMuchToPurge(Refused, frozen=True):
    """They have said too much."""

    code: str = "too-much-to-purge"
    sentence: ClassVar[str] = "{nick} has said more than {limit} lines here in {span}. Say a shorter time."


class _Author(Struct, frozen=True):
    """Whose lines they are: an account's; 0: of whoever has the nickname without having one. `role` is theirs on the server."""

    nick: str
    account: int
    role: str = ""

    def has_said(self, line: Entry) -> bool:
        """Whether a line is theirs."""
        if self.account or line.author:
            return self.account == line.author
        return name_key(line.nick) == name_key(self.nick)


class _Found(NamedTuple):
    """A line, and how many characters all have that were looked through up to it."""

    line: Entry
    characters: int


class TakingBackCommands(CommandHandler):
    """To take back what was said."""

    @access(where=(ROOM, CONVERSATION), asks_engine=True)
    def do_delete(self, place: ChatRoom | Direct, session: Occupant, request: Delete) -> MaybeAwaitable:
        """Delete a line of yours; moderators delete those of others.

        A line is named by its number in this room, such as 4711. Nobody can read its text again.
        Without an account you can delete what you have said since you came in.
        """
        return _delete(place, session, request.number)

    @access(where=(ROOM,), act="delete", asks_engine=True)
    def do_purge(self, place: ChatRoom, session: Occupant, request: Purge) -> MaybeAwaitable:
        """Delete all that somebody has said here lately.

        /purge bob 1h tells how many lines that would be, and what to type to have them deleted.
        """
        return _purge(place, session, request)


async def line_meant(place: ChatRoom | Direct, session: Occupant, number: int) -> Entry | None:
    """The line with this number, if somebody may read it; a conversation knows then whose it is. Raises JournalError."""
    if not isinstance(place, Direct):
        return await reader.line(place, session, number)
    await place.opened()
    if (line := await reader.line(place, session, number)) is not None:
        await place.learn(line)
    return line


async def _delete(place: ChatRoom | Direct, session: Occupant, number: int) -> None:
    session.owe(DELETE_TOKENS)
    details = {"number": str(number)}
    try:
        line = await line_meant(place, session, number)
    except JournalError:
        session.send(Refused("cannot-read"))
        return
    if line is None:  # or none that they may read
        session.send(NoSuchLine(details=details))
    elif isinstance(line, Deleted):
        session.send(DeletedAlready(details=details))
    elif not can_be_deleted(line):
        session.send(StaysOnRecord(details=details))
    elif isinstance(place, Direct):
        await _take_back(place, session, line)
    else:
        author = await _author_of(place, session, line)
        if isinstance(author, Refused):
            session.send(author)
        elif await _redact(place, session, author, [line]) and not session.has_terminal:
            session.send(LinesDeleted(place.name, 1))


async def _take_back(place: Direct, session: Occupant, line: Entry) -> None:
    """Have a line deleted in a conversation, where everybody deletes their own and nobody another's."""
    person, conversation = session.person, place.conversation
    if conversation is None or not place.is_own(session, line):
        session.send(not_theirs(session, line, NotYours(details={"number": str(line.seq)})))
        return
    of = ranges_of([line.seq])
    redacted = Redacted(place.kept_as, 0, 0.0, "", in_words(of), whom=person.nick, of=of, account=line.author)
    tell = session.answer_later()

    async def take_back() -> None:
        answer = await conversation.say(session, Acting(redacted, is_own=True))
        if not isinstance(answer, Stored):
            tell(answer if isinstance(answer, Refused) else Refused("cannot-store"))
        elif not session.has_terminal:
            tell(LinesDeleted(place.name, 1))

    await conversations_of(place.directory).sending.carry(session, take_back)


async def _author_of(place: ChatRoom, session: Occupant, line: Entry) -> _Author | Refused:
    """Who has said a line. Whoever has said it themselves is called as they are now."""
    if place.is_own(session, line):
        return _Author(session.nick, line.author)
    if not line.author:
        return _Author(line.nick, 0)
    account = await readable(place.directory.accounts.account(line.author))
    if isinstance(account, Refused):
        return account
    return _Author(line.nick, line.author, account.role if account is not None and account.state != "closed" else "")


async def _redact(place: ChatRoom, session: Occupant, author: _Author, lines: Sequence[Entry]) -> bool:
    """Have lines of somebody deleted by one entry, and wait for it. Returns whether they are; else the session is told why not."""
    of = ranges_of(line.seq for line in lines)
    redacted = Redacted(place.name, 0, 0.0, "", in_words(of), whom=author.nick, of=of, account=author.account)
    topics = frozenset(line.text for line in lines if isinstance(line, TopicSet))
    is_own = all(place.is_own(session, line) for line in lines)
    act = Acting(redacted, author.role, is_own=is_own, topics=topics, seqs=(stored := list[int]()))
    pause = act_in(place, session, act, is_answered=True)
    if pause is not None:
        await pause
    await place.flushed(session)
    if not stored and place.refusal_to_act(session, act) is None and not session.has_terminal:
        session.send(Refused("cannot-store"))  # people have been told already, and nobody waits for an answer
    return bool(stored)


# All that somebody has said.


async def _purge(place: ChatRoom, session: Occupant, request: Purge) -> None:
    seconds, rest = parsed_span(request.span, PURGE_SECONDS)
    if (span := request.span.strip()).isdecimal():  # how many, without a time
        seconds, rest = PURGE_SECONDS, span
    if seconds == inf:
        session.send(NoSuchSpan())
        return
    seconds = min(seconds, CURB_SECONDS_MAX)
    author = await _author_called(place, request.nick)
    if isinstance(author, Refused):
        session.send(author)
        return
    redacted = Redacted(place.name, 0, 0.0, "", "", whom=author.nick, account=author.account)
    if (refusal := place.refusal_to_act(session, Acting(redacted, author.role))) is not None:
        session.send(refusal)
        return
    details = {"nick": author.nick, "span": span_of(seconds), "limit": str(PURGED_MAX)}
    try:
        found = [one async for one in _lines_of(place, session, author, seconds)]
    except JournalError:
        session.send(Refused("cannot-read"))
        return
    limit = int(rest) if rest.isascii() and rest.isdecimal() and len(rest) <= len(details["limit"]) else 0
    if not found:
        session.send(NothingToPurge(details=details))
    elif len(found) > PURGED_MAX:
        session.send(TooMuchToPurge(details=details))
    elif len(found) > limit:
        numbers = in_words(ranges_of(one.line.seq for one in found))
        session.send(LinesCounted(place.name, author.nick, span_of(seconds), len(found), numbers))
    else:
        await _redact_all(place, session, author, found)


async def _author_called(place: ChatRoom, nick: str) -> _Author | Refused:
    """Whose lines are meant by a name: an account's, or those of a guest, who may have left long ago."""
    account = await readable(place.directory.accounts.find(name_key(nick)))
    if isinstance(account, Refused):
        return account
    if account is not None and account.state != "closed":
        return _Author(account.name, account.id, account.role)
    return _Author(nick, 0)


async def _lines_of(place: ChatRoom, session: Occupant, author: _Author, seconds: float) -> AsyncIterator[_Found]:
    """What somebody has said in the last seconds that is not deleted; one more than may be deleted at most."""
    journal, now = place.directory.journal, place.directory.authentication.now()
    last = place.last_seq
    since = await journal.seq_at(place.name, now - seconds)
    first = max(since, place.reads_from(session), last - LOOKED_THROUGH_MAX + 1)
    characters = count = 0
    while first <= last and count <= PURGED_MAX:
        session.owe(READING_TOKENS)
        page = await journal.read(place.name, first, min(first + READ_AT_ONCE - 1, last))
        for line in page.lines:
            characters += len(line.text)
            if can_be_deleted(line) and author.has_said(line):
                count += 1
                yield _Found(line, characters)
        first += READ_AT_ONCE


async def _redact_all(place: ChatRoom, session: Occupant, author: _Author, found: Sequence[_Found]) -> None:
    count = 0
    for lines in _parted(found):
        session.owe(PURGE_TOKENS)
        await session.drained()
        if not await _redact(place, session, author, lines):
            break
        count += len(lines)
    if count:
        session.send(LinesDeleted(place.name, count))


def _parted(found: Sequence[_Found]) -> list[list[Entry]]:
    """The lines, for as many entries as it takes."""
    parts: list[list[Entry]] = []
    begun_at = rows = 0
    for line, characters in found:
        part = parts[-1] if parts else []
        follows = bool(part) and part[-1].seq + 1 == line.seq
        is_full = len(part) >= NUMBERS_MAX or (rows >= RANGES_MAX and not follows)
        if not part or is_full or characters - begun_at > BYTES_AT_ONCE:
            parts.append([line])
            begun_at, rows = characters - len(line.text), 1
        else:
            part.append(line)
            rows += not follows
    return parts
