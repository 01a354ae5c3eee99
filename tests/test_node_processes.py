"""Real servers that are nodes of one PostgreSQL: an ordered stop, one that was given up, and chat-tui that follows."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from canary import PASSWORD
from chat_server.journal.happened import RETURN_SECONDS
from pairs import Pair
from postgresql import Cluster, Database
from processes import TIMEOUT, ServerProcess, running_server

pytestmark = pytest.mark.slow

TOKEN = "a-token-that-nobody-guesses"  # noqa: S105 - a test's


@contextmanager
def node(database: Database, name: str, settings: str = "", data: Path | None = None) -> Iterator[ServerProcess]:
    """A server that is a node, with these settings besides."""
    with TemporaryDirectory() as folder:
        data = data or Path(folder)
        data.mkdir(exist_ok=True)
        config = data / "chat.toml"
        config.write_text(
            f'[journal]\nengine = "postgresql"\nurl = "{database.url}"\ndirectory = "{data}"\n[node]\nname = "{name}"\n{settings}'
        )
        with running_server("--config", str(config), data=data) as server:
            yield server


class Program:
    """A program on a real connection, which comes from an address of this machine."""

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT, source_address=(address, 0))
        self._lines = self._socket.makefile("rwb")

    def ask(self, do: str, **fields: Any) -> None:
        self._lines.write(json.dumps({"do": do, **fields}).encode() + b"\n")
        self._lines.flush()

    def wait_for(self, tag: str, *, but: str = "") -> dict[str, Any]:
        """The next event with this tag; before it there is none with that."""
        for line in self._lines:
            event: dict[str, Any] = json.loads(line)
            assert event["is"] != but, event
            if event["is"] == tag:
                return event
        raise AssertionError(f"closed before {tag}")

    def wait_for_one(self, *tags: str) -> dict[str, Any]:
        """The next event with one of these tags."""
        for line in self._lines:
            event: dict[str, Any] = json.loads(line)
            if event["is"] in tags:
                return event
        raise AssertionError(f"closed before {tags}")

    def enter(self, nick: str, room: str = "python", **login: Any) -> "Program":
        self.ask("login", nick=nick, **login)
        self.wait_for("logged-in")
        self.ask("join", room=room)
        self.wait_for("entered")
        return self

    def type(self, text: str, told: str) -> None:
        """Say this as a person does, and wait to be told that."""
        with suppress(OSError):  # it may have ended
            self._lines.write(f"{text}\n".encode())
            self._lines.flush()
        for line in self._lines:
            assert b" taken" not in line
            if told.encode() in line:
                return
        raise AssertionError(f"closed before {told!r}")

    def hang_up(self) -> None:
        self._lines.close()
        self._socket.close()


@pytest.fixture
def call() -> Iterator["Call"]:
    """Connects programs to a port of this machine, and hangs up at the end."""
    with ExitStack() as stack:

        def connect(port: int, address: str = "127.0.0.1") -> Program:
            program = Program(port, address)
            stack.callback(program.hang_up)
            return program

        yield connect


Call = Callable[..., Program]


def test_who_is_at_a_node_that_is_stopped_goes_on_at_another_and_is_not_seen_to_go(
    database: Database, call: Call
) -> None:
    with node(database, "a") as first, node(database, "b") as second:
        bob = call(second.port).enter("bob")
        ann = call(first.port).enter("ann", token=TOKEN)
        bob.wait_for("joined")
        guests = [call(first.port) for _ in range(5)]
        for number, guest in enumerate(guests):
            guest.type(f"/login guest{number}", "Welcome")
        ann.ask("say", room="python", text="one", key="k1")
        ann.wait_for("stored")
        assert first.stop() == 0
        for number, guest in enumerate(guests):
            guest.type("", "connect again, and you are back.")
            call(second.port).type(f"/login guest{number}", "Welcome")
        assert ann.wait_for("dismissed")["why"] == "moved"
        ann = call(second.port)
        ann.ask("login", nick="ann", token=TOKEN)
        assert ann.wait_for("logged-in")["rooms"] == ["python"]
        ann.ask("resume", rooms={"python": 1})
        ann.ask("say", room="python", text="one", key="k1")
        assert ann.wait_for("stored")["seq"] == 1
        ann.ask("say", room="python", text="two", key="k2")
        while bob.wait_for("said", but="left")["text"] != "two":
            pass


def registered(program: Program, nick: str) -> Program:
    """Somebody who has just made an account, in a room."""
    program.ask("hello", protocol=2)
    program.ask("register", nick=nick, password=PASSWORD)
    program.wait_for("registered")
    program.ask("join", room="python")
    program.wait_for("entered")
    return program


def test_who_was_named_by_a_node_that_is_killed_is_told_where_the_others_live_on(
    database: Database, call: Call
) -> None:
    with node(database, "a") as first, node(database, "b") as second:
        ann, bob = registered(call(first.port), "ann"), registered(call(first.port), "bob")
        eve = call(second.port).enter("eve")
        bob.ask("say", room="python", text="bye", key="0")
        bob.wait_for("stored")
        bob.hang_up()
        time.sleep(2.5)  # that he was here is kept within a second or so
        ann.ask("say", room="python", text="bob: call me", key="1")
        ann.wait_for("stored")
        first.kill()
        while "ann" not in str(eve.wait_for("left")):  # the others give the node up
            pass
        time.sleep(1)
        bob = call(second.port)
        bob.ask("hello", protocol=2)
        bob.ask("login", nick="bob", password=PASSWORD)
        assert bob.wait_for("mentions-waiting")["rooms"]


def test_two_at_two_nodes_write_to_one_another(database: Database, call: Call) -> None:
    with node(database, "a") as first, node(database, "b") as second:
        ann, bob = (registered(call(port), nick) for port, nick in ((first.port, "ann"), (second.port, "bob")))
        ann.ask("say", room="python", text="here")
        while bob.wait_for("said")["text"] != "here":
            pass
        ann.ask("msg", nick="bob", text="psst")
        assert ann.wait_for("message-sent")["seq"] == 1
        assert bob.wait_for("request-came")["nick"] == "ann"
        bob.ask("say", room="@ann", text="yes?", key="k")
        assert [bob.wait_for("said")["text"] for _ in range(2)] == ["psst", "yes?"]
        while ann.wait_for("said")["text"] != "yes?":
            pass
        ann.ask("search", room="@bob", words="psst")
        assert ann.wait_for("found")["room"] == "@bob"
        bob.hang_up()
        ann.ask("say", room="@bob", text="gone?", key="k2")
        ann.wait_for("stored")
        again = call(first.port)
        again.ask("hello", protocol=2)
        again.ask("login", nick="bob", password=PASSWORD)
        assert again.wait_for("conversations")["conversations"][0]["last"] == 3


def test_a_guest_at_another_node_is_written_to_renamed_away_and_blocked_and_goes_with_their_node(
    database: Database, call: Call
) -> None:
    with node(database, "a") as first, node(database, "b") as second:
        ann = registered(call(first.port), "ann")
        gus = call(second.port)
        gus.ask("hello", protocol=2)
        gus.enter("gus")
        gus.ask("say", room="python", text="here")
        while ann.wait_for("said")["text"] != "here":
            pass
        ann.ask("msg", nick="gus", text="psst")
        assert ann.wait_for("conversation-passes")["room"] == "@gus"
        assert ann.wait_for("message-sent")["seq"] == 1
        assert gus.wait_for("conversation-passes")["room"] == "@ann"
        assert gus.wait_for("said")["text"] == "psst"
        gus.ask("say", room="@ann", text="yes?", key="k")
        assert ann.wait_for("said")["room"] == "@gus"
        gus.ask("nick", nick="gustav")
        assert ann.wait_for("room-renamed")["new"] == "@gustav"
        gus.ask("away", text="lunch")
        time.sleep(3)
        ann.ask("msg", nick="gustav", text="there?")
        assert ann.wait_for("person-away")["away"] == "lunch"
        ann.ask("block", nick="gustav")
        ann.wait_for("guest-blocked")
        gus.ask("say", room="python", text="hm")
        assert "text" not in ann.wait_for("blocked", but="person-away")
        second.kill()
        assert ann.wait_for("conversation-ended")["nick"] == "gustav"
        with database.connect() as connection:
            left = "SELECT count(*) FROM room WHERE kind = 'dm' AND NOT is_deleted"
            assert connection.execute(left).fetchall() == [(0,)]
        ann.ask("msg", nick="gustav", text="gone?")
        assert ann.wait_for("refused")["code"] == "no-such-person"


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until nodes have heard of one another's that this is so: within a second, but for a machine that is busy."""
    until = time.monotonic() + TIMEOUT
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.2)


