"""To give a line of one's own another text, to reply to a line, to react to one, and to see what one said before it was edited.

What is asked for becomes an entry of the room's log. Whether a text may be said there, the room's rules say as of any line. Never knows how lines are
kept.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from msgspec import Meta
from msgspec.structs import replace

from chat_server.commands.access import access
from chat_server.commands.acting import act_in
from chat_server.commands.auditing import now_of, shown_time
from chat_server.commands.case_pages import PAGE_BYTES
from chat_server.commands.handler import CommandHandler
from chat_server.commands.referring import Place, referred_line
from chat_server.commands.taking_back import not_theirs
from chat_server.journal import JournalError
from chat_server.journal.signs import ReactionTakenBack
from chat_server.journal.versions import VERSION_SECONDS, Version
from chat_server.protocol.amending import Edited, Reacted
from chat_server.protocol.amendments import REACTING_MAX, SIGNS_MAX, name_of
from chat_server.protocol.entries import Spoken
from chat_server.protocol.events import Answered, NotStored, Refused, Stored
from chat_server.protocol.names import name_key
from chat_server.protocol.requests import Key, Lines, Number, ReadOn, Request, RestOfLine, Say
from chat_server.protocol.signs import sign_of
from chat_server.rooms.batch import Acting
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.direct import Direct
from chat_server.rooms.judging import asked_filters
from chat_server.rooms.line_rules import Hold
from chat_server.rooms.person import ReactionKey, has_only_a_name
from chat_server.rooms.room import CONVERSATION, ROOM, MaybeAwaitable, Occupant

EDIT_SECONDS = 15 * 60
"""Seconds after which a line stays as it is: until then it is a slip, afterwards others have answered what it said."""

VERSION_DAYS = int(VERSION_SECONDS) // 86400

EDITS_MAX = 20
"""How often one line is edited: all that it said before is kept."""

EDIT_TOKENS = 3.0
"""Lines for which it counts to edit one: its batch is stored again, and indexed again."""

REACT_TOKENS = 2.0
"""The same for a reaction."""

VERSIONS_BYTES_PER_TOKEN = 65536
"""Bytes of what a line said before that count as a line, when they are read: all of it is, for each page."""

OfLine = Annotated[Number, Meta(description="the line's number")]


class Edit(Request, frozen=True, gc=False):
    """Give a line of one's own another text."""

    group: ClassVar[str] = "talking"
    number: OfLine
    text: Lines


class ReplyTo(Request, frozen=True, gc=False, tag="re"):
    """Reply to a line."""

    group: ClassVar[str] = "talking"
    number: OfLine
    text: Lines
    key: Key = ""


class React(Request, frozen=True, gc=False):
    """React to a line, or take that back."""

    group: ClassVar[str] = "talking"
    number: OfLine
    sign: Annotated[
        RestOfLine, Meta(description="an emoji, or the name of one: \N{THUMBS UP SIGN}, :+1: or :waving_hand_sign:")
    ]


class Versions(Request, frozen=True, gc=False):
    """Ask what a line said before it was edited."""

    group: ClassVar[str] = "reading"
    number: OfLine
    before: Annotated[Number, Meta(description="show what it said before this number; 0: the newest")] = 0


class VersionsShown(Answered, frozen=True, tag="versions"):
    """What a line said before, the oldest first: each until a time (`at`) in the receiver's zone, where it is `now`.

    It said more before the number `before`; 0: that is all.
    """

    sentence: ClassVar[str] = "Line #{number} said before:\n{listed}"
    more_sentence: ClassVar[str] = "What it said before that: /versions {number} {before}"
    listed_in: ClassVar[str] = "versions"
    row_sentences: ClassVar[dict[str, str]] = {"version": "“{line}”"}
    row_frames: ClassVar[tuple[str, ...]] = ("until {when}: {told}",)

    number: Number
    now: str
    versions: dict[str, dict[str, str]]
    before: ReadOn = 0

    def about(self, row: dict[str, str]) -> str:
        """All rows are about the same."""
        del row
        return "version"


class NoVersions(Answered, frozen=True, tag="no-versions"):
    """It said nothing else, or that is not kept any more."""

    sentence: ClassVar[str] = "Line #{number} has not been edited within {days} days."
    other_sentences: ClassVar[tuple[str, ...]] = ("Line #{number} said nothing else before that.",)

    number: Number
    days: int
    is_before: bool = False

    @property
    def own_sentence(self) -> str:
        """Whether it was asked for what it said before something."""
        return self.other_sentences[0] if self.is_before else self.sentence


class NotYourLine(Refused, frozen=True):
    """Somebody else has said it."""

    code: str = "not-your-line"
    sentence: ClassVar[str] = "Line #{number} is not yours: everybody edits only what they have said themselves."


