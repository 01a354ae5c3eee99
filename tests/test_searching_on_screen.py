"""Searching in a room and everywhere, with a story instead of a network."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from chat_server.protocol import entries, events
from chat_server.protocol.entries import PageShown, Said
from chat_tui.ui.search_bar import SearchBar
from on_screen import page, program, rows
from stories import NOON, Pilot, Stage, StoryApp, beginning, play, said, settle

__all__ = ["program"]


def test_searching_in_the_room_marks_and_goes_from_place_to_place(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+f")
        bar = app.main.query_one(SearchBar)
        assert bar.display
        await pilot.press(*"line", "space", *"55")
        await settle(pilot)
        assert "2 found" in app.screen_text() or "1 found" in app.screen_text()
        await pilot.press("enter")
        await settle(pilot)
        assert "line 155" in app.screen_text() or "line 55" in app.screen_text()
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert not bar.display
        assert app.focused is app.prompt

    program.play(act, [*beginning(), page(1, 200)])


def test_when_something_found_was_said_is_told_as_people_tell_it(
    program: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "chat_tui.ui.screens.choosing.time", SimpleNamespace(time=lambda: NOON + 60, strftime=time.strftime)
    )
    days = {0: "12:00", 1: "Yesterday 12:00", 6: "Wednesday 12:00", 7: "2026-11-17 12:00"}

    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("alt+f", *"needle", "enter")
        found = tuple(Said("python", 9 - ago, NOON - ago * 86_400, "bob", f"needle {ago}") for ago in days)
        app.answer("search", entries.Found("needle", (("python", found[::-1]),), False, 0, ""))
        await settle(pilot)
        for ago, told in days.items():
            row = next(row for row in rows(app) if f"needle {ago}" in row)
            assert row.split("│")[1].split(f"needle {ago}")[1].strip() == told

    program.play(act, beginning(), size=(80, 24))


def test_the_search_says_which_of_how_many_and_marks_it(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+f", *"needle")
        await settle(pilot)
        assert "5 found" in app.screen_text()
        for key, number, seq in (("enter", 1, 9), ("enter", 2, 7), ("down", 1, 9), ("down", 5, 1)):
            await pilot.press(key)
            await settle(pilot)
            row = next(line for line in rows(app) if "Search:" in line)
            assert f"{number} of 5" in row
            assert "Enter older · ↓ newer · Esc" in row, "its own help is not cut"
            assert [line for line in rows(app) if "▌" in line and "needle" in line] == [
                line for line in rows(app) if f"needle {seq}" in line
            ]
        await pilot.press("escape")
        await settle(pilot)
        assert not any("needle" in line and "▌" in line for line in rows(app))

    program.play(
        act,
        [*beginning(), *said(*(f"needle {number}" if number % 2 else "hay" for number in range(1, 11)))],
        size=(80, 24),
    )


def test_a_narrow_search_bar_has_place_for_no_key_but_the_way_out(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+f", *"needle", "enter")
        await settle(pilot)
        row = next(line for line in rows(app) if "Search:" in line)
        assert row.strip().endswith("1 of 1  Esc")

    program.play(act, [*beginning(), *said("needle")], size=(40, 12))


def test_a_search_that_found_more_than_it_shows_says_so(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+f", *"needle", "enter")
        await asyncio.sleep(0.5)
        app.answer("search", entries.Found("needle", (), True, 0, ""))
        await settle(pilot)
        assert "1 of 1+" in app.screen_text()

    program.play(act, [*beginning(), *said("needle")])


def test_esc_ends_the_search_wherever_one_has_clicked(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+f", *"55")
        await pilot.click("#rooms", offset=(4, 2))
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert not app.main.query_one(SearchBar).display

    program.play(act, [*beginning("python", "pm"), page(1, 100)])


def test_what_the_search_of_the_server_finds_in_the_room_is_gone_to_though_it_was_not_loaded(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        def asked_for() -> list[object]:
            return [fields["words"] for do, fields in app.connection.asked if do == "search"]

        await pilot.press("ctrl+f", "n")
        await asyncio.sleep(0.5)
        late = app.connection.ref("search")
        await pilot.press(*"eedle")
        await asyncio.sleep(0.5)
        assert asked_for() == ["n", "needle"], "not for every letter"
        app.tell(entries.Found("n", (("python", (Said("python", 5, NOON, "bob", "x"),)),), False, 0, ""), ref=late)
        app.answer(
            "search",
            entries.Found("needle", (("python", (Said("python", 17, NOON, "bob", "the needle"),)),), False, 0, ""),
        )
        await settle(pilot)
        assert "1 found" in app.screen_text()
        await pilot.press("enter")
        assert app.connection.last("around")["number"] == 17
        around = tuple(
            Said("python", seq, NOON, "bob", "the needle" if seq == 17 else f"x{seq}") for seq in range(7, 28)
        )
        app.answer("around", PageShown("python", around, 1, 500, ""))
        await settle(pilot)
        assert "the needle" in app.screen_text()

    program.play(act, [*beginning(), page(401, 500)])


def test_searching_everywhere_shows_what_was_found_and_goes_there(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("alt+f", *"needle", "enter")
        assert app.connection.last("search").items() >= {"words": "needle", "everywhere": True}.items()
        app.answer(
            "search", entries.Found("needle", (("pm", (Said("pm", 1, NOON, "bob", "a needle"),)),), False, 0, "")
        )
        await settle(pilot)
        assert "1 found" in app.screen_text()
        assert "pm bob: a needle" in app.screen_text()
        await pilot.press("enter")
        await settle(pilot)
        assert app.current is not None
        assert app.current.name == "pm"

    program.play(act, [*beginning("python", "pm"), *said("a needle", room="pm", first=1)])


@pytest.mark.parametrize("is_refused", [False, True])
def test_what_was_found_for_words_before_these_is_not_shown_for_these(is_refused: bool) -> None:
    app = StoryApp([*beginning("python", "pm"), *said("a needle", room="pm", first=1)])
    hay = entries.Found("hay", (("pm", (Said("pm", 2, NOON, "bob", "hay"),)),), False, 0, "")

    async def act(pilot: Pilot) -> None:
        await pilot.press("alt+f", *"hay", "enter")
        late = app.connection.ref("search")
        await pilot.press("ctrl+u", *"needle", "enter")
        app.tell(events.Refused("cannot-read") if is_refused else hay, ref=late)
        await settle(pilot)
        assert "Looking …" in app.screen_text()
        app.answer(
            "search", entries.Found("needle", (("pm", (Said("pm", 1, NOON, "bob", "a needle"),)),), False, 0, "")
        )
        await settle(pilot)
        assert "pm bob: a needle" in app.screen_text()

    play(app, act)


def test_search_typed_as_a_command_shows_among_the_lines_what_it_has_found(program: Stage) -> None:
    lines = (
        entries.Said("python", 41, NOON, "bob", "a parser"),
        entries.Said("python", 42, NOON, "Carol", "the parser"),
    )
    found = entries.Found("parser", (("python", lines),), has_more=True, unsearched=0, zone="", room="python")

    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.text = "/search parser"
        await pilot.press("enter")
        app.answer("search", found)
        await settle(pilot)
        screen = app.screen_text()
        assert "bob: a parser" in screen
        assert "Carol: the parser" in screen
        assert "The newest 2 lines" in screen, "two are not all"
        app.prompt.text = "/search porser"
        await pilot.press("enter")
        app.answer("search", entries.Found("porser", (), has_more=False, unsearched=0, zone="", room="python"))
        await settle(pilot)
        assert "Nothing found in python." in app.screen_text()

    program.play(act, [*beginning()])
