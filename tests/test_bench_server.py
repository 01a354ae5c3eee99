"""The benchmark under load: it finds every fault of a delivery, and says what a server is beside others, and what a change costs."""

import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from processes import ROOT, TIMEOUT, program

SCRIPTS = ROOT / "scripts"


@pytest.fixture(autouse=True)
def _scripts_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SCRIPTS)


def script(part: str) -> Any:
    """One of the benchmark's modules."""
    return importlib.import_module(f"bench_{part}")


@pytest.fixture(scope="module")
def fanout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The load; and the reference beside it. Both compile without a warning."""
    program("gcc")
    folder = tmp_path_factory.mktemp("load")
    for name in ("fanout", "cbroadcast"):
        source = SCRIPTS / f"{name}.c"
        strict = ["-Wall", "-Wextra", "-Wshadow", "-Werror"]
        subprocess.run(["gcc", "-O2", "-std=gnu11", *strict, "-o", folder / name, source], check=True)
    return folder / "fanout"


Fault = Callable[[list[bytes]], list[bytes]]


def none(lines: list[bytes]) -> list[bytes]:
    return lines


class Broadcast(threading.Thread):
    """The least of chat servers, with a fault in what it gives to each member in one turn, once a few lines have come.

    With keys, a line ends in its key after a blank, which only its author is told, in an answer with a fault of its own; and authors hear themselves.
    """

    def __init__(self, fault: Fault, fault_of_answers: Fault | None = None) -> None:
        super().__init__(daemon=True)
        self._fault = fault
        self._fault_of_answers = fault_of_answers
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
        is_faulty = self._heard > 20
        if has_keys := self._fault_of_answers is not None:
            answers = [b"stored " + line.rpartition(b" ")[2] for line in said]
            said = [line.rpartition(b" ")[0] for line in said]
            self._give(member, self._fault_of_answers(answers) if is_faulty else answers)
        for other in self._rooms[self._room_of[member]]:
            if has_keys or other is not member:
                self._give(other, self._fault(said) if is_faulty else said)

    @staticmethod
    def _give(member: socket.socket, lines: list[bytes]) -> None:
        member.sendall(b"".join(line + b"\n" for line in lines))

    def stop(self) -> None:
        self._stopping.send(b"x")
        self.join(TIMEOUT)
        for opened in (self._listener, self._stopped, self._stopping, *self._room_of):
            opened.close()
        self._selector.close()


@contextmanager
def broadcast(fault: Fault, fault_of_answers: Fault | None = None) -> Iterator[int]:
    server = Broadcast(fault, fault_of_answers)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


def load(fanout: Path, port: int, *flags: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the figures."""
    talk = script("runs").REFERENCE
    members = ("--clients", "6", "--senders", "2", "--rooms", "2", "--window", "8", "--messages", "200")
    command = [fanout, "--port", str(port), "--stall", "0.5", *talk, *members, *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    return done.returncode, json.loads(done.stdout)


def test_who_delivers_everything_once_and_in_order_is_found_to_do_so(fanout: Path) -> None:
    with broadcast(none) as port:
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


KEYS = ("--say", r"{text} {key}\n", "--stored", "stored", "--own")


def test_an_author_who_hears_himself_counts_as_a_member_and_his_keys_come_back_once(fanout: Path) -> None:
    with broadcast(none, none) as port:
        code, figures = load(fanout, port, *KEYS)
    assert (code, figures["ok"]) == (0, True)
    assert (figures["messages"], figures["stored"]) == (200, 200)
    assert figures["deliveries"] == 200 * 4, "three of each room read, and the author"


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (lambda lines: lines[1:], "unanswered"),
        (lambda lines: [*lines, *lines[:1]], "stored_twice"),
        (lambda lines: [line.replace(b"stored", b"refused") for line in lines], "not_stored"),
    ],
    ids=["unanswered", "answered twice", "refused"],
)
def test_every_fault_of_an_answer_is_found(fanout: Path, fault: Fault, found: str) -> None:
    with broadcast(none, fault) as port:
        code, figures = load(fanout, port, *KEYS)
    assert code != 0
    assert not figures["ok"]
    assert figures[found] > 0
    assert (figures["lost"], figures["dup"]) == (0, 0)
    assert figures["stalled"] is (found != "stored_twice"), "a line whose key has not been answered is under way"


