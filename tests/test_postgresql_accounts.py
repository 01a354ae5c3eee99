"""Accounts in PostgreSQL, changed at several nodes at once: one order of everything, however the nodes and their connections end.

The contract that every engine keeps is in test_accounts.py.
"""

import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial
from typing import Any

import psycopg
import pytest
import trio
from msgspec.structs import replace

from account_stores import NOW, ann, code, device, digest, gathered, give_role, put, registered
from chat_server.accounts import (
    KEPT_NAMES_MAX,
    KEPT_SECONDS,
    Account,
    Accounts,
    Ended,
    Ending,
    Failure,
    Holder,
    NewDevice,
    Registration,
    sender_of,
)
from chat_server.accounts.acts import ServerAct
from chat_server.accounts.names_index import Refusal
from chat_server.journal import InDoubt, JournalError, batch_codec
from chat_server.journal.erasing import ERASED_TEXT
from chat_server.journal.keys import SenderKey
from chat_server.journal.nodes import Beside, Revoked, Speaker, Stale
from chat_server.journal.postgresql import account_commits, endings, rewriting
from chat_server.journal.postgresql.accounts import PostgresqlAccounts
from chat_server.journal.postgresql.appending import append_of
from chat_server.journal.postgresql.connections import connect
from chat_server.journal.postgresql.link import Connection, Link, Shutter
from chat_server.protocol.acts import Muted, RoleGiven
from chat_server.protocol.entries import Entry, Said, TopicSet
from chat_server.protocol.names import name_key
from chat_server.protocol.room_state import EMPTY, after, written
from postgresql import Cluster, Database
from processes import TIMEOUT
from test_accounts_model import NAMES, Side, shape, step_of
from test_postgresql_append import Node, texts_of


async def no_positions() -> None:
    """There are none."""


class Flaky(Link):
    """A connection that is cut now and then, whatever is just being asked by it."""

    def __init__(self, open_connection: Callable[[], Connection], chance: random.Random) -> None:
        super().__init__(open_connection)
        self._chance = chance

    async def call(self, work: Callable[[Connection], Any], seconds: float = 10.0, *, may_repeat: bool = False) -> Any:
        def cut_short(connection: Connection) -> Any:
            if self._chance.random() < 0.6:
                return work(connection)
            shutter = Shutter(connection)
            timer = threading.Timer(self._chance.random() * 0.01, shutter.shut)
            timer.start()
            try:
                return work(connection)
            finally:
                timer.cancel()
                timer.join()
                shutter.close()

        return await super().call(cut_short, seconds, may_repeat=may_repeat)


def opened_by(database: Database, number: int, writing: Link | None = None) -> PostgresqlAccounts:
    open_reading = partial(connect, database.url, "read")
    with closing(open_reading()) as connection:
        return PostgresqlAccounts(
            connection,
            Link(open_reading),
            writing or Link(partial(connect, database.url, "write")),
            lambda: number,
            no_positions,
        )


@asynccontextmanager
async def running(accounts: PostgresqlAccounts) -> AsyncIterator[PostgresqlAccounts]:
    async with trio.open_nursery() as nursery:
        await nursery.start(accounts.run)
        yield accounts
        accounts.close()


@pytest.fixture
async def nodes(database: Database) -> AsyncIterator[list[PostgresqlAccounts]]:
    """Two nodes' accounts."""
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO room (name, key, skeleton) VALUES ('python', 'python', 'python'), ('pm', 'pm', 'pm')"
        )
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running(opened_by(database, number))) for number in (1, 2)]


def changes_in(database: Database) -> list[dict[str, Any]]:
    with database.connect() as connection:
        rows = connection.execute("SELECT number, what FROM change ORDER BY number").fetchall()
    assert [number for number, _ in rows] == [*range(1, len(rows) + 1)]
    return [json.loads(what) for _, what in rows]


def kinds_of(found: Sequence[object]) -> list[str]:
    return sorted(one.why if isinstance(one, Refusal) else type(one).__name__ for one in found)


# Many at once.


async def test_of_two_nodes_that_give_one_name_away_one_does(
    nodes: list[PostgresqlAccounts], database: Database
) -> None:
    for number in range(12):
        names = (f"name{number}", f"Name{number}", f"other{number}", f"nаme{number}")
        shapes = (f"name{number}", f"name{number}", f"name{number}", f"x{number}")
        wanted = [
            partial(node.register, Registration(*one), NOW) for node in nodes for one in zip(names, shapes, strict=True)
        ]
        found = await gathered(*wanted)
        got = [one for one in found if isinstance(one, Holder)]
        assert len({one.account.key for one in got}) == len({one.account.skeleton for one in got}) == len(got)
        assert {one.why for one in found if isinstance(one, Refusal)} == {"taken", "alike"}
        assert 1 <= len(got) <= 2, "one of those that look alike, and one that looks otherwise"
    for node in nodes:
        await node.catch_up()
        assert len(node.names) == len(await node.listed("", 999))


