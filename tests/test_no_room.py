"""Where one is in no room yet, or cannot enter one: others are offered, and nobody is taken anywhere late; with a story instead of a network."""

import pytest
from textual.geometry import Region

from account_forms import everything
from chat_server.protocol import events
from chat_tui.client.pending import Pending
from chat_tui.client.timeline_entries import StatusMessage
from on_screen import page, program
from stories import Pilot, Stage, StoryApp, beginning, play, said, settle, welcome

__all__ = ["program"]


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


@pytest.mark.parametrize("rows", range(5, 16))
def test_the_room_that_enter_joins_is_seen_however_few_rows_there_are(rows: int) -> None:
    app = StoryApp([welcome(), events.LoggedIn("ann", "t" * 22), THREE])

    async def act(pilot: Pilot) -> None:
        await settle(pilot)
        for name in ("python", "pm", "write"):
            shown = next((row for row in app.screen_text().split("\n") if "▌" in row), "none")
            assert name in shown, app.screen_text()
            await pilot.press("down")
            await settle(pilot)

    play(app, act, size=(40, rows))


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


def test_a_room_that_cannot_be_entered_at_the_start_is_waited_for_no_more() -> None:
    app = StoryApp([welcome(), events.LoggedIn("ann", "t" * 22), events.RoomsListed((("python", 3),))])
    why = "There is no room gone. /rooms lists the rooms."

    async def act(pilot: Pilot) -> None:
        app.client.state.room("gone")
        app.tell(events.RoomsListed((("python", 3),)))
        await settle(pilot)
        assert "Entering gone" in app.screen_text()
        app.room_refused("gone", events.Refused("no-such-room", {"room": "gone"}, "", why))
        await settle(pilot)
        assert why in app.screen_text()
        assert app.toasts() == [], "it is said once, and stays"
        assert "Alt+1   python" in app.screen_text()
        assert "Entering" not in app.screen_text()
        assert "1 gone" not in app.screen_text()
        app.tell(*beginning("python")[2:])
        await settle(pilot)
        assert why not in app.screen_text()

    play(app, act)


def test_a_room_where_lines_wait_stays_though_it_cannot_be_entered() -> None:
    app = StoryApp([welcome(), events.LoggedIn("ann", "t" * 22)])

    async def act(pilot: Pilot) -> None:
        app.client.state.typed(Pending("k", "gone", "say", "hello", 1.0))
        app.room_refused("gone", events.Refused("no-such-room", {"room": "gone"}, "", "There is no room gone."))
        await settle(pilot)
        assert app.client.state.known("gone") is not None

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


def test_in_no_room_the_middle_says_what_to_do_and_a_key_does_it() -> None:
    app = StoryApp([welcome(), events.LoggedIn("ann", "t" * 22)])
    app.client.saved.rooms = ["gone"]

    async def act(pilot: Pilot) -> None:
        assert "There is no room yet. /create NAME opens one." in app.screen_text()
        app.tell(events.RoomsListed((("python", 3), ("write", 0), ("pm", 5))))
        await settle(pilot)
        for wanted in (
            "Welcome, ann.",
            "You are in no room yet.",
            "▌ Alt+1   pm       5 people",
            "  Alt+2   python   3 people",
            "Ctrl+K",
        ):
            assert wanted in app.screen_text()
        await pilot.press("down", "down", "down", "down", "up", "enter")
        assert app.connection.last("join")["room"] == "python", "Enter enters what Up and Down have chosen"
        await settle(pilot)
        assert "▌ Alt+2   python" in app.screen_text()
        await pilot.press("x", "up", "down", "enter")
        assert [do for do, _ in app.connection.asked].count("join") == 1, "while one writes they are keys of the prompt"
        await pilot.press("alt+2")
        assert app.connection.last("join")["room"] == "python"
        app.tell(events.Entered("python", (), 0, "", 0), *said("hello"))
        await settle(pilot)
        assert "Welcome" not in app.screen_text()
        assert "hello" in app.screen_text()
        app.tell(events.WentBack("python"))
        await settle(pilot)
        assert "You are in no room yet." in app.screen_text()

    play(app, act)


def test_the_room_that_enter_joins_is_seen_on_a_small_screen_too(program: Stage) -> None:
    async def act(app: StoryApp, pilot: Pilot) -> None:
        assert "▌ Alt+1" in app.screen_text()
        await pilot.press(*["down"] * 6)
        await settle(pilot)
        assert "▌ Alt+7" in app.screen_text()
        assert "Alt+1 " not in app.screen_text()

    rooms = tuple((f"room-{number}", 20 - number) for number in range(1, 10))
    program.play(act, [welcome(), events.LoggedIn("ann", "t" * 22), events.RoomsListed(rooms)], size=(40, 15))


def test_lines_are_drawn_at_once_in_as_many_columns_as_there_are() -> None:
    app = StoryApp([welcome(), events.LoggedIn("ann", "t" * 22)])

    async def act(pilot: Pilot) -> None:
        words, chat = "nothing of this fits in four columns", app.main.panes.chat
        app.tell(events.Entered("python", (), 0, "", 0), *said(words))
        app.main.navigation.show(app.client.state.rooms["python"])
        assert not chat.columns_drawn
        chat._inside = 80, 20  # it is laid out, and drawn before it is told
        chat.render_lines(Region(0, 0, 80, 20))
        chat._inside = 80, 20
        assert any(words in chat.render_line(row).text for row in range(20))
        chat._inside = None
        await settle(pilot)
        assert words in app.screen_text()

    play(app, act)


def test_an_answer_that_is_too_long_to_be_told_shortly_is_read_whole_and_goes_on_where_it_is_read() -> None:
    app = StoryApp([everything(), events.LoggedIn("ann", "t" * 22), THREE])

    async def act(pilot: Pilot) -> None:
        await settle(pilot)
        app.prompt.insert("/export")
        await pilot.press("enter")
        app.answer("export", events.Answered(text="\n".join(f"line {number} of many" for number in range(60))))
        app.answer("export", events.Answered(text="That is everything."))
        await settle(pilot)
        assert "line 0 of many" in app.screen_text()
        assert not app.toasts()
        await pilot.press("end")
        await settle(pilot)
        assert "line 59 of many" in app.screen_text()
        assert "That is everything." in app.screen_text()
        await pilot.press("escape")
        await settle(pilot)
        app.answer("export", events.Answered(text="And this."))
        await settle(pilot)
        assert app.toasts() == ["And this."]
        assert app.screen is app.main

    play(app, act)
