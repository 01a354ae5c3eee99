"""Standard input and output, whatever they are: terminals, pipes, files, /dev/null, closed.

Both are read and written in threads of their own: a file cannot be waited for, and a reader that takes nothing must not keep the program
from answering the server, or a signal. Knows file descriptors and lines of text; never knows what they mean.
"""

import asyncio
import codecs
import os
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from chat_server.protocol.sanitize import without_unseen_start
from chat_tui.language import say

READ_MAX = 65536
"""Bytes taken from the input at once: what a pipe holds."""

WAITING_MAX = 1024 * 1024
"""Bytes of input that wait to be taken before no more is read; whoever writes them waits then."""

UNWRITTEN_MAX = 16 * 1024 * 1024
"""Characters of output that wait for whoever reads it; then what comes is left out, and how many lines that were is written in its place."""

LINE_MAX = 256 * 1024
"""Bytes of a line that are kept; a message has a tenth of them at most. What is longer is skipped to its end."""


class TooLong(str):
    """Stands in the input for a line that was too long to be kept; it is the line's beginning."""

    __slots__ = ()


def secure_descriptors() -> None:
    """Have something open as standard input, output and error.

    Where one is closed, the next file that is opened would take its number: what is read would be typed, what is told would be written into it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one


class Input:
    """Lines that are typed or piped in, read ahead only a little."""

    def __init__(self, descriptor: int, on_change: Callable[[], None]) -> None:
        """Read nothing yet. `on_change` is called in the loop when lines have come, or the input has ended."""
        self._descriptor = descriptor
        self._on_change = on_change
        self._lines: deque[str] = deque()
        self._size = 0
        self._rest = b""
        self._is_skipping = False
        self._is_first = True
        self._may_read = threading.Event()
        self._may_read.set()
        self.is_ended = False
        """Whether everything has been read that there is."""
        self.why_ended = ""
        """What went wrong in reading, if it was that."""

    def start(self) -> None:
        """Begin to read."""
        loop = asyncio.get_running_loop()

        def work() -> None:
            try:
                while True:
                    self._may_read.wait()
                    try:
                        data, why = os.read(self._descriptor, READ_MAX), ""
                    except OSError as error:
                        data, why = b"", error.strerror or str(error)
                    self._may_read.clear()  # until these have been taken: the loop may be slower than whoever writes
                    loop.call_soon_threadsafe(self.receive_data, data, why)
                    if not data:
                        return
            except RuntimeError:  # the loop is closed: the program ends
                return

        threading.Thread(target=work, name="input", daemon=True).start()

    def receive_data(self, data: bytes, why: str = "") -> None:
        """Take bytes as they were read; b"" when the input has ended, and why if that was not as it should be."""
        if not data:
            self.is_ended, self.why_ended = True, why
            if self._rest or self._is_skipping:
                self._complete(b"")
        else:
            *whole, rest = data.split(b"\n")
            for piece in whole:
                self._complete(piece)
            self._rest += rest
            if len(self._rest) > LINE_MAX:
                self._rest = self._rest[:LINE_MAX]
                self._is_skipping = True
        if self._size <= WAITING_MAX:
            self._may_read.set()
        self._on_change()

    def _complete(self, piece: bytes) -> None:
        data = self._rest + piece
        text = data[:LINE_MAX].decode(errors="replace").rstrip("\r")
        if self._is_first:  # an editor's mark for UTF-8
            text = text.removeprefix("\ufeff")
        text = without_unseen_start(text)
        self._lines.append(TooLong(text) if self._is_skipping or len(data) > LINE_MAX else text)
        self._size += len(text) + 1  # its end counts: empty lines without end are no less
        self._rest, self._is_skipping, self._is_first = b"", False, False

    @property
    def next(self) -> str | None:
        """The line that comes next; None if none waits."""
        return self._lines[0] if self._lines else None

    @property
    def waiting(self) -> int:
        """How many lines wait to be taken."""
        return len(self._lines)

    def take(self) -> str:
        """Take the next line."""
        line = self._lines.popleft()
        self._size -= len(line) + 1
        if self._size <= WAITING_MAX:
            self._may_read.set()
        return line

    def put_back(self, line: str) -> None:
        """Have a line that was taken come again."""
        self._lines.appendleft(line)
        self._size += len(line) + 1


_END: Final = None


class Output:
    """Where lines are written, in order, and by nobody who could be kept waiting."""

    def __init__(self, descriptor: int, encoding: str, on_broken: Callable[[str], object]) -> None:
        """Write in this encoding; a character that it has not is replaced. `on_broken` is called once, in the thread, with the reason."""
        self._descriptor = descriptor
        self._encode = codecs.getincrementalencoder(encoding)("replace").encode
        self._on_broken = on_broken
        self.why_broken = ""
        """Why nothing can be written any more, if so."""
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._lock = threading.Lock()  # of the two counts below
        self._size = 0
        self._left_out = 0
        self._thread = threading.Thread(target=self._work, name="output", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Have a line, or several, written; they are left out while whoever reads the output is too far behind."""
        with self._lock:
            if self._left_out or self._size > UNWRITTEN_MAX:
                self._left_out += text.count("\n") + 1
                return
            self._size += len(text)
        self._waiting.put(text + "\n")

    def close(self, seconds: float | None = None) -> None:
        """Wait until everything is written that can be, however long that takes, or so many seconds."""
        self._waiting.put(_END)
        self._thread.join(seconds)

    def _work(self) -> None:
        while (text := self._waiting.get()) is not _END:
            self._write(text)
            with self._lock:
                self._size -= len(text) - 1
                left_out = self._left_out if not self._size else 0
                self._left_out -= left_out
            if left_out:
                self._write(
                    "* "
                    + say("{count} lines are left out here: what reads this output was too slow.", count=left_out)
                    + "\n"
                )

    def _write(self, text: str) -> None:
        data = self._encode(text)
        try:
            while data and not self.why_broken:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            self.why_broken = error.strerror or str(error)
            with suppress(RuntimeError):  # the loop is closed: the program ends
                self._on_broken(self.why_broken)


def encoding_of_output() -> str:
    """How what is written is encoded, by the environment."""
    return sys.stdout.encoding if sys.stdout is not None else "utf-8"
