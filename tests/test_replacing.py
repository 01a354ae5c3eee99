"""`chat-server --replace`, with real processes: who takes whose place, and what is left whenever one of them is killed or cannot go on."""

import asyncio
import importlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from chat_server.config import Config, JournalTable, MetricsTable, ServerTable, TlsTable
from chat_server.journal import JournalInUse
from chat_server.server.admin import KeptConnection
from chat_server.server.admin_handover import GiveWay
from chat_server.server.admin_socket import connect_to
from chat_server.server.handed import NOTHING, Handed
from chat_server.server.handover import Handover
from chat_server.server.opening import CannotStart, replaced
from chat_server.server.places import Places, Succession, fitting
from chat_server.server.replacing import CannotReplace, Predecessor
from chat_server.server.stopping import why_no_successor
from handing_over import activated, listening
from processes import ROOT, TIMEOUT, screen, terminal


class Server:
    """A server as a process of its own, which may never come to listen."""

    def __init__(self, data: Path, *flags: str, port: int = 0, program: Sequence[str] = ("-m", "chat_server")) -> None:
        self._path = data.parent / f"log-{time.monotonic_ns()}"
        self._log = self._path.open("w")
        self.process = subprocess.Popen(
            [sys.executable, *program, "--data", str(data), "--port", str(port), *flags], stderr=self._log
        )

    @property
    def log(self) -> str:
        return self._path.read_text()

    def wait_for_log(self, wanted: str) -> re.Match[str]:
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            if found := re.search(wanted, self.log):
                return found
            time.sleep(0.01)
        raise AssertionError(f"no {wanted} in {self.log}")

    @property
    def port(self) -> int:
        return int(self.wait_for_log(r"listening on 127\.0\.0\.1:(\d+)")[1])

    def wait(self) -> int:
        return self.process.wait(TIMEOUT)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._log.close()


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts servers with one data directory."""
    started: list[Server] = []

    def begin(*flags: str, **how: Any) -> Server:
        started.append(Server(tmp_path / "data", *flags, **how))
        return started[-1]

    yield begin
    for server in started:
        server.close()


class Program:
    """A program that has logged in."""

    def __init__(self, port: int, nick: str = "ann") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self._lines = self._socket.makefile("rb")
        self.ask(do="login", nick=nick, token="a-token-that-nobody-guesses")
        self.wait_for("logged-in")

    def ask(self, **request: object) -> None:
        self._socket.sendall(json.dumps(request).encode() + b"\n")

    def wait_for(self, tag: str) -> dict[str, Any]:
        while (event := json.loads(self._lines.readline()))["is"] != tag:
            pass
        assert isinstance(event, dict)
        return event

    def say(self, text: str) -> None:
        self.ask(do="join", room="python")
        self.wait_for("entered")
        self.ask(do="say", room="python", text=text, key=text)
        self.wait_for("stored")

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


@contextmanager
def program(port: int, nick: str = "ann") -> Iterator[Program]:
    with closing(Program(port, nick)) as one:
        yield one


def has_lines(port: int, *wanted: str) -> bool:
    """Whether these are what was said."""
    with program(port, "reader") as reader:
        reader.ask(do="join", room="python")
        reader.wait_for("entered")
        reader.ask(do="history", room="python", after=0, count=200)
        return [line["text"] for line in reader.wait_for("page")["lines"]] == [*wanted]


def is_answered(port: int, *wanted: str) -> bool:
    """Whether a program is let in and told what was said: not by one that is just giving its place to another."""
    try:
        return has_lines(port, *wanted)
    except (OSError, ValueError):
        return False


def test_the_next_one_takes_the_place_and_who_was_there_is_told_when_to_come_back(start: Start) -> None:
    first = start()
    with program(first.port) as ann:
        ann.say("hello")
        second = start("--replace", port=first.port)
        told = ann.wait_for("dismissed")
        assert told["why"] == "restarting"
        assert 0.5 <= told["retry_after"] < 1
    assert first.wait() == 0
    assert second.port == first.port
    assert has_lines(second.port, "hello")
    third = start("--replace", port=first.port)
    assert second.wait() == 0
    assert has_lines(third.port, "hello")


def test_line_by_line_one_is_told_calmly_and_goes_on_where_one_was(start: Start, tmp_path: Path) -> None:
    first = start()
    flags = ("--plain", "--room", "python", "--nick", "ann", "--state", str(tmp_path / "state"))
    with terminal(sys.executable, "-m", "chat_tui", f"127.0.0.1:{first.port}", *flags) as ann:
        ann.wait_for("You are in python")
        ann.type("before\n")
        ann.wait_for("stored as 1")
        second = start("--replace", port=first.port)
        ann.wait_for("The server is being restarted. You are back in a moment.")
        ann.wait_for("You are back.")
        ann.type("after\n")
        ann.wait_for("stored as 2")
        assert "No connection" not in ann.seen
        assert ann.seen.count("You are in python") == 1
    assert has_lines(second.port, "before", "after")


def test_on_the_screen_a_line_that_is_typed_meanwhile_is_said_once(start: Start, tmp_path: Path) -> None:
    first = start()
    flags = ("--room", "python", "--nick", "ann", "--state", str(tmp_path / "state"), "--config", os.devnull)
    with screen(sys.executable, "-m", "chat_tui", f"127.0.0.1:{first.port}", *flags) as ann:
        ann.wait_until("1 person")
        ann.type("before\r")
        ann.wait_for_rows(lambda rows: any("ann" in row and "before" in row and "…" not in row for row in rows))
        second = start("--replace", port=first.port)
        first.wait_for_log("another server takes the place")
        ann.type("meanwhile\r")
        ann.wait_for_rows(lambda rows: any("meanwhile" in row for row in rows))
        second.wait_for_log("to come in")
        deadline = time.monotonic() + TIMEOUT
        while not has_lines(second.port, "before", "meanwhile"):
            assert time.monotonic() < deadline
            ann.read(0.1)
        assert b"No connection" not in ann.raw


def test_a_port_that_the_system_has_chosen_is_kept(start: Start) -> None:
    first = start()
    port = first.port
    second = start("--replace")
    assert first.wait() == 0
    assert second.port == port


def test_sockets_at_paths_are_handed_over_and_those_for_metrics_too(start: Start, tmp_path: Path) -> None:
    chat, metrics, settings = (tmp_path / name for name in ("chat.sock", "metrics.sock", "settings.toml"))
    settings.write_text(f'[server]\nhost = "{chat}"\n[metrics]\nlisten = "{metrics}"\n')
    first = start("--config", str(settings))
    first.wait_for_log("to come in")
    with socket.socket(socket.AF_UNIX) as waiting, socket.socket(socket.AF_UNIX) as asking:
        second = start("--replace", "--config", str(settings))
        assert first.wait() == 0
        waiting.connect(str(chat))
        asking.connect(str(metrics))
        asking.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
        second.wait_for_log("to come in")
        for one in (waiting, asking):
            one.settimeout(TIMEOUT)
        assert b"Hello" in waiting.recv(100)
        assert asking.recv(100).startswith(b"HTTP/1.")


def test_another_port_is_opened_before_the_server_that_runs_is_asked_to_end(start: Start) -> None:
    first = start()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        failed = start("--replace", port=port)
        assert failed.wait() == 2
        assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in failed.log
    with program(first.port) as ann:
        ann.say("still here")
    second = start("--replace", port=port)
    assert first.wait() == 0
    assert second.port == port
    assert has_lines(port, "still here")


def test_where_none_is_running_it_starts_as_ever(start: Start) -> None:
    server = start("--replace")
    assert has_lines(server.port)
    assert "there is no server to be replaced" in server.log


def test_whatever_the_next_one_can_see_to_before_is_the_end_of_that_one_alone(start: Start, tmp_path: Path) -> None:
    first = start()
    settings = tmp_path / "settings.toml"
    settings.write_text('[tls]\ncertificate = "/there/is/none.pem"\n')
    failed = start("--replace", "--config", str(settings), port=first.port)
    assert failed.wait() == 2
    assert "cannot read /there/is/none.pem" in failed.log
    with program(first.port) as ann:
        ann.say("still here")


def test_who_is_killed_with_the_sockets_in_hand_changes_nothing(start: Start, tmp_path: Path) -> None:
    first = start()
    port = first.port
    given = Predecessor(tmp_path / "data").listeners()
    assert [one.getsockname()[1] for one in given.chat] == [port]
    given.close()
    with program(port) as ann:
        ann.say("hello")
    second = start("--replace", port=port)
    assert first.wait() == 0
    assert has_lines(second.port, "hello")


def test_a_predecessor_that_is_killed_before_it_gives_way_leaves_its_callers_to_the_next(
    start: Start, tmp_path: Path
) -> None:
    first = start()
    with program(first.port) as ann:
        ann.say("hello")
    given = Predecessor(tmp_path / "data").listeners()
    with closing(given), socket.create_connection(given.chat[0].getsockname(), TIMEOUT):
        first.process.kill()
        first.wait()
        Predecessor(tmp_path / "data").give_way()  # it only says that there is none
    second = start("--replace")
    assert has_lines(second.port, "hello")


def test_a_predecessor_that_does_not_answer_goes_on_when_it_can(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_server.server.replacing.ANSWER_SECONDS", 0.2)
    first = start()
    port = first.port
    first.process.send_signal(signal.SIGSTOP)
    with pytest.raises(CannotReplace, match="has not answered"):
        Predecessor(tmp_path / "data").listeners()
    first.process.send_signal(signal.SIGCONT)
    with program(port) as ann:
        ann.say("hello")


ENDS_AT = """
import os, signal, sys
from importlib import import_module
module, path, when, how = sys.argv[1:5]
del sys.argv[1:5]
*owners, name = path.split(".")
owner = import_module(module)
for one in owners:
    owner = getattr(owner, one)
