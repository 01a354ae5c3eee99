"""How a batch of lines is written in the journal: one JSON text, `[["ann","hello"],["bob","waves","acted"]]`.

What stands beside it once for all: the room, the first number, the first time and the step of times (times.py), and the authors, if any has an
account. A hundred lines cost little more than one that way: in S1 of the bench, storing lines one by one took 1.4 us each, this takes 0.2. An
entry is the nickname, the text, and a word for the kind unless it is `said` and by no bot; then
`bot`, if it is by one. What a kind has beside that is an object after it; where few lines of a kind have any of it, only what they have. Pure.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby, repeat
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

from chat_server.journal.times import step_between, step_of, times_of
from chat_server.protocol import entries
from chat_server.protocol.entries import Entry, Said, Spoken
from chat_server.protocol.requests import tag_of
from chat_server.protocol.runs import RUN_MAX, Piece, RunTexts, SaidRun, in_runs, pieces_of
from chat_server.protocol.stored_event import Author, own_fields

KINDS: dict[str, type[Entry]] = {tag_of(kind): kind for kind in entries.KINDS}
"""What a line can be, by the word for it. A line without a word is Said."""


class Unknown(Struct, frozen=True, gc=False):
    """An entry of a kind that this release does not know. It fills its number, is kept as it is, and is shown to nobody.

    `entry` is its JSON as it stands in the batch.
    """

    room: str
    seq: int
    at: float
    entry: bytes
    author: int = 0


Stored = Entry | Unknown
"""What stands under one number."""

_NAMES = {kind: name for name, kind in KINDS.items()}
_BOT = "bot"
_QUOTE, _BACKSLASH = b'"\\'
_KIND_OF: dict[tuple[str, ...], Callable[..., Entry]] = {
    (): Said,
    **{(word,): kind for word, kind in KINDS.items()},
    **{(word, _BOT): partial(kind, bot=True) for word, kind in KINDS.items()},
}

_MORE: dict[type[Entry], tuple[str, ...]] = {kind: own_fields(kind) for kind in KINDS.values() if own_fields(kind)}
"""What kinds have beside what all have."""

_author = attrgetter("author")
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[list[str]])
_entry_decoder = msgspec.json.Decoder(list[str])
_authors_decoder = msgspec.json.Decoder(list[Author])
_raw_decoder = msgspec.json.Decoder(list[Raw])


class Beginning(NamedTuple):
    """What stands beside the entries of a batch, once for all: its room, its first number, its first time, and the step of times."""

    room: str
    seq: int
    at: float
    step: float


def beginning_of(lines: Sequence[Stored]) -> Beginning:
    """How lines begin. None of a run is made for that."""
    first = pieces_of(lines)[0]
    if type(first) is SaidRun and len(first.times) > 1:
        return Beginning(first.room, first.seq, first.times[0], step_between(first.times[0], first.times[1]))
    return Beginning(first.room, first.seq, lines[0].at, step_of(lines))


def encode(lines: Sequence[Stored]) -> bytes:
    """Write lines of one room and one time, in UTF-8."""
    pieces = pieces_of(lines)
    if len(pieces) == 1 and type(pieces[0]) is SaidRun:
        return b"[%b]" % _entries(pieces[0])
    rows: list[object] = []
    for piece in pieces:
        if type(piece) is SaidRun:
            rows.append(Raw(_entries(piece)))
        elif type(piece) is Said and not (piece.bot or piece.re or piece.edited or piece.reactions or piece.reacted):
            rows.append((piece.nick, piece.text))
        else:
            rows.append(_entry(piece))
    return _encoder.encode(rows)


def _entries(run: SaidRun) -> bytes:
    """The entries of a run, with a comma between them."""
    texts = run.texts.together
    of_bot = f',"{_NAMES[Said]}","{_BOT}"'.encode() if run.bot else b""
    if _QUOTE in texts or _BACKSLASH in texts:  # all else that a text may have stands in JSON as it is
        return b",".join(
            [b"[%b,%b%b]" % (_encoder.encode(run.nick), _encoder.encode(one), of_bot) for one in run.texts]
        )
    begin, end = b'[%b,"' % _encoder.encode(run.nick), b'"%b]' % of_bot
    return begin + texts.replace(b"\n", end + b"," + begin) + end


def _entry(line: Stored) -> object:
    if isinstance(line, Unknown):
        return Raw(line.entry)
    more = _MORE.get(type(line), ())
    beside = [{name: getattr(line, name) for name in more}] if more else []
    if isinstance(line, Spoken):
        beside = [{name: value for name, value in beside[0].items() if value and name != "quote"}]
        beside = beside if beside[0] else []
    return (line.nick, line.text, _NAMES[type(line)], *([_BOT] if line.bot else []), *beside)


def encode_authors(lines: Sequence[Stored]) -> str:
    """Write the authors of a batch's lines; "" if nobody has an account."""
    pieces = pieces_of(lines)
    if not any(map(_author, pieces)):
        return ""
    authors: list[int] = []
    for piece in pieces:
        authors += repeat(piece.author, len(piece) if type(piece) is SaidRun else 1)
    return _encoder.encode(authors).decode()


