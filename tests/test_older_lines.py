"""Lines that are not here when one comes to them: chat-tui asks for them when they are about to be seen, with a story instead of a network."""

from collections.abc import Iterator

import pytest

from chat_server.protocol.amending import Reacted
from chat_server.protocol.entries import PageShown, Recalled, Said
from chat_server.protocol.events import Entered
from chat_tui.client.connection import ConnectionChanged, Status
from stories import NOON, Pilot, Stage, StoryApp, beginning, settle


@pytest.fixture(scope="module")
def program() -> Iterator[Stage]:
    stage = Stage(StoryApp)
    yield stage
    stage.close()


def page(*known: Said | Reacted, newest: int) -> PageShown:
    return PageShown("python", known, 1, newest, "")


def line(seq: int) -> Said:
    return Said("python", seq, NOON + seq, "bob", f"line {seq}")


def reaction(seq: int, of: int) -> Reacted:
    return Reacted("python", seq, NOON + seq, "bob", "👍", of)


def test_older_lines_are_asked_for_where_the_oldest_that_is_here_is_a_reaction(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert app.connection.last("history")["before"] == 3
        app.answer("history", page(line(1), line(2), newest=4))
        await settle(pilot)
        assert all(f"line {number}" in app.screen_text() for number in (1, 2, 4))
        assert "earlier line" not in app.screen_text()

    program.play(act, [*beginning(), page(reaction(3, 1), line(4), newest=4)])


def test_older_lines_are_asked_for_where_only_reactions_are_here(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert app.connection.last("history")["before"] == 101
        app.answer("history", page(line(99), reaction(100, 99), newest=200))
        await settle(pilot)
        assert "line 99 " in app.screen_text()
        assert app.connection.last("history")["before"] == 99, "there are more, and place for them"

    program.play(
        act,
        [*beginning(), Recalled("python", tuple(reaction(number, 99) for number in range(101, 201)), None, 200, "")],
    )


def test_older_lines_are_asked_for_again_when_the_connection_that_was_lost_is_back(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.connection_changed(ConnectionChanged(Status.WAITING, "the connection was closed"))
        app.connection_changed(ConnectionChanged(Status.ONLINE))
        app.tell(Entered("python", ("bob",), 0, "", 101))
        app.tick()
        await settle(pilot)
        assert sum(do == "history" for do, _ in app.connection.asked) == 2

    program.play(act, [*beginning(), page(line(101), newest=101)])
