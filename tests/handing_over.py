"""What systemd does for a service by socket activation (sd_listen_fds(3)), for tests: sockets that listen, and a server that is handed them."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import canary
from chat_server.server.handed import FIRST_DESCRIPTOR
from processes import TIMEOUT

FAR_UP = 500
"""Descriptors from here on are nobody's here."""

START = """
import os, sys
first, far_up, given, *command = sys.argv[1:]
given = [int(number) for number in given.split()]
for at, number in enumerate(given):
    os.dup2(number, int(far_up) + at)
for at, number in enumerate(given):
    os.dup2(int(far_up) + at, int(first) + at)
    os.close(int(far_up) + at)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(command[0], command)
"""


def listening(host: str = "127.0.0.1", backlog: int = 128) -> socket.socket:
    """A socket as systemd opens it; it stays in systemd's hands."""
    one = socket.socket(socket.AF_INET)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((host, 0))
    one.listen(backlog)
    return one


class ActivatedServer:
    """A server that is handed sockets, by their names, and keeps what is said in `data`; it may not be ready yet."""

    def __init__(self, sockets: Sequence[tuple[str, socket.socket]], *flags: str, data: Path) -> None:
        descriptors = [one.fileno() for _, one in sockets]
        given = " ".join(map(str, descriptors))
        self._log = (data.parent / f"{data.name}.log").open("a+")
        named = {"LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": ":".join(name for name, _ in sockets)}
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-S", "-c", START, str(FIRST_DESCRIPTOR), str(FAR_UP), given),
                *(sys.executable, "-m", "chat_server", "--data", str(data), *flags),
            ],
            env={**os.environ, **named},
            pass_fds=descriptors,
            stderr=self._log,
            stdout=subprocess.DEVNULL,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end; the exit code."""
        return self._process.wait(TIMEOUT)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        assert canary.in_log(self.log) == []
        self._log.close()


@contextmanager
def activated(sockets: Sequence[tuple[str, socket.socket]], *flags: str, data: Path) -> Iterator[ActivatedServer]:
    server = ActivatedServer(sockets, *flags, data=data)
    try:
        yield server
    finally:
        server.close()
