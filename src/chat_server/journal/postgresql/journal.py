"""The journal in PostgreSQL, for the server, which is one of its nodes. See Journal.

What is appended goes the way of the nodes' turns; pages are read by connections of their own, beside each other. Bounds: READERS pages are read at
once, and more wait their turn; how far people have come is in positions.py.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from typing import Any, TypeVar

import psycopg
import trio

from chat_server.accounts.look_alikes import skeleton
from chat_server.journal import (
    EVERYTHING,
    KEY_SECONDS,
    Activity,
    Duplicate,
    InDoubt,
    JournalError,
    Matches,
    Page,
    PendingAppend,
    PendingProbe,
    Pruned,
    Receipt,
    RoomRecord,
    RoomTaken,
    new_room_id,
)
from chat_server.journal.happened import RoomDeleted, RoomMade, RoomRenamed
from chat_server.journal.keys import SenderKey
from chat_server.journal.postgresql.appending import plain_append_of
from chat_server.journal.postgresql.committer import TurnJob
from chat_server.journal.postgresql.connections import Purpose
from chat_server.journal.postgresql.conversations import PostgresqlConversations
from chat_server.journal.postgresql.link import Connection, Link, said
from chat_server.journal.postgresql.mentions import PostgresqlMentions
from chat_server.journal.postgresql.nodes import PostgresqlNodes
from chat_server.journal.postgresql.parts import Part, Search, run_part
from chat_server.journal.postgresql.positions import Positions
from chat_server.journal.postgresql.reading import (
    find_sent,
    find_seq,
    read_page,
    read_positions,
    read_rooms,
    read_versions,
)
from chat_server.journal.postgresql.rename_function import RENAME, noted
from chat_server.journal.showable import showable_topic
from chat_server.journal.turn_codec import encode_change
from chat_server.journal.versions import Version
from chat_server.logs import log
from chat_server.protocol.entries import Entry
from chat_server.protocol.names import name_key, was_a_name

READERS = 4
"""Pages read at once."""

FORGOTTEN_AT_ONCE = 200
"""Batches that one statement forgets, about 2 ms: that long an append to their room may have to wait."""

REST = 0.02
"""Seconds between two such statements: appends go first."""

FINISH_SECONDS = 15.0
"""Seconds that the end may take, beside what is appended."""

T = TypeVar("T")


class _Pending:
    """See PendingAppend."""

    def __init__(self, job: TurnJob) -> None:
        self._job = job

    async def stored(self) -> Receipt:
        first, duplicates, turn, *_ = await self._job.stored()
        return Receipt(first, duplicates, turn)


class PostgresqlJournal:
    """See Journal. Nothing is stored unless `run` runs."""

    def __init__(
        self,
        nodes: PostgresqlNodes,
        connect: Callable[[Purpose], Connection],
        search: Search,
        let_go: Callable[[], object],
    ) -> None:
        """Be the journal of this node.

        Args:
            nodes: the node.
            connect: connects to the database.
            search: what looks for words in it.
            let_go: called when all is closed.

        """
        self.parts: list[Part] = [search]
        """What runs beside it; accounts join."""
        self._nodes = nodes
        self._numbers = nodes.numbers
        self._search = search
        self._idle = [Link(partial(connect, "read")) for _ in range(READERS)]
        self._links = [*self._idle]
        self._free = trio.Semaphore(READERS)
        self._writing = Link(partial(connect, "write"))
        self._positions = Positions(nodes.numbers, partial(self._call, self._writing))
        self.save_position = self._positions.note
        """See Journal."""
        self._let_go = let_go
        self._closed = trio.Event()
        self.store_positions = self._positions.store
        """Has all read positions stored that are noted. Raises JournalError."""
        self.probe: Callable[[], PendingProbe] = nodes.probe
        """See Journal."""
        self.conversations = PostgresqlConversations(
            lambda: nodes.number, self._write, self._read, self._positions.store, lambda: self._positions.waiting
        )
        """Between whom there are conversations; see Journal."""
        self.mentions = PostgresqlMentions(self._write, self._read)
        """Who was named while they were not there; see Journal."""

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Be one of the nodes, and store what is appended, until `close`; then store what waits, and take leave."""
        async with trio.open_nursery() as nursery:
            ended = [trio.Event() for _ in self.parts]
            for part, end in zip(self.parts, ended, strict=True):
                await nursery.start(run_part, part, end)
            nursery.start_soon(self._positions.run)
            await self._nodes.run(task_status, finish=partial(self._finish, ended))
            nursery.cancel_scope.cancel()
        for link in (*self._links, self._writing):
            link.close()
        self._let_go()
        self._closed.set()

    async def _finish(self, ended: Sequence[trio.Event]) -> None:
        """Store what else waits, while this is still a node."""
        with trio.move_on_after(FINISH_SECONDS), suppress(JournalError):
            await self._positions.store()
            for part in self.parts:
                part.close()
            for end in ended:
                await end.wait()

    def close(self) -> None:
        """Let `run` end; see Journal."""
        self._nodes.close()

    async def wait_closed(self) -> None:
        """Wait until everything is stored, and the node is none any more."""
        await self._closed.wait()

    def hurry(self, seconds: float) -> None:
        """Wait no longer than this for a database that is away; see Journal."""
        self._nodes.hurry(seconds)

    def activity(self) -> Activity:
        """What it has done so far; see Journal."""
        return Activity(self._nodes.lines_stored, self._nodes.commit_times)

    # Storing.

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey]) -> PendingAppend:
        """Begin to store a batch; see Journal."""
        return _Pending(self._nodes.submit(plain_append_of(lines, keys)))

    async def create_room(self, name: str, *, is_new: bool = False, room_id: str = "") -> None:
        """Store a new, empty room; see Journal."""
        room_id = room_id or new_room_id()
        key, made = name_key(name), RoomMade(self._nodes.number, name, room_id)
        (other,) = await self._change_rooms(
            made,
            "SELECT make_room(new_uid => %b, new_name => %b, new_key => %b, new_skeleton => %b, is_new => %b, told => %b)",
            *(room_id, name, key, skeleton(name), is_new),
        )
        self._numbers.forget(name)
        if other is not None and is_new:
            raise RoomTaken(other, is_same=name_key(other) == key)
        if other is not None:
            raise JournalError(f"there is a room {other} already, whose name counts as the same as {name}")

    async def rename_room(self, old: str, new: str, named: Entry | None = None) -> Receipt | None:
        """Give a room another name; see Journal. As long as this node has not carried that out it has both."""
        number = await self._number(old)
        change = RoomRenamed(self._nodes.number, old, new)
        key = name_key(new)
        names = (old, new, key, skeleton(new))
        if named is None:
            other, renamed = await self._change_rooms(
                change, "SELECT in_the_way, renamed FROM rename_room(%b, %b, %b, %b, %b)", *names
            )
            stored: Sequence[int] = ()
        else:
            values = (self._nodes.number, *names, *noted(named))
            other, renamed, *stored = await self._change_rooms(change, RENAME, *values)
        if not renamed:
            raise JournalError("another node has just given it another name, or deleted it")
        if other is not None:
            raise RoomTaken(other, is_same=name_key(other) == key)
        if number:
            self._numbers.note(new, number, stored[1] if stored else 0)
        return Receipt(stored[0], {}, stored[1]) if stored else None

    async def delete_room(self, name: str) -> str:
        """Delete a room; see Journal. One that another node has just given another name is deleted all the same."""
        await self._positions.store()
        told = encode_change(RoomDeleted(self._nodes.number, name))
        values = [name, told, await self._number(name)]
        try:
            await self._writing.call(lambda connection: connection.execute(b"SELECT delete_room(%b, %b, %b)", values))
        except psycopg.Error as error:
            raise JournalError(f"the database refuses: {said(error)}") from error
        except JournalError:
            raise InDoubt("the database went away while it was deleted, and has not said what became of it") from None
        self._numbers.forget(name)
        has_more = True
        try:
            while has_more:
                has_more = bool(await self._write("SELECT forget_deleted(%b)", FORGOTTEN_AT_ONCE))
                await trio.sleep(REST)
            await self._search.forget()
        except JournalError as error:
            return str(error)  # the room is gone all the same, and `prune` forgets the rest
        return ""

    async def _change_rooms(self, change: RoomMade | RoomRenamed, sql: str, *values: object) -> Any:
        """Make or rename a room by one statement, which is given the change last. Returns the one row that comes of it.

        As long as this node has not heard what came of it, it is like another's: if it is stored after all, it is put into effect here, too.
        """
        changes = self._nodes.changes()
        changes.in_doubt(change)
        try:
            result = await self._writing.call(
                lambda connection: connection.execute(sql.encode(), [*values, encode_change(change)]).fetchall()[0]
            )
        except psycopg.Error as error:
            changes.known(change)
            raise JournalError(f"the database refuses: {said(error)}") from error
        except JournalError:
            raise JournalError(
                "the database does not answer; if it has stored that all the same, everybody is told as soon as it does"
            ) from None
        changes.known(change)
        return result

    async def _write(self, sql: str, *values: object) -> Any:
        """Have a function of the database do something, by one statement. Returns what it returns."""
        return await self._call(
            self._writing, lambda connection: connection.execute(sql.encode(), values).fetchall()[0][0]
        )

    # Reading.

    async def _call(self, link: Link, work: Callable[[Connection], T], *, may_repeat: bool = False) -> T:
        try:
            return await link.call(work, may_repeat=may_repeat)
        except psycopg.Error as error:
            raise JournalError(f"the database refuses: {said(error)}") from error

    async def _read(self, work: Callable[[Connection], T]) -> T:
        """Read by a connection that nobody else uses meanwhile. One that was lost while nobody used it is made anew."""
        async with self._free:
            link = self._idle.pop()
            try:
                try:
                    return await self._call(link, work, may_repeat=True)
                except ValueError as error:
                    raise JournalError(str(error)) from error
            finally:
                self._idle.append(link)

    async def _number(self, room: str) -> int:
        """A room's number; 0: there is none of this name."""
        return self._numbers.known(room) or await self._read(partial(self._find, room))

    def _find(self, room: str, connection: Connection) -> int:
        return self._numbers.find(connection, [room]).get(room, 0)

    async def rooms(self) -> list[RoomRecord]:
        """All rooms, in the order in which they were created; none whose name could act on a terminal."""
        rooms: list[RoomRecord] = []
        for room in await self._read(read_rooms):
            if was_a_name(room.name):
                rooms.append(room._replace(topic=showable_topic(room.topic)))
            else:
                log.warning(
                    "a room has a name that cannot be shown; `chat-server rooms rename` gives it another",
                    room=room.name,
                )
        return rooms

    async def stored_under(self, sent: SenderKey) -> Duplicate | None:
        """Where the line is that was sent under this key; see Journal."""
        return await self._read(partial(find_sent, sent))

    async def read(self, room: str, first: int, last: int) -> Page:
        """The room's lines from one number to another; see Journal."""
        if number := await self._number(room):
            return await self._read(lambda connection: read_page(connection, room, number, first, last))
        return Page([], 1)

    async def versions(self, room: str, seq: int) -> list[Version]:
        """What a line has said before it was edited; see Journal."""
        if number := await self._number(room):
            return await self._read(lambda connection: read_versions(connection, number, seq))
        return []

    async def seq_at(self, room: str, at: float, until: float = inf) -> int:
        """The number of the first line from `at` on and before `until`; see Journal."""
        if number := await self._number(room):
            return await self._read(lambda connection: find_seq(connection, number, at, until))
        return 1

    async def positions(self, room: str) -> dict[str, int]:
        """How far people had come in a room; see Journal."""
        await self._positions.store()
        if number := await self._number(room):
            return await self._read(lambda connection: read_positions(connection, number))
        return {}

    async def search(
        self, words: str, rooms: Sequence[str] | None, limit: int, since: Mapping[str, int] = EVERYTHING
    ) -> Matches:
        """The newest lines with all the words; see Journal."""
        return await self._search.search(words, rooms, limit, since)

    # Forgetting.

    async def prune(self, before: float, keep_lines: int) -> Pruned:
        """Forget what is old or too much; see Journal. One node does it at a time, and the others nothing meanwhile."""
        values = self._nodes.number, before, keep_lines, self._nodes.life.now() - KEY_SECONDS, FORGOTTEN_AT_ONCE
        asked = "SELECT room, total FROM forget_old(%b, %b::float8, %b, %b::float8, %b)"
        ((room, total),) = await self._call(
            self._writing, lambda connection: connection.execute(asked, values).fetchall()
        )
        of_deleted = await self._write("SELECT forget_deleted(%b)", FORGOTTEN_AT_ONCE)
        of_edited = await self._write("SELECT forget_versions(%b)", FORGOTTEN_AT_ONCE)
        return Pruned(frozenset((room,) if room else ()), total + of_deleted + of_edited)