class TooOldToEdit(Refused, frozen=True):
    """Others have read it."""

    code: str = "too-old-to-edit"
    sentence: ClassVar[str] = (
        "Line #{number} is older than {minutes} minutes and stays as it is. /delete {number} deletes it."
    )


class EditedEnough(Refused, frozen=True):
    """It has been edited so often that what it said before is as much as anybody is shown at once."""

    code: str = "edited-enough"
    sentence: ClassVar[str] = (
        "Line #{number} has been edited {limit} times and stays as it is. /delete {number} deletes it."
    )


class SameText(Refused, frozen=True):
    """Nothing would change."""

    code: str = "same-text"
    sentence: ClassVar[str] = "Line #{number} says that already."


class NoSign(Refused, frozen=True):
    """It is no emoji."""

    code: str = "no-sign"
    sentence: ClassVar[str] = "To react, give one emoji, or the name of one: /react {number} :+1:"


class EnoughReactions(Refused, frozen=True):
    """Enough have reacted."""

    code: str = "enough-reactions"
    sentence: ClassVar[str] = "Enough people have reacted to line #{number}."


class NamesakeReacted(Refused, frozen=True):
    """A guest who was called so has, who is not known to be the same."""

    code: str = "namesake-reacted"
    sentence: ClassVar[str] = (
        "A guest called {nick} has reacted to line #{number} with that already, and is not known to be you. Only they can take it back."
    )


class AmendingCommands(CommandHandler):
    """To change what was said, and to say something of it."""

    @access(where=(ROOM, CONVERSATION), asks_engine=True)
    def do_edit(self, place: Place, session: Occupant, request: Edit) -> MaybeAwaitable:
        """Give a line of yours another text.

        /edit 4711 what it should have said: within a quarter of an hour. Everybody sees the new text, and that it was edited.
        You and the moderators can see what it said before for a month: /versions 4711.
        """
        return _edit(place, session, request)

    @access(where=(ROOM, CONVERSATION))
    def do_reply_to(self, place: Place, session: Occupant, request: ReplyTo) -> MaybeAwaitable:
        """Reply to a line, by its number.

        Others see to which, and whoever has said it is told.
        /re 4711 that is what I think, too
        """
        return self.table.dispatch(place, session, Say(request.text, session.key_of_act(request.key), request.number))

    @access(where=(ROOM, CONVERSATION), asks_engine=True)
    def do_react(self, place: Place, session: Occupant, request: React) -> MaybeAwaitable:
        """React to a line with an emoji; again takes it back.

        /react 4711 :+1:
        """
        return _react(place, session, request)

    @access(where=(ROOM, CONVERSATION), bots=False, asks_engine=True)
    def do_versions(self, place: Place, session: Occupant, request: Versions) -> MaybeAwaitable:
        """Show what a line said before it was edited.

        One of yours; moderators see it of every line.
        /versions 4711 shows the newest of it, and says how to read on where that is not all.
        """
        return _show_versions(place, session, request.number, request.before)


async def _amend(place: Place, session: Occupant, entry: Edited | Reacted) -> None:
    """Have an entry stored that amends a line."""
    is_guests = isinstance(entry, Reacted) and not session.person.account
    if not isinstance(place, Direct):
        seqs: list[int] | None = [] if is_guests else None
        if (pause := act_in(place, session, Acting(entry, seqs=seqs))) is not None:
            await pause
        if isinstance(entry, Reacted) and seqs is not None:
            await place.flushed(session)
            if seqs:
                _note_reaction(place, session, entry)
        return
    conversation = place.conversation
    if conversation is None:
        return
    key, tell = session.key_of_act(), session.answer_later()

    async def amend() -> None:
        answer = await conversation.say(session, Acting(entry))
        if isinstance(entry, Reacted) and is_guests and isinstance(answer, Stored):
            _note_reaction(place, session, entry)
        if not isinstance(answer, Stored | NotStored):
            tell(answer)
        elif isinstance(answer, NotStored) or key:
            tell(replace(answer, room=place.name, key=key))

    await conversations_of(place.directory).sending.carry(session, amend)


def _note_reaction(place: Place, session: Occupant, entry: Reacted) -> None:
    """A guest has reacted, or taken that back: it is theirs, whoever is called so later."""
    reaction = _reaction(place, entry.of, entry.text)
    person, directory = session.person, place.directory
    directory.guest_reactions.note(person, reaction, is_back=entry.is_back)
    if entry.is_back and directory.nodes is not None and not has_only_a_name(person):
        directory.nodes.signs.tell(ReactionTakenBack(person.sender, *reaction))


