"""What is kept of somebody who has an account, for them to take along: the account, its devices, what they have chosen, their lines.

It comes as it is read, some lines at a time, as fast as its reader takes it and its pace allows. Never knows how it is shown, nor where it is kept.
"""

from collections.abc import Iterator
from typing import ClassVar

from chat_server.accounts import Choices
from chat_server.commands.access import access
from chat_server.commands.codes import AccountNeeded
from chat_server.commands.devices import list_devices, show_account
from chat_server.commands.handler import CommandHandler
from chat_server.journal import JournalError
from chat_server.protocol.entries import OwnLines
from chat_server.protocol.events import Answered, Refused
from chat_server.protocol.requests import HowMany, Request
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.paging import fitting
from chat_server.rooms.person import HOLDER
from chat_server.rooms.reader import own_lines
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room

LINES_AT_ONCE = 50
"""Lines that are sent in one piece."""

READ_AT_ONCE = 200
"""Lines after which the journal is asked for more."""

READING_TOKENS = 5.0
"""Lines for which it counts to look for more of somebody's: some thousand batches are looked through, beside the event loop."""


class Export(Request, frozen=True, gc=False):
    """Have everything that is kept of one's account."""


class Exported(Answered, frozen=True):
    """The receiver has been given everything: so many lines of theirs and of their conversations.

    And what they have chosen, by kind of door ("": wherever they are).
    """

    sentence: ClassVar[str] = (
        "That is everything: your account, your devices, {lines} lines of yours and of your conversations, and what you have chosen: {chosen}"
    )

    lines: HowMany
    chosen: tuple[str, ...]
    choices: dict[str, dict[str, str | int | bool | None]]


class LinesWithheld(Answered, frozen=True, tag="lines-withheld"):
    """The receiver has been given all lines of theirs but these: they stand where the receiver may not read any more."""

    sentence: ClassVar[str] = (
        "Not shown: {count} lines of yours that stand where you may not read. Whoever runs the server can give them to you."
    )

    count: HowMany


class ExportedLately(Refused, frozen=True):
    """Somebody has had everything as often as one may within a day."""

    code: str = "exported-lately"
    sentence: ClassVar[str] = "You have had that {limit} times within a day. Ask again tomorrow."


class ExportCommands(CommandHandler):
    """To take along what is one's own."""

    @access(role=HOLDER, refusal=lambda _: AccountNeeded(), asks_engine=True)
    def do_export(self, place: Room, session: Occupant, request: Export) -> MaybeAwaitable:
        """Show everything that is kept of you.

        Your account, your devices, your lines, what you have chosen.
        It comes as fast as you may send lines, and nothing else is carried out for you here meanwhile.
        """
        return _export(place, session)


async def _export(place: Room, session: Occupant) -> None:
    directory, who = place.directory, session.person.sender
    now = directory.authentication.now()
    if directory.exports.is_used_up(who, now):
        session.send(ExportedLately(details={"limit": str(directory.exports.limit)}))
        return
    directory.exports.use(who, now)
    await show_account(place, session)
    await list_devices(place, session)
    try:
        lines = await _send_lines(place, session)
    except JournalError:
        directory.exports.take_back(who, now)
        session.send(Refused("cannot-read"))
        return
    choices = session.person.choices
    session.send(Exported(lines, tuple(_in_words(choices)), {kind: dict(chosen) for kind, chosen in choices.items()}))


async def _send_lines(place: Room, session: Occupant) -> int:
    """Send all lines of the account's; return how many. Raises JournalError."""
    accounts, account = place.directory.accounts, session.person.account
    conversations = conversations_of(place.directory)
    await conversations.load(conversations.who(session.person))
    count, withheld, after = 0, 0, 0
    while True:
        session.owe(READING_TOKENS)
        await session.drained()
        own = await accounts.lines_of(account, after, READ_AT_ONCE)
        lines = own_lines(place, session, own.lines, conversations.called(session.person))
        count += len(lines)
        withheld += len(own.lines) - len(lines)
        while lines:
            piece = fitting(lines[:LINES_AT_ONCE])  # what is more than may wait for a reader would be left out
            del lines[: len(piece)]
            await session.drained()
            session.send(OwnLines(tuple(piece), session.person.zone))
        if own.after is None:
            break
        after = own.after
    if withheld:
        session.send(LinesWithheld(withheld))
    return count


def _in_words(choices: Choices) -> Iterator[str]:
    for kind, chosen in choices.items():
        for setting, value in chosen.items():
            yield f"{kind + '.' if kind else ''}{setting} = {value}"
