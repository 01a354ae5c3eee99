"""What happens at other nodes, put into effect at this one: rooms, people who are at several, accounts, what lets nobody in any more, lines.

One after the other, in the order in which it happened; one that fails is logged, and hurts no other. Knows rooms and sessions. Never knows how a node
hears of the others, nor what rooms make of each other's turns.
"""

from contextlib import suppress
from math import inf
from typing import cast

import trio

from chat_server.accounts import sender_of
from chat_server.commands.chosen import block_as_elsewhere, choose_as_stored
from chat_server.commands.letting_in import known_as_holder
from chat_server.commands.renaming import call_as_elsewhere, call_by_newest_name
from chat_server.commands.settings import speak_as_chosen
from chat_server.commands.writing import tell_programs
from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.happened import (
    AccountChanged,
    CameElsewhere,
    Change,
    ChoicesMade,
    ConversationChanged,
    DevicesRevoked,
    GuestBlocked,
    LinesRewritten,
    PersonId,
    PutOut,
    RegisteredPerson,
    RenamedPerson,
    RoomDeleted,
    RoomMade,
    RoomRenamed,
    ServerActed,
)
from chat_server.journal.nodes import NodeIsOver
from chat_server.journal.showable import showable_state
from chat_server.journal.signs import SessionsEnded
from chat_server.logs import log
from chat_server.protocol.events import Dismissed
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.conversation_life import changed, deleted, renamed_elsewhere
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.directory import Directory
from chat_server.rooms.ends import end_sessions, kicked_because
from chat_server.rooms.log_names import log_name
from chat_server.rooms.other_nodes import OtherNodes
from chat_server.rooms.person import Person, person_id
from chat_server.rooms.rights import OF_ACCOUNT
from chat_server.rooms.room import Occupant, Room
from chat_server.rooms.writing import RECEIPTS, TYPING

CHANGE_SECONDS = 30.0
"""Seconds after which the next change has its turn, whatever a room or the engine does: a room waits for the engine, which may be away."""

AGAIN_SECONDS = 0.5
"""Seconds after which something is tried again that could not be read or stored."""


