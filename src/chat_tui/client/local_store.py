"""What the client keeps on disk for one server: who the user is there, what is not sent yet, drafts, and how far they have read.

One directory for each server and profile, for one running program at a time. What is not sent is written down before it is sent, and so is the
secret that proves who sends it; both survive the end of the program. The rest is written now and then, drafts every second (ui/main_screen.py).
What cannot be written is told once, and that it can be again. Never knows the network nor the screen.
"""

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from chat_tui.client.line_deeds import Begun
from chat_tui.client.pending import Pending
from chat_tui.client.room_choices import Chosen
from chat_tui.language import say


class SavedState(Struct):
    """What is saved beside the outbox."""

    nick: str = ""
    token: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    """The secrets of the names that the user has asked for, by the names' keys, but those that the keyring has; the newest last."""
    accounts: dict[str, str] = field(default_factory=dict)
    """The names of the user's accounts, by their keys, with the entry of the system's keyring that is the account's; "" for none."""
    rooms: list[str] = field(default_factory=list)
    """The rooms that the user was in."""
    current: str = ""
    read: dict[str, int] = field(default_factory=dict)
    """For each room, the number of the last line read."""
    ids: dict[str, str] = field(default_factory=dict)
    """For each room, the id by which the server knows it."""
    drafts: dict[str, str] = field(default_factory=dict)
    begun: dict[str, Begun] = field(default_factory=dict)
    """Rooms where what is written is no new line, but a reply, or another text for a line."""
    joins_shown: dict[str, bool] = field(default_factory=dict)
    """Rooms, by their keys, of which the user has said whether it is told who comes and goes."""
    choices: dict[str, Chosen] = field(default_factory=dict)
    """What the user has chosen for rooms, by their keys."""
    numbers_shown: bool | None = None
    """Whether the numbers of lines are shown, if the user has said so."""
    typed: list[str] = field(default_factory=list)
    """What the user sent last, oldest first."""


MEMORY_FILE = "memory.json"
"""What is saved beside the outbox, in the directory."""

TOKENS_MAX = 20
"""Names of which the secret is remembered."""

T = TypeVar("T")


def _tell_nobody(sentence: str) -> None:
    """Until somebody wants to be told."""


