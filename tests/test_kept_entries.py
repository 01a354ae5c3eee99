"""A room's entries are the same whether they are packed or not, whoever reads or changes them, and take little room."""

import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

import test_state
import test_visits
from chat_server.protocol.amending import Edited, Reacted, Reaction, Redacted
from chat_server.protocol.entries import KINDS, Entry, Said
from chat_tui.client import kept_entries
from chat_tui.client.kept_entries import BLOCK, OPEN_MAX, KeptEntries
from chat_tui.client.moments import Moment
from chat_tui.client.room_links import links_in
from chat_tui.client.timeline import Timeline
from chat_tui.client.timeline_entries import BlockedLines, StatusMessage, TimelineEntry, place
from chat_tui.client.visits import Visits

MANY = (OPEN_MAX + 4) * 2 * BLOCK
"""So many entries that most are packed."""


@contextmanager
def small_blocks() -> Iterator[None]:
    """Have nearly all entries packed, however few there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept_entries, "BLOCK", 2)
        patch.setattr(kept_entries, "OPEN_MAX", 1)
        yield


def lines(first: int, end: int) -> list[Entry]:
    return [Said("python", seq, seq * 60.0, "bob", f"line {seq}") for seq in range(first, end)]


def numbers(entries: Iterable[TimelineEntry]) -> list[int]:
    return [one.seq for one in entries if not isinstance(one, StatusMessage | BlockedLines)]


def test_the_entries_that_have_not_been_looked_at_lately_are_packed() -> None:
    kept = KeptEntries()
    for line in lines(1, MANY + 1):
        kept.extend([line])
    assert [kept[index] for index in range(0, MANY, 50)] == lines(1, MANY + 1)[::50]
    opened = [block.is_open for block in kept._blocks]
    assert opened[-1], "where the next one comes"
    assert opened.count(True) <= OPEN_MAX + 1


def test_what_comes_behind_a_packed_block_is_packed_with_it() -> None:
    kept = KeptEntries()
    kept.extend(lines(1, MANY + 1))
    kept.replace(BLOCK, MANY, [])
    assert not kept._blocks[-1].is_open
    kept.extend(lines(BLOCK + 1, BLOCK + 3))
    kept.extend(lines(BLOCK + 3, MANY + 1))
    assert not kept._blocks[0].is_open
    assert list(kept) == lines(1, MANY + 1)


def test_no_block_is_larger_than_it_may_be_nor_smaller_but_for_the_last() -> None:
    kept = KeptEntries()
    for first in range(1, 10 * BLOCK, 100):
        kept.extend(lines(first, first + 100))
    kept.replace(BLOCK, BLOCK + 3, lines(BLOCK + 1, BLOCK + 4))
    counts = [block.count for block in kept._blocks]
    assert sum(counts) == len(kept)
    assert all(BLOCK <= one <= 2 * BLOCK for one in counts[:-1])
    assert 0 < counts[-1] <= 2 * BLOCK
    exact = KeptEntries()
    exact.extend(lines(1, BLOCK + 1))
    exact.extend(lines(BLOCK + 1, 2 * BLOCK + 1))
    assert [block.count for block in exact._blocks] == [2 * BLOCK], "as many as may be packed together are"
    whole = KeptEntries()
    whole.extend(lines(1, 2 * BLOCK + 1))
    assert [block.count for block in whole._blocks] == [2 * BLOCK]
    whole.extend(lines(2 * BLOCK + 1, 2 * BLOCK + 2))
    assert [block.count for block in whole._blocks] == [BLOCK, BLOCK + 1]


def test_there_is_nothing_before_the_first_or_behind_the_last_and_nothing_at_all_where_all_were_taken_away() -> None:
    kept = KeptEntries()
    kept.extend(lines(1, 4))
    assert numbers((kept[0], kept[2], kept[-1], kept[-3])) == [1, 3, 3, 1]
    for index in (3, 4, -4, -5):
        with pytest.raises(IndexError):
            kept[index]
    kept.clear()
    assert (len(kept), [*kept], [*reversed(kept)], kept[:]) == (0, [], [], [])
    for index in (0, -1):
        with pytest.raises(IndexError):
            kept[index]
    kept.extend(lines(7, 9))
    assert numbers(kept) == [7, 8]
    assert (numbers((kept[0], kept[1])), len(kept)) == ([7, 8], 2)


def test_what_is_forgotten_is_not_kept_open() -> None:
    kept = KeptEntries()
    kept.extend(lines(1, 10 * BLOCK))
    gone = {*kept._open}
    assert gone
    kept.clear()
    kept.extend(lines(1, 10))
    assert gone.isdisjoint(kept._open)


def test_the_last_block_where_the_next_comes_is_not_packed_and_an_open_one_keeps_its_place() -> None:
    kept = KeptEntries()
    kept.extend(lines(1, MANY + 1))
    for number in range(OPEN_MAX + 1):
        assert numbers((kept[number * BLOCK],)) == [number * BLOCK + 1]
    assert kept._blocks[-1].is_open
    assert not kept._blocks[0].is_open
    before = [*kept._open]
    assert numbers((kept[OPEN_MAX * BLOCK], kept[OPEN_MAX * BLOCK - BLOCK])) == [
        OPEN_MAX * BLOCK + 1,
        OPEN_MAX * BLOCK - BLOCK + 1,
    ]
    assert kept._open == before


def test_who_changes_an_entry_often_has_nothing_else_packed_for_it() -> None:
    kept = KeptEntries()
    kept.extend(lines(1, MANY + 1))
    shown = kept[0]
    for _ in range(3 * OPEN_MAX):
        kept.replace(BLOCK + 1, BLOCK + 2, [kept[BLOCK + 1]])
    assert kept[0] is shown


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Number": st.integers(0, 2**53 - 1),
    "text": st.text(st.characters(exclude_categories=["Cs"])),
    "time": st.floats(0, 2**40),
}
REACTIONS = st.lists(
    st.builds(Reaction, VALUES["text"], st.lists(VALUES["text"], max_size=3).map(tuple)), max_size=3
).map(tuple)


def of_kind(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Entries of a kind, with whatever it can have; what is of no plain type stays as it is where nothing is said of it."""
    strategies: dict[str, st.SearchStrategy[Any]] = {}
    for field in fields(kind):
        kind_of = getattr(field.type, "__origin__", field.type)
        if kind_of in (str, int, float, bool):
            by_type = {str: VALUES["text"], int: VALUES["Number"], float: VALUES["time"], bool: st.booleans()}
            strategies[field.name] = by_type[kind_of]
        elif field.name == "reactions":
            strategies[field.name] = REACTIONS
        elif field.name == "of":
            strategies[field.name] = st.lists(st.tuples(VALUES["Number"], VALUES["Number"]), max_size=3).map(tuple)
    return st.builds(kind, **strategies)


