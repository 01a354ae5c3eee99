"""What the engine `sqlite` does beyond the contract of every journal (test_journal.py): its files, its search index, disks and other programs."""

import os
import resource
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from archives import checked
from chat_server.journal import Duplicate, JournalError, NoWords, Receipt
from chat_server.journal.batch_codec import encode
from chat_server.journal.keys import KeyRun, KeysInRuns, SenderKey
from chat_server.journal.new_file import TargetError, refuse_own_file
from chat_server.journal.search.indexer import Indexer
from chat_server.journal.search.search_index import SearchIndex
from chat_server.journal.showable import showable_state
from chat_server.journal.sqlite.batch_rows import RUN_MIN, Append, BatchRows, Last
from chat_server.journal.sqlite.committer import BATCHES_AT_A_TIME, KEYS_AT_A_TIME, Positions
from chat_server.journal.sqlite.data_directory import DataDirectory, files_in
from chat_server.journal.sqlite.indexed import IndexedFile
from chat_server.journal.sqlite.journal import SqliteJournal
from chat_server.journal.sqlite.positions import store_positions
from chat_server.journal.sqlite.reader import Reader, Runs, mapped_errors
from chat_server.journal.sqlite.writer import Writer
from chat_server.journal.words import has_all, terms_of
from chat_server.protocol.acts import Muted
from chat_server.protocol.entries import Entry, Said, TopicSet
from chat_server.protocol.stored_event import span_of
from chat_server.rooms.gate import Gate
from chat_server.rooms.inbox import BATCH_MAX
from journals import found, opened, prune_all, said, store, texts


@pytest.mark.parametrize(
    "harm", ["missing", "another journal's", "broken", "of a later state", "of an older release", "no index at all"]
)
async def test_a_search_index_that_does_not_fit_is_made_anew(tmp_path: Path, harm: str) -> None:
    other = DataDirectory(tmp_path / "other")
    async with opened(SqliteJournal(other)) as journal:
        await journal.create_room("python")
        await store(journal, said("needle of the other"))
        await found(journal, "needle")
    folder = tmp_path / "data"
    backup = b"", b""
    async with opened(SqliteJournal(DataDirectory(folder))) as journal:
        await journal.create_room("python")
        await store(journal, said("needle"))
        await found(journal, "needle")
        if harm == "of a later state":
            backup = (folder / "journal.db").read_bytes(), (folder / "journal.db-wal").read_bytes()
            await store(journal, said("needle that is not in the backup"))
            await found(journal, "needle")
    index = folder / "search.db"
    match harm:
        case "missing":
            index.unlink()
        case "another journal's":
            index.write_bytes((tmp_path / "other" / "search.db").read_bytes())
        case "broken":
            index.write_bytes(index.read_bytes()[:5000] + b"x" * 20_000)
        case "of an older release":
            _make_older(index)
        case "of a later state":
            (folder / "journal.db").write_bytes(backup[0])
            (folder / "journal.db-wal").write_bytes(backup[1])
        case _:
            index.write_bytes(b"this is no database, but a letter" * 100)
    async with opened(SqliteJournal(DataDirectory(folder))) as journal:
        assert await found(journal, "needle") == ["needle"]
        assert await found(journal, "👋") == []


async def test_a_search_index_of_what_was_said_after_another_backup_is_made_anew(tmp_path: Path) -> None:
    def put_back(backup: bytes) -> None:
        (tmp_path / "journal.db").write_bytes(backup)
        for ending in ("-wal", "-shm"):
            (tmp_path / f"journal.db{ending}").unlink(missing_ok=True)

    async def say(*lines: str) -> bytes:
        async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
            await journal.create_room("python")
            for text in lines:
                await store(journal, said(text))
            await found(journal, "needle")
        return (tmp_path / "journal.db").read_bytes()

    older = await say("first needle")
    newer = await say("second needle", "third needle")
    put_back(older)
    await say("another needle")
    put_back(newer)
    async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
        assert await found(journal, "another") == []
        assert await found(journal, "second") == ["second needle"]


