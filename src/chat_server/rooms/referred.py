"""Lines of a room to which somebody is about to reply, or which they are about to amend, as they stand until that is stored.

They may be much older than what the room remembers of its past. Never knows who is about to do what.
"""

from collections import OrderedDict

from chat_server.protocol.amendments import after
from chat_server.protocol.entries import Amending, Entry

REFERRED_MAX, REFERRED_CHARACTERS = 100, 1 << 17
"""Lines that are known at a time, and characters in them, but for the newest. Whoever was slower than so many others is asked to try again."""


class ReferredLines:
    """Some lines by their numbers."""

    def __init__(self) -> None:
        """None yet."""
        self._lines: OrderedDict[int, Entry] = OrderedDict()

    def note(self, line: Entry) -> None:
        """Somebody has read this line just now, and is about to say something of it."""
        self._lines[line.seq] = line
        self._lines.move_to_end(line.seq)
        characters = sum([len(one.text) for one in self._lines.values()])
        while len(self._lines) > REFERRED_MAX or (characters > REFERRED_CHARACTERS and len(self._lines) > 1):
            characters -= len(self._lines.popitem(last=False)[1].text)

    def get(self, number: int) -> Entry | None:
        """The line with this number as it stands; None if it is not known."""
        return self._lines.get(number)

    def amend(self, entry: Amending) -> None:
        """An entry has been stored that may make some of them others."""
        for number, line in self._lines.items():
            self._lines[number] = after(line, entry)

    def clear(self) -> None:
        """Know none any more."""
        self._lines.clear()
