"""chat-tui line by line, as a filter between real pipes, files and closed descriptors, with a real server."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import forks
from chat_tui.client.local_store import LocalStore
from chat_tui.client.pending import Pending
from chat_tui.client.plain_program import Exit
from processes import ROOT, TIMEOUT, ServerProcess, running_server, terminal

PROGRAM = [sys.executable, "-m", "chat_tui"]


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ExitStack() as stack:
        config = Path(stack.enter_context(_folder())) / "chat.toml"
        config.write_text("[limits]\nmessages_per_second = 0\n")
        yield stack.enter_context(running_server("--config", str(config)))


@contextmanager
def _folder() -> Iterator[str]:
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - tmp_path is for a test, not for a module

    with TemporaryDirectory() as folder:
        yield folder


_names = iter(range(10**6))


class Plain:
    """chat-tui --plain with a nickname, a room and a state directory of its own."""

    def __init__(self, server: ServerProcess, folder: Path, *, make_room: bool = True) -> None:
        self.number = next(_names)
        self.port = server.port
        self.room = f"room{self.number}"
        self.nick = f"nick{self.number}"
        self.state = folder / "state"
        if make_room:
            self.run("/create " + self.room + "\n", room="")

    def flags(self, *more: str, room: str | None = None, nick: str = "", port: int = 0) -> list[str]:
        room = self.room if room is None else room
        return [
            *(f"127.0.0.1:{port or self.port}", "--plain", "--nick", nick or self.nick, "--state", str(self.state)),
            *("--config", os.devnull, *(["--room", room] if room else []), *more),
        ]

    def run(self, text: str | bytes, *more: str, **settings: Any) -> subprocess.CompletedProcess[str]:
        env = settings.pop("env", None)
        run = subprocess.run if env else forks.run  # what Python makes of the environment it makes when it starts
        done = run(
            [*PROGRAM, *self.flags(*more, **settings)],
            input=text if isinstance(text, bytes) else text.encode(),
            capture_output=True,
            timeout=TIMEOUT * 2,
            check=False,
            env=os.environ | (env or {}),
        )
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode("latin-1" if env else "utf-8"), done.stderr.decode()
        )

    def between(self, **streams: Any) -> subprocess.CompletedProcess[str]:
        """Run it with these streams, as a shell's < and > make them."""
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        done = forks.run([*PROGRAM, *self.flags()], text=True, timeout=TIMEOUT * 2, **streams)
        assert "Traceback" not in (done.stderr or ""), done.stderr
        return done

    def said(self) -> list[str]:
        """What has been said in the room, as somebody else reads it."""
        nick = f"reader{next(_names)}"
        other = forks.run(
            [*PROGRAM, *self.flags("--state", str(self.state.parent / nick), nick=nick, room="")],
            input=f"/join {self.room}\n/since 0\n".encode(),
            capture_output=True,
            timeout=TIMEOUT,
            check=True,
        )
        return re.findall(r"^#\d+ \S+ \w+: (.*)$", other.stdout.decode(), re.MULTILINE)


@pytest.fixture
def plain(server: ServerProcess, tmp_path: Path) -> Plain:
    return Plain(server, tmp_path)


@pytest.mark.slow
def test_a_thousand_lines_are_a_thousand_lines_at_the_servers_pace(tmp_path: Path) -> None:
    config = tmp_path / "chat.toml"
    config.write_text("[limits]\nmessages_per_second = 400\nmessage_burst = 20\nrequests_per_address = 400\n")
    with running_server("--config", str(config)) as server:
        plain = Plain(server, tmp_path, make_room=False)
        done = plain.run("".join(f"{number}\n" for number in range(1000)), room="python")
        assert (done.returncode, done.stderr) == (Exit.STORED, "")
        stored = [line for line in done.stdout.splitlines() if "stored as" in line]
        assert stored == [f"[python] stored as {number}" for number in range(1, 1001)]


