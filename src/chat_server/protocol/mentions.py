"""Whether a text names somebody, and where: the one answer for what is counted, painted, brightened and told, in server and client.

Knows letters, marks and scripts; never knows who is there. Pure, and linear in the length of the text.

A name is in a text where it reads as the name does (case folded, in compatibility form) and stands apart from what is around it:

- No letter, digit or combining mark touches it, nor through `-` or `_`: `ann` is not in `anna`, `ann2`, `ann_b` or `ann-marie`, but in
  `ann:`, `(ann)`, `ann's`, `_ann_` and `ann - hello`.
- In scripts that put no spaces between words (Han, kana, Hangul, Thai, Lao, Khmer, Burmese and others), a letter of such a script may
  touch it, and may be touched by it: 小明 is in 小明你好, and `ann` in 你好ann吗. What belongs to the same syllable may not: a mark, or one of
  the vowels that Thai and Lao write as letters.
- `@` may stand before it, but not between two words: `ann` is in `@ann`, and not in `ann@example.org` or `joe@ann.example`.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator
from functools import cache, lru_cache
from itertools import accumulate, islice
from unicodedata import category, normalize

from chat_server.protocol.late_pattern import LatePattern

_SEEN_MAX = 8192
"""Characters whose kind is remembered: more than anybody's writing has, and 1 MB."""

_DASHES_MAX = 64
"""Dashes and underscores that are passed over to see what is beyond them: no name has as many."""

_SPACED, _MARK = "a", "m"
_UNSPACED, _UNSPACED_MARK, _LEADING, _TRAILING = "u", "n", "l", "t"
_DASH, _AT, _OTHER = "-", "@", " "
_OF_SPACED = frozenset(_SPACED + _MARK)
_OF_UNSPACED = frozenset(_UNSPACED + _UNSPACED_MARK + _LEADING + _TRAILING)
_OF_WORD = _OF_SPACED | _OF_UNSPACED
_MARKS = frozenset(_MARK + _UNSPACED_MARK)

_SCRIPTS_WITHOUT_SPACES = (
    "\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u1b00-\u1b7f"  # Thai to Burmese, Jamo, Khmer, Tai, Balinese
    "\u2e80-\ua4cf\ua960-\ua97f\ua980-\ua9ff\uaa60-\uaadf\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc"  # Han, kana, Hangul, Yi, Javanese
    "\U00016fe0-\U00018cff\U0001aff0-\U0001b2ff\U00020000-\U0003ffff"
)
_WITHOUT_SPACES = LatePattern(f"[{_SCRIPTS_WITHOUT_SPACES}]")
_SINGLE = (
    {"-": _DASH, "_": _DASH, "@": _AT}
    | dict.fromkeys("\u0e40\u0e41\u0e42\u0e43\u0e44\u0ec0\u0ec1\u0ec2\u0ec3\u0ec4", _LEADING)
    | dict.fromkeys("\u0e30\u0e32\u0e33\u0e45\u0eb0\u0eb2\u0eb3\u0ebd", _TRAILING)
)
# Texts whose words a regular expression finds: without marks, syllables of several letters, dashes beside words, and addresses. Most are.
_WITHOUT_MARKS = LatePattern(
    "[\x00-\u02ff\u0370-\u0482\u048a-\u0590\u1e00-\u20cf\u2100-\u2bff\u3000-\u3029\u3030-\u3098\u309b-\u9fff\uac00-\ud7a3"
    "\uff01-\uff9d\U0001f000-\U0001faff]*"
)
_NEEDS_CARE = LatePattern(r"[-_@](?:(?<=[-_])(?![^\W_])|(?<=(?<![^\W_])[-_])|(?<=[\w-]@))")
_WORD = LatePattern(r"[\w-]+")
_SPACED_WORD = LatePattern(rf"(?:[^\W{_SCRIPTS_WITHOUT_SPACES}]+|-)+")
_IN_WORDS = (one.lower() if one.isalnum() or one in "-_" else " " for one in map(chr, range(128)))
_ASCII_WORDS = "".join(_IN_WORDS).encode().ljust(256)
"""Makes the words of a text of ASCII out of its bytes, folded, with spaces between them: less than half of what a regular expression takes."""
_SPACED_RUN = LatePattern(f"[{_SPACED}{_MARK}{_DASH}]+")
_UNSPACED_LETTER = LatePattern(f"[{_UNSPACED}{_UNSPACED_MARK}{_LEADING}{_TRAILING}]")
# What makes one letter with what stands before it, when a text is normalised: marks, the parts of a Hangul syllable, and halfwidth marks.
_JAMO = LatePattern("[\u1160-\u11ff\u3131-\u318e\ud7b0-\ud7ff\uff9e-\uff9f\uffa0-\uffdc]")
_LETTER = LatePattern(r"[^+]\+*|\++")
_PART = LatePattern(r".{1,16}\+*", re.DOTALL)


