"""chat-tui in GNU screen, which has its own ways with keys: Alt, arrows, function keys and Esc by itself, in a real screen in a real tmux."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from processes import running_server
from tmux_windows import PROGRAM, Tmux, needs_tmux, tmux

__all__ = ["tmux"]

needs_screen = pytest.mark.skipif(
    not shutil.which("screen") and not os.environ.get("CI"), reason="GNU screen is not installed"
)


@contextmanager
def in_screen(tmux: Tmux, size: tuple[int, int] = (80, 24)) -> Iterator[None]:
    """Ann is in a screen of her own, in python, pm and write."""
    with (
        tempfile.TemporaryDirectory() as sockets,
        running_server() as server,
    ):  # their names may not be long, nor may others get at them
        environment = {**os.environ, "SCREENDIR": sockets}
        rooms = [word for room in ("python", "pm", "write") for word in ("--room", room)]
        state = ["--state", str(Path(sockets) / "state"), "--config", os.devnull]
        command = [*PROGRAM, f"127.0.0.1:{server.port}", "--nick", "ann", *rooms, *state]
        screen = ["env", f"SCREENDIR={sockets}", "screen", "-c", os.devnull, "-U", "-S", "chat", *command]
        try:
            tmux.start("ann", " ".join(screen), size)
            tmux.wait_for("ann", "Write to python")
            yield
        finally:
            subprocess.run(["screen", "-S", "chat", "-X", "quit"], env=environment, check=False, capture_output=True)


@needs_tmux
@needs_screen
@pytest.mark.parametrize("size", [(80, 24), (40, 15)])
def test_what_opens_with_a_function_key_or_alt_closes_with_esc_alone(tmux: Tmux, size: tuple[int, int]) -> None:
    with in_screen(tmux, size):
        for key, seen in (
            ("F1", "Switching"),
            ("F2", "Search for actions"),
            ("F4", "is encrypted"),
            ("F12", "Register ann"),
            ("M-f", "Search in all rooms"),
            ("M-o", "For python"),
            ("C-k", "Go to"),
        ):
            tmux.type("ann", key)
            tmux.wait_for("ann", seen)
            tmux.type("ann", "Escape")
            tmux.wait_for("ann", rf"\A(?![\s\S]*{seen})[\s\S]*Write to python")


@needs_tmux
@needs_screen
def test_rooms_lines_and_the_text_one_writes_are_gone_through_by_alt_arrows_and_home(tmux: Tmux) -> None:
    with in_screen(tmux):
        for key, room in (("M-2", "pm"), ("M-3", "write"), ("M-1", "python"), ("C-n", "pm"), ("C-p", "python")):
            tmux.type("ann", key)
            tmux.wait_for("ann", rf"Write to {room}\b")
        for text in ("one", "two"):
            tmux.say("ann", text)
            tmux.wait_for("ann", rf"^[^❯]*\b{text}( +[0-9:]+)? *$")  # among the lines, not in the prompt
        tmux.type("ann", "M-Up")
        tmux.wait_for("ann", r"^.*▌.*\btwo\b")
        tmux.type("ann", "M-Up")
        tmux.wait_for("ann", r"^.*▌.*\bone\b")
        tmux.type("ann", "M-Down")
        tmux.wait_for("ann", r"^.*▌.*\btwo\b")
        tmux.type("ann", "Escape")
        tmux.wait_for("ann", r"Ctrl\+K go to")
        tmux.type("ann", "a", "d", "Left", "c", "Home", "x", "End", "e", "BSpace", "f", "Enter")
        tmux.wait_for("ann", r"\bxacdf *$")
        tmux.type("ann", "Up")
        tmux.wait_for("ann", r"Edit +xacdf")
        tmux.type("ann", "C-q")
