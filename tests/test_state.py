from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chat_server.protocol import entries, events
from chat_server.protocol.amending import Deleted, Edited, Reacted, Redacted
from chat_server.protocol.amendments import all_after
from chat_server.protocol.entries import KINDS, Amending, Entry, LineBlocked, PageShown, Said, TopicSet
from chat_server.protocol.events import Event
from chat_server.protocol.moderation_events import CasesWait, LineHeld
from chat_server.protocol.people_events import MentionsWaiting, OnlineListed, PersonAway
from chat_server.protocol.requests import NUMBER_MAX
from chat_server.protocol.room_events import RoomDeleted, RoomRenamed
from chat_server.protocol.setting_events import SettingShown
from chat_server.protocol.stored_event import StoredEvent
from chat_tui.client.answers import words_for
from chat_tui.client.notifications import names
from chat_tui.client.pending import Pending
from chat_tui.client.same_room import kept_of
from chat_tui.client.state import RoomState, State
from chat_tui.client.timeline import Timeline
from chat_tui.client.timeline_entries import StatusMessage, TimelineEntry, place
from chat_tui.ui.people_list import people_groups, people_items

NICKS = st.sampled_from(["ann", "bob", "Carol"])
TEXTS = st.sampled_from(["hello", "hi ann!", "annabel", "你好", "two\nlines"])


@st.composite
def histories(draw: st.DrawFn) -> list[Entry]:
    """A room's lines."""
    kinds: list[tuple[type[Entry], str, str]] = draw(
        st.lists(st.tuples(st.sampled_from(KINDS), NICKS, TEXTS), max_size=40)
    )
    return [kind("python", seq, seq * 60.0, nick, text) for seq, (kind, nick, text) in enumerate(kinds, 1)]


def entered(topic: str, last: int) -> events.Entered:
    return events.Entered("python", ("bob",), 0, topic, last)


def topic_at(lines: list[Entry], last: int) -> str:
    return next((line.text for line in reversed(lines[:last]) if isinstance(line, TopicSet)), "")


def logged_in() -> State:
    state = State()
    state.apply(events.LoggedIn("ann"))
    return state


def known(state: State) -> tuple[object, ...]:
    room = state.room("python")
    return (
        list(room.timeline.lines()),
        room.topic,
        room.last,
        room.unread,
        set(room.mentions),
        set(room.people.items()),
    )


@given(histories(), st.data())
def test_applying_events_to_stale_state_equals_fresh_state(lines: list[Entry], data: st.DataObject) -> None:
    fresh, stale = logged_in(), logged_in()
    for state in (fresh, stale):
        state.apply(entered("", 0))
    for line in lines:
        fresh.apply(line)
    lost_at = data.draw(st.integers(0, len(lines)))
    back_at = data.draw(st.integers(lost_at, len(lines)))
    for line in lines[:lost_at]:
        stale.apply(line)
    stale.apply(entered(topic_at(lines, back_at), back_at))
    pages: list[Event] = []
    start = lost_at
    while start < back_at:
        end = data.draw(st.integers(start + 1, back_at))
        pages.append(entries.PageShown("python", tuple(lines[start:end]), 1, back_at, ""))
        start = end
    rest: list[Event] = list(lines[back_at:])
    while pages or rest:  # they may come in between each other
        source = pages if pages and (not rest or data.draw(st.booleans())) else rest
        stale.apply(source.pop(0))
    assert known(stale) == known(fresh)


def test_nothing_is_forgotten_where_a_line_is_said_before_the_page_comes_that_says_that_nothing_was_missed() -> None:
    state = logged_in()
    state.apply(entered("", 2))
    state.apply(page(1, 2, 2))
    state.apply(entered("", 2))
    state.apply(Said("python", 3, 0.0, "bob", "3"))
    state.apply(entries.PageShown("python", (), 1, 2, ""))
    assert [line.seq for line in state.room("python").timeline.lines()] == [1, 2, 3]


def test_what_another_node_has_told_is_not_forgotten_where_a_node_knows_less_but_nothing_is_missing_there() -> None:
    state = logged_in()
    state.apply(entered("", 0))
    state.apply(page(1, 2, 2))
    state.apply(Said("python", 5, 0.0, "bob", "5"))
    state.apply(entered("", 4))
    state.apply(page(3, 4, 4))
    assert [line.seq for line in state.room("python").timeline.lines()] == [1, 2, 3, 4, 5]