def one_more_is_refused(call: "Call", port: int, token: str) -> bool:
    """Whether one more session is refused because there are as many as there may be; else it goes again."""
    late = call(port)
    late.ask("login", nick="ann", token=token, session="add")
    event = late.wait_for_one("refused", "logged-in")
    assert event["is"] == "logged-in" or event["code"] == "too-many-sessions"
    late.hang_up()
    return bool(event["is"] == "refused")


numbers = count(1)


def is_let_in(port: int) -> bool:
    """Whether one more connection is one too many, or somebody comes in by it; it goes again."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as late, suppress(ConnectionError):
        late.sendall(f"/login late{next(numbers)}\r\n".encode())
        for line in late.makefile("rb"):
            if b"Welcome" in line:
                return True
            if b"too many connections from your address" in line:
                return False
    raise AssertionError("closed without a word")


def test_what_is_somebodys_is_theirs_at_both_nodes(database: Database, call: Call, tmp_path: Path) -> None:
    limits = "[limits]\nsessions_per_person = 3\n"
    with node(database, "a", limits, tmp_path / "a") as first, node(database, "b", limits) as second:
        ann = call(first.port).enter("ann")
        ann.ask("register", password=PASSWORD)
        token = ann.wait_for("registered")["token"]
        others = [call(second.port).enter("ann", token=token, session="add") for _ in range(2)]
        ann.ask("lang", language="zh")
        for other in others:
            assert other.wait_for("chosen")["value"] == "zh"
        for server in (first, second):
            wait_until(partial(one_more_is_refused, call, server.port, token))
        command = [sys.executable, "-m", "chat_server", "admin", "kick", "ann", "--data", str(tmp_path / "a")]
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT).stdout
        assert told == "ann is removed (1 connection at a; 2 connections at b)\n"
        for each in (ann, *others):
            assert each.wait_for("dismissed")["why"] == "kicked"


def test_a_node_that_was_given_up_sends_everybody_away_and_begins_anew_in_its_place(
    database: Database, call: Call
) -> None:
    with node(database, "a") as first, node(database, "b"):
        ann = call(first.port).enter("ann", token=TOKEN)
        pid = first.pid
        with database.connect() as connection:
            ((number,),) = connection.execute("SELECT id FROM node WHERE name = 'a'").fetchall()
            connection.execute("SELECT take_out(ARRAY[%s::bigint])", [number])
        assert ann.wait_for("dismissed")["why"] == "moved"
        first.wait_for_log("given this one up")
        first.wait_for_log(f"listening on 127.0.0.1:{first.port}")
        ann = call(first.port).enter("ann", token=TOKEN)
        ann.ask("say", room="python", text="here again", key="k1")
        ann.wait_for("stored")
        with database.connect() as connection:
            ((again,),) = connection.execute("SELECT id FROM node WHERE name = 'a'").fetchall()
        assert again > number
        assert first.pid == pid
        assert first.stop() == 0


def test_connections_from_one_address_count_over_all_nodes_within_a_second(database: Database, call: Call) -> None:
    limits = "[limits]\nconnections_per_address = 3\n"
    with node(database, "a", limits) as first, node(database, "b", limits) as second:
        here = [call(first.port) for _ in range(2)]
        there = call(second.port)
        for server in (first, second):
            while is_let_in(server.port):
                time.sleep(0.2)
        here[0].hang_up()
        wait_until(partial(is_let_in, second.port))
        del there


def test_an_engine_that_is_away_for_a_while_is_told_and_waited_for(call: Call) -> None:
    cluster = Cluster()
    with ExitStack() as stack:
        stack.callback(cluster.close)
        server = stack.enter_context(node(cluster.create(), "a"))
        ann = call(server.port).enter("ann")
        cluster.stop()
        ann.ask("say", room="python", text="one", key="k1")
        ann.wait_for("storing-waits", but="not-stored")
        ann.ask("join", room="write")
        assert ann.wait_for("refused")["code"] == "engine-away"
        cluster.start()
        ann.wait_for("storing-goes-on", but="not-stored")
        ann.ask("history", room="python", after=0, count=9)
        assert [line["text"] for line in ann.wait_for("page")["lines"]] == ["one"]
        ann.ask("join", room="write")
        ann.wait_for("entered")
        assert server.stop() == 0


def test_an_operator_at_one_node_sees_all(database: Database, call: Call, tmp_path: Path) -> None:
    with node(database, "east", data=tmp_path / "east") as first, node(database, "west") as second:
        call(second.port).enter("ann")
        config = tmp_path / "east" / "chat.toml"
        told = subprocess.run(
            [sys.executable, "-m", "chat_server", "admin", "nodes", "--json", "--config", str(config)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        listed = [json.loads(line) for line in told.splitlines()]
        assert [(one["name"], one["people"], one["is_this"]) for one in listed] == [
            ("east", 0, True),
            ("west", 1, False),
        ]
        call(first.port).ask("hello", protocol=2)


class Balancer:
    """Stands before the nodes, and hands each caller to the first that takes it."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError), self._listener:
            while True:
                caller, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        with caller:
            for port in self.ports:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as server:
                    back = threading.Thread(target=_carry, args=(caller, server), daemon=True)
                    back.start()
                    _carry(server, caller)
                    back.join()
                    return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def test_chat_tui_follows_through_a_restart_of_all_nodes_and_says_nothing_of_it(
    database: Database, call: Call, tmp_path: Path
) -> None:
    certificate, key = Pair().write(tmp_path)
    settings = f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'  # one for all nodes
    with ExitStack() as stack:
        balancer = stack.enter_context(closing(Balancer()))
        nodes = [stack.enter_context(node(database, name, settings)) for name in "abc"]
        balancer.ports = [server.port for server in nodes]
        bob = call(nodes[2].port).enter("bob")
        place = f"127.0.0.1:{balancer.port}"
        folders = dict.fromkeys(("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"), str(tmp_path))
        program = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "chat_tui", place, "--plain", "--room", "python", "--nick", "ann"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=os.environ | folders,
            )
        )
        stack.callback(program.kill)
        typing = program.stdin
        assert typing is not None

        def said(text: str) -> None:
            """She says it, and others hear it and see nobody leave."""
            typing.write(f"{text}\n")
            typing.flush()
            while bob.wait_for("said", but="left")["text"] != text:
                pass

        bob.wait_for("joined")
        for number, server in enumerate(nodes[:2]):
            said(f"before {number}")
            server.stop()
            said(f"after {number}")
        time.sleep(RETURN_SECONDS + 5)
        said("last")
        told, _ = program.communicate(timeout=TIMEOUT)
        assert program.returncode == 0, told
        assert "No connection" not in told
        assert told.count("Connected to") == told.count("You are in python") == 1
