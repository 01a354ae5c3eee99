"""TLS in memory: any split of the bytes, readers that stop anywhere, what TLS says by itself, what a connection costs."""

import _ssl
import ctypes
import gc
import socket
import ssl
from contextlib import suppress
from weakref import ref

import pytest
import trio
import trio.testing
from hypothesis import example, given
from hypothesis import strategies as st

from chat_server.sessions.doors import PARSE_TEXT
from chat_server.sessions.memory_budget import Budget
from chat_server.sessions.outbox import Outbox
from chat_server.sessions.tls import EMPTY_MAX, RECORD_MAX, TlsTransport
from chat_server.sessions.transport import HELD, SocketTransport, receive_some
from chat_server.wire.text import TextDecoder
from tls_pairs import Kernel, RestlessClient, TlsClient, connect, server_context

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def requests_of(pieces: list[bytes]) -> list[object]:
    decoder = TextDecoder(PARSE_TEXT, 4096)
    decoder.allow(4096, 16384)
    return [request for piece in pieces for request in decoder.receive_data(piece)]


async def read_all(transport: TlsTransport, limit: int) -> list[bytes]:
    """What comes, up to the end."""
    pieces: list[bytes] = []
    while piece := await receive_some(transport, limit):
        assert len(piece) <= limit
        pieces.append(piece)
    return pieces


LINES = st.lists(st.binary(max_size=40) | st.sampled_from([b"hello\r\n", b"/rooms\n", b"\xff\xf9", b"\n"]), max_size=12)


@given(LINES, st.lists(st.integers(1, 300), min_size=1, max_size=5), st.integers(1, 600), st.sampled_from(VERSIONS))
@example([b"x" * 20_000], [1300], 512, VERSIONS[1])
@example([b"a", b"b", b"c\n"] * 10, [1], 512, VERSIONS[1])
def test_any_bytes_in_any_split_through_tls_are_the_same_lines(
    records: list[bytes], cuts: list[int], limit: int, version: ssl.TLSVersion
) -> None:
    came = trio.run(come_through, records, cuts, limit, version)
    assert b"".join(came) == b"".join(records)
    assert requests_of(came) == requests_of([b"".join(records)])


async def come_through(records: list[bytes], cuts: list[int], limit: int, version: ssl.TLSVersion) -> list[bytes]:
    kernel, client = Kernel(), TlsClient(version)
    transport = await connect(kernel, client)
    ciphertext = b"".join(map(client.write, records)) + client.end()
    came: list[bytes] = []
    async with trio.open_nursery() as nursery:

        async def read() -> None:
            came.extend(await read_all(transport, limit))

        nursery.start_soon(read)
        turn = 0
        while ciphertext:
            cut = cuts[turn % len(cuts)]
            kernel.give(ciphertext[:cut])
            ciphertext = ciphertext[cut:]
            turn += 1
            await trio.testing.wait_all_tasks_blocked()
    return came


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("step", [1, 7, 100_000])
async def test_hands_are_shaken_however_the_bytes_are_cut(version: ssl.TLSVersion, step: int) -> None:
    kernel, client = Kernel(), TlsClient(version)
    transport = await connect(kernel, client, step=step)
    assert client.tls.version() == {VERSIONS[0]: "TLSv1.2", VERSIONS[1]: "TLSv1.3"}[version]
    assert transport.send_nowait(b"hello\n") == 6
    assert client.read(kernel.take(1000)) == b"hello\n"


async def test_what_came_with_the_end_of_the_handshake_is_there_without_waiting() -> None:
    kernel, client = Kernel(), TlsClient()
    transport = TlsTransport(kernel, server_context(), ssl.MemoryBIO())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transport.shake_hands, client.shake_hands(), trio.Lock())
        for more in (b"", b"/login ann\n"):  # the server wants another curve first
            await trio.testing.wait_all_tasks_blocked()
            kernel.give(client.shake_hands(kernel.take(100_000)) + client.write(more))
    with trio.fail_after(1):
        assert await receive_some(transport, 6) == b"/login"
    assert transport.receive_nowait(100) == b" ann\n"
    with pytest.raises(trio.WouldBlock):
        transport.receive_nowait(100)


async def test_after_the_last_words_nothing_is_decrypted_until_the_other_side_ends() -> None:
    kernel, client = Kernel(), TlsClient()
    transport = await connect(kernel, client)
    assert transport.send_nowait(b"goodbye\n") == 8
    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(transport.linger)
            await trio.testing.wait_all_tasks_blocked()
            assert client.read(kernel.take(1000)) == b"goodbye\n"
            assert client.has_ended
            kernel.give(b"no record at all")
            await trio.testing.wait_all_tasks_blocked()
            assert nursery.child_tasks
            assert kernel.incoming == b""
            kernel.end()
    transport.close()
    assert kernel.is_closed


