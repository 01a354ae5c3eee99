"""One server among those with the same journal in PostgreSQL: what it stores and hears, its names, its life. See Nodes in journal/nodes.py.

Each part has a connection of its own, so none waits for what another waits for: one appends, one listens, one reads turns, one gives names, one gives
signs of life, one buries, one tells of what happened, one asks whatever else. Never knows sessions.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from typing import TypeVar

import msgspec
import psycopg
import trio

from chat_server.accounts.names_index import Refusal
from chat_server.journal import JournalError, RoomRecord
from chat_server.journal.commit_times import CommitTimes
from chat_server.journal.happened import (
    CameElsewhere,
    Change,
    GuestBlocked,
    PersonId,
    PutOut,
    RegisteredPerson,
    RenamedPerson,
)
from chat_server.journal.keys import SenderKey
from chat_server.journal.lines_asked import LinesAsked
from chat_server.journal.node_life import NodeLife
from chat_server.journal.nodes import (
    Beside,
    Claim,
    Claimed,
    Elsewhere,
    Follower,
    GoneNodes,
    NodeIsOver,
    NodeSeen,
    Opening,
    PendingTurn,
    Turn,
    TurnReceipt,
    Whereabouts,
)
from chat_server.journal.postgresql.append_function import NODE_IS_OVER, TURNS_CHANNEL
from chat_server.journal.postgresql.appending import Append, append_all, append_of
from chat_server.journal.postgresql.changes import Changes
from chat_server.journal.postgresql.committer import OVER, Committer, TurnJob
from chat_server.journal.postgresql.connections import Purpose, connect
from chat_server.journal.postgresql.gone_nodes import PostgresqlGoneNodes
from chat_server.journal.postgresql.heartbeat import Heartbeat, begin
from chat_server.journal.postgresql.lineage import Lineage
from chat_server.journal.postgresql.lines_asked import PostgresqlLinesAsked
from chat_server.journal.postgresql.link import Connection, Link, said
from chat_server.journal.postgresql.names import Names
from chat_server.journal.postgresql.probing import ProbeJob
from chat_server.journal.postgresql.reading import PARTIES, parties_of
from chat_server.journal.postgresql.room_numbers import RoomNumbers
from chat_server.journal.postgresql.sign_channel import SIGN_LOCK_MILLISECONDS, SIGNS_CHANNEL
from chat_server.journal.postgresql.tail import Tail
from chat_server.journal.postgresql.told_turns import number_of
from chat_server.journal.postgresql.turn_reading import read_turns
from chat_server.journal.showable import showable_topic
from chat_server.journal.signs import Signs
from chat_server.journal.turn_codec import encode_change
from chat_server.protocol.entries import Entry
from chat_server.protocol.stored_event import Author

CHANGES_CHANNEL = "chat_changes"
"""The channel of changes."""

SIGN_SECONDS = 1.0
"""Seconds that signs may take; then they are dropped."""

T = TypeVar("T")


class PostgresqlNodes:
    """See Nodes. It is one of them from the moment in which it is made; `run` keeps it so."""

    def __init__(
        self, url: str, name: str, silence: float, *, durability: str = "full", lineage: Lineage | None = None
    ) -> None:
        """Enter a new node, which the others bury when it has been silent for so many seconds. Blocks. Raises psycopg.Error."""
        self.name = name
        self.life = NodeLife()
        self.signs = Signs()
        self.number = 0
        self.lines_stored = 0
        """By this node."""
        self.numbers = RoomNumbers()
        """Of the rooms, by the names that they have at this node."""
        self._url = url
        self._durability = durability
        self._lineage = lineage or Lineage()
        self._links: list[Link] = []
        self._asking = self._link("read")
        self._telling = self._link("write")
        self._names = Names(self._link("life"), self.life)
        self._beating = Link(self._connect_unsynced)
        self._links.append(asking_of_lines := Link(self._connect_unsynced))
        self._carried_lines = PostgresqlLinesAsked(asking_of_lines, lambda: self.number)
        self.lines_asked: LinesAsked = self._carried_lines
        self._heartbeat = Heartbeat(self._beating, self._link("life"), self.life, silence)
        self._changes = Changes(self._asking, self.life, self.numbers)
        self.gone: GoneNodes = PostgresqlGoneNodes(self._ask, partial(self._ask, link=self._telling))
        self._committer = Committer(
            partial(self._connect, "append"), self._store, self.life, self._note_stored, self._probe
        )
        self._tail = Tail(self._listen, self._link("follow"), self.numbers, self._hear, lambda: self._committer.backend)
        with closing(connect(url, "life", lineage=self._lineage)) as connection:
            self._changes.after = self._begin(connection)

    def _link(self, purpose: Purpose) -> Link:
        link = Link(partial(self._connect, purpose))
        self._links.append(link)
        return link

    def _connect(self, purpose: Purpose) -> Connection:
        return connect(self._url, purpose, self._durability, node=self.number, lineage=self._lineage)

    def _connect_unsynced(self) -> Connection:
        """A connection for what need not be kept: whatever becomes of a sign of life, the next one comes."""
        connection = self._connect("life")
        connection.execute("SET synchronous_commit = off")
        return connection

    def _listen(self) -> Connection:
        connection = self._connect("listen")
        for channel in (TURNS_CHANNEL, CHANGES_CHANNEL, SIGNS_CHANNEL):
            connection.execute(f"LISTEN {channel}".encode())
        connection.execute("SELECT hear_turns()")
        return connection

    def _begin(self, connection: Connection) -> int:
        """Enter the node. Returns the number of the newest change before it began."""
        self.number, newest_change, at = begin(connection, self.name)
        self.life.told_the_time(at)
        self._heartbeat.node = self._names.node = self.number
        return newest_change

    def _begin_again(self, connection: Connection) -> None:
        """Enter another node if the others have buried this one before it ran: to read very many accounts takes long."""
        if not connection.execute("SELECT FROM node WHERE id = %b", [self.number]).fetchall():
            self._begin(connection)

    # Its life.

    async def run(
        self,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
        *,
        finish: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Be one of the nodes until `close`; what is stored then is stored, and nobody is here any more.

        `finish` is what is done when nothing is appended any more, and while this is still a node.
        """
        with suppress(JournalError, psycopg.Error):  # signs of life will tell
            await self._telling.call(self._begin_again)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._heartbeat.run)
            nursery.start_soon(self._tail.run)
            nursery.start_soon(self._names.run)
            nursery.start_soon(self._carry_signs)
            nursery.start_soon(self._carried_lines.run)
            await nursery.start(self._committer.run)
            task_status.started()
            await self._committer.ended.wait()
            if finish is not None:
                await finish()
            self._changes.close()
            nursery.cancel_scope.cancel()
        await self._heartbeat.leave()
        for link in (self._beating, *self._links):
            link.close()

    def close(self) -> None:
        """Let `run` end; what is appended from now on is refused."""
        self._committer.close()

    def probe(self) -> ProbeJob:
        """See whether anything can be stored; see Journal."""
        return self._committer.probe()

    def _probe(self, connection: Connection) -> None:
        row = connection.execute("UPDATE node SET probed = clock_timestamp() WHERE id = %b", [self.number])
        if not row.rowcount:
            raise JournalError(OVER)

    def hurry(self, seconds: float) -> None:
        """Wait no longer than this for an engine that is away."""
        self._committer.hurry(seconds)

    @property
    def commit_times(self) -> CommitTimes:
        """How long commits took."""
        return self._committer.times

    async def _ask(self, work: Callable[[Connection], T], link: Link | None = None) -> T:
        """Ask the engine something, twice if need be. Raises JournalError, NodeIsOver."""
        if self.life.is_over:
            raise NodeIsOver(OVER)
        try:
            return await (link or self._asking).call(work, may_repeat=True)
        except psycopg.Error as error:
            if error.sqlstate == NODE_IS_OVER:
                self.life.give_up()
                raise NodeIsOver(OVER) from error
            raise JournalError(f"the database refuses: {said(error)}") from error

    # Rooms.

    async def open(self, room: str) -> Opening:
        """A room as it is now; see Nodes."""
        number, opening = await self._ask(partial(_open, room))
        self.numbers.note(room, number, opening.record.turn)
        return opening

    def follow(self, room: Follower) -> None:
        """Hand a room its turns; see Nodes."""
        self._tail.follow(room)

    def unfollow(self, room: Follower) -> None:
        """Hand it nothing more."""
        self._tail.unfollow(room)

    async def turns(self, room: str, after: int) -> Sequence[Turn]:
        """A room's turns after one; see Nodes."""

        def read(connection: Connection) -> Sequence[Turn]:
            number = self.numbers.find(connection, [room]).get(room)
            if number is None:
                raise JournalError(f"there is no room {room}")
            return read_turns(connection, {number: after}).turns.get(number, ())

        return await self._ask(read)

    async def has_said(self, person: PersonId, room: str, seq: int) -> bool:
        """Whether somebody has said a line under a key; see Nodes."""
        sql = (
            "SELECT FROM sent JOIN room ON room.id = sent.room"
            " WHERE sent.sender = %b AND room.name = %b AND NOT is_deleted AND sent.seq = %b LIMIT 1"
        )
        return await self._ask(lambda connection: bool(connection.execute(sql, [person, room, seq]).fetchall()))

    def append(self, lines: Sequence[Entry], keys: Mapping[int, SenderKey], beside: Beside) -> PendingTurn:
        """Begin to store a turn; see Nodes."""
        return self.submit(append_of(lines, keys, beside))

    def submit(self, append: Append) -> TurnJob:
        """Begin to store a turn, or what a journal's own `append` is given."""
        self._tail.storing(append)
        return self._committer.submit(append)

    def _store(
        self, connection: Connection, ticket: int, appends: Sequence[Append]
    ) -> Sequence[TurnReceipt | JournalError]:
        return append_all(connection, self.number, ticket, appends, self.numbers)

    def _note_stored(self, append: Append, receipt: TurnReceipt | None) -> None:
        if receipt is not None:
            self.lines_stored += len(append.lines) - len(receipt.duplicates)
        self._tail.stored(append, receipt.turn if receipt else 0)

    # Names.

    async def claim(self, claim: Claim) -> Claimed | Refusal:
        """Give somebody a name; see Nodes."""
        return await self._names.claim(claim)

    async def release(self, key: str, person: PersonId) -> None:
        """Take a name back; see Nodes."""
        await self._names.release(key, person)

    async def whereabouts(self, key: str) -> Sequence[Whereabouts]:
        """At which nodes somebody has names; see Nodes."""
        return await self._ask(partial(_whereabouts, "IN (SELECT person FROM held WHERE key = %b)", key))

    async def whereabouts_of(self, people: Collection[PersonId]) -> Sequence[Whereabouts]:
        """Which names these have, and where; see Nodes."""
        return await self._ask(partial(_whereabouts, "= ANY (%b::text[])", [*people]))

    async def end_passed(self) -> None:
        """Delete conversations of guests who are gone; see Nodes."""
        await self._ask(lambda connection: connection.execute("SELECT end_passed()"), self._telling)

    async def rooms_of(self, person: PersonId, device: int) -> Sequence[str]:
        """In which rooms somebody is by a device at other nodes; see Nodes."""

        def read(connection: Connection) -> Sequence[str]:
            rows = connection.execute(
                "SELECT room.name FROM room WHERE NOT is_deleted AND id IN"
                " (SELECT room FROM member WHERE person = %b AND device = %b AND node <> %b) ORDER BY id",
                [person, device, self.number],
            )
            return [name for (name,) in rows]

        return await self._ask(read)

    async def taken_over(self, person: PersonId, device: int, order: int) -> None:
        """Have the person's sessions at other nodes end; see Nodes."""
        await self._tell(CameElsewhere(self.number, person, device, order))

    async def renamed(self, person: PersonId, nick: str, order: int) -> None:
        """Tell the other nodes that somebody has another name."""
        await self._tell(RenamedPerson(self.number, person, nick, order))

    async def registered(self, person: PersonId, account: Author) -> None:
        """Tell the other nodes that somebody has an account now."""
        await self._tell(RegisteredPerson(self.number, person, account))

    async def blocked(self, change: GuestBlocked) -> None:
        """Tell the other nodes whom somebody has blocked."""
        await self._tell(change)

    async def put_out(self, person: PersonId, reason: str) -> None:
        """Have somebody's sessions at other nodes end; see Nodes."""
        await self._tell(PutOut(self.number, person, reason))

    # What happens elsewhere.

    async def _tell(self, change: Change) -> None:
        what = encode_change(change)
        await self._ask(
            lambda connection: connection.execute("SELECT tell_for(%b, %b)", [self.number, what]), self._telling
        )

    async def listed(self) -> Sequence[NodeSeen]:
        """All nodes; see Nodes."""
        return await self._ask(_list)

    def changes(self) -> Changes:
        """What happens at any node; see Nodes. When the next is asked for, the one before has been carried out here."""
        return self._changes

    @property
    def heard(self) -> int:
        """The newest change that has been carried out; see Nodes."""
        return self._changes.heard

    def _hear(self, channel: str, text: str) -> None:
        if channel == SIGNS_CHANNEL:
            node, _, sign = text.partition(" ")
            number = number_of(node)
            if number not in {0, self.number}:
                self.signs.came(number, sign)
        else:
            self._changes.wake()

    async def _carry_signs(self) -> None:
        while True:
            signs = [f"{self.number} {sign}" for sign in await self.signs.to_carry()]
            with suppress(JournalError, psycopg.Error):  # whoever is not there has missed it
                await self._beating.call(partial(_notify, signs), SIGN_SECONDS)


