"""What a new name must be like, of a person or of a room, beyond what may be a name (protocol/names.py).

What has a name already keeps it, whatever these rules become: they are asked when a name is taken, and never of what is stored. Pure; never
knows who has which name.
"""

from functools import cache

from chat_server.accounts.look_alikes import described, skeleton
from chat_server.accounts.scripts import foreign_letter
from chat_server.protocol.names import BadName, name_key, parse_name

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
    # To whom IRC has people write their passwords: /msg NickServ identify …
    | {f"{what}serv" for what in ("nick", "chan", "memo", "oper", "bot", "host", "sasl", "auth", "user")}
    | {"chatserver", "sysadmin", "sysop", "operator", "服务器", "系统", "管理员", "系统管理员"}
)


def parse_new_name(text: str) -> str:
    """Return the name of something new in its one form.

    Raises:
        BadName: also if it has a letter that looks like a mark of the server's own lines, or letters of scripts that nobody writes together.

    """
    name = parse_name(text)
    if not _LIKE_A_MARK.isdisjoint(name):
        raise BadName("name-like-mark")
    if letter := foreign_letter(name):
        raise BadName("name-mixes-scripts", {"name": name, "letter": letter, "which": described(letter)})
    return name


def parse_nickname(text: str) -> str:
    """Return somebody's new nickname in its one form.

    Raises:
        BadName: also if it is, or looks like, a word by which the server, or who looks after it, is called.

    """
    name = parse_new_name(text)
    if _letters_of(name_key(name)) in _SERVERS_OWN or _letters_of(skeleton(name)) in _skeletons_of_servers_own():
        raise BadName("name-of-server")
    return name


def _letters_of(name: str) -> str:
    return "".join(filter(str.isalpha, name))


@cache
def _skeletons_of_servers_own() -> frozenset[str]:
    return frozenset(map(skeleton, filter(str.isascii, _SERVERS_OWN)))
