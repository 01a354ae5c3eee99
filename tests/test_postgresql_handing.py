"""What a node on a real PostgreSQL hands its rooms of what others have stored: how much at a time, and by which connection it is read."""

import os
import signal
from collections.abc import Mapping, Sequence
from math import inf
from threading import Event

import psycopg
import pytest
import trio
from psycopg.rows import TupleRow

from chat_server.journal.nodes import Came, Turn
from chat_server.journal.postgresql import heartbeat, tail
from chat_server.journal.postgresql.connections import connect
from chat_server.journal.postgresql.listening import NotAnswered
from chat_server.journal.postgresql.telling_function import TOLD_MAX
from chat_server.journal.postgresql.told_turns import newest_in
from chat_server.journal.postgresql.turn_reading import Found, asked_of, read_turns
from database_nodes import Room, backend_of, eventually, make_room, node, running
from postgresql import Database

pytestmark = pytest.mark.timeout(120)

LONG = "long " * (TOLD_MAX // 5)
"""What is not told whole, but read."""


async def test_a_listener_that_stands_still_keeps_nothing_from_being_shown(database: Database) -> None:
    make_room(database)
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        here, there = await Room(a).open(), await Room(b).open()
        await eventually(lambda: len(backend_of(database, b, "listen")) == 1)
        (listener,) = backend_of(database, b, "listen")
        os.kill(listener, signal.SIGSTOP)
        try:
            for number in range(1, 6):
                begun = trio.current_time()
                await here.say("not heard")
                await there.until(number)
                assert trio.current_time() - begun < 1.2
            await eventually(lambda: len(backend_of(database, b, "listen")) == 2)  # another hears again
            begun = trio.current_time()
            await here.say("heard")
            await there.until(6)
            assert trio.current_time() - begun < 0.4
        finally:
            os.kill(listener, signal.SIGCONT)


async def test_a_node_that_stands_still_while_it_is_told_what_it_has_missed_is_buried_all_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.1)
    b = node(database, "b", silence=1.0)
    with database.connect() as connection:
        ((still,),) = connection.execute("INSERT INTO node (name) VALUES ('still') RETURNING id").fetchall()
    async with running(b):
        appending, listening = (connect(database.url, purpose, node=still) for purpose in ("append", "listen"))
        # It holds its row, as an append does, and does not take the answer, which no kernel has room for.
        appending.pgconn.send_query(
            f"SELECT FROM node WHERE id = {still} FOR KEY SHARE; SELECT repeat('x', 1000) FROM generate_series(1, 100000)".encode()  # noqa: S608
        )
        with trio.fail_after(6):
            while len(await b.listed()) > 1:
                await trio.sleep(0.05)
        for ended in (appending, listening):
            with pytest.raises(psycopg.OperationalError):
                ended.execute("SELECT 1")
            ended.close()


async def test_a_room_that_takes_nothing_in_is_handed_so_much_and_the_others_go_on(database: Database) -> None:
    for room in ("python", "pm"):
        make_room(database, room)
    a, b = node(database, "a"), node(database, "b")

    class Slow(Room):
        def follow(self, turns: Sequence[Turn]) -> None:
            self.taken += turns

    async with running(a, b):
        here, pm = await Room(a).open(), await Room(a, "pm").open()
        slow, other = await Slow(b).open(), await Room(b, "pm").open()
        for number in range(1, 301):
            await here.say(str(number))
        await pm.say("hello")
        await other.until(1)
        assert 0 < len(slow.taken) <= 2 * tail.AHEAD_MAX  # once more, for it may have lost them
        assert slow.taken[0].number == 1
        taken, slow.taken = slow.taken, []
        while slow.turn < 300:
            slow.turn = max([slow.turn, *(turn.number for turn in taken)])
            await trio.sleep(0.1)
            taken, slow.taken = slow.taken, []


