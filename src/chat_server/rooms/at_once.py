"""How many readers of one kind are written to by one system call, and what that takes: their descriptors, mostly the same as the last time.

To ask a thousand readers for theirs takes as long as all else that a room does for a line, and brings three objects of each into the processor's
cache. So they are kept, until somebody comes or goes, or any target is another one (sink.py). Never knows what is written.
"""

from array import array
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TypeVar

from chat_server.guard import Guard
from chat_server.protocol.runs import Renderer
from chat_server.rooms.giving import give_rest
from chat_server.rooms.room import Occupant
from chat_server.rooms.sink import TARGETS, SendMany, Sink

MANY = 32
"""Readers of a kind from which on one system call for all of them is worth its preparation, some 20 us."""

S = TypeVar("S", "array[int]", list[Occupant])


class AtOnce:
    """Writing to those of a room who are many of their kind."""

    def __init__(self, send_many: SendMany | None, guard: Guard) -> None:
        """Know nobody yet. Without `send_many` nothing can be written so."""
        self._send_many = send_many
        self._guard = guard
        self._known: dict[Renderer, _Known] = {}

    def forget(self, render: Renderer) -> None:
        """Somebody of this kind has come or gone."""
        self._known.pop(render, None)

    def forget_all(self) -> None:
        """The same of any kind."""
        self._known.clear()

    def give(
        self, render: Renderer, sinks: Mapping[Occupant, Sink], others: Mapping[Occupant, Sink], data: bytes
    ) -> bool:
        """Give the data to all of one kind who have nothing to prepare, but for others of the kind.

        It is worth that from MANY on. Returns False if that cannot be, or goes wrong; then each is still to be given it.
        """
        send = self._send_many
        if send is None:
            return False
        with self._guard:
            known = self._known.get(render)
            if known is None or not known.is_current:
                everybody = {**sinks, **{member: sink for member, sink in others.items() if not sink.prepares}}
                known = self._known[render] = _Known(everybody)
            places = sorted({known.places[member] for member in others if member in known.places}, reverse=True)
            taken = send(_without(known.descriptors, places), data)
            if taken:
                for member, sent in zip(_without([*known.places], places), taken, strict=True):
                    if sent != len(data) and not self._guard.attempt(give_rest, sinks[member], data, sent):
                        self._guard.attempt(member.fail)
            return taken is not None
        return False


class _Known:
    """Some readers, as they are until one of them changes."""

    __slots__ = ("_changes", "descriptors", "places")

    def __init__(self, sinks: Mapping[Occupant, Sink]) -> None:
        self._changes = -1 if TARGETS.gathering else TARGETS.changes
        self.places = dict(zip(sinks, count()))
        self.descriptors = array("i", [sink.target.descriptor for sink in sinks.values()])

    @property
    def is_current(self) -> bool:
        """Whether all their targets are still those."""
        return self._changes == TARGETS.changes and not TARGETS.gathering


def _without(items: S, places: Sequence[int]) -> S:
    """All but those at these places, the last place first. The last come to stand where others are left out: so most stay where they are."""
    left = items[:]
    for place in places:
        last = left.pop()
        if place < len(left):
            left[place] = last
    return left
