"""The file `known_servers`: which servers have been called, and what is known of each (trust.py).

A line is `HOST:PORT WORD FIRST-SEEN LAST-SEEN`, in days; it may be edited by hand, and lines that are none of these stay where they are. The file is
written whole or not at all, by one program at a time, and only when something has changed. Where it cannot be, what is known is kept in memory
until it can, or the program ends. Never knows the network nor the screen.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import NamedTuple

from chat_server.protocol.fingerprints import BadFingerprint, parse_fingerprint
from chat_server.protocol.late_pattern import LatePattern
from chat_tui.client.local_store import replace_file
from chat_tui.client.trust import AUTHORITY, PLAINTEXT, UNTRUSTED
from chat_tui.language import say

KNOWN_SERVERS = "known_servers"
"""The file's name."""

LOCK_SECONDS = 1.0
"""Seconds for which another program is waited for that is writing the file, which takes milliseconds: the user waits too."""

_DAY = LatePattern(r"\d{4}-\d\d-\d\d")
_FIELDS = 4


class Known(NamedTuple):
    """What is known of a server: the word, and the days on which it was first and last seen."""

    word: str
    first: str
    last: str


NOTHING = Known("", "", "")


class _Line(NamedTuple):
    """A line of the file: its text, and what it says if it says anything."""

    text: str
    server: str = ""
    known: Known = NOTHING
    is_broken: bool = False


class KnownServers:
    """The servers that have been called."""

    def __init__(
        self,
        path: Path | None,
        *,
        flag: str = "",
        today: Callable[[], str] = lambda: date.today().isoformat(),
    ) -> None:
        """Read nothing yet.

        Args:
            path: the file; None where nothing is to be kept on disk.
            flag: what a command line needs to find it, with a space before; "" if nothing.
            today: the day.

        """
        self.path = path
        self.flag = flag
        self._today = today
        self._in_memory: dict[str, Known] = {}  # what could not be written
        self._told: set[str] = set()

    def find(self, host: str, port: int) -> Known:
        """What is known of a server; NOTHING if nothing is. The file is read each time: another program may have changed it."""
        server = address_of(host, port)
        if server in self._in_memory:
            return self._in_memory[server]
        return next((line.known for line in reversed(self._lines()) if line.server == server), NOTHING)

    def note(self, host: str, port: int, word: str = "") -> str:
        """Note that a server has been seen today, and what is known of it from now on; without a word, what was.

        Returns what could not be kept and why, in a sentence that has not been told yet; "" if it is kept.
        """
        server, today = address_of(host, port), self._today()
        known = self.find(host, port)
        noted = Known(word or known.word, known.first if word in ("", known.word) else today, today)
        if not noted.word or (noted == known and server not in self._in_memory):
            return ""
        try:
            if self.path is None:
                self._in_memory[server] = noted
                return ""
            with _alone(self.path):
                _write(self.path, _with(self._lines(must_read=True), server, noted))
        except OSError as error:
            self._in_memory[server] = noted
            return self._once(
                say("It is not kept which servers are trusted: {path}: {why}.", path=self.path, why=error.strerror)
            )
        self._in_memory.pop(server, None)
        return ""

    def warnings(self) -> list[str]:
        """What is wrong with the file, in sentences that have not been told yet."""
        try:
            lines = self._lines(must_read=True)
        except OSError as error:
            told = [
                say("It is not known which servers are trusted: {path}: {why}.", path=self.path, why=error.strerror)
            ]
        else:
            told = [
                say(
                    "{path}: line {number} is not understood. It stays there, and counts for nothing.",
                    path=self.path,
                    number=number,
                )
                for number, line in enumerate(lines, 1)
                if line.is_broken
            ]
        return [sentence for sentence in map(self._once, told) if sentence]

    def lately(self) -> list[tuple[str, int]]:
        """The servers that were trusted, by host and port: the one seen last first; of one day, the one that was new last."""
        known = {line.server: line.known for line in self._lines() if line.known.word not in ("", UNTRUSTED)}
        known.update(self._in_memory)
        seen = {server: (known[server].last, place) for place, server in enumerate(known)}
        servers = sorted(known, key=seen.__getitem__, reverse=True)
        parts = (server.rpartition(":") for server in servers if server.isprintable())
        return [(host.strip("[]"), int(port)) for host, _, port in parts if host and port.isdecimal()]

    def _once(self, sentence: str) -> str:
        if sentence in self._told:
            return ""
        self._told.add(sentence)
        return sentence

    def _lines(self, *, must_read: bool = False) -> list[_Line]:
        if self.path is None:
            return []
        try:
            text = self.path.read_bytes().decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return []
        except OSError:
            if must_read:  # else what cannot be read would be written over
                raise
            return []
        return [_parsed(line) for line in text.removesuffix("\n").split("\n")] if text else []


def address_of(host: str, port: int) -> str:
    """The server as the file has it: in small letters, without the dot that may stand after a name, an IPv6 address in brackets."""
    name = host.rstrip(".").lower()
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def _parsed(text: str) -> _Line:
    words = text.split()
    if not words or text.startswith("#"):
        return _Line(text)
    if len(words) != _FIELDS or not all(_DAY.fullmatch(day) for day in words[2:]):
        return _Line(text, is_broken=True)
    server, word, first, last = words
    if word not in (AUTHORITY, UNTRUSTED, PLAINTEXT):
        try:
            word = parse_fingerprint(word)
        except BadFingerprint:
            return _Line(text, is_broken=True)
    return _Line(text, server.lower(), Known(word, first, last))


def _with(lines: list[_Line], server: str, known: Known) -> list[str]:
    """The lines with one for this server, in the place of what was there of it."""
    texts = [line.text for line in lines if line.server != server]
    place = next((at for at, line in enumerate(lines) if line.server == server), len(texts))
    texts.insert(place, f"{server} {known.word} {known.first} {known.last}")
    return texts


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Have the file for this program alone for as long as it takes to change it. Raises OSError, also if another does not let go of it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait_for(lock)
        yield
    finally:
        os.close(lock)


def _wait_for(lock: int) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise BlockingIOError(error.errno, say("another program does not let go of it")) from error
            time.sleep(0.01)
        else:
            return


def _write(path: Path, lines: list[str]) -> None:
    target = path
    with suppress(OSError):  # a link stays one
        target = path.resolve(strict=True)
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    replace_file(target.parent, target.name, data, is_synced=True)