def folded(text: str) -> str:
    """Return the text as names are compared: case folded, in compatibility form."""
    if text.isascii():
        return text.lower()
    form = normalize("NFKC", text)
    key = form.casefold()
    return key if key == form else normalize("NFKC", key)


def names_in(text: str, known: Collection[str]) -> set[str]:
    """Return which of the known names, each as `folded` gives it, are in the text.

    What it costs for a text without letters of scripts without spaces does not depend on how many names are known.
    """
    if text.isascii():
        return _names_in_ascii(text, known)
    key = folded(_short(text))
    if ("-" in key or "_" in key or "@" in key) and _NEEDS_CARE.search(key):
        return _names_with_care(key, known)
    if _WITHOUT_MARKS.fullmatch(key) is None:
        return _names_with_care(key, known)
    if _WITHOUT_SPACES.search(key) is None:
        return {word for word in _WORD.findall(key) if word in known}
    return {word for word in _SPACED_WORD.findall(key) if word in known} | _names_without_spaces(key, known)


def _names_in_ascii(text: str, known: Collection[str]) -> set[str]:
    """The same of a text of ASCII. In nearly all of them nobody is named, which their words tell."""
    words = text.encode().translate(_ASCII_WORDS).decode().split()
    found = {word for word in words if word in known}
    has_dashes = "-" in text or "_" in text
    if not (has_dashes or (found and "@" in text)):
        return found
    if not found and not any(part in known for word in words for part in _within_dashes(word)):
        return found
    key = text.lower()
    return _names_with_care(key, known) if _NEEDS_CARE.search(key) else found


def _within_dashes(word: str) -> Iterable[str]:
    """What a word is without the dashes and underscores that it begins or ends with."""
    if word[0] in "-_" or word[-1] in "-_":
        return word.strip("-_"), word.lstrip("-_"), word.rstrip("-_")
    return ()


def _names_with_care(key: str, known: Collection[str]) -> set[str]:
    shape = key.translate(_KINDS)
    found: set[str] = set()
    for run in _SPACED_RUN.finditer(shape):
        word = key[run.start() : run.end()]
        for name in {word, *_within_dashes(word)}:
            if name in known:
                start = run.start() + word.find(name)
                if _stands_apart(shape, start, start + len(name)):
                    found.add(name)
    return found | _names_without_spaces(key, known) if _UNSPACED_LETTER.search(shape) else found


def _names_without_spaces(key: str, known: Collection[str]) -> set[str]:
    """Which names that have letters of scripts without spaces, so that they need not be words of the text."""
    present = [name for name in known if not name.isascii() and name in key]
    if not present:
        return set()
    shape = key.translate(_KINDS)
    return {name for name in present if next(_apart(key, shape, _candidates(name)), None)}


def _short(text: str) -> str:
    """The text with one letter for each of two ligatures that stand for whole sentences: 16 KiB of them would be 300 KiB when folded."""
    return (
        text.replace("\ufdfa", "\u0635").replace("\ufdfb", "\u062c") if "\ufdfa" in text or "\ufdfb" in text else text
    )


class Names:
    """Some names, or other words, and where texts have them."""

    def __init__(self, names: Iterable[str]) -> None:
        keys = {key: None for name in names if (key := folded(name).strip())}
        self._names = {key: _candidates(key) for key in keys}

    def are_in(self, text: str) -> bool:
        """Whether one of them is in the text."""
        key = folded(_short(text))
        return next(self._found(key), None) is not None

    def spans(self, text: str, most: int = 1000) -> list[tuple[int, int]]:
        """Where they are in the text, from the left, none over another; of each of them the first `most`."""
        text = _short(text)
        key = folded(text)
        found = list(self._found(key, most))
        return _merged(found if key == text or text.isascii() else _unfolded(text, key, found))

    def _found(self, key: str, most: int = 1) -> Iterator[tuple[int, int]]:
        present = [name for name in self._names if name in key]
        shape = key.translate(_KINDS) if present else ""
        for name in present:
            yield from islice(_apart(key, shape, self._names[name]), most)


class _Kinds(dict[int, str]):
    """What each character is to a name beside it, found when it is first met."""

    def __missing__(self, code: int) -> str:
        kind = _kind(chr(code))
        if len(self) < _SEEN_MAX:
            self[code] = kind
        return kind


