"""The journal's files: what the commands do with them, who may have them, and files of other releases."""

import io
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import forks
from archives import checked, exported, imported, no_progress, without_ids
from captured_logs import capture_logs
from chat_server.config import JournalTable
from chat_server.journal import JournalError, JournalInUse, UnusableJournal
from chat_server.journal.archive import FileProblem
from chat_server.journal.batch_codec import encode
from chat_server.journal.data_directory import DataFolderError
from chat_server.journal.engines import engine_named
from chat_server.journal.keys import SenderKey
from chat_server.journal.maintenance import lines_of
from chat_server.journal.search.search_index import SearchIndex
from chat_server.journal.sqlite import upgrade
from chat_server.journal.sqlite.archive import back_up
from chat_server.journal.sqlite.batch_rows import Append
from chat_server.journal.sqlite.data_directory import DataDirectory, files_in, unfinished
from chat_server.journal.sqlite.journal import SqliteJournal
from chat_server.journal.sqlite.reader import Reader
from chat_server.journal.sqlite.schema import APPLICATION_ID, MIGRATIONS, migrate
from chat_server.journal.sqlite.writer import Writer
from chat_server.protocol.entries import Entry, Said, TopicSet
from journals import opened
from processes import TIMEOUT, running_server
from test_maintenance import opened_by

FIRST_RELEASE = Path(__file__).parent / "data" / "journal-0.1.0.db"


def command(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return forks.run(
        [sys.executable, "-m", "chat_server", *words], input=stdin, capture_output=True, text=True, timeout=TIMEOUT
    )


def fill(folder: DataDirectory) -> None:
    """Two rooms, twelve lines, one key, and an index of them."""
    with closing(Writer(folder.journal)) as writer:
        for room in ("python", "聊天"):
            writer.create_room(room)
        for number in range(4):
            lines: list[Entry] = [
                Said("python", 0, 1000.5 + number, "ann", f"hello {number} 你好 👋"),
                Said("python", 0, 1000.5 + number, "ann", '"quoted" \\ back'),
            ]
            topic: list[Entry] = [TopicSet("聊天", 0, 2000.25, "小明", f"topic {number}")]
            keys = {0: SenderKey("ann", f"k{number}")}
            writer.commit([Append(lines, keys, encode(lines)), Append(topic, {}, encode(topic))], {})
        index = SearchIndex(folder.search, writer.identity(), writer.end())
        index.add(writer.records(0))
        index.close()


@pytest.fixture
def folder(tmp_path: Path) -> DataDirectory:
    folder = DataDirectory(tmp_path / "data")
    fill(folder)
    return folder


def test_what_is_exported_and_imported_is_the_same(folder: DataDirectory, tmp_path: Path) -> None:
    text = exported(folder.journal)
    other = DataDirectory(tmp_path / "other")
    assert imported(other, text.splitlines(keepends=True)) == 12
    assert exported(other.journal) == text
    found = checked(other.journal, other.search)
    assert found == (2, 12, 0, [])
    with closing(Reader(other.journal)) as reader:
        assert [room.topic for room in reader.rooms()] == ["", "topic 3"]


def test_a_room_that_has_been_pruned_is_imported_with_its_numbers(folder: DataDirectory, tmp_path: Path) -> None:
    with closing(Writer(folder.journal)) as writer:
        writer.delete(writer.prunable(1002.0, 0, 100, 100))
    text = exported(folder.journal)
    other = DataDirectory(tmp_path / "other")
    assert imported(other, text.splitlines()) == 8
    assert exported(other.journal) == text
    assert checked(other.journal, other.search).problems == []
    assert b'"room":"python","topic":"","first":5' in text


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda lines: lines[:0], "the file is no export"),
        (lambda lines: lines[1:], "line 1: expected the heading of an export first, and once"),
        (lambda lines: [*lines, lines[0]], "line 16: expected the heading of an export first, and once"),
        (lambda lines: [*lines[:4], *lines[5:]], "line 6: expected number 2 of python"),
        (lambda lines: [*lines[:4], "hello"], "line 5: no line of an export: "),
        (lambda lines: [lines[0].replace("2", "9"), *lines[1:]], "the file was written by a newer release"),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], "line 3: expected another room's name"),
        (lambda lines: [line.replace('"ann"', '"* ann"') for line in lines], "line 4: expected a name, got '* ann'"),
    ],
)
def test_what_is_no_whole_export_is_refused_with_its_line_and_leaves_nothing(
    folder: DataDirectory, tmp_path: Path, spoil: object, complaint: str
) -> None:
    assert callable(spoil)
    lines = [line.encode() for line in spoil(exported(folder.journal).decode().splitlines())]
    other = DataDirectory(tmp_path / "other")
    with pytest.raises(FileProblem) as refused:
        imported(other, lines)
    assert str(refused.value).startswith(complaint)
    assert sorted(path.name for path in other.path.iterdir()) == ["journal.db", "lock", "search.db"]
    assert other.journal.stat().st_size == 0


