"""The commands for files and rooms: what they may write over, what they leave behind, and what they say."""

import errno
import fcntl
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

import forks
from archives import checked
from chat_server.cli import main
from chat_server.journal import Party, RoomRecord
from chat_server.journal.batch_codec import Stored, encode
from chat_server.journal.keys import SenderKey
from chat_server.journal.search.search_index import SearchIndex
from chat_server.journal.sqlite.batch_rows import Append
from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.writer import Writer
from chat_server.protocol.entries import Said
from processes import TIMEOUT, running_server, screen
from test_journal_sqlite import small_disk

PROGRAM = (sys.executable, "-m", "chat_server")


class Done(NamedTuple):
    """How a command has ended."""

    returncode: int | str | None
    stdout: str
    stderr: str


def command(*words: str | Path, stdin: bytes = b"") -> Done:
    """Run a command in this process, which takes a hundredth of the time."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code: int | str | None
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:
            code = end.code
    texts = []
    for stream in (out, err):
        stream.flush()
        raw = stream.buffer
        assert isinstance(raw, io.BytesIO)
        texts.append(raw.getvalue().decode(errors="backslashreplace"))
    return Done(code, *texts)


def process(*words: str | Path) -> Done:
    """Run a command as a process: what needs its own streams, or may begin to serve."""
    done = forks.run([*PROGRAM, *words], capture_output=True, text=True, timeout=TIMEOUT)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with two rooms, three lines, an index, a key, and how far Bob has come."""
    folder = DataDirectory(tmp_path / "data")
    with closing(Writer(folder.journal)) as writer:
        for room in ("python", "write"):
            writer.create_room(room)
        lines: list[Stored] = [Said("python", 0, 1000.5, "ann", "hello"), Said("python", 0, 1000.5, "bob", "needle")]
        more: list[Stored] = [Said("write", 0, 1001.5, "ann", "kept")]
        appends = [Append(lines, {0: SenderKey("ann", "k")}, encode(lines)), Append(more, {}, encode(more))]
        writer.commit(appends, {("python", "bob"): 2, ("write", "bob"): 1})
        index = SearchIndex(folder.search, writer.identity(), writer.end())
        index.add(writer.records(0))
        index.close()
    folder.close()
    return folder.path


