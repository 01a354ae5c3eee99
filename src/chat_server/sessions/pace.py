"""How fast one caller may ask, for itself and together with all from its address.

A request costs what read_loop.py counts it for, and a long answer what session.py counts (`cost_of_answer`): that is owed, and paid before the next
request. Pure arithmetic; the clock is the caller's.
"""

from chat_server.sessions.token_bucket import TokenBucket

HANDSHAKES_PER_SECOND, HANDSHAKE_BURST = 20, 20
"""Handshakes of TLS in a second, for callers from one network: a hundred of them who come back take 4 s."""

FEW_PER_SECOND, FEW_BURST = 0.2, 5
"""The same where few come from one network: a household, who come back after a break. Hundreds of networks would be needed for a crowd of such."""


class Address:
    """What is known of one address: how many are connected from there, and what they may still ask for together."""

    __slots__ = ("_few_handshakes", "_handshakes", "bucket", "connections", "network")

    def __init__(self, network: str, bucket: TokenBucket | None) -> None:
        """Nobody is connected from there; without a bucket they may ask as fast as they like."""
        self.network = network
        self.bucket = bucket
        self.connections = 0
        self._handshakes: TokenBucket | None = None
        self._few_handshakes: TokenBucket | None = None

    def handshakes(self, now: float) -> TokenBucket:
        """What lets those who begin TLS do so at a bounded pace."""
        if self._handshakes is None:
            self._handshakes = TokenBucket(HANDSHAKES_PER_SECOND, HANDSHAKE_BURST, now)
        return self._handshakes

    def few_handshakes(self, now: float) -> TokenBucket:
        """What has one left for each of them as long as few do."""
        if self._few_handshakes is None:
            self._few_handshakes = TokenBucket(FEW_PER_SECOND, FEW_BURST, now)
        return self._few_handshakes

    def has_rested(self, now: float) -> bool:
        """Whether nothing is counted against those from there any more."""
        buckets = (self.bucket, self._handshakes, self._few_handshakes)
        return all(bucket is None or bucket.is_full(now) for bucket in buckets)

    def take(self, now: float, tokens: float) -> float:
        """Count what one of them asks for; return how many seconds it has to wait."""
        return 0.0 if self.bucket is None else self.bucket.take(now, tokens)

    def allow(self, per_second: float, burst: int, now: float) -> None:
        """Let them ask at this pace from now on; 0: as fast as they like."""
        if not per_second:
            self.bucket = None
        elif self.bucket is None:
            self.bucket = TokenBucket(per_second, burst, now)
        else:
            self.bucket.allow(per_second, burst, now)

    @property
    def share_seconds(self) -> float:
        """Seconds between two requests of one of them if they all took turns: a caller who asks for little need not wait longer than that."""
        return 0.0 if self.bucket is None else self.connections / self.bucket.per_second

    @property
    def is_busy(self) -> bool:
        """Whether they have asked for so much lately that they should let others go first."""
        return self.bucket is not None and self.bucket.is_low


class Pace:
    """What one caller has asked for lately, and what that cost."""

    __slots__ = ("_address", "_bucket", "_is_warned", "_owed")

    def __init__(self, bucket: TokenBucket, address: Address) -> None:
        self._bucket = bucket
        self._address = address
        self._owed = 0.0  # what answers have cost beyond the requests for them
        self._is_warned = False

    def allow(self, per_second: float, burst: int, now: float) -> None:
        """Let the caller ask at this pace from now on."""
        self._bucket.allow(per_second, burst, now)

    def owe(self, tokens: float) -> None:
        """Count something that costs as much as so many lines; it is paid before the next request."""
        self._owed += tokens

    def take(self, now: float, tokens: float, *, is_light: bool) -> tuple[float, float]:
        """Count what is asked for, and what is owed. Returns how many seconds it has to wait: for itself, and for all from its address."""
        if self._owed:
            tokens += self._owed
            self._owed = 0.0
        if self._bucket.is_full(now) and not self._address.is_busy:
            self._is_warned = False
        own, shared = self._bucket.take(now, tokens), self._address.take(now, tokens)
        # What others at the address have asked for, however dear, is not the debt of one who says a line now and then.
        if is_light and not self._bucket.is_low:
            shared = min(shared, self._address.share_seconds)
        return own, shared

    def warns(self) -> bool:
        """Whether the caller has to be told that it waits; it has been, then."""
        was_warned, self._is_warned = self._is_warned, True
        return not was_warned

    @property
    def asks_for_much(self) -> bool:
        """Whether the caller, or its address, has asked for much lately: then it waits for its turn, and others go first."""
        return self._bucket.is_low or self._address.is_busy
