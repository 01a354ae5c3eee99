"""The promises, kept by real programs: the server's command, telnet, nc, and the scripts."""

import json
import os
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

import forks
from chat_server import __version__, arguments
from chat_server.server.proxies import Proxies
from chat_server.server.start_log import way_to_an_owner, ways_in, where_kept
from chat_tui.settings import parse_address
from processes import TIMEOUT, program, running_server, terminal


def command(*flags: str) -> subprocess.CompletedProcess[str]:
    return forks.run([sys.executable, "-m", "chat_server", *flags], capture_output=True, text=True, timeout=TIMEOUT)


def test_the_classic_dialogue_over_the_real_telnet_and_the_real_nc() -> None:
    telnet, nc = program("telnet"), program("nc")
    with (
        running_server() as server,
        terminal(telnet, "127.0.0.1", str(server.port)) as ann,
        terminal(nc, "127.0.0.1", str(server.port)) as bob,
    ):
        for person, nick in ((ann, "ann"), (bob, "小明")):
            person.wait_for("Type /login and a nickname to come in")
            person.type(f"/login {nick}\n")
            person.wait_for(f"* Welcome, {nick}.\n")
            person.type("/python\n")
            person.wait_for("* You are in python.\n")
        ann.wait_for("* 小明 joined\n")
        bob.type("hello 你好 👋\n")
        ann.wait_for("小明: hello 你好 👋\n")
        ann.type("hi!\n")
        bob.wait_for("ann: hi!")
        ann.type("/online\n")
        ann.wait_for("* 1 other in python: 小明\n")
        ann.type("/anything-else\n")
        ann.wait_for("* There is no command /anything-else. /help lists all.\n")
        ann.type("/back\n")
        ann.wait_for("* You are in the hall.\n")
        bob.wait_for("* ann left")
        ann.type("/logout\n")
        ann.wait_for("* Goodbye.\n")
        ann.wait_for("Connection closed by foreign host.")
        assert "\ufffd" not in bob.seen, "nc is shown nothing but text"
        assert "\x1b" not in ann.seen + bob.seen


def test_an_interrupt_typed_at_telnet_does_not_garble_the_next_line() -> None:
    telnet = program("telnet")
    with running_server() as server, terminal(telnet, "127.0.0.1", str(server.port)) as ann:
        ann.wait_for("Type /login and a nickname to come in")
        ann.type("\x1d")
        ann.wait_for("telnet> ")
        ann.type("send synch\n")
        ann.type("/login ann\n")
        ann.wait_for("* Welcome, ann.\n")
        ann.type("\x1d")
        ann.wait_for("telnet> ")
        ann.type("send do echo\n")
        ann.type("/rooms\n")
        ann.wait_for("* Rooms: python (0), write (0), pm (0)\n")


def test_chinese_typed_at_the_real_telnet_arrives_whole_once_it_has_shown_that_it_is_telnet() -> None:
    """Until BINARY is agreed on, telnet takes some of its bytes for control characters: 8F, here, for ^O."""
    telnet = program("telnet")
    with running_server() as server, terminal(telnet, "127.0.0.1", str(server.port)) as ann:
        ann.wait_for("Type /login and a nickname to come in")
        ann.type("/login 小明\n")
        ann.wait_for("* A name is made of letters")
        ann.type("/login 小明\n")
        ann.wait_for("* Welcome, 小明.\n")
        ann.type("/help 日本\n")
        ann.wait_for("* There is no command /日本. /help lists all.\n")


def test_a_script_can_pipe_its_lines_through_nc() -> None:
    nc = program("nc")
    with running_server() as server:
        lines = "/login ann\n/python\nhello\n/logout\n"
        done = subprocess.run(
            [nc, "127.0.0.1", str(server.port)],
            input=lines,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=True,
        )
    assert done.stdout.splitlines()[-3:] == ["* You are in python.", "* Nobody else is here.", "* Goodbye."]


SECONDS_TO_START = 0.3 * 3
"""Of the processor's time, and three times the measured bound: a busy machine gives slower seconds of it."""


def test_it_says_when_it_listens_and_soon() -> None:
    times: list[float] = []
    while not times or times[-1] > SECONDS_TO_START:
        assert len(times) < 3, times
        before = os.times()
        with running_server(is_forked=False):
            pass
        after = os.times()
        times.append(after.children_user + after.children_system - before.children_user - before.children_system)