@given(histories(), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=10))
def test_lines_are_in_order_and_there_once_however_they_come(lines: list[Entry], cuts: list[tuple[int, int]]) -> None:
    timeline = Timeline()
    shown: list[TimelineEntry] = []
    for start, end in cuts:
        timeline.add(lines[start:end])
        timeline.tell("x", 0)
        changes = timeline.take_changes()
        assert changes
        kept = shown[: changes.since - changes.prepended] if changes.since >= changes.prepended else []
        shown = timeline.entries[: changes.prepended] + kept + timeline.entries[changes.prepended + len(kept) :]
        assert shown == list(timeline.entries), "what is said not to have changed has not"
    numbers = [line.seq for line in timeline.lines()]
    wanted = {line.seq for start, end in cuts for line in lines[start:end] if not isinstance(line, Amending)}
    assert numbers == sorted(wanted)
    assert list(timeline.entries) == sorted(timeline.entries, key=place)


@st.composite
def talks(draw: st.DrawFn) -> list[Entry]:
    """Lines, replies, edits and reactions, as they are told."""
    told: list[Entry] = []
    for seq in range(1, draw(st.integers(0, 25)) + 1):
        said_before = [line for line in told if isinstance(line, Said)]
        nick, what = draw(NICKS), draw(st.sampled_from(["say", "reply", "edit", "react", "take back"]))
        if what == "say" or not said_before:
            told.append(Said("python", seq, seq * 60.0, nick, draw(TEXTS)))
            continue
        line = draw(st.sampled_from(said_before))
        if what == "reply":
            told.append(Said("python", seq, seq * 60.0, nick, draw(TEXTS), re=line.seq))
        elif what == "edit":
            told.append(Edited("python", seq, seq * 60.0, line.nick, "other words", of=line.seq))
        else:
            sign, is_back = draw(st.sampled_from("👍🎉")), what == "take back"
            told.append(Reacted("python", seq, seq * 60.0, nick, sign, of=line.seq, is_back=is_back, whom=line.nick))
    return told


def as_they_stand(told: list[Entry]) -> list[Entry]:
    """What a server has of these in its pages."""
    lines: list[Entry] = []
    for entry in told:
        lines = [*(all_after(lines, entry) if isinstance(entry, Edited | Reacted) else lines), entry]
    return lines


@given(talks(), st.data())
def test_lines_stand_as_they_were_amended_last_in_whatever_order_pages_come(
    told: list[Entry], data: st.DataObject
) -> None:
    fresh, stale = logged_in(), logged_in()
    for state in (fresh, stale):
        state.apply(entered("", 0))
    for entry in told:
        fresh.apply(entry)
    lost_at = data.draw(st.integers(0, len(told)))
    for entry in told[:lost_at]:
        stale.apply(entry)
    stale.apply(entered("", len(told)))
    stored, pages, start = as_they_stand(told), list[Event](), lost_at
    while start < len(told):
        end = data.draw(st.integers(start + 1, len(told)))
        pages.append(entries.PageShown("python", tuple(stored[start:end]), 1, len(told), ""))
        start = end
    for event in data.draw(st.permutations(pages)):
        stale.apply(event)
    assert {line.seq: reactions(line) for line in stale.room("python").timeline.lines()} == {
        line.seq: reactions(line) for line in fresh.room("python").timeline.lines()
    }
    assert known(stale)[2:4] == known(fresh)[2:4]
    unedited = {entry.seq for entry in told} - {entry.of for entry in told if isinstance(entry, Edited)}
    assert stale.room("python").mentions & unedited == fresh.room("python").mentions & unedited


def reactions(line: object) -> tuple[str, list[tuple[str, tuple[str, ...]]]]:
    assert isinstance(line, Said)
    return line.text, [(one.sign, one.nicks) for one in line.reactions]


def page(first: int, last: int, newest: int, *, oldest: int = 1) -> entries.PageShown:
    lines = tuple(Said("python", seq, 0.0, "bob", str(seq)) for seq in range(first, last + 1))
    return entries.PageShown("python", lines, oldest, newest, "")


def test_one_goes_on_from_the_last_number_below_which_nothing_is_missing() -> None:
    state = State()
    state.apply(entered("", 3000))
    assert state.positions() == {"python": 3000}
    state.apply(page(1, 50, 3000))
    state.apply(Said("python", 3001, 0.0, "bob", "while the past comes"))
    assert state.positions() == {"python": 50}
    assert state.room("python").has_hole
    state.apply(page(51, 3000, 3001))
    assert state.positions() == {"python": 3001}
    assert not state.room("python").has_hole