def test_answers_come_in_the_order_of_what_was_typed(plain: Plain) -> None:
    done = plain.run(
        "one\n/online\n/dance with me\ntwo\n/last 1\n/search one\n/since 1\n/around 1\n/date 2020-01-01\n/history 3\n"
    )
    shown = [re.sub(r"\d\d:\d\d", "TIME", line) for line in done.stdout.splitlines() if not line.startswith("---")]
    room, nick = plain.room, plain.nick
    one, two = f"#1 TIME {nick}: one", f"#2 TIME {nick}: two"
    page = [one, two, "Lines 1–2 of 2."]
    assert shown[2:] == [
        f"[{room}] stored as 1",
        f"Nobody else is in {room}.",
        "There is no command /dance. /help lists all.",
        f"[{room}] stored as 2",
        two,
        "Line 2 of 2. Older: /before 2.",
        f"In {room}:",
        one,
        "1 line found. /around NUMBER shows the lines around it.",
        two,
        "Line 2 of 2. Older: /before 2.",
        *page,
        *page,
        "Lines shown to you on entering a room: 3",
    ]
    assert done.returncode == Exit.STORED


@pytest.mark.slow
def test_help_lists_what_is_not_refused_there(plain: Plain) -> None:
    given_values = {
        "ROOM": "python", "NICK": plain.nick + "x", "TEXT": "x", "ACTION": "x", "NUMBER": "1", "ID": "1", "WHY": "x", "DAY": "2020-01-01",
        "WORDS": "x", "SIGN": "+1",
    }  # fmt: skip
    for room in ("", plain.room):
        listed = plain.run("/help\n", room=room).stdout
        commands = dict(re.findall(r"^/(\w+)(.*?) - ", listed, re.MULTILINE))
        assert len(commands) > 5
        typed = ""
        for word in sorted(commands.keys() - {"logout"}, key=lambda word: word == "back"):
            wanted = re.findall(r"[A-Z]+", re.sub(r"\[.*?\]", "", commands[word]))
            typed += f"/{word} " + " ".join(given_values[name] for name in wanted) + "\n"
        told = plain.run(typed, room=room).stdout
        assert not re.search(r"does not work|There is no command|no room|Usage", told), told


@pytest.mark.slow
def test_a_line_goes_to_the_room_that_was_named_last_and_to_no_other(plain: Plain, server: ServerProcess) -> None:
    other = Plain(server, plain.state / "other")
    done = plain.run(f"/join {other.room}\nfor the other\n/{plain.room}\nfor this\n/{plain.room}\nfor this too\n")
    assert done.returncode == Exit.STORED
    assert (plain.said(), other.said()) == (["for this", "for this too"], ["for the other"])
    done = plain.run("/join nowhere\nfor nobody\nand this\n")
    assert (done.returncode, plain.said()) == (Exit.NOT_STORED, ["for this", "for this too"])
    assert "There is no room nowhere" in done.stdout
    assert done.stdout.count(f"Lines from here on are not sent: they may be for another room than {plain.room}.") == 1
    assert f"/join {plain.room} goes on there." in done.stdout
    assert "2 lines were not sent" in done.stderr
    done = plain.run("/nowhere\nfor nobody\n")
    assert (done.returncode, plain.said()) == (Exit.NOT_STORED, ["for this", "for this too"]), "a room's name, mistyped"
    assert f"they may be for another room than {plain.room}" in done.stdout
    assert "You are in no room" not in done.stdout, "the server has one there"
    done = plain.run(f"/join {other.room}\n/back\nfor nobody\n")
    assert (done.returncode, other.said()) == (Exit.NOT_STORED, ["for the other"])
    assert "You are in no room. /join ROOM enters one." in done.stdout


