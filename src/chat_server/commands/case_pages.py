"""What waits for moderators, a page at a time: as much as one may see of it, and no more than is shown; its closing, and that of what it is about.

Never knows how it is told, nor stored.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from chat_server.accounts.cases import PAGE, Case, CaseKind, Closed, Closing, Wanted
from chat_server.commands.letting_in import readable, storable
from chat_server.protocol.acts import Lifted
from chat_server.protocol.events import Refused
from chat_server.protocol.requests import Id
from chat_server.protocol.room_state import Curb
from chat_server.rooms.batch import Acting
from chat_server.rooms.case_news import sees, state_of, tell_author
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.rights import OF_ACCOUNT
from chat_server.rooms.room import HALL, Occupant, Room

PAGE_BYTES = 16384
"""Bytes of texts on a page: it is told in rows and, to programs, in fields too."""

READINGS_MAX = 10
"""How often it is read on for one page, where what was read is not for whoever asks."""

READING_TOKENS = 1.0
"""What each time costs but the first, in lines: so much is read for nothing."""

BeforeCase = Annotated[Id, Meta(description="show those before this number; 0: the newest")]
CasesShown = Annotated[int, Meta(ge=1, le=PAGE, description="how many at most", extra={"typed": False})]
CaseNumber = Annotated[Id, Meta(description="its number, as /reports and /held show it")]


APPEALS_AT_ONCE = 200
"""Appeals that are read at once, where all those about one ban or mute are looked for."""


class NoSuchCase(Refused, frozen=True):
    """There is no such thing any more."""

    code: str = "no-such-case"
    sentence: ClassVar[str] = "Nothing waits here under the number {id}. Perhaps another moderator was faster."


class CasePage(Struct, frozen=True):
    """Some cases, in the order of their numbers. There may be more before the number `before`; 0: there are none."""

    cases: list[Case]
    before: int


async def page_of(
    place: Room, session: Occupant, kinds: Sequence[CaseKind], before: int, limit: int
) -> CasePage | Refused:
    """The newest of what waits in a room or, in the hall, anywhere, as far as somebody may see it."""
    directory = place.directory
    now, room = directory.authentication.now(), None if place.kind == HALL else place.name
    shown: list[Case] = []
    size = 0
    for reading in range(READINGS_MAX):
        if reading:
            session.owe(READING_TOKENS)
        left = limit - len(shown)
        found = await readable(directory.accounts.cases.listed(now, Wanted(kinds, room, before, left + 1)))
        if isinstance(found, Refused):
            return found
        seen = await _seen(place, session, found[-left:])
        if isinstance(seen, Refused):
            return seen
        for case in reversed(seen):
            size += _size_of(case)
            if shown and size > PAGE_BYTES:
                return CasePage(shown[::-1], shown[-1].number)
            shown.append(case)
        if len(found) <= left:
            return CasePage(shown[::-1], 0)
        before = found[1].number
        if len(shown) == limit:
            break
    return CasePage(shown[::-1], before)


def _size_of(case: Case) -> int:
    return len(case.text.encode()) + len(case.why.encode())


async def _seen(place: Room, session: Occupant, cases: Sequence[Case]) -> list[Case] | Refused:
    """Those that somebody may see."""
    directory = place.directory
    roles: dict[int, str] = {}
    for author in {case.author for case in cases} - {0}:
        account = await readable(directory.accounts.account(author))
        if isinstance(account, Refused):
            return account
        roles[author] = OF_ACCOUNT[account.role] if account is not None else ""
    return [case for case in cases if sees(session, case, state_of(directory, case.room), roles.get(case.author, ""))]


async def case_seen(place: Room, session: Occupant, number: int, kinds: Sequence[CaseKind]) -> Case | Refused | None:
    """The case with this number, if it waits and somebody may see it here."""
    case = await readable(place.directory.accounts.cases.case(number, place.directory.authentication.now()))
    if case is None or isinstance(case, Refused):
        return case
    if case.kind not in kinds or (place.kind != HALL and case.room != place.name):
        return None
    seen = await _seen(place, session, [case])
    return seen if isinstance(seen, Refused) else next(iter(seen), None)


async def find(place: Room, session: Occupant, number: int, kinds: Sequence[CaseKind]) -> Case | Refused:
    """A case that waits and that somebody may see here."""
    return await case_seen(place, session, number, kinds) or NoSuchCase(details={"id": str(number)})


async def close(
    place: Room, session: Occupant, number: int, kinds: Sequence[CaseKind], why: str = ""
) -> Closed | Refused:
    """Close a case that somebody may see here, which stands in the audit then; what it was. See Closing."""
    case = await find(place, session, number, kinds)
    if isinstance(case, Refused):
        return case
    now = place.directory.authentication.now()
    closing = Closing(session.nick, session.person.account, now, why=why)
    closed = await storable(place.directory.accounts.cases.close(number, kinds, closing))
    return closed or NoSuchCase(details={"id": str(number)})


async def lift(place: ChatRoom, session: Occupant, lifted: Lifted, curb: Curb) -> None:
    """Have somebody lift in a room what was forbidden there, and close what was asked for about it, or about what it has replaced."""
    seqs: list[int] = []
    act = Acting(lifted, key=session.key_of_act(), seqs=seqs)
    refusal = place.refusal_to_act(session, act)
    if refusal is not None:
        session.send(refusal)
        return
    if (pause := place.post(session, act)) is not None:
        await pause
    await place.flushed(session)
    if seqs:
        on = {one.id for one, _ in place.curbs()}

        def is_about(case: Case) -> bool:
            theirs = case.account == curb.account if curb.account else case.sender == curb.sender
            return case.of == lifted.id or (theirs and case.of not in on)

        await close_appeals(place, session, place.name, is_about, lifted.text)


async def close_appeals(place: Room, session: Occupant, room: str, is_about: Callable[[Case], bool], why: str) -> None:
    """Something is lifted, in a room or on the whole server (""): appeals that are about it are closed, and their authors told.

    Where they cannot be read or closed just now they wait on, and whoever sees them closes them.
    """
    cases, now, before = place.directory.accounts.cases, place.directory.authentication.now(), 0
    closing = Closing(session.nick, session.person.account, now, why=why)
    while True:
        found = await readable(cases.listed(now, Wanted(("appeal",), room or None, before, APPEALS_AT_ONCE)))
        if isinstance(found, Refused):
            return
        for case in found:
            if case.room == room and is_about(case):
                closed = await storable(cases.close(case.number, ("appeal",), closing))
                if isinstance(closed, Closed):
                    tell_author(place.directory, case, why, is_lifted=True)
        if len(found) < APPEALS_AT_ONCE:
            return
        before = found[0].number
