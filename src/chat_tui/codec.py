"""The client's end of the JSON-lines door: bytes in, events out; requests in, bytes out.

A server may be hostile: every text is made clean here, once, before anything of ours sees it. Events that this program does not know
are passed over. Pure.
"""

import sys
from functools import reduce
from operator import or_
from typing import Any

import msgspec

from chat_server.clean import clean, clean_lines
from chat_server.events import Event, Kept, Ref, Said

LINE_MAX = 4 * 1024 * 1024
"""Bytes in a line from the server. A page of 32,768 characters, each escaped, is less than 400 KB."""


class LineTooLong(ValueError):
    """The server sends a line without an end."""


class Received(msgspec.Struct, frozen=True):
    """An event, and the mark of the request that it answers."""

    event: Event
    ref: Ref | None = None


class _Envelope(msgspec.Struct):
    ref: Ref | None = None


_KINDS = [kind for kind in (*Event.__subclasses__(), *Kept.__subclasses__()) if kind is not Kept]
_EVENT: Any = reduce(or_, _KINDS)
_decode_event = msgspec.json.Decoder(_EVENT).decode
_decode_ref = msgspec.json.Decoder(_Envelope).decode
_encode = msgspec.json.Encoder().encode


class EventReader:
    """What has come from the server. Any split of the bytes gives the same events."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._rest = b""

    def receive_data(self, data: bytes) -> list[Received]:
        """Take bytes as they came; return the events that they complete.

        Raises:
            LineTooLong: this is no server of ours.

        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE_MAX:
            raise LineTooLong
        return [received for line in lines if (received := _read(line)) is not None]


def _read(line: bytes) -> Received | None:
    """One line's event; None if it is none that we know."""
    try:
        event: Event = _decode_event(line)
        ref = _decode_ref(line).ref if b'"ref"' in line else None
        text = line.decode()
        if b"\\" in line or clean(text) != text:
            event = msgspec.convert(_cleaned(msgspec.to_builtins(event)), _EVENT)
            ref = clean(ref) if isinstance(ref, str) else ref
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if type(event) is Said:  # a hundred thousand lines are by a dozen people
        event = Said(sys.intern(event.room), event.seq, event.at, sys.intern(event.nick), event.text)
    return Received(event, ref)


def _cleaned(value: object, name: str = "") -> object:
    if isinstance(value, str):
        return clean_lines(value) if name in ("text", "explanation") else clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): _cleaned(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(inner, name) for inner in value]
    return value


def write(do: str, *, ref: Ref | None = None, **fields: object) -> bytes:
    """Write a request."""
    request = {"do": do, **fields}
    if ref is not None:
        request["ref"] = ref
    return _encode(request) + b"\n"
