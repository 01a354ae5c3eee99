"""TLS begins: who may have a handshake, how many there may be in a second, and for how long one may last.

Knows the certificate of the moment. Never knows what is said once TLS has begun.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import trio
from msgspec.structs import replace

from chat_server.logs import Repeats, log
from chat_server.metrics import Histogram
from chat_server.server.time_limits import TimeLimits
from chat_server.sessions.caller import Caller
from chat_server.sessions.pace import Address
from chat_server.sessions.tls import FED_MAX, HANDSHAKE_MAX, TlsTransport
from chat_server.sessions.token_bucket import TokenBucket

_UNKNOWN_AUTHORITY = "tlsv1 alert unknown ca"
"""Why a caller leaves that asks the authorities first, as every chat-tui does where the server has made its certificate itself."""

HANDSHAKE_SECONDS = 10.0
"""Seconds that a caller has from its first byte of TLS on, with the time for which it is kept waiting."""

SHAKING_SECONDS = 3.0
"""Seconds of these that are left at the least when its turn comes. Whose turn came later would have the server compute in vain, and so would all
who wait behind them, for as long as more come than may begin."""

PER_SECOND, BURST = 200, 40
"""Handshakes in a second, from wherever they come: a tenth of the event loop's time, at 0.4 ms each. A thousand who come back take 5 s."""

OFTEN_PER_SECOND, OFTEN_BURST = 100, 20
"""The same for all from networks whence more than a few come (pace.py): so there is place for the others, whatever twenty networks send."""


RECORDS_PER_TOKEN = 128
"""Records that count as a line, as 1024 bytes do (sessions/read_loop.py), where several are read at once: 0.8 ms, also with a byte in each. By the
bytes alone, one address could take 29 % of the event loop's time that way."""


class Handshakes:
    """Shakes hands with callers who want TLS, some at a time. One for all callers."""

    def __init__(
        self,
        context: Callable[[], ssl.SSLContext | None],
        limits: TimeLimits,
        unwelcome: Repeats,
        *,
        fingerprint: Callable[[], str],
        by_network: bool,
    ) -> None:
        """Nobody waits.

        Args:
            context: gives the certificate in use and how TLS is spoken with it; None while there is none.
            limits: ends waits.
            unwelcome: logs whose handshake came to nothing.
            fingerprint: gives that of the certificate in use, in groups.
            by_network: whether those from one network have a limit of their own.

        """
        self._context = context
        self._limits = limits
        self._unwelcome = unwelcome
        self._fingerprint = fingerprint
        self.by_network = by_network
        self.is_lifted = False
        """Whether those from one network have none for now: when everybody comes back at once."""
        self._bucket = TokenBucket(PER_SECOND, BURST, 0)
        self._often = TokenBucket(OFTEN_PER_SECOND, OFTEN_BURST, 0)
        self._turns = trio.Lock()  # one step in each pass of the event loop: 400 at once made others wait for 94 ms
        self._outgoing = ssl.MemoryBIO()
        self._has_told_of_late_hello = False
        self.results = dict.fromkeys(("ok", "failed", "gone", "timed-out", "turned-away"), 0)
        """How many there were, by what became of them."""
        self.seconds = Histogram()
        """How long those took that came to something, with the time for which callers were kept waiting."""

    @property
    def are_offered(self) -> bool:
        """Whether there is a certificate."""
        return self._context() is not None

    async def shake(self, caller: Caller, first: bytes) -> Caller | None:
        """Begin TLS with a caller who has sent this first; the caller as it is then, None if there is none any more."""
        result, why = "timed-out", f"it took longer than {HANDSHAKE_SECONDS:g} seconds"
        began = trio.current_time()
        with self._limits.within(HANDSHAKE_SECONDS):
            try:
                if await self._turn_comes(caller.address):
                    shaken = await self._shake(caller, first)
                    self.results["ok" if shaken is not None else "gone"] += 1
                    if shaken is not None:
                        self.seconds.note(trio.current_time() - began)
                    return shaken
                result, why = "turned-away", "too many callers begin TLS"
            except ssl.SSLError as error:
                result, why = "failed", (error.reason or "it is not TLS").lower().replace("_", " ")
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                result, why = "gone", "it was broken off"
        if not self._limits.are_over:
            self.results[result] += 1
            self._tell(caller.origin.address, why)
        return None

    def _tell(self, address: str, why: str) -> None:
        """Say why there is no TLS with a caller; nearly to nobody where it comes again at once, by the fingerprint."""
        tell = log.debug if why == _UNKNOWN_AUTHORITY else self._unwelcome.info
        tell("no TLS with a caller", address=address, why=why)

    async def _turn_comes(self, address: Address) -> bool:
        """Wait, unread, for one's place among those from the same network, and then among all. False, at once, if that comes too late."""
        deadline = trio.current_effective_deadline() - SHAKING_SECONDS
        taken: list[TokenBucket] = []
        for bucket in self._buckets(address, trio.current_time()):
            now = trio.current_time()
            seconds = bucket.take(now)
            taken.append(bucket)
            if now + seconds >= deadline:
                for each in taken:
                    each.take(now, -1)
                return False
            await trio.sleep(seconds)
        return True

    def _buckets(self, address: Address, now: float) -> tuple[TokenBucket, ...]:
        """Those by whose pace somebody from this network comes, one after the other."""
        if not self.by_network or self.is_lifted:
            return (self._bucket,)
        own, few = address.handshakes(now), address.few_handshakes(now)
        seconds = few.take(now)
        few.take(now, -1)
        return (own, self._often, self._bucket) if seconds else (few, own, self._bucket)

    async def _shake(self, caller: Caller, first: bytes) -> Caller | None:
        context = self._context()
        first = _with_what_has_come(caller, first)
        if context is None or not first:
            self._bucket.take(trio.current_time(), -1)  # nothing is done for who has gone while they waited
            return None
        origin = caller.origin
        # Where it is encrypted already, who has decrypted it shakes hands here: the caller sees another certificate.
        certificate = "" if origin.is_encrypted else self._fingerprint()
        transport = TlsTransport(caller.transport, context, self._outgoing, partial(_count_records, caller.address))
        await transport.shake_hands(first, self._turns)
        encrypted = replace(origin, is_encrypted=True)
        return replace(caller, transport=transport, origin=encrypted, certificate=certificate)

    def note_late_hello(self) -> None:
        """A caller has begun TLS when it had been greeted in plain text, which no client of TLS understands: say once what can be done."""
        if self.are_offered and not self._has_told_of_late_hello:
            self._has_told_of_late_hello = True
            log.warning(
                "a caller began TLS after it had been greeted in plain text: such clients need the port of [tls], where nobody is greeted first"
            )


def _count_records(address: Address, count: int) -> None:
    """Count what it has cost to read so many records among what those from there ask for."""
    address.take(trio.current_time(), count / RECORDS_PER_TOKEN)


def _with_what_has_come(caller: Caller, first: bytes) -> bytes:
    """What the caller has sent, this first; nothing if it has ended, as no client of TLS does here. Raises BrokenResourceError if it is gone."""
    with suppress(trio.WouldBlock):
        while len(first) <= HANDSHAKE_MAX:
            more = caller.transport.receive_nowait(FED_MAX)
            if not more:
                return b""
            first += more
    return first
