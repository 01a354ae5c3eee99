"""Calling one address of a server: TLS first, always; then the decision whether the server is trusted; and only then the first words.

Runs in the thread of dialling.py and may wait. Looks at what the server shows, asks trust.py, and has known_servers.py keep what comes of it.
Never knows what the first words are, nor who asks the user.
"""

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from chat_tui.client import trust
from chat_tui.client.known_servers import NOTHING, Known, KnownServers
from chat_tui.client.tls import READ_MAX, NotTls, SpokeFirst, TlsSession
from chat_tui.client.trust import GoOn, NoTls, Seen, Unsettled, Unverified, Verified, decide, fault_of
from chat_tui.language import message, say

if TYPE_CHECKING:
    from chat_tui.client.trust_words import Doubt

HELLO_SECONDS = 3.0
"""Seconds after which a server that has never spoken TLS, and says nothing to a hello, is taken for one that does not. One that has done so
may take all the time there is: it may have many to shake hands with."""

HELLOS_MAX = 3
"""Hellos that are answered by something else than TLS, one after the other, after which it is believed: a server greets whom it has not heard for
0.15 s, and a hello that is lost on its way is sent again later than that."""

HANGS_UP = message("it hangs up where it has spoken TLS before; chat-tui --plaintext would go on without")

_LOOPBACK = ("127.", "::ffff:127.")
"""How this computer's own addresses begin, as the system writes them, beside ::1."""

Found = tuple[int, int, int, str, tuple[Any, ...]]
"""An address, as the system's resolver has it."""


class Line(Enum):
    """Who may listen in on a connection."""

    ENCRYPTED = "encrypted"
    LOCAL = "local"
    """Nobody but this computer: the server is on it."""
    OPEN = "open"
    """Whoever is between here and the server."""


class LineDetails(NamedTuple):
    """What is known of a line: how it is encrypted ("" if it is not), the server's certificate, and what is known of the server."""

    version: str = ""
    cipher: str = ""
    fingerprint: str = ""
    known: Known = NOTHING


class Called(NamedTuple):
    """A connection on which the first words have been said."""

    connection: socket.socket
    """One that does not block."""
    tls: TlsSession | None
    line: Line
    news: str = ""
    """What the user is told, in sentences."""
    details: LineDetails = LineDetails()

    def close(self) -> None:
        """Nobody wants it any more."""
        self.connection.close()


class Distrusted(Exception):
    """The server is not trusted, so nothing was said to it."""

    def __init__(self, doubt: "Doubt") -> None:
        super().__init__(doubt.title)
        self.doubt = doubt


class Address:
    """One address of a server, which may be connected to several times until a moment."""

    def __init__(self, found: Found, deadline: float, is_given_up: Callable[[], bool]) -> None:
        self._found = found
        self._deadline = deadline
        self.is_given_up = is_given_up
        """Whether nobody waits for the connection any more."""

    @property
    def is_local(self) -> bool:
        """Whether it is this computer's own, so that nobody can be between."""
        *_, address = self._found
        host = str(address[0])
        return host == "::1" or host.startswith(_LOOPBACK)

    def open(self) -> socket.socket:
        """Connect. Raises OSError."""
        family, kind, protocol, _, address = self._found
        connection = socket.socket(family, kind, protocol)  # fails for IPv6 where the system is without it
        try:
            connection.settimeout(self._left)
            connection.connect(address)
            with suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def _left(self) -> float:
        return max(0.01, self._deadline - time.monotonic())

    def receive(self, connection: socket.socket, most: float) -> bytes:
        """Wait for something, for so many seconds at most, and take it. Raises OSError."""
        connection.settimeout(min(self._left, most))
        return connection.recv(READ_MAX)

    def say(self, connection: socket.socket, data: bytes) -> None:
        """Send this, whole. Raises OSError."""
        connection.settimeout(self._left)
        connection.sendall(data)


class Caller:
    """Calls servers, and keeps what is known of them."""

    def __init__(self, servers: KnownServers, *, allows_plaintext: bool = False) -> None:
        """Call nobody yet.

        Args:
            servers: what is known of servers, and kept.
            allows_plaintext: whether the user has asked for plain text where there is no TLS.

        """
        self.servers = servers
        self._allows_plaintext = allows_plaintext
        self._warnings: list[str] = []

    def accept(self, doubt: "Doubt") -> None:
        """The user says yes to what they were asked."""
        self._note(doubt.host, doubt.port, doubt.unsettled.accepts)

    def call(self, host: str, port: int, first_words: bytes, address: Address) -> Called:
        """Connect to an address of a server, and say the first words if it is trusted.

        Raises:
            Distrusted: it is not, so they were not said.
            OSError: there is no connection.

        """
        known = self.servers.find(host, port)
        attempt = _Attempt(
            host, address, known.word, is_tls_expected=trust.has_spoken_tls(known.word) and not self._allows_plaintext
        )
        try:
            decision = self._decided(attempt, host, port, known)
            self._note(
                host, port, decision.word
            )  # first: who it was must be known even if this is the last that is done
            attempt.say_first(first_words)
        except BaseException:
            attempt.close()
            if attempt.has_spoken_tls and not trust.has_spoken_tls(known.word):
                self._note(host, port, trust.UNTRUSTED)
            raise
        attempt.connection.setblocking(False)
        news = " ".join(filter(None, (decision.news, *self._warnings)))
        self._warnings.clear()
        return Called(
            attempt.connection, attempt.tls, attempt.line, news, attempt.details(self.servers.find(host, port))
        )

    def _note(self, host: str, port: int, word: str) -> None:
        """Have it kept; what cannot be is told with the next connection."""
        self._warnings.append(self.servers.note(host, port, word))

    def _decided(self, attempt: "_Attempt", host: str, port: int, known: Known) -> GoOn:
        """Have a connection with a server that is trusted. Raises Distrusted, OSError."""
        seen = attempt.look()
        word = known.word
        if attempt.has_spoken_tls and not trust.has_spoken_tls(word):  # when it was called before, just now
            word = trust.UNTRUSTED
        decision = decide(seen, word, is_local=attempt.address.is_local, allows_plaintext=self._allows_plaintext)
        if isinstance(decision, Unsettled):
            from chat_tui.client.trust_words import Doubt  # noqa: PLC0415 - most servers are trusted

            raise Distrusted(Doubt(host, port, decision, known, self.servers.flag))
        if isinstance(seen, NoTls):
            attempt.connect_again()
        return decision


