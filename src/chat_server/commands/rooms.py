"""Which rooms there are and who is in them; to enter them, to leave them, to open one.

Of which rooms somebody may know, rooms/known_rooms.py says. Never knows how anything is shown.
"""

from contextlib import suppress

from msgspec import UNSET

from chat_server.accounts.new_names import parse_new_name
from chat_server.commands.access import ANYBODY, access
from chat_server.commands.bots import NotForThisBot, refusal_of_room, rooms_of_bot
from chat_server.commands.direct_places import (
    conversation_anywhere,
    enter_begun,
    enter_direct,
    names_somebody,
    nobody_named,
)
from chat_server.commands.handler import CommandHandler
from chat_server.commands.history import catch_up
from chat_server.journal import JournalError
from chat_server.protocol.conversation_events import ConversationsListed
from chat_server.protocol.events import Refused, RoomsListed
from chat_server.protocol.names import BadName, name_key
from chat_server.protocol.people_events import OnlineListed
from chat_server.protocol.requests import (
    ROOMS_SHOWN_MAX,
    TOPIC_SHOWN_MAX,
    Back,
    Create,
    Join,
    ListOnline,
    ListRooms,
    Resume,
)
from chat_server.protocol.room_events import RoomCreated, RoomRenamed
from chat_server.protocol.typed import nearest, shortened
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.hearing import Hearing
from chat_server.rooms.known_rooms import formerly_known, known_room, known_room_of_id, known_rooms
from chat_server.rooms.life import refusal_to_own
from chat_server.rooms.person import ADMIN, OWNER
from chat_server.rooms.room import ROOM, ROOMS_NAMED_MAX, MaybeAwaitable, Occupant, Room

RESUMED_MAX = 100
"""Rooms that one request enters again."""


class RoomCommands(CommandHandler):
    """To look around among the rooms, and to go from one to another."""

    @access(role=ANYBODY)
    def do_rooms(self, place: Room, session: Occupant, request: ListRooms) -> MaybeAwaitable:
        """List the rooms, and how many people are in each.

        The busiest come first. With a name: list the rooms that have it in their names.
        """
        rooms = known_rooms(place, session, request.name)
        talked_in = [room for room in rooms if not room.is_archived]
        busiest = sorted(talked_in, key=lambda room: -room.population)[:ROOMS_SHOWN_MAX]
        topics = {
            room.name: room.topic[:TOPIC_SHOWN_MAX] for room in busiest if room.topic and room.shows_topic_to(session)
        }
        listed = tuple((room.name, room.population) for room in talked_in)
        archived = tuple((room.name, room.population) for room in rooms if room.is_archived)
        ids = {room.name: room.id for room in rooms if room.id}
        private = tuple(room.name for room in rooms if isinstance(room, ChatRoom) and room.is_private) or UNSET
        answer = RoomsListed(listed, topics, request.name, archived, ids, private)
        if request.name or not session.person.account or session.proof.is_bot:
            session.send(answer)
            return None
        return _list_with_conversations(place, session, answer)

    @access(where=(ROOM,))
    def do_online(self, place: ChatRoom, session: Occupant, request: ListOnline) -> MaybeAwaitable:
        """Show who else is here."""
        others = place.others(session)
        nicks = tuple(nick for _, nick in others)
        away = place.directory.away.among(others)
        session.send(OnlineListed(place.name, nicks, place.directory.guests.among(others), away.nicks, away.reasons))
        return None

    @access(asks_engine=True)
    def do_join(self, place: Room, session: Occupant, request: Join) -> MaybeAwaitable:
        """Enter a room.

        From another room, this leaves the one and enters the other. The room's name alone does the same: /python is /join python.
        """
        if names_somebody(request.room):
            return _join_direct(place, session, request.room)
        room = _room_called(place, session, request.room)
        if room is None:
            near = nearest(request.room, [room.name for room in known_rooms(place, session)[:ROOMS_NAMED_MAX]])
            details = {"room": shortened(request.room)}
            session.send(
                Refused("no-such-room-but", details | {"near": near}) if near else Refused("no-such-room", details)
            )
            return None
        if room is place:
            session.send(Refused("in-room-already", {"room": room.name}))
            return None
        return _enter(session, room)

    @access(where=(ROOM,), asks_engine=True)
    def do_back(self, place: ChatRoom, session: Occupant, request: Back) -> MaybeAwaitable:
        """Go back to the hall."""
        return session.leave(place, place.hall)

    @access(door="program", asks_engine=True)
    def do_resume(self, place: Room, session: Occupant, request: Resume) -> MaybeAwaitable:
        """Enter rooms again, and have all that was said in them since."""
        return _resume(place, session, request)

    @access(asks_engine=True, says="server")
    def do_create(self, place: Room, session: Occupant, request: Create) -> MaybeAwaitable:
        """Open a new room.

        It is open to everybody, and stays. Its name follows the rules for nicknames.
        To make it private: enter it, then /rule access members.
        """
        try:
            name = parse_new_name(request.room)
        except BadName as error:
            session.send(Refused(error.code, error.details))
            return None
        if self.table.vocabulary.is_command(name) and known_room(place, session, name) is None:
            session.send(Refused("room-is-command", {"room": name}))
            return None
        return _create(place, session, name)


