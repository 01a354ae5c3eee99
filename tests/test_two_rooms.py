"""Two rooms beside one another in a wide window, driven by keys and the mouse."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from textual.events import AppBlur, MouseScrollUp

from chat_server.protocol import events
from chat_server.protocol.entries import Said, TopicSet
from chat_server.protocol.events import Event
from chat_tui.client.local_store import LocalStore
from chat_tui.settings import Profile, Settings
from chat_tui.ui.chat_view import ChatView
from chat_tui.ui.server import Wanted
from chat_tui.ui.sides import WIDE
from on_screen import rows
from stories import NOON, Pilot, StoryApp, beginning, play, said, settle
from test_rights_on_screen import WELCOME

MANY = [f"line {number}" for number in range(1, 101)]
STORY: list[Event] = [
    WELCOME,
    *beginning("python", "pm", "write")[1:],
    TopicSet("python", 1, NOON, "bob", "All things Python"),
    *said("hello", "who is there?", first=2),
    *said(*MANY, room="pm", nick="Carol"),
]
Act = Callable[[StoryApp, Pilot], Coroutine[Any, Any, None]]


def act_in(act: Act, story: list[Event] = STORY, size: tuple[int, int] = (160, 40), **more: Any) -> None:
    app = StoryApp(story, **more)

    async def begin(pilot: Pilot) -> None:
        await act(app, pilot)

    play(app, begin, size=size)


async def press(pilot: Pilot, *keys: str) -> None:
    await pilot.press(*keys)
    await settle(pilot)


async def enter(app: StoryApp, pilot: Pilot, text: str) -> None:
    app.prompt.put(text)
    await press(pilot, "enter")


def sides(app: StoryApp) -> list[str]:
    """The rooms on the screen, from left to right; that where one writes with a mark."""
    shown = app.main.panes.sides
    return [
        ("> " if side is shown.here else "") + (side.view.room.name if side.view.room else "-") for side in shown.shown
    ]


def other(app: StoryApp) -> ChatView:
    beside = app.main.panes.sides.beside
    assert beside is not None
    return beside.view


async def read(app: StoryApp) -> None:
    for _ in range(2):
        app.watch_reading()
        app.now += 1.1
    app.watch_reading()


def test_a_key_shows_a_second_room_and_closes_it() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+v")
        assert sides(app) == ["> python", "pm"], "the one with something new"
        assert "▌python   All things Python" in rows(app)[0]
        assert rows(app)[0].index("python") < rows(app)[0].index("pm")
        assert "who is there?" in app.screen_text()
        assert "line 100" in app.screen_text()
        await press(pilot, "alt+v")
        assert sides(app) == ["> python"]
        assert "line 100" not in app.screen_text()
        assert "▌python   All" not in rows(app)[0]

    act_in(act)


def test_a_conversation_is_shown_by_the_name_of_the_other_one() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await enter(app, pilot, "/split bob")
        assert sides(app) == ["> python", "@bob"]

    act_in(act, [*STORY, Said("@bob", 1, NOON, "bob", "psst")])


def test_the_lines_stand_still_where_one_goes_to_a_room_that_needs_narrower_panes() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        people, rooms = app.main.panes.people, app.main.panes.rooms
        usual = people.outer_size.width
        app.tell(events.Joined("python", ("a_guest_with_quite_a_long_name",)))
        await settle(pilot)
        wide = people.outer_size.width
        assert usual < wide
        before = rooms.outer_size.width, app.chat.region
        await press(pilot, "ctrl+n")
        await settle(pilot)
        assert (rooms.outer_size.width, app.chat.region) == before
        await pilot.resize_terminal(159, 40)
        await settle(pilot)
        assert people.outer_size.width < wide, "another window is measured anew"

    act_in(act)


def test_a_command_says_which_room_it_is() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await enter(app, pilot, "/split write")
        assert sides(app) == ["> python", "write"]
        await enter(app, pilot, "/split pm")
        assert sides(app) == ["> python", "pm"]
        await enter(app, pilot, "/split python")
        assert "python is here already." in app.toasts()
        await enter(app, pilot, "/split nowhere")
        assert "You are not in nowhere. /join nowhere enters it." in app.toasts()
        assert sides(app) == ["> python", "pm"]
        await enter(app, pilot, "/split")
        assert sides(app) == ["> python"]

    act_in(act)


def test_who_has_no_other_room_or_no_place_is_told_so() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+c")
        assert "No room stands beside this one; Alt+V or /split shows one." in app.toasts()
        await press(pilot, "alt+v")
        assert "You are in no other room to show beside this one. /join NAME enters one, or Ctrl+K." in app.toasts()
        await pilot.resize_terminal(WIDE - 1, 40)
        await press(pilot, "alt+v")
        assert any(str(WIDE - 1) in toast for toast in app.toasts())
        assert sides(app) == ["> python"]

    act_in(act, beginning())


def test_there_is_place_for_two_rooms_in_half_of_a_usual_screen() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+v")
        assert len(sides(app)) == 2
        assert all(view.size.width >= 44 for view in app.main.panes.sides.views()), "names stand beside texts"

    act_in(act, size=(120, 40))


def test_one_writes_on_the_side_that_the_prompt_names_and_drafts_stay_with_their_rooms() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+v")
        assert "Writing to python" in app.screen_text()
        app.prompt.put("begun")
        await press(pilot, "alt+c")
        assert sides(app) == ["python", "> pm"]
        assert "Writing to pm" in app.screen_text()
        assert app.prompt.text == ""
        await enter(app, pilot, "hello pm")
        assert [(line.room, line.text) for line in app.connection.said] == [("pm", "hello pm")]
        await press(pilot, "alt+c")
        assert app.prompt.text == "begun"
        await press(pilot, "enter")
        assert (app.connection.said[-1].room, app.connection.said[-1].text) == ("python", "begun")

    act_in(act)


def test_what_is_begun_on_the_other_side_is_marked_over_it_and_in_the_list() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+v")
        app.prompt.put("begun")
        app.main.keep_draft()
        app.main.paint()
        await settle(pilot)
        assert not any("draft" in row for row in rows(app)), "one sees it: it stands in the prompt"
        await press(pilot, "alt+c")
        marked = [row for row in rows(app) if "draft" in row]
        assert len(marked) == 2
        over, listed = marked
        middle = over.index("pm")
        assert over.index("python") < over.index("draft") < middle, over
        assert over[: over.index("draft")].count("All things Python") == 1
        assert listed.startswith(" 1 python"), listed
        await press(pilot, "alt+c")
        assert not any("draft" in row for row in rows(app))

    act_in(act)


def test_all_rooms_are_read_on_both_sides() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+v")
        assert sum(" new ─" in row or " new  ─" in row for row in rows(app)) == 2
        await enter(app, pilot, "/read all")
        assert not any(" new " in row for row in rows(app) if "─" in row), app.screen_text()

    act_in(act, STORY[: -len(MANY)] + said("one", "two", room="pm", nick="Carol"))


@pytest.mark.parametrize("height", [40, 25])
def test_the_prompt_names_the_room_also_where_it_has_no_border_and_over_what_is_begun(height: int) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+v", "x")
        assert "Writing to python" in app.screen_text()

    act_in(act, size=(160, height))


def test_each_side_has_its_own_place_in_the_lines() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+v", "alt+c", "pageup", "pageup")
        top = app.chat.first_seen
        assert "line 100" not in app.screen_text()
        assert "↓ newest line   Esc" in app.screen_text()
        await press(pilot, "alt+c")
        assert other(app).first_seen == top
        app.tell(*said("newest", room="pm", first=101), *said("here", first=4))
        await settle(pilot)
        assert "newest" not in app.screen_text().replace("↓ newest line", "")
        assert "↓ 1 new below" in app.screen_text()
        assert "here" in app.screen_text(), "the other side follows"
        assert app.chat.follows
        await press(pilot, "alt+c")
        assert app.chat.first_seen == top
        await press(pilot, "escape")
        assert "newest" in app.screen_text()

    act_in(act)


def test_the_wheel_scrolls_the_side_that_it_is_over_and_a_click_goes_there() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+v")
        for _ in range(3):
            await pilot._post_mouse_events([MouseScrollUp], widget="#chat-beside", offset=(5, 5))
        await settle(pilot)
        assert not other(app).follows
        assert sides(app) == ["> python", "pm"]
        await pilot.click("#chat-beside", offset=(30, 8))
        await settle(pilot)
        assert sides(app) == ["python", "> pm"]
        assert app.chat.drawing.chosen is None, "the click only goes there"
        await pilot.click("#chat", offset=(30, 8))
        await settle(pilot)
        assert sides(app) == ["> python", "pm"]
        await pilot.click(app.main.query(".below").last(), offset=(3, 0))
        await settle(pilot)
        assert app.chat.follows
        assert sides(app) == ["python", "> pm"]

    act_in(act)


def test_what_is_seen_at_the_bottom_of_either_side_is_read_while_the_terminal_has_the_focus() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        python, pm = app.client.state.room("python"), app.client.state.room("pm")
        await press(pilot, "alt+v")
        await read(app)
        assert (python.unread, pm.unread) == (0, 0)
        await press(pilot, "alt+c", "pageup", "alt+c")
        app.tell(*said("ann: newest", room="pm", first=101))
        await settle(pilot)
        await read(app)
        assert (pm.unread, len(pm.mentions)) == (1, 1), "its bottom is not seen"
        await press(pilot, "alt+c", "escape", "alt+c")
        await read(app)
        assert pm.unread == 0
        app.post_message(AppBlur())
        await settle(pilot)
        app.tell(*said("later", room="pm", first=102), *said("later", first=4))
        await read(app)
        assert (python.unread, pm.unread) == (1, 1), "nobody looks"

    act_in(act)


def test_nobody_is_notified_of_what_stands_on_either_side() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        called: list[str] = []
        for server in app.servers:
            server.call_user = lambda *told: called.append(told[-1])  # type: ignore[method-assign]
        await press(pilot, "alt+v")
        app.tell(*said("ann: beside", room="pm", first=101))
        assert called == []
        app.tell(*said("ann: elsewhere", room="write", first=1))
        assert called == ["ann: elsewhere"]
        await press(pilot, "alt+v")
        app.tell(*said("ann: closed", room="pm", first=102))
        assert called[1:] == ["ann: closed"]

    act_in(act)


def test_in_a_narrow_window_only_one_side_is_seen_and_the_other_comes_back() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+v", "alt+c", "pageup")
        top = app.chat.first_seen
        await press(pilot, "alt+c")
        await pilot.resize_terminal(WIDE - 1, 40)
        await settle(pilot)
        assert sides(app) == ["> python"]
        assert "line 7" not in app.screen_text()
        app.tell(*said("newest", room="pm", first=101))
        await settle(pilot)
        await read(app)
        assert app.client.state.room("pm").unread == 101, "who does not see it has not read it"
        await press(pilot, "alt+c")
        assert sides(app) == ["> pm"]
        assert app.chat.first_seen == top
        await pilot.resize_terminal(160, 40)
        await settle(pilot)
        assert sides(app) == ["python", "> pm"]
        assert "who is there?" in app.screen_text()
        assert app.chat.first_seen == top

    act_in(act)


def test_keys_that_go_to_a_room_act_on_the_side_where_one_writes() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+v", "alt+3")
        assert sides(app) == ["> write", "pm"]
        await press(pilot, "alt+c", "ctrl+k", *"pytho", "enter")
        assert sides(app) == ["write", "> python"]
        await press(pilot, "alt+3")
        assert sides(app) == ["> write", "python"], "a room stands there once: one goes over"

    act_in(act)


def test_searching_and_choosing_are_of_the_side_where_one_writes() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+v", "alt+c", "ctrl+f", *"line", "space", *"40", "enter")
        assert "line 40" in app.screen_text()
        assert app.chat.drawing.hit == 40
        await press(pilot, "escape", "escape", "alt+up")
        assert app.chat.drawing.chosen == 100
        await press(pilot, "r")
        assert "Reply to Carol" in app.screen_text()
        await enter(app, pilot, "yes")
        assert (app.connection.said[-1].room, app.connection.said[-1].re) == ("pm", 100)
        await press(pilot, "alt+up", "alt+c")
        assert other(app).drawing.chosen is None
        await press(pilot, "r")
        assert app.prompt.text == "r", "no line is chosen on this side"

    act_in(act)


def test_older_lines_are_asked_for_on_the_other_side_too() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+v")
        before = len(app.connection.asked)
        other(app).go_to_top()
        await settle(pilot)
        asked = [fields["room"] for do, fields in app.connection.asked[before:] if do == "history"]
        assert asked == ["pm"]

    late = [Said("pm", number, NOON + number, "Carol", f"line {number}") for number in range(201, 301)]
    act_in(act, [*beginning("python", "pm"), *said("hello"), *late])


def test_a_room_that_one_leaves_does_not_stay_beside_the_other() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+v")
        app.tell(events.WentBack("pm"))
        await settle(pilot)
        assert sides(app) == ["> python"]
        await enter(app, pilot, "/split write")
        app.tell(events.WentBack("python"))
        await settle(pilot)
        assert sides(app) == ["> write"], "the last one is the one where one writes"
        await press(pilot, "alt+v")
        assert "You are in no other room to show beside this one. /join NAME enters one, or Ctrl+K." in app.toasts()

    act_in(act)


def two() -> StoryApp:
    work = Wanted(Profile("work.example.org", 5000, "ann"), lambda _, __: LocalStore(None), "work")
    return StoryApp([*beginning("python", "pm"), *said("hello")], name="home", more=[work])


def test_two_servers_stand_side_by_side() -> None:
    app = two()

    async def act(pilot: Pilot) -> None:
        app.tell_at("work", *beginning("python", "ops"), *said(*MANY, room="ops", nick="eve"))
        await settle(pilot)
        await enter(app, pilot, "/split ops")
        assert sides(app) == ["> python", "ops"]
        assert "ops work" in rows(app)[0]
        await press(pilot, "alt+c", "pageup")
        top = app.chat.first_seen
        assert sides(app) == ["python", "> ops"]
        await enter(app, pilot, "hello work")
        assert [line.text for line in app.connection_at("work").said] == ["hello work"]
        await press(pilot, "pageup")
        top = app.chat.first_seen
        await press(pilot, "alt+1")
        assert sides(app) == ["> python", "ops"]
        assert other(app).first_seen == top
        app.tell_at("work", *said("at work", room="ops", nick="eve", first=101))
        app.tell_at("home", *said("at home", first=2))
        await settle(pilot)
        assert "at home" in app.screen_text()
        await press(pilot, "alt+3")
        assert sides(app) == ["> python", "ops"], "the python of the other server, on the side where one writes"
        assert "hello" not in app.screen_text()
        await press(pilot, "alt+c", "escape")
        await read(app)
        assert app.at("work").client.state.room("ops").unread == 0
        await press(pilot, "alt+1")
        assert sides(app) == ["python", "> python"]
        await press(pilot, "alt+c")
        await enter(app, pilot, "/disconnect")
        assert sides(app) == ["> python"]
        assert "at home" in app.screen_text()

    play(app, act, size=(160, 40))


def test_on_a_slow_line_it_works_as_elsewhere() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        await press(pilot, "alt+v", "alt+c")
        assert sides(app) == ["python", "> pm"]
        assert "Writing to pm" in app.screen_text()

    act_in(act, settings=Settings(slow_link=True))


def test_nothing_of_a_second_side_is_made_before_it_is_wanted() -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert len(app.main.query(ChatView)) == 1
        await press(pilot, "alt+v")
        assert len(app.main.query(ChatView)) == 2

    act_in(act)


@pytest.mark.parametrize("theme", ["chat-dark", "chat-light", "ansi-dark"])
def test_the_screen_with_two_rooms(snap_compare: Any, theme: str) -> None:
    async def act(pilot: Pilot) -> None:
        app: Any = pilot.app
        await press(pilot, "alt+v")
        app.prompt.put("what about")
        await settle(pilot)

    app = StoryApp(STORY, settings=Settings(theme=theme))
    assert snap_compare(app, terminal_size=(200, 60), run_before=act)
