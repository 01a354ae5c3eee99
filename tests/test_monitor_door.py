"""Programs that watch over the server, on virtual time: what they are answered, and that a slow or hostile one hurts nobody."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from trio.testing import MemoryReceiveStream, MemorySendStream, memory_stream_pair, wait_all_tasks_blocked

from chat_server.config import Config, MetricsTable
from chat_server.metrics import CONTENT_TYPE, Histogram, Metric, written
from chat_server.server.health import STARTING, STOPPING, Health
from chat_server.server.listening import address_of, place_of
from chat_server.server.monitor_door import (
    ANSWER_SECONDS,
    CONNECTIONS_MAX,
    LINGER_SECONDS,
    REQUEST_MAX,
    REQUEST_SECONDS,
    Answer,
    MonitorDoor,
    told,
)
from chat_server.server.monitoring import let_monitors_in, open_monitor_listeners
from chat_server.server.monitors_in_use import MonitorsInUse
from chat_server.server.observed import Observed
from processes import TIMEOUT

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"

Stream = trio.StapledStream[MemorySendStream, MemoryReceiveStream]
Connect = Callable[[], Stream]


async def health_page() -> Answer:
    return told("")


@asynccontextmanager
async def open_door(page: Callable[[], Awaitable[Answer]] = health_page) -> AsyncIterator[Connect]:
    """A door, and what connects to it."""
    door = MonitorDoor({"/healthz": page})

    async def served(stream: Stream) -> None:
        async with stream:
            await door.serve(stream)

    def connect() -> Stream:
        ours, theirs = memory_stream_pair()
        nursery.start_soon(served, theirs)
        return ours

    async with trio.open_nursery() as nursery:
        yield connect
        nursery.cancel_scope.cancel()


async def all_from(stream: Stream) -> str:
    return b"".join([data async for data in stream]).decode()


async def asked(stream: Stream, request: bytes) -> str:
    await stream.send_all(request)
    return await all_from(stream)


@pytest.mark.parametrize(
    ("request_line", "status", "body"),
    [
        (b"GET /healthz HTTP/1.1", 200, "ok\n"),
        (b"GET /healthz?verbose=1 HTTP/1.0", 200, "ok\n"),
        (b"HEAD /healthz HTTP/1.0", 200, ""),
        (b"GET / HTTP/1.0", 404, "there is /healthz\n"),
        (b"GET /healthz/../../etc/passwd HTTP/1.0", 404, "there is /healthz\n"),
        (b"GET /\xff\xfe HTTP/1.0", 404, "there is /healthz\n"),
        (b"POST /healthz HTTP/1.0", 405, "there is only something to GET here\n"),
        (b"hello", 400, "this is for HTTP; people and programs that chat come by another port\n"),
        (b"", 400, "this is for HTTP; people and programs that chat come by another port\n"),
        (b'{"do":"hello"}', 400, "this is for HTTP; people and programs that chat come by another port\n"),
    ],
)
async def test_what_is_asked_is_answered(
    autojump_clock: trio.abc.Clock, request_line: bytes, status: int, body: str
) -> None:
    async with open_door() as connect:
        head, _, got = (await asked(connect(), request_line + b"\r\n\r\n")).partition("\r\n\r\n")
        assert head.startswith(f"HTTP/1.0 {status} ")
        assert got == body


async def test_a_request_may_come_byte_by_byte(autojump_clock: trio.abc.Clock) -> None:
    async with open_door() as connect:
        stream = connect()
        for byte in GET[:-1]:
            await stream.send_all(bytes([byte]))
            await trio.sleep(0.05)
        assert (await asked(stream, GET[-1:])).startswith("HTTP/1.0 200 ")


async def test_a_request_that_does_not_end_is_refused_or_let_go(autojump_clock: trio.abc.Clock) -> None:
    async with open_door() as connect:
        assert (await asked(connect(), b"GET / HTTP/1.0\r\n" + b"x" * REQUEST_MAX)).startswith("HTTP/1.0 400 ")
        began = trio.current_time()
        silent, dripping = connect(), connect()
        await dripping.send_all(b"GET /healthz HT")
        assert await all_from(silent) == await all_from(dripping) == ""
        assert trio.current_time() - began == pytest.approx(REQUEST_SECONDS)


async def test_whoever_does_not_take_the_answer_or_end_is_let_go(autojump_clock: trio.abc.Clock) -> None:
    async with open_door() as connect:
        stream = connect()
        await stream.send_all(GET)
        await stream.receive_some(65536)
        await trio.sleep(ANSWER_SECONDS + LINGER_SECONDS + 0.1)
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"x")


async def test_for_one_more_than_there_may_be_the_eldest_goes(autojump_clock: trio.abc.Clock) -> None:
    async with open_door() as connect:
        held = []
        for _ in range(CONNECTIONS_MAX):
            held.append(connect())
            await wait_all_tasks_blocked()
        assert (await asked(connect(), GET)).startswith("HTTP/1.0 200 ")
        assert await all_from(held[0]) == ""
        assert (await asked(held[1], GET)).startswith("HTTP/1.0 200 ")


async def test_those_who_only_stay_keep_nobody_from_asking_whether_all_is_well(autojump_clock: trio.abc.Clock) -> None:
    async with open_door() as connect:
        for _ in range(10):
            for _ in range(CONNECTIONS_MAX):
                connect()
            await wait_all_tasks_blocked()
            assert (await asked(connect(), GET)).startswith("HTTP/1.0 200 ")
            await trio.sleep(REQUEST_SECONDS / 2)


async def test_so_many_connections_are_all_that_there_may_be_by_whichever_listener(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chat_server.server.monitor_door.REQUEST_SECONDS", 2 * TIMEOUT)
    listeners = [listener for _ in range(2) for listener in open_monitor_listeners("127.0.0.1:0")]
    first, second = map(place_of, listeners)

    def observed() -> Observed:
        raise AssertionError("nobody asks for metrics")

    with trio.fail_after(TIMEOUT):
        async with AsyncExitStack() as exits, trio.open_nursery() as nursery:
            nursery.start_soon(let_monitors_in, listeners, Health(), observed)

            async def connected(place: tuple[str, int]) -> trio.SocketStream:
                return await exits.enter_async_context(await trio.open_tcp_stream(*place))

            held = [await connected(first) for _ in range(CONNECTIONS_MAX)]
            for eldest, place in enumerate((first, second)):
                held.append(await connected(place))
                assert await held[eldest].receive_some() == b""
            await held[2].send_all(GET)
            assert (await held[2].receive_some()).startswith(b"HTTP/1.0 200 ")
            nursery.cancel_scope.cancel()


async def test_where_nobody_could_be_answered_a_reload_opens_another_place(tmp_path: Path) -> None:
    one, other = f"{tmp_path}/one", f"{tmp_path}/other"
    listeners = open_monitor_listeners(one)
    monitors = MonitorsInUse(listeners, MetricsTable(listen=one))
    listeners[0].close()  # files that an upgrade has replaced may not fit
    with monitors.tried():
        put = await monitors.prepared(replace(Config(), metrics=MetricsTable(listen=other)))
        put()
    assert [address_of(listener) for listener in listeners] == [other]
    listeners[0].close()


async def test_a_reload_that_names_the_place_by_another_name_goes_on_listening_there_and_at_the_names_other_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listeners = open_monitor_listeners("127.0.0.1:0")
    port = place_of(listeners[0])[1]
    monitors = MonitorsInUse(listeners, MetricsTable(listen=f"127.0.0.1:{port}"))
    resolved = socket.getaddrinfo

    def of_two_addresses(
        host: bytes | str, *rest: Any, **more: Any
    ) -> list[Any]:  # as localhost has where there is IPv6
        names = ("127.0.0.2", "127.0.0.1") if host == "localhost" else (host,)
        return [one for name in names for one in resolved(name, *rest, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", of_two_addresses)
    waiting = socket.create_connection(("127.0.0.1", port))  # it is answered, whoever listens
    for listen, places in ((f"localhost:{port}", {"127.0.0.1", "127.0.0.2"}), (f"127.0.0.1:{port}", {"127.0.0.1"})):
        before = [*listeners]
        with monitors.tried():
            put = await monitors.prepared(replace(Config(), metrics=MetricsTable(listen=listen)))
            put()
        for one in before:  # as whoever let in by them does
            one.close()
        assert {place_of(one) for one in listeners} == {(address, port) for address in places}
    with listeners[0], waiting, listeners[0].accept()[0] as accepted:
        assert accepted.getpeername() == waiting.getsockname()


@pytest.mark.goes_wrong
async def test_a_bug_in_a_page_is_answered_and_hurts_no_other(autojump_clock: trio.abc.Clock) -> None:
    async def broken() -> Answer:
        raise RuntimeError("a bug")

    async with open_door(broken) as connect:
        assert (await asked(connect(), GET)).startswith("HTTP/1.0 500 ")
        assert (await asked(connect(), b"GET /x HTTP/1.0\n\n")).startswith("HTTP/1.0 404 ")


# What the answers say.


def test_readiness_goes_for_good() -> None:
    health = Health()
    assert health.not_ready() == STARTING
    health.ready()
    assert health.not_ready() == ""
    health.leave()
    health.ready()
    health.leave("something else")
    assert health.not_ready() == STOPPING


def test_health_says_all_that_is_wrong() -> None:
    health, wrong = Health(), ["", ""]
    health.add(lambda: wrong[0])
    health.add(lambda: wrong[1])
    assert health.trouble() == ""
    wrong[:] = ["one", "two"]
    assert health.trouble() == "one; two"
    assert told(health.trouble()) == Answer(503, "one; two\n")


def test_the_format_is_prometheus_own() -> None:
    times = Histogram((0.5, 1.0))
    for seconds in (0.1, 0.5, 0.7, 7):
        times.note(seconds)
    metrics: list[Metric[None]] = [
        Metric("counter", "a_total", "How often", lambda _: 2**60),
        Metric("gauge", "b", 'A "quoted" word', lambda _: {('x"\\\n', "1"): 0.25}, ("one", "two")),
        Metric("histogram", "c_seconds", "How long", lambda _: times),
        Metric("gauge", "d", "Not known", lambda _: None),
        Metric("gauge", "e", "Very much", lambda _: float("inf")),
    ]
    text = "".join(written(metric, None) for metric in metrics)
    found = {family.name: family for family in text_string_to_metric_families(text)}
    assert list(found) == ["a", "b", "c_seconds", "e"]
    assert found["a"].samples[0].value == 2**60
    assert found["b"].samples[0].labels == {"one": 'x"\\\n', "two": "1"}
    assert found["e"].samples[0].value == float("inf")
    assert [(sample.labels.get("le"), sample.value) for sample in found["c_seconds"].samples] == [
        ("0.5", 2),
        ("1", 3),
        ("+Inf", 4),
        (None, 8.3),
        (None, 4),
    ]
    assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")