async def test_many_small_records_are_read_as_one() -> None:
    kernel, client = Kernel(), TlsClient()
    transport = await connect(kernel, client)
    kernel.give(b"".join(client.write(b"x") for _ in range(100)))
    assert await receive_some(transport, 512) == b"x" * 100


async def test_a_read_that_need_not_wait_lets_others_have_their_turn() -> None:
    kernel, client = Kernel(), TlsClient()
    transport = await connect(kernel, client)
    kernel.give(client.write(b"x" * RECORD_MAX))
    assert await receive_some(transport, 100)
    with trio.testing.assert_checkpoints():
        assert await receive_some(transport, 100) == b"x" * 100


async def test_a_read_that_is_given_up_takes_nothing() -> None:
    kernel, client = Kernel(), TlsClient()
    transport = await connect(kernel, client)
    kernel.give(client.write(b"0123456789"))
    assert await receive_some(transport, 5) == b"01234"
    with trio.CancelScope() as scope:
        scope.cancel()
        await receive_some(transport, 5)
    assert await receive_some(transport, 5) == b"56789"


# Writing.


async def test_nothing_is_written_past_tls() -> None:
    assert (await connect(Kernel(), TlsClient())).descriptor == -1


async def test_what_the_kernel_does_not_take_is_held_and_nothing_is_taken_until_it_has_gone() -> None:
    kernel, client = Kernel(), TlsClient()
    transport = await connect(kernel, client)
    kernel.room = 10
    assert transport.send_nowait(b"first\n") == HELD
    with pytest.raises(BlockingIOError):
        transport.send_nowait(b"second\n")
    got = kernel.take(10)
    kernel.room = 1000
    with trio.fail_after(1):
        await transport.wait_writable()
    assert client.read(got + kernel.take(1000)) == b"first\n"
    assert transport.send_nowait(b"second\n") == 7
    assert client.read(kernel.take(1000)) == b"first\nsecond\n"


@pytest.mark.parametrize(("room", "taken"), [(16_000, RECORD_MAX), (20_000, 2 * RECORD_MAX), (49_500, HELD)])
async def test_of_much_at_once_at_most_one_record_is_held(room: int, taken: int) -> None:
    kernel, client = Kernel(), TlsClient()
    transport = await connect(kernel, client)
    data = bytes(range(250)) * 200
    kernel.room = room
    sent = transport.send_nowait(data)
    assert sent == taken
    assert 0 < len(transport._held) <= RECORD_MAX + 22
    got = kernel.take(1_000_000)
    await transport.wait_writable()
    got += kernel.take(1_000_000)
    assert client.read(got) == data[: len(data) if sent == HELD else sent]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_reader_that_stops_at_any_byte_of_the_ciphertext_loses_no_line_and_no_notice(
    version: ssl.TLSVersion, nursery: trio.Nursery
) -> None:
    kernel, client = Kernel(), TlsClient(version)
    transport = await connect(kernel, client)
    stop = 0
    while stop <= 4 * 60:
        kernel.room, client.text, kernel.sent = stop, b"", kernel.sent
        outbox: Outbox[int] = Outbox(
            transport, Skipping(), start=nursery.start_soon, limit=60, patience=60, budget=Budget(0)
        )
        for number in range(12):
            outbox.push(b"line %06d\n" % number)
        got = kernel.take(0) + kernel.sent
        kernel.sent = b""
        async with trio.open_nursery() as reading:
            reading.start_soon(outbox.emptied)
            kernel.room = 0
            while not outbox.is_empty:
                kernel.room += 7
                kernel.wake()
                await trio.testing.wait_all_tasks_blocked()
        outbox.push(b"live\n")
        kernel.room = 1000
        kernel.wake()
        await outbox.emptied()
        client.read(got + kernel.sent)
        kernel.sent = b""
        assert count_of(client.text) == 12, stop
        stop += 1


class Skipping:
    """Whose outbox it is, as far as that is asked."""

    def skip_notice(self, lines: int, after: int) -> bytes:
        return b"* %d skipped\n" % lines

    def positions(self) -> int:
        return 0


def count_of(text: bytes) -> int:
    """How many lines were read or told to be skipped, one after another; the last is live."""
    *lines, live = text.splitlines()
    assert (live, text[-1:]) == (b"live", b"\n")
    count = 0
    for line in lines:
        if line.startswith(b"* "):
            count += int(line.split()[1])
        else:
            assert line == b"line %06d" % count
            count += 1
    return count


