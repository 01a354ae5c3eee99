"""What it means that lines are deleted, edited or reacted to: whoever applies what they missed to what they read earlier has what is read now."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chat_server.journal.batch_codec import decode, encode
from chat_server.journal.erasing import rewritten
from chat_server.journal.kept_in_memory import Kept, KeptRoom
from chat_server.journal.showable import showable
from chat_server.protocol.acts import Banned, RuleSet
from chat_server.protocol.amending import Deleted, Edited, Reacted, Redacted
from chat_server.protocol.amendments import after, name_of
from chat_server.protocol.entries import Acted, Amending, Entry, Noticed, PageShown, Said, Spoken, TopicSet
from chat_server.protocol.redactions import can_be_deleted, has, in_words, ranges_of
from chat_server.wire.render.sentences import text_of
from chat_tui.client.state import State

ROOM = "python"
SAID = (Said, Acted, TopicSet, Noticed)

SIGNS = "\N{THUMBS UP SIGN}", "\N{ROCKET}"
ACCOUNTS = {"ann": 7, "bob": 8, "zoe": 0}

numbers = st.integers(1, 12)
acts = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from(SAID)),
        st.tuples(st.just("rule"), st.sampled_from(["slow 3", "links members"])),
        st.tuples(st.just("delete"), st.sets(numbers, min_size=1, max_size=8)),
        st.tuples(st.just("edit"), numbers),
        st.tuples(st.just("react"), st.tuples(st.sampled_from(["ann", "bob", "zoe"]), st.sampled_from(SIGNS), numbers)),
        st.tuples(st.just("page"), st.tuples(numbers, numbers)),
        st.tuples(st.just("hear"), st.none()),
    ),
    min_size=20,
    max_size=60,
)


class House:
    """A room, and a client of it that hears some of what happens, and reads some of it again."""

    def __init__(self) -> None:
        self.kept = Kept({ROOM: KeptRoom()})
        self.state = State()
        self.known: dict[int, Entry] = {}
        self.heard = 0

    @property
    def room(self) -> KeptRoom:
        return self.kept.rooms[ROOM]

    def fresh(self, first: int = 1, last: int = 999) -> list[Entry]:
        return [line.without_hidden for line in showable(self.room.lines) if first <= line.seq <= last]

    def store(self, line: Entry) -> None:
        self.kept.store(ROOM, [replace(line, at=1000.0 + self.room.last)], {})

    def shown(self, lines: list[Entry]) -> None:
        """The client takes in lines, in their order."""
        for line in lines:
            self.known[line.seq] = line
            if isinstance(line, Amending):
                self.known = {seq: after(known, line) for seq, known in self.known.items()}

    def hear(self) -> None:
        """The client is there, and is shown what it has not heard."""
        for line in self.fresh(self.heard + 1):
            self.shown([line])
            self.state.apply(line)
        self.heard = self.room.last

    def page(self, first: int, last: int) -> None:
        lines = self.fresh(first, last)
        self.shown(lines)
        self.state.apply(PageShown(ROOM, tuple(lines), 1, self.room.last, "UTC"))
        shown = [line for line in self.state.room(ROOM).timeline.lines() if first <= line.seq <= last]
        assert shown == [line for line in lines if not isinstance(line, Amending)], (
            "what is read just now is so, whatever was known"
        )


@given(acts)
def test_what_was_missed_makes_of_what_was_read_what_is_read_now(log: list[tuple[str, Any]]) -> None:
    house = House()
    for kind in (*SAID, *SAID):
        house.store(kind(ROOM, 0, 0.0, "ann", "first", 7))
    for number, (act, what) in enumerate(log):
        match act:
            case "say":
                house.store(what(ROOM, 0, 0.0, "ann", f"text {number}", 7))
            case "rule":
                house.store(RuleSet(ROOM, 0, 0.0, "ann", what, 7))
            case "delete" if house.room.last:
                of = ranges_of(sorted(seq for seq in what if seq <= house.room.last) or [1])
                house.store(Redacted(ROOM, 0, 0.0, "bob", in_words(of), 8, whom="ann", of=of, account=7))
            case "edit" if what <= house.room.last:
                house.store(Edited(ROOM, 0, 0.0, "ann", f"edited {number}", 7, of=what))
            case "react" if what[2] <= house.room.last:
                nick, sign, of = what
                line = house.room.lines[of - 1]
                called = name_of(line, sign, ACCOUNTS[nick], nick) if isinstance(line, Spoken) else None
                entry = Reacted(ROOM, 0, 0.0, nick, sign, ACCOUNTS[nick], of=of, is_back=called is not None)
                house.store(replace(entry, whom="ann", account=7))
            case "page":
                house.page(min(what), max(what))
            case "hear":
                house.hear()
    house.hear()
    fresh = {line.seq: line for line in house.fresh()}
    assert house.known == {seq: fresh[seq] for seq in house.known}
    shown = {line.seq: line for line in house.state.room(ROOM).timeline.lines()}
    assert shown == {seq: fresh[seq] for seq in shown}
    amending = {seq for seq, line in house.known.items() if isinstance(line, Amending)}
    assert shown.keys() == house.known.keys() - amending


@given(st.sets(st.integers(1, 60)))
def test_rows_of_numbers_have_these_and_no_others(chosen: set[int]) -> None:
    rows = ranges_of(sorted(chosen))
    assert [seq for seq in range(70) if has(rows, seq)] == sorted(chosen)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(rows))


@pytest.mark.parametrize(
    ("chosen", "words"), [([7], "#7"), ([7, 8, 9], "#7-#9"), ([7, 9], "#7..#9"), ([7, 8, 11, 12], "#7..#12")]
)
def test_numbers_are_told_shortly(chosen: list[int], words: str) -> None:
    assert in_words(ranges_of(chosen)) == words


def redacted(nick: str, whom: str, *chosen: int) -> Redacted:
    of = ranges_of(chosen)
    return Redacted(ROOM, 90, 0.0, nick, in_words(of), 8, whom=whom, of=of, account=7)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (redacted("bob", "ann", 7), "* bob deleted ann's line #7"),
        (redacted("bob", "ann", 7, 8, 9), "* bob deleted 3 lines of ann: #7-#9"),
        (redacted("ann", "ann", 7), "* ann deleted line #7"),
        (redacted("ann", "ann", 7, 9), "* ann deleted 2 lines: #7..#9"),
        (redacted("bob", "", 7), "* bob deleted #7"),
        (Deleted(ROOM, 7, 0.0, "ann", ""), "* ann said something that was deleted"),
        (TopicSet(ROOM, 7, 0.0, "ann", ""), "* ann took the topic away"),
    ],
)
def test_people_are_told_in_a_line_who_has_deleted_what(event: Entry, told: str) -> None:
    assert text_of(event) == f"{told}\r\n"


def test_what_was_done_stays_on_record() -> None:
    assert not can_be_deleted(Banned(ROOM, 1, 0.0, "ann", "spam"))
    assert not can_be_deleted(Deleted(ROOM, 1, 0.0, "ann", ""))
    assert after(RuleSet(ROOM, 7, 0.0, "ann", "slow 3"), redacted("bob", "ann", 7)) == RuleSet(
        ROOM, 7, 0.0, "ann", "slow 3"
    )


@pytest.mark.parametrize("is_erased", [False, True])
def test_who_has_ended_is_named_by_no_entry_that_deletes_and_what_it_deletes_is_still_known(is_erased: bool) -> None:
    entry = redacted("bob", "ann", 7, 9)
    of_ann = rewritten(entry, 7, "gone-1", is_erased=is_erased)
    assert of_ann == replace(entry, whom="gone-1")
    of_bob = rewritten(entry, 8, "gone-2", is_erased=is_erased)
    assert of_bob == replace(entry, nick="gone-2")
    own = replace(entry, nick="ann", author=7)
    assert rewritten(own, 7, "gone-1", is_erased=is_erased) == replace(own, nick="gone-1", whom="gone-1")
    gone = Deleted(ROOM, 7, 0.0, "ann", "", 7)
    assert rewritten(gone, 7, "gone-1", is_erased=is_erased) == replace(gone, nick="gone-1")
    assert decode(encode([entry, gone]), ROOM, 90, 0.0, authors="[8,7]") == [entry, replace(gone, seq=91)]
