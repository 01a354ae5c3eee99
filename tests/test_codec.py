"""What a newer server says, and what no server of ours says."""

import json
from typing import Any

from chat_server.protocol.entries import Acted, Found, PageShown, Recalled, Said
from chat_server.protocol.events import Answered, Event
from chat_server.protocol.stored_event import StoredEvent
from chat_tui.client.codec import EventReader, Received

SAID = {"is": "said", "room": "python", "seq": 1, "at": 1.0, "nick": "ann", "text": "hi"}
NEW = {"is": "poll", "room": "python", "seq": 2, "at": 2.0, "nick": "ann", "choices": ["a", "b\u001b"]}
ACTED = {"is": "acted", "room": "python", "seq": 3, "at": 3.0, "nick": "ann", "text": "waves\u001b[2J"}
SHOWN: Any = (
    Said("python", 1, 1.0, "ann", "hi"),
    StoredEvent("python", 2, 0.0, "", ""),
    Acted("python", 3, 3.0, "ann", "waves[2J"),
)


def events_of(*told: Any) -> list[Event]:
    reader = EventReader()
    return [received.event for value in told for received in reader.receive_data(json.dumps(value).encode() + b"\n")]


def test_an_entry_of_an_unknown_kind_is_its_number_wherever_it_comes() -> None:
    lines = [SAID, NEW, ACTED]
    page = {"is": "page", "room": "python", "lines": lines, "first": 1, "last": 3, "zone": "\u001b"}
    recalled = {"is": "recalled", "room": "python", "lines": lines, "missed": None, "last": 3, "zone": ""}
    found = {"is": "found", "words": "x", "rooms": [["python", lines]], "has_more": False, "unsearched": 0, "zone": ""}
    assert events_of(NEW, page, recalled, found) == [
        StoredEvent("python", 2, 0.0, "", ""),
        PageShown("python", SHOWN, 1, 3, ""),
        Recalled("python", SHOWN, None, 3, ""),
        Found("x", (("python", (SHOWN[0], SHOWN[2])),), has_more=False, unsearched=0, zone=""),
    ]


def test_an_entry_of_a_known_kind_with_a_field_of_another_type_does_not_drop_the_page() -> None:
    odd = SAID | {"text": {"rich": "hi"}}
    (page,) = events_of({"is": "page", "room": "python", "lines": [odd], "first": 1, "last": 1, "zone": ""})
    assert isinstance(page, PageShown)
    assert [*page.lines] == [StoredEvent("python", 1, 0.0, "", "")]


def test_what_is_unknown_and_no_entry_is_passed_over() -> None:
    without_number = {"is": "typing", "room": "python", "nick": "ann"}
    about_an_entry = {"is": "read", "room": "python", "seq": 7}
    bad_numbers = [NEW | {"seq": seq} for seq in (0, -1, 2**60, "2", 2.5, None)]
    assert events_of(without_number, about_an_entry, *bad_numbers, [], "x", 1, None, {"is": ["said"]}) == []


def test_what_is_unknown_and_says_itself_what_it_is_is_that_text_cleaned_and_cut() -> None:
    rolled = {"is": "rolled", "shown": 3, "text": "You have\u001b[2J thrown\u202e\n3.", "ref": 7}
    long, odd = {"is": "rolled", "text": "x" * 100_000}, {"is": "rolled", "text": ["x"]}
    reader = EventReader()
    (received,) = reader.receive_data(json.dumps(rolled).encode() + b"\n")
    assert received == Received(Answered(text="You have[2J thrown\n3."), 7)
    assert events_of(long, odd) == [Answered(text="x" * 4096)]
    assert events_of({"is": "poll", "room": "python", "seq": 2, "at": 2.0, "nick": "ann", "text": "which?"}) == [
        SHOWN[1]
    ]


def test_unknown_fields_are_passed_over() -> None:
    assert events_of(SAID | {"colour": "red", "author": 7}) == [SHOWN[0]]


def test_lines_that_are_no_json_are_counted() -> None:
    reader = EventReader()
    assert reader.receive_data(b"* Hello.\r\n* /login NICK\r\n\r\n" + json.dumps(SAID).encode() + b"\n{}\n")
    assert reader.texts == 2


def test_a_number_that_the_server_cannot_show_is_filled() -> None:
    page = {"is": "page", "room": "python", "first": 1, "last": 9, "zone": "", "lines": [SAID, ACTED]}
    assert events_of(page | {"hidden": [2, 0, -5, 2**60]}) == [PageShown("python", SHOWN, 1, 9, "")]
    (only,) = events_of(page | {"lines": [], "hidden": [4, 5]})
    assert isinstance(only, PageShown)
    assert [line.seq for line in only.lines] == [4, 5]