def test_what_was_read_far_back_is_no_hole() -> None:
    state = State()
    state.apply(entered("", 3000))
    state.apply(page(90, 110, 3000), "typed")
    state.apply(Said("python", 3001, 0.0, "bob", "now"))
    assert state.positions() == {"python": 3001}


def test_what_the_server_no_longer_keeps_is_no_hole() -> None:
    state, room = in_room("1", "2")
    state.apply(entered("", 90))
    state.apply(page(80, 90, 90, oldest=80))
    assert (state.positions(), room.has_hole) == ({"python": 90}, False)


def test_an_entry_of_an_unknown_kind_fills_its_number_and_is_not_shown() -> None:
    state, room = in_room("1")
    assert state.apply(StoredEvent("python", 2, 0.0, "", "")) == []
    assert state.apply(Said("python", 3, 0.0, "bob", "3")) != []
    assert state.positions() == {"python": 3}
    assert [line.seq for line in room.timeline.lines()] == [1, 3]
    assert not room.timeline.hole_before(1, 1)
    assert (room.unread, room.last) == (2, 3), "nobody reads it"
    unknown: Any = StoredEvent("python", 10, 0.0, "", "")
    gap = entries.PageShown("python", (unknown, *page(11, 11, 11).lines), 1, 11, "")
    state.apply(gap, "typed")
    assert room.timeline.hole_before(2, 1) == range(4, 10), "what is asked for next comes before it"


@given(st.data())
def test_nothing_is_missing_up_to_the_position_and_the_next_is(data: st.DataObject) -> None:
    """Arbitrary pages of a resumed past, live lines, and pages that one reads beside."""
    state = State()
    state.apply(entered("", 40))
    known, since = set[int](), 40
    newest = 40
    for _ in range(data.draw(st.integers(0, 12))):
        match data.draw(st.sampled_from(["live", "lost", "resumed", "read"])):
            case "live":
                newest += 1
                state.apply(Said("python", newest, 0.0, "bob", ""))
                known.add(newest)
            case "lost":
                newest += 1
            case how:
                first = data.draw(st.integers(1, newest))
                last = data.draw(st.integers(first, newest))
                state.apply(page(first, last, newest), None if how == "resumed" else "typed")
                known |= set(range(first, last + 1))
                since = min(since, first - 1) if how == "resumed" else since
    position = state.positions()["python"]
    assert set(range(since + 1, position + 1)) <= known
    assert position + 1 not in known


def in_room(*texts: str) -> tuple[State, RoomState]:
    state = logged_in()
    state.apply(entered("", 0))
    for seq, text in enumerate(texts, 1):
        state.apply(Said("python", seq, 0.0, "bob", text))
    return state, state.room("python")


def test_unread_counts_what_others_said_since_one_read() -> None:
    state, room = in_room("a", "hi ANN", "c")
    assert (room.unread, room.mentions) == (3, {2})
    state.apply(Said("python", 4, 0.0, "ann", "mine"))
    assert room.unread == 3, "one's own lines are not unread"
    room.mark_read(2)
    assert (room.unread, room.mentions) == (1, set())
    room.mark_read(4)
    assert room.unread == 0
    room.mark_read(1)
    assert room.unread == 0, "what has been read stays read"


def test_who_enters_for_the_first_time_has_nothing_unread_and_who_comes_back_has() -> None:
    state = logged_in()
    state.apply(events.Entered("python", (), 0, "", 500))
    room = state.room("python")
    assert room.unread == 0
    other = logged_in()
    other.room("python").read = 490
    other.apply(events.Entered("python", (), 0, "", 500))
    assert other.room("python").unread == 10


@pytest.mark.parametrize(
    ("text", "is_named"), [("ann: hi", True), ("hi @Ann", True), ("annabel", False), ("", False), ("你好ann吗", True)]
)
def test_a_name_is_a_whole_word(text: str, is_named: bool) -> None:
    assert names("ann", text) is is_named


def test_a_line_is_pending_until_it_is_stored_or_fails() -> None:
    state, room = in_room()
    state.typed(Pending("k1", "python", "say", "one", 0.0))
    state.typed(Pending("k2", "python", "say", "two", 0.0))
    state.apply(events.Stored("python", 1, "k1"))
    assert [pending.key for pending in room.pending] == ["k2"]
    state.apply(events.NotStored("python", 1, "k2"))
    assert room.pending[0].why
    state.apply(events.Stored("python", 2, "k2"))
    assert not room.pending
    state.typed(Pending("k3", "python", "say", "three", 0.0))
    state.apply(events.Refused("not-in-room", {}, "python", "You are not in python."), "k3")
    assert room.pending[0].why == "You are not in python."