def test_an_import_never_touches_what_has_been_said(folder: DataDirectory) -> None:
    text = exported(folder.journal)
    with pytest.raises(FileProblem, match="has lines already"):
        imported(folder, text.splitlines())
    assert exported(folder.journal) == text


def test_a_backup_is_the_journal_as_it_was_while_others_go_on_writing(folder: DataDirectory, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    is_going, is_done = threading.Event(), threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        with closing(Writer(folder.journal)) as writer:
            while not is_done.is_set():
                lines: list[Entry] = [Said("python", 0, 3000.0, "ann", "x" * 1000)] * 50
                writer.commit([Append(lines, {}, encode(lines))], {})
                written += 1
                if written == 100:
                    is_going.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert is_going.wait(TIMEOUT)
        target.touch(mode=0o600)
        back_up(folder.journal, target, no_progress)
        at_the_end = written
    finally:
        is_done.set()
        thread.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.db", "data"]
    assert target.stat().st_mode & 0o077 == 0
    found = checked(target, tmp_path / "no-index")
    assert found.problems == []
    assert 12 + 100 * 50 <= found.lines <= 12 + (at_the_end + 1) * 50
    restored = DataDirectory(tmp_path / "restored")
    shutil.copyfile(target, restored.journal)
    with closing(Writer(restored.journal)) as writer:
        assert writer.rooms()[0].last == found.lines - 4


HARM = [
    ("UPDATE batch SET first = first + 1 WHERE id = 4", "python: number 4 stands where 3 is due"),
    ("DELETE FROM batch WHERE id = 4", "python: number 5 stands where 3 is due"),
    ("UPDATE batch SET turn = turn + 1 WHERE id = 4", "python: turn 3 stands where 2 is due"),
    ("UPDATE batch SET step = -1 WHERE id = 4", "python, from number 3: its lines cannot be -1 seconds apart"),
    ("UPDATE batch SET step = 9e999 WHERE id = 4", "python, from number 3: its lines cannot be inf seconds apart"),
    ("UPDATE batch SET lines = '[]' WHERE id = 4", "python, from number 3: 0 lines at 1001.5, where 2 were expected"),
    ("UPDATE batch SET lines = 'no json' WHERE id = 4", "python, from number 3: no batch of lines: "),
    (
        "UPDATE batch SET lines = replace(lines, 'hello', 'hallo') WHERE id = 4",
        "python, from number 3: the search index has other words",
    ),
    (
        "UPDATE batch SET at = 1795827121000 WHERE id = 4",
        "python, from number 3: the time 1795827121000 is not possible: times are in seconds since 1970",
    ),
    (
        "DELETE FROM room WHERE name = 'python'",
        "2 lines at position 1: their room is not there, so no export has them",
    ),
    ("UPDATE sent SET seq = 99 WHERE key = 'k2'", "key 'k2' of 'ann' names a line that was never stored"),
]


@pytest.mark.parametrize(("harm", "complaint"), HARM)
def test_the_check_finds_what_is_wrong(folder: DataDirectory, harm: str, complaint: str) -> None:
    assert checked(folder.journal, folder.search) == (2, 12, 12, [])
    with closing(sqlite3.connect(folder.journal)) as connection, connection:
        connection.execute(harm)
    assert checked(folder.journal, folder.search).problems[0].startswith(complaint)


def test_an_export_that_cannot_be_made_says_where_the_journal_is_broken(folder: DataDirectory) -> None:
    with closing(sqlite3.connect(folder.journal)) as connection, connection:
        connection.execute("UPDATE batch SET lines = 'no json' WHERE id = 4")
    done = command("export", "--data", str(folder.path))
    assert done.returncode == 2
    assert done.stderr.startswith("chat-server: python, from number 3: no batch of lines: ")


def test_an_import_without_a_line_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_server.journal.maintenance.LINE_MAX", 1000)
    assert list(lines_of(io.BytesIO(b"x" * 999 + b"\n" + b"y"))) == [b"x" * 999 + b"\n", b"y"]
    with (
        Path("/dev/zero").open("rb") as endless,
        pytest.raises(FileProblem, match=r"line 1: .* longer than 1000 bytes"),
    ):
        list(lines_of(endless))


def test_the_check_finds_a_broken_file(folder: DataDirectory) -> None:
    with closing(sqlite3.connect(folder.journal)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'batch_by_number'").fetchone()[0]
    with folder.journal.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\x0a" + b"\xff" * 40)
    done = command("check-journal", "--data", str(folder.path))
    assert done.returncode in {1, 2}
    assert "Traceback" not in done.stderr


def test_the_commands_do_it(folder: DataDirectory, tmp_path: Path) -> None:
    data = ["--data", str(folder.path)]
    done = command("check-journal", *data)
    assert (done.returncode, done.stdout) == (0, "2 rooms, 12 lines, all of them in the search index; no problems\n")
    text = command("export", *data).stdout
    assert text == exported(folder.journal).decode()
    assert command("export", *data, str(tmp_path / "out.jsonl")).returncode == 0
    assert (tmp_path / "out.jsonl").read_text(encoding="utf-8") == text
    other = ["--data", str(tmp_path / "other")]
    assert command("import", *other, stdin=text).stdout == "12 lines imported\n"
    assert command("export", *other).stdout == text
    assert command("import", *other, str(tmp_path / "out.jsonl")).returncode == 2
    done = command("backup", *data, str(tmp_path / "b.db"))
    assert (done.returncode, done.stderr) == (0, "")
    copied = re.fullmatch(
        r"(.*): a copy of the journal, \d+\.\d KiB; not looked through, as those of --keep are\n", done.stdout
    )
    assert copied is not None
    assert copied[1] == str(tmp_path / "b.db")
    assert checked(tmp_path / "b.db", tmp_path / "none").lines == 12


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["export"], "chat-server: there is no journal in "),
        (["check-journal"], "chat-server: there is no journal in "),
        (["backup", "x.db"], "chat-server: there is no journal in "),
        (["import", "/nowhere/export.jsonl"], "chat-server: /nowhere/export.jsonl: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_one_plain_line(tmp_path: Path, words: list[str], complaint: str) -> None:
    done = command(*words, "--data", str(tmp_path / "data"))
    assert done.returncode == 2
    assert done.stderr.startswith(complaint)
    assert len(done.stderr.splitlines()) == 1


def test_commands_and_server_use_the_engine_that_the_configuration_names(tmp_path: Path) -> None:
    (tmp_path / "chat.toml").write_text('[journal]\nengine = "memory"\n')
    flags = ["--config", str(tmp_path / "chat.toml")]
    for words in (["export"], ["check-journal"], ["rooms", "list"], ["rooms", "delete", "python", "--yes"]):
        done = command(*words, *flags, "--data", str(tmp_path / "data"))
        assert (done.returncode, done.stderr) == (
            2,
            "chat-server: there is no journal here: one in memory is forgotten with its server\n",
        )
    assert command("backup", *flags, str(tmp_path / "copy")).stderr == (
        "chat-server: a journal in memory has no file that could be copied: an export has everything\n"
    )
    with running_server(*flags, data=tmp_path / "data") as server:
        assert server.stop() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["chat.toml"], "nothing is kept"


def test_two_programs_cannot_write_to_one_directory(folder: DataDirectory) -> None:
    with pytest.raises(JournalInUse, match="is in use by another chat-server"):
        DataDirectory(folder.path)
    done = command("--data", str(folder.path), "--port", "0")
    why = f"the data directory {folder.path} is in use by another chat-server"
    what_to_do = "stop that one first, or take its place with --replace"
    assert (done.returncode, done.stderr) == (2, f"chat-server: {why}: {what_to_do}\n")
    folder.close()
    DataDirectory(folder.path).close()


def test_the_directory_is_for_its_owner_only(folder: DataDirectory) -> None:
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.path.iterdir())


@pytest.mark.parametrize(
    "what", ["no database", "another release's", "another journal's", "broken while it is open", "gone"]
)
def test_a_search_index_that_is_made_anew_is_for_its_owner_only(folder: DataDirectory, what: str) -> None:
    folder.path.chmod(0o755)
    with closing(SearchIndex(folder.search, "ours", 1)) as index:
        if what == "broken while it is open":
            index.discard()
    match what:
        case "no database":
            folder.search.write_bytes(b"\xff" * 8192)
        case "another release's":
            with closing(sqlite3.connect(folder.search)) as connection:
                connection.execute("PRAGMA user_version = 1")
        case "gone":
            folder.search.unlink()
    with closing(SearchIndex(folder.search, "theirs" if what == "another journal's" else "ours", 1)) as index:
        index.add([(1, [Said("python", 1, 0.0, "ann", "what was said")])])
        assert {path.name: oct(path.stat().st_mode & 0o077) for path in folder.path.glob("search.db*")} == {
            f"search.db{ending}": "0o0" for ending in ("", "-wal", "-shm")
        }


def test_a_file_of_a_newer_release_is_refused_and_left_alone(folder: DataDirectory) -> None:
    with closing(sqlite3.connect(folder.journal)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = folder.journal.read_bytes()
    folder.close()
    done = command("--data", str(folder.path), "--port", "0")
    assert (done.returncode, done.stderr) == (
        2,
        f"chat-server: {folder.journal} was made by a newer release of chat-server; this one cannot use it\n",
    )
    assert folder.journal.read_bytes() == before


def test_what_waits_for_moderators_of_an_earlier_file_is_counted_as_what_is_new(tmp_path: Path) -> None:
    before = next(number for number, sql in enumerate(MIGRATIONS) if "ADD COLUMN keeper" in sql)
    with closing(sqlite3.connect(tmp_path / "journal.db")) as connection:
        for migration in MIGRATIONS[:before]:
            connection.executescript(migration)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {before}")
        what = '{"kind":"held","at":1e9,"room":"","by":"eve","sender":"token:eve","network":"192.0.2.0/24","key":"k"'
        for rest in ("}", ',"is_open":false}', ',"of":7}'):
            connection.execute(
                "INSERT INTO matter (kind, at, account, author, what) VALUES ('held', 1e9, 0, 0, ?)", (what + rest,)
            )
        connection.commit()
        migrate(connection)
        assert connection.execute("SELECT sender, network, key, of, is_open, keeper FROM matter").fetchall() == [
            ("token:eve", "192.0.2.0/24", "k", 0, 1, 0),
            ("token:eve", "192.0.2.0/24", "k", 0, 0, 0),
            ("token:eve", "192.0.2.0/24", "k", 7, 1, 0),
        ]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE something (else_)")
    with pytest.raises(UnusableJournal, match="is no journal of chat-server"):
        Writer(tmp_path / "other.db")
    (tmp_path / "letter.db").write_text("Dear Ann, " * 1000)
    with pytest.raises(UnusableJournal, match="is no journal of chat-server: it is no database of SQLite"):
        Writer(tmp_path / "letter.db")


@pytest.mark.parametrize("opened_as", [Writer, Reader, lambda path: SearchIndex(path, None, 0)])
def test_what_is_no_database_is_closed_when_that_is_seen(opened_as: Callable[[Path], object], tmp_path: Path) -> None:
    head = b"SQLite format 3\0" + bytes(52) + b"chat"  # of a journal, with pages of no size
    (tmp_path / "letter.db").write_bytes(head + b"Dear Ann, " * 1000)
    with pytest.raises((UnusableJournal, JournalError)) as refused:
        opened_as(tmp_path / "letter.db")
    assert str(tmp_path / "letter.db") not in opened_by(os.getpid())
    refused.match("file is not a database")  # until here its traceback keeps what was not closed


def test_a_search_index_that_cannot_be_made_is_the_journal_s_error(tmp_path: Path) -> None:
    (tmp_path / "search.db").mkdir()
    for identity in ("ours", None):
        with pytest.raises(JournalError, match="unable to open database file"):
            SearchIndex(tmp_path / "search.db", identity, 0)


def test_a_journal_made_by_the_first_release_opens_for_ever(tmp_path: Path) -> None:
    folder = DataDirectory(tmp_path / "data")
    shutil.copyfile(FIRST_RELEASE, folder.journal)
    with closing(Writer(folder.journal)) as writer:
        assert [room[:4] for room in writer.rooms()] == [("python", "", 1, 8), ("聊天", "topic 3", 1, 4)]
        assert writer.read("python", 3, 3).lines == [Said("python", 3, 1001.5, "ann", "hello 1 你好 👋")]
        assert writer.read("聊天", 4, 4).lines == [TopicSet("聊天", 4, 2000.25, "小明", "topic 3")]
        lines: list[Entry] = [Said("python", 0, 5000.0, "ann", "again"), Said("python", 0, 5000.0, "ann", "new")]
        (receipt,) = writer.commit([Append(lines, {0: SenderKey("ann", "k1")}, encode(lines))], {})
        assert (receipt.first, dict(receipt.duplicates)) == (9, {0: ("python", 3)})
        assert writer.read("python", 9, 9).lines[0].text == "new"
    assert checked(folder.journal, folder.search).problems == []


def test_a_journal_of_the_first_release_is_copied_aside_before_it_is_changed(tmp_path: Path) -> None:
    folder = DataDirectory(tmp_path / "data")
    shutil.copyfile(FIRST_RELEASE, folder.journal)
    with closing(Writer(folder.journal)) as writer:
        assert [room.turn for room in writer.rooms()] == [4, 4], "its batches are counted"
        assert len({line.at for line in writer.read("python", 1, 2).lines}) == 1, "its lines keep their times"
        assert writer.read("python", 8, 8).lines[0].author == 0
    aside = folder.path / "journal.db.version-1"
    original_path = shutil.copyfile(FIRST_RELEASE, tmp_path / "original.db")
    with closing(sqlite3.connect(aside)) as copy, closing(sqlite3.connect(original_path)) as original:
        assert list(copy.iterdump()) == list(original.iterdump())
        assert copy.execute("PRAGMA user_version").fetchone() == (1,)
    assert aside.stat().st_mode & 0o777 == 0o600
    Writer(folder.journal).close()
    aside.unlink()
    Writer(folder.journal).close()
    assert not aside.exists(), "once"
    assert {aside.name, unfinished(aside).name} <= files_in(folder.path).names


def test_a_journal_that_cannot_be_copied_aside_is_not_changed(tmp_path: Path) -> None:
    folder = DataDirectory(tmp_path / "data")
    shutil.copyfile(FIRST_RELEASE, folder.journal)
    for name in ("journal.db.version-1", "journal.db.version-1.again"):
        (folder.path / name).mkdir()
    with pytest.raises(UnusableJournal, match=r"Is a directory: .*version-1"):
        Writer(folder.journal)
    assert folder.journal.read_bytes() == FIRST_RELEASE.read_bytes()
    assert not [path for path in folder.path.iterdir() if ".part" in path.name]


def test_the_first_copy_is_kept_whatever_journal_somebody_goes_back_to(tmp_path: Path) -> None:
    folder = DataDirectory(tmp_path / "data")
    aside, again = (folder.path / f"journal.db.version-1{ending}" for ending in ("", ".again"))
    shutil.copyfile(FIRST_RELEASE, folder.journal)
    Writer(folder.journal).close()
    first = aside.read_bytes()
    for topic in ("an older backup", "and one more"):
        shutil.copyfile(FIRST_RELEASE, folder.journal)
        with closing(sqlite3.connect(folder.journal)) as connection, connection:
            connection.execute("UPDATE room SET topic = ?", (topic,))
        Writer(folder.journal).close()
        with closing(sqlite3.connect(again)) as copy:
            assert copy.execute("SELECT DISTINCT topic FROM room").fetchall() == [(topic,)]
    assert aside.read_bytes() == first
    assert {aside.name, again.name} <= files_in(folder.path).names


def test_a_journal_that_was_copied_before_is_not_copied_again(tmp_path: Path) -> None:
    folder = DataDirectory(tmp_path / "data")
    for _ in range(2):
        shutil.copyfile(FIRST_RELEASE, folder.journal)
        Writer(folder.journal).close()
    assert not (folder.path / "journal.db.version-1.again").exists()


def test_it_is_told_what_is_done_with_an_older_journal_and_how_far_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = DataDirectory(tmp_path / "data")
    shutil.copyfile(FIRST_RELEASE, folder.journal)
    told: list[tuple[str, float]] = []
    monkeypatch.setattr(upgrade, "COPIED_PAGES", 1)
    monkeypatch.setattr(upgrade, "LOOK_STEPS", 100)
    monkeypatch.setattr(upgrade, "TOLD_EVERY", 0.0)
    Writer(folder.journal, tell=lambda doing, done: told.append((doing, done))).close()
    steps = dict.fromkeys(doing for doing, _ in told)
    assert list(steps) == ["copy it", "change its tables"]
    for step in steps:
        parts = [done for doing, done in told if doing == step]
        assert parts[0] == 0.0
        assert parts == sorted(parts)
        assert len(set(parts)) > 2
        assert parts[-1] <= 1.0
    told.clear()
    Writer(folder.journal, tell=lambda doing, done: told.append((doing, done))).close()
    assert told == [], "once"


async def test_the_log_says_that_an_older_journal_is_brought_up_to_date(tmp_path: Path) -> None:
    folder = DataDirectory(tmp_path / "data")
    shutil.copyfile(FIRST_RELEASE, folder.journal)
    with capture_logs() as logged:
        journal = SqliteJournal(folder)
    async with opened(journal):
        pass
    assert [(entry["step"], entry["done"]) for entry in logged] == [("copy it", "0%"), ("change its tables", "0%")]


KILLED = {
    "twice while it is copied": "sqlite3.connect(part).execute('PRAGMA user_version = 9')",
    "when it is copied": "pass",
    "before its tables are changed": "upgrade.sync = lambda path: None; upgrade.migrate = lambda connection: os._exit(9)",
    "while its tables are changed": "upgrade.sync = lambda path: None; upgrade.migrate = half_migrate",
}


@pytest.mark.parametrize("when", KILLED)
def test_a_start_that_is_killed_leaves_a_journal_of_the_first_release_to_the_next_one(
    tmp_path: Path, when: str
) -> None:
    folder = DataDirectory(tmp_path / "data")
    shutil.copyfile(FIRST_RELEASE, folder.journal)
    killed = f"""
import os, sqlite3, sys
from pathlib import Path
from chat_server.journal.sqlite import upgrade, writer
from chat_server.journal.sqlite.schema import MIGRATIONS

def half_migrate(connection):
    connection.executescript(f"BEGIN IMMEDIATE; PRAGMA user_version = 2; {{MIGRATIONS[1]}}")
    os._exit(9)

path = Path(sys.argv[1])
part = path.with_name("journal.db.version-1.part")
upgrade.sync = lambda path: os._exit(9)
{KILLED[when]}
writer.Writer(path)
"""
    assert subprocess.run([sys.executable, "-c", killed, folder.journal], check=False).returncode == 9
    original = shutil.copyfile(FIRST_RELEASE, tmp_path / "original.db")
    with closing(Writer(folder.journal)) as writer, closing(Writer(original)) as expected:
        rooms = writer.rooms()
        assert len({room.id for room in rooms} - {""}) == len(rooms)
        assert [room._replace(id="") for room in rooms] == [room._replace(id="") for room in expected.rooms()]
        assert without_ids(exported(folder.journal)) == without_ids(exported(original))
    aside = folder.path / "journal.db.version-1"
    first_path = shutil.copyfile(FIRST_RELEASE, tmp_path / "first.db")
    with closing(sqlite3.connect(aside)) as copy, closing(sqlite3.connect(first_path)) as first:
        assert list(copy.iterdump()) == list(first.iterdump())
    assert {path.name for path in folder.path.iterdir()} == {"journal.db", aside.name, "lock", "search.db"}


def test_a_database_of_something_else_is_not_copied(tmp_path: Path) -> None:
    folder = DataDirectory(tmp_path / "data")
    with closing(sqlite3.connect(folder.journal)) as connection:
        connection.executescript("CREATE TABLE diary (entry TEXT); PRAGMA user_version = 1;")
    with pytest.raises(UnusableJournal, match="is no journal of chat-server"):
        Writer(folder.journal)
    assert {path.name for path in folder.path.iterdir()} == {"journal.db", "lock", "search.db"}


def test_what_only_reads_reads_a_journal_of_the_first_release_and_leaves_it_as_it_is(tmp_path: Path) -> None:
    folder = DataDirectory(tmp_path / "data")
    shutil.copyfile(FIRST_RELEASE, folder.journal)
    before = exported(folder.journal)
    assert checked(folder.journal, folder.search).problems == []
    assert folder.journal.read_bytes() == FIRST_RELEASE.read_bytes()
    Writer(folder.journal).close()
    assert without_ids(exported(folder.journal)) == before


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_what_only_reads_reads_a_journal_of_every_earlier_version_and_the_server_brings_it_up_to_date(
    version: int, tmp_path: Path
) -> None:
    folder = DataDirectory(tmp_path / "data")
    with closing(sqlite3.connect(folder.journal)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for migration in MIGRATIONS[:version]:
            connection.executescript(migration)
        connection.executescript(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version}")
        connection.execute("INSERT INTO room (id, name) VALUES (1, 'python')")
        lines = encode([Said("python", 1, 1000.5, "ann", "hello")])
        connection.execute(
            "INSERT INTO batch (room, first, count, at, lines) VALUES (1, 1, 1, 1000.5, ?)", (lines.decode(),)
        )
        if columns := [column[1] for column in connection.execute("PRAGMA table_info(room_act)")]:
            act = {"room": 1, "number": 1, "what": '{"kind":"kicked","at":1000.5,"by":"ann","number":1}'}
            values = [act.get(column, 0) for column in columns]
            connection.execute(f"INSERT INTO room_act VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608 - marks alone
        connection.commit()
    before = exported(folder.journal)
    assert b"hello" in before
    assert checked(folder.journal, folder.search).problems == []
    Writer(folder.journal).close()
    with closing(sqlite3.connect(folder.journal)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert without_ids(exported(folder.journal)) == without_ids(before)
    assert checked(folder.journal, folder.search).problems == []


def test_people_can_read_the_file_with_the_sqlite_shell(folder: DataDirectory) -> None:
    with closing(sqlite3.connect(folder.journal)) as connection:
        rows = connection.execute(
            "SELECT seq, at, kind, nick, text FROM line WHERE room = '聊天' ORDER BY seq"
        ).fetchall()
    assert rows[0] == (1, "1970-01-01 00:33:20", "topic", "小明", "topic 0")
    assert len(rows) == 4


def test_the_sqlite_shell_shows_which_account_said_each_line(tmp_path: Path) -> None:
    lines: list[Entry] = [Said("python", 0, 1000.0 + number, "ann", "x", number * 7) for number in range(3)]
    with closing(Writer(tmp_path / "journal.db")) as writer:
        writer.create_room("python")
        writer.commit([Append(lines, {}, encode(lines))], {})
    with closing(sqlite3.connect(tmp_path / "journal.db")) as connection:
        assert connection.execute("SELECT seq, author FROM line ORDER BY seq").fetchall() == [(1, 0), (2, 7), (3, 14)]


def test_a_data_directory_that_cannot_be_used_keeps_no_file_open(tmp_path: Path) -> None:
    (tmp_path / "data" / "journal.db").mkdir(parents=True)
    before = sorted(os.listdir("/dev/fd"))
    with pytest.raises(DataFolderError, match="Is a directory"):
        DataDirectory(tmp_path / "data")
    assert sorted(os.listdir("/dev/fd")) == before


def test_a_journal_that_cannot_be_opened_lets_go_of_its_data_directory(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_text("Dear Ann, " * 1000)
    engine, settings = engine_named("sqlite"), JournalTable(directory=str(tmp_path))
    for _ in range(2):
        with pytest.raises(UnusableJournal, match="is no journal of chat-server"):
            engine.open_store(settings)
    DataDirectory(tmp_path).close()
