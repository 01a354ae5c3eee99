"""Who is writing, and what was read, in chat-tui: at the foot of the screen, and behind one's line; and what the server is told of the user."""

from collections.abc import Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from chat_server.protocol import events
from chat_server.protocol.entries import Said
from chat_server.protocol.events import Event
from chat_server.protocol.people_events import HasRead, Writing
from chat_server.protocol.setting_events import SettingShown
from chat_tui.client.activity import GOOD_SECONDS, SAY_SECONDS, UNSEEN_SECONDS, Activity
from chat_tui.client.answers import words_for
from chat_tui.client.state import State
from chat_tui.settings import Settings
from stories import NOON, Pilot, StoryApp, beginning, play, settle

ON = (SettingShown("typing", "on", is_new=False), SettingShown("receipts", "on", is_new=False))


def told(*more: Event) -> State:
    state = State()
    for event in (events.LoggedIn("ann"), *ON, events.Entered("python", ("bob", "carol"), 0), *more):
        state.apply(event, now=NOON)
    return state


@pytest.mark.parametrize(
    ("nicks", "words"),
    [
        ((), ""),
        (("bob",), "bob is writing"),
        (("bob", "carol"), "bob and carol are writing"),
        (("bob", "carol", "dave"), "3 people are writing"),
    ],
)
def test_who_is_writing_is_said_in_a_few_words(nicks: tuple[str, ...], words: str) -> None:
    assert told(Writing("python", nicks)).room("python").activity.in_words(NOON) == words


def test_it_ends_with_what_somebody_says_and_where_nothing_more_is_told() -> None:
    state = told(Writing("python", ("bob", "carol")))
    activity = state.room("python").activity
    assert activity.in_words(NOON + GOOD_SECONDS) == ""
    state.apply(Said("python", 1, NOON, "bob", "done"), now=NOON)
    assert activity.in_words(NOON) == "carol is writing"


def test_of_a_room_that_is_not_known_nothing_is_kept() -> None:
    state = told(Writing("elsewhere", ("bob",)), HasRead("@bob", 7))
    assert [*state.rooms] == ["python"]


def test_line_by_line_nothing_of_it_is_written() -> None:
    for event in (Writing("python", ("bob",)), HasRead("@bob", 1), ON[0]):
        assert words_for(event, was_typed=False) == ""
    assert "sees when you are writing" in words_for(replace(ON[0], is_new=True), was_typed=True)


class Told:
    """What the server is told."""

    def __init__(self, *more: Event) -> None:
        self.now = 100.0
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.state = told(*more)
        self.activity = Activity(self.state, self._request, lambda: self.now)
        self.activity.typed(self.state.room("python"), "")

    def _request(self, do: str, **fields: Any) -> bool:
        self.asked.append((do, fields))
        return True

    def type(self, *texts: str, room: str = "python", gap: float = 0.1) -> None:
        for text in texts:
            self.now += gap
            self.activity.typed(self.state.room(room), text)

    def take(self) -> list[tuple[str, dict[str, Any]]]:
        asked, self.asked = self.asked, []
        return asked


def test_the_server_is_told_now_and_then_while_one_writes_and_once_when_all_is_taken_away() -> None:
    program = Told()
    program.type("h", "he", "hel")
    assert program.take() == [("writing", {"room": "python"})]
    program.type("hell", gap=SAY_SECONDS)
    assert program.take() == [("writing", {"room": "python"})]
    program.type("", " ")
    assert program.take() == [("writing", {"room": "python", "on": False})]


def test_what_is_sent_is_told_by_nothing_more() -> None:
    program = Told()
    program.type("hello")
    program.take()
    program.activity.sent()
    program.type("")
    assert program.take() == []
    program.type("a")
    assert program.take() == [("writing", {"room": "python"})]


def test_commands_are_not_told_nor_what_one_finds_in_the_prompt() -> None:
    program = Told(Said("@bob", 1, NOON, "bob", "psst"))
    program.type("/", "/msg", "/msg bob psst")
    program.type("a draft", room="@bob")
    assert program.take() == []
    program.type("a draft.", room="@bob")
    program.type("//tmp")
    program.type("//tmp is full")
    assert program.take() == [("writing", {"room": "@bob"}), ("writing", {"room": "python"})]


