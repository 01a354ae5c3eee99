"""Measure restarts under load: how long a new caller waits at the worst, whether a line is lost or doubled, and when everybody is back.

Programs say lines with keys all the time, and come back at the time that they are told, by their token, with what they missed, and with every line
again that has not been answered as stored. Callers call all the time, and wait for the greeting. Restarts are by `chat-server --replace`, or by a
socket that outlasts the server, as systemd has it. Exit code 1 if a line is lost or doubled, or a caller waits for a second.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from handing_over import ActivatedServer, listening

GAP_MAX = 1.0
"""Seconds that a caller may wait for the greeting."""

GREETING = b"Hello. This is"
AWAY = b"is being restarted"
LINE_MAX = 2**20
CONFIG = "[limits]\nmessages_per_second = 0\nconnections_per_address = 0\n"
"""All of them come from one address here."""


class Found(NamedTuple):
    """What came of some restarts."""

    restarts: int
    said: int
    lost: int
    doubled: int
    waits: list[float]
    """For each caller: seconds from calling to the greeting of a server that did not send it away in the same moment."""
    refused: int
    """Callers who could not connect, or were hung up on."""
    backs: list[float]
    """For each program and restart: seconds from being sent away to being back."""


class Speaker:
    """A program that says lines, and comes back whenever it is told to."""

    def __init__(self, name: str, address: tuple[str, int], pause: float) -> None:
        self._name, self._address, self._pause = name, address, pause
        self._token = f"token-of-{name}-that-nobody-guesses"
        self.waiting: dict[str, None] = {}
        self.said = 0
        self._seen = 0
        self.backs: list[float] = []
        self._sent_away = self._pause_before = 0.0
        self._writer: asyncio.StreamWriter | None = None
        self.is_back = asyncio.Event()

    async def run(self) -> None:
        """Be there, and come back, until cancelled."""
        while True:
            self._pause_before = 0.2
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(*self._address, limit=LINE_MAX)
                with closing(writer):
                    await self._live(reader, writer)
            self._writer = None
            self.is_back.clear()
            await asyncio.sleep(self._pause_before)

    async def _live(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ask(writer, do="login", nick=self._name, token=self._token)
        while line := await reader.readline():
            event = json.loads(line)
            if event["is"] == "logged-in":
                if self._sent_away:
                    self.backs.append(time.monotonic() - self._sent_away)
                self._go_on(writer)
            elif event["is"] == "dismissed":
                self._sent_away, self._pause_before = time.monotonic(), event["retry_after"]
            else:
                self._take(event, writer)

    def _go_on(self, writer: asyncio.StreamWriter) -> None:
        self._ask(
            writer,
            do="resume" if self._seen else "join",
            **({"rooms": {"python": self._seen}} if self._seen else {"room": "python"}),
        )
        for key in self.waiting:
            self._ask(writer, do="say", room="python", text=key, key=key)
        self._writer = writer
        self.is_back.set()

    def _take(self, event: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        if event["is"] == "stored":
            self.waiting.pop(event["key"], None)
        elif event["is"] == "ping":
            self._ask(writer, do="pong")
        elif event.get("room") == "python":
            self._seen = max(self._seen, event.get("seq") or event.get("last") or 0)

    @property
    def keys(self) -> list[str]:
        """The keys of all the lines that it has said, which are their texts too."""
        return [self._key_of(number) for number in range(1, self.said + 1)]

    def _key_of(self, number: int) -> str:
        return f"{self._name}-{number}"

    async def talk(self) -> None:
        """Say lines, until cancelled."""
        while True:
            await asyncio.sleep(self._pause)
            self.said += 1
            key = self._key_of(self.said)
            self.waiting[key] = None
            if self._writer is not None:
                self._ask(self._writer, do="say", room="python", text=key, key=key)

    @staticmethod
    def _ask(writer: asyncio.StreamWriter, **request: Any) -> None:
        writer.write(json.dumps(request).encode() + b"\n")


class Callers:
    """New callers, one after the other, whatever becomes of those before."""

    def __init__(self, address: tuple[str, int], pause: float) -> None:
        self._address, self._pause = address, pause
        self.waits: list[float] = []
        self.refused = 0

    async def run(self) -> None:
        """Call, until cancelled; those who are waiting then are waited for."""
        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    group.create_task(self._call())
                    await asyncio.sleep(self._pause)
            except asyncio.CancelledError:
                pass

    async def _call(self) -> None:
        began = time.monotonic()
        while True:
            try:
                reader, writer = await asyncio.open_connection(*self._address)
                with closing(writer):
                    data = await reader.readuntil(GREETING)
                    waited = time.monotonic() - began
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.02):
                            data += await reader.read(4096)
            except (OSError, asyncio.IncompleteReadError):
                self.refused += 1
                return
            if AWAY not in data:
                self.waits.append(waited)
                return


class Replaced:
    """A server in whose place another one comes that asks it for its sockets."""

    def __init__(self, data: Path, config: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = free.getsockname()
        self._flags = ("--data", str(data), "--config", str(config), "--port", str(self.address[1]))
        self._log = (data.parent / "log").open("a")
        self.pid = 0
        self._process = self._start()

    def _start(self, *flags: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen([sys.executable, "-m", "chat_server", *self._flags, *flags], stderr=self._log)
        self.pid = process.pid
        return process

    async def restart(self) -> int:
        """Have another one take its place; the exit code of this one."""
        before, self._process = self._process, self._start("--replace")
        return await asyncio.to_thread(before.wait)

    def end(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait()
        self._log.close()
        return code


class Activated:
    """A server whose socket somebody else keeps open, who starts it anew as soon as it has ended."""

    def __init__(self, data: Path, config: Path) -> None:
        self._socket, self._data, self._config = listening(backlog=4096), data, config
        self.address = self._socket.getsockname()
        self._server = self._start()

    def _start(self) -> ActivatedServer:
        return ActivatedServer([("chat", self._socket)], "--config", str(self._config), data=self._data)

    async def restart(self) -> int:
        """Stop it, and start another one."""
        self._server.signal(signal.SIGTERM)
        code = await asyncio.to_thread(self._server.wait)
        self._server.close()
        self._server = self._start()
        return code

    def end(self) -> int:
        self._server.signal(signal.SIGTERM)
        code = self._server.wait()
        self._server.close()
        self._socket.close()
        return code


WAYS: dict[str, Callable[[Path, Path], Replaced | Activated]] = {"replace": Replaced, "systemd": Activated}


async def measured(way: str, *, speakers: int, restarts: int, folder: Path, steady: float = 2.0) -> Found:
    """Restart a server so many times, each time when it has run for so many seconds more."""
    data, config = folder / "data", folder / "chat-server.toml"
    config.write_text(CONFIG)
    server = WAYS[way](data, config)
    try:
        return await _under_load(server, speakers, restarts, steady)
    finally:
        server.end()


async def _under_load(server: Replaced | Activated, speakers: int, restarts: int, steady: float) -> Found:
    crowd = [Speaker(f"ann{number}", server.address, 0.2) for number in range(speakers)]
    callers = Callers(server.address, 0.02)
    there = [asyncio.create_task(speaker.run()) for speaker in crowd]
    await asyncio.gather(*(speaker.is_back.wait() for speaker in crowd))
    talking = [asyncio.create_task(speaker.talk()) for speaker in crowd]
    calling = asyncio.create_task(callers.run())
    for _ in range(restarts):
        await asyncio.sleep(steady)
        assert await server.restart() == 0, "something was cut off"
        await asyncio.sleep(steady)
        await asyncio.gather(*(speaker.is_back.wait() for speaker in crowd))
    for task in talking:
        task.cancel()
    calling.cancel()
    await asyncio.wait([calling, *talking])
    async with asyncio.timeout(60):
        while any(speaker.waiting for speaker in crowd):  # noqa: ASYNC110 - at one of many places
            await asyncio.sleep(0.05)
    for task in there:
        task.cancel()
    await asyncio.wait(there)
    texts = await _texts(server.address)
    said = {key for speaker in crowd for key in speaker.keys}
    lost, doubled = said - texts.keys(), [text for text, count in texts.items() if count > 1]
    backs = [seconds for speaker in crowd for seconds in speaker.backs]
    return Found(restarts, len(said), len(lost), len(doubled), callers.waits, callers.refused, backs)


async def _texts(address: tuple[str, int]) -> Counter[str]:
    """Every line that is kept, and how often."""
    found: Counter[str] = Counter()
    reader, writer = await asyncio.open_connection(*address, limit=LINE_MAX)
    with closing(writer):
        writer.write(b'{"do":"login","nick":"reader"}\n{"do":"join","room":"python"}\n')
        writer.write(b'{"do":"history","room":"python","after":0,"count":200}\n')
        while line := await reader.readline():
            event = json.loads(line)
            if event["is"] == "page":
                found.update(entry["text"] for entry in event["lines"] if entry["is"] == "said")
                if not event["lines"] or event["lines"][-1]["seq"] >= event["last"]:
                    break
                request = {"do": "history", "room": "python", "after": event["lines"][-1]["seq"], "count": 200}
                writer.write(json.dumps(request).encode() + b"\n")
    return found


def shown(way: str, found: Found) -> tuple[str, bool]:
    """A row of the table, as in Markdown, and whether every must is met."""
    waits, backs = sorted(found.waits), sorted(found.backs)
    worst, back = waits[-1], backs[-1]
    usual = waits[len(waits) // 2]
    is_met = not (found.lost or found.doubled or found.refused) and worst < GAP_MAX
    row = (
        f"| {way} | {found.restarts} | {len(waits)} | {usual:.2f} s | {worst:.2f} s | {found.refused} | {found.said} | {found.lost} |"
        f" {found.doubled} | {back:.2f} s | {'reached' if is_met else 'missed'} |"
    )
    return row, is_met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--speakers", type=int, default=10, help="programs that say five lines a second each (default: 10)"
    )
    parser.add_argument("--restarts", type=int, default=5)
    parser.add_argument("ways", nargs="*", default=[*WAYS], metavar="WAY", help=f"of {', '.join(WAYS)} (default: all)")
    chosen = parser.parse_args()
    os.environ.pop("NOTIFY_SOCKET", None)
    print(
        "| way | restarts | callers | greeted after | at the worst | refused | lines | lost | doubled | last one back after | |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    all_met = True
    for way in chosen.ways:
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(measured(way, speakers=chosen.speakers, restarts=chosen.restarts, folder=Path(folder)))
        row, is_met = shown(way, found)
        print(row)
        all_met = all_met and is_met
    return 0 if all_met else 1


if __name__ == "__main__":
    sys.exit(main())