NOT_FOR_A_START = {
    "rich",
    "asyncio",
    "json",
    "wcwidth",
    "platformdirs",
    "zoneinfo",
    "tomllib",
    "difflib",
    "dataclasses",
    "encodings.idna",
    *("chat_server.server.admin", "chat_server.server.admin_requests", "chat_server.server.operations"),
    *("chat_server.server.among_nodes", "chat_server.server.changes_elsewhere", "chat_server.server.shared_limits"),
    *("chat_server.rooms.other_nodes", "chat_server.rooms.shared_broadcaster", "chat_server.rooms.shared_members"),
    *("chat_server.rooms.movements", "chat_server.rooms.own_turn", "chat_server.rooms.misnamed"),
    *(
        "chat_server.journal.sqlite.archive",
        "chat_server.journal.sqlite.restoring",
        "chat_server.journal.account_records",
    ),
}
"""What only some conversations, settings or commands need, if any."""

STOPS_WHEN_IT_LISTENS = """
import os, signal, sys
from chat_server import arguments, cli
class Log:
    def write(self, text):
        if "listening on" in text:
            os.kill(os.getpid(), signal.SIGTERM)
    def flush(self):
        pass
complaints, sys.stderr = sys.stderr, Log()
code = cli.main(["--port", "0", "--data", {data!r}])
sys.stderr = complaints
found = [name for name in sys.modules if name in {modules} or name.split(".")[0] in {modules}]
found += ["the parsers of commands"] * arguments.parser.cache_info().currsize
sys.exit(str(found) if found or code != 0 else 0)
"""


def test_a_start_imports_nothing_that_can_wait(tmp_path: Path) -> None:
    check = STOPS_WHEN_IT_LISTENS.format(data=str(tmp_path), modules=NOT_FOR_A_START)
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False, timeout=TIMEOUT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--port 0 --data /x -v",
        "--port=7 --conf f --log-format json --check-config",
        "--verb --host export",
        "--data admin --print-config",
        "export --data /x --force",
        "--data /x rooms list",
        "admin who --json",
        "fingerprint",
    ],
)
def test_a_start_reads_its_flags_as_they_are_read_before_a_command(words: str) -> None:
    chosen, read = vars(arguments.parsed(words.split())), vars(arguments.parser().parse_args(words.split()))
    assert chosen | read == chosen
    assert chosen.keys() - read.keys() <= {"says_more"}


