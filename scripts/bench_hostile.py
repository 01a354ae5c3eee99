"""Play every request of every door at its largest allowed size and in each class of content, and measure what it costs and whom it delays.

The rows are made from the declarations of the requests, so a new request has its rows by itself. Each row is played by one caller and then by many
from one address, all within the limits: they send whatever the server takes. Printed are the processor's time that one request takes, that the
passes of the server's event loop take meanwhile (a line needs about five of them), that the event loop takes between an innocent's sending a line and
another's seeing it, and how long that is by the clock (half of the innocents are in the attackers' room), beside the same while nobody attacks.
All but the last hardly depend on what else the machine does. The innocents are a process of their own: an attacker's work delays nobody.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import trio
from msgspec import NODEFAULT, Meta
from msgspec.structs import FieldInfo, fields

from chat_server import cli
from chat_server.commands.table import COMMANDS
from chat_server.journal.sqlite.data_directory import DataDirectory
from chat_server.journal.sqlite.journal import SqliteJournal
from chat_server.limits import Limits
from chat_server.protocol.entries import Said
from chat_server.protocol.requests import Request, Say, tag_of
from chat_server.protocol.syntax import field_meta, word_of

CONTENT = {
    "ascii": "x",
    "words": "lorem ",
    "cjk": "讨论一下\uff0c",
    "marks": "e\u0301\u0302o\u0308",
    "flags": "\U0001f1e8\U0001f1f3",
    "spaces": "a" + " " * 30,
    "slashes": "/",
}
"""What texts are made of. Each is dear to another part: cleaning, graphemes, widths, charsets, breaking lines, commands."""

THEIR_ROOM, OTHER_ROOM = "talk", "calm"
INNOCENTS = 16
"""How many pairs of innocents there are, in both rooms together."""
INNOCENT_SECONDS = 0.28
"""Between two lines of one of them; the limits allow it without end."""
ROOMS = 300
LINES = 5000
PAST = "今天我们讨论一下这个问题\uff0c大家有什么想法\uff1f请随便说。" * 3

DEAR: dict[str, Sequence[dict[str, Any]]] = {
    "help": ({"command": "search"},),
    "join": ({"room": THEIR_ROOM}, {"room": OTHER_ROOM}),
    "last": ({"count": 200},),
    "since": ({"number": 1},),
    "before": ({"number": LINES},),
    "around": ({"number": LINES // 2},),
    "date": ({"day": "2001-01-01"}, {"day": "2020-01-01"}),
    "search": ({"words": "问题 想法", "everywhere": True}, {"words": "lor* " * 16, "everywhere": True}),
    "history": ({"count": 50}, {"before": LINES, "count": 200}),
    "time": ({"zone": "Europe/Berlin"},),
    "lang": ({"language": "zh"},),
    "charset": ({"charset": "gbk"},),
    "resume": ({"rooms": {THEIR_ROOM: 0}}, {"rooms": {f"room{number}": 0 for number in range(100)}}),
}
"""What costs more than nonsense does. A request that is not here is played with nonsense alone."""

IAC, DO, WILL, SB, SE = 255, 253, 251, 250, 240
NAWS, TTYPE, ECHO, SGA = 31, 24, 1, 3
EDITING = bytes(
    [
        *(IAC, WILL, TTYPE, IAC, WILL, NAWS, IAC, SB, NAWS, 1, 244, 0, 24, IAC, SE, IAC, DO, ECHO, IAC, DO, SGA),
        *(IAC, SB, TTYPE, 0, *b"XTERM-256COLOR", IAC, SE),
    ]
)
PASTED = "\x1b[200~{}\x1b[201~\r"
KEYS = {
    "backspaces": b"\x7f" * 512,
    "up and down": b"\x10\x0e" * 256,
    "yanks": b"\x15\x19" * 256,
    "redraws": b"\x0c" * 512,
    "inserts at the beginning": b"x\x01" * 256,
    "tab": b"\t/\t" * 20 + b"\x15",
    "window sizes": bytes((IAC, SB, NAWS, 1, 244, 0, 24, IAC, SE, IAC, SB, NAWS, 0, 30, 0, 24, IAC, SE)) * 25,
    "are you there": bytes((IAC, 246)) * 256,
    "nothing": bytes((IAC, 241)) * 256,
    "empty lines": b"\n" * 512,
}
"""What is typed, or said in telnet, that is no request."""

SIMPLE = {bool: True, int: 1, date: "2020-02-29"}
"""Values of fields that are no texts; those that make a request dear are in DEAR."""

Door = Literal["text", "edited", "json"]
DOORS: tuple[Door, ...] = ("text", "edited", "json")


class Row(NamedTuple):
    """Something that callers send again and again."""

    door: Door
    what: str
    content: str
    data: bytes


# What is sent.


def filled(content: str, size: int, *, word: bool = False) -> str:
    """So many bytes of the content; a word has no spaces."""
    unit = CONTENT[content].strip() if word else CONTENT[content]
    text = (unit * (size // len(unit.encode()) + 1)).encode()[:size].decode(errors="ignore")
    return text or "x"


def value(field: FieldInfo, hint: Any, content: str, size: int) -> Any:
    """The largest value that a field may have, whatever it is declared as."""
    kind = get_origin(hint) or hint
    if kind in (Annotated, Union, UnionType):
        return value(field, next(kind for kind in get_args(hint) if kind is not type(None)), content, size)
    if kind is Literal:
        return get_args(hint)[-1]
    if kind is dict:
        return {f"{filled(content, 60, word=True)}{number}": 0 for number in range(100)}
    if kind in SIMPLE:
        return SIMPLE[kind]
    if kind is str:
        longest = next((meta.max_length for meta in metas(field) if meta.max_length), size)
        is_word = not (field_meta(field, "rest") or field_meta(field, "lines"))
        return filled(content, min(size, longest), word=is_word)[:longest]
    raise TypeError(f"scripts/bench_hostile.py does not know what to play for {hint}")


def metas(field: FieldInfo) -> list[Meta]:
    """What is declared of a field beside its type."""
    return [meta for meta in getattr(field.type, "__metadata__", ()) if isinstance(meta, Meta)]


def values(request: type[Request], content: str, size: int) -> dict[str, Any]:
    """The largest value of each of its fields."""
    hints = get_type_hints(request)
    return {
        field.name: value(field, hints[field.name], content, size)
        for field in fields(request)
        if field_meta(field, "typed") is not False or field.default is NODEFAULT
    }


def typed(request: type[Request], given: dict[str, Any]) -> str | None:
    """The line that a person types for it; None if nobody can."""
    if request is Say:
        return str(given["text"])
    parts = [f"/{word_of(request)}"]
    for field in fields(request):
        if field.name in given and field_meta(field, "typed") is False:
            return None
        if field.name in given and field_meta(field, "flag"):
            parts.insert(1, str(field_meta(field, "flag")))
        elif field.name in given:
            parts.append(str(given[field.name]))
    return " ".join(parts)


def contents(request: type[Request]) -> Sequence[str]:
    """The classes of content that make a difference to it."""
    has_text = any(str in (hint, *get_args(hint)) for hint in get_type_hints(request).values())
    return tuple(CONTENT) if has_text else ("ascii",)


def rows() -> Iterator[Row]:
    """Every request of every door, and what is no request."""
    limits = Limits()
    for request in COMMANDS.vocabulary.requests:
        word = tag_of(request)
        variants = [(content, values(request, content, 0)) for content in contents(request)]
        dear = [("dear", given) for given in DEAR.get(word, ())]
        for content, _ in variants:
            room = {} if "room" in request.__struct_fields__ else {"room": THEIR_ROOM}
            given = values(request, content, limits.text_bytes - 100)
            yield Row("json", word, content, json_line(word, given | room))
            yield Row("json", f"{word} nowhere", content, json_line(word, given))
            if request.is_typed:
                yield from typed_rows(request, values(request, content, limits.line_bytes - 100), content)
                if request is Say:
                    text = filled(content, limits.text_bytes // 2 - 10)
                    yield Row("edited", "paste", content, PASTED.format(f"{text}\n{text}").encode())
        for content, given in dear:
            room = {} if "room" in request.__struct_fields__ else {"room": THEIR_ROOM}
            yield Row("json", word, content, json_line(word, given | room))
            if request.is_typed:
                yield from typed_rows(request, given, content)
    for what, data in KEYS.items():
        yield Row("edited", what, "keys", data)
        yield Row("text", what, "keys", data)
    for content in CONTENT:
        yield Row("text", "unknown command", content, f"/{filled(content, 4000)}\n".encode())
        yield Row("json", "unknown", content, json_line(filled(content, 60_000), {}))
        yield Row("json", "envelope", content, json_line("rooms", {"room": filled(content, 60_000)}))
    yield Row("json", "nesting", "ascii", b'{"do":' + b"[" * 60_000 + b"\n")


def typed_rows(request: type[Request], given: dict[str, Any], content: str) -> Iterator[Row]:
    """The same, typed: into the caller's own program, and into the server's editor."""
    line = typed(request, given)
    if line is not None:
        yield Row("text", tag_of(request), content, f"{line}\n".encode())
        yield Row("edited", tag_of(request), content, f"{line}\r".encode())


def json_line(word: str, given: dict[str, Any]) -> bytes:
    """A program's request."""
    return json.dumps({"do": word, **given}, ensure_ascii=False).encode() + b"\n"