@pytest.mark.parametrize("seconds", ["-1", "soon", "inf", "nan"])
def test_a_wait_that_is_no_number_of_seconds_is_told_what_one_is(seconds: str) -> None:
    done = forks.run([*PROGRAM, "--plain", f"--wait={seconds}"], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == Exit.CANNOT_START
    assert f"'{seconds}' is no number of seconds, such as 0, 2.5 or 60" in done.stderr


def test_what_was_said_before_comes_before_what_is_said_now(plain: Plain) -> None:
    plain.run("".join(f"{number}\n" for number in range(150)))
    done = plain.run("/last 1\n", nick="late" + plain.nick)
    numbers = [int(number) for number in re.findall(r"^\[\w+\] (\d+) ", done.stdout, re.MULTILINE)]
    assert numbers
    assert numbers == sorted(numbers)
    assert numbers[-1] == 150
    assert done.stdout.index("[" + plain.room) < done.stdout.index("#150")


def test_with_the_server_away_lines_are_kept_and_said_to_be(plain: Plain) -> None:
    done = plain.run("one\ntwo\n", "--wait", "0.3", port=1)
    assert done.returncode == Exit.LEFT
    assert "2 lines are not stored. They are kept in" in done.stderr
    assert "There was no connection" in done.stderr
    done = plain.run("/join somewhere\nthree\n", "--wait", "0.3", port=1)
    assert "2 lines of the input are neither sent nor kept, from this one on: /join somewhere" in done.stderr


def test_with_the_name_taken_lines_are_kept_and_sent_the_next_time(plain: Plain, server: ServerProcess) -> None:
    with terminal("nc", "127.0.0.1", str(server.port)) as taker:
        taker.type(f"/login taken{plain.number}\n")
        taker.wait_for("Welcome")
        done = plain.run("one\ntwo\n", nick=f"taken{plain.number}")
        assert done.returncode == Exit.REFUSED
        assert "is taken" in done.stderr
        assert "2 lines are not stored. They are kept in" in done.stderr
    assert plain.run("").returncode == Exit.STORED
    assert plain.said() == ["one", "two"]


@pytest.mark.slow
def test_every_kind_of_input_and_output_will_do(plain: Plain, tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("from a file")
    for file in (tmp_path / "lines", Path("/dev/null")):
        with file.open() as lines:
            assert plain.between(stdin=lines).returncode == Exit.STORED
    assert plain.between(stdin=forks.CLOSED).returncode == Exit.STORED
    assert plain.between(input="to nowhere\n", stdout=forks.CLOSED).returncode == Exit.STORED
    nobody = plain.between(input="quietly\n", stdout=forks.CLOSED, stderr=forks.CLOSED)
    assert nobody.returncode == Exit.STORED
    folder = os.open("/", os.O_RDONLY)  # which Python itself does not take
    assert subprocess.run([*PROGRAM, *plain.flags()], stdin=folder, capture_output=True, check=False).returncode
    os.close(folder)
    with Path("/dev/full").open("w") as full:
        done = plain.between(input="x\n", stdout=full)
    assert (done.returncode, "No space left" in done.stderr) == (Exit.NO_OUTPUT, True)
    assert plain.said()[:3] == ["from a file", "to nowhere", "quietly"]


def test_when_nobody_reads_the_output_no_more_is_taken_and_what_was_is_stored(plain: Plain) -> None:
    with forks.Popen[str](
        [*PROGRAM, *plain.flags()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()  # as head does
        process.stdin.write("one\ntwo\n")
        process.stdin.flush()
        told = process.stderr.read()
        assert process.wait(TIMEOUT) == Exit.NO_OUTPUT
    assert "The output cannot be written" in told
    assert plain.said() in (["one", "two"], [])
    assert "is kept" in told or "neither sent nor kept" in told or "not read" in told


@pytest.mark.parametrize(
    ("encoding", "shown"), [({"PYTHONIOENCODING": "latin-1"}, "é ?"), ({"PYTHONIOENCODING": "ascii:strict"}, "? ?")]
)
def test_what_the_output_cannot_show_is_replaced(encoding: dict[str, str], shown: str, plain: Plain) -> None:
    done = plain.run("é 👋\n/last 1\nand on\n", env=encoding)
    assert f"{plain.nick}: {shown}" in done.stdout
    assert "stored as 2" in done.stdout
    assert done.returncode == Exit.STORED


def test_a_line_that_is_too_long_is_refused_with_a_sentence_and_the_next_is_sent(plain: Plain) -> None:
    done = plain.run("x" * 70_000 + "\n" + "y" * 300_000 + "\nshort\n" + "\x01" * 20_000 + "clean\n")
    assert done.returncode == Exit.NOT_STORED
    assert "That is 70000 bytes; a message has at most 16384." in done.stdout
    assert "far too long" in done.stdout
    assert plain.said() == ["short", "clean"]


def test_a_second_one_says_that_it_keeps_nothing_and_harms_nothing(plain: Plain) -> None:
    store = LocalStore(plain.state / f"127.0.0.1_{plain.port}")
    store.add(Pending("k", plain.room, "say", "kept", 0.0))
    before = {path.name: path.read_bytes() for path in store.directory.iterdir()} if store.directory else {}
    done = plain.run("hello\n", nick="second" + plain.nick)
    assert done.returncode == Exit.STORED
    assert "Nothing is kept on disk: another chat-tui is using" in done.stderr
    assert {path.name: path.read_bytes() for path in (plain.state / f"127.0.0.1_{plain.port}").iterdir()} == before
    done = plain.run("lost\n", "--wait", "0.3", port=1, nick="third" + plain.nick)
    store.close()


def test_an_output_that_nobody_reads_does_not_keep_a_signal_from_ending_the_program(plain: Plain) -> None:
    output, full = _full_pipe()
    process = forks.Popen[bytes](
        [*PROGRAM, *plain.flags(port=1)], stdin=subprocess.PIPE, stdout=full, stderr=subprocess.PIPE
    )
    os.close(full)
    try:
        assert process.stdin
        process.stdin.write(b"what is left\n")
        process.stdin.flush()
        _wait_until_kept(plain, b"what is left")
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT) == 143
    finally:
        process.kill()
        process.communicate()
        os.close(output)


def test_an_output_that_breaks_with_the_last_of_what_is_written_is_told_too(plain: Plain) -> None:
    output, full = _full_pipe()
    process = forks.Popen[bytes](
        [*PROGRAM, *plain.flags()], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE
    )
    os.close(full)
    try:
        for is_at_work in (True, False):  # in the end all it has still to do is to write
            deadline = time.monotonic() + TIMEOUT
            while _has_open(process.pid, "/lock") is not is_at_work:
                assert time.monotonic() < deadline
                time.sleep(0.01)
    finally:
        os.close(output)
        _, told = process.communicate(timeout=TIMEOUT)
    assert told == b"chat-tui: The output cannot be written: Broken pipe.\n"
    assert process.returncode == Exit.NO_OUTPUT


def _full_pipe() -> tuple[int, int]:
    output, full = os.pipe()
    os.set_blocking(full, False)
    with suppress(BlockingIOError):
        while True:
            os.write(full, b"x" * 4096)
    os.set_blocking(full, True)
    return output, full


def _has_open(pid: int, name: str) -> bool:
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # it has been closed meanwhile
            if os.readlink(file).endswith(name):
                return True
    return False


def _wait_until_kept(plain: Plain, words: bytes) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not any(words in file.read_bytes() for file in plain.state.rglob("*") if file.is_file()):
        assert time.monotonic() < deadline, "what was typed is not kept"
        time.sleep(0.02)


def test_a_signal_says_what_is_left(plain: Plain) -> None:
    process = forks.Popen[str](
        [*PROGRAM, *plain.flags(port=1)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write("what is left\n")
    process.stdin.flush()
    assert "No connection" in process.stdout.readline()
    _wait_until_kept(plain, b"what is left")
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 143
    assert "1 line is not stored. It is kept in" in told


class Withholding:
    """Between a program and its server: hands everything on, but from one request on no answer any more, until it is opened."""

    def __init__(self, port: int, request: bytes) -> None:
        self._server_port = port
        self._request = request
        self._is_open = False
        self._is_withholding = threading.Event()
        self._withheld = b""
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def open(self) -> None:
        """Withhold nothing from who calls from now on. Those who called before stay connected to the server."""
        self._is_open = True

    def wait_for(self, answer: bytes) -> None:
        """Wait until the server has given this answer, which does not come through."""
        deadline = time.monotonic() + TIMEOUT
        while answer not in self._withheld:
            assert time.monotonic() < deadline, self._withheld
            time.sleep(0.01)

    def close(self) -> None:
        for opened in (self._listener, *self._sockets):
            opened.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                if caller.recv(1, socket.MSG_PEEK) == b"\x16":  # what goes by in TLS it could not tell apart
                    caller.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._server_port))
                self._sockets += [caller, server]
                for source, target in ((caller, server), (server, caller)):
                    threading.Thread(target=self._hand_on, args=(source, target, self._is_open), daemon=True).start()

    def _hand_on(self, source: socket.socket, target: socket.socket, is_open: bool) -> None:
        is_answer = source.getpeername()[1] == self._server_port
        with suppress(OSError):
            while data := source.recv(65536):
                if not is_open and not is_answer and self._request in data:
                    self._is_withholding.set()
                if is_answer and not is_open and self._is_withholding.is_set():
                    self._withheld += data
                else:
                    target.sendall(data)
            if is_open:
                target.shutdown(socket.SHUT_WR)


@pytest.mark.slow
@pytest.mark.parametrize(("request_", "answer"), [("login", "logged-in"), ("join", "entered"), ("say", "stored")])
def test_whoever_is_killed_before_the_first_answer_comes_has_the_name_and_says_nothing_twice(
    plain: Plain, request_: str, answer: str
) -> None:
    nick = f"{plain.nick}new"
    with closing(Withholding(plain.port, f'"do":"{request_}"'.encode())) as between:
        with forks.Popen[bytes](
            [*PROGRAM, *plain.flags(nick=nick, port=between.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdin
            process.stdin.write(b"once\n")
            process.stdin.flush()
            between.wait_for(f'"is":"{answer}"'.encode())
            outbox = plain.state / f"127.0.0.1_{between.port}" / "outbox.json"
            deadline = time.monotonic() + TIMEOUT
            while not outbox.exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            process.kill()
        between.open()
        done = plain.run("", nick=nick, port=between.port)
    assert done.returncode == Exit.STORED, done.stderr
    assert plain.said() == ["once"]


@pytest.mark.slow
@pytest.mark.parametrize("seen", ["Connected", "You are in", "stored as"])
def test_whoever_is_killed_in_the_first_second_of_a_new_profile_says_nothing_twice(plain: Plain, seen: str) -> None:
    with forks.Popen[str](
        [*PROGRAM, *plain.flags()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("once\n")
        process.stdin.flush()
        while seen not in process.stdout.readline():
            pass
        process.kill()
    assert plain.run("").returncode == Exit.STORED
    assert plain.said() == ["once"]


@pytest.mark.slow
def test_the_document_is_played(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "plain.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- played -->\n```console\n(.*?)```", text, re.DOTALL)
    assert block
    state = tmp_path / "state"
    (tmp_path / "chat-tui").write_text(
        f'#!/bin/sh\nexec {shlex.join(PROGRAM)} --state {state} --config {os.devnull} "$@" 2>&1\n'
    )
    (tmp_path / "chat-tui").chmod(0o755)
    with running_server() as server:
        for part in block[1].split("$ ")[1:]:
            command, _, expected = part.partition("\n")
            done = subprocess.run(
                ["bash", "-c", command.replace("127.0.0.1:5000", f"127.0.0.1:{server.port}")],
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
                env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
            )
            shown = re.sub(r"--- [\d-]+ ---", "--- DAY ---", re.sub(r" \d\d:\d\d ", " TIME ", done.stdout))
            shown = shown.replace(str(state), "STATE").replace(str(server.port), "5000")
            assert shown == expected, command
