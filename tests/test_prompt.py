"""What one writes in chat-tui's prompt before it is sent: completion, undoing, pasting, drafts, with a story instead of a network."""

from collections.abc import Iterator

import pytest
from rich.cells import cell_len
from textual.events import Paste
from textual.widgets import Input, TextArea

from chat_server.protocol import events
from chat_tui.settings import Settings
from chat_tui.ui.composer import prompt_for
from on_screen import page, program
from stories import Pilot, Stage, StoryApp, beginning, said, settle

__all__ = ["program"]


def test_up_brings_back_what_was_sent_and_down_what_was_being_written(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for text in ("first", "second"):
            app.prompt.put(text)
            await pilot.press("enter")
        app.prompt.put("unsent")
        await pilot.press("up")
        assert app.prompt.text == "second"
        await pilot.press("up")
        assert app.prompt.text == "first"
        await pilot.press("down", "down")
        assert app.prompt.text == "unsent"

    program.play(act, beginning())


@pytest.fixture(scope="module")
def prompt() -> Iterator[Stage]:
    stage = Stage(lambda: StoryApp(beginning()))
    yield stage
    stage.close()


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("/onl", "/online "),
        ("/join wr", "/join write "),
        ("car", "Carol: "),
        ("hi @ca", "hi @Carol "),
        ("see #py", "see #python "),
        ("nice :thumbs_u", "nice 👍"),
        ("zzz", "zzz"),
    ],
)
def test_tab_completes_commands_rooms_nicks_and_emoji(typed: str, completed: str, prompt: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put(typed)
        await pilot.press("tab")
        assert app.prompt.text == completed

    prompt.play(act)


def test_tab_again_takes_the_next_choice(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("ca")
        await pilot.press("tab")
        first = app.prompt.text
        await pilot.press("tab")
        assert {first, app.prompt.text} == {"Carol: ", "carl: "}

    program.play(act, [*beginning(), events.Joined("python", ("carl",))])


def test_a_message_may_have_several_lines_and_an_emoji_by_name(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("def f(): :smile:")
        await pilot.press("ctrl+j")
        app.prompt.insert("    return 1")
        await pilot.press("enter")
        assert app.connection.said[0].text == "def f(): 😄\n    return 1"

    program.play(act, beginning())


def test_a_long_paste_asks_first_and_a_short_one_does_not(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.post_message(Paste("one\ntwo"))
        await settle(pilot)
        assert app.prompt.text == "one\ntwo"
        app.prompt.put("")
        long = "\n".join(f"[bold]line {number}" for number in range(8))
        app.prompt.post_message(Paste(long))
        await settle(pilot)
        assert "Paste 8 lines as one message?" in app.screen_text()
        await pilot.press("escape")
        assert app.prompt.text == ""
        app.prompt.post_message(Paste(long + "\x1b[2J"))
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert app.prompt.text == long + "[2J"
        assert not app.connection.said, "it is not sent by that"

    program.play(act, beginning())


def test_what_stands_unseen_before_a_slash_is_not_sent_as_a_line(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for unseen in ("\u200b", "\ufeff", "\x0c", " \n\u200b"):
            app.prompt.insert(f"{unseen}/topic All things Python")
            await pilot.press("enter")
            app.prompt.post_message(Paste(f"{unseen}/topic All things Python"))
            await settle(pilot)
            await pilot.press("enter")
        await settle(pilot)
        assert [line.do for line in app.connection.said] == ["topic"] * 8, "none is said"

    program.play(act, beginning())


def test_the_wide_slash_of_a_chinese_keyboard_begins_a_command(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.insert("／top")
        await pilot.press("tab", *"Pythons", "enter")
        app.prompt.insert("／／topic")
        await pilot.press("enter")
        await settle(pilot)
        said = [(line.do, line.text) for line in app.connection.said]
        assert said == [("topic", "Pythons"), ("say", "/topic")]

    program.play(act, beginning())


def test_ctrl_z_undoes_a_word_at_a_time_and_ctrl_y_brings_it_back(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press(*"one", "space", *"two", "space", *"three")
        seen = []
        for key in ("ctrl+z", "ctrl+z", "ctrl+z", "ctrl+y", "ctrl+y"):
            await pilot.press(key)
            seen.append(app.prompt.text)
        assert seen == ["one two ", "one ", "", "one ", "one two "]

    program.play(act, beginning())


def test_a_long_text_can_be_undone_to_its_first_word(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for number in range(200):
            app.prompt.insert(f"word{number} ")
        for _ in range(199):
            app.prompt.undo()
        assert app.prompt.text == "word0 "

    program.play(act, beginning())


@pytest.mark.parametrize(
    ("keys", "left", "place"),
    [
        (["ctrl+a"], "all", (1, 0)),
        (["home"], "all", (1, 0)),
        (["ctrl+e"], "all", (1, 299)),
        (["end"], "all", (1, 299)),
        (["ctrl+u"], "after", (1, 0)),
        (["ctrl+e", "ctrl+u"], "none", (1, 0)),
        (["ctrl+a", "ctrl+u"], "joined", (0, 5)),
    ],
)
def test_keys_that_go_to_the_ends_of_a_line_mean_the_line_and_not_the_row_that_is_seen_of_it(
    keys: list[str], left: str, place: tuple[int, int], program: Stage
) -> None:
    long = "word " * 59 + "last"
    texts = {"all": f"first\n{long}", "after": f"first\n{long[180:]}", "none": "first\n", "joined": f"first{long}"}

    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put(f"first\n{long}")
        app.prompt.move_cursor((1, 180))
        await pilot.press(*keys)
        assert (app.prompt.text, app.prompt.cursor_location) == (texts[left], place)

    program.play(act, beginning())


@pytest.fixture(scope="module")
def readline() -> Iterator[Stage]:
    stage = Stage(lambda: StoryApp(beginning("python", "pm"), settings=Settings(keys={"preset": "readline"})))
    yield stage
    stage.close()


@pytest.mark.parametrize(
    ("keys", "left"),
    [
        (["ctrl+k"], "one two\nthree"),
        (["ctrl+a", "ctrl+k"], "one two\n"),
        (["up", "end", "ctrl+k"], "one twothree four"),
        (["ctrl+u"], "one two\n four"),
        (["ctrl+w"], "one two\n four"),
        (["ctrl+a", "ctrl+w"], "one twothree four"),
        (["alt+d"], "one two\nthree"),
        (["alt+b", "alt+d", "ctrl+y", "ctrl+y"], "one two\nthreethree four"),
        (["ctrl+e", "ctrl+w", "ctrl+w", "ctrl+y"], "one two\nthree four"),
        (["ctrl+k", "ctrl+a", "ctrl+y"], "one two\n fourthree"),
        (["ctrl+b", "ctrl+b", "ctrl+f", "ctrl+d"], "one two\nthre four"),
        (["ctrl+k", "ctrl+underscore"], "one two\nthree four"),
        (["ctrl+p"], "sent"),
        (["ctrl+p", "ctrl+n"], "one two\nthree four"),
    ],
)
def test_the_preset_of_readline_kills_yanks_and_moves(keys: list[str], left: str, readline: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("sent")
        await pilot.press("enter")
        app.prompt.put("one two\nthree four")
        app.prompt.move_cursor((1, 5))
        if keys[0] == "ctrl+p":
            app.prompt.move_cursor((0, 0))
        await pilot.press(*keys)
        assert app.prompt.text == left
        assert app.current is not None
        assert app.current.name == "python", "no action is on these keys any more"
        assert len(app.screen_stack) == 1

    readline.play(act)


def test_each_room_has_its_own_draft(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("for python")
        await pilot.press("ctrl+n")
        await settle(pilot)
        assert app.prompt.text == ""
        app.prompt.put("for pm")
        await pilot.press("ctrl+p")
        await settle(pilot)
        assert app.prompt.text == "for python"

    program.play(act, beginning("python", "pm"))


def test_what_up_brings_back_is_no_draft(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("sent")
        await pilot.press("enter")
        app.prompt.put("being written")
        await pilot.press("up")
        assert app.prompt.text == "sent"
        await pilot.press("ctrl+n", "ctrl+p")
        await settle(pilot)
        assert app.prompt.text == "being written"

    program.play(act, beginning("python", "pm"))


def test_one_writes_wherever_one_has_clicked(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.click("#chat", offset=(20, 5))
        await pilot.press("end", "up", "escape", "h", "i")
        await settle(pilot)
        assert app.prompt.text == "hi"

    program.play(act, [*beginning(), page(1, 100), *said("A" * 8000, first=101)])


def test_the_commands_of_the_screen_are_completed_and_explained(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("/joi")
        await pilot.press("tab")
        first = app.prompt.text
        await pilot.press("tab")
        assert {first, app.prompt.text} == {"/join ", "/joins "}
        await pilot.press("f1")
        await settle(pilot)
        await pilot.press("end")
        await settle(pilot)
        assert "/joins" in app.screen_text()

    program.play(act, beginning(), size=(100, 60))


def test_no_cursor_blinks(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for keys in (["ctrl+f"], ["escape", "ctrl+g"], ["escape", "ctrl+k"], ["escape", "alt+f"], ["escape"]):
            await pilot.press(*keys)
            await settle(pilot)
            field = app.focused
            assert isinstance(field, Input) is (keys != ["escape"])
            assert isinstance(field, Input | TextArea)
            assert not field.cursor_blink
        app.action_connect()
        await settle(pilot)
        fields = list(app.screen.query(Input))
        assert len(fields) == 3
        assert not any(field.cursor_blink for field in fields)

    program.play(act, beginning())


def test_input_methods_are_told_where_the_cursor_is_after_wide_characters(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await settle(pilot)
        start = app.cursor_position
        app.prompt.insert("你好👋")
        await settle(pilot)
        assert app.cursor_position.x - start.x == 6

    program.play(act, beginning())


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
def test_what_is_nearly_too_long_is_counted_in_bytes(size: tuple[int, int], program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        limit = app.client.state.limits["text_bytes"] = 4000
        app.prompt.put("ä" * 1799)
        await pilot.pause()
        assert "of 4,000" not in app.screen_text()
        await pilot.press("ä")
        await pilot.pause()
        assert "3,600 of 4,000" in app.screen_text()
        app.prompt.put("x" * (limit + 1))
        await pilot.pause()
        assert "4,001 of 4,000" in app.screen_text()
        app.prompt.put("")
        await pilot.pause()
        assert "of 4,000" not in app.screen_text()

    program.play(act, beginning(), size=size)


@pytest.mark.parametrize("columns", [14, 20, 26, 27, 33, 34, 60, 120])
@pytest.mark.parametrize("is_archived", [False, True])
@pytest.mark.parametrize("room", ["", "python", "@bob", "deployment-and-infrastructure", "小" * 20])
def test_what_stands_in_the_empty_prompt_has_its_place_and_as_much_of_it_as_does(
    room: str, columns: int, *, is_archived: bool
) -> None:
    said = prompt_for(room, columns, is_archived=is_archived)
    assert cell_len(said) <= columns
    whole = prompt_for(room, is_archived=is_archived)
    assert (said == whole) == (cell_len(whole) <= columns)
