"""Measure the server under load, beside its peers or beside another checkout of itself.

Builds fanout.c (the load, which also checks that every member got every line once and in order) and cbroadcast.c (the least that a
chat server can do) with gcc. For every run a fresh server is started, with the rooms that the load needs and every flood and address
limit off; the servers take turns, and medians and ratios are printed. Peers are Debian's packages inspircd and ngircd; one that is
missing is named and left out. Exit code 1 if any run of this server lost, doubled or reordered a line.

Two cores are wanted: one for the server, one for the load. Compare only within one run, and look at CPU per delivery before rates: it
is the steadier of the two.
"""

import argparse
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


class Scenario(NamedTuple):
    """A load: what it is, in a sentence, and what fanout is told to make it."""

    what: str
    flags: str


SCENARIOS = {
    "S1": Scenario(
        "200 members in 20 rooms, a talker in each, who keeps 64 lines under way",
        "--clients 200 --senders 20 --rooms 20 --window 64 --duration 5 --warmup 2000",
    ),
    "S2": Scenario(
        "1000 members in one room, 4 talkers, each of whom keeps 32 lines under way",
        "--clients 1000 --senders 4 --window 32 --duration 5 --warmup 40",
    ),
    "S3": Scenario(
        "1000 members in one room, 20 lines a second, whatever becomes of those before",
        "--clients 1000 --senders 4 --rate 20 --duration 6 --warmup 10",
    ),
    "S4": Scenario(
        "S1 with 10 members who never read",
        "--clients 200 --senders 20 --rooms 20 --window 64 --duration 6 --warmup 2000 --slow 10 --slow-rcvbuf 4096",
    ),
    "S5a": Scenario("5000 members join 100 rooms and stay, silent", "--idle --clients 5000 --rooms 100"),
    "S5b": Scenario("15,000 members join 300 rooms and stay, silent", "--idle --clients 15000 --rooms 300"),
    "S5c": Scenario("5000 members join one room and stay, silent", "--idle --clients 5000 --rooms 1"),
}
"""The loads that code and documents name. Lines have 100 bytes; docs/performance.md has the same table."""

ROOMS = 300
"""The most that a scenario has."""

START_SECONDS = 20.0

OURS = (
    *("--login", r"/login {nick}\r\n", "--login-wait", "Welcome"),
    *("--join", r"/join {room}\r\n", "--join-wait", "You are in", "--say", r"{text}\r\n"),
)
IRC = (
    *("--irc", "--room", "#room{r}", "--login", r"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n", "--login-wait", " 001 "),
    *("--join", r"JOIN {room}\r\n", "--join-wait", " 366 ", "--say", r"PRIVMSG {room} :{text}\r\n"),
)
REFERENCE = ("--join", r"/join {room}\n", "--join-wait", "OK", "--say", r"{text}\n")
"""How fanout talks to this server at its plain door, to an IRC server, and to cbroadcast."""

PEERS = ("c-round", "c-line", "inspircd", "ngircd")
"""What a server can be compared with: cbroadcast with one send for each member and turn of its loop, or for each member and line; IRC servers."""

CONFIG = """[rooms]
names = [{rooms}]
[limits]
connections = 0
connections_per_address = 0
messages_per_second = 0
"""

Figures = dict[str, Any]
"""What fanout reports of a run: `ok`, `problem`, rates, latencies, memory."""


class Server(NamedTuple):
    """A server that has been started, and what is known of it."""

    process: subprocess.Popen[bytes]
    port: int
    talk: Sequence[str]


class CannotStart(Exception):
    """A server did not come up; the text is the end of its log."""


def build(folder: Path) -> None:
    """Compile the load and the reference."""
    for name in ("fanout", "cbroadcast"):
        subprocess.run(["gcc", "-O2", "-std=gnu11", "-o", folder / name, HERE / f"{name}.c"], check=True)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# The servers.


@contextmanager
def running(name: str, folder: Path) -> Iterator[Server]:
    """A fresh server: a peer by its name, or this project's, by the path of its checkout."""
    command, port, talk = peer(name, folder) if name in PEERS else checkout(Path(name), folder)
    log = folder / "log"
    with log.open("wb") as opened:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=opened, start_new_session=True)
    try:
        wait_until_it_listens(process, port, log)
        yield Server(process, port, talk)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def peer(name: str, folder: Path) -> tuple[list[str], int, Sequence[str]]:
    """The command of a peer, its port, and how to talk to it."""
    if name.startswith("c-"):
        port = free_port()
        return [str(folder / "cbroadcast"), str(port), name.removeprefix("c-"), "90"], port, REFERENCE
    config = folder / f"{name}.conf"
    config.write_text((HERE / "peers" / f"{name}.conf").read_text().replace("@FOLDER@", str(folder)))
    if name == "ngircd":
        return ["ngircd", "-n", "-f", str(config)], 6667, (*IRC, "--inflight", "8")
    return ["inspircd", "--nofork", "--runasroot", "--config", str(config)], 6669, (*IRC, "--inflight", "1000")


def checkout(root: Path, folder: Path) -> tuple[list[str], int, Sequence[str]]:
    """The same of a checkout of this project. One that is older than the journal has no --data."""
    program = [str(root / ".venv" / "bin" / "python"), "-m", "chat_server"]
    flags = subprocess.run([*program, "--help"], capture_output=True, text=True, check=True).stdout
    config = folder / "bench.toml"
    rooms = ", ".join(f'"room{number}"' for number in range(ROOMS))
    config.write_text(CONFIG.format(rooms=rooms))
    port = free_port()
    data = ["--data", tempfile.mkdtemp(dir=folder)] if "--data" in flags else []
    return [*program, "--port", str(port), "--config", str(config), *data], port, OURS


def wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return when a connection is taken, and half a second later; raise CannotStart if none is."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(0.5)
                return
        time.sleep(0.05)
    raise CannotStart(log.read_text(errors="replace")[-2000:])


# Runs, and what is made of them.


def run(name: str, scenario: str, folder: Path) -> Figures:
    """One run of a scenario at a fresh server."""
    with running(name, folder) as server:
        flags = ["--port", str(server.port), "--pid", str(server.process.pid), "--timeout", "30"]
        command = [str(folder / "fanout"), *flags, *server.talk, *SCENARIOS[scenario].flags.split()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return dict(json.loads(done.stdout))
    except json.JSONDecodeError:
        return {"ok": False, "problem": done.stderr.strip()[-200:]}


def keys_of(scenario: str) -> Sequence[str]:
    """The figures that a scenario is about."""
    if scenario.startswith("S5"):
        return ("connect_per_s", "rss_kib_per_conn")
    return ("deliveries_per_s", "cpu_us_per_delivery", "p50_ms", "p99_ms")


def median(runs: Sequence[Figures], key: str) -> float:
    """The median of a figure; a run that failed counts as 0."""
    return statistics.median(float(figures.get(key) or 0) for figures in runs)


def told(scenario: str, names: Sequence[str], runs: dict[str, list[Figures]]) -> Iterator[str]:
    """A line for each server: its medians, and those of the first server beside them."""
    first = names[0]
    for name in names:
        good = sum(bool(figures.get("ok")) for figures in runs[name])
        shown = "  ".join(f"{key} {median(runs[name], key):,.2f}" for key in keys_of(scenario))
        shortened = name if name in PEERS else Path(name).name
        yield f"{scenario:4} {shortened:12} {good}/{len(runs[name])} ok  {shown}"
        if name != first:
            yield from (f"{'':18}{line}" for line in ratios(scenario, runs[first], runs[name]))


def ratios(scenario: str, ours: Sequence[Figures], theirs: Sequence[Figures]) -> Iterator[str]:
    """For each figure, the ratio of each round's pair: the median, and the least and the most of them."""
    for key in keys_of(scenario):
        pairs = [(own.get(key) or 0, other.get(key) or 0) for own, other in zip(ours, theirs, strict=True)]
        found = [own / other for own, other in pairs if other]
        if found:
            yield f"{key}: {statistics.median(found):.3f} times this ({min(found):.3f} to {max(found):.3f})"


def measure(names: Sequence[str], scenarios: Sequence[str], rounds: int, folder: Path) -> Iterator[Figures]:
    """Play each scenario so many times at each server, and print what came of it. The order turns in every round, so that none is always first."""
    for scenario in scenarios:
        runs: dict[str, list[Figures]] = {name: [] for name in names}
        for number in range(rounds):
            for name in names if number % 2 == 0 else reversed(names):
                figures = run(name, scenario, folder)
                runs[name].append(figures)
                yield {"server": name, "scenario": scenario, **figures}
                if name == names[0] and not figures.get("ok"):
                    print(f"{scenario}: {figures.get('problem')}", file=sys.stderr)
        print("\n".join(told(scenario, names, runs)), flush=True)


def raise_file_limit() -> None:
    """Allow ourselves, and whoever we start, as many open files as there may be."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def is_there(name: str) -> bool:
    """Whether a peer can be started; who is missing is named."""
    found = name.startswith("c-") or shutil.which(name) is not None
    if not found:
        print(f"{name}: not installed, left out")
    return found


def parser() -> argparse.ArgumentParser:
    """The flags."""
    scenarios = "\n".join(f"  {name:4} {scenario.what}" for name, scenario in SCENARIOS.items())
    flags = argparse.ArgumentParser(
        description=__doc__, epilog=f"scenarios:\n{scenarios}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--scenarios", nargs="+", choices=SCENARIOS, metavar="S", default=[*SCENARIOS])
    flags.add_argument("--peers", nargs="*", choices=PEERS, help="default: c-round inspircd ngircd; none with --before")
    flags.add_argument("--before", metavar="DIR", help="another checkout, in which scripts/venv has been run")
    flags.add_argument("--rounds", type=int, default=3, help="runs of each scenario at each server (default: 3)")
    flags.add_argument("--json", metavar="FILE", type=Path, help="write every run's figures to this file")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; exit code 1 if a run of this server went wrong, 2 if a server did not start."""
    chosen = parser().parse_args(arguments)
    peers = chosen.peers if chosen.peers is not None else [] if chosen.before else ["c-round", "inspircd", "ngircd"]
    before = [str(Path(chosen.before).absolute())] if chosen.before else []
    names = [str(ROOT), *before, *filter(is_there, peers)]
    raise_file_limit()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        build(folder)
        try:
            runs = list(measure(names, chosen.scenarios, chosen.rounds, folder))
        except CannotStart as error:
            print(f"a server did not start: {error}", file=sys.stderr)
            return 2
    if chosen.json:
        chosen.json.write_text(json.dumps(runs, indent=1))
    return int(not all(figures.get("ok") for figures in runs if figures["server"] == names[0]))


if __name__ == "__main__":
    sys.exit(main())
