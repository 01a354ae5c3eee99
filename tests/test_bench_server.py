"""The benchmark under load: it finds every fault of a delivery, and measures a server beside others and beside itself."""

import importlib.util
import json
import selectors
import socket
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from processes import ROOT, TIMEOUT, program

SCRIPT = ROOT / "scripts" / "bench_server.py"


def _script() -> Any:
    spec = importlib.util.spec_from_file_location("bench_server", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_server"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def fanout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The load; and the reference beside it. Both compile without a warning."""
    program("gcc")
    folder = tmp_path_factory.mktemp("load")
    for name in ("fanout", "cbroadcast"):
        source = ROOT / "scripts" / f"{name}.c"
        strict = ["-Wall", "-Wextra", "-Wshadow", "-Werror"]
        subprocess.run(["gcc", "-O2", "-std=gnu11", *strict, "-o", folder / name, source], check=True)
    return folder / "fanout"


Fault = Callable[[list[bytes]], list[bytes]]


class Broadcast(threading.Thread):
    """The least of chat servers, with a fault in what it gives to each member in one turn, once a few lines have come."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(daemon=True)
        self._fault = fault
        self._heard = 0
        self._rooms: dict[bytes, list[socket.socket]] = defaultdict(list)
        self._room_of: dict[socket.socket, bytes] = {}
        self._rest: dict[socket.socket, bytes] = defaultdict(bytes)
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._stopped, self._stopping = socket.socketpair()
        self._selector.register(self._stopped, selectors.EVENT_READ)
        self.port = self._listener.getsockname()[1]

    def run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._stopped:
                    return
                if key.fileobj is self._listener:
                    self._selector.register(self._listener.accept()[0], selectors.EVENT_READ)
                else:
                    assert isinstance(key.fileobj, socket.socket)
                    self._read(key.fileobj)

    def _read(self, member: socket.socket) -> None:
        data = member.recv(65536)
        if not data:
            self._selector.unregister(member)
            self._rooms[self._room_of.pop(member)].remove(member)
            member.close()
            return
        *lines, self._rest[member] = (self._rest[member] + data).split(b"\n")
        for line in lines:
            if line.startswith(b"/join "):
                self._rooms[line].append(member)
                self._room_of[member] = line
                member.sendall(b"OK\n")
        said = [line for line in lines if not line.startswith(b"/join ")]
        self._heard += len(said)
        given = self._fault(said) if self._heard > 20 else said
        for other in self._rooms[self._room_of[member]]:
            if other is not member:
                other.sendall(b"".join(line + b"\n" for line in given))

    def stop(self) -> None:
        self._stopping.send(b"x")
        self.join(TIMEOUT)
        for opened in (self._listener, self._stopped, self._stopping, *self._room_of):
            opened.close()
        self._selector.close()


@contextmanager
def broadcast(fault: Fault) -> Iterator[int]:
    server = Broadcast(fault)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


def load(fanout: Path, port: int, *flags: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the figures."""
    talk = _script().REFERENCE
    members = ("--clients", "6", "--senders", "2", "--rooms", "2", "--window", "8", "--messages", "200")
    command = [fanout, "--port", str(port), "--stall", "0.5", *talk, *members, *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    return done.returncode, json.loads(done.stdout)


def test_who_delivers_everything_once_and_in_order_is_found_to_do_so(fanout: Path) -> None:
    with broadcast(lambda lines: lines) as port:
        code, figures = load(fanout, port)
    assert (code, figures["ok"]) == (0, True)
    assert figures["messages"] == 200
    assert figures["deliveries"] == 200 * 3, "three of each room read, and the author is not told"


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (lambda lines: lines[1:], "lost"),
        (lambda lines: [*lines, *lines[:1]], "dup"),
        (lambda lines: lines[::-1], "reordered"),
    ],
    ids=["lost", "doubled", "reordered"],
)
def test_every_fault_of_a_delivery_is_found(fanout: Path, fault: Fault, found: str) -> None:
    with broadcast(fault) as port:
        code, figures = load(fanout, port)
    assert code != 0
    assert not figures["ok"]
    assert figures[found] > 0


def test_each_scenario_is_explained_once_and_the_document_has_it() -> None:
    document = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    explained = document.partition("## The scenarios\n")[2].partition("\n## ")[0]
    rows = [line for line in explained.splitlines() if line.startswith("| S")]
    assert rows == [f"| {name} | {scenario.what} |" for name, scenario in _script().SCENARIOS.items()]


def test_ratios_are_of_the_pairs_of_each_round() -> None:
    script = _script()
    ours = [{"ok": True, "connect_per_s": rate, "rss_kib_per_conn": 8} for rate in (100, 300)]
    theirs = [{"ok": True, "connect_per_s": rate, "rss_kib_per_conn": 4} for rate in (200, 200)]
    joins, memory = script.ratios("S5a", ours, theirs)
    assert joins == "connect_per_s: 1.000 times this (0.500 to 1.500)"
    assert memory == "rss_kib_per_conn: 2.000 times this (2.000 to 2.000)"


@pytest.mark.slow
def test_the_server_is_measured_beside_a_peer_and_beside_another_checkout(
    fanout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fanout.exists()
    script = _script()
    small = "--clients 20 --senders 2 --rooms 2 --window 8 --messages 50 --warmup 4"
    monkeypatch.setitem(script.SCENARIOS, "S1", script.Scenario("few", small))
    (tmp_path / "older").symlink_to(ROOT)
    kept = tmp_path / "runs.json"
    flags = ["--scenarios", "S1", "--rounds", "1", "--peers", "c-round", "--before", str(tmp_path / "older")]
    assert script.main([*flags, "--json", str(kept)]) == 0
    printed = capsys.readouterr().out
    assert "S1   c-round      1/1 ok" in printed
    assert printed.count("deliveries_per_s: ") == 2, "beside both"
    assert [run["ok"] for run in json.loads(kept.read_text())] == [True] * 3


@pytest.mark.slow
def test_a_server_that_does_not_start_is_told(
    fanout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fanout.exists()
    script = _script()
    monkeypatch.setattr(script, "checkout", lambda *_: ([sys.executable, "-c", "exit('no disk')"], 9, ()))
    assert script.main(["--scenarios", "S1", "--rounds", "1", "--peers"]) == 2
    assert "no disk" in capsys.readouterr().err