def _open(room: str, connection: Connection) -> tuple[int, Opening]:
    """One statement, so that all of it is of one moment."""
    rows = connection.execute(
        f"SELECT id, topic, kept_from, last, last_at, turn, state, {PARTIES}, uid,"  # noqa: S608 - a list of columns
        " (SELECT coalesce(json_agg(json_build_array(node, person, device, nick, account,"
        " EXISTS (SELECT FROM device AS its WHERE its.id = member.device AND its.kind = 'bot'))"
        " ORDER BY node, person, device), '[]')::text FROM member WHERE member.room = room.id) FROM room WHERE name = %b AND NOT is_deleted",
        [room],
    ).fetchall()
    if not rows:
        raise JournalError(f"there is no room {room}")
    ((number, topic, first, last, last_at, turn, state, parties, uid, people),) = rows
    record = RoomRecord(room, showable_topic(topic), first, last, last_at, turn, state, parties_of(parties), uid)
    return number, Opening(record, msgspec.json.decode(people, type=list[Elsewhere]))


def _whereabouts(who: str, value: object, connection: Connection) -> Sequence[Whereabouts]:
    rows = connection.execute(
        f"SELECT held.person, held.nick, node.id, node.name FROM held JOIN node ON node.id = held.node WHERE held.person {who}"  # noqa: S608 - ours
        " ORDER BY NOT is_outdated, held.since",
        [value],
    )
    return [Whereabouts(*row) for row in rows]


def _list(connection: Connection) -> list[NodeSeen]:
    rows = connection.execute(
        "SELECT id, name, extract(epoch FROM clock_timestamp() - began)::float8, extract(epoch FROM clock_timestamp() - seen)::float8,"
        " (SELECT count(DISTINCT person) FROM held WHERE held.node = node.id), is_leaving FROM node ORDER BY id"
    )
    return [NodeSeen(*row) for row in rows]


def _notify(texts: Sequence[str], connection: Connection) -> None:
    connection.execute(
        "SELECT set_config('lock_timeout', %b, true), count(pg_notify(%b, t.text)) FROM unnest(%b::text[]) AS t (text)",
        [str(SIGN_LOCK_MILLISECONDS), SIGNS_CHANNEL, [*texts]],
    )