@pytest.mark.parametrize(
    "words",
    [
        "-h",
        "--he",
        "--h x",
        "--version",
        "--ver",
        "-vh",
        "--port x",
        "--port",
        "--bogus",
        "nonsense",
        "export --version",
    ],
)
def test_what_is_no_start_is_answered_by_the_parser_of_everything(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for parse in (arguments.parsed, arguments.parser().parse_args):
        with pytest.raises(SystemExit) as ended:
            parse(words.split())
        said.append((ended.value.code, *capsys.readouterr()))
    assert said[0] == said[1]
    assert "COMMAND" in "".join(said[0][1:]) or said[0][0] == 0 or words.startswith("export")


def test_a_package_that_is_missing_is_told_by_a_start_and_not_by_a_conversation() -> None:
    check = "import sys; sys.modules['wcwidth'] = None; from chat_server.cli import main; main(['--host', 'x' * 70])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert "No module named 'wcwidth'" in done.stderr


def test_nothing_is_collected_while_the_server_is_imported() -> None:
    check = (
        "import gc, sys; from chat_server.cli import main; collected = lambda: sum(of['collections'] for of in gc.get_stats());"
        " before = collected(); code = main(['--host', 'x' * 70]); times = collected() - before;"
        " sys.exit(0 if times < 5 and gc.isenabled() and code == 2 else str(times))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_order_with_exit_code_0(number: int) -> None:
    with running_server() as server, socket.create_connection(("127.0.0.1", server.port)) as caller:
        caller.sendall(b"/login ann\n")
        received = b""
        while b"Welcome" not in received:
            received += caller.recv(4096)
        assert server.stop(number) == 0
        while data := caller.recv(4096):
            received += data
        assert received.endswith(b"* The server is stopping. Goodbye.\r\n")
    assert not any("Traceback" in line for line in server.log)


@pytest.mark.slow
def test_a_second_signal_stops_it_at_once_with_exit_code_1(tmp_path: Path) -> None:
    config = tmp_path / "chat.toml"
    config.write_text("[server]\nstop_seconds = 60\n[limits]\nmessages_per_second = 0\n")
    with running_server("--config", str(config)) as server, socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", server.port))
        stuck.sendall(b"/login stuck\n/python\n")
        received = b""
        while b"You are in python" not in received:
            received += stuck.recv(4096)
        with socket.create_connection(("127.0.0.1", server.port)) as talker:
            talker.sendall(b"/login ann\n/python\n" + (b"x" * 4000 + b"\n") * 1500 + b"/back\n/logout\n")
            while talker.recv(65536):
                pass
        start = time.monotonic()
        server.signal(signal.SIGTERM)
        server.wait_for_log("stopping on SIGTERM")
        assert server.is_running, "somebody still has something to read"
        assert server.stop(signal.SIGTERM) == 1
        assert time.monotonic() - start < 30, "half of what the first signal waits"
    assert any("cut off with something unsent: 1" in line for line in server.log)


def test_a_busy_port_is_one_plain_line_and_exit_code_2() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = command("--port", str(port))
    assert (done.returncode, done.stderr) == (
        2,
        f"chat-server: cannot listen on 127.0.0.1:{port}: Address already in use; another program listens there: stop it, or choose another port\n",
    )


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--host", "no.such.host.invalid"], "chat-server: cannot listen on no.such.host.invalid:5000: "),
        (["--config", "missing.toml"], "chat-server: missing.toml: No such file or directory"),
        (["--port", "70000"], "chat-server: --port: expected a number from 0 to 65535"),
        (["--host", "x" * 70], "chat-server: cannot listen on "),
    ],
)
def test_what_cannot_start_says_why_in_one_line(flags: list[str], complaint: str) -> None:
    done = command(*flags)
    assert done.returncode == 2
    assert done.stderr.startswith(complaint)
    assert len(done.stderr.splitlines()) == 1


def test_a_port_after_the_host_is_told_where_it_belongs() -> None:
    assert command("--host", "127.0.0.1:5000").stderr.endswith("; the port is given by --port\n")


def test_settings_are_checked_printed_and_used(tmp_path: Path) -> None:
    file = tmp_path / "chat.toml"
    file.write_text(command("--print-config").stdout.replace('"pm"', '"聊天"'), encoding="utf-8")
    assert command("--config", str(file), "--port", "0", "--check-config").stdout == f"{file}: good\n"
    with (
        running_server("--config", str(file), "--log-format", "json") as server,
        socket.create_connection(("127.0.0.1", server.port)) as caller,
    ):
        caller.sendall("/login ann\n/聊天\n".encode())
        received = b""
        while "* You are in 聊天.".encode() not in received:
            received += caller.recv(4096)
        assert json.loads(server.log[0])["event"] == f"listening on 127.0.0.1:{server.port}"
    file.write_text("[limits]\nconnection = 1\n")
    done = command("--config", str(file), "--check-config")
    assert done.returncode == 2
    assert done.stderr == f"chat-server: {file}: limits.connection: unknown key; did you mean limits.connections?\n"


def test_the_version_is_told() -> None:
    assert command("--version").stdout == f"chat-server {__version__}\n"


def test_callers_are_logged_only_when_asked_for() -> None:
    with running_server("-v") as server:
        socket.create_connection(("127.0.0.1", server.port)).close()
        server.wait_for_log("a caller came")
    with running_server() as server:
        socket.create_connection(("127.0.0.1", server.port)).close()
        server.stop()
    assert not any("a caller" in line for line in server.log)


Meet = Callable[[int, str], "Person"]


@pytest.fixture
def meet() -> Iterator[Meet]:
    """Makes people, who hang up at the end."""
    with ExitStack() as exits:
        yield lambda port, nick: exits.enter_context(closing(Person(port, nick)))


class Person:
    """Somebody on a plain socket."""

    def __init__(self, port: int, nick: str, room: str = "python") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self._received = ""
        self.ask(f"/login {nick}", "/help for more.\r\n* Welcome")
        self.ask(f"/join {room}", f"* You are in {room}.")

    def close(self) -> None:
        self._socket.close()

    def say(self, *lines: str) -> None:
        self._socket.sendall("".join(f"{line}\n" for line in lines).encode())

    def wait_for(self, text: str) -> str:
        """Return everything up to and with this."""
        while text not in self._received:
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                data = b""
            assert data, f"{text!r} did not come: {self._received!r}"
            self._received += data.decode()
        read, _, self._received = self._received.partition(text)
        return read + text

    def ask(self, line: str, answer: str) -> str:
        self.say(line)
        return self.wait_for(answer)