# Who sends it.


class Bench:
    """A server with its default limits, some innocent people, and attackers."""

    def __init__(self, port: int, pid: int, figures: Path, callers: int, seconds: float) -> None:
        """Attack a server that writes about its passes to `figures`; an address has so many callers, each row is played for so many seconds."""
        self.port = port
        self.pid = pid
        self._figures = figures
        self._callers = callers
        self._seconds = seconds
        self._nicks = count()
        self._addresses = (f"127.{number // 60000 + 1}.{number // 250 % 240}.{number % 250 + 2}" for number in count())
        self.delays: dict[str, list[float]] = {THEIR_ROOM: [], OTHER_ROOM: []}
        self.work: list[float] = []

    async def passes(self) -> list[float]:
        """The processor's time of each pass of the event loop since this was last asked, in milliseconds, sorted."""
        self._figures.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR2)
        while not self._figures.exists():  # noqa: ASYNC110 - another process makes it
            await trio.sleep(0.02)
        return [float(figure) for figure in self._figures.read_text().split()]

    async def connect(self, address: str) -> trio.SocketStream:
        """Call from an address of this machine's."""
        return await trio.open_tcp_stream("127.0.0.1", self.port, local_address=address)

    async def enter(self, stream: trio.SocketStream, row: Row) -> None:
        """Log in and go to the room, in the dearest way to be shown things."""
        nick = f"n{next(self._nicks)}"
        if row.door == "json":
            await stream.send_all(json_line("login", {"nick": nick}) + json_line("join", {"room": THEIR_ROOM}))
            return
        if row.door == "edited":
            await stream.send_all(EDITING)
            await trio.sleep(0.05)
        end = "\r" if row.door == "edited" else "\n"
        lines = (f"/login {nick}", "/charset gbk", "/wrap 20", "/colour on", f"/join {THEIR_ROOM}")
        await stream.send_all("".join(line + end for line in lines).encode())

    async def attack(self, row: Row, stream: trio.SocketStream) -> None:
        """Send the row for as long as it is taken, and read what comes."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._drain_safely, stream)
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                while True:
                    await stream.send_all(row.data)

    async def watch_innocents(self, innocents: trio.Process) -> None:
        """Note what the innocents measure."""
        assert innocents.stdout is not None
        rest = b""
        async for data in innocents.stdout:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                room, delay, work = line.split()
                self.delays[room.decode()].append(float(delay))
                self.work.append(float(work))

    async def cost(self, row: Row) -> float:
        """Milliseconds of the event loop for one of it: some are sent, within the burst, and their answers awaited."""
        stream = await self.connect(next(self._addresses))
        await self.enter(stream, row)
        with trio.move_on_after(0.4):
            await self._drain_safely(stream)
        before, idle = loop_seconds(self.pid), 0.0
        with trio.move_on_after(0.3):
            await trio.sleep_forever()
        idle = (loop_seconds(self.pid) - before) / 0.3
        times = 3
        start, before = trio.current_time(), loop_seconds(self.pid)
        with trio.move_on_after(1.0):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._drain_safely, stream)
                with suppress(trio.BrokenResourceError):
                    await stream.send_all(row.data * times)
                await trio.sleep_forever()
        spent = loop_seconds(self.pid) - before - idle * (trio.current_time() - start)
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)
        return max(0.0, spent / times * 1000)

    async def played(self, row: Row, callers: int) -> "Figures":
        """Let the row be played by so many callers from one address."""
        address = next(self._addresses)
        streams: list[trio.SocketStream] = []
        with suppress(OSError):
            for _ in range(callers):
                streams.append(await self.connect(address))  # noqa: PERF401 - those who are there are closed if one is not let in
        await self.forget()
        with trio.move_on_after(self._seconds):
            async with trio.open_nursery() as nursery:
                for stream in streams:
                    nursery.start_soon(self._enter_and_attack, row, stream)
        measured = await self.measured()
        for stream in streams:
            await trio.aclose_forcefully(stream)
        await trio.sleep(0.2)
        return measured

    async def _enter_and_attack(self, row: Row, stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self.enter(stream, row)
            await self.attack(row, stream)

    async def storm(self) -> "Figures":
        """Connect, log in, and go, without end, from one address."""
        address = next(self._addresses)
        await self.forget()

        async def come_and_go() -> None:
            while True:
                with suppress(OSError, trio.BrokenResourceError):
                    stream = await self.connect(address)
                    await stream.send_all(f"/login n{next(self._nicks)}\n/logout\n".encode())
                    await drain(stream)
                    await stream.aclose()

        with trio.move_on_after(self._seconds):
            async with trio.open_nursery() as nursery:
                for _ in range(self._callers):
                    nursery.start_soon(come_and_go)
        return await self.measured()

    async def kinds(self) -> "Figures":
        """Ninety who only read, each in another way, and eight who talk."""
        address = next(self._addresses)
        charsets = ("gbk", "big5", "koi8-r", "latin-1", "shift_jis", "euc-kr", "utf-8", "cp437", "gb18030")
        streams: list[trio.SocketStream] = []
        for number in range(90):
            stream = await self.connect(address)
            lines = (f"/login n{next(self._nicks)}", f"/charset {charsets[number % 9]}", f"/wrap {20 + number}")
            await stream.send_all("".join(f"{line}\n" for line in (*lines, f"/join {THEIR_ROOM}")).encode())
            streams.append(stream)
        await trio.sleep(self._seconds)
        row = Row("text", "say", "cjk", (filled("cjk", 1000) + "\n").encode())
        async with trio.open_nursery() as nursery:
            for stream in streams:
                nursery.start_soon(self._drain_safely, stream)
            measured = await self.played(row, 8)
            nursery.cancel_scope.cancel()
        for stream in streams:
            await trio.aclose_forcefully(stream)
        return measured

    async def _drain_safely(self, stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await drain(stream)

    async def idle(self) -> "Figures":
        """Measure while nobody attacks."""
        await self.forget()
        await trio.sleep(self._seconds)
        return await self.measured()

    async def forget(self) -> None:
        """Begin to measure."""
        await self.passes()
        for found in (*self.delays.values(), self.work):
            found.clear()

    async def measured(self) -> "Figures":
        """What was measured since."""
        delays = {room: sorted(found) for room, found in self.delays.items()}
        return Figures(await self.passes(), sorted(self.work), delays[OTHER_ROOM], delays[THEIR_ROOM])


async def drain(stream: trio.SocketStream) -> None:
    """Read, and forget, what comes."""
    while await stream.receive_some(65536):
        pass


def loop_seconds(pid: int) -> float:
    """The processor's time that a server's event loop has had."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9


