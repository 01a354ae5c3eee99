"""The real chat-tui in tmux, with two real servers in one window, of which one is killed and comes back."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from processes import ServerProcess, running_server, terminal
from tmux_windows import PROGRAM, Tmux, needs_tmux, tmux

__all__ = ["tmux"]


@pytest.mark.slow
@needs_tmux
def test_a_server_that_is_killed_and_comes_back_disturbs_no_other(tmux: Tmux, tmp_path: Path) -> None:
    data = tmp_path / "work"
    work = ServerProcess(data=data)
    try:
        with running_server() as home:
            config = tmp_path / "config.toml"
            config.write_text(
                f'[profiles.home]\nport = {home.port}\nnick = "ann"\nrooms = ["python"]\n'
                f'[profiles.work]\nport = {work.port}\nnick = "anna"\nrooms = ["write"]\n'
            )
            command = [*PROGRAM, "home", "work", "--config", str(config), "--state", str(tmp_path / "state")]
            tmux.start("ann", shlex.join(command))
            tmux.wait_for("ann", r"● home(?s:.*)1 python(?s:.*)● work(?s:.*)2 write")
            tmux.say("ann", "in the garden")
            tmux.wait_for("ann", r"ann +in the garden( +[0-9:]+)? *$")

            work.kill()
            tmux.wait_for("ann", r"○ work +lost")
            tmux.say("ann", "still in the garden")
            assert "No connection" not in tmux.wait_for("ann", r"still in the garden *$")
            tmux.type("ann", "M-2")
            tmux.wait_for("ann", "work: ○ No connection")
            tmux.say("ann", "waits for the desk")
            tmux.wait_for("ann", "waits for the desk +…")

            port, work = work.port, ServerProcess("--port", str(work.port), data=data)
            assert work.port == port
            tmux.wait_for("ann", r"waits for the desk( +[0-9:]+)? *$")
            tmux.wait_for("ann", "● work")
            tmux.type("ann", "M-1")
            with terminal("telnet", "127.0.0.1", str(work.port)) as bob:
                bob.wait_for("to come in")
                bob.type("/login bob\r")
                bob.wait_for("Welcome")
                bob.type("/write\r")
                bob.wait_for("anna: waits for the desk")
                bob.type("anna: good morning\r")
                tmux.wait_for("ann", r"2 write +@1")
            tmux.type("ann", "M-a")
            tmux.wait_for("ann", r"bob +anna: good morning")
            tmux.say("ann", "/disconnect")
            tmux.wait_for("ann", r"^ ● 127\.0\.0\.1(?s:.*)^▌1 python")
            assert "● work" not in tmux.screen("ann")
    finally:
        work.kill()


def test_line_by_line_there_is_one_server(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[profiles.home]\n[profiles.work]\n")
    done = subprocess.run(
        [sys.executable, "-m", "chat_tui", "--plain", "home", "work", "--config", str(config)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "line by line there is one server at a time, and 2 are named; name one of home, work" in done.stderr
