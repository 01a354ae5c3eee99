"""Runs: lines that one person says in a row, as one value on their way from the bytes in which they came to the bytes in which they are shown.

Where lines come many at a time, what is done with each of them is what costs: a run is cut, numbered, stored and shown as one. Whoever does not
know runs iterates, and gets each line as it would have come by itself. Pure; never knows where a run is.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, count, repeat
from typing import Self, TypeVar, final, overload
from weakref import WeakKeyDictionary

from msgspec import Struct

from chat_server.protocol.entries import Entry, Said
from chat_server.protocol.events import Event, Stored
from chat_server.protocol.requests import Say

_CONTROLS = bytes(range(0x20))

RUN_MAX = 256
"""Lines in a run. Bounds count lines, so it need not be low; a chunk that somebody sends as fast as they can has eighty lines of ordinary length."""


@final
class RunTexts(Struct, frozen=True, gc=False):
    """What the lines of a run say, as one value. They come one by one by iterating.

    It is UTF-8, with a line feed between two lines and no other control character. So a run is cut, stored and shown by a `replace` each: to touch
    each of 64 lines took a sixth of S1's CPU.
    """

    together: bytes
    count: int

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[str]:
        return iter(self.together.decode().split("\n") if self.count else ())

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """These texts as one value. Raises ValueError if a control character is in one, or what cannot be encoded."""
        together = "\n".join(texts).encode()
        if len(together.translate(None, _CONTROLS)) != len(together) - max(0, len(texts) - 1):
            raise ValueError("a control character is in a line's text")
        return cls(together, len(texts))


@final
class SayRun(Struct, frozen=True, gc=False):
    """Requests to say something, one for each text; all with a key, or none. They come as requests by iterating."""

    texts: RunTexts
    keys: Sequence[str] = ()

    def __len__(self) -> int:
        return self.texts.count

    def __iter__(self) -> Iterator[Say]:
        return map(Say, self.texts, self.keys or repeat(""))


def say_runs(texts: Sequence[str], keys: Sequence[str] = ()) -> list[SayRun]:
    """Requests to say these texts, under these keys, if any, in runs of RUN_MAX. Raises as `RunTexts.of` does."""
    parts = [slice(first, first + RUN_MAX) for first in range(0, len(texts), RUN_MAX)]
    return [SayRun(RunTexts.of(texts[part]), keys[part]) for part in parts]


@final
class SaidRun(Struct, frozen=True, gc=False):
    """Lines that somebody has said, numbered from `seq`, each with its own time. They come as entries by iterating."""

    room: str
    seq: int
    times: list[float]
    nick: str
    texts: RunTexts
    author: int = 0
    guest: bool = False
    bot: bool = False

    def __len__(self) -> int:
        return self.texts.count

    def __iter__(self) -> Iterator[Said]:
        same = repeat(self.room), count(self.seq), self.times, repeat(self.nick), self.texts
        return map(Said, *same, repeat(self.author), repeat(self.guest), repeat(self.bot))


def _first_two(run: SaidRun) -> list[Entry]:
    """The first two lines of a run, which it has, without taking all its texts apart."""
    texts = run.texts.together.split(b"\n", 2)[:2]
    whose = run.author, run.guest, run.bot
    return [
        Said(run.room, run.seq + index, run.times[index], run.nick, text.decode(), *whose)
        for index, text in enumerate(texts)
    ]


@final
class StoredRun(Struct, frozen=True, gc=False):
    """Their author is told that lines are stored, numbered from `seq`, one for each key. They come as events by iterating."""

    room: str
    seq: int
    keys: Sequence[str]

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Stored]:
        return map(Stored, repeat(self.room), count(self.seq), self.keys)


E = TypeVar("E")

Piece = Entry | SaidRun
"""One line, or several."""


@final
class LinesInRuns(Sequence[Entry]):
    """Lines of a room in their order, some of them in runs; each is made when it is asked for."""

    __slots__ = ("_each", "_length", "pieces")

    def __init__(self, pieces: Sequence[Piece], length: int) -> None:
        """Take these pieces, which have so many lines."""
        self.pieces = pieces
        self._length = length
        self._each: list[Entry] | None = None

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._all())

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        first = self.pieces[0]
        if index in (0, 1) and type(first) is SaidRun and len(first) > 1:  # they tell the time and the step
            return _first_two(first)[index]
        return self._all()[index]

    def __eq__(self, other: object) -> bool:
        return [*self] == [*other] if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # lines are compared, and looked up by nobody

    def _all(self) -> list[Entry]:
        if self._each is None:
            self._each = list(each_of(self.pieces))
        return self._each


def in_runs(pieces: list[Piece], count: int) -> Sequence[Entry]:
    """The lines of the pieces, which are so many."""
    return LinesInRuns(pieces, count) if SaidRun in map(type, pieces) else pieces  # type: ignore[return-value]  # no run is left


def pieces_of(lines: Sequence[E]) -> Sequence[E | SaidRun]:
    """The lines, those in runs not made: for whoever knows what to do with a run."""
    return lines.pieces if type(lines) is LinesInRuns else lines  # type: ignore[return-value]  # pieces of such lines


def each_of(pieces: Iterable[Piece]) -> Iterator[Entry]:
    """Every line of the pieces by itself."""
    return chain.from_iterable(piece if type(piece) is SaidRun else (piece,) for piece in pieces)


Renderer = Callable[[Event], bytes]
RunRenderer = Callable[[SaidRun], bytes]

_RUN_RENDERERS: WeakKeyDictionary[Renderer, RunRenderer] = WeakKeyDictionary()


def show_runs(render: Renderer, render_run: RunRenderer) -> None:
    """Have runs shown at once, where `render` shows each line by itself; it must come to the same."""
    _RUN_RENDERERS[render] = render_run


def is_shown_at_once(render: Renderer) -> bool:
    """Whether a run costs this renderer little more than a line."""
    return render in _RUN_RENDERERS


def shown(render: Renderer, run: SaidRun) -> bytes:
    """The run's lines as a renderer shows them."""
    render_run = _RUN_RENDERERS.get(render)
    return b"".join(map(render, run)) if render_run is None else render_run(run)
