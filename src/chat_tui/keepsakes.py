"""What the client keeps on disk for one server: who the user is there, what is not sent yet, drafts, and how far they have read.

One directory for each server and profile, for one running program at a time. What is not sent is written down before it is sent, and
survives the end of the program; the rest is written now and then. Never knows the network nor the screen.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from chat_tui.state import Pending


class Memory(Struct):
    """What is remembered beside the outbox."""

    nick: str = ""
    token: str = ""
    rooms: list[str] = field(default_factory=list)
    """The rooms that the user was in."""
    current: str = ""
    read: dict[str, int] = field(default_factory=dict)
    """For each room, the number of the last line read."""
    drafts: dict[str, str] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)
    """What the user sent last, oldest first."""


T = TypeVar("T")


class Keepsakes:
    """The files. Where they cannot be written, or another program has them, everything is kept in memory only."""

    def __init__(self, directory: Path | None) -> None:
        """Read what is there.

        Args:
            directory: where the files are; None: nowhere.

        """
        self._directory = directory if directory is not None and self._lock(directory) else None
        self.is_refused = directory is not None and self._directory is None
        """Whether it should be on disk, and is not."""
        self.memory: Memory = self._read("memory.json", Memory) or Memory()
        self._outbox: dict[str, Pending] = {}
        for pending in self._read("outbox.json", list[Pending]) or []:
            self._outbox[pending.key] = pending

    @property
    def unsent(self) -> list[Pending]:
        """What waits to be stored by the server, in the order in which it was typed."""
        return list(self._outbox.values())

    def add(self, pending: Pending) -> None:
        """Write down what is about to be sent; when this returns, it is on the disk."""
        self._outbox[pending.key] = pending
        self._write("outbox.json", self.unsent, is_synced=True)

    def remove(self, key: str) -> None:
        """Forget what has been stored or was given up. If the program ends just now, it is sent again, and its key makes that harmless."""
        if self._outbox.pop(key, None) is not None:
            self._write("outbox.json", self.unsent)

    def save(self) -> None:
        """Write the memory."""
        self._write("memory.json", self.memory)

    def _lock(self, directory: Path) -> bool:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock_file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Let another program have the files."""
        if self._directory is not None:
            os.close(self._lock_file)
            self._directory = None

    def _read(self, name: str, kind: type[T]) -> T | None:
        if self._directory is None:
            return None
        try:
            return msgspec.json.decode((self._directory / name).read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, UnicodeError):
            with suppress(OSError):  # it may be of use to somebody; an empty one is of use to nobody
                (self._directory / name).rename(self._directory / f"{name}.unreadable")
            return None

    def _write(self, name: str, value: object, *, is_synced: bool = False) -> None:
        if self._directory is None:
            return
        path = self._directory / f"{name}.new"
        with suppress(OSError):  # a full disk must not keep anybody from chatting
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(value))
                file.flush()
                if is_synced:
                    os.fsync(file.fileno())
            path.replace(self._directory / name)
