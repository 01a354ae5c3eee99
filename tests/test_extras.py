"""Without the packages of `[tui]`: the server serves, chat-tui talks line by line, and its screen says what it lacks."""

import json
import re
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from processes import TIMEOUT, running_server, screen
from test_locks import locked

WITHOUT_THE_SCREEN = """
import sys
for name in {modules}:
    sys.modules[name] = None  # importing it fails as if it were not installed
from {program}.cli import main
sys.exit(main())
"""


def missing() -> list[str]:
    """The modules of the screen's packages."""
    only_screen = locked("tui").keys() - locked("server").keys()
    assert "textual" in only_screen
    modules = sorted(name.replace("-", "_") for name in only_screen - {"linkify-it-py", "mdit-py-plugins"})
    return [*modules, "linkify_it", "mdit_py_plugins", "markdown_it"]


def command(program: str) -> list[str]:
    """A program where the server's packages are installed and no others."""
    return [sys.executable, "-c", WITHOUT_THE_SCREEN.format(modules=missing(), program=program)]


def test_chat_tui_talks_line_by_line_without_the_packages_of_its_screen(tmp_path: Path) -> None:
    with running_server() as server:
        flags = ["--plain", "--nick", "ann", "--room", "python", "--state", str(tmp_path)]
        done = subprocess.run(
            [*command("chat_tui"), f"127.0.0.1:{server.port}", *flags],
            input="good :morning: to all\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
        )
        assert "Traceback" not in done.stderr
        with socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT) as bob:
            bob.sendall(b"/login bob\n/python\n/last 1\n/logout\n")
            shown = b"".join(iter(lambda: bob.recv(4096), b"")).decode()
    assert re.search(r"ann: good :morning: to all", shown), (shown, done)


def test_the_screen_says_in_one_line_what_it_lacks_and_what_works_without(tmp_path: Path) -> None:
    with screen(*command("chat_tui"), "--state", str(tmp_path), columns=200) as terminal:
        terminal.wait_until("pip install 'chat-server[tui]'")
        assert len(terminal.rows) == 1
        assert "--plain" in terminal.rows[0]


def test_without_a_screen_the_terminal_is_asked_nothing(tmp_path: Path) -> None:
    """Nobody would read its answer: it would stand on the shell's line."""
    with screen(*command("chat_tui"), "--slow-link", "--state", str(tmp_path), columns=200) as terminal:
        terminal.wait_until("pip install 'chat-server[tui]'")
        assert b"\x1b" not in terminal.raw


SEVERAL_RUNS = """
import contextlib, io, json, sys
for name in {modules}:
    sys.modules[name] = None
from {program}.cli import main
found = {{}}
for flag in {flags}:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as complaint:
        try:
            code = main([flag])
        except SystemExit as end:
            code = end.code
    found[flag] = [code, complaint.getvalue()]
print(json.dumps(found))
"""
FLAGS = ["--help", "--print-config", "--version"]


@cache
def outcomes(program: str) -> dict[str, list[object]]:
    """The exit code and the complaint with each flag, one after the other in one process."""
    code = SEVERAL_RUNS.format(modules=missing(), program=program, flags=FLAGS)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, list[object]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("program", ["chat_server", "chat_tui"])
def test_what_needs_no_screen_works_without_its_packages(program: str, flag: str) -> None:
    assert outcomes(program)[flag] == [0, ""]


def test_the_server_needs_none_of_the_screen_s_packages(tmp_path: Path) -> None:
    server = subprocess.Popen(
        [*command("chat_server"), "--port", "0", "--data", str(tmp_path)], stderr=subprocess.PIPE, text=True
    )
    try:
        assert server.stderr
        assert "listening on" in server.stderr.readline()
    finally:
        server.terminate()
        server.communicate(timeout=TIMEOUT)
    assert server.returncode == 0
    done = subprocess.run(
        [*command("chat_server"), "--data", str(tmp_path), "check-journal"], capture_output=True, check=False
    )
    assert done.returncode == 0, done
