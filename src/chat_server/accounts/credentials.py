"""What somebody shows instead of a password: tokens, which programs keep, and codes, which people type. Both are kept as digests alone.

A one-time code is short, good for one use and some minutes, and may be seen; a recovery code is long, good until it is used, and a secret. Both are
written in Crockford's base 32, which has no I, L, O and U: whoever reads O for 0, or l for 1, is understood. Pure but for the system's random
numbers. Never knows whose they are.
"""

import hashlib
import secrets
from typing import NamedTuple

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("OIL", "011", "- ")

ONE_TIME, RECOVERY = 8, 20
"""Letters of a code: 40 random bits, of which a stranger may guess a few times; and 100, of which anybody may guess for ever."""

_TYPED_MAX = 40
"""Characters in which a code may be typed."""

RECOVERY_CODES = 2
"""Recovery codes of a new account: one to be lost."""


class TypedCode(NamedTuple):
    """A code, as somebody has typed it. What is written of it, by a log or a traceback, is only that it is one."""

    digest: bytes
    is_recovery: bool

    def __repr__(self) -> str:
        return "TypedCode(…)"


class NewCode(NamedTuple):
    """A code as it is shown, once, and what is kept of it."""

    shown: str
    digest: bytes

    def __repr__(self) -> str:
        return "NewCode(…)"


def new_code(letters: int = ONE_TIME) -> NewCode:
    """A code that nobody has: `7K3M-Q9TZ`, or a longer one."""
    code = "".join(secrets.choice(_LETTERS) for _ in range(letters))
    return NewCode("-".join(code[start : start + 4] for start in range(0, letters, 4)), _digest("code", code))


def parse_code(typed: str) -> TypedCode | None:
    """The code that was typed, in capitals or not, with or without its dashes; None if it cannot be one."""
    if len(typed) > _TYPED_MAX:
        return None
    code = typed.upper().translate(_READ_AS)
    if len(code) not in (ONE_TIME, RECOVERY) or not set(_LETTERS).issuperset(code):
        return None
    return TypedCode(_digest("code", code), len(code) == RECOVERY)


def digest_of_token(token: str) -> bytes:
    """What is kept of an account's token. It has 128 random bits, so that a fast digest is enough."""
    return _digest("token", token)


def _digest(kind: str, secret: str) -> bytes:
    return hashlib.sha256(f"{kind}:{secret}".encode()).digest()
