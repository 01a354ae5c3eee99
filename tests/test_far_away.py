"""chat-tui at the end of a long thin line: 120 ms each way, a terminal of 40 by 15, `--slow-link`, tmux. All that can be done is in reach."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from processes import running_server
from tmux_windows import Tmux, needs_tmux, tmux

__all__ = ["tmux"]

DELAY = 0.12
"""Seconds each way: what people have through mosh or ssh to another continent."""


class LongLine:
    """Carries everything to a port, later."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                time.sleep(DELAY)
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()

    def close(self) -> None:
        self._listener.close()


@contextmanager
def far_away(tmux: Tmux) -> Iterator[None]:
    """Ann is there, in python and pm."""
    with running_server() as server:
        line = LongLine(server.port)
        try:
            tmux.open("ann", line.port, "--slow-link", "--room", "python", "--room", "pm", size=(40, 15))
            tmux.wait_for("ann", "Write to python")
            yield
        finally:
            line.close()


@needs_tmux
def test_a_line_is_said_answered_edited_and_found_by_keys(tmux: Tmux) -> None:
    with far_away(tmux):
        tmux.say("ann", "teh parser is in")
        tmux.wait_for("ann", r"teh parser is in *$")
        tmux.type("ann", "M-l")  # what has a number is stored, and can be edited
        tmux.wait_for("ann", r"#1\b")
        tmux.type("ann", "M-l", "Up")
        tmux.wait_for("ann", r"^ *Edit\b")
        tmux.type("ann", "C-u")
        tmux.say("ann", "the parser is in")
        tmux.wait_for("ann", r"the parser is in +edited")
        tmux.type("ann", "M-Up", "r")
        tmux.say("ann", "at last")
        tmux.wait_for("ann", r"ann +the parser is in *\n.*at last")
        tmux.type("ann", "M-f")
        tmux.wait_for("ann", "Search in all rooms")
        tmux.say("ann", "parser")
        tmux.wait_for("ann", r"1 found")
        tmux.type("ann", "Enter")
        tmux.wait_for("ann", "Write to python")


@needs_tmux
def test_each_room_menu_and_list_is_reached_though_keys_come_close_together(tmux: Tmux) -> None:
    with far_away(tmux):
        tmux.type("ann", "M-1", "M-2", "M-1")
        tmux.wait_for("ann", "Write to python")
        for keys, seen in (
            (("M-o",), "For python"),
            (("M-k",), "Links in"),
            (("C-k",), "Go to"),
            (("C-g",), "Go to"),
            (("F1",), "Ctrl.K"),
            (("F2",), "Search for actions"),
            (("F4",), "is encrypted"),
        ):
            tmux.type("ann", *keys)
            tmux.wait_for("ann", seen)
            tmux.type("ann", "Escape")
            tmux.wait_for("ann", rf"\A(?![\s\S]*{seen})[\s\S]*Write to python")
