"""What may be kept of a typed text, or shown again: not what stands behind a command about accounts, for that may be a password or a code.

Whatever writes down what somebody has typed asks here first. Pure; never knows where it is
written.
"""

from collections.abc import Collection, Container, Mapping
from types import MappingProxyType

from chat_server.protocol.aliases import expanded_line
from chat_server.protocol.requests import Say, tag_of
from chat_server.protocol.sanitize import typed_lines
from chat_server.protocol.typed import (
    SLASHES,
    begun,
    command_below,
    command_in,
    folded_word,
    grown,
    nearest,
    with_slash_first,
)

BEFORE_SECRETS: Mapping[str, Container[str]] = {
    "login": (),
    "register": (),
    "password": (),
    "account": ("close", "anonymise", "erase"),
    "code": ("device", "invite", "recovery"),
}
"""Commands behind which somebody may type a secret, though it is never asked for there; each with the words that may come first, and are none."""

SERVICES = ("nickserv", "authserv", "saslserv", "userserv")
"""To whom people write their passwords in IRC, and nobody else. Nobody is called so (the server's accounts/new_names.py)."""

NO_ALIASES: Mapping[str, str] = MappingProxyType({})


def before_secrets(text: str, commands: Collection[str] = (), aliases: Mapping[str, str] = NO_ALIASES) -> str:
    """The words of the command with which a text begins, if a secret may stand behind that; "" if it begins with no such command.

    However that is written: in wide letters, by one of the user's `aliases`, or mistyped: nearer to it than to any other of the `commands`.
    """
    typed = typed_lines(text)
    typed = with_slash_first(typed) or typed
    if not typed.startswith("/") or typed.startswith("//"):  # with two it is said
        return ""
    first = typed.partition("\n")[0]
    expanded = expanded_line(first, aliases, lambda word: word.casefold() in commands)
    if expanded != first:
        return first.split()[0] if before_secrets(expanded, commands) else ""
    word, *following = typed[1:].split() or [""]
    word = word.lstrip(SLASHES)
    own = SERVICES if folded_word(word) == "msg" else BEFORE_SECRETS.get(_meant(folded_word(word), commands))
    if own is SERVICES and not (following and folded_word(following[0]) in own):
        return ""
    if own is None:
        return ""
    return f"/{word} {following[0]}" if following and folded_word(following[0]) in own else f"/{word}"


def as_meant(text: str, commands: Collection[str] = (), aliases: Mapping[str, str] = NO_ALIASES) -> str:
    """Return the text with its slash first, if a command before secrets is behind blanks, or behind what a Chinese keyboard has for a slash.

    As the server takes a line that is typed at its own doors: what else begins so is said.
    """
    meant = with_slash_first(typed_lines(text))
    return meant if meant and before_secrets(meant, commands, aliases) else text


def without_secrets(text: str, commands: Collection[str] = (), aliases: Mapping[str, str] = NO_ALIASES) -> str:
    """Return as much of the text as may be kept: all of it, or its beginning."""
    words = before_secrets(text, commands, aliases)
    if not words and (below := secret_below(text, commands, aliases)):
        return typed_lines(text).partition(f"\n{below}")[0]
    return words if words and len(words.split()) < len(text.split()) else text


def secret_below(text: str, commands: Collection[str] = (), aliases: Mapping[str, str] = NO_ALIASES) -> str:
    """Return the line of a text to be said which begins with a command before secrets, if that is not its first; "" if there is none.

    As at the server's own doors: what /say says is said, and a mistyped command at the end has nothing behind it.
    """

    def is_before_secret(line: str, is_last: bool) -> bool:
        words = before_secrets(line, commands, aliases)
        is_mistyped = folded_word(words.partition(" ")[0]) not in BEFORE_SECRETS
        return bool(words) and not (is_last and is_mistyped and len(line.split()) == len(words.split()))

    typed = typed_lines(text)
    if "\n" not in typed:
        return ""
    found = command_in(typed, lambda word: word.casefold() in commands)
    if not isinstance(found, str) and found[0].casefold() == tag_of(Say):
        return ""
    return command_below([line for line in typed.split("\n") if line.strip()], is_before_secret)


def _meant(word: str, commands: Collection[str]) -> str:
    """Return the command that a folded word is, or was probably meant to be.

    That is one before secrets which it only begins, or which it begins with, or else the nearest of all.
    """
    if word in BEFORE_SECRETS or word in commands:
        return word
    return begun(word, BEFORE_SECRETS) or grown(word, BEFORE_SECRETS) or nearest(word, [*BEFORE_SECRETS, *commands])