class _Attempt:
    """One attempt to have a connection with a server: the connection that is open just now, and what is known by it."""

    def __init__(self, host: str, address: Address, word: str, *, is_tls_expected: bool) -> None:
        self._host, self.address, self._word = host, address, word
        self.tls: TlsSession | None = None
        self.has_spoken_tls = False
        self._is_tls_expected = is_tls_expected
        self.connection = address.open()

    def connect_again(self) -> None:
        """Have a new connection, on which nothing has been said, in place of the one before."""
        self.close()
        self.tls = None
        self.connection = self.address.open()

    def close(self) -> None:
        self.connection.close()

    @property
    def line(self) -> Line:
        if self.tls is not None:
            return Line.ENCRYPTED
        return Line.LOCAL if self.address.is_local else Line.OPEN

    def details(self, known: Known) -> LineDetails:
        if self.tls is None:
            return LineDetails(known=known)
        return LineDetails(self.tls.version, self.tls.cipher, self.tls.fingerprint, known)

    def look(self) -> Seen:
        """See what the server shows. If it is TLS, the connection that is open then is the one on which that was seen. Raises OSError."""
        try:
            return self._certificate()
        except NotTls:
            return NoTls()

    def _certificate(self) -> Seen:
        """What its certificate is. Raises NotTls, OSError."""
        fingerprint = ""
        if trust.is_fingerprint(self._word):  # the usual case is one handshake, without the system's authorities
            fingerprint = self._shake_hands(verifies=False)
            if fingerprint == self._word:
                return Unverified(fingerprint, trust.Fault.UNKNOWN_ISSUER)
            self.connect_again()
        try:
            self._shake_hands(verifies=True)
        except ssl.SSLCertVerificationError as error:
            fault = fault_of(error.verify_code)
        else:
            return Verified()
        if not fingerprint:  # who fails to verify is told no certificate
            self.connect_again()
            fingerprint = self._shake_hands(verifies=False)
        return Unverified(fingerprint, fault)

    def _shake_hands(self, *, verifies: bool) -> str:
        """Speak TLS from here on; return the fingerprint of the server's certificate. Raises NotTls, OSError."""
        for _ in range(HELLOS_MAX - 1):
            try:
                return self._begin_tls(verifies=verifies)
            except SpokeFirst:
                self.connect_again()
        return self._begin_tls(verifies=verifies)

    def _begin_tls(self, *, verifies: bool) -> str:
        """Do it on the connection that there is. Raises SpokeFirst too."""
        tls = TlsSession(self._host, verifies=verifies)
        self.address.say(self.connection, tls.hello())
        is_agreed = False
        while not is_agreed:
            data = self._answer()
            try:
                is_agreed, to_send = tls.receive_answer(data)
            except ssl.SSLError:
                self.has_spoken_tls = True
                with suppress(OSError):
                    self.address.say(self.connection, tls.alert())
                raise
            self.has_spoken_tls = True
            if to_send:
                self.address.say(self.connection, to_send)
        self.tls = tls
        return tls.fingerprint

    def _answer(self) -> bytes:
        """What the server says in the handshake. Raises NotTls if it says nothing where no TLS is expected, OSError."""
        is_expected = self.has_spoken_tls or self._is_tls_expected
        try:
            data = self.address.receive(self.connection, inf if is_expected else HELLO_SECONDS)
        except ConnectionError:
            data = b""
        except TimeoutError:
            if is_expected:
                raise
            raise NotTls from None
        if data:
            return data
        if is_expected:  # it may be ending, or have too many callers: it is called again, and told nothing meanwhile
            raise ConnectionAbortedError(0, say(HANGS_UP))
        raise NotTls

    def say_first(self, first_words: bytes) -> None:
        """Say the first words, unless nobody waits for that any more. Raises OSError."""
        if self.address.is_given_up():
            raise TimeoutError
        self.address.say(self.connection, first_words if self.tls is None else self.tls.encrypt(first_words))
