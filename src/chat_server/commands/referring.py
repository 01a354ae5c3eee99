"""What somebody says of a line that was said before, by its number: that they may read it, and that it is something to which one can refer."""

from collections.abc import Callable
from typing import ClassVar

from chat_server.commands.taking_back import DeletedAlready, NoSuchLine, line_meant
from chat_server.journal import JournalError
from chat_server.journal.keys import SenderKey
from chat_server.protocol.amending import Deleted
from chat_server.protocol.entries import Spoken
from chat_server.protocol.events import Refused, Stored
from chat_server.protocol.requests import Say
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.direct import Direct
from chat_server.rooms.room import MaybeAwaitable, Occupant

READING_TOKENS = 1.0
"""Lines for which it counts to read the one that is meant."""

Place = ChatRoom | Direct


class NothingSaid(Refused, frozen=True):
    """It says what was done."""

    code: str = "nothing-said"
    sentence: ClassVar[str] = "Line #{number} says what was done, not what was said: choose another line."


async def referred_line(place: Place, session: Occupant, number: int) -> Spoken | Refused:
    """Read the line that somebody means, which the place knows from then on until what they say of it is stored; or why they cannot mean it."""
    session.owe(READING_TOKENS)
    if place.directory.is_engine_away:  # the line cannot be read, and what is said of it does not wait for that
        return Refused("engine-away")
    details = {"number": str(number)}
    try:
        line = await line_meant(place, session, number)
    except JournalError:
        return Refused("cannot-read")
    if line is None:
        return NoSuchLine(details=details)
    if isinstance(line, Deleted):
        return DeletedAlready(details=details)
    if not isinstance(line, Spoken):
        return NothingSaid(details=details)
    place.referred.note(line)
    return line


async def say_of(place: Place, session: Occupant, request: Say, say: Callable[[], MaybeAwaitable]) -> None:
    """Say something that replies to a line, if that can be; `say` says it."""
    line = await referred_line(place, session, request.re)
    if isinstance(line, Refused):
        session.send(await _stored_before(place, session, request) or line)
    elif (pause := say()) is not None:
        await pause


async def _stored_before(place: Place, session: Occupant, request: Say) -> Stored | None:
    """That it was stored already: a program that has not heard so sends it again, and the line to which it replies may be gone since."""
    if not request.key:
        return None
    try:
        found = await place.directory.journal.stored_under(SenderKey(session.person.sender, request.key))
    except JournalError:
        return None
    return None if found is None else Stored(place.name, found.seq, request.key)