def left(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


def contents(path: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in path.iterdir() if entry.is_file()}


# What a target may be.


def test_no_file_of_the_data_directory_is_written_over_under_whatever_name(data: Path, tmp_path: Path) -> None:
    (tmp_path / "there").symlink_to(data, target_is_directory=True)
    with running_server(data=data):
        theirs = {f"{name}{ending}" for name in ("journal.db", "search.db") for ending in ("", "-wal", "-shm")}
        theirs |= {"admin", "lock", "tls.pem"}
        deadline = time.monotonic() + TIMEOUT
        while {*left(data)} != theirs:  # the search index and the certificate are made beside everything else
            assert time.monotonic() < deadline, left(data)
            time.sleep(0.01)
        before = {entry.name: entry.stat() for entry in data.iterdir() if entry.name != "admin"}  # a directory
        for name in before:
            (tmp_path / f"symbolic {name}").symlink_to(data / name)
            (tmp_path / f"hard {name}").hardlink_to(data / name)
            targets = [data / name, tmp_path / f"symbolic {name}", tmp_path / f"hard {name}", tmp_path / "there" / name]
            for target, word, flags in product(targets, ["export", "backup"], [[], ["--force"]]):
                done = command("--data", data, word, *flags, target)
                assert done.returncode == 2
                assert done.stderr.endswith("a file that the server itself writes: choose another\n")
        assert {name: (data / name).stat().st_ino for name in left(data) if name != "admin"} == {
            name: status.st_ino for name, status in before.items()
        }
        assert len(left(tmp_path)) == 2 + 2 * len(before)
    assert command("--data", data, "check-journal").returncode == 0


@pytest.mark.parametrize("word", ["export", "backup"])
def test_no_file_is_made_that_sqlite_would_take_for_a_part_of_the_journal(data: Path, word: str) -> None:
    for name in ("journal.db-wal", "journal.db-journal", "SEARCH.DB-wal", "journal.db.import", "journal.db.import-wal"):
        done = command("--data", data, word, data / name)
        assert (done.returncode, done.stderr) == (
            2,
            f"chat-server: {data / name} has a name that the server itself uses: choose another file\n",
        )
    assert command("--data", data, word, data / "copy").returncode == 0, "others may stand there"


@pytest.mark.parametrize("words", [["export"], ["check-journal"], ["rooms", "list"], ["import", os.devnull]])
def test_standard_output_is_refused_too_if_it_is_a_file_of_the_data_directory(data: Path, words: list[str]) -> None:
    before = contents(data)
    with (data / "journal.db").open("ab") as out:
        done = forks.run([*PROGRAM, "--data", data, *words], stdout=out, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert contents(data) == before


@pytest.mark.parametrize("word", ["export", "backup"])
def test_a_file_that_is_there_is_replaced_only_by_force(data: Path, tmp_path: Path, word: str) -> None:
    target = tmp_path / "copy"
    target.write_text("precious")
    target.chmod(0o644)
    (tmp_path / "copy.part").write_text("somebody's")
    done = command("--data", data, word, target)
    assert (done.returncode, done.stderr) == (2, f"chat-server: {target} is there already; --force replaces it\n")
    assert target.read_text() == "precious"
    assert command("--data", data, word, target, "--force").returncode == 0
    assert target.stat().st_mode & 0o777 == 0o600
    assert target.stat().st_size > 100
    assert (tmp_path / "copy.part").read_text() == "somebody's"
    assert left(tmp_path) == ["copy", "copy.part", "data"]


@pytest.mark.parametrize("word", ["export", "backup"])
def test_through_a_symbolic_link_what_it_leads_to_is_written(data: Path, tmp_path: Path, word: str) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "far" / "copy")
    assert command("--data", data, word, link).returncode == 0
    assert link.is_symlink()
    assert left(tmp_path / "far") == ["copy"]


@pytest.mark.parametrize("word", ["export", "backup"])
def test_pipes_and_devices_are_written_to_as_they_are(data: Path, tmp_path: Path, word: str) -> None:
    whole = tmp_path / "whole"
    assert command("--data", data, word, whole).returncode == 0
    words = [*PROGRAM, "--data", str(data), word]
    for name in ("/dev/stdout", "-"):
        out = forks.run([*words, name], cwd=tmp_path, capture_output=True)
        assert (out.returncode, out.stderr) == (0, b"")
        assert out.stdout == whole.read_bytes()
        assert left(tmp_path) == [data.name, "whole"], "nothing is called -"
    with (tmp_path / "redirected").open("wb") as file:
        assert forks.run([*words, "/dev/stdout"], stdout=file).returncode == 0
    assert (tmp_path / "redirected").read_bytes() == whole.read_bytes()
    assert forks.run([*words, "/dev/null"]).returncode == 0
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with forks.Popen([*words, fifo]) as writing:
        assert fifo.read_bytes() == whole.read_bytes()
    assert writing.returncode == 0
    assert fifo.is_fifo()


@pytest.mark.parametrize(
    ("target", "complaint"),
    [("nowhere/copy", "No such file or directory"), (".", "is a directory: name a file in it")],
)
@pytest.mark.parametrize("word", ["export", "backup"])
def test_what_cannot_be_written_is_one_plain_line(
    data: Path, tmp_path: Path, word: str, target: str, complaint: str
) -> None:
    done = command("--data", data, word, tmp_path / target)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert complaint in done.stderr
    assert left(tmp_path) == ["data"]


# Nothing that says it has been done has failed.


@pytest.mark.parametrize(
    "words", [["export"], ["export", "/dev/full"], ["backup", "/dev/full"], ["check-journal"], ["rooms", "list"]]
)
def test_a_full_disk_behind_the_output_is_no_success(data: Path, words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = forks.run([*PROGRAM, "--data", data, *words], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("chat-server: cannot write ")
    assert done.stderr.endswith(": No space left on device\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["--print-config"], ["--port", "0", "--check-config"], ["--version"], ["--help"]])
def test_nor_is_it_for_what_only_prints(words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = forks.run([*PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (
        2,
        "chat-server: cannot write to standard output: No space left on device\n",
    )


def test_a_reader_who_goes_away_and_closed_streams_are_no_traceback(data: Path) -> None:
    words = [*PROGRAM, "--data", data, "export"]
    for reader in (["head", "-c", "10"], ["true"]):
        with subprocess.Popen(reader, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as reading:
            if reader == ["true"]:
                reading.wait(TIMEOUT)
            done = forks.run(words, stdout=reading.stdin, stderr=subprocess.PIPE, text=True)
        assert done.stderr == ""
    for closed in (["stdout"], ["stdin"], ["stderr"], ["stdin", "stdout", "stderr"]):
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | dict.fromkeys(closed, forks.CLOSED)
        done = forks.run(words, **streams, text=True)
        assert "Traceback" not in (done.stderr or "")
        assert done.returncode == (2 if "stdout" in closed else 0)


@pytest.mark.parametrize("words", [["export", "new"], ["backup", "new"], ["import", "old.jsonl"], ["export", "-"]])
def test_a_disk_that_fails_when_it_is_asked_to_keep_what_it_took_is_no_success(
    data: Path, tmp_path: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old.jsonl").write_bytes(export_of(2))

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.fsync", fail)
    monkeypatch.chdir(tmp_path)
    done = command("--data", "other" if words[0] == "import" else data, *words)
    if words[1] == "-":
        assert done.returncode == 0, "a pipe is not synced"
        return
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("Input/output error\n")
    assert not (tmp_path / "new").exists()
    if words[0] == "import":
        assert (tmp_path / "other" / "journal.db").stat().st_size == 0


@cache
def export_of(count: int) -> bytes:
    """An export of so many lines, each in a batch of its own."""
    lines = [{"is": "export", "version": 1}, {"is": "room", "room": "python", "topic": "", "first": 1}]
    lines += [
        {"is": "said", "room": "python", "seq": seq, "at": float(seq), "nick": "ann", "text": f"line {seq} {'x' * 80}"}
        for seq in range(1, count + 1)
    ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


@pytest.mark.parametrize("size", ["1m", "4m", "5m", "6m", "7m", "20m"])
def test_an_import_onto_a_small_disk_is_whole_or_is_not_there_and_says_which(tmp_path: Path, size: str) -> None:
    with small_disk(tmp_path / "disk", size) as disk:
        (tmp_path / "chat.jsonl").write_bytes(export_of(20_000))
        done = command("--data", disk / "data", "import", tmp_path / "chat.jsonl")
        if done.returncode == 0:
            assert done.stdout == "20000 lines imported\n"
            found = checked(disk / "data" / "journal.db", disk / "data" / "search.db")
            assert (found.lines, found.problems) == (20_000, [])
        else:
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.startswith(f"chat-server: cannot write {disk / 'data' / 'journal.db'}: ")
            assert done.stderr.count("\n") == 1
            assert (disk / "data" / "journal.db").stat().st_size == 0
        assert "journal.db.import" not in left(disk / "data")
        assert done.returncode == (0 if size == "20m" else 2) or size in {"5m", "6m", "7m"}


@pytest.mark.parametrize("word", ["export", "backup"])
def test_on_a_full_disk_what_was_there_stays(tmp_path: Path, word: str) -> None:
    data = tmp_path / "data"
    assert command("--data", data, "import", stdin=export_of(10_000)).returncode == 0
    with small_disk(tmp_path / "disk", "1m") as disk:
        (disk / "copy").write_text("of yesterday")
        done = command("--data", data, word, "--force", disk / "copy")
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "full" in done.stderr or "No space left on device" in done.stderr
        assert (disk / "copy").read_text() == "of yesterday"
        assert left(disk) == ["copy"]


# Interrupting.


@contextmanager
def started(*words: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    pipe = subprocess.PIPE
    with forks.Popen[bytes]([*PROGRAM, *words], stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_import_that_is_interrupted_says_so_and_leaves_nothing(tmp_path: Path, number: int) -> None:
    with started("--data", tmp_path / "data", "import") as process:
        assert process.stdin is not None
        process.stdin.write(export_of(5000))
        process.stdin.flush()
        while not (tmp_path / "data" / "journal.db.import").exists():
            time.sleep(0.01)
        process.send_signal(number)
        _, complaint = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, complaint) == (128 + number, b"chat-server: interrupted; nothing has been imported\n")
    assert left(tmp_path / "data") == ["journal.db", "lock", "search.db"]
    assert (tmp_path / "data" / "journal.db").stat().st_size == 0


@pytest.mark.parametrize("word", ["export", "backup"])
def test_an_export_and_a_backup_that_are_interrupted_say_so(tmp_path: Path, word: str) -> None:
    """They wait for a reader who has had enough."""
    data, fifo = tmp_path / "data", tmp_path / "fifo"
    command("--data", data, "import", stdin=export_of(5000))
    os.mkfifo(fifo)
    with started("--data", data, word, fifo) as process, fifo.open("rb", buffering=0) as reader:
        assert reader.read(10)
        deadline = time.monotonic() + TIMEOUT
        while int.from_bytes(fcntl.ioctl(reader, termios.FIONREAD, bytes(4)), sys.byteorder) < 60_000:
            assert time.monotonic() < deadline, "the pipe is not full"
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, complaint) == (130, b"chat-server: interrupted; no file has been written\n")


@pytest.mark.parametrize("word", ["export", "backup"])
def test_a_file_that_is_not_finished_is_not_there_whatever_ends_it(
    data: Path, tmp_path: Path, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(
        "chat_server.maintenance_cli.export" if word == "export" else "chat_server.journal.sqlite.engine.back_up",
        interrupt,
    )
    (tmp_path / "old").write_text("of yesterday")
    for target in (tmp_path / "old", tmp_path / "new"):
        assert command("--data", data, word, "--force", target) == (
            130,
            "",
            "chat-server: interrupted; no file has been written\n",
        )
    assert left(tmp_path) == ["data", "old"]
    assert (tmp_path / "old").read_text() == "of yesterday"


def test_a_check_that_is_interrupted_says_so_though_sqlite_swallows_it(data: Path) -> None:
    with closing(sqlite3.connect(data / "search.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with started("--data", data, "check-journal") as process:
            while str(data / "search.db") not in opened_by(process.pid):
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            _, complaint = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, complaint) == (130, b"chat-server: interrupted; the check is not complete\n")


def opened_by(pid: int) -> set[str]:
    """The files that a process has open."""
    files = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            files.add(str(entry.readlink()))
    return files


# What reaches the terminal of whoever runs them.


ESC = "\x1b]0;owned\x07"


@pytest.mark.parametrize(
    "words",
    [
        [f"--{ESC}"],
        ["--config", f"/nowhere/{ESC}"],
        ["--log-format", ESC],
        ["--host", ESC, "--port", "0"],
        ["--data", f"/dev/null/{ESC}", "--port", "0"],
        ["--data", f"~{ESC}/x", "export"],
        ["export", f"/nowhere/{ESC}/x"],
        ["import", f"/nowhere/{ESC}"],
        ["rooms", "delete", "--yes", ESC],
        ["rooms", ESC],
        ["rooms", "rename", "python", ESC],
    ],
)
def test_no_flag_can_act_on_the_terminal(data: Path, words: list[str]) -> None:
    done = (process if "--port" in words else command)("--data", data, *words)
    assert done.returncode == 2
    assert done.stderr
    assert "\x1b" not in done.stderr
    assert "\x07" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        '"\\u001b]0;owned\\u0007" = 1\n',
        '[limits]\n"\\u001b[2J" = 1\n',
        '[rooms]\nnames = ["\\u001b[2J"]\n',
        '[history]\ntime_zone = "\\u001b[2J"\n',
        '[log]\nformat = "\\u001b[2J"\n',
        '[server]\nhost = "\\u0000"\nport = 0\n',
        '[tls]\ncertificate = "/nowhere/\\u0000\\u001b"\n[server]\nport = 0\n',
        '[journal]\ndirectory = "/nowhere/\\u0000\\u001b"\n[server]\nport = 0\n',
        "a = " + "[" * 100_000,
        "a." * 2000 + "a = 1",
        "\x1b[2J",
    ],
    ids=[
        "key",
        "key of a table",
        "room",
        "zone",
        "choice",
        "NUL",
        "NUL in a path",
        "NUL in another",
        "nested",
        "dotted",
        "no TOML",
    ],
)
def test_nothing_in_a_configuration_can_act_on_the_terminal(tmp_path: Path, text: str) -> None:
    (tmp_path / "chat.toml").write_text(text)
    done = (process if "u0000" in text else command)("--config", tmp_path / "chat.toml")
    assert done.returncode == 2
    assert done.stderr.startswith("chat-server: ")
    assert done.stderr.count("\n") == 1
    assert done.stderr[:-1].isprintable()


def test_a_configuration_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "chat.toml").write_bytes(b"\xef\xbb\xbf[server]\nport = 1\n")
    assert command("--config", tmp_path / "chat.toml", "--check-config").returncode == 0


def test_what_is_printed_of_a_configuration_is_escaped_and_is_read_again_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "chat.toml").write_text('[journal]\ndirectory = "/a\\u001b\\u202e\\u0085\\U000e0001b"\n')
    printed = command("--config", tmp_path / "chat.toml", "--print-config").stdout
    assert all(line.isprintable() for line in printed.splitlines())
    (tmp_path / "again.toml").write_text(printed)
    assert command("--config", tmp_path / "again.toml", "--print-config").stdout == printed


def test_a_list_of_rooms_says_which_are_conversations(data: Path) -> None:
    with closing(Writer(data / "journal.db")) as writer:
        writer.create_room("@1-2", parties=(Party("1"), Party("2")))
    *_, last = command("--data", data, "rooms", "list").stdout.splitlines()
    assert last.endswith(" @1-2 (a conversation of two people): 0 lines")


def test_nothing_in_an_import_or_a_journal_can_act_on_the_terminal(data: Path, tmp_path: Path) -> None:
    lines = export_of(2).replace(b'"room": "python"', b'"room": "\\u001b[2J"')
    done = command("--data", tmp_path / "other", "import", stdin=lines)
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    with closing(sqlite3.connect(data / "journal.db")) as connection, connection:
        connection.execute("UPDATE room SET name = name || char(27) || '[2Jb', topic = 'x' || char(10) || char(27)")
        connection.execute("UPDATE batch SET lines = '[' || char(27), first = 7")
    for words in (["check-journal"], ["rooms", "list"]):
        done = command("--data", data, *words)
        assert done.stdout
        assert all(line.isprintable() for line in done.stdout.splitlines())


# Rooms.


def test_rooms_are_listed(data: Path) -> None:
    with closing(Writer(data / "journal.db")) as writer:
        writer.adopt_room(RoomRecord("聊天", "All\x1bthings", 5, 4))
    done = command("--data", data, "rooms", "list")
    assert (done.returncode, done.stdout) == (
        0,
        "#1 python: 2 lines\n#2 write: 1 line\n#3 聊天: 0 lines, topic: All\\x1bthings\n",
    )


def test_where_the_journal_is_may_be_said_anywhere(data: Path) -> None:
    shown = command("--data", data, "rooms", "list").stdout
    assert shown
    assert command("rooms", "--data", data, "list").stdout == shown
    assert command("rooms", "list", "--data", data).stdout == shown
    assert "required: COMMAND" in command("--data", data, "rooms").stderr


def test_a_room_is_renamed_with_everything_that_belongs_to_it(data: Path) -> None:
    done = command("rooms", "rename", "PYTHON", "snakes", "--data", data)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "python is now snakes\n"
        "rooms.names in the configuration has python: the next start opens an empty room of that name\n"
    )
    with closing(Writer(data / "journal.db")) as writer:
        assert [room[:4] for room in writer.rooms()] == [("snakes", "", 1, 2), ("write", "", 1, 1)]
        assert writer.positions("snakes") == {"bob": 2}
        lines: list[Stored] = [Said("snakes", 0, 2000.0, "ann", "again")]
        (receipt,) = writer.commit([Append(lines, {0: SenderKey("ann", "k")}, encode(lines))], {})
        assert receipt.duplicates == {0: ("snakes", 1)}
    assert command("--data", data, "check-journal").returncode == 0


@pytest.mark.parametrize(
    ("new", "complaint"),
    [
        ("help", "help is a command's word: choose another name for the room"),
        ("Write", "there is a room write already, whose name counts as the same"),
        (
            "ｗrіte",
            "wrіte mixes scripts, its і is U+0456, Cyrillic small letter byelorussian-ukrainian i: write the whole name in one script",
        ),
        (
            "snakes\ua4fd",
            "snakes\ua4fd has a letter that looks like one of the server's marks: choose another name for the room",
        ),
        ("two words", "two words cannot be a room's name: it has 1 to 32 letters, digits, - and _"),
        ("", "an empty name cannot be a room's name: it has 1 to 32 letters, digits, - and _"),
    ],
)
def test_a_new_name_of_a_room_keeps_the_rules_for_new_rooms(data: Path, new: str, complaint: str) -> None:
    done = command("--data", data, "rooms", "rename", "python", new)
    assert (done.returncode, done.stderr) == (2, f"chat-server: {complaint}\n")
    assert command("--data", data, "rooms", "list").stdout.startswith("#1 python: ")


def test_a_new_name_of_a_room_looks_like_no_other_rooms(data: Path) -> None:
    done = command("--data", data, "rooms", "rename", "write", "pyth0n")
    told = "pyth0n looks like the room python, the 0 in it is U+0030, Digit zero: choose another name for the room"
    assert (done.returncode, done.stderr) == (2, f"chat-server: {told}\n")
    assert command("--data", data, "rooms", "rename", "python", "pyth0n").returncode == 0, "its own name is no other's"


def test_a_room_whose_name_nobody_can_type_is_renamed_by_its_number_and_only_its_letters_may_change(data: Path) -> None:
    with closing(sqlite3.connect(data / "journal.db")) as connection, connection:
        connection.execute("UPDATE room SET name = char(27) || 'x' WHERE name = 'write'")
    assert command("--data", data, "rooms", "rename", "#2", "write").stdout.startswith("\\x1bx is now write\n")
    assert command("--data", data, "rooms", "rename", "write", "Write").stdout == "write is now Write\n", (
        "it fills its place"
    )
    assert command("--data", data, "rooms", "rename", "#3", "other").returncode == 2


def test_a_room_is_deleted_with_everything_that_was_said_in_it(data: Path) -> None:
    done = command("--data", data, "rooms", "delete", "python", "--yes")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "python is deleted, with 2 lines")
    assert "#1 write: 1 line\n" in command("--data", data, "rooms", "list").stdout
    for path in data.iterdir():
        assert b"needle" not in path.read_bytes(), f"{path.name} still has it"
    with closing(Writer(data / "journal.db")) as writer:
        assert [room.name for room in writer.rooms()] == ["write"]
        assert writer.end() == 4, "positions are not used again"
        assert writer.positions("write") == {"bob": 1}
    found = checked(data / "journal.db", data / "search.db")
    assert (found.lines, found.problems) == (1, [])
    assert command("--data", data, "rooms", "delete", "write", "--yes").stdout.startswith(
        "write is deleted, with 1 line\n"
    )


def test_another_program_that_reads_the_journal_makes_nobody_believe_that_nothing_was_done(data: Path) -> None:
    with closing(sqlite3.connect(data / "journal.db", isolation_level=None)) as reading:
        reading.execute("BEGIN")
        reading.execute("SELECT * FROM room").fetchall()
        renamed = command("--data", data, "rooms", "rename", "write", "read")
        assert (renamed.returncode, renamed.stdout.splitlines()[0]) == (0, "write is now read")
        deleted = command("--data", data, "rooms", "delete", "python", "--yes")
        assert deleted.returncode == 2
        assert "python is deleted, but another program is using" in deleted.stderr
        assert "what was said is still in the file" in deleted.stderr
    listed = command("--data", data, "rooms", "list").stdout
    assert "read" in listed
    assert "python" not in listed


def test_deleting_a_room_is_confirmed(data: Path) -> None:
    done = command("--data", data, "rooms", "delete", "python", stdin=b"python\n")
    assert (done.returncode, done.stderr) == (
        2,
        "chat-server: deleting a room cannot be undone: say --yes, or run the command at a terminal\n",
    )
    for answer, left_there in (("yes", 2), ("python", 1)):
        with screen(*PROGRAM, "--data", str(data), "rooms", "delete", "python", columns=120) as terminal:
            terminal.wait_until("Type its name to go on:")
            terminal.type(f"{answer}\r")
            terminal.wait_until("nothing was deleted" if answer == "yes" else "python is deleted")
        assert len(command("--data", data, "rooms", "list").stdout.splitlines()) == left_there


def test_rooms_are_left_alone_while_a_server_holds_them_and_none_is_made_where_there_is_no_journal(
    data: Path, tmp_path: Path
) -> None:
    with running_server(data=data):
        for words in (["rename", "python", "snakes"], ["delete", "python", "--yes"]):
            done = command("--data", data, "rooms", *words)
            assert (done.returncode, done.stderr) == (
                2,
                (
                    f"chat-server: the data directory {data} is in use by another chat-server; `chat-server admin rooms {words[0]}`"
                    " asks a server that is running\n"
                ),
            )
        assert command("--data", data, "rooms", "list").returncode == 0, "looking is harmless"
    for words in (["list"], ["rename", "python", "snakes"], ["delete", "python", "--yes"]):
        done = command("--data", tmp_path / "none", "rooms", *words)
        assert (done.returncode, done.stderr) == (2, f"chat-server: there is no journal in {tmp_path / 'none'}\n")
    assert not (tmp_path / "none").exists()
