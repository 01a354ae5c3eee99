"""A room with readers who come by TLS: for some at a time the line is encrypted, and then it is sent to them."""

import ssl
from typing import Any

import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from chat_server.protocol.runs import RunTexts, SaidRun
from chat_server.rooms.audience import Audience
from chat_server.rooms.giving import PREPARED_AT_A_TIME
from chat_server.sessions.outbox import PushSink
from chat_server.sessions.tls import RECORD_MAX
from test_send_ring import Reader, outbox_on
from tls_pairs import Kernel, TlsClient, connect


def say(audience: Audience, *lines: str) -> None:
    audience.events.append(SaidRun("python", 1, [1.0] * len(lines), "ann", RunTexts.of(list(lines))))
    audience.excluded.append(())
    audience.flush(1)


def test_what_can_be_prepared_is_prepared_for_some_readers_and_then_sent_to_them() -> None:
    told: list[str] = []

    class Target:
        descriptor = -1

        def prepare(self, data: bytes) -> None:
            told.append("prepared")

    class Encrypting(PushSink):
        prepares = True
        target = Target()

    audience = Audience("python", 0)
    for number in range(PREPARED_AT_A_TIME + 2):
        reader: Any = Reader(Encrypting(lambda _: told.append("sent")))
        audience.add(reader, f"n{number}")
    plain: Any = Reader(PushSink(lambda _: told.append("sent in plain")))
    audience.add(plain, "plain")
    say(audience, "hello")
    some = ["prepared"] * PREPARED_AT_A_TIME + ["sent"] * PREPARED_AT_A_TIME
    assert told == [*some, "prepared", "prepared", "sent", "sent", "sent in plain"]
    told.clear()
    for member in [*audience.kinds[next(iter(audience.kinds))]][:-1]:
        audience.remove(member, "")
    say(audience, "hello")
    assert told == ["sent in plain"]


MOVES = st.lists(st.lists(st.sampled_from(["x", "y" * 30]), min_size=1, max_size=3) | st.integers(1, 200), max_size=12)


@given(st.lists(st.sampled_from([-1, 0, 40, 10_000]), min_size=1, max_size=20), MOVES)
def test_every_reader_by_tls_is_given_whole_lines_in_order_whoever_is_stuck_or_gone(
    rooms: list[int], moves: list[list[str] | int]
) -> None:
    async def play() -> None:
        kernels, clients = [Kernel() for _ in rooms], [TlsClient() for _ in rooms]
        outgoing = ssl.MemoryBIO()
        async with trio.open_nursery() as nursery:
            audience, outboxes = Audience("python", 0), []
            for number, (kernel, client) in enumerate(zip(kernels, clients, strict=True)):
                outbox = outbox_on(await connect(kernel, client, outgoing=outgoing), nursery)
                outboxes.append(outbox)
                reader: Any = Reader(outbox)
                audience.add(reader, f"n{number}")
                kernel.room = max(0, rooms[number])
                if rooms[number] < 0:
                    kernel.close()
            said: list[str] = []
            for move in moves:
                if isinstance(move, int):
                    for kernel in kernels[::2]:
                        kernel.room += move
                        kernel.wake()
                    await trio.testing.wait_all_tasks_blocked()
                else:
                    numbered = [f"{len(said) + place} {line}" for place, line in enumerate(move)]
                    said += numbered
                    say(audience, *numbered)
            for room, kernel, client, outbox in zip(rooms, kernels, clients, outboxes, strict=True):
                kernel.room = 1_000_000
                kernel.wake()
                await trio.testing.wait_all_tasks_blocked()
                if room >= 0:
                    assert heard(client.read(kernel.sent).decode(), said) == len(said)
                outbox.close()
            nursery.cancel_scope.cancel()

    trio.run(play)


def heard(text: str, said: list[str]) -> int:
    """How many lines have come or been told to be skipped, one after another."""
    count = 0
    for line in text.splitlines():
        if line.startswith("* "):
            count += int(line.split()[1])
        else:
            assert line == said[count]
            count += 1
    return count


async def test_what_is_prepared_and_then_not_sent_is_not_lost_nor_out_of_order() -> None:
    kernel, client = Kernel(), TlsClient()
    transport = await connect(kernel, client)
    first, second = b"first\n", b"second\n"
    transport.prepare(first)
    assert not kernel.sent
    assert transport.send_nowait(second) == 7
    assert client.read(kernel.take(1000)) == b"first\nsecond\n"


async def test_what_is_prepared_is_held_where_the_kernel_has_no_room() -> None:
    kernel, client = Kernel(), TlsClient()
    transport = await connect(kernel, client)
    kernel.room = 5
    line = b"line\n"
    transport.prepare(line)
    assert transport.send_nowait(line) == -1
    transport.prepare(b"more\n")  # nothing is, while something is held
    kernel.room = 1000
    await transport.wait_writable()
    transport.prepare(b"x" * (RECORD_MAX + 1))  # nor what is more than a record
    assert client.read(kernel.sent) == line
