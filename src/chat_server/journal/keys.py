"""The keys of a batch's lines, as they are given to a journal: those that one person sent in a row are one value.

Whoever does not know that sees a mapping from each line's place to its key. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count, repeat
from typing import NamedTuple


class SenderKey(NamedTuple):
    """A request's own name, and whose it is."""

    sender: str
    key: str


class KeyRun(NamedTuple):
    """The keys of lines in a row, the first of them in this place, all of one sender."""

    first: int
    sender: str
    keys: Sequence[str]


class KeysInRuns(Mapping[int, SenderKey]):
    """The keys of some of a batch's lines, by the lines' places."""

    __slots__ = ("_each", "runs")

    def __init__(self, runs: Sequence[KeyRun] = ()) -> None:
        """Take runs in the order of their places."""
        self.runs = [*runs]
        self._each: dict[int, SenderKey] | None = None

    def add(self, index: int, sender: str, keys: Sequence[str]) -> None:
        """Add the keys of the lines from this place on, which is after all others."""
        self.runs.append(KeyRun(index, sender, keys))
        self._each = None

    def __bool__(self) -> bool:
        return bool(self.runs)

    def __len__(self) -> int:
        return sum(len(run.keys) for run in self.runs)

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(range(first, first + len(keys)) for first, _, keys in self.runs)

    def __getitem__(self, index: int) -> SenderKey:
        if self._each is None:
            self._each = dict(chain.from_iterable(map(_each_of, self.runs)))
        return self._each[index]


def _each_of(run: KeyRun) -> Iterable[tuple[int, SenderKey]]:
    return zip(count(run.first), map(SenderKey, repeat(run.sender), run.keys))


def runs_of(keys: Mapping[int, SenderKey]) -> Sequence[KeyRun]:
    """The keys as runs, those in which they came if they came in runs."""
    if isinstance(keys, KeysInRuns):
        return keys.runs
    return [KeyRun(index, sender, (key,)) for index, (sender, key) in keys.items()]
