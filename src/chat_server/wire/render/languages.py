"""The languages in which the programs speak: catalogues of GNU gettext, in each one's `locale/`, made and checked by `scripts/catalogue`.

English is what the sentences are written in, so it has no catalogue. Reads these files and no others; knows no sentence.
"""

import gettext
from functools import cache
from pathlib import Path

from chat_server.protocol.choices import SOURCE

LOCALE = Path(__file__).parents[2] / "locale"
"""Where the server's catalogues are: `zh/LC_MESSAGES/chat_server.mo`. Another program's are in its own package, and called after that."""


def message(text: str) -> str:
    """Mark a sentence that stands in a table for the catalogue; it is translated when it is said."""
    return text


def counted(one: str, many: str, number: str) -> tuple[str, str, str]:
    """Mark a sentence for one and for many; `number` is the detail that says how many."""
    return one, many, number


class Translator:
    """How sentences come to one kind of reader: in a language, with or without ornaments, and lists in rows of some columns."""

    def __init__(self, language: str, *, is_plain: bool = False, columns: int = 0, locale: Path = LOCALE) -> None:
        self.language = language
        self.is_plain = is_plain
        self.columns = columns
        self._translations = None if language == SOURCE else _translations(language, locale)

    def text(self, sentence: str, /, **details: object) -> str:
        """The sentence, which is not empty, in the language, with its details."""
        translated = self._translations.gettext(sentence) if self._translations else sentence
        return translated.format_map(details)

    def word(self, word: str) -> str:
        """A word that stands in a usage line for what is to be filled in, in the language, if it is known in that; it may come from anybody."""
        return self._translations.gettext(word) if self._translations and word else word

    def count(self, one: str, many: str, number: float, /, **details: object) -> str:
        """The sentence for one, or for so many, in the language; `{number}` is the number."""
        translated = one if number == 1 else many
        if self._translations:
            translated = self._translations.ngettext(one, many, 1 if number == 1 else 2)
        return translated.format_map({"number": int(number) if number == int(number) else number, **details})

    def rule(self, text: str) -> str:
        """A line that parts what stands above it from what stands below; a screen reader would read every dash aloud."""
        return text if self.is_plain else f"--- {text} ---"


@cache
def _translations(language: str, locale: Path) -> gettext.NullTranslations:
    return gettext.translation(locale.parent.name, locale, [language])


@cache
def translator_for(language: str, *, is_plain: bool = False, columns: int = 0) -> Translator:
    """The translator for a kind of reader; 0 columns: nothing is known of the terminal."""
    return Translator(language, is_plain=is_plain, columns=columns)