async def _list_with_conversations(place: Room, session: Occupant, answer: RoomsListed) -> None:
    """List the rooms, and before them with whom somebody has conversations."""
    with suppress(JournalError):
        if conversations := await conversations_of(place.directory).listed(session.person):
            session.send_unasked(ConversationsListed(tuple(conversations)))
    session.send(answer)


async def _join_direct(place: Room, session: Occupant, name: str) -> None:
    direct = await conversation_anywhere(place, session, name)
    if direct is None:
        session.send(nobody_named(name))
    else:
        await enter_begun(session, direct)


def _room_called(place: Room, session: Occupant, name: str) -> Room | None:
    """The room of this name; whoever asks for one by the name that it had before is told the new one."""
    room = known_room(place, session, name)
    if room is None and (room := formerly_known(place, session, name)) is not None:
        session.send_unasked(RoomRenamed(shortened(name), room.name))
    return room


def _room_with(place: Room, session: Occupant, name: str, room_id: str) -> Room | None:
    """The room with this id, if there is one, whatever it is called now; else the one of this name."""
    room = known_room_of_id(place, session, room_id)
    if room is None:
        return _room_called(place, session, name)
    if name_key(room.name) != name:
        session.send_unasked(RoomRenamed(shortened(name), room.name))
    return room


async def _enter(session: Occupant, room: Room) -> None:
    if (refusal := room.refusal_to_enter(session) or await refusal_of_room(room, session)) is not None:
        session.send(refusal)
        return
    await session.enter(room)


async def _resume(place: Room, session: Occupant, request: Resume) -> None:
    if len(request.rooms) > RESUMED_MAX:
        session.send(Refused("too-many-rooms", {"limit": str(RESUMED_MAX)}))
        return
    ids = {name_key(name): room_id for name, room_id in request.ids.items()}
    hearing = Hearing(place.directory.nodes)
    for name, number in {name_key(name): number for name, number in request.rooms.items()}.items():
        if names_somebody(name):
            await _resume_direct(place, session, name, number, hearing)
            continue
        room = _room_with(place, session, name, ids.get(name, ""))
        if room is None:
            session.send(Refused("no-such-room", {"room": shortened(name)}))
            continue
        if (refusal := room.refusal_to_enter(session) or await refusal_of_room(room, session)) is not None:
            session.send(refusal)
            continue
        is_same = ids.get(name, "") in {"", room.id}
        if is_same:
            await hearing.wait(number, room)
        last = await session.enter(room, is_return=is_same)
        if last >= 0 and is_same:
            await catch_up(room, session, number, last)


async def _resume_direct(place: Room, session: Occupant, name: str, number: int, hearing: Hearing) -> None:
    direct = await conversation_anywhere(place, session, name)
    if direct is None:
        session.send(nobody_named(name))
        return
    with suppress(JournalError):
        if not direct.is_with_oneself and (conversation := await direct.opened()) is not None:
            await hearing.wait(number, conversation)
    if await enter_direct(session, direct):
        await catch_up(direct, session, number, direct.last_seq)


async def _create(place: Room, session: Occupant, name: str) -> None:
    limited_to = await rooms_of_bot(place, session) if session.proof.is_bot else None
    if limited_to is not None:
        session.send(limited_to if isinstance(limited_to, Refused) else NotForThisBot(details={"room": name}))
        return
    owner = 0 if session.proof.is_bot or session.person.role in (ADMIN, OWNER) else session.person.account
    if (refusal := refusal_to_own(place.directory, owner)) is not None:
        session.send(refusal)
        return
    try:
        refusal = await place.directory.create_room(
            name, session.person.sender, session.network, lambda room: room.is_shown_to(session)
        )
    except JournalError:
        session.send(Refused("cannot-store"))
        return
    session.send(refusal or RoomCreated(name))
    if refusal is None and session.person.account and not session.proof.is_bot:
        room = place.directory.room(name)
        if isinstance(room, ChatRoom):
            room.founded(session)