VISITS = st.builds(
    lambda came, went: Visits().seen(came, 1, is_coming=True).seen(went, 0, is_coming=False).renamed("ann", "bob"),
    st.lists(st.sampled_from(["ann", "bob", "Carol"]), unique=True),
    st.lists(st.sampled_from(["ann", "bob", "Carol"]), unique=True),
)
STATUS = st.builds(
    StatusMessage,
    VALUES["Number"],
    VALUES["Number"],
    VALUES["time"],
    st.text(),
    st.booleans(),
    st.booleans(),
    st.none() | VISITS,
)
ANY_ENTRY = st.one_of(*map(of_kind, KINDS), STATUS, st.builds(BlockedLines, *[VALUES["Number"]] * 2, VALUES["time"]))


@given(st.lists(ANY_ENTRY, min_size=1, max_size=8))
def test_what_was_packed_comes_back_as_it_was(entries: list[TimelineEntry]) -> None:
    block = kept_entries._Block(list(entries))
    block.close()
    assert block.entries == entries
    assert list(map(type, block.entries)) == list(map(type, entries))
    block.open()
    assert block.entries == entries


@pytest.mark.parametrize(
    "odd",
    [
        StatusMessage(0, 1, 0.0, "cannot read /home/ann/\udcff.toml"),
        StatusMessage(0, 1, 0.0, "so many came", visits=Visits(more_came=2**64)),
    ],
)
def test_what_cannot_be_packed_is_kept_as_it_is(odd: StatusMessage) -> None:
    kept = KeptEntries()
    kept.extend([odd, *lines(1, MANY)])
    assert kept[0] == odd
    assert kept[MANY - 1].text == f"line {MANY - 1}"


STEPS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 6), st.integers(0, 7), st.booleans()), min_size=1, max_size=30
)


