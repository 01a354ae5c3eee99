"""Measure what TLS costs: the processor's time of a send and the memory of a connection, beside the same without it; and what hellos delay.

Sends and memory are those of the server's own transports over real connections, in a process of their own for each kind, whose other ends are
read by another one. Then a server is sent hellos, all the same and never followed by anything, from one network and from twenty; meanwhile people
elsewhere talk (bench_hostile.py's innocents), and how long their lines take is compared with the same while nobody attacks.
"""

import argparse
import gc
import json
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import trio
from bench_hostile import OTHER_ROOM, THEIR_ROOM, at, loop_seconds

from chat_server.rooms.giving import PREPARED_AT_A_TIME, give_each, prepare_each
from chat_server.rooms.sink import Target
from chat_server.server.certificates import files_named, read_pair
from chat_server.server.listening import open_listeners
from chat_server.sessions.tls import TlsTransport
from chat_server.sessions.transport import HELD, SocketTransport, Transport

SEND_MAX = 2.2
"""How many times as much of the processor's time a send to the members of a room may take with TLS."""

MEMORY_MAX = 24.0
"""KiB that a connection may take more with TLS, after a burst."""

DELAY_MAX = 25.0
"""Milliseconds by which hellos from one network may delay an innocent's line, 99 of 100 times."""

HELLOS = 400
"""Hellos a second."""

NETWORKS = 20
"""From so many networks in the last row: as many as all together may begin then do."""

LINE = b"ann: " + b"x" * 93 + b"\r\n"
BURST = b"y" * 65536
LINES = 50
"""Lines to each connection in a round. The kernel holds them all, whoever reads."""

WARM = 20
"""Connections before those that are measured: what is made once counts for none of them."""

KINDS = ("plain", "TLS")


class Cost(NamedTuple):
    """What one run of a kind has measured."""

    alone: float
    """Microseconds of the processor's time for a send to one after the other, each by itself."""
    together: float
    """The same in a room, which sends to some at a time."""
    memory: float
    """KiB for a connection, after a burst."""


# What a send and a connection cost, in a process for each kind.


class Reader:
    """What a room knows of a connection. It takes all that it is sent: that is read."""

    is_empty = True

    def __init__(self, transport: Transport) -> None:
        self.target: Target = transport
        self.send = transport.send_nowait
        self.prepares = transport.prepare is not None

    def took(self, data: bytes, sent: int) -> None:
        raise OSError(f"{sent} of {len(data)} bytes were taken: the other end does not read")

    def refused(self, data: bytes, error: OSError) -> None:
        del data
        raise error


class Ends:
    """The server's ends of connections of one kind."""

    def __init__(self, kind: str, files: Sequence[str]) -> None:
        self.listener = open_listeners("127.0.0.1", 0)[0]  # with the options that the server sets
        self.transports: list[Transport] = []
        self._kind = kind
        self._context = read_pair(files_named(*files)).context
        self._outgoing = ssl.MemoryBIO()
        self._turns = trio.Lock()

    async def accept(self, count: int) -> None:
        """Take so many more, and send a burst to each."""
        for _ in range(count):
            await trio.lowlevel.wait_readable(self.listener)
            connection, _ = self.listener.accept()
            connection.setblocking(False)
            transport: Transport = SocketTransport(connection)
            if self._kind == "TLS":
                encrypted = TlsTransport(transport, self._context, self._outgoing)
                await encrypted.shake_hands(b"", self._turns)
                transport = encrypted
            self.transports.append(transport)
            left = BURST
            while left:
                with suppress(BlockingIOError):
                    sent = transport.send_nowait(left)
                    left = b"" if sent == HELD else left[sent:]
                await transport.wait_writable()
        gc.collect()


async def costs(kind: str, files: Sequence[str], count: int, rounds: int) -> Cost:
    """Be one end of so many connections."""
    ends = Ends(kind, files)
    with running("read", kind, str(ends.listener.getsockname()[1]), str(WARM + count)):
        await ends.accept(WARM)
        before = resident()
        await ends.accept(count)
        memory = (resident() - before) / count / 1024
        alone = min([await send_time(ends.transports, 1) for _ in range(rounds)]) * 1e6
        together = min([await send_time(ends.transports, PREPARED_AT_A_TIME) for _ in range(rounds)]) * 1e6
    return Cost(alone, together, memory)


async def send_time(transports: Sequence[Transport], at_a_time: int) -> float:
    """Seconds of the processor's time that one send takes, where so many are prepared and then done."""
    readers = [Reader(transport) for transport in transports]
    parts = [readers[first : first + at_a_time] for first in range(0, len(readers), at_a_time)]
    await trio.sleep(0.3)  # the other side has read what came before
    start = time.thread_time()
    for _ in range(LINES):
        for part in parts:
            prepare_each(part, LINE)
            give_each(iter(part), LINE)
    return (time.thread_time() - start) / LINES / len(transports)