def test_an_author_who_does_not_hear_himself_where_he_should_has_lost_a_line(fanout: Path) -> None:
    with broadcast(none) as port:
        code, figures = load(fanout, port, "--own")
    assert code != 0
    assert figures["lost"] > 0
    assert figures["stalled"], "its lines are under way for ever"


@pytest.mark.parametrize("size", [98, 99, 100])
def test_a_line_of_chinese_has_its_length_and_no_cut_character(fanout: Path, size: int) -> None:
    heard: list[bytes] = []

    def hear(lines: list[bytes]) -> list[bytes]:
        heard.extend(lines)
        return lines

    with broadcast(hear) as port:
        code, _ = load(fanout, port, "--filler", script("loads").CHINESE, "--size", str(size))
    assert code == 0
    assert {len(line) for line in heard} == {size}
    assert all("今天我们" in line.decode() for line in heard)


def test_each_scenario_is_explained_once_and_the_document_has_it() -> None:
    document = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    explained = document.partition("## The scenarios\n")[2].partition("\n## ")[0]
    rows = [line for line in explained.splitlines() if line.startswith("| S")]
    assert rows == [f"| {name} | {scenario.what} |" for name, scenario in script("loads").SCENARIOS.items()]


# What is made of the figures.


def runs_of(key: str, *values: float) -> list[dict[str, Any]]:
    return [{"ok": True, key: value} for value in values]


def test_ratios_are_of_the_pairs_of_each_round() -> None:
    ours = [{"ok": True, "connect_per_s": rate, "rss_kib_per_conn": 8} for rate in (100, 300)]
    theirs = [{"ok": True, "connect_per_s": rate, "rss_kib_per_conn": 4} for rate in (200, 200)]
    joins, memory = script("verdicts").ratios_told("S5a", ours, theirs)
    assert joins == "connect_per_s: 1.000 times this (0.500 to 1.500)"
    assert memory == "rss_kib_per_conn: 2.000 times this (2.000 to 2.000)"


def test_a_round_in_which_one_failed_has_no_ratio() -> None:
    failed = {"ok": False, "connect_per_s": 9}
    ours, theirs = [*runs_of("connect_per_s", 1), failed], runs_of("connect_per_s", 2, 3)
    assert script("verdicts").paired("connect_per_s", ours, theirs) == [0.5]


@pytest.mark.parametrize(
    ("count", "left_out"),
    [(1, 0), (7, 0), (8, 0), (9, 1), (11, 1), (12, 2), (20, 5)],
)
def test_the_interval_leaves_out_what_the_sign_test_allows(count: int, left_out: int) -> None:
    """As in the tables of confidence intervals for a median, at 95 %."""
    assert script("verdicts").interval([*range(count)]) == (left_out, count - 1 - left_out)


@pytest.mark.parametrize(
    ("key", "ratios", "is_too_much"),
    [
        ("cpu_us_per_delivery", [1.031, 1.2, 1.3], True),
        ("cpu_us_per_delivery", [1.029, 1.2, 1.3], False),
        ("cpu_us_per_delivery", [0.5, 0.6, 0.7], False),
        ("rss_kib_per_conn", [1.04, 1.04, 1.04], True),
        ("deliveries_per_s", [0.5, 0.6, 0.969], True),
        ("deliveries_per_s", [0.5, 0.6, 0.971], False),
        ("deliveries_per_s", [1.5, 1.6, 1.7], False),
    ],
)
def test_a_change_costs_too_much_only_if_the_whole_interval_says_so(
    key: str, ratios: list[float], is_too_much: bool
) -> None:
    change = script("verdicts").Change("S1", key, ratios)
    assert change.costs_too_much is is_too_much
    assert ("COSTS" in str(change)) is is_too_much