class Figures(NamedTuple):
    """The passes of the event loop, its work while an innocent's line waits, and the delays of such lines in another room and in the attackers'.

    All sorted, in milliseconds.
    """

    passes: list[float]
    work: list[float]
    elsewhere: list[float]
    beside: list[float]

    def __str__(self) -> str:
        """The 99th percentile and the longest of the passes, and of the work; median and 99th percentile of each kind of delay."""
        parts = [f"{at(found, 0.99):6.1f} {at(found, 1):6.1f}" for found in (self.passes, self.work)]
        parts += [f"{at(found, 0.5):6.1f} {at(found, 0.99):6.1f}" for found in (self.elsewhere, self.beside)]
        return " |".join(parts)


def at(found: list[float], share: float) -> float:
    """A quantile of what is sorted."""
    return found[min(int(len(found) * share), len(found) - 1)] if found else float("nan")


# The innocents.


async def innocents(port: int, pid: int) -> None:
    """Some people in each room say something now and then, each seen by another; print the room, its delay, and the event loop's work meanwhile."""
    async with trio.open_nursery() as nursery:
        for number in range(INNOCENTS):
            nursery.start_soon(innocent, port, pid, (THEIR_ROOM, OTHER_ROOM)[number % 2], number)


async def innocent(port: int, pid: int, room: str, number: int) -> None:
    """Two people at an address of their own; one says something now and then, the other sees it."""
    address = f"127.200.0.{number + 1}"
    said = await trio.open_tcp_stream("127.0.0.1", port, local_address=address)
    heard = await trio.open_tcp_stream("127.0.0.1", port, local_address=address)
    for stream, nick in ((heard, f"hearer{number}"), (said, f"sayer{number}")):
        await stream.send_all(f"/login {nick}\n/join {room}\n".encode())
    await trio.sleep(0.5 + INNOCENT_SECONDS * number / INNOCENTS)  # not all at once
    async with trio.open_nursery() as nursery:
        nursery.start_soon(drain, said)
        received = b""
        for line in count():
            start, before = trio.current_time(), loop_seconds(pid)
            await said.send_all(b"line %d of %d\n" % (line, number))
            while b"line %d of %d\r\n" % (line, number) not in received:
                received = (received + await heard.receive_some(1 << 20))[-1_000_000:]
            work = loop_seconds(pid) - before
            print(room, f"{(trio.current_time() - start) * 1000:.3f} {work * 1000:.3f}", flush=True)
            received = b""
            await trio.sleep(INNOCENT_SECONDS)