def resident() -> int:
    """Bytes of memory that this process has."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


async def read(kind: str, port: int, count: int) -> None:
    """Be the other end: shake hands, then read, and decrypt nothing."""
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            if kind == "TLS":
                await trio.SSLStream(stream, unverified(), server_hostname="localhost").do_handshake()
            nursery.start_soon(drain, stream)


async def drain(stream: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError):
        while await stream.receive_some(1 << 20):
            pass


def unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


# What hellos delay.


def canned_hello() -> bytes:
    """What a client says first: whoever attacks has made it once."""
    outgoing = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        unverified().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


async def attack(port: int, networks: int) -> None:
    """Send so many hellos a second, and say how many have been answered."""
    hello, answered = canned_hello(), 0

    async def come(number: int) -> None:
        nonlocal answered
        with suppress(OSError, trio.BrokenResourceError):
            stream = await trio.open_tcp_stream("127.0.0.1", port, local_address=f"127.201.0.{number % networks + 1}")
            async with stream:
                await stream.send_all(hello)
                with trio.move_on_after(1):
                    answered += (await stream.receive_some(100)).startswith(b"\x16")

    async with trio.open_nursery() as nursery:
        start, number = trio.current_time(), 0
        while networks:
            nursery.start_soon(come, number)
            number += 1
            if number % HELLOS == 0:
                print(answered, flush=True)
                answered = 0
            await trio.sleep_until(start + number / HELLOS)


@asynccontextmanager
async def served(files: Sequence[str], folder: Path) -> AsyncIterator[tuple[int, int]]:
    """A server with TLS and the default limits: its port and its process."""
    config = folder / "bench.toml"
    tls = f"[tls]\ncertificate = {json.dumps(files[0])}\nkey = {json.dumps(files[1])}\n"
    config.write_text(f"[rooms]\nnames = {json.dumps([THEIR_ROOM, OTHER_ROOM])}\n{tls}")
    command = [sys.executable, "-m", "chat_server", "--port", "0", "--config", str(config), "--data", str(folder)]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stderr=log)  # noqa: ASYNC220 - once, before anything is measured
        try:
            port = 0
            with trio.fail_after(30):
                while not port:
                    await trio.sleep(0.05)
                    log.seek(0)
                    found = [line for line in log.read().splitlines() if "listening on 127.0.0.1:" in line]
                    port = int(found[0].rpartition(":")[2]) if found else 0
            yield port, process.pid
        finally:
            process.terminate()
            process.wait()


class Phase(NamedTuple):
    """What was seen while somebody attacked, or nobody did."""

    lines: list[float]
    """Milliseconds that an innocent's line took, sorted."""
    work: list[float]
    """Milliseconds for which the event loop worked meanwhile, which hangs less on what else the machine does; sorted."""
    share: float
    """The part of its time for which the event loop worked."""
    answered: float
    """Hellos a second."""

    def __str__(self) -> str:
        """The middle one and one of a hundred."""
        delays = f"{at(self.lines, 0.5):.1f}, p99 {at(self.lines, 0.99):.1f} ms"
        return f"{delays}; loop {at(self.work, 0.99):.1f} ms p99, {self.share:.0%}; {self.answered:.0f}/s answered"


async def delays(files: Sequence[str], seconds: float) -> dict[str, Phase]:
    """What innocents feel in each phase."""
    phases = {
        "nobody attacks": 0,
        f"{HELLOS} hellos/s from one network": 1,
        f"{HELLOS} hellos/s from {NETWORKS} networks": NETWORKS,
    }
    found: dict[str, Phase] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with served(files, Path(folder)) as (port, pid), trio.open_nursery() as nursery:
            hostile = str(Path(__file__).with_name("bench_hostile.py"))
            command = [sys.executable, hostile, "innocents", str(port), str(pid)]
            innocents = await nursery.start(partial(trio.run_process, command, stdout=subprocess.PIPE))
            seen: list[tuple[float, float]] = []
            nursery.start_soon(watch, innocents.stdout, seen)
            await trio.sleep(2)
            for phase, networks in phases.items():
                with running("attack", str(port), str(networks)) as attacker:
                    await trio.sleep(1)
                    seen.clear()
                    start, worked = time.monotonic(), loop_seconds(pid)
                    await trio.sleep(seconds)
                    share = (loop_seconds(pid) - worked) / (time.monotonic() - start)
                    lines, work = (sorted(each) for each in zip(*seen, strict=True))
                    attacker.terminate()
                    answers = [int(line) for line in attacker.communicate()[0].splitlines()]
                found[phase] = Phase(lines, work, share, sum(answers) / max(1, len(answers)))
            nursery.cancel_scope.cancel()
    return found