async def test_of_two_accounts_that_want_one_name_at_two_nodes_one_gets_it(nodes: list[PostgresqlAccounts]) -> None:
    one, other = [(await registered(node, ann(name, name))).account for node, name in zip(nodes, "xy", strict=True)]
    for number in range(10):
        found = await gathered(
            *(
                partial(node.rename, who.id, f"name{number}", f"name{number}", NOW + number)
                for node, who in zip(nodes, (one, other), strict=True)
            )
        )
        assert kinds_of(found) == ["Account", "taken"]


async def test_a_code_is_used_as_often_as_it_may_be_at_two_nodes_together(nodes: list[PostgresqlAccounts]) -> None:
    made = (await registered(nodes[0])).account
    await nodes[0].make_codes([replace(code("c", account=made.id), uses=3), replace(code("i", "invite"), uses=2)])
    uses = [partial(node.use_code, digest("c"), NOW) for node in nodes * 5]
    found = await gathered(*uses)
    assert kinds_of(found) == ["Holder"] * 3 + ["code"] * 7
    guests = [replace(Registration(f"p{n}", f"p{n}"), code=digest("i")) for n in range(10)]
    found = await gathered(*(partial(nodes[n % 2].register, new, NOW) for n, new in enumerate(guests)))
    assert kinds_of(found) == ["Holder"] * 2 + ["code"] * 8


async def test_a_token_is_one_accounts_whoever_adds_it_at_once(nodes: list[PostgresqlAccounts]) -> None:
    made = [(await registered(nodes[0], Registration(name, name))).account.id for name in ("ann", "bob")]
    for number in range(10):
        adding = [
            partial(node.add_device, one, device(f"secret {number}"), NOW)
            for node, one in zip(nodes, made, strict=True)
        ]
        assert kinds_of(await gathered(*adding)) == ["Device", "token"]


async def test_an_account_is_ended_once(nodes: list[PostgresqlAccounts]) -> None:
    made = (await registered(nodes[0])).account
    found = await gathered(*(partial(node.end, made.id, "erase", NOW) for node in nodes * 3))
    assert [one is not None for one in found].count(True) == 1


async def test_whatever_is_done_at_two_nodes_at_once_nothing_is_in_each_others_way_for_long(
    nodes: list[PostgresqlAccounts], database: Database
) -> None:
    chance = random.Random(1)  # noqa: S311 - the same order every time
    sides = [Side(node) for node in nodes]
    for side in sides:
        side.numbers = sides[0].numbers
    for name in NAMES[:6]:
        sides[0].told(await nodes[0].register(Registration(name, shape(name)), NOW))
    at = NOW
    for _ in range(40):
        at += chance.choice([1.0, 500.0, KEPT_SECONDS / 20])
        told = await gathered(*(partial(step_of(chance, at), side) for side in sides for _ in range(3)))
        for answer in told:
            sides[0].told(answer)
    fresh = opened_by(database, 3)
    for node in nodes:
        await node.catch_up()
        listed = await node.listed("", 999)
        assert len({one.key for one in listed}) == len({one.skeleton for one in listed}) == len(listed)
        for name in NAMES:
            for account in (0, *(one.id for one in listed)):
                asked = name_key(name), shape(name), account, at
                assert node.names.refusal(*asked) == fresh.names.refusal(*asked)
            assert node.names.holder(name_key(name)) == fresh.names.holder(name_key(name))
        for one in listed:
            assert node.names.name_of(one.id) == one.name


# Names of those who are here.


