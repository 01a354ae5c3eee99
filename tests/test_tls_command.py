"""`/tls`: whether this line is encrypted, and the server's fingerprint, for everybody."""

import json
import socket
import sys
from ipaddress import IPv4Address
from pathlib import Path
from unittest.mock import ANY

import pytest
import trio

import forks
import proxy_headers
from chat_server.commands.table import dispatch
from chat_server.commands.tls import Tls
from chat_server.config import Config, ProxyTable
from chat_server.protocol.fingerprints import fingerprint_of, in_groups, parse_fingerprint
from chat_server.rooms.room import Line
from chat_server.sessions.origin import Origin
from fakes import FakeSession, make_hall
from pairs import asking
from processes import TIMEOUT, running_server
from streams import Caller, open_house
from tls_pairs import client_context, server_context

FINGERPRINT = " ".join(f"{number:04x}" for number in range(16))


async def encrypted(caller: Caller) -> Caller:
    """The same caller, who has begun TLS."""
    stream = trio.SSLStream(caller.stream, client_context(), server_hostname="localhost")
    await stream.do_handshake()
    return Caller(stream)


@pytest.mark.parametrize(
    ("origin", "fingerprint", "told"),
    [
        (Origin("192.0.2.1", is_encrypted=True), FINGERPRINT, f"is encrypted. The server's certificate has the fingerprint (SHA-256) {FINGERPRINT}"),
        (Origin("192.0.2.1", is_encrypted=True, is_proxied=True), FINGERPRINT, "is encrypted as far as a proxy of the server's"),
        (Origin("192.0.2.1"), FINGERPRINT, "is not encrypted: whoever is on the way can read it."),
        (Origin("192.0.2.1", is_proxied=True), FINGERPRINT, "is not encrypted: whoever is on the way can read it."),
        (Origin("127.0.0.1", is_proxied=True), FINGERPRINT, "is not encrypted: whoever is on the way can read it."),
        (Origin("127.0.0.1"), FINGERPRINT, "is not encrypted, and does not leave this machine."),
        (Origin("127.0.0.1"), "", "is not encrypted, and cannot be"),
        (Origin("192.0.2.1"), "", "is not encrypted, and cannot be"),
    ],
)  # fmt: skip
def test_it_says_who_can_read_the_line_and_shows_the_fingerprint(origin: Origin, fingerprint: str, told: str) -> None:
    hall = make_hall()
    session = FakeSession(hall)
    session.line = Line(origin.is_encrypted, origin.is_proxied, origin.is_local, fingerprint)
    dispatch(hall, session, Tls())
    (answer,) = session.take_told()
    assert answer.startswith(f"* This line {told}")
    assert (FINGERPRINT in answer) == (bool(fingerprint) and "a proxy" not in answer)


async def test_it_is_answered_before_login_and_in_a_room_in_the_language_that_was_chosen(
    autojump_clock: object,
) -> None:
    async with open_house() as house:
        ann = house.call()
        await ann.type("/tls")
        await ann.read_until("This line is not encrypted, and cannot be: the server has no certificate.")
        await ann.type("/login ann")
        await ann.type("/python")
        await ann.type("/lang zh")
        await ann.type("/fingerprint")
        await ann.read_until("服务器没有证书")


async def test_programs_ask_as_for_anything_else_and_are_told_what_it_is_by_its_name(autojump_clock: object) -> None:
    async with open_house() as house:
        bot = house.connect()
        await bot.ask("tls", ref=7)
        text = "This line is not encrypted, and cannot be: the server has no certificate. Its log says why, to whoever runs it."
        assert await bot.read() == {"ref": 7, "is": "line-uncertified", "text": text}


async def test_who_stays_is_told_the_certificate_that_their_own_program_was_shown(autojump_clock: object) -> None:
    shown = [FINGERPRINT]
    async with open_house(tls=server_context, fingerprint=lambda: shown[0]) as house:
        ann, bob = await encrypted(house.call()), house.call()
        await ann.log_in("ann")
        shown[0] = FINGERPRINT[::-1]
        for caller, fingerprint in ((ann, FINGERPRINT), (bob, FINGERPRINT[::-1])):
            await caller.type("/tls")
            await caller.read_until(f"{fingerprint}")


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (proxy_headers.v1("192.0.2.7"), f"has the fingerprint (SHA-256) {FINGERPRINT}"),
        (proxy_headers.v2(IPv4Address("192.0.2.7"), proxy_headers.tls()), "is encrypted as far as a proxy"),
    ],
)
async def test_behind_a_proxy_that_passes_tls_on_the_certificate_is_the_servers(
    header: bytes, told: str, autojump_clock: object
) -> None:
    config = Config(proxy=ProxyTable(["198.51.100.1"]))
    async with open_house(config, tls=server_context, fingerprint=lambda: FINGERPRINT) as house:
        caller = house.call("198.51.100.1")
        await caller.stream.send_all(header)
        ann = await encrypted(caller)
        await ann.log_in("ann")
        await ann.type("/tls")
        await ann.read_until(told)


def test_a_real_server_tells_the_fingerprint_that_its_log_tells_and_chat_tui_shows_it(tmp_path: Path) -> None:
    with running_server(data=tmp_path) as server:
        server.wait_for_log("the certificate of TLS is SHA-256 ")
        with socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT) as program:
            program.sendall(b'{"do":"tls"}\n{"do":"logout"}\n')
            told = json.loads(program.makefile().readline())
        assert told["is"] == "line-local"
        assert told["fingerprint"] in server.log[-1]
        with (
            socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT) as plain,
            asking().wrap_socket(plain) as program,
        ):
            program.sendall(b'{"do":"tls"}\n')
            assert json.loads(program.recv(10_000)) == told | {"is": "line-encrypted", "text": ANY}
            assert in_groups(fingerprint_of(program.getpeercert(binary_form=True) or b"")) == told["fingerprint"]
        shown = forks.run(
            [sys.executable, "-m", "chat_tui", f"127.0.0.1:{server.port}", "--plain", "--nick", "ann", "--state", tmp_path / "state"],
            input="/tls\n", capture_output=True, text=True, timeout=TIMEOUT,
        )  # fmt: skip
        assert told["fingerprint"] in shown.stdout
    assert parse_fingerprint(told["fingerprint"])