async def _own_reaction(place: Place, session: Occupant, line: Spoken, sign: str) -> str | None:
    """Under which name a guest has reacted to a line with this sign; None if they are not known to have.

    Another node is asked where somebody has who was called as they are, or were: it may have been they.
    """
    person, key = session.person, _reaction(place, line.seq, sign)
    if (known := person.reacted.get(key, "")) and (theirs := name_of(line, sign, 0, known)):
        return theirs
    people = next((one.people for one in line.reactions if one.sign == sign), ())
    guests = {name_key(nick) for nick, account in people if not account}
    if has_only_a_name(person) or guests.isdisjoint(called for called, _ in person.called):
        return None
    known = await conversations_of(place.directory).elsewhere.reacted(person.sender, key)
    return name_of(line, sign, 0, known) if known else None


def _reaction(place: Place, of: int, sign: str) -> ReactionKey:
    """By what somebody's reaction to a line is known, whatever the room is called later."""
    return place.id if isinstance(place, ChatRoom) else place.kept_as, of, sign


async def _edit(place: Place, session: Occupant, request: Edit) -> None:
    session.owe(EDIT_TOKENS)
    line = await referred_line(place, session, request.number)
    if isinstance(line, Refused):
        session.send(line)
        return
    refusal = await _refusal_to_edit(place, session, line, request.text)
    if refusal is None and not isinstance(place, Direct):
        verdict = await asked_filters(place, session, Say(request.text))
        refusal = Refused("edit-waits") if isinstance(verdict, Hold) else verdict
    if refusal is not None:
        session.send(refusal)
    else:
        await _amend(place, session, Edited(place.kept_as, 0, 0.0, "", request.text, of=line.seq))


async def _refusal_to_edit(place: Place, session: Occupant, line: Spoken, text: str) -> Refused | None:
    """Why somebody may not give this line this text; None if they may, as far as that hangs on the line."""
    details = {"number": str(line.seq), "minutes": str(EDIT_SECONDS // 60), "limit": str(EDITS_MAX)}
    if not place.is_own(session, line):
        return not_theirs(session, line, NotYourLine(details=details))
    if place.directory.authentication.now() - line.at > EDIT_SECONDS:
        return TooOldToEdit(details=details)
    if line.text == text:
        return SameText(details=details)
    if not line.edited:
        return None
    try:
        versions = await place.directory.journal.versions(place.kept_as, line.seq)
    except JournalError:
        return Refused("cannot-read")
    return EditedEnough(details=details) if len(versions) >= EDITS_MAX else None


async def _react(place: Place, session: Occupant, request: React) -> None:
    session.owe(REACT_TOKENS)
    details = {"number": str(request.number)}
    sign = sign_of(request.sign)
    if sign is None:
        session.send(NoSign(details=details))
        return
    line = await referred_line(place, session, request.number)
    if isinstance(line, Refused):
        session.send(line)
        return
    reaction = next((one for one in line.reactions if one.sign == sign), None)
    called = name_of(line, sign, session.person.account, session.nick)
    if not session.person.account:
        theirs = await _own_reaction(place, session, line, sign)
        if called is not None and theirs is None:
            session.send(NamesakeReacted(details={"nick": called, **details}))
            return
        called = theirs
    is_full = len(line.reactions) >= SIGNS_MAX if reaction is None else len(reaction) >= REACTING_MAX
    if called is None and is_full:
        session.send(EnoughReactions(details=details))
        return
    former = called if called is not None and called != session.nick else ""
    entry = Reacted(
        *(place.kept_as, 0, 0.0, "", sign),
        of=line.seq,
        is_back=called is not None,
        called=former,
        whom=line.nick,
        account=line.author,
    )
    await _amend(place, session, entry)


async def _show_versions(place: Place, session: Occupant, number: int, before: int) -> None:
    line = await referred_line(place, session, number)
    if isinstance(line, Refused):
        session.send(line)
        return
    if not place.is_own(session, line) and (
        isinstance(place, Direct) or place.refusal_of(session, "delete") is not None
    ):
        session.send(not_theirs(session, line, NotYourLine(details={"number": str(number)})))
        return
    try:
        versions = await place.directory.journal.versions(place.kept_as, number)
    except JournalError:
        session.send(Refused("cannot-read"))
        return
    session.owe(sum(len(one.text.encode()) for one in versions) / VERSIONS_BYTES_PER_TOKEN)
    older = [one for one in versions if not before or one.number < before]
    page = _newest(older)
    zone = session.person.zone
    shown = {str(one.number): {"at": shown_time(one.until, zone), "line": one.text} for one in page}
    if shown:
        session.send(
            VersionsShown(number, now_of(place, session), shown, page[0].number if len(page) < len(older) else 0)
        )
    else:
        session.send(NoVersions(number, VERSION_DAYS, is_before=bool(versions)))


def _newest(versions: Sequence[Version]) -> Sequence[Version]:
    """As many as there may be bytes on a page; one at least."""
    size = 0
    for count, one in enumerate(reversed(versions)):
        size += len(one.text.encode())
        if count and size > PAGE_BYTES:
            return versions[-count:]
    return versions
