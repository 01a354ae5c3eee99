"""How callers arrive by TLS: on the shared port, on one of its own, slowly, in crowds. On virtual time, without sockets."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trio

import proxy_headers
from captured_logs import capture_logs
from chat_server.config import Config, ProxyTable, TlsTable
from chat_server.logs import Repeats
from chat_server.server.arrival import HELLO_DELAY
from chat_server.server.handshakes import (
    BURST,
    HANDSHAKE_SECONDS,
    OFTEN_BURST,
    OFTEN_PER_SECOND,
    PER_SECOND,
    RECORDS_PER_TOKEN,
    SHAKING_SECONDS,
    Handshakes,
)
from chat_server.server.time_limits import TimeLimits
from chat_server.sessions.caller import Caller as Newcomer
from chat_server.sessions.origin import Origin
from chat_server.sessions.pace import HANDSHAKE_BURST, HANDSHAKES_PER_SECOND, Address
from streams import Caller, House, Program, open_house
from tls_pairs import Kernel, TlsClient, client_context, server_context

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
REFUSAL = "* Only encrypted connections are taken here: come in with chat-tui, ncat --ssl, or openssl s_client -quiet -connect."


@asynccontextmanager
async def house_with_tls(**settings: Any) -> AsyncIterator[House]:
    async with open_house(Config(tls=TlsTable(**settings)), tls=server_context, requests_per_address=0) as house:
        yield house


async def encrypted(caller: Caller, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> trio.SSLStream[Any]:
    """Begin TLS on a caller's connection."""
    stream = trio.SSLStream(caller.stream, client_context(version), server_hostname="localhost")
    await stream.do_handshake()
    return stream


def told(logged: list[dict[str, Any]]) -> list[str]:
    return [entry["event"] for entry in logged if entry["log_level"] != "debug"]


def hello() -> bytes:
    return TlsClient().shake_hands()


# On the shared port.


@pytest.mark.parametrize("version", VERSIONS)
async def test_people_and_programs_talk_by_tls_on_the_shared_port_as_without_it(
    version: ssl.TLSVersion, autojump_clock: trio.abc.Clock
) -> None:
    async with house_with_tls() as house:
        ann, bot, bob = (
            Caller(await encrypted(house.call(), version)),
            Program(await encrypted(house.call(), version)),
            house.call(),
        )
        await bob.log_in("bob", "python")
        await ann.log_in("ann", "python")
        await bot.enter("bot", "python")
        await ann.type("hello")
        await bob.read_until("ann: hello\r\n")
        assert (await bot.wait_for("said"))["text"] == "hello"
        await bob.type("good day")
        await ann.read_until("bob: good day\r\n")


