"""Reading up and down in a room: nothing jumps, and nobody loses their place, with a story instead of a network."""

import asyncio
import time

import pytest
from textual.events import MouseScrollUp
from textual.scrollbar import ScrollUp

from chat_server.protocol import events
from chat_server.protocol.entries import PageShown, Said
from chat_tui.client.pending import Pending
from chat_tui.settings import Settings
from on_screen import page, program, rows
from stories import NOON, Pilot, Stage, StoryApp, beginning, play, said, settle

__all__ = ["program"]


def test_a_clock_that_is_set_back_holds_up_nothing(program: Stage) -> None:
    """A laptop that wakes up an hour fast, and is corrected."""

    async def act(app: StoryApp, pilot: Pilot) -> None:
        def asked(do: str, field: str = "ref") -> int:
            return sum(asked == do and field in fields for asked, fields in app.connection.asked)

        app.client.tick()
        app.tell(*said("hello", first=201))
        await pilot.press("ctrl+home")
        await settle(pilot)
        app.answer("history", events.Refused("history-failed", {}, "python", "The history cannot be read now."))
        app.now -= 3600
        rooms, older = asked("rooms"), asked("history", "before")
        app.client.tick()
        app.now += 61
        app.client.tick()
        assert asked("rooms") == rooms + 1
        await pilot.press("pagedown", "ctrl+home")
        await settle(pilot)
        assert asked("history", "before") == older + 1
        await pilot.press("ctrl+end")
        await settle(pilot)
        app.watch_reading()
        app.now -= 3600
        app.watch_reading()
        app.now += 2
        app.watch_reading()
        assert app.client.state.room("python").unread == 0

    program.play(act, [*beginning(), page(101, 200)])


