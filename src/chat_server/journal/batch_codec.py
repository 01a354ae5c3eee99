"""How a batch of lines is written in the journal: one JSON text, `[["ann","hello"],["bob","waves","acted"]]`.

The room, the first number and the time stand beside it once for all. A hundred lines cost little more than one that way: in S1 of the
bench, storing lines one by one took 1.4 us each, this takes 0.2. An entry is the nickname, the text, and a word for the kind unless it is
`said`; what a later release adds to a kind of its own is an object after that. Pure.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from chat_server.protocol import entries
from chat_server.protocol.entries import Line, Said

KINDS: dict[str, type[Line]] = {str(kind.__struct_config__.tag): kind for kind in entries.KINDS}
"""What a line can be, by the word for it. A line without a word is Said."""


class Unknown(Struct, frozen=True, gc=False):
    """An entry of a kind that this release does not know. It fills its number, is kept as it is, and is shown to nobody.

    `entry` is its JSON as it stands in the batch.
    """

    room: str
    seq: int
    at: float
    entry: bytes


Stored = Line | Unknown
"""What stands under one number."""

_NAMES = {kind: name for name, kind in KINDS.items()}
_KIND_OF: dict[tuple[str, ...], type[Line]] = {(): Said} | {(word,): kind for word, kind in KINDS.items()}

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[list[str]])
_entry_decoder = msgspec.json.Decoder(list[str])
_raw_decoder = msgspec.json.Decoder(list[Raw])


def encode(lines: Sequence[Stored]) -> str:
    """Write lines of one room and one time."""
    return _encoder.encode(
        [(line.nick, line.text) if type(line) is Said else _entry(line) for line in lines],
    ).decode()


def _entry(line: Stored) -> object:
    return Raw(line.entry) if isinstance(line, Unknown) else (line.nick, line.text, _NAMES[type(line)])


def decode(text: str, room: str, first: int, at: float) -> list[Stored]:
    """Read what `encode` wrote, here or in a later release.

    Raises:
        ValueError: it is no list of entries.

    """
    try:
        return [
            _KIND_OF[tuple(kind)](room, seq, at, nick, said)
            for seq, (nick, said, *kind) in enumerate(_decoder.decode(text), first)
        ]
    except (msgspec.DecodeError, ValueError, KeyError, RecursionError):
        return _decode_each(text, room, first, at)


def _decode_each(text: str, room: str, first: int, at: float) -> list[Stored]:
    try:
        entries = _raw_decoder.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ValueError(f"no batch of lines: {error}") from error
    return [line_of(bytes(entry), room, seq, at) for seq, entry in enumerate(entries, first)]


def line_of(entry: bytes, room: str, seq: int, at: float) -> Stored:
    """What one entry is, which is JSON already."""
    try:
        nick, said, *kind = _entry_decoder.decode(entry)
        return _KIND_OF[tuple(kind)](room, seq, at, nick, said)
    except (msgspec.DecodeError, ValueError, KeyError, RecursionError):
        return Unknown(room, seq, at, msgspec.json.format(entry, indent=-1))
