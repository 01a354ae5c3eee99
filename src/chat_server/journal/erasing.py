"""What becomes of somebody's lines when their account has ended: they stand under another name, and their texts may be gone. Pure."""

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from chat_server.journal.batch_codec import Stored, Unknown

ERASED_TEXT = "[erased]"
"""What stands in the place of a text that has been erased."""

_raw_list = msgspec.json.Decoder(list[Raw])


def rewritten(line: Stored, account: int, nick: str, *, is_erased: bool) -> Stored:
    """The line, if it is the account's, under this name and, if it is erased, without its text; another's as it is."""
    if line.author != account:
        return line
    if isinstance(line, Unknown):
        return replace(line, entry=_entry(line.entry, nick, is_erased=is_erased))
    return replace(line, nick=nick, text=ERASED_TEXT if is_erased else line.text)


def _entry(entry: bytes, nick: str, *, is_erased: bool) -> bytes:
    """An entry of a kind that this release does not know: it keeps its kind. What has not the form of one cannot keep anything."""
    try:
        _, text, kind, *more = _raw_list.decode(entry)
    except (msgspec.DecodeError, ValueError):
        text, kind, more, is_erased = Raw(b""), Raw(b'"erased"'), [], True
    return msgspec.json.encode([nick, ERASED_TEXT, kind] if is_erased else [nick, text, kind, *more])
