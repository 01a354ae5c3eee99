"""What becomes of what one sends in chat-tui: it waits, is stored, fails, or was a command, with a story instead of a network."""

import re
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from chat_server.protocol import events
from chat_server.protocol.described import CommandDescribed, Parameter
from chat_server.protocol.entries import Said
from chat_server.protocol.events import Stored
from chat_server.protocol.setting_events import ZoneShown
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.pending import Pending
from on_screen import page, program
from stories import NOON, Pilot, Stage, StoryApp, beginning, play, settle, welcome

__all__ = ["program"]


def test_what_one_sends_is_pending_until_it_is_stored(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("hello")
        await pilot.press("enter")
        await settle(pilot)
        assert "hello  …" in app.screen_text()
        (pending,) = app.connection.said
        app.now += 20
        app.tick()
        await settle(pilot)
        assert "hello  … waits" in app.screen_text()
        app.tell(Said("python", 1, app.now, "ann", "hello"), Stored("python", 1, pending.key))
        await settle(pilot)
        assert "…" not in app.screen_text()
        assert app.screen_text().count("hello") == 1
        assert app.prompt.text == ""

    program.play(act, beginning())


def test_what_cannot_be_stored_says_why_and_can_be_sent_again_or_taken_back(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("precious")
        await pilot.press("enter")
        key = app.connection.said[0].key
        app.tell(events.NotStored("python", 1, key))
        await settle(pilot)
        assert "✗ not sent: the server could" in app.screen_text()
        await pilot.press("alt+r")
        assert [pending.key for pending in app.connection.said] == [key, key], "under the same key"
        app.tell(events.NotStored("python", 1, key))
        await pilot.press("alt+d")
        await settle(pilot)
        assert app.prompt.text == "precious"
        assert not app.client.store.unsent

    program.play(act, beginning())


def test_a_message_that_is_too_long_is_not_sent_and_stays_in_the_prompt(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("y" * 20_000)
        await pilot.press("enter")
        await settle(pilot)
        assert "That is 20000 bytes; a message has at most 16384." in app.screen_text().replace("\n", " ")
        assert not app.connection.said
        assert len(app.prompt.text) == 20_000

    program.play(act, beginning(), size=(140, 40))


def test_what_failed_is_not_sent_again_by_itself_by_the_next_program(tmp_path: Path) -> None:
    app = StoryApp(beginning(), store=tmp_path)

    async def fail(pilot: Pilot) -> None:
        app.prompt.put("refused")
        await pilot.press("enter")
        app.tell(events.Refused("text-too-long", {}, "python", "Too long."), ref=app.connection.said[0].key)

    play(app, fail)
    again = StoryApp(beginning(), store=tmp_path)

    async def look(pilot: Pilot) -> None:
        assert "✗ not sent: Too long." in again.screen_text()

    play(again, look)


def test_while_there_is_no_connection_lines_wait_visibly(program: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.connection.status = Status.WAITING
        monkeypatch.setattr(app.servers.shown, "seconds_left", lambda: 7)
        app.connection_changed(ConnectionChanged(Status.WAITING, "the connection was closed", time.monotonic() + 7.2))
        app.prompt.put("patience")
        await pilot.press("enter")
        await settle(pilot)
        assert (
            "○ No connection: the connection was closed. Again in 7 s; F5 tries now. 1 line will be sent then."
            in re.sub(r"[ \n▌]+", " ", app.screen_text())
        )
        assert "patience  …" in app.screen_text()
        await pilot.press("f5")
        assert app.connection.tries == 1
        app.prompt.put("/online")
        await pilot.press("enter")
        await settle(pilot)
        assert "There is no connection" in app.screen_text()

    program.play(act, beginning(), size=(120, 30))


def test_while_the_server_sends_one_to_another_node_lines_wait_and_nothing_is_said(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.connection.status = Status.CONNECTING
        app.connection_changed(ConnectionChanged(Status.CONNECTING, is_moving=True))
        app.prompt.put("patience")
        await pilot.press("enter")
        await settle(pilot)
        assert "patience  …" in app.screen_text()
        assert "Connecting to" not in app.screen_text()
        assert "○" not in app.screen_text()
        assert not app.toasts()
        app.connection_changed(ConnectionChanged(Status.CONNECTING))
        await settle(pilot)
        assert "Connecting to" in app.screen_text()

    program.play(act, beginning(), size=(120, 30))


def test_while_the_server_restarts_it_is_said_when_one_is_back_and_nothing_looks_lost(
    program: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.connection.status = Status.WAITING
        monkeypatch.setattr(app.servers.shown, "seconds_left", lambda: 3)
        at = time.monotonic() + 3
        app.connection_changed(ConnectionChanged(Status.WAITING, "the server is being restarted", at, is_moving=True))
        app.prompt.put("patience")
        await pilot.press("enter")
        await settle(pilot)
        shown = app.screen_text()
        told = re.sub(r"[ \n▌]+", " ", shown)
        assert "The server is being restarted; back in 3 s. 1 line will be sent then." in told
        assert "patience  …" in shown
        assert "No connection" not in shown
        assert "○" not in shown
        app.connection_changed(ConnectionChanged(Status.CONNECTING, is_moving=True))
        await settle(pilot)
        assert "restarted" not in app.screen_text()
        assert "Connecting to" not in app.screen_text()

    program.play(act, beginning(), size=(120, 30))


def test_a_wrong_command_is_told_and_stays_in_the_prompt(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for typed, told in (
            ("/dance", "There is no command /dance"),
            ("/since x", '"x" is not a number. /last shows the numbers.'),
            ("/join", "Missing: ROOM. Usage: /join ROOM"),
            ("/whois bob", "There is no command /whois. /help lists all."),
            ("/usr/bin/python", "There is no command /usr/bin/python. To say"),
            ("/date yesterdy", '"yesterdy" is not a day. Write it as'),
            ("/history 500", "500 is too large: 50 is the most."),
        ):
            app.prompt.put(typed)
            await pilot.press("enter")
            await settle(pilot)
            assert told in app.screen_text()
            assert app.prompt.text == typed

    program.play(act, beginning(), size=(120, 30))


def test_a_command_that_only_the_server_knows_is_asked_of_it_and_its_answer_shown_as_it_says_itself(
    program: Stage,
) -> None:
    sides = Parameter("sides", "number", required=False, help="", least=2, most=100)
    roll = CommandDescribed("roll", "/roll [SIDES]", "Throw", "Throw.", (sides,), ("hall", "room"))

    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.tell(replace(welcome(), commands=(roll,)))
        app.prompt.put("/roll 20")
        await pilot.press("enter")
        assert app.connection.last("roll") | {"ref": 0} == {"room": "python", "sides": 20, "ref": 0}
        app.answer("roll", events.Answered(text="You have thrown 19."))
        app.tell(events.Answered(text="that nobody has asked for"))
        await settle(pilot)
        assert "You have thrown 19." in app.screen_text()
        assert "nobody has asked" not in app.screen_text()
        app.prompt.put("/roll 1")
        await pilot.press("enter")
        await settle(pilot)
        assert "1 is too small: 2 is the least." in app.screen_text()

    program.play(act, beginning())


def test_commands_of_the_catalogue_are_asked_of_the_server_and_answered_in_words(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for typed, do, fields in (
            ("/me waves\nand smiles", "me", None),
            ("/search -a two words", "search", {"words": "two words", "everywhere": True}),
            ("/date Yesterday", "date", {"room": "python", "day": "yesterday"}),
            ("/j write", "join", {"room": "write"}),
            ("/quit bye all", "logout", {"words": "bye all"}),
            ("/last 5", "last", {"room": "python", "count": 5}),
            ("/around #7", "around", {"room": "python", "number": 7}),
            ("/write", "join", {"room": "write"}),
            ("/time Asia/Tokyo", "time", {"zone": "Asia/Tokyo"}),
        ):
            app.prompt.put(typed)
            await pilot.press("enter")
            if fields is None:
                assert (app.connection.said[-1].do, app.connection.said[-1].text) == ("me", "waves\nand smiles")
            else:
                assert app.connection.last(do).items() >= fields.items()
        app.answer("time", ZoneShown("Asia/Tokyo", NOON))
        app.answer("join", events.Refused("no-such-room", {"room": "x"}, "", "There is no room x."))
        await settle(pilot)
        assert "It is 2026-11-24 21:00. Times are shown in Asia/Tokyo." in app.screen_text()
        assert "There is no room x." in app.screen_text()

    program.play(act, beginning(), size=(140, 30))


def test_what_is_taken_back_or_stored_between_two_paints_is_missed_by_nobody(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("/topic " + "x" * 310)
        await pilot.press("enter")
        key = app.connection.said[-1].key
        app.tell(events.Refused("topic-length", {}, "python", "A topic has at most 300 characters."), ref=key)
        await settle(pilot)
        await pilot.press("alt+d")
        await settle(pilot)
        assert "x" * 310 in app.prompt.text
        app.client.state.typed(Pending("k", "python", "say", "z" * 2000, NOON))
        await settle(pilot)
        app.client.state.apply(Stored("python", 101, "k"))
        app.chat.scroll_pages(-1)
        app.chat.fit_rows()
        app.chat.tick()

    program.play(act, [*beginning(), page(1, 100)])


def test_logging_out_ends_the_program() -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        app.prompt.put("/quit")
        await pilot.press("enter")
        app.answer("logout", events.LoggedOut())
        app.connection_changed(ConnectionChanged(Status.REFUSED, "You have logged out."))
        await pilot.pause()

    play(app, act)
    assert app.return_code == 0
