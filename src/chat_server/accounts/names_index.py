"""Which names accounts have, or had until lately: asked at every login, so it is in memory.

Knows names by their keys (protocol/names.py) and by what they look like (their skeletons). Pure; never knows where accounts are stored,
nor who is here.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from msgspec import Struct

Why = Literal["taken", "alike", "kept", "code", "devices", "codes", "token", "gone", "held", "like-held", "changed"]
"""An account has the name, one that looks like it, or had one of both; the code is no good; there are too many devices or codes; another device has
the token; there is no such account, or it is closed; somebody who is here has the name, or one that looks like it; the account has
another password."""


class Refusal(Struct, frozen=True):
    """Why something is refused. `name` is the name that is in the way, if it may be told."""

    why: Why
    name: str = ""


class KeptName(NamedTuple):
    """A name that is kept from everybody but the account that had it (0: nobody's any more), until a time."""

    key: str
    skeleton: str
    account: int
    until: float


class NamesIndex:
    """The names of all accounts. 100,000 of them take 22 to 35 MB."""

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}
        self._skeletons: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._kept: dict[str, KeptName] = {}
        self._kept_skeletons: dict[str, KeptName] = {}
        self.changes = 0
        """How often an account has come to have a name."""

    def __len__(self) -> int:
        """How many accounts there are, or were."""
        return len(self._names)

    def name_of(self, account: int) -> str:
        """The name of an account; "" if there is none with this id."""
        return self._names.get(account, "")

    def holder(self, key: str) -> int:
        """Which account has the name with this key; 0: none."""
        return self._keys.get(key, 0)

    def whose(self, key: str, at: float) -> int:
        """Which account has the name with this key, or had it, if it is kept for that; 0: none."""
        kept = self._kept.get(key)
        return self.holder(key) or (kept.account if kept is not None and kept.until > at else 0)

    def refusal(self, key: str, skeleton: str, account: int, at: float) -> Refusal | None:
        """Why this account (0: a guest, or one that is to be) cannot have this name; None if it can."""
        other = self._keys.get(key, account)
        if other != account:
            return Refusal("taken", self._names[other])
        other = self._skeletons.get(skeleton, account)
        if other != account:
            return Refusal("alike", self._names[other])
        for kept in (self._kept.get(key), self._kept_skeletons.get(skeleton)):
            if kept is not None and kept.until > at and (kept.account != account or not account):
                return Refusal("kept")
        return None

    def load(self, names: Iterable[tuple[int, str, str, str]], kept: Iterable[KeptName]) -> None:
        """Take in what is stored: each account's id, name, key and skeleton; and the names that are kept."""
        for account, name, key, skeleton in names:
            self.put(account, name, key, skeleton)
        for name_kept in kept:
            self.keep(name_kept)

    def put(self, account: int, name: str, key: str, skeleton: str) -> None:
        """An account has this name, and no other any more."""
        self.changes += 1
        one_key = name if key == name else key  # most of them are one text
        one_skeleton = one_key if skeleton == key else skeleton
        self._names[account] = name
        self._keys[one_key] = account
        self._skeletons[one_skeleton] = account

    def take(self, account: int, key: str, skeleton: str) -> None:
        """The account has this name no longer."""
        for known, text in ((self._keys, key), (self._skeletons, skeleton)):
            if known.get(text) == account:
                del known[text]

    def forget_old(self, at: float) -> None:
        """Keep no name any longer that need not be kept. Looks at all that are kept."""
        self.forget_kept([name for name in self._kept.values() if name.until <= at])

    def take_all(self, account: int) -> None:
        """The account has no name, as far as is known: whichever that was. Looks at all names."""
        for known in (self._keys, self._skeletons):
            for text in [text for text, other in known.items() if other == account]:
                del known[text]

    def kept_for(self, account: int) -> set[KeptName]:
        """The names that are kept for an account. Looks at all that are kept."""
        return {name for name in self._kept.values() if name.account == account}

    def keep(self, name: KeptName) -> None:
        """Keep a name from others, instead of what was kept of it."""
        self._kept[name.key] = name
        self._kept_skeletons[name.skeleton] = name

    def forget_kept(self, names: Iterable[KeptName]) -> None:
        """Keep these names no longer."""
        for name in names:
            for known, text in ((self._kept, name.key), (self._kept_skeletons, name.skeleton)):
                if known.get(text) == name:
                    del known[text]
