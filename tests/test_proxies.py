"""Callers who come by a proxy: what the server takes its word for. On virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import proxy_headers
from captured_logs import capture_logs
from chat_server.config import Config, ProxyTable, TlsTable
from chat_server.server.proxies import HEADER_SECONDS, Proxies
from chat_server.sessions.origin import Origin
from streams import Caller, House, open_house
from tls_pairs import TlsClient, server_context

PROXY = "198.51.100.1"
NOBODY = "* Your proxy did not say who is calling. Whoever runs it can turn on the PROXY protocol for this server.\r\n"
UNTRUSTED = "* This server does not let your proxy say who is calling. Whoever runs the server can add the proxy's address to [proxy] trusted.\r\n"


@asynccontextmanager
async def house_behind_a_proxy(**limits: Any) -> AsyncIterator[House]:
    async with open_house(Config(proxy=ProxyTable([PROXY])), **limits) as house:
        yield house


def told(logged: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What the log says where it is not asked for more, and of which address."""
    return [(entry["event"], entry["address"]) for entry in logged if entry["log_level"] != "debug"]


async def call_from(house: House, address: str, *, version: int = 1, more: bytes = b"") -> Caller:
    """Connect by the proxy, from this address."""
    caller = house.call(PROXY)
    header = proxy_headers.v1(address) if version == 1 else proxy_headers.v2(ip_address(address))
    await caller.stream.send_all(header + more)
    return caller


@pytest.mark.parametrize("version", [1, 2])
async def test_who_comes_by_a_proxy_talks_as_anybody(version: int, autojump_clock: trio.abc.Clock) -> None:
    async with house_behind_a_proxy() as house:
        ann = await call_from(house, "192.0.2.1", version=version)
        bob = await call_from(house, "2001:db8::1", version=version, more=b"/login bob\n/python\n")
        await bob.read_until("* You are in python.\r\n")
        await ann.log_in("ann", "python")
        await bob.type("hello")
        await ann.read_until("bob: hello\r\n")


async def test_a_header_may_come_byte_by_byte_with_what_the_caller_says_behind_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_behind_a_proxy() as house:
        for header in (proxy_headers.v1("192.0.2.1"), proxy_headers.v2(ip_address("192.0.2.1"), proxy_headers.tls())):
            caller = house.call(PROXY)
            for byte in header + b'{"do":"hello"}\n':
                await caller.stream.send_all(bytes((byte,)))
                await wait_all_tasks_blocked()
            assert (await caller.read_until("\n")).startswith('{"is":"hello",')


