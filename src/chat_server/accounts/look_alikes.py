"""Which names look alike: those that have one skeleton (Unicode's UTS #39, section 4).

Pure; never knows who has which name. Unicode's table of letters (unicode_tables.py) is read when the first name comes that is not ASCII.
"""

from functools import cache
from unicodedata import name as name_of
from unicodedata import normalize

from chat_server.protocol.late_pattern import LatePattern

_DIGITS = str.maketrans("01", "ol")
# Written so, a capital I is read as an l: paypaI. At a name's beginning, and among capitals, it is read as what it is: Ian, IVAN.
_AS_L = LatePattern("(?<=[a-z])I")


def skeleton(name: str) -> str:
    """Return what all names share that look like this one. It depends on how the name is written, capitals too: that is what people see.

    Names that count as the same (protocol/names.py) need not have the same; they are told apart, or not, by their key. It is its own skeleton.
    The name is one: it has no more than NAME_MAX characters.
    """
    if name.isascii():
        shown = _AS_L.sub("l", name) if "I" in name else name
        shape = shown.lower().translate(_DIGITS)
        return name if shape == name else shape  # one value for both, as in name_key
    shapes = _shapes()
    shown = normalize("NFD", normalize("NFKC", name)).translate(shapes)
    folded = normalize("NFKD", normalize("NFKD", _AS_L.sub("l", shown)).casefold())
    return normalize("NFKD", folded.translate(shapes))


@cache
def _shapes() -> dict[int, str]:
    """What each letter is drawn like that is drawn like another."""
    from chat_server.accounts.unicode_tables import LOOK_ALIKES  # noqa: PLC0415 - 1 ms and 300 KiB, for nothing where all names are ASCII

    words = iter(LOOK_ALIKES.split(" "))
    return {ord(letter): shape for shape, letters in zip(words, words, strict=True) for letter in letters}


def telling_letter(name: str, other: str) -> str:
    """Return the first letter of a name in which it differs from another that looks like it."""
    letters, others = normalize("NFKC", name), normalize("NFKC", other)
    different = (one for one, two in zip(letters, others, strict=False) if one.casefold() != two.casefold())
    return next(different, letters[min(len(others), len(letters) - 1)])


def difference(name: str, other: str) -> dict[str, str]:
    """Return what there is to say of a name that looks like another: both, and the letter by which one tells them apart."""
    letter = telling_letter(name, other)
    return {"name": name, "other": other, "letter": letter, "which": described(letter)}


def described(letter: str) -> str:
    """Return which letter it is, for those who cannot see it: "U+0430, Cyrillic small letter a"."""
    return f"U+{ord(letter):04X}, {name_of(letter, 'unknown').capitalize()}"
