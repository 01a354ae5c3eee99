"""Time the parts of a line's path by themselves, without sockets and disk: reading it, showing it, breaking it into rows, a turn of a room.

Printed is the processor's time, the least of some rounds: what else the machine does hardly counts. What keys cost in the server's editor is
among the rows of scripts/bench-hostile.
"""

import sys
import time
from collections.abc import Callable

import trio
import trio.testing

from chat_server.commands.table import COMMANDS, dispatch
from chat_server.config import Limits
from chat_server.protocol.entries import Said
from chat_server.protocol.requests import Say
from chat_server.wire.render.profiles import RenderProfile, renderer_for
from chat_server.wire.render.wrapping import wrapped
from chat_server.wire.text import TextDecoder
from fakes import FakeSession, open_rooms

ROUNDS = 5
LINE = "this is a line of a hundred bytes, as the benchmark under load says it; what is typed is a bit shorter"
LONG = {
    "Chinese": "今天我们讨论一下这个问题\N{FULLWIDTH COMMA}",
    "flags": "\U0001f1e8\U0001f1f3",
    "marks": "e\u0301\u0302o\u0308",
}
"""What texts are made of that are dear to measure."""

READERS = {
    "plain": RenderProfile(),
    "colours": RenderProfile(colours=16),
    "colours, rows of 80": RenderProfile(colours=16, columns=80),
    "GBK, rows of 24": RenderProfile(charset="gbk", columns=24),
}


def least(work: Callable[[], object], times: int) -> float:
    """Microseconds of the processor for one of so many."""
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(times):
            work()
        took.append(time.process_time() - began)
    return min(took) / times * 1e6


def reading() -> None:
    """Bytes to requests, a hundred lines in one piece."""
    limits = Limits()
    data = f"{LINE}\r\n".encode() * 100
    decoder = TextDecoder(COMMANDS.vocabulary.parse_text, limits.line_bytes, limits.text_bytes)
    taken = least(lambda: list(decoder.receive_data(data)), 200) / 100
    print(f"reading a line: {taken:.2f} us")


def showing() -> None:
    """A line, for each kind of reader; the longest that can be typed, of each content."""
    size = Limits().line_bytes
    for name, reader in READERS.items():
        show = renderer_for(reader)
        event = Said("python", 1, 0.0, "ann", LINE)
        print(f"showing a line, {name}: {least(lambda show=show, event=event: show(event), 2000):.2f} us")  # type: ignore[misc]
        for what, unit in {"ASCII": "word ", **LONG}.items():
            event = Said("python", 1, 0.0, "ann", (unit * size)[: size // len(unit.encode()) * len(unit)])
            taken = least(lambda show=show, event=event: show(event), 5)  # type: ignore[misc]
            print(f"  the longest line, {what}: {taken / 1000:.2f} ms")


def breaking() -> None:
    """Characters into rows."""
    for what, unit in LONG.items():
        for length in (40, 5400):
            text = (unit * length)[:length]
            for columns in (79, 20):
                taken = least(lambda text=text, columns=columns: wrapped(text, columns), 20000 // length) / length  # type: ignore[misc]
                print(f"rows of {columns}, {what}, a line of {length} characters: {taken:.2f} us a character")


async def turns() -> None:
    """What a room of ten does with what one of them says: many lines in a turn, and one in each."""
    async with trio.open_nursery() as nursery:
        _, room = open_rooms(nursery)
        members = [FakeSession(room, f"u{number}") for number in range(10)]
        for member in members:
            await room.enter(member)
        for lines, turns in ((200, 20), (1, 200)):
            took = []
            for _ in range(ROUNDS):
                began = time.process_time()
                for _ in range(turns):
                    for _ in range(lines):
                        dispatch(room, members[0], Say(LINE))
                    await trio.testing.wait_all_tasks_blocked()
                took.append(time.process_time() - began)
            print(f"a turn of {lines} lines in a room of ten: {min(took) / turns / lines * 1e6:.1f} us a line")
        nursery.cancel_scope.cancel()


def main() -> int:
    """Measure; exit code 0."""
    reading()
    showing()
    breaking()
    trio.run(turns)
    return 0


if __name__ == "__main__":
    sys.exit(main())