done = getattr(owner, name)

def ends(*arguments, **named):
    if when == "after":
        done(*arguments, **named)
    if how == "fails":
        sys.exit("it cannot go on")
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, name, ends)
from chat_server.cli import main
sys.exit(main())
"""

OPENING, REPLACING = "chat_server.server.opening", "chat_server.server.replacing"
STEPS = {
    "with the sockets in hand": (OPENING, "open_places", "before"),
    "with all places open": (OPENING, "open_places", "after"),
    "about to ask the other one to end": (REPLACING, "Predecessor.give_way", "before"),
    "with the connection by which it asks": (REPLACING, "connect_to", "after"),
    "with the answer": (REPLACING, "Predecessor.give_way", "after"),
    "about to wait for the data directory": (REPLACING, "Predecessor.when_it_has_let_go", "before"),
    "with the data directory": (REPLACING, "Predecessor.when_it_has_let_go", "after"),
    "about to serve": ("chat_server.server.server", "Server.run", "before"),
    "with its listeners at work": (REPLACING, "Predecessor.told_that_we_serve", "before"),
}
"""What a server does that takes the place of another one, in its order."""


@pytest.mark.parametrize("how", ["is killed", "fails"])
@pytest.mark.parametrize("step", STEPS)
def test_wherever_a_successor_comes_to_nothing_before_it_serves_the_one_before_it_serves(
    step: str, how: str, start: Start
) -> None:
    first = start()
    port = first.port
    with program(port) as ann:
        ann.say("hello")
    second = start("--replace", port=port, program=("-c", ENDS_AT, *STEPS[step], how))
    assert second.wait() == (-signal.SIGKILL if how == "is killed" else 1)
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as caller:
        assert caller.recv(100).startswith((b"Hello", b"* ")), "whoever calls meanwhile waits"
    first.wait_for_log("to come in")
    deadline = time.monotonic() + TIMEOUT
    while not is_answered(port, "hello"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    third = start("--replace", port=port)
    assert first.wait() == 0, "it gives its place to the next one"
    assert has_lines(third.port, "hello")


IMPATIENT = """
import sys
from chat_server.server import successor
successor.QUIET_SECONDS = 0.3
from chat_server.cli import main
sys.exit(main())
"""
"""A server that soon looks what one does that is to take its place."""

STOPS_AT = ENDS_AT.replace("signal.SIGKILL)", "signal.SIGSTOP)\n    return result").replace("done(*", "result = done(*")


def test_a_successor_that_stands_still_before_it_has_the_data_directory_is_not_waited_for(start: Start) -> None:
    first = start(program=("-c", IMPATIENT))
    port = first.port
    with program(port) as ann:
        ann.say("hello")
    step = STEPS["with the answer"]
    second = start("--replace", port=port, program=("-c", STOPS_AT, *step, "stops"))
    first.wait_for_log("has not: this one serves again")
    assert has_lines(port, "hello")
    second.process.send_signal(signal.SIGCONT)
    assert second.wait() == 2, "it finds that the other one has it again"
    assert "another server has taken the place" in second.log
    assert has_lines(port, "hello")


def test_of_one_that_stands_still_with_the_data_directory_the_log_says_which_process_to_end(start: Start) -> None:
    first = start(program=("-c", IMPATIENT))
    port = first.port
    step = STEPS["with the data directory"]
    second = start("--replace", port=port, program=("-c", STOPS_AT, *step, "stops"))
    first.wait_for_log(rf"nobody serves: .* process={second.process.pid} ")
    second.process.kill()
    first.wait_for_log("has not: this one serves again")
    assert has_lines(port)


def wait_until_stopped(server: Server) -> None:
    deadline = time.monotonic() + TIMEOUT
    while Path(f"/proc/{server.process.pid}/stat").read_text().split()[2] != "T":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_reload_while_another_takes_its_place_ends_neither(start: Start) -> None:
    first = start()
    port = first.port
    second = start("--replace", port=port, program=("-c", STOPS_AT, *STEPS["with the data directory"], "stops"))
    first.wait_for_log("takes the place")
    wait_until_stopped(second)
    for one in (first, second):
        one.process.send_signal(signal.SIGHUP)
    second.process.send_signal(signal.SIGCONT)
    assert first.wait() == 0
    assert has_lines(second.port)


def test_a_successor_that_has_said_that_it_serves_is_a_server_as_any(start: Start) -> None:
    first = start()
    port = first.port
    step = (REPLACING, "Predecessor.told_that_we_serve", "after", "is killed")
    second = start("--replace", port=port, program=("-c", ENDS_AT, *step))
    assert second.wait() == -signal.SIGKILL
    assert first.wait() == 0
    assert has_lines(start(port=port).port)


def test_one_of_an_earlier_release_is_believed_that_it_will_serve(start: Start, tmp_path: Path) -> None:
    """It says nothing, then or later: it only asks."""
    first = start()
    first.wait_for_log("to come in")
    with connect_to(tmp_path / "data") as asking:
        asking.sendall(b'{"do":"give-way","protocol":1}\n')
        assert json.loads(asking.makefile().readline()) == {"is": "done"}
    assert first.wait() == 0


def test_a_signal_ends_the_one_that_gives_way_for_good(start: Start, tmp_path: Path) -> None:
    first = start()
    port = first.port
    with closing(connect_to(tmp_path / "data")) as asking, socket.create_connection(("127.0.0.1", port), TIMEOUT):
        asking.sendall(b'{"do":"give-way","protocol":1,"will_say":true}\n')
        first.wait_for_log("takes the place")
        first.process.send_signal(signal.SIGTERM)
        assert first.wait() == 0


def test_of_two_at_a_time_one_takes_the_place(start: Start) -> None:
    first = start()
    port = first.port
    several = [start("--replace", port=port) for _ in range(2)]
    assert first.wait() == 0
    deadline = time.monotonic() + TIMEOUT
    while not any("to come in" in one.log for one in several) or not is_answered(port):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    while [one.process.poll() for one in several].count(None) != 1:
        assert time.monotonic() < deadline, "one waits for the end of the one that was quicker"
        time.sleep(0.01)


def test_one_that_comes_while_another_takes_the_place_waits_and_replaces_that_one(start: Start) -> None:
    first = start()
    port = first.port
    second = start("--replace", port=port, program=("-c", STOPS_AT, *STEPS["with the data directory"], "stops"))
    first.wait_for_log("takes the place")
    wait_until_stopped(second)
    third = start("--replace", port=port)
    third.wait_for_log("asking again")
    second.process.send_signal(signal.SIGCONT)
    assert first.wait() == second.wait() == 0
    assert has_lines(third.port)
    assert "another program listens" not in third.log.replace("asking again", "", 1).partition("listening on")[2]


def test_one_that_nobody_answers_says_after_a_while_what_is_in_its_way(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr("chat_server.server.opening.time.sleep", sleep)
    monkeypatch.setattr("chat_server.server.opening.time.monotonic", lambda: now)
    with socket.create_server(("127.0.0.1", 0)) as other, TemporaryDirectory() as data:
        config = Config(ServerTable(port=other.getsockname()[1]), journal=JournalTable(directory=data))
        with pytest.raises(CannotStart, match="another program listens there"):
            replaced(config, NOTHING)
    assert 5 <= now < 6


def test_one_that_finds_the_data_directory_taken_by_somebody_else_gives_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has been heard, and another one was quicker."""
    monkeypatch.setattr("chat_server.server.replacing.TAKEN_SECONDS", 0.05)
    opened = 0

    def open_it() -> None:
        nonlocal opened
        opened += 1
        if opened == 2:
            there.sendall(b'{"is":"let-go"}\n')
        raise JournalInUse("it is in use")

    predecessor = Predecessor(tmp_path)
    predecessor._connection, there = socket.socketpair()
    with (
        closing(there),
        closing(predecessor._connection),
        pytest.raises(CannotReplace, match="another server has taken"),
    ):
        predecessor.when_it_has_let_go(open_it)
    assert opened > 2


