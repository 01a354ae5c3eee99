"""A journal that a disk has damaged, or that is none: nobody is met by a traceback, and everybody is told what to do next, word by word."""

import random
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio

import forks
from captured_logs import capture_logs
from chat_server.config import JournalTable
from chat_server.journal import UnusableJournal
from chat_server.journal.backups import copies_in
from chat_server.journal.engines import engine_named
from chat_server.journal.sqlite.reader import Reader
from chat_server.journal.sqlite.writer import Writer
from chat_server.server.damage import AFTER_SECONDS, LOOK_SECONDS, look_for_damage
from journals import opened, said, store
from processes import TIMEOUT, running_server
from test_backups import filled
from test_maintenance import PROGRAM, Done, command
from test_restoring import Asking, closed, come, copy_of, lines, say

__all__ = ["closed"]

SECRET = "zanzibarsecret"  # noqa: S105 - what somebody has said, and no message may repeat


@cache
def whole() -> TemporaryDirectory[str]:
    """A data directory with some thousand lines of a real server's, accounts among them, and a copy of it."""
    place = TemporaryDirectory()
    data = Path(place.name) / "data"
    folder = filled(data, 3000)
    with running_server(data=folder.path) as server:
        ann = Asking(server.port)
        ann.ask("register", nick="ann", password="a long enough password")
        ann.ask("join", room="python")
        say(ann, *(f"{SECRET} {number}" for number in range(20)))
        ann.close()
        assert server.stop() == 0
    copy_of(data)
    return place


@pytest.fixture
def data(tmp_path: Path) -> Path:
    shutil.copytree(Path(whole().name) / "data", tmp_path / "data")
    return tmp_path / "data"


