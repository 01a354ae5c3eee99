"""The server is killed between any two writes of what is done to an account, as programs ask for it: it was done, or nothing of it was.

`tests/test_accounts_sqlite.py` has the same for the store alone.
"""

import itertools
import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import canary
from chat_server.journal.erasing import ERASED_TEXT
from processes import TIMEOUT, ServerProcess

Event = dict[str, Any]

SERVER = """
import os, signal, sys
from pathlib import Path
import trio
from chat_server.cli import main
from chat_server.commands import devices
from chat_server.journal.sqlite import deleted, ended_file, endings, writer
from chat_server.journal.search.search_index import SearchIndex
from chat_server.server import retention, server

deleted.DELAY = deleted.REST = 0.0
left = Path(sys.argv[sys.argv.index("--data") + 1]).with_name("left")
if ends_accounts:  # at once
    devices.CHANGE_OF_MIND_SECONDS, retention.PRUNE_SECONDS = 0.0, 0.05
else:
    server.forget_what_is_old = lambda *_: trio.sleep_forever()

def count(_what):
    try:
        number = int(left.read_text()) - 1
    except OSError:
        return  # it is not time yet
    if not number:
        os.kill(os.getpid(), signal.SIGKILL)
    left.write_text(str(number))

def traced(*values, **named):
    connection = connect(*values, **named)
    connection.set_trace_callback(count)
    return connection

def counted(method):
    return lambda *values: (count(method), method(*values))[1]

connect, writer.connect = writer.connect, traced
for place, name in (
    (SearchIndex, "add"), (SearchIndex, "replace"), (SearchIndex, "purge"), (endings, "make_anew"), (ended_file, "sync")
):
    setattr(place, name, counted(getattr(place, name)))
sys.exit(main())
"""

OLD, NEW = canary.PASSWORD, f"{canary.PASSWORD}-too"
TOKEN = "t" * 22
NUMBERS = itertools.count(1)
NEVER = 10**9
"""A write that does not come."""


class Program:
    """A program that asks, each from an address of its own: nothing that is refused here is to slow another down."""

    def __init__(self, port: int) -> None:
        number = next(NUMBERS)
        here = (f"127.{number // 250 + 3}.{number % 250 + 1}.1", 0)
        self._socket = socket.create_connection(("127.0.0.1", port), TIMEOUT, here)
        self._lines = self._socket.makefile("rb")

    def ask(self, do: str, **fields: Any) -> Event:
        """The answer; {} if the server ends before it comes."""
        try:
            self.tell(do, ref=1, **fields)
            for event in self._events():
                if event.get("ref") == 1:
                    return event
        except ConnectionError:
            pass
        return {}

    def tell(self, do: str, **fields: Any) -> None:
        self._socket.sendall(json.dumps({"do": do, **fields}).encode() + b"\n")

    def next(self, tag: str) -> Event:
        """The next event with this tag; {} if the server ends before it comes."""
        with suppress(ConnectionError):
            return next((event for event in self._events() if event["is"] == tag), {})
        return {}

    def _events(self) -> Iterator[Event]:
        for line in self._lines:
            if line.startswith(b"{") and line.endswith(
                b"\n"
            ):  # else a late program is greeted, or the server was killed
                yield json.loads(line)

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


class World:
    """A server, and those who have connected to it."""

    def __init__(self, data: Path, dies_at: int = 0, *, ends_accounts: bool = False) -> None:
        """Start it. From `arm` on it is killed at this write.

        Only if it `ends_accounts` it looks for what is old, each 0.05 s and by some ten statements, so that at which write of what was asked for the
        20th of all comes is a matter of chance. Else what was asked for is all that is written, and a write has the same number each time.
        """
        self.data = data
        self._left, self._dies_at = data.with_name("left"), dies_at
        self._left.unlink(missing_ok=True)
        program = f"ends_accounts = {ends_accounts}\n{SERVER}"
        self.server = ServerProcess(data=data, program=("-c", program) if dies_at else ("-m", "chat_server"))
        self._programs: list[Program] = []

    def arm(self) -> None:
        self._left.write_text(str(self._dies_at))

    def program(self) -> Program:
        self._programs.append(Program(self.server.port))
        return self._programs[-1]

    def answer(self, do: str, **fields: Any) -> Event:
        """What a newcomer is told who asks for this."""
        return self.program().ask(do, **fields)

    def lets_in(self, nick: str, password: str) -> bool:
        answer = self.answer("login", nick=nick, password=password)
        assert answer["is"] == "logged-in" or answer["code"] in {"wrong-password", "account-gone"}, answer
        return bool(answer["is"] == "logged-in")

    def close(self) -> None:
        for program in self._programs:
            program.close()
        self.server.kill()