def test_a_line_that_waits_for_a_moderator_is_pending_no_more_and_its_author_is_told() -> None:
    state, room = in_room()
    state.typed(Pending("k1", "python", "say", "one", 0.0))
    state.apply(LineHeld("python", 7, "k1"))
    assert not room.pending
    told = words_for(LineHeld("python", 7, "k1"), was_typed=False)
    assert told == "Your line waits for a moderator of python (number 7). Nobody else has seen it."
    assert words_for(CasesWait(1, 0, 2), was_typed=False).startswith("Waiting for moderators: reports 1,")


def test_people_come_go_and_change_their_names() -> None:
    state, room = in_room()
    state.apply(events.Joined("python", ("carol", "dave"), 3))
    assert room.lacks_people
    state.apply(events.Left("python", ("bob",)))
    state.apply(events.Renamed("carol", "Karl", "python"))
    assert list(room.people.values()) == ["ann", "Karl", "dave"]
    state.apply(OnlineListed("python", ("eve",)))
    assert (list(room.people.values()), room.lacks_people) == (["ann", "eve"], False)
    state.apply(events.Renamed("ann", "anna"))
    assert state.nick == "anna"
    told = [entry.text for entry in room.timeline.entries if isinstance(entry, StatusMessage)]
    assert told == ["→ dave, Karl (was carol) and 3 more joined  ·  ← bob left"]


def test_a_room_that_is_not_the_one_it_was_is_begun_anew() -> None:
    state, room = in_room("a", "b")
    state.apply(events.Entered("python", (), 0, "", 0))
    assert not list(room.timeline.lines())
    assert room.last == 0
    state.apply(Said("python", 1, 0.0, "bob", "new"))
    assert [line.text for line in room.timeline.lines()] == ["new"]


def test_answers_are_put_in_words_in_the_language_that_the_server_speaks() -> None:
    state = State()
    answer = events.TimingAwaited()
    state.apply(SettingShown("language", "zh"))
    assert words_for(answer, was_typed=True, language=state.language) == "将测量您下一条消息的延迟。"
    state.apply(events.Welcomed("chat-server", "0.1.0", 1, {}, ()))
    assert words_for(answer, was_typed=True, language=state.language) == "Your next line will be timed."


def test_a_room_that_is_renamed_keeps_its_lines_what_is_unread_and_what_waits() -> None:
    state = logged_in()
    state.apply(entered("", 0))
    state.typed(Pending("k", "python", "say", "waits", 0.0))
    state.apply(Said("python", 1, 60.0, "bob", "hello ann"))
    room = state.room("python")
    for event in (
        RoomRenamed("Python", "snakes"),
        events.WentBack("python"),
        events.Entered("snakes", ("bob",), 0, "", 1),
    ):
        state.apply(event)
    assert [*state.rooms] == ["snakes"]
    assert state.room("snakes") is room
    assert (room.name, room.is_joined, room.unread, room.mentions, room.position) == ("snakes", True, 1, {1}, 1)
    assert [line.text for line in room.timeline.lines() if isinstance(line, Said)] == ["hello ann"]
    assert [pending.room for pending in room.pending] == ["snakes"]
    state.apply(Said("snakes", 2, 61.0, "bob", "more"))
    assert (room.last, room.has_hole) == (2, False)


def test_a_room_that_is_deleted_is_none_that_one_is_in() -> None:
    state = logged_in()
    state.apply(entered("", 0))
    for event in (RoomDeleted("python"), events.WentBack("python")):
        state.apply(event)
    assert not state.rooms
    assert words_for(RoomDeleted("python"), was_typed=False) == "python has been deleted."


def test_lines_of_people_who_are_blocked_are_one_row_and_nothing_is_missing_there() -> None:
    state = State()
    state.apply(events.LoggedIn("ann"))
    state.apply(events.Entered("python", (), 0, last=0))
    room = state.room("python")
    said = [Said("python", 1, 1.0, "bob", "one"), Said("python", 5, 5.0, "bob", "five")]
    blocked = [LineBlocked("python", seq, float(seq)) for seq in (2, 3, 4)]
    assert state.apply(said[0]) == [said[0]]
    for line in blocked:
        assert state.apply(line) == []
    assert state.apply(said[1]) == [said[1]]
    assert [(line.seq, line.text) for line in room.timeline.lines()] == [
        (1, "one"),
        (2, "#2 to #4 (blocked)"),
        (5, "five"),
    ]
    assert (room.position, room.has_hole, room.unread) == (5, False, 2)
    page = PageShown("python", (said[0], *blocked, said[1]), 1, 5, "")
    before = list(room.timeline.lines())
    assert state.apply(page) == []
    assert list(room.timeline.lines()) == before