# What TLS says by itself.


async def test_the_end_is_said_and_heard() -> None:
    kernel, client = Kernel(), TlsClient()
    transport = await connect(kernel, client)
    transport.send_nowait(b"bye\n")
    transport.close()
    transport.close()
    assert client.read(kernel.take(1000)) == b"bye\n"
    assert client.has_ended
    assert kernel.is_closed
    with pytest.raises(trio.ClosedResourceError):
        await receive_some(transport, 10)
    with pytest.raises(OSError):  # noqa: PT011 - whichever it is
        transport.send_nowait(b"more")


@pytest.mark.parametrize("is_polite", [True, False])
async def test_whoever_has_ended_may_read_on(is_polite: bool) -> None:
    kernel, client = Kernel(), TlsClient()
    transport = await connect(kernel, client)
    kernel.give(client.write(b"last\n"))
    if is_polite:
        kernel.give(client.end())
    else:
        kernel.end()
    with trio.fail_after(1):
        assert await receive_some(transport, 100) == b"last\n"
        assert await receive_some(transport, 100) == b""
        assert await receive_some(transport, 100) == b""
    assert transport.send_nowait(b"still\n") == 6
    transport.close()
    if not is_polite:  # Python's client reads nothing after it has said its last word
        assert client.read(kernel.take(1000)) == b"still\n"


async def test_what_has_been_changed_on_the_way_is_the_end_and_the_other_side_is_told() -> None:
    kernel, client = Kernel(), TlsClient()
    transport = await connect(kernel, client)
    ciphertext = bytearray(client.write(b"hello\n"))
    ciphertext[-1] ^= 1
    kernel.give(bytes(ciphertext))
    with pytest.raises(trio.BrokenResourceError):
        await receive_some(transport, 100)
    with pytest.raises(ssl.SSLError, match="ALERT"):
        client.read(kernel.take(1000))


async def test_what_is_no_tls_is_no_handshake() -> None:
    kernel = Kernel()
    outgoing = ssl.MemoryBIO()
    transport = TlsTransport(kernel, server_context(), outgoing)
    with pytest.raises(ssl.SSLError):
        await transport.shake_hands(b"\x16\x03\x01\x00\x05hello", trio.Lock())
    assert kernel.sent.startswith(b"\x15\x03"), "an alert"
    assert not outgoing.pending


@given(st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=4), st.booleans())
def test_any_bytes_are_tls_or_its_end_and_leave_nothing_for_others_to_send(
    said: bytes, places: list[int], is_new: bool
) -> None:
    async def hear() -> None:
        kernel, client, outgoing = Kernel(), TlsClient(), ssl.MemoryBIO()
        hello = bytearray(client.shake_hands() if is_new else b"")
        for place in places:
            hello[place : place + 1] = b"\xff"
        if is_new:
            transport = TlsTransport(kernel, server_context(), outgoing)
            kernel.give(bytes(hello) + said)
            kernel.end()
            with pytest.raises((ssl.SSLError, trio.BrokenResourceError)):
                await transport.shake_hands(b"", trio.Lock())
        else:
            transport = await connect(kernel, client, outgoing=outgoing)
            kernel.give(said)
            kernel.end()
            with suppress(trio.BrokenResourceError):
                assert await receive_some(transport, 100) == b""
        assert not outgoing.pending
        transport.close()
        assert not outgoing.pending

    trio.run(hear)


async def test_one_way_out_serves_all_connections() -> None:
    outgoing = ssl.MemoryBIO()
    kernels, clients = [Kernel() for _ in range(5)], [TlsClient(VERSIONS[number % 2]) for number in range(5)]
    transports = [
        await connect(kernel, client, outgoing=outgoing) for kernel, client in zip(kernels, clients, strict=True)
    ]
    for number in range(20):
        for index, transport in enumerate(transports):
            kernels[index].room = 20 * number
            with suppress(BlockingIOError):
                transport.send_nowait(b"%d to %d\n" % (number, index))
            assert not outgoing.pending
    for index, (kernel, client, transport) in enumerate(zip(kernels, clients, transports, strict=True)):
        kernel.room = 100_000
        await transport.wait_writable()
        lines = client.read(kernel.take(100_000)).splitlines()
        assert lines
        assert all(line.endswith(b" to %d" % index) for line in lines)


needs_restless_client = pytest.mark.skipif(
    not all(hasattr(ctypes.CDLL(_ssl.__file__), name) for name in RestlessClient.SYMBOLS.split()),
    reason="this Python does not show its OpenSSL",
)


