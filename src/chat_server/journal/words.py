"""What the words of a line are, and which words are looked for: the same search over every engine. Pure.

Scripts that are written without spaces are cut into pairs, and signs make words of their own (C++, #chat, an emoji). Never knows how an engine
finds a line among many.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple
from unicodedata import category, normalize

from chat_server.journal import TERMS_MAX, NoWords, TooManyWords
from chat_server.protocol.late_pattern import LatePattern

# Scripts that are written without spaces. The first line: Thai, Lao, Burmese, Khmer and their neighbours. The others: Han with radicals and
# extensions, kana, Hangul, half-width kana.
_UNSPACED = LatePattern(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\ua9e0-\ua9ff\uaa60-\uaadf\U00011700-\U0001174f"
    "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff]+"
)
_VARIATION_SELECTORS = LatePattern("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")

# Signs that make another word of what they touch (C++, C#, @ann, $HOME, 50%), unlike punctuation, quotes and Markdown's marks.
_SIGN = LatePattern(r"[+#@$%&=^\\]")
_WITH_SIGNS = LatePattern(r"[\w+#@$%&=^\\]+")
_SYMBOLS = LatePattern("[\U0001f1e6-\U0001f1ff]{2}|[^\x00-\x7f\\w\\s]")
_SIGN_MAX = 64
"""Characters of a word with signs that are looked at."""

_WORDS = LatePattern(r'"([^"]*)"?|(\S+)')

_LAST_LETTERS = LatePattern(r"[^\W_]*$")
_DIACRITICS = LatePattern("[\u0300-\u036f]")

PREFIX_MIN = 3
"""Letters before a `*`. Fewer begin so many words that among a million lines it would take seconds; then the `*` is nothing."""


class Term(NamedTuple):
    """One word that is looked for, or several that stand together: every sign of it, and its letters.

    The last of the signs, and the last word of the phrase, may be only the beginning of what stands in the line.
    """

    signs: tuple[str, ...]
    is_sign_begun: bool
    phrase: str
    is_phrase_begun: bool


def _pairs(run: re.Match[str]) -> str:
    """`你好吗` becomes `你好 好吗 吗`: every two characters that stand together are a word, and so is the last one."""
    return " " + " ".join(run[0][at : at + 2] for at in range(len(run[0]))) + " "


def segmented(text: str) -> str:
    """The text as the tokenizer wants it: spaces between words, also in scripts that have none."""
    return text if text.isascii() else _UNSPACED.sub(_pairs, _normalised(text))


def _normalised(text: str) -> str:
    return text if text.isascii() else _VARIATION_SELECTORS.sub("", normalize("NFKC", text))


def signs_in(text: str) -> list[str]:
    """What the tokenizer would not see: words with signs in them, and each emoji or other symbol. Without doubles, cut after _SIGN_MAX."""
    plain = _normalised(text)
    found: list[str] = []
    if _SIGN.search(plain):
        words = _WITH_SIGNS.findall(plain if plain.isascii() else _UNSPACED.sub(" ", plain))
        found += [word[:_SIGN_MAX].casefold() for word in words if _SIGN.search(word)]
    if not plain.isascii():
        found += [symbol for symbol in _SYMBOLS.findall(plain) if category(symbol[0])[0] == "S"]
    return list(dict.fromkeys(found))


def terms_of(words: str) -> list[Term]:
    """What is looked for: all the words; "words in quotes" must stand together; `wor*` is whatever begins so.

    Raises:
        NoWords: there is no letter, digit or symbol in it.
        TooManyWords: there are more than TERMS_MAX words.

    """
    found = [_term(quoted or word, is_quoted=bool(quoted)) for quoted, word in _WORDS.findall(words)]
    terms = [term for term in found if term.signs or term.phrase]
    if not terms:
        raise NoWords
    if len(terms) > TERMS_MAX:
        raise TooManyWords
    return terms


def _term(word: str, *, is_quoted: bool) -> Term:
    is_beginning = word.endswith("*") and not is_quoted
    word = word.rstrip("*") if is_beginning else word
    signs = signs_in(word)[:TERMS_MAX]
    is_sign_begun = bool(
        signs and is_beginning and len(signs[-1]) >= PREFIX_MIN and word.casefold().endswith(signs[-1])
    )
    text = segmented(word).strip()
    if not any(character.isalnum() for character in text):
        return Term(tuple(signs), is_sign_begun, "", is_phrase_begun=False)
    return Term(tuple(signs), is_sign_begun, *_phrase(text, is_beginning=is_beginning))


def _phrase(text: str, *, is_beginning: bool) -> tuple[str, bool]:
    """The words of a segmented text, which stand together, and whether the last may only begin so."""
    *others, last = text.split()
    # The last of unspaced characters stands alone only at the end of a run; elsewhere it begins the next pair.
    is_run = _UNSPACED.fullmatch(last)
    if is_run and others and len(others[-1]) == 2 and _UNSPACED.fullmatch(others[-1]):  # noqa: PLR2004 - a pair
        last = ""
    begins = (is_run and last) or (is_beginning and len(_LAST_LETTERS.search(last)[0]) >= PREFIX_MIN)  # type: ignore[index]
    return " ".join([*others, last]).replace('"', " ").strip(), bool(begins)


def has_all(terms: Sequence[Term], text: str) -> bool:
    """Whether a text has all that is looked for. What an index answers for a million lines, for one of them."""
    words, signs = tokens(segmented(text)), signs_in(text)
    return all(_has_signs(term, signs) and _has_phrase(term, words) for term in terms)


def tokens(text: str) -> list[str]:
    """The words of a segmented text: letters, digits and marks, without accents (which leaves nothing of one that stands alone), in small letters."""
    apart = "".join(character if _is_in_a_word(character) else " " for character in normalize("NFD", text))
    return [normalize("NFC", _DIACRITICS.sub("", word)).lower() for word in apart.split()]


def _is_in_a_word(character: str) -> bool:
    kind = category(character)
    return kind[0] in "LNM" or kind == "Co"


def _has_signs(term: Term, signs: Sequence[str]) -> bool:
    begun = term.signs[-1:] if term.is_sign_begun else ()
    return all(sign in signs for sign in term.signs[: len(term.signs) - len(begun)]) and all(
        any(sign.startswith(beginning) for sign in signs) for beginning in begun
    )


def _has_phrase(term: Term, words: Sequence[str]) -> bool:
    wanted = tokens(term.phrase)
    if not wanted:
        return True
    *others, last = wanted
    for start in range(len(words) - len(others)):
        end = start + len(others)
        if words[start:end] == others and (words[end].startswith(last) if term.is_phrase_begun else words[end] == last):
            return True
    return False