def test_another_room_of_the_same_name_has_nothing_of_the_one_that_was_known() -> None:
    state = State()
    state.apply(replace(entered("", 90), id="aa"))
    state.apply(page(80, 90, 90, oldest=80))
    state.apply(events.WentBack("python"))
    state.apply(replace(entered("", 90), id="aa"))
    state.apply(page(85, 90, 90, oldest=80))
    assert state.ids() == {"python": "aa"}
    room = state.room("python")
    state.apply(replace(entered("", 95), id="bb"))
    assert ([*room.timeline.lines()], room.read, state.positions(), state.ids()) == (
        *([], 95),
        *({"python": 95}, {"python": "bb"}),
    )
    assert kept_of(replace(entered("", 95), id="bb"), {"python": 90}, {"python": "aa"}) is None
    assert kept_of(replace(entered("", 95), id="aa"), {"python": 90}, {"python": "aa"}) == 90
    assert kept_of(entered("", 95), {"python": 90}, {"python": "aa"}) == 90, "a server that knows no ids"


def test_the_list_of_people_says_why_somebody_is_away_as_far_as_it_has_a_place_and_under_whatever_name() -> None:
    state = State()
    state.apply(events.LoggedIn("ann"))
    reasons = {"bob": "lunch", "cat": "till Monday, then back", "dan": "out", "a-rather-long-name": "lunch"}
    away = (*reasons, "eve")
    state.apply(events.Entered("python", away, 0, away=away, reasons=reasons, roles={"dan": "owner"}))

    def shown() -> dict[str, str]:
        return {item.key: str(item.end) for item in people_groups(state.room("python"), "ann", (), 20) if item.key}

    assert shown() == {
        "dan": "away owner",
        "ann": "you",
        "a-rather-long-name": "",
        "bob": "lunch",
        "cat": "till Monday, …",
        "eve": "",
    }
    state.apply(events.Renamed("bob", "robert", "python"))
    assert shown()["robert"] == "lunch"


def test_who_is_away_is_known_until_they_say_something() -> None:
    state = State()
    state.apply(events.LoggedIn("ann"))
    state.apply(events.Entered("python", ("Bob", "cat", "dan"), 0, away=("Bob",), reasons={"Bob": "till Monday"}))
    room = state.room("python")
    assert room.away == {"bob": "till Monday"}
    state.apply(PersonAway("cat", "lunch", "python"))
    state.apply(PersonAway("dan", "", "nowhere"))
    state.apply(PersonAway("dan", ""))
    assert room.away == {"bob": "till Monday", "cat": "lunch"}
    changes = room.people_changes
    state.apply(Said("python", 1, 1.0, "bob", "back"))
    assert (room.away, room.people_changes) == ({"cat": "lunch"}, changes + 1)
    shown = {item.key: f"{item.content} {item.end}".strip() for item in people_items(room, "ann", (), 40)}
    assert shown == {"ann": "ann you", "Bob": "Bob", "cat": "cat away", "dan": "dan"}
    state.apply(OnlineListed("python", ("bob", "cat"), away=("bob",)))
    assert room.away == {"bob": ""}
    told = words_for(MentionsWaiting((("python", 3, 7), ("pm", 1, 2))), was_typed=False)
    assert told == "While you were away: 3 mentions in python (#7 …), 1 mention in pm (#2). /mentions shows them."
    lines = (Said("python", 7, 0.0, "bob", "ann?"), LineBlocked("python", 8, 60.0))
    shown_lines = words_for(entries.MentionsShown((("python", lines),), 0, "UTC"), was_typed=True).splitlines()
    assert shown_lines[0] == "In python:"
    assert shown_lines[2:4] == ["#7 00:00 bob: ann?", "#8 00:01 (blocked)"]


def test_a_server_that_deletes_more_lines_than_there_are_is_taken_at_its_word_for_those_that_there_are() -> None:
    state, room = in_room("1", "2")
    state.apply(Redacted("python", 3, 0.0, "carol", "", of=((2, NUMBER_MAX),)))
    assert [type(line) for line in room.timeline.lines()] == [Said, Deleted]
    assert (room.timeline.deleter(1), room.timeline.deleter(2)) == ("", "carol")
