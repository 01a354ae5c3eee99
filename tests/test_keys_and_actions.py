"""The keys of chat-tui, its palette of actions and its help, with a story instead of a network."""

import pytest
from textual.binding import Binding

from chat_server.protocol.setting_events import SettingShown
from chat_tui.actions import ACTIONS, PRESETS, Action
from chat_tui.settings import Settings
from chat_tui.ui.app import ChatApp
from chat_tui.ui.main_screen import MainScreen
from on_screen import page, program, rows
from stories import Pilot, Stage, StoryApp, beginning, play, settle

__all__ = ["program"]


def test_what_the_preset_took_keys_from_has_others_and_the_users_own_keys_win() -> None:
    app = StoryApp(beginning("python", "pm"), settings=Settings(keys={"preset": "readline", "next-room": "ctrl+n"}))

    async def act(pilot: Pilot) -> None:
        assert app.current is not None
        await pilot.press("ctrl+n")
        assert app.current.name == "pm"
        await pilot.press("alt+p")
        assert app.current.name == "python"
        await pilot.press("ctrl+o")
        await settle(pilot)
        assert "Go to" in app.screen_text()
        await pilot.press("escape", "f1")
        await settle(pilot)
        assert "Ctrl+O" in app.screen_text()

    play(app, act)


def test_in_a_narrow_terminal_what_a_key_does_is_set_in_below_it_and_fits() -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        await pilot.press("f1")
        await settle(pilot)
        rows = [row.strip("│") for row in app.screen_text().split("\n")]
        at = next(at for at, row in enumerate(rows) if "Ctrl+K" in row)
        assert rows[at].startswith("   Ctrl+K  Go to a room or person")
        assert rows[at + 1].startswith("     ")
        assert rows[at + 1].strip() in "by a few letters"
        assert rows[at + 2].startswith("   Ctrl+N"), "no row was broken twice"

    play(app, act, size=(40, 15))


def test_no_preset_gives_one_key_to_two_actions() -> None:
    for preset in PRESETS.values():
        keys = [preset.moved.get(action.name, action.keys) for action in ACTIONS]
        keys += [edit.key for edit in preset.edits]
        assert len(keys) == len(set(keys))
        assert preset.moved.keys() <= {action.name for action in ACTIONS}


def test_what_finds_actions_says_in_the_users_language_that_nothing_has_the_letters(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.tell(SettingShown("language", "zh"))
        await pilot.press("f2", *"xqzw")
        for _ in range(8):
            await pilot.pause(0.1)
        text = app.screen_text()
        assert "No matches" not in text
        assert "没有" in text

    program.play(act, beginning())


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_action_has_a_key_and_a_method(action: Action) -> None:
    where, _, method = action.method.partition("(")[0].rpartition(".")
    assert callable(getattr(ChatApp if where == "app" else MainScreen, f"action_{method}"))
    bindings = [
        binding
        for binding in (*MainScreen.BINDINGS, *ChatApp.BINDINGS)
        if isinstance(binding, Binding) and binding.id == action.name
    ]
    assert {binding.key for binding in bindings} == {action.keys}


def test_the_palette_and_the_help_screen_have_every_action(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        titles = {command.title for command in app.get_system_commands(app.screen)}
        others = ("palette", "moderate")  # the second is for moderators: test_rights_on_screen.py
        assert {action.words for action in ACTIONS if action.name not in others} <= titles
        await pilot.press("f1")
        await settle(pilot)
        assert "Ctrl+K" in app.screen_text()
        await pilot.press("escape")
        await pilot.press("f2")
        await pilot.pause()
        assert len(app.screen_stack) == 2

    program.play(act, beginning(), size=(120, 60))


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 20), (40, 15)])
def test_the_palette_shows_whole_what_is_marked(program: Stage, size: tuple[int, int]) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("f2", "down", "down", "down")
        await settle(pilot)
        text = " ".join(app.words().replace("│", " ").split())
        assert text.count("with something new, mentions first") == 1, (
            "in its row, or below the list where that is too narrow"
        )
        if size == (120, 40):
            assert any("with something new, mentions first" in row and "Alt+A" in row for row in rows(app))
        await pilot.press("down", "up", "up")
        await settle(pilot)
        assert "mentions first" not in app.words() or size[0] > 60

    program.play(act, beginning(), size=size)


def test_the_palette_finds_an_action_by_a_few_letters_says_its_key_and_does_it(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("f2")
        await settle(pilot)
        first = next(row for row in rows(app) if "▌Go to a room" in row)
        assert "Ctrl+K" in first
        assert not any("Go to room 1" in row for row in rows(app)), "nine rooms stand last"
        await pilot.press("f2", *"rooms hide")
        await settle(pilot)
        assert len(app.screen_stack) == 2, "there is one"
        await pilot.press(*["backspace"] * 10, *"hide the rooms", "enter")
        await settle(pilot)
        assert len(app.screen_stack) == 1
        assert not app.main.panes.rooms.display
        await pilot.press("f7")
        await settle(pilot)

    program.play(act, beginning())


def test_keys_can_be_changed_in_the_settings() -> None:
    app = StoryApp(beginning("python", "pm"), settings=Settings(keys={"next-room": "ctrl+o"}))

    async def act(pilot: Pilot) -> None:
        await pilot.press("ctrl+o")
        assert app.current is not None
        assert app.current.name == "pm"

    play(app, act)


def test_keys_do_nothing_behind_a_question(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("f1")
        row = app.chat.scroll_offset.y
        await pilot.press("pagedown", "pageup", "ctrl+f", "ctrl+k", "ctrl+n", "alt+2")
        await settle(pilot)
        assert len(app.screen_stack) == 2
        assert app.current is not None
        assert (app.current.name, app.chat.scroll_offset.y) == ("python", row)
        await pilot.press("escape", "ctrl+k", "ctrl+k")
        assert len(app.screen_stack) == 2

    program.play(act, [*beginning("python", "pm"), page(1, 100)])


def test_the_help_has_a_row_for_the_rooms_keys_and_says_how_to_leave_it(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("f1")
        await settle(pilot)
        text = app.screen_text()
        assert "Alt+1 to Alt+9        Go to room 1 to 9" in text
        assert "Go to room 2" not in text
        assert "Esc goes back" in text
        row = next(number for number, line in enumerate(rows(app)) if "Go to the next room with something new," in line)
        assert rows(app)[row].index("Go to") == rows(app)[row + 1].index("first"), "text stays in its column"

    program.play(act, beginning(), size=(80, 24))


def test_a_room_with_a_key_of_the_user_s_own_has_its_own_row_in_the_help() -> None:
    app = StoryApp(beginning(), settings=Settings(keys={"room-2": "alt+w"}))

    async def act(pilot: Pilot) -> None:
        await pilot.press("f1")
        await settle(pilot)
        assert "Alt+W                 Go to room 2" in app.screen_text()

    play(app, act)
