"""The columns of the lines on the screen: how wide names and texts are, where a time stands, and what marks a further line of somebody."""

from typing import Any

import pytest
from textual.content import Content
from textual.style import Style

from chat_server.protocol.entries import Entry, Said
from chat_server.protocol.events import Entered, Event, LoggedIn
from chat_tui.ui.colours import DARK
from chat_tui.ui.panes import BETWEEN, fitting
from chat_tui.ui.rendering import rows_of
from chat_tui.ui.row import LINE_MAX, NAME_MAX, NAME_MIN, Look, Row, grid
from on_screen import rows
from showcase import arrange, showcase
from stories import NOON, Pilot, StoryApp, play, said, settle, welcome
from test_hostile_texts import looking


def line(text: str, second: int = 0, nick: str = "bob", **more: Any) -> Said:
    return Said("r", second + 1, NOON + second, nick, text, **more)


def made(entry: Entry, before: Entry | None, look: Look, **more: Any) -> list[Row]:
    shown = rows_of(entry, before, look, now=NOON, **more)
    return [shown[number] for number in range(len(shown))]


def text_begins(app: StoryApp, words: str) -> int:
    """In which column of the pane of lines these words begin."""
    return next(row.index(words) for row in rows(app) if words in row) - app.main.panes.chat.region.x


def test_names_have_as_many_columns_as_the_longest_needs_within_bounds() -> None:
    assert [grid(80, "%H:%M", 0, name).name for name in (0, 3, 5, 9, 14, 40)] == [
        NAME_MIN,
        NAME_MIN,
        5,
        9,
        14,
        NAME_MAX,
    ]
    assert grid(50, "%H:%M", 0, 14).name == 10, "a fifth of the pane at most"
    assert grid(40, "%H:%M", 0, 14).name == 0


@pytest.mark.parametrize("width", [60, 80, 100, 147, 300])
def test_text_has_what_a_time_leaves_and_all_where_there_is_none(width: int) -> None:
    columns = grid(width, "%H:%M", 0, 5)
    assert columns.text == min(LINE_MAX, columns.right - columns.gutter)
    assert columns.text_beside(5) == min(columns.text, columns.right - columns.gutter - 7)
    look = looking(width)._replace(grid=columns)
    words = "word " * 200
    first = [row.text for row in made(line(words, 1), None, look) if row.text]
    further = [row.text for row in made(line(words, 2), line("x", 1), look) if row.text]
    assert columns.text_beside(5) - 5 < first[0].cell_length <= columns.text_beside(5)
    assert columns.text - 5 < first[1].cell_length <= columns.text
    assert columns.text - 5 < further[0].cell_length <= columns.text


def by(nick: str, *texts: str, first: int = 1) -> list[Event]:
    return said(*texts, nick=nick, first=first)


def in_room(*told: Event) -> StoryApp:
    return StoryApp([welcome(), LoggedIn("ann", "t" * 22), Entered("python", ("bob",), 0, "", 0), *told])


def test_the_gutter_grows_with_a_longer_name_and_shrinks_only_when_the_room_is_opened_or_the_window_resized() -> None:
    app = in_room(*by("Carol", "first words"))

    async def act(pilot: Pilot) -> None:
        assert text_begins(app, "first words") == 1 + 5 + 2
        app.tell(*by("maximilian", "a longer name", first=2))
        await settle(pilot)
        assert text_begins(app, "first words") == text_begins(app, "a longer name") == 1 + 10 + 2
        app.tell(*by("bob", *(f"more {number}" for number in range(70)), first=3))
        await settle(pilot)
        app.main.panes.chat.put_rule(None)
        assert text_begins(app, "more 69") == 1 + 10 + 2, "nothing jumps while one reads"
        await pilot.resize_terminal(80, 20)
        await settle(pilot)
        assert text_begins(app, "more 69") == 1 + 10 + 2, "nor when the prompt has another row"
        await pilot.resize_terminal(90, 24)
        await settle(pilot)
        assert text_begins(app, "more 69") == 1 + NAME_MIN + 2

    play(app, act, size=(80, 24))


def test_a_longer_name_further_up_is_whole_once_it_is_seen_and_one_stays_where_one_is() -> None:
    app = in_room(*by("maximilian", "the first line"), *by("bob", *map("line {}".format, range(100)), first=2))

    async def act(pilot: Pilot) -> None:
        assert text_begins(app, "line 99") == 1 + NAME_MIN + 2
        app.main.panes.chat.go_to_top()
        await settle(pilot)
        assert text_begins(app, "the first line") == 1 + 10 + 2
        assert "maximilian  the first line" in app.screen_text()

    play(app, act, size=(80, 24))


@pytest.mark.parametrize(("width", "gutter"), [(80, "·  "), (40, " · ")])
def test_a_further_line_of_somebody_is_marked_where_names_end_and_a_further_row_is_not(width: int, gutter: str) -> None:
    look = looking(width)
    row, further, *_ = made(line("word " * 30, 2), line("x", 1), look)
    assert row.gutter.plain.endswith(gutter)
    assert row.gutter.plain.strip() == "·"
    assert further.gutter.plain.isspace()
    assert row.text.plain.startswith("word"), "it is not copied"
    assert row.gutter.cell_length == further.gutter.cell_length