# The server.


async def fill(data: Path) -> None:
    """Have something said before, in Chinese."""
    folder = DataDirectory(data)
    journal = SqliteJournal(folder)
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run)
        for room in (THEIR_ROOM, OTHER_ROOM):
            await journal.create_room(room)
        for start in range(0, LINES, 500):
            lines = [Said(THEIR_ROOM, 0, 1.6e9 + start, "bob", PAST) for _ in range(500)]
            await journal.append(lines, {}).stored()
        journal.close()
        await journal.wait_closed()
        nursery.cancel_scope.cancel()
    folder.close()


class Passes(trio.abc.Instrument):
    """Takes the time of each pass of the server's event loop, and writes the figures to a file when SIGUSR2 asks for them."""

    def __init__(self, figures: Path) -> None:
        """Measure from now on."""
        self._figures = figures
        self._took: list[float] = []
        self._began = time.thread_time()

    def after_io_wait(self, timeout: float) -> None:
        """Begin a pass."""
        del timeout
        self._began = time.thread_time()

    def before_io_wait(self, timeout: float) -> None:
        """End it."""
        del timeout
        self._took.append((time.thread_time() - self._began) * 1000)

    def write(self, *_: object) -> None:
        """Write the figures, and start over."""
        took, self._took = sorted(self._took), []
        beside = self._figures.with_suffix(".part")
        beside.write_text(" ".join(f"{figure:.3f}" for figure in took))
        beside.rename(self._figures)