async def test_a_silent_caller_is_greeted_inside_tls_after_the_same_time_as_without(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_with_tls() as house:
        ann = Caller(await encrypted(house.call()))
        start = trio.current_time()
        assert (await ann.read_until("/help for more.\r\n")).startswith("* Hello.")
        assert trio.current_time() - start == pytest.approx(0.15)


async def test_a_browser_is_told_inside_tls_that_this_is_no_web_server(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_tls() as house:
        browser = Caller(await encrypted(house.call()))
        await browser.stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        assert "not a web server" in await browser.read_to_end()


async def test_tls_in_tls_is_refused(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_tls() as house:
        caller = Caller(await encrypted(house.call()))
        with capture_logs() as logged:
            await caller.stream.send_all(hello())
            assert await caller.read_to_end() == ""
        assert told(logged) == ["a caller speaks TLS, which is not served here"]


async def test_while_there_is_no_certificate_tls_gets_no_answer_and_plain_text_is_as_ever(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        caller = house.call()
        await caller.stream.send_all(hello())
        assert await caller.read_to_end() == ""
        await house.call().log_in("ann")


async def test_each_caller_is_shown_the_certificate_of_the_moment(autojump_clock: trio.abc.Clock) -> None:
    current: list[ssl.SSLContext] = []
    async with open_house(tls=lambda: current[0] if current else None) as house:
        early = house.call()
        await early.stream.send_all(hello())
        assert await early.read_to_end() == ""
        current.append(server_context())
        ann = Caller(await encrypted(house.call()))
        current.clear()
        await ann.log_in("ann")


async def test_a_hello_may_come_one_byte_at_a_time(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_tls() as house:
        caller, client = house.call(), TlsClient()
        for byte in client.shake_hands():
            await caller.stream.send_all(bytes((byte,)))
            await trio.sleep(0.001)
        assert client.shake_hands(bytes(await caller.stream.receive_some(65536)))


@pytest.mark.parametrize("sent", [1, 5, 100])
async def test_a_hello_that_does_not_end_is_given_up_and_holds_up_nobody(
    sent: int, autojump_clock: trio.abc.Clock
) -> None:
    async with house_with_tls() as house:
        with capture_logs() as logged:
            slow = house.call()
            await slow.stream.send_all(hello()[:sent])
            start = trio.current_time()
            await Caller(await encrypted(house.call())).log_in("ann")
            assert trio.current_time() - start < 1
            assert await slow.read_to_end() == ""
            assert trio.current_time() - start == pytest.approx(HANDSHAKE_SECONDS)
        assert told(logged) == ["no TLS with a caller"]


async def test_who_says_no_more_after_the_hello_is_given_up(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_tls() as house:
        start = trio.current_time()
        slow = house.call()
        await slow.stream.send_all(hello())
        await slow.read_to_end()
        assert trio.current_time() - start == pytest.approx(HANDSHAKE_SECONDS)


async def test_what_is_no_tls_after_its_first_byte_is_told_so_by_tls(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_tls() as house:
        with capture_logs() as logged:
            caller = house.call()
            await caller.stream.send_all(b"\x16\x03\x01\x00\x05hello")
            assert (await caller.read_to_end()).startswith("\x15\x03"), "an alert"
        assert told(logged) == ["no TLS with a caller"]
        assert house.server._connections == 0


async def test_who_does_not_know_the_authority_and_comes_again_is_no_event_worth_a_line(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_with_tls() as house:
        with capture_logs() as logged:
            for _ in range(2):
                caller, client = house.call(), TlsClient(context=ssl.create_default_context())
                await caller.stream.send_all(client.shake_hands())
                with suppress(ssl.SSLCertVerificationError):
                    while True:
                        await caller.stream.send_all(client.shake_hands(bytes(await caller.stream.receive_some(65536))))
                await caller.stream.send_all(client.write(b""))
                await caller.read_to_end()
        whys = [(entry["log_level"], entry["why"]) for entry in logged if entry["event"] == "no TLS with a caller"]
        assert whys == [("debug", "tlsv1 alert unknown ca")] * 2
        assert house.server._handshakes.results["failed"] == 2, "they are counted all the same"


async def test_a_hello_after_the_greeting_is_the_end_and_the_log_says_once_what_to_do(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_with_tls() as house:
        with capture_logs() as logged:
            for _ in range(3):
                late = house.call()
                await late.read_until("/help for more.\r\n")
                await late.stream.send_all(hello())
                await late.read_to_end()
        assert told(logged) == [
            "a caller began TLS after it had been greeted in plain text: such clients need the port of [tls], where nobody is greeted first"
        ]


async def test_a_hello_after_the_greeting_is_the_end_where_there_is_no_certificate_too(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_house() as house:
        with capture_logs() as logged:
            late = house.call()
            await late.read_until("/help for more.\r\n")
            await late.stream.send_all(hello())
            await late.read_to_end()
        assert told(logged) == []


async def test_a_caller_that_is_just_shaking_hands_does_not_hold_up_a_stop(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_tls() as house:
        await house.call().stream.send_all(hello()[:100])
        await house.call().stream.send_all(hello())
        house.call_tls_port()
        await trio.sleep(1)
        start = trio.current_time()
        house.server.stop()
        await house.ended.wait()
        assert trio.current_time() - start < 1
        assert house.exit_code == 0


# On the port for TLS.


async def test_nobody_is_greeted_on_the_port_for_tls_before_the_hello(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_tls() as house:
        caller = house.call_tls_port()
        with trio.move_on_after(HANDSHAKE_SECONDS / 2):
            pytest.fail(repr(await caller.stream.receive_some(100)))
        await Caller(await encrypted(caller)).log_in("ann")


@pytest.mark.parametrize("first", ["hello\r\n", "", "\xff\xfb\x01"])
async def test_who_does_not_begin_tls_on_the_port_for_it_is_told_how_to_come_in(
    first: str, autojump_clock: trio.abc.Clock
) -> None:
    async with house_with_tls() as house:
        caller = house.call_tls_port("127.0.0.1")
        await caller.stream.send_all(first.encode("latin-1"))
        assert await caller.read_to_end() == f"{REFUSAL}\r\n"


async def test_a_program_that_does_not_begin_tls_is_told_so_in_its_tongue(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_tls() as house:
        program = Program(house.call_tls_port().stream)
        await program.ask("hello")
        (refusal,) = await program.rest()
        assert (refusal["is"], refusal["why"], refusal["text"]) == ("dismissed", "tls-required", REFUSAL[2:])


async def test_the_port_for_tls_takes_proxies_too(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(Config(proxy=ProxyTable(["198.51.100.1"])), tls=server_context) as house:
        caller = house.call_tls_port("198.51.100.1")
        await caller.stream.send_all(proxy_headers.v1("192.0.2.7"))
        await Caller(await encrypted(caller)).log_in("ann")
        plain = house.call_tls_port("198.51.100.1")
        await plain.stream.send_all(proxy_headers.v1("192.0.2.7") + b"hello\r\n")
        assert await plain.read_to_end() == f"{REFUSAL}\r\n"


# Where TLS is required.


async def test_where_all_is_to_be_encrypted_only_this_machine_comes_without(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_tls(require="all") as house:
        await house.call("127.0.0.1").log_in("ann")
        await Caller(await encrypted(house.call())).log_in("bob")
        for said in (b"hello\r\n", b""):
            caller = house.call()
            await caller.stream.send_all(said)
            assert await caller.read_to_end() == f"{REFUSAL}\r\n"
        slow = house.call()
        await trio.sleep(HELLO_DELAY * 0.9)
        await Caller(await encrypted(slow)).log_in("cem")


async def test_whether_secrets_are_taken_follows_the_line_and_the_settings(autojump_clock: trio.abc.Clock) -> None:
    for require, taken in (("passwords", {"plain": False, "tls": True, "here": True}), ("none", {"plain": True})):
        async with house_with_tls(require=require) as house:
            await house.call().log_in("plain")
            await Caller(await encrypted(house.call())).log_in("tls")
            await house.call("::1").log_in("here")
            takes = {session.nick: session.takes_secrets for session in house.server._sessions}
            assert takes == {"tls": True, "here": True} | taken


# In crowds.


async def test_handshakes_of_one_network_have_their_pace_and_others_do_not_wait_for_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_with_tls() as house:
        start = trio.current_time()
        flood = [TlsClient() for _ in range(3 * HANDSHAKE_BURST)]
        times: list[float] = []
        async with trio.open_nursery() as nursery:

            async def flooding(client: TlsClient) -> None:
                caller = house.call("192.0.2.9")
                await caller.stream.send_all(client.shake_hands())
                assert await caller.stream.receive_some(65536)
                times.append(trio.current_time() - start)

            for client in flood:
                nursery.start_soon(flooding, client)
            await Caller(await encrypted(house.call("198.51.100.7"))).log_in("ann")
            assert trio.current_time() - start < 0.5
        assert sum(time < 0.1 for time in times) == pytest.approx(HANDSHAKE_BURST, abs=3)
        assert max(times) == pytest.approx((len(flood) - HANDSHAKE_BURST) / HANDSHAKES_PER_SECOND, abs=0.2)


async def test_handshakes_of_all_together_have_a_pace(autojump_clock: trio.abc.Clock) -> None:
    async with house_with_tls() as house:
        start = trio.current_time()
        count = 2 * PER_SECOND
        async with trio.open_nursery() as nursery:

            async def come(number: int) -> None:
                caller = house.call(f"198.51.{number // 250}.{number % 250}")
                await caller.stream.send_all(hello())
                assert await caller.stream.receive_some(65536)
                await caller.stream.aclose()

            for number in range(count):
                nursery.start_soon(come, number)
        assert trio.current_time() - start == pytest.approx(count / PER_SECOND, abs=0.3)


async def test_who_would_wait_too_long_for_a_handshake_is_refused_at_once(autojump_clock: trio.abc.Clock) -> None:
    limit = HANDSHAKE_BURST + int((HANDSHAKE_SECONDS - SHAKING_SECONDS) * HANDSHAKES_PER_SECOND)
    async with open_house(tls=server_context, requests_per_address=0, connections_per_address=limit + 50) as house:
        for _ in range(limit):
            await house.call("192.0.2.9").stream.send_all(hello())
        await trio.testing.wait_all_tasks_blocked()
        start = trio.current_time()
        for _ in range(50):
            late = house.call("192.0.2.9")
            await late.stream.send_all(hello())
            assert await late.read_to_end() == ""
        assert trio.current_time() - start < 0.1
        await trio.sleep(HANDSHAKE_SECONDS)
        start = trio.current_time()
        await encrypted(house.call("192.0.2.9"))
        assert trio.current_time() - start < 0.1, "who was refused has not taken anybody's place"


async def test_whoever_comes_from_elsewhere_begins_tls_at_once_while_twenty_networks_send_all_that_they_may(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with (
        open_house(tls=server_context, requests_per_address=0, connections_per_address=10_000) as house,
        trio.open_nursery() as nursery,
    ):

        async def come(address: str) -> None:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                caller = house.call(address)
                await caller.stream.send_all(hello())
                await caller.stream.receive_some(100)
                await caller.stream.aclose()

        async def attack() -> None:
            while True:
                for number in range(20):
                    nursery.start_soon(come, f"192.0.2.{number}")
                await trio.sleep(1 / (HANDSHAKES_PER_SECOND + 5))

        nursery.start_soon(attack)
        await trio.sleep(HANDSHAKE_SECONDS * 1.5)
        for number in range(10):
            start = trio.current_time()
            await encrypted(house.call(f"198.51.100.{number}"))
            assert trio.current_time() - start < 0.1
            await trio.sleep(0.5)
        nursery.cancel_scope.cancel()


async def test_whose_turn_comes_has_time_left_to_shake_hands(autojump_clock: trio.abc.Clock) -> None:
    networks, count = 20, OFTEN_PER_SECOND + OFTEN_BURST + BURST
    waited: list[float] = []
    async with open_house(tls=server_context, requests_per_address=0, connections_per_address=10_000) as house:

        async def come(network: int) -> None:
            caller = house.call(f"192.0.2.{network}")
            await caller.stream.send_all(hello())
            start = trio.current_time()
            if await caller.stream.receive_some(100):
                waited.append(trio.current_time() - start)

        async with trio.open_nursery() as nursery:
            for _ in range(count):
                for network in range(networks):
                    nursery.start_soon(come, network)
            await trio.sleep(HANDSHAKE_SECONDS)
            nursery.cancel_scope.cancel()
    assert len(waited) > OFTEN_PER_SECOND * (HANDSHAKE_SECONDS - SHAKING_SECONDS)
    assert max(waited) < HANDSHAKE_SECONDS - SHAKING_SECONDS + 0.2


async def test_records_of_a_byte_count_for_what_they_cost_and_a_line_for_a_line(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(tls=server_context) as house:
        for is_cut_up in (False, True):
            caller, client = house.call("192.0.2.9"), TlsClient()
            await caller.stream.send_all(client.shake_hands())
            while client.tls.version() is None:
                await caller.stream.send_all(client.shake_hands(bytes(await caller.stream.receive_some(65536))))
            text = b"x" * 200 * RECORDS_PER_TOKEN
            size = 1 if is_cut_up else 10_000
            pieces = [client.write(text[at : at + size]) for at in range(0, len(text), size)]
            house.nursery.start_soon(caller.stream.send_all, b"".join(pieces))
            await trio.sleep(1)
            (address,) = {session.caller.address for session in house.server._sessions}
            assert address.is_busy == is_cut_up


async def test_who_shakes_hands_counts_among_the_connections_of_an_address(autojump_clock: trio.abc.Clock) -> None:
    async with open_house(tls=server_context, connections_per_address=2) as house:
        for _ in range(2):
            await house.call().stream.send_all(hello()[:50])
        assert await house.call().read_to_end() == (
            "* There are too many connections from your address. Try again later.\r\n"
        )


async def test_a_network_that_went_away_is_remembered_until_its_handshakes_have_been_paid(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with house_with_tls() as house:
        for _ in range(HANDSHAKE_BURST):
            caller = house.call("192.0.2.9")
            await caller.stream.send_all(hello())
            assert await caller.stream.receive_some(65536)
            await caller.stream.aclose()
            await trio.testing.wait_all_tasks_blocked()
        start = trio.current_time()
        caller = house.call("192.0.2.9")
        await caller.stream.send_all(hello())
        assert await caller.stream.receive_some(65536)
        assert trio.current_time() - start > 0.5 / HANDSHAKES_PER_SECOND


async def test_nothing_is_done_for_a_caller_who_has_gone_before_its_turn_and_its_place_is_free(
    autojump_clock: trio.abc.Clock,
) -> None:
    handshakes = Handshakes(server_context, TimeLimits(), Repeats(), fingerprint=str, by_network=True)
    kernels = [Kernel() for _ in range(BURST + 1)]
    for number, kernel in enumerate(kernels):
        said = hello()
        kernel.give(said[512:])
        kernel.end()
        caller = Newcomer(kernel, Origin("192.0.2.9"), Address(f"192.0.2.{number}", None))
        assert await handshakes.shake(caller, said[:512]) is None
        assert not kernel.sent
    assert trio.current_time() == 0, "nobody has waited for them"
