"""The numbers of lines on the screen: shown by a key, or while a command names a line by its number; and Tab, which knows what it may name."""

from pathlib import Path
from typing import Any

import pytest

from chat_server.protocol.acts import RoleGiven
from chat_server.protocol.amending import Deleted
from chat_server.protocol.entries import Said
from chat_server.protocol.events import Event
from chat_tui.client.completion import complete, naming_a_line
from chat_tui.client.pending import Pending
from chat_tui.settings import Settings
from stories import NOON, Pilot, StoryApp, play, said, settle
from test_rights_on_screen import WELCOME
from test_rights_on_screen import room as with_roles

COMMANDS = {word: command for command in WELCOME.commands for word in (command.name, *command.aliases)}


def talk(first: int = 4708) -> list[Event]:
    return with_roles(*said("great", nick="ann", first=first), *said("hm", "no", nick="bob", first=first + 1))


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("/delete ", True),
        ("/delete 47", True),
        ("/report 4711 because of", True),
        ("/REPORT #4711", True),
        ("/since ", True),
        ("/delete", False),
        ("delete 4711", False),
        ("/members 2", False),
        ("/unban 3", False),
        ("/me ", False),
        ("/nothing ", False),
    ],
)
def test_which_commands_name_a_line(text: str, is_one: bool) -> None:
    assert (naming_a_line(text, COMMANDS) is not None) is is_one


def choices(text: str, *lines: int) -> tuple[str, ...]:
    found = complete(text, commands=COMMANDS, nicks=["bob"], rooms=[], lines=lambda _: lines)
    return found.choices if found else ()


def test_numbers_are_completed_as_they_are_begun_and_nothing_else_is_there() -> None:
    assert choices("/delete ", 4711, 99) == ("4711 ", "99 ")
    assert choices("/delete 4", 4711, 99) == ("4711 ",)
    assert choices("/delete #", 4711, 99) == ("#4711 ", "#99 ")
    assert choices("/delete b", 4711) == ()
    assert choices("/delete ") == ()
    assert choices("/report 4711 b", 4712) == ("bob ",)
    assert len(choices("/delete ", *range(1000))) == 20


def row_with(app: StoryApp, words: str) -> str:
    return next(row for row in app.screen_text().split("\n") if words in row)


def test_a_key_shows_the_numbers_and_hides_them_and_the_next_start_has_them_so(tmp_path: Path) -> None:
    app = StoryApp(talk(), store=tmp_path)

    async def act(pilot: Pilot) -> None:
        await pilot.press("alt+l")
        await settle(pilot)
        assert "#4708" in row_with(app, "great")
        assert "#4710" in row_with(app, "  no  "), "lines that follow one another have numbers too"

    async def again(pilot: Pilot) -> None:
        assert "#4708" in app.screen_text()
        await pilot.press("alt+l")
        await settle(pilot)
        assert "#4708" not in app.screen_text()

    play(app, act)
    app = StoryApp(talk(), store=tmp_path)
    play(app, again)
    app = StoryApp(talk(), store=tmp_path, settings=Settings(line_numbers=True))

    async def hidden(_: Pilot) -> None:
        assert "#4708" not in app.screen_text(), "what was said by the key goes before the settings"

    play(app, hidden)


def test_the_settings_have_the_numbers_shown_from_the_start() -> None:
    app = StoryApp(talk(), settings=Settings(line_numbers=True))

    async def act(pilot: Pilot) -> None:
        assert "#4708" in app.screen_text()
        app.client.state.typed(Pending("k", "python", "say", "on my way", NOON + 3600))
        app.tell(RoleGiven("python", 4711, NOON + 4711 * 60, "bob", "member", whom="dave"))
        app.tell(Deleted("python", 4712, NOON + 4712 * 60, "bob", ""))
        await settle(pilot)
        shown = app.screen_text()
        assert "#4711" in shown
        assert "#4712" in shown
        assert "#4713" not in shown, "what is not stored yet has none"

    play(app, act)


def test_numbers_are_shown_while_a_command_names_a_line_and_hidden_when_it_is_sent() -> None:
    app = StoryApp(talk())

    async def act(pilot: Pilot) -> None:
        await pilot.press(*"/delete")
        await settle(pilot)
        assert "#4708" not in app.screen_text()
        await pilot.press("space")
        assert app.chat.look.grid.number, "nothing that the server says has it painted"
        await settle(pilot)
        assert "#4708" in app.screen_text()
        await pilot.press("tab")
        assert app.prompt.text == "/delete 4708 "
        await pilot.press("enter")
        await settle(pilot)
        assert app.connection.last("delete")["number"] == 4708
        assert "#4708" not in app.screen_text()
        assert app.client.saved.numbers_shown is None

    play(app, act)


