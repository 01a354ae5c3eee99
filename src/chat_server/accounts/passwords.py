"""What may be a password, and what a new one must be like beyond that.

Pure. A password is a value that shows itself to nobody: only hashing.py asks for its bytes. Never knows whose it is, nor what is stored of it.
"""

from functools import cache
from typing import final
from unicodedata import category, normalize

from chat_server.protocol.names import name_key
from chat_server.protocol.sanitize import sanitize

PASSWORD_MAX = 256
"""Bytes in a password. Hashing takes no longer for more, but what carries it does."""

PASSWORD_TYPED_MAX = 4 * PASSWORD_MAX
"""Characters that may stand for a password before it is in its one form."""

NEW_PASSWORD_MIN = 8
"""Characters in a new password (NIST SP 800-63B). There are no rules of what it is made of: they make people write `Passw0rd!`."""


class BadPassword(ValueError):
    """That cannot be a password, or not a new one. `code` says why; the password is not told."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@final
class Password:
    """A password in its one form. Whatever is written of it, by a log, a traceback or a mistake, is only that it is one."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Password(…)"

    def reveal(self) -> bytes:
        """Return what is hashed."""
        return self._text.encode()

    def is_common(self) -> bool:
        """Whether it is among those that are tried first, whatever its capitals."""
        return self._text.casefold() in _common()

    def is_name(self, name: str) -> bool:
        """Whether it counts as the same as a name."""
        return name_key(self._text) == name_key(name)

    def __len__(self) -> int:
        """How many characters it has."""
        return len(self._text)


def parse_password(text: str) -> Password:
    """Return the password in its one form, the same at every door: clean, its spaces plain ones, NFC (OpaqueString of RFC 8265). Case counts.

    Raises:
        BadPassword: if it has not 1 to PASSWORD_MAX bytes. This is asked before anything is hashed, whoever asks.

    """
    if len(text) > PASSWORD_TYPED_MAX:
        raise BadPassword("password-length")
    spaced = "".join(" " if category(one) == "Zs" else one for one in sanitize(text))
    one_form = normalize("NFC", spaced)
    if not 1 <= len(one_form.encode()) <= PASSWORD_MAX:
        raise BadPassword("password-length")
    return Password(one_form)


def parse_new_password(text: str, name: str) -> Password:
    """Return the password that somebody of this name chooses.

    Raises:
        BadPassword: also if it is short, the name itself, or one of those that everybody tries first.

    """
    password = parse_password(text)
    if len(password) < NEW_PASSWORD_MIN:
        raise BadPassword("password-short")
    if password.is_name(name):
        raise BadPassword("password-is-name")
    if password.is_common():
        raise BadPassword("password-common")
    return password


@cache
def _common() -> frozenset[str]:
    from importlib.resources import files  # noqa: PLC0415 - a start does without it

    lines = files("chat_server.accounts").joinpath("common_passwords.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))
