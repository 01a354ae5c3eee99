"""To be away, and to see what one has missed: that one was named. What is found of it, and who is told, is in rooms/calls.py.

Never knows how anything is shown.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from chat_server.commands.access import access
from chat_server.commands.chosen import note_choice
from chat_server.commands.codes import AccountNeeded
from chat_server.commands.handler import CommandHandler
from chat_server.commands.missed import come_back, mentions_of
from chat_server.journal import JournalError
from chat_server.journal.mentions import Mention
from chat_server.protocol.entries import Entry, MentionsShown
from chat_server.protocol.events import Answered, Refused
from chat_server.protocol.names import name_key
from chat_server.protocol.requests import Request, RestOfLine
from chat_server.rooms.away import AWAY, AWAY_MAX
from chat_server.rooms.blocking import shown_to
from chat_server.rooms.known_rooms import known_room
from chat_server.rooms.paging import fitting
from chat_server.rooms.person import HOLDER
from chat_server.rooms.reader import line
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room
from chat_server.rooms.visitors import refusal_beside_rooms

SHOWN_MAX = 20
"""Mentions that are shown at a time: a screen. Each is read where it stands."""

OFF = "off"
"""What ends it to be away, where one says nothing."""


class Away(Request, frozen=True, gc=False):
    """Be away, until one says something."""

    group: ClassVar[str] = "talking"
    text: Annotated[
        RestOfLine, Meta(description="what those are told who name you or write to you; off: you are back")
    ] = ""


class ShowMentions(Request, frozen=True, gc=False, tag="mentions"):
    """Read where one was named while one was away."""

    group: ClassVar[str] = "reading"
    which: Annotated[Literal["", "all"], Meta(description="all: those that you have seen, too")] = ""


class NowAway(Answered, frozen=True):
    """The receiver is away; who names them or writes to them is told so, and this, once an hour."""

    sentence: ClassVar[str] = (
        "You are away. Whoever names you or writes to you is told so once an hour, and nobody else. Say something, or /away off, when you are back."
    )

    away: str


class NotAway(Answered, frozen=True):
    """The receiver was not away."""

    sentence: ClassVar[str] = "You are not away. /away TEXT says that you are."


class NoMentions(Answered, frozen=True):
    """Nobody has named the receiver while they were away; or they have seen all of it."""

    sentence: ClassVar[str] = "Nobody has named you since you last looked."
    other_sentences: ClassVar[tuple[str, ...]] = (
        "Nobody has named you since you last looked. /mentions all shows what you have seen.",
    )

    has_seen: bool = False

    @property
    def own_sentence(self) -> str:
        """Where there is something, it says how that is shown."""
        return self.other_sentences[0] if self.has_seen else self.sentence


class AwayTooLong(Refused, frozen=True):
    """What one says of being away is too long."""

    code: str = "away-length"
    sentence: ClassVar[str] = "That has at most {limit} characters."


class AttentionCommands(CommandHandler):
    """To be away, and to come back."""

    @access(bots=False)
    def do_away(self, place: Room, session: Occupant, request: Away) -> MaybeAwaitable:
        """Say that you are away.

        Whoever names you or writes to you is told so, with your text, once an hour; the room is not told. Anything you say ends it, or /away off.
        """
        if name_key(request.text) == OFF:
            if session.person.away is None:
                session.send(NotAway())
                return None
            return come_back(place, session, is_asked=True)
        if len(request.text) > AWAY_MAX:
            session.send(AwayTooLong(details={"limit": str(AWAY_MAX)}))
            return None
        now = place.directory.authentication.now()
        refusal = refusal_beside_rooms(place.directory.accounts.acts.in_force, session, now) if request.text else None
        if refusal is not None:
            session.send(refusal)
            return None
        if not session.person.account:
            place.directory.calls.away_guests[name_key(session.nick)] = session.person
        return note_choice(place, session, AWAY, request.text, NowAway(request.text))

    @access(role=HOLDER, refusal=lambda _: AccountNeeded(), bots=False, asks_engine=True)
    def do_mentions(self, place: Room, session: Occupant, request: ShowMentions) -> MaybeAwaitable:
        """Read where you were named while you were away.

        The newest twenty that you have not seen; /mentions all shows the newest twenty, seen or not. What you see at one device you have seen at all.
        """
        return _show(place, session, is_all=request.which == "all")


async def _show(place: Room, session: Occupant, *, is_all: bool) -> None:
    journal = place.directory.journal
    try:
        named = await mentions_of(place, session)
        kept = [one for one in named if is_all or not one.is_read]
        found = [(one, await _line_of(place, session, one)) for one in kept[-SHOWN_MAX:]]
        newest, lines = _fitting(found)
        if not newest:
            session.send(NoMentions(has_seen=bool(named)))
            return
        blocks, zone = session.person.blocks, session.person.zone
        rooms = tuple((room, blocks.on(place.directory.guests.on(of_room))) for room, of_room in lines.items())
        session.send(shown_to(blocks, MentionsShown(rooms, len(kept) - len(newest), zone)))
    except JournalError:
        session.send(Refused("cannot-read"))
        return
    if seen := [one for one in newest if not one.is_read]:
        try:
            await journal.mentions.mark_read(session.person.account, seen)
        except JournalError:
            session.send_unasked(Refused("cannot-store"))  # they are shown again


async def _line_of(place: Room, session: Occupant, mention: Mention) -> Entry | None:
    room = known_room(place, session, mention.room)
    return None if room is None else await line(room, session, mention.seq)


def _fitting(found: Sequence[tuple[Mention, Entry | None]]) -> tuple[list[Mention], dict[str, list[Entry]]]:
    """Of mentions, with the lines as far as somebody reads them, the newest that fit on a page; and those lines by room."""
    left = len(fitting([one for _, one in found if one is not None], from_end=True))
    newest: list[Mention] = []
    lines: dict[str, list[Entry]] = {}
    for mention, one in reversed(found):
        if one is not None:
            if not left:
                break
            left -= 1
            lines[mention.room] = [one, *lines.pop(mention.room, [])]
        newest.insert(0, mention)
    return newest, dict(reversed(lines.items()))
