"""The lines of an export: a heading, the rooms, then everything that is kept, one JSON object a line. Pure.

What this release does not know is written and read all the same, so that an export can go through an older release and come out unchanged.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct, field

from chat_server.journal import Party
from chat_server.journal.account_lines import TAGS, AccountLines
from chat_server.journal.batch_codec import KINDS, Stored, Unknown, line_of
from chat_server.protocol.entries import Entry
from chat_server.protocol.room_state import RoomState
from chat_server.protocol.stored_event import Author

EXPORT_VERSION = 3
"""Since the second, every line has its author: 0 for nobody who is known to have an account. The third has accounts and keys. Older ones are read."""

WITHOUT_ACCOUNTS = 2
"""The version of an export that has neither accounts nor keys: an older release reads it."""

NUMBER_MAX = 2**53
"""Numbers are smaller, so that every program that reads JSON can count them."""


class Heading(Struct, frozen=True, tag_field="is", tag="export"):
    """The first line of an export."""

    version: int


class RoomHeading(Struct, frozen=True, tag_field="is", tag="room", omit_defaults=True):
    """A room of an export, or a conversation between two; its lines, from the number `first` on, come later."""

    room: str
    topic: str
    first: int
    state: RoomState | None = None
    parties: tuple[Party, ...] = ()
    id: Annotated[str, Meta(pattern="^[0-9a-f]{0,32}$")] = ""


class KeyLine(Struct, frozen=True, tag_field="is", tag="key"):
    """A key under which the line with this number was sent; such lines come last."""

    room: str
    seq: int
    at: float
    sender: str
    key: str


class _Numbered(Struct):
    """What every kept line has, of whatever kind."""

    kind: str = field(name="is")
    room: str
    seq: int
    at: float
    author: Author = 0


ExportLine = Heading | RoomHeading | AccountLines | KeyLine | Stored

_OPAQUE = "unknown"
"""The kind of an entry that has not the form of one: it is exported as it stands in the journal."""

_KNOWN = {"export", "room", "key", _OPAQUE, *KINDS, *TAGS}
_NUMBERED = ("is", "room", "seq", "at", "author")

_decoder = msgspec.json.Decoder(Heading | RoomHeading | AccountLines | KeyLine | Entry)
_numbered_decoder = msgspec.json.Decoder(_Numbered)
_fields_decoder = msgspec.json.Decoder(dict[str, Raw])
_raw_list = msgspec.json.Decoder(list[Raw])
_encode = msgspec.json.encode


def write_line(line: ExportLine) -> bytes:
    """Write one line, with its end."""
    if isinstance(line, Unknown):
        return _encode(_fields_of(line)) + b"\n"
    if isinstance(line, Entry) and not line.author:
        return _encode(line)[:-1] + b',"author":0}\n'
    return _encode(line) + b"\n"


def read_line(data: bytes) -> ExportLine:
    """Read one line.

    Raises:
        ValueError: it is no line of an export; the message says why.

    """
    try:
        data.decode()  # msgspec does not look into what it leaves as it is
        return _read(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _read(data: bytes) -> ExportLine:
    try:
        known: ExportLine = _decoder.decode(data)
    except msgspec.ValidationError:
        try:
            numbered = _numbered_decoder.decode(data)
        except msgspec.ValidationError:
            numbered = None
        if numbered is None or numbered.kind in _KNOWN - {_OPAQUE}:
            raise
    else:
        return known
    fields = {name: value for name, value in _fields_decoder.decode(data).items() if name not in _NUMBERED}
    entry = fields.get("entry", Raw(b"null")) if numbered.kind == _OPAQUE else _encode(_entry_of(numbered.kind, fields))
    return line_of(bytes(entry), numbered.room, numbered.seq, numbered.at, numbered.author)


def _entry_of(kind: str, fields: dict[str, Raw]) -> list[object]:
    """An entry as it stands in a batch, of the fields beside those that every line has."""
    entry: list[object] = [
        fields.pop(name) if bytes(fields.get(name, b"")).startswith(b'"') else None for name in ("nick", "text")
    ]
    return [*entry, kind, fields] if fields else [*entry, kind]


def _fields_of(line: Unknown) -> dict[str, object]:
    """The fields of a line of an unknown kind."""
    fields: dict[str, object] = {"room": line.room, "seq": line.seq, "at": line.at, "author": line.author}
    try:
        kind, more = _parts_of(line.entry)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return {"is": _OPAQUE, **fields, "entry": Raw(line.entry)}
    return {"is": kind, **fields, **more}


def _parts_of(entry: bytes) -> tuple[str, dict[str, Any]]:
    """The kind and the further fields of an entry. Raises ValueError if it has not the form of one."""
    nick, text, kind, *rest = _raw_list.decode(entry)
    word = msgspec.json.decode(kind, type=str)
    more: dict[str, Any] = {
        name: value for name, value in (("nick", nick), ("text", text)) if bytes(value).startswith(b'"')
    }
    further = _fields_decoder.decode(rest[0]) if rest else {}
    is_plain = not (word in _KNOWN or more.keys() & further.keys() or further.keys() & {*_NUMBERED})
    if not is_plain or _encode(_entry_of(word, more | further)) != entry:  # two fields of one name, escapes in the word
        raise ValueError("no entry of a later release")
    return word, more | further
