"""Signs with which people react: one emoji, by itself or by its name. Pure."""

import unicodedata
from functools import lru_cache

SIGN_MAX = 16
"""Code points of one sign: a family of four with skin tones has eleven, a flag of a region seven."""

NAME_MAX = 64
"""Characters in a name, without its colons."""

NAMES = {
    **dict.fromkeys(("+1", "thumbsup", "thumbs_up", "yes"), "\N{THUMBS UP SIGN}"),
    **dict.fromkeys(("-1", "thumbsdown", "thumbs_down", "no"), "\N{THUMBS DOWN SIGN}"),
    **dict.fromkeys(("heart", "love"), "\N{HEAVY BLACK HEART}"),
    **dict.fromkeys(("smile", "grin"), "\N{SMILING FACE WITH OPEN MOUTH AND SMILING EYES}"),
    **dict.fromkeys(("joy", "lol"), "\N{FACE WITH TEARS OF JOY}"),
    **dict.fromkeys(("tada", "party"), "\N{PARTY POPPER}"),
    **dict.fromkeys(("check", "done"), "\N{WHITE HEAVY CHECK MARK}"),
    **dict.fromkeys(("cry", "sad"), "\N{CRYING FACE}"),
    **dict.fromkeys(("clap", "bravo"), "\N{CLAPPING HANDS SIGN}"),
    **dict.fromkeys(("pray", "thanks"), "\N{PERSON WITH FOLDED HANDS}"),
    "eyes": "\N{EYES}",
    "fire": "\N{FIRE}",
    "rocket": "\N{ROCKET}",
    "thinking": "\N{THINKING FACE}",
    "wave": "\N{WAVING HAND SIGN}",
    "ok": "\N{OK HAND SIGN}",
    "100": "\N{HUNDRED POINTS SYMBOL}",
    "x": "\N{CROSS MARK}",
    "question": "\N{BLACK QUESTION MARK ORNAMENT}",
    "angry": "\N{ANGRY FACE}",
    "star": "\N{WHITE MEDIUM STAR}",
    "muscle": "\N{FLEXED BICEPS}",
    "coffee": "\N{HOT BEVERAGE}",
    "beer": "\N{BEER MUG}",
    "cake": "\N{BIRTHDAY CAKE}",
    "bug": "\N{BUG}",
    "bulb": "\N{ELECTRIC LIGHT BULB}",
    "warning": "\N{WARNING SIGN}",
    "sunny": "\N{BLACK SUN WITH RAYS}",
}
"""Short names that people type; whatever else is a symbol is named as Unicode names it: `:waving_hand_sign:`."""

_JOINER, _TEXT, _EMOJI, _KEYCAP = "\u200d", "\ufe0e", "\ufe0f", "\u20e3"
_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_TAGS = frozenset(map(chr, range(0xE0020, 0xE0080)))
_REGIONS = frozenset(map(chr, range(0x1F1E6, 0x1F200)))


def sign_of(text: str) -> str | None:
    """The sign that somebody has typed, or named between colons, as it is compared; None if it is none."""
    typed = text.strip()
    if len(typed) > NAME_MAX + 2:
        return None
    if typed.isascii():
        named = typed.casefold().removeprefix(":").removesuffix(":")
        return _named(named) if named and len(named) <= NAME_MAX else None
    if len(typed) > SIGN_MAX:
        return None
    sign = typed.replace(_EMOJI, "").replace(_TEXT, "")
    return sign if _is_one_sign(sign) else None


def _named(name: str) -> str | None:
    if name in NAMES:
        return NAMES[name]
    try:
        sign = unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return None
    return sign if _is_one_sign(sign) else None


def _is_one_sign(sign: str) -> bool:
    """Whether it is one symbol: signs that are joined, a flag, or a digit on a key."""
    if sign[1:] == _KEYCAP:
        return sign[0] in "0123456789#*"
    if len(sign) == 2 and _REGIONS.issuperset(sign):  # noqa: PLR2004 - a flag has two letters
        return True
    parts = ["".join(one for one in part if one not in _TONES and one not in _TAGS) for part in sign.split(_JOINER)]
    return all(len(part) == 1 and unicodedata.category(part) == "So" and part not in _REGIONS for part in parts)


@lru_cache(256)
def name_of_sign(sign: str) -> str:
    """What people call a sign, the shortest of its names; the sign itself, where it has none."""
    short = [name for name, named in NAMES.items() if named == sign]
    if short:
        return min(short, key=len)
    names = [unicodedata.name(one, "") for one in sign if one not in _TONES and one != _JOINER]
    return "_and_".join(name.lower().replace(" ", "_") for name in names if name) or sign