def _make_older(index: Path) -> None:
    """Leave the search index as release 0.1.0 made it."""
    with closing(sqlite3.connect(index)) as connection:
        connection.executescript(
            """
            DROP TABLE words;
            CREATE VIRTUAL TABLE words USING fts5(text, room, tokenize = 'unicode61 remove_diacritics 2', columnsize = 0);
            INSERT INTO words (rowid, text, room) VALUES (1, 'needle', 'r707974686f6e');
            PRAGMA user_version = 1;
            """
        )


async def test_an_index_of_an_older_release_is_no_fault_of_the_journal(tmp_path: Path) -> None:
    folder = DataDirectory(tmp_path / "data")
    async with opened(SqliteJournal(folder)) as journal:
        await journal.create_room("python")
        await store(journal, said("needle"))
        await found(journal, "needle")
    _make_older(folder.search)
    assert checked(folder.journal, folder.search).problems == []


async def test_the_log_is_brought_into_the_file_and_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_server.journal.sqlite.journal.CHECKPOINT_PAGES", 50)
    async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
        await journal.create_room("python")
        for number in range(600):
            await store(journal, said(f"{number} {'x' * 4000}"))
        assert (tmp_path / "journal.db-wal").stat().st_size < 2_000_000, "600 lines alone are 10 MB of log"
        assert (tmp_path / "journal.db").stat().st_size > 1_000_000


async def test_a_full_disk_refuses_whole_batches_and_takes_them_again_when_it_has_room(tmp_path: Path) -> None:
    """RLIMIT_FSIZE makes files as small as a full disk would, without a disk."""
    async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
        await journal.create_room("python")
        await store(journal, said("before"), {0: "k0"})
        size = (tmp_path / "journal.db").stat().st_size
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        refused = 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 8192, hard))
        try:
            for number in range(30):
                try:
                    await store(journal, said("x" * 4000, f"refused {number}"), {0: f"k{number + 1}"})
                except JournalError:
                    refused += 1
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert refused >= 15
        last = (await journal.rooms())[0].last
        assert last == 1 + (30 - refused) * 2
        assert (await store(journal, said("after"), {0: "k30"}))[:2] == (last + 1, {})
        assert await texts(journal, last + 1, last + 1) == [(last + 1, "after")]
        assert await found(journal, "after") == ["after"]


