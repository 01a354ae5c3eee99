"""TLS over real sockets: with Python's client, with OpenSSL's, and with a server that makes its own certificate."""

import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel

from processes import ServerProcess, program, running_server
from streams import Caller, Program
from test_sockets import Line, running
from tls_pairs import client_context, files, server_context

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


async def call(line: Line, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> trio.SSLStream[trio.SocketStream]:
    """Connect by TLS."""
    caller = await line.call()
    assert isinstance(caller.stream, trio.SocketStream)
    stream = trio.SSLStream(caller.stream, client_context(version), server_hostname="localhost")
    await stream.do_handshake()
    return stream


@pytest.mark.parametrize("version", VERSIONS)
async def test_people_and_programs_talk_by_tls(version: ssl.TLSVersion) -> None:
    async with running(tls=server_context) as (_, line):
        ann, bob, bot = Caller(await call(line, version)), await line.call(), Program(await call(line, version))
        await ann.log_in("ann", "python")
        await bob.log_in("bob", "python")
        await bot.enter("bot", "python")
        for size in (1, 100, 3000):
            await ann.type("x" * size)
            await bob.read_until(f"ann: {'x' * size}\r\n")
            assert (await bot.wait_for("said"))["text"] == "x" * size
        await bot.ask("say", room="python", text="y" * 16_000)
        await ann.read_until(f"bot: {'y' * 16_000}\r\n")


async def test_the_last_word_of_tls_follows_the_last_of_the_server() -> None:
    async with running(tls=server_context) as (_, line):
        ann = await call(line)
        await Caller(ann).log_in("ann")
        await ann.send_all(b"/logout\n")
        said = b""
        while data := await ann.receive_some(65536):  # an end without that word would be an error
            said += data
        assert b"Goodbye" in said
        browser = await call(line)
        await browser.send_all(b"GET / HTTP/1.1\r\n\r\n")
        said = b""
        while data := await browser.receive_some(65536):
            said += data
        assert said.startswith(b"HTTP/1.1 400 ")


async def test_whoever_has_ended_their_side_is_answered_still() -> None:
    async with running(tls=server_context) as (_, line):
        ann = await call(line)
        await ann.send_all(b"/login ann\n/python\nlast words\n")
        await ann.transport_stream.send_eof()
        await Caller(ann).read_until("* You are in python.\r\n")
        bob = await line.call()
        await bob.type("/login bob", "/join python")
        await bob.read_until("ann: last words\r\n")


async def test_a_stuck_reader_by_tls_finds_out_what_it_missed() -> None:
    async with running(tls=server_context, messages_per_second=0, waiting_bytes=100_000) as (server, line):
        slow, ann = Caller(await call(line)), await line.call()
        await slow.type("/login slow", "/history 0", "/join python")
        await slow.read_until("* You are in python.")
        await ann.log_in("ann", "python")
        await slow.read_until("ann joined\r\n")
        (session,) = (session for session in server._sessions if session.nick == "slow")
        sent = 0
        while session._outbox._waiting is None or not session._outbox._waiting._skipped:
            await ann.type(f"{sent} {'x' * 4000}")
            sent += 1
            await trio.lowlevel.checkpoint()
        assert sent > 30
        caught_up = await slow.read_until(" skipped: your connection did not keep up.")
        heard = [line for line in caught_up.splitlines() if line.startswith("ann: ")]
        assert [int(line.split()[1]) for line in heard] == list(range(len(heard)))
        assert all(line.endswith("x" * 4000) for line in heard)


class SClient:
    """Somebody at `openssl s_client -quiet`."""

    def __init__(self, port: int, *flags: str) -> None:
        self._process = subprocess.Popen(
            [program("openssl"), "s_client", "-quiet", "-connect", f"127.0.0.1:{port}", *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def type(self, *lines: str) -> None:
        assert self._process.stdin
        self._process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self._process.stdin.flush()

    def read_until(self, text: str) -> str:
        assert self._process.stdout
        read = ""
        while text not in read:
            line = self._process.stdout.readline().decode()
            assert line, f"closed before {text!r}; it was {read!r}"
            read += line
        return read

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def at_s_client(port: int, *flags: str) -> Iterator[SClient]:
    client = SClient(port, *flags)
    try:
        yield client
    finally:
        client.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def tls_server(folder: Path, **settings: Any) -> Iterator[tuple[ServerProcess, int]]:
    """A server with a port for TLS."""
    port = free_port()
    config = folder / "chat.toml"
    tls = {"port": port, "certificate": files().certificate, "key": files().key} | settings
    config.write_text("[tls]\n" + "".join(f"{key} = {value!r}\n" for key, value in tls.items() if value))
    with running_server("--config", str(config)) as server:
        server.wait_for_log(f"listening on 127.0.0.1:{port}, for TLS only")
        yield server, port


@pytest.mark.parametrize("flag", ["-tls1_2", "-tls1_3"])
def test_people_at_openssl_talk_on_both_ports(flag: str, tmp_path: Path) -> None:
    verified = ("-verify_return_error", "-CAfile", files().certificate, flag)
    with (
        tls_server(tmp_path) as (server, port),
        at_s_client(server.port, *verified) as ann,
        at_s_client(port, *verified) as bob,
    ):
        ann.type("/login ann", "/python")
        ann.read_until("* You are in python.")
        bob.type("/login bob", "/python")
        ann.read_until("* bob joined")
        ann.type("Really", "Quit that")  # without -quiet these would be commands of OpenSSL's
        bob.read_until("ann: Really")
        bob.read_until("ann: Quit that")


def test_the_port_for_tls_says_nothing_first_and_tells_others_how_to_come_in(tmp_path: Path) -> None:
    with tls_server(tmp_path) as (_, port), socket.create_connection(("127.0.0.1", port), timeout=0.5) as caller:
        with pytest.raises(TimeoutError):
            caller.recv(100)
        caller.settimeout(60)
        caller.sendall(b"hello\r\n")
        assert caller.makefile("rb").read().startswith(b"* Only encrypted connections are taken here")


def test_a_server_with_no_certificate_makes_one_and_speaks_tls_with_it(tmp_path: Path) -> None:
    with tls_server(tmp_path, certificate="", key="") as (server, port):
        server.wait_for_log("the certificate of TLS is")
        for each in (server.port, port):
            with at_s_client(each) as ann:
                ann.type("/login ann", "/quit")
                ann.read_until("* Welcome, ann.")


def test_a_server_whose_port_for_tls_is_taken_does_not_start(tmp_path: Path) -> None:
    config = tmp_path / "chat.toml"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        config.write_text(f"[tls]\nport = {port}\n")
        command = [
            sys.executable,
            "-m",
            "chat_server",
            "--config",
            str(config),
            "--port",
            "0",
            "--data",
            str(tmp_path / "data"),
        ]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in ended.stderr