def test_tab_knows_one_s_own_newest_line_and_that_of_somebody_else() -> None:
    app = StoryApp([*talk(), *said("mine", nick="ann", first=4711), *said("theirs", nick="Carol", first=4712)])

    async def act(pilot: Pilot) -> None:
        app.tell(RoleGiven("python", 4713, NOON + 4713 * 60, "bob", "member", whom="dave"))
        for text, keys, completed in (
            ("/delete ", ["tab"], "/delete 4711 "),
            ("/delete ", ["tab", "tab"], "/delete 4708 "),
            ("/report ", ["tab"], "/report 4712 "),
            ("/report ", ["tab", "tab", "tab", "shift+tab"], "/report 4710 "),
            ("/since ", ["tab"], "/since "),
        ):
            app.prompt.put(text)
            await pilot.press(*keys)
            assert app.prompt.text == completed
        app.tell(Deleted("python", 4711, NOON, "ann", ""))

    play(app, act)


def test_a_conversation_has_numbers_too() -> None:
    app = StoryApp([*talk(), Said("@bob", 1, NOON, "bob", "psst"), Said("@bob", 2, NOON, "ann", "yes?")])

    async def act(pilot: Pilot) -> None:
        await pilot.press("alt+2", *"/delete ", "tab")
        await settle(pilot)
        assert app.prompt.text == "/delete 2 "
        assert "#2" in app.screen_text()
        await pilot.press("alt+1")
        await settle(pilot)
        assert "#47" not in app.screen_text(), "another room has another prompt"

    play(app, act)


def test_who_has_scrolled_up_stays_where_they_are_and_who_follows_follows() -> None:
    lines = said(*(f"{number} {'word ' * 30}" for number in range(1, 200)), first=1)
    app = StoryApp(with_roles(*lines))

    async def act(pilot: Pilot) -> None:
        def top() -> Any:
            chat: Any = app.chat
            return chat.entry_rows.entry(chat._viewport.heights.at(chat.top_row)).seq

        await pilot.press("alt+l")
        await settle(pilot)
        assert app.chat.follows
        assert "#199" in app.screen_text()
        await pilot.press("alt+l", "pageup", "pageup")
        await settle(pilot)
        before = top()
        for _ in range(4):
            await pilot.press("alt+l")
            await settle(pilot)
            assert abs(top() - before) <= 1
        assert top() == before
        assert not app.chat.follows

    play(app, act, size=(80, 24))


def test_the_column_grows_with_the_room() -> None:
    app = StoryApp(with_roles(*said("a", "b", first=998)), settings=Settings(line_numbers=True))

    async def act(pilot: Pilot) -> None:
        assert " #998" in app.screen_text()
        app.tell(*said("c", first=1000))
        await settle(pilot)
        shown = app.screen_text()
        assert "  a  " in next(row for row in shown.split("\n") if "#998 " in row)
        assert "  c  " in next(row for row in shown.split("\n") if "#1000" in row)

    play(app, act)


@pytest.mark.parametrize("width", [30, 43, 60])
def test_where_there_is_no_place_for_columns_the_number_stands_before_the_line(width: int) -> None:
    app = StoryApp(talk(), settings=Settings(line_numbers=True))

    async def act(pilot: Pilot) -> None:
        shown = app.screen_text()
        assert ("#4708 ann  great" if width < 43 else "great") in shown
        assert "#4708" in row_with(app, "great")
        assert "#4710" in row_with(app, "no")
        await pilot.press("alt+l")
        await settle(pilot)
        assert "#4708" not in app.screen_text()

    play(app, act, size=(width, 20))


def test_what_is_selected_is_copied_without_its_number() -> None:
    app = StoryApp(talk(), settings=Settings(line_numbers=True))

    async def act(pilot: Pilot) -> None:
        app.main.panes.chat.text_select_all()
        await settle(pilot)
        selected = app.main.get_selected_text()
        assert selected is not None
        assert "great" in selected
        assert "#" not in selected

    play(app, act)
