"""What may be a name, of a person or of a room, and when two names are the same.

Pure; never knows who has which name (rooms/held_names.py does), nor what is asked of new ones (accounts/new_names.py does). No name costs
more than its bounded length: what is too long to be one is never normalised.
"""

from collections.abc import Collection, Iterable
from unicodedata import category, normalize

from msgspec import UnsetType

from chat_server.protocol.sanitize import sanitize

NAME_MAX = 32
"""Characters in a name. ssh-chat allows 16, Ergo 32."""

NAME_TYPED_MAX = 4 * NAME_MAX
"""Characters that may stand for a name before it is in its one form: four code points at most become one (`ᾂ` and the like)."""

SERVER = "server"
"""As whom the server itself does something in a room: nobody else may be called so (accounts/new_names.py)."""

OPERATOR = "(operator)"
"""As whom an operator stands in what was done: nobody can be called so."""

GUEST = "?"
"""Stands after the name of somebody without an account where people read it, if others have one. No name has it in it."""

BOT = "[bot]"
"""The same after the name of somebody for whom a bot of theirs speaks."""

# Letters, digits and marks that a terminal draws as nothing: a name made of them cannot be seen.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0") | {
    chr(code) for code in range(0xFE00, 0xFE10)
}


class BadName(ValueError):
    """Somebody asked for a name that cannot be one. `code` is a key of the catalogue of sentences, `details` what stands in its sentence."""

    def __init__(self, code: str, details: dict[str, str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.details = details or {}


def parse_name(text: str) -> str:
    """Return the name in its one form (NFKC).

    Raises:
        BadName: if it is empty or too long, or holds anything but letters of any script (with their marks), digits, `-` and `_`.

    """
    if len(text) > NAME_TYPED_MAX:
        raise BadName("name-length")
    if len(text) <= NAME_MAX and text.isascii() and text.replace("-", "").replace("_", "").isalnum():
        return text  # as most are: each of its characters may stand there, and it has no other form
    name = normalize("NFKC", text)
    if not 1 <= len(name) <= NAME_MAX:
        raise BadName("name-length")
    if not all(map(may_stand_in_a_name, name)) or category(name[0]).startswith("M") or sanitize(name) != name:
        raise BadName("name-characters")
    return name


def name_key(name: str) -> str:
    """Return what two names share when they count as the same: case folded, in compatibility form.

    What is too long to be a name is returned as it is: it is nobody's, and whoever looks for it finds nothing at no cost.
    """
    if len(name) > NAME_TYPED_MAX:
        return name
    key = name.lower() if name.isascii() else normalize("NFKC", normalize("NFKC", name).casefold())
    return name if key == name else key  # one value for both: they are kept in four places for each who is there


def was_a_name(name: str) -> bool:
    """Whether release 0.1.0 could store this name. What is stored is read for ever, whatever new names must be like."""
    return (
        1 <= len(name) <= 32  # noqa: PLR2004 - as it was then
        and category(name[0])[0] != "M"
        and all(part in "-_" or category(part)[0] in "LM" or category(part) in {"Nd", "Cn"} for part in name)
    )


def may_stand_in_a_name(character: str) -> bool:
    """Whether the character is a letter of some script, a mark on one, a digit, `-` or `_`."""
    if character in "-_":
        return True
    kind = category(character)
    return (
        (kind[0] == "L" or kind in {"Nd", "Mn", "Mc"})
        and character not in _INVISIBLE
        and not "\U000e0100" <= character <= "\U000e01ef"
    )


def marked(nicks: Iterable[str], guests: Collection[str] | UnsetType) -> list[str]:
    """The names as people read them: with a mark after those that are of guests."""
    if isinstance(guests, UnsetType):
        return [*nicks]
    marks = frozenset(guests)
    return [f"{nick}{GUEST}" if nick in marks else nick for nick in nicks]
