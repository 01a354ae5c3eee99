"""Measure the server under load: beside its peers, beside another commit of itself, or against what it must reach.

Builds fanout.c (the load, which also checks that every member got every line once and in order) and cbroadcast.c (the least that a
chat server can do) with gcc. For every run a fresh server is started; the servers take turns, and medians and ratios are printed. Peers are
Debian's packages inspircd and ngircd; one that is missing is named and left out. Exit code 1 if any run of this server lost, doubled or
reordered a line, if a change costs too much (--check; bench_verdicts.py says when), or if a must is missed (--must); 2 if something could not be
measured at all.

Two cores are wanted: one for the server, one for the load. Compare only within one run, and look at CPU per delivery before rates: it
is the steadier of the two.
"""

import argparse
import json
import resource
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from bench_environments import ROOT, NoEnvironment, checked_out, commit_before, git, python_for
from bench_loads import CHECKED, COST, MUSTS, NOW, SCENARIOS, Play, plays_of
from bench_runs import PEERS, Candidate, CannotStart, build, interpreter, is_installed, rounds
from bench_verdicts import Change, Figures, changes, reached, table, told

BEFORE = "before"
"""The other checkout of this server, among the names of peers."""

ROUNDS = {"beside": 3, "check": 7, "must": 5}
"""How often everything is played, for each purpose. Of fewer than seven rounds nothing can be said about a few percent."""

Runs = list[Figures]


def is_missing(peer: str) -> bool:
    """Whether a peer cannot be started; who is missing is named."""
    if found := is_installed(peer):
        return not found
    print(f"{peer}: not installed, left out")
    return True


def can_play(candidate: Candidate, scenario: str) -> bool:
    """Whether it has the door that a scenario is played at."""
    return candidate.python is not None or SCENARIOS[scenario].door == "plain"


def introduce(candidates: Sequence[Candidate]) -> None:
    """Say which Python runs each of our servers: how it was built counts for a fifth."""
    for candidate in candidates:
        if candidate.python is not None:
            print(f"{candidate.name}: {interpreter(candidate.python)}", flush=True)


def announced(what: str, played: Iterable[Runs], chosen: argparse.Namespace) -> Iterator[Runs]:
    """The rounds, and a word on each when it is over: one takes from ten seconds to two minutes."""
    for number, one in enumerate(played, 1):
        print(f"{what}: round {number} of {chosen.rounds} played", file=sys.stderr, flush=True)
        yield one


def complain(runs: Runs) -> bool:
    """Name what went wrong in which run; whether nothing did at this server."""
    failed = [figures for figures in runs if not figures.get("ok")]
    for figures in failed:
        print(f"{figures['scenario']}, {figures['server']}: {figures.get('problem')}", file=sys.stderr)
    return all(figures["server"] != NOW for figures in failed)


def python_beside(checkout: Path, folder: Path, python: Path | None) -> Path:
    """The Python of another checkout: its own, or the one given."""
    if python is not None:
        return python_for(checkout, folder / BEFORE, python)
    own = checkout / ".venv" / "bin" / "python"
    if not own.exists():
        raise NoEnvironment(f"{checkout} has no .venv; scripts/venv in it makes one")
    return own


# The three purposes. Each returns whether all is well, and every run's figures.


def beside(chosen: argparse.Namespace, folder: Path) -> tuple[bool, Runs]:
    """Compare this server with peers, or with another checkout."""
    candidates = [Candidate(NOW, python_for(ROOT, folder / NOW, chosen.python), chosen.people)]
    if chosen.before:
        older = python_beside(Path(chosen.before).absolute(), folder, chosen.python)
        candidates.append(Candidate(BEFORE, older, chosen.people))
    peers = (
        chosen.peers
        if chosen.peers is not None
        else []
        if chosen.before or chosen.people
        else ["c-round", "inspircd", "ngircd"]
    )
    candidates += [Candidate(peer) for peer in peers if not is_missing(peer)]
    introduce(candidates)
    runs: Runs = []
    for scenario in chosen.scenarios or SCENARIOS:
        players = [candidate for candidate in candidates if can_play(candidate, scenario)]
        plays = [(candidate, scenario) for candidate in players]
        played = list(announced(scenario, rounds(plays, chosen.rounds, folder), chosen))
        runs += (figures for one in played for figures in one)
        print(
            "\n".join(told(scenario, {each[0]["server"]: list(each) for each in zip(*played, strict=True)})), flush=True
        )
    return complain(runs), runs


def check(chosen: argparse.Namespace, folder: Path) -> tuple[bool, Runs]:
    """Compare this checkout with a commit, and judge what lies between."""
    revision = chosen.check or commit_before()
    found: list[Change] = []
    runs: Runs = []
    with checked_out(revision, folder) as checkout:
        print(f"{BEFORE}: {git('log', '-1', '--format=%h %s', root=checkout)}", flush=True)
        now = Candidate(NOW, python_for(ROOT, folder / "python-now", chosen.python), chosen.people)
        older = Candidate(BEFORE, python_for(checkout, folder / "python-before", chosen.python), chosen.people)
        introduce([now, older])
        print(f"{'':33}now / before, the median, and where it lies with 95 %")
        for scenario in chosen.scenarios or CHECKED:
            played = list(
                announced(scenario, rounds([(now, scenario), (older, scenario)], chosen.rounds, folder), chosen)
            )
            runs += (figures for one in played for figures in one)
            came = list(changes(scenario, *zip(*played, strict=True)))
            print("\n".join(map(str, came)) or f"{scenario}: no round in which both went well", flush=True)
            found += came
    dear = [change for change in found if change.costs_too_much]
    is_open = sum(change.is_open for change in found)
    rest = f"; of {is_open} only more rounds, or a quieter machine, can tell" if is_open else ""
    print(f"{len(dear)} of {len(found)} figures cost more than {(COST - 1) * 100:.0f} %{rest}")
    return complain(runs) and bool(found) and not dear, runs


