"""The room's lines as plain text over the whole terminal: what stands there, how one moves, and what the terminal is told."""

import pytest
from textual._compositor import CompositorUpdate

from chat_server.protocol.amending import Deleted, Edited, Reacted
from chat_server.protocol.entries import LineBlocked, Said
from chat_tui.client.bare_lines import BareLines
from chat_tui.settings import Settings
from chat_tui.ui.screens.bare import BareScreen
from chat_tui.ui.terminal import MOUSE_OFF, MOUSE_ON, plain_page
from chat_tui.ui.wrapping import filled
from on_screen import program
from processes import running_server
from stories import NOON, Pilot, Stage, StoryApp, beginning, play, said, settle
from tmux_windows import Tmux, needs_tmux, tmux

__all__ = ["program", "tmux"]


async def press(pilot: Pilot, *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
    await settle(pilot)


def rows(app: StoryApp) -> list[str]:
    return app.screen_text().rstrip("\n").split("\n")


HINT = "(Esc goes back. PageUp and PageDown show more.)"
MANY = [*beginning(), *said(*(f"line {number}" for number in range(1, 101)))]


def test_lines_stand_there_in_the_words_of_the_program_without_a_screen_and_nothing_beside_them(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+x")
        assert rows(app) == [
            "Tuesday, 24 November 2026",
            "12:01 bob: is it in?",
            '12:02 Carol replied to bob "is it in?": yes (edited) (reactions: 👍 1)',
            "12:03 ann said something that was deleted: no place for that",
            "12:06 #6 (blocked)",
            "12:07 Carol replied to #3: why?",
            "12:08 bob: def f():",
            "      return 1",
            "12:09 Carol: 你好，世界",
            HINT,
        ]
        await press(pilot, "alt+x")

    program.play(
        act,
        [
            *beginning(),
            Said("python", 1, NOON + 60, "bob", "is it in?"),
            Said("python", 2, NOON + 120, "Carol", "no", re=1),
            Deleted("python", 3, NOON + 180, "ann", "no place for that"),
            Edited("python", 4, NOON + 240, "Carol", "yes", of=2),
            Reacted("python", 5, NOON + 300, "bob", "👍", of=2, whom="Carol"),
            LineBlocked("python", 6, NOON + 360),
            Said("python", 7, NOON + 420, "Carol", "why?", re=3),
            Said("python", 8, NOON + 480, "bob", "def f():\n    return 1"),
            Said("python", 9, NOON + 540, "Carol", "你好，世界"),
        ],
    )


@pytest.mark.parametrize("back", ["alt+x", "escape", "q"])
def test_going_back_one_is_where_one_was_with_the_draft_and_the_chosen_line(program: Stage, back: str) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, *"draft", "pageup", "alt+up")
        before = app.screen_text()
        chosen = app.chat.drawing.chosen
        assert chosen is not None
        await press(pilot, "alt+x", "pageup", "down", "x", back)
        assert app.screen_text() == before
        assert (app.prompt.text, app.chat.drawing.chosen) == ("draft", chosen)
        await press(pilot, "escape", "escape", "ctrl+u")

    program.play(act, MANY)


def test_of_many_lines_only_those_are_told_anew_from_which_on_something_has_changed(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        lines = BareLines(lambda: app.current, "%H:%M")
        assert lines.take()
        assert not lines.take()
        app.tell(*said("news", first=101))
        assert lines.take()
        assert (lines.kept, lines.lines[100:]) == (101, ["13:40 bob: line 100", "13:41 bob: news"])
        app.tell(Edited("python", 102, NOON, "bob", "other\nnews", of=100))
        assert lines.take()
        assert (lines.kept, lines.lines[100:]) == (
            100,
            ["13:40 bob: other", "  news (edited)", "13:41 bob: news"],
        )
        await press(pilot, "alt+x")
        app.tell(Edited("python", 103, NOON, "bob", "last", of=101))
        await pilot.pause(1)
        assert rows(app)[-4:] == ["13:40 bob: other", "  news (edited)", "13:41 bob: last (edited)", HINT]
        await press(pilot, "q")

    program.play(act, MANY)


def test_keys_move_and_what_comes_is_appended_only_where_the_end_is_seen(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+x")
        assert rows(app)[-2:] == ["13:40 bob: line 100", HINT]
        app.tell(*said("news", first=101))
        await pilot.pause(1)
        assert rows(app)[-2:] == ["13:41 bob: news", HINT]
        await press(pilot, "up")
        assert rows(app)[-1] == "13:41 bob: news"
        seen = rows(app)
        app.tell(*said("more", first=102))
        await pilot.pause(1)
        assert rows(app) == seen
        await press(pilot, "pageup", "pagedown", "end")
        assert rows(app)[-2:] == ["13:42 bob: more", HINT]
        await press(pilot, "home")
        assert rows(app)[:2] == ["Tuesday, 24 November 2026", "12:01 bob: line 1"]
        await press(pilot, "pagedown")
        assert rows(app)[0] == "12:28 bob: line 28"
        await pilot.resize_terminal(40, 15)
        await settle(pilot)
        assert rows(app)[0] == "12:28 bob: line 28"
        await press(pilot, "end")
        await pilot.resize_terminal(40, 10)
        await settle(pilot)
        assert rows(app)[-1] == HINT[40:]
        await press(pilot, "q")
        await pilot.resize_terminal(100, 30)
        await settle(pilot)

    program.play(act, MANY)


def test_the_mouse_is_the_terminal_s_until_one_goes_back(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.written.clear()
        await press(pilot, "alt+x")
        assert app.written == [MOUSE_OFF]
        await press(pilot, "escape")
        assert app.written == [MOUSE_OFF, MOUSE_ON]

    program.play(act, MANY)


def test_the_terminal_is_told_plain_text_which_it_wraps_itself_and_only_when_that_changes(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+x")
        screen = app.screen
        assert isinstance(screen, BareScreen)
        screen._forget_written()
        update = screen._compositor.render_update(screen_stack=[])
        assert isinstance(update, CompositorUpdate)
        page = update.render_segments(app.console)
        assert page.count("\x1b[") == 4 + MOUSE_OFF.count("\x1b[") + 2 * 29
        assert "\x1b[28;1H\x1b[K13:40 bob: line 100\x1b[29;1H" in page
        assert screen._compositor.render_update(screen_stack=[]) is None
        await press(pilot, "up")
        await press(pilot, "q")

    program.play(act, MANY)


def test_a_page_goes_on_in_the_next_row_and_does_not_scroll_where_widths_may_be_others() -> None:
    begin, end = MOUSE_OFF + "\x1b[0m\x1b[2J\x1b[?7h", "\x1b[?7l"
    assert plain_page([("ab", True), ("cd", False), ("ef", True)], 3) == (
        f"{begin}\x1b[1;1H\x1b[Kab\x1b[2;1H\x1b[Kcdef{end}"
    )
    assert plain_page([("你", False), ("好", True)], 2) == f"{begin}\x1b[1;1H\x1b[K你\x1b[?7l\x1b[2;1H\x1b[K好{end}"


def test_rows_are_filled_as_a_terminal_fills_them() -> None:
    assert filled("one two  three", 6) == ["one tw", "o  thr", "ee"]
    assert filled("你好 a世界", 5) == ["你好 ", "a世界"]
    assert filled("", 5) == [""]


def test_it_has_the_key_that_the_settings_give_it() -> None:
    app = StoryApp(MANY, settings=Settings(keys={"bare": "f10"}))

    async def act(pilot: Pilot) -> None:
        await press(pilot, "f10")
        assert rows(app)[-1] == HINT
        await press(pilot, "alt+x")
        assert rows(app)[-1] == HINT
        await press(pilot, "f10")
        assert app.screen is app.main

    play(app, act)


def test_in_no_room_there_is_nothing_to_show(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+x")
        assert app.toasts() == ["You are in no room yet."]

    program.play(act, beginning()[:3])


@pytest.mark.slow
@needs_tmux
@pytest.mark.parametrize("size", [(100, 30), (40, 15)])
def test_in_a_real_terminal_it_is_text_without_any_style_and_a_long_line_is_one(
    tmux: Tmux, size: tuple[int, int]
) -> None:
    link = "https://example.org/" + "0123456789" * 15
    with running_server() as server:
        tmux.open("ann", server.port, "--room", "python", size=size, env="TERM=screen")
        tmux.wait_for("ann", "Write to python")
        tmux.say("ann", "你好，世界")
        tmux.say("ann", link)
        tmux.wait_for("ann", r"89 *\n(?:.*\n)*.*Write to python")  # it stands in the chat, and not only in the prompt
        tmux.type("ann", "M-x")
        tmux.wait_for("ann", r"Esc goes back")
        styled = tmux._run("capture-pane", "-t", "ann", "-p", "-e", "-J")
        assert "\x1b" not in styled
        assert f"ann: {link}\n" in styled
        assert "ann: 你好，世界\n" in styled
        assert tmux._run("display", "-t", "ann", "-p", "#{mouse_any_flag}").strip() == "0"
        tmux.type("ann", "M-x")
        tmux.wait_for("ann", "Write to python")
        assert tmux._run("display", "-t", "ann", "-p", "#{mouse_any_flag}").strip() == "1"
