"""A copy is put back, walked through with a real server: what was said, accounts and logins are there, and whoever was erased stays so.

And what clients see of it whose numbers are higher than the copy's.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest

import canary
from archives import checked
from chat_server.journal.backups import copies_in
from chat_server.journal.erasing import ERASED_TEXT
from chat_server.journal.sqlite.archive import SqliteArchive
from chat_server.protocol.entries import Said
from chat_tui.client.connection import Status
from processes import TIMEOUT, ServerProcess, running_server
from test_backups import filled
from test_client_accounts import user
from test_kill_accounts import OLD, Event, Program
from test_maintenance import PROGRAM, Done, command, contents, left

CANARY = "zanzibarcanary"
"""In what carol says, who is erased."""


def copy_of(data: Path) -> Path:
    assert command("backup", "--data", data, "--keep", "9").returncode == 0
    return copies_in(data / "backups")[-1].path


class Asking(Program):
    """A program whose questions each have a number of their own: entering a room has two answers."""

    number = 0
    all: ClassVar[list["Asking"]] = []

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.all.append(self)

    def ask(self, do: str, **fields: Any) -> Event:
        self.number += 1
        self.tell(do, ref=self.number, **fields)
        return next(event for event in self._events() if event.get("ref") == self.number)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while Asking.all:
        Asking.all.pop().close()


def come(server: ServerProcess, **login: object) -> tuple[Asking, Event]:
    program = Asking(server.port)
    return program, program.ask("login", **login)


def lines(program: Program, room: str = "python") -> dict[int, str]:
    return {line["seq"]: line["text"] for line in program.ask("last", room=room, count=50).get("lines", ())}


def say(program: Program, *texts: str, room: str = "python") -> None:
    for text in texts:
        assert program.ask("say", room=room, text=text)["is"] == "stored"


def restore(data: Path, copy: Path, *flags: str) -> Done:
    return command("restore", "--data", data, *flags, copy)


def test_a_lost_disk_is_walked_through_with_its_backups(tmp_path: Path) -> None:
    data, new = tmp_path / "data", tmp_path / "new"
    with running_server(data=data) as server:
        people = {}
        for nick in ("ann", "bob", "carol"):
            people[nick] = Asking(server.port)
            assert people[nick].ask("register", nick=nick, password=OLD)["is"] == "registered"
            people[nick].ask("join", room="python")
        token = come(server, nick="ann", password=OLD)[1]["token"]
        say(people["ann"], "one", "two")
        say(people["carol"], f"{CANARY} three")
        copy = copy_of(data)
        say(people["bob"], "four, after the copy")
        assert people["carol"].ask("account", ending="erase")["is"]
        assert command("admin", "accounts", "--data", data, "carol", "erase", "--yes").returncode == 0
        copy_of(data)
        assert server.stop() == 0
        fingerprint = command("fingerprint", "--data", data).stdout.splitlines()[0]

    shutil.copytree(data / "backups", tmp_path / "elsewhere")
    shutil.rmtree(data)  # the disk is broken
    done = restore(new, tmp_path / "elsewhere" / copy.name)
    assert done == (0, f"{tmp_path}/elsewhere/{copy.name} is put back: 3 rooms, 3 lines, and the certificate\n", "")
    assert canary.files_with(new, [CANARY]), "she said it before the copy"

    with running_server(data=new) as server:
        assert command("fingerprint", "--data", new).stdout.splitlines()[0] == fingerprint
        ann, answer = come(server, nick="ann", token=token)
        assert answer["is"] == "logged-in", "who has a device comes in by it"
        ann.ask("join", room="python")
        assert lines(ann) == {1: "one", 2: "two", 3: ERASED_TEXT}
        bob, answer = come(server, nick="bob", password=OLD)
        assert answer["is"] == "logged-in", "and by the password"
        _, answer = come(server, nick="carol", password=OLD)
        assert answer["is"] == "refused"
        assert ann.ask("search", words=CANARY)["rooms"] == []
        assert canary.files_with(new, [CANARY]) == []
        bob.ask("join", room="python")
        say(bob, "five, on the new disk")
        assert lines(ann)[4] == "five, on the new disk"
        assert server.stop() == 0
    assert checked(new / "journal.db", new / "search.db").problems == []


def test_a_program_that_knows_more_than_the_copy_begins_anew_and_takes_nothing_for_what_it_knew(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_server(data=data) as server:
        ann, _ = come(server, nick="ann")
        entered = ann.ask("join", room="python")
        say(ann, "one")
        copy = copy_of(data)
        say(ann, "two, lost", "three, lost")
        assert server.stop() == 0
    assert restore(data, copy, "--force").returncode == 0
    with running_server(data=data) as server:
        bob, _ = come(server, nick="bob")
        bob.ask("join", room="python")
        short = resumed(server, "zoe", {"python": 3}, {})
        assert short["page"]["last"] == 1, "the room is not the one that it knew"
        say(bob, "two, new", "three, new", "four, new")

        by_number = resumed(server, "yves", {"python": 3}, {})
        assert by_number["entered"]["id"] != entered["id"]
        by_id = resumed(server, "xenia", {"python": 3}, {"python": entered["id"]})
        assert by_id["entered"]["id"] == by_number["entered"]["id"] != entered["id"], (
            "it is told that the room is another"
        )
        assert "page" not in by_id, "nothing is told as what followed the third line"
        assert server.stop() == 0


def test_chat_tui_forgets_the_lines_that_are_no_more_and_shows_those_that_are_there(tmp_path: Path) -> None:
    """It has them on its screen while the server stops, a copy is put back, and others say as many lines again before it comes back."""
    data = tmp_path / "data"

    def begin(*flags: str) -> tuple[ServerProcess, Asking]:
        server = ServerProcess(*flags, data=data)
        bob, _ = come(server, nick="bob")
        bob.ask("join", room="python")
        return server, bob

    async def walk_through() -> None:
        server, bob = await asyncio.to_thread(begin)
        say(bob, "one")
        copy = copy_of(data)
        port = server.port
        async with user(port, tmp_path / "kept", "ann") as ann:
            room = ann.client.state.room("python")

            def shown() -> list[str]:
                return [entry.text for entry in room.timeline.entries if isinstance(entry, Said)]

            await ann.status(Status.ONLINE)
            assert ann.client.connection.request("join", room="python")
            await ann.until(lambda: room.is_joined)
            say(bob, "two, lost", "three, lost")
            await ann.until(lambda: shown()[-2:] == ["two, lost", "three, lost"])
            assert await asyncio.to_thread(server.stop) == 0
            server.kill()
            assert restore(data, copy, "--force").returncode == 0
            # Nobody is to be let in before these have been said, so they are said at another port.
            server, bob = await asyncio.to_thread(begin)
            say(bob, "two, new", "three, new", "four, new")
            assert await asyncio.to_thread(server.stop) == 0
            server.kill()
            server, bob = await asyncio.to_thread(begin, "--port", str(port))
            await ann.until(lambda: shown() == ["one", "two, new", "three, new", "four, new"])
            say(bob, "five")
            await ann.until(lambda: shown()[-1] == "five")
        assert await asyncio.to_thread(server.stop) == 0
        server.kill()

    asyncio.run(walk_through())


def resumed(server: ServerProcess, nick: str, rooms: dict[str, int], ids: dict[str, str]) -> dict[str, Event]:
    """What a program is told that resumes, until it has asked for something else: the last event of each kind."""
    program, came = come(server, nick=nick)
    assert came["is"] == "logged-in"
    program.tell("resume", rooms=rooms, ids=ids)
    told: dict[str, Event] = {}
    program.tell("ping", ref=7)
    for event in program._events():
        told[event["is"]] = event
        if event.get("ref") == 7:
            break
    program.ask("quit")
    program.close()
    return told


def test_the_journal_that_is_there_is_put_aside_whole_and_only_if_one_says_so(tmp_path: Path) -> None:
    data = filled(tmp_path / "data").path
    copy = copy_of(data)
    with SqliteArchiveOf(data) as archive:
        before = archive.identity()
    done = restore(data, copy)
    assert (done.returncode, done.stderr) == (
        2,
        f"chat-server: {data}/journal.db is there already; --force puts it aside, as journal.db.replaced\n",
    )
    was = (data / "journal.db").read_bytes()
    for name in ("journal.db.replaced", "journal.db.replaced-2"):
        done = restore(data, copy, "--force")
        assert done.returncode == 0
        assert done.stdout.endswith(f"the journal that was there is {data}/{name}; it is yours to delete\n")
    assert (data / "journal.db.replaced").read_bytes() == was
    assert checked(data / "journal.db.replaced-2", tmp_path / "none").problems == []
    with SqliteArchiveOf(data) as archive:
        assert archive.identity() != before


class SqliteArchiveOf:
    def __init__(self, data: Path) -> None:
        self._closing = closing(SqliteArchive(data / "journal.db", data / "none"))

    def __enter__(self) -> SqliteArchive:
        return self._closing.__enter__()

    def __exit__(self, *error: object) -> None:
        self._closing.__exit__(*error)


@pytest.mark.parametrize("harm", ["cut short", "written over", "no journal at all"])
def test_a_broken_journal_with_its_log_is_put_aside_too(tmp_path: Path, harm: str) -> None:
    data = tmp_path / "data"
    with running_server(data=data) as server:
        ann, _ = come(server, nick="ann")
        ann.ask("join", room="python")
        say(ann, "one")
        copy = copy_of(data)
        say(ann, "two")
        server.kill()
    journal = data / "journal.db"
    assert (data / "journal.db-wal").stat().st_size
    with journal.open("r+b") as file:
        if harm == "cut short":
            file.truncate(20_000)
        else:
            file.write(b"\xff" * 5000 if harm == "written over" else b"no journal")
    assert restore(data, copy, "--force").returncode == 0
    assert (data / "journal.db.replaced").exists()
    assert checked(journal, data / "none")[1:] == (1, 0, [])
    assert not (data / "journal.db-wal").exists()
    with running_server(data=data) as server:
        ann, _ = come(server, nick="ann")
        ann.ask("join", room="python")
        assert lines(ann) == {1: "one"}


def test_what_cannot_be_put_back_is_refused_in_a_sentence_and_changes_nothing(tmp_path: Path) -> None:
    data = filled(tmp_path / "data").path
    copy = copy_of(data)
    (tmp_path / "text.db").write_text("no copy")
    broken = tmp_path / "broken.db"
    broken.write_bytes(copy.read_bytes().replace(b"line 7 ", b'li"e 7 '))
    before = contents(data)
    for what, why in (
        (tmp_path / "none.db", f"there is no file {tmp_path}/none.db"),
        (data, f"{data} is a directory: name a copy in it"),
        (tmp_path / "text.db", f"{tmp_path}/text.db is not a copy of a chat server's journal: "),
        (broken, f"{broken} is not put back: it is damaged (python, from number 1: "),
        (data / "journal.db", f"{data}/journal.db is the journal itself"),
    ):
        done = restore(data, what, "--force")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"chat-server: {why}"), done.stderr
    with running_server(data=data):
        done = restore(data, copy, "--force")
        assert done == (
            2,
            "",
            f"chat-server: the data directory {data} is in use by another chat-server: stop that one first\n",
        )
    assert (data / "journal.db").read_bytes()[:100] == before["journal.db"][:100]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can do what another's server is to use")
def test_what_root_does_with_the_files_of_the_servers_user_stays_the_servers(tmp_path: Path) -> None:
    """Whoever looks after a machine types these commands as root, and the server runs as a user of its own."""
    data, new, user = filled(tmp_path / "data").path, tmp_path / "new", 12345
    new.mkdir()
    for path in (data, *data.iterdir(), new):
        os.chown(path, user, user)
    copy = copy_of(data)
    assert restore(data, copy, "--force").returncode == 0
    assert restore(new, copy).returncode == 0
    for directory in (data, new, data / "backups"):
        assert {path.name: path.lstat().st_uid for path in directory.iterdir()} == {
            path.name: user for path in directory.iterdir()
        }


def test_the_certificate_that_is_there_stays(tmp_path: Path) -> None:
    data = filled(tmp_path / "data").path
    copy = copy_of(data)
    (data / "tls.pem").write_text("another")
    assert restore(data, copy, "--force").stdout.startswith(f"{copy} is put back: 1 room, 20 lines\n")
    assert (data / "tls.pem").read_text() == "another"


def test_killed_at_any_moment_the_old_journal_or_the_new_one_is_there(tmp_path: Path) -> None:
    data = filled(tmp_path / "data", 20_000).path
    copy = copy_of(data)
    words = [*PROGRAM, "restore", "--data", str(data), "--force", str(copy)]
    began = time.monotonic()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    for step in range(8):
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
            time.sleep(seconds * (0.4 + step * 0.08))
            process.send_signal(signal.SIGKILL)
        journals = [name for name in left(data) if re.fullmatch(r"journal\.db(\.replaced(-\d+)?)?", name)]
        assert [checked(data / name, tmp_path / "none").lines for name in journals] == [20_000] * len(journals)
        assert len(journals) > 1
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, timeout=TIMEOUT)
    assert not [name for name in left(data) if "import" in name]
    assert checked(data / "journal.db", tmp_path / "none").lines == 20_000


@pytest.mark.parametrize(
    ("engine", "kept", "put_back"),
    [
        ("memory", "a journal in memory has no file that could be copied", "is no copy of a journal in memory"),
        ("postgresql", "pg_dump makes a file of the database", "is put back by PostgreSQL's own programs (pg_restore"),
    ],
)
def test_engines_without_files_say_what_makes_copies_of_theirs(
    tmp_path: Path, engine: str, kept: str, put_back: str
) -> None:
    settings, copy, data = tmp_path / "chat.toml", tmp_path / "copy.db", tmp_path / "data"
    settings.write_text(f'[journal]\nengine = "{engine}"\n')
    copy.write_bytes(b"copy")
    data.mkdir()
    flags = ("--config", settings, "--data", data)
    done = command("backup", *flags, "--keep", "3", tmp_path / "backups")
    assert (done.returncode, done.stdout) == (2, "")
    assert kept in done.stderr
    assert copies_in(tmp_path / "backups") == []
    done = command("restore", *flags, copy)
    assert (done.returncode, done.stdout) == (2, "")
    assert put_back in done.stderr
    assert left(data) == []