async def test_the_search_index_is_made_once_however_many_want_it_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What prunes asks how far the index has come while the indexer makes it: two threads must not both make its tables."""
    made = 0

    class SlowIndex(SearchIndex):
        def __init__(self, path: Path, identity: str | None, end: int) -> None:
            nonlocal made
            made += 1
            time.sleep(0.05)
            super().__init__(path, identity, end)

    monkeypatch.setattr("chat_server.journal.sqlite.indexed.SearchIndex", SlowIndex)
    folder = DataDirectory(tmp_path)
    Writer(folder.journal).close()
    indexer = Indexer(IndexedFile(folder.journal, folder.search))
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(indexer.call, IndexedFile.indexed)
        nursery.start_soon(indexer.call, lambda file: file.forget([(1, 1)]))
    assert (made, await indexer.call(IndexedFile.indexed)) == (1, 0)
    indexer.close()
    folder.close()


async def test_a_journal_that_was_deleted_or_replaced_refuses_until_it_is_back(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    file = tmp_path / "journal.db"
    async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
        await journal.create_room("python")
        await store(journal, said("before"))
        file.rename(elsewhere)
        for _ in range(2):
            with pytest.raises(JournalError, match=r"journal\.db was deleted or replaced while the server was running"):
                await store(journal, said("into nowhere"), {0: "k"})
        with pytest.raises(JournalError):
            await journal.create_room("pm")
        assert not file.exists(), "and no other one is made"
        file.write_bytes(elsewhere.read_bytes())
        with pytest.raises(JournalError, match="deleted or replaced"):
            await store(journal, said("into a copy"))
        elsewhere.replace(file)
        assert (await store(journal, said("after")))[:2] == (2, {})
        log = tmp_path / "journal.db-wal"
        log.rename(elsewhere)
        with pytest.raises(JournalError, match=r"journal\.db-wal was deleted or replaced"):
            await store(journal, said("into a log that nobody finds"))
        elsewhere.rename(log)
        assert (await store(journal, said("at last")))[:2] == (3, {})
    async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
        assert await texts(journal, 1, 9) == [(1, "before"), (2, "after"), (3, "at last")]


@pytest.mark.parametrize(
    ("name", "size"), [("journal.db", 0), ("journal.db", 4096), ("journal.db-wal", 0), ("journal.db-wal", 4152)]
)
async def test_a_journal_that_was_cut_short_refuses(tmp_path: Path, name: str, size: int) -> None:
    async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
        await journal.create_room("python")
        await store(journal, said("before"))
        os.truncate(tmp_path / name, size)
        for _ in range(2):
            with pytest.raises(
                JournalError, match=rf"{name} was cut short or written over while the server was running"
            ):
                await store(journal, said("into a ruin"))
        with pytest.raises(JournalError):
            await journal.create_room("pm")


async def test_a_journal_that_another_program_has_made_smaller_in_order_goes_on(tmp_path: Path) -> None:
    async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
        await journal.create_room("python")
        for _ in range(1, 40):
            await store(journal, said("x" * 4000))
        with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as shell:
            shell.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            before = (tmp_path / "journal.db").stat().st_size
            assert (await store(journal, said("after the log was emptied")))[:2] == (40, {})
            shell.execute("DELETE FROM batch WHERE first < 30")
            shell.execute("VACUUM")
            shell.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        assert (tmp_path / "journal.db").stat().st_size < before
        assert (await store(journal, said("after the file was shortened")))[:2] == (41, {})
    async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
        assert (await texts(journal, 40, 41))[1] == (41, "after the file was shortened")


async def test_a_log_that_is_deleted_is_in_the_file_after_an_orderly_stop(tmp_path: Path) -> None:
    async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
        await journal.create_room("python")
        await store(journal, said("before"))
        (tmp_path / "journal.db-wal").unlink()
        with pytest.raises(JournalError):
            await store(journal, said("refused"))
    async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
        assert await texts(journal, 1, 9) == [(1, "before")]


async def test_a_lock_of_another_programs_is_waited_for_until_the_server_is_in_a_hurry(tmp_path: Path) -> None:
    journal = SqliteJournal(DataDirectory(tmp_path))
    async with opened(journal):
        await journal.create_room("python")
        with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as shell:
            shell.execute("BEGIN IMMEDIATE")
            appending = journal.append(said("waits"), {})
            await trio.sleep(0.2)
            shell.execute("COMMIT")
            assert (await appending.stored())[:2] == (1, {})
            shell.execute("BEGIN IMMEDIATE")
            appending = journal.append(said("is refused"), {})
            journal.hurry(0.1)
            with trio.fail_after(5), pytest.raises(JournalError, match="locked"):
                await appending.stored()
            with trio.fail_after(5), pytest.raises(JournalError, match="locked"):
                await store(journal, said("so is this"))
            with trio.fail_after(5):
                journal.close()
                await journal.wait_closed()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A disk in memory. Only root may make one; CI does."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    )
    if made.returncode:
        assert "CI" not in os.environ, "CI may mount"
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


async def test_a_disk_that_the_log_has_filled_takes_lines_again_by_itself(tmp_path: Path) -> None:
    """Whatever is stored again and again fills the log with what takes no room in the file."""
    with small_disk(tmp_path / "disk", "2m") as disk:
        journal = SqliteJournal(DataDirectory(disk / "data"))
        async with opened(journal):
            await journal.create_room("python")
            await store(journal, said("first"))

            def fill(writer: Writer) -> None:
                with mapped_errors():
                    for number in range(10_000):
                        if number == 1:
                            writer.bring_in_log()
                        places = {("python", f"{person} {'x' * 200}"): number for person in range(100)}
                        store_positions(writer._connection, writer._rooms, places)

            with pytest.raises(JournalError, match="full"):
                await journal._committer.call(fill)
            log = (disk / "data" / "journal.db-wal").stat().st_size
            assert log > 1_000_000
            with suppress(OSError), (disk / "rest").open("wb") as rest:
                while True:
                    rest.write(b"x" * 4096)
                    rest.flush()
            assert (await store(journal, said("second")))[:2] == (2, {})
            # Brought into the file, and begun anew: shorter, or of the same length with its beginning overwritten.
            assert (disk / "data" / "journal.db-wal").stat().st_size <= log


@pytest.mark.parametrize("name", ["data", "d?t#a %41", "d\udcffta"])
async def test_the_journal_may_be_a_symbolic_link_and_stand_under_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder = DataDirectory(tmp_path / name)
    (tmp_path / name / "journal.db").unlink()
    (tmp_path / name / "journal.db").symlink_to(tmp_path / "elsewhere" / "real.db")
    async with opened(SqliteJournal(folder)) as journal:
        await journal.create_room("python")
        await store(journal, said("needle"))
        assert await found(journal, "needle") == ["needle"]
        with pytest.raises(TargetError, match="a file that the server itself writes"):
            refuse_own_file((tmp_path / "elsewhere" / "real.db-wal").stat(), files_in(tmp_path / name), "x")
    assert (tmp_path / "elsewhere" / "real.db").stat().st_size
    assert sorted(path.name for path in (tmp_path / name).iterdir()) == ["journal.db", "lock", "search.db"]


async def test_a_time_that_cannot_be_does_not_keep_a_room_for_ever(tmp_path: Path) -> None:
    async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
        await journal.create_room("python")
        for at in (1000.0, 1e18, 2000.0, 9000.0):
            await store(journal, said("a", at=at))
        await found(journal, "a")
        assert await prune_all(journal, float("-inf"), 0) == 0
        assert await prune_all(journal, 5000.0, 0) == 3
        assert await texts(journal, 1, 9) == [(4, "a")]


async def test_a_search_goes_on_though_the_index_is_locked(tmp_path: Path) -> None:
    async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
        await journal.create_room("python")
        await store(journal, said("needle"))
        assert await found(journal, "needle") == ["needle"]
        with closing(sqlite3.connect(tmp_path / "search.db", isolation_level=None)) as shell:
            shell.execute("BEGIN IMMEDIATE")
            await store(journal, said("needle"))
            matches = await journal.search("needle", None, 10)
            assert ([line.seq for line in matches.lines], matches.unsearched) == ([1], 1)


async def test_a_room_whose_name_could_act_on_a_terminal_is_not_opened_and_topics_are_shown_clean(
    tmp_path: Path,
) -> None:
    async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
        for room in ("python", "pm", "server"):
            await journal.create_room(room)
    with closing(sqlite3.connect(tmp_path / "journal.db")) as connection, connection:
        connection.execute("UPDATE room SET name = char(27) || '[2J' WHERE name = 'pm'")
        connection.execute("UPDATE room SET topic = 'a' || char(10) || char(27) || 'b' WHERE name = 'python'")
    async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
        assert [(room.name, room.topic) for room in await journal.rooms()] == [("python", "a b"), ("server", "")]


def test_a_full_disk_is_tried_once_more_however_long_a_try_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "chat_server.journal.sqlite.writer.MAKE_ROOM_SECONDS", -1
    )  # as where each try takes longer than that
    writer = Writer(DataDirectory(tmp_path).journal)
    tries = []

    def refuse(_writer: Writer) -> None:
        tries.append(1)
        assert len(tries) < 10
        with mapped_errors():
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

    monkeypatch.setattr(Writer, "_transaction", refuse)
    with pytest.raises(JournalError, match="full"):
        writer.create_room("python")
    assert len(tries) == 2
    writer.close()


@given(st.lists(st.text(st.sampled_from("aB1 ไท你👋🇩+#@$%&=^\\*\"'-_.€\u0301\ufe0f\u200d"), max_size=12), max_size=4))
def test_whatever_a_line_says_it_is_found_by_its_words(texts: list[str]) -> None:
    with TemporaryDirectory() as place, closing(SearchIndex(Path(place) / "search.db", "test", 1)) as index:
        lines = [Said("python", number, 0.0, "ann", text) for number, text in enumerate(["x", *texts], 1)]
        index.add([(len(lines), lines)])
        for number, text in enumerate(texts, 2):
            for word in text.replace('"', " ").split():
                with suppress(NoWords):
                    assert number in index.search(word.rstrip("*"), None, 100)
                for words in (word, f'{word}* "{word}'):
                    with suppress(NoWords):
                        by_looking = [line.seq for line in reversed(lines) if has_all(terms_of(words), line.text)]
                        assert index.search(words, None, 100) == by_looking, "the index finds what stands in the lines"


@pytest.mark.parametrize("has_keys", [False, True])
def test_what_is_stored_while_the_file_goes_is_refused_and_the_file_is_opened_again_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_keys: bool
) -> None:
    def commit(text: str) -> int:
        lines = said(text)
        keys = {0: SenderKey("ann", text)} if has_keys else {}
        return writer.commit([Append(lines, keys, encode(lines))], {})[0].first

    journal, elsewhere = tmp_path / "journal.db", tmp_path / "elsewhere.db"
    with closing(Writer(journal)) as writer:
        writer.create_room("python")
        assert commit("before") == 1
        with monkeypatch.context() as patched:
            check = writer._files.check
            patched.setattr(writer._files, "check", lambda: (check(), journal.rename(elsewhere)))
            with pytest.raises(JournalError, match="was deleted or replaced"):
                commit("meanwhile")
        with pytest.raises(JournalError, match="was deleted or replaced"):
            commit("refused")
        elsewhere.rename(journal)
        last = commit("after")
        kept = writer.read("python", 1, last).lines
        assert [line.seq for line in kept] == [*range(1, last + 1)]
        assert [line.text for line in kept if line.text != "meanwhile"] == ["before", "after"]


def test_to_find_that_nothing_is_old_takes_no_longer_the_more_there_is(tmp_path: Path) -> None:
    steps: list[int] = []
    for batches in (3, 300):
        with closing(Writer(tmp_path / f"{batches}.db", "process")) as writer:
            writer.create_room("python")
            for number in range(batches):
                lines = said(f"line {number}")
                writer.commit([Append(lines, {}, encode(lines))], {})
            taken = 0

            def count() -> int:
                nonlocal taken
                taken += 1
                return 0

            writer._connection.set_progress_handler(count, 10)
            assert writer.prunable(500.0, 0, 200, 10**9) == []
            steps.append(taken)
    assert steps[1] <= steps[0] + 2


async def test_where_the_clock_ran_back_is_looked_for_some_batches_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_server.journal.sqlite.reader.RUNS_BATCHES", 3)
    looks = list[int]()
    runs = Reader.runs

    def noted(self: Reader, room: str, known: Runs) -> Runs:
        found = runs(self, room, known)
        looks.append(found.through)
        return found

    monkeypatch.setattr(Reader, "runs", noted)
    times = [10, 20, 30, 15, 25, 35, 5, 15, 25, 45]
    async with opened(SqliteJournal(DataDirectory(tmp_path))) as journal:
        await journal.create_room("python")
        for at in times:
            await store(journal, said("x", at=at))
        for at in range(1, 50):
            since = [number for number, time in enumerate(times, 1) if time >= at]
            assert await journal.seq_at("python", at) == (since[0] if since else 11)
        assert looks[:4] == [3, 6, 9, 10]
        looks.clear()
        await store(journal, said("x", at=50))
        async with trio.open_nursery() as nursery:  # what one looks for, others need not
            for _ in range(5):
                nursery.start_soon(journal.seq_at, "python", 50)
        assert looks == [11] * 5


async def test_how_far_people_have_come_is_stored_of_all_that_is_written_at_once(tmp_path: Path) -> None:
    journal = SqliteJournal(DataDirectory(tmp_path))
    async with opened(journal):
        await journal.create_room("python")
        free = threading.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal._committer.call, lambda _: free.wait())  # what comes meanwhile is one commit
            await trio.testing.wait_all_tasks_blocked(0.01)
            journal.save_position("python", "ann", 1)
            first = journal.append(said("a"), {})
            journal.save_position("python", "bob", 2)
            second = journal.append(said("b"), {})
            free.set()
            await first.stored()
            await second.stored()
        assert await journal.positions("python") == {"ann": 1, "bob": 2}


def keyed(prefix: str, count: int, room: str, senders: int = 1) -> Append:
    """A batch of so many lines, each with a key."""
    lines = said(*(f"{prefix}{n}" for n in range(count)), room=room)
    return Append(lines, {n: SenderKey(f"sender {n % senders}", f"{prefix}{n}") for n in range(count)}, encode(lines))


@pytest.fixture
def python_and_write(tmp_path: Path) -> Iterator[Writer]:
    with closing(Writer(tmp_path / "journal.db")) as writer:
        for room in ("python", "write"):
            writer.create_room(room)
        yield writer


def test_a_key_that_comes_in_two_batches_of_one_commit_is_stored_once(python_and_write: Writer) -> None:
    first, second = python_and_write.commit([keyed("a", 3, "python"), keyed("a", 4, "write")], {})
    assert (first.duplicates, second.duplicates) == ({}, {n: Duplicate("python", 1 + n) for n in range(3)})
    assert [line.text for line in python_and_write.read("write", 1, 9).lines] == ["a3"]
    (third,) = python_and_write.commit([keyed("a", 4, "python")], {})
    assert third.duplicates[3] == Duplicate("write", 1)


VALUES_MAX = 32766
"""Values that SQLite takes in one statement, unless it was built to take more."""


def test_more_keys_than_one_statement_takes_values_are_stored_all_the_same(python_and_write: Writer) -> None:
    python_and_write._connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, VALUES_MAX)
    batches = [keyed(f"{n} ", 2000, "python", senders=2000) for n in range(4)]
    assert sum(len(batch.keys) for batch in batches) * 5 > VALUES_MAX
    assert [receipt.first for receipt in python_and_write.commit(batches, {})] == [1, 2001, 4001, 6001]
    assert python_and_write.commit([batches[3]], {})[0].duplicates[1999] == Duplicate("python", 8000)


def test_what_is_put_into_a_commit_never_has_more_values_than_one_statement_takes() -> None:
    rooms = {str(n): n for n in range(BATCHES_AT_A_TIME)}
    rows = BatchRows(1, dict.fromkeys(rooms, Last(0, 0)), rooms)
    keys = KeysInRuns([KeyRun(0, "ann", ("k",)), *(KeyRun(1 + n, "bob", ("k",) * RUN_MIN) for n in range(150))])
    for number, room in enumerate(rooms):
        append = Append(said("hello", room=room), keys if number < 2 else {0: SenderKey("ann", "k")}, b"")
        rows.add(append)
        rows.add_keys(append, 1)
    assert 150 * RUN_MIN > BATCH_MAX
    assert KEYS_AT_A_TIME < BATCH_MAX
    assert len(rows.values) < VALUES_MAX


def test_a_statement_does_not_grow_with_those_who_say_a_line_each() -> None:
    """Each that is another takes its time to be compiled, and some of the last 128 stay in memory: a megabyte each with a thousand keys."""

    def sql(senders: int) -> str:
        rows = BatchRows(1, {"python": Last(0, 0)}, {"python": 1})
        append = keyed("k", senders, "python", senders)
        rows.add(append)
        rows.add_keys(append, 1)
        return rows.sql

    assert sql(1000) == sql(1)


@pytest.mark.parametrize("positions", [{}, {("python", "ann"): 1}])
@given(
    st.lists(
        st.tuples(
            st.booleans(), st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), st.integers(1, 40)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_each_key_is_kept_with_the_number_of_its_line(positions: Positions, runs: list[tuple[bool, str, int]]) -> None:
    lines: list[Entry] = []
    keys = KeysInRuns()
    expected: list[tuple[str, str, int]] = []
    for number, (has_key, word, length) in enumerate(runs):
        own = [f"{word}{number} {n}" for n in range(length)]
        if has_key:
            keys.add(len(lines), word, own)
            expected += [(word, key, len(lines) + n) for n, key in enumerate(own, 1)]
        lines += said(*own)
    with TemporaryDirectory() as folder, closing(Writer(Path(folder, "journal.db"), "process")) as writer:
        writer.create_room("python")
        (receipt,) = writer.commit([Append(lines, keys, encode(lines))], positions)
        assert not receipt.duplicates
        found = writer.ask(
            lambda connection: connection.execute("SELECT sender, key, seq FROM sent ORDER BY seq").fetchall()
        )
        assert found == expected


def test_keys_are_stored_with_a_topic_and_with_how_far_people_have_come(python_and_write: Writer) -> None:
    lines = [TopicSet("python", 0, 5.0, "ann", "snakes"), *said("a", at=5.0)]
    keys = {0: SenderKey("ann", "k"), 1: SenderKey("ann", "l")}
    for duplicates in ({}, {0: Duplicate("python", 1), 1: Duplicate("python", 2)}):
        (receipt,) = python_and_write.commit([Append(lines, keys, encode(lines))], {("python", "ann"): 1})
        assert receipt.duplicates == duplicates
    assert (python_and_write.rooms()[0].topic, python_and_write.positions("python")) == ("snakes", {"ann": 1})


async def test_a_commit_takes_so_many_keys_that_others_go_on_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = SqliteJournal(DataDirectory(tmp_path))
    taken: list[int] = []
    async with opened(journal):
        await journal.create_room("python")
        commit, free = journal._writer.commit, threading.Event()

        def note_and_commit(appends: Sequence[Append], positions: Positions) -> list[Receipt]:
            taken.append(len(appends))
            return commit(appends, positions)

        monkeypatch.setattr(journal._writer, "commit", note_and_commit)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal._committer.call, lambda _: free.wait())
            await trio.testing.wait_all_tasks_blocked(0.01)
            waiting = [journal.append(said(str(n)), {}) for n in range(20)]
            half = said(*map(str, range(KEYS_AT_A_TIME // 2)))
            of_senders = [{n: SenderKey(f"sender {batch}", str(n)) for n in range(len(half))} for batch in range(5)]
            waiting += [journal.append(half, keys) for keys in of_senders]
            free.set()
            for each in waiting:
                await each.stored()
    assert taken == [22, 2, 1]


async def test_more_rooms_talk_at_once_than_one_statement_takes(tmp_path: Path) -> None:
    rooms = [f"room{number}" for number in range(VALUES_MAX // 9 + 1)]
    with closing(Writer(tmp_path / "journal.db")) as writer:
        writer.change(lambda connection: connection.executemany("INSERT INTO room (name) VALUES (?)", zip(rooms)))
    journal = SqliteJournal(DataDirectory(tmp_path))
    async with opened(journal):
        journal._writer._connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, VALUES_MAX)  # here it may be higher
        free = threading.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal._committer.call, lambda _: free.wait())
            await trio.testing.wait_all_tasks_blocked(0.01)
            waiting = [journal.append(said("x", room=room), {}) for room in rooms]
            free.set()
            assert {(await each.stored()).first for each in waiting} == {1}
    assert len(rooms) > BATCHES_AT_A_TIME


BROKEN = [
    "[",
    '{"x":' + "[" * 9999 + "]" * 9999 + "}",
    '{"rules":{"slow":"x","speak":"nobody"}}',
    '{"next_id":-5}',
    f'{{"next_id":{2**53}}}',
    '{"next_id":1,"curbs":[{"id":7,"kind":"muted","whom":"a\\nb","until":1e308,"by":"\\u001b[31m","account":5}]}',
    '{"curbs":[{"id":-7,"kind":"muted","whom":"a","until":9e9,"by":"b","account":5}]}',
]


@pytest.mark.parametrize("state", BROKEN)
async def test_whatever_stands_in_a_file_as_what_follows_from_a_log_the_room_goes_on(
    tmp_path: Path, state: str
) -> None:
    folder = DataDirectory(tmp_path / "data")
    async with opened(SqliteJournal(folder)) as journal:
        await journal.create_room("python")
    with closing(sqlite3.connect(tmp_path / "data" / "journal.db")) as file, file:
        file.execute("UPDATE room SET state = ?", (state,))
    async with opened(SqliteJournal(folder)) as journal:
        (record,) = await journal.rooms()
        gate = Gate("python", showable_state(record.state))
        for one in gate.state.curbs:
            assert span_of(one.until - 1000.0)
            assert f"{one.whom}{one.by}".isprintable()
        muted = Muted("python", 0, 1000.0, "ann", "", whom="bob", until=2000.0, id=gate.state.next_id, account=9)
        await store(journal, [muted, Said("python", 0, 1001.0, "ann", "goes on")])
        gate.note(muted)
        (record,) = await journal.rooms()
        assert showable_state(record.state) == gate.state
        assert isinstance((await journal.read("python", 1, 9)).lines[0], Muted)
