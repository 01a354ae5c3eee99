"""Conversations in chat-tui: a group of their own among the rooms, in which one is without entering."""

from typing import Any

import pytest

from chat_server.protocol import events
from chat_server.protocol.conversation_events import ConversationsListed, Conversing, RequestAccepted, RequestCame
from chat_server.protocol.entries import PageShown, Said
from chat_server.protocol.room_events import RoomRenamed
from chat_tui.client.answers import words_for
from chat_tui.client.conversing import Requests
from chat_tui.client.notifications import how_told
from chat_tui.client.state import State
from chat_tui.settings import NotifyTable
from chat_tui.ui.labels import presence
from chat_tui.ui.room_list import HEADING, room_items
from stories import NOON, Pilot, StoryApp, beginning, play, settle, story
from test_rights_on_screen import WELCOME

LISTED = ConversationsListed(
    (Conversing("@bob", 7, 2), Conversing("@Carol", 3), Conversing("@mallory", 4, 4, is_request=True))
)


def logged_in() -> State:
    state = State()
    state.apply(events.LoggedIn("ann"))
    return state


def test_what_is_written_begins_a_conversation_that_is_unread() -> None:
    state = logged_in()
    state.apply(Said("@bob", 5, NOON, "bob", "psst"))
    room = state.rooms["@bob"]
    assert (room.is_joined, room.unread, room.has_hole, room.position) == (True, 1, False, 5)
    state.apply(Said("@bob", 6, NOON, "ann", "yes?"))
    assert room.unread == 1


def test_those_that_the_server_lists_are_known_with_what_is_unread_and_requests_are_not() -> None:
    state = logged_in()
    state.apply(LISTED)
    assert [(room.name, room.unread, room.has_hole) for room in state.rooms.values()] == [
        ("@bob", 2, True),
        ("@Carol", 0, False),
    ]
    state.apply(PageShown("@bob", (Said("@bob", 6, NOON, "bob", "a"), Said("@bob", 7, NOON, "bob", "b")), 1, 7, ""))
    assert not state.rooms["@bob"].has_hole
    assert state.positions() == {"@bob": 7}
    state.apply(LISTED)
    assert state.rooms["@bob"].unread == 2


def test_another_name_is_the_same_conversation() -> None:
    state = logged_in()
    state.apply(Said("@bob", 5, NOON, "bob", "psst"))
    state.apply(RoomRenamed("@bob", "@robert"))
    state.apply(Said("@robert", 6, NOON, "robert", "me again"))
    assert [(room.name, room.unread) for room in state.rooms.values()] == [("@robert", 2)]


def test_requests_are_told_once_and_what_waits_not_at_all() -> None:
    requests = Requests()
    told = [words_for(requests.new(LISTED), was_typed=False) for _ in range(2)]
    assert told == ["mallory wants to write to you. /accept mallory shows what, and so does writing to mallory.", ""]
    assert "mallory wants" in words_for(RequestCame("@mallory", "mallory"), was_typed=False)


@pytest.mark.parametrize(("direct", "nick", "told"), [(True, "bob", True), (True, "ann", False), (False, "bob", False)])
def test_what_is_written_to_the_user_notifies_as_a_mention_does(direct: bool, nick: str, told: bool) -> None:
    rules = NotifyTable(direct=direct)
    assert how_told(Said("@bob", 1, NOON, nick, "psst"), "ann", rules) is told


def test_conversations_stand_below_the_rooms_under_a_heading() -> None:
    state = logged_in()
    state.apply(Said("@bob", 1, NOON, "bob", "psst"))
    state.apply(events.Entered("python", (), 0))
    state.apply(events.RoomsListed((("python", 1), ("pm", 0))))
    items = room_items(state, ())
    assert [item.content.plain for item in items] == [
        *("Rooms", "1 python", ""),
        *("People", "2 ○ bob", ""),
        *("Not joined", "  pm"),
    ]
    assert all(item.key == HEADING for item in items if item.content.plain in {"", "Rooms", "People", "Not joined"})
    assert items[4].end.plain == " 1 "


def test_over_a_conversation_it_says_whether_the_other_is_here_and_why_they_are_away() -> None:
    state = logged_in()
    state.apply(Said("@bob", 5, NOON, "bob", "psst"))
    assert presence([state], state.rooms["@bob"]) == ""
    for why, told in (({"bob": "lunch"}, "away: lunch"), ({}, "away")):
        state.apply(events.Entered("python", ("bob",), 0, away=("bob",), reasons=why))
        assert presence([state], state.rooms["@bob"]) == told
    state.apply(Said("python", 1, NOON, "bob", "back"))
    assert presence([state], state.rooms["@bob"]) == "here"


def test_who_accepts_somebody_is_taken_to_what_was_written_and_who_writes_to_somebody_stays() -> None:
    app = StoryApp([WELCOME, *beginning()[1:]])

    async def act(pilot: Pilot) -> None:
        app.tell(
            RequestAccepted("@Carol", "Carol"), Said("@Carol", 1, NOON, "Carol", "hey")
        )  # one has just written to Carol
        await settle(pilot)
        assert app.current is not None
        assert app.current.name == "python"
        app.prompt.put("/accept bob")
        await pilot.press("enter")
        await settle(pilot)
        app.answer("accept", RequestAccepted("@bob", "bob"))
        app.tell(Said("@bob", 1, NOON, "bob", "psst"))
        await settle(pilot)
        assert app.current.name == "@bob"
        assert "psst" in app.screen_text()

    play(app, act)


async def written(pilot: Pilot) -> None:
    app: Any = pilot.app
    app.tell(LISTED)
    app.tell(
        PageShown(
            "@bob", (Said("@bob", 6, NOON, "Bob", "are you there?"), Said("@bob", 7, NOON, "Bob", "hm")), 1, 7, ""
        )
    )
    app.tell(Said("@bob", 8, NOON + 60, "ann", "yes, just back"))
    app.tell(Said("@Carol", 4, NOON + 90, "Carol", "lunch?"))
    await settle(pilot)
    await pilot.press("alt+4")
    await settle(pilot)


@pytest.mark.parametrize(("theme", "size"), [("chat-dark", (80, 24)), ("chat-light", (120, 30))])
def test_a_conversation(snap_compare: Any, theme: str, size: tuple[int, int]) -> None:
    assert snap_compare(story(theme), terminal_size=size, run_before=written)