@contextmanager
def living(data: Path, dies_at: int = 0, *, ends_accounts: bool = False) -> Iterator[World]:
    world = World(data, dies_at, ends_accounts=ends_accounts)
    try:
        yield world
    finally:
        world.close()


@contextmanager
def arranged(data: Path) -> Iterator[World]:
    """What a test begins with; it is stored when this ends."""
    with living(data) as world:
        yield world
        assert world.server.stop() == 0


def killed(
    data: Path, act: Callable[[World], bool], *, ends_accounts: bool = False, is_quick: bool = False
) -> Iterator[tuple[World, bool]]:
    """Do something again and again, each time with the server killed at one more write; give the next one, and whether it had been done.

    If it `is_quick`, the next one overwrites at once what is left of deleted lines.
    """
    original = data.with_name("original")
    shutil.copytree(data, original)
    for dies_at in itertools.count(1):
        shutil.rmtree(data)
        shutil.copytree(original, data)
        with living(data, dies_at, ends_accounts=ends_accounts) as world:
            is_done = act(world)
        with living(data, NEVER if is_quick else 0) as world:
            yield world, is_done
        if is_done:
            assert dies_at > 5, "it is killed in between"
            return


def is_in_no_file(world: World, text: str) -> bool:
    """Whether a text is in no file any more before long, while the server runs."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline and world.server.is_running:
        if not canary.files_with(world.data, [text]):
            return True
        time.sleep(0.01)
    return False


def register(world: World, nick: str) -> Program:
    program = world.program()
    assert program.ask("register", nick=nick, password=OLD)["is"] == "registered"
    return program


ZONE = "Asia/Tokyo"


@pytest.mark.slow
def test_who_registers_has_an_account_with_all_that_was_theirs_or_is_the_guest_they_were(tmp_path: Path) -> None:
    data = tmp_path / "data"

    def ann_again(world: World) -> Program:
        program = world.program()
        assert program.ask("login", nick="Ann", token=TOKEN)["is"] == "logged-in"
        program.ask("time", zone=ZONE)
        return program

    def act(world: World) -> bool:
        program = ann_again(world)
        world.arm()
        return bool(program.ask("register", password=OLD))

    with arranged(data) as world:
        ann, bob = ann_again(world), world.program()
        bob.ask("login", nick="bob")
        for program in (ann, bob):
            program.ask("join", room="python")
        assert ann.ask("say", room="python", text="hello", key="k")["seq"] == 1
        ann.ask("back", room="python")
        for text in ("one", "two"):
            bob.ask("say", room="python", text=text)
    found = []
    for world, is_done in killed(data, act):
        program = world.program()
        as_guest = program.ask("login", nick="ANN", token=TOKEN)
        is_made = as_guest.get("code") == "name-registered"
        found.append(is_made)
        assert is_made or not is_done
        assert (
            world.answer("login", nick="anп").get("code") in {"name-like-registered", "name-mixes-scripts"}
            or not is_made
        )
        assert world.lets_in("ann", OLD) == is_made
        if is_made:
            program = world.program()
            program.ask("login", nick="ann", password=OLD)
            assert world.answer("register", nick="ann", password=NEW)["code"] == "name-registered"
        else:
            assert as_guest["is"] == "logged-in"
            assert world.answer("login", nick="ann")["code"] == "name-taken"
        assert program.ask("time")["zone"] == (ZONE if is_made else "")
        program.ask("join", room="python")
        recalled = program.next("recalled")
        assert recalled["missed"] == 2, "what somebody has read is known whoever they are now"
        assert program.ask("say", room="python", text="hello", key="k")["seq"] == 1, (
            "what was sent again is stored once"
        )
    assert found == sorted(found)
    assert found[-1]


@pytest.mark.slow
def test_whoever_changes_a_password_has_one_that_is_good(tmp_path: Path) -> None:
    data = tmp_path / "data"

    def act(world: World) -> bool:
        program = world.program()
        program.ask("login", nick="ann", password=OLD)
        world.arm()
        return bool(program.ask("password", new=NEW))

    with arranged(data) as world:
        register(world, "ann")
        token = world.answer("login", nick="ann", password=OLD)["token"]
    found = []
    for world, is_done in killed(data, act):
        is_changed = world.lets_in("ann", NEW)
        assert world.lets_in("ann", OLD) != is_changed, "one of them is good, and not the other"
        assert is_changed or not is_done
        assert (world.answer("login", nick="x", token=token)["nick"] == "ann") != is_changed
        found.append(is_changed)
    assert found == sorted(found)
    assert found[-1]


@pytest.mark.slow
def test_whoever_changes_a_name_has_one_and_others_have_neither(tmp_path: Path) -> None:
    data = tmp_path / "data"

    def act(world: World) -> bool:
        program = world.program()
        program.ask("login", nick="ann", password=OLD)
        world.arm()
        return bool(program.ask("nick", nick="Wanda"))

    with arranged(data) as world:
        register(world, "ann")
        register(world, "bob")
    found = []
    for world, is_done in killed(data, act):
        is_renamed = world.answer("login", nick="wanda").get("code") == "name-registered"
        assert is_renamed or not is_done
        assert world.answer("login", nick="ANN")["code"] == ("name-kept" if is_renamed else "name-registered")
        assert world.lets_in("ann", OLD), "by the name that it has, or had first"
        assert world.lets_in("wanda", OLD) == is_renamed
        bob = world.program()
        bob.ask("login", nick="bob", password=OLD)
        assert bob.ask("nick", nick="ann")["code"] == ("name-kept" if is_renamed else "name-registered")
        found.append(is_renamed)
    assert found == sorted(found)
    assert found[-1]


CANARY = "zanzibarcanary"
"""In what ann says."""


def texts_in(program: Program) -> list[str]:
    return [line["text"] for line in program.ask("last", room="python", count=9).get("lines", ())]


@pytest.mark.slow
def test_an_account_that_is_erased_is_whole_or_gone_and_then_nothing_has_what_it_said(tmp_path: Path) -> None:
    data = tmp_path / "data"

    def act(world: World) -> bool:
        bob, program = world.program(), world.program()
        bob.ask("login", nick="bob", token=TOKEN)
        bob.ask("join", room="python")
        assert program.ask("login", nick="ann", password=OLD)
        world.arm()
        if not program.ask("account", ending="erase"):
            return False
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline and world.server.is_running:
            if ERASED_TEXT in texts_in(bob) and not canary.files_with(data, [CANARY]):
                return True
        return False

    with arranged(data) as world:
        ann = register(world, "ann")
        bob = world.program()
        bob.ask("login", nick="bob")
        for program in (ann, bob):
            program.ask("join", room="python")
        for text in (f"{CANARY} one", f"{CANARY} two"):
            ann.ask("say", room="python", text=text)
        bob.ask("say", room="python", text="of bob's")
        assert bob.ask("search", words=CANARY)["rooms"]
    found = []
    for world, is_done in killed(data, act, ends_accounts=True):
        is_gone = not world.lets_in("ann", OLD)  # else that takes it back
        assert is_gone or not is_done
        assert world.answer("login", nick="ann")["code"] == ("name-kept" if is_gone else "name-registered")
        bob = world.program()
        bob.ask("login", nick="bob")
        bob.ask("join", room="python")
        if is_gone:
            deadline = time.monotonic() + TIMEOUT
            while (files := canary.files_with(data, [CANARY])) or ERASED_TEXT not in texts_in(bob):
                assert time.monotonic() < deadline, f"a start erases what a kill has left: {files}"
                time.sleep(0.05)
            assert texts_in(bob) == [ERASED_TEXT, ERASED_TEXT, "of bob's"]
            assert bob.ask("search", words=CANARY)["rooms"] == []
        else:
            assert texts_in(bob) == [f"{CANARY} one", f"{CANARY} two", "of bob's"]
        found.append(is_gone)
    assert {*found} == {True, False}
