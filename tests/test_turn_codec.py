"""Movements and changes are read as they were written."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.journal.happened import (
    AccountChanged,
    CameElsewhere,
    Change,
    ChoicesMade,
    ConversationChanged,
    DevicesRevoked,
    GuestBlocked,
    LinesRewritten,
    PutOut,
    RegisteredPerson,
    RenamedPerson,
    RoomDeleted,
    RoomMade,
    RoomRenamed,
    ServerActed,
)
from chat_server.journal.nodes import Called, Came, Placed, Went
from chat_server.journal.turn_codec import decode_change, decode_movements, encode_change, encode_movements

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NUMBERS = st.integers(0, 2**53 - 1)
MOVEMENTS = st.one_of(
    st.builds(Came, TEXTS, NUMBERS, TEXTS, NUMBERS, TEXTS, st.booleans()),
    st.builds(Went, TEXTS, NUMBERS, st.booleans()),
    st.builds(Called, TEXTS, TEXTS),
)

CHANGES: dict[type, st.SearchStrategy[Change]] = {
    RoomMade: st.builds(RoomMade, NUMBERS, TEXTS),
    RoomRenamed: st.builds(RoomRenamed, NUMBERS, TEXTS, TEXTS),
    RoomDeleted: st.builds(RoomDeleted, NUMBERS, TEXTS),
    ConversationChanged: st.builds(ConversationChanged, NUMBERS, TEXTS, st.tuples(TEXTS, TEXTS)),
    CameElsewhere: st.builds(CameElsewhere, NUMBERS, TEXTS, NUMBERS, NUMBERS),
    RenamedPerson: st.builds(RenamedPerson, NUMBERS, TEXTS, TEXTS, NUMBERS),
    RegisteredPerson: st.builds(RegisteredPerson, NUMBERS, TEXTS, NUMBERS),
    AccountChanged: st.builds(AccountChanged, NUMBERS, NUMBERS),
    ChoicesMade: st.builds(
        ChoicesMade,
        NUMBERS,
        NUMBERS,
        st.dictionaries(TEXTS, st.dictionaries(TEXTS, TEXTS | NUMBERS | st.booleans() | st.none())),
    ),
    ServerActed: st.builds(ServerActed, NUMBERS, NUMBERS),
    DevicesRevoked: st.builds(
        DevicesRevoked, NUMBERS, NUMBERS, st.none() | st.lists(NUMBERS, max_size=5).map(tuple), TEXTS
    ),
    GuestBlocked: st.builds(GuestBlocked, NUMBERS, TEXTS, TEXTS, TEXTS, st.booleans()),
    PutOut: st.builds(PutOut, NUMBERS, TEXTS, TEXTS),
    LinesRewritten: st.builds(LinesRewritten, NUMBERS, st.lists(TEXTS, max_size=5).map(tuple)),
}


@given(st.lists(st.builds(Placed, st.integers(0, 1024), MOVEMENTS), max_size=20))
def test_movements_are_read_as_they_were_written(movements: list[Placed]) -> None:
    assert decode_movements(encode_movements(movements)) == movements


def test_every_kind_of_change_is_tried() -> None:
    assert set(CHANGES) == set(get_args(Change))


@given(st.one_of([*CHANGES.values()]))
def test_a_change_is_read_as_it_was_written(change: Change) -> None:
    assert decode_change(encode_change(change)) == change


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[[0,{"type":"flown"}]]', '[["0",{"type":"went"}]]', "[" * 10000])
def test_what_is_no_list_of_movements_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="no list of movements"):
        decode_movements(text)


@pytest.mark.parametrize("text", ['{"type":"painted","node":1,"room":"python"}', '{"type":"room-made"}'])
def test_a_change_of_a_later_release_is_none(text: str) -> None:
    assert decode_change(text) is None
