"""What lines said before they were edited: kept for a while, for whoever has said it and for those who moderate. Pure.

They are stored in the same commit as the edit, and are gone with what deletes the line or erases its author's account. They are neither exported nor
imported. Never knows who may read them.
"""

from collections.abc import Iterable
from typing import NamedTuple

from chat_server.journal.showable import showable_text
from chat_server.protocol.entries import Spoken
from chat_server.protocol.stored_event import Author

VERSION_SECONDS = 30 * 86400.0
"""Seconds for which an older version is kept, from when it was replaced."""


class Version(NamedTuple):
    """What a line has said from when the entry with this number was stored, its own or that of an edit, until a time (seconds since 1970)."""

    number: int
    until: float
    text: str
    author: Author = 0


def version_of(line: Spoken, until: float) -> Version:
    """The line as it is before it is edited."""
    return Version(line.edited or line.seq, until, line.text, line.author)


def showable_versions(versions: Iterable[Version]) -> list[Version]:
    """Versions as they are stored, as they may be shown."""
    return [one._replace(text=showable_text(one.text)) for one in versions]
