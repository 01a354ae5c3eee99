"""Words that may be misspelt, while one writes: which are looked up, and how they are marked."""

import sys
import time
from typing import Any

import pytest
from rich.style import Style

from chat_tui.client.spelling import languages_of, misspelt, word_before
from chat_tui.settings import Settings
from chat_tui.ui.composer import Composer
from chat_tui.ui.spelling import Dictionaries
from processes import dictionary
from stories import Pilot, StoryApp, beginning, play, said, settle

KNOWN = {"hello", "world", "the", "don't", "is", "nice", "cat"}


def knows(word: str) -> bool:
    return word.lower() in KNOWN


def marked(text: str, **more: Any) -> list[str]:
    return [text[first:last] for first, last in misspelt(text, knows, **more)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello wrold", ["wrold"]),
        ("Hello, wrold!", ["wrold"]),
        ("hello wrold-wide", ["wrold", "wide"]),
        ("I don\N{RIGHT SINGLE QUOTATION MARK}t, don't dont", ["dont"]),
        ("teh `teh code` teh", ["teh", "teh"]),
        ("see https://example.org/teh or a@b.teh, /usr/teh, x=teh, teh_teh, v2teh", ["see", "or"]),
        ("NASA iPhone teh", ["teh"]),
        (":rocekt: @ann #teh", []),
        ("/join teh", []),
        ("/me is ncie", ["ncie"]),
        ("/notice the ncie cat", ["ncie"]),
        ("", []),
        ("x" * 100, []),
    ],
)
def test_only_words_of_a_language_are_looked_up(text: str, words: list[str]) -> None:
    assert marked(text) == words


def test_names_are_right_and_so_is_what_is_being_written() -> None:
    assert marked("hello zoe", names={"zoe"}) == []
    assert marked("hello wro", cursor=9) == []
    assert marked("hello wro ", cursor=10) == ["wro"]


def test_a_word_ends_at_the_cursor_or_none_does() -> None:
    assert word_before("hello wrold", 11) == (6, 11)
    assert word_before("hello ", 6) is None


@pytest.mark.parametrize(
    ("chosen", "environment", "found"),
    [
        ("", "en_GB.UTF-8", ["en_GB"]),
        ("", "de_CH.UTF-8", ["de_DE"]),
        ("", "C.UTF-8", []),
        ("", "", []),
        ("en_US, de_DE", "fr_FR.UTF-8", ["en_US", "de_DE"]),
        ("fr_FR", "en_GB.UTF-8", []),
    ],
)
def test_the_dictionaries_are_those_chosen_or_that_of_the_environment(
    chosen: str, environment: str, found: list[str]
) -> None:
    assert languages_of(chosen, environment, ["en_GB", "en_US", "de_DE"]) == found


def underlined(prompt: Composer) -> list[str]:
    line = prompt.get_line(0)
    return [
        line.plain[span.start : span.end]
        for span in line.spans
        if isinstance(span.style, Style) and span.style.underline
    ]


def test_words_that_no_dictionary_has_are_underlined_and_tab_offers_others() -> None:
    app = StoryApp([*beginning("python"), *said("hello")], settings=Settings(spelling=dictionary("en_US")))

    async def act(pilot: Pilot) -> None:
        prompt = app.screen.query_one(Composer)
        await pilot.press(*"hello", "space", *"wrold", "space", *"bob", "space")
        await opened(app, pilot)
        assert underlined(prompt) == ["wrold"], "bob is somebody here"
        await pilot.press(*["backspace"] * 5)
        assert underlined(prompt) == [], "it may not be finished"
        await pilot.press("tab")
        assert prompt.text == "hello world"

    play(app, act)


def test_what_was_drawn_before_the_dictionaries_were_opened_is_underlined_too() -> None:
    app = StoryApp(beginning("python"), settings=Settings(spelling=dictionary("en_US")))

    def drawn(prompt: Composer) -> list[str]:
        return [segment.text for segment in prompt.render_line(0) if segment.style and segment.style.underline]

    async def act(pilot: Pilot) -> None:
        prompt = app.screen.query_one(Composer)
        prompt.insert("hello wrold ")
        assert drawn(prompt) == []
        await opened(app, pilot)
        assert drawn(prompt) == ["wrold"]

    play(app, act)


@pytest.mark.parametrize("settings", [Settings(spelling="xx_XX"), Settings(spelling="en_US", slow_link=True)])
def test_nothing_is_looked_up_where_there_is_no_such_dictionary_or_the_line_is_slow(settings: Settings) -> None:
    app = StoryApp(beginning("python"), settings=settings)

    async def act(pilot: Pilot) -> None:
        await pilot.press(*"hello", "space", *"wrold", "space")
        await opened(app, pilot)
        assert underlined(app.screen.query_one(Composer)) == []

    play(app, act)


async def opened(app: StoryApp, pilot: Pilot) -> None:
    """Wait until the dictionaries are, if there are any: a thread opens them, which the loop's time does not wait for."""
    while any(worker.group == "dictionaries" for worker in app.workers):
        time.sleep(0.01)  # noqa: ASYNC251 - the thread needs time that the loop has not
        await pilot.pause(0.1)
    await settle(pilot)


def test_without_enchant_there_are_no_dictionaries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "enchant", None)
    dictionaries = Dictionaries("en_US")
    dictionaries.open()
    assert not dictionaries
    assert not dictionaries.is_wanted
