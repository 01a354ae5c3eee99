"""Measure several nodes on one PostgreSQL: a delivery on two nodes beside one, what one stores beside SQLite, and how long a line takes.

A PostgreSQL of its own is started in a temporary directory, with everything synced, for each run; nodes and loads are those of bench_runs.py. CPU is
that of the nodes and of the engine together. The lone lines are said one after the other at a machine that does nothing else: from a caller at
one node to one at another, and by a program, which is told when its line is stored. Exit code 1 if a run lost, doubled or reordered a line, or a
must is missed.
"""

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
from bench_loads import ROOMS, SCENARIOS
from bench_runs import CONFIG, PLAIN, build, free_port, start, stopped_at_last, wait_until_it_listens
from bench_verdicts import Figures

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from postgresql import Cluster

MANY_ROOMS = 1000
MANY_NODES = 4
MANY_LOAD = f"--clients {MANY_ROOMS} --senders {MANY_ROOMS} --rooms {MANY_ROOMS} --rate 2000 --duration 8 --warmup 1000"
"""A line every half second in each room, so that each node writes to all of them all the time."""

LONE_LINES = 200
LONE_GAP = 0.02
"""Seconds between two lone lines."""


class Must(NamedTuple):
    """What must be reached: `most` is the bound from above, else it is one from below."""

    said: str
    bound: float
    most: bool = True

    def row(self, values: Sequence[float]) -> str:
        """A row of the table, as in Markdown."""
        found = statistics.median(values)
        is_met = found <= self.bound if self.most else found >= self.bound
        spread = f"{found:.2f} ({min(values):.2f} to {max(values):.2f})"
        sign = "at most" if self.most else "at least"
        return f"| {self.said} | {spread} | {sign} {self.bound:g} | {'reached' if is_met else 'missed'} |"


CPU = {
    scenario: Must(f"{scenario}: CPU of a delivery, two nodes and the engine, beside one node and the engine", 1.2)
    for scenario in ("S2", "S3")
}
RATE = Must("S1: deliveries a second, one node on PostgreSQL, beside SQLite", 0.4, most=False)
STORED = Must("a program's lone line until it is told that it is stored, ms (median of a run)", 6.0)
ACROSS = Must("from then until a caller at the other node sees it, ms (median of a run)", 2.0)
TELNET = Must("a lone line from a caller at one node to a caller at another, ms (median of a run)", 10.0)


class Nodes(NamedTuple):
    """Servers with one journal, and what accounts for their CPU."""

    ports: list[int]
    flags: list[str]


@contextmanager
def nodes(count: int, engine: str, rooms: int, folder: Path) -> Iterator[Nodes]:
    """So many servers, on a journal that is empty at first: a PostgreSQL's, or (one of them) SQLite's."""
    with ExitStack() as stack:
        flags: list[str] = []
        journal = ""
        cluster = None
        if engine == "postgresql":
            cluster = stack.enter_context(closing(Cluster("max_connections=200")))
            journal = f'[journal]\nengine = "postgresql"\nurl = "{cluster.create().url}"\n'
            flags += ["--tree", str(cluster.pid)]
        ports = []
        for number in range(count):
            config = folder / f"node{number}.toml"
            names = ", ".join(f'"room{room}"' for room in range(rooms))
            config.write_text(CONFIG.format(rooms=names) + journal)
            port = free_port()
            data = tempfile.mkdtemp(dir=folder)
            command = [
                sys.executable,
                "-m",
                "chat_server",
                "--port",
                str(port),
                "--config",
                str(config),
                "--data",
                data,
            ]
            log = folder / f"log{number}"
            with log.open("wb") as opened:
                process = start(command, opened, folder)
            stack.enter_context(stopped_at_last(process))
            wait_until_it_listens(process, port, log)
            ports.append(port)
            flags += ["--pid", str(process.pid)]
        yield Nodes(ports, flags)
        if cluster is not None:
            complain_of_conflicts(cluster)


def complain_of_conflicts(cluster: Cluster) -> None:
    """Fail if transactions stood in each other's way: then rows are locked in the wrong order, or are tried again and again."""
    with psycopg.connect(cluster.url("postgres")) as connection:
        ((deadlocks, undone, done),) = connection.execute(
            "SELECT sum(deadlocks), sum(xact_rollback), sum(xact_commit) FROM pg_stat_database WHERE datname LIKE 'chat_%'"
        ).fetchall()
    assert not deadlocks, f"{deadlocks} deadlocks"
    assert undone <= 20 + done / 100, f"{undone} transactions undone of {done}"


