"""Shown means stored: the server is killed at random moments under load, and what anybody was shown must be in the journal.

`scripts/soak` runs this for longer; KILLS says how often in all. Each series has a journal of its own, so that they can run side by side.
"""

import os
import random
import re
import select
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.writer import Writer
from processes import TIMEOUT, ServerProcess

SERIES = 5
KILLS = -(-int(os.environ.get("KILLS", "50")) // SERIES)
"""In each series."""

ROOMS = ("python", "pm")

HEARD_MIN = 30
ACKNOWLEDGED_MIN = 10
"""Lines of people, and acknowledgements, that come before the server is killed, however slow the machine is: else a run proves nothing."""

LONGEST_SECONDS = (0.03, 0.03, 0.03, 0.15)
"""How long the server may be under load before it is killed, one or the other: a moment is as good as another, and a longer time has more lines."""

_SHOWN_AGAIN = re.compile(r"#(\d+) \d\d:\d\d (\w+: .*)")
_STORED = re.compile(r"\* #(\d+) waited .* and was stored in .* ms\.")


class Client:
    """Somebody who talks, and remembers what they were shown."""

    def __init__(self, port: int, nick: str, room: str, *, asks_for_numbers: bool) -> None:
        self.nick, self.room = nick, room
        self._asks = asks_for_numbers
        self.sent: list[str] = []
        self.received = b""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self.socket.sendall(f"/login {nick}\n/join {room}\n".encode())
        while f"You are in {room}".encode() not in self.received:
            data = self.socket.recv(65536)
            assert data
            self.received += data
        self.socket.setblocking(False)

    def talk(self, count: int) -> None:
        """Say so many lines; what the kernel does not take is not said."""
        for _ in range(count):
            text = f"{self.nick} says {len(self.sent)} 你好"
            try:
                self.socket.send(("/ping\n" if self._asks else "").encode() + text.encode() + b"\n")
            except OSError:
                return
            self.sent.append(text)

    def read(self) -> bool:
        """Take what has come; False when the connection has ended."""
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.received += data
        return bool(data)

    def shown(self) -> list[str]:
        """The whole lines that have come."""
        return self.received.decode().split("\r\n")[:-1]


def _have_heard_enough(clients: list[Client]) -> bool:
    heard = sum(client.received.count(b" says ") for client in clients)
    acknowledged = sum(client.received.count(b" and was stored in ") for client in clients)
    return heard >= HEARD_MIN and acknowledged >= ACKNOWLEDGED_MIN


def _run_until_killed(data: Path, config: Path, generation: int, chance: random.Random) -> list[Client]:
    server = ServerProcess("--config", str(config), data=data)
    try:
        clients = [
            Client(server.port, f"u{generation}x{number}", ROOMS[number % 2], asks_for_numbers=number > 1)
            for number in range(4)
        ]
        end = time.monotonic() + chance.uniform(0.01, chance.choice(LONGEST_SECONDS))
        while time.monotonic() < end or not _have_heard_enough(clients):
            chance.choice(clients).talk(chance.choice((1, 1, 3, 20)))
            for ready in select.select([client.socket for client in clients], [], [], 0.001)[0]:
                next(client for client in clients if client.socket is ready).read()
    finally:
        server.kill()
    for client in clients:
        client.socket.setblocking(True)
        while client.read():
            pass
        client.socket.close()
    return clients


def _check(data: Path, clients: list[Client], known: dict[str, list[str]]) -> None:
    folder = DataDirectory(data)
    with closing(Writer(folder.journal)) as journal:
        stored = {room.name: journal.read(room.name, 1, room.last).lines for room in journal.rooms()}
    folder.close()
    for room in ROOMS:
        assert [line.seq for line in stored[room]] == list(range(1, len(stored[room]) + 1)), "no holes"
        lines = [f"{line.nick}: {line.text}" for line in stored[room]]
        assert len(set(lines)) == len(lines), "nothing is stored twice"
        assert lines[: len(known[room])] == known[room], "what was stored stays as it was"
        known[room] = lines
    for client in clients:
        lines = known[client.room]
        place = {line: number for number, line in enumerate(lines)}
        places = [place[line] for line in client.shown() if re.match(r"u\d+x\d+: ", line)]
        assert places == sorted(set(places)), "everybody sees the journal's order, and nothing twice"
        for line in client.shown():
            if again := _SHOWN_AGAIN.fullmatch(line):
                assert lines[int(again[1]) - 1] == again[2], "a number is shown with its line"
        own = [f"{client.nick}: {text}" for text in client.sent]
        numbers = [int(found[1]) for line in client.shown() if (found := _STORED.fullmatch(line))]
        assert [lines[number - 1] for number in numbers] == own[: len(numbers)], "what was acknowledged is stored"


@pytest.mark.slow
@pytest.mark.parametrize("series", range(SERIES))
def test_whatever_anybody_was_shown_is_stored_whenever_the_server_is_killed(series: int, tmp_path: Path) -> None:
    config = tmp_path / "chat.toml"
    config.write_text("[limits]\nmessages_per_second = 0\n")
    data = tmp_path / "data"
    chance = random.Random(series)  # noqa: S311 - the same moments every time
    known: dict[str, list[str]] = {room: [] for room in ROOMS}
    shown = acknowledged = 0
    for generation in range(KILLS):
        clients = _run_until_killed(data, config, generation, chance)
        _check(data, clients, known)
        shown += sum(" says " in line for client in clients for line in client.shown())
        acknowledged += sum(bool(_STORED.fullmatch(line)) for client in clients for line in client.shown())
    assert shown > 20 * KILLS
    assert acknowledged > 5 * KILLS
