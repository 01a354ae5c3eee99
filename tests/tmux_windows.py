"""chat-tui in windows of a tmux of one's own."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import canary
from processes import TIMEOUT

PROGRAM = [sys.executable, "-m", "chat_tui"]


needs_tmux = pytest.mark.skipif(not shutil.which("tmux") and not os.environ.get("CI"), reason="tmux is not installed")


class Tmux:
    """A tmux of one's own; each window a user's terminal."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = str(folder / "tmux")

    def _run(self, *arguments: str) -> str:
        return subprocess.run(
            ["tmux", "-S", self._socket, "-f", "/dev/null", *arguments], check=True, capture_output=True, text=True
        ).stdout

    def open(
        self, name: str, port: int, *flags: str, size: tuple[int, int] = (100, 30), nick: str = "", env: str = ""
    ) -> None:
        state = self._folder / f"state-{name}"
        room = [] if "--room" in flags or state.exists() else ["--room", "python"]
        command = [
            *PROGRAM,
            f"127.0.0.1:{port}",
            "--nick",
            nick or name,
            "--state",
            str(state),
            "--config",
            os.devnull,
            *room,
            *flags,
        ]
        self.start(name, f"{env} {' '.join(command)}", size)

    def start(self, name: str, command: str, size: tuple[int, int] = (100, 30)) -> None:
        self._run("new-session", "-d", "-s", name, "-x", str(size[0]), "-y", str(size[1]), command)

    def type(self, name: str, *keys: str) -> None:
        self._run("send-keys", "-t", name, *keys)

    def say(self, name: str, text: str) -> None:
        self._run("send-keys", "-t", name, "-l", text)
        self._run("send-keys", "-t", name, "Enter")

    def screen(self, name: str) -> str:
        shown = self._run("capture-pane", "-t", name, "-p")
        canary.assert_not_in("what tmux shows", shown)
        return shown

    def wait_for(self, name: str, wanted: str) -> str:
        """Wait until the screen shows this."""
        deadline = time.monotonic() + TIMEOUT
        while not re.search(wanted, shown := self.screen(name), re.MULTILINE):
            assert time.monotonic() < deadline, f"{wanted!r} did not come; {name} sees:\n{shown}"
            time.sleep(0.05)
        return shown

    def resize(self, name: str, width: int, height: int) -> None:
        self._run("resize-window", "-t", name, "-x", str(width), "-y", str(height))

    def close(self) -> None:
        """End it, and everything in it. What has scrolled away, and the titles, were seen too."""
        tmux = ["tmux", "-S", self._socket]
        for what in (["list-panes", "-a", "-F", "#{pane_id} #{pane_title} #{window_name}"], ["show-buffer"]):
            told = subprocess.run([*tmux, *what], check=False, capture_output=True).stdout
            canary.assert_not_in("tmux's titles and clipboard", told)
            for pane in re.findall(rb"^%\d+", told, re.MULTILINE):
                shown = subprocess.run(
                    [*tmux, "capture-pane", "-t", pane, "-p", "-S", "-"], check=False, capture_output=True
                )
                canary.assert_not_in("what tmux has shown", shown.stdout)
        subprocess.run([*tmux, "kill-server"], check=False, capture_output=True)


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    opened = Tmux(tmp_path)
    yield opened
    opened.close()
