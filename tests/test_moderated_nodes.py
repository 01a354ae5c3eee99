"""Real servers that are nodes of one PostgreSQL, and what is done at one of them about what is said at another: to people, to lines, to rooms."""

import json
import random
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from canary import PASSWORD
from chat_server.journal.batch_codec import decode
from chat_server.journal.showable import showable
from chat_server.protocol.acts import Banned, Kicked, Muted
from chat_server.protocol.amending import Deleted, Redacted
from chat_server.protocol.entries import Entry, Said
from postgresql import Cluster, Database
from processes import ServerProcess
from test_node_processes import Call, Program, call, node

__all__ = ["call"]

pytestmark = pytest.mark.slow

SETTINGS = "[limits]\nmessages_per_second = 0\n"
refs = count(1)


def come(program: Program, nick: str, token: str = "") -> str:
    """Somebody registers, or comes back by a token; return what they can come back by."""
    program.ask("hello", protocol=2)
    if token:
        program.ask("login", nick=nick, token=token)
        program.wait_for("logged-in")
        return token
    program.ask("register", nick=nick, password=PASSWORD)
    return str(program.wait_for("registered", but="refused")["token"])


def answer(program: Program, do: str, **fields: Any) -> dict[str, Any]:
    """What a program is answered."""
    program.ask(do, **fields, ref=(ref := f"ref {next(refs)}"))
    for line in program._lines:
        event: dict[str, Any] = json.loads(line)
        if event.get("ref") == ref:
            return event
    raise EOFError


def say(program: Program, text: str, room: str = "den") -> int:
    """Say something; return its number."""
    return int(answer(program, "say", room=room, text=text, key=f"key {next(refs)}")["seq"])


def join(program: Program, room: str = "den") -> None:
    """Enter a room, of which the node may not have heard yet."""
    for _ in range(100):
        if answer(program, "join", room=room)["is"] == "entered":
            return
        time.sleep(0.05)
    raise AssertionError(room)


def lines_of(database: Database, room: str = "den") -> list[Entry]:
    """What the database has of a room; the numbers have no hole."""
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT batch.lines, batch.first FROM batch JOIN room ON room.id = batch.room WHERE name = %s ORDER BY batch.turn",
            [room],
        ).fetchall()
    found = [line for text, first in rows if text for line in decode(text, room, first, 0.0)]
    assert [line.seq for line in found] == [*range(1, len(found) + 1)]
    return showable(found)


def has(database: Database, text: str) -> list[str]:
    """In which tables of the database this stands."""
    with database.connect() as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        asked = sql.SQL("SELECT count(*) FROM {name} WHERE {name}::text LIKE %s")
        return [
            name
            for (name,) in tables
            if connection.execute(asked.format(name=sql.Identifier(name)), [f"%{text}%"]).fetchone() != (0,)
        ]


@pytest.mark.parametrize("how", ["kick", "mute", "ban"])
def test_nothing_of_somebody_at_another_node_is_stored_after_they_were_forbidden_it(
    database: Database, call: Call, how: str
) -> None:
    with node(database, "a", SETTINGS) as first, node(database, "b", SETTINGS) as second:
        come(ann := call(first.port), "ann")
        come(bob := call(second.port), "bob")
        assert answer(ann, "create", room="den")["is"] == "room-created"
        join(ann)
        join(bob)
        is_over = threading.Event()

        def talk() -> None:
            while not is_over.is_set():
                bob.ask("say", room="den", text="again", key=f"key {next(refs)}")
                time.sleep(0.001)

        talking = threading.Thread(target=talk)
        talking.start()
        while len(lines_of(database)) < 20:
            time.sleep(0.01)
        answer(ann, how, room="den", nick="bob")
        time.sleep(0.2)
        is_over.set()
        talking.join()
        lines = lines_of(database)
        (act,) = [line.seq for line in lines if isinstance(line, Kicked | Muted | Banned)]
        assert [line.seq for line in lines if isinstance(line, Said) and line.seq > act] == []
        for one in (ann, bob):
            one.ask("ping", ref=(ref := f"ref {next(refs)}"))
            while (event := json.loads(one._lines.readline())).get("ref") != ref:
                assert event["is"] != "faltered"


def test_a_private_room_is_none_to_who_is_at_another_node(database: Database, call: Call) -> None:
    with node(database, "a", SETTINGS) as first, node(database, "b", SETTINGS) as second:
        come(ann := call(first.port), "ann")
        come(eve := call(second.port), "eve")
        answer(ann, "create", room="den")
        join(ann)
        assert answer(ann, "rule", room="den", rule="access", value="invite")["is"] == "stored"
        say(ann, "needle")
        time.sleep(1)
        asked: dict[str, dict[str, Any]] = {
            "join": {}, "last": {"count": 5}, "since": {"number": 0}, "online": {}, "members": {}, "role": {}, "rule": {}, "bans": {}, "audit": {},
            "delete": {"number": 3}, "report": {"number": 3}, "say": {"text": "hm", "key": "k"}, "search": {"words": "needle"},
        }  # fmt: skip
        for do, fields in asked.items():
            there, never = (
                re.sub("ref [0-9]+|den|non", "", json.dumps(answer(eve, do, room=room, **fields)))
                for room in ("den", "non")
            )
            assert there == never, do
        assert answer(eve, "search", words="needle", everywhere=True)["rooms"] == []
        assert "den" not in str(answer(eve, "rooms")["rooms"])
        assert answer(eve, "whois", nick="ann")["rooms"] == []
        assert answer(ann, "invite", room="den", nick="eve")["is"] == "stored"
        join(eve)
        assert "needle" in str(answer(eve, "last", room="den", count=50))
        answer(ann, "role", room="den", nick="eve", role="none")
        eve.wait_for("went-back")
        assert answer(eve, "last", room="den", count=50)["code"] == "no-such-room"


