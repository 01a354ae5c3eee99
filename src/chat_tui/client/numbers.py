"""Which of a room's line numbers are known, and so where holes are.

Knows numbers, kept as stretches, so that a million of them cost no more than their holes. Never knows what a line is. Pure.
"""

from bisect import bisect_left, bisect_right


class Numbers:
    """A set of numbers, in stretches that do not touch."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, first: int, last: int) -> None:
        """Know the numbers from `first` to `last`; none, if there are none."""
        if last < first:
            return
        low = bisect_left(self._ends, first - 1)  # the first stretch that these touch, and the one after the last
        high = bisect_right(self._starts, last + 1)
        if low < high:
            first, last = min(first, self._starts[low]), max(last, self._ends[high - 1])
        self._starts[low:high] = [first]
        self._ends[low:high] = [last]

    def __contains__(self, number: int) -> bool:
        """Whether a number is known."""
        index = bisect_right(self._starts, number) - 1
        return index >= 0 and number <= self._ends[index]

    def count(self, first: int, last: int) -> int:
        """How many numbers are known from one to another."""
        return sum(
            max(0, min(end, last) - max(start, first) + 1) for start, end in zip(self._starts, self._ends, strict=True)
        )

    def run_from(self, number: int) -> int:
        """The last number that can be reached from `number` without a hole; `number` itself if the next one is not known."""
        index = bisect_right(self._starts, number + 1) - 1
        return max(number, self._ends[index]) if index >= 0 else number

    def hole_before(self, number: int, first: int) -> range:
        """The numbers that are not known, from `first` on, between the stretch with `number` in it and the one before."""
        index = bisect_right(self._starts, number) - 1
        if index < 0:
            return range(number, number)
        start = self._starts[index]
        return range(min(start, max(first, self._ends[index - 1] + 1 if index else first)), start)

    def clear(self) -> None:
        """Know nothing any more."""
        self._starts.clear()
        self._ends.clear()
