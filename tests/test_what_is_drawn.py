"""No more is drawn than has changed and is seen, and it looks as if everything had been drawn."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from textual._compositor import Compositor
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.geometry import Region
from textual.scrollbar import ScrollBar
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from account_forms import among_others
from chat_tui.ui.still_scroll import thumb_of
from chat_tui.ui.terminal import draw_what_is_seen
from stories import SIZE, Pilot, StoryApp, beginning, conversation, play, run_story, said, settle

MANY = [f"line {number}, of which some are longer than the pane is wide" * (1 + number % 3) for number in range(200)]


def story() -> StoryApp:
    return StoryApp([*beginning(), *said(*MANY)])


def drawn_in(compositor: Compositor, part: Region) -> list[list[tuple[int, Strip]]]:
    """What is drawn in a part of the screen: for each row, where it begins and what it is."""
    chops = compositor._render_chops(part, lambda y: y in part.line_range)
    rows = []
    for y in part.line_range:
        ends = compositor.cuts[y][1:]
        cut = zip(ends, chops[y].items(), strict=True)
        rows.append([(x, strip) for end, (x, strip) in cut if x < part.right and end > part.x])
    return rows


@pytest.mark.parametrize("over", [(), ("f2",), ("ctrl+f", "l", "i")], ids=["", "choices", "search"])
def test_a_part_of_the_screen_is_drawn_as_all_of_it_is(over: tuple[str, ...]) -> None:
    app = story()

    async def act(pilot: Pilot) -> None:
        await pilot.press(*over)
        await settle(pilot)
        compositor: Any = app.main._compositor
        width, height = app.size
        parts = [
            Region(x, y, wide, high)
            for x in range(0, width, 17)
            for y in range(0, height, 7)
            for wide, high in ((1, 1), (30, 1), (width - x, 9))
        ]
        ours = [drawn_in(compositor, part.intersection(Region(0, 0, width, height))) for part in parts]
        renders = compositor.__dict__.pop("_get_renders")
        for part, rows in zip(parts, ours, strict=True):
            assert rows == drawn_in(compositor, part.intersection(Region(0, 0, width, height))), part
        compositor._get_renders = renders

    play(app, act, size=(120, 40))


def test_what_is_scrolled_in_a_pane_is_drawn_where_it_stands() -> None:
    class Scrolled(App[None]):
        def compose(self) -> ComposeResult:
            with VerticalScroll():
                for number in range(40):
                    yield Static(f"first of {number}\nsecond of {number}")

    async def act() -> None:
        app = Scrolled()
        async with app.run_test(size=(30, 11)) as pilot:
            app.query_one(VerticalScroll).scroll_to(y=7, animate=False)
            await pilot.pause()
            compositor: Any = app.screen._compositor
            whole = drawn_in(compositor, Region(0, 0, 30, 11))
            draw_what_is_seen(app.screen)
            assert drawn_in(compositor, Region(0, 0, 30, 11)) == whole
            for y in range(11):
                assert drawn_in(compositor, Region(0, y, 30, 1)) == whole[y : y + 1]

    asyncio.run(act())


def drawing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which widgets draw from now on, by their ids or kinds."""
    drew: list[str] = []
    render_lines = Widget.render_lines

    def noted(self: Widget, crop: Region) -> list[Strip]:
        drew.append(self.id or type(self).__name__)
        return render_lines(self, crop)

    monkeypatch.setattr(Widget, "render_lines", noted)
    return drew


def test_a_letter_has_nothing_drawn_but_the_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    app = story()

    async def act(pilot: Pilot) -> None:
        await pilot.press("a")
        await settle(pilot)
        drew = drawing(monkeypatch)
        app.prompt.insert("b")
        await pilot.pause()
        app.main._compositor.render_update()
        assert set(drew) <= {"prompt"}
        assert "ab" in app.screen_text()

    play(app, act)


def shown_bar(app: StoryApp) -> list[Strip]:
    bar = app.chat.vertical_scrollbar
    return bar.render_lines(Region(0, 0, 1, bar.size.height))


