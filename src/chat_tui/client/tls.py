"""Our end of TLS, without a socket: bytes of the line in, what was said out, and the other way round.

Begins with nothing that verifies: the system's authorities are read when a server has answered as TLS does (reading them takes 80 ms, which
who has no TLS need not wait for). Knows `ssl`; never knows who is trusted (trust.py).
"""

import ssl
from contextlib import suppress

from chat_server.protocol.fingerprints import fingerprint_of

READ_MAX = 65536

_HANDSHAKE, _ALERT = 22, 21
"""Types of the records that may come first (RFC 8446, section 5.1)."""


class NotTls(Exception):
    """What answered does not speak TLS."""


class SpokeFirst(NotTls):
    """It has said something else: a server that speaks TLS, too, greets whom it has not heard for a moment."""


class TlsSession:
    """One connection's TLS, from the hello to the end. Raises ssl.SSLError, which is an OSError, for what goes wrong with it."""

    def __init__(self, host: str, *, verifies: bool) -> None:
        """Begin nothing yet. Without `verifies` any certificate will do, and who asks for its fingerprint must know it."""
        self._verifies = verifies
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # TLS 1.2 at the least
        self._context.options |= ssl.OP_NO_RENEGOTIATION
        if not verifies:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = host.partition("%")[0].rstrip(
            "."
        )  # no certificate has the scope of an address, nor the dot after a name
        self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._has_answered = False
        self.is_ended = False
        """Whether the server has said that it says no more."""

    def hello(self) -> bytes:
        """What is to be sent first."""
        self._shake_hands()
        return self._outgoing.read()

    def receive_answer(self, data: bytes) -> tuple[bool, bytes]:
        """Take bytes that answer the hello. Returns whether both are agreed, and what is to be sent.

        Raises:
            SpokeFirst: these are not how TLS begins.
            ssl.SSLCertVerificationError: the certificate does not verify.
            ssl.SSLError: they could not agree.

        """
        if not self._has_answered:
            if data[0] not in (_HANDSHAKE, _ALERT):
                raise SpokeFirst
            self._has_answered = True
            if self._verifies:
                self._context.load_default_certs()
        self._incoming.write(data)
        is_agreed = self._shake_hands()
        return is_agreed, self._outgoing.read()

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    @property
    def fingerprint(self) -> str:
        """Of the server's certificate."""
        return fingerprint_of(self._tls.getpeercert(binary_form=True) or b"")

    @property
    def version(self) -> str:
        """What both have agreed upon, as OpenSSL calls it: TLSv1.3."""
        return self._tls.version() or ""

    @property
    def cipher(self) -> str:
        """And the cipher, by its standard name."""
        agreed = self._tls.cipher()
        return agreed[0] if agreed else ""

    def encrypt(self, data: bytes) -> bytes:
        """What is to be sent for these bytes, which are some."""
        self._tls.write(data)
        return self._outgoing.read()

    def alert(self) -> bytes:
        """What is to be sent after something went wrong: the server may write it into its log."""
        return self._outgoing.read()

    def receive_data(self, data: bytes) -> tuple[bytes, bytes]:
        """Take bytes of the line, b"" if it has ended. Returns what was said, and what is to be sent: TLS has questions of its own."""
        if data:
            self._incoming.write(data)
        said = bytearray()
        try:
            while not self.is_ended:
                piece = self._tls.read(READ_MAX)
                self.is_ended = not piece
                said += piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.is_ended = True
        return bytes(said), self._outgoing.read()

    def farewell(self) -> bytes:
        """What is to be sent last: that no more comes. The server's own is not waited for."""
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        return self._outgoing.read()
