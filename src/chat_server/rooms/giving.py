"""How the same bytes are given to many readers: whoever fails hurts themselves alone. Never knows what the bytes say."""

from collections.abc import Iterable, Iterator
from itertools import islice
from operator import length_hint

from chat_server.guard import Guard
from chat_server.rooms.room import Occupant
from chat_server.rooms.sink import Sink

PREPARED_AT_A_TIME = 16
"""Readers for whom something is prepared, one after the other, before they are sent to. With 64 the first is no longer in the processor's cache."""


def give_each(sinks: Iterator[Sink], data: bytes) -> None:
    """Give the data to all that are left; if one fails, those after it are still left. A guard around each would cost as much again."""
    size = len(data)
    for sink in sinks:
        send = sink.send  # not called as a method: looking one up takes longer than reading an attribute
        try:
            sent = send(data)
        except OSError as error:
            sink.refused(data, error)
        else:
            if sent != size:
                sink.took(data, sent)


def give_all(sinks: dict[Occupant, Sink], data: bytes, guard: Guard) -> None:
    """Give the data to all; if that fails for one, it is the end of that one and of no other."""
    waiting = iter(sinks.values())
    while not guard.attempt(give_each, waiting, data):
        failed = len(sinks) - length_hint(waiting) - 1
        guard.attempt(next(islice(sinks, failed, None)).fail)


def give_prepared(sinks: dict[Occupant, Sink], data: bytes, guard: Guard) -> dict[Occupant, Sink]:
    """Give the data to all for whom something may have to be prepared, to some at a time; return the others."""
    others = {member: sink for member, sink in sinks.items() if not sink.prepares}
    waiting = iter([member for member in sinks if member not in others])
    while some := {member: sinks[member] for member in islice(waiting, PREPARED_AT_A_TIME)}:
        guard.attempt(prepare_each, some.values(), data)
        give_all(some, data, guard)
    return others


def prepare_each(sinks: Iterable[Sink], data: bytes) -> None:
    """Prepare what is then given to each."""
    for sink in sinks:
        prepare = sink.target.prepare
        if prepare is not None:
            prepare(data)


def give_rest(sink: Sink, data: bytes, sent: int) -> None:
    """See to one reader after its data was written together with all others': `sent` bytes of it, or minus the number of an error.

    An error may be of that way of writing, and not of the connection: its own `send` says whether it is.
    """
    if sent < 0:
        give_each(iter((sink,)), data)
    else:
        sink.took(data, sent)