def written_over(path: Path, at: int, harm: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(harm)


def start(data: Path) -> str:
    """What a server says that cannot start."""
    done = subprocess.run(
        [*PROGRAM, "--port", "0", "--data", data], capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 2, done
    return done.stderr


def served(data: Path) -> str:
    """What a server says that starts, and is stopped; or cannot start."""
    with forks.Popen(
        [sys.executable, "-m", "chat_server", "--port", "0", "--data", str(data)], stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        told = [server.stderr.readline()]
        server.terminate()
        return "".join([*told, *server.stderr])


def commands_in(text: str) -> dict[str, list[str]]:
    """The commands that are named after a colon, each by its first word."""
    typed = [shlex.split(line.partition(": chat-server ")[2].partition(" (")[0]) for line in text.splitlines()]
    return {words[0]: words for words in typed if words}


# What is no copy.


def other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE theirs (a)")


def half(path: Path) -> None:
    path.write_bytes(copies_in(Path(whole().name) / "data/backups")[-1].path.read_bytes()[:60_000])


NO_COPIES: dict[str, tuple[Callable[[Path], object], str]] = {
    "another program's": (other_database, " is not a copy of a chat server's journal: it is a database of another "),
    "a text": (
        lambda path: path.write_text("hello"),
        " is not a copy of a chat server's journal: it is no database of SQLite",
    ),
    "empty": (Path.touch, " is not a copy of a chat server's journal: it is empty"),
    "cut short": (half, " is damaged: it is cut short: 60000 of its "),
    "cut off at once": (
        lambda path: path.write_bytes(b"SQLite format 3\0"),
        " is damaged: it is cut short: only 16 bytes",
    ),
    "compressed": (lambda path: path.write_bytes(b"\x1f\x8b\x08"), ": it is compressed (gzip), and has to be unpacked"),
    "an export": (
        lambda path: path.write_text('{"is":"export","version":2}\n'),
        ": it is an export, which `chat-server import` reads",
    ),
    "a directory": (Path.mkdir, " is a directory: name a copy in it\n"),
    "nothing": (lambda _: None, ""),
}


@pytest.mark.parametrize("what", NO_COPIES)
def test_what_is_no_copy_is_named_in_plain_words_and_nothing_is_changed(tmp_path: Path, what: str) -> None:
    make, sentence = NO_COPIES[what]
    file = tmp_path / "file"
    make(file)
    done = command("restore", file, "--data", tmp_path / "new")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"chat-server: {file} " if sentence else f"chat-server: there is no file {file}\n")
    assert sentence in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_directory_of_copies_is_answered_with_the_newest_and_a_damaged_copy_with_another_one(data: Path) -> None:
    older = copies_in(data / "backups")[-1].path
    newer = copy_of(data)
    done = command("restore", data / "backups", "--data", data, "--force")
    assert done.stderr.endswith(f"is a directory: name a copy in it, such as the newest, {newer}\n")
    written_over(newer, 8192, b"\xff" * 4096)
    done = command("restore", newer, "--data", data, "--force")
    assert done.returncode == 2
    assert f"{newer} is not put back: it is damaged (" in done.stderr
    assert done.stderr.endswith(f"; there is another copy: {older}\n")


# The way back.


@pytest.mark.parametrize(("at", "harm"), [(0, b"no journal"), (4096, b"\xff" * 8192), (100, b"\xff" * 400)])
def test_who_starts_a_server_on_a_damaged_journal_is_given_the_commands_and_they_lead_back(
    data: Path, at: int, harm: bytes
) -> None:
    written_over(data / "journal.db", at, harm)
    told = start(data)
    assert "Traceback" not in told
    assert all(line.startswith("chat-server: ") for line in told.splitlines())
    steps = commands_in(told)
    assert [*steps] == ["check-journal", "doctor", "restore"]
    looked = command(*steps["check-journal"])
    assert looked.returncode
    assert commands_in(looked.stdout + looked.stderr)["restore"] == steps["restore"]
    found = command(*steps["doctor"])
    assert found.returncode == 2
    assert "must     journal: " in found.stdout
    assert shlex.join(["chat-server", *steps["restore"]]) in found.stdout
    assert command(*steps["restore"]).returncode == 0
    with running_server(data=data) as server:
        zoe, _ = come(server, nick="zoe")
        zoe.ask("join", room="python")
        assert lines(zoe)[3020] == f"{SECRET} 19"


def test_where_there_is_no_copy_that_is_said(data: Path) -> None:
    shutil.rmtree(data / "backups")
    written_over(data / "journal.db", 0, b"no journal")
    assert f"there is no copy in {data}/backups; to put back a copy that is elsewhere" in start(data)


def test_a_journal_of_a_newer_release_is_not_damaged(data: Path) -> None:
    written_over(data / "journal.db", 60, b"\x00\x00\xff\xff")
    told = start(data)
    assert (
        told == f"chat-server: {data}/journal.db was made by a newer release of chat-server; this one cannot use it\n"
    )
    assert "must     journal: " in command("doctor", "--data", data).stdout


def test_a_check_finds_all_that_it_can_and_says_what_follows(data: Path) -> None:
    with closing(sqlite3.connect(data / "journal.db")) as journal:
        journal.execute("UPDATE batch SET lines = CAST(x'5b5bff22' AS TEXT) WHERE first = 1")
        journal.execute("UPDATE batch SET lines = '[1' WHERE first = 1001")
        journal.commit()
    done = command("check-journal", "--data", data)
    assert done.returncode == 1
    found = done.stdout.splitlines()
    assert [line.partition(": ")[0] for line in found[:2]] == ["python, from number 1", "python, from number 1001"]
    assert found[-2].endswith("2 problems")
    assert commands_in(found[-1])["restore"]


@pytest.mark.parametrize("at", [0, 8192])
def test_nobody_is_told_to_give_up_lines_for_a_search_that_is_damaged(data: Path, at: int) -> None:
    written_over(data / "search.db", at, b"\xff" * 8192)
    done = command("check-journal", "--data", data)
    assert done.returncode == 1
    told = done.stdout.splitlines()[-1]
    assert told.startswith(f"only the search does not fit: with the server stopped, rm {data}/search.db;")
    (data / "search.db").unlink()
    with running_server(data=data) as server:
        zoe, _ = come(server, nick="zoe")
        zoe.ask("join", room="python")
        while not zoe.ask("search", words=SECRET)["rooms"]:
            pass
        assert server.stop() == 0
    assert command("check-journal", "--data", data).returncode == 0


def test_a_check_that_cannot_go_on_counts_nothing(data: Path) -> None:
    written_over(data / "journal.db", 4096, b"\xff" * 4096)
    done = command("check-journal", "--data", data)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2] == "it could not be looked at to the end; 2 problems"


# What people see.


def test_lines_around_those_that_cannot_be_read_are_shown_and_nothing_repeats_what_was_said(data: Path) -> None:
    with closing(sqlite3.connect(data / "journal.db")) as journal:
        journal.execute("UPDATE batch SET lines = CAST(lines || x'ff' AS TEXT) WHERE first = 3005")
        journal.commit()
    with running_server(data=data) as server:
        zoe, _ = come(server, nick="zoe")
        zoe.ask("join", room="python")
        shown = lines(zoe)
        assert {3004, 3006} <= shown.keys()
        assert 3005 not in shown
        zoe.ask("search", words=SECRET)
        assert server.stop() == 0
    told = [*server.log]
    for words in (("check-journal",), ("export",), ("backup", "--keep", "9"), ("doctor",)):
        done = command(*words, "--data", data)
        told += [done.stderr, done.stdout if words != ("export",) else ""]
    assert SECRET not in "".join(told)


async def test_a_server_looks_through_what_is_kept_and_its_log_says_what_is_wrong(
    autojump_clock: trio.abc.Clock,
) -> None:
    def refuse(_: float) -> str:
        raise UnusableJournal("somebody has it")

    with capture_logs() as log:
        await look_for_damage(lambda seconds: f"page 3 is gone, in {seconds:.0f} s")
        assert trio.current_time() >= AFTER_SECONDS
        await look_for_damage(lambda _: "")
        await look_for_damage(refuse)
    assert [(line["log_level"], line["event"], line["why"]) for line in log] == [
        (
            "error",
            "the journal is damaged; `chat-server doctor` says what to do",
            f"page 3 is gone, in {LOOK_SECONDS:.0f} s",
        )
    ]


# Others who read while a server runs: the last of them who goes deletes the log, unless the server has its lock on the file.


def read_elsewhere(journal: Path) -> None:
    reading = "import sqlite3, sys; base = sqlite3.connect(sys.argv[1]); base.execute('SELECT count(*) FROM room'); base.close()"
    subprocess.run([sys.executable, "-c", reading, journal], timeout=TIMEOUT, check=True)


async def test_a_server_that_has_looked_through_its_journal_keeps_its_log_when_a_reader_goes(data: Path) -> None:
    settings, engine = JournalTable(directory=str(data)), engine_named("sqlite")
    async with opened(engine.open_store(settings).journal) as journal:
        await store(journal, said("before"))
        assert engine.quick_look(settings, LOOK_SECONDS) == ""
        read_elsewhere(data / "journal.db")
        assert (data / "journal.db-wal").exists()
        await store(journal, said("after"))


def test_one_that_opens_its_file_again_takes_no_lock_from_those_who_read_for_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(Writer(path)) as writer:
        writer.create_room("python")
        with closing(Reader(path)) as reader:
            assert reader.end() == 1
            writer.close()
            writer._is_lost = True  # as where the disk has broken the connection
            writer.create_room("write")
            writer.close()
            read_elsewhere(path)
            assert (tmp_path / "journal.db-wal").exists(), "the reader has it open still"


# Anywhere.


def places(size: int, count: int) -> Iterator[int]:
    chance = random.Random(18)  # noqa: S311 - the same places every time
    yield from range(0, 100, 4)  # the head, where each byte counts
    for _ in range(count):
        yield chance.randrange(size)


def sane(done: Done, data: Path) -> None:
    assert "Traceback" not in done.stderr
    assert done.returncode in {0, 1, 2}
    if done.returncode:
        assert done.stderr.startswith("chat-server: ") or done.stdout
    assert str(data) in done.stderr + done.stdout or not done.returncode


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_byte_that_is_another_anywhere_is_a_sentence_and_the_way_back_is_open(data: Path) -> None:
    """Where something is lost, a check says so. SQLite has no checksums: that a letter is another is seen only where the search has its word."""
    journal, (copy,) = data / "journal.db", copies_in(data / "backups")
    good = journal.read_bytes()
    size, count = len(good), command("export", "--data", data).stdout.count("\n")
    found = 0
    for number, at in enumerate(places(size, 200)):
        journal.write_bytes(good[:at] + bytes([good[at] ^ (1 << number % 8)]) + good[at + 1 :])
        for log in data.glob("journal.db-*"):
            log.unlink()
        check = command("check-journal", "--data", data)
        sane(check, data)
        sane(command("doctor", "--data", data), data)
        exported = command("export", "--data", data)
        assert "Traceback" not in exported.stderr
        if not check.returncode:
            assert (exported.returncode, exported.stdout.count("\n")) == (0, count), f"lost without a word at {at}"
        found += bool(check.returncode)
        if number % 10 == 0:
            assert "Traceback" not in served(data)
    assert found > 20, "it was damaged"
    assert command("restore", copy.path, "--data", data, "--force").returncode == 0
    assert command("check-journal", "--data", data).returncode == 0
