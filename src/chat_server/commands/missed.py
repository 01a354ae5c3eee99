"""What somebody is told who is back by saying something: that they are, and where they were named meanwhile (who logs in: rooms/conversations.py)."""

from collections.abc import Sequence

from chat_server.commands.chosen import note_choice
from chat_server.journal import JournalError
from chat_server.journal.mentions import Mention
from chat_server.protocol.names import name_key
from chat_server.protocol.people_events import NowBack
from chat_server.rooms.away import AWAY
from chat_server.rooms.named_meanwhile import told_to, waiting
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room


def back_if_away(place: Room, session: Occupant, pause: MaybeAwaitable) -> MaybeAwaitable:
    """Somebody has said something: if they were away, they are back. Called for every line: what it costs most of them is one look."""
    if session.person.away is None or session.proof.is_bot:
        return pause
    return _back_after(place, session, pause)


async def _back_after(place: Room, session: Occupant, pause: MaybeAwaitable) -> None:
    if pause is not None:
        await pause
    await come_back(place, session, is_asked=False)


async def come_back(place: Room, session: Occupant, *, is_asked: bool) -> None:
    """Somebody is back, and is told so, and what they have missed."""
    stored = note_choice(place, session, AWAY, None, NowBack(), is_asked=is_asked)
    place.directory.calls.away_guests.pop(name_key(session.nick), None)
    if stored is not None:
        await stored
    if session.person.away is None:  # else it could not be stored, which they have been told
        await tell_mentions(place, session)


async def tell_mentions(place: Room, session: Occupant) -> None:
    """Tell somebody how often they were named while they were away, if they were."""
    if not session.person.account or session.proof.is_bot:
        return
    try:
        found = await mentions_of(place, session)
    except JournalError:
        return  # nobody has asked
    event = waiting(found)
    if event is not None:
        session.send_unasked(event)


async def mentions_of(place: Room, session: Occupant) -> Sequence[Mention]:
    """What is kept of somebody's mentions, where they may read it and have not blocked who has named them. Raises JournalError."""
    await place.directory.calls.look()
    found = await place.directory.journal.mentions.of(session.person.account)
    return told_to(session, found, place.directory)
