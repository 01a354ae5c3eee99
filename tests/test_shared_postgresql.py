"""Rooms of several nodes on a real PostgreSQL: people at each talk, come, go and take other names at once, and all nodes have one order."""

from collections import Counter
from random import Random

import pytest
import trio

from chat_server.accounts.authentication import Authentication, Policy
from chat_server.accounts.look_alikes import skeleton
from chat_server.accounts.names_index import Refusal
from chat_server.journal import RoomRecord
from chat_server.journal.memory import MemoryJournal
from chat_server.journal.nodes import Claim
from chat_server.journal.postgresql.nodes import PostgresqlNodes
from chat_server.protocol.entries import Said
from chat_server.protocol.events import Joined, Left, Renamed, RoomFailed
from chat_server.protocol.names import name_key
from chat_server.protocol.requests import Say
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.directory import Directory
from chat_server.rooms.hall import Hall
from chat_server.rooms.person import Person, person_id
from chat_server.rooms.room import Occupant, Room
from database_nodes import make_room, node, running
from fakes import FakeSession, cheap_hashing
from nodes import Watcher
from postgresql import Database

pytestmark = pytest.mark.timeout(120)

SECONDS = 4


class House:
    """One node with the room "python"; what is read of the past is not of this test."""

    room: ChatRoom

    def __init__(self, nodes: PostgresqlNodes) -> None:
        self.nodes = nodes
        journal = MemoryJournal()
        self.directory: Directory[Room, Person[Occupant]] = Directory(
            journal,
            journal.accounts,
            nodes,
            authentication=Authentication(journal.accounts, cheap_hashing(), Policy()),
            start_room=lambda name, room_id: ChatRoom(
                RoomRecord(name, "", 1, 0, id=room_id), self.directory, self.hall
            ),
        )
        self.hall = Hall(self.directory)

    async def open(self, nursery: trio.Nursery) -> None:
        await self.directory.journal.create_room("python")
        opening = await self.nodes.open("python")
        self.room = ChatRoom(opening.record, self.directory, self.hall, people=opening.people)
        assert self.room.shared is not None
        self.nodes.follow(self.room.shared)
        nursery.start_soon(self.room.run)

    async def come(self, session: FakeSession, token: str = "") -> None:
        """Enter under the name that the session has, which the engine gives it."""
        if token:
            session.person.sender = f"token:{token}"
        await self.claim(session, session.nick)
        await session.enter(self.room)

    async def claim(self, session: FakeSession, nick: str) -> None:
        who = person_id(session.person, self.nodes.number)
        assert not isinstance(await self.nodes.claim(Claim(nick, name_key(nick), skeleton(nick), who)), Refusal)


async def live(house: House, number: int, random: Random) -> None:
    """Come, talk, take other names and go, again and again."""
    until = trio.current_time() + SECONDS
    while trio.current_time() < until:
        name = f"p{number}x{random.randrange(10**9)}"
        session = FakeSession(house.hall, name)
        await house.come(session)
        for line in range(random.randint(1, 8)):
            pause = house.room.post(session, Say(f"{name} {line}"))
            if pause is not None:
                await pause
            await trio.sleep(random.choice((0, 0, 0.001, 0.01)))
        if random.random() < 0.4:
            await house.claim(session, f"{name}r")
            session.person.nick = f"{name}r"
            house.room.announce_name(session)
        await house.room.leave(session)


async def test_all_nodes_show_one_order_and_list_who_is_there(database: Database) -> None:
    make_room(database)
    houses = [House(node(database, name)) for name in "abc"]
    async with running(*(house.nodes for house in houses)), trio.open_nursery() as nursery:
        watchers = []
        for number, house in enumerate(houses):
            await house.open(nursery)
            watcher = Watcher(house.hall, f"watcher{number}")
            await house.come(watcher)
            watchers.append(watcher)
        await trio.sleep(1)
        for watcher in watchers:
            watcher.take()
        async with trio.open_nursery() as people:
            for number in range(9):
                people.start_soon(live, houses[number % 3], number, Random(number))  # noqa: S311 - it is played
        await trio.sleep(3)
        with database.connect() as connection:
            turns = connection.execute("SELECT turn, first, count FROM batch ORDER BY turn").fetchall()
            (left,) = connection.execute("SELECT count(*) FROM member").fetchall()
        assert [turn for turn, _, _ in turns] == [*range(1, len(turns) + 1)]
        assert left == (3,)
        first = watchers[0]
        lines = [(line.seq, line.nick, line.text, line.at) for line in first.events if isinstance(line, Said)]
        assert [seq for seq, *_ in lines] == [*range(1, len(lines) + 1)]
        assert len(lines) == sum(count for _, _, count in turns) > 100
        assert max(Counter(text for _, _, text, _ in lines).values()) == 1
        assert [at for *_, at in lines] == sorted(at for *_, at in lines)
        for house, watcher in zip(houses, watchers, strict=True):
            assert not [event for event in watcher.events if isinstance(event, RoomFailed)]
            assert [
                (line.seq, line.nick, line.text, line.at) for line in watcher.events if isinstance(line, Said)
            ] == lines
            assert sorted(house.room.nicks) == ["watcher0", "watcher1", "watcher2"]
            check_what_was_told(watcher)
        nursery.cancel_scope.cancel()


def check_what_was_told(watcher: Watcher) -> None:
    """Who says something is there, under the name that they have, unless more came at once than are named."""
    listed: set[str] = set()
    if any(event.more for event in watcher.events if isinstance(event, Joined | Left)):
        return
    for event in watcher.events:
        match event:
            case Joined(nicks=nicks):
                listed |= {*nicks}
            case Left(nicks=nicks):
                listed -= {*nicks}
            case Renamed(old=old, new=new):
                listed = listed - {old} | {new}
            case Said(nick=nick):
                assert nick in listed, event
