"""Copies that are kept in a directory: a file with the name of a copy is whole and good, whatever happens; and no file of anybody's is deleted."""

import fcntl
import os
import signal
import sqlite3
import stat
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archives import checked, exported, no_progress
from chat_server.accounts import Ended
from chat_server.journal.archive import FileProblem
from chat_server.journal.backups import LOCK_FILE, MAKING, copies_in, keep_copy, until_due
from chat_server.journal.batch_codec import Stored, encode
from chat_server.journal.sqlite.archive import back_up
from chat_server.journal.sqlite.batch_rows import Append
from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.ended_file import add_ended, read_ended
from chat_server.journal.sqlite.writer import Writer
from chat_server.protocol.entries import Said
from processes import TIMEOUT
from test_journal_sqlite import small_disk
from test_maintenance import PROGRAM, command, left

DAY = 86400.0
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()


def filled(path: Path, lines: int = 20) -> DataDirectory:
    """A data directory with a room and some lines, and a certificate."""
    folder = DataDirectory(path)
    with closing(Writer(folder.journal)) as writer:
        writer.create_room("python")
        for begin in range(0, lines, 1000):
            batch: list[Stored] = [
                Said("python", 0, 1000.0 + begin, "ann", f"line {number} {'x' * 200}")
                for number in range(begin, min(lines, begin + 1000))
            ]
            writer.commit([Append(batch, {}, encode(batch))], {})
    folder.close()
    (path / "tls.pem").write_text("certificate")
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return filled(tmp_path / "data").path


def names(directory: Path) -> list[str]:
    """What is there that is no lock."""
    return [name for name in left(directory) if name != LOCK_FILE]


def wrong(part: Path) -> None:
    part.write_text("half")
    raise FileProblem("not good")


def keep(data: Path, directory: Path, count: int, now: float) -> None:
    keep_copy(directory, count, lambda part: back_up(data / "journal.db", part, no_progress), now)


def test_each_copy_is_numbered_whole_and_its_owners_and_the_oldest_go(data: Path, tmp_path: Path) -> None:
    for number in range(1, 5):
        done = command("backup", "--data", data, "--keep", "2")
        assert (done.returncode, done.stderr) == (0, "")
        assert f"/backups/chat-00000{number}-" in done.stdout
        assert done.stdout.endswith(": 1 room, 20 lines, no problems" + "; deleted: 1 older one" * (number > 2) + "\n")
    copies = copies_in(data / "backups")
    assert [copy.number for copy in copies] == [3, 4]
    assert all(abs(copy.made - time.time()) < TIMEOUT for copy in copies)
    for copy in copies:
        assert stat.S_IMODE(copy.path.stat().st_mode) == 0o600
        assert exported(copy.path) == exported(data / "journal.db")
        assert checked(copy.path, tmp_path / "none").problems == []
    assert stat.S_IMODE((data / "backups").stat().st_mode) == 0o700
    assert names(data / "backups") == [*(copy.path.name for copy in copies), "tls.pem"]


def test_a_copy_may_go_to_the_directory_that_is_named_or_that_the_settings_name(data: Path, tmp_path: Path) -> None:
    settings = tmp_path / "chat.toml"
    settings.write_text(f'[backup]\ndirectory = "{tmp_path}/there"\nkeep = 1\n')
    assert command("backup", "--data", data, "--keep", "1", tmp_path / "here").returncode == 0
    assert command("--config", settings, "backup", "--data", data, "--keep", "1").returncode == 0
    assert [len(copies_in(tmp_path / name)) for name in ("here", "there")] == [1, 1]
    assert not (data / "backups").exists()


def test_what_outlasts_a_copy_is_kept_beside_it_for_its_owner_only(data: Path, tmp_path: Path) -> None:
    """A copy of yesterday knows nothing of who was erased today, and a new disk nothing of what was on the old one."""
    ann, bob = Ended(1, "deleted-1", "erase"), Ended(2, "deleted-2", "anonymise")
    add_ended(data / "ended", [ann])
    assert command("backup", "--data", data, "--keep", "1").returncode == 0
    (data / "ended").unlink()
    add_ended(data / "ended", [bob])
    assert command("backup", "--data", data, "--keep", "1").returncode == 0
    assert read_ended(data / "backups" / "ended") == [ann, bob], "nobody comes back by a list that is lost"
    for name in ("ended", "tls.pem"):
        assert stat.S_IMODE((data / "backups" / name).stat().st_mode) == 0o600
    assert (data / "backups" / "tls.pem").read_text() == "certificate"


