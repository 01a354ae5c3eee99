"""What scripts/bench-tui measures: chat-tui, and for keys a real telnet too, on a pseudo-terminal of 120 by 40, against the real server."""

import argparse
import fcntl
import json
import os
import pty
import select
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterable
from pathlib import Path

COLUMNS, ROWS = 120, 40
LINES = 100_000
LAST = "QZXJKVQZXJ"
"""What is said after them: only what changes is written, so of a line that is nearly the one before, only its number."""

RATE = 200
KEYS = 60

BIN = Path(sys.executable).parent


class Terminal:
    """A program on a pseudo-terminal."""

    def __init__(self, *command: str) -> None:
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.execvp(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def read(self, seconds: float) -> bytes:
        ready, _, _ = select.select([self.fd], [], [], seconds)
        return os.read(self.fd, 65536) if ready else b""

    def wait_for(self, wanted: bytes, seconds: float = 20.0) -> float:
        """Seconds until it is written."""
        begun, seen = time.perf_counter(), b""
        while wanted not in seen:
            seen = seen[-100:] + self.read(seconds)
            assert time.perf_counter() - begun < seconds, wanted
        return time.perf_counter() - begun

    def count(self, seconds: float) -> int:
        """Bytes written in this time."""
        end, written = time.perf_counter() + seconds, 0
        while (left := end - time.perf_counter()) > 0:
            written += len(self.read(left))
        return written

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def memory(self) -> float:
        """MB in use."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class Talker(threading.Thread):
    """Says so many lines a second."""

    def __init__(self, port: int, rate: float) -> None:
        super().__init__(daemon=True)
        self._connection = socket.create_connection(("127.0.0.1", port))
        self.rate = rate
        self.ask(do="login", nick=f"talker-{id(self)}")
        self.ask(do="join", room="python")
        threading.Thread(target=self._drain, daemon=True).start()

    def ask(self, **request: object) -> None:
        self._connection.sendall(json.dumps(request).encode() + b"\n")

    def say_many(self, texts: Iterable[str]) -> None:
        """Say all of it at once."""
        self._connection.sendall(
            b"".join(json.dumps({"do": "say", "room": "python", "text": text}).encode() + b"\n" for text in texts)
        )

    def _drain(self) -> None:
        while data := self._connection.recv(65536):
            if b"are-you-there" in data:
                self.ask(do="here")

    def run(self) -> None:
        number = 0
        while True:
            time.sleep(0.02)
            for _ in range(max(1, round(self.rate * 0.02)) if self.rate else 0):
                number += 1
                self.ask(do="say", room="python", text=f"line {number} of what somebody says to everybody in the room")


def start(port: int, folder: str, *flags: str) -> Terminal:
    own = ("--nick", "ann", "--room", "python", "--state", folder, "--config", os.devnull)
    return Terminal(str(BIN / "chat-tui"), f"127.0.0.1:{port}", *own, *flags)


def first_paint(port: int) -> None:
    painted, entered = [], []
    for _ in range(7):
        with tempfile.TemporaryDirectory() as folder:
            terminal = start(port, folder)
            terminal.wait_for(b"enters a room")  # what the prompt says before one is in any
            painted.append(time.perf_counter() - terminal.started)
            entered.append(terminal.wait_for(b"rite to"))  # what it says then, without what the cursor stands on
            terminal.close()
    print(f"start to first paint: {statistics.median(painted) * 1000:.0f} ms (worst {max(painted) * 1000:.0f})")
    print(
        f"from then until in a room, by TLS: {statistics.median(entered) * 1000:.0f} ms (worst {max(entered) * 1000:.0f})"
    )


def keys(port: int, rate: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        terminal = start(port, folder)
        terminal.wait_for(b"Rooms")
        terminal.count(1.5)
        press_keys("chat-tui", terminal, port, rate)


def keys_at_telnet(port: int, rate: float) -> None:
    """The same where the server edits the line."""
    if not shutil.which("telnet"):
        print("telnet: not installed, left out")
        return
    terminal = Terminal("telnet", "127.0.0.1", str(port))
    terminal.wait_for(b"/login")
    terminal.type("/login ann\r")
    terminal.wait_for(b"Welcome")
    terminal.type("/join python\r")
    terminal.wait_for(b"You are in")
    terminal.count(1.0)
    press_keys("telnet", terminal, port, rate)


def press_keys(program: str, terminal: Terminal, port: int, rate: float) -> None:
    """Press keys while somebody says so many lines a second, and print how long each takes to the screen."""
    talker = Talker(port, rate)
    talker.start()
    terminal.count(2.0)
    times = []
    for number in range(KEYS):
        key = "QZXJ"[number % 4]
        terminal.type(key)
        times.append(terminal.wait_for(key.encode()))
        terminal.count(0.05 + number % 7 / 100)
    times.sort()
    print(
        f"key to screen, {program}, at {rate:g} lines/s: median {statistics.median(times) * 1000:.2f} ms,"
        f" 95th percentile {times[int(len(times) * 0.95)] * 1000:.2f}, worst {times[-1] * 1000:.2f}"
    )
    talker.rate = 0
    terminal.close()


def traffic(port: int, *flags: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        terminal = start(port, folder, *flags)
        terminal.wait_for(b"Rooms")
        terminal.count(2.0)
        idle = terminal.count(3.0)
        talker = Talker(port, 0)
        talker.start()
        terminal.count(2.0)
        lines = 0
        for number in range(40):
            talker.ask(do="say", room="python", text=f"one line more, number {number}")
            lines += terminal.count(0.4)
        typed = 0
        for key in "hello world, this is typed":
            terminal.type(key)
            typed += terminal.count(0.1)
        name = " ".join(flags) or "as it is"
        print(
            f"bytes to the terminal, {name}: {idle / 3:.0f} a second when idle, {lines / 40:.0f} a line, {typed / 26:.0f} a key"
        )
        terminal.close()


def memory(port: int) -> None:
    """Everybody's lines, as fast as the server takes them, into a room that is open."""
    with tempfile.TemporaryDirectory() as folder:
        terminal = start(port, folder)
        terminal.wait_for(b"Rooms")
        terminal.count(1.0)
        before = terminal.memory()
        talker = Talker(port, 0)
        begun = time.perf_counter()
        for first in range(0, LINES, 1000):
            talker.say_many(
                f"line {number} of what somebody said, about {number % 977} things"
                for number in range(first, first + 1000)
            )
            terminal.count(0.01)
        talker.say_many([LAST])
        terminal.wait_for(LAST.encode())
        taken = time.perf_counter() - begun
        print(
            f"memory: {before:.0f} MB at first, {terminal.memory():.0f} MB with {LINES} lines, which took {taken:.1f} s"
        )
        terminal.close()


def main() -> None:
    argparse.ArgumentParser(prog="scripts/bench-tui", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "chat.toml"
        config.write_text("[limits]\nmessages_per_second = 0\n")
        server = subprocess.Popen(
            [BIN / "chat-server", "--port", "0", "--data", folder, "--config", config],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert server.stderr is not None
        while "listening on" not in (line := server.stderr.readline()):
            pass
        port = int(line.rsplit(":", 1)[1])
        try:
            first_paint(port)
            keys(port, 0)
            keys(port, RATE)
            keys_at_telnet(port, RATE)
            traffic(port)
            traffic(port, "--slow-link")
            memory(port)
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    main()
