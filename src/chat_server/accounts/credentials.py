"""What somebody shows instead of a password: tokens, which programs keep, and codes, which people type. Both are kept as digests alone.

A one-time code is short, good for one use and some minutes, and may be seen; a recovery code is long, good until it is used, and a secret. Both are
written in Crockford's base 32, which has no I, L, O and U: whoever reads O for 0, or l for 1, is understood. Pure but for the system's random
numbers. Never knows whose they are.
"""

import hashlib
import secrets
import string
from binascii import crc32

from msgspec import Struct

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("OIL", "011", "- ")

ONE_TIME, RECOVERY = 8, 20
"""Letters of a code: 40 random bits, of which a stranger may guess a few times; and 100, of which anybody may guess for ever."""

_TYPED_MAX = 40
"""Characters in which a code may be typed."""

BEGINNING = "ct_"
"""Begins a bot's token, so that whoever looks for secrets in what is published finds it."""

_DIGITS = string.digits + string.ascii_letters
_SECRET, _CHECK = 22, 6
"""Characters of it that are random, 131 bits; and that tell one that was mistyped or cut."""

RECOVERY_CODES = 2
"""Recovery codes of a new account: one to be lost."""


class TypedCode(Struct, frozen=True):
    """A code, as somebody has typed it. What is written of it, by a log or a traceback, is only that it is one."""

    digest: bytes
    is_recovery: bool

    def __repr__(self) -> str:
        return "TypedCode(…)"


class NewCode(Struct, frozen=True):
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


def new_bot_token() -> str:
    """A token that nobody has, for a bot: `ct_`, 22 characters, and six that follow from them."""
    token = BEGINNING + "".join(secrets.choice(_DIGITS) for _ in range(_SECRET))
    return token + _check_of(token)


def is_for_bots(token: str) -> bool:
    """Whether this is meant to be a bot's token, whole or not."""
    return token.startswith(BEGINNING) and len(token) != _SECRET  # as long is what a program makes for itself


def is_whole(token: str) -> bool:
    """Whether a bot's token is as it was made."""
    secret = token[: len(BEGINNING) + _SECRET]
    return is_for_bots(token) and len(secret) == len(BEGINNING) + _SECRET and token == secret + _check_of(secret)


def _check_of(token: str) -> str:
    number, check = crc32(token.encode()), ""
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_DIGITS))
        check = _DIGITS[digit] + check
    return check


def digest_of_token(token: str) -> bytes:
    """What is kept of an account's token. It has 128 random bits, so that a fast digest is enough."""
    return _digest("token", token)


def _digest(kind: str, secret: str) -> bytes:
    return hashlib.sha256(f"{kind}:{secret}".encode()).digest()