def test_nothing_is_deleted_but_copies_of_ours(data: Path, tmp_path: Path) -> None:
    directory = tmp_path / "backups"
    keep(data, directory, 1, NOON)
    (ours,) = copies_in(directory)
    theirs = {
        "chat-000000-20200101T000000Z.db": "a text",
        "chat-000000-20200101T000001Z.db.old": "an old one",
        "chat-1-20200101T000000Z.db": "numbered otherwise",
        "notes.txt": "notes",
        "journal.db": "somebody's",
        "chat-000000-20209901T000000Z.db": "no day",
    }
    for name, text in theirs.items():
        (directory / name).write_text(text)
    with closing(sqlite3.connect(directory / "chat-000000-20200101T000002Z.db")) as other:
        other.execute("CREATE TABLE theirs (a)")
    (directory / "chat-000000-20200101T000003Z.db").mkdir()
    os.mkfifo(directory / "chat-000000-20200101T000004Z.db")
    ours.path.rename(tmp_path / "elsewhere.db")
    (directory / "chat-000000-20200101T000005Z.db").symlink_to(tmp_path / "elsewhere.db")
    before = {*names(directory)}
    for later in range(3):
        keep(data, directory, 1, NOON + later)
    assert {*names(directory)} == before | {copies_in(directory)[-1].path.name}
    assert (tmp_path / "elsewhere.db").exists()


def test_what_is_no_copy_counts_as_none_takes_no_number_and_is_not_the_newest(data: Path, tmp_path: Path) -> None:
    directory = tmp_path / "backups"
    for later in range(2):
        keep(data, directory, 3, NOON + later)
    for number in ("000010", "000011", "999999999999999999"):
        (directory / f"chat-{number}-20990101T000000Z.db").write_text("what a disk has left of something")
    (directory / "chat-000012-20990101T000000Z.db").symlink_to(tmp_path / "nowhere")
    for later in range(2, 5):
        keep(data, directory, 3, NOON + later)
    assert [(copy.number, copy.made) for copy in copies_in(directory)] == [(3, NOON + 2), (4, NOON + 3), (5, NOON + 4)]
    assert until_due(copies_in(directory), DAY, NOON + 4) == DAY


@pytest.mark.parametrize("count", [1, 3])
def test_a_clock_that_is_wrong_for_a_while_makes_no_new_copy_go_and_leaves_one_at_least(
    data: Path, tmp_path: Path, count: int
) -> None:
    directory = tmp_path / "backups"
    for made, now in enumerate([NOON, NOON + 1e9, NOON + 1e9, NOON, NOON - 1e9, NOON, NOON], 1):
        keep(data, directory, count, now)
        copies = copies_in(directory)
        assert [copy.number for copy in copies] == [*range(max(1, made - count + 1), made + 1)]
        assert copies[-1].made == now


def test_another_copy_is_due_when_the_newest_is_old_enough_or_seems_to_come_from_the_future(
    data: Path, tmp_path: Path
) -> None:
    assert until_due([], DAY, NOON) == 0
    keep(data, tmp_path / "backups", 9, NOON)
    copies = copies_in(tmp_path / "backups")
    assert until_due(copies, DAY, NOON + 100) == DAY - 100
    assert until_due(copies, DAY, NOON + DAY) == until_due(copies, DAY, NOON + 9 * DAY) == 0
    assert until_due(copies, DAY, NOON - 100) == 0


def test_what_is_not_good_gets_no_name_and_makes_no_older_one_go(data: Path) -> None:
    for _ in range(2):
        command("backup", "--data", data, "--keep", "2")
    before = names(data / "backups")
    with closing(sqlite3.connect(data / "journal.db")) as journal:
        journal.execute("UPDATE batch SET lines = '[1' WHERE first = 1")
        journal.commit()
    done = command("backup", "--data", data, "--keep", "1")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "chat-server: the copy is not kept: what it was made of is damaged (python, from number 1: "
    )
    assert done.stderr.endswith("): see `chat-server check-journal`\n")
    assert names(data / "backups") == before