def decode(
    text: str | bytes, room: str, first: int, at: float, *, step: float = 0.0, authors: str = ""
) -> list[Stored]:
    """Read what `encode` and `encode_authors` wrote, here or in a later release.

    Raises:
        ValueError: it is no list of entries, or no list of as many authors.

    """
    try:
        found = _decoder.decode(text)
        times = times_of(at, step, len(found))
        return [
            _KIND_OF[tuple(kind)](room, seq, time, nick, said, author)
            for seq, ((nick, said, *kind), time, author) in enumerate(
                zip(found, times, _authors_of(authors, len(found)), strict=True), first
            )
        ]
    except (msgspec.DecodeError, ValueError, KeyError, RecursionError):
        return _decode_each(text, room, first, at, step=step, authors=authors)


def legible(
    text: bytes, room: str, first: int, at: float, *, count: int, step: float = 0.0, authors: str = ""
) -> list[Stored]:
    """The same, where one that cannot be read fills its numbers, so that those around it can be shown: a check tells of it."""
    try:
        found = decode(text, room, first, at, step=step, authors=authors)
    except ValueError:
        found = []
    return found if len(found) == count else [Unknown(room, seq, at, b"null") for seq in range(first, first + count)]


def decode_in_runs(
    text: str | bytes, room: str, first: int, at: float, *, step: float = 0.0, authors: str = ""
) -> Sequence[Stored]:
    """The same, where what somebody has said in a row is a run."""
    try:
        found = _decoder.decode(text)
        times = times_of(at, step, len(found))
        rows = [
            (nick, author, kind, said)
            for (nick, said, *kind), author in zip(found, _authors_of(authors, len(found)), strict=True)
        ]
        pieces: list[Piece] = []
        place = 0
        for (nick, author, kind), same in groupby(rows, itemgetter(0, 1, 2)):
            texts = [said for *_, said in same]
            end = place + len(texts)
            runs = None if kind or len(texts) == 1 else _texts_of_runs(texts)
            if runs is None:
                beside = zip(range(first + place, first + end), times[place:end], texts, strict=True)
                pieces += [_KIND_OF[tuple(kind)](room, seq, time, nick, said, author) for seq, time, said in beside]
            else:
                starts = range(place, end, RUN_MAX)
                pieces += [
                    SaidRun(room, first + start, times[start : start + len(part)], nick, part, author)
                    for start, part in zip(starts, runs, strict=True)
                ]
            place = end
    except (msgspec.DecodeError, ValueError, KeyError, RecursionError):
        return _decode_each(text, room, first, at, step=step, authors=authors)
    return in_runs(pieces, place)


def _texts_of_runs(texts: Sequence[str]) -> list[RunTexts] | None:
    """The texts, as runs have them; None if no run may have one of them: what is read may come from anywhere."""
    try:
        return [RunTexts.of(texts[start : start + RUN_MAX]) for start in range(0, len(texts), RUN_MAX)]
    except ValueError:
        return None


def _authors_of(authors: str, count: int) -> list[int]:
    return _authors_decoder.decode(authors) if authors else [0] * count


def _decode_each(text: str | bytes, room: str, first: int, at: float, *, step: float, authors: str) -> list[Stored]:
    try:
        entries = _raw_decoder.decode(text)
        beside = zip(entries, times_of(at, step, len(entries)), _authors_of(authors, len(entries)), strict=True)
        return [
            line_of(bytes(entry), room, seq, time, author) for seq, (entry, time, author) in enumerate(beside, first)
        ]
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ValueError(f"no batch of lines: {error}") from error


def line_of(entry: bytes, room: str, seq: int, at: float, author: int = 0) -> Stored:
    """What one entry is, which is JSON already."""
    try:
        nick, said, *kind = _entry_decoder.decode(entry)
        return _KIND_OF[tuple(kind)](room, seq, at, nick, said, author)
    except (msgspec.DecodeError, ValueError, KeyError, RecursionError):
        return _line_with_more(entry, room, seq, at, author)


def _line_with_more(entry: bytes, room: str, seq: int, at: float, author: int) -> Stored:
    try:
        nick, said, word, *rest = msgspec.json.decode(entry, type=list[str | dict[str, Any]])
        bot, more = rest if len(rest) > 1 else ("", *rest)
        kind = KINDS[word]  # type: ignore[index]  # what is no word is none of them
        is_known = isinstance(more, dict) and (
            more.keys() <= {*_MORE[kind]} if issubclass(kind, Spoken) else more.keys() == {*_MORE[kind]}
        )
        if bot in ("", _BOT) and isinstance(more, dict) and is_known:
            fields = {"is": word, "room": room, "seq": seq, "at": at, "nick": nick, "text": said, "author": author}
            line: Entry = msgspec.convert({**fields, "bot": bot == _BOT, **more}, kind)
            return line
    except (msgspec.ValidationError, msgspec.DecodeError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return Unknown(room, seq, at, msgspec.json.format(entry, indent=-1), author)