@needs_restless_client
async def test_new_keys_are_answered_with_new_keys() -> None:
    kernel, client = Kernel(), RestlessClient()
    transport = await connect(kernel, client)
    kernel.give(client.new_keys() + client.write(b"hello\n"))
    assert await receive_some(transport, 100) == b"hello\n"
    assert transport.send_nowait(b"there\n") == 6
    assert len(kernel.sent) > 27 + 6, "with an answer before it"
    assert client.read(kernel.take(1000)) == b"there\n"


@needs_restless_client
async def test_who_does_nothing_but_ask_for_new_keys_is_not_listened_to_for_long() -> None:
    kernel, client = Kernel(), RestlessClient()
    transport = await connect(kernel, client)
    kernel.give(b"".join(client.new_keys() for _ in range(EMPTY_MAX)) + client.write(b"hello\n"))
    assert await receive_some(transport, 100) == b"hello\n"
    kernel.give(client.new_keys() + client.write(b"more\n"))
    with pytest.raises(trio.BrokenResourceError):
        await receive_some(transport, 100)


async def test_a_record_that_says_it_is_enormous_is_not_waited_for() -> None:
    kernel, client = Kernel(), TlsClient()
    transport = await connect(kernel, client)
    kernel.give(b"\x17\x03\x03\xff\xff")
    with trio.fail_after(1), pytest.raises(trio.BrokenResourceError):
        await receive_some(transport, 100)


async def test_a_hello_without_an_end_is_given_up() -> None:
    kernel = Kernel()
    transport = TlsTransport(kernel, server_context(), ssl.MemoryBIO())
    kernel.give(b"\0" * 100_000)
    with trio.fail_after(1), pytest.raises(trio.BrokenResourceError):
        await transport.shake_hands(b"\x16\x03\x01\x3f\xff\x01\0\x3f\xfb", trio.Lock())
    assert len(kernel.incoming) > 80_000, "it has not been read"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("is_cut_up", [False, True])
async def test_a_hello_in_many_records_is_given_up_and_in_a_few_it_is_not(
    version: ssl.TLSVersion, *, is_cut_up: bool
) -> None:
    kernel, client = Kernel(), TlsClient(version)
    body = client.shake_hands()[5:]
    size = 1 if is_cut_up else 50
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    hello = b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2) + piece for piece in pieces)
    transport = TlsTransport(kernel, server_context(), ssl.MemoryBIO())
    with trio.fail_after(5):
        if is_cut_up:
            kernel.give(hello[4096:])
            with pytest.raises(trio.BrokenResourceError):
                await transport.shake_hands(hello[:4096], trio.Lock())
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(transport.shake_hands, hello, trio.Lock())
            await trio.testing.wait_all_tasks_blocked()
            while client.tls.version() is None or kernel.sent:
                kernel.give(client.shake_hands(kernel.take(10_000)))
                await trio.testing.wait_all_tasks_blocked()


# What it costs.


def allocated() -> int:
    """Bytes that C has allocated and not freed, OpenSSL's among them."""

    class Info(ctypes.Structure):
        _fields_ = [
            (name, ctypes.c_size_t)
            for name in [
                "arena",
                "ordblks",
                "smblks",
                "hblks",
                "hblkhd",
                "usmblks",
                "fsmblks",
                "uordblks",
                "fordblks",
                "keepcost",
            ]
        ]

    count = ctypes.CDLL(None).mallinfo2
    count.restype = Info
    info = count()
    return int(info.uordblks + info.hblkhd)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="the C library does not count")
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_connection_costs_little_memory_even_after_a_burst(version: ssl.TLSVersion) -> None:
    outgoing = ssl.MemoryBIO()
    transports = []
    text = bytes(range(256)) * 256

    async def one_more() -> None:
        kernel, client = Kernel(), TlsClient(version)
        transport = await connect(kernel, client, outgoing=outgoing)
        assert transport.send_nowait(text) == len(text)
        assert client.read(kernel.take(100_000)) == text
        kernel.give(client.write(text[:RECORD_MAX]))
        for _ in range(RECORD_MAX // 512):
            assert await receive_some(transport, 512)
        transports.append(transport)

    for _ in range(3):
        await one_more()
    gc.collect()
    before = allocated()
    for _ in range(50):
        await one_more()
    gc.collect()
    assert (allocated() - before) / 50 <= 24 * 1024


async def test_nothing_is_kept_of_a_connection_that_is_closed() -> None:
    class Weak(TlsTransport):
        __slots__ = ("__weakref__",)

    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    transport = Weak(SocketTransport(ours), server_context(), ssl.MemoryBIO())
    kept = ref(transport)
    transport.close()
    del transport
    assert kept() is None
    theirs.close()
