"""Another name for somebody who is here: kept by whoever keeps it, then told to all who are where they are.

Never knows how a name is asked for.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING

from chat_server.accounts import Account
from chat_server.accounts.in_force import Visitor
from chat_server.accounts.look_alikes import skeleton
from chat_server.accounts.names_index import Refusal
from chat_server.accounts.new_names import parse_nickname
from chat_server.accounts.refusals import refused
from chat_server.commands.coming_back import rooms_of
from chat_server.commands.naming import naming
from chat_server.journal import JournalError
from chat_server.journal.happened import PersonId
from chat_server.journal.nodes import Claimed
from chat_server.protocol.events import Refused, Renamed
from chat_server.protocol.names import BadName, name_key
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.former_names import called
from chat_server.rooms.person import Person, person_id
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room, carried_through, give_way

if TYPE_CHECKING:
    from chat_server.rooms.other_nodes import OtherNodes

ROOMS_AT_ONCE = 8
"""Rooms that are told of a new name before others have their turn, at 80 us each; they cost no more than the request."""

ROOMS_PER_LINE = 4
"""Further rooms that count as a line. One person may be in eight hundred by eight sessions, which took 67 ms of the event loop in one piece."""


def claim_name(place: Room, person: Person[Occupant], wanted: str, session: Occupant) -> str:
    """Give the person this name in the directory. Return the name in its one form, or "" after telling the session why not."""
    nick = free_name(place, person, wanted, session)
    if nick and (refusal := place.directory.claim(nick, person)) is not None:
        session.send(refusal)
        return ""
    return nick


def free_name(place: Room, person: Person[Occupant], wanted: str, session: Occupant) -> str:
    """The name in its one form, as far as no account is in its way; "" after telling the session why not."""
    try:
        nick = parse_nickname(wanted)
    except BadName as error:
        session.send(Refused(error.code, error.details))
        return ""
    authentication = place.directory.authentication
    refusal = authentication.refusal_of_name(nick, person.account)
    in_force = place.directory.accounts.acts.in_force
    if refusal is None and not in_force.is_idle:
        named = Visitor(known_as=(name_key(nick),))
        if in_force.ban_of(named, authentication.now()) is not None:
            refusal = Refused("name-banned", {"nick": nick})
    if refusal is not None:
        session.send(refusal)
        if refusal.code == "name-registered":  # which says what to do with one's password
            session.withhold_next()
        return ""
    return nick


def rename(place: Room, session: Occupant, wanted: str) -> MaybeAwaitable:
    """Give the session's person another name, and tell everybody who is where they are; or tell the session why not."""
    person, others = session.person, place.directory.others
    if others is not None:
        return _rename_among_nodes(place, others, session, wanted)
    nick = claim_name(place, person, wanted, session)
    if not nick or _is_same(session, nick):
        return None
    if person.account:
        return _rename_account(place, session, nick)
    return call(place, session, nick)


def _is_same(session: Occupant, nick: str) -> bool:
    if nick == session.nick:
        session.send(Refused("same-name", {"nick": nick}))
    return nick == session.nick


async def _rename_account(place: Room, session: Occupant, nick: str) -> None:
    """Give the account the name that its person has just claimed."""
    person = session.person
    with naming(person):
        pause = await _stored_and_called(place, session, nick)
    if pause is not None:
        await pause


async def _stored_and_called(place: Room, session: Occupant, nick: str) -> MaybeAwaitable:
    """Store the name that an account's person has just claimed, and let them be called so; or tell the session why that cannot be."""
    person, directory = session.person, place.directory
    renaming = directory.accounts.rename(person.account, nick, skeleton(nick), directory.authentication.now())
    renamed: Account | Refusal | None = None
    pause = None
    with carried_through():
        try:
            with suppress(JournalError):
                renamed = await renaming
        finally:
            if isinstance(renamed, Account):
                pause = call(place, session, nick)
            elif name_key(nick) != name_key(person.nick):
                directory.release(nick, person)
    if not isinstance(renamed, Account):
        session.send(refused(renamed, nick) if renamed else Refused("cannot-store"))
    return pause


async def _rename_among_nodes(
    place: Room, others: "OtherNodes[Person[Occupant]]", session: Occupant, wanted: str
) -> None:
    """The same where there are other nodes, at which nobody else may have the name, and they are to have it too."""
    person = session.person
    nick = free_name(place, person, wanted, session)
    if not nick or _is_same(session, nick):
        return
    who, pause = person_id(person, others.nodes.number), None
    with naming(person):
        async with others.deciding(who):
            claimed = await claimed_name(place, others, session, nick, who)
            if claimed is None or _is_same(session, claimed.nick):
                return
            if person.account:
                pause = await _stored_and_called(place, session, claimed.nick)
            else:
                person.name_order = claimed.order
                pause = call(place, session, claimed.nick)
                # Of an account's name other nodes hear as of whatever happens to it.
                if claimed.elsewhere or conversations_of(place.directory).open_of(who):
                    others.rename(who, claimed.nick, claimed.order)
    if pause is not None:
        await pause