@pytest.mark.parametrize(
    ("key", "ratios", "is_open"),
    [
        ("cpu_us_per_delivery", [0.8, 1.0, 1.2], True),
        ("cpu_us_per_delivery", [0.8, 1.0, 1.03], False),
        ("cpu_us_per_delivery", [1.04, 1.1, 1.2], False),
        ("deliveries_per_s", [0.8, 1.0, 1.2], True),
        ("deliveries_per_s", [0.97, 1.0, 1.2], False),
    ],
)
def test_an_interval_that_is_beyond_only_in_part_is_named_and_does_not_count(
    key: str, ratios: list[float], is_open: bool
) -> None:
    change = script("verdicts").Change("S1", key, ratios)
    assert change.is_open is is_open
    assert str(change).endswith("  may cost more than 3 %") is is_open


def test_what_counts_is_what_does_not_hang_on_the_hour() -> None:
    counted = script("loads").counted
    assert counted("S1") == counted("S4") == counted("S1j") == ("deliveries_per_s", "cpu_us_per_delivery")
    assert counted("S3") == ("cpu_us_per_delivery",), "its rate is what is offered"
    assert counted("S5c") == ("connect_per_s", "rss_kib_per_conn")


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [([0.1, 0.79, 9], "missed"), ([0.1, 0.8, 9], "reached"), ([0.1, 0.95, 9], "aim reached"), ([], "not measured")],
)
def test_a_must_is_reached_by_the_median(ratios: list[float], verdict: str) -> None:
    loads, verdicts = script("loads"), script("verdicts")
    rate = loads.Must("S1zh", "deliveries_per_s", 0.8, 0.95, beside="S1")
    plays = {("now", "S1zh"): runs_of(rate.figure, *ratios), ("now", "S1"): runs_of(rate.figure, *[1.0] * len(ratios))}
    found = verdicts.reached(rate, plays)
    assert found.verdict == verdict
    assert found.is_missed is (verdict in {"missed", "not measured"})
    assert [*verdicts.table([found])][-1].endswith(f"| 0.8 | 0.95 | {verdict} |")


def test_of_some_figures_less_is_better() -> None:
    loads, verdicts = script("loads"), script("verdicts")
    memory = loads.Must("S5c", "rss_kib_per_conn", 8.5, 7.5)
    found = [verdicts.reached(memory, {("now", "S5c"): runs_of(memory.figure, kib)}) for kib in (8.6, 8.5, 7.5)]
    assert [one.verdict for one in found] == ["missed", "reached", "aim reached"]


def test_all_that_the_musts_compare_is_played_once() -> None:
    loads = script("loads")
    plays = loads.plays_of(loads.MUSTS)
    assert len(plays) == len({*plays})
    assert {must.other for must in loads.MUSTS if must.other} <= {*plays}
    assert {scenario for _, scenario in plays} <= {*loads.SCENARIOS, loads.START}


# The flags.


@pytest.mark.parametrize(
    ("flags", "purpose", "rounds"),
    [
        ("", "beside", 3),
        ("--before ../older --rounds 9", "beside", 9),
        ("--must", "must", 5),
        ("--check", "check", 7),
        ("--check HEAD~2 --scenarios S1", "check", 7),
    ],
)
def test_a_purpose_has_its_rounds(flags: str, purpose: str, rounds: int) -> None:
    found, chosen = script("server").parse(flags.split())
    assert (found, chosen.rounds) == (purpose, rounds)