async def test_a_header_is_read_before_anybody_is_greeted_and_a_silent_caller_is_greeted_then(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_behind_a_proxy() as house:
        caller = house.call(PROXY)
        await trio.sleep(HEADER_SECONDS - 1)
        start = trio.current_time()
        await caller.stream.send_all(proxy_headers.v1("192.0.2.1"))
        greeting = await caller.read_until("/help for more.\r\n")
        assert greeting.startswith("* Hello.")
        assert trio.current_time() - start == pytest.approx(0.15)


async def test_those_behind_one_proxy_are_counted_by_their_own_address_and_never_by_its(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_behind_a_proxy(connections_per_address=2) as house:
        for number in range(1, 10):
            for _ in range(2):
                await (await call_from(house, f"192.0.2.{number}")).read_until("/help for more.\r\n")
        with capture_logs() as logged:
            third = await call_from(house, "192.0.2.1")
            said = await third.read_to_end()
            assert said == "* There are too many connections from your address. Try again later.\r\n"
        assert told(logged) == [("refused a caller: address-full", "192.0.2.1")]
        await house.call("192.0.2.1").read_until(said)
        await (await call_from(house, "192.0.2.10")).read_until("/help for more.\r\n")


async def test_a_flood_behind_a_proxy_slows_those_at_its_own_address_only(autojump_clock: trio.abc.Clock) -> None:
    async with house_behind_a_proxy(requests_per_address=1, request_burst_per_address=30) as house:
        flood = [await call_from(house, "192.0.2.66") for _ in range(3)]
        for number, caller in enumerate(flood):
            await caller.log_in(f"mallory{number}", "write")
            await caller.type(*["noise"] * 40)
        ann, bob = await call_from(house, "192.0.2.1"), await call_from(house, "192.0.2.2")
        await ann.log_in("ann", "python")
        await bob.log_in("bob", "python")
        start = trio.current_time()
        await ann.type("hello")
        await bob.read_until("ann: hello\r\n")
        assert trio.current_time() - start < 0.1
        await flood[0].type("/topic done")
        await flood[0].read_until("set the topic: done")
        assert trio.current_time() - start > 60


async def test_the_log_has_the_address_that_a_proxy_tells(autojump_clock: trio.abc.Clock) -> None:
    async with house_behind_a_proxy() as house:
        with capture_logs() as logged:
            caller = await call_from(house, "192.0.2.1")
            await caller.type("/login ann", "/logout")
            await caller.read_to_end()
            await wait_all_tasks_blocked()
        assert {entry["address"] for entry in logged if "address" in entry} == {"192.0.2.1"}
        assert [entry["event"] for entry in logged] == ["a caller came", "a caller went"]


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"", "none came within 5 seconds"),
        (b"PROXY TCP4 192.0.2.1", "it did not end within 5 seconds"),
        (b"/login ann\n", "it does not begin as one"),
        (b"\x16\x03\x01\x02\x00", "it does not begin as one"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", "its line is not of the form"),
        (proxy_headers.SIGNATURE + b"\x21\x11\xff\xff", "it has 65551 bytes, more than 536"),
    ],
)
async def test_a_trusted_proxy_that_sends_no_header_is_told_so_and_nobody_is_let_in(
    sent: bytes, why: str, autojump_clock: trio.abc.Clock
) -> None:
    async with house_behind_a_proxy(connections=1) as house:
        with capture_logs() as logged:
            caller = house.call(PROXY)
            start = trio.current_time()
            if sent:
                await caller.stream.send_all(sent)
            assert await caller.read_to_end() == NOBODY
            assert trio.current_time() - start <= HEADER_SECONDS + 1
        assert told(logged) == [("a trusted proxy sent no valid PROXY header", PROXY)]
        assert logged[-1]["why"].startswith(why)
        await house.call().read_until("/help for more.\r\n")  # its place is free again


async def test_a_header_that_drips_has_no_longer_than_one_that_does_not_come(autojump_clock: trio.abc.Clock) -> None:
    async with house_behind_a_proxy() as house:
        caller = house.call(PROXY)
        start = trio.current_time()
        for byte in b"PROXY ":
            await caller.stream.send_all(bytes((byte,)))
            await trio.sleep(0.9)
        assert await caller.read_to_end() == NOBODY
        assert trio.current_time() - start <= HEADER_SECONDS + 1


@pytest.mark.parametrize("header", [proxy_headers.v1("192.0.2.1"), proxy_headers.v2(ip_address("192.0.2.1"))])
async def test_a_header_from_somebody_untrusted_is_refused_and_the_log_says_from_whom(
    header: bytes, autojump_clock: trio.abc.Clock
) -> None:
    for trusted in ([], [PROXY]):
        async with open_house(Config(proxy=ProxyTable(trusted))) as house:
            with capture_logs() as logged:
                caller = house.call("203.0.113.9")
                await caller.stream.send_all(header + b"/login ann\n")
                assert await caller.read_to_end() == UNTRUSTED
            refusal = "a caller speaks PROXY from an address that is not in [proxy] trusted, which is not served here"
            assert told(logged) == [(refusal, "203.0.113.9")]


async def test_who_comes_by_a_proxy_cannot_say_that_they_come_from_elsewhere(autojump_clock: trio.abc.Clock) -> None:
    async with house_behind_a_proxy() as house:
        caller = await call_from(house, "192.0.2.1", more=proxy_headers.v1("192.0.2.2"))
        assert await caller.read_to_end() == UNTRUSTED


async def test_health_checks_leave_no_trace_and_take_no_place(autojump_clock: trio.abc.Clock) -> None:
    async with house_behind_a_proxy(connections=5, connections_per_address=1, requests_per_address=1) as house:
        with capture_logs() as logged:
            for sent in [proxy_headers.local(), b"PROXY UNKNOWN\r\n", b""] * 100:
                check = house.call(PROXY)
                if sent:
                    await check.stream.send_all(sent)
                    assert await check.read_to_end() == ""
                else:
                    await check.stream.aclose()
                    await wait_all_tasks_blocked()
        assert logged == []
        await (await call_from(house, "192.0.2.1")).read_until("/help for more.\r\n")


