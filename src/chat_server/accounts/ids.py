"""Numbers and names that are nobody's: for new accounts, and for those that end. Random, by the system's random numbers alone."""

import secrets
from collections.abc import Callable, Iterator
from itertools import count

from chat_server.protocol.requests import NUMBER_MAX

_DIGITS, _TRIES = 4, 16
"""Digits of an anonymous name, as long as few are in use; and tries before it gets one more."""


def new_id(is_used: Callable[[int], bool]) -> int:
    """An account's number to be: one that every program which reads JSON can count, and that was never used."""
    while is_used(number := 1 + secrets.randbelow(NUMBER_MAX)):
        pass
    return number


def anonymous_names() -> Iterator[str]:
    """Names of accounts that have ended, for ever: "deleted-4f2a", and others of that kind. They say nothing of whose they are."""
    for digits in count(_DIGITS):
        for _ in range(_TRIES):
            yield f"deleted-{secrets.token_hex(digits)[:digits]}"
