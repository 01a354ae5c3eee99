"""What is there when chat-tui starts again or goes to another server, and what comes when it has ended, with a story instead of a network."""

import gc
from pathlib import Path

from chat_server.protocol import events
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.local_store import LocalStore
from on_screen import page
from stories import Pilot, StoryApp, beginning, play, said, settle


def test_what_a_start_has_not_collected_is_collected_afterwards() -> None:
    async def act(_: Pilot) -> None:
        assert gc.isenabled()

    gc.disable()  # as cli.py does
    try:
        play(StoryApp(beginning()), act)
    finally:
        gc.enable()


def test_drafts_and_unsent_lines_are_there_when_the_program_starts_again(tmp_path: Path) -> None:
    app = StoryApp(beginning("python", "pm"), store=tmp_path)

    async def write(pilot: Pilot) -> None:
        app.prompt.put("unsent")
        await pilot.press("enter")
        app.prompt.put("a draft")

    play(app, write)
    again = StoryApp(beginning("python", "pm"), store=tmp_path)

    async def look(pilot: Pilot) -> None:
        assert "unsent  …" in again.screen_text()
        assert again.prompt.text == "a draft"
        assert [pending.text for pending in again.client.store.unsent] == ["unsent"]

    play(again, look)


def test_a_second_program_says_that_it_keeps_nothing(tmp_path: Path) -> None:
    first = LocalStore(tmp_path)
    app = StoryApp(beginning(), store=tmp_path)

    async def act(pilot: Pilot) -> None:
        assert any("Nothing is kept on disk" in toast for toast in app.toasts())

    play(app, act)
    first.close()


def test_timers_and_events_after_the_last_screen_has_closed_do_nothing() -> None:
    app = StoryApp([*beginning(), page(1, 100)])

    async def act(pilot: Pilot) -> None:
        app.prompt.put("a draft")

    play(app, act)
    assert not app.screen_stack
    app.main._is_ready = True  # between the closing of the last screen and the end of the program
    app.main.paint()
    app.tick()
    app.watch_reading()
    app.connection_changed(ConnectionChanged(Status.WAITING, "the connection was closed"))
    app.tell(*said("late: ann", first=101), events.Refused("no-such-room", {}, "", "There is no such room."))


def test_what_was_written_for_a_room_does_not_come_along_to_another_server(tmp_path: Path) -> None:
    theirs = LocalStore(tmp_path / "other")
    theirs.saved.drafts[""], theirs.saved.typed = "begun there", ["said there"]
    theirs.save()
    theirs.close()
    app = StoryApp(beginning("python"), store=tmp_path / "first")

    async def act(pilot: Pilot) -> None:
        app.folder_of = lambda host: tmp_path / host
        await pilot.press(*"for python")
        app.main.navigation.line.want("python", 4711)
        app.servers.shown.move_to("other", 1, "ann")
        await settle(pilot)
        assert app.main.navigation.line.room is None
        assert app.prompt.text == "begun there"
        await pilot.press("up", "up")
        assert app.prompt.text == "said there"
        await pilot.press("down", "!")
        app.servers.shown.move_to("first", 1, "ann")  # what was for no room comes along
        await settle(pilot)
        assert app.prompt.text == "begun there!"
        assert app.client.saved.drafts["python"] == "for python"

    play(app, act)
    again = LocalStore(tmp_path / "other")
    assert again.saved.drafts == {}
    again.close()
