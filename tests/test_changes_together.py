"""Changes that are not about lines and wait together, such as logins by code: one commit has them, and each is whole or absent all the same."""

import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from account_stores import NOW, digest, registered
from archives import checked
from captured_logs import capture_logs
from chat_server.accounts import Code, Holder, NewDevice, Registration
from chat_server.accounts.names_index import Refusal
from chat_server.journal import JournalError
from chat_server.journal.sqlite.committer import CHANGES_AT_A_TIME
from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.journal import SqliteJournal
from chat_server.protocol.entries import Said
from journals import opened
from test_accounts_sqlite import killed, open_store

PEOPLE = ["ann", "bob", "eve", "joe"]


class Writing:
    """A journal whose thread is kept busy while something is asked for; and how many commits it has made since."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal
        self.commits = 0

    @asynccontextmanager
    async def asked_at_once(self) -> AsyncIterator[trio.Nursery]:
        free = threading.Event()

        def count(sql: str) -> None:
            self.commits += sql == "COMMIT"

        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._journal._committer.call, lambda _: free.wait())
            await trio.testing.wait_all_tasks_blocked(0.01)
            self._journal._writer._connection.set_trace_callback(count)
            yield nursery
            await trio.testing.wait_all_tasks_blocked(0.01)
            free.set()
        self._journal._writer._connection.set_trace_callback(None)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    journal = SqliteJournal(DataDirectory(tmp_path))
    async with opened(journal):
        await journal.create_room("python")
        yield journal


async def people(journal: SqliteJournal) -> dict[str, int]:
    """Accounts, each with a code that is good once."""
    made = {name: (await registered(journal.accounts, Registration(name, name))).account.id for name in PEOPLE}
    codes = [Code(digest(name), "login", NOW, None, account) for name, account in made.items()]
    assert await journal.accounts.make_codes(codes) is None
    return made


async def test_those_who_come_by_codes_at_the_same_time_are_stored_by_one_commit(journal: SqliteJournal) -> None:
    made = await people(journal)
    let_in: dict[str, Holder | Refusal] = {}

    async def use(who: str, code: str) -> None:
        let_in[who] = await journal.accounts.use_code(digest(code), NOW, NewDevice("phone", digest(f"token of {who}")))

    writing = Writing(journal)
    async with writing.asked_at_once() as nursery:
        for name in PEOPLE:
            nursery.start_soon(use, name, name)
        await trio.testing.wait_all_tasks_blocked(0.01)
        nursery.start_soon(use, "somebody", "ann")
        nursery.start_soon(use, "nobody", "no code")
    assert writing.commits == 1
    for name, account in made.items():
        holder = let_in[name]
        assert isinstance(holder, Holder)
        assert holder.account.id == account
        assert len(await journal.accounts.devices(account)) == 1
    assert [let_in[name] for name in ("somebody", "nobody")] == [Refusal("code")] * 2, "a code is good once"


async def test_one_that_fails_fails_alone_and_is_told_why(journal: SqliteJournal) -> None:
    journal_errors: list[str] = []
    done: list[object] = []

    def broken(_: sqlite3.Connection) -> None:
        raise RuntimeError("a bug")

    def refused(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE room SET topic = 'half of it'")
        connection.execute("INSERT INTO nowhere VALUES (1)")

    async def change(change: Callable[[sqlite3.Connection], object]) -> None:
        try:
            await journal._committer.change(change, done.append)
        except JournalError as error:
            journal_errors.append(str(error))

    def put(name: str) -> Callable[[sqlite3.Connection], object]:
        def change(connection: sqlite3.Connection) -> str:
            connection.execute("INSERT INTO room (name) VALUES (?)", (name,))
            return name

        return change

    writing = Writing(journal)
    with capture_logs() as logged:
        async with writing.asked_at_once() as nursery:
            for one in (put("first"), refused, put("second"), broken, put("third")):
                nursery.start_soon(change, one)
                await trio.testing.wait_all_tasks_blocked(0.01)
    assert done == ["first", "second", "third"], "each is noted once, in the order in which they came"
    assert sorted(journal_errors) == ["no such table: nowhere", "something went wrong while it was being stored"]
    assert writing.commits == len(done)
    assert any("a bug" in str(one) for one in logged), "what is our own fault is in the log"
    assert [(room.name, room.topic) for room in await journal.rooms()] == [
        (name, "") for name in ("python", "first", "second", "third")
    ]


async def test_a_commit_takes_so_many_that_lines_go_on_meanwhile_and_all_keep_their_order(
    journal: SqliteJournal,
) -> None:
    def note(number: int) -> Callable[[sqlite3.Connection], object]:
        return lambda connection: connection.execute("UPDATE room SET topic = topic || ?", (f"{number},",)).rowcount

    writing = Writing(journal)
    async with writing.asked_at_once() as nursery:
        for number in range(CHANGES_AT_A_TIME + 1):
            nursery.start_soon(journal._committer.change, note(number))
            await trio.testing.wait_all_tasks_blocked()
        line = journal.append([Said("python", 0, NOW, "ann", "hello")], {})
        nursery.start_soon(journal._committer.change, note(-1))
    await line.stored()
    assert writing.commits == 3, "the line is a statement that commits itself"
    (room,) = await journal.rooms()
    assert sorted(room.topic.split(",")) == sorted(map(str, [*range(CHANGES_AT_A_TIME + 1), -1, ""]))
    assert room.topic.endswith("-1,")


@pytest.mark.slow
async def test_each_login_of_several_is_whole_or_absent_wherever_the_server_is_killed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    journal, accounts, *_ = open_store(data)
    assert isinstance(journal, SqliteJournal)
    async with opened(journal):
        made = await people(journal)
    calls = [
        f"lambda accounts: accounts.use_code({digest(name)!r}, {NOW}, NewDevice('phone', {digest('token ' + name)!r}))"
        for name in PEOPLE
    ]
    found = []
    for was_done in killed(data, f"at_once(journal, accounts, {', '.join(calls)})"):
        journal, accounts, *_ = open_store(data)
        async with opened(journal):
            codes = [await accounts.code(digest(name), NOW) is not None for name in made]
            devices = [len(await accounts.devices(account)) for account in made.values()]
        assert [has_code + count for has_code, count in zip(codes, devices, strict=True)] == [1] * len(PEOPLE)
        assert all(devices) or not was_done
        assert checked(data / "journal.db", data / "search.db").problems == []
        found.append(sum(devices))
    assert found == sorted(found)
    assert len(found) > 3 * len(PEOPLE), "it is killed in each of them"
