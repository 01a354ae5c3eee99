"""The number of the first line of a time, in a room whose clock may have run back: by halving the numbers between, and no index to keep.

Never knows how a batch is looked up.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from itertools import pairwise
from math import inf

from msgspec import Struct

from chat_server.journal.times import times_of

RUNS_MAX = 100
"""Times a room's clock has run back that are minded; each costs 0.3 ms. Beyond it a day may begin a few lines late."""


class TimedBatch(Struct, frozen=True):
    """The numbers and times of a batch."""

    first: int
    count: int
    at: float
    step: float


BatchWith = Callable[[int], TimedBatch | None]
"""The batch that has a number, or the one before it; None if there is none, or none any more."""


def first_of_time(numbers: range, starts: Iterable[int], at: float, until: float, batch_with: BatchWith) -> int:
    """Among these numbers that of the first line from one time on and before another; see Journal.seq_at.

    From one of `starts` to the next, times only go on. Twenty looks among a million lines.
    """
    cuts = [start for start in starts if numbers.start < start < numbers.stop]
    next_at, next_seq = inf, numbers.stop
    for low, high in pairwise([numbers.start, *cuts, numbers.stop]):
        seq, found_at = _first_from(at, low, high, batch_with)
        if seq < high and found_at < until:
            return seq
        if seq < high and found_at < next_at:
            next_at, next_seq = found_at, seq
    return next_seq


def _first_from(at: float, low: int, high: int, batch_with: BatchWith) -> tuple[int, float]:
    """The first number between two whose line is not older than `at`, and its time; `high` if all are."""
    found_at = inf
    while low < high:
        batch = batch_with((low + high) // 2)
        if batch is None:  # it was pruned just now
            break
        if batch.at >= at:
            high, found_at = batch.first, batch.at
            continue
        times = times_of(batch.at, batch.step, batch.count)
        if times[-1] >= at:
            number = bisect_left(times, at)
            return batch.first + number, times[number]
        low = batch.first + batch.count
    return low, found_at