def _kind(character: str) -> str:
    if character in _SINGLE:
        return _SINGLE[character]
    of = category(character)[0]
    if of not in "LMN":
        return _OTHER
    if not character.isascii() and _WITHOUT_SPACES.match(character):
        return _UNSPACED_MARK if of == "M" else _UNSPACED
    return _MARK if of == "M" else _SPACED


_KINDS = _Kinds()


@lru_cache(1024)
def _candidates(name: str) -> re.Pattern[str]:
    """Finds where a name may be; so that `annannannann` is not looked at in every place."""
    kinds = name.translate(_KINDS)
    letter = (
        "[a-z0-9]" if name.isascii() else rf"[^\W_{_SCRIPTS_WITHOUT_SPACES}]"
    )  # the whole class takes 5 ms to compile
    before, after = "", ""
    if kinds[0] in _OF_WORD:
        before = r"(?<![^\W_][-_])(?<![a-z0-9_-]@)" + (f"(?<!{letter})" if kinds[0] == _SPACED else "")
    if kinds[-1] in _OF_WORD:
        after = r"(?![-_][^\W_])(?!@[a-z0-9])(?![\u0300-\u036f])" + (f"(?!{letter})" if kinds[-1] == _SPACED else "")
    return re.compile(before + re.escape(name) + after)


def _apart(key: str, shape: str, candidates: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Where a name is in a folded text, and stands apart."""
    match = candidates.search(key)
    while match is not None:
        apart = _stands_apart(shape, *match.span())
        if apart:
            yield match.span()
        match = candidates.search(key, match.end() if apart else match.start() + 1)


def _stands_apart(shape: str, start: int, end: int) -> bool:
    """Whether nothing that would make it another word touches what is from `start` to `end`."""
    return _begins(shape, start) and _ends(shape, end)


def _begins(shape: str, start: int) -> bool:
    first, before = shape[start], shape[start - 1 : start]
    if first in " @" or before in ("", " "):
        return True
    if before == _DASH:
        beyond = shape[max(0, start - _DASHES_MAX) : start].rstrip(_DASH)[-1:]
        return first != _DASH and beyond not in _OF_SPACED and beyond not in _OF_UNSPACED
    if before == _AT:
        return shape[start - 2 : start - 1] not in (_SPACED, _MARK, _DASH)
    if first in _OF_UNSPACED:
        return before != _LEADING
    return before in _OF_UNSPACED


def _ends(shape: str, end: int) -> bool:
    last, after = shape[end - 1], shape[end : end + 1]
    if last in " @" or after in ("", " "):
        return True
    if after == _DASH:
        beyond = shape[end : end + _DASHES_MAX].lstrip(_DASH)[:1]
        return last != _DASH and beyond not in _OF_SPACED and beyond not in _OF_UNSPACED
    if after == _AT:
        return shape[end + 1 : end + 2] != _SPACED
    if after in _MARKS:
        return False
    if last in _OF_UNSPACED:
        return after != _TRAILING
    return after in _OF_UNSPACED


def _unfolded(text: str, key: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where in the text that is which is there in its folded form."""
    joins = text.translate(_JOINS) if spans else ""
    if "+" not in joins and all(len(_folded_part(character)) == 1 for character in set(text)):
        return spans
    parts = [text[match.start() : match.end()] for match in _PART.finditer(joins)]
    keys = list(map(folded, parts))
    if "".join(keys) != key:
        parts = re.findall(r"\s+|\S+", text)
        keys = list(map(folded, parts))
    ours = [0, *accumulate(map(len, parts))]
    theirs = [0, *accumulate(map(len, keys))]

    @cache
    def places(number: int) -> tuple[list[int], list[int]]:
        """Within one of the parts: where its letters begin, here and there."""
        letters = [
            parts[number][match.start() : match.end()] for match in _LETTER.finditer(parts[number].translate(_JOINS))
        ]
        return [0, *accumulate(map(len, letters))], [0, *accumulate(len(_folded_part(letter)) for letter in letters)]

    def place(at: int, *, is_end: bool) -> int:
        number = min((bisect_left if is_end else bisect_right)(theirs, at) - 1, len(parts) - 1)
        here, there = places(number)
        within = bisect_left(there, at - theirs[number]) if is_end else bisect_right(there, at - theirs[number]) - 1
        return ours[number] + here[min(within, len(here) - 1)]

    return [(place(start, is_end=False), place(end, is_end=True)) for start, end in spans]


@lru_cache(4096)
def _folded_part(part: str) -> str:
    """The folded form of a letter with its marks."""
    return folded(part)


class _Joins(dict[int, str]):
    """`+` for what is folded together with what stands before it, found when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kind = "+" if category(character)[0] == "M" or _JAMO.match(character) else "."
        if len(self) < _SEEN_MAX:
            self[code] = kind
        return kind


_JOINS = _Joins()


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
