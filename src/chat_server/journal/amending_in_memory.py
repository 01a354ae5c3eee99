"""What amends lines, in the engine `memory`: the lines stand otherwise, and what an edit replaces is kept for a while. See sqlite/amending.py."""

from collections.abc import Sequence
from typing import Protocol

from chat_server.journal.archive import StoredRecord
from chat_server.journal.batch_codec import Stored
from chat_server.journal.erasing import amended_after
from chat_server.journal.versions import VERSION_SECONDS, Version, version_of
from chat_server.protocol.amending import Edited, Redacted
from chat_server.protocol.amendments import amended, amends_nothing, without_effect
from chat_server.protocol.entries import Amending, Entry, Spoken
from chat_server.protocol.redactions import has


class AmendedRoom(Protocol):
    """A room, as far as it matters here."""

    first: int
    lines: list[Stored]
    versions: dict[int, list[Version]]


def amend_by(room: AmendedRoom, records: list[StoredRecord], lines: Sequence[Entry]) -> None:
    """Keep what those of a room's newest lines that amend others make of these."""
    for line in lines:
        if isinstance(line, Amending):
            _amend(room, records, line)


def _amend(room: AmendedRoom, records: list[StoredRecord], entry: Amending) -> None:
    """Keep what an entry, which is kept itself, makes of the lines of a room."""
    if isinstance(entry, Redacted):
        room.versions = {seq: kept for seq, kept in room.versions.items() if not has(amended(entry), seq)}
    else:
        line = next((one for one in room.lines if one.seq == entry.of and isinstance(one, Spoken)), None)
        if amends_nothing(entry, line):
            _replace(room, records, entry.room, {entry.seq: without_effect(entry)})
            return
        if isinstance(entry, Edited) and line is not None:
            room.versions.setdefault(line.seq, []).append(version_of(line, entry.at))
    changed = {one.seq: new for one in room.lines if (new := amended_after(one, entry)) is not one}
    _replace(room, records, entry.room, changed)


def _replace(room: AmendedRoom, records: list[StoredRecord], name: str, changed: dict[int, Stored]) -> None:
    room.lines = [changed.get(line.seq, line) for line in room.lines]
    for index, record in enumerate(records):
        if record.lines[0].room == name and any(line.seq in changed for line in record.lines):
            records[index] = record._replace(lines=[changed.get(line.seq, line) for line in record.lines])


def forget_versions(rooms: Sequence[AmendedRoom], now: float) -> int:
    """Forget what is old enough, and what lines have said that are kept no more. Returns how much went."""
    gone = 0
    for room in rooms:
        for seq, kept in [*room.versions.items()]:
            left = [one for one in kept if one.until >= now - VERSION_SECONDS and seq >= room.first]
            gone += len(kept) - len(left)
            room.versions[seq] = left
            if not left:
                del room.versions[seq]
    return gone


def forget_versions_of(room: AmendedRoom, author: int) -> None:
    """Forget what somebody has said whose account is erased."""
    kept = {seq: [one for one in versions if one.author != author] for seq, versions in room.versions.items()}
    room.versions = {seq: versions for seq, versions in kept.items() if versions}
