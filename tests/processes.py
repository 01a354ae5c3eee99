"""The real server as a process, and real programs that talk to it through a terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

TIMEOUT = 20.0


class ServerProcess:
    """`python -m chat_server` on a free port, which keeps what is said in `data`."""

    def __init__(self, *flags: str, data: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "chat_server", "--port", "0", "--data", str(data), *flags],
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

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it and return its exit code; the whole log is in `log` then."""
        self._process.send_signal(number)
        _, rest = self._process.communicate(timeout=TIMEOUT)
        self.log += rest.splitlines()
        return self._process.returncode

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        if self._process.stderr is not None and not self._process.stderr.closed:
            self._process.communicate()


@contextmanager
def running_server(*flags: str, data: Path | None = None) -> Iterator[ServerProcess]:
    with TemporaryDirectory() as folder:
        server = ServerProcess(*flags, data=data or Path(folder))
        try:
            yield server
        finally:
            server.kill()


class Terminal:
    """A program on a pseudo-terminal, as somebody sits before it."""

    def __init__(self, *command: str, term: str = "vt220") -> None:
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.environ["TERM"] = term
            os.execvp(command[0], command)
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
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


@contextmanager
def terminal(*command: str) -> Iterator[Terminal]:
    opened = Terminal(*command)
    try:
        yield opened
    finally:
        opened.close()


ROOT = Path(__file__).parent.parent