async def test_nobody_registers_a_name_that_somebody_else_has_at_whatever_node(
    nodes: list[PostgresqlAccounts], database: Database
) -> None:
    hold = "INSERT INTO held (key, skeleton, nick, person, node) VALUES ('ann', 'ann', 'Ann', 'token:1', 2), ('x', 'x', 'x', 'token:1', 2)"
    with database.connect() as connection:
        connection.execute(hold)
    assert await nodes[0].register(ann(), NOW) == Refusal("held", "Ann")
    assert await nodes[0].register(replace(ann("ANN", "x"), claimed_by="token:2"), NOW) == Refusal("held", "Ann")
    assert await nodes[0].register(ann("Аnn"), NOW) == Refusal("like-held", "Ann")
    bob = (await registered(nodes[0], ann("bob", "bob"))).account
    assert await nodes[0].rename(bob.id, "ann", "ann", NOW) == Refusal("held", "Ann")
    made = (await registered(nodes[0], replace(ann(), claimed_by="token:1"))).account
    with database.connect() as connection:
        held = connection.execute("SELECT key, person FROM held ORDER BY key").fetchall()
        assert held == [("ann", "token:1"), ("x", "token:1")], "each node hands on the names that it has"
    assert isinstance(await nodes[1].rename(made.id, "ANN", "ann", NOW), Account)


# The index of names.


async def test_a_node_knows_what_another_has_stored_when_it_has_caught_up(nodes: list[PostgresqlAccounts]) -> None:
    here, there = nodes
    made = (await registered(here)).account
    assert there.names.holder("ann") == 0
    assert await there.find("ann") == made, "what is asked of the database is known at once"
    assert await there.by_token(digest("token of Ann"), NOW) is not None
    await there.catch_up()
    assert there.names.name_of(made.id) == "Ann"
    for number in range(KEPT_NAMES_MAX + 2):
        await here.rename(made.id, f"n{number}", f"n{number}", NOW + number)
        if number % 3 == 0:
            await there.catch_up()
    await there.catch_up()
    for name in ("ann", "n0", "n8", "n9", "n10", "n11"):
        assert there.names.refusal(name, name, 0, NOW + 99) == here.names.refusal(name, name, 0, NOW + 99)
    await here.end(made.id, "anonymise", NOW)
    await there.catch_up()
    assert there.names.name_of(made.id).startswith("deleted-")
    assert there.names.refusal("n11", "n11", 0, NOW) == Refusal("kept")


async def test_other_nodes_hear_of_what_matters_to_them(nodes: list[PostgresqlAccounts], database: Database) -> None:
    node = nodes[1]
    made, laptop, _ = await registered(node)
    assert laptop is not None
    phone, tablet = await put(node, made.id, "phone", "tablet")
    await node.add_choices(made.id, {"": {"zone": "UTC"}})
    await node.rename(made.id, "Anna", "anna", NOW)
    await give_role(node, made, "admin")
    await node.drop_devices(made.id, [phone.id, 999])
    await node.drop_devices(made.id, [999])
    await node.drop_devices(made.id, [], why="dropped-by-operator", is_all=True)
    await node.change_password(made.id, "other", [tablet.id])
    await node.begin_end(made.id, "erase", NOW)
    await node.begin_end(made.id, "erase", NOW)
    await node.end(made.id, "erase", NOW)

    def revoked(why: str, devices: list[int] | None = None) -> dict[str, Any]:
        return {"type": "devices-revoked", "node": 2, "account": made.id, "devices": devices, "why": why}

    changed = {"type": "account-changed", "node": 2, "account": made.id}
    assert changes_in(database) == [
        changed,
        {"type": "choices-made", "node": 2, "account": made.id, "chosen": {"": {"zone": "UTC"}}},
        changed,
        {"type": "server-acted", "node": 2, "number": 1},
        changed,
        revoked("dropped", [phone.id]),
        revoked("dropped-by-operator"),
        revoked("password-changed"),
        revoked("account-ends"),
        revoked("account-ended"),
        changed,
        {"type": "lines-rewritten", "node": 2, "rooms": []},
    ]


# Rights that are taken.


async def flood(node: Node, made: Account, device: int, stop: Callable[[], bool]) -> list[str]:
    """Say something by a device (0: by none) as fast as can be, until told to stop; return what was refused."""

    ((heard,),) = node.ask("SELECT changes FROM journal")

    def say() -> list[str]:
        refused: list[str] = []
        number = 0
        while not stop():
            number += 1
            said: list[Entry] = [Said("python", 0, NOW + number, "Ann", f"line {number}", made.id)]
            beside = Beside("python", 0, (), [Speaker(sender_of(made.id), device)], heard)
            try:
                node.store(append_of(said, {}, beside))
            except Revoked:
                refused.append(f"line {number}")
        return refused

    return await trio.to_thread.run_sync(say)


