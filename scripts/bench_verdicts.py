"""What is made of the figures of several runs: medians, ratios of pairs, and what they say. Pure; never knows how a run came about."""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from math import comb
from typing import Any, NamedTuple

from bench_loads import COST, FIGURES, NOW, Must, Play, counted, shown

Figures = dict[str, Any]
"""What is known of a run: `ok`, `problem`, rates, latencies, memory."""

CONFIDENCE = 0.95


def median(runs: Iterable[Figures], key: str) -> float:
    """The median of a figure; a run that failed counts as 0."""
    return statistics.median(float(figures.get(key) or 0) for figures in runs)


def paired(key: str, ours: Sequence[Figures], theirs: Sequence[Figures]) -> list[float]:
    """The ratios of a figure, ours to theirs, in each round where both runs went well."""
    pairs = ((own, other) for own, other in zip(ours, theirs, strict=True) if own.get("ok") and other.get("ok"))
    return [own[key] / other[key] for own, other in pairs if own.get(key) and other.get(key)]


def interval(ratios: Sequence[float]) -> tuple[float, float]:
    """Where the median of such ratios lies, with 95 % confidence, whatever their distribution (that of the sign test).

    Up to eight rounds these are the least and the most; of more rounds as many are left out at both ends as the confidence allows.
    """
    count = len(ratios)
    left_out = 0
    while 2 * sum(comb(count, below) for below in range(left_out + 2)) <= (1 - CONFIDENCE) * 2**count:
        left_out += 1
    ordered = sorted(ratios)
    return ordered[left_out], ordered[-1 - left_out]


# This server beside others, or beside itself as it was.


def told(scenario: str, runs: dict[str, list[Figures]]) -> Iterator[str]:
    """A line for each server: its medians, and those of the first server beside them."""
    first = next(iter(runs))
    for name, played in runs.items():
        good = sum(bool(figures.get("ok")) for figures in played)
        medians = "  ".join(f"{key} {median(played, key):,.2f}" for key in shown(scenario))
        yield f"{scenario:4} {name:12} {good}/{len(played)} ok  {medians}"
        if name != first:
            yield from (f"{'':18}{line}" for line in ratios_told(scenario, runs[first], played))


def ratios_told(scenario: str, ours: Sequence[Figures], theirs: Sequence[Figures]) -> Iterator[str]:
    """For each figure, the ratio of each round's pair: the median, and the least and the most of them."""
    for key in shown(scenario):
        if found := paired(key, ours, theirs):
            yield f"{key}: {statistics.median(found):.3f} times this ({min(found):.3f} to {max(found):.3f})"


# Whether a change costs too much.


class Change(NamedTuple):
    """A figure now and before: the paired ratios."""

    scenario: str
    figure: str
    ratios: list[float]

    @property
    def costs_too_much(self) -> bool:
        """Whether the whole interval is beyond what a change may cost."""
        least, most = interval(self.ratios)
        return most < 2 - COST if FIGURES[self.figure].more_is_better else least > COST

    @property
    def is_open(self) -> bool:
        """Whether a part of the interval is beyond that: so few rounds, on a machine so busy, cannot tell."""
        least, most = interval(self.ratios)
        return not self.costs_too_much and (least < 2 - COST if FIGURES[self.figure].more_is_better else most > COST)

    def __str__(self) -> str:
        least, most = interval(self.ratios)
        limit = f"{(COST - 1) * 100:.0f} %"
        verdict = (
            f"  COSTS MORE THAN {limit}"
            if self.costs_too_much
            else f"  may cost more than {limit}"
            if self.is_open
            else ""
        )
        found = f"{statistics.median(self.ratios):.3f}  ({least:.3f} to {most:.3f})"
        return f"{self.scenario:5} {FIGURES[self.figure].said:26} {found}{verdict}"


def changes(scenario: str, now: Sequence[Figures], before: Sequence[Figures]) -> Iterator[Change]:
    """What counts of a scenario. A figure without a pair has no ratio: nothing is said of it, since its runs failed."""
    for key in counted(scenario):
        if ratios := paired(key, now, before):
            yield Change(scenario, key, ratios)


# What must be reached.


class Reached(NamedTuple):
    """A must and what was measured: the values of each round, ratios or the figure itself."""

    must: Must
    values: list[float]

    @property
    def verdict(self) -> str:
        """In a word or two; "missed" and "not measured" are the bad ones."""
        if not self.values:
            return "not measured"
        found = statistics.median(self.values)
        if self.must.aim is not None and self._is_reached(found, self.must.aim):
            return "aim reached"
        return "reached" if self._is_reached(found, self.must.must) else "missed"

    @property
    def is_missed(self) -> bool:
        """Whether this server is not what it must be, or may not be."""
        return self.verdict in {"missed", "not measured"}

    def _is_reached(self, found: float, wanted: float) -> bool:
        return found >= wanted if FIGURES[self.must.figure].more_is_better else found <= wanted


def reached(must: Must, plays: dict[Play, list[Figures]]) -> Reached:
    """What came of a must, in a run for each round of each play."""
    ours = plays[NOW, must.scenario]
    if must.other is None:
        return Reached(must, [figures[must.figure] for figures in ours if figures.get("ok")])
    return Reached(must, paired(must.figure, ours, plays[must.other]))


def table(found: Sequence[Reached]) -> Iterator[str]:
    """A row for each must, as in Markdown, so that it can go into the documents as it is."""
    yield "| scenario | figure | beside | reached (least to most) | must | aim | |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for one in found:
        must = one.must
        values = one.values
        spread = f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})" if values else ""
        aim = "" if must.aim is None else f"{must.aim:g}"
        beside = must.peer or must.beside
        yield f"| {must.scenario} | {FIGURES[must.figure].said} | {beside} | {spread} | {must.must:g} | {aim} | {one.verdict} |"
