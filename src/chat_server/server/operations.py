"""What operators may do to a running server: who is connected, removing somebody, rooms, figures, the log. See admin_requests.py.

What they may do to accounts is in account_operations.py.

Knows sessions, rooms and the journal. Never knows the socket that a request came by, nor how an answer is shown.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import trio
from msgspec import UNSET, UnsetType

from chat_server import __version__
from chat_server.commands.room_names import problem_with
from chat_server.journal import InDoubt, Journal, JournalError, RoomRecord
from chat_server.journal.archive import FileProblem
from chat_server.journal.nodes import Whereabouts
from chat_server.journal.rooms import find_room, new_name
from chat_server.logs import log
from chat_server.protocol.names import OPERATOR, name_key
from chat_server.protocol.sanitize import sanitize_to_line
from chat_server.rooms.changes import SERVER, Doer
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.directory import Directory
from chat_server.rooms.ends import end_sessions, kicked_because
from chat_server.rooms.life import audit_deleting, rename
from chat_server.rooms.log_names import log_name
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room
from chat_server.server.account_operations import AccountOperations, Operation
from chat_server.server.admin import Impossible
from chat_server.server.admin_figures import BackupsShown, Figures
from chat_server.server.admin_protocol import AdminAnswer, AdminRequest
from chat_server.server.admin_requests import (
    ROOMS_COMMAND,
    ConfigReloaded,
    Connected,
    Deleted,
    DeleteRoom,
    EndedElsewhere,
    HowItIs,
    HowItIsShown,
    Kick,
    Kicked,
    ListNodes,
    LogLevel,
    LogLevelShown,
    NodeShown,
    Reload,
    Renamed,
    RenameRoom,
    Rooms,
    RoomShown,
    Stats,
    Who,
)
from chat_server.server.backups import Backups
from chat_server.server.config_in_use import ConfigInUse, NotReloaded
from chat_server.server.handover import Handover
from chat_server.server.health import Health
from chat_server.server.office_operations import OfficeOperations
from chat_server.server.way_in import WayIn
from chat_server.sessions.memory_budget import Budget
from chat_server.sessions.session import ChatSession, waiting_for

NODES_SECONDS = 5.0
"""Seconds that the engine has to say which nodes there are."""

LOOKS = 10
LOOK_SECONDS = 0.01
"""So many times the loop is asked to go on after so long, to see how late it is."""


class Means(NamedTuple):
    """What operations need of the process beside its server."""

    health: Health
    in_use: ConfigInUse
    way_in: WayIn


class Operations:
    """What can be asked for, by the type of the request."""

    def __init__(
        self,
        directory: Directory[Room, Person[Occupant]],
        sessions: Collection[ChatSession[Any]],
        journal: Journal,
        budget: Budget,
        is_stopping: Callable[[], bool],
        *,
        means: Means,
        began_at: float,
    ) -> None:
        """The server began at this time; `sessions` are those that there are whenever it is asked."""
        self._directory = directory
        self._sessions = sessions
        self._journal = journal
        self._budget = budget
        self._is_stopping = is_stopping
        self._health, self._in_use, way_in = means
        self._backups, succession = way_in.backups, way_in.succession
        self._began_at = began_at
        self._of: dict[type[AdminRequest], Operation] = {
            Who: self._who,
            Kick: self._kick,
            Rooms: self._rooms,
            RenameRoom: self._rename_room,
            DeleteRoom: self._delete_room,
            ListNodes: self._list_nodes,
            Stats: self._stats,
            LogLevel: self._log_level,
            HowItIs: self._how_it_is,
            Reload: self._reload,
            **AccountOperations(directory).of,
            **OfficeOperations(directory).of,
            **(Handover(succession, is_stopping).of if succession is not None else {}),
        }

    async def carry_out(self, request: AdminRequest, user: int) -> Iterable[AdminAnswer]:
        """Do what is asked for, by a user of the system; see admin.CarryOut."""
        operation = self._of.get(type(request))
        if operation is None:
            raise Impossible("this server has no sockets that it could hand over")
        return await operation(request, user)

    async def _who(self, request: Who, user: int) -> Iterable[AdminAnswer]:
        del request, user
        return self._connected(sorted(self._sessions, key=lambda session: (not session.nick, session.nick)))

    def _connected(self, sessions: Iterable[ChatSession[Any]]) -> Iterator[AdminAnswer]:
        """Each session as it is when its turn comes."""
        now = trio.current_time()
        for session in sessions:
            origin, seconds = session.caller.origin, max(0.0, now - session.caller.since)
            is_guest = bool(session.nick) and self._directory.guests.mark(session.person) is True
            yield Connected(
                *(session.nick, _by(session), origin.address, session.rooms, seconds, waiting_for(session), is_guest),
                node=self._node,
            )

    async def _kick(self, request: Kick, user: int) -> Iterable[AdminAnswer]:
        """End somebody's sessions at once: of what they have said, nothing is stored that is not being stored already.

        Those at other nodes end as soon as these hear of it.
        """
        directory, reason = self._directory, sanitize_to_line(request.reason).strip().rstrip(".")
        there = await self._whereabouts(request.name) if directory.others is not None else ()
        person = directory.person(request.name) or (directory.identified(there[0].person) if there else None)
        if person is None and not there:
            away = " that is known: the engine of the journal does not answer" if there is None else ""
            raise Impossible(
                f"nobody here is called {request.name}{away}: `chat-server admin who` lists who is connected"
            )
        nick = person.nick if person is not None else there[0].nick if there else ""
        sessions = [session for session in self._sessions if session.person is person]
        log.info("an operator has removed somebody", nick=nick, sessions=len(sessions), user=user)
        await end_sessions(directory, (cast(Occupant, session) for session in sessions), kicked_because(reason))
        elsewhere = await self._kick_elsewhere(there, reason)
        return (Kicked(nick, len(sessions), self._node, elsewhere),)

    async def _whereabouts(self, name: str) -> Sequence[Whereabouts] | None:
        """At which nodes somebody of this name is; None if the engine does not say."""
        nodes = self._directory.nodes
        try:
            with trio.fail_after(NODES_SECONDS):
                return await nodes.whereabouts(name_key(name)) if nodes is not None else ()
        except (JournalError, trio.TooSlowError):
            return None

    async def _kick_elsewhere(
        self, where: Sequence[Whereabouts] | None, reason: str
    ) -> tuple[EndedElsewhere, ...] | UnsetType:
        """End somebody's sessions at the other nodes where they are; how many ended at which, or nothing, if that is not known."""
        others = self._directory.others
        if others is None or where is None:
            return UNSET
        names = {one.node: one.node_name for one in where if one.node != others.nodes.number}
        if not names:
            return ()
        try:
            ended = await others.put_out(where[0].person, reason, names)
        except JournalError:
            return UNSET
        return tuple(EndedElsewhere(name, ended.get(node)) for node, name in names.items())

    async def _rooms(self, request: Rooms, user: int) -> Iterable[AdminAnswer]:
        del request, user
        first = {record.name: record.first for record in await self._records()}
        return [
            RoomShown(number, room.name, room.population, first.get(room.name, 1), room.last_seq, room.topic)
            for number, room in enumerate(self._directory.rooms, 1)
        ]

    async def _rename_room(self, request: RenameRoom, user: int) -> Iterable[AdminAnswer]:
        async with self._directory.founding:
            room = self._room_called(request.room)
            old, new = room.name, self._new_name(request.name, room)
            not_done = await rename(room, new, SERVER)
        if not_done is not None:
            raise Impossible(f"{old} keeps its name: {not_done.why}")
        log.info("an operator has renamed a room", room=log_name(room, old), new=log_name(room), user=user)
        return (Renamed(old, new),)

    async def _delete_room(self, request: DeleteRoom, user: int) -> Iterable[AdminAnswer]:
        """Everybody is put out first; then nothing is stored there any more, and what was is deleted some lines at a time."""
        async with self._directory.founding:
            room = self._room_called(request.room)
            first = {record.name: record.first for record in await self._records()}.get(room.name, 1)
            if why := await room.changes.ask(store=lambda _: audit_deleting(room, Doer(OPERATOR))):
                raise Impossible(f"{room.name} stays: {why}")
            lines = max(0, room.last_seq - first + 1)
            try:
                left = await self._journal.delete_room(room.name)
            except InDoubt as error:
                raise Impossible(
                    f"{room.name} is closed at this node, and the database has not said whether it is deleted: once it answers,"
                    " `chat-server admin rooms` at another node lists it if it is not, and it can be deleted there; else the next start of this"
                    " one opens it again"
                ) from error
            except JournalError as error:
                raise Impossible(
                    f"{room.name} is closed, but could not be deleted ({error}): the next start opens it again"
                ) from error
        log.info("an operator has deleted a room", room=log_name(room), lines=lines, user=user)
        return (Deleted(room.name, lines, left),)

    def _listed(self) -> list[RoomRecord]:
        return [RoomRecord(room.name, room.topic, 1, room.last_seq) for room in self._directory.rooms]

    def _room_called(self, wanted: str) -> ChatRoom:
        try:
            name = find_room(self._listed(), wanted, ROOMS_COMMAND).name
        except FileProblem as problem:
            raise Impossible(str(problem)) from None
        return cast(ChatRoom, self._directory.room(name))  # there are no others in the list

    def _new_name(self, wanted: str, room: ChatRoom) -> str:
        """The name in its one form, if the room can have it."""
        others = [other.name for other in self._directory.rooms if other is not room]
        try:
            name = new_name(wanted, others, problem_with)
        except FileProblem as problem:
            raise Impossible(str(problem)) from None
        if name == room.name:
            raise Impossible(f"{name} is called so already")
        return name

    async def _records(self) -> list[RoomRecord]:
        try:
            return await self._journal.rooms()
        except JournalError as error:
            raise Impossible(f"what is kept cannot be read just now: {error}") from error

    @property
    def _node(self) -> str | UnsetType:
        """What this node is called, where several are one server."""
        nodes = self._directory.nodes
        return nodes.name if nodes is not None else UNSET

    async def _list_nodes(self, request: ListNodes, user: int) -> Iterable[AdminAnswer]:
        del request, user
        nodes = self._directory.nodes
        if nodes is None:
            raise Impossible("this server has its journal for itself: there are no nodes")
        try:
            with trio.fail_after(NODES_SECONDS):
                listed = await nodes.listed()
        except (JournalError, trio.TooSlowError) as error:
            raise Impossible(
                f"the engine of the journal does not say which nodes there are ({str(error) or 'no answer'})"
            ) from error
        return [
            NodeShown(
                one.number, one.name, one.age, one.silence, one.people, one.is_leaving, one.number == nodes.number
            )
            for one in listed
        ]

    async def _stats(self, request: Stats, user: int) -> Iterable[AdminAnswer]:
        del request, user
        late = await _lateness()
        nicks = {session.person for session in self._sessions if session.nick}
        logged_in = [session for session in self._sessions if session.nick]
        programs = sum(_by(session) == "program" for session in logged_in)
        activity = self._journal.activity()
        seconds = activity.commit_seconds
        return (
            Figures(
                version=__version__,
                uptime=trio.current_time() - self._began_at,
                is_stopping=self._is_stopping(),
                people=len(nicks),
                terminals=len(logged_in) - programs,
                programs=programs,
                not_logged_in=len(self._sessions) - len(logged_in),
                rooms=len(self._directory.rooms),
                lines_stored=activity.lines,
                waiting_bytes=self._budget.total,
                waiting_bytes_limit=self._budget.limit,
                commits_timed=len(seconds),
                commit_median=sorted(seconds)[len(seconds) // 2] if seconds else 0.0,
                commit_longest=max(seconds, default=0.0),
                loop_late_longest=late,
                node=self._node,
                is_engine_away=self._directory.is_engine_away if self._directory.nodes is not None else UNSET,
                backups=_shown(self._backups) if self._backups is not None and self._backups.every else UNSET,
            ),
        )

    async def _log_level(self, request: LogLevel, user: int) -> Iterable[AdminAnswer]:
        if request.level:
            log.is_verbose = request.level == "verbose"
            log.info("an operator has chosen how much is logged", level=request.level, user=user)
        return (LogLevelShown("verbose" if log.is_verbose else "normal"),)

    async def _how_it_is(self, request: HowItIs, user: int) -> Iterable[AdminAnswer]:
        del request, user
        return (HowItIsShown(self._health.trouble(), self._health.not_ready()),)

    async def _reload(self, request: Reload, user: int) -> Iterable[AdminAnswer]:
        """What is said of it in the log does not say who asked."""
        del request
        log.info("an operator has the configuration read again", user=user)
        try:
            return (ConfigReloaded(*await self._in_use.reload()),)
        except NotReloaded as error:
            raise Impossible(str(error)) from error


def _by(session: ChatSession[Any]) -> str:
    """What somebody uses: `telnet` where a question of telnet's was answered, `nc` for whatever else sends lines of text, `program`."""
    occupant = cast(Occupant, session)  # every kind of session is one
    if not occupant.has_terminal:
        return "program"
    return "telnet" if occupant.speaks_telnet else "nc"


def _shown(backups: Backups) -> BackupsShown:
    return BackupsShown(backups.every, backups.age, backups.size, backups.seconds, backups.problem)


async def _lateness() -> float:
    """How many seconds later than it was asked to the event loop went on, at the worst of some tries."""
    late = 0.0
    for _ in range(LOOKS):
        due = trio.current_time() + LOOK_SECONDS
        await trio.sleep_until(due)
        late = max(late, trio.current_time() - due)
    return late
