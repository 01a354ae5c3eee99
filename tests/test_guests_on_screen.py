"""chat-tui shows a mark behind the names of guests, as the server tells it: in lines, among who is here, and among who comes and goes."""

import json
from typing import Any

import pytest
from textual.color import Color
from textual.style import Style

from chat_server.protocol.entries import Acted, Entry, Noticed, Said, TopicSet
from chat_tui.client.codec import EventReader
from chat_tui.client.hues import usual
from chat_tui.client.in_order import line_in_words
from chat_tui.client.local_store import LocalStore
from chat_tui.client.outgoing_lines import OutgoingLines
from chat_tui.client.pending import Pending
from chat_tui.client.state import RoomState, State
from chat_tui.client.timeline_entries import StatusMessage
from chat_tui.ui import labels
from chat_tui.ui.people_list import people_items
from chat_tui.ui.rendering import is_grouped, rows_of
from chat_tui.ui.row import grid
from test_hostile_texts import looking


def told(*events: dict[str, Any]) -> tuple[State, RoomState]:
    """What is known after the server has said this."""
    state = State()
    entered = {"is": "entered", "room": "python", "nicks": ["bob", "eve"], "more": 0, "topic": "", "last": 0}
    login = {"is": "logged-in", "nick": "ann"}
    reader = EventReader()
    for event in (login, entered, *({"room": "python"} | event for event in events)):
        for received in reader.receive_data(json.dumps(event).encode() + b"\n"):
            state.apply(received.event, received.ref)
    return state, state.room("python")


def people(state: State, room: RoomState) -> list[str]:
    return [f"{item.content} {item.end}".strip() for item in people_items(room, state.nick, (), 40)]


def said(nick: str, seq: int, **fields: Any) -> dict[str, Any]:
    return {"is": "said", "seq": seq, "at": 0.0, "nick": nick, "text": "x"} | fields


def test_who_is_here_is_marked_as_the_server_last_told_it() -> None:
    assert people(*told()) == ["ann you", "bob", "eve"]
    online = {"is": "online-listed", "nicks": ["bob", "eve"], "guests": ["bob"]}
    assert people(*told(online)) == ["ann you", "bob?", "eve"]
    assert people(*told(online, {"is": "online-listed", "nicks": ["bob"]})) == ["ann you", "bob"]
    assert people(*told({"is": "joined", "nicks": ["kim"], "more": 0, "guests": ["kim"]}))[-1] == "kim?"
    assert people(*told(said("eve", 1, guest=True)))[-1] == "eve?"
    assert people(*told(said("ann", 1, guest=True)))[0] == "ann? you"
    as_guest = {"is": "entered", "nicks": ["bob"], "more": 0, "topic": "", "last": 0, "guest": True}
    assert people(*told(as_guest)) == ["ann? you", "bob"], "one's own mark is there from the first list on"
    assert people(*told(as_guest, {"is": "online-listed", "nicks": ["bob"]})) == ["ann? you", "bob"]
    assert people(*told(as_guest, {"is": "account-noted", "nicks": ["ann"]})) == ["ann you", "bob"]
    assert people(*told(online, said("bob", 1))) == ["ann you", "bob", "eve"], "who has registered is no guest"
    renamed = {"is": "renamed", "old": "bob", "new": "bert"}
    assert people(*told(online, renamed | {"guest": True})) == ["ann you", "bert?", "eve"]
    assert people(*told(online, renamed)) == ["ann you", "bert", "eve"]


def test_who_is_looked_for_by_a_few_letters_has_the_mark_and_is_chosen_by_the_bare_name() -> None:
    state, _ = told({"is": "online-listed", "nicks": ["bob", "bea"], "guests": ["bob"]})
    found = labels.people_found(state, "@b")
    assert {(item.key, item.content.plain) for item in found} == {("nick bob", "@ bob?"), ("nick bea", "@ bea")}


def test_the_people_are_drawn_again_when_somebody_is_a_guest_no_longer() -> None:
    before, after = told(said("eve", 1, guest=True))[1], told(said("eve", 1, guest=True), said("eve", 2))[1]
    assert after.people_changes == before.people_changes + 1


def test_a_hostile_server_names_no_guests_who_are_not_here() -> None:
    _, room = told(*(said(f"n{number}", number, guest=True) for number in range(1, 50)))
    assert room.guests == set()


