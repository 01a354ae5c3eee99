"""What the bots that filter a room say of a line before it is said, whichever nodes they are at. Never knows what becomes of the line."""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from functools import reduce

import trio
from msgspec import Struct

from chat_server.accounts import sender_of
from chat_server.journal.lines_asked import LineAsked
from chat_server.journal.signs import FilterQuiet
from chat_server.protocol.entries import KIND_BY_REQUEST, Storable
from chat_server.protocol.events import Refused
from chat_server.protocol.requests import tag_of
from chat_server.rooms.case_news import tell_filter_quiet
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.line_questions import stricter
from chat_server.rooms.line_rules import Verdict
from chat_server.rooms.rights import MEMBER
from chat_server.rooms.room import Occupant

ELSEWHERE_TOKENS = 1.0
"""What it costs to say something that bots at other nodes look at, in lines: the database passes it on, and has it for that moment."""


class FiltersOf(Struct, frozen=True):
    """Who looks at a line: bots here, and those of some accounts at other nodes."""

    here: Sequence[Occupant] = ()
    elsewhere: Mapping[int, Sequence[int]] = {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.here or self.elsewhere)


NO_FILTERS = FiltersOf()


def filters_for(room: ChatRoom, session: Occupant) -> FiltersOf:
    """The bots that are to look at what a session says, before it is said: none where it moderates the room, or filters it itself.

    Those of an account that are here look for all of theirs, as long as they answer.
    """
    accounts = room.gate.state.filters
    if not accounts or room.gate.standing(session).rank > MEMBER:
        return NO_FILTERS
    here = filter_bots(room, accounts)
    if session in here:
        return NO_FILTERS
    answering = {bot.person.account for bot in room.filters.are_asked(here)}
    elsewhere: dict[int, list[int]] = {}
    for account in accounts:
        if account not in answering:
            for node in room.bots_elsewhere(sender_of(account)):
                elsewhere.setdefault(node, []).append(account)
    return FiltersOf(here, elsewhere)


def filter_bots(room: ChatRoom, accounts: Iterable[int]) -> list[Occupant]:
    """Of these accounts' bots those that are in the room here, and filter it."""
    filters = room.gate.state.filters
    people = [room.directory.identified(sender_of(account)) for account in accounts if account in filters]
    bots = [one for person in people if person is not None for one in person.sessions if one.proof.is_bot]
    return [bot for bot in bots if bot in room]


async def asked_filters(place: ChatRoom, session: Occupant, request: Storable) -> Verdict:
    """What the bots that filter the room have against a line."""
    filters, others = filters_for(place, session), place.directory.others
    if not filters:
        return None
    kind = KIND_BY_REQUEST[type(request)]
    is_guest = bool(place.directory.guests) and not session.person.account
    accounts = tuple({account for some in filters.elsewhere.values() for account in some})
    text = str(getattr(request, kind.text_field))
    line = LineAsked(place.id, accounts, session.nick, text, tag_of(kind), is_guest)
    if not accounts or others is None or place.directory.is_engine_away:
        return await judged_here(place, filters.here, line)
    session.owe(ELSEWHERE_TOKENS)
    return await _strictest(judged_here(place, filters.here, line), others.filters.verdict([*filters.elsewhere], line))


async def _strictest(*judging: Awaitable[Verdict]) -> Verdict:
    """What becomes of a line of which several say something; nobody waits for others once it is refused."""
    verdicts: list[Verdict] = []

    async def note(one: Awaitable[Verdict]) -> None:
        verdicts.append(await one)
        if isinstance(verdicts[-1], Refused):
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for one in judging:
            nursery.start_soon(note, one)
    return reduce(stricter, verdicts, None)


async def judged_here(place: ChatRoom, bots: Sequence[Occupant], line: LineAsked) -> Verdict:
    """What these bots say of a line, whose room is told of those that do not answer any more."""
    verdict, silent = await place.filters.verdict(bots, line)
    for bot in silent:
        if place.directory.nodes is not None:
            place.directory.nodes.signs.tell(FilterQuiet(place.id, bot.nick))
        tell_filter_quiet(place, bot.nick)
    return verdict
