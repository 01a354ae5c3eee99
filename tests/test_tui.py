"""chat-tui on its screen, driven by keys, with a story instead of a network (stories.py)."""

import asyncio
import gc
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.cells import cell_len
from textual.binding import Binding
from textual.events import AppBlur, AppFocus, MouseScrollUp, Paste
from textual.scrollbar import ScrollUp
from textual.style import Style
from textual.widgets import Input, Static, TextArea

from chat_server.protocol import entries, events, requests
from chat_server.protocol.described import CommandDescribed, Parameter
from chat_server.protocol.entries import PageShown, Said
from chat_server.protocol.events import Stored
from chat_server.protocol.room_events import RoomDeleted, RoomRenamed
from chat_server.protocol.setting_events import SettingShown, ZoneShown
from chat_tui.actions import ACTIONS, PRESETS, Action
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.known_servers import Known
from chat_tui.client.local_store import LocalStore
from chat_tui.client.pending import Pending
from chat_tui.client.timeline_entries import StatusMessage
from chat_tui.client.trust import AUTHORITY
from chat_tui.settings import NotifyTable, Settings, parse_address
from chat_tui.ui.app import ChatApp
from chat_tui.ui.colours import CONTRAST_MIN, contrast
from chat_tui.ui.composer import prompt_for
from chat_tui.ui.list_pane import ListPane
from chat_tui.ui.looks import part
from chat_tui.ui.main_screen import MainScreen
from chat_tui.ui.search_bar import SearchBar
from chat_tui.ui.themes import ANSI_ON_DARK, ANSI_ON_LIGHT, nick_colours
from stories import NOON, Pilot, Stage, StoryApp, beginning, play, said, settle, welcome


def lines(app: StoryApp) -> list[str]:
    return app.screen_text().split("\n")


def chat_text(app: StoryApp) -> str:
    return app.screen_text()


def page(first: int, last: int, *, room: str = "python", newest: int = 0, oldest: int = 1) -> PageShown:
    shown = tuple(Said(room, seq, NOON + seq, "bob", f"line {seq}") for seq in range(first, last + 1))
    return PageShown(room, shown, oldest, newest or last, "")


def room_rows(app: StoryApp) -> list[str]:
    items = [item for item in app.main.query_one("#rooms", ListPane).items if item.key]
    return [" ".join(f"{item.content.plain} {item.end.plain}".split()) for item in items]


@pytest.fixture(scope="module")
def program() -> Iterator[Stage]:
    stage = Stage(StoryApp)
    yield stage
    stage.close()


# Panes


