"""The promises, kept by real programs: the server's command, telnet, nc, and the scripts."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chat_server import __version__
from processes import TIMEOUT, running_server, terminal


def program(name: str) -> str:
    """The program's path. CI installs it; elsewhere its test is left out."""
    found = shutil.which(name)
    if not found:
        assert "CI" not in os.environ, f"{name} is not installed"
        pytest.skip(f"{name} is not installed")
    return found


def command(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chat_server", *flags], capture_output=True, text=True, timeout=TIMEOUT, check=False
    )


def test_the_classic_dialogue_over_the_real_telnet_and_the_real_nc() -> None:
    telnet, nc = program("telnet"), program("nc")
    with (
        running_server() as server,
        terminal(telnet, "127.0.0.1", str(server.port)) as ann,
        terminal(nc, "127.0.0.1", str(server.port)) as bob,
    ):
        for person, nick in ((ann, "ann"), (bob, "小明")):
            person.wait_for("/login NICK lets you in")
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
        ann.wait_for("* In python with you (1): 小明\n")
        ann.type("/anything-else\n")
        ann.wait_for("* Unknown command: anything-else\n")
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
        ann.wait_for("/login NICK lets you in")
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
        ann.wait_for("/login NICK lets you in")
        ann.type("/login 小明\n")
        ann.wait_for("* A name is made of letters")
        ann.type("/login 小明\n")
        ann.wait_for("* Welcome, 小明.\n")
        ann.type("/help 日本\n")
        ann.wait_for("* Unknown command: 日本\n")


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


def test_it_says_when_it_listens_and_soon() -> None:
    times = []
    for _ in range(3):
        start = time.monotonic()
        with running_server():
            times.append(time.monotonic() - start)
    assert min(times) < 0.35 * 3, (
        "three times the measured bound, for a busy machine; docs/performance.md has the figure"
    )


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


def test_a_second_signal_stops_it_at_once_with_exit_code_1(tmp_path: Path) -> None:
    config = tmp_path / "chat.toml"
    config.write_text("[server]\nstop_seconds = 60\n[limits]\nmessages_per_second = 0\n")
    with running_server("--config", str(config)) as server, socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", server.port))
        stuck.sendall(b"/login stuck\n/python\n")
        with socket.create_connection(("127.0.0.1", server.port)) as talker:
            talker.sendall(b"/login ann\n")
            time.sleep(0.3)
            talker.sendall(b"/python\n" + (b"x" * 1000 + b"\n") * 10_000 + b"/back\n/logout\n")
            while talker.recv(65536):
                pass
        server.signal(signal.SIGTERM)
        time.sleep(1)
        assert server.is_running, "somebody still has something to read"
        start = time.monotonic()
        assert server.stop(signal.SIGTERM) == 1
        assert time.monotonic() - start < 5
    assert any("cut off with something unsent: 1" in line for line in server.log)


def test_a_busy_port_is_one_plain_line_and_exit_code_2() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = command("--port", str(port))
    assert (done.returncode, done.stderr) == (
        2,
        f"chat-server: cannot listen on 127.0.0.1:{port}: Address already in use\n",
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


def test_settings_are_checked_printed_and_used(tmp_path: Path) -> None:
    file = tmp_path / "chat.toml"
    file.write_text(command("--print-config").stdout.replace('"pm"', '"聊天"'), encoding="utf-8")
    assert command("--config", str(file), "--check-config").stdout == f"{file}: good\n"
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
    assert done.stderr.startswith(
        f"chat-server: {file}: limits.connection: unknown key; expected one of: connections, "
    )


def test_the_version_is_told() -> None:
    assert command("--version").stdout == f"chat-server {__version__}\n"


def test_callers_are_logged_only_when_asked_for() -> None:
    with running_server("-v") as server:
        socket.create_connection(("127.0.0.1", server.port)).close()
        time.sleep(0.3)
        server.stop()
    assert any("a caller came" in line for line in server.log)
