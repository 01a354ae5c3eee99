"""How a turn's movements, and what happens at one node and matters at all, are written in a journal of several servers: JSON.

Movements are one text, `[[after,{"type":"came",...}],...]`, where `after` counts the turn's lines before each. Pure.
"""

from collections.abc import Sequence

import msgspec

from chat_server.journal.happened import Change
from chat_server.journal.nodes import Movement, Placed

_encoder = msgspec.json.Encoder()
_movements_decoder = msgspec.json.Decoder(list[tuple[int, Movement]])
_change_decoder: msgspec.json.Decoder[Change] = msgspec.json.Decoder(Change)


def encode_movements(movements: Sequence[Placed]) -> bytes:
    """Write them, in UTF-8."""
    return _encoder.encode(movements)


def decode_movements(text: str | bytes) -> list[Placed]:
    """Read what `encode_movements` wrote. Raises ValueError if it is something else."""
    try:
        return [Placed(after, movement) for after, movement in _movements_decoder.decode(text)]
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"no list of movements: {error}") from error


def encode_change(change: Change) -> str:
    """Write a change."""
    return _encoder.encode(change).decode()


def decode_change(text: str | bytes) -> Change | None:
    """Read what `encode_change` wrote; None if it is of a kind that only a later release knows."""
    try:
        return _change_decoder.decode(text)
    except msgspec.DecodeError:
        return None
