"""How many rows each entry takes, and which entry stands at a row, for a hundred thousand entries. Pure.

Sums are computed again from the first height that changed, in C (`accumulate`): 100,000 of them take 3 ms, and what changes is nearly always
near the end. A Fenwick tree changes one faster, but takes 30 ms in Python to be built, which is needed whenever older lines come.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate


class Heights:
    """Rows by entry."""

    def __init__(self) -> None:
        self._heights = array("i")
        self._measured = bytearray()
        self._ends = array("q")
        self._valid = 0  # so many sums are right

    def __len__(self) -> int:
        return len(self._heights)

    @property
    def total(self) -> int:
        """Rows in all."""
        self._sum_up()
        return self._ends[-1] if self._ends else 0

    def top(self, index: int) -> int:
        """The first row of an entry."""
        self._sum_up()
        return self._ends[index - 1] if index > 0 else 0

    def height(self, index: int) -> int:
        """The rows of an entry."""
        return self._heights[index]

    def at(self, row: int) -> int:
        """The entry at this row; the last one for rows below all."""
        self._sum_up()
        return min(bisect_right(self._ends, row), len(self._ends) - 1)

    def is_measured(self, index: int) -> bool:
        """Whether the height is known, not guessed."""
        return bool(self._measured[index])

    def measure(self, index: int, height: int) -> int:
        """Note the true height; return by how much it differs from what it was taken for."""
        change = height - self._heights[index]
        self._measured[index] = True
        if change:
            self._heights[index] = height
            self._valid = min(self._valid, index)
        return change

    def prepend(self, guesses: Iterable[int]) -> None:
        """Put entries before all others."""
        new = array("i", guesses)
        self._heights = new + self._heights
        self._measured[:0] = bytes(len(new))
        self._valid = 0

    def replace(self, index: int, guesses: Iterable[int]) -> None:
        """Have these entries instead of those from `index` on."""
        del self._heights[index:]
        del self._measured[index:]
        self._heights.extend(guesses)
        self._measured.extend(bytes(len(self._heights) - len(self._measured)))
        self._valid = min(self._valid, index)

    def forget(self, index: int) -> None:
        """What stands there has changed: it has to be measured again."""
        if index < len(self._measured):
            self._measured[index] = False

    def _sum_up(self) -> None:
        if self._valid == len(self._heights) == len(self._ends):
            return
        del self._ends[self._valid :]
        start = self._ends[-1] if self._ends else 0
        sums = accumulate(self._heights[self._valid :], initial=start)
        next(sums)
        self._ends.extend(sums)
        self._valid = len(self._heights)