class ChangesElsewhere:
    """Puts into effect at one node what has happened at the others."""

    def __init__(
        self, directory: Directory[Room, Person[Occupant]], others: OtherNodes[Person[Occupant]], hall: Room
    ) -> None:
        """Whatever happens from now on will be put into effect."""
        self.directory = directory
        """Who is here, and which rooms there are."""
        self._others = others
        self._hall = hall
        self._changes = others.nodes.changes()
        self._marks_guests = bool(directory.guests)

    async def run(self) -> None:
        """Put into effect what happens, for ever."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._take_newer_names)
            await self._take_changes()
            nursery.cancel_scope.cancel()

    async def _take_changes(self) -> None:
        guard = Guard("what has happened at another node could not be put into effect")
        async for _, change in self._changes:
            with guard, trio.move_on_after(CHANGE_SECONDS) as limit:
                await self._done(change)
            if limit.cancelled_caught:
                log.error("what has happened at another node took too long here", change=type(change).__name__)

    async def _done(self, change: Change) -> None:
        if self._is_own(change) and not isinstance(change, RenamedPerson | ChoicesMade | DevicesRevoked | ServerActed):
            self._marks_guests = bool(self.directory.guests)  # it has been put into effect
            return
        is_done = False
        while not is_done:
            try:
                await self._do(change)
                is_done = True
            except NodeIsOver:
                return
            except JournalError:  # the engine is away
                await trio.sleep(AGAIN_SECONDS)

    def _is_own(self, change: Change) -> bool:
        return change.node == self._others.nodes.number

    async def _do(self, change: Change) -> None:
        match change:
            case RoomMade():
                await self.directory.open_room_of_others(change.room, change.id)
            case RoomRenamed():
                await self._rename_room(change)
            case RoomDeleted():
                await self._delete_room(change)
            case LinesRewritten():
                await self._forget_lines(change)
            case ConversationChanged():
                await changed(conversations_of(self.directory), change.room, change.parties)
            case _:
                await self._do_to_people(change)

    async def _do_to_people(self, change: Change) -> None:
        match change:
            case CameElsewhere():
                await self._end_replaced(change)
            case RenamedPerson():
                await self._rename_person(change)
            case RegisteredPerson():
                await self._register_person(change)
            case AccountChanged():
                await self._change_account(change)
            case ChoicesMade():
                self._choose(change)
            case GuestBlocked():
                block_as_elsewhere(self.directory, change)
            case PutOut():
                await self._put_out(change)
            case ServerActed():
                await self.directory.accounts.acts.catch_up()
            case DevicesRevoked():
                await (self._end_dropped(change) if self._is_own(change) else self._revoke(change))

    # Rooms.

    async def _rename_room(self, change: RoomRenamed) -> None:
        directory = self.directory
        async with directory.founding:
            room, other = directory.room(change.old), directory.room(change.new)
            if change.node == 0 and other not in {
                None,
                room,
            }:  # this node has done it, and another room has the old name since
                return
            if room is not None:  # there is one of the new name, too, where this node began when it had that already
                new = change.new if other in {None, room} else ""
                kept = cast(ChatRoom, room)
                if why := await kept.changes.ask(new, is_told=change.node != 0):
                    log.error("a room keeps its name here", room=log_name(kept), why=why)
                return
        await directory.open_room_of_others(change.new, "")

    async def _delete_room(self, change: RoomDeleted) -> None:
        deleted(conversations_of(self.directory), change.room)
        async with self.directory.founding:
            room = self.directory.room(change.room)
            if room is not None:
                await cast(ChatRoom, room).changes.ask()

    async def _forget_lines(self, change: LinesRewritten) -> None:
        records = {record.name: record for record in await self.directory.journal.rooms()}
        for room in self.directory.rooms:
            if room.name in change.rooms:
                record = records.get(room.name)
                is_gone = bool(room.topic) and (record is None or record.topic != room.topic)
                cast(ChatRoom, room).forget_past(room.topic if is_gone else None)
                if record is not None:
                    cast(ChatRoom, room).gate.call_as(showable_state(record.state))

    # People.

    async def _end_replaced(self, change: CameElsewhere) -> None:
        """Whoever has come elsewhere in the place of their sessions at a device goes on there; but those that came later."""
        async with self._others.deciding(change.person):
            person = self.directory.identified(change.person)
            for session in person.sessions if person is not None else ():
                is_later = self._others.came.get(session, 0) > change.order
                if session.proof.device == change.device and not is_later:
                    session.person.replace(session)
                    session.dismiss("taken-over", inf)
            if person is not None:
                self._others.tell_blocks(change.person, self.directory.guest_blocks.of(person))

    async def _rename_person(self, change: RenamedPerson) -> None:
        """Let a guest be called so, unless they have a newer name. By whom it was told makes no difference.

        They may have gone from here since, and come back as they were called elsewhere, where this was not heard of yet.
        """
        renamed_elsewhere(conversations_of(self.directory), change.person, change.nick)
        async with self._others.deciding(change.person):
            person = self.directory.identified(change.person)
            if person is not None and person.name_order < change.order:
                await self._call(person, change.person, change.nick)
                person.name_order = change.order

    async def _take_newer_names(self) -> None:
        """Let guests be called as they are elsewhere where a node has told rooms of it, and ended, or lost the engine, before it told the others."""
        guard = Guard("somebody could not be called as at another node")
        while True:
            who = await self._others.with_newer_name()
            with guard, suppress(JournalError), trio.move_on_after(CHANGE_SECONDS):  # it is noted again
                async with self._others.deciding(who):
                    await call_by_newest_name(self._hall, self._others, who)

    async def _call(self, person: Person[Occupant], who: PersonId, nick: str) -> None:
        await call_as_elsewhere(self._hall, self._others, person, who, nick)

    async def _register_person(self, change: RegisteredPerson) -> None:
        """A guest who is here too has an account now, by all their sessions; whoever has logged in with it already is not two people."""
        directory, who = self.directory, sender_of(change.account)
        directory.guest_blocks.registered(change.person, change.account)
        conversations_of(directory).elsewhere.has_account(change.person, change.account)
        async with self._others.deciding(change.person), self._others.deciding(who):
            person = directory.identified(change.person)
            if person is None:
                return
            await directory.accounts.catch_up()
            account = await directory.accounts.account(change.account)
            if directory.identified(who) is not None or account is None:
                for session in person.sessions:
                    session.dismiss("taken-over", inf)
                return
            known_as_holder(self._hall, person, person.nick, account)
            person.sender, person.role = who, OF_ACCOUNT[account.role]
            for room in directory.rooms:
                cast(ChatRoom, room).changes.note_account(person, is_first=False)
            try:
                await self._others.names.hand_on(person.nick, who)
            except JournalError:  # it is owed then
                self._others.names.known_otherwise(person.nick, who)
            await self._call(person, who, account.name)

    # Accounts.

    async def _change_account(self, change: AccountChanged) -> None:
        directory, who = self.directory, sender_of(change.account)
        old = directory.accounts.names.name_of(change.account)
        await directory.accounts.catch_up()
        self._mark_guests()
        self._tell_partners(who, old, directory.accounts.names.name_of(change.account))
        async with self._others.deciding(who):
            person = directory.identified(who)
            account = await directory.accounts.account(change.account) if person is not None else None
            if (
                person is None or account is None or account.state == "closed"
            ):  # then its sessions are ended by what is revoked
                return
            person.role = OF_ACCOUNT[account.role]
            for name in person.rooms:
                if isinstance(room := directory.room(name), ChatRoom):
                    room.look_again()
            await self._call(person, who, account.name)

    def _tell_partners(self, who: str, old: str, new: str) -> None:
        """Somebody who may be elsewhere only has another name: whoever has a conversation with them here is told."""
        if old and new and old != new and self.directory.identified(who) is None:
            conversations_of(self.directory).renamed(who, old, new)

    def _choose(self, change: ChoicesMade) -> None:
        """What somebody has chosen holds here too. By which node it was makes no difference: of two, the one that was stored last holds at both."""
        self.directory.away.note(change.account, change.chosen)
        person = self.directory.identified(sender_of(change.account))
        if person is not None and choose_as_stored(self.directory, person, change.chosen) and person.sessions:
            speak_as_chosen(person.sessions[0])
        for what in (TYPING, RECEIPTS):
            if person is not None and not self._is_own(change) and what in change.chosen.get("", {}):
                tell_programs(person, what)

    async def _put_out(self, change: PutOut) -> None:
        """An operator at another node has put somebody out."""
        directory, number = self.directory, self._others.nodes.number
        person = directory.identified(change.person)
        if person is None:  # a guest without a token is nobody whom another node could name but by their number here
            person = next((one for one in directory.people if person_id(one, number) == change.person), None)
        if person is not None:
            log.info("an operator has removed somebody, at another node", nick=person.nick, node=change.node)
            sessions = (*person.sessions, *person.replaced)
            ended = await end_sessions(directory, sessions, kicked_because(change.reason))
            self._others.nodes.signs.tell(SessionsEnded(change.person, ended))

    def _mark_guests(self) -> None:
        """Tell all rooms if this was the first account: whoever has none is a guest from now on."""
        if self.directory.guests and not self._marks_guests:
            for room in self.directory.rooms:
                cast(ChatRoom, room).changes.note_account(None, is_first=True)
        self._marks_guests = bool(self.directory.guests)

    async def _end_dropped(self, change: DevicesRevoked) -> None:
        """What was dropped at this node lets nobody in, though whoever did it may not have been told so: the engine's answer may have been lost."""
        directory, person = self.directory, self.directory.identified(sender_of(change.account))
        if person is not None:
            known = {0, *(one.id for one in await directory.accounts.devices(change.account))}
            ended = [one for one in (*person.sessions, *person.replaced) if one.proof.device not in known]
            await end_sessions(directory, ended, Dismissed(change.why))

    async def _revoke(self, change: DevicesRevoked) -> None:
        """Nothing of these devices lets anybody in any more, nor who is just being let in by it."""
        directory, devices = self.directory, change.devices
        with directory.authentication.revocations.revoking(change.account):
            person = directory.identified(sender_of(change.account))
            sessions = (*person.sessions, *person.replaced) if person is not None else ()
            ended = [one for one in sessions if devices is None or one.proof.device in devices]
            await end_sessions(directory, ended, Dismissed(change.why))
