"""The real chat-tui in tmux, against the real server: people see each other's lines, keys arrive, and nothing is lost when the server goes."""

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from processes import TIMEOUT, ServerProcess, running_server, terminal
from tmux_windows import Tmux, needs_tmux, tmux

__all__ = ["tmux"]


@pytest.mark.slow
@needs_tmux
def test_two_clients_and_a_telnet_talk_to_each_other(tmux: Tmux) -> None:
    with running_server() as server:
        tmux.open("ann", server.port)
        tmux.open("bob", server.port, "--room", "python", size=(80, 24))
        tmux.wait_for("ann", "bob joined|2 people")
        tmux.wait_for("bob", "1 python")
        with terminal("telnet", "127.0.0.1", str(server.port)) as carol:
            carol.wait_for("to come in")
            carol.type("/login carol\r")
            carol.wait_for("Welcome")
            carol.type("/python\r")
            carol.wait_for("Also here")
            tmux.say("ann", "hello from *ann* 你好")
            carol.wait_for("ann: hello from *ann* 你好")
            tmux.wait_for("bob", "hello from ann 你好")
            carol.type("hello from telnet\r")
            for name in ("ann", "bob"):
                tmux.wait_for(name, r"carol +hello from telnet")
            tmux.type("bob", "two", "C-j", "lines", "Enter")
            carol.wait_for("bob: two\n  lines\n")
            tmux.wait_for("ann", r"bob +two( +[0-9:]+)? *\n +lines *$")  # and no … that says it is not stored
            carol.type("/me waves\r")
            tmux.wait_for("ann", r"~ +carol waves")


@needs_tmux
def test_alt_keys_work_in_tmux_and_at_once(tmux: Tmux) -> None:
    with running_server() as server:
        tmux.open("ann", server.port, "--room", "python", "--room", "pm", "--room", "write")
        tmux.wait_for("ann", "3 write")
        for key, room in (("M-2", "pm"), ("M-3", "write"), ("M-1", "python")):
            tmux.type("ann", key)
            tmux.wait_for("ann", rf"^ ● \S+ +{room}\b")
        tmux.type("ann", "M-2", "M-3", "M-2")
        tmux.wait_for("ann", r"^ ● \S+ +pm\b")
        assert "^" not in tmux.screen("ann").split("\n")[-3], "two in a row are no text"
        tmux.type("ann", "M-f")
        tmux.wait_for("ann", "Search in all rooms")


@pytest.mark.slow
@needs_tmux
def test_a_line_waits_for_a_server_that_is_away_and_is_sent_once(tmux: Tmux, tmp_path: Path) -> None:
    first = ServerProcess(data=tmp_path / "data")
    try:
        tmux.open("ann", first.port, "--room", "python")
        tmux.wait_for("ann", "1 person")  # it is in the room, and not only about to be
        tmux.say("ann", "before")
        tmux.wait_for("ann", r"ann +before( +[0-9:]+)? *$")
        first.signal(signal.SIGKILL)
        tmux.wait_for("ann", r"No connection|Connecting")
        tmux.say("ann", "while away")
        tmux.wait_for("ann", "while away +…")
    finally:
        first.kill()
    second = ServerProcess("--port", str(first.port), data=tmp_path / "data")
    try:
        tmux.type("ann", "F5")
        tmux.wait_for("ann", r"while away( +[0-9][0-9]:.*)?\s*\n")
        deadline = time.monotonic() + TIMEOUT
        while re.search(r"(before|away) +…", shown := tmux.screen("ann")) or "No connection" in shown:
            assert time.monotonic() < deadline, shown
            time.sleep(0.1)
        assert shown.count("while away") == 1
        assert shown.count("before") == 1
        with terminal("nc", "127.0.0.1", str(second.port)) as nc:
            nc.type("/login bob\n/python\n/last 10\n")
            nc.wait_for("Lines 1–2 of 2.")
            assert "#3" not in nc.seen
    finally:
        second.kill()


@needs_tmux
@pytest.mark.parametrize("size", [(40, 12), (80, 24), (200, 60)])
def test_it_fits_terminals_small_and_large_and_a_storm_of_resizing(tmux: Tmux, size: tuple[int, int]) -> None:
    with running_server() as server:
        tmux.open("ann", server.port, "--room", "python", size=size)
        tmux.wait_for("ann", "python")
        for number in range(5):
            tmux.say("ann", f"line {number}")
        tmux.wait_for("ann", "line 4")
        for width in (30, 120, 41, 79, 200, size[0]):
            tmux.resize("ann", width, size[1])
        shown = tmux.wait_for("ann", "line 4")
        assert "Traceback" not in shown
        tmux.type("ann", "C-q")
        deadline = time.monotonic() + TIMEOUT
        while (
            subprocess.run(
                ["tmux", "-S", tmux._socket, "has-session", "-t", "ann"], check=False, capture_output=True
            ).returncode
            == 0
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)
