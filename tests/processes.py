"""The real server as a process, and real programs that talk to it through a terminal."""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyte
import pytest

import canary
import forks

TIMEOUT = 60.0
"""Seconds after which what did not come will not come: no test is to fail because the machine is busy."""


class ServerProcess:
    """`python -m chat_server` on a free port, which keeps what is said in `data`; or a fork that need not import it."""

    def __init__(
        self, *flags: str, data: Path, is_forked: bool = True, program: Sequence[str] = ("-m", "chat_server")
    ) -> None:
        start: type[subprocess.Popen[str]] = forks.Popen if is_forked else subprocess.Popen
        self._process = start(
            [sys.executable, *program, "--port", "0", "--data", str(data), *flags],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        self.log: list[str] = []
        assert self._process.stderr is not None
        while not (ready := re.search(r"listening on \S+:(\d+)", self._read_log_line())):
            pass
        self.port = int(ready[1])

    @property
    def pid(self) -> int:
        return self._process.pid

    def _read_log_line(self) -> str:
        assert self._process.stderr is not None
        line = self._process.stderr.readline()
        assert line, f"the server ended: {self.log}"
        self.log.append(line)
        return line

    def wait_for_log(self, text: str) -> None:
        """Read the log until a line has this."""
        while text not in self._read_log_line():
            pass

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it and return its exit code; the whole log is in `log` then."""
        self._process.send_signal(number)
        assert self._process.stderr is not None
        self.log += self._process.stderr  # not communicate(): it passes over what has been read ahead
        return self._process.wait(TIMEOUT)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        if self._process.stderr is not None and not self._process.stderr.closed:
            self.log.append(self._process.communicate()[1] or "")
        assert canary.in_log("".join(self.log)) == []


def dictionary(name: str) -> str:
    """The name of a dictionary of Enchant's that is there. CI installs it; elsewhere its test is left out."""
    import enchant  # noqa: PLC0415 - it may not be there

    if not enchant.dict_exists(name):
        assert "CI" not in os.environ, f"the dictionary {name} is not installed"
        pytest.skip(f"the dictionary {name} is not installed")
    return name


@contextmanager
def running_server(*flags: str, data: Path | None = None, is_forked: bool = True) -> Iterator[ServerProcess]:
    with TemporaryDirectory() as folder:
        server = ServerProcess(*flags, data=data or Path(folder), is_forked=is_forked)
        try:
            yield server
        finally:
            server.kill()
            assert canary.files_with(data or Path(folder)) == []


class Terminal:
    """A program on a pseudo-terminal, as somebody sits before it."""

    def __init__(self, *command: str, term: str = "vt220") -> None:
        self._process, self._fd = _started_on_terminal(command, term)
        self.seen = ""
        self._at = 0

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def wait_for(self, text: str) -> str:
        """Wait until this is shown, after what was waited for before; return all that was shown on the way."""
        deadline = time.monotonic() + TIMEOUT
        while (end := self.seen.find(text, self._at)) < 0:
            ready, _, _ = select.select([self._fd], [], [], max(0, deadline - time.monotonic()))
            assert ready, (
                f"{text!r} did not come; after {self.seen[: self._at][-200:]!r} came {self.seen[self._at :]!r}"
            )
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                data = b""
            assert data, f"the program ended before {text!r}; {self.seen[self._at :]!r}"
            self.seen += data.decode(errors="replace").replace("\r", "")  # nc leaves its terminal to add another CR
        shown, self._at = self.seen[self._at : end + len(text)], end + len(text)
        return shown

    def close(self) -> None:
        os.close(self._fd)
        self._process.kill()
        self._process.wait()
        canary.assert_not_in("what a terminal was shown", self.seen)


def _started_on_terminal(
    command: Sequence[str], term: str, *, size: tuple[int, int] | None = None, is_fork: bool = False
) -> tuple[subprocess.Popen[bytes], int]:
    """A program on a terminal that is its own as a login makes it, and our end of that; `size` is in columns and rows."""
    ours, theirs = pty.openpty()
    if size:
        _set_size(theirs, *size)
    start = forks.Popen if is_fork else subprocess.Popen
    if not is_fork:  # the first terminal that the first process of a session opens becomes the session's
        command = ["sh", "-c", 'exec "$@" <>"$0" >&0 2>&0', os.ttyname(theirs), *command]
    process = start(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": term}, start_new_session=True
    )
    os.close(theirs)
    return process, ours


def _set_size(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Screen:
    """A program on a pseudo-terminal of some size, and what a terminal emulator makes of what it shows."""

    def __init__(
        self, *command: str, columns: int = 80, rows: int = 24, term: str = "xterm-256color", is_fork: bool = False
    ) -> None:
        """Start it. What is no module may need an interpreter that has imported nothing, unless `is_fork` says otherwise."""
        is_fork = is_fork or command[:2] == (sys.executable, "-m")
        self._process, self._fd = _started_on_terminal(command, term, size=(columns, rows), is_fork=is_fork)
        self.raw = b""
        self._emulator = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._emulator)
        self._rows: list[str] | None = None

    def resize(self, columns: int, rows: int = 24) -> None:
        _set_size(self._fd, columns, rows)
        self._emulator.resize(rows, columns)
        self._rows = None

    def type(self, text: str | bytes) -> None:
        os.write(self._fd, text.encode() if isinstance(text, str) else text)

    def read(self, seconds: float = 0.2) -> bool:
        """Take what is shown within this time; return whether there was anything."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            return False
        self.raw += data
        self._stream.feed(data)
        self._rows = None
        return bool(data)

    def settle(self) -> None:
        """Take everything until nothing more comes."""
        while self.read(0.3):
            pass

    @property
    def rows(self) -> list[str]:
        """The rows with something on them. A wide character takes two cells, of which the second is empty."""
        if self._rows is None:
            self._rows = [row.rstrip() for row in self._emulator.display if row.strip()]
        return self._rows

    @property
    def cursor(self) -> int:
        """The column where it stands."""
        return int(self._emulator.cursor.x)

    def wait_for(self, *rows: str) -> None:
        """Wait until these are the last rows that have something on them."""
        deadline = time.monotonic() + TIMEOUT
        while self.rows[-len(rows) :] != [*rows]:
            assert time.monotonic() < deadline, f"{rows} did not come; the screen shows:\n" + "\n".join(self.rows)
            self.read()

    def wait_for_rows(self, are_right: Callable[[list[str]], bool]) -> None:
        """Wait until the rows that have something on them are as they are to be."""
        deadline = time.monotonic() + TIMEOUT
        while not are_right(self.rows):
            assert time.monotonic() < deadline, "the screen shows:\n" + "\n".join(self.rows)
            self.read()

    def wait_until(self, shown: str) -> None:
        """Wait until this is somewhere on the screen."""
        deadline = time.monotonic() + TIMEOUT
        while not any(shown in row for row in self.rows):
            assert time.monotonic() < deadline, f"{shown!r} did not come; the screen shows:\n" + "\n".join(self.rows)
            self.read()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def fd(self) -> int:
        return self._fd

    def close(self) -> None:
        """Close the terminal of a program that has ended."""
        os.close(self._fd)
        canary.assert_not_in("what a terminal was shown", self.raw)
        canary.assert_not_in("what is on a screen", "".join([self._emulator.title, *self.rows]))

    def exit_code(self) -> int | None:
        """How it has ended, if it has."""
        return self._process.poll()

    def kill(self) -> None:
        self.close()
        self._process.kill()
        self._process.wait()


@contextmanager
def screen(*command: str, **settings: Any) -> Iterator[Screen]:
    opened = Screen(*command, **settings)
    try:
        yield opened
    finally:
        opened.kill()


def program(name: str, *, folder: str = "") -> str:
    """The program's path. CI installs it; elsewhere its test is left out."""
    found = shutil.which(name) or shutil.which(name, path=folder)
    if not found:
        assert "CI" not in os.environ, f"{name} is not installed"
        pytest.skip(f"{name} is not installed")
    return found


@contextmanager
def made_once(factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """A directory that all workers have together, and one after the other: what takes minutes to make, the first makes."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"once-{name}"
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@contextmanager
def terminal(*command: str) -> Iterator[Terminal]:
    opened = Terminal(*command)
    try:
        yield opened
    finally:
        opened.close()


ROOT = Path(__file__).parent.parent
