"""Who is told of what waits for moderators: those who may see it and are here, at whatever node; and whose line or appeal it was.

Never knows how anything is stored, nor what is done about it.
"""

from collections import Counter
from contextlib import suppress

import trio

from chat_server.accounts.cases import Case, CaseKind, Waiting
from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.signs import CaseTold
from chat_server.protocol.events import Event
from chat_server.protocol.moderation_events import (
    AppealAnswered,
    AppealMade,
    CasesWait,
    FilterSilent,
    LineDeclined,
    LineWaits,
    MessageReported,
    ReportMade,
)
from chat_server.protocol.room_state import EMPTY, RoomState
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.directory import Directory
from chat_server.rooms.person import MEMBER as MEMBER_ROLE
from chat_server.rooms.person import Person, is_name
from chat_server.rooms.rights import SERVER_ADMIN, SERVER_MODERATOR, Standing, may, standing
from chat_server.rooms.room import Occupant, Room
from chat_server.rooms.visitors import IN_OFFICE

Here = Directory[Room, Person[Occupant]]

NEWS_SECONDS = 30.0
"""Seconds within which people who moderate a room are told once that lines wait in it; bots are told of each."""

CASES_KNOWN = 128
"""Cases, the newest, of which it is known that somebody has made them who has neither an account nor a token: more than one may make in a day."""

_guard = Guard("somebody could not be told of what waits for moderators")


def state_of(directory: Here, name: str) -> RoomState:
    """What is so in the room of a case; as in one where nothing was set, if there is none any more."""
    room = directory.room(name)
    return room.gate.state if isinstance(room, ChatRoom) else EMPTY


def keeper_of(room: Room) -> int:
    """The account of one of a room's owners, the first that was made; 0: it has none. All of their rooms have a share of what may wait."""
    roles = room.gate.state.roles if isinstance(room, ChatRoom) else {}
    return min((account for account, role in roles.items() if role == "owner"), default=0)


def is_of_server(who: Standing) -> bool:
    """Whether somebody is a moderator or an admin of the server."""
    return not who.places.isdisjoint((SERVER_MODERATOR, SERVER_ADMIN))


def stands(session: Occupant, state: RoomState) -> Standing:
    """Where somebody stands in a room; a bot has its account's place there, and none on the server."""
    return standing(state, session.person.account, MEMBER_ROLE if session.proof.is_bot else session.person.role)


def sees(session: Occupant, case: Case, state: RoomState, author_role: str = "") -> bool:
    """Whether somebody may see a case, and close it: one that is not their own, nor about an equal of theirs, or somebody above them."""
    own = {session.person.account, session.person.sender} - {0, ""}
    if case.account in own or case.sender in own or case.author in own:
        return False
    if case.kind == "held" and may("enter", stands(session, state), None, state) is not None:
        return False  # whoever is reported to has been shown the line by somebody who may read it; nobody has shown what is held
    about = standing(state, case.author, author_role) if case.kind == "report" and case.author else None
    return may("hold" if case.kind == "held" else "judge", stands(session, state), about, state) is None


def tell_of(directory: Here, case: Case) -> None:
    """Tell those who may see a case that it waits, here and at the other nodes."""
    if directory.nodes is not None:
        directory.nodes.signs.tell(CaseTold(case.kind, case.room, case.number, case.sender, case.author))
    _tell_moderators(directory, case)


def tell_author(directory: Here, case: Case, why: str = "", *, is_lifted: bool = False) -> None:
    """Tell who has said what a moderator declines, or who has appealed, here and at the other nodes. `is_lifted`: what they were forbidden is not."""
    told = CaseTold(case.kind, case.room, case.number, case.sender, 0, why, is_closed=True, is_lifted=is_lifted)
    if directory.nodes is not None:
        directory.nodes.signs.tell(told)
    _tell_author(directory, told)


def hear(directory: Here, told: CaseTold) -> None:
    """Another node tells of a case."""
    if told.is_closed:
        _tell_author(directory, told)
    else:
        _tell_moderators(
            directory, Case(told.kind, 0.0, told.room, "", told.sender, author=told.author, number=told.number)
        )


