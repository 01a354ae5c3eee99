"""Going to a line, a day or a time, which may have to be fetched first, with a story instead of a network."""

from collections.abc import Iterator

import pytest

from chat_server.protocol import events
from chat_server.protocol.entries import PageShown
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.timeline_entries import StatusMessage
from on_screen import page, program, rows
from stories import Pilot, Stage, StoryApp, beginning, said, settle

__all__ = ["program"]


def test_a_line_to_which_one_goes_by_its_number_is_marked_until_one_goes_back(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+g", *"42", "enter")
        await settle(pilot)
        marked = [row for row in rows(app) if "▌" in row[15:]]
        assert len(marked) == 1
        assert "line 42" in marked[0]
        await pilot.press("escape")
        await settle(pilot)
        await pilot.press("pageup", "pageup")
        await pilot.press("ctrl+home")
        await settle(pilot)
        assert app.chat.drawing.hit is None

    program.play(act, [*beginning(), page(1, 100)])


def test_a_day_after_the_last_line_is_said_to_have_none(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("/date monday")
        await pilot.press("enter")
        app.answer("date", PageShown("python", (), 1, 7, ""))
        await settle(pilot)
        assert "There is nothing there. Of python you can read" in app.screen_text()

    program.play(act, [*beginning(), *said("hello")], size=(120, 30))


def test_one_can_go_to_a_number_and_to_a_day(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+g", *"42", "enter")
        await settle(pilot)
        assert "line 42" in app.screen_text()
        await pilot.press("ctrl+g", *"2026-11-20", "enter")
        await settle(pilot)
        assert app.connection.last("date").items() >= {"room": "python", "day": "2026-11-20"}.items()
        app.answer("date", page(7, 57, newest=300))
        await settle(pilot)
        assert "line 7 " in app.screen_text().replace("\n", " ")
        await pilot.press("ctrl+g", *"soon", "enter")
        await settle(pilot)
        assert app.toasts() == [
            (
                '"soon" is neither a line nor a day. A line is a number; a day is 2026-11-20, monday or 3 days ago;'
                " a time is 14:30, -2h or yesterday 14:00."
            )
        ]
        assert not [
            entry for entry in app.client.state.room("python").timeline.entries if isinstance(entry, StatusMessage)
        ]
        assert "A line is a number" not in app.screen_text(), "it does not stay among them"
        await pilot.press("ctrl+g", *"later", "enter")
        await settle(pilot)
        assert len(app.toasts()) == 1, "the next one goes instead of it"

    program.play(act, [*beginning(), page(1, 300)])


def test_a_line_that_does_not_come_holds_nobody_in_its_room(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        def here() -> str:
            return app.current.name if app.current is not None else ""

        await pilot.press("ctrl+g", *"4711", "enter")
        await settle(pilot)
        await pilot.press("ctrl+n")  # before it has come
        await settle(pilot)
        app.tell(*said("hello"))
        await settle(pilot)
        assert here() == "write"
        app.answer("around", page(4700, 4720, newest=4720))
        await settle(pilot)
        assert here() == "write", "it comes late"
        await pilot.press("ctrl+g", *"1", "enter")
        await settle(pilot)
        app.connection_changed(ConnectionChanged(Status.WAITING, "it broke"))  # the answer is lost
        app.connection.status = Status.WAITING
        await pilot.press("ctrl+n")
        await settle(pilot)
        assert here() == "python"
        await pilot.press("ctrl+g", *"4000", "enter")
        await settle(pilot)
        assert app.toasts() == ["There is no connection, and that line is not loaded."]
        await pilot.press("ctrl+n")
        await settle(pilot)
        assert here() == "write"

    program.play(act, [*beginning("python", "write"), page(1, 300)])


@pytest.mark.parametrize("is_refused", [False, True])
def test_a_line_that_was_wanted_before_does_not_come_between_when_it_comes_late(
    is_refused: bool, program: Stage
) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+g", *"50", "enter")
        late = app.connection.ref("around")
        await pilot.press("ctrl+g", *"300", "enter")
        app.tell(events.Refused("cannot-read") if is_refused else page(40, 60, newest=500), ref=late)
        await settle(pilot)
        app.answer("around", page(290, 310, newest=500))
        await settle(pilot)
        assert app.main.navigation.line.room is None, "it is there"
        assert "line 300" in app.screen_text()
        assert "line 50" not in app.screen_text()

    program.play(act, [*beginning(), page(401, 500)])


def test_a_moment_that_was_wanted_before_does_not_come_between_when_it_comes_late(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+g", *"2020-01-01", "enter")
        late = app.connection.ref("date")
        await pilot.press("ctrl+g", *"2021-01-01", "enter")
        app.tell(page(40, 60, newest=500), ref=late)
        await settle(pilot)
        assert app.main.navigation.line.room is None
        assert "line 40" not in app.screen_text()
        assert not [fields for do, fields in app.connection.asked if do == "history"]

    program.play(act, [*beginning(), page(401, 500)])


@pytest.fixture(scope="module")
def asking() -> Iterator[Stage]:
    stage = Stage(lambda: StoryApp([*beginning(), page(1, 3)]))
    yield stage
    stage.close()


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("yesterday", "2026-11-23"),
        ("-3d", "2026-11-21"),
        ("today", "2026-11-24"),
        ("14:30", "2026-11-23"),
        ("monday", "2026-11-23"),
        ("3 days ago", "2026-11-21"),
        ("yesterday 14:00", "2026-11-23"),
        ("-20h", "2026-11-23"),
    ],
)
def test_days_and_times_are_understood(typed: str, day: str, asking: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.connection.asked.clear()
        await pilot.press("ctrl+g", *("space" if key == " " else key for key in typed), "enter")
        await settle(pilot)
        assert app.connection.last("date").items() >= {"room": "python", "day": day}.items()

    asking.play(act)


def test_a_time_of_which_the_lines_are_here_is_gone_to_at_once(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.connection.asked.clear()
        await pilot.press("ctrl+g", *"12:07", "enter")
        await settle(pilot)
        assert "line 7 " in app.screen_text().replace("\n", " ")
        assert not [do for do, _ in app.connection.asked if do == "date"]

    program.play(act, [*beginning(), *said(*(f"line {number}" for number in range(1, 61)))])


def test_a_time_is_found_page_by_page_and_an_answer_that_comes_too_late_does_not_matter(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+g", *"12:05", "enter")
        app.answer("date", page(1, 50, newest=1000))
        assert app.connection.last("history").items() >= {"after": 50}.items()
        app.answer("history", page(51, 250, newest=1000))
        app.answer("history", page(251, 450, newest=1000))
        await settle(pilot)
        assert "line 300" in app.screen_text()
        await pilot.press("escape")
        await settle(pilot)
        app.answer("history", page(451, 650, newest=1000))
        await settle(pilot)
        assert app.chat.follows

    program.play(act, [*beginning(), page(901, 1000)])
