"""The language in which this program speaks to whoever sits before it: one at a time, for one person sits there.

Sentences are written in English where they are said, and come from the catalogue in `locale/` in any other language; it is read when one is
chosen. Never knows what is said, nor in which language the server speaks.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from chat_server.protocol.choices import LANGUAGES, SOURCE, find_language
from chat_server.wire.render.languages import Translator, message

__all__ = ["LOCALE", "begin", "counted", "follow", "message", "say", "say_count", "sentences", "spoken", "wanted"]

LOCALE = Path(__file__).parent / "locale"
"""Where the catalogues are: `zh/LC_MESSAGES/chat_tui.mo`."""

_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
"""What says in which language programs speak; the first that is set counts, as gettext has it."""


_WITHOUT_BLANKS = ("zh",)
"""Languages in which no blank stands between sentences."""


class _Speech:
    """What is spoken now."""

    translator: ClassVar = Translator(SOURCE, locale=LOCALE)
    wanted: ClassVar = ""
    is_chosen: ClassVar = False


def begin(chosen: str, environment: Mapping[str, str]) -> None:
    """Speak the language that the user has chosen for this program; if there is none, the one that the environment asks for; else English."""
    _Speech.is_chosen = bool(chosen)
    _Speech.wanted = chosen or _of_environment(environment)
    _speak(_Speech.wanted or SOURCE)


def follow(language: str, *, was_asked: bool) -> None:
    """Speak as the server does, if it is one of ours: the user has asked for that, or did so elsewhere and has chosen none for this program."""
    if language in LANGUAGES and (was_asked or not _Speech.is_chosen):
        _Speech.wanted = language
        _speak(language)


def _speak(language: str) -> None:
    if language != spoken():
        _Speech.translator = Translator(language, locale=LOCALE)


def wanted() -> str:
    """The language that the user wants, as far as is known; "": nobody has said so."""
    return _Speech.wanted


def spoken() -> str:
    """The language that is spoken now."""
    return _Speech.translator.language


def say(sentence: str, /, **details: object) -> str:
    """The sentence, which is not empty, in the language that is spoken, with its details."""
    return _Speech.translator.text(sentence, **details)


def say_count(one: str, many: str, number: float, /, **details: object) -> str:
    """The sentence for one, or for so many, in the language that is spoken; `{number}` is the number."""
    return _Speech.translator.count(one, many, number, **details)


def counted(one: str, many: str) -> tuple[str, str]:
    """Mark a sentence for one and for many that is said later."""
    return one, many


def sentences(*told: str) -> str:
    """Sentences, one after the other: with a blank between them where that is how it is written."""
    return ("" if spoken() in _WITHOUT_BLANKS else " ").join(filter(None, told))


def _of_environment(environment: Mapping[str, str]) -> str:
    asked = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    return next(filter(None, map(find_language, asked.split(":"))), "")
