"""Ctrl+R: searching in what one has sent before, as in a shell."""

import pytest

from chat_tui.ui.typed_search import place_of
from stories import Pilot, StoryApp, beginning, play, settle

SENT = ["make test", "hello bob", "Make it so", "thanks\nand make do"]


def program() -> StoryApp:
    app = StoryApp(beginning("python", "pm"))
    app.client.saved.typed = [*SENT]
    return app


def test_the_nearest_that_has_the_words_is_found_whatever_the_case() -> None:
    assert [place_of(SENT, "make", start, -1) for start in (3, 2, 1, 0, -1)] == [3, 2, 0, 0, None]
    assert place_of(SENT, "make", 1, 1) == 2
    assert place_of(SENT, "nowhere", 3, -1) is None


def test_ctrl_r_finds_while_one_types_goes_back_again_and_enter_sends() -> None:
    app = program()

    async def act(pilot: Pilot) -> None:
        app.prompt.put("begun")
        await pilot.press("ctrl+r", *"make")
        await settle(pilot)
        assert app.prompt.text == "thanks\nand make do"
        assert app.prompt.selected_text == "make"
        assert "Enter sends" in app.screen_text()
        await pilot.press("ctrl+r")
        assert app.prompt.text == "Make it so"
        await pilot.press("up")
        assert app.prompt.text == "make test"
        await pilot.press("ctrl+r")
        await settle(pilot)
        assert (app.prompt.text, "nothing older" in app.screen_text()) == ("make test", True)
        await pilot.press("down")
        assert app.prompt.text == "Make it so"
        assert app.prompt.draft == "begun", "what is looked through is no draft"
        await pilot.press("enter")
        await settle(pilot)
        assert [pending.text for pending in app.connection.said] == ["Make it so"]
        assert app.focused is app.prompt
        assert "Sent before" not in app.screen_text()

    play(app, act, size=(120, 29))


@pytest.mark.parametrize("width", [120, 107, 80, 60, 40])
def test_the_keys_are_shown_whole_or_not_at_all(width: int) -> None:
    app = program()

    async def act(pilot: Pilot) -> None:
        await pilot.press("ctrl+r", *"make")
        await settle(pilot)
        shown = app.screen_text()
        assert ("Enter sends" in shown) == ("Ctrl+G back" in shown) == (width >= 107)
        await pilot.press("up", "up", "up")
        await settle(pilot)
        shown = app.screen_text()
        assert "nothing older" in shown
        assert ("Enter sends" in shown) == ("Ctrl+G back" in shown)

    play(app, act, size=(width, 24))


@pytest.mark.parametrize("key", ["escape", "tab"])
def test_escape_and_tab_leave_what_was_found_to_be_edited(key: str) -> None:
    app = program()

    async def act(pilot: Pilot) -> None:
        await pilot.press("ctrl+r", *"bob", key, "!")
        assert app.prompt.text == "hello bob!"
        assert not app.connection.said

    play(app, act)


@pytest.mark.parametrize("key", ["ctrl+g", "ctrl+c"])
def test_giving_up_leaves_what_was_begun(key: str) -> None:
    app = program()

    async def act(pilot: Pilot) -> None:
        app.prompt.put("begun")
        await pilot.press("ctrl+r", *"bob")
        assert app.prompt.text == "hello bob"
        await pilot.press(key, "!")
        assert app.prompt.text == "begun!"
        assert len(app.screen_stack) == 1

    play(app, act)


def test_what_is_not_found_changes_nothing_and_another_room_ends_it() -> None:
    app = program()

    async def act(pilot: Pilot) -> None:
        await pilot.press("ctrl+r", *"bobx")
        await settle(pilot)
        assert (app.prompt.text, "not found" in app.screen_text()) == ("hello bob", True)
        await pilot.press("ctrl+n")
        await settle(pilot)
        assert app.prompt.text == ""
        assert app.focused is app.prompt
        await pilot.press("alt+1")
        assert app.prompt.text == "", "it is no draft there"

    play(app, act)


def test_f5_tries_to_connect_whatever_is_open() -> None:
    app = program()

    async def act(pilot: Pilot) -> None:
        await pilot.press("ctrl+r", "f5", "ctrl+k", "f5", "escape")
        assert app.connection.tries == 2

    play(app, act)