def must(chosen: argparse.Namespace, folder: Path) -> tuple[bool, Runs]:
    """Compare this server with what it must reach."""
    plays = plays_of(MUSTS)
    missing = {name for name, _ in plays if name != NOW and not is_installed(name)}
    if missing:
        raise NoEnvironment(f"--must compares with what is not installed: {', '.join(sorted(missing))}")
    ours = Candidate(NOW, python_for(ROOT, folder / NOW, chosen.python))
    introduce([ours])
    runs: Runs = []
    of: dict[Play, Runs] = {play: [] for play in plays}
    candidates = [(ours if name == NOW else Candidate(name), scenario) for name, scenario in plays]
    for one in announced("everything", rounds(candidates, chosen.rounds, folder), chosen):
        for play, figures in zip(plays, one, strict=True):
            of[play].append(figures)
        runs += one
    found = [reached(each, of) for each in MUSTS]
    print("\n".join(table(found)), flush=True)
    return complain(runs) and not any(each.is_missed for each in found), runs


# The command.


def raise_file_limit() -> None:
    """Allow ourselves, and whoever we start, as many open files as there may be."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def parser() -> argparse.ArgumentParser:
    """The flags."""
    scenarios = "\n".join(f"  {name:4} {scenario.what}" for name, scenario in SCENARIOS.items())
    flags = argparse.ArgumentParser(
        prog="scripts/bench",
        description=__doc__,
        epilog=f"scenarios:\n{scenarios}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    purpose = flags.add_mutually_exclusive_group()
    purpose.add_argument(
        "--check",
        metavar="REV",
        nargs="?",
        const="",
        help="beside a commit, in a worktree of its own; exit code 1 if a figure that counts is worse by more than 3 %% with the whole interval of"
        " the paired ratios. Without REV: on a branch, the commit where it left main; on main, the last commit if something is not committed, or"
        f" else the one before it. Default scenarios: {' '.join(CHECKED)}",
    )
    purpose.add_argument(
        "--must",
        action="store_true",
        help="what every release must reach, beside inspircd and cbroadcast, as a table; exit code 1 if something is missed",
    )
    purpose.add_argument("--before", metavar="DIR", help="beside another checkout, in which scripts/venv has been run")
    flags.add_argument(
        "--people",
        action="store_true",
        help="half of the people have accounts, 200 of each room are away and may be named, and 10 readers have blocked a talker (at the plain door)",
    )
    flags.add_argument("--scenarios", nargs="+", choices=SCENARIOS, metavar="S", help="default: all")
    flags.add_argument("--peers", nargs="*", choices=PEERS, help="default: c-round inspircd ngircd; none with --before")
    flags.add_argument(
        "--python", metavar="PATH", type=Path, help="run our servers with this Python, not with that of .venv"
    )
    flags.add_argument(
        "--rounds",
        type=int,
        help=f"runs of everything: {ROUNDS['beside']}, or {ROUNDS['must']} with --must, or {ROUNDS['check']} (and no fewer) with --check",
    )
    flags.add_argument("--json", metavar="FILE", type=Path, help="write every run's figures to this file")
    return flags


def parse(arguments: Sequence[str] | None) -> tuple[str, argparse.Namespace]:
    """The purpose, and what else was chosen; ends the program if that makes no sense."""
    flags = parser()
    chosen = flags.parse_args(arguments)
    purpose = "check" if chosen.check is not None else "must" if chosen.must else "beside"
    if purpose != "beside" and chosen.peers is not None:
        flags.error(f"--{purpose} knows whom it compares with: no --peers")
    if chosen.people and (chosen.must or any(SCENARIOS[one].door == "JSON" for one in chosen.scenarios or ())):
        flags.error("--people plays at the plain door, and is not what every release must reach")
    if chosen.people and not chosen.scenarios:
        chosen.scenarios = [*CHECKED]
    if chosen.must and chosen.scenarios:
        flags.error("--must plays what its table needs: no --scenarios")
    chosen.rounds = ROUNDS[purpose] if chosen.rounds is None else chosen.rounds
    least = ROUNDS["check"] if purpose == "check" else 1
    if chosen.rounds < least:
        flags.error(f"--rounds: at least {least}")
    return purpose, chosen


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; exit code 1 if a run of this server went wrong or its figures are not good enough, 2 if nothing could be measured."""
    purpose, chosen = parse(arguments)
    raise_file_limit()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        build(folder)
        try:
            is_well, runs = {"beside": beside, "check": check, "must": must}[purpose](chosen, folder)
        except CannotStart as error:
            print(f"a server did not start: {error}", file=sys.stderr)
            return 2
        except NoEnvironment as error:
            print(error, file=sys.stderr)
            return 2
    if chosen.json:
        chosen.json.write_text(json.dumps(runs, indent=1))
    return int(not is_well)


def _end(number: int, _frame: FrameType | None) -> None:
    """End as by an exception, so that servers are stopped and worktrees removed."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
