"""Accounts in files: of an older release, of 100,000 people, killed between any two writes, and without a trace of what has been erased."""

import io
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
import trio

import forks
from account_stores import NOW, ann, digest, registered, say
from archives import checked, exported, no_progress, without_ids
from captured_logs import capture_logs
from chat_server.accounts import Account, Code, Ended, Registration, sender_of
from chat_server.accounts.names_index import NamesIndex, Refusal
from chat_server.config import JournalTable
from chat_server.journal import Duplicate, JournalError
from chat_server.journal.batch_codec import encode
from chat_server.journal.engines import Store, engine_named
from chat_server.journal.erasing import ERASED_TEXT
from chat_server.journal.keys import SenderKey
from chat_server.journal.maintenance import import_
from chat_server.journal.sqlite import endings
from chat_server.journal.sqlite.archive import back_up, editing
from chat_server.journal.sqlite.batch_rows import Append
from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.ended_accounts import rewrite_some
from chat_server.journal.sqlite.ended_file import read_ended
from chat_server.journal.sqlite.endings import REST_AFTER_FAILURE
from chat_server.journal.sqlite.rewriting import Changed
from chat_server.journal.sqlite.writer import Writer
from chat_server.protocol.entries import Entry, Said
from journals import create_rooms, opened, place_in
from processes import TIMEOUT

VERSION_2 = Path(__file__).parent / "data" / "journal-version-2.db"


def open_store(data: Path) -> Store:
    return engine_named("sqlite").open_store(JournalTable("sqlite", str(data), "process"))


# An older release.


def test_a_journal_from_before_there_were_accounts_opens_for_ever(tmp_path: Path) -> None:
    folder = DataDirectory(tmp_path / "data")
    shutil.copyfile(VERSION_2, folder.journal)
    before = exported(folder.journal)
    assert checked(folder.journal, folder.search).problems == []
    with closing(Writer(folder.journal)) as writer:
        assert writer.read("python", 2, 2).lines == [Said("python", 2, 1764000000.001, "bob", "hi ann", 4711)]
    assert without_ids(exported(folder.journal)) == before
    with closing(sqlite3.connect(folder.path / "journal.db.version-2")) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (2,)
    folder.close()