def test_after_a_restart_everything_is_as_it_was(tmp_path: Path, meet: Meet) -> None:
    with running_server(data=tmp_path) as server:
        ann = meet(server.port, "ann")
        ann.ask("/topic snakes", "* ann set the topic: snakes")
        ann.say("hello 你好", "/me waves")
        ann.ask("/create cooking", "* The room cooking is open.")
        ann.ask("/back", "* You are in the hall.")
        bob = meet(server.port, "bob")
        bob.say("while ann is away")
        assert " bob: while ann is away\r\n" in bob.ask("/last 1", "* Line 4 of 4. Older: /before 4.")
        assert server.stop() == 0
    with running_server(data=tmp_path) as server:
        ann = meet(server.port, "ann")
        said = ann.wait_for("* --- now ---")
        assert "* Topic: snakes\r\n" in said
        assert "* 1 line since you left (4)\r\n" in said
        assert " bob: while ann is away\r\n" in said
        assert "* python (1): snakes\r\n" in ann.ask("/rooms", "* 3 empty rooms: write, pm, cooking")
        assert " ann: hello 你好\r\n" in ann.ask("/search 你好", "* 1 line found.")
        ann.say("/ping", "one more")
        ann.wait_for("* #5 waited ")
        carol = meet(server.port, "carol")
        assert carol.wait_for("* --- now ---").count("#") == 5


def test_a_full_disk_is_told_to_authors_and_forgotten_when_it_has_room_again(tmp_path: Path, meet: Meet) -> None:
    """RLIMIT_FSIZE makes the files of the running server as small as a full disk would."""
    config = tmp_path / "chat.toml"
    config.write_text("[limits]\nmessages_per_second = 0\n")
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    with running_server("--config", str(config), data=tmp_path / "data") as server:
        ann, bob = meet(server.port, "ann"), meet(server.port, "bob")
        ann.say("before")
        bob.wait_for("ann: before\r\n")
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        refusal = "* Your line could not be stored, so nobody has seen it. Try again later."
        for _ in range(3):
            ann.ask("while it is full", refusal)
        assert ann.ask("/last", "* Line 1 of 1.").count("#") == 1, "what is there can still be read"
        ann.ask("/create new", "* That could not be stored just now. Try again later.")
        meet(server.port, "carol")
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, unlimited)
        ann.say("/ping", "after")
        ann.wait_for("* #2 waited ")
        assert "while it is full" not in bob.wait_for("ann: after\r\n")
        ann.ask("/create new", "* The room new is open.")
        assert server.stop() == 0
    assert any("cannot store what was said" in line for line in server.log)
    done = command("check-journal", "--data", str(tmp_path / "data"))
    assert (done.returncode, done.stdout[:17]) == (0, "4 rooms, 2 lines,"), done


@pytest.mark.slow
def test_a_lock_of_another_programs_does_not_hold_up_a_stop_and_authors_are_told(tmp_path: Path, meet: Meet) -> None:
    config = tmp_path / "chat.toml"
    config.write_text("[server]\nstop_seconds = 4\n")
    data = tmp_path / "data"
    with running_server("--config", str(config), data=data) as server:
        ann, bob = meet(server.port, "ann"), meet(server.port, "bob")
        ann.say("before")
        bob.wait_for("ann: before\r\n")
        with closing(sqlite3.connect(data / "journal.db", isolation_level=None)) as shell:
            shell.execute("BEGIN IMMEDIATE")
            ann.say("while it is locked")
            ann.ask("/online", "1 other in python: bob")  # and so the line before has been taken
            began = time.monotonic()
            server.signal(signal.SIGTERM)
            ann.wait_for("* Your line could not be stored, so nobody has seen it. Try again later.")
            ann.wait_for("Goodbye.")
            assert server.stop(0) == 0, "nothing was cut off"
            assert time.monotonic() - began < 4 + 8, (
                "the process itself takes a moment to end, on a busy machine a longer one"
            )
    assert command("check-journal", "--data", str(data)).stdout.startswith("3 rooms, 1 line,")


