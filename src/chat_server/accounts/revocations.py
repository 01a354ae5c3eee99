"""What let somebody in as an account, and does so no more: whoever is just being let in by it is not.

To prove something takes time, and so does to store that it is worth nothing any more. Never knows what was proved, nor who is here.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

REMEMBERED_MAX = 4096
"""Accounts of which it is known that something was revoked; those are forgotten of which that is longest ago: no proof takes so long."""


class Revocations:
    """Of which account something was revoked, and when."""

    def __init__(self) -> None:
        self.moment = 0
        """Goes on whenever something is revoked. Whoever is to prove something notes it before that is looked at."""
        self._last: dict[int, int] = {}
        self._going_on: Counter[int] = Counter()

    def were_since(self, account: int, moment: int) -> bool:
        """Whether something of the account's was revoked since this moment, or is just being revoked."""
        return account in self._going_on or self._last.get(account, 0) > moment

    @contextmanager
    def revoking(self, account: int) -> Iterator[None]:
        """Store in this block that something lets nobody in any more.

        Whoever is just being let in has to prove anew who they are: so those who are there when it ends are all whose sessions are to end.
        """
        self._going_on[account] += 1
        try:
            yield
        finally:
            self._going_on -= Counter([account])  # and nothing is kept of those of whom none is left
            self.moment += 1
            self._last.pop(account, None)
            self._last[account] = self.moment
            if len(self._last) > REMEMBERED_MAX:
                del self._last[next(iter(self._last))]
