"""What may be a name, of a person or of a room, and when two names are the same.

Pure; never knows who has which name (rooms/directory.py does). No name costs more than its bounded length: what is too long to be one is never
normalised.
"""

from unicodedata import category, normalize

from chat_server.protocol.sanitize import sanitize

NAME_MAX = 32
"""Characters in a name. ssh-chat allows 16, Ergo 32."""

NAME_TYPED_MAX = 4 * NAME_MAX
"""Characters that may stand for a name before it is in its one form: four code points at most become one (`ᾂ` and the like)."""

# Letters, digits and marks that a terminal draws as nothing: a name made of them cannot be seen.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0") | {
    chr(code) for code in range(0xFE00, 0xFE10)
}


# Letters that are drawn like the marks of the server's own lines (see sentences.py): those of Unicode's table of confusables (UTS #39) for `*`, `:`
# and `#`, and two that it has not and the eye has. No letter looks like `~`. `-` may stand in a name itself, so what looks like it adds nothing.
# Visargas look like `:` too, but names in Sanskrit end in them.
_LIKE_A_MARK = frozenset("\u156f\U0001031f\u02d0\ua4fd\u2d4c")

# Who speaks for the server, in the languages that it speaks, without `-`, `_` and digits. Rooms may be called so: no line begins with a room's name.
_SERVERS_OWN = frozenset(
    {
        f"{article}{word}"
        for article in ("", "the")
        for word in ("server", "system", "admin", "administrator", "moderator")
    }
    | {"chatserver", "sysadmin", "sysop", "operator", "服务器", "系统", "管理员", "系统管理员"}
)


class BadName(ValueError):
    """Somebody asked for a name that cannot be one. `code` is a key of the catalogue of sentences."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def parse_name(text: str) -> str:
    """Return the name in its one form (NFKC).

    Raises:
        BadName: if it is empty or too long, or holds anything but letters of any script (with their marks), digits, `-` and `_`.

    """
    if len(text) > NAME_TYPED_MAX:
        raise BadName("name-length")
    name = normalize("NFKC", text)
    if not 1 <= len(name) <= NAME_MAX:
        raise BadName("name-length")
    if not all(map(may_stand_in_a_name, name)) or category(name[0]).startswith("M") or sanitize(name) != name:
        raise BadName("name-characters")
    return name


def parse_new_name(text: str) -> str:
    """Return the name of something new in its one form: what was named before this was asked keeps its name.

    Raises:
        BadName: also if it has a letter that looks like a mark of the server's own lines.

    """
    name = parse_name(text)
    if not _LIKE_A_MARK.isdisjoint(name):
        raise BadName("name-like-mark")
    return name


def parse_nickname(text: str) -> str:
    """Return somebody's new nickname in its one form.

    Raises:
        BadName: also if it is a word by which the server, or who looks after it, is called.

    """
    name = parse_new_name(text)
    if "".join(filter(str.isalpha, name_key(name))) in _SERVERS_OWN:
        raise BadName("name-of-server")
    return name


def name_key(name: str) -> str:
    """Return what two names share when they count as the same: case folded, in compatibility form.

    What is too long to be a name is returned as it is: it is nobody's, and whoever looks for it finds nothing at no cost.
    """
    return name if len(name) > NAME_TYPED_MAX else normalize("NFKC", normalize("NFKC", name).casefold())


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