def serve(figures: Path, flags: Sequence[str]) -> int:
    """Be the server, as `chat-server` is it, and measure the passes."""
    passes = Passes(figures)
    signal.signal(signal.SIGUSR2, passes.write)
    trio.run = partial(trio.run, instruments=[passes])  # type: ignore[assignment]  # a partial is no function, and called as one
    return cli.main(list(flags))


@asynccontextmanager
async def server(data: Path, bench: argparse.Namespace) -> AsyncIterator[Bench]:
    """A server with the default limits, a past, and many rooms."""
    await fill(data)
    config = data / "bench.toml"
    names = [THEIR_ROOM, OTHER_ROOM, *(f"room{number}" for number in range(ROOMS))]
    config.write_text(f"[rooms]\nnames = {json.dumps(names)}\n")
    figures = data / "passes"
    flags = ["--port", "0", "--config", str(config), "--data", str(data)]
    with tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, __file__, "serve", str(figures), *flags]
        process = subprocess.Popen(command, stderr=log)  # noqa: ASYNC220 - once, before anything is measured
        try:
            port = 0
            deadline = time.monotonic() + 30
            while not port and time.monotonic() < deadline:
                await trio.sleep(0.05)
                log.seek(0)
                found = [line for line in log.read().splitlines() if "listening on 127.0.0.1:" in line]
                port = int(found[0].rpartition("127.0.0.1:")[2].split()[0]) if found else 0
            yield Bench(port, process.pid, figures, bench.callers, bench.seconds)
        finally:
            process.terminate()
            process.wait()