def test_who_comes_goes_and_is_renamed_is_told_with_the_mark() -> None:
    _, room = told(
        {"is": "joined", "nicks": ["kim", "lee"], "more": 0, "guests": ["kim"]},
        {"is": "left", "nicks": ["bob"], "more": 0, "guests": ["bob"]},
        {"is": "renamed", "old": "kim", "new": "jim", "guest": True},
    )
    texts = [entry.text for entry in room.timeline.entries if isinstance(entry, StatusMessage)]
    assert texts == ["→ lee and jim? (was kim?) joined  ·  ← bob? left"]


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("kind", [Said, Acted, TopicSet, Noticed])
def test_a_line_of_a_guest_has_the_mark_behind_the_name_however_long_it_is(kind: type[Entry], width: int) -> None:
    for nick in ("bob", "b" * 32):
        for guest in (False, True):
            row = rows_of(kind("r", 1, 0.0, nick, "hello", guest=guest), None, looking(width))[1]
            whole = row.gutter.plain + row.text.plain
            assert whole.count("?") == guest
            assert row.gutter.cell_length == grid(width, "%H:%M").gutter
            if kind in (Said, Noticed) and nick == "bob":
                assert ("bob?" in whole) == guest


@pytest.mark.parametrize("width", [40, 60, 120])
@pytest.mark.parametrize("kind", [Said, Acted, TopicSet, Noticed])
def test_a_line_of_a_bot_has_its_mark_behind_the_name_however_long_it_is(kind: type[Entry], width: int) -> None:
    for nick in ("bob", "b" * 32):
        shown = rows_of(kind("r", 1, 0.0, nick, "hello", bot=True), None, looking(width))
        rows = [shown[number] for number in range(1, len(shown))]
        assert "".join(row.gutter.plain + row.text.plain for row in rows).count("[bot]") == 1
        assert rows[0].gutter.cell_length == grid(width, "%H:%M").gutter


def test_the_colour_is_that_of_the_bare_name() -> None:
    colours = tuple(Style(foreground=Color(number, 0, 0)) for number in range(97))
    for width in (40, 120):
        look = looking(width)._replace(nicks=colours)
        row = rows_of(Said("r", 1, 0.0, "bob", "x", guest=True), None, look)[1]
        styles = [span.style for span in (*row.gutter.spans, *row.text.spans)]
        assert colours[usual("bob", 97)] + Style(bold=True) in styles
        assert colours[usual("bob?", 97)] + Style(bold=True) not in styles


def test_lines_of_a_guest_and_of_whoever_has_the_name_as_an_account_are_not_taken_together() -> None:
    guest, holder = (Said("r", 1, 0.0, "bob", "x", guest=guest) for guest in (True, False))
    assert is_grouped(guest, guest, "ann")
    assert not is_grouped(holder, guest, "ann")
    assert not is_grouped(guest, holder, "ann")
    bot = Said("r", 1, 0.0, "bob", "x", bot=True)
    assert is_grouped(bot, bot, "ann")
    assert not is_grouped(bot, holder, "ann")
    mine = Said("r", 1, 0.0, "ann", "x", guest=True)
    assert is_grouped(Pending("k", "r", "say", "x", 0.0), mine, "ann")


def test_a_line_that_is_read_out_has_the_mark() -> None:
    assert line_in_words(Said("r", 4, 0.0, "bob", "hi", guest=True)) == "[r] 4 bob?: hi"
    assert line_in_words(Acted("r", 4, 0.0, "bob", "waves", guest=True)) == "[r] 4 ~ bob? waves"
    assert line_in_words(Said("r", 4, 0.0, "bob", "hi", bot=True)) == "[r] 4 bob[bot]: hi"
    assert line_in_words(Said("r", 4, 0.0, "bob", "hi")) == "[r] 4 bob: hi"


@pytest.mark.parametrize("guest", [True, False])
def test_a_line_of_ones_own_that_waits_has_the_mark_that_it_has_once_it_is_stored(guest: bool) -> None:
    entered = {"is": "entered", "nicks": ["bob"], "more": 0, "topic": "", "last": 0, "guest": guest}
    state, _ = told(entered)
    lines = OutgoingLines(LocalStore(None), state, lambda _: None, lambda: 0.0)
    waiting = rows_of(lines.pending("python", "say", "hello"), None, looking(80)._replace(me="ann"))[1]
    stored = rows_of(Said("python", 1, 0.0, "ann", "hello", guest=guest), None, looking(80)._replace(me="ann"))[1]
    assert waiting.gutter.plain == stored.gutter.plain
    assert ("ann?" in waiting.gutter.plain) == guest