def test_the_panes_show_rooms_lines_people_and_the_topic(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        text = chat_text(app)
        assert "python   snakes" in lines(app)[0]
        for wanted in ("1 python", "2 pm", "write", "Here", "3 people", "bob  hello", "Today, Tuesday, 24 November"):
            assert wanted in text

    program.play(
        act, [*beginning("python", "pm"), *said("hello"), entries.TopicSet("python", 2, NOON + 120, "bob", "snakes")]
    )


def test_unread_lines_are_counted_and_mentions_marked(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert "2 pm @1" in room_rows(app)
        await pilot.press("ctrl+n")
        await settle(pilot)
        assert "new" in chat_text(app), "a rule stands between read and unread"
        await pilot.press("ctrl+n")
        await settle(pilot)
        assert "2 pm @1" in room_rows(app), "hopping over a room reads nothing"

    program.play(act, [*beginning("python", "pm"), *said("a", "ann: b", room="pm")])


@pytest.mark.parametrize(
    ("size", "has_rooms", "has_people"),
    [((200, 60), True, True), ((108, 30), True, True), ((80, 24), True, False), ((71, 20), False, False)],
)
def test_panes_fold_where_the_terminal_is_narrow(
    size: tuple[int, int], has_rooms: bool, has_people: bool, program: Stage
) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        text = chat_text(app)
        assert ("Not joined" in text, "Here" in text) == (has_rooms, has_people)
        assert "hello" in text
        await pilot.press("f7", "f8")
        await settle(pilot)
        text = chat_text(app)
        assert ("Not joined" in text, "Here" in text) == (not has_rooms, not has_people), "and by key"

    program.play(act, [*beginning(), *said("hello")], size=size)


def test_consecutive_lines_by_one_person_are_grouped(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert [line.count("bob") for line in lines(app) if "one" in line or "two" in line] == [1, 0]

    program.play(act, [*beginning(), *said("one", "two"), *said("three", nick="Carol", first=3)])


def test_the_mouse_chooses_rooms_and_people(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.click("#rooms", offset=(4, 2))
        await settle(pilot)
        assert "in pm" in chat_text(app)
        await pilot.click("#rooms", offset=(4, 0))
        assert "in pm" in chat_text(app), "a heading is no room"
        await pilot.click("#rooms", offset=(4, 5))
        assert app.connection.last("join")["room"] == "write"
        app.main.action_room(1)
        await settle(pilot)
        await pilot.click("#people", offset=(4, 2))
        assert app.prompt.text == "bob: "

    program.play(act, [*beginning("python", "pm"), *said("in pm", room="pm")])


def test_a_room_that_is_renamed_stays_on_the_screen_with_its_lines_and_draft(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("begun")
        await settle(pilot)
        before = app.current
        app.tell(
            RoomRenamed("python", "snakes"), events.WentBack("python"), events.Entered("snakes", ("bob",), 0, "", 1)
        )
        app.tell(*said("and on", room="snakes", first=2))
        await settle(pilot)
        assert app.current is before
        shown = chat_text(app)
        assert all(text in shown for text in ("hello", "and on", "python has a new name: snakes.", "snakes"))
        assert app.prompt.text == "begun"
        await pilot.press("enter")
        assert app.connection.said[-1].room == "snakes"

    program.play(act, [*beginning("python", "pm"), *said("hello")])


def test_a_room_that_is_deleted_is_left_and_one_is_told(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.tell(RoomDeleted("python"), events.WentBack("python"))
        await settle(pilot)
        assert app.current is not None
        assert app.current.name == "pm"
        assert app.toasts() == ["python has been deleted."]

    program.play(act, [*beginning("python", "pm"), *said("hello")])


def test_the_command_for_a_room_where_one_is_already_goes_there(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("/pm")
        await pilot.press("enter")
        app.answer("join", events.Refused("in-room-already", {"room": "pm"}, "", "You are in pm already."))
        await settle(pilot)
        assert app.current is not None
        assert app.current.name == "pm"
        assert "already" not in chat_text(app)

    program.play(act, beginning("python", "pm"))


# Writing


def test_what_one_sends_is_pending_until_it_is_stored(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("hello")
        await pilot.press("enter")
        await settle(pilot)
        assert "hello  …" in chat_text(app)
        (pending,) = app.connection.said
        app.now += 20
        app.tick()
        await settle(pilot)
        assert "hello  … waits" in chat_text(app)
        app.tell(Said("python", 1, app.now, "ann", "hello"), Stored("python", 1, pending.key))
        await settle(pilot)
        assert "…" not in chat_text(app)
        assert chat_text(app).count("hello") == 1
        assert app.prompt.text == ""

    program.play(act, beginning())


def test_what_cannot_be_stored_says_why_and_can_be_sent_again_or_taken_back(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("precious")
        await pilot.press("enter")
        key = app.connection.said[0].key
        app.tell(events.NotStored("python", 1, key))
        await settle(pilot)
        assert "✗ not sent: the server could" in chat_text(app)
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
        assert "That is 20000 bytes; a message has at most 16384." in chat_text(app).replace("\n", " ")
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
        assert "✗ not sent: Too long." in chat_text(again)

    play(again, look)


def test_up_brings_back_what_was_sent_and_down_what_was_being_written(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for text in ("first", "second"):
            app.prompt.put(text)
            await pilot.press("enter")
        app.prompt.put("unsent")
        await pilot.press("up")
        assert app.prompt.text == "second"
        await pilot.press("up")
        assert app.prompt.text == "first"
        await pilot.press("down", "down")
        assert app.prompt.text == "unsent"

    program.play(act, beginning())


@pytest.fixture(scope="module")
def prompt() -> Iterator[Stage]:
    stage = Stage(lambda: StoryApp(beginning()))
    yield stage
    stage.close()


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("/onl", "/online "),
        ("/join wr", "/join write "),
        ("car", "Carol: "),
        ("hi @ca", "hi @Carol "),
        ("see #py", "see #python "),
        ("nice :thumbs_u", "nice 👍"),
        ("zzz", "zzz"),
    ],
)
def test_tab_completes_commands_rooms_nicks_and_emoji(typed: str, completed: str, prompt: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put(typed)
        await pilot.press("tab")
        assert app.prompt.text == completed

    prompt.play(act)


def test_tab_again_takes_the_next_choice(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("ca")
        await pilot.press("tab")
        first = app.prompt.text
        await pilot.press("tab")
        assert {first, app.prompt.text} == {"Carol: ", "carl: "}

    program.play(act, [*beginning(), events.Joined("python", ("carl",))])


def test_a_message_may_have_several_lines_and_an_emoji_by_name(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("def f(): :smile:")
        await pilot.press("ctrl+j")
        app.prompt.insert("    return 1")
        await pilot.press("enter")
        assert app.connection.said[0].text == "def f(): 😄\n    return 1"

    program.play(act, beginning())


def test_a_long_paste_asks_first_and_a_short_one_does_not(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.post_message(Paste("one\ntwo"))
        await settle(pilot)
        assert app.prompt.text == "one\ntwo"
        app.prompt.put("")
        long = "\n".join(f"[bold]line {number}" for number in range(8))
        app.prompt.post_message(Paste(long))
        await settle(pilot)
        assert "Paste 8 lines as one message?" in chat_text(app)
        await pilot.press("escape")
        assert app.prompt.text == ""
        app.prompt.post_message(Paste(long + "\x1b[2J"))
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert app.prompt.text == long + "[2J"
        assert not app.connection.said, "it is not sent by that"

    program.play(act, beginning())


def test_ctrl_z_undoes_a_word_at_a_time_and_ctrl_y_brings_it_back(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press(*"one", "space", *"two", "space", *"three")
        seen = []
        for key in ("ctrl+z", "ctrl+z", "ctrl+z", "ctrl+y", "ctrl+y"):
            await pilot.press(key)
            seen.append(app.prompt.text)
        assert seen == ["one two ", "one ", "", "one ", "one two "]

    program.play(act, beginning())


def test_a_long_text_can_be_undone_to_its_first_word(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for number in range(200):
            app.prompt.insert(f"word{number} ")
        for _ in range(199):
            app.prompt.undo()
        assert app.prompt.text == "word0 "

    program.play(act, beginning())


@pytest.fixture(scope="module")
def readline() -> Iterator[Stage]:
    stage = Stage(lambda: StoryApp(beginning("python", "pm"), settings=Settings(keys={"preset": "readline"})))
    yield stage
    stage.close()


@pytest.mark.parametrize(
    ("keys", "left"),
    [
        (["ctrl+k"], "one two\nthree"),
        (["ctrl+a", "ctrl+k"], "one two\n"),
        (["up", "end", "ctrl+k"], "one twothree four"),
        (["ctrl+u"], "one two\n four"),
        (["ctrl+w"], "one two\n four"),
        (["ctrl+a", "ctrl+w"], "one twothree four"),
        (["alt+d"], "one two\nthree"),
        (["alt+b", "alt+d", "ctrl+y", "ctrl+y"], "one two\nthreethree four"),
        (["ctrl+e", "ctrl+w", "ctrl+w", "ctrl+y"], "one two\nthree four"),
        (["ctrl+k", "ctrl+a", "ctrl+y"], "one two\n fourthree"),
        (["ctrl+b", "ctrl+b", "ctrl+f", "ctrl+d"], "one two\nthre four"),
        (["ctrl+k", "ctrl+underscore"], "one two\nthree four"),
        (["ctrl+p"], "sent"),
        (["ctrl+p", "ctrl+n"], "one two\nthree four"),
    ],
)
def test_the_preset_of_readline_kills_yanks_and_moves(keys: list[str], left: str, readline: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("sent")
        await pilot.press("enter")
        app.prompt.put("one two\nthree four")
        app.prompt.move_cursor((1, 5))
        if keys[0] == "ctrl+p":
            app.prompt.move_cursor((0, 0))
        await pilot.press(*keys)
        assert app.prompt.text == left
        assert app.current is not None
        assert app.current.name == "python", "no action is on these keys any more"
        assert len(app.screen_stack) == 1

    readline.play(act)


def test_what_the_preset_took_keys_from_has_others_and_the_users_own_keys_win() -> None:
    app = StoryApp(beginning("python", "pm"), settings=Settings(keys={"preset": "readline", "next-room": "ctrl+n"}))

    async def act(pilot: Pilot) -> None:
        assert app.current is not None
        await pilot.press("ctrl+n")
        assert app.current.name == "pm"
        await pilot.press("alt+p")
        assert app.current.name == "python"
        await pilot.press("ctrl+o")
        await settle(pilot)
        assert "Go to" in chat_text(app)
        await pilot.press("escape", "f1")
        await settle(pilot)
        assert "Ctrl+O" in chat_text(app)

    play(app, act)


def test_in_a_narrow_terminal_what_a_key_does_is_set_in_below_it_and_fits() -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        await pilot.press("f1")
        await settle(pilot)
        rows = [row.strip("│") for row in app.screen_text().split("\n")]
        at = next(at for at, row in enumerate(rows) if "Ctrl+K" in row)
        assert rows[at].startswith("   Ctrl+K  Go to a room or person")
        assert rows[at + 1].startswith("     ")
        assert rows[at + 1].strip() in "by a few letters"
        assert rows[at + 2].startswith("   Ctrl+N"), "no row was broken twice"

    play(app, act, size=(40, 15))


def test_no_preset_gives_one_key_to_two_actions() -> None:
    for preset in PRESETS.values():
        keys = [preset.moved.get(action.name, action.keys) for action in ACTIONS]
        keys += [edit.key for edit in preset.edits]
        assert len(keys) == len(set(keys))
        assert preset.moved.keys() <= {action.name for action in ACTIONS}


def test_each_room_has_its_own_draft(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("for python")
        await pilot.press("ctrl+n")
        await settle(pilot)
        assert app.prompt.text == ""
        app.prompt.put("for pm")
        await pilot.press("ctrl+p")
        await settle(pilot)
        assert app.prompt.text == "for python"

    program.play(act, beginning("python", "pm"))


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
        assert "unsent  …" in chat_text(again)
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
            in re.sub(r"[ \n▌]+", " ", chat_text(app))
        )
        assert "patience  …" in chat_text(app)
        await pilot.press("f5")
        assert app.connection.tries == 1
        app.prompt.put("/online")
        await pilot.press("enter")
        await settle(pilot)
        assert "There is no connection" in chat_text(app)

    program.play(act, beginning(), size=(120, 30))


def test_while_the_server_sends_one_to_another_node_lines_wait_and_nothing_is_said(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.connection.status = Status.CONNECTING
        app.connection_changed(ConnectionChanged(Status.CONNECTING, is_moving=True))
        app.prompt.put("patience")
        await pilot.press("enter")
        await settle(pilot)
        assert "patience  …" in chat_text(app)
        assert "Connecting to" not in chat_text(app)
        assert "○" not in chat_text(app)
        assert not app.toasts()
        app.connection_changed(ConnectionChanged(Status.CONNECTING))
        await settle(pilot)
        assert "Connecting to" in chat_text(app)

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
        shown = chat_text(app)
        told = re.sub(r"[ \n▌]+", " ", shown)
        assert "The server is being restarted; back in 3 s. 1 line will be sent then." in told
        assert "patience  …" in shown
        assert "No connection" not in shown
        assert "○" not in shown
        app.connection_changed(ConnectionChanged(Status.CONNECTING, is_moving=True))
        await settle(pilot)
        assert "restarted" not in chat_text(app)
        assert "Connecting to" not in chat_text(app)

    program.play(act, beginning(), size=(120, 30))


def test_a_wrong_command_is_told_and_stays_in_the_prompt(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for typed, told in (
            ("/dance", "There is no command /dance"),
            ("/since x", "Usage: /since NUMBER"),
            ("/join", "Missing: ROOM. Usage: /join ROOM"),
            ("/whois bob", "There is no command /whois. /help lists all."),
            ("/usr/bin/python", "There is no command /usr/bin/python. To say"),
            ("/date yesterdy", '"yesterdy" is not a day. Write it as'),
            ("/history 500", "500 is too large: 50 is the most."),
        ):
            app.prompt.put(typed)
            await pilot.press("enter")
            await settle(pilot)
            assert told in chat_text(app)
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
        assert "You have thrown 19." in chat_text(app)
        assert "nobody has asked" not in chat_text(app)
        app.prompt.put("/roll 1")
        await pilot.press("enter")
        await settle(pilot)
        assert "1 is too small: 2 is the least." in chat_text(app)

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
        assert "It is 2026-11-24 21:00. Times are shown in Asia/Tokyo." in chat_text(app)
        assert "There is no room x." in chat_text(app)

    program.play(act, beginning(), size=(140, 30))


THREE = events.RoomsListed((("python", 3), ("write", 0), ("pm", 1)))


@pytest.mark.parametrize(("listed", "joined"), [(THREE, []), (events.RoomsListed((("hall", 0),)), ["hall"])])
def test_who_is_new_chooses_among_rooms_and_is_taken_into_the_only_one(
    program: Stage, listed: events.RoomsListed, joined: list[str]
) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await settle(pilot)
        assert [asked[1]["room"] for asked in app.connection.asked if asked[0] == "join"] == joined

    program.play(act, [welcome(), events.LoggedIn("ann", "t" * 22), listed])


def test_who_has_left_the_last_room_is_not_taken_back_when_the_rooms_are_listed_again(program: Stage) -> None:
    only = events.RoomsListed((("python", 3),))

    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.tell(events.WentBack("python"), only)
        await settle(pilot)
        assert [asked[0] for asked in app.connection.asked].count("join") == 1

    program.play(act, [welcome(), events.LoggedIn("ann", "t" * 22), only, events.Entered("python", (), 0, "", 0)])


def test_the_first_room_is_chosen_until_a_key_chooses_another_which_stays_so_wherever_it_comes_to_stand(
    program: Stage,
) -> None:
    def chosen(app: StoryApp) -> str:
        return next(row for row in app.screen_text().split("\n") if "▌" in row).split()[2]

    async def act(app: StoryApp, pilot: Pilot) -> None:
        await settle(pilot)
        assert chosen(app) == "python"
        app.tell(events.RoomsListed((("python", 3), ("write", 9), ("pm", 1))))
        await settle(pilot)
        assert chosen(app) == "write"
        await pilot.press("down")
        app.tell(THREE)
        await settle(pilot)
        assert chosen(app) == "python"
        app.tell(events.RoomsListed((("python", 0), ("write", 9), ("pm", 1))))
        await settle(pilot)
        assert chosen(app) == "python"

    program.play(act, [welcome(), events.LoggedIn("ann", "t" * 22), THREE])


@pytest.mark.parametrize("columns", [40, 50, 64, 80, 120, 200])
def test_where_rooms_are_offered_each_has_a_row_and_the_keys_are_said(program: Stage, columns: int) -> None:
    names = ("release", "deployment-and-infrastructure", "小" * 10)
    rooms = tuple((name, 120) for name in names)

    async def act(app: StoryApp, pilot: Pilot) -> None:
        await settle(pilot)
        shown = app.screen_text().split("\n")
        at = [next(number for number, row in enumerate(shown) if f"Alt+{key}" in row) for key in (1, 2, 3)]
        assert at == [at[0], at[0] + 1, at[0] + 2]
        assert all("120 people" in shown[number] for number in at)
        assert "F1" in " ".join(shown[at[-1] :])

    listed = events.RoomsListed(
        rooms, dict.fromkeys(names, "a topic that is as long as topics are wont to be, or longer")
    )
    program.play(act, [welcome(), events.LoggedIn("ann", "t" * 22), listed], size=(columns, 15))


# Reading


def test_older_lines_load_by_themselves_and_what_one_reads_does_not_move(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert "line 200" in chat_text(app)
        assert "history" not in [asked[0] for asked in app.connection.asked], (
            "nothing is asked for before one scrolls up"
        )
        for _ in range(3):
            await pilot.press("pageup")
        await pilot.press("ctrl+home")
        await settle(pilot)
        asked = app.connection.last("history")
        assert (asked["room"], asked["before"]) == ("python", 101)
        before = [line[36:75].rstrip() for line in lines(app)]
        app.tell(page(1, 100, newest=200))
        await settle(pilot)
        assert [line[36:75].rstrip() for line in lines(app)][3:] == before[3:]
        await pilot.press("ctrl+home")
        await settle(pilot)
        assert "line 1\n" in chat_text(app).replace("│", "") or "line 1 " in chat_text(app)

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
        assert "line 1 " in chat_text(app).replace("\n", " ")

    program.play(act, [*beginning(), page(101, 200)])


def test_older_lines_that_let_one_wait_are_said_to_be_coming_in_the_row_that_counts_them(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        async def pass_time(seconds: float) -> None:
            app.now += seconds
            app.watch_reading()
            await settle(pilot)

        await pilot.press("ctrl+home")
        await pass_time(0.29)
        before = lines(app)
        assert "· 100 earlier lines ·" in before[1], before[:4]
        await pass_time(0.02)
        assert "· earlier lines are coming ·" in lines(app)[1]
        assert lines(app)[2:] == before[2:], "nothing moves"
        app.answer("history", events.Refused("history-failed", {}, "python", "The history cannot be read now."))
        await pass_time(0.25)
        assert "are coming" not in app.screen_text(), "they are not"
        await pass_time(6)
        await pilot.press("pagedown", "ctrl+home")
        await pass_time(0.31)
        assert "· earlier lines are coming ·" in lines(app)[1]
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


def test_a_refused_wish_to_go_somewhere_does_not_come_true_later(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.main.navigation.enter("write")
        app.answer("join", events.Refused("room-full", {}, "write", "The room is full."))
        await pilot.press("ctrl+g", *"42", "enter")
        app.answer("around", events.Refused("history-failed", {}, "python", "The history cannot be read now."))
        app.tell(events.Entered("write", (), 0, "", 0), page(1, 100, newest=200))
        await settle(pilot)
        assert app.current is not None
        assert app.current.name == "python"
        assert app.chat.follows

    program.play(act, [*beginning("python", "pm"), page(101, 200)])


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


def test_what_was_begun_before_there_was_a_room_stays_in_the_prompt() -> None:
    app = StoryApp([welcome(), events.LoggedIn("ann", "t" * 22)])
    app.client.saved.drafts["python"] = "a draft"

    async def act(pilot: Pilot) -> None:
        app.prompt.insert("begun early")
        app.tick()
        assert app.client.saved.drafts[""] == "begun early"
        app.tell(events.Entered("python", (), 0, "", 0))
        await settle(pilot)
        assert app.prompt.text == "a draft\nbegun early"
        app.tick()
        assert app.client.saved.drafts == {"python": "a draft\nbegun early"}

    play(app, act)


def test_what_up_brings_back_is_no_draft(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("sent")
        await pilot.press("enter")
        app.prompt.put("being written")
        await pilot.press("up")
        assert app.prompt.text == "sent"
        await pilot.press("ctrl+n", "ctrl+p")
        await settle(pilot)
        assert app.prompt.text == "being written"

    program.play(act, beginning("python", "pm"))


def test_new_lines_below_are_counted_and_end_goes_there(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("pageup")
        before = [line[18:75].rstrip() for line in lines(app)[3:20]]
        app.tell(*said("new one", "new two", first=101))
        await settle(pilot)
        assert "↓ 2 new below" in chat_text(app)
        assert [line[18:75].rstrip() for line in lines(app)[3:20]] == before
        await pilot.press("end")
        await settle(pilot)
        assert "new two" in chat_text(app)
        assert "below" not in chat_text(app)

    program.play(act, [*beginning(), page(1, 100)])


def test_one_writes_wherever_one_has_clicked(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.click("#chat", offset=(20, 5))
        await pilot.press("end", "up", "escape", "h", "i")
        await settle(pilot)
        assert app.prompt.text == "hi"

    program.play(act, [*beginning(), page(1, 100), *said("A" * 8000, first=101)])


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


def test_a_room_that_is_entered_without_anything_missed_shows_its_newest_lines_and_loads_older_ones(
    program: Stage,
) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert app.connection.last("history").items() >= {"room": "python", "before": requests.NUMBER_MAX}.items()
        app.answer("history", page(298, 300))
        await settle(pilot)
        assert app.connection.last("history")["before"] == 298, "there is place for more on the screen"

    program.play(act, [welcome(), events.LoggedIn("ann", "t" * 22), events.Entered("python", (), 0, "", 300)])


def test_the_marker_counts_what_came_in_this_room_and_goes_when_the_newest_line_is_seen(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("pageup", "ctrl+n")
        await settle(pilot)
        app.tell(*said("a", "b", first=101))
        await pilot.press("ctrl+p")
        await settle(pilot)
        assert "↓ 2 new below" in chat_text(app)
        await pilot.press("ctrl+g", *"102", "enter")
        await settle(pilot)
        assert "below" not in chat_text(app)

    program.play(act, [*beginning("python", "pm"), page(1, 100), page(1, 30, room="pm")])


def test_a_line_to_which_one_goes_by_its_number_is_marked_until_one_goes_back(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+g", *"42", "enter")
        await settle(pilot)
        marked = [row for row in lines(app) if "▌" in row[15:]]
        assert len(marked) == 1
        assert "line 42" in marked[0]
        await pilot.press("escape")
        await settle(pilot)
        await pilot.press("pageup", "pageup")
        await pilot.press("ctrl+home")
        await settle(pilot)
        assert app.chat.drawing.hit is None

    program.play(act, [*beginning(), page(1, 100)])


def test_who_goes_somewhere_by_letters_is_offered_the_room_where_they_are_last(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+k")
        await settle(pilot)
        assert "a person pm write python Enter" in app.words()
        await pilot.press("enter")
        await settle(pilot)
        assert app.main.navigation.current is app.client.state.known("pm")

    program.play(act, beginning("python", "pm"))


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
        assert "newest" in chat_text(app)

    program.play(act, [*beginning(), page(1, 100)])


def test_the_wheel_scrolls(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for _ in range(3):
            await pilot._post_mouse_events([MouseScrollUp], widget="#chat", offset=(5, 5))
        await settle(pilot)
        assert "line 100" not in chat_text(app)

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
        app.chat.on_resize()
        app.chat.tick()

    program.play(act, [*beginning(), page(1, 100)])


def test_a_hundred_who_come_and_go_hide_no_line() -> None:
    app = StoryApp([*beginning(), *said("before")])
    for number in range(60):
        app.tell(events.Joined("python", (f"p{number}",)), events.Left("python", (f"p{number}",)))

    async def act(pilot: Pilot) -> None:
        app.tell(*said("after", first=2))
        await settle(pilot)
        assert "earlier lines" not in chat_text(app)

    play(app, act)


def test_ten_visits_are_one_row_with_a_time_and_hide_nothing_from_who_has_scrolled_up(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for _ in range(10):
            app.tell(events.Joined("python", ("zed",)), events.Left("python", ("zed",)))
        await settle(pilot)
        (row,) = [line for line in lines(app) if "zed" in line]
        assert "13:00" in row
        assert "zed came and went 10 times" in row
        await pilot.press("pageup")
        await settle(pilot)
        before = [line[36:75].rstrip() for line in lines(app)[3:20]]
        app.tell(events.Joined("python", ("zed",)), *said("new", first=101), events.Left("python", ("zed",)))
        await settle(pilot)
        assert [line[36:75].rstrip() for line in lines(app)[3:20]] == before
        await pilot.press("escape")
        await settle(pilot)
        assert [line.split("zed")[1].split("  ")[0] for line in lines(app) if "zed" in line] == [
            " came and went 11 times"
        ]
        assert chat_text(app).index("new") < chat_text(app).index("zed")

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
        assert "zed joined" in chat_text(app)
        await toggle(app, pilot)
        assert "zed joined" not in chat_text(app)
        assert "line" in chat_text(app)
        app.tell(coming("yan"), coming("xia", "pm"))
        await settle(pilot)
        assert "yan joined" not in chat_text(app)
        assert not app.connection.said
        await pilot.press("ctrl+n")
        await settle(pilot)
        assert "xia joined" in chat_text(app), "other rooms are as they were"

    play(app, hide)
    again = StoryApp(beginning("python", "pm"), store=tmp_path)

    async def show(pilot: Pilot) -> None:
        await pilot.press("alt+1")
        again.tell(coming("wim"))
        await settle(pilot)
        assert "wim joined" not in chat_text(again)
        await toggle(again, pilot)
        again.tell(coming("vic"))
        await settle(pilot)
        assert "vic joined" in chat_text(again)

    play(again, show)


def test_the_commands_of_the_screen_are_completed_and_explained(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("/joi")
        await pilot.press("tab")
        first = app.prompt.text
        await pilot.press("tab")
        assert {first, app.prompt.text} == {"/join ", "/joins "}
        await pilot.press("f1")
        await settle(pilot)
        await pilot.press("end")
        await settle(pilot)
        assert "/joins" in chat_text(app)

    program.play(act, beginning(), size=(100, 60))


def test_panes_may_leave_no_column_for_the_prompt() -> None:
    app = StoryApp(beginning())

    async def act(pilot: Pilot) -> None:
        await pilot.press("f7", "f8", "f7", "f8")  # shown at any width
        for columns in range(43, 37, -1):
            await pilot.resize_terminal(columns, 12)
            await settle(pilot)
            assert "python" in app.screen_text()
        await pilot.press("h", "i")
        await pilot.resize_terminal(100, 30)
        await settle(pilot)
        assert app.prompt.text == "hi"

    play(app, act)


def test_resizing_keeps_the_place(program: Stage) -> None:
    words = " ".join(f"word{number}" for number in range(40))
    many = tuple(Said("python", seq, NOON + seq, "bob", f"{seq}: {words}") for seq in range(1, 101))

    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.chat.go_to_line(50)
        await settle(pilot)
        assert " 50: word0" in chat_text(app)
        top = next(line for line in lines(app)[1:] if ": word0" in line).split(": word0", 1)[0].split()[-1]
        for size in ((60, 20), (140, 50), (45, 15), (100, 30)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            shown = [int(line.split(": word0", 1)[0].split()[-1]) for line in lines(app)[1:] if ": word0" in line]
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
        assert "after" in chat_text(app)

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


def test_a_day_after_the_last_line_is_said_to_have_none(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.prompt.put("/date monday")
        await pilot.press("enter")
        app.answer("date", PageShown("python", (), 1, 7, ""))
        await settle(pilot)
        assert "There is nothing there. Of python you can read" in chat_text(app)

    program.play(act, [*beginning(), *said("hello")], size=(120, 30))


def test_what_finds_actions_says_in_the_users_language_that_nothing_has_the_letters(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.tell(SettingShown("language", "zh"))
        await pilot.press("f2", *"xqzw")
        for _ in range(8):
            await pilot.pause(0.1)
        text = app.screen_text()
        assert "No matches" not in text
        assert "没有" in text

    program.play(act, beginning())


def test_searching_in_the_room_marks_and_goes_from_place_to_place(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+f")
        bar = app.main.query_one(SearchBar)
        assert bar.display
        await pilot.press(*"line", "space", *"55")
        await settle(pilot)
        assert "2 found" in chat_text(app) or "1 found" in chat_text(app)
        await pilot.press("enter")
        await settle(pilot)
        assert "line 155" in chat_text(app) or "line 55" in chat_text(app)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert not bar.display
        assert app.focused is app.prompt

    program.play(act, [*beginning(), page(1, 200)])


def test_the_search_says_which_of_how_many_and_marks_it(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+f", *"needle")
        await settle(pilot)
        assert "5 found" in chat_text(app)
        for key, number, seq in (("enter", 1, 9), ("enter", 2, 7), ("down", 1, 9), ("down", 5, 1)):
            await pilot.press(key)
            await settle(pilot)
            row = next(line for line in lines(app) if "Search:" in line)
            assert f"{number} of 5" in row
            assert "Enter older · ↓ newer · Esc" in row, "its own help is not cut"
            assert [line for line in lines(app) if "▌" in line and "needle" in line] == [
                line for line in lines(app) if f"needle {seq}" in line
            ]
        await pilot.press("escape")
        await settle(pilot)
        assert not any("needle" in line and "▌" in line for line in lines(app))

    program.play(
        act,
        [*beginning(), *said(*(f"needle {number}" if number % 2 else "hay" for number in range(1, 11)))],
        size=(80, 24),
    )


def test_a_narrow_search_bar_has_place_for_no_key_but_the_way_out(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+f", *"needle", "enter")
        await settle(pilot)
        row = next(line for line in lines(app) if "Search:" in line)
        assert row.strip().endswith("1 of 1  Esc")

    program.play(act, [*beginning(), *said("needle")], size=(40, 12))


def test_a_search_that_found_more_than_it_shows_says_so(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+f", *"needle", "enter")
        await asyncio.sleep(0.5)
        app.answer("search", entries.Found("needle", (), True, 0, ""))
        await settle(pilot)
        assert "1 of 1+" in chat_text(app)

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
        assert "1 found" in chat_text(app)
        await pilot.press("enter")
        assert app.connection.last("around")["number"] == 17
        around = tuple(
            Said("python", seq, NOON, "bob", "the needle" if seq == 17 else f"x{seq}") for seq in range(7, 28)
        )
        app.answer("around", PageShown("python", around, 1, 500, ""))
        await settle(pilot)
        assert "the needle" in chat_text(app)

    program.play(act, [*beginning(), page(401, 500)])


def test_searching_everywhere_shows_what_was_found_and_goes_there(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("alt+f", *"needle", "enter")
        assert app.connection.last("search").items() >= {"words": "needle", "everywhere": True}.items()
        app.answer(
            "search", entries.Found("needle", (("pm", (Said("pm", 1, NOON, "bob", "a needle"),)),), False, 0, "")
        )
        await settle(pilot)
        assert "1 found" in chat_text(app)
        assert "pm bob: a needle" in chat_text(app)
        await pilot.press("enter")
        await settle(pilot)
        assert app.current is not None
        assert app.current.name == "pm"

    program.play(act, [*beginning("python", "pm"), *said("a needle", room="pm", first=1)])


def test_one_can_go_to_a_number_and_to_a_day(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+g", *"42", "enter")
        await settle(pilot)
        assert "line 42" in chat_text(app)
        await pilot.press("ctrl+g", *"2026-11-20", "enter")
        await settle(pilot)
        assert app.connection.last("date").items() >= {"room": "python", "day": "2026-11-20"}.items()
        app.answer("date", page(7, 57, newest=300))
        await settle(pilot)
        assert "line 7 " in chat_text(app).replace("\n", " ")
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
        assert "A line is a number" not in chat_text(app), "it does not stay among them"
        await pilot.press("ctrl+g", *"later", "enter")
        await settle(pilot)
        assert len(app.toasts()) == 1, "the next one goes instead of it"

    program.play(act, [*beginning(), page(1, 300)])


def test_no_cursor_blinks(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        for keys in (["ctrl+f"], ["escape", "ctrl+g"], ["escape", "ctrl+k"], ["escape", "alt+f"], ["escape"]):
            await pilot.press(*keys)
            await settle(pilot)
            field = app.focused
            assert isinstance(field, Input) is (keys != ["escape"])
            assert isinstance(field, Input | TextArea)
            assert not field.cursor_blink
        app.action_connect()
        await settle(pilot)
        fields = list(app.screen.query(Input))
        assert len(fields) == 3
        assert not any(field.cursor_blink for field in fields)

    program.play(act, beginning())


def test_a_room_that_cannot_be_entered_at_the_start_is_waited_for_no_more() -> None:
    app = StoryApp([welcome(), events.LoggedIn("ann", "t" * 22), events.RoomsListed((("python", 3),))])
    why = "There is no room gone. /rooms lists the rooms."

    async def act(pilot: Pilot) -> None:
        app.client.state.room("gone")
        app.tell(events.RoomsListed((("python", 3),)))
        await settle(pilot)
        assert "Entering gone" in chat_text(app)
        app.room_refused("gone", events.Refused("no-such-room", {"room": "gone"}, "", why))
        await settle(pilot)
        assert why in chat_text(app)
        assert app.toasts() == [], "it is said once, and stays"
        assert "Alt+1   python" in chat_text(app)
        assert "Entering" not in chat_text(app)
        assert "1 gone" not in app.screen_text()
        app.tell(*beginning("python")[2:])
        await settle(pilot)
        assert why not in chat_text(app)

    play(app, act)


def test_a_room_where_lines_wait_stays_though_it_cannot_be_entered() -> None:
    app = StoryApp([welcome(), events.LoggedIn("ann", "t" * 22)])

    async def act(pilot: Pilot) -> None:
        app.client.state.typed(Pending("k", "gone", "say", "hello", 1.0))
        app.room_refused("gone", events.Refused("no-such-room", {"room": "gone"}, "", "There is no room gone."))
        await settle(pilot)
        assert app.client.state.known("gone") is not None

    play(app, act)


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
        assert "Looking …" in chat_text(app)
        app.answer(
            "search", entries.Found("needle", (("pm", (Said("pm", 1, NOON, "bob", "a needle"),)),), False, 0, "")
        )
        await settle(pilot)
        assert "pm bob: a needle" in chat_text(app)

    play(app, act)


def test_a_room_that_is_refused_late_does_not_take_back_the_one_that_is_wanted_now(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.main.navigation.enter("gone")
        late = app.connection.ref("join")
        app.main.navigation.enter("pm")
        app.tell(events.Refused("no-such-room", {}, "", "There is no such room."), ref=late)
        app.answer("join", events.Entered("pm", (), 0, "", 0))
        await settle(pilot)
        assert app.current is not None
        assert app.current.name == "pm"

    program.play(act, [*beginning("python"), events.RoomsListed((("python", 1), ("gone", 0), ("pm", 0)), {}, "")])


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
        assert "line 300" in chat_text(app)
        assert "line 50" not in chat_text(app)

    program.play(act, [*beginning(), page(401, 500)])


def test_a_moment_that_was_wanted_before_does_not_come_between_when_it_comes_late(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+g", *"2020-01-01", "enter")
        late = app.connection.ref("date")
        await pilot.press("ctrl+g", *"2021-01-01", "enter")
        app.tell(page(40, 60, newest=500), ref=late)
        await settle(pilot)
        assert app.main.navigation.line.room is None
        assert "line 40" not in chat_text(app)
        assert not [fields for do, fields in app.connection.asked if do == "history"]

    program.play(act, [*beginning(), page(401, 500)])


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


def test_where_one_was_in_a_room_is_nothing_in_another_servers_room_of_that_name(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("pageup", "pageup")
        app.begin_again([*beginning(), page(1, 90)])
        await settle(pilot)
        assert "line 90" in chat_text(app)

    program.play(act, [*beginning(), page(1, 100)])


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
        assert "line 7 " in chat_text(app).replace("\n", " ")
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
        assert "line 300" in chat_text(app)
        await pilot.press("escape")
        await settle(pilot)
        app.answer("history", page(451, 650, newest=1000))
        await settle(pilot)
        assert app.chat.follows

    program.play(act, [*beginning(), page(901, 1000)])


def test_what_the_server_refuses_of_a_key_is_told_for_some_seconds_and_not_among_the_lines(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.main.navigation.enter("write")
        app.answer("join", events.Refused("room-full", {}, "write", "The room is full."))
        await settle(pilot)
        assert app.toasts() == ["The room is full."]
        assert not [
            entry for entry in app.client.state.room("python").timeline.entries if isinstance(entry, StatusMessage)
        ]

    program.play(act, beginning())


def test_a_link_opens_and_a_selection_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    app = StoryApp([*beginning(), *said("see https://example.org/a_b. now")])
    opened: list[str] = []
    monkeypatch.setattr(app, "open_url", opened.append)
    monkeypatch.setenv("DISPLAY", ":0")

    async def act(pilot: Pilot) -> None:
        row = next(y for y, line in enumerate(lines(app)) if "https" in line)
        column = lines(app)[row].index("https") + 3
        await pilot.click(offset=(column, row))
        assert opened == ["https://example.org/a_b"]
        monkeypatch.delenv("DISPLAY")
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        await pilot.click(offset=(column, row))
        assert (len(opened), app.clipboard) == (1, "https://example.org/a_b"), "no browser in the terminal"
        start = lines(app)[row].index("see")
        await pilot.mouse_down(offset=(start, row))
        await pilot.hover(offset=(start + 7, row))
        await pilot.mouse_up(offset=(start + 7, row))
        await settle(pilot)
        await pilot.press("ctrl+c")
        assert app.clipboard.startswith("see htt")

    play(app, act)


def test_markdown_is_shown_as_such(program: Stage) -> None:
    text = "*em* **strong** `code` snake_case_name\n> quoted\nafter\n```python\nx = 1\n```"

    async def act(app: StoryApp, pilot: Pilot) -> None:
        shown = chat_text(app)
        assert "em strong code snake_case_name" in shown
        assert "> quoted" in shown
        assert "x = 1" in shown
        assert "```" not in shown

    program.play(act, [*beginning(), *said(text)])


HOSTILE = [
    "[bold]x[/] [/] [@click=app.quit]click[/] [link=http://x]y",
    "a" * 100_000,
    "你" * 5000,
    "e" + "\u0301" * 8 + " zalgo",
    "\n".join(["x"] * 300),
    "`" * 200 + "*" * 200 + "_" * 200 + ">" * 200,
    "👩‍👩‍👧‍👦" * 40,
    "```" + "x" * 3000,
    "{" * 500 + "[" * 500,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_shown_and_does_nothing(text: str, program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("pageup", "pageup", "escape", "ctrl+k", "escape")
        await pilot.resize_terminal(41, 13)
        await settle(pilot)
        for y in range(2, 12):
            await pilot.click(offset=(10, y))
        app.tell(*said("after", first=4))
        await pilot.press("escape", "escape", "escape")  # out of the menu of a line, of its choice, and to the bottom
        await settle(pilot)
        assert "after" in chat_text(app)
        assert app.is_running

    topic = text.split("\n", maxsplit=1)[0][:300]
    program.play(
        act,
        [
            *beginning(),
            *said("before", text),
            entries.TopicSet("python", 3, NOON + 180, "bob", topic),
            events.Joined("python", ("[bold]",)),
        ],
    )


# Switching


def test_keys_switch_rooms(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        def name() -> str:
            assert app.current is not None
            return app.current.name

        assert name() == "python"
        for key, room in (
            ("ctrl+n", "write"),
            ("ctrl+n", "pm"),
            ("ctrl+n", "python"),
            ("ctrl+p", "pm"),
            ("alt+2", "write"),
            ("alt+1", "python"),
        ):
            await pilot.press(key)
            assert name() == room
        await pilot.press("alt+a")
        assert name() == "pm", "mentions first"
        await pilot.press("alt+1")
        app.client.mark_read(app.client.state.room("pm"))
        await pilot.press("alt+a")
        assert name() == "write"

    program.play(act, [*beginning("python", "write", "pm"), *said("x", room="write"), *said("ann!", room="pm")])


def test_a_few_letters_lead_to_a_room_or_a_person(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+k", "p", "m", "enter")
        await settle(pilot)
        assert app.current is not None
        assert app.current.name == "pm"
        await pilot.press("ctrl+k", *"wri", "enter")
        assert app.connection.last("join")["room"] == "write"
        await pilot.press("ctrl+k", *"crl", "enter")
        await settle(pilot)
        assert app.current.name == "python", "where Carol is"
        assert app.prompt.text == "Carol: "

    program.play(act, beginning("python", "pm"))


def test_rooms_that_others_open_are_listed_within_a_minute(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.tick()
        assert "rooms" not in [do for do, _ in app.connection.asked]
        app.now += 61
        app.tick()
        assert "rooms" in [do for do, _ in app.connection.asked]
        app.tell(events.RoomsListed((("python", 3), ("new", 1))))
        await settle(pilot)
        assert "new" in room_rows(app)

    program.play(act, beginning())


def test_another_name_of_ones_own_is_known_at_once(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert app.chat.look.me == "ann"
        app.prompt.put("/nick anna")
        await pilot.press("enter")
        app.answer("nick", events.Renamed("ann", "anna"))
        app.tell(events.Renamed("ann", "anna", "python"), *said("anna: there?", first=2))
        await settle(pilot)
        assert app.chat.look.me == "anna"
        assert app.client.state.room("python").mentions == {2}
        assert chat_text(app).count("ann is now anna") == 1
        assert re.search("anna +you", chat_text(app))

    program.play(act, [*beginning(), *said("anna: hi")])


def test_input_methods_are_told_where_the_cursor_is_after_wide_characters(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await settle(pilot)
        start = app.cursor_position
        app.prompt.insert("你好👋")
        await settle(pilot)
        assert app.cursor_position.x - start.x == 6

    program.play(act, beginning())


def test_the_first_unread_line_is_found(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.tell(page(1, 100, room="pm"))
        await pilot.press("ctrl+n")
        await settle(pilot)
        await pilot.press("alt+u")
        await settle(pilot)
        assert "line 1 " in chat_text(app).replace("\n", " ")

    program.play(act, beginning("python", "pm"))


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_action_has_a_key_and_a_method(action: Action) -> None:
    where, _, method = action.method.partition("(")[0].rpartition(".")
    assert callable(getattr(ChatApp if where == "app" else MainScreen, f"action_{method}"))
    bindings = [
        binding
        for binding in (*MainScreen.BINDINGS, *ChatApp.BINDINGS)
        if isinstance(binding, Binding) and binding.id == action.name
    ]
    assert {binding.key for binding in bindings} == {action.keys}


def test_the_palette_and_the_help_screen_have_every_action(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        titles = {command.title for command in app.get_system_commands(app.screen)}
        others = ("palette", "moderate")  # the second is for moderators: test_rights_on_screen.py
        assert {action.words for action in ACTIONS if action.name not in others} <= titles
        await pilot.press("f1")
        await settle(pilot)
        assert "Ctrl+K" in chat_text(app)
        await pilot.press("escape")
        await pilot.press("f2")
        await pilot.pause()
        assert len(app.screen_stack) == 2

    program.play(act, beginning(), size=(120, 60))


def test_the_palette_finds_an_action_by_a_few_letters_says_its_key_and_does_it(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("f2")
        await settle(pilot)
        first = next(row for row in lines(app) if "▌Go to a room" in row)
        assert "Ctrl+K" in first
        assert not any("Go to room 1" in row for row in lines(app)), "nine rooms stand last"
        await pilot.press("f2", *"rooms hide")
        await settle(pilot)
        assert len(app.screen_stack) == 2, "there is one"
        await pilot.press(*["backspace"] * 10, *"hide the rooms", "enter")
        await settle(pilot)
        assert len(app.screen_stack) == 1
        assert not app.main.panes.rooms.display
        await pilot.press("f7")
        await settle(pilot)

    program.play(act, beginning())


def test_a_theme_is_seen_while_it_is_marked_and_stays_when_it_is_chosen(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        before = app.theme

        async def choose(*keys: str) -> None:
            await pilot.press("f2", *"choose a theme", "enter")
            await settle(pilot)
            assert f"▌{before}" in app.screen_text()
            await pilot.press(*keys)
            await settle(pilot)

        await choose("down")
        seen = app.theme
        assert seen != before
        await pilot.press("escape")
        await settle(pilot)
        assert app.theme == before
        await choose("down", "enter")
        assert app.theme == seen
        app.theme = before
        await settle(pilot)

    program.play(act, beginning())


@pytest.mark.parametrize("at", [1e18, -1e18, -99999999999.0, 1795827121000.0, 1.7e308, 0.0])
def test_whatever_time_a_server_names_is_shown(at: float, prompt: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        room = f"odd-{str(at).strip('-').replace('.', '-').replace('+', '')}-{at < 0}"
        app.main.navigation.enter(room)
        app.answer("join", events.Entered(room, (), 0, "", 0))
        app.tell(
            *(
                Said(room, seq, when, "bob", text)
                for seq, when, text in ((1, at, "hello"), (2, -at, "again"), (3, at, "!"))
            )
        )
        await settle(pilot)
        assert app.current is not None
        assert app.current.name == room
        assert all(text in chat_text(app) for text in ("hello", "again", "!"))
        app.tell(events.WentBack(room))

    prompt.play(act)


def test_keys_can_be_changed_in_the_settings() -> None:
    app = StoryApp(beginning("python", "pm"), settings=Settings(keys={"next-room": "ctrl+o"}))

    async def act(pilot: Pilot) -> None:
        await pilot.press("ctrl+o")
        assert app.current is not None
        assert app.current.name == "pm"

    play(app, act)


def test_keys_do_nothing_behind_a_question(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("f1")
        row = app.chat.scroll_offset.y
        await pilot.press("pagedown", "pageup", "ctrl+f", "ctrl+k", "ctrl+n", "alt+2")
        await settle(pilot)
        assert len(app.screen_stack) == 2
        assert app.current is not None
        assert (app.current.name, app.chat.scroll_offset.y) == ("python", row)
        await pilot.press("escape", "ctrl+k", "ctrl+k")
        assert len(app.screen_stack) == 2

    program.play(act, [*beginning("python", "pm"), page(1, 100)])


# Knowing


def test_a_room_is_read_after_a_second_at_its_bottom_with_the_terminal_in_focus() -> None:
    app = StoryApp([*beginning("python", "pm"), page(1, 100)])

    def pass_time(seconds: float) -> None:
        for _ in range(round(seconds / 0.25)):
            app.now += 0.25
            app.watch_reading()

    async def act(pilot: Pilot) -> None:
        room = app.client.state.room("python")
        app.post_message(AppBlur())
        await settle(pilot)
        app.tell(*said("while away", first=101))
        pass_time(5)
        assert room.unread == 101, "nobody looks"
        app.post_message(AppFocus())
        await settle(pilot)
        await pilot.press("pageup")
        pass_time(5)
        assert room.unread == 101, "the bottom is not seen"
        await pilot.press("escape", "f1")
        pass_time(5)
        assert room.unread == 101, "something stands over it"
        await pilot.press("escape")
        await settle(pilot)
        pass_time(0.75)
        assert room.unread == 101, "not yet"
        pass_time(0.75)
        assert room.unread == 0
        assert app.client.saved.read["python"] == 101

    play(app, act)


def test_one_is_notified_by_rules_and_not_while_one_is_looking() -> None:
    rules = NotifyTable(words=["deploy"], rooms=["pm"], muted=["write"])
    app = StoryApp(beginning("python", "pm", "write"), settings=Settings(notify=rules))

    async def act(pilot: Pilot) -> None:
        def rung() -> int:
            count = sum("\a" in data for data in app.written)
            app.written.clear()
            app.now += 10
            return count

        rung()
        app.tell(*said("ann: look"))
        assert rung() == 0, "one is looking at it"
        app.tell(*said("anything", room="pm"))
        assert rung() == 1
        app.tell(*said("ann: muted", room="write"))
        assert rung() == 0
        app.post_message(AppBlur())
        await settle(pilot)
        app.tell(*said("chatter", first=2))
        assert rung() == 0
        app.tell(*said("ann: hello\x1b", first=3))
        assert any("\x1b]9;bob in python: ann: hello" in data for data in app.written)
        assert rung() == 1
        app.tell(*said("time to deploy", first=4))
        assert rung() == 1
        app.tell(*said("mine, ann", first=5, nick="ann"))
        assert rung() == 0
        app.main.paint()
        assert any("\x1b]0;(" in data for data in app.written), "the title counts"

    play(app, act)


def test_a_server_that_does_not_want_us_is_told_on_the_connect_screen() -> None:
    app = StoryApp(is_online=False)

    async def act(pilot: Pilot) -> None:
        app.connection.status = Status.WAITING
        app.connection_changed(ConnectionChanged(Status.WAITING, "nothing listens there", time.monotonic() + 1))
        await settle(pilot)
        assert "Tried 127.0.0.1, port 5000: nothing listens there." in chat_text(app).replace("\n", " ")
        app.screen.query_one("#nick", Input).value = "x y"
        await pilot.press("enter")
        await settle(pilot)
        assert "A name has" in chat_text(app)
        app.screen.query_one("#nick", Input).value = "anna"
        await pilot.press("enter")
        await settle(pilot)
        assert (app.connection.tries, app.connection.identity.nick) == (1, "anna")

    play(app, act)


def with_lately(*servers: str) -> StoryApp:
    app = StoryApp(is_online=False)
    for number, server in enumerate(servers, 1):
        app._caller.servers._in_memory[server] = Known(AUTHORITY, "2026-11-01", f"2026-11-0{number}")
    return app


@pytest.mark.parametrize("size", [(80, 24), (40, 15)])
def test_the_form_offers_the_servers_of_lately_and_a_key_connects_to_one(size: tuple[int, int]) -> None:
    app = with_lately("a.example:5000", "b.example:5001", "[::1]:5002")

    async def act(pilot: Pilot) -> None:
        await pilot.press("f3")
        await settle(pilot)
        assert "Alt+1  [::1]:5002" in chat_text(app)
        assert "Alt+2  b.example:5001" in chat_text(app)
        app.screen.query_one("#why", Static).update("three rows of why\n" * 3)
        await settle(pilot)
        assert "Alt+2  b.example:5001" in chat_text(app), "there is a place for both"
        assert "a.example" not in chat_text(app)
        await pilot.press("alt+2")
        await settle(pilot)
        assert (app.client.connection.host, app.client.connection.port) == ("b.example", 5001)

    play(app, act, size=size)


@pytest.mark.parametrize(("size", "rule"), [((80, 24), True), ((80, 23), False)])
def test_what_is_wrong_in_a_form_stands_in_the_frame_of_its_field_if_it_has_one(
    size: tuple[int, int], rule: bool, program: Stage
) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("f3")
        await settle(pilot)
        assert ("letters, digits, - and _" in chat_text(app)) is rule
        app.screen.query_one("#nick", Input).value = "x y"
        await pilot.press("enter")
        await settle(pilot)
        row = next(row for row in chat_text(app).split("\n") if "✗ A name has" in row)
        assert ("╯" in row) is rule
        app.screen.query_one("#nick", Input).value = "xy"
        await settle(pilot)
        assert "✗" not in chat_text(app)
        await pilot.press("escape")
        await settle(pilot)

    program.play(act, beginning(), size=size)


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


def test_another_server_can_be_tried_from_the_connect_screen() -> None:
    app = StoryApp(is_online=False)

    async def act(pilot: Pilot) -> None:
        app.connection_changed(ConnectionChanged(Status.WAITING, "nothing listens there", time.monotonic() + 1))
        await settle(pilot)
        app.screen.query_one("#address", Input).value = "192.0.2.1:99999"
        await pilot.press("enter")
        await settle(pilot)
        assert "a port is a number from 1 to 65535" in app.words()
        app.screen.query_one("#address", Input).value = "[::1]:5001"
        await pilot.press("enter")
        await settle(pilot)
        assert (app.client.connection.host, app.client.connection.port) == ("::1", 5001)

    play(app, act)


def test_the_connect_screen_goes_away_when_the_server_is_there() -> None:
    app = StoryApp(is_online=False)

    async def act(pilot: Pilot) -> None:
        app.connection_changed(ConnectionChanged(Status.WAITING, "nothing listens", time.monotonic() + 1))
        await settle(pilot)
        assert len(app.screen_stack) == 2
        app.connection_changed(ConnectionChanged(Status.ONLINE))
        app.tell(*beginning(), *said("there"))
        await settle(pilot)
        assert len(app.screen_stack) == 1
        assert "there" in chat_text(app)

    play(app, act)


# Connecting


def failing() -> StoryApp:
    app = StoryApp(is_online=False)
    app.connection.status = Status.WAITING
    return app


def lose(app: StoryApp, why: str = "nothing listens there") -> None:
    app.connection_changed(ConnectionChanged(Status.CONNECTING))
    app.connection_changed(ConnectionChanged(Status.WAITING, why, time.monotonic() + 1))


@pytest.fixture(scope="module")
def form() -> Iterator[Stage]:
    stage = Stage(failing)
    yield stage
    stage.close()


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("", "The server's name is missing."),
        ("chat.example.org:", '"" is no port: a port is a number from 1 to 65535.'),
        ("chat.example.org:irc", '"irc" is no port: a port is a number from 1 to 65535.'),
        ("chat.example.org:0", '"0" is no port'),
        ("chat..example.org", '"chat..example.org" cannot be the name of a server.'),
        ("chat example", '"chat example" cannot be the name of a server.'),
        ("x" * 64, "cannot be the name of a server."),
        ("http://chat.example.org", "Leave out http://"),
        ("a:5000:b", '"5000:b" is no port'),
        ("[x", '"[x" cannot be the name of a server.'),
        ("[::1]:x", '"x" is no port'),
    ],
)
def test_what_is_wrong_with_an_address_is_said_and_stays_while_the_old_one_is_tried(
    address: str, wrong: str, form: Stage
) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        lose(app)
        await settle(pilot)
        app.screen.query_one("#address", Input).value = address
        await pilot.press("enter")
        await settle(pilot)
        for _ in range(3):
            lose(app)
            await settle(pilot)
            shown = app.words()
            assert wrong in shown
            assert "Write it as chat.example.org or chat.example.org:5000." in shown
        await pilot.press("x")
        await settle(pilot)
        assert "Write it as" not in chat_text(app), "it is being mended"

    form.play(act)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("chat.example.org", ("chat.example.org", 5000)),
        (" chat.example.org:6000 ", ("chat.example.org", 6000)),
        ("localhost:1", ("localhost", 1)),
        ("chat.example.org.", ("chat.example.org.", 5000)),
        ("聊天.example", ("聊天.example", 5000)),
        ("192.0.2.1", ("192.0.2.1", 5000)),
        ("::1", ("::1", 5000)),
        ("fe80::1%eth0", ("fe80::1%eth0", 5000)),
        ("[2001:db8::1]:6000", ("2001:db8::1", 6000)),
        ("[::1]", ("::1", 5000)),
    ],
)
def test_an_address_is_understood(written: str, meant: tuple[str, int]) -> None:
    assert parse_address(written) == meant


def test_esc_leaves_the_form_for_the_chat_and_f3_brings_it_back() -> None:
    app = failing()

    async def act(pilot: Pilot) -> None:
        lose(app)
        await settle(pilot)
        assert len(app.screen_stack) == 2
        await pilot.press("escape")
        lose(app)
        await settle(pilot)
        assert len(app.screen_stack) == 1, "it does not come back by itself"
        assert "Not connected to 127.0.0.1" in chat_text(app)
        await pilot.press("f3")
        await settle(pilot)
        assert len(app.screen_stack) == 2

    play(app, act)


def test_a_form_in_which_one_writes_is_not_taken_away_by_a_connection_to_the_old_server() -> None:
    app = failing()

    async def act(pilot: Pilot) -> None:
        lose(app)
        await settle(pilot)
        app.screen.query_one("#address", Input).value = "elsewhere.example"
        app.connection_changed(ConnectionChanged(Status.ONLINE))
        await settle(pilot)
        assert len(app.screen_stack) == 2
        assert "You are connected to 127.0.0.1" in chat_text(app)

    play(app, act)


@pytest.mark.parametrize("code", ["name-taken", "name-like-another"])
def test_for_a_name_that_is_taken_or_looks_like_one_a_free_one_is_proposed(code: str) -> None:
    app = failing()

    async def act(pilot: Pilot) -> None:
        for name in ("ann2", "ann_", "ann3"):
            app.connection_changed(ConnectionChanged(Status.REFUSED, "ann is taken.", code=code))
            await settle(pilot)
            assert app.screen.query_one("#nick", Input).value == name
            assert f"{name} may be free; Enter tries it." in app.words()
            await pilot.press("enter")
            await settle(pilot)
            assert app.connection.identity.nick == name

    play(app, act)


def test_another_name_on_the_same_server_is_asked_for_where_there_is_a_connection(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("f3")
        await settle(pilot)
        app.screen.query_one("#nick", Input).value = "anna"
        await pilot.press("enter")
        await settle(pilot)
        assert app.connection.last("nick")["nick"] == "anna"

    program.play(act, beginning())


# Looks


@pytest.mark.parametrize("size", [(80, 24), (80, 12), (200, 50)])
def test_who_one_is_the_server_and_its_state_are_always_seen(size: tuple[int, int], program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        shown = chat_text(app)
        assert "● 127.0.0.1" in shown
        assert any(line.endswith(" ann") for line in lines(app) if " you" not in line)
        app.connection_changed(ConnectionChanged(Status.WAITING, "the connection was closed"))
        await settle(pilot)
        assert "○ 127.0.0.1" in chat_text(app)
        app.tell(events.Renamed("ann", "anna"))
        await settle(pilot)
        assert any(line.endswith(" anna") for line in lines(app))

    program.play(act, beginning(), size=size)


def test_in_no_room_the_middle_says_what_to_do_and_a_key_does_it() -> None:
    app = StoryApp([welcome(), events.LoggedIn("ann", "t" * 22)])
    app.client.saved.rooms = ["gone"]

    async def act(pilot: Pilot) -> None:
        assert "There is no room yet. /create NAME opens one." in chat_text(app)
        app.tell(events.RoomsListed((("python", 3), ("write", 0), ("pm", 5))))
        await settle(pilot)
        for wanted in (
            "Welcome, ann.",
            "You are in no room yet.",
            "▌ Alt+1   pm       5 people",
            "  Alt+2   python   3 people",
            "Ctrl+K",
        ):
            assert wanted in chat_text(app)
        await pilot.press("down", "down", "down", "down", "up", "enter")
        assert app.connection.last("join")["room"] == "python", "Enter enters what Up and Down have chosen"
        await settle(pilot)
        assert "▌ Alt+2   python" in chat_text(app)
        await pilot.press("x", "up", "down", "enter")
        assert [do for do, _ in app.connection.asked].count("join") == 1, "while one writes they are keys of the prompt"
        await pilot.press("alt+2")
        assert app.connection.last("join")["room"] == "python"
        app.tell(events.Entered("python", (), 0, "", 0), *said("hello"))
        await settle(pilot)
        assert "Welcome" not in chat_text(app)
        assert "hello" in chat_text(app)
        app.tell(events.WentBack("python"))
        await settle(pilot)
        assert "You are in no room yet." in chat_text(app)

    play(app, act)


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
def test_what_is_nearly_too_long_is_counted_in_bytes(size: tuple[int, int], program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        limit = app.client.state.limits["text_bytes"] = 4000
        app.prompt.put("ä" * 1799)
        await pilot.pause()
        assert "of 4,000" not in chat_text(app)
        await pilot.press("ä")
        await pilot.pause()
        assert "3,600 of 4,000" in chat_text(app)
        app.prompt.put("x" * (limit + 1))
        await pilot.pause()
        assert "4,001 of 4,000" in chat_text(app)
        app.prompt.put("")
        await pilot.pause()
        assert "of 4,000" not in chat_text(app)

    program.play(act, beginning(), size=size)


def test_at_midnight_what_was_said_today_was_said_yesterday(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert "Today, Tuesday, 24 November" in chat_text(app)
        app.now = NOON + 43_199
        app.main.tick()
        await settle(pilot)
        assert "Today, Tuesday, 24 November" in chat_text(app)
        app.now += 1
        app.main.tick()
        await settle(pilot)
        assert "Yesterday, Tuesday, 24 November" in chat_text(app)
        assert "Today" not in chat_text(app)
        app.now += 86_400  # the computer has slept for a day
        app.main.tick()
        await settle(pilot)
        assert "Yesterday" not in chat_text(app)
        assert "Tuesday, 24 November" in chat_text(app)

    program.play(act, [*beginning(), *said("hello")])


def test_the_room_that_enter_joins_is_seen_on_a_small_screen_too(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert "▌ Alt+1" in chat_text(app)
        await pilot.press(*["down"] * 6)
        await settle(pilot)
        assert "▌ Alt+7" in chat_text(app)
        assert "Alt+1 " not in chat_text(app)

    rooms = tuple((f"room-{number}", 20 - number) for number in range(1, 10))
    program.play(act, [welcome(), events.LoggedIn("ann", "t" * 22), events.RoomsListed(rooms)], size=(40, 15))


@pytest.mark.parametrize(("columns", "whole"), [(200, 32), (120, 19), (80, 12)])
def test_the_rooms_use_the_width_that_there_is(columns: int, whole: int, program: Stage) -> None:
    name = "x" * whole

    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert f"1 {name}" in chat_text(app)

    program.play(act, [*beginning(name), *said("hello", room=name)], size=(columns, 30))


@pytest.fixture(scope="module")
def switcher() -> Iterator[Stage]:
    stage = Stage(
        lambda: StoryApp([*beginning(), events.RoomsListed((("write", 0), ("project-41", 1), ("project-42", 1)))])
    )
    yield stage
    stage.close()


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("proj 42", "project-42"),
        ("42", "project-42"),
        ("pj42", "project-42"),
        ("PROJ", "project-42"),
        ("wri te", "write"),
    ],
)
def test_words_in_order_find_a_room(typed: str, found: str, switcher: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.connection.asked.clear()
        await pilot.press("ctrl+k", *(key if key != " " else "space" for key in typed), "enter")
        assert app.connection.last("join")["room"] == found or typed == "PROJ"

    switcher.play(act)


def test_letters_that_fit_nothing_say_so_and_what_to_do(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+k", *"xyz")
        await settle(pilot)
        shown = app.words()
        assert 'No room and nobody here is called "xyz". Fewer letters find more. /create xyz opens a room.' in shown

    program.play(act, beginning(), size=(120, 30))


@pytest.mark.parametrize("first", ["chat-dark", "ansi-dark"])
def test_f9_goes_from_dark_to_light_and_back_with_all_names_in_its_colours(first: str) -> None:
    app = StoryApp([*beginning(), *said("hello")], settings=Settings(theme=first))

    async def act(pilot: Pilot) -> None:
        seen = []
        for _ in range(3):
            seen.append(app.theme)
            colours = nick_colours(app.current_theme)
            assert len(colours) >= 3
            assert {style.foreground for style in app.chat.look.nicks} == {*colours}
            for item in app.main.panes.people.items:
                assert item.key in {"", "ann"} or any(
                    isinstance(span.style, Style) and span.style.foreground in colours for span in item.content.spans
                )
            await pilot.press("f9")
            await settle(pilot)
        kind = first.removesuffix("-dark")
        assert seen == [f"{kind}-dark", f"{kind}-light", f"{kind}-dark"]

    play(app, act)


@pytest.mark.parametrize("columns", [14, 20, 26, 27, 33, 34, 60, 120])
@pytest.mark.parametrize("is_archived", [False, True])
@pytest.mark.parametrize("room", ["", "python", "@bob", "deployment-and-infrastructure", "小" * 20])
def test_what_stands_in_the_empty_prompt_has_its_place_and_as_much_of_it_as_does(
    room: str, columns: int, *, is_archived: bool
) -> None:
    said = prompt_for(room, columns, is_archived=is_archived)
    assert cell_len(said) <= columns
    whole = prompt_for(room, is_archived=is_archived)
    assert (said == whole) == (cell_len(whole) <= columns)


def test_names_in_the_terminals_own_colours_can_be_read_on_what_the_theme_says_the_background_is() -> None:
    xterm = {
        "red": "#cd0000",
        "blue": "#0000ee",
        "magenta": "#cd00cd",
        "bright_red": "#ff0000",
        "bright_green": "#00ff00",
    }
    xterm |= {
        "bright_yellow": "#ffff00",
        "bright_blue": "#5c5cff",
        "bright_magenta": "#ff00ff",
        "bright_cyan": "#00ffff",
    }
    for names, background in ((ANSI_ON_DARK, "#000000"), (ANSI_ON_LIGHT, "#ffffff")):
        assert all(contrast(xterm[name], background) >= 4 for name in names)


@pytest.mark.parametrize("theme", ["chat-dark", "chat-light", "textual-light", "nord", "ansi-dark"])
def test_every_theme_shows_every_part_readably(theme: str) -> None:
    app = StoryApp([*beginning(), *said("`code`", "> quote", "ann!")], settings=Settings(theme=theme))

    async def act(pilot: Pilot) -> None:
        app.client.state.typed(Pending("k", "python", "say", "waits", NOON))
        await settle(pilot)
        assert app.theme == theme
        look = app.chat.look
        background = app.chat.visual_style.background
        if app.current_theme.ansi or background is None:
            return
        parts = [look.dim, look.unread, look.failed, look.pending, *look.nicks, look.parts.link, look.parts.quote]
        for style in parts:
            if style.foreground is not None:
                assert contrast((background + style.foreground).hex6, background.hex6) >= CONTRAST_MIN, style

    play(app, act)


def test_the_help_has_a_row_for_the_rooms_keys_and_says_how_to_leave_it(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("f1")
        await settle(pilot)
        text = app.screen_text()
        assert "Alt+1 to Alt+9        Go to room 1 to 9" in text
        assert "Go to room 2" not in text
        assert "Esc goes back" in text
        row = next(
            number for number, line in enumerate(lines(app)) if "Go to the next room with something new," in line
        )
        assert lines(app)[row].index("Go to") == lines(app)[row + 1].index("first"), "text stays in its column"

    program.play(act, beginning(), size=(80, 24))


def test_a_room_with_a_key_of_the_user_s_own_has_its_own_row_in_the_help() -> None:
    app = StoryApp(beginning(), settings=Settings(keys={"room-2": "alt+w"}))

    async def act(pilot: Pilot) -> None:
        await pilot.press("f1")
        await settle(pilot)
        assert "Alt+W                 Go to room 2" in app.screen_text()

    play(app, act)


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
def test_where_the_terminal_has_its_own_colours_no_text_stands_on_one_of_them(theme: str) -> None:
    app = StoryApp([*beginning(), *said("ann!", "two")], settings=Settings(theme=theme))

    async def act(pilot: Pilot) -> None:
        app.connection_changed(ConnectionChanged(Status.WAITING, "nothing listens there", 0.0))
        await pilot.press("ctrl+f", *"two", "enter")
        await settle(pilot)
        look = app.chat.look
        hit = part(app.chat, "hit")
        _, current, _ = app.main.query_one("#rooms", ListPane)._styles
        status, below = (app.main.query_one(name).visual_style for name in ("#status", ".below"))
        for style in (current, hit, look.parts.found, look.parts.mention):
            assert style.reverse, style
        for style in (current, hit, look.parts.found, look.parts.mention, status, below):
            assert style.background is None or style.background.ansi in (None, -1), style

    play(app, act)


def test_the_slow_link_scrolls_by_half_a_page() -> None:
    app = StoryApp([*beginning(), page(1, 100)], settings=Settings(slow_link=True, theme="ansi-dark"))

    async def act(pilot: Pilot) -> None:
        moves = set()
        for seq in range(101, 121):
            app.tell(*said(f"n{seq}", first=seq))
            await settle(pilot)
            assert f"n{seq}" in chat_text(app)
            moves.add(app.chat.scroll_offset.y)
        assert len(moves) <= 4

    play(app, act)
