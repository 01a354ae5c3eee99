"""The client's end of the JSON-lines door: bytes in, events out; requests in, bytes out.

A server may be hostile: every text is made clean here, once, before anything of ours sees it. Events and fields that this program does
not know are passed over. What has a number in a room and is of a kind that is not known becomes a bare `StoredEvent`: its number is filled,
and it is not shown. What is not known and says in a `text` what it is becomes a bare `Answered`, which is that text. Pure.
"""

import sys
from collections.abc import Callable
from functools import cache, reduce
from operator import or_
from typing import Any

import msgspec
from msgspec.structs import replace

from chat_server.protocol.entries import EVENTS, Entry, PageShown, Recalled, Said
from chat_server.protocol.events import Answered, Event
from chat_server.protocol.incoming import Ref
from chat_server.protocol.requests import NUMBER_MAX, tag_of
from chat_server.protocol.sanitize import sanitize, sanitize_lines
from chat_server.protocol.stored_event import StoredEvent
from chat_server.protocol.versions import EARLIER_EVENTS
from chat_tui.client.pending import Pending

LINE_MAX = 4 * 1024 * 1024
"""Bytes in a line from the server. A page of 32,768 characters, each escaped, is less than 400 KB."""


PAGE_LINES_MAX = 1000
"""Numbers without a line that are taken from one page. A server sends 200 lines at most."""

ANSWER_MAX = 4096
"""Characters of an answer of which nothing is known but its text."""


class LineTooLong(ValueError):
    """The server sends a line without an end."""


class Received(msgspec.Struct, frozen=True):
    """An event, and the ref of the request that it answers."""

    event: Event
    ref: Ref | None = None


class _Envelope(msgspec.Struct):
    ref: Ref | None = None


_KNOWN = {tag_of(kind) for kind in EVENTS}
_EVENT: Any = reduce(or_, EVENTS)


@cache
def _decode_event() -> Callable[[bytes], Event]:
    """What reads an event. Made when the first one comes: that takes 2 ms, and others nothing."""
    return msgspec.json.Decoder(_EVENT).decode


_decode_ref = msgspec.json.Decoder(_Envelope).decode
_decode_anything = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class EventReader:
    """What has come from the server. Any split of the bytes gives the same events."""

    def __init__(self) -> None:
        self._rest = b""
        self.texts = 0
        """How many lines have come that are no JSON objects: what a server says to a person, or no server of ours."""
        self.has_json = False
        """Whether a JSON object has come."""

    def receive_data(self, data: bytes) -> list[Received]:
        """Take bytes as they came; return the events that they complete.

        Raises:
            LineTooLong: this is no server of ours.

        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE_MAX:
            raise LineTooLong
        if not self.has_json:
            self.texts += sum(1 for line in lines if not line.startswith(b"{") and line.strip())
            self.has_json = any(line.startswith(b"{") for line in lines)
        return [received for line in lines if (received := _read(line)) is not None]


def _read(line: bytes) -> Received | None:
    """One line's event; None if it is none that we know."""
    try:
        event = _event(line)
        ref = _decode_ref(line).ref if b'"ref"' in line else None
        text = line.decode()
        if b"\\" in line or sanitize(text) != text:
            event = _clean_event(event)
            ref = sanitize(ref) if isinstance(ref, str) else ref
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if type(event) is PageShown and event.hidden:
        event = _with_hidden(event)
    if type(event) is Said:  # a hundred thousand lines are by a dozen people
        room, nick = sys.intern(event.room), sys.intern(event.nick)
        more = event.re, event.edited, event.reactions, event.whom, 0, event.reacted
        event = Said(room, event.seq, event.at, nick, event.text, 0, event.guest, event.bot, *more)
    return Received(event, ref)


def _with_hidden(page: PageShown) -> PageShown:
    """The page with an entry of an unknown kind for each number that the server cannot show: nothing is missing there."""
    hidden = [
        StoredEvent(page.room, seq, 0.0, "", "") for seq in page.hidden[:PAGE_LINES_MAX] if 1 <= seq <= NUMBER_MAX
    ]
    lines: Any = tuple(sorted([*page.lines, *hidden], key=lambda line: line.seq))
    return replace(page, lines=lines, hidden=())