@given(STEPS)
def test_entries_are_those_of_a_plain_list_whatever_is_added_changed_and_taken_away(
    steps: list[tuple[int, int, int, bool]],
) -> None:
    with small_blocks():
        kept, model, number = KeptEntries(), list[TimelineEntry](), count(1)
        before, model_before = kept.as_now(), list(model)
        for at, taken, new, is_behind in steps:
            first = len(model) if is_behind else min(at, len(model))
            end = min(first + taken, len(model))
            entries = [StatusMessage(0, next(number), 0.0, "x") for _ in range(new)]
            if is_behind:
                kept.extend(entries)
            else:
                kept.replace(first, end, entries)
            model[first:end] = entries
            assert len(kept) == len(model)
            assert list(kept) == model
            assert list(reversed(kept)) == model[::-1]
            assert [kept[index] for index in range(len(model))] == model
            assert [kept[-index] for index in range(1, len(model) + 1)] == model[::-1]
            assert kept[at : at + taken] == model[at : at + taken]
            assert list(kept.since(min(at, len(model)))) == model[at:]
            pairs = enumerate(zip(model, model_before, strict=False))
            same = next((n for n, (a, b) in pairs if a != b), min(len(model), len(model_before)))
            assert kept.same_until(before) == same
            if at % 3 == 0:
                before, model_before = kept.as_now(), list(model)
        with pytest.raises(IndexError):
            kept[len(model)]


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 3)), unique=True), st.integers(0, 31), st.integers(0, 4))
def test_an_entry_is_found_by_where_it_stands(places: list[tuple[int, int]], after: int, order: int) -> None:
    with small_blocks():
        kept = KeptEntries()
        entries = [StatusMessage(*there, 0.0, "x") for there in sorted(places)]
        for entry in entries:
            kept.extend([entry])
        index = kept.index_of((after, order))
        assert all(place(entry) < (after, order) for entry in entries[:index])
        assert all(place(entry) >= (after, order) for entry in entries[index:])


BEHAVIOUR: list[Callable[[], object]] = [
    test_state.test_applying_events_to_stale_state_equals_fresh_state,
    test_state.test_lines_are_in_order_and_there_once_however_they_come,
    test_state.test_lines_stand_as_they_were_amended_last_in_whatever_order_pages_come,
    test_state.test_nothing_is_missing_up_to_the_position_and_the_next_is,
    test_visits.test_what_has_changed_is_always_said,
]


@pytest.mark.parametrize("behaviour", BEHAVIOUR)
def test_a_room_is_as_it_would_be_where_nearly_all_of_it_is_packed(behaviour: Callable[[], object]) -> None:
    with small_blocks():
        behaviour()


def long_room() -> Timeline:
    """A room most of whose lines are packed."""
    timeline = Timeline()
    timeline.add(lines(1, MANY + 1))
    timeline.take_changes()
    return timeline


def test_a_line_that_is_packed_is_edited_reacted_to_and_deleted_where_it_stands() -> None:
    timeline = long_room()
    timeline.amend(Edited("python", MANY + 1, 0.0, "bob", "other words", of=5))
    timeline.amend(Reacted("python", MANY + 2, 0.0, "ann", "🎉", of=300, whom="bob"))
    timeline.amend(Redacted("python", MANY + 3, 0.0, "bob", "", of=((601, 602), (900, 900))))
    edited, reacted = timeline.line(5), timeline.line(300)
    assert isinstance(edited, Said)
    assert isinstance(reacted, Said)
    assert (edited.text, edited.edited) == ("other words", MANY + 1)
    assert [(one.sign, one.nicks) for one in reacted.reactions] == [("🎉", ("ann",))]
    amended = {5, 300, 601, 602, 900}
    kept = [line for line in timeline.lines() if line.seq not in amended]
    assert kept == [line for line in lines(1, MANY + 1) if line.seq not in amended]
    assert not any(isinstance(timeline.line(seq), Said) for seq in (601, 602, 900))
    changes = timeline.take_changes()
    assert changes is not None
    assert changes.since == 4


def test_what_is_packed_is_found_by_number_by_time_and_by_its_links() -> None:
    timeline = Timeline()
    many = lines(1, MANY + 1)
    many[6] = replace(many[6], text="see https://example.org/a")
    timeline.add(many)
    assert [link.url for link in links_in(timeline)] == ["https://example.org/a"]
    assert timeline.line(7) == many[6]
    assert Moment("python", 420.0).first_of(timeline.lines()) == many[6]
    assert timeline.said_after(MANY - 2) == many[-2:]
    assert timeline.newest_of("bob", MANY - 900) == MANY - 900


def test_older_pages_come_before_what_is_packed_and_fill_its_holes() -> None:
    timeline = Timeline()
    timeline.add(lines(2001, 2001 + MANY))
    for first in range(1501, 0, -100):
        timeline.add(lines(first, first + 100))
    assert timeline.hole_before(timeline.index_of(2001), 1) == range(1601, 2001)
    timeline.add(lines(1601, 2001))
    assert list(timeline.lines()) == lines(1, 2001 + MANY)


def test_a_hundred_thousand_lines_take_less_than_seven_megabytes() -> None:
    number = 20_000
    tracemalloc.start()
    try:
        timeline = Timeline()
        before, _ = tracemalloc.get_traced_memory()
        for seq in range(1, number + 1):
            text = f"line {seq} of what somebody said, about {seq % 977} things"
            timeline.add([Said("python", seq, 1.78e9 + seq / 7, f"talker-{seq % 12}", text)])
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / number < 70, "335 bytes where each was a value of its own"