@pytest.mark.parametrize(
    "flags", ["--check --must", "--check --rounds 6", "--check --peers c-round", "--must --scenarios S1", "--rounds 0"]
)
def test_flags_that_make_no_sense_together_are_refused(flags: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        script("server").parse(flags.split())
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


# Commits and environments.


class Repository:
    """A repository with a main branch, in which commits are made of nothing but a file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("config", "user.email", "ann@example.org")
        self.git("config", "user.name", "ann")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", "-C", self.root, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def change(self, text: str) -> None:
        (self.root / "file").write_text(text)

    def commit(self, text: str) -> str:
        self.change(text)
        self.git("add", "file")
        self.git("commit", "--quiet", "--message", text)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    program("git")
    (tmp_path / "repository").mkdir()
    return Repository(tmp_path / "repository")


def test_the_commit_before_is_where_a_branch_left_main_or_the_last_or_the_one_before_it(repository: Repository) -> None:
    before = script("environments").commit_before
    first = repository.commit("first")
    second = repository.commit("second")
    assert before(repository.root) == first, "nothing has changed since the last commit"
    repository.change("third")
    assert before(repository.root) == second
    repository.git("checkout", "--quiet", "-b", "faster")
    repository.commit("third")
    repository.commit("fourth")
    assert before(repository.root) == second, "all of the branch"


def test_a_commit_that_is_not_there_is_told_in_gits_words(repository: Repository, tmp_path: Path) -> None:
    environments = script("environments")
    repository.commit("first")
    with (
        pytest.raises(environments.NoEnvironment, match="nowhere"),
        environments.checked_out("nowhere", tmp_path, repository.root),
    ):
        pass


def test_a_worktree_is_removed_whatever_happens_in_it(repository: Repository, tmp_path: Path) -> None:
    first = repository.commit("first")
    repository.commit("second")

    def interrupted() -> None:
        with script("environments").checked_out(first, tmp_path, repository.root) as place:
            assert (place / "file").read_text() == "first"
            (place / "file").write_text("measured")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not (tmp_path / "before").exists()
    assert len(repository.git("worktree", "list").splitlines()) == 1


def test_a_linked_environment_has_the_packages_and_another_checkout(tmp_path: Path) -> None:
    (tmp_path / "src" / "chat_server").mkdir(parents=True)
    (tmp_path / "src" / "chat_server" / "__init__.py").write_text("")
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    python = script("environments").linked(Path(sys.executable), tmp_path, tmp_path / "made", packages)
    asked = "import chat_server, trio; print(chat_server.__file__); print(trio.__file__)"
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONPATH"
    }  # it goes before all others
    done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True, env=environment)
    places = done.stdout.splitlines()
    assert [Path(place).parent.parent for place in places] == [tmp_path / "src", Path(packages)]


def test_another_checkout_without_an_environment_is_told_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script("server"), "build", lambda _: None)
    assert script("server").main(["--before", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"{tmp_path} has no .venv; scripts/venv in it makes one\n"


# The whole.


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scenario with few people, and few lines or half a second."""
    loads = script("loads")
    for name, scenario in loads.SCENARIOS.items():
        flags = ["--idle --clients 20 --hold 0.1"]
        if not name.startswith("S5"):
            filler = scenario.flags.partition("--filler ")[2]
            flags = ["--clients 20 --senders 2 --rooms 2 --window 8 --messages 50 --warmup 4"]
            flags += [f"--filler {filler}"] if filler else []
        monkeypatch.setitem(loads.SCENARIOS, name, scenario._replace(flags=" ".join(flags)))
    monkeypatch.setattr(script("runs"), "STARTS", 1)


@pytest.mark.slow
def test_the_server_is_measured_beside_a_peer_and_beside_another_checkout(
    fanout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fanout.exists()
    small(monkeypatch)
    (tmp_path / "older").symlink_to(ROOT)
    kept = tmp_path / "runs.json"
    flags = ["--scenarios", "S1", "--rounds", "1", "--peers", "c-round", "--before", str(tmp_path / "older")]
    assert script("server").main([*flags, "--json", str(kept)]) == 0
    printed = capsys.readouterr().out
    assert "now: CPython 3" in printed
    assert "before: CPython 3" in printed
    assert "S1   c-round      1/1 ok" in printed
    assert printed.count("deliveries_per_s: ") == 2, "beside both"
    assert [run["ok"] for run in json.loads(kept.read_text())] == [True] * 3


@pytest.mark.slow
def test_every_scenario_of_deliveries_is_kept_by_the_server(
    fanout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fanout.exists()
    small(monkeypatch)
    flags = ["--scenarios", "S1zh", "S1j", "--rounds", "1", "--peers", "c-round"]
    assert script("server").main(flags) == 0
    printed = capsys.readouterr().out
    assert "S1zh now          1/1 ok" in printed
    assert "S1j  now          1/1 ok" in printed
    assert "S1j  c-round" not in printed, "it has no door for programs"


@pytest.fixture
def head() -> str:
    """This checkout's commit, if it is one of git's."""
    program("git")
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    return git("rev-parse", "HEAD")


def git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.slow
def test_a_change_is_checked_beside_a_commit(
    fanout: Path, head: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fanout.exists()
    small(monkeypatch)
    monkeypatch.setitem(script("server").ROUNDS, "check", 1)
    monkeypatch.setattr(script("verdicts"), "COST", 1e9)
    assert script("server").main(["--check", head, "--scenarios", "S1"]) == 0
    printed, announced = capsys.readouterr()
    assert announced == "S1: round 1 of 1 played\n"
    assert f"before: {head[:7]}" in printed
    assert "deliveries a second" in printed
    assert "\n0 of " in printed, "so few lines may cost no tick of CPU, and then there is no ratio"


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_check_that_is_interrupted_leaves_neither_worktree_nor_server(
    fanout: Path, head: str, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    assert fanout.exists()
    command = [sys.executable, str(SCRIPTS / "bench_server.py"), "--check", head, "--scenarios", "S5c"]
    place = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=place) as check:
        deadline = time.monotonic() + TIMEOUT
        while not any(b"listening" in log.read_bytes() for log in tmp_path.glob("*/log")):
            assert check.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert str(tmp_path) in git("worktree", "list")
        assert str(tmp_path) in commands()
        check.send_signal(number)
        check.communicate(timeout=TIMEOUT)
    assert check.returncode == code
    assert [*tmp_path.iterdir()] == []
    assert str(tmp_path) not in git("worktree", "list")
    assert str(tmp_path) not in commands()


def commands() -> str:
    """What runs on this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            found.append(path.read_text(errors="replace"))
    return "\n".join(found)


@pytest.mark.slow
def test_what_must_be_reached_is_a_table(
    fanout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fanout.exists()
    small(monkeypatch)
    loads = script("loads")
    rate = loads.Must("S1j", "deliveries_per_s", 0.0001, None, beside="S1")
    started = loads.Must(loads.START, "listening_s", 0.0001, None)
    monkeypatch.setattr(script("server"), "MUSTS", (rate, started))
    assert script("server").main(["--must", "--rounds", "1"]) == 1, "no server starts so soon"
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| S1j") or "listening" in line]
    assert [row.rpartition("| ")[2] for row in rows] == ["reached |", "missed |"]


@pytest.mark.parametrize("flags", ["--check HEAD --scenarios S1 S5c", "--must"])
@pytest.mark.parametrize(("is_good", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_says_what_came_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, is_good: bool, code: int
) -> None:
    """Of figures that are ten times as good as everybody else's, or ten times as bad."""
    server, figures = script("server"), script("loads").FIGURES

    def played(name: str, scenario: str) -> dict[str, Any]:
        values = {
            key: 1 if name != "now" else 10 if figure.more_is_better is is_good else 0.1
            for key, figure in figures.items()
        }
        return {"server": name, "scenario": scenario, "ok": True, **values}

    def rounds(plays: Any, count: int, _: Path) -> list[list[dict[str, Any]]]:
        return [[played(candidate.name, scenario) for candidate, scenario in plays]] * count

    replaced = {
        "rounds": rounds,
        "checked_out": lambda *_: nullcontext(tmp_path),
        "git": lambda *_, **__: "0123abc An older one",
        "python_for": lambda *_: Path(sys.executable),
        "is_installed": lambda _: True,
        "build": lambda _: None,
    }
    for name, stand_in in replaced.items():
        monkeypatch.setattr(server, name, stand_in)
    assert server.main(flags.split()) == code


def test_a_must_that_cannot_be_compared_is_not_measured_at_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(script("server"), "build", lambda _: None)
    assert script("server").main(["--must"]) == 2
    assert "not installed: inspircd" in capsys.readouterr().err


@pytest.mark.slow
def test_a_server_that_does_not_start_is_told(
    fanout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fanout.exists()
    runs = script("runs")
    monkeypatch.setattr(runs, "ours", lambda *_, **__: runs.Command([sys.executable, "-c", "exit('no disk')"], 9, ()))
    assert script("server").main(["--scenarios", "S1", "--rounds", "1", "--peers"]) == 2
    assert "no disk" in capsys.readouterr().err