async def watch(output: trio.abc.ReceiveStream, seen: list[tuple[float, float]]) -> None:
    """Note what the innocents print."""
    rest = b""
    async for data in output:
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            _, delay, work = line.split()
            seen.append((float(delay), float(work)))


# All of it.


@contextmanager
def running(*what: str) -> Iterator["subprocess.Popen[str]"]:
    """Have another process do something, until this is left."""
    with subprocess.Popen([sys.executable, __file__, *what], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def measured(kind: str, files: Sequence[str], chosen: argparse.Namespace) -> Cost:
    """One run of a kind, in a process of its own."""
    asked = [kind, *files, str(chosen.connections), str(chosen.rounds)]
    done = subprocess.run([sys.executable, __file__, "costs", *asked], stdout=subprocess.PIPE, check=True, text=True)
    return Cost(*json.loads(done.stdout))


def make_pair(folder: Path) -> list[str]:
    """A certificate and its key."""
    files = [str(folder / "certificate.pem"), str(folder / "key.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-batch"]
    subprocess.run(
        [*command, "-subj", "/CN=localhost", "-out", files[0], "-keyout", files[1]], check=True, capture_output=True
    )
    return files


def compare(chosen: argparse.Namespace) -> bool:
    """Measure all, print a table, and return whether everything is as promised."""
    kept = True

    def row(what: str, figures: str, promise: str = "", *, is_kept: bool = True) -> None:
        nonlocal kept
        kept = kept and is_kept
        print(f"{what:36} {figures:62} {promise and f'at most {promise}: ' + ('yes' if is_kept else 'NO')}".rstrip())

    with tempfile.TemporaryDirectory() as folder:
        files = make_pair(Path(folder))
        runs: dict[str, list[Cost]] = {kind: [] for kind in KINDS}
        for _ in range(chosen.runs):
            for kind in KINDS:
                runs[kind].append(measured(kind, files, chosen))
        alone = {kind: min(cost.alone for cost in found) for kind, found in runs.items()}
        together = {kind: min(cost.together for cost in found) for kind, found in runs.items()}
        memory = {kind: sorted(cost.memory for cost in found)[len(found) // 2] for kind, found in runs.items()}
        more = memory["TLS"] - memory["plain"]
        for where, send in (("by itself", alone), ("in a room", together)):
            ratio = send["TLS"] / send["plain"]
            row(f"a send of 100 bytes {where}, plain", f"{send['plain']:.2f} us")
            figures, promise = f"{send['TLS']:.2f} us, {ratio:.2f} times as much", f"{SEND_MAX:g}"
            row("with TLS", figures, promise if send is together else "", is_kept=send is alone or ratio <= SEND_MAX)
        row("a connection after 64 KiB, plain", f"{memory['plain']:.1f} KiB")
        promise = f"{MEMORY_MAX:g} KiB more"
        row("with TLS", f"{memory['TLS']:.1f} KiB, {more:.1f} more", promise, is_kept=more <= MEMORY_MAX)
        if chosen.seconds:
            found = trio.run(delays, files, chosen.seconds)
            usual = at(found["nobody attacks"].lines, 0.99)
            for what, phase in found.items():
                is_promised = what.endswith("one network")
                late = at(phase.lines, 0.99) - usual
                promise = f"{DELAY_MAX:g} ms later (p99)" if is_promised else ""
                row(what, str(phase), promise, is_kept=not is_promised or late <= DELAY_MAX)
    return kept


def main() -> int:
    """Measure; exit code 1 if --check is asked for and something is not as promised."""
    match sys.argv[1:]:
        case ["costs", kind, certificate, key, count, rounds]:
            print(json.dumps(trio.run(costs, kind, (certificate, key), int(count), int(rounds))))
            return 0
        case ["read", kind, port, count]:
            trio.run(read, kind, int(port), int(count))
            return 0
        case ["attack", port, networks]:
            trio.run(attack, int(port), int(networks))
            return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit code 1 if something costs more than is promised")
    parser.add_argument("--connections", type=int, default=400, help="of each kind")
    parser.add_argument("--rounds", type=int, default=10, help="of sends, of which the quickest counts")
    parser.add_argument("--runs", type=int, default=3, help="of each kind, in turns")
    parser.add_argument("--seconds", type=float, default=20, help="for each phase of the attack; 0: none")
    chosen = parser.parse_args()
    return int(not compare(chosen) and chosen.check)


if __name__ == "__main__":
    sys.exit(main())
