"""What is kept, as the commands for a journal see it: exactly as it is stored, and without a server. What an engine offers them.

Everything here blocks, and may raise JournalError. Never knows Trio, files or a terminal.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from chat_server.accounts import Record
from chat_server.accounts.acts import ServerAct
from chat_server.journal import RoomRecord
from chat_server.journal.batch_codec import Stored

Progress = Callable[[int, int], None]
"""Called with how much is done, and how much there is (0: nobody knows)."""


class FileProblem(Exception):
    """It cannot be done; the sentence says why."""


class DamagedFile(FileProblem):
    """What is kept is damaged, or something else, so that it cannot be looked at."""


class StoredRecord(NamedTuple):
    """A batch exactly as it was stored. `position` is that of its last line in the whole journal."""

    position: int
    lines: list[Stored]


class RawBatch(Struct, frozen=True):
    """A batch as batch_codec.py has written it: `position` is its first line's in the whole journal, `at` its time.

    `turn` counts the batches of a room; 0 where nobody has counted them.
    """

    position: int
    room: str
    first: int
    count: int
    at: float
    text: str
    step: float = 0.0
    authors: str = ""
    turn: int = 0


class KeptKey(NamedTuple):
    """What was sent under a key, and where it stands: what comes under the same key once more is not stored."""

    room: str
    seq: int
    at: float
    sender: str
    key: str


class Archive(Protocol):
    """Everything that is kept, to be read. A server may be writing to it."""

    def close(self) -> None:
        """Let go of it."""

    def rooms(self) -> list[RoomRecord]:
        """All rooms, and conversations, in the order in which they were created."""
        ...

    def end(self) -> int:
        """The position that the next line will have."""
        ...

    def records(self, after: int) -> list[StoredRecord]:
        """The next records after a position, some thousand lines; none when there is nothing more. Nothing waits for whoever asks for the next."""
        ...

    def accounts(self) -> Iterator[Record]:
        """What is kept of accounts, all of one moment: first accounts, then what belongs to them."""
        ...

    def sent(self) -> Iterator[KeptKey]:
        """What was sent under a key, the oldest first; at one time, in the order of rooms and numbers."""
        ...

    # For a check.

    def raw_batches(self, end: int) -> Iterator[RawBatch]:
        """Every batch before a position, all of one moment."""
        ...

    def damage(self) -> list[str]:
        """What is wrong with the engine's own storage, its search index included, as far as it shows without reading what is kept."""
        ...

    def is_indexed(self, batch: RawBatch) -> bool:
        """Whether what is in a batch can be found by its words."""
        ...

    def misfits(self, batch: RawBatch, lines: Sequence[Stored]) -> list[str]:
        """What the engine's search index has otherwise than a batch that is indexed, whose lines these are."""
        ...

    def strays(self) -> list[str]:
        """What is kept and cannot be: lines without a room, keys without a line, devices without an account."""
        ...


class Filler(Protocol):
    """A new journal that is being filled by an import."""

    def add_room(self, room: RoomRecord) -> None:
        """Add a room, or a conversation, as it stands in the record before its lines, which begin with the number `first`.

        One without an id is given a new one.
        """

    def add_account(self, record: Record) -> None:
        """Add what was kept of an account, after the rooms and after whatever it belongs to. Raises ValueError if it cannot be kept."""

    def add(self, batches: Sequence[Sequence[Stored]]) -> None:
        """Add batches, each of one room, a step apart (times.py), numbered as they are. A topic among the lines does not become the room's."""

    def add_key(self, key: KeptKey) -> None:
        """Add what was sent under a key, after its line. Raises ValueError if that key is there already."""


class RoomEditor(Protocol):
    """The rooms of a journal that no server has."""

    def rooms(self) -> list[RoomRecord]:
        """All rooms for everybody, in the order in which they were created."""
        ...

    def keep_act(self, act: ServerAct, room: str = "") -> None:
        """Keep for good what an operator has done to a room, in its audit or, where it has none any more, in the server's."""

    def rename_room(self, old: str, new: str, act: ServerAct) -> None:
        """Give a room another name; everything that belongs to it stays. The act is kept for good, in its audit, by the same commit."""

    def delete_room(self, name: str) -> None:
        """Delete a room and everything that belongs to it. What was said is overwritten; no position is used again.

        Raises:
            FileProblem: it is deleted, but what was said can still be read; the sentence says where.

        """
