"""Passwords are hashed with argon2id, one after another, in a thread beside the event loop, behind a short queue that refuses what is too much.

Never knows whose password it is, nor where a hash is stored.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple, Protocol, TypeVar

import trio
from msgspec import Struct

from chat_server.accounts.passwords import Password

if (
    find_spec("argon2") is None
):  # a start says so, not somebody's first login; it is imported by that, for it takes 30 ms
    raise ModuleNotFoundError("No module named 'argon2'", name="argon2")

T = TypeVar("T")

PLACES = 16
"""Passwords that are hashed or wait for it. At 30 to 60 ms each, the last of them waits no longer than a second."""

PLACES_PER_NETWORK = 2
"""Those of them that come from one network: a flood from a few leaves room for the others."""

PLACES_FOR_KNOWN = 4
"""Places more for those who are no strangers (throttles.py), so that strangers cannot take them all."""

HASH_MAX = 256
"""Characters in a stored hash. One has 97."""

DEARER_MAX = 4
"""How many times as dear as a new hash a stored one may be. What is stored says itself what it takes: a journal that was restored from
anywhere could ask for gigabytes, or minutes."""


class Cost(NamedTuple):
    """What one hash costs: a recommendation of OWASP's, 27 ms and 19 MiB. One thread, for more would take both cores from everybody else."""

    passes: int = 2
    memory: int = 19_456
    """KiB."""


class UnusableHash(ValueError):
    """What is stored is no hash of argon2id, or takes too much to be compared with."""


class Verdict(Struct, frozen=True):
    """What comes of comparing a password with a hash."""

    matches: bool
    rehashed: str = ""
    """A new hash of the same password, to be stored instead: the old one was made at a lower cost."""
    is_unusable: bool = False
    """Whether the stored hash cannot be compared with anything, so that nobody comes in by it."""


class Hasher(Protocol):
    """Makes hashes, and compares with them. Its methods block, and are called in a thread, one at a time."""

    @property
    def nobodys(self) -> str:
        """A hash of no password, which costs as much as any other to compare with."""

    def hashed(self, password: Password) -> str:
        """Return a hash of the password, which says how it was made."""

    def matches(self, password: Password, stored: str) -> bool:
        """Whether this is the password's hash.

        Raises:
            UnusableHash: nothing can be compared with it.

        """

    def is_weak(self, stored: str) -> bool:
        """Whether a hash that can be compared with was made at a lower cost than new ones are."""


class Argon2:
    """The hasher of the server."""

    def __init__(self, cost: Cost | None = None) -> None:
        self._cost = cost or Cost()
        salt, nothing = (b64encode(bytes(size)).rstrip(b"=").decode() for size in (16, 32))
        self.nobodys = f"$argon2id$v=19$m={self._cost.memory},t={self._cost.passes},p=1${salt}${nothing}"

    def hashed(self, password: Password) -> str:
        """Return a hash of the password, with a salt of its own."""
        import argon2  # noqa: PLC0415 - see above

        hasher = argon2.PasswordHasher(time_cost=self._cost.passes, memory_cost=self._cost.memory, parallelism=1)
        return hasher.hash(password.reveal())

    def matches(self, password: Password, stored: str) -> bool:
        """Whether this is the password's hash. See Hasher."""
        from argon2.exceptions import Argon2Error, VerifyMismatchError  # noqa: PLC0415 - see above
        from argon2.low_level import Type, verify_secret  # noqa: PLC0415 - see above

        self._parameters(stored)
        try:
            return verify_secret(stored.encode(), password.reveal(), Type.ID)
        except VerifyMismatchError:
            return False
        except Argon2Error:
            raise UnusableHash from None

    def is_weak(self, stored: str) -> bool:
        """Whether it was made with fewer passes, or in less memory, than new ones are."""
        passes, memory = self._parameters(stored)
        return passes < self._cost.passes or memory < self._cost.memory

    def _parameters(self, stored: str) -> Cost:
        """What a hash takes to be compared with."""
        import argon2  # noqa: PLC0415 - see above

        try:
            known = argon2.extract_parameters(stored[: HASH_MAX + 1])
        except ValueError:  # InvalidHashError is one, and so is what is no number
            raise UnusableHash from None
        passes, memory = known.time_cost, known.memory_cost
        is_dear = (
            memory > DEARER_MAX * self._cost.memory
            or passes * memory > DEARER_MAX * self._cost.passes * self._cost.memory
        )
        if len(stored) > HASH_MAX or known.type is not argon2.Type.ID or is_dear or known.parallelism > DEARER_MAX:
            raise UnusableHash
        return Cost(passes, memory)


class Busy(Exception):
    """As many passwords as can wait to be hashed are waiting. Whoever is told so may try again in a moment."""


class Elsewhere(Protocol):
    """Does a piece of work elsewhere, and comes back when it is done, even if it is cancelled meanwhile."""

    async def __call__(self, work: Callable[[], T], /) -> T:
        """Return what comes of the work."""


async def in_thread(work: Callable[[], T], /) -> T:
    """Do a piece of work in a thread: argon2 leaves the interpreter to everybody else."""
    return await trio.to_thread.run_sync(work)


class HashingQueue:
    """Where passwords wait to be hashed.

    A place belongs to the work: who hangs up while it is done takes the place along until it is done; who hangs up before, has none done.
    """

    def __init__(self, hasher: Hasher, elsewhere: Elsewhere = in_thread) -> None:
        self._hasher = hasher
        self._elsewhere = elsewhere
        self._worker = trio.Lock()
        self._waiting: Counter[str] = Counter()
        self.is_lifted = False
        """Whether those from one network may take all places for now: when everybody comes back at once."""
        self.refused = 0
        """How many have come while too many waited."""

    @property
    def waiting(self) -> int:
        """How many passwords are hashed or wait for it."""
        return self._waiting.total()

    async def hashed(self, password: Password, network: str) -> str:
        """Return a hash of a password, for somebody who comes from this network.

        Raises:
            Busy: too many wait.

        """
        return await self._in_turn(network, lambda: self._hasher.hashed(password))

    async def compare(self, password: Password, stored: str | None, network: str, *, is_known: bool = False) -> Verdict:
        """Compare a password with a stored hash. None, for an account without one, or that is none: it matches nothing, and takes as long.

        Args:
            password: what was typed.
            stored: the hash.
            network: from where.
            is_known: whether the account's owner has logged in from there before (throttles.py).

        Raises:
            Busy: too many wait.

        """
        places = PLACES + PLACES_FOR_KNOWN if is_known else PLACES
        return await self._in_turn(network, lambda: self._compared(password, stored), places)

    def _compared(self, password: Password, stored: str | None) -> Verdict:
        hasher = self._hasher
        if stored is None:
            hasher.matches(password, hasher.nobodys)
            return Verdict(matches=False)
        try:
            matches = hasher.matches(password, stored)
        except UnusableHash:
            hasher.matches(password, hasher.nobodys)
            return Verdict(matches=False, is_unusable=True)
        return Verdict(matches, hasher.hashed(password) if matches and hasher.is_weak(stored) else "")

    async def _in_turn(self, network: str, work: Callable[[], T], places: int = PLACES) -> T:
        of_network = places if self.is_lifted else PLACES_PER_NETWORK
        if self.waiting >= places or self._waiting[network] >= of_network:
            self.refused += 1
            raise Busy
        self._waiting[network] += 1
        try:
            async with self._worker:
                return await self._elsewhere(work)
        finally:
            self._waiting[network] -= 1
            if not self._waiting[network]:
                del self._waiting[network]