@pytest.mark.parametrize("is_by_device", [True, False])
@pytest.mark.parametrize("how", ["drop", "password", "begin", "end", "begin and back"])
async def test_nothing_is_stored_by_a_device_after_it_is_dropped_at_another_node(
    nodes: list[PostgresqlAccounts], database: Database, how: str, *, is_by_device: bool
) -> None:
    here, there = nodes
    made, laptop, _ = await registered(here)
    assert laptop is not None

    async def begin_and_take_back() -> None:
        await there.begin_end(made.id, "close", NOW + 9)
        await there.take_back_end(made.id)

    ways: dict[str, Callable[[], Awaitable[object]]] = {
        "drop": lambda: there.drop_devices(made.id, [laptop.id], is_all=not is_by_device),
        "begin and back": begin_and_take_back,
        "password": lambda: there.change_password(made.id, "other", ()),
        "begin": lambda: there.begin_end(made.id, "close", NOW + 9),
        "end": lambda: there.end(made.id, "close", NOW),
    }
    with closing(Node(database)) as node, database.connect() as look:
        is_over = False
        refused: list[str] = []

        async def say() -> None:
            refused.extend(await flood(node, made, laptop.id * is_by_device, lambda: is_over))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(say)
            while not (stored := look.execute("SELECT count(*) FROM batch").fetchall()[0][0]):
                await trio.sleep(0.01)
            await ways[how]()
            assert len(look.execute("SELECT FROM change WHERE what LIKE '%devices-revoked%'").fetchall()) == 1
            ((stored,),) = look.execute("SELECT count(*) FROM batch").fetchall()
            await trio.sleep(0.2)
            is_over = True
        assert refused
        assert len(texts_of(node)) == stored


async def test_who_has_logged_in_without_a_device_speaks_unless_another_node_has_logged_all_out_and_this_one_has_not_heard(
    nodes: list[PostgresqlAccounts], database: Database
) -> None:
    made, laptop, _ = await registered(nodes[0])
    assert laptop is not None
    other, _, _ = await registered(nodes[0], ann("Bob", "bob"))
    speaker = Speaker(sender_of(made.id), 0)

    def say(heard: int, who: Speaker = speaker) -> None:
        node.store(append_of([line_of(made.id, "hi")], {}, Beside("python", 0, (), [who], heard)))

    with closing(Node(database)) as node:
        ((heard,),) = node.ask("SELECT changes FROM journal")
        own = opened_by(database, node.number)
        async with running(own):
            await own.change_password(made.id, "own", ())
        say(heard)
        await nodes[1].drop_devices(made.id, [laptop.id])
        await nodes[1].add_device(made.id, device("another", "phone"), NOW)
        ((phone,),) = node.ask("SELECT id FROM device WHERE name = 'phone'")
        await nodes[1].drop_devices(made.id, [phone])
        say(heard)
        await nodes[1].change_password(made.id, "other", ())
        with pytest.raises(Revoked):
            say(heard)
        say(heard, Speaker(sender_of(other.id), 0))
        ((heard,),) = node.ask("SELECT changes FROM journal")
        say(heard)
        with pytest.raises(Revoked):
            say(heard - 1)


async def test_who_drops_a_device_waits_for_what_is_just_being_said_by_it(
    nodes: list[PostgresqlAccounts], database: Database
) -> None:
    made, laptop, _ = await registered(nodes[0])
    assert laptop is not None
    key = SenderKey(sender_of(made.id), "k")
    turn = append_of([line_of(made.id, "hi")], {0: key}, Beside("python", 0, (), [Speaker(key.sender, laptop.id)]))
    done: list[str] = []
    with closing(Node(database)) as node, closing(database.connect()) as other:

        async def drop() -> None:
            await nodes[1].drop_devices(made.id, [laptop.id])
            done.append("dropped")

        def say() -> None:
            node.store(turn)
            done.append("said")

        async with trio.open_nursery() as nursery:
            with other.transaction(force_rollback=True):  # a line under the same key, which is not there in the end
                row = [key.sender, key.key.encode()]
                other.execute("INSERT INTO sent (sender, key, room, seq, at) VALUES (%s, %s, 1, 1, 0)", row)
                nursery.start_soon(trio.to_thread.run_sync, say)
                await trio.sleep(0.3)
                nursery.start_soon(drop)
                await trio.sleep(0.3)
                assert done == []
        assert sorted(done) == ["dropped", "said"]
        assert texts_of(node) == ["hi"]


# Connections that are lost.


