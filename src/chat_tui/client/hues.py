"""Which of a few hues each person of a room has, so that those who talk at the same time have different ones. Never knows colours, or lines."""

from zlib import crc32

from chat_server.protocol.names import name_key

KEPT_MAX = 4096
"""People of a room whose hues are kept; where more have talked, all are given anew."""


def usual(nick: str, count: int) -> int:
    """The hue that a name has, of so many, where nobody else has it."""
    return (crc32(name_key(nick).encode()) >> 8) % count  # the lowest bits give too many short names one hue


class Hues:
    """The hues of a room. Whoever has talked keeps theirs; two have the same only where more have talked than there are hues."""

    def __init__(self) -> None:
        """Nobody has talked yet."""
        self.changes = 0
        """How many times somebody was given another than the usual one."""
        self._of: dict[str, int] = {}
        self._taken: dict[int, None] = {}  # whose owner talked longest ago first
        self._count = 0

    def talks(self, nick: str, count: int) -> int:
        """The hue of somebody who talks, of so many: the usual one, else one that is free, else the one that was seen longest ago."""
        if count != self._count or len(self._of) > KEPT_MAX:
            self._of, self._taken, self._count = {}, {}, count
        key = name_key(nick)
        hue = self._of.get(key)
        if hue is None:
            hue = self._of[key] = self._given(usual(nick, count), count)
        self._taken.pop(hue, None)
        self._taken[hue] = None
        return hue

    def of(self, nick: str, count: int) -> int:
        """The hue of somebody of whom nothing need be known, of so many."""
        known = self._of.get(name_key(nick)) if count == self._count else None
        return usual(nick, count) if known is None else known

    def _given(self, wanted: int, count: int) -> int:
        if wanted not in self._taken:
            return wanted
        self.changes += 1
        steps = ((wanted + step) % count for step in range(1, count))
        return next((hue for hue in steps if hue not in self._taken), next(iter(self._taken)))
