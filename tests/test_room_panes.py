"""The panes around the lines: rooms, people and the topic, and the ways from room to room, with a story instead of a network."""

import re
from collections.abc import Iterator

import pytest

from chat_server.protocol import entries, events
from chat_server.protocol.room_events import RoomDeleted, RoomRenamed
from chat_tui.client.connection import ConnectionChanged, Status
from on_screen import page, program, room_rows, rows
from stories import NOON, Pilot, Stage, StoryApp, beginning, play, said, settle

__all__ = ["program"]


def test_the_panes_show_rooms_lines_people_and_the_topic(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        text = app.screen_text()
        assert "python   snakes" in rows(app)[0]
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
        assert "new" in app.screen_text(), "a rule stands between read and unread"
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
        text = app.screen_text()
        assert ("Not joined" in text, "Here" in text) == (has_rooms, has_people)
        assert "hello" in text
        await pilot.press("f7", "f8")
        await settle(pilot)
        text = app.screen_text()
        assert ("Not joined" in text, "Here" in text) == (not has_rooms, not has_people), "and by key"

    program.play(act, [*beginning(), *said("hello")], size=size)


def test_the_mouse_chooses_rooms_and_people(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.click("#rooms", offset=(4, 2))
        await settle(pilot)
        assert "in pm" in app.screen_text()
        await pilot.click("#rooms", offset=(4, 0))
        assert "in pm" in app.screen_text(), "a heading is no room"
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
        shown = app.screen_text()
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
        assert "already" not in app.screen_text()

    program.play(act, beginning("python", "pm"))


def test_who_goes_somewhere_by_letters_is_offered_the_room_where_they_are_last(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await pilot.press("ctrl+k")
        await settle(pilot)
        assert "a person pm write python Enter" in app.words()
        await pilot.press("enter")
        await settle(pilot)
        assert app.main.navigation.current is app.client.state.known("pm")

    program.play(act, beginning("python", "pm"))


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
        assert app.screen_text().count("ann is now anna") == 1
        assert re.search("anna +you", app.screen_text())

    program.play(act, [*beginning(), *said("anna: hi")])


def test_the_first_unread_line_is_found(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        app.tell(page(1, 100, room="pm"))
        await pilot.press("ctrl+n")
        await settle(pilot)
        await pilot.press("alt+u")
        await settle(pilot)
        assert "line 1 " in app.screen_text().replace("\n", " ")

    program.play(act, beginning("python", "pm"))


@pytest.mark.parametrize("size", [(80, 24), (80, 12), (200, 50)])
def test_who_one_is_the_server_and_its_state_are_always_seen(size: tuple[int, int], program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        shown = app.screen_text()
        assert "● 127.0.0.1" in shown
        assert any(line.endswith(" ann") for line in rows(app) if " you" not in line)
        app.connection_changed(ConnectionChanged(Status.WAITING, "the connection was closed"))
        await settle(pilot)
        assert "○ 127.0.0.1" in app.screen_text()
        app.tell(events.Renamed("ann", "anna"))
        await settle(pilot)
        assert any(line.endswith(" anna") for line in rows(app))

    program.play(act, beginning(), size=size)


@pytest.mark.parametrize(("columns", "whole"), [(200, 32), (120, 19), (80, 12)])
def test_the_rooms_use_the_width_that_there_is(columns: int, whole: int, program: Stage) -> None:
    name = "x" * whole

    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert f"1 {name}" in app.screen_text()

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
