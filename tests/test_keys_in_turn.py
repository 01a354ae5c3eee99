"""Keys that come in one bundle do what they do when they are typed slowly."""

from collections.abc import Iterator

import pytest
from textual.events import Key, Paste
from textual.widgets import Input

from chat_tui.ui.composer import Composer
from chat_tui.ui.screens.connecting import ConnectScreen
from chat_tui.ui.search_bar import SearchBar
from stories import Pilot, Stage, StoryApp, beginning, play, said, settle


def type_at_once(app: StoryApp, *keys: str) -> None:
    """A terminal gives all of these at once: names of keys, and letters."""
    for key in keys:
        app.post_message(Key(key, key if len(key) == 1 else None))


async def all_done(pilot: Pilot) -> None:
    for _ in range(4):  # no time passes before everything is done that can be
        await pilot.pause()
    await settle(pilot)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    stage = Stage(lambda: StoryApp(beginning()))
    yield stage
    stage.close()


@pytest.mark.parametrize(
    ("keys", "prompt"),
    [
        ((*"hello", "backspace", "backspace", "backspace", *"xyz"), "hexyz"),
        ((*"bc", "home", "a", "end", "d"), "abcd"),
        ((*"ac", "left", "b", "right", "d"), "abcd"),
        ((*"one", "ctrl+u", *"two"), "two"),
        ((*"one", "ctrl+w", "x", "ctrl+z", "y"), "y"),
    ],
)
def test_what_is_corrected_in_one_bundle_is_what_is_meant(keys: tuple[str, ...], prompt: str, stage: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.begin("")
        type_at_once(app, *keys)
        await all_done(pilot)
        assert app.prompt.text == prompt

    stage.play(act)


def test_enter_sends_what_stood_there_when_it_was_pressed() -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        type_at_once(app, *"hi!", "backspace", "enter", *"more", "backspace", "enter", "a")
        app.post_message(Paste("pasted"))
        type_at_once(app, "b")
        await all_done(pilot)
        assert [pending.text for pending in app.connection.said] == ["hi", "mor"]
        assert app.prompt.text == "apastedb"

    play(app, act)


def test_letters_after_a_key_that_opens_something_are_for_what_it_opens() -> None:
    app = StoryApp([*beginning("python", "pm"), *said("hello")])

    async def act(pilot: Pilot) -> None:
        type_at_once(app, *"x", "ctrl+k", *"pm", "enter", *"here")
        await all_done(pilot)
        assert app.current is not None
        assert app.current.name == "pm"
        assert app.prompt.text == "here"
        type_at_once(app, "ctrl+p", "y")
        await all_done(pilot)
        assert app.current.name == "python"
        assert app.prompt.text == "xy", "a draft stays in its room"
        type_at_once(app, "ctrl+f", *"hellp", "backspace", "o", "enter")
        await all_done(pilot)
        assert app.main.query_one(SearchBar).query_one(Input).value == "hello"
        type_at_once(app, "escape", "z")
        await all_done(pilot)
        assert app.prompt.text == "xyz"

    play(app, act)


def test_a_form_is_sent_as_it_was_filled_in() -> None:
    app = StoryApp(beginning(), is_online=False)

    async def act(pilot: Pilot) -> None:
        type_at_once(app, "f3", "end", "ctrl+u", *"a.example:5x", "backspace")
        await all_done(pilot)
        assert isinstance(app.screen, ConnectScreen)
        assert app.screen._of("#address") == "a.example:5"

    play(app, act)


def test_a_key_whose_widget_has_gone_does_not_hold_up_the_next() -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        for _ in range(5):
            type_at_once(app, "f1", "escape", "ctrl+g", "1", "escape", "ctrl+f", "escape")
        type_at_once(app, *"here")
        await all_done(pilot)
        assert isinstance(app.focused, Composer)
        assert app.prompt.text == "here"

    play(app, act)
