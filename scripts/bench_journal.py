"""Fill a journal with messages of words as people use them (few often, many seldom; a tenth Chinese), and time what people wait for."""

import argparse
import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

CHAT_SERVER = [sys.executable, "-m", "chat_server"]
ROOMS = 10
HAN = "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生"


def export(lines: int) -> Iterator[str]:
    """An export of a journal that nobody has written."""
    chance = random.Random(1)  # noqa: S311 - the same messages every time
    words = [f"word{number}" for number in range(30_000)]
    weights = list(accumulate(1 / (number + 1) for number in range(30_000)))
    yield json.dumps({"is": "export", "version": 1})
    for room in range(ROOMS):
        yield json.dumps({"is": "room", "room": f"room{room}", "topic": "", "first": 1})
    for number in range(lines):
        is_han = number % 10 == 0
        text = (
            "".join(chance.choices(HAN, k=20)) if is_han else " ".join(chance.choices(words, cum_weights=weights, k=8))
        )
        line = {"room": f"room{number % ROOMS}", "seq": number // ROOMS + 1, "at": 1.7e9 + number * 7, "nick": "ann"}
        yield json.dumps({"is": "said", **line, "text": text})


class Program:
    """Somebody on a connection, by the door for programs: what people are told may be put in other words."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._events = self._socket.makefile("rb")

    def ask(self, do: str, answer: str, **fields: object) -> tuple[float, dict[str, Any]]:
        """Ask for something; return the milliseconds until the answer is there, and the answer."""
        start = time.perf_counter()
        self._socket.sendall(json.dumps({"do": do, **fields}).encode() + b"\n")
        for line in self._events:
            event: dict[str, Any] = json.loads(line)
            if event["is"] == answer:
                return (time.perf_counter() - start) * 1000, event
            if event["is"] == "refused":
                raise SystemExit(f"{do} was refused: {event['text']}")
        raise SystemExit("the server has closed the connection")


def timed(what: str, *command: str) -> None:
    """Run a command and say how long it took."""
    start = time.perf_counter()
    subprocess.run([*CHAT_SERVER, *command], stdout=subprocess.DEVNULL, check=True)
    print(f"{what}: {time.perf_counter() - start:.1f} s")


def main() -> int:
    """Run it all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", nargs="?", type=int, default=1_000_000, help="of some 400 bytes of disk each")
    lines: int = parser.parse_args().lines
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        exported, data = folder / "export.jsonl", folder / "data"
        with exported.open("w", encoding="utf-8") as out:
            out.writelines(line + "\n" for line in export(lines))
        timed(f"import of {lines:,} lines", "import", "--data", str(data), str(exported))
        config = folder / "chat.toml"
        config.write_text("[limits]\nmessages_per_second = 0\n")
        start = time.perf_counter()
        command = [*CHAT_SERVER, "--port", "0", "--config", str(config), "--data", str(data)]
        server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            assert server.stderr
            port = int(server.stderr.readline().rpartition(":")[2])
            print(f"start to listening: {(time.perf_counter() - start) * 1000:.0f} ms")
            _measure(Program(port), lines)
        finally:
            server.terminate()
            server.communicate()
        for name in ("check-journal", "export"):
            timed(name, name, "--data", str(data))
        timed("backup", "backup", "--data", str(data), str(folder / "backup.db"))
        for path in sorted(data.iterdir()):
            print(f"{path.name}: {path.stat().st_size / lines:.0f} bytes a line")
    return 0


def _measure(program: Program, lines: int) -> None:
    program.ask("login", "logged-in", nick="bench")
    entering = program.ask("join", "recalled", room="room0")[0]
    print(f"entering, the room's past read from the disk: {entering:.1f} ms")
    chance = random.Random(2)  # noqa: S311 - the same pages every time
    last = lines // ROOMS
    numbers = [chance.randrange(11, last - 11) for _ in range(300)]
    pages = [program.ask("around", "page", room="room0", number=number)[0] for number in numbers]
    days = [program.ask("date", "page", room="room0", day=day)[0] for day in ("2023-11-20", "2023-12-24", "2024-01-01")]
    for what, times in (("a page by number", pages), ("a page by day", days)):
        print(f"{what}: median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms")
    start = time.perf_counter()
    while program.ask("search", "found", words="word1", everywhere=True)[1]["unsearched"]:
        time.sleep(0.1)
    print(f"the index is level after: {time.perf_counter() - start:.1f} s")
    for words in (
        "word0",
        "word0 word1",
        "word5 word700",
        "word29000",
        "word0 word1 word2 word3 word4",
        '"word0 word1"',
        "的一",
        "国",
    ):
        for where in ({"room": "room0"}, {"everywhere": True}):
            times = [program.ask("search", "found", words=words, **where)[0] for _ in range(10)]
            what = f"/search {'-a ' if 'everywhere' in where else ''}{words}"
            print(f"{what}: median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms")


if __name__ == "__main__":
    sys.exit(main())
