"""Who comes and who goes, among the lines, with a story instead of a network."""

from pathlib import Path

import pytest

from chat_server.protocol import events
from on_screen import page, program, rows
from stories import Pilot, Stage, StoryApp, beginning, play, said, settle

__all__ = ["program"]


def test_a_hundred_who_come_and_go_hide_no_line() -> None:
    app = StoryApp([*beginning(), *said("before")])
    for number in range(60):
        app.tell(events.Joined("python", (f"p{number}",)), events.Left("python", (f"p{number}",)))

    async def act(pilot: Pilot) -> None:
        app.tell(*said("after", first=2))
        await settle(pilot)
        assert "earlier lines" not in app.screen_text()

    play(app, act)


def test_ten_visits_are_one_row_with_a_time_and_hide_nothing_from_who_has_scrolled_up(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for _ in range(10):
            app.tell(events.Joined("python", ("zed",)), events.Left("python", ("zed",)))
        await settle(pilot)
        (row,) = [line for line in rows(app) if "zed" in line]
        assert "13:00" in row
        assert "zed came and went 10 times" in row
        await pilot.press("pageup")
        await settle(pilot)
        before = [line[36:75].rstrip() for line in rows(app)[3:20]]
        app.tell(events.Joined("python", ("zed",)), *said("new", first=101), events.Left("python", ("zed",)))
        await settle(pilot)
        assert [line[36:75].rstrip() for line in rows(app)[3:20]] == before
        await pilot.press("escape")
        await settle(pilot)
        assert [line.split("zed")[1].split("  ")[0] for line in rows(app) if "zed" in line] == [
            " came and went 11 times"
        ]
        assert app.screen_text().index("new") < app.screen_text().index("zed")

    program.play(act, [*beginning(), page(1, 100)])


@pytest.mark.parametrize("way", ["key", "command"])
def test_who_comes_and_goes_can_be_hidden_in_a_room_for_good(tmp_path: Path, way: str) -> None:
    def coming(nick: str, room: str = "python") -> events.Joined:
        return events.Joined(room, (nick,))

    async def toggle(app: StoryApp, pilot: Pilot) -> None:
        if way == "command":
            app.prompt.put("/joins")
        await pilot.press("enter" if way == "command" else "alt+j")
        await settle(pilot)

    app = StoryApp(beginning("python", "pm"), store=tmp_path)

    async def hide(pilot: Pilot) -> None:
        app.tell(coming("zed"), *said("line"))
        await settle(pilot)
        assert "zed joined" in app.screen_text()
        await toggle(app, pilot)
        assert "zed joined" not in app.screen_text()
        assert "line" in app.screen_text()
        app.tell(coming("yan"), coming("xia", "pm"))
        await settle(pilot)
        assert "yan joined" not in app.screen_text()
        assert not app.connection.said
        await pilot.press("ctrl+n")
        await settle(pilot)
        assert "xia joined" in app.screen_text(), "other rooms are as they were"

    play(app, hide)
    again = StoryApp(beginning("python", "pm"), store=tmp_path)

    async def show(pilot: Pilot) -> None:
        await pilot.press("alt+1")
        again.tell(coming("wim"))
        await settle(pilot)
        assert "wim joined" not in again.screen_text()
        await toggle(again, pilot)
        again.tell(coming("vic"))
        await settle(pilot)
        assert "vic joined" in again.screen_text()

    play(again, show)