def test_what_is_deleted_at_one_node_is_in_no_table_and_found_at_none(
    database: Database, call: Call, tmp_path: Path
) -> None:
    with (
        node(database, "a", SETTINGS, tmp_path / "a") as first,
        node(database, "b", SETTINGS, tmp_path / "b") as second,
    ):
        come(ann := call(first.port), "ann")
        come(bob := call(second.port), "bob")
        come(cat := call(first.port, "127.0.0.2"), "cat")  # of one network two an hour may register
        answer(ann, "create", room="den")
        for program in (ann, bob, cat):
            join(program)
        answer(cat, "away", text="lunch")
        for do, fields in {
            "say": {"text": "canaryqq, cat"},
            "me": {"action": "canaryqq"},
            "topic": {"text": "canaryqq"},
        }.items():
            assert answer(bob, do, room="den", key=f"key {do}", **fields)["is"] == "stored"
        for one in (ann, bob):
            while not answer(one, "search", room="den", words="canaryqq")["rooms"]:
                time.sleep(0.1)
        assert has(database, "canaryqq")
        assert answer(ann, "purge", room="den", nick="bob", span="1h 9")["count"] == 3
        assert has(database, "canaryqq") == []
        for one in (ann, bob, cat):
            assert answer(one, "search", room="den", words="canaryqq")["rooms"] == []
            assert "canaryqq" not in str(answer(one, "last", room="den", count=50))
            assert "canaryqq" not in str(answer(one, "mentions", which="all"))


class Deleters:
    """Two people at two nodes, who say something and delete it again, whatever breaks meanwhile."""

    def __init__(self, database: Database, data: Path, stack: ExitStack) -> None:
        self._database, self._data, self._stack = database, data, stack
        self.servers: dict[str, ServerProcess] = {}
        self.tokens = dict.fromkeys(("ann", "bob"), "")
        self.programs: dict[str, Program] = {}
        self.texts: dict[int, str] = {}
        self.told: set[int] = set()
        for nick in self.tokens:
            self.begin(nick)
            if nick == "ann":
                answer(self.programs["ann"], "create", room="den")
            join(self.programs[nick])

    def begin(self, nick: str) -> None:
        """Start the node of one of them, who comes to it."""
        data = self._data / nick
        self.servers[nick] = self._stack.enter_context(node(self._database, nick, SETTINGS, data))
        self.programs[nick] = Program(self.servers[nick].port)
        self._stack.callback(self.programs[nick].hang_up)
        self.tokens[nick] = come(self.programs[nick], nick, self.tokens[nick])

    def talk(self) -> dict[str, list[int]]:
        """Each says some lines: their numbers."""
        numbers: dict[str, list[int]] = {nick: [] for nick in self.programs}
        for _ in range(8):
            for nick, program in self.programs.items():
                text = f"textqq{next(refs):05}zz"
                self.texts[seq := say(program, text)] = text
                numbers[nick].append(seq)
        return numbers

    def delete(self, nick: str, numbers: list[int]) -> None:
        with suppress(OSError, EOFError):
            for number in numbers:
                if answer(self.programs[nick], "delete", room="den", number=number)["is"] == "lines-deleted":
                    self.told.add(number)

    def check(self) -> None:
        """Each line is as it was said, or is deleted by an entry that says so, and its text is nowhere."""
        lines = lines_of(self._database)
        entries = {seq for line in lines if isinstance(line, Redacted) for a, b in line.of for seq in range(a, b + 1)}
        assert {line.seq for line in lines if isinstance(line, Deleted)} == entries
        assert self.told <= entries
        for line in lines:
            if isinstance(line, Said):
                assert line.text == self.texts[line.seq]
        with self._database.connect() as connection:
            kept = "".join(text for (text,) in connection.execute("SELECT lines FROM batch").fetchall())
        assert [seq for seq in entries if self.texts[seq] in kept] == []


@pytest.fixture(scope="module")
def breakable() -> Iterator[Cluster]:
    """A PostgreSQL that is stopped and harmed."""
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.mark.parametrize("what", ["a server", "a connection", "the database", "its processes"])
def test_whatever_is_killed_a_line_is_there_or_deleted_by_an_entry(
    breakable: Cluster, tmp_path: Path, what: str
) -> None:
    chance = random.Random(what)  # noqa: S311 - the same moments every time
    database = breakable.create()
    with ExitStack() as stack:
        stack.callback(breakable.drop, database)
        people = Deleters(database, tmp_path, stack)
        for _ in range(2):
            numbers = people.talk()
            time.sleep(0.2)
            deleting = [threading.Thread(target=people.delete, args=one) for one in numbers.items()]
            for one in deleting:
                one.start()
            time.sleep(chance.uniform(0, 0.03))
            victim = chance.choice([*people.servers])
            match what:
                case "a server":
                    people.servers[victim].kill()
                case "a connection":
                    with psycopg.connect(breakable.url("postgres"), autocommit=True) as connection:
                        for _ in range(4):
                            connection.execute(
                                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                                [database.name],
                            )
                            time.sleep(chance.uniform(0, 0.02))
                case "the database":
                    breakable.stop()
                    breakable.start()
                case "its processes":
                    breakable.kill()
                    breakable.start()
            for one in deleting:
                one.join()
            if what == "a server":
                people.begin(victim)
                people.programs[victim].ask("resume", rooms={"den": 0})
                people.programs[victim].wait_for("entered")
            people.check()
