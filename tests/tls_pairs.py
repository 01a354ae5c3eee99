"""Both ends of TLS without sockets: contexts, a client in memory, and a transport whose kernel is a buffer."""

import _ssl
import ctypes
import ssl
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import trio
import trio.testing

from chat_server.server.certificates import files_named, read_pair
from chat_server.sessions.tls import TlsTransport
from chat_server.sessions.transport import Reader
from pairs import Pair


class Files:
    """A certificate and its key in a directory that is gone with this object."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self.certificate, self.key = Pair().write(Path(self._directory.name))


@cache
def files() -> Files:
    return Files()


@cache
def server_context() -> ssl.SSLContext:
    return read_pair(files_named(files().certificate, files().key)).context


@cache
def client_context(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(files().certificate)
    context.minimum_version = context.maximum_version = version
    return context


class Kernel:
    """A transport: what has come waits in a buffer, and what is sent goes into another one that holds `room` bytes more."""

    descriptor = 7  # whoever writes to it passes TLS by
    prepare = None
    reader: Reader | None = None

    def __init__(self, room: int = 1_000_000) -> None:
        self.room = room
        self.sent = b""
        self.incoming = b""
        self.has_ended = False
        self.is_closed = False
        self._changed = trio.Event()

    def send_nowait(self, data: bytes) -> int:
        if self.is_closed:
            raise BrokenPipeError
        if not self.room:
            raise BlockingIOError
        taken = data[: self.room]
        self.room -= len(taken)
        self.sent += taken
        return len(taken)

    async def wait_writable(self) -> None:
        await trio.lowlevel.checkpoint()
        while not self.room:
            await self._changed.wait()
            if self.is_closed:
                raise trio.ClosedResourceError

    async def wait_readable(self) -> None:
        await trio.lowlevel.checkpoint()
        while not (self.incoming or self.has_ended or self.is_closed):
            await self._changed.wait()
        if self.is_closed:
            raise trio.ClosedResourceError

    def receive_nowait(self, limit: int) -> bytes:
        if self.is_closed:
            raise trio.ClosedResourceError
        if not self.incoming and not self.has_ended:
            raise trio.WouldBlock
        data, self.incoming = self.incoming[:limit], self.incoming[limit:]
        return data

    def is_lost(self) -> bool:
        return self.is_closed

    async def linger(self) -> None:
        while not self.has_ended and not self.is_closed:
            self.incoming = b""
            await self._changed.wait()

    def close(self) -> None:
        self.is_closed = True
        self.wake()

    # The other side.

    def give(self, data: bytes) -> None:
        """Have this come."""
        self.incoming += data
        self.wake()

    def take(self, count: int) -> bytes:
        """Be a reader who reads so many bytes, and has room for as many more."""
        self.room += count
        self.wake()
        data, self.sent = self.sent[:count], self.sent[count:]
        return data

    def end(self) -> None:
        """Send nothing more."""
        self.has_ended = True
        self.wake()

    def wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


class TlsClient:
    """The other end of TLS, in memory."""

    def __init__(self, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, context: ssl.SSLContext | None = None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = context or client_context(version)
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        self.text = b""
        self.has_ended = False

    def shake_hands(self, ciphertext: bytes = b"") -> bytes:
        """Take a step; return what to send."""
        self._incoming.write(ciphertext)
        with suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self._outgoing.read()

    def write(self, text: bytes) -> bytes:
        """Return what to send. Each call makes at least one record."""
        if text:
            self.tls.write(text)
        return self._outgoing.read()

    def read(self, ciphertext: bytes) -> bytes:
        """Take what has come; return all text so far."""
        self._incoming.write(ciphertext)
        try:
            while text := self.tls.read(65536):
                self.text += text
            self.has_ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.has_ended = True
        return self.text

    def end(self) -> bytes:
        """Say that nothing more will come; return what to send."""
        with suppress(ssl.SSLError):
            self.tls.unwrap()
        return self._outgoing.read()


class RestlessClient:
    """A client that asks for new keys, which Python's cannot: it is OpenSSL itself."""

    SYMBOLS = "TLS_client_method SSL_CTX_new SSL_new BIO_s_mem BIO_new"

    def __init__(self) -> None:
        self._library = library = ctypes.CDLL(_ssl.__file__)
        for name in self.SYMBOLS.split():
            getattr(library, name).restype = ctypes.c_void_p
        pointer = ctypes.c_void_p
        self._tls = pointer(library.SSL_new(pointer(library.SSL_CTX_new(pointer(library.TLS_client_method())))))
        self._bios = [pointer(library.BIO_new(pointer(library.BIO_s_mem()))) for _ in range(2)]
        library.SSL_set_bio(self._tls, *self._bios)
        library.SSL_set_connect_state(self._tls)

    def shake_hands(self, ciphertext: bytes = b"") -> bytes:
        """Take a step; return what to send."""
        self._library.BIO_write(self._bios[0], ciphertext, len(ciphertext))
        self._library.SSL_do_handshake(self._tls)
        return self._sent()

    def new_keys(self) -> bytes:
        """Have new keys, and ask the other side for some; return what to send."""
        self._library.SSL_key_update(self._tls, 1)
        return self.shake_hands()

    def write(self, text: bytes) -> bytes:
        """Return what to send."""
        self._library.SSL_write(self._tls, text, len(text))
        return self._sent()

    def read(self, ciphertext: bytes) -> bytes:
        """Take what has come; return its text."""
        self._library.BIO_write(self._bios[0], ciphertext, len(ciphertext))
        buffer = ctypes.create_string_buffer(65536)
        count = self._library.SSL_read(self._tls, buffer, len(buffer))
        return buffer.raw[: max(0, count)]

    def _sent(self) -> bytes:
        buffer = ctypes.create_string_buffer(65536)
        count = self._library.BIO_read(self._bios[1], buffer, len(buffer))
        return buffer.raw[: max(0, count)]


async def connect(
    kernel: Kernel, client: TlsClient | RestlessClient, *, outgoing: ssl.MemoryBIO | None = None, step: int = 100_000
) -> TlsTransport:
    """Shake hands over a kernel, in pieces of so many bytes; return the server's end."""
    transport = TlsTransport(kernel, server_context(), outgoing or ssl.MemoryBIO())
    hello = client.shake_hands()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transport.shake_hands, hello[:step], trio.Lock())
        kernel.give(hello[step:])
        while True:
            await trio.testing.wait_all_tasks_blocked()
            answer = client.shake_hands(kernel.take(step))
            kernel.give(answer)
            if not answer and not kernel.sent and not kernel.incoming:
                break
    return transport