async def test_a_room_that_rests_is_handed_nothing_that_would_have_to_be_read_and_has_what_it_missed_by_its_own_turn(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def counted(after: Mapping[int, int]) -> Sequence[bytes | None]:
        asked.extend(after)
        return asked_of(after)

    monkeypatch.setattr(tail, "asked_of", counted)
    monkeypatch.setattr(tail, "LOOK_SECONDS", 1000.0)
    make_room(database)
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        here, there = await Room(a).open(), await Room(b).open()
        for turn in (1, 3):  # what is handed by the second round has been heard of: both listen by then
            await here.say("before")
            await there.until(turn)
            await there.say("before")
            await here.until(turn + 1)
        there.rests = True
        there.taken.clear()
        asked.clear()
        await here.say(f"missed {LONG}")
        await trio.sleep(0.2)
        assert there.turn == 4
        await there.say(f"own {LONG}")
        assert there.texts == [f"missed {LONG}"]
        await here.until(6)
        there.rests = False
        await trio.sleep(0.2)
        assert len(asked) == 1, "but for what was said there, nobody asks"
        there.rests = True
        await here.say(f"after a while {LONG}")
        await trio.sleep(0.2)
        assert there.turn == 6
        there.rests = False
        await there.until(7)


async def test_a_short_turn_is_told_whole_and_nothing_is_asked_for_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def counted(after: Mapping[int, int]) -> Sequence[bytes | None]:
        read.extend(after)
        return asked_of(after)

    monkeypatch.setattr(tail, "asked_of", counted)
    monkeypatch.setattr(tail, "LOOK_SECONDS", 1000.0)
    make_room(database)
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        here, there = await Room(a).open(), await Room(b).open()
        for turn in (1, 3):  # both listen by then
            await here.say("before")
            await there.until(turn)
            await there.say("before")
            await here.until(turn + 1)
        read.clear()
        there.taken.clear()
        texts = ['quotes " and \\ and {"a":[1]}', "\U0001f600 Grüße \u2028", "x" * (TOLD_MAX // 2)]
        for turn, text in enumerate(texts, 5):
            await here.say(text, movements=[Came(f"guest:{turn}", 0, "bob")])
            await there.until(turn)
        assert there.texts == texts
        assert [placed.movement for turn in there.taken for placed in turn.movements] == [
            Came(f"guest:{turn}", 0, "bob") for turn in (5, 6, 7)
        ]
        asked = await a.turns("python", 4)
        assert there.taken == asked, "what is told is what would be read"
        assert not read
        await here.say(LONG)
        await there.until(8)
        assert len(read) == 1


async def test_a_turn_that_was_not_heard_of_is_read_before_what_is_told_after_it(database: Database) -> None:
    make_room(database)
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        here, there = await Room(a).open(), await Room(b).open()
        await here.say("first")
        await there.until(1)
        with database.connect() as connection:  # as if its notification had been lost
            connection.execute(
                "INSERT INTO batch (room, turn, first, count, at, step, node, ticket, lines, authors)"
                ' SELECT room, 2, 2, 1, at, step, node, 1000, \'[["ann","lost"]]\', authors FROM batch WHERE turn = 1'
            )
            connection.execute("UPDATE room SET turn = 2, last = 2")
        here.turn = 2
        await here.say("third")
        await there.until(3)
        assert there.texts == ["first", "lost", "third"]


async def test_what_is_told_of_and_not_told_whole_is_read_by_the_connection_that_listens_and_without_it_by_another(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def counted(connection: psycopg.Connection, after: Mapping[int, int]) -> Found:
        read.extend(after)
        return read_turns(connection, after)

    async def cannot(_: Sequence[object]) -> Sequence[TupleRow]:
        raise NotAnswered

    monkeypatch.setattr(tail, "read_turns", counted)
    monkeypatch.setattr(tail, "LOOK_SECONDS", 1000.0)
    make_room(database)
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        here, there = await Room(a).open(), await Room(b).open()
        await here.say("before")
        await there.until(1)
        await trio.sleep(0.3)  # both listen
        read.clear()
        await here.say(f"heard {LONG}")
        await there.until(2)
        assert not read
        monkeypatch.setattr(b._tail._listening, "ask", cannot)
        await here.say(f"heard too {LONG}")
        await there.until(3)
        assert len(read) == 1
        assert there.texts == ["before", f"heard {LONG}", f"heard too {LONG}"]


async def test_a_room_that_wants_no_more_while_its_turns_are_read_is_handed_none(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_read, go_on = Event(), Event()

    def held_up(connection: psycopg.Connection, after: Mapping[int, int]) -> Found:
        found = read_turns(connection, after)
        if found.turns:
            has_read.set()
            go_on.wait(10)
        return found

    monkeypatch.setattr(tail, "FEW", 0)  # as where many rooms are asked for
    monkeypatch.setattr(tail, "read_turns", held_up)
    make_room(database)
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        here, there = await Room(a).open(), await Room(b).open()
        await here.say(LONG)
        assert await trio.to_thread.run_sync(has_read.wait, 10)
        b.unfollow(there)
        go_on.set()
        await trio.sleep(0.2)
        assert there.taken == []


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("12:7 13:1", {12: 7, 13: 1}),
        ("12", {12: inf}),
        ("12: 13:x", {12: inf, 13: inf}),
        ("", {}),
        ("x:1 :2 " + "9" * 40 + ":1", {}),
    ],
)
def test_a_notification_names_rooms_and_their_newest_turns_as_far_as_it_can_be_understood(
    text: str, turns: dict[int, float]
) -> None:
    assert newest_in(text) == turns