def load(scenario_flags: str, at: Nodes, folder: Path) -> Figures:
    """One run of a load at all of the nodes."""
    ports = ",".join(map(str, at.ports))
    command = [str(folder / "fanout"), "--port", ports, *at.flags, "--timeout", "90", *PLAIN, *scenario_flags.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        figures = dict(json.loads(done.stdout))
    except json.JSONDecodeError:
        figures = {"ok": False, "problem": done.stderr.strip()[-300:]}
    if not figures["ok"]:
        raise SystemExit(f"{scenario_flags}: {figures.get('problem')}")
    return figures


def play(scenario: str, count: int, engine: str, folder: Path) -> Figures:
    """One run of a scenario at fresh nodes."""
    with nodes(count, engine, ROOMS if scenario == "S1" else 1, folder) as at:
        return load(SCENARIOS[scenario].flags, at, folder)


# Lone lines.


class Caller:
    """Somebody at the plain door, or (`is_program`) at that for programs, in a room."""

    def __init__(self, port: int, nick: str, *, is_program: bool = False) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        if is_program:
            self.send(f'{{"do":"login","nick":"{nick}"}}\n{{"do":"join","room":"room0"}}\n')
            self.wait_for(b'"is":"entered"')
        else:
            self.wait_for(b"\n")
            self.send(f"/login {nick}\r\n/join room0\r\n")
            self.wait_for(b"You are in")

    def send(self, text: str) -> None:
        self._socket.sendall(text.encode())

    def wait_for(self, wanted: bytes) -> float:
        """Read until this has come; the time at which it had."""
        while wanted not in self._received:
            more = self._socket.recv(65536)
            assert more, "the server closed the connection"
            self._received += more
        self._received = self._received.partition(wanted)[2]
        return time.perf_counter()

    def close(self) -> None:
        self._socket.close()


def lone_lines(folder: Path) -> tuple[float, float, float]:
    """Milliseconds, medians: from saying to `stored`; from that until it is seen at the other node; and from caller to caller."""
    stored, across, between = [], [], []
    with (
        nodes(2, "postgresql", 1, folder) as at,
        closing(Caller(at.ports[0], "prog", is_program=True)) as program,
        closing(Caller(at.ports[0], "ann")) as caller,
        closing(Caller(at.ports[1], "bob")) as reader,
    ):
        time.sleep(1)
        for number in range(LONE_LINES):
            time.sleep(LONE_GAP)
            said = time.perf_counter()
            program.send(f'{{"do":"say","room":"room0","text":"line-{number}-","key":"k{number}"}}\n')
            told = program.wait_for(b'"is":"stored"')
            seen = reader.wait_for(f"line-{number}-".encode())
            stored.append(told - said)
            across.append(seen - told)
            time.sleep(LONE_GAP)
            said = time.perf_counter()
            caller.send(f"other-{number}-\r\n")
            between.append(reader.wait_for(f"other-{number}-".encode()) - said)
    in_ms = [statistics.median(times) * 1000 for times in (stored, across, between)]
    return in_ms[0], in_ms[1], in_ms[2]


def main() -> int:
    """Play what was asked for."""
    parser = argparse.ArgumentParser(description="Measure several nodes on one PostgreSQL.")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often everything is played (5)")
    chosen = parser.parse_args()
    values: dict[Must, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        build(folder)
        for number in range(1, chosen.rounds + 1):
            order = (2, 1) if number % 2 else (1, 2)
            for scenario, must in CPU.items():
                costs = {count: play(scenario, count, "postgresql", folder)["cpu_us_per_delivery"] for count in order}
                values.setdefault(must, []).append(costs[2] / costs[1])
            kinds = ("postgresql", "sqlite") if number % 2 else ("sqlite", "postgresql")
            rates = {kind: play("S1", 1, kind, folder)["deliveries_per_s"] for kind in kinds}
            values.setdefault(RATE, []).append(rates["postgresql"] / rates["sqlite"])
            for must, found in zip((STORED, ACROSS, TELNET), lone_lines(folder), strict=True):
                values.setdefault(must, []).append(found)
            print(f"round {number} of {chosen.rounds} played", file=sys.stderr, flush=True)
        with nodes(MANY_NODES, "postgresql", MANY_ROOMS, folder) as at:
            many = load(MANY_LOAD, at, folder)
    rows = [must.row(found) for must, found in values.items()]
    print("| what | reached (least to most) | must | |\n| --- | --- | --- | --- |", *rows, sep="\n")
    print(
        f"{MANY_NODES} nodes wrote {many['msgs_per_s']:,.0f} lines a second to {MANY_ROOMS} rooms, p99 {many['p99_ms']:.0f} ms;"
        " no deadlock, nothing tried again and again"
    )
    return int(any("missed" in row for row in rows))


if __name__ == "__main__":
    sys.exit(main())
