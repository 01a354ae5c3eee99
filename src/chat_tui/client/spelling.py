"""Which words of a text somebody may have misspelt, while they write it. Pure: what is a word of which language, dictionaries say.

Nothing is said of what is no word of a language: commands, names, addresses, code, numbers, words with capitals inside, other scripts.
"""

from collections.abc import Callable, Collection, Container

from chat_server.protocol.late_pattern import LatePattern
from chat_server.protocol.names import name_key
from chat_tui.client.state import State

Knows = Callable[[str], bool]
"""Whether some dictionary has a word."""

WORD_MAX = 40
"""Letters beyond which nothing is looked up."""

_TALKING = ("/me ", "/notice ", "/topic ", "/re ", "/edit ")
"""Commands after which people write words."""

_TOKEN = LatePattern(r"\S+")
_WORD = LatePattern(r"[^\W\d_]+(?:['\N{RIGHT SINGLE QUOTATION MARK}][^\W\d_]+)*")
_CODE = LatePattern(r"`[^`]*`?")
_NO_WORDS = LatePattern(r"[\d@#:/\\=_<>{}\[\]|~^*+&$%]|\w\.\w")
"""What makes a whole token something else: an address, a path, a number, a name with its sign."""


class KnownNames:
    """What people and rooms are called, as words that are right, by the keys of their names."""

    def __init__(self, state: Callable[[], State]) -> None:
        """Those of the server where one is."""
        self._state = state

    def __contains__(self, word: object) -> bool:
        state, key = self._state(), name_key(str(word))
        return (
            key == name_key(state.nick) or key in state.rooms or any(key in one.people for one in state.rooms.values())
        )


def misspelt(text: str, knows: Knows, names: Container[str] = (), *, cursor: int = -1) -> list[tuple[int, int]]:
    """From where to where in a line of text words stand that no dictionary has.

    Args:
        text: one line.
        knows: asks the dictionaries.
        names: words that are right, in small letters: of people, of rooms.
        cursor: where one is writing (-1: elsewhere): the word that ends there may not be finished.

    """
    start = 0
    if text.startswith("/"):
        talking = next((word for word in _TALKING if text.startswith(word)), None)
        if talking is None:
            return []
        start = len(talking)
    code = [match.span() for match in _CODE.finditer(text)]
    found: list[tuple[int, int]] = []
    for token in _TOKEN.finditer(text, start):
        if _NO_WORDS.search(token[0].rstrip(".,:;!?)\N{HORIZONTAL ELLIPSIS}")):
            continue
        if any(first <= token.start() < last for first, last in code):
            continue
        found += [
            match.span()
            for match in _WORD.finditer(text, token.start(), token.end())
            if match.end() != cursor and not _is_right(match[0], knows, names)
        ]
    return found


def _is_right(word: str, knows: Knows, names: Container[str]) -> bool:
    if len(word) == 1 or len(word) > WORD_MAX or word[1:] != word[1:].lower():
        return True
    if word.lower() in names:
        return True
    return knows(word.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))


def word_before(text: str, cursor: int) -> tuple[int, int] | None:
    """From where to where the word stands that ends at the cursor; None if none does."""
    for match in _WORD.finditer(text):
        if match.end() == cursor:
            return match.span()
    return None


def languages_of(chosen: str, environment: str, available: Collection[str]) -> list[str]:
    """The dictionaries to be asked: those chosen (`en_US, de_DE`), else that of the environment (`LANG`), as far as there are any.

    Of a language that is there for no country of it alone, the first is taken.
    """
    wanted = [part.strip() for part in chosen.split(",") if part.strip()] or [environment.partition(".")[0]]
    found: list[str] = []
    for one in wanted:
        same = sorted(name for name in available if name.partition("_")[0] == one.partition("_")[0])
        found += [one] if one in available else same[:1]
    return list(dict.fromkeys(name for name in found if name))