def test_a_journal_deleted_under_the_server_is_told_to_authors_and_to_the_log(tmp_path: Path, meet: Meet) -> None:
    data = tmp_path / "data"
    with running_server(data=data) as server:
        ann, bob = meet(server.port, "ann"), meet(server.port, "bob")
        ann.say("before")
        bob.wait_for("ann: before\r\n")
        (data / "journal.db").unlink()
        ann.ask("into nowhere", "* Your line could not be stored, so nobody has seen it. Try again later.")
        assert server.stop() == 0
        assert "into nowhere" not in bob.wait_for("Goodbye.")
    (complaint,) = [line for line in server.log if "cannot store what was said" in line]
    assert f"{data / 'journal.db'} was deleted or replaced while the server was running: put it back" in complaint


@pytest.mark.parametrize("zone", ["XYZ+24", "XYZ-24:59", "Nowhere/Land", ""])
def test_no_time_in_a_journal_and_no_zone_of_the_machine_ends_the_server(
    tmp_path: Path, meet: Meet, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    data = tmp_path / "data"
    with running_server(data=data) as server:
        ann = meet(server.port, "ann")
        ann.say(*(f"line {number}" for number in range(5)))
        ann.ask("/last 1", "Line 5 of 5")
        server.stop()
    times = [1e18, -99999999999.0, float("inf"), 1795827121000.0, 253402300799.0]
    with closing(sqlite3.connect(data / "journal.db")) as journal, journal:
        journal.execute("DELETE FROM batch")
        for number, at in enumerate(times, 1):
            journal.execute(
                "INSERT INTO batch (id, room, first, count, at, lines) VALUES (?1, 1, ?1, 1, ?2, ?3)",
                (number, at, '[["ann","line"]]'),
            )
    found = command("check-journal", "--data", str(data)).stdout
    assert found.count("is not possible: times are in seconds since 1970") == 5
    with running_server(data=data) as server:
        carol = meet(server.port, "carol")
        carol.wait_for("* --- now ---")
        for line, answer in (
            ("/last", "Lines 1–5 of 5."),
            ("/date 2026-11-20", " of 5"),
            ("/search line", "5 lines found"),
            ("/around 3", "Lines 1–5 of 5."),
            ("/time", "* It is "),
        ):
            carol.ask(line, answer)
        with socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT) as bot:
            bot.sendall(
                b'{"do":"hello","client":"x"}\n{"do":"login","nick":"bot"}\n{"do":"join","room":"python"}\n'
                b'{"do":"history","room":"python","after":0,"ref":"p"}\n'
            )
            received = b""
            while b'"ref":"p"' not in received or not received.endswith(b"\n"):
                received += bot.recv(65536)
            (page,) = [json.loads(line) for line in received.splitlines() if b'"ref":"p"' in line]
            assert all(-62135596800 < line["at"] < 253402300800 for line in page["lines"])
        carol.say("/ping", "still here")
        carol.wait_for("* #6 waited ")
        assert server.stop() == 0


def test_every_commit_is_synced_before_anybody_sees_it(tmp_path: Path, meet: Meet) -> None:
    strace = program("strace")
    trace = tmp_path / "trace"
    with running_server(data=tmp_path / "data") as server:
        ann, bob = meet(server.port, "ann"), meet(server.port, "bob")
        flags = ["-f", "-e", "trace=fdatasync,fsync,sendto", "-s", "40", "-o", str(trace), "-p", str(server.pid)]
        tracing = subprocess.Popen([strace, *flags], stderr=subprocess.PIPE, text=True)
        assert tracing.stderr
        assert "attached" in tracing.stderr.readline()
        for number in range(5):
            ann.say(f"line {number}")
            bob.wait_for(f"ann: line {number}\r\n")
            time.sleep(0.05)
        tracing.terminate()
        tracing.communicate(timeout=TIMEOUT)
    calls = trace.read_text()
    for number in range(5):
        before = calls[: calls.index(f"ann: line {number}")].rpartition("ann: line")[2]
        assert "sync(" in before, "it is sent only after a sync that came after the line before it"


