"""Runs of the benchmark: a fresh server, a load, and what was measured. Never knows what the figures are compared with.

A server is this project's, as an environment has it installed, or a peer. Each has the rooms that the loads need, and every flood and address
limit off; this project's keeps what is said, every commit synced, in a folder that is empty at first.
"""

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple

from bench_loads import ROOMS, SCENARIOS, START
from bench_verdicts import Figures

HERE = Path(__file__).resolve().parent

START_SECONDS = 20.0
STARTS = 5
"""Starts of which the median is taken: one takes a third of a second, and varies by a tenth of that."""

PLAIN = (
    *("--login", r"/login {nick}\r\n", "--login-wait", "Welcome"),
    *("--join", r"/join {room}\r\n", "--join-wait", "You are in", "--say", r"{text}\r\n"),
)
JSON_LINES = (
    *("--login", r'{"do":"login","nick":"{nick}","ref":1}\n', "--login-wait", '"is":"logged-in"'),
    *("--join", r'{"do":"join","room":"{room}"}\n', "--join-wait", '"is":"entered"'),
    *("--say", r'{"do":"say","room":"{room}","text":"{text}","key":"{key}"}\n', "--stored", '"is":"stored"', "--own"),
)
IRC = (
    *("--irc", "--room", "#room{r}", "--login", r"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n", "--login-wait", " 001 "),
    *("--join", r"JOIN {room}\r\n", "--join-wait", " 366 ", "--say", r"PRIVMSG {room} :{text}\r\n"),
)
PEOPLE = (
    *("--nick", "a{i5}", "--login-odd", *PLAIN[1:2], "--login", r"/login {nick} 00000000000000{nick}\r\n"),
    *PLAIN[2:],
)
"""The same where every second connection is an account's, which is let in by its code: see bench_people.py."""

REFERENCE = ("--join", r"/join {room}\n", "--join-wait", "OK", "--say", r"{text}\n")
"""How fanout talks to this server at its plain door and at that for programs, to an IRC server, and to cbroadcast."""

PEERS = ("c-round", "c-line", "inspircd", "ngircd")
"""What a server can be compared with: cbroadcast with one send for each member and turn of its loop, or for each member and line; IRC servers."""

CONFIG = """[rooms]
names = [{rooms}]
[limits]
connections = 0
connections_per_address = 0
messages_per_second = 0
"""


class Candidate(NamedTuple):
    """What is measured: a peer by its name, or this project's server, as it is installed for a Python.

    With `people`, half of those who come have accounts, others are away, and some have blocked who talks: bench_people.py.
    """

    name: str
    python: Path | None = None
    people: bool = False


class Command(NamedTuple):
    """How a server is started, where it listens, and how fanout talks to it."""

    arguments: list[str]
    port: int
    talk: Sequence[str]


class CannotStart(Exception):
    """A server did not come up; the text is the end of its log."""


def build(folder: Path) -> None:
    """Compile the load and the reference."""
    for name in ("fanout", "cbroadcast"):
        subprocess.run(["gcc", "-O2", "-std=gnu11", "-o", folder / name, HERE / f"{name}.c"], check=True)


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of our servers: what the caller's says to Python would have them be another's code, or slower.

    Bytecode is kept in the scratch folder, also where the caller's environment has none written: a start is one of a server that was started before.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def is_installed(peer: str) -> bool:
    """Whether a peer can be started. cbroadcast always can."""
    return peer.startswith("c-") or shutil.which(peer) is not None


def interpreter(python: Path) -> str:
    """Which Python it is, where, and how it was built, in words."""
    asked = [str(python), "-c", "import os, sys; print(os.path.realpath(sys.executable))"]
    place = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    # Its exit code says whether environments can be made with it, which nobody asks here.
    words = subprocess.run([python, HERE / "interpreter.py"], capture_output=True, text=True, check=False).stdout
    return f"{words.strip()} ({place})"


# The servers.


@contextmanager
def running(candidate: Candidate, scenario: str, folder: Path) -> Iterator[tuple[int, Command]]:
    """A fresh server: its process, and how it was started."""
    command = (
        peer(candidate.name, folder)
        if candidate.python is None
        else ours(candidate.python, scenario, folder, with_people=candidate.people)
    )
    log = folder / "log"
    with log.open("wb") as opened:
        process = start(command.arguments, opened, folder)
    with stopped_at_last(process):
        wait_until_it_listens(process, command.port, log)
        yield process.pid, command


def start(arguments: list[str], log: int | IO[bytes], folder: Path) -> subprocess.Popen[bytes]:
    """Start a server, in a session of its own: Ctrl+C is for the benchmark, which stops it."""
    return subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True, env=surroundings(folder)
    )


