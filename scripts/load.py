"""A small load in pure Python: people in rooms, some of whom talk as fast as everybody gets what they said.

Starts a server of its own, checks that everybody got every line once and in order, and prints deliveries per second and the server's CPU
time per delivery. The load takes more CPU than the server does: the second figure is the one to compare.
"""

import argparse
import os
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

SAID = re.compile(rb"^u(\d+): (\d+) x", re.MULTILINE)


@dataclass
class Person:
    """One connection."""

    number: int
    room: str
    connection: socket.socket
    received: bytes = b""
    heard: dict[int, int] = field(default_factory=lambda: defaultdict(int))


def main() -> int:
    """Run the load; exit code 1 if a line was lost, doubled or out of order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("people", 100), ("rooms", 10), ("talkers", 10), ("lines", 5000), ("window", 64)):
        parser.add_argument(f"--{name}", type=int, default=default)
    chosen = parser.parse_args()
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config, tempfile.TemporaryDirectory() as data:
        rooms = [f"room{number}" for number in range(chosen.rooms)]
        limits = "connections_per_address = 0\nmessages_per_second = 0\n"
        config.write(f"[rooms]\nnames = {rooms!r}\n[limits]\n{limits}".replace("'", '"'))
        config.flush()
        command = [sys.executable, "-m", "chat_server", "--port", "0", "--config", config.name, "--data", data]
        server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            assert server.stderr
            port = int(server.stderr.readline().rpartition(":")[2])
            people = [_enter(number, rooms[number % chosen.rooms], port) for number in range(chosen.people)]
            return _talk(people, chosen, server.pid)
        finally:
            server.terminate()
            server.communicate()


def _enter(number: int, room: str, port: int) -> Person:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(f"/login u{number}\n/join {room}\n".encode())
    received = b""
    while b"You are in " not in received:
        received += connection.recv(65536)
    return Person(number, room, connection)


def _talk(people: list[Person], chosen: argparse.Namespace, pid: int) -> int:
    selector = selectors.DefaultSelector()
    listeners: dict[str, int] = defaultdict(int)
    for person in people:
        selector.register(person.connection, selectors.EVENT_READ, person)
        listeners[person.room] += 1
    talkers = {person.number: person for person in people[: chosen.talkers]}
    sent = dict.fromkeys(talkers, 0)
    missing = {number: (listeners[talker.room] - 1) * chosen.lines for number, talker in talkers.items()}
    delivered = dict.fromkeys(talkers, 0)
    cpu, start = _cpu_seconds(pid), time.perf_counter()
    while any(missing.values()):
        for number, talker in talkers.items():
            whole = delivered[number] // (listeners[talker.room] - 1)
            more = min(chosen.lines, whole + chosen.window) - sent[number]
            if more > chosen.window // 2 or (more and sent[number] + more == chosen.lines):
                text = b"".join(b"%d %b\n" % (line, b"x" * 80) for line in range(sent[number], sent[number] + more))
                talker.connection.sendall(text)
                sent[number] += more
        events = selector.select(10)
        if not events:
            print("lines are missing", file=sys.stderr)
            return 1
        for key, _ in events:
            person = key.data
            data = person.received + person.connection.recv(262144)
            end = data.rfind(b"\n") + 1
            person.received = data[end:]
            for match in SAID.finditer(data, 0, end):
                author, line = int(match[1]), int(match[2])
                if person.heard[author] != line:
                    print(
                        f"u{person.number} got line {line} of u{author} where {person.heard[author]} was due",
                        file=sys.stderr,
                    )
                    return 1
                person.heard[author] += 1
                delivered[author] += 1
                missing[author] -= 1
    seconds, cpu = time.perf_counter() - start, _cpu_seconds(pid) - cpu
    deliveries = sum(delivered.values())
    print(
        f"{deliveries} deliveries, {deliveries / seconds:,.0f} a second, {cpu / deliveries * 1e6:.2f} us of the server's CPU each"
    )
    return 0


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