@pytest.mark.parametrize(
    ("addresses", "client", "said"),
    [
        ([("127.0.0.1", 5000)], "scripts/tui", "to come in: nc 127.0.0.1 5000, or scripts/tui"),
        ([("127.0.0.1", 5000)], "chat-tui", "to come in: nc 127.0.0.1 5000, or chat-tui 127.0.0.1:5000"),
        (
            [("127.0.0.1", 5001)],
            "chat/scripts/tui",
            "to come in: nc 127.0.0.1 5001, or chat/scripts/tui 127.0.0.1:5001",
        ),
        ([("::1", 5000), ("127.0.0.1", 5000)], "scripts/tui", "to come in: nc 127.0.0.1 5000, or scripts/tui"),
        ([("::1", 5000)], "scripts/tui", "to come in: nc ::1 5000, or scripts/tui [::1]:5000"),
        (
            [("0.0.0.0", 5000)],  # noqa: S104 - what others may reach
            "scripts/tui",
            "to come in: nc 127.0.0.1 5000, or scripts/tui; from elsewhere, with this machine's name instead of 127.0.0.1",
        ),
        (
            [("::", 7)],
            "chat-tui",
            "to come in: nc ::1 7, or chat-tui [::1]:7; from elsewhere, with this machine's name instead of ::1",
        ),
        ([("127.0.0.1", 5000)], "/my chat/scripts/tui", "to come in: nc 127.0.0.1 5000, or '/my chat/scripts/tui'"),
        ([("192.0.2.7", 5000)], "scripts/tui", "to come in: nc 192.0.2.7 5000, or scripts/tui 192.0.2.7:5000"),
    ],
)
def test_the_next_step_is_right_for_every_address(addresses: list[tuple[str, int]], client: str, said: str) -> None:
    assert ways_in(addresses, client=client, proxies=Proxies([])) == said
    if given := re.search(rf"{client} ([\[\d]\S+\d)", said):
        host, port = parse_address(given[1])
        assert f"nc {host} {port}," in said


@pytest.mark.parametrize(
    ("engine", "directory", "said"),
    [
        ("sqlite", Path("/srv/chat"), "data is kept in /srv/chat"),
        ("postgresql", Path("/srv/chat"), "data is kept in postgresql, and what is this server's own in /srv/chat"),
        ("memory", None, "nothing is kept: the journal is in memory, and forgotten with the server"),
    ],
)
def test_a_start_says_where_data_is_kept(engine: str, directory: Path | None, said: str) -> None:
    assert where_kept(engine, directory) == said


@pytest.mark.parametrize(
    ("command", "directory", "said"),
    [
        ("chat-server", "", "chat-server admin owner NAME"),
        ("scripts/serve", "", "scripts/serve admin owner NAME"),
        ("chat-server", "/srv/my chat", "chat-server admin owner NAME --data '/srv/my chat'"),
        ("/my chat/scripts/serve", "d", "'/my chat/scripts/serve' admin owner NAME --data d"),
    ],
)
def test_how_somebody_becomes_an_owner_can_be_typed_as_it_is_said(command: str, directory: str, said: str) -> None:
    assert way_to_an_owner(command, directory) == f"to make somebody the owner, who invites others: {said}"


@pytest.mark.parametrize(
    ("addresses", "trusted", "is_open"),
    [
        ([("127.0.0.1", 5010)], ["127.0.0.0/8"], False),
        ([("0.0.0.0", 5010)], ["127.0.0.1"], False),  # noqa: S104 - what others may reach
        ([("127.0.0.1", 5010)], ["192.0.2.1", "unix"], True),
        ([("/run/chat/socket", 0)], ["unix"], False),
        ([("/run/chat/socket", 0)], ["127.0.0.1"], True),
    ],
)
def test_where_only_a_proxy_is_let_in_the_next_step_says_so(
    addresses: list[tuple[str, int]], trusted: list[str], *, is_open: bool
) -> None:
    said = ways_in(addresses, client="chat-tui", proxies=Proxies(trusted))
    assert ("by the proxy" in said) is not is_open
    if addresses == [("/run/chat/socket", 0)] and is_open:
        assert said == "to come in: nc -U /run/chat/socket"


def test_a_start_ends_with_the_next_step() -> None:
    with running_server() as server:
        server.stop()
    assert "info: data is kept in /" in server.log[1]
    assert server.log[2].rstrip().endswith(f": nc 127.0.0.1 {server.port}, or chat-tui 127.0.0.1:{server.port}")