@pytest.mark.parametrize("width", [80, 40])
def test_a_reply_has_its_author_in_the_row_of_what_it_answers_and_only_there(width: int) -> None:
    blue, dim = Style(bold=True), Style(italic=True)
    look = looking(width)._replace(nicks=(blue,), dim=dim)
    quoted = line("noon is fine", 1, "carol")
    above, text, *_ = made(line("so it is", 9, "bob", re=2), quoted, look, quoted=quoted)
    assert f"{above.gutter}{above.beside}".split() == ["bob", "╭", "carol", "noon", "is", "fine"]
    assert text.gutter.plain.isspace()
    assert text.text.plain == "so it is"
    shown = f"{above.gutter}{above.beside}"
    start = above.beside.plain.index("carol")
    styles = [span.style for span in above.beside.spans if span.start <= start < span.end]
    assert dim in styles, shown
    assert not any(isinstance(style, Style) and style.bold for style in styles), "the one who speaks is bold"


def test_where_times_cost_text_they_stand_on_a_rule_or_where_there_is_place() -> None:
    look = looking(40)
    rule, *new = made(line("hello", 9), line("x", 1), look, is_first_unread=True, unread=2)
    assert rule.beside.plain.startswith("2 new ─")
    assert rule.beside.plain[-7:-3] in {f"─ {hour:02}" for hour in range(24)}
    assert rule.gutter.cell_length + rule.beside.cell_length == look.grid.right
    assert not any(row.end for row in new), "once"
    assert made(line("hello", 600), line("x", 1), look)[0].end
    first, further = made(line("word word word word word word wor wo", 600), line("x", 1), look)
    assert (bool(first.end), bool(further.end)) == (False, True)
    assert [bool(row.end) for row in made(line("w" * 30, 600), line("x", 1), look)] == [False]


def test_rules_and_code_end_where_the_prompt_does() -> None:
    app = showcase()

    async def act(pilot: Pilot) -> None:
        await arrange(pilot)
        shown = rows(app)
        right = app.main.query_one("#write").region.right
        rule = next(row for row in shown if " new  ─" in row)
        assert rule.rindex("─") + 1 == right
        chat = app.main.panes.chat
        code = next(number for number, row in enumerate(shown) if "async def" in row) - chat.region.y
        block = chat.look.parts.block.background
        assert block is not None
        filled = [one for one in chat.render_line(code) if one.style and one.style.bgcolor == block.rich_color]
        cells = sum(segment.cell_length for segment in filled)
        assert chat.region.x + chat.look.grid.gutter + cells == right

    play(app, act, size=(120, 40))


def test_a_chosen_line_shows_its_time_in_the_first_row_that_has_place_for_it() -> None:
    look = looking(80)
    wide = "w" * look.grid.text
    (row,) = made(line("short", 2), line("x", 1), look)
    assert row.marked_end
    assert not row.end
    first, further = made(line(f"{wide} word", 2), line("x", 1), look)
    assert (bool(first.marked_end), bool(further.marked_end)) == (False, True)


def test_where_the_prompt_has_no_border_the_foot_has_another_tone_and_all_of_it_is_read() -> None:
    app = showcase()

    async def act(pilot: Pilot) -> None:
        tones = {app.main.query_one(one).background_colors[1] for one in ("#foot", "#foot Foot", "#foot #me")}
        assert len(tones) == 1
        assert app.main.query_one("#write").background_colors[1] not in tones

    play(app, act, size=(80, 24))


def test_code_in_a_sentence_has_a_tone_and_not_the_colour_of_what_is_for_the_reader() -> None:
    app = in_room(*by("bob", "it is in `here`"))

    async def act(pilot: Pilot) -> None:
        parts = app.main.panes.chat.look.parts
        assert parts.code.foreground is None
        assert parts.code.background is not None
        assert parts.code.background.hex.lower() == DARK.raised

    play(app, act)


@pytest.mark.parametrize(
    ("topic", "header"),
    [
        ("1.4 goes out on Wednesday", "● release @2 15 unread F1 ann"),
        ("cats", "● release cats @2 15 unread ann"),
        ("", "● release @2 15 unread F1 ann"),
    ],
)
def test_a_topic_of_which_hardly_anything_has_a_place_is_left_out_for_the_key_that_helps(
    topic: str, header: str
) -> None:
    middle = f"● release{BETWEEN if topic else ''}{topic}"
    right = [Content(" @2  15 unread"), Content("ann")]
    middle_shown, hint = fitting(Content(middle), right, 40, "F1")
    assert " ".join(f"{middle_shown} {right[0]} {hint} {right[1]}".split()) == header


def test_the_header_of_a_small_window_names_the_key_that_helps_in_words_if_they_have_a_place() -> None:
    app = in_room()

    async def act(pilot: Pilot) -> None:
        assert rows(app)[0].split() == ["●", "python", "F1", "keys", "ann"]
        await pilot.resize_terminal(60, 24)
        await settle(pilot)
        assert "F1" not in rows(app)[0], "that is at the foot"

    play(app, act, size=(40, 15))