def test_nothing_is_told_of_who_has_not_chosen_it_or_is_refused_it() -> None:
    program = Told(SettingShown("typing", "off"))
    program.type("a", "ab")
    assert program.take() == []
    program = Told()
    assert program.activity.refused(events.Refused("typing-off"))
    program.type("a", "ab")
    assert program.take() == []
    program = Told()
    program.activity.refused(events.Refused("typing-unseen", room="python"))
    program.type("a", "ab")
    assert program.take() == []
    program.type("abc", gap=UNSEEN_SECONDS)
    assert program.take() == [("writing", {"room": "python"})]
    assert not program.activity.refused(events.Refused("muted-here"))


def test_who_logs_in_again_has_chosen_what_the_server_says() -> None:
    state = told(events.LoggedIn("ann"))
    assert state.chosen == {}


def test_what_was_read_is_told_once_and_only_of_conversations() -> None:
    program = Told(Said("@bob", 1, NOON, "bob", "psst"), Said("python", 1, NOON, "bob", "hi"))
    for room in ("@bob", "@bob", "python"):
        program.activity.read(program.state.room(room))
    assert program.take() == [("has-read", {"room": "@bob", "seq": 1})]
    program.state.chosen.pop("receipts")
    program.state.apply(Said("@bob", 2, NOON, "bob", "psst"))
    program.activity.read(program.state.room("@bob"))
    assert program.take() == []


def test_the_newest_line_that_was_read_is_marked_and_no_other() -> None:
    lines = [Said("@bob", seq, NOON, nick, "x") for seq, nick in enumerate(("ann", "bob", "ann", "ann"), 1)]
    state = told(*lines)
    activity = state.room("@bob").activity
    for seq, marked in ((0, 0), (2, 1), (3, 3), (1, 3), (9, 4)):
        state.apply(HasRead("@bob", seq))
        assert activity.read_line == marked


# On the screen.


def story() -> Iterable[Event]:
    return (
        *beginning("python"),
        *ON,
        Said("@bob", 1, NOON, "bob", "psst"),
        Said("@bob", 2, NOON, "ann", "what is it?"),
    )


def test_who_writes_stands_at_the_foot_until_they_have_said_it() -> None:
    app = StoryApp(story())

    async def act(pilot: Pilot) -> None:
        app.tell(Writing("python", ("bob",)))
        await settle(pilot)
        assert "bob is writing" in app.screen_text().splitlines()[-1]
        app.now += GOOD_SECONDS
        app.tick()
        await settle(pilot)
        assert "writing" not in app.screen_text()

    play(app, act)


def test_one_s_own_writing_is_told_to_the_server_as_one_types() -> None:
    app = StoryApp(story())

    async def act(pilot: Pilot) -> None:
        await pilot.press("h", "e", "y")
        await settle(pilot)
        assert [fields["room"] for do, fields in app.connection.asked if do == "writing"] == ["python"]
        await pilot.press("enter")
        await settle(pilot)
        assert [do for do, _ in app.connection.asked].count("writing") == 1

    play(app, act)


@pytest.mark.parametrize("settings", [Settings(slow_link=True), Settings(signs=False)])
def test_on_a_slow_line_and_where_it_is_not_wanted_nothing_is_told_or_shown(settings: Settings) -> None:
    app = StoryApp(story(), settings=settings)

    async def act(pilot: Pilot) -> None:
        app.tell(Writing("python", ("bob",)))
        await pilot.press("h", "e", "y")
        await settle(pilot)
        assert "is writing" not in app.screen_text()
        assert [do for do, _ in app.connection.asked].count("writing") == 0

    play(app, act)


def test_what_the_other_has_read_is_marked_and_what_one_reads_is_told() -> None:
    app = StoryApp(story())

    async def act(pilot: Pilot) -> None:
        await pilot.press("alt+2")
        await settle(pilot)
        assert "what is it?  read" not in app.screen_text()
        app.tell(HasRead("@bob", 2))
        await settle(pilot)
        assert "what is it?  read" in app.screen_text()
        app.tell(Said("@bob", 3, NOON + 60, "bob", "nothing"))
        await settle(pilot)
        app.watch_reading()
        app.now += 2
        app.watch_reading()
        assert app.connection.last("has-read")["seq"] == 3

    play(app, act)


def test_the_palette_turns_it_on_and_off() -> None:
    app = StoryApp(story())

    async def act(pilot: Pilot) -> None:
        found = {command.title: command for command in app.get_system_commands(app.screen)}
        del pilot
        assert found["Show who is writing, and when you are: turn it off"].help == "/typing off"

    play(app, act)
