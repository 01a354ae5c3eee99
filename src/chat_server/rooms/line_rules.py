"""Whether a line may be said as it stands, waits for a moderator, or is refused: by its words and links, and by who says it. Pure.

Words are compared as people read them: capitals, and letters that look alike, count as the same. Never knows what becomes of a line.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from chat_server.accounts.look_alikes import skeleton
from chat_server.protocol.events import Refused
from chat_server.protocol.late_pattern import LatePattern
from chat_server.protocol.room_state import RoomState
from chat_server.protocol.sanitize import sanitize
from chat_server.rooms.rights import MEMBER, Standing, has_link

NEW_SECONDS = 86400.0
"""Seconds for which an account is a new one."""

WORD_MIN, WORD_MAX = 2, 40
"""Characters in a word of a list."""

_WORD = LatePattern(r"[^\W_]+")
_WITHOUT_SPACES = LatePattern(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Letters of scripts that put no spaces between words."""


class Hold(Struct, frozen=True):
    """A line waits for a moderator, because of a word in it, a link, who says it, or a bot that filters the room."""

    why: Literal["word", "link", "newcomer", "filter"]


Verdict = Hold | Refused | None
"""What becomes of a line; None: it is said."""


class WordList:
    """Words, each with what becomes of lines that have it."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._whole: dict[str, str] = {}
        self._anywhere: dict[str, str] = {}
        for word, rule in words.items():
            kept = self._anywhere if _WITHOUT_SPACES.search(word) else self._whole
            for form in {word.casefold(), skeleton(word)}:
                kept[form] = "refuse" if "refuse" in (rule, kept.get(form)) else "hold"

    def rule_of(self, text: str) -> str:
        """`refuse`, `hold` or "", whichever is the strictest that one of its words asks for."""
        found = {self._whole.get(form, "") for word in _WORD.findall(sanitize(text)) for form in _forms(word)}
        if self._anywhere:
            read = sanitize(text).casefold()
            found |= {rule for word, rule in self._anywhere.items() if word in read}
        return "refuse" if "refuse" in found else "hold" if "hold" in found else ""


def _forms(word: str) -> Iterable[str]:
    """The words as which one is read. A number is only what it is, though 101 looks like lol; nor is a very long one looked at for look-alikes."""
    return (word.casefold(),) if word.isdecimal() or len(word) > WORD_MAX else (word.casefold(), skeleton(word))


@lru_cache(256)
def _list_of(words: tuple[tuple[str, str], ...]) -> WordList:
    return WordList(dict(words))


def is_word(word: str) -> bool:
    """Whether this can stand on a list: one word, as it is read."""
    return WORD_MIN <= len(word) <= WORD_MAX and sanitize(word) == word and _WORD.fullmatch(word) is not None


def check(text: str, who: Standing, state: RoomState, *, is_new: bool, of_server: WordList | None = None) -> Verdict:
    """What becomes of a line of somebody who stands there in the room; `is_new`: they have no account, or have made it lately.

    Moderators and owners say what they like.
    """
    if who.rank > MEMBER:
        return None
    lists = [
        one for one in (of_server, _list_of(tuple(state.words.items())) if state.words else None) if one is not None
    ]
    by_words = {one.rule_of(text) for one in lists}
    if "refuse" in by_words:
        return Refused("words-rule")
    if "hold" in by_words:
        return Hold("word")
    if who.rank == MEMBER:
        return None
    rule = state.rule("hold")
    if rule == "all" or (rule == "newcomers" and is_new):
        return Hold("newcomer")
    return Hold("link") if rule == "links" and has_link(text) else None