@pytest.mark.parametrize("seed", range(3))
async def test_whoever_waits_is_told_what_became_of_it_though_connections_are_cut(
    database: Database, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same order every time
    cut = Flaky(partial(connect, database.url, "write"), chance)
    done: list[str] = []
    failed: list[str] = []
    async with running(opened_by(database, 1, cut)) as accounts:
        for number in range(60):
            try:
                assert isinstance(await accounts.register(Registration(f"p{number}", f"p{number}"), NOW), Holder)
                done.append(f"p{number}")
            except JournalError:
                failed.append(f"p{number}")
        assert done
        assert sorted(one.name for one in await accounts.listed("", 999)) == sorted(done)
        assert all(bool(accounts.names.holder(name)) == (name in done) for name in [*done, *failed])
    assert len(changes_in(database)) == len(done)


async def test_an_answer_that_is_lost_is_asked_for_and_a_commit_that_comes_later_is_none(database: Database) -> None:
    lost: list[int] = []

    class Lost(Link):
        async def call(
            self, work: Callable[[Connection], Any], seconds: float = 10.0, *, may_repeat: bool = False
        ) -> Any:
            found = await super().call(work, seconds, may_repeat=may_repeat)
            if not lost and "_in_thread" in repr(work):
                lost.append(1)
                raise JournalError("the answer was lost")
            return found

    async with running(opened_by(database, 1, Lost(partial(connect, database.url, "write")))) as accounts:
        made = await registered(accounts)
        assert lost
        assert await accounts.listed("", 9) == [made.account]
        assert accounts.names.holder("ann") == made.account.id
    with database.connect() as connection:
        ((writer, ticket),) = connection.execute("SELECT writer, ticket FROM account_commit").fetchall()
        asked = "SELECT is_account_change_stored(%s, %s)"
        assert connection.execute(asked, [writer, ticket]).fetchall() == [(True,)]
        for _ in range(2):
            assert connection.execute(asked, [writer, ticket + 1]).fetchall() == [(False,)]
        with pytest.raises(psycopg.Error, match="given up"):
            connection.execute("SELECT finish_account_change(%s, %s, NULL, '{}', 0)", [writer, ticket + 1])


async def test_of_a_change_of_which_the_engine_says_nothing_any_more_it_is_said_that_nobody_knows(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_commits, "DOUBT_SECONDS", 0.5)
    is_lost = False

    class Lost(Link):
        async def call(
            self, work: Callable[[Connection], Any], seconds: float = 10.0, *, may_repeat: bool = False
        ) -> Any:
            found = await super().call(work, seconds, may_repeat=may_repeat)
            if is_lost:
                raise JournalError("the answer was lost")
            return found

    async with running(opened_by(database, 1, Lost(partial(connect, database.url, "write")))) as accounts:
        made = (await registered(accounts)).account
        is_lost = True
        with pytest.raises(InDoubt, match="has not said what became of it"):
            await accounts.end(made.id, "close", NOW)
        is_lost = False
        await accounts.catch_up()
        found = await accounts.account(made.id)
        assert found is not None
        assert found.state == "closed", "as it may turn out"


async def test_what_is_noted_while_the_engine_is_away_is_stored_when_it_is_back() -> None:
    cluster = Cluster()
    try:
        database = cluster.create()
        async with running(opened_by(database, 1)) as accounts:
            made = (await registered(accounts)).account
            cluster.stop()
            accounts.note_seen(made.id, 0, "192.0.2.0/24", NOW + 5)
            accounts.note_failure(Failure("192.0.2.0/24", 0, 3, NOW))
            with pytest.raises(JournalError):
                await accounts.add_choices(made.id, {"": {"zone": "UTC"}})
            with pytest.raises(JournalError):
                await accounts.account(made.id)
            cluster.start()
            assert await accounts.account(made.id) == made
            await accounts.add_choices(0, {})
            assert await accounts.account(made.id) == replace(made, seen=NOW + 5)
            assert await accounts.failures() == [Failure("192.0.2.0/24", 0, 3, NOW)]
    finally:
        cluster.close()


# Failed tries.


async def test_failed_tries_count_at_all_nodes_together(nodes: list[PostgresqlAccounts], database: Database) -> None:
    here, there = nodes

    async def note(node: Accounts, count: int, seconds: float) -> None:
        node.note_failure(Failure("192.0.2.0/24", 7, count, NOW + seconds))
        await node.add_choices(0, {})

    for number in range(1, 4):
        await note(here, number, number)
        await note(there, number, -number)
    assert await here.failures() == [Failure("192.0.2.0/24", 7, 6, NOW + 3)]
    async with running(opened_by(database, 3)) as later:
        assert await later.failures() == [Failure("192.0.2.0/24", 7, 6, NOW + 3)]
        await note(later, 7, 4)
        assert await later.failures() == [Failure("192.0.2.0/24", 7, 7, NOW + 4)]
    await note(there, 0, 5)
    assert await here.failures() == []
    await note(here, 4, 6)
    assert await here.failures() == [Failure("192.0.2.0/24", 7, 1, NOW + 6)]


# The end.


def say(database: Database, *lines: Entry) -> None:
    """Each line is a turn."""
    with closing(Node(database)) as node:
        for line in lines:
            node.store(append_of([line], {}, Beside(line.room, 0)))


def line_of(author: int, text: str, room: str = "python") -> Entry:
    return Said(room, 0, NOW, "Ann" if author else "bob", text, author)


KILLED = """
import os, signal, sys, trio
from functools import partial
from contextlib import closing
from chat_server.journal.postgresql import endings, rewriting
from chat_server.journal.postgresql.accounts import PostgresqlAccounts
from chat_server.journal.postgresql.connections import connect
from chat_server.journal.postgresql.link import Link

url, account, left = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rewriting.REWRITTEN_BYTES = 1

def counted(step):
    def do(*given):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*given)
    return do

for name in ("rewrite", "note_done"):
    setattr(rewriting, name, counted(getattr(rewriting, name)))

async def no_positions():
    pass

async def main():
    with closing(connect(url, "read")) as connection:
        links = [Link(partial(connect, url, purpose)) for purpose in ("read", "write")]
        accounts = PostgresqlAccounts(connection, *links, lambda: 1, no_positions)
    async with trio.open_nursery() as nursery:
        await nursery.start(accounts.run)
        await accounts.end(account, "erase", 1_800_000_000.0)
        accounts.close()

trio.run(main)
"""


async def kill_in_the_end(database: Database, account: int, after: int) -> None:
    """End an account, in a process that is killed after so many steps."""
    command = [sys.executable, "-c", KILLED, database.url, str(account), str(after)]
    done = await trio.to_thread.run_sync(
        partial(subprocess.run, command, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


async def ann_talks(database: Database) -> Account:
    """Somebody who has said something in several turns of two rooms, among others."""
    async with running(opened_by(database, 1)) as accounts:
        made = (await registered(accounts)).account
    for number in range(4):
        say(database, line_of(made.id, f"secret {number}", ("python", "pm")[number % 2]), line_of(0, f"open {number}"))
    say(database, TopicSet("pm", 0, NOW, "Ann", "secret topic", made.id))
    return made


def everything(database: Database) -> str:
    with database.connect() as connection:
        rows = connection.execute("SELECT lines FROM batch UNION ALL SELECT topic FROM room").fetchall()
    return "\n".join(text for (text,) in rows)


@pytest.fixture
def rooms(database: Database) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO room (name, key, skeleton) VALUES ('python', 'python', 'python'), ('pm', 'pm', 'pm')"
        )


@pytest.mark.usefixtures("rooms")
@pytest.mark.parametrize("after", [0, 1, 3, 5])
async def test_an_end_in_which_a_node_is_killed_is_finished_by_the_next_before_anybody_is_shown_a_line(
    database: Database, after: int
) -> None:
    made = await ann_talks(database)
    await kill_in_the_end(database, made.id, after)
    assert ("secret" in everything(database)) == (after < 5)
    async with running(opened_by(database, 2)) as accounts:
        shown = everything(database)
        assert "secret" not in shown
        assert shown.count(ERASED_TEXT) == 5
        assert shown.count("open") == 4
        assert changes_in(database)[-1] == {"type": "lines-rewritten", "node": 2, "rooms": ["pm", "python"]}
        assert (await accounts.account(made.id)) is not None
        assert {line.text for line in (await accounts.lines_of(made.id, 0, 99)).lines} == {ERASED_TEXT}


@pytest.mark.usefixtures("rooms")
async def test_an_end_in_which_a_node_is_killed_is_finished_by_one_that_is_there(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_killed = False
    begin = rewriting.begin
    monkeypatch.setattr(endings, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(rewriting, "begin", lambda *given: is_killed and begin(*given))  # else it might be the first
    made = await ann_talks(database)
    async with running(opened_by(database, 2)):
        await kill_in_the_end(database, made.id, 2)
        is_killed = True
        with trio.fail_after(TIMEOUT):
            while "secret" in everything(database) or changes_in(database)[-1]["type"] != "lines-rewritten":
                await trio.sleep(0.05)


async def test_lines_of_two_who_end_at_two_nodes_at_once_are_both_rewritten(
    nodes: list[PostgresqlAccounts], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewriting, "REWRITTEN_BYTES", 1)
    made = [(await registered(nodes[0], Registration(name, name))).account for name in ("ann", "bob")]
    with closing(Node(database)) as node:
        for number in range(30):
            lines: list[Entry] = [Said("python", 0, NOW, one.name, f"secret {number}", one.id) for one in made]
            node.store(append_of([*lines, Said("python", 0, NOW, "eve", "open")], {}, Beside("python", 0)))
        found = await gathered(*(partial(one.end, who.id, "erase", NOW) for one, who in zip(nodes, made, strict=True)))
        assert [one.rooms for one in found] == [{"python"}] * 2
        assert texts_of(node) == [ERASED_TEXT, ERASED_TEXT, "open"] * 30
        nicks = {nick for (line,) in node.ask("SELECT lines::json FROM batch") for nick, *_ in line}
        assert nicks == {found[0].nick, found[1].nick, "eve"}


@pytest.mark.parametrize("ending", ["anonymise", "erase"])
async def test_what_follows_from_a_rooms_log_names_nobody_whose_account_has_ended(
    nodes: list[PostgresqlAccounts], database: Database, ending: Ending
) -> None:
    made = (await registered(nodes[0])).account
    given = RoleGiven("python", 1, NOW, "bob", "moderator", whom=made.name, account=made.id)
    muted = Muted("python", 2, NOW, "bob", "", whom=made.name, until=NOW + 60, id=1, account=made.id)
    state = written(after(after(EMPTY, given), muted))
    assert state.count(f'"{made.name}"') == 2
    with closing(Node(database)) as node:
        node.store(append_of([given, muted], {}, Beside("python", 0, state=state)))
        assert node.ask("SELECT state FROM room WHERE name = 'python'") == [(state,)]
        rewritten = await nodes[1].end(made.id, ending, NOW)
        assert rewritten is not None
        ((kept,),) = node.ask("SELECT state FROM room WHERE name = 'python'")
        assert kept == state.replace(f'"{made.name}"', f'"{rewritten.nick}"')
        assert made.name not in texts_of(node)


async def test_what_another_has_just_rewritten_is_not_taken_back(
    nodes: list[PostgresqlAccounts], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [(await registered(nodes[0], Registration(name, name))).account.id for name in ("ann", "bob")]
    one, other = (Ended(account, f"deleted-{account}", "erase") for account in made)
    encode = batch_codec.encode
    with closing(Node(database)) as node:
        node.store(append_of([line_of(account, "secret") for account in made], {}, Beside("python", 0)))
        turns = [rewriting.Place(1, 1, 1)]

        def after_the_other(lines: Sequence[Any]) -> bytes:
            monkeypatch.setattr(rewriting, "encode", encode)
            assert rewriting.rewrite(node.connection, turns, other) == (frozenset({"python"}), {})
            return encode(lines)

        monkeypatch.setattr(rewriting, "encode", after_the_other)
        assert rewriting.rewrite(node.connection, turns, one) is None, "it is to be looked at once more"
        assert rewriting.rewrite(node.connection, turns, one) == (frozenset({"python"}), {})
        assert texts_of(node) == [ERASED_TEXT] * 2


async def test_somebody_is_given_their_lines_in_the_order_in_which_they_were_stored(
    nodes: list[PostgresqlAccounts], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (await registered(nodes[0])).account
    for number in range(30):
        say(database, line_of(made.id, f"mine {number}", ("python", "pm")[number % 2]), line_of(0, "another's"))
    monkeypatch.setattr(rewriting, "LOOKED_THROUGH", 7)
    for is_imported in (False, True):
        if is_imported:  # or brought in from a copy: by one transaction
            with database.connect() as connection:
                connection.execute(
                    "UPDATE batch SET tx = pg_current_xact_id(), ticket = one.number FROM"
                    " (SELECT room, turn, row_number() OVER (ORDER BY tx) AS number FROM batch) AS one"
                    " WHERE batch.room = one.room AND batch.turn = one.turn"
                )
        found: list[str] = []
        after: int | None = 0
        while after is not None:
            page = await nodes[1].lines_of(made.id, after, 4)
            assert len(page.lines) <= 4
            found += [line.text for line in page.lines]
            after = page.after
        assert found == [f"mine {number}" for number in range(30)]


async def test_lines_that_were_stored_by_one_commit_are_given_together(
    nodes: list[PostgresqlAccounts], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewriting, "LOOKED_THROUGH", 1)
    made = (await registered(nodes[0])).account
    with closing(Node(database)) as node:
        for number in range(3):
            lines = [line_of(made.id, f"{number} in {room}", room) for room in ("python", "pm")]
            node.store_all(*(append_of([line], {}, Beside(line.room, number)) for line in lines))
    found: list[list[str]] = []
    after: int | None = 0
    while after is not None:
        page = await nodes[1].lines_of(made.id, after, 1)
        found.append([line.text for line in page.lines])
        after = page.after
    assert found[:3] == [[f"{number} in python", f"{number} in pm"] for number in range(3)]
    assert await nodes[0].end(made.id, "erase", NOW)
    assert everything(database).count(ERASED_TEXT) == 6


# Bounds.


async def test_what_has_ended_is_forgotten_by_every_nodes_index_and_nodes_that_are_no_more_are_too(
    nodes: list[PostgresqlAccounts], database: Database
) -> None:
    here, there = nodes
    made = (await registered(here)).account
    await here.rename(made.id, "Anna", "anna", NOW)
    await there.catch_up()
    assert await here.forget_old(NOW + KEPT_SECONDS) == 1
    assert there.names.kept_for(made.id)
    assert await there.forget_old(NOW + KEPT_SECONDS) == 0
    assert not there.names.kept_for(made.id)
    with database.connect() as connection:
        assert connection.execute("UPDATE account_commit SET at = now() - interval '2 days'").rowcount == 2
        opened_by(database, 3)
        assert connection.execute("SELECT count(*) FROM account_commit").fetchall() == [(0,)]
    await give_role(here, made, "admin")
    assert await here.has_owner() is False


async def test_what_is_too_much_is_refused(nodes: list[PostgresqlAccounts], monkeypatch: pytest.MonkeyPatch) -> None:
    made = (await registered(nodes[0])).account
    monkeypatch.setattr(account_commits, "CHANGES_MAX", 0)
    with pytest.raises(JournalError, match="too much"):
        await give_role(nodes[0], made, "admin")
    monkeypatch.undo()
    await give_role(nodes[0], made, "admin")


async def test_a_device_of_a_deleted_room_is_limited_to_the_others(
    nodes: list[PostgresqlAccounts], database: Database
) -> None:
    made = (await registered(nodes[0])).account
    new = NewDevice("dice", digest("bot"), "bot", rooms=("pm", "python"))
    await nodes[0].add_device(made.id, new, NOW)
    with database.connect() as connection:
        connection.execute("SELECT delete_room('pm', '{}')")
        assert [one.rooms for one in await nodes[1].devices(made.id)] == [None, ("python",)]
        while connection.execute("SELECT forget_deleted(100)").fetchall() != [(0,)]:
            pass
        assert connection.execute("SELECT count(*) FROM device_room").fetchall() == [(1,)]


# What the server's moderators do.


def ban(number: int) -> ServerAct:
    return ServerAct("banned", NOW, "mod", whom=f"n{number}", known_as=(f"n{number}",), until=NOW + 1e9)


async def test_acts_of_two_nodes_are_numbered_without_a_hole_and_each_hears_of_all(
    nodes: list[PostgresqlAccounts], database: Database
) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(12):
            nursery.start_soon(nodes[number % 2].acts.enact, ban(number), lambda *_: "")
    for one in nodes:
        await one.acts.catch_up()
        assert [act.number for act in one.acts.in_force.listed(NOW)] == [*range(1, 13)]
    told = [one["number"] for one in changes_in(database) if one["type"] == "server-acted"]
    assert told == [*range(1, 13)]


@pytest.mark.usefixtures("rooms")
async def test_nothing_is_stored_by_a_node_that_has_not_heard_of_what_a_moderator_has_done(database: Database) -> None:
    async with running(opened_by(database, 1)) as accounts:
        with closing(Node(database)) as node:
            node.hold("token:x")
            speakers = [Speaker("token:x", 0)]
            node.store(append_of([line_of(0, "before")], {}, Beside("python", 0, speakers=speakers)))
            await accounts.acts.enact(ban(1), lambda *_: "")
            with pytest.raises(Stale) as stale:
                node.store(append_of([line_of(0, "after")], {}, Beside("python", 1, speakers=speakers)))
            assert stale.value.lacks_acts
            node.store(append_of([line_of(0, "heard")], {}, Beside("python", 1, speakers=speakers, acts=1)))
            assert texts_of(node) == ["before", "heard"]