def test_on_a_full_disk_nothing_is_left_of_a_copy_and_the_older_ones_stay(tmp_path: Path) -> None:
    data = filled(tmp_path / "data", 5000).path
    with small_disk(tmp_path / "disk", "4m") as disk:
        directory, before = disk / "backups", [""]
        while (done := command("backup", "--data", data, "--keep", "9", directory)).returncode == 0:
            before = names(directory)
        assert done == (2, "", "chat-server: cannot copy the journal: database or disk is full\n")
        assert names(directory) == before
        copies = copies_in(directory)
        assert copies
        assert command("backup", "--data", data, "--keep", "1", directory) == done, "none goes for one that has no room"
        assert copies_in(directory) == copies
        for copy in copies:
            assert checked(copy.path, tmp_path / "none").problems == []


def test_where_a_copy_cannot_be_kept_the_sentence_says_where_and_why(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place, why in ((tmp_path / "file", "File exists"), (tmp_path / "no" / "where", "No such file or directory")):
        done = command("backup", "--data", data, "--keep", "1", place)
        assert (done.returncode, done.stdout, done.stderr) == (
            2,
            "",
            f"chat-server: cannot keep a copy in {place}: {why}\n",
        )


def test_copies_are_not_mixed_with_what_is_in_use(data: Path, tmp_path: Path) -> None:
    theirs = filled(tmp_path / "theirs").path
    (tmp_path / "link").symlink_to(data)
    (tmp_path / "copies").symlink_to(data / "backups")
    before = [left(place) for place in (data, theirs, tmp_path)]
    for place, why in (
        (data, f"is the data directory itself: keep copies in a directory of their own, such as {data}/backups"),
        (tmp_path / "link", "is the data directory itself: "),
        (tmp_path, "has the data directory in it: "),
        (theirs, "is the data directory of another server: "),
    ):
        done = command("backup", "--data", data, "--keep", "1", place)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"chat-server: {place} {why}")
    done = command("backup", "--data", data, "--keep", "1", theirs / "backups")
    assert done.returncode == 2
    assert f"the copies of the server whose data is in {theirs}: choose another directory" in done.stderr
    assert [left(place) for place in (data, theirs, tmp_path)] == before
    settings = tmp_path / "chat.toml"
    settings.write_text(f'[backup]\nevery = "24h"\ndirectory = "{data}"\n')
    checked_settings = command("--check-config", "--config", settings, "--data", data)
    assert "no copies can be made ([backup] directory): " in checked_settings.stderr
    for place in (data / "backups", tmp_path / "copies", data / "older"):
        assert command("backup", "--data", data, "--keep", "9", place).returncode == 0, "these are the server's own"


def test_copies_of_another_journal_are_never_deleted_for_those_of_this_one(data: Path, tmp_path: Path) -> None:
    directory = tmp_path / "backups"
    theirs = filled(tmp_path / "theirs").path
    with closing(sqlite3.connect(theirs / "journal.db")) as journal:
        journal.execute("UPDATE batch SET at = at + 0.25")
        journal.commit()
    keep(theirs, directory, 9, NOON)
    before = left(directory)
    done = command("backup", "--data", data, "--keep", "1", directory)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        "chat-000001-20261129T120000Z.db is a copy of another journal, which would be deleted some day" in done.stderr
    )
    assert left(directory) == before
    assert command("backup", "--data", theirs, "--keep", "1", directory).returncode == 0


def test_what_was_put_back_goes_on_with_the_copies_that_there_were(data: Path) -> None:
    for _ in range(2):
        assert command("backup", "--data", data, "--keep", "9").returncode == 0
    assert command("restore", "--force", "--data", data, copies_in(data / "backups")[0].path).returncode == 0
    assert command("backup", "--data", data, "--keep", "2").returncode == 0
    assert [copy.number for copy in copies_in(data / "backups")] == [2, 3]


