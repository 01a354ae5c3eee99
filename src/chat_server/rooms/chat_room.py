"""A room where people talk: what one can do in it, and what can be known of it.

Everything that happens in the room enters one inbox and leaves it in one order: lines, but joins, leaves and renames too. One task, `run`, takes
from it (broadcaster.py); only that task changes who is a member and what number a line has. What is said is stored before anybody sees it. Never
knows bytes on the wire.
"""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import trio

from chat_server.guard import Guard
from chat_server.journal import RoomRecord
from chat_server.journal.happened import PersonId
from chat_server.journal.nodes import Elsewhere
from chat_server.protocol.acts import RoleGiven
from chat_server.protocol.entries import Entry, Storable
from chat_server.protocol.events import Refused
from chat_server.protocol.room_events import InvitedTo
from chat_server.protocol.room_life import Founded
from chat_server.protocol.room_state import NO_ROLE, Curb
from chat_server.protocol.stored_event import left_of
from chat_server.rooms.audience import Audience
from chat_server.rooms.batch import (
    Accepted,
    Acting,
    Arrival,
    Barrier,
    Departure,
    InboxItem,
    Renaming,
    Takeover,
    TimedRequest,
)
from chat_server.rooms.broadcaster import Broadcaster, Parts
from chat_server.rooms.changes import SERVER, Changes
from chat_server.rooms.directory import Directory
from chat_server.rooms.filters import Filters
from chat_server.rooms.gate import Gate
from chat_server.rooms.inbox import Inbox
from chat_server.rooms.line_rules import Verdict
from chat_server.rooms.log_names import log_name
from chat_server.rooms.members import Members
from chat_server.rooms.person import Person
from chat_server.rooms.presence import Somebody
from chat_server.rooms.recent_history import RecentHistory
from chat_server.rooms.rights import Act, may
from chat_server.rooms.room import ROOM, MaybeAwaitable, Occupant, Room
from chat_server.rooms.sink import SendMany

if TYPE_CHECKING:
    from chat_server.rooms.shared_broadcaster import SharedBroadcaster