class LocalStore:
    """The files. Where they cannot be written, or another program has them, everything is kept in memory only."""

    def __init__(self, directory: Path | None) -> None:
        """Read what is there.

        Args:
            directory: where the files are; None: nowhere.

        """
        self.directory = directory
        self.tell: Callable[[str], None] = _tell_nobody
        """Called with a sentence for the user when something cannot be kept, and when it can be again."""
        self.why_refused = "" if directory is None else self._lock(directory)
        """Why nothing is kept on disk that should be, in a sentence; "" if everything is."""
        self._directory = None if self.why_refused else directory
        self.warnings = [self.why_refused] if self.why_refused else []
        """What the user should be told at the start, in sentences."""
        self._unwritten: set[str] = (
            set()
        )  # the files on the disk are older than what is known, and could not be written
        self._has_removed = False  # the outbox on the disk has lines that have been stored or given up
        self.saved: SavedState = self._read(MEMORY_FILE, SavedState) or SavedState()
        self._outbox: dict[str, Pending] = {}
        for pending in self._read("outbox.json", list[Pending]) or []:
            self._outbox[pending.key] = pending

    @property
    def is_kept(self) -> bool:
        """Whether what waits would be there after the program has ended."""
        return self._directory is not None and not self._unwritten

    @property
    def unsent(self) -> list[Pending]:
        """What waits to be stored by the server, in the order in which it was typed."""
        return list(self._outbox.values())

    def add(self, *pendings: Pending) -> None:
        """Write down what is about to be sent; when this returns, it is on the disk."""
        for pending in pendings:
            self._outbox[pending.key] = pending
        self._write_outbox()

    def note_begun(self, room: str, begun: Begun | None) -> None:
        """Write down what is written in a room for, if not for a new line."""
        self.saved.begun.pop(room, None)
        if begun is not None:
            self.saved.begun[room] = begun
        self.save()

    def room_renamed(self, old: str, new: str) -> None:
        """What is kept of a room is kept under its new name, what is to be sent to it too."""
        _move(self.saved.read, old, new)
        _move(self.saved.ids, old, new)
        _move(self.saved.drafts, old, new)
        _move(self.saved.begun, old, new)
        if self.saved.current == old:
            self.saved.current = new
        renamed = [pending for pending in self._outbox.values() if pending.room == old]
        for pending in renamed:
            pending.room = new
        if renamed:
            self._write_outbox()

    def remove(self, key: str) -> None:
        """Forget what has been stored or was given up.

        The disk is told a little later (`keep_up`): thousands of lines that are stored at once would be written down thousands of times. A
        line that the disk still has when the program is killed is sent again, and its key makes that harmless.
        """
        if self._outbox.pop(key, None) is not None:
            self._has_removed = True

    def save(self) -> None:
        """Write the saved state, and what has been removed."""
        self._write(MEMORY_FILE, self.saved)
        if self._has_removed:
            self._write_outbox()

    def save_token(self, name_key: str, token: str) -> None:
        """Write down the secret that proves who the user is under a name, "" if it is not kept here; when this returns, it is on the disk."""
        self.saved.tokens.pop(name_key, None)
        if token:
            self.saved.tokens[name_key] = token
        for oldest in [*self.saved.tokens][:-TOKENS_MAX]:
            del self.saved.tokens[oldest]
        self._write(MEMORY_FILE, self.saved, is_synced=True)

    def keep_up(self) -> None:
        """Write down what has been removed; if something could not be written, try again to write everything. Once a second is enough."""
        if self._unwritten:
            self._write(MEMORY_FILE, self.saved)
        if self._unwritten or self._has_removed:
            self._write_outbox()

    def _write_outbox(self) -> None:
        self._has_removed = False
        self._write("outbox.json", self.unsent, is_synced=True)

    def _lock(self, directory: Path) -> str:
        """Have the files for this program alone; return why that cannot be, in a sentence."""
        lock_file = -1
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock_file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if lock_file >= 0:
                os.close(lock_file)
            if isinstance(error, BlockingIOError):
                return say("Nothing is kept on disk: another chat-tui is using {path}.", path=directory)
            return say("Nothing is kept on disk: {path}: {why}.", path=directory, why=error.strerror)
        self._lock_file = lock_file
        return ""

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
            aside = _aside(self._directory / name)
            self.warnings.append(
                say("{path} cannot be read. It is kept as {name}.", path=self._directory / name, name=aside.name)
            )
            with suppress(OSError):  # it may be of use to somebody; an empty one is of use to nobody
                (self._directory / name).rename(aside)
            return None

    def _write(self, name: str, value: object, *, is_synced: bool = False) -> None:
        if self._directory is None:
            return
        try:
            replace_file(self._directory, name, msgspec.json.encode(value), is_synced=is_synced)
        except OSError as error:  # a full disk must not keep anybody from chatting
            if not self._unwritten:
                self.tell(
                    say("What you write is not kept on disk: {path}: {why}.", path=self._directory, why=error.strerror)
                )
            self._unwritten.add(name)
            return
        if name in self._unwritten:
            self._unwritten.remove(name)
            if not self._unwritten:
                self.tell(say("What you write is kept on disk again."))


def _move(kept: dict[str, T], old: str, new: str) -> None:
    if old in kept:
        kept[new] = kept.pop(old)


def _aside(path: Path) -> Path:
    """Where a file that cannot be read is put: not over another one."""
    names = [f"{path.name}.unreadable{number}" for number in ("", *range(2, 100))]
    return next((free for name in names if not (free := path.with_name(name)).exists()), path.with_name(names[-1]))


def replace_file(directory: Path, name: str, data: bytes, *, is_synced: bool) -> None:
    """Put a file in place of another; if it is synced, it is on the disk when this returns, under its name. Raises OSError."""
    path = directory / f"{name}.new"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if is_synced:
            os.fsync(file.fileno())
    path.replace(directory / name)
    if is_synced:
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