def _tell_moderators(directory: Here, case: Case) -> None:
    event = _event_of(case)
    state = state_of(directory, case.room)
    only_bots = case.kind == "held" and not _is_news(directory, case.room)
    for person in _with_roles(directory, state):
        for session in person.sessions:
            if sees(session, case, state) and (session.proof.is_bot or not only_bots):
                _tell(session, event)


def _with_roles(directory: Here, state: RoomState) -> list[Person[Occupant]]:
    """Who of those who are here has a role in a room or on the server: a thousandth of them, and nobody else can see anything of a case."""
    roles = state.roles
    return [person for person in directory.people if person.role in IN_OFFICE or person.account in roles]


def _event_of(case: Case) -> Event:
    if case.kind == "held":
        return LineWaits(case.room, case.number)
    if case.kind == "appeal":
        return AppealMade(case.room, case.number)
    return ReportMade(case.room, case.number) if case.room else MessageReported(case.number)


def _is_news(directory: Here, name: str) -> bool:
    """Whether people who moderate a room were not told just now that lines wait in it: of the next ones they are told later, or look themselves."""
    room = directory.room(name)
    if not isinstance(room, ChatRoom):
        return True
    now, was = trio.current_time(), room.filters.told_at
    if now < was + NEWS_SECONDS:
        return False
    room.filters.told_at = now
    return True


def _tell_author(directory: Here, told: CaseTold) -> None:
    event = _answer_of(told)
    for person in authors(directory, told):
        for session in person.sessions:
            _tell(session, event)


def authors(directory: Here, of: Case | CaseTold) -> list[Person[Occupant]]:
    """Whose it was, if they are here: who is known by a name alone must have been here since, for another may have come by that name."""
    if is_name(of.sender):
        return [person for person in directory.people if of.number in person.cases]
    identified = directory.identified(of.sender)
    return [identified] if identified is not None and identified.sender == of.sender else []


def note_author(person: Person[Occupant], case: Case) -> None:
    """Somebody who is here has what waits now: it is theirs, whoever else comes by their name."""
    if is_name(case.sender):
        person.cases = (*person.cases[1 - CASES_KNOWN :], case.number)


def _answer_of(told: CaseTold) -> Event:
    if told.kind == "held":
        return LineDeclined(told.room, told.number, told.why)
    return AppealAnswered(told.room, told.number, told.why or "-", told.is_lifted)


def tell_filter_quiet(place: ChatRoom, nick: str) -> None:
    """Tell those who moderate a room, and are here, that a filter is not asked any more."""
    state = place.gate.state
    for person in _with_roles(place.directory, state):
        for session in person.sessions:
            if may("hold", stands(session, state), None, state) is None:
                _tell(session, FilterSilent(place.name, nick))


def moderates_anything(directory: Here, person: Person[Occupant]) -> bool:
    """Whether somebody may see what waits anywhere."""
    if is_of_server(standing(EMPTY, 0, person.role)):
        return True
    account = person.account
    if not account:
        return False
    roles = (room.gate.state.roles.get(account) for room in directory.rooms if isinstance(room, ChatRoom))
    return any(role in {"moderator", "owner"} for role in roles)


def waiting(directory: Here, session: Occupant, counted: list[Waiting]) -> CasesWait | None:
    """How much waits of which somebody may see it; None: nothing."""
    seen = Counter[CaseKind]()
    for kind, room, author, count in counted:
        if sees(session, Case(kind, 0.0, room, "", "", author=author), state_of(directory, room)):
            seen[kind] += count
    return CasesWait(seen["report"], seen["appeal"], seen["held"]) if seen else None


async def tell_waiting(directory: Here, session: Occupant) -> None:
    """Tell somebody who has just logged in how much waits of which they may see it."""
    if session.person.account and not session.proof.is_bot and moderates_anything(directory, session.person):
        with suppress(JournalError):
            now, person = directory.authentication.now(), session.person
            counted = await directory.accounts.cases.counted(now, person.account, person.sender)
            if (event := waiting(directory, session, counted)) is not None:
                _tell(session, event)


def _tell(session: Occupant, event: Event) -> None:
    if not _guard.attempt(session.send_unasked, event):
        _guard.attempt(session.fail)
