"""What of a server the settings rule, and how others come to count in it while it runs, for those who are there too.

Knows where each number counts. Never knows whence settings come, nor when.
"""

from collections.abc import Callable, Collection
from functools import cache, partial
from typing import Any

import trio
from msgspec import Struct

from chat_server.config import Config
from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.limits import Limits
from chat_server.protocol.events import Welcomed
from chat_server.protocol.preferences import Preferences
from chat_server.rooms.directory import Directory
from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant, Room
from chat_server.server.arrival import Arrival
from chat_server.server.config_in_use import NotReloaded
from chat_server.server.connection_limits import Admission
from chat_server.server.handshakes import Handshakes
from chat_server.server.open_rooms import OpenRooms
from chat_server.server.policy import policy_of, words_of
from chat_server.server.proxies import Proxies
from chat_server.sessions.context import SessionContext
from chat_server.sessions.memory_budget import Budget, share_of
from chat_server.sessions.session import ChatSession, change_limits
from chat_server.sessions.welcome import welcome_of

SESSIONS_AT_ONCE = 200
"""Sessions that are given their new limits before others have their turn: some 2 ms."""

COMING_BACK_SECONDS = 60.0
"""Seconds after a restart in which everybody is back: the last are told to come after 20 (ending.RETURN_LAST), and try again if they could not."""


class Ruled(Struct, frozen=True):
    """The parts of a server in which settings count."""

    admission: Admission
    budget: Budget
    directory: Directory[Room, Person[Occupant]]
    handshakes: Handshakes
    open_rooms: OpenRooms
    sessions: Collection[ChatSession[Any]]


class InEffect:
    """The settings of a server, as they count in it."""

    def __init__(self, config: Config, ruled: Ruled, *, files: float, memory: int, node: str | None) -> None:
        """Have these count, for a process that may open so many more files, and has so much memory; see Server."""
        self.config = config
        self.proxies = Proxies(config.proxy.trusted)
        """The proxies that are believed."""
        self._ruled = ruled
        self._files = files
        self._memory = memory
        self._node = node
        self._arrival: Arrival | None = None
        self._context: SessionContext | None = None
        self._nursery: trio.Nursery | None = None
        self._rule_parts()

    def welcome(self) -> Callable[[], Welcomed]:
        """What programs are told about the server: most of its 9 ms is what commands are called."""
        return cache(partial(welcome_of, self.config, self._node))

    def rules(self, context: SessionContext, arrival: Arrival, nursery: trio.Nursery) -> None:
        """Sessions have this in common, and begin here."""
        self._context, self._arrival, self._nursery = context, arrival, nursery

    async def prepared(self, config: Config) -> Callable[[], None]:
        """See config_in_use.Prepare."""
        return partial(self._put, config, Proxies(config.proxy.trusted))

    async def rooms_prepared(self, config: Config) -> Callable[[], None]:
        """The same for rooms, which are made here: a disk may be full. Nothing that may fail comes after it, for a room that is made is seen."""
        if set(config.rooms.names) - set(self.config.rooms.names):
            try:
                await self._ruled.open_rooms.open_new(config.rooms.names)
            except JournalError as error:
                raise NotReloaded(f"rooms.names: a room cannot be made ({error})") from error
        return lambda: None

    async def let_come_back(self) -> None:
        """Take easy for a minute what counts against those who come from one place, for everybody comes back at once; a task.

        How often a password may be tried wrongly counts as ever, and so does what all together may cost.
        """
        self._lift(True)
        await trio.sleep(COMING_BACK_SECONDS)
        self._lift(False)

    def _lift(self, is_lifted: bool) -> None:
        ruled = self._ruled
        ruled.admission.lift(is_lifted, trio.current_time())
        ruled.handshakes.is_lifted = ruled.directory.authentication.hashing.is_lifted = is_lifted

    def _put(self, config: Config, proxies: Proxies) -> None:
        before, self.config, self.proxies = self.config, config, proxies
        self._rule_parts()
        self._ruled.admission.allow(config.limits, self._files, trio.current_time())
        context, arrival = self._context, self._arrival
        if context is None or arrival is None or self._nursery is None:
            return
        context.limits, context.history = config.limits, config.history
        context.preferences = Preferences(config.server.language)
        context.welcome = self.welcome()
        context.takes_secrets_anywhere = config.tls.require == "none"
        arrival.all_encrypted = config.tls.require == "all"
        if config.limits != before.limits:
            self._nursery.start_soon(self._rule_sessions, before.limits)

    def _rule_parts(self) -> None:
        limits, ruled = self.config.limits, self._ruled
        waiting = limits.waiting_total_bytes
        ruled.budget.limit = waiting if waiting >= 0 else share_of(self._memory)
        ruled.handshakes.by_network = limits.connections_per_address > 0
        directory = ruled.directory
        directory.allow(
            limits.rooms,
            limits.rooms_per_person,
            limits.rooms_per_address if limits.connections_per_address else 0,
            limits.sessions_per_person,
            limits.rooms_owned,
        )
        directory.authentication.policy, directory.words = policy_of(self.config), words_of(self.config)
        for room in ruled.open_rooms.listed:  # each looks there for every line
            room.gate.words = directory.words

    async def _rule_sessions(self, before: Limits) -> None:
        """Have other limits count for those who are there: some at a time."""
        guard = Guard("a session could not be given its new limits")
        for number, session in enumerate([*self._ruled.sessions], 1):
            if session in self._ruled.sessions:  # else it has ended meanwhile, and is nobody's any more
                guard.attempt(change_limits, session, before)
            if number % SESSIONS_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
