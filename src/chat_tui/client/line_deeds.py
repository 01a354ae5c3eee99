"""What can be done with a line that was said, and for what else than a new line the prompt is there. Pure.

Never knows which key does it. Who may do what the server decides; what it would refuse in any case is not offered.
"""

from collections.abc import Collection, Iterable

from msgspec import Struct

from chat_server.protocol.entries import Entry, Spoken
from chat_server.protocol.redactions import can_be_deleted
from chat_tui.client.links import links
from chat_tui.client.timeline_entries import TimelineEntry

EDIT_SECONDS = 15 * 60
"""Seconds for which servers let one edit a line."""

DEEDS = ("reply", "quote", "edit", "react", "copy", "links", "go", "author", "versions", "report", "delete")
"""What there is, in the order in which it is shown."""

_ASKS = {deed: deed for deed in ("edit", "react", "versions", "report", "delete")} | {"reply": "re", "author": "whois"}
"""The request that a deed makes."""


class Begun(Struct):
    """What the prompt of a room is there for, if not for a new line: to reply to line `re`, or to give line `of` another text.

    `before` was written there before.
    """

    re: int = 0
    of: int = 0
    before: str = ""


def is_fresh_own(line: Entry, me: str, now: float) -> bool:
    """Whether a line is the user's own and may be edited still."""
    return isinstance(line, Spoken) and line.nick == me and now - line.at <= EDIT_SECONDS


def last_own(entries: Iterable[TimelineEntry], me: str, now: float) -> Entry | None:
    """The user's last line, of entries from the newest to older ones, if it may be edited still."""
    for entry in entries:
        if now - entry.at > EDIT_SECONDS:
            return None
        if isinstance(entry, Spoken) and entry.nick == me:
            return entry
    return None


def links_in(line: Entry) -> list[str]:
    """The addresses in a line, each once."""
    return list(dict.fromkeys(line.text[start:end] for start, end in links(line.text)))


def deeds(line: Entry, me: str, *, may_ask: Collection[str], moderates: bool, now: float) -> list[str]:
    """What can be done with a line.

    Args:
        line: the line.
        me: the user's name.
        may_ask: the requests that the user may make where they are.
        moderates: whether they stand above others there.
        now: the time.

    """
    is_own, is_spoken = line.nick == me, isinstance(line, Spoken)
    can = {
        "reply": is_spoken,
        "quote": bool(line.text),
        "edit": is_fresh_own(line, me, now),
        "react": is_spoken,
        "copy": bool(line.text),
        "links": bool(links(line.text)),
        "go": isinstance(line, Spoken) and line.re > 0,
        "author": bool(line.nick),
        "versions": isinstance(line, Spoken) and line.edited > 0 and (is_own or moderates),
        "report": can_be_deleted(line) and not is_own,
        "delete": can_be_deleted(line) and (is_own or moderates),
    }
    return [deed for deed in DEEDS if can[deed] and (deed not in _ASKS or _ASKS[deed] in may_ask)]


def quoted(text: str) -> str:
    """A text as it is quoted."""
    return "".join(f"> {row}\n" for row in text.split("\n"))