@contextmanager
def stopped_at_last(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """A process that is stopped in order, or else killed, whatever happens meanwhile."""
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def peer(name: str, folder: Path) -> Command:
    """The command of a peer."""
    if name.startswith("c-"):
        port = free_port()
        return Command([str(folder / "cbroadcast"), str(port), name.removeprefix("c-"), "90"], port, REFERENCE)
    config = folder / f"{name}.conf"
    config.write_text((HERE / "peers" / f"{name}.conf").read_text().replace("@FOLDER@", str(folder)))
    if name == "ngircd":
        return Command(["ngircd", "-n", "-f", str(config)], 6667, (*IRC, "--inflight", "8"))
    arguments = ["inspircd", "--nofork", "--runasroot", "--config", str(config)]
    return Command(arguments, 6669, (*IRC, "--inflight", "1000"))


def ours(python: Path, scenario: str, folder: Path, *, with_people: bool = False) -> Command:
    """The command of this project's server. One that is older than the journal has no --data."""
    program = [str(python), "-m", "chat_server"]
    asked = subprocess.run([*program, "--help"], capture_output=True, text=True, check=True, env=surroundings(folder))
    config = folder / "bench.toml"
    rooms = ", ".join(f'"room{number}"' for number in range(ROOMS))
    config.write_text(CONFIG.format(rooms=rooms))
    port = free_port()
    data = ["--data", tempfile.mkdtemp(dir=folder)] if "--data" in asked.stdout else []
    talk: Sequence[str] = JSON_LINES if SCENARIOS[scenario].door == "JSON" else PLAIN
    if with_people:
        talk = PEOPLE
        settle_people(python, scenario, Path(data[1]), folder)
    return Command([*program, "--port", str(port), "--config", str(config), *data], port, talk)


def settle_people(python: Path, scenario: str, data: Path, folder: Path) -> None:
    """Fill a data directory with accounts. They are made once for each server and scenario."""
    flags = SCENARIOS[scenario].flags.split()
    said = dict(pairwise(flags))
    clients, rooms = int(said["--clients"]), int(said.get("--rooms", 1))
    people = clients + int(said.get("--senders", 1))
    known = folder / f"people-{sha256(str(python).encode()).hexdigest()[:12]}-{scenario}"
    if not known.exists():
        command = [
            str(python),
            str(HERE / "bench_people.py"),
            "prepare",
            str(known),
            *map(str, (rooms, people, clients)),
        ]
        subprocess.run(command, check=True, env=surroundings(folder))
    shutil.copytree(known, data, dirs_exist_ok=True)


@contextmanager
def readers(port: int) -> Iterator[None]:
    """Those who have blocked who talks, until the load is over."""
    command = [sys.executable, str(HERE / "bench_people.py"), "read", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            raise CannotStart("those who have blocked somebody could not come in")
        yield
        process.communicate()


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


# Runs.


def play(candidate: Candidate, scenario: str, folder: Path) -> Figures:
    """One run of a scenario at a fresh server."""
    if scenario == START:
        assert candidate.python is not None, "only this project's server says in its log when it listens"
        return started(candidate.python, folder)
    with running(candidate, scenario, folder) as (pid, command):
        flags = ["--port", str(command.port), "--pid", str(pid), "--timeout", "60"]
        load = [str(folder / "fanout"), *flags, *command.talk, *SCENARIOS[scenario].flags.split()]
        with readers(command.port) if candidate.people else nullcontext():
            done = subprocess.run(load, capture_output=True, text=True, check=False)
    try:
        return dict(json.loads(done.stdout))
    except json.JSONDecodeError:
        return {"ok": False, "problem": done.stderr.strip()[-200:]}


def started(python: Path, folder: Path) -> Figures:
    """How long this project's server takes until its log says that it listens. Its first start, which makes the journal, does not count."""
    data = tempfile.mkdtemp(dir=folder)
    _, *times = (seconds_to_listening(python, data, folder) for _ in range(1 + STARTS))
    return {"ok": True, "listening_s": statistics.median(times), "starts": times}


def seconds_to_listening(python: Path, data: str, folder: Path) -> float:
    """One start."""
    command = [str(python), "-m", "chat_server", "--port", "0", "--data", data]
    began = time.monotonic()
    process = start(command, subprocess.PIPE, folder)
    with process, stopped_at_last(process):
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            if b"listening on" in line:
                return time.monotonic() - began
            said.append(line.decode(errors="replace"))
    raise CannotStart("".join(said)[-2000:])


def rounds(plays: Sequence[tuple[Candidate, str]], count: int, folder: Path) -> Iterator[list[Figures]]:
    """Play all so many times, in turns; each round's figures, in the order of the plays.

    Every second round goes backwards, so that none is always first.
    """
    for number in range(count):
        order: Iterable[int] = range(len(plays)) if number % 2 == 0 else reversed(range(len(plays)))
        found = {}
        for at in order:
            candidate, scenario = plays[at]
            found[at] = {"server": candidate.name, "scenario": scenario, **play(candidate, scenario, folder)}
        yield [found[at] for at in range(len(plays))]