def test_new_lines_below_are_counted_and_end_goes_there(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("pageup")
        before = [line[18:75].rstrip() for line in rows(app)[3:20]]
        app.tell(*said("new one", "new two", first=101))
        await settle(pilot)
        assert "↓ 2 new below" in app.screen_text()
        assert [line[18:75].rstrip() for line in rows(app)[3:20]] == before
        await pilot.press("end")
        await settle(pilot)
        assert "new two" in app.screen_text()
        assert "below" not in app.screen_text()

    program.play(act, [*beginning(), page(1, 100)])


def test_what_waits_can_be_scrolled_however_long_it_is(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.client.state.typed(Pending("k", "python", "say", "y" * 15_000, NOON))
        await settle(pilot)
        await pilot.press("pageup", "pageup")
        row = app.chat.scroll_offset.y
        app.tell(*said("more", first=101))
        app.tick()
        await settle(pilot)
        assert not app.chat.follows
        assert abs(app.chat.scroll_offset.y - row) <= 1

    program.play(act, [*beginning(), page(1, 100)])


def test_the_marker_counts_what_came_in_this_room_and_goes_when_the_newest_line_is_seen(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("pageup", "ctrl+n")
        await settle(pilot)
        app.tell(*said("a", "b", first=101))
        await pilot.press("ctrl+p")
        await settle(pilot)
        assert "↓ 2 new below" in app.screen_text()
        await pilot.press("ctrl+g", *"102", "enter")
        await settle(pilot)
        assert "below" not in app.screen_text()

    program.play(act, [*beginning("python", "pm"), page(1, 100), page(1, 30, room="pm")])


def test_answers_are_seen_by_those_who_have_scrolled_up(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("pageup", "ctrl+g", *"foo", "enter")
        await settle(pilot)
        assert any("A line is a number" in toast for toast in app.toasts())

    program.play(act, [*beginning(), page(1, 100)])


def test_scrolling_down_to_the_end_follows_again(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("pageup", "pagedown", "pagedown")
        app.tell(*said("newest", first=101))
        await settle(pilot)
        assert "newest" in app.screen_text()

    program.play(act, [*beginning(), page(1, 100)])


def test_the_wheel_scrolls(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for _ in range(3):
            await pilot._post_mouse_events([MouseScrollUp], widget="#chat", offset=(5, 5))
        await settle(pilot)
        assert "line 100" not in app.screen_text()

    program.play(act, [*beginning(), page(1, 100)])


def test_a_click_beside_the_thumb_of_the_scrollbar_scrolls_by_a_page_and_no_animation_runs(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for _ in range(4):
            row = app.chat.scroll_offset.y
            app.chat.vertical_scrollbar.post_message(ScrollUp())
            await settle(pilot)
            await asyncio.sleep(0.05)
            assert 10 < row - app.chat.scroll_offset.y < 30
        await pilot.press("pageup", "escape")
        await settle(pilot)
        assert app.chat.follows

    program.play(act, [*beginning(), page(1, 400)])


def test_resizing_keeps_the_place(program: Stage) -> None:
    words = " ".join(f"word{number}" for number in range(40))
    many = tuple(Said("python", seq, NOON + seq, "bob", f"{seq}: {words}") for seq in range(1, 101))

    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.chat.go_to_line(50)
        await settle(pilot)
        assert " 50: word0" in app.screen_text()
        top = next(line for line in rows(app)[1:] if ": word0" in line).split(": word0", 1)[0].split()[-1]
        for size in ((60, 20), (140, 50), (45, 15), (100, 30)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            shown = [int(line.split(": word0", 1)[0].split()[-1]) for line in rows(app)[1:] if ": word0" in line]
            assert any(abs(seq - int(top)) <= 1 for seq in shown), (size, top, shown)

    program.play(act, [*beginning(), PageShown("python", many, 1, 100, "")])


def test_a_hundred_thousand_lines_scroll_without_a_hitch(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for start in range(1, 100_001, 1000):
            app.tell(page(start, start + 999, newest=start + 999))
        await settle(pilot)
        slowest = 0.0
        for step in (-1, -1, -1, 1, -20, -400, 300):
            begun = time.process_time()
            app.chat.scroll_pages(step)
            app.chat.refresh()
            await pilot.pause()
            slowest = max(slowest, time.process_time() - begun)
        assert slowest < 0.25
        begun = time.process_time()
        await pilot.resize_terminal(70, 24)
        await settle(pilot)
        assert time.process_time() - begun < 1.5
        app.tell(*said("after", first=100_001))
        await pilot.press("escape")
        await settle(pilot)
        assert "after" in app.screen_text()

    program.play(act, beginning())


@pytest.mark.parametrize("size", [(80, 24), (40, 15)])
def test_as_many_pages_down_as_up_end_at_the_newest_line(size: tuple[int, int], program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for pages in (1, 3, 2):
            for key in ("pageup", "pagedown"):
                for _ in range(pages):
                    await pilot.press(key)
                    await settle(pilot)
                assert app.chat.follows is (key == "pagedown"), (key, pages)

    program.play(act, [*beginning(), *said(*(f"{'word ' * (number % 50)}." for number in range(1, 101)))], size=size)


def test_where_one_was_in_a_room_is_nothing_in_another_servers_room_of_that_name(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("pageup", "pageup")
        app.begin_again([*beginning(), page(1, 90)])
        await settle(pilot)
        assert "line 90" in app.screen_text()

    program.play(act, [*beginning(), page(1, 100)])


def test_the_slow_link_scrolls_by_half_a_page() -> None:
    app = StoryApp([*beginning(), page(1, 100)], settings=Settings(slow_link=True, theme="ansi-dark"))

    async def act(pilot: Pilot) -> None:
        moves = set()
        for seq in range(101, 121):
            app.tell(*said(f"n{seq}", first=seq))
            await settle(pilot)
            assert f"n{seq}" in app.screen_text()
            moves.add(app.chat.scroll_offset.y)
        assert len(moves) <= 4

    play(app, act)
