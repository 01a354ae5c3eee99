"""When a room counts as read, and when one is called, with a story instead of a network."""

from textual.events import AppBlur, AppFocus

from chat_tui.settings import NotifyTable, Settings
from on_screen import page
from stories import Pilot, StoryApp, beginning, play, said, settle


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