def _event(line: bytes) -> Event:
    """One line's event. Raises DecodeError, UnicodeError or RecursionError if it is none that we know."""
    try:
        event = _decode_event()(line)
    except msgspec.ValidationError:
        return _event_in_part(_decode_anything(line))
    return event


# A newer server's kinds of entries, among those that are known; and its answers.


def _event_in_part(value: object) -> Event:
    """An event that is, or has in it, entries of unknown kinds, or says itself what it is. Raises ValidationError if it is none of these."""
    if not isinstance(value, dict):
        raise msgspec.ValidationError
    match value.get("is"):
        case "page" | "recalled":
            entries = [_entry(entry) for entry in _list(value.get("lines"))]
            page: PageShown | Recalled = msgspec.convert(value | {"lines": []}, _EVENT)
            return replace(page, lines=tuple(entry for entry in entries if entry is not None))
        case "found":
            rooms = [
                [room, [line for line in _list(lines) if _is_line(line)]] for room, lines in _pairs(value.get("rooms"))
            ]
            found: Event = msgspec.convert(value | {"rooms": rooms}, _EVENT)
            return found
        case str(kind) if kind in EARLIER_EVENTS:
            earlier: Event = msgspec.convert(value | {"is": tag_of(EARLIER_EVENTS[kind])}, _EVENT)
            return earlier
        case str(kind) if kind not in _KNOWN and "at" in value and (entry := _entry(value)) is not None:
            return entry  # what has a number and no time tells of an entry, and is none
        case str(kind) if kind not in _KNOWN and isinstance(text := value.get("text"), str):
            return Answered(text=text[:ANSWER_MAX])  # "answers" need not be: only who has asked is shown it
        case _:
            raise msgspec.ValidationError


def _entry(value: object) -> StoredEvent | None:
    """An entry; of an unknown kind, as far as it is known; None if it has no number."""
    try:
        entry: StoredEvent = msgspec.convert(value, Entry)
    except msgspec.ValidationError:
        match value:
            case {"room": str(room), "seq": int(seq)} if 1 <= seq <= NUMBER_MAX:
                return StoredEvent(room, seq, 0.0, "", "")
        return None
    return entry


def _is_line(value: object) -> bool:
    entry = _entry(value)
    return entry is not None and type(entry) is not StoredEvent


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _pairs(value: object) -> list[tuple[object, object]]:
    return [(pair[0], pair[1]) for pair in _list(value) if isinstance(pair, list) and len(pair) == 2]  # noqa: PLR2004 - a pair


def _clean_event(event: Event) -> Event:
    if type(event) is StoredEvent:
        return replace(event, room=sanitize(event.room))
    if type(event) is Answered:
        return replace(event, text=sanitize_lines(event.text))
    if isinstance(event, PageShown | Recalled):
        lines = tuple(_clean_event(line) for line in event.lines)
        return replace(event, room=sanitize(event.room), lines=lines, zone=sanitize(event.zone))
    cleaned: Event = msgspec.convert(_cleaned(msgspec.to_builtins(event)), _EVENT)
    return cleaned


def _cleaned(value: object, name: str = "") -> object:
    if isinstance(value, str):
        return sanitize_lines(value) if name in ("text", "explanation") else sanitize(value)
    if isinstance(value, dict):
        return {sanitize(str(key)): _cleaned(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(inner, name) for inner in value]
    return value


def write(do: str, *, ref: Ref | None = None, **fields: object) -> bytes:
    """Write a request."""
    request = {"do": do, **fields}
    if ref is not None:
        request["ref"] = ref
    return _encode(request) + b"\n"


def said(pending: Pending) -> bytes:
    """The request that says a line."""
    text: dict[str, object] = {pending.kind.text_field: pending.text}
    if pending.re:
        text["re"] = pending.re
    return write(pending.do, ref=pending.key, room=pending.room, key=pending.key, **text)