async def claimed_name(
    place: Room, others: "OtherNodes[Person[Occupant]]", session: Occupant, nick: str, who: PersonId
) -> Claimed | None:
    """Give the session's person this name among all nodes; None after telling the session why not."""
    given: Claimed | Refused
    try:
        given = await others.names.claim(nick, session.person, who)
    except JournalError:
        given = Refused("engine-away")
    if isinstance(given, Refused):  # that an account has it is what is said first, whoever else has it
        session.send(place.directory.authentication.refusal_of_name(nick, session.person.account) or given)
        return None
    return given


async def call_as_elsewhere(
    place: Room, others: "OtherNodes[Person[Occupant]]", person: Person[Occupant], who: PersonId, nick: str
) -> None:
    """Let somebody be called as they are at another node. Raises JournalError."""
    if nick == person.nick or not person.sessions:
        return
    claimed = await others.names.claim(nick, person, who)
    if isinstance(claimed, Refused):  # they have another name there by now, of which this node has not heard yet
        return
    if not person.sessions:  # they have gone meanwhile
        place.directory.release(nick, person)
        return
    pause = call(place, person.sessions[0], nick, is_asked=False)
    if pause is not None:
        await pause


async def call_by_newest_name(place: Room, others: "OtherNodes[Person[Occupant]]", who: PersonId) -> None:
    """Let a guest who is here be called by the newest name that they have at any node, if this one has not heard of it. Raises JournalError."""
    person = place.directory.identified(who)
    if person is not None and not person.account:
        from chat_server.rooms.misnamed import newest_name  # noqa: PLC0415 - only where there are several nodes, which have it then

        await call_as_elsewhere(place, others, person, who, await newest_name(others.nodes, person.nick, who))


def call(place: Room, session: Occupant, nick: str, *, is_asked: bool = True) -> MaybeAwaitable:
    """Let a session's person be called by a name that is theirs, and tell everybody who is where they are. Not asked for, it answers nothing."""
    person = session.person
    old = person.nick
    person.nick = nick
    conversations = conversations_of(place.directory)
    conversations.renamed(conversations.who(person), old, nick)
    if not person.account:
        person.formerly = called(person.formerly, name_key(old), person.named_at)
        person.named_at = place.directory.authentication.now()
        place.directory.guest_blocks.is_called(old, nick)
        place.directory.calls.guest_is_called(old, nick)
    renamed = Renamed(old, nick, guest=place.directory.guests.mark(person))
    rooms = rooms_of(place, person.rooms)
    if is_asked:
        session.owe(max(0, len(rooms) - ROOMS_AT_ONCE) / ROOMS_PER_LINE)
    if len(rooms) > ROOMS_AT_ONCE:
        return _announce_in_turn(place, session, renamed, rooms, is_asked=is_asked)
    _announce(place, session, old, rooms, rooms)  # they tell it later than this is told, and whatever becomes of this
    _tell_sessions(session, renamed, is_asked=is_asked)
    return None


def _tell_sessions(session: Occupant, renamed: Renamed, *, is_asked: bool) -> None:
    """Tell the person's sessions of the new name, apart from what they are told in rooms."""
    session.person.each_other(session, lambda other: other.send_unasked(renamed) if other.is_in_hall else None)
    if session.is_in_hall:
        (session.send if is_asked else session.send_unasked)(renamed)


async def _announce_in_turn(
    place: Room, session: Occupant, renamed: Renamed, rooms: Iterable[Room], *, is_asked: bool
) -> None:
    """Tell many rooms of the person's new name, and let others have their turn in between; if that is broken off, the rest at once."""
    left, every = deque(rooms), [*rooms]
    try:
        _tell_sessions(session, renamed, is_asked=is_asked)
        while len(left) > ROOMS_AT_ONCE:
            for _ in range(ROOMS_AT_ONCE):
                left.popleft().announce_name(session)
            await give_way()
    finally:
        _announce(place, session, renamed.old, left, every)


def _announce(place: Room, session: Occupant, old: str, rooms: Sequence[Room], every: Sequence[Room]) -> None:
    """Tell rooms of the person's new name. Others may have the old one when every one has been told: no room shows two people of one name.

    Where there are other nodes, when each has stored it: before, they know nothing of the new one.
    """
    with ExitStack() as told:  # what goes wrong in one room keeps it from no other
        told.callback(_release, place, session, old, every)
        for room in reversed(rooms):
            told.callback(room.announce_name, session)


def _release(place: Room, session: Occupant, old: str, rooms: Sequence[Room]) -> None:
    person = session.person
    if name_key(person.nick) != name_key(old):  # another session may have chosen it again
        place.directory.guest_blocks.gone(old)
        place.directory.release(old, person, [partial(room.when_stored, session) for room in rooms])
