"""Servers that speak TLS: certificates of all kinds, made by openssl, and a relay that puts TLS before a server that has none."""

import asyncio
import atexit
import ssl
import subprocess
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, NamedTuple, TypeVar

from callers import without_tls
from chat_server.protocol.fingerprints import fingerprint_of
from processes import TIMEOUT, program

T = TypeVar("T")


class Certificate(NamedTuple):
    """A certificate and its key, as files."""

    chain: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(ssl.PEM_cert_to_DER_cert(self.chain.read_text().partition("-----END")[0] + _END))

    def context(self) -> ssl.SSLContext:
        """What a server with it speaks."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context


_END = "-----END CERTIFICATE-----\n"
HERE = ("IP:127.0.0.1", "DNS:localhost")
"""The names of a server in a test."""


class Certificates:
    """An authority of our own, and the certificates that were made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self.authority = self._self_signed("/CN=An authority of the tests").chain

    def _openssl(self, *words: str) -> None:
        done = subprocess.run([program("openssl"), *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def _file(self, ending: str) -> Path:
        self._count += 1
        return self._folder / f"{self._count}.{ending}"

    def _key(self) -> Path:
        key = self._file("key")
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key))
        return key

    def _self_signed(self, subject: str, names: tuple[str, ...] = ()) -> Certificate:
        made = Certificate(self._file("pem"), self._key())
        more = ["-addext", f"subjectAltName={','.join(names)}"] if names else []
        self._openssl(
            *("req", "-x509", "-new", "-key", str(made.key), "-subj", subject, "-days", "3650"),
            *("-out", str(made.chain), *more),
        )
        if not names:
            self._authority_key = made.key
        return made

    def self_signed(self) -> Certificate:
        """One that nobody vouches for."""
        return self._self_signed("/CN=chat", HERE)

    def vouched_for(self, *names: str, days: int = 30) -> Certificate:
        """One that the authority has given out, for these names and so many days: less than none, if its time is over.

        The first name is its CN too.
        """
        asked, made = self._file("csr"), Certificate(self._file("pem"), self._key())
        names = names or HERE
        self._openssl(
            *("req", "-new", "-key", str(made.key), "-subj", f"/CN={names[0].partition(':')[2]}", "-out", str(asked)),
            *("-addext", f"subjectAltName={','.join(names)}"),
        )
        self._openssl(
            *("x509", "-req", "-in", str(asked), "-CA", str(self.authority), "-CAkey", str(self._authority_key)),
            *("-days", str(days), "-copy_extensions", "copy", "-out", str(made.chain)),
        )
        return made


@cache
def certificates() -> Certificates:
    """Those of this run of the tests."""
    folder = Path(mkdtemp())
    atexit.register(rmtree, folder)
    return Certificates(folder)


class OtherEnd:
    """A server's end of TLS, without a socket."""

    def __init__(self, certificate: Certificate) -> None:
        self.is_agreed = False
        self.is_ended = False
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = certificate.context().wrap_bio(self._in, self._out, server_side=True)

    def shake_hands(self, data: bytes) -> bytes:
        self._in.write(data)
        with suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
            self.is_agreed = True
        return self._out.read()

    def say(self, data: bytes) -> bytes:
        self._tls.write(data)
        return self._out.read()

    def hear(self, data: bytes) -> bytes:
        self._in.write(data)
        said = b""
        with suppress(ssl.SSLWantReadError):
            while not self.is_ended:
                piece = self._tls.read(65536)
                self.is_ended = not piece
                said += piece
        return said

    def end(self) -> bytes:
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        return self._out.read()


class Relay:
    """Stands before a server, with a certificate or with none; which one may change. With none it hangs up on who begins TLS."""

    def __init__(self, port: int, certificate: Certificate | None) -> None:
        """Listen. `port` is the server's."""
        self._server_port = port
        self.heard = bytearray()
        """Everything that callers have said to the server, without TLS, since it has presented this certificate."""
        self.port = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: asyncio.Server | None = None
        self.present(certificate)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        done: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(TIMEOUT)

    def present(self, certificate: Certificate | None) -> None:
        """Have this certificate from now on; None: no TLS. Whoever is connected is hung up on."""
        self._do(self._present(certificate))

    async def _present(self, certificate: Certificate | None) -> None:
        await self._hang_up()
        self.heard.clear()
        context = certificate.context() if certificate else None
        accept = self._accept if context else without_tls(self._accept)
        self._server = await asyncio.start_server(accept, "127.0.0.1", self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _hang_up(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(up_reader, writer))
                group.create_task(self._carry(reader, up_writer, is_caller=True))
        except* OSError:
            pass
        finally:
            for end in (writer, up_writer):
                end.transport.abort()

    async def _carry(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_caller: bool = False
    ) -> None:
        with suppress(OSError):
            while data := await source.read(4096):
                if is_caller:
                    self.heard += data
                sink.write(data)
                await sink.drain()
            if not sink.is_closing():  # asyncio has, where a handshake fails: it cannot abort then what is closed twice
                sink.close()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        self._thread.join(TIMEOUT)
        self._loop.close()

    async def _end(self) -> None:
        """Hang up on everybody, on those too who were just being let in; then nobody is, for nothing runs any more."""
        await self._hang_up()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        self._loop.stop()


@contextmanager
def relay(port: int, certificate: Certificate | None) -> Iterator[Relay]:
    opened = Relay(port, certificate)
    try:
        yield opened
    finally:
        opened.close()
