"""What is noted of accounts and need not be stored at once: when they were used, and which tries have failed. One value for each of what it is about.

Never knows how it is stored.
"""

from typing import NamedTuple

import trio

from chat_server.accounts import Failure

NOTES_DELAY = 1.0
"""Seconds after which what was noted is stored if nothing else is."""


PUT_BACK_MAX = 10_000
"""Of each kind, so much waits again that could not be stored."""


class Noted(NamedTuple):
    """What was noted: by account and device the network and the time of the newest use; by network and account what failed."""

    seen: dict[tuple[int, int], tuple[str, float]]
    failures: dict[tuple[str, int], Failure]


class AccountNotes:
    """What waits to be stored."""

    def __init__(self) -> None:
        self._noted = Noted({}, {})
        self._has_more = trio.Event()

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self._noted.seen or self._noted.failures)

    def seen(self, account: int, device: int, network: str, at: float) -> None:
        """An account was used; see Accounts.note_seen."""
        self._noted.seen[account, device] = network, at
        self._has_more.set()

    def failed(self, failure: Failure) -> None:
        """So many tries have failed by now; see Accounts.note_failure."""
        self._noted.failures[failure.network, failure.account] = failure
        self._has_more.set()

    def take(self) -> Noted:
        """All of it, to be stored."""
        noted, self._noted = self._noted, Noted({}, {})
        return noted

    def put_back(self, noted: Noted) -> None:
        """What could not be stored waits again, unless something newer does; of too much, the newest."""
        seen = {**noted.seen, **self._noted.seen}
        failures = {**noted.failures, **self._noted.failures}
        self._noted = Noted(dict([*seen.items()][-PUT_BACK_MAX:]), dict([*failures.items()][-PUT_BACK_MAX:]))
        self._has_more.set()

    async def wait(self) -> None:
        """Wait until something has been noted for long enough; it may be stored by then."""
        await self._has_more.wait()
        self._has_more = trio.Event()
        await trio.sleep(NOTES_DELAY)
