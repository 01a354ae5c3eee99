"""What the engine `memory` keeps, for the commands: read, filled by an import, its rooms edited. See archive.py.

Never knows under which name it is kept.
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from chat_server.accounts import Record
from chat_server.accounts.acts import ActPlace, ServerAct
from chat_server.accounts.office import KeptAct
from chat_server.journal import Duplicate, RoomRecord, new_room_id
from chat_server.journal.archive import KeptKey, RawBatch, StoredRecord
from chat_server.journal.batch_codec import Stored, beginning_of, encode, encode_authors
from chat_server.journal.kept_in_memory import Kept, KeptRoom
from chat_server.journal.keys import SenderKey

RECORDS_MAX = 1000
"""Records that `records` gives at once."""


class MemoryArchive:
    """See Archive."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def close(self) -> None:
        """There is nothing to let go of."""

    def rooms(self) -> list[RoomRecord]:
        """All rooms; see Archive."""
        return [self._kept.record(name) for name in self._kept.rooms]

    def end(self) -> int:
        """The position that the next line will have."""
        return self._kept.end

    def records(self, after: int) -> list[StoredRecord]:
        """The next records after a position; see Archive."""
        return [record for record in self._kept.records if record.position > after][:RECORDS_MAX]

    def raw_batches(self, end: int) -> Iterator[RawBatch]:
        """Every batch before a position; see Archive."""
        for position, lines in [record for record in self._kept.records if record.position < end]:
            room, first, at, step = beginning_of(lines)
            beside = step, encode_authors(lines)
            yield RawBatch(position - len(lines) + 1, room, first, len(lines), at, encode(lines).decode(), *beside)

    def damage(self) -> list[str]:
        """Nothing: there is no file."""
        return []

    def is_indexed(self, batch: RawBatch) -> bool:
        """Everything is looked through by a search."""
        del batch
        return True

    def misfits(self, batch: RawBatch, lines: Sequence[Stored]) -> list[str]:
        """Nothing: there is no index."""
        del batch, lines
        return []

    def strays(self) -> list[str]:
        """Nothing: rooms go with all that is in them."""
        return []

    def accounts(self) -> Iterator[Record]:
        """What is kept of accounts; see Archive."""
        yield from self._kept.accounts.records()
        for name, room in self._kept.rooms.items():
            yield from (KeptAct(act, room=name) for act in room.acts)

    def sent(self) -> Iterator[KeptKey]:
        """What was sent under a key; see Archive."""
        order = {name: number for number, name in enumerate(self._kept.rooms)}
        found = [KeptKey(where.room, where.seq, at, *key) for key, (at, where) in self._kept.sent.items()]
        yield from sorted(found, key=lambda kept: (kept.at, order[kept.room], *kept[1:]))


class MemoryFiller:
    """See Filler."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def add_room(self, room: RoomRecord) -> None:
        """Add a room; see Filler."""
        kept = KeptRoom(room.topic, room.first, room.id or new_room_id(), state=room.state, parties=room.parties)
        self._kept.rooms[room.name] = kept

    def add_account(self, record: Record) -> None:
        """Add what was kept of an account; see Filler."""
        if not isinstance(record, KeptAct) or not (record.room or record.gone):
            self._kept.accounts.add(record)
        elif record.room:  # what was done in rooms that are no more is gone with them here
            self._kept.rooms[record.room].acts.append(record.act)

    def add(self, batches: Sequence[Sequence[Stored]]) -> None:
        """Add batches; see Filler."""
        for batch in batches:
            self._kept.add(batch)

    def add_key(self, key: KeptKey) -> None:
        """Add what was sent under a key; see Filler."""
        sent = SenderKey(key.sender, key.key)
        if sent in self._kept.sent:
            raise ValueError(f"key {key.key!r} is there already")
        self._kept.sent[sent] = key.at, Duplicate(key.room, key.seq)


class MemoryRooms:
    """See RoomEditor."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def rooms(self) -> list[RoomRecord]:
        """All rooms; see RoomEditor."""
        return self._kept.listed()

    def keep_act(self, act: ServerAct, room: str = "") -> None:
        """Keep what was done to a room; see RoomEditor."""
        acts = self._kept.rooms[room].acts if room else self._kept.accounts.acts
        newest = acts[-1].place if acts else ActPlace(0)
        is_entry = not room
        acts.append(replace(act, number=newest.number + is_entry, nth=0 if is_entry else newest.nth + 1))

    def rename_room(self, old: str, new: str, act: ServerAct) -> None:
        """Give a room another name; see RoomEditor."""
        self.call_room(old, new)
        self.keep_act(act, new)

    def call_room(self, old: str, new: str) -> None:
        """Give a room another name."""
        kept = self._kept
        kept.accounts.rename_room(old, new)
        kept.former[old] = new
        kept.former.pop(new, None)
        kept.rooms = {new if name == old else name: room for name, room in kept.rooms.items()}
        renamed = kept.rooms[new]
        renamed.lines = [replace(line, room=new) for line in renamed.lines]
        kept.records = [
            record._replace(lines=[replace(line, room=new) if line.room == old else line for line in record.lines])
            for record in kept.records
        ]
        kept.sent = {
            key: (at, where._replace(room=new) if where.room == old else where)
            for key, (at, where) in kept.sent.items()
        }
        for account, mentions in kept.mentions.items():
            kept.mentions[account] = [one._replace(room=new) if one.room == old else one for one in mentions]

    def delete_room(self, name: str) -> None:
        """Delete a room; see RoomEditor."""
        kept = self._kept
        kept.accounts.rename_room(name, None)
        del kept.rooms[name]
        kept.records = [record for record in kept.records if record.lines[0].room != name]
        kept.sent = {key: (at, where) for key, (at, where) in kept.sent.items() if where.room != name}
        for account, mentions in kept.mentions.items():
            kept.mentions[account] = [one for one in mentions if one.room != name]