WAYS: list[Callable[[StoryApp], object]] = [
    lambda app: app.tell(*said(*MANY[:3], first=201)),
    lambda app: app.chat.scroll_pages(-1),
    lambda app: app.chat.scroll_rows(-3),
    lambda app: app.chat.go_to_top(),
    lambda app: app.chat.go_to_line(100),
    lambda app: app.chat.scroll_to(y=40, animate=False),
    lambda app: app.chat.go_to_bottom(),
]


def test_the_scrollbar_is_where_it_would_be_if_it_were_drawn_each_time() -> None:
    app = story()

    async def act(pilot: Pilot) -> None:
        for way in WAYS:
            way(app)
            await settle(pilot)
            before = shown_bar(app)
            app.chat.vertical_scrollbar.refresh()
            assert before == shown_bar(app)

    play(app, act)


def test_a_line_in_a_long_room_does_not_have_the_scrollbar_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    app = StoryApp([*beginning(), *said(*MANY * 20)])

    async def act(pilot: Pilot) -> None:
        drew: list[ScrollBar] = []
        render = ScrollBar.render

        def noted(bar: ScrollBar) -> Any:
            drew.append(bar)
            return render(bar)

        monkeypatch.setattr(ScrollBar, "render", noted)
        app.tell(*said("one more", first=20 * len(MANY) + 1))
        await settle(pilot)
        assert not drew
        assert "one more" in app.screen_text()

    play(app, act)


def test_a_thumb_is_as_high_as_what_is_seen_of_all_and_stands_where_it_is_seen() -> None:
    assert thumb_of(10, 10, 10, 0) == (0, 0), "all of it is seen"
    assert thumb_of(10, 10, 20, 0) == (0, 40)
    assert thumb_of(10, 10, 20, 10) == (40, 80)
    assert thumb_of(10, 10, 100_000, 0) == (0, 8), "a row at least"


def test_the_prompt_has_the_colours_that_it_is_given_while_one_writes() -> None:
    app = story()

    async def act(pilot: Pilot) -> None:
        await pilot.press(*"hello")
        prompt = app.prompt
        app.stylesheet.add_source("Composer.loud .text-area--cursor { background: red; }")
        changes: list[Callable[[], object]] = [
            lambda: setattr(app, "theme", "chat-light"),
            lambda: prompt.add_class("loud"),
            lambda: setattr(app, "theme", "chat-dark"),
            lambda: prompt.remove_class("loud"),
        ]
        for change in changes:
            change()
            await settle(pilot)
            whole = Region(0, 0, prompt.size.width, prompt.size.height)
            before = prompt.render_lines(whole)
            prompt._styled = None
            prompt.notify_style_update()
            prompt.refresh()
            assert before == prompt.render_lines(whole)

    play(app, act)


def test_what_is_told_shortly_stands_where_what_it_replaces_stood() -> None:
    app = StoryApp(conversation())

    def place() -> list[int]:
        return [number for number, row in enumerate(app.screen_text().split("\n")) if "told " in row]

    async def run() -> None:
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            places = []
            for number in range(4):
                app.say_shortly(f"told {number}")
                await settle(pilot)
                places.append(place())
            assert len(places[0]) == 1
            assert places == places[:1] * 4

    run_story(run())


def test_what_is_told_shortly_stands_once_and_over_no_words_of_what_is_asked() -> None:
    app = among_others()

    def places() -> list[int]:
        return [number for number, row in enumerate(app.screen_text().split("\n")) if "told now" in row]

    async def run() -> None:
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            app.say_shortly("right of what opens over it, told now")
            await settle(pilot)
            (over_panes,) = places()
            await pilot.press("f3")
            await settle(pilot)
            (below_form,) = places()
            assert over_panes < SIZE[1] / 2 < below_form
            await pilot.press("escape")
            await settle(pilot)
            assert places() == [over_panes]

    run_story(run())