class ChatRoom(Room):
    """A chat room."""

    kind: ClassVar[str] = ROOM

    def __init__(
        self,
        record: RoomRecord,
        directory: Directory[Room, Person[Occupant]],
        hall: Room,
        send_many: SendMany | None = None,
        people: Sequence[Elsewhere] = (),
    ) -> None:
        """Open a room as it was left, from which one goes back to `hall`. Nothing happens in it until `run` runs.

        `people` are there at other nodes already.
        """
        super().__init__(record.name, directory)
        self.hall = hall
        """Where one goes back to."""
        self._inbox = Inbox()
        guard = Guard("something went wrong in a room; it goes on", lambda: {"room": log_name(self)})
        self._history = RecentHistory(record)
        self.referred = self._history.referred
        """Lines of which somebody is about to say something."""
        self.gate.server, self.gate.words = directory.accounts.acts.in_force, directory.words
        self._audience = Audience(record.name, record.last, send_many, directory.flow)
        self._audience.log_name = lambda: log_name(self)
        nodes = directory.nodes
        of_members = (record.name, self._audience, self._history, directory, guard)
        self._elsewhere = None  # the members, where they are at several nodes
        if nodes is not None:
            from chat_server.rooms.shared_members import SharedMembers  # noqa: PLC0415 - only where there are several nodes

            self._elsewhere = SharedMembers(*of_members, node=nodes.number, people=people)
        self._members = Members(*of_members) if self._elsewhere is None else self._elsewhere
        self.changes = Changes(self, self._inbox, self._audience, self._members, self._history)  # of the room itself
        parts = Parts(self._inbox, self._audience, self._members, self._history, self.changes, guard)
        self.shared = None
        """Who takes in what happens here at other nodes; None: there are none."""
        if nodes is not None:
            from chat_server.rooms.shared_broadcaster import SharedBroadcaster  # noqa: PLC0415 - as above

            self.shared = SharedBroadcaster(self, parts, nodes, record.turn)
        self._broadcaster = self.shared or Broadcaster(self, parts)
        self.timing = self._members.timing
        """Who wants their next line timed."""

    @property
    def id(self) -> str:
        """What the room is known by, whatever it is called."""
        return self._history.room_id

    @property
    def is_archived(self) -> bool:
        """Whether it is only to be read."""
        return self.gate.state.is_archived

    @property
    def former_names(self) -> Sequence[str]:
        """What it was called before, the newest last."""
        return self.gate.state.former

    @cached_property
    def filters(self) -> Filters:
        """The bots that filter what is said here: made where there are some, or where lines wait."""
        return Filters(lambda: self.name, lambda: log_name(self))

    @property
    def nicks(self) -> list[str]:
        """Who is here."""
        return [nick for _, nick in self._members.people]

    @property
    def gate(self) -> Gate:
        """What may happen here."""
        return self._history.gate

    def others(self, session: Occupant) -> Sequence[tuple[Somebody, str]]:
        """Who is here besides the session's person, each with their nickname."""
        return self._members.others(session)

    @property
    def population(self) -> int:
        """How many are here."""
        return self._members.population

    def __contains__(self, session: Occupant) -> bool:
        return session in self._members

    @property
    def topic(self) -> str:
        """What was set last as its topic, or ""."""
        return self._history.topic

    @property
    def past(self) -> RecentHistory:
        """What of the lines has come to stand otherwise; see Room."""
        return self._history

    @property
    def last_seq(self) -> int:
        """The number of the newest line that everybody has been shown."""
        return self._audience.shown_seq

    @property
    def position(self) -> dict[str, int]:
        """How far somebody who has been shown everything has come."""
        return {self.name: self._audience.shown_seq}

    # What people do here. A request goes into the inbox at once; only when too much waits in it, the session waits before the next.

    def post(self, session: Occupant, what: InboxItem) -> MaybeAwaitable:
        """Put something into the inbox; if too much waits in it, return what to await."""
        is_shown = session.receives_own or isinstance(what, Accepted)  # that is another's line
        return self._inbox.put((session, session.person.nick, what, () if is_shown else (session,)))

    def act(self, session: Occupant, act: Acting) -> MaybeAwaitable:
        """The same, of something that is done here: a program that wants to know what becomes of it is told."""
        return self.post(session, act._replace(key=session.key_of_act()))

    def takes_run_of(self, session: Occupant) -> bool:
        """Whether several lines that it says are taken as one run: they are, but for who has the next one timed, and where rules look at each."""
        return session not in self.timing and self._history.gate.is_open_to(session)

    @property
    def is_private(self) -> bool:
        """Whether it is only for its members."""
        return self.gate.state.is_private

    def is_shown_to(self, session: Occupant) -> bool:
        """Whether somebody may know that there is this room."""
        return not self.gate.state.is_private or self.gate.lets_see(session, time.time())

    def shows_topic_to(self, session: Occupant) -> bool:
        """Whether somebody who is not here is told the topic: it is something that was said."""
        state = self.gate.state
        return not state.is_private or session in self or state.role(session.person.account) is not None

    def refusal_to_enter(self, session: Occupant) -> Refused | None:
        """Why somebody may not come in; None if they may."""
        return self.gate.refusal_to_come(session, time.time())

    def reads_from(self, session: Occupant) -> int:
        """From which number on somebody reads what was said here; see reader.py, which asks."""
        return self._members.reads_from(session.person)

    def refusal_to_say(self, session: Occupant, request: Storable) -> Refused | None:
        """Why somebody may not say this here; None if they may."""
        return self.gate.refusal_to_say(session, request, time.time())

    def verdict(self, session: Occupant, request: Storable) -> Verdict:
        """What becomes of something that somebody may say here: whether it waits for a moderator."""
        return self.gate.verdict(session, request, time.time())

    def refusal_to_act(self, session: Occupant, act: Acting) -> Refused | None:
        """Why somebody may not do this here; None if they may."""
        return self.gate.refusal_to_act(session, act, time.time())

    def curb_of(self, person: Person[Occupant], number: int) -> bool:
        """Whether somebody is forbidden something here under this number just now."""
        own, now = {person.account, person.sender, person.came_as} - {0, ""}, time.time()
        curbs = self.gate.state.curbs
        return any(one.id == number and one.until > now and (one.account or one.sender) in own for one in curbs)

    def curbs(self) -> list[tuple[Curb, float]]:
        """What people may not do here, each with for how many seconds still."""
        now = time.time()
        return [(one, one.until - now) for one in self.gate.state.curbs if one.until > now]

    def look_again(self) -> None:
        """Somebody here may be another than they were on the server: if they may not be here, put them out."""
        self._broadcaster.look_again()

    def invited(self) -> list[str]:
        """Who may come in and be a member, and has not."""
        now = time.time()
        return [one.whom for one in self.gate.state.invitations.values() if one.until > now]

    def invitation_of(self, session: Occupant) -> InvitedTo | None:
        """That somebody is invited here; None if they are not, or by whom they have blocked."""
        state, account, now = self.gate.state, session.person.account, time.time()
        if not state.is_invited(account, now):
            return None
        one = state.invitations[account]
        if session.person.blocks.hide(one.account, one.by):
            return None
        return InvitedTo(self.name, one.by, left_of(one.until - now))

    def founded(self, session: Occupant) -> None:
        """Somebody has made this room, in which nothing has been said, and owns it."""
        self._inbox.put_nowait((session, session.nick, Acting(Founded(self.name, 0, 0.0, "", "")), ()))

    def refusal_of(self, session: Occupant, act: Act) -> Refused | None:
        """Why somebody may not do such a thing here, whomever to; None if they may."""
        return may(act, self.gate.standing(session), None, self.gate.state)

    def is_own(self, session: Occupant, line: Entry) -> bool:
        """Whether the session's person has said this: by their account, or as a guest since they are here under their name."""
        person = session.person
        if line.author:
            return line.author == person.account
        return self._members.own.has(person, line)

    def timed_request(self, session: Occupant, request: Storable) -> Storable | TimedRequest:
        """The request; with the time, if its author wants to know how long it takes."""
        if session not in self.timing:
            return request
        self.timing.remove(session)
        return TimedRequest(request, trio.current_time())

    def announce_name(self, session: Occupant) -> None:
        """Tell everybody here, the person too, after what is in the inbox now."""
        self._inbox.put_nowait((session, session.nick, Renaming(trio.Event()), ()))

    async def enter(self, session: Occupant, *, is_return: bool = False) -> int:
        """Take the session in. When this returns, it has been told where it is, and everything said since then."""
        if self.shared is not None:
            return await self._enter_shared(self.shared, session, is_return=is_return)
        await self._post_and_wait(session, Arrival(trio.Event(), is_return))
        return self._members.entered_at.pop(session, self._audience.shown_seq if session in self._members else -1)

    async def _enter_shared(self, shared: "SharedBroadcaster", session: Occupant, *, is_return: bool) -> int:
        if shared.refuses(session):
            return -1
        await self._post_and_wait(session, Arrival(trio.Event(), is_return))
        return self._members.entered_at.pop(session, self._audience.shown_seq if session in self._members else -1)

    async def take_over(self, old: Collection[Occupant], new: Occupant) -> int:
        """Take `new` in instead of `old`; the others are told nothing, for nobody has come or gone."""
        await self._post_and_wait(new, Takeover(old, trio.Event()))
        return self._members.entered_at.pop(new, self._audience.shown_seq)

    async def leave(self, session: Occupant) -> None:
        """Let the session go. When this returns, nothing from here reaches it any more. Harmless for one that is not here."""
        await self._post_and_wait(session, Departure(trio.Event()))

    async def flushed(self, session: Occupant) -> None:
        """Wait until what the session said before has been stored and shown."""
        await self._post_and_wait(session, Barrier(trio.Event()))

    def has_account(self, account: int) -> bool:
        """Whether an account is here, at whatever node."""
        return self._members.has_account(account)

    def lists(self, person: Person[Occupant]) -> bool:
        """Whether somebody is here by what other nodes know."""
        return self._members.lists(person)

    def nick_of(self, who: PersonId) -> str:
        """What somebody is called who is here, by what other nodes know; "" if they are not."""
        return self._elsewhere.roster.nick(who) if self._elsewhere is not None else ""

    def bots_elsewhere(self, who: PersonId) -> Collection[int]:
        """At which other nodes somebody is here by a bot."""
        members = self._elsewhere
        return members.roster.bots_elsewhere(who, members.node) if members is not None else ()

    def when_stored(self, session: Occupant, then: Callable[[], object]) -> None:
        """Call this when all that is in the inbox now is stored; see Room."""
        self._inbox.put_nowait((session, session.nick, Barrier(trio.Event(), then), ()))

    async def _post_and_wait(self, session: Occupant, what: Arrival | Takeover | Departure | Barrier) -> None:
        self._inbox.put_nowait((session, session.nick, what, ()))
        await what.done.wait()

    def known_otherwise(self, old: str, new: str) -> None:
        """Whom the journal knew by one text it knows by another now."""
        self._history.known_otherwise(old, new)
        if self.shared is not None:
            self.shared.owe()

    def account_ended(self, account: int, nick: str) -> None:
        """An account, which is called so since then, is closed: it has no role here any more."""
        if self.gate.state.role(account) is not None:
            ended = RoleGiven(self.name, 0, 0.0, SERVER.nick, NO_ROLE, whom=nick, account=account)
            self.changes.note_done(SERVER.nick, ended)

    def forget_past(self, topic: str | None = None) -> None:
        """Something of what was said has been deleted, such as this topic: read again what those who enter are shown."""
        self._history.forget(topic)

    def close(self) -> None:
        """Take nothing more in; `run` returns when it has delivered what waits."""
        self._inbox.close()

    async def run(self) -> None:
        """Store and deliver what enters the inbox, turn by turn, until `close`. Raises nothing but Cancelled."""
        await self._broadcaster.run()
        if self.shared is not None and self.changes.has_ended:
            self.shared.stored_later.tell()

    def forget(self, session: Occupant) -> None:
        """Let the session go without its waiting for it: it could not leave as others do."""
        with suppress(trio.ClosedResourceError):
            self._inbox.put_nowait((session, session.nick, Departure(trio.Event()), ()))

    def member_changed(self, session: Occupant) -> None:
        """Show things to a member in another way from now on."""
        self._members.changed(session)


def waiting_in(room: ChatRoom) -> int:
    """How many entries wait in a room's inbox."""
    return len(room._inbox)  # noqa: SLF001 - it is of this module


def people_of(room: ChatRoom) -> list[tuple[Somebody, str]]:
    """Who is in a room, each with their nickname."""
    return list(room._members.people)  # noqa: SLF001 - it is of this module


def listeners_of(room: ChatRoom) -> list[Occupant]:
    """The sessions at this node that are shown what happens in a room."""
    members = room._members  # noqa: SLF001 - it is of this module
    return [one for one in members.sessions if one not in members.hushed]