async def run(chosen: argparse.Namespace) -> None:
    """Play all rows, or those that were chosen."""
    wanted = [row for row in rows() if not chosen.only or any(word in row.what.split() for word in chosen.only)]
    with tempfile.TemporaryDirectory() as data:
        async with server(Path(data), chosen) as bench, trio.open_nursery() as nursery:
            command = [sys.executable, __file__, "innocents", str(bench.port), str(bench.pid)]
            nursery.start_soon(
                bench.watch_innocents, await nursery.start(partial(trio.run_process, command, stdout=subprocess.PIPE))
            )
            await trio.sleep(2)
            print(
                "Milliseconds: one request's time; passes of the loop, and its work while an innocent's line waits, 99th percentile and longest"
            )
            print("each; an innocent's line in another room and in the attackers', median and 99th percentile each.")
            if "kinds" in (chosen.only or ["kinds"]):
                print(f"{'90 kinds of readers, 8 talkers':44} {'':7}  {await bench.kinds()}")
            if "storm" in (chosen.only or ["storm"]):
                print(f"{'connect, log in, log out without end':44} {'':7}  {await bench.storm()}")
            for number, row in enumerate(wanted):
                if number % 20 == 0:
                    print(f"{'nobody':44} {'':7}  {await bench.idle()}")
                name = f"{row.door} {row.what} {row.content}"
                cost = await bench.cost(row)
                for callers in (1, int(chosen.callers)):
                    print(f"{name:36} x {callers:<5} {cost:7.2f}  {await bench.played(row, callers)}")
            nursery.cancel_scope.cancel()


def main() -> int:
    """Measure; exit code 0."""
    if sys.argv[1:2] == ["serve"]:
        return serve(Path(sys.argv[2]), sys.argv[3:])
    if sys.argv[1:2] == ["innocents"]:
        trio.run(innocents, int(sys.argv[2]), int(sys.argv[3]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only",
        nargs="*",
        default=[],
        help="play only these requests, by their words; kinds, storm: what is no request",
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="for how long each row is played")
    parser.add_argument("--callers", type=int, default=40, help="how many callers attack from one address")
    trio.run(partial(run, parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
