"""TLS over another transport: OpenSSL turns bytes into bytes here, and the transport below carries them.

It works in memory (`ssl.MemoryBIO`), so that a send stays a plain call which tells at once what has been taken. Knows OpenSSL and the transport
below. Never knows which certificate is used, who may begin how many handshakes, nor what the bytes mean.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress

import trio

from chat_server.sessions.transport import HELD, Reader, Transport, receive_some

RECORD_MAX = 16384
"""Bytes of text in one record (RFC 8446, section 5.1): what is encrypted at a time, and so what is held at most."""

FED_MAX = 4096
"""Bytes of ciphertext given to OpenSSL at a time: what its side of the pipe takes in memory once, it keeps for as long as the caller is there."""

CIPHERTEXT_MAX = RECORD_MAX + 2048
"""Bytes that a record may say it has (RFC 5246, section 6.2.3)."""

HANDSHAKE_MAX = 8192
"""Bytes that the other side may send until hands are shaken. The longest hello that was seen, with a key share for quantum computers, has 1.8 KB."""

HANDSHAKE_RECORDS_MAX = 32
"""Records in which they may come. Clients need 2 to 5; a hello that was cut into records of one byte cost 10 ms instead of 1."""

EMPTY_MAX = 32
"""Records without any text that a connection may bring. New keys are one; they cost 25 to 54 us for 27 bytes, no pace counts them, and who sends
less than 2**24 records needs none."""

_HEADER = 5


class TlsTransport:
    """The server's end of a TLS connection."""

    __slots__ = (
        "_count_records",
        "_empties",
        "_held",
        "_incoming",
        "_is_closed",
        "_may_have_text",
        "_outgoing",
        "_prepared",
        "_raw",
        "_record_left",
        "_send",
        "_tls",
        "_transport",
        "_write",
        "reader",
    )

    descriptor = -1
    """Nothing may be written past OpenSSL."""

    def __init__(
        self,
        transport: Transport,
        context: ssl.SSLContext,
        outgoing: ssl.MemoryBIO,
        count_records: Callable[[int], None] | None = None,
    ) -> None:
        """Begin with nothing said.

        Args:
            transport: what carries the ciphertext.
            context: the certificate, and what of TLS is allowed.
            outgoing: what OpenSSL writes into. It is empty whenever nothing is being done, so that all connections may have the same: one of its own
                keeps the memory for the most that it ever held, 118 KiB after a push of 64 KiB, instead of 22.
            count_records: told how many records were read at once, where they were several: what little may be in them hides what they cost.

        """
        self._count_records = count_records
        self._transport = transport
        self.reader: Reader | None = None
        transport.reader = self
        self._send = transport.send_nowait
        self._incoming = ssl.MemoryBIO()
        self._outgoing = outgoing
        self._tls = context.wrap_bio(self._incoming, outgoing, server_side=True)
        self._write = self._tls.write
        self._held = b""  # ciphertext that the transport has not taken yet
        self._prepared: bytes | None = None  # the text of it, if it has just been prepared
        self._raw = b""  # ciphertext that has come, and is of a record whose turn has not come
        self._record_left = 0  # bytes of the record in hand that are still to be given to OpenSSL
        self._may_have_text = False  # whether some of its text may be left
        self._empties = 0  # records that had none
        self._is_closed = False

    async def shake_hands(self, first: bytes, turns: trio.Lock) -> None:
        """Begin TLS, with what the other side has sent first; each step that computes something is taken while holding `turns`.

        Raises:
            ssl.SSLError: that is no TLS, or none that both sides know.
            trio.BrokenResourceError: the other side has gone.
            trio.ClosedResourceError: the transport was closed.

        """
        self._raw = first
        count, records = len(first), 0
        while True:
            while self._give() and not self._record_left:
                records += 1
                if records > HANDSHAKE_RECORDS_MAX:
                    raise trio.BrokenResourceError
                async with turns:
                    is_done = self._shook_hands()
                while self._held:
                    await self.wait_writable()
                if is_done:
                    return
            data = await receive_some(self._transport, FED_MAX)
            count += len(data)
            if not data or count > HANDSHAKE_MAX:
                raise trio.BrokenResourceError
            self._raw += data

    def _shook_hands(self) -> bool:
        """Take a step; return whether it was the last."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self._answer()
        return True

    def send_nowait(self, data: bytes) -> int:
        """Send what can be sent at once; return how many bytes, or HELD."""
        if self._held:
            if data is self._prepared:
                ciphertext, self._held, self._prepared = self._held, b"", None
                return len(data) if self._passes_on(ciphertext) else HELD
            self._flush()
            if self._held:
                raise BlockingIOError
        if len(data) <= RECORD_MAX:  # nearly all are, and a room sends them to many
            return len(data) if self._send_record(data) else HELD
        for start in range(0, len(data), RECORD_MAX):
            record = data[start : start + RECORD_MAX]
            if not self._send_record(record):
                taken = start + len(record)
                return HELD if taken == len(data) else taken
        return len(data)

    def _send_record(self, data: bytes) -> bool:
        """Encrypt it; return whether the transport has taken all of it, and nothing is held."""
        try:
            self._write(data)
        finally:
            ciphertext = self._outgoing.read()
        return self._passes_on(ciphertext)

    def _passes_on(self, ciphertext: bytes) -> bool:
        """Send ciphertext while nothing is held, and hold what is not taken; return whether that is nothing."""
        try:
            sent = self._send(ciphertext)
        except BlockingIOError:
            sent = 0
        if sent < len(ciphertext):
            self._held = ciphertext[sent:]
        return not self._held

    def prepare(self, data: bytes) -> None:
        """Encrypt what is to be sent next.

        Where the kernel's work follows OpenSSL's, the processor's caches are filled anew each time: to encrypt for 16 readers, and then to send
        to them, takes a sixth to a quarter less.
        """
        if self._held or len(data) > RECORD_MAX:
            return
        try:
            self._write(data)
        except OSError:  # the connection is at its end: to send is an error too
            return
        finally:
            self._held = self._outgoing.read()
        self._prepared = data

    def _flush(self) -> None:
        """Have the transport take what it can of what is held. Raises OSError if the connection is gone."""
        held, self._held = self._held, b""
        self._passes_on(held)

    def _answer(self) -> None:
        """Send what TLS itself has to say, as far as that can be. If the connection is gone, whoever writes or reads next finds that.

        What is not taken is held, and is little: it answers records without text, and those are few.
        """
        answer = self._outgoing.read()
        if answer:
            self._held += answer
            with suppress(OSError):
                self._flush()

    async def wait_writable(self) -> None:
        """Wait until more can be sent, and nothing is held any more."""
        while True:
            await self._transport.wait_writable()
            try:
                self._flush()
            except OSError as error:
                raise trio.BrokenResourceError from error
            if not self._held:
                return

    async def wait_readable(self) -> None:
        """Wait until there may be some text."""
        if self._is_closed:
            raise trio.ClosedResourceError
        # The socket may never be readable again: what is left has been taken from it.
        if self._may_have_text or self._may_give:
            await trio.lowlevel.checkpoint()
        else:
            await self._transport.wait_readable()

    def take(self) -> bool:
        """Offer what has come to who reads the text. See Reader."""
        return self.reader is not None and self.reader.take() and not (self._may_have_text or self._may_give)

    def receive_nowait(self, limit: int) -> bytes:
        """Take text that has come, at most `limit` bytes, if some has been decrypted or is in the next FED_MAX bytes.

        b"" when the other side has ended, with a word of TLS's or without.
        """
        text = self._read(limit)
        if text is None:
            ciphertext = self._transport.receive_nowait(FED_MAX)
            if not ciphertext:  # OpenSSL is not told: it would not write any more then
                return ciphertext
            self._raw += ciphertext
            text = self._read(limit)
        if text is None:
            raise trio.WouldBlock
        return text

    def _read(self, limit: int) -> bytes | None:
        """Take as much text as has come, of many small records too; b"" at the end, None if there is none yet. Raises as `receive_some` does."""
        pieces: list[bytes] = []
        left = limit
        while left and (self._may_have_text or self._give()):
            text = self._decrypt(left)
            if text is not None:
                pieces.append(text)
                left -= len(text)
                if not text:
                    break
        if len(pieces) > 1 and self._count_records is not None:
            self._count_records(len(pieces))
        return b"".join(pieces) if pieces else None

    @property
    def _may_give(self) -> bool:
        """Whether something has come that OpenSSL can be given: of the record in hand, or the beginning of the next one."""
        return bool(self._raw) if self._record_left else len(self._raw) >= _HEADER

    def _give(self) -> bool:
        """Give OpenSSL the next record, or what has come of it; return whether there was anything.

        One after the other, for it would take as many without text as there are before it said so.
        """
        if not self._record_left:
            if len(self._raw) < _HEADER:
                return False
            size = int.from_bytes(self._raw[3:_HEADER])
            if size > CIPHERTEXT_MAX:
                raise trio.BrokenResourceError("a record is longer than records are")
            self._record_left = _HEADER + size
        piece = self._raw[: self._record_left]
        self._raw = self._raw[len(piece) :]
        self._record_left -= len(piece)
        self._incoming.write(piece)
        return bool(piece)

    def _decrypt(self, limit: int) -> bytes | None:
        """The text of the record in hand, or what is left of it; None if there is none, b"" if the other side has said its last word."""
        was_left, self._may_have_text = self._may_have_text, False
        try:
            text = self._tls.read(limit)
        except ssl.SSLWantReadError:
            self._empties += not was_left and not self._record_left
            if self._empties > EMPTY_MAX:
                raise trio.BrokenResourceError("TLS without text") from None
            return None
        except ssl.SSLError as error:
            raise trio.BrokenResourceError from error
        finally:
            self._answer()
        self._may_have_text = not text or len(text) == limit  # the end is told again to whoever asks again
        return text

    def is_lost(self) -> bool:
        """Whether the connection is known to be gone, without reading what the other side sent before."""
        return self._transport.is_lost()

    async def linger(self) -> None:
        """Say that this is the end, as TLS does, and wait until the other side has ended as well. What comes is not decrypted."""
        self._say_end()
        await self._transport.linger()

    def close(self) -> None:
        """Say that this is the end, and close. What has been sent still arrives."""
        self._say_end()
        self._transport.close()

    def _say_end(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            with suppress(OSError):  # it asks for the other side's word too, which is not waited for
                self._tls.unwrap()
            self._answer()
