"""What the benchmark plays, which figures count, and what must be reached: tables. Never knows how a server is started, nor what a run gave."""

from collections.abc import Iterable
from typing import Literal, NamedTuple


class Scenario(NamedTuple):
    """A load: what it is, in a sentence, what fanout is told to make it, and at which door it is played."""

    what: str
    flags: str
    door: Literal["plain", "JSON"] = "plain"


CHINESE = "今天我们讨论一下这个问题,看看大家有什么想法。下午三点在老地方见,别忘了带上资料;"
"""What lines are filled with in Chinese."""

S1_LOAD = "--senders 20 --rooms 20 --window 64 --duration 5 --warmup 2000"

SCENARIOS = {
    "S1": Scenario(
        "200 members in 20 rooms, a talker in each, who keeps 64 lines under way",
        f"--clients 200 {S1_LOAD}",
    ),
    "S1zh": Scenario("S1 in Chinese", f"--clients 200 {S1_LOAD} --filler {CHINESE}"),
    "S1j": Scenario(
        "S1 by programs: 20 say, each line with a key, and hear themselves, 180 hear",
        f"--clients 180 {S1_LOAD}",
        "JSON",
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

NOW = "now"
"""This checkout's server, among the names of peers."""

START = "start"
"""Played like a scenario: the server starts, with a data directory that it has used before, until its log says that it listens."""

ROOMS = 300
"""The most that a scenario has."""


class Figure(NamedTuple):
    """A figure: in words, and whether more of it is better."""

    said: str
    more_is_better: bool


FIGURES = {
    "deliveries_per_s": Figure("deliveries a second", more_is_better=True),
    "cpu_us_per_delivery": Figure("us of CPU for a delivery", more_is_better=False),
    "p50_ms": Figure("ms, median", more_is_better=False),
    "p99_ms": Figure("ms, 99th percentile", more_is_better=False),
    "connect_per_s": Figure("joins a second", more_is_better=True),
    "rss_kib_per_conn": Figure("KiB for a connection", more_is_better=False),
    "listening_s": Figure("s from start to listening", more_is_better=False),
}
"""What is read from a run, by fanout's names."""


def shown(scenario: str) -> tuple[str, ...]:
    """The figures that a scenario is about."""
    if scenario == START:
        return ("listening_s",)
    if scenario.startswith("S5"):
        return ("connect_per_s", "rss_kib_per_conn")
    return ("deliveries_per_s", "cpu_us_per_delivery", "p50_ms", "p99_ms")


def counted(scenario: str) -> tuple[str, ...]:
    """Those by which a change is judged: latencies vary too much, and the rate of S3 is what fanout offers."""
    if scenario == "S3":
        return ("cpu_us_per_delivery",)
    return tuple(key for key in shown(scenario) if not key.endswith("_ms"))


CHECKED = ("S1", "S2", "S3", "S4", "S5c")
"""The scenarios in which a change is judged."""

COST = 1.03
"""What a change may cost: 3 %. Less could not be told from chance in a few minutes."""


Play = tuple[str, str]
"""Who is played at, and what."""


class Must(NamedTuple):
    """What a figure of this server must be, and what is aimed at: a ratio to the same figure of another play in the same round, or as it is."""

    scenario: str
    figure: str
    must: float
    aim: float | None
    peer: str = ""
    beside: str = ""
    """With `peer`, the same scenario at that peer; with `beside`, that scenario at this server; with neither, nothing."""

    @property
    def other(self) -> "Play | None":
        """The play that it is beside."""
        if self.peer:
            return self.peer, self.scenario
        return (NOW, self.beside) if self.beside else None


MUSTS = (
    Must("S1", "deliveries_per_s", 1.0, 1.2, peer="inspircd"),
    Must("S1", "cpu_us_per_delivery", 1.1, 0.9, peer="inspircd"),
    Must("S1zh", "deliveries_per_s", 0.8, 0.95, beside="S1"),
    Must("S1j", "deliveries_per_s", 0.5, None, beside="S1"),
    Must("S4", "deliveries_per_s", 0.9, 0.95, beside="S1"),
    Must("S2", "deliveries_per_s", 4.2, 5.0, peer="inspircd"),
    Must("S3", "cpu_us_per_delivery", 1.2, 1.15, peer="c-round"),
    Must("S5c", "connect_per_s", 9.0, 12.0, peer="inspircd"),
    Must("S5c", "rss_kib_per_conn", 8.5, 7.5),
    Must(START, "listening_s", 0.3, 0.25),
)
"""What every release reaches, with everything stored (`durability = "full"`), on two cores, by Debian's Python 3.11.

They are played in this order: those that are compared with S1 stand beside it.
"""


def plays_of(musts: Iterable[Must]) -> list[Play]:
    """What must be played to judge them, each once; what is compared stays close together."""
    plays = (play for must in musts for play in ((NOW, must.scenario), must.other) if play)
    return list(dict.fromkeys(plays))
