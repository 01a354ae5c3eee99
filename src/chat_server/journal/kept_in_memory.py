"""What the engine `memory` keeps: rooms and their lines, keys, read positions, and accounts; and what of the lines is somebody's.

Never knows who opens it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf

from chat_server.accounts import CARRIED_MAX, OwnLines, Rewritten, sender_of
from chat_server.accounts.kept_accounts import KeptAccounts
from chat_server.journal import Duplicate, JournalError, RoomRecord
from chat_server.journal.archive import StoredRecord
from chat_server.journal.batch_codec import Stored
from chat_server.journal.erasing import rewritten
from chat_server.journal.keys import SenderKey
from chat_server.journal.showable import showable
from chat_server.protocol.entries import TopicSet


@dataclass
class KeptRoom:
    """What is kept of a room."""

    topic: str = ""
    first: int = 1
    lines: list[Stored] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    turn: int = 0

    @property
    def last(self) -> int:
        """The number of its last line."""
        return self.first + len(self.lines) - 1


@dataclass
class Kept:
    """Everything that is kept of one journal."""

    rooms: dict[str, KeptRoom] = field(default_factory=dict)
    records: list[StoredRecord] = field(default_factory=list)
    end: int = 1
    sent: dict[SenderKey, tuple[float, Duplicate]] = field(default_factory=dict)
    accounts: KeptAccounts = field(default_factory=KeptAccounts)

    def add(self, lines: Sequence[Stored]) -> None:
        """Keep a batch that has its numbers."""
        room = self.rooms[lines[0].room]
        room.lines += lines
        room.turn += 1
        self.records.append(StoredRecord(self.end + len(lines) - 1, [*lines]))
        self.end += len(lines)

    def listed(self) -> list[RoomRecord]:
        """All rooms, in the order in which they were created."""
        return [
            RoomRecord(name, room.topic, room.first, room.last, room.lines[-1].at if room.lines else -inf, room.turn)
            for name, room in self.rooms.items()
        ]


class KeptLines:
    """Whose lines, keys and positions are whose. See accounts.memory.Lines."""

    def __init__(self, kept: Kept, is_closed: Callable[[], bool]) -> None:
        self._kept = kept
        self._is_closed = is_closed

    def check_open(self) -> None:
        """Raise JournalError if the journal is closed."""
        if self._is_closed():
            raise JournalError("the journal is closed")

    def carry_over(self, sender: str, person: str, account: int) -> None:
        """The newest keys of a sender, and the positions of a person, are the account's now."""
        kept, to = self._kept, sender_of(account)
        carried = [key for key in kept.sent if sender and key.sender == sender][-CARRIED_MAX:]
        for key in carried:
            kept.sent[key._replace(sender=to)] = kept.sent.pop(key)
        for room in kept.rooms.values():
            if person in room.positions:
                room.positions[to] = room.positions.pop(person)

    def forget(self, account: int) -> None:
        """Forget the account's positions."""
        for room in self._kept.rooms.values():
            room.positions.pop(sender_of(account), None)

    def of(self, account: int, after: int, limit: int) -> OwnLines:
        """Some of the account's lines; see Accounts.lines_of. Whole batches are given, so they may be more than `limit`."""
        found: list[Stored] = []
        for record in self._kept.records:
            if record.position <= after:
                continue
            found += [line for line in record.lines if line.author == account]
            if len(found) >= limit:
                return OwnLines(showable(found), record.position)
        return OwnLines(showable(found), None)

    def rewrite(self, account: int, nick: str, *, is_erased: bool) -> Rewritten:
        """Put the account's lines under another name; see accounts.memory.Lines."""
        kept = self._kept
        rooms: set[str] = set()
        erased: dict[str, str] = {}
        for name, room in kept.rooms.items():
            topics = [line for line in room.lines if isinstance(line, TopicSet)]
            if is_erased and topics and topics[-1].author == account:
                erased[name], room.topic = room.topic, ""
        for index, record in enumerate(kept.records):
            if any(line.author == account for line in record.lines):
                lines = [rewritten(line, account, nick, is_erased=is_erased) for line in record.lines]
                kept.records[index] = record._replace(lines=lines)
                room = kept.rooms[lines[0].room]
                start = lines[0].seq - room.first
                room.lines[start : start + len(lines)] = lines
                rooms.add(lines[0].room)
        return Rewritten(nick, frozenset(rooms), erased)
