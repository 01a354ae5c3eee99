"""The themes of chat-tui, its own and the terminal's: everything can be read in each, with a story instead of a network."""

import pytest
from textual.style import Style

from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.pending import Pending
from chat_tui.settings import Settings
from chat_tui.ui.colours import CONTRAST_MIN, contrast
from chat_tui.ui.list_pane import ListPane
from chat_tui.ui.looks import part
from chat_tui.ui.themes import ANSI_ON_DARK, ANSI_ON_LIGHT, nick_colours
from on_screen import program
from stories import NOON, Pilot, Stage, StoryApp, beginning, play, said, settle

__all__ = ["program"]


def test_a_theme_is_seen_while_it_is_marked_and_stays_when_it_is_chosen(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        before = app.theme

        async def choose(*keys: str) -> None:
            await pilot.press("f2", *"choose a theme", "enter")
            await settle(pilot)
            assert f"▌{before}" in app.screen_text()
            await pilot.press(*keys)
            await settle(pilot)

        await choose("down")
        seen = app.theme
        assert seen != before
        await pilot.press("escape")
        await settle(pilot)
        assert app.theme == before
        await choose("down", "enter")
        assert app.theme == seen
        app.theme = before
        await settle(pilot)

    program.play(act, beginning())


@pytest.mark.parametrize("first", ["chat-dark", "ansi-dark"])
def test_f9_goes_from_dark_to_light_and_back_with_all_names_in_its_colours(first: str) -> None:
    app = StoryApp([*beginning(), *said("hello")], settings=Settings(theme=first))

    async def act(pilot: Pilot) -> None:
        seen = []
        for _ in range(3):
            seen.append(app.theme)
            colours = nick_colours(app.current_theme)
            assert len(colours) >= 3
            assert {style.foreground for style in app.chat.look.nicks} == {*colours}
            for item in app.main.panes.people.items:
                assert item.key in {"", "ann"} or any(
                    isinstance(span.style, Style) and span.style.foreground in colours for span in item.content.spans
                )
            await pilot.press("f9")
            await settle(pilot)
        kind = first.removesuffix("-dark")
        assert seen == [f"{kind}-dark", f"{kind}-light", f"{kind}-dark"]

    play(app, act)


def test_names_in_the_terminals_own_colours_can_be_read_on_what_the_theme_says_the_background_is() -> None:
    xterm = {
        "red": "#cd0000",
        "blue": "#0000ee",
        "magenta": "#cd00cd",
        "bright_red": "#ff0000",
        "bright_green": "#00ff00",
    }
    xterm |= {
        "bright_yellow": "#ffff00",
        "bright_blue": "#5c5cff",
        "bright_magenta": "#ff00ff",
        "bright_cyan": "#00ffff",
    }
    for names, background in ((ANSI_ON_DARK, "#000000"), (ANSI_ON_LIGHT, "#ffffff")):
        assert all(contrast(xterm[name], background) >= 4 for name in names)


@pytest.mark.parametrize("theme", ["chat-dark", "chat-light", "textual-light", "nord", "ansi-dark"])
def test_every_theme_shows_every_part_readably(theme: str) -> None:
    app = StoryApp([*beginning(), *said("`code`", "> quote", "ann!")], settings=Settings(theme=theme))

    async def act(pilot: Pilot) -> None:
        app.client.state.typed(Pending("k", "python", "say", "waits", NOON))
        await settle(pilot)
        assert app.theme == theme
        look = app.chat.look
        background = app.chat.visual_style.background
        if app.current_theme.ansi or background is None:
            return
        parts = [look.dim, look.unread, look.failed, look.pending, *look.nicks, look.parts.link, look.parts.quote]
        for style in parts:
            if style.foreground is not None:
                assert contrast((background + style.foreground).hex6, background.hex6) >= CONTRAST_MIN, style

    play(app, act)


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
def test_where_the_terminal_has_its_own_colours_no_text_stands_on_one_of_them(theme: str) -> None:
    app = StoryApp([*beginning(), *said("ann!", "two")], settings=Settings(theme=theme))

    async def act(pilot: Pilot) -> None:
        app.connection_changed(ConnectionChanged(Status.WAITING, "nothing listens there", 0.0))
        await pilot.press("ctrl+f", *"two", "enter")
        await settle(pilot)
        look = app.chat.look
        hit = part(app.chat, "hit")
        _, current, _ = app.main.query_one("#rooms", ListPane)._styles
        status, below = (app.main.query_one(name).visual_style for name in ("#status", ".below"))
        for style in (current, hit, look.parts.found, look.parts.mention):
            assert style.reverse, style
        for style in (current, hit, look.parts.found, look.parts.mention, status, below):
            assert style.background is None or style.background.ansi in (None, -1), style

    play(app, act)