async def test_who_has_not_said_for_whom_it_connects_takes_a_place(autojump_clock: trio.abc.Clock) -> None:
    async with house_behind_a_proxy(connections=3) as house:
        waiting = [house.call(PROXY) for _ in range(3)]
        assert await house.call(PROXY).read_to_end() == "* The server is full. Try again later.\r\n"
        assert await house.call().read_to_end() == "* The server is full. Try again later.\r\n"
        await waiting[0].stream.send_all(proxy_headers.v1("192.0.2.1"))
        await waiting[0].read_until("/help for more.\r\n")
        for caller in waiting[1:]:
            assert await caller.read_to_end() == NOBODY


async def test_a_stop_waits_for_no_header(autojump_clock: trio.abc.Clock) -> None:
    async with house_behind_a_proxy() as house:
        silent, slow = house.call(PROXY), house.call(PROXY)
        await slow.stream.send_all(b"PROXY TCP4 ")
        await wait_all_tasks_blocked()
        start = trio.current_time()
        with capture_logs() as logged:
            house.server.stop()
            await house.ended.wait()
        assert trio.current_time() - start < 0.1
        assert house.exit_code == 0
        assert await silent.read_to_end() == await slow.read_to_end() == ""
        assert logged == [], "nobody has done anything wrong"


async def test_a_proxy_that_speaks_tls_for_its_callers_keeps_their_lines_confidential(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_behind_a_proxy() as house:
        for nick, address, fields in (
            ("ann", "192.0.2.1", proxy_headers.tls()),
            ("bob", "192.0.2.2", b""),
            ("carol", "127.0.0.1", b""),
        ):
            caller = house.call(PROXY)
            await caller.stream.send_all(proxy_headers.v2(ip_address(address), fields))
            await caller.log_in(nick)
        people = house.server.hall.directory._people
        takes = {nick: person.sessions[0].takes_secrets for nick, person in people.items()}
        assert takes == {"ann": True, "bob": False, "carol": False}


async def test_tls_begins_behind_the_header_and_the_caller_keeps_the_address_that_stands_in_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house(Config(proxy=ProxyTable([PROXY])), tls=server_context, connections_per_address=1) as house:
        client, stream = TlsClient(), house.call(PROXY).stream
        await stream.send_all(proxy_headers.v1("127.0.0.1") + client.shake_hands())
        while client.tls.version() is None:
            await stream.send_all(client.shake_hands(bytes(await stream.receive_some(65536))))
        await stream.send_all(client.write(b"/login ann\n"))
        while b"Welcome, ann" not in client.text:
            client.read(bytes(await stream.receive_some(65536)))
        session: Any = house.server.hall.directory._people["ann"].sessions[0]
        assert session.caller.origin == Origin("127.0.0.1", is_encrypted=True, is_proxied=True)
        assert "too many connections" in await house.call("127.0.0.1").read_to_end()


async def test_where_all_must_encrypt_it_is_enough_to_do_so_with_a_proxy_that_says_so(
    autojump_clock: trio.abc.Clock,
) -> None:
    config = Config(proxy=ProxyTable([PROXY]), tls=TlsTable(require="all"))
    async with open_house(config, tls=server_context) as house:
        encrypted, plain = house.call(PROXY), house.call(PROXY)
        await encrypted.stream.send_all(proxy_headers.v2(ip_address("192.0.2.1"), proxy_headers.tls()))
        await encrypted.log_in("ann")
        await plain.stream.send_all(proxy_headers.v2(ip_address("127.0.0.1"), proxy_headers.tls(0)))
        assert (await plain.read_to_end()).startswith("* Only encrypted connections are taken here")


@pytest.mark.parametrize(
    ("address", "is_trusted"),
    [
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("10.255.0.1", True),
        ("11.0.0.1", False),
        ("2001:db8:0:1::1", True),
        ("2001:db9::1", False),
        ("fe80::1%eth0", True),
        ("::1", False),
        ("unix", True),
    ],
)
def test_a_proxy_is_trusted_by_its_address_or_its_network(address: str, *, is_trusted: bool) -> None:
    proxies = Proxies(["192.0.2.7", "10.0.0.0/8", "2001:db8::/48", "fe80::/10", "unix"])
    assert (address in proxies) is is_trusted
    assert address not in Proxies([])


def test_who_comes_by_a_unix_socket_is_no_proxy_because_others_are() -> None:
    assert "unix" not in Proxies(["0.0.0.0/0", "::/0"])
