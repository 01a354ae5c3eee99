"""Turns of rooms as the database stores them: one order, each key and each ticket once, whoever else stores at the same time."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import psycopg
import pytest

from chat_server.journal import Duplicate, JournalError
from chat_server.journal.keys import SenderKey
from chat_server.journal.nodes import (
    Beside,
    Called,
    Came,
    NodeIsOver,
    Placed,
    Revoked,
    Speaker,
    Stale,
    TurnReceipt,
    Went,
)
from chat_server.journal.postgresql.appending import Append, append_all, append_of, plain_append_of
from chat_server.journal.postgresql.connections import connect
from chat_server.journal.postgresql.room_numbers import RoomNumbers
from chat_server.journal.times import MICROSECOND, MILLISECOND
from chat_server.protocol.entries import Entry, Said, TopicSet
from postgresql import Database

Rows = list[tuple[Any, ...]]


class Node:
    """A server, as far as it stores turns."""

    def __init__(self, database: Database, name: str = "") -> None:
        self.connection = connect(database.url, "append")
        ((self.number,),) = self.ask("INSERT INTO node (name) VALUES (%s) RETURNING id", name)
        self.rooms = RoomNumbers()
        self._tickets = count(1)

    def ask(self, sql: str, *values: object) -> Rows:
        return self.connection.execute(sql.encode(), values).fetchall()

    def begin(self) -> None:
        """Store nothing for good until something is committed by the connection."""
        self.connection.autocommit = False
        self.ask("SELECT 1")

    def hold(self, person: str) -> None:
        """Give somebody a name here."""
        self.connection.execute(
            "INSERT INTO held (key, skeleton, nick, person, node) VALUES (%s, %s, %s, %s, %s)",
            [person, person, person, person, self.number],
        )

    def store_all(self, *appends: Append, ticket: int = 0) -> list[TurnReceipt | JournalError]:
        return append_all(self.connection, self.number, ticket or next(self._tickets), appends, self.rooms)

    def store(self, append: Append, *, ticket: int = 0) -> TurnReceipt:
        (result,) = self.store_all(append, ticket=ticket)
        if isinstance(result, JournalError):
            raise result
        return result

    def close(self) -> None:
        self.connection.close()


@pytest.fixture
def nodes(database: Database) -> Iterator[list[Node]]:
    """Two nodes, and two rooms."""
    found = [Node(database, "a"), Node(database, "b")]
    for room in ("python", "pm"):
        found[0].ask("SELECT make_room(%s, %s, %s, false, '{}')", room, room, room)
    yield found
    for node in found:
        node.close()


def said(*texts: str, room: str = "python", nick: str = "ann", author: int = 0) -> list[Entry]:
    """Lines a millisecond apart, at a time that does not matter."""
    return [Said(room, 0, 1e9 + index * MILLISECOND, nick, text, author) for index, text in enumerate(texts)]


def turn(
    *texts: str,
    room: str = "python",
    keys: Mapping[int, str] | None = None,
    seen: int = 0,
    movements: Sequence[Placed] = (),
    speakers: Sequence[Speaker] = (),
    lines: Sequence[Entry] | None = None,
) -> Append:
    each = {index: SenderKey("ann", key) for index, key in (keys or {}).items()}
    return append_of(said(*texts, room=room) if lines is None else lines, each, Beside(room, seen, movements, speakers))


def texts_of(node: Node, room: str = "python") -> list[str]:
    """Every line of a room, in order, asserting that neither numbers nor turns have a hole."""
    rows = node.ask(
        "SELECT turn, first, count, lines::json FROM batch WHERE room = (SELECT id FROM room WHERE name = %s) ORDER BY turn",
        room,
    )
    assert [row[0] for row in rows] == [*range(1, len(rows) + 1)]
    found: list[str] = []
    for _, first, length, lines in rows:
        assert first == len(found) + 1
        assert length == len(lines)
        found += [line[1] for line in lines]
    assert node.ask("SELECT last, turn FROM room WHERE name = %s", room) == [(len(found), len(rows))]
    return found


def in_thread(pool: ThreadPoolExecutor, node: Node, append: Append, database: Database) -> Any:
    """Begin to store something; return when it has come as far as it can while something else is locked."""
    future = pool.submit(node.store, append)
    pid = node.connection.info.backend_pid
    with database.connect() as look:
        while not future.done():
            ((waits,),) = look.execute(
                "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s", [pid]
            ).fetchall()
            if waits:
                break
    return future


def test_each_node_gets_the_turns_that_it_has_not_seen_and_its_own_after_them(nodes: list[Node]) -> None:
    a, b = nodes
    assert a.store(turn("one", "two"))[:3] == (1, {}, 1)
    first, duplicates, number, at, missed = b.store(turn("three"))
    assert (first, duplicates, number) == (3, {}, 2)
    (other,) = missed
    assert (other.number, other.node, [line.seq for line in other.lines]) == (1, a.number, [1, 2])
    assert other.lines[0].at < at
    assert not b.store(turn("four", seen=2)).missed
    assert [turn.number for turn in a.store(turn("five", seen=1)).missed] == [2, 3]
    assert texts_of(a) == ["one", "two", "three", "four", "five"]


def test_lines_get_the_time_of_the_engine_and_a_room_s_times_only_go_on(nodes: list[Node]) -> None:
    a, b = nodes
    receipts = [node.store(turn("x", "y", seen=number)) for number, node in enumerate([a, b, a, b])]
    ((now,),) = a.ask("SELECT extract(epoch FROM clock_timestamp())::float8")
    assert now - 60 < receipts[0].at < now
    ends = [receipt.at + MILLISECOND for receipt in receipts]
    assert all(end < receipt.at for end, receipt in zip(ends, receipts[1:], strict=False))
    a.ask("UPDATE room SET last_at = last_at + 3600 RETURNING id")  # the engine's clock has been put back
    late = b.store(turn("z", seen=4))
    assert now + 3500 < late.at
    assert late.at + MICROSECOND / 2 < b.store(turn("z", seen=5)).at


def test_what_has_its_time_already_keeps_it(nodes: list[Node]) -> None:
    node = nodes[0]
    assert node.store(plain_append_of(said("x"), {})).at == 1e9
    assert node.ask("SELECT at FROM batch") == [(1e9,)]


def test_two_nodes_that_store_at_once_make_one_order(database: Database, nodes: list[Node]) -> None:
    def flood(node: Node) -> None:
        seen = 0
        for number in range(100):
            receipt = node.store(turn(f"{node.number}:{number}a", f"{node.number}:{number}b", seen=seen))
            assert [one.number for one in receipt.missed] == [*range(seen + 1, receipt.turn)]
            seen = receipt.turn

    with ThreadPoolExecutor(2) as pool:
        assert [*pool.map(flood, nodes)] == [None, None]
    found = texts_of(nodes[0])
    for node in nodes:
        mine = [text.partition(":")[2] for text in found if text.startswith(f"{node.number}:")]
        assert mine == [f"{number}{letter}" for number in range(100) for letter in "ab"]


def test_what_was_sent_before_is_stored_once_and_the_others_close_up(nodes: list[Node]) -> None:
    a, b = nodes
    a.store(turn("once", "more", keys={0: "k1", 1: "k2"}))
    movements = [
        Placed(0, Came("x", 0, "x")),
        Placed(1, Came("y", 0, "y")),
        Placed(3, Went("x", 0)),
        Placed(4, Called("y", "z")),
    ]
    lines: list[Entry] = [*said("new"), *said("once", author=7), *said("newer", author=8), *said("more")]
    receipt = b.store(turn(keys={0: "k3", 1: "k1", 2: "k4", 3: "k2"}, lines=lines, movements=movements, seen=1))
    assert receipt[:3] == (3, {1: Duplicate("python", 1), 3: Duplicate("python", 2)}, 2)
    assert texts_of(a) == ["once", "more", "new", "newer"]
    ((authors, moved),) = a.ask("SELECT authors, movements::json FROM batch WHERE turn = 2")
    assert authors == "[0,8]"
    assert [after for after, _ in moved] == [0, 1, 2, 2]
    assert a.ask("SELECT convert_from(key, 'UTF8'), seq FROM sent ORDER BY key") == [
        ("k1", 1),
        ("k2", 2),
        ("k3", 3),
        ("k4", 4),
    ]
    (missed,) = a.store(turn("next", seen=1)).missed
    assert [(placed.after, placed.movement) for placed in missed.movements] == [
        (after, placed.movement) for after, placed in zip([0, 1, 2, 2], movements, strict=True)
    ]
    assert [line.seq for line in missed.lines] == [3, 4]


def test_a_key_that_stands_twice_in_one_turn_counts_once(nodes: list[Node]) -> None:
    receipt = nodes[0].store(turn("a", "b", "a", "c", keys={0: "k", 2: "k", 3: "l"}))
    assert receipt[:2] == (1, {2: Duplicate("python", 1)})
    assert texts_of(nodes[0]) == ["a", "b", "c"]


def test_where_nothing_is_left_to_store_there_is_no_turn(nodes: list[Node]) -> None:
    a, b = nodes
    a.store(turn("once", keys={0: "k"}))
    receipt = b.store(turn("once", keys={0: "k"}))
    assert receipt[1:4] == ({0: Duplicate("python", 1)}, 1, 0.0)
    assert [missed.number for missed in receipt.missed] == [1]
    assert texts_of(a) == ["once"]


def test_a_key_of_another_room_is_answered_with_that_room(nodes: list[Node]) -> None:
    a, b = nodes
    results = a.store_all(turn("x", keys={0: "k"}), turn("y", room="pm", keys={0: "l"}))
    assert [result[0] for result in results if isinstance(result, TurnReceipt)] == [1, 1]
    assert b.store(turn("x", room="pm", keys={0: "k"}, seen=1)).duplicates == {0: Duplicate("python", 1)}


@pytest.mark.parametrize("key", ["\0", "\ud800", "k" * 64, "'; DROP TABLE room", "ключ"])
def test_a_key_may_be_any_text(nodes: list[Node], key: str) -> None:
    a, b = nodes
    a.store(turn("x", keys={0: key}))
    assert b.store(turn("x", keys={0: key})).duplicates == {0: Duplicate("python", 1)}


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_key_that_another_node_has_not_finished_storing_is_waited_for(
    database: Database, nodes: list[Node], is_stored: bool
) -> None:
    a, b = nodes
    b.begin()
    b.store(turn("once", room="pm", keys={0: "k"}))
    with ThreadPoolExecutor(1) as pool:
        future = in_thread(pool, a, turn("once", keys={0: "k"}), database)
        assert not future.done()
        b.connection.commit() if is_stored else b.connection.rollback()
        receipt = future.result(10)
    assert receipt.duplicates == ({0: Duplicate("pm", 1)} if is_stored else {})
    assert texts_of(a) == ([] if is_stored else ["once"])


def test_a_ticket_that_is_known_gets_its_old_answer_and_stores_nothing(nodes: list[Node]) -> None:
    a, b = nodes
    b.store(turn("before", "known", keys={1: "k1"}))
    lines = said("one", "known", "two", "one")
    sent = turn(keys={0: "k0", 1: "k1", 2: "k2", 3: "k0"}, lines=lines)
    receipt = a.store(sent, ticket=7)
    assert receipt.duplicates == {1: Duplicate("python", 2), 3: Duplicate("python", 3)}
    b.store(turn("after", seen=2))
    assert a.store(sent, ticket=7) == receipt
    assert texts_of(a) == ["before", "known", "one", "two", "after"]
    assert b.store(turn("another node's", seen=3), ticket=7).turn == 4


def test_a_ticket_of_which_some_rooms_stored_nothing_is_answered_alike(nodes: list[Node]) -> None:
    a, b = nodes
    b.store(turn("x", room="pm", keys={0: "k"}))
    sent = [turn("y"), turn("x", room="pm", keys={0: "k"}), turn("z", room="nowhere")]
    results = [a.store_all(*sent, ticket=3) for _ in range(2)]
    for result in results:
        assert str(result.pop()) == "there is no room nowhere any more"
    assert results[0] == results[1]
    assert texts_of(a) == ["y"]


def test_two_sessions_that_send_one_ticket_at_once_store_it_once(database: Database, nodes: list[Node]) -> None:
    node = nodes[0]
    others = [connect(database.url, "append") for _ in range(4)]
    sent = [turn("x", "y", keys={0: "k"}), turn("z", room="pm")]
    with ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(lambda connection: append_all(connection, node.number, 5, sent, RoomNumbers()), others)]
    assert answers == [answers[0]] * 4
    assert texts_of(node) == ["x", "y"]
    assert texts_of(node, "pm") == ["z"]
    for connection in others:
        connection.close()


def test_a_node_that_was_given_up_stores_nothing_but_is_told_of_what_it_had_stored(nodes: list[Node]) -> None:
    a, b = nodes
    receipts = a.store(turn("before"), ticket=1)
    b.ask("DELETE FROM node WHERE id = %s RETURNING id", a.number)
    assert a.store(turn("before"), ticket=1) == receipts
    with pytest.raises(NodeIsOver):
        a.store(turn("late"), ticket=2)
    assert texts_of(b) == ["before"]


def test_a_node_that_is_storing_is_not_buried_meanwhile(nodes: list[Node]) -> None:
    a, b = nodes
    a.begin()
    a.store(turn("x"))
    assert b.ask("SELECT id FROM node WHERE id = %s FOR UPDATE SKIP LOCKED", a.number) == []
    b.ask("UPDATE node SET seen = clock_timestamp() RETURNING id")
    a.connection.commit()
    assert b.ask("SELECT id FROM node WHERE id = %s FOR UPDATE SKIP LOCKED", a.number) == [(a.number,)]


def test_where_one_may_say_nothing_any_more_nothing_of_that_room_is_stored_and_the_others_are(
    nodes: list[Node],
) -> None:
    a, b = nodes
    a.hold("1:1")
    b.hold("2:1")
    here, elsewhere, nobody = Speaker("1:1", 0), Speaker("2:1", 0), Speaker("token:x", 0)
    results = a.store_all(
        turn("x", keys={0: "k"}, speakers=[here, elsewhere, nobody]), turn("y", room="pm", speakers=[here])
    )
    assert isinstance(results[0], Revoked)
    assert results[0].authors == {elsewhere, nobody}
    assert isinstance(results[1], TurnReceipt)
    assert texts_of(a) == []
    assert not a.store(turn("x", keys={0: "k"}, speakers=[here])).duplicates


def members(node: Node) -> Rows:
    return node.ask(
        "SELECT room.name, node, person, device, nick, account FROM member JOIN room ON id = room ORDER BY 1, 2, 3, 4"
    )


def test_who_is_in_a_room_follows_from_its_movements(nodes: list[Node]) -> None:
    a, b = nodes
    came = [Placed(0, Came("account:5", 1, "ann", 5)), Placed(0, Came("1:7", 0, "bob"))]
    a.store(turn("hello", movements=came))
    assert members(a) == [("python", 1, "1:7", 0, "bob", 0), ("python", 1, "account:5", 1, "ann", 5)]
    receipt = b.store(turn(movements=[Placed(0, Came("account:5", 2, "anna", 5))], seen=1))
    assert receipt[:3] == (2, {}, 2)
    assert members(b)[2:] == [("python", 2, "account:5", 2, "ann", 5)], "by every device they have one name"
    a.store(turn(movements=[Placed(0, Called("account:5", "anna")), Placed(0, Went("1:7", 0))], seen=2))
    assert members(a) == [("python", 1, "account:5", 1, "anna", 5), ("python", 2, "account:5", 2, "anna", 5)]
    moved = [Placed(0, Went("account:5", 1)), Placed(0, Came("1:8", 0, "cid")), Placed(0, Went("1:8", 0))]
    a.store(turn("bye", movements=moved, seen=3))
    assert members(a) == [("python", 2, "account:5", 2, "anna", 5)]
    assert a.ask("SELECT turn, count FROM batch ORDER BY turn") == [(1, 1), (2, 0), (3, 0), (4, 1)]


def test_nothing_is_stored_in_a_room_that_has_come_to_be_another_by_a_turn_that_the_node_has_not_seen(
    nodes: list[Node],
) -> None:
    a, b = nodes
    a.store(turn("anybody speaks"))
    a.store(append_of(said("only members speak"), {}, Beside("python", 1, state='{"speak":"members"}')))
    stale, stored = b.store_all(turn("x", keys={0: "k"}, seen=1), turn("y", room="pm"))
    assert isinstance(stale, Stale)
    assert not stale.lacks_acts
    assert [(missed.number, missed.node) for missed in stale.missed] == [(2, a.number)]
    assert isinstance(stored, TurnReceipt), "what became of one room is nothing to the other"
    assert (texts_of(a), texts_of(a, "pm")) == (["anybody speaks", "only members speak"], ["y"])
    assert b.store(turn("x", keys={0: "k"}, seen=2))[:3] == (3, {}, 3), "it has looked again"
    assert a.store(turn("z", seen=2))[:3] == (4, {}, 4), "what was only said there makes it no other room"


def test_nothing_is_said_under_a_name_that_a_turn_which_the_node_has_not_seen_has_changed(nodes: list[Node]) -> None:
    a, b = nodes
    came = [Placed(0, Came("token:x", 0, "ann")), Placed(0, Came("1:7", 0, "bob"))]
    a.store(turn("hello", movements=came))
    a.store(turn(movements=[Placed(0, Called("token:x", "anna"))], seen=1))
    ann, bob = Speaker("token:x", 0), Speaker("1:7", 0)
    b.hold("token:x")
    b.hold("1:7")

    def by(speaker: Speaker, name: str, seen: int) -> Append:
        return append_of(said("x"), {}, Beside("python", seen, speakers=[speaker], names={speaker.person: name}))

    with pytest.raises(Stale) as stale:
        b.store(by(ann, "ann", 1))
    assert [missed.number for missed in stale.value.missed] == [2]
    assert texts_of(a) == ["hello"]
    assert b.store(by(bob, "bob", 1)).turn == 3, "he is called as he was"
    assert b.store(by(ann, "anna", 2)).turn == 4


def test_the_topic_is_the_last_that_is_stored(nodes: list[Node]) -> None:
    a, b = nodes
    topics: list[Entry] = [
        TopicSet("python", 0, 1e9 + index, "ann", text) for index, text in enumerate(("first", "sec\0ond"))
    ]
    a.store(turn(lines=topics, keys={0: "k1"}))
    assert a.ask("SELECT topic FROM room ORDER BY id") == [("second",), ("",)]
    b.store(turn(lines=topics[:1], keys={0: "k1"}, seen=1))
    assert a.ask("SELECT topic FROM room ORDER BY id") == [("second",), ("",)], "what is sent again changes nothing"


def test_a_room_that_is_deleted_takes_nothing_and_the_others_do(nodes: list[Node]) -> None:
    a, b = nodes
    a.store_all(turn("x"), turn("y", room="pm"))
    b.ask("SELECT delete_room('python', '{}')")
    gone, stored = a.store_all(turn("z", seen=1), turn("z", room="pm", seen=1))
    assert str(gone) == "there is no room python any more"
    assert isinstance(stored, TurnReceipt)
    assert texts_of(a, "pm") == ["y", "z"]


def test_a_room_s_old_name_stands_for_it_until_the_node_has_carried_out_that_it_has_another(nodes: list[Node]) -> None:
    a, b = nodes
    a.store(turn("x"))
    b.ask("SELECT rename_room('python', 'snakes', 'snakes', 'snakes', '{}')")
    b.ask("SELECT make_room('python', 'python', 'python', false, '{}')")
    a.store(turn("y", seen=1))
    assert texts_of(a, "snakes") == ["x", "y"]
    a.rooms.forget("python")
    a.store(turn("z"))
    assert texts_of(a) == ["z"]


def test_whoever_listens_is_told_once_a_commit_which_rooms_have_which_turn(
    database: Database, nodes: list[Node]
) -> None:
    with database.connect() as listener:
        listener.execute("LISTEN chat_turns")
        nodes[0].store_all(turn("x"), turn("y", room="pm"))
        nodes[0].store_all(turn("z", seen=1))
        told = [notice.payload for notice in listener.notifies(timeout=5, stop_after=2)]
    assert told == ["1:1 2:1", "1:2"]


def test_whoever_has_missed_much_is_given_the_oldest_of_it(nodes: list[Node]) -> None:
    a, b = nodes
    for number in range(105):
        a.store(turn("x", seen=number))
    receipt = b.store(turn("y", seen=2))
    assert receipt.turn == 106
    assert [missed.number for missed in receipt.missed] == [*range(3, 103)]


def test_two_nodes_that_send_the_same_keys_the_other_way_round_do_not_wait_for_each_other(nodes: list[Node]) -> None:
    together = threading.Barrier(2)

    def send(number: int) -> int:
        node, room, step, fresh = nodes[number], ("python", "pm")[number], 1 - 2 * number, 0
        for round_ in range(40):
            keys = [f"{round_}.{key}" for key in range(100)][::step]
            append = turn(*keys, room=room, keys=dict(enumerate(keys)), seen=round_)
            together.wait(60)
            receipt = node.store(append)
            fresh += 100 - len(receipt.duplicates)
        return fresh

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(send, range(2))) == 40 * 100
    assert sorted(texts_of(nodes[0]) + texts_of(nodes[0], "pm")) == sorted(
        f"{n}.{key}" for n in range(40) for key in range(100)
    )


@pytest.mark.slow
def test_a_thousand_rooms_are_written_to_by_four_nodes_without_a_deadlock(database: Database) -> None:
    four = [Node(database) for _ in range(4)]
    rooms = [f"room{number}" for number in range(1000)]
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO room (name, key, skeleton) SELECT 'room' || n, 'room' || n, 'room' || n FROM generate_series(0, 999) AS n"
        )
    stored = threading.Lock()
    total = 0

    def write(number: int) -> None:
        nonlocal total
        node = four[number]
        for round_ in range(10):
            # Each its own order of rooms, and keys that the others send too.
            ordered = rooms[number * 250 :] + rooms[: number * 250]
            for start in range(0, 1000, 500):
                sent = [
                    turn("x", f"{number}", room=room, keys={0: f"{room}.{round_}"})
                    for room in ordered[start : start + 500][:: 1 - 2 * (number % 2)]
                ]
                results = node.store_all(*sent)
                with stored:
                    total += sum(2 - len(result.duplicates) for result in results if isinstance(result, TurnReceipt))

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(write, range(4))] == [None] * 4
    assert total == 1000 * 10 * 5
    with database.connect() as connection:
        assert connection.execute("SELECT sum(last), min(last), max(turn) FROM room").fetchall() == [(total, 50, 40)]
        assert connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchall() == [(0,)]
    for node in four:
        node.close()


def test_a_row_that_is_damaged_takes_its_place_and_is_shown_to_nobody(nodes: list[Node]) -> None:
    a, b = nodes
    a.store(turn("x", "y", movements=[Placed(0, Went("x", 0))]))
    a.ask("UPDATE batch SET lines = 'no lines', movements = '[' RETURNING turn")
    (missed,) = b.store(turn("z")).missed
    assert (missed.number, [type(line).__name__ for line in missed.lines], missed.movements) == (1, ["Unknown"] * 2, [])


def test_an_append_has_no_time_limit_but_for_locks(nodes: list[Node]) -> None:
    assert nodes[0].ask("SHOW statement_timeout") == [("0",)]
    assert nodes[0].ask("SHOW client_connection_check_interval") == [("0",)]
    assert nodes[0].ask("SHOW synchronous_commit") == [("on",)]
    nodes[0].connection.execute("SET lock_timeout = '50ms'")
    nodes[1].begin()
    nodes[1].store(turn("x"))
    with pytest.raises(psycopg.errors.LockNotAvailable):
        nodes[0].store(turn("y"), ticket=9)
    nodes[1].connection.rollback()
    assert nodes[0].store(turn("y"), ticket=9).turn == 1
