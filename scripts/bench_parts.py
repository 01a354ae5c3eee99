"""Time the parts of a line's path by themselves, without sockets and disk: reading it, showing it, breaking it into rows, a turn of a room.

Printed is the processor's time, the least of some rounds: what else the machine does hardly counts. What keys cost in the server's editor is
among the rows of scripts/bench-hostile.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial

import trio
import trio.testing

from chat_server.commands.table import COMMANDS, dispatch
from chat_server.limits import Limits
from chat_server.protocol.entries import Said
from chat_server.protocol.requests import Say
from chat_server.protocol.runs import RunTexts, SayRun
from chat_server.sessions.json_session import PARSE, bounds_of
from chat_server.wire.json_lines import JsonDecoder
from chat_server.wire.render.profiles import RenderProfile, renderer_for
from chat_server.wire.render.wrapping import wrapped
from chat_server.wire.text import TextDecoder
from fakes import FakeSession, open_rooms

ROUNDS = 5
LINE = "this is a line of a hundred bytes, as the benchmark under load says it; what is typed is a bit shorter"
CHINESE = "今天我们讨论一下这个问题看看大家有什么想法下午三点在老地方见面再说"

LINES = 100
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
    """Bytes to requests, a hundred lines in one piece: of people one by one and in runs, and of programs, each with a key."""
    limits = Limits()
    for what, line in {"ASCII": LINE, "Chinese": CHINESE}.items():
        data = f"{line}\r\n".encode() * LINES
        for how, in_runs in (("one by one", False), ("in runs", True)):
            decoder = TextDecoder(COMMANDS.vocabulary.parse_text, limits.line_bytes, in_runs=in_runs)
            decoder.allow(limits.line_bytes, limits.text_bytes)  # as of somebody who has logged in
            print(f"reading a line, {what}, {how}: {read(decoder, data):.2f} us")
        said = {"do": "say", "room": "python", "text": line, "key": "0123456789abcdef" * 2}
        objects = json.dumps(said, ensure_ascii=False).encode() + b"\n"
        program = JsonDecoder(PARSE, *bounds_of(limits))
        print(f"reading a line, {what}, of a program: {read(program, objects * LINES):.2f} us")


def read(decoder: TextDecoder | JsonDecoder, data: bytes) -> float:
    """Microseconds for one of the lines."""
    return least(lambda: list(decoder.receive_data(data)), 200) / LINES


def showing() -> None:
    """A line, for each kind of reader; the longest that can be typed, of each content."""
    size = Limits().line_bytes
    for name, reader in READERS.items():
        show = renderer_for(reader)
        event = Said("python", 1, 0.0, "ann", LINE)
        print(f"showing a line, {name}: {least(partial(show, event), 2000):.2f} us")
        for what, unit in {"ASCII": "word ", **LONG}.items():
            event = Said("python", 1, 0.0, "ann", (unit * size)[: size // len(unit.encode()) * len(unit)])
            taken = least(partial(show, event), 5)
            print(f"  the longest line, {what}: {taken / 1000:.2f} ms")


def breaking() -> None:
    """Characters into rows."""
    for what, unit in LONG.items():
        for length in (40, 5400):
            text = (unit * length)[:length]
            for columns in (79, 20):
                taken = least(partial(wrapped, text, columns), 20000 // length) / length
                print(f"rows of {columns}, {what}, a line of {length} characters: {taken:.2f} us a character")


class Member(FakeSession):
    """Takes what it is shown and keeps none of it: the room alone is to be measured."""

    def push(self, data: bytes) -> None:
        pass


async def turns() -> None:
    """What a room of ten does with what one of them says: many lines in a turn, and one in each."""
    async with trio.open_nursery() as nursery:
        _, room = open_rooms(nursery)
        members = [Member(room, f"u{number}") for number in range(10)]
        for member in members:
            await room.enter(member)
        one = [Say(LINE)]
        for how, requests, lines, turns in (
            ("of 200 lines", one * 200, 200, 20),
            ("of 200 lines in two runs", [SayRun(RunTexts.of([LINE] * 100))] * 2, 200, 20),
            ("of one line", one, 1, 200),
        ):
            took = []
            for _ in range(ROUNDS):
                began = time.process_time()
                for _ in range(turns):
                    for request in requests:
                        dispatch(room, members[0], request)
                    await trio.testing.wait_all_tasks_blocked()
                took.append(time.process_time() - began)
            print(f"a turn {how} in a room of ten: {min(took) / turns / lines * 1e6:.1f} us a line")
        nursery.cancel_scope.cancel()


def main() -> int:
    """Measure; exit code 0."""
    argparse.ArgumentParser(prog="scripts/bench-parts", description=__doc__).parse_args()
    reading()
    showing()
    breaking()
    trio.run(turns)
    return 0


if __name__ == "__main__":
    sys.exit(main())
