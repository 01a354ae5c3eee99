"""Lines that are not here when one comes to them: chat-tui asks for them when they are about to be seen, with a story instead of a network."""

from chat_server.protocol import events, requests
from chat_server.protocol.amending import Reacted
from chat_server.protocol.entries import PageShown, Recalled, Said
from chat_server.protocol.events import Entered
from chat_tui.client.connection import ConnectionChanged, Status
from on_screen import page, program, rows
from stories import NOON, Pilot, Stage, StoryApp, beginning, settle, welcome

__all__ = ["program"]


def told(*known: Said | Reacted, newest: int) -> PageShown:
    return PageShown("python", known, 1, newest, "")


def line(seq: int) -> Said:
    return Said("python", seq, NOON + seq, "bob", f"line {seq}")


def reaction(seq: int, of: int) -> Reacted:
    return Reacted("python", seq, NOON + seq, "bob", "👍", of)


def test_older_lines_are_asked_for_where_the_oldest_that_is_here_is_a_reaction(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert app.connection.last("history")["before"] == 3
        app.answer("history", told(line(1), line(2), newest=4))
        await settle(pilot)
        assert all(f"line {number}" in app.screen_text() for number in (1, 2, 4))
        assert "earlier line" not in app.screen_text()

    program.play(act, [*beginning(), told(reaction(3, 1), line(4), newest=4)])


def test_older_lines_are_asked_for_where_only_reactions_are_here(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert app.connection.last("history")["before"] == 101
        app.answer("history", told(line(99), reaction(100, 99), newest=200))
        await settle(pilot)
        assert "line 99 " in app.screen_text()
        assert app.connection.last("history")["before"] == 99, "there are more, and place for them"

    program.play(
        act,
        [*beginning(), Recalled("python", tuple(reaction(number, 99) for number in range(101, 201)), None, 200, "")],
    )


def test_lines_that_the_room_has_no_more_are_not_said_to_be_missing_nor_asked_for_again(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert "100 earlier lines" in app.screen_text()
        app.answer("history", PageShown("python", (), 101, 101, ""))
        await settle(pilot)
        assert "earlier line" not in app.screen_text()
        await pilot.press("pageup", "pageup")
        await settle(pilot)
        assert sum(do == "history" for do, _ in app.connection.asked) == 1

    program.play(act, [*beginning(), told(line(101), newest=101)])


def test_older_lines_are_asked_for_again_when_the_connection_that_was_lost_is_back(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.connection_changed(ConnectionChanged(Status.WAITING, "the connection was closed"))
        app.connection_changed(ConnectionChanged(Status.ONLINE))
        app.tell(Entered("python", ("bob",), 0, "", 101))
        app.tick()
        await settle(pilot)
        assert sum(do == "history" for do, _ in app.connection.asked) == 2

    program.play(act, [*beginning(), told(line(101), newest=101)])


def test_older_lines_load_by_themselves_and_what_one_reads_does_not_move(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert "line 200" in app.screen_text()
        assert "history" not in [asked[0] for asked in app.connection.asked], (
            "nothing is asked for before one scrolls up"
        )
        for _ in range(3):
            await pilot.press("pageup")
        await pilot.press("ctrl+home")
        await settle(pilot)
        asked = app.connection.last("history")
        assert (asked["room"], asked["before"]) == ("python", 101)
        before = [line[36:75].rstrip() for line in rows(app)]
        app.tell(page(1, 100, newest=200))
        await settle(pilot)
        assert [line[36:75].rstrip() for line in rows(app)][3:] == before[3:]
        await pilot.press("ctrl+home")
        await settle(pilot)
        assert "line 1\n" in app.screen_text().replace("│", "") or "line 1 " in app.screen_text()

    program.play(act, [*beginning(), page(101, 200)])


def test_older_lines_load_again_after_a_refused_page(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        def asked() -> int:
            return sum(do == "history" for do, _ in app.connection.asked)

        await pilot.press("ctrl+home")
        await settle(pilot)
        assert asked() == 1
        app.answer("history", events.Refused("history-failed", {}, "python", "The history cannot be read now."))
        await pilot.press("pagedown", "ctrl+home")
        await settle(pilot)
        assert asked() == 1, "not at once, which would be refused too"
        app.now += 6
        await pilot.press("pagedown", "ctrl+home")
        await settle(pilot)
        assert asked() == 2
        app.answer("history", page(1, 100, newest=200))
        await pilot.press("ctrl+home")
        await settle(pilot)
        assert "line 1 " in app.screen_text().replace("\n", " ")

    program.play(act, [*beginning(), page(101, 200)])


def test_older_lines_that_let_one_wait_are_said_to_be_coming_in_the_row_that_counts_them(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        async def pass_time(seconds: float) -> None:
            app.now += seconds
            app.watch_reading()
            await settle(pilot)

        await pilot.press("ctrl+home")
        await pass_time(0.29)
        before = rows(app)
        assert "· 100 earlier lines ·" in before[1], before[:4]
        await pass_time(0.02)
        assert "· earlier lines are coming ·" in rows(app)[1]
        assert rows(app)[2:] == before[2:], "nothing moves"
        app.answer("history", events.Refused("history-failed", {}, "python", "The history cannot be read now."))
        await pass_time(0.25)
        assert "are coming" not in app.screen_text(), "they are not"
        await pass_time(6)
        await pilot.press("pagedown", "ctrl+home")
        await pass_time(0.31)
        assert "· earlier lines are coming ·" in rows(app)[1]
        app.answer("history", page(1, 100, newest=200))
        await pass_time(0.25)
        assert "are coming" not in app.screen_text()
        await pilot.press("ctrl+home")
        await pass_time(1)
        assert "earlier lines" not in app.screen_text(), "there are none"

    program.play(act, [*beginning(), page(101, 200)])


def test_where_nothing_is_seen_yet_it_is_said_that_lines_are_coming(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert "earlier lines" not in app.screen_text()
        app.now += 0.31
        app.watch_reading()
        await settle(pilot)
        assert "· earlier lines are coming ·" in app.screen_text()
        app.answer("history", page(298, 300))
        app.watch_reading()
        await settle(pilot)
        assert "are coming" not in app.screen_text()

    program.play(act, [welcome(), events.LoggedIn("ann", "t" * 22), events.Entered("python", (), 0, "", 300)])


def test_older_lines_load_again_after_a_connection_that_was_lost_with_the_answer(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+home")
        await settle(pilot)
        app.connection_changed(ConnectionChanged(Status.WAITING, "the connection was closed"))
        app.connection_changed(ConnectionChanged(Status.ONLINE))
        await pilot.press("pagedown", "ctrl+home")
        await settle(pilot)
        assert sum(do == "history" for do, _ in app.connection.asked) == 2

    program.play(act, [*beginning(), page(101, 200)])


def test_a_room_that_is_entered_without_anything_missed_shows_its_newest_lines_and_loads_older_ones(
    program: Stage,
) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert app.connection.last("history").items() >= {"room": "python", "before": requests.NUMBER_MAX}.items()
        app.answer("history", page(298, 300))
        await settle(pilot)
        assert app.connection.last("history")["before"] == 298, "there is place for more on the screen"

    program.play(act, [welcome(), events.LoggedIn("ann", "t" * 22), events.Entered("python", (), 0, "", 300)])
