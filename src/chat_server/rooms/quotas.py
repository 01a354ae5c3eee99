"""How often somebody may do what is rare. Pure arithmetic; the clock is the caller's."""


class Quotas:
    """How often each of many may do something rare: `limit` times within `seconds`, in the long run too. 0 is no limit.

    Kept are only those of whom something still counts.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self._seconds = seconds
        self._used: dict[str, list[float]] = {}

    def is_used_up(self, who: str, now: float) -> bool:
        """Whether this one has to wait. `now` is in seconds, of any clock that never goes back."""
        return bool(self.limit) and len(self._recent(who, now)) >= self.limit

    def use(self, who: str, now: float) -> None:
        """Count that this one has done it."""
        if not self.limit:
            return
        self._used = {known: times for known in self._used if (times := self._recent(known, now))}
        self._used.setdefault(who, []).append(now)

    def take_back(self, who: str, at: float) -> None:
        """It did not come to what was counted at this time."""
        if at in (times := self._used.get(who, [])):  # no limit may have counted then
            times.remove(at)

    def _recent(self, who: str, now: float) -> list[float]:
        return [at for at in self._used.get(who, ()) if at > now - self._seconds]
