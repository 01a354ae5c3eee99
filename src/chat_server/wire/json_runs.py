"""Lines that a program says many at a time, read all at once: the other door's whole_lines.py.

Reads what it is sure of. Whatever is anything else, or wrong in any way, is left to json_lines.py, which reads line by line and says what is wrong.
Pure.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Literal

import msgspec
from msgspec import Struct

from chat_server.protocol.incoming import Addressed
from chat_server.protocol.requests import Key, Lines
from chat_server.protocol.runs import SayRun, say_runs
from chat_server.protocol.sanitize import sanitize


class _SayLine(Struct, gc=False, forbid_unknown_fields=True):
    """A request to say something, as it comes where nobody wants a ref back."""

    do: Literal["say"]
    room: str
    text: Lines
    key: Key = ""


_decode_lines = msgspec.json.Decoder(_SayLine).decode_lines


def said_in(lines: bytes, word_max: int) -> list[Addressed] | None:
    """What whole lines say, in runs for each room; None if there may be more in them than that.

    Args:
        lines: as they came, with the end of the last; none longer than a text may be.
        word_max: characters that a name or a key may have.

    """
    count = len(lines.splitlines())  # to count b"\n" would look at each byte, and take twice as long
    if count < 2:  # noqa: PLR2004 - of one line there is nothing to gain
        return None
    if lines.count(b"}\n{") != count - 1:  # else an object may go on in another line
        return None
    try:
        said = _decode_lines(lines)
    except (msgspec.DecodeError, UnicodeError):
        return None
    if len(said) != count:
        return None
    # Without escapes nothing can stand in printable ASCII but that; it need not be looked at once more.
    is_plain = lines.isascii() and b"\\" not in lines and b"\x7f" not in lines
    runs: list[Addressed] = []
    for room, of_room in [(said[0].room, said)] if len({line.room for line in said}) == 1 else _by_room(said):
        run = _run(of_room, word_max, is_plain=is_plain)
        if run is None or not _are_words([room], word_max, is_plain=is_plain):
            return None
        runs += [Addressed(part, room) for part in run]
    return runs


def _by_room(said: Sequence[_SayLine]) -> Iterator[tuple[str, list[_SayLine]]]:
    return ((room, list(lines)) for room, lines in groupby(said, attrgetter("room")))


def _run(said: Sequence[_SayLine], word_max: int, *, is_plain: bool) -> list[SayRun] | None:
    texts, keys = [line.text.rstrip() for line in said], [line.key for line in said]
    has_keys = any(keys)
    if not all(texts) or not (is_plain or _is_clean(texts)):
        return None
    if has_keys and not _are_words(keys, word_max, is_plain=is_plain):  # one without a key is no word
        return None
    return say_runs(texts, keys if has_keys else ())


def _are_words(words: Sequence[str], word_max: int, *, is_plain: bool) -> bool:
    return max(map(len, words)) <= word_max and all(map(str.strip, words)) and (is_plain or _is_clean(words))


def _is_clean(texts: Sequence[str]) -> bool:
    """Whether each is clean, and one line. What they have beside one another changes nothing about that."""
    together = " ".join(texts)
    return sanitize(together) == together