async def test_somebody_in_it_takes_what_is_theirs_into_an_account(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    shutil.copyfile(VERSION_2, data / "journal.db")
    journal, accounts, *_ = open_store(data)
    async with opened(journal):
        made = (await registered(accounts, Registration("ann", "ann", sender="ann", person="ann"))).account
        assert await journal.positions("python") == {sender_of(made.id): 3}
        again = {0: SenderKey(sender_of(made.id), "k1")}
        receipt = await journal.append([Said("python", 0, NOW, "ann", "hello", made.id)], again).stored()
        assert receipt.duplicates == {0: Duplicate("python", 1)}


# Names.


def test_100_000_names_are_there_in_well_under_a_second_and_take_tens_of_megabytes(tmp_path: Path) -> None:
    folder = DataDirectory(tmp_path / "data")
    count = 100_000
    with closing(Writer(folder.journal)) as writer:
        people = [(n * 7919 + 1, f"Person-{n}", f"person-{n}", f"pers0n-{n}") for n in range(count)]
        writer.change(
            lambda connection: connection.executemany(
                "INSERT INTO account VALUES (?, ?, ?, ?, NULL, 0, 0, 'member', 'active', NULL, 0, '{}', 0)", people
            )
        )
    folder.close()
    begun = time.process_time()
    _, accounts, *_ = open_store(folder.path)
    seconds = time.process_time() - begun
    assert len(accounts.names) == count
    assert accounts.names.holder("person-99999") == 99999 * 7919 + 1
    assert seconds < 3, "some 0.4 s, on a machine that does nothing else"
    assert sum(map(sys.getsizeof, _parts_of(accounts.names))) < 45e6


def _parts_of(names: NamesIndex) -> Iterable[object]:
    """Everything that an index is made of, each once."""
    parts: dict[int, object] = {}
    for known in (names._keys, names._skeletons, names._names):
        parts |= {id(part): part for part in (known, *known, *known.values())}
    return parts.values()


async def test_no_name_that_somebody_has_written_into_the_file_can_act_on_a_terminal(tmp_path: Path) -> None:
    data = tmp_path / "data"
    journal, accounts, *_ = open_store(data)
    async with opened(journal):
        made = (await registered(accounts)).account
    evil = "\x1b[2J\u202e*"
    with closing(sqlite3.connect(data / "journal.db")) as connection, connection:
        connection.execute("UPDATE account SET name = ?", (evil,))
        connection.execute("UPDATE device SET name = ?", (evil,))
    journal, accounts, *_ = open_store(data)
    async with opened(journal):
        (laptop,) = await accounts.devices(made.id)
        account = await accounts.account(made.id)
        assert account is not None
        for name in (account.name, accounts.names.name_of(made.id), laptop.name):
            assert not set(name) & {"\x1b", "\u202e"}
        assert (await accounts.find("ann")) == account


# Killed.


SCRIPT = """
import os, signal, sys, time, trio
from chat_server.accounts import *
from chat_server.config import JournalTable
from chat_server.journal.engines import engine_named
from chat_server.journal.sqlite import ended_file, endings, writer
from chat_server.journal.search.search_index import SearchIndex

left, act, data = int(sys.argv[1]), sys.argv[2], sys.argv[3]
is_armed = False

def count(_what):
    global left
    if is_armed:
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

connect, sync = writer.connect, ended_file.sync

def traced(*values, **named):
    connection = connect(*values, **named)
    connection.set_trace_callback(count)
    return connection

writer.connect = traced
ended_file.sync = lambda path: (count(path), sync(path))

def counted(method):
    return lambda *values: (count(method), method(*values))[1]

for name in ("replace", "purge"):
    setattr(SearchIndex, name, counted(getattr(SearchIndex, name)))
endings.make_anew = counted(endings.make_anew)

async def at_once(journal, accounts, *calls):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal._committer.call, lambda _: time.sleep(0.1))  # so that they wait together
        for call in calls:
            nursery.start_soon(call, accounts)

async def main():
    global is_armed
    journal, accounts, *_ = engine_named("sqlite").open_store(JournalTable("sqlite", data, "process"))
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run)
        is_armed = True
        await eval(act)
        print("done", flush=True)
        is_armed = False
        journal.close()
        await journal.wait_closed()

trio.run(main)
"""


def killed(data: Path, act: str) -> Iterable[bool]:
    """Do something again and again, each time with the process killed before one more of its writes; tell whether it was done before that."""
    original = data.with_name("original")
    shutil.copytree(data, original, dirs_exist_ok=True)
    for number in range(1, 200):
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(original, data)
        done = forks.run(
            [sys.executable, "-c", SCRIPT, str(number), act, str(data)],
            input="",
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        if done.returncode == 0:
            return
        assert done.returncode == -signal.SIGKILL, done.stderr
        yield "done" in done.stdout
        assert number < 199


async def _begun(data: Path) -> Account:
    journal, accounts, *_ = open_store(data)
    async with opened(journal):
        await create_rooms(journal)
        bob = (await registered(accounts, ann("bob", "bob"))).account
        await accounts.make_codes(
            [
                Code(digest("i"), "invite", NOW, None, made_by=bob.id),
                Code(digest("c"), "device", NOW, None, bob.id, uses=2),
            ]
        )
        await journal.append([Said("python", 0, NOW, "ann", "hi")], {0: SenderKey("ann", "k")}).stored()
        journal.save_position("python", "ann", 1)
        await say(journal, bob.id, "first secret", "second secret", nick="bob")
        await say(journal, bob.id, "third secret", nick="bob", room="pm")
        await say(journal, 0, "no secret", nick="eve", room="pm")
        await journal.search("secret", None, 9)
    return bob


REGISTER = (
    "accounts.register(Registration('Ann', 'ann', 'hash', NewDevice('laptop', b'1' * 32), (b'2' * 32, b'3' * 32), b'INVITE',"
    " 'ann', 'ann', {'': {'zone': 'UTC'}}), 1_800_000_000.0)"
)


@pytest.mark.slow
async def test_an_account_is_registered_with_all_that_is_its_own_or_not_at_all(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await _begun(data)
    act = REGISTER.replace("b'INVITE'", repr(digest("i")))
    found = set()
    for _ in killed(data, act):
        journal, accounts, *_ = open_store(data)
        async with opened(journal):
            made = await accounts.find("ann")
            found.add(made is not None)
            invitation = await accounts.code(digest("i"), NOW)
            assert (invitation is None) == (made is not None)
            assert (await accounts.by_token(b"1" * 32, NOW) is None) == (made is None)
            sender = sender_of(made.id) if made else "ann"
            assert await journal.positions("python") == {sender: 1}
            assert len(await accounts.codes(made.id) if made else [b"", b""]) == 2
            again = await journal.append([Said("python", 0, NOW, "ann", "hi")], {0: SenderKey(sender, "k")}).stored()
            assert again.duplicates == {0: Duplicate("python", 1)}
        assert checked(data / "journal.db", data / "search.db").problems == []
    assert found == {False}, "before its one commit there is nothing"


@pytest.mark.slow
async def test_a_code_is_used_by_the_commit_that_adds_its_device(tmp_path: Path) -> None:
    data = tmp_path / "data"
    bob = await _begun(data)
    act = f"accounts.use_code({digest('c')!r}, 1_800_000_000.0, NewDevice('phone', b'1' * 32))"
    times = 0
    for _ in killed(data, act):
        times += 1
        journal, accounts, *_ = open_store(data)
        async with opened(journal):
            code = await accounts.code(digest("c"), NOW)
            uses = code.uses if code else 0
            assert uses == 3 - len(await accounts.devices(bob.id))
    assert times > 5


@pytest.mark.slow
async def test_an_operators_code_is_there_or_the_earlier_one_is(tmp_path: Path) -> None:
    data = tmp_path / "data"
    bob = await _begun(data)
    journal, accounts, *_ = open_store(data)
    async with opened(journal):
        for secret, account, name in (("old", bob.id, ""), ("old owner", 0, "ann")):
            await accounts.make_codes([Code(digest(secret), "owner", NOW, None, account, name)])
    for secret, account, name in (("new", bob.id, ""), ("new owner", 0, "ann")):
        new = f"Code({digest(secret)!r}, 'owner', 1.8e9, None, {account}, {name!r})"
        for was_done in killed(data, f"accounts.make_codes([{new}], is_instead=True)"):
            journal, accounts, *_ = open_store(data)
            async with opened(journal):
                old = await accounts.code(digest(secret.replace("new", "old")), NOW)
                made = await accounts.code(digest(secret), NOW)
            assert (old is None) == (made is not None)
            assert made or not was_done
            assert checked(data / "journal.db", data / "search.db").problems == []


@pytest.mark.slow
async def test_a_name_and_a_password_change_as_a_whole(tmp_path: Path) -> None:
    data = tmp_path / "data"
    bob = await _begun(data)
    for _ in killed(data, f"accounts.rename({bob.id}, 'Robert', 'robert', 1_800_000_000.0)"):
        journal, accounts, *_ = open_store(data)
        async with opened(journal):
            now = await accounts.account(bob.id)
            assert now is not None
            is_renamed = now.name == "Robert"
            assert accounts.names.refusal("bob", "bob", 0, NOW) == (
                Refusal("kept") if is_renamed else Refusal("taken", "bob")
            )
    for _ in killed(data, f"accounts.change_password({bob.id}, 'new', [])"):
        journal, accounts, *_ = open_store(data)
        async with opened(journal):
            now = await accounts.account(bob.id)
            assert now is not None
            assert (now.password == "new") == (await accounts.devices(bob.id) == [])  # noqa: S105


@pytest.mark.slow
async def test_an_account_that_has_ended_is_erased_whenever_the_server_is_killed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    bob = await _begun(data)
    found = set()
    for was_done in killed(data, f"accounts.end({bob.id}, 'erase', 1_800_000_000.0)"):
        journal, accounts, *_ = open_store(data)
        async with opened(journal):
            now = await accounts.account(bob.id)
            assert now is not None
            is_closed = now.state == "closed"
            texts = [line.text for room in ("python", "pm") for line in (await journal.read(room, 1, 9)).lines]
            if is_closed:
                assert texts == ["hi", ERASED_TEXT, ERASED_TEXT, ERASED_TEXT, "no secret"]
                assert [line.text for line in (await journal.search("secret", None, 9)).lines] == ["no secret"]
                assert await accounts.devices(bob.id) == []
            else:
                assert texts == ["hi", "first secret", "second secret", "third secret", "no secret"]
                assert len(await accounts.devices(bob.id)) == 1
            assert is_closed or not was_done
        if is_closed:
            assert [one.account for one in read_ended(data / "ended")] == [bob.id]
            assert not _files_with(data, "third"), "no file has it"
        assert checked(data / "journal.db", data / "search.db").problems == []
        found.add(is_closed)
    assert found == {True, False}


# Erased.


def _files_with(data: Path, word: str) -> list[str]:
    found = subprocess.run(
        ["grep", "-r", "-l", "-a", "-i", word, str(data)], capture_output=True, text=True, check=False
    )
    return found.stdout.split()


CANARY = "zanzibarcanary"


async def test_what_is_erased_is_in_no_file_of_the_data_directory(tmp_path: Path) -> None:
    data = tmp_path / "data"
    journal, accounts, *_ = open_store(data)
    async with opened(journal):
        await create_rooms(journal)
        made = (await registered(accounts)).account
        for number in range(50):
            texts = [f"{CANARY} {number} " + "x" * (100 * number), f"and {CANARY.upper()}"]
            await say(journal, made.id, *texts, room=("python", "pm")[number % 2])
            await say(journal, 0, *map(str, range(40)), nick="bob")
        assert (await journal.search(CANARY, None, 9)).has_more
        assert _files_with(data, CANARY)
        rewritten = await accounts.end(made.id, "erase", NOW)
        assert rewritten is not None
        assert rewritten.rooms == {"python", "pm"}
        assert _files_with(data, CANARY) == [], "while the server runs"
        assert (await journal.search(CANARY, None, 9)).lines == []
        assert (await journal.search("39", None, 90)).lines, "what others have said is found"
    assert (data / "ended").stat().st_mode & 0o777 == 0o600
    assert checked(data / "journal.db", data / "search.db").problems == []


async def test_it_is_not_in_what_sqlite_has_left_behind_where_other_lines_were_pruned(tmp_path: Path) -> None:
    data = tmp_path / "data"
    chance = random.Random(0)  # noqa: S311 - sizes with which pages are merged, and old copies stay in their gaps
    journal, accounts, *_ = open_store(data)
    async with opened(journal):
        await create_rooms(journal)
        made = (await registered(accounts)).account
        for number in range(300):
            if chance.random() < 0.5:
                old: list[Entry] = [Said("pm", 0, 1000.0 + number, "bob", "o" * chance.randrange(900))]
                await journal.append(old, {}).stored()
            else:
                await say(journal, made.id, f"{CANARY} {number} " + "y" * chance.randrange(900))
        await journal.search("nothing", None, 1)
        while (await journal.prune(5000.0, 0)).total:
            pass
        await accounts.end(made.id, "erase", NOW)
        assert _files_with(data, CANARY) == []


def test_nor_is_a_deleted_room_in_what_sqlite_has_left_behind(tmp_path: Path) -> None:
    folder = DataDirectory(tmp_path / "data")
    chance = random.Random(8)  # noqa: S311 - as above
    with closing(Writer(folder.journal, "process")) as writer:
        for room in ("python", "pm"):
            writer.create_room(room)
        for number in range(600):
            room = "pm" if chance.random() < 0.5 else "python"
            word = CANARY if room == "pm" else "other"
            lines: list[Entry] = [Said(room, 0, 1000.0 + number, "ann", f"{word} " + "x" * chance.randrange(900))]
            writer.commit([Append(lines, {}, encode(lines))], {})
    with editing(folder) as rooms:
        rooms.delete_room("pm")
    assert _files_with(folder.path, CANARY) == []
    folder.close()


@pytest.mark.parametrize("is_lost", ["only the journal", "the search index too"])
async def test_it_stays_erased_when_an_older_backup_takes_the_journals_place(tmp_path: Path, is_lost: str) -> None:
    data = tmp_path / "data"
    journal, accounts, *_ = open_store(data)
    async with opened(journal):
        await create_rooms(journal)
        made, laptop, _ = await registered(accounts)
        await say(journal, made.id, CANARY, "goodbye")
        await say(journal, 0, "hello", nick="bob")
        back_up(data / "journal.db", tmp_path / "backup.db", no_progress)
        rewritten = await accounts.end(made.id, "erase", NOW)
    assert rewritten is not None
    assert laptop is not None
    shutil.copyfile(tmp_path / "backup.db", data / "journal.db")
    if is_lost != "only the journal":
        (data / "search.db").unlink()
    assert _files_with(data, CANARY)
    journal, accounts, *_ = open_store(data)
    async with opened(journal):
        assert _files_with(data, CANARY) == [], "before anybody is let in"
        now = await accounts.account(made.id)
        assert now is not None
        assert (now.name, now.state) == (rewritten.nick, "closed")
        assert await accounts.by_token(laptop.digest, NOW) is None
        assert [line.text for line in (await journal.read("python", 1, 9)).lines] == [ERASED_TEXT, ERASED_TEXT, "hello"]
        assert (await journal.search(CANARY, None, 9)).lines == []
        assert accounts.names.refusal("ann", "ann", 0, time.time()) == Refusal("kept")


async def test_who_has_ended_gets_another_name_where_an_older_backup_has_somebody_called_so(tmp_path: Path) -> None:
    data, ended = tmp_path / "data", tmp_path / "data" / "ended"
    journal, accounts, *_ = open_store(data)
    async with opened(journal):
        await create_rooms(journal)
        made = (await registered(accounts)).account
        bob = (await registered(accounts, Registration("bob", "bob"))).account
        await say(journal, made.id, CANARY)
        back_up(data / "journal.db", tmp_path / "backup.db", no_progress)
        rewritten = await accounts.end(made.id, "anonymise", NOW)
    assert rewritten is not None
    shutil.copyfile(tmp_path / "backup.db", data / "journal.db")
    ended.rename(tmp_path / "ended")
    journal, accounts, *_ = open_store(data)
    async with opened(journal):
        assert isinstance(await accounts.rename(bob.id, rewritten.nick, rewritten.nick, NOW), Account)
    (tmp_path / "ended").rename(ended)
    journal, accounts, *_ = open_store(data)
    async with opened(journal):
        now = await accounts.account(made.id)
        assert now is not None
        assert (now.state, now.name.startswith("deleted-"), now.name != rewritten.nick) == ("closed", True, True)
        assert [line.nick for line in (await journal.read("python", 1, 9)).lines] == [now.name]
        assert accounts.names.holder(rewritten.nick) == bob.id


async def test_a_journal_without_the_account_that_has_ended_never_gives_its_number_away(tmp_path: Path) -> None:
    data = tmp_path / "data"
    journal, accounts, *_ = open_store(data)
    async with opened(journal):
        made = (await registered(accounts)).account
        await accounts.end(made.id, "erase", NOW)
    (data / "journal.db").unlink()
    journal, accounts, *_ = open_store(data)
    async with opened(journal):
        assert await accounts.account(made.id) is None
    with closing(sqlite3.connect(data / "journal.db")) as connection:
        assert connection.execute("SELECT account, is_done FROM ended").fetchall() == [(made.id, 1)]


async def test_another_program_that_reads_the_journal_delays_the_erasing_and_no_more(tmp_path: Path) -> None:
    data = tmp_path / "data"
    journal, accounts, *_ = open_store(data)
    async with opened(journal):
        await create_rooms(journal)
        made = (await registered(accounts)).account
        await say(journal, made.id, CANARY)
        with closing(sqlite3.connect(data / "journal.db", isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM batch").fetchall()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(accounts.end, made.id, "erase", NOW)
                while (await journal.read("python", 1, 1)).lines[0].text == CANARY:
                    await trio.sleep(0.01)
                await say(journal, 0, "others go on")
                other.execute("COMMIT")
        assert _files_with(data, CANARY) == []


async def test_who_ends_while_others_are_being_erased_is_erased_right_after_them(tmp_path: Path) -> None:
    journal, accounts, *_ = open_store(tmp_path / "data")
    async with opened(journal):
        await create_rooms(journal)
        people = [(await registered(accounts, Registration(name, name))).account for name in ("ann", "bob", "eve")]
        for one in people:
            await say(journal, one.id, CANARY)
        with trio.fail_after(REST_AFTER_FAILURE - 1):
            async with trio.open_nursery() as nursery:
                for one in people:
                    nursery.start_soon(accounts.end, one.id, "erase", NOW)
                    while accounts.names.holder(one.key):
                        await trio.lowlevel.checkpoint()
        assert not _files_with(tmp_path / "data", CANARY)


async def test_an_account_of_which_something_goes_wrong_keeps_no_other_from_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, accounts, *_ = open_store(tmp_path / "data")
    async with opened(journal):
        await create_rooms(journal)
        people = [(await registered(accounts, Registration(name, name))).account for name in ("ann", "bob")]
        for one in people:
            await say(journal, one.id, CANARY, nick=one.name)

        def rewrite(ended: Ended, batches: Sequence[int], writer: Writer) -> Changed:
            if ended.account == people[0].id:
                raise AssertionError("a bug")
            return rewrite_some(ended, batches, writer)

        monkeypatch.setattr(endings, "rewrite_some", rewrite)
        with trio.fail_after(REST_AFTER_FAILURE - 1), capture_logs() as logged:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(accounts.end, people[0].id, "erase", NOW)
                while accounts.names.holder("ann"):
                    await trio.lowlevel.checkpoint()
                assert await accounts.end(people[1].id, "erase", NOW)
                nursery.cancel_scope.cancel()
        assert any("something went wrong" in one["event"] for one in logged)
        assert [line.text for line in (await journal.read("python", 1, 9)).lines] == [CANARY, ERASED_TEXT]


async def test_nobody_waits_for_the_disk_where_nobody_has_an_account(tmp_path: Path) -> None:
    journal, accounts, *_ = open_store(tmp_path / "data")
    async with opened(journal):
        assert await accounts.by_token(digest("a guest's"), NOW) is None
        assert await accounts.find("ann") is None
        assert not accounts._files.readings.is_open  # type: ignore[attr-defined]


async def test_what_is_registered_is_known_though_nobody_waits_for_it_any_more(tmp_path: Path) -> None:
    journal, accounts, *_ = open_store(tmp_path / "data")
    async with opened(journal):
        with trio.CancelScope() as scope:
            scope.cancel()
            await accounts.register(ann(), NOW)
        await accounts.add_choices(0, {})
        assert accounts.names.holder("ann")
        assert isinstance(await accounts.register(ann(), NOW), Refusal)


async def test_what_an_import_brings_is_erased_if_it_was(tmp_path: Path) -> None:
    place = place_in(tmp_path / "data", "sqlite")
    journal, accounts, *_ = place.open_both()
    async with opened(journal):
        await create_rooms(journal)
        made = (await registered(accounts)).account
        await say(journal, made.id, CANARY, "goodbye")
    before = exported(tmp_path / "data" / "journal.db")
    journal, accounts, *_ = place.open_both()
    async with opened(journal):
        await accounts.end(made.id, "erase", NOW)
    (tmp_path / "data" / "journal.db").unlink()
    import_(place.engine.filling(place.settings), io.BytesIO(before), no_progress)
    assert _files_with(tmp_path / "data", CANARY) == []
    journal, accounts, *_ = place.open_both()
    async with opened(journal):
        assert [line.text for line in (await journal.read("python", 1, 9)).lines] == [ERASED_TEXT] * 2
        assert await accounts.find("ann") is None


IMPOSSIBLE = {
    "UPDATE account SET key = 'bob'": "'bob' is not what names that count as the same share",
    "UPDATE account SET id = -5": "belongs to nothing",
    "UPDATE account SET id = -5 ": "its number cannot be one",
    "UPDATE account SET role = 'king'": "account: 'king' is no role",
    "UPDATE account SET state = 'closed'": "it is closed, and has a password",
    "UPDATE account SET state = 'closing'": "it is closing, and its end is None",
    "UPDATE account SET choices = '[]'": "what it has chosen cannot be read",
    "UPDATE device SET account = 5": "a device ('laptop') belongs to nothing",
    "INSERT INTO device_room VALUES (1, 9)": "a room of a device (1) belongs to nothing",
    "UPDATE code SET purpose = 'fun'": "code: 'fun' is no purpose",
    "UPDATE account SET name = 'a b'": "that is no name",
    "INSERT INTO ended SELECT id, 'x', 'erase', 1 FROM account": "has ended, and is not closed",
}


@pytest.mark.parametrize("sql", IMPOSSIBLE)
async def test_a_check_finds_what_cannot_be_so(sql: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    journal, accounts, *_ = open_store(data)
    async with opened(journal):
        await registered(accounts)
    assert checked(data / "journal.db", data / "search.db").problems == []
    with closing(sqlite3.connect(data / "journal.db")) as connection, connection:
        connection.execute(sql)
    assert any(IMPOSSIBLE[sql] in problem for problem in checked(data / "journal.db", data / "search.db").problems)


async def test_the_command_exports_secrets_when_it_is_told_to(tmp_path: Path) -> None:
    journal, accounts, *_ = open_store(tmp_path / "data")
    async with opened(journal):
        await registered(accounts)

    def told(*words: str) -> str:
        command = [sys.executable, "-m", "chat_server", "export", *words, "--data", str(tmp_path / "data")]
        return str(forks.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=True).stdout)

    assert '"is":"account"' in told()
    assert '"is":"device"' not in told()
    assert '"is":"device"' in told("--with-secrets")


async def test_what_the_disk_refuses_is_not_there_and_can_be_done_again(tmp_path: Path) -> None:
    journal, accounts, *_ = open_store(tmp_path / "data")
    async with opened(journal):
        await create_rooms(journal)
        made = (await registered(accounts)).account
        writer = journal._writer  # type: ignore[attr-defined]
        ((pages,),) = writer.ask(lambda connection: connection.execute("PRAGMA page_count").fetchall())
        writer.ask(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchall())
        accounts.note_seen(made.id, 0, "", NOW + 5)
        with pytest.raises(JournalError):
            await accounts.register(Registration("bob", "bob", "x" * 100_000), NOW)
        assert not accounts.names.holder("bob")
        with pytest.raises(JournalError):
            await accounts.add_choices(made.id, {"telnet": {"charset": "y" * 100_000}})
        assert await accounts.account(made.id) == made
        writer.ask(lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchall())
        await registered(accounts, Registration("bob", "bob", "x" * 100_000))
        noted = await accounts.account(made.id)
        assert noted is not None
        assert noted.seen == NOW + 5, "what was only noted is stored with whatever is stored next"