def test_that_an_older_copy_cannot_be_deleted_is_said_and_the_new_one_counts(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        command("backup", "--data", data, "--keep", "2")

    def refuse(_: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    done = command("backup", "--data", data, "--keep", "2")
    assert done.returncode == 0
    (oldest, *_) = copies_in(data / "backups")
    assert done.stderr == f"chat-server: an older copy cannot be deleted: {oldest.path}: Operation not permitted\n"
    assert len(copies_in(data / "backups")) == 3


def test_where_there_is_no_journal_that_is_what_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for data in (tmp_path / "no" / "where", tmp_path / "empty"):
        done = command("backup", "--data", data, "--keep", "1")
        assert (done.returncode, done.stderr) == (2, f"chat-server: there is no journal in {data}\n")
    assert [*tmp_path.rglob("*")] == [tmp_path / "empty"]


def test_two_at_once_are_refused(data: Path, tmp_path: Path) -> None:
    directory = tmp_path / "backups"
    keep(data, directory, 1, NOON)
    lock = os.open(directory / LOCK_FILE, os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = command("backup", "--data", data, "--keep", "1", directory)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"chat-server: another copy is being made in {directory}: try again when it is there\n"
    os.close(lock)
    assert command("backup", "--data", data, "--keep", "1", directory).returncode == 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--keep", "0"], "--keep: expected how many copies are to be kept, at least 1"),
        (["--every", "1"], "--every: expected a time from 10s to 366d such as 24h, 90m or 7d"),
        ([], "backup: name a FILE for one copy; or say --keep N, for the newest N of several in a directory"),
    ],
)
def test_what_is_said_wrong_is_refused_in_a_sentence(data: Path, words: list[str], complaint: str) -> None:
    assert command("backup", "--data", data, *words) == (2, "", f"chat-server: {complaint}\n")


def test_a_log_that_grows_too_long_while_a_copy_is_made_ends_that(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_server.journal.sqlite.archive.BACKUP_LOG_MAX", 1)
    with closing(Writer(data / "journal.db")) as writer:
        writer.create_room("write")
        done = command("backup", "--data", data, "--keep", "1", tmp_path / "backups")
    assert done.returncode == 2
    assert "the copy is given up: while it is made " in done.stderr
    assert names(tmp_path / "backups") == []


def test_every_so_often_one_is_made_until_a_signal_ends_that(data: Path) -> None:
    command("backup", "--data", data, "--keep", "9")
    (first,) = copies_in(data / "backups")
    first.path.rename(first.path.with_name("chat-000001-20200101T000000Z.db"))
    with subprocess.Popen(
        [*PROGRAM, "backup", "--data", data, "--every", "24h"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "/backups/chat-000002-" in process.stdout.readline(), "the newest was old enough"
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=TIMEOUT)[0] == ""
    assert process.returncode == 0
    assert len(copies_in(data / "backups")) == 2


def killed_while_making(words: Sequence[str], making: Path, seconds: float) -> float:
    """Run a command, and kill it so many seconds after it has begun to make a copy. Returns for how long it made one."""
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        while not making.exists() and process.poll() is None:
            time.sleep(0.001)
        began = time.monotonic()
        while making.exists() and process.poll() is None and time.monotonic() < began + seconds:
            time.sleep(0.001)
        ended = time.monotonic()
        process.kill()
    return ended - began


def test_killed_at_any_moment_it_leaves_no_half_copy_under_a_right_name_and_the_next_one_clears_up(
    tmp_path: Path,
) -> None:
    data, directory = filled(tmp_path / "data", 20_000).path, tmp_path / "backups"
    words, making = [*PROGRAM, "backup", "--data", str(data), "--keep", "3", str(directory)], directory / MAKING
    seconds = killed_while_making(words, making, TIMEOUT)
    broken_off = 0
    for step in range(10):
        killed_while_making(words, making, seconds * step / 8)
        broken_off += making.exists()
        copies = copies_in(directory)
        assert len(copies) <= 4
        assert all(checked(copy.path, tmp_path / "none").problems == [] for copy in copies)
    assert broken_off, "it was killed in between"
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    assert {*names(directory)} == {*(copy.path.name for copy in copies_in(directory)), "tls.pem"}
    assert 1 <= len(copies_in(directory)) <= 3


@pytest.mark.parametrize("after", ["make", "sync", "put", "prune"])
def test_whatever_step_fails_there_is_the_old_state_or_the_new_one(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    directory = tmp_path / "backups"
    for number in range(2):
        keep(data, directory, 2, NOON + number)
    before = names(directory)

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    places = {
        "sync": "chat_server.journal.backups.sync",
        "put": "chat_server.journal.backups.put_new",
        "prune": "pathlib.Path.unlink",
    }
    with monkeypatch.context() as patch:
        if after in places:
            patch.setattr(places[after], fail)
        make = wrong if after == "make" else lambda part: back_up(data / "journal.db", part, no_progress)
        if after == "prune":
            kept = keep_copy(directory, 2, make, NOON + 2)
            assert kept.stuck == [f"{directory / before[0]}: Input/output error"]
        else:
            with pytest.raises((FileProblem, OSError)):
                keep_copy(directory, 2, make, NOON + 2)
    now = names(directory)
    assert now[: len(before)] == before
    assert len(now) == len(before) + (after == "prune")
    keep(data, directory, 2, NOON + 3)
    assert len(copies_in(directory)) == 2