def test_one_that_is_not_heard_any_more_gives_up_if_somebody_else_has_the_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server that it asks hangs up: it ends already, for another one."""
    monkeypatch.setattr("chat_server.server.replacing.UNHEARD_SECONDS", 0.05)
    monkeypatch.setattr("chat_server.server.replacing.UNHEARD_LOOK_SECONDS", 0.01)
    ours, theirs = socket.socketpair()
    theirs.close()
    monkeypatch.setattr("chat_server.server.replacing.connect_to", lambda _: ours)
    predecessor = Predecessor(tmp_path)
    predecessor.give_way()

    def open_it() -> None:
        raise JournalInUse("it is in use")

    with pytest.raises(CannotReplace, match="another server has taken"):
        predecessor.when_it_has_let_go(open_it)


async def test_of_two_that_ask_to_give_way_at_once_the_second_is_told_that_it_may_look(tmp_path: Path) -> None:
    ended: list[socket.socket | None] = []
    handover = Handover(Succession(Places([], [], []), ended.append, ""), lambda: bool(ended))
    answers = [await handover.of[GiveWay](GiveWay(will_say=True), 0) for _ in range(2)]
    pairs = [socket.socketpair() for _ in range(2)]
    for answer, (ours, _) in zip(answers, pairs, strict=True):
        assert isinstance(answer, KeptConnection)
        answer.keep(ours)
    assert ended == [pairs[0][0]]
    assert pairs[1][1].recv(100) == b'{"is":"let-go"}\n'
    assert pairs[1][1].recv(100) == b""
    for pair in pairs:
        for one in pair:
            one.close()


def test_one_that_systemd_has_started_is_restarted_by_that(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, listening() as one:
        systemd.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with activated([("chat", one)], data=tmp_path / "data"):
            with socket.create_connection(one.getsockname(), TIMEOUT) as caller:
                assert b"Hello" in caller.recv(100)
            monkeypatch.delenv("NOTIFY_SOCKET")
            failed = start("--replace", port=one.getsockname()[1])
            assert failed.wait() == 2
            assert "use `systemctl restart`" in failed.log


def test_the_first_process_of_a_container_hands_its_place_to_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not why_no_successor(is_managed=False)
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert "restart the container" in why_no_successor(is_managed=False)


def test_sockets_of_a_predecessor_are_taken_where_the_settings_want_them() -> None:
    with listening() as chat, listening() as tls, listening() as metrics:
        given = Handed((chat,), (tls,), (metrics,))
        port, tls_port, metrics_port = (one.getsockname()[1] for one in (chat, tls, metrics))

        def wanted(host: str, listens: str = "") -> Config:
            return Config(ServerTable(host=host, port=port), tls=TlsTable(port=tls_port), metrics=MetricsTable(listens))

        assert fitting(given, wanted("127.0.0.1", f"127.0.0.1:{metrics_port}")) == given
        assert fitting(given, wanted("127.0.0.1")).metrics == ()
        assert fitting(given, wanted("0.0.0.0")) == NOTHING  # noqa: S104 - nothing listens
        assert fitting(given, wanted("no such host")) == NOTHING
        assert fitting(given, Config(ServerTable(port=0))).chat == (chat,)
        assert fitting(given, Config(ServerTable(port=port))).tls == ()


@pytest.mark.parametrize("way", ["replace", "systemd"])
def test_under_load_nothing_is_lost_nothing_doubled_and_nobody_refused(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    bench = importlib.import_module("bench_restart")
    found = asyncio.run(bench.measured(way, speakers=5, restarts=2, folder=tmp_path, steady=1.0))
    assert (found.lost, found.doubled, found.refused) == (0, 0, 0)
    assert found.said > 20
    assert len(found.backs) == 10
    assert max(found.waits) < 20, "scripts/bench-restart measures it, on a machine that does nothing else"
