"""Token buckets: how long a sender waits before the next line.

What costs how many tokens, pace.py and its callers say. Pure arithmetic; the clock is the caller's.
"""


class TokenBucket:
    """Lets `burst` lines pass at once and `per_second` lines a second in the long run."""

    __slots__ = ("_burst", "_tokens", "_updated", "per_second")

    def __init__(self, per_second: float, burst: int, now: float) -> None:
        """Start full, at the time `now` in seconds."""
        self.per_second = per_second
        """Lines a second in the long run."""
        self._burst = burst
        self._tokens = float(burst)
        self._updated = now

    def allow(self, per_second: float, burst: int, now: float) -> None:
        """Let so many pass from now on. What has been taken of the burst is so still, but a smaller burst is no debt."""
        self.take(now, 0)
        self._tokens = min(burst, self._tokens + max(0, burst - self._burst))
        self.per_second, self._burst = per_second, burst

    def take(self, now: float, tokens: float = 1) -> float:
        """Take tokens; return how many seconds to wait until they are really there (0: they are)."""
        self._tokens = min(self._burst, self._tokens + (now - self._updated) * self.per_second) - tokens
        self._updated = now
        return max(0.0, -self._tokens / self.per_second)

    def is_full(self, now: float) -> bool:
        """Whether the sender has been quiet for long enough to have the whole burst again."""
        return self._tokens + (now - self._updated) * self.per_second >= self._burst

    @property
    def is_low(self) -> bool:
        """Whether less than three quarters of the burst were left when something was last taken: nobody who types gets there."""
        return self._tokens * 4 < self._burst * 3
