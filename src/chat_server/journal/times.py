"""When each line of a batch was stored: a batch has its first line's time, and a step from each line to the next. Pure.

In a room, times only go on, from batch to batch too, so that they never contradict the numbers. Never knows what time it is.
"""

from collections.abc import Container, Sequence
from itertools import accumulate, repeat
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from chat_server.protocol.time_zones import LATEST

MILLISECOND, MICROSECOND = 0.001, 0.000001

STEPS = (0.0, MICROSECOND, MILLISECOND)
"""From each line of a batch to the next; none where the batch is of release 0.1.0, or of one line."""

FLOOD_LINES = 10
"""Lines in a batch beyond which they are a microsecond apart. A full batch then takes a millisecond, and a few lines of people ten at most: the
clock has come further by the next one."""


class Timed(Protocol):
    """What has a time."""

    @property
    def at(self) -> float:
        """In seconds since 1970."""
        ...


T = TypeVar("T", bound=Timed)


def times_for(now: float, last_at: float, lines: int) -> tuple[float, float]:
    """The first time and the step of so many lines that come `now`, after a line of the time `last_at`."""
    if now > last_at:
        return now, MILLISECOND if lines <= FLOOD_LINES else MICROSECOND
    return last_at + MICROSECOND, MICROSECOND


def step_of(lines: Sequence[Timed]) -> float:
    """The step of a batch's lines."""
    return 0.0 if len(lines) < 2 else step_between(lines[0].at, lines[1].at)  # noqa: PLR2004 - nothing is between


def step_between(first: float, second: float) -> float:
    """The step of a batch whose first two lines have these times."""
    between = second - first
    if not between:
        return 0.0
    return MILLISECOND if between > MILLISECOND / 2 else MICROSECOND


def times_of(at: float, step: float, count: int) -> list[float]:
    """The times of so many lines of a batch: each is the one before and the step. A batch of release 0.1.0 has one time for all.

    None is later than the latest that can be kept, lest a batch that begins just before it could be exported and not imported.
    """
    if not step or not count:
        return [at] * count
    times = [*accumulate(repeat(step, count - 1), initial=at)]
    return times if times[-1] <= LATEST or at > LATEST else [min(time, LATEST) for time in times]


def goes_on(batch: Sequence[Timed], line: Timed) -> bool:
    """Whether a line may be the next of the batch: a step after the last."""
    steps = (step_of(batch),) if len(batch) > 1 else STEPS
    return any(batch[-1].at + step == line.at for step in steps)


def settled(lines: Sequence[T], first: int, left_out: Container[int], at: float | None = None) -> list[T]:
    """The lines of a batch that are stored, without those at some indices: numbered from `first`, and as far apart as they were.

    The first one's time is `at`; None: that of the batch.
    """
    kept: list[Any] = [line for index, line in enumerate(lines) if index not in left_out]
    times = times_of(lines[0].at if at is None else at, step_of(lines), len(kept))
    return [replace(line, seq=seq, at=at) for seq, (line, at) in enumerate(zip(kept, times, strict=True), first)]
