"""Who came and went, in one sentence; and where it stands among the lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.protocol.entries import Said
from chat_tui.client.timeline import FOLD_SECONDS, Timeline
from chat_tui.client.timeline_entries import StatusMessage
from chat_tui.client.visits import KNOWN_MAX, Visits


def told(*moves: str) -> str:
    """What is told of `+ann` who comes and `-bob` who goes."""
    visits = Visits()
    for move in moves:
        visits = visits.seen([move[1:]], 0, is_coming=move[0] == "+")
    return visits.text


@pytest.mark.parametrize(
    ("moves", "text"),
    [
        (["+zed"], "→ zed joined"),
        (["-zed"], "← zed left"),
        (["+zed", "-zed"], "zed came and went"),
        (["+zed", "-zed"] * 9, "zed came and went 9 times"),
        ([*["+zed", "-zed"] * 2, "+zed"], "zed came and went 2 times, and is here"),
        (["-zed", "+zed"], "zed left and came back"),
        (["-zed", "+zed"] * 3, "zed left and came back 3 times"),
        (["-zed", "+zed", "-zed"], "zed left and came back, and is gone"),
        (["+zed", "-Zed"], "Zed came and went"),
        (["+a", "+b"], "→ a and b joined"),
        (["+a", "+b", "+c", "+d", "+e"], "→ a, b, c and 2 more joined"),
        (["+a", "-b", "+z", "-z"], "→ a joined  ·  ← b left  ·  z came and went"),
        (
            [f"{sign}n{number}" for number in range(5) for sign in "+-"],
            "  ·  ".join([*(f"n{number} came and went" for number in range(3)), "2 more came and went"]),
        ),
    ],
)
def test_many_moves_are_one_sentence(moves: list[str], text: str) -> None:
    assert told(*moves) == text


def test_those_whom_nobody_names_are_counted() -> None:
    visits = Visits().seen(["a"], 210, is_coming=True).seen([], 3, is_coming=False)
    assert visits.text == "→ a and 210 more joined  ·  ← 3 more left"


@given(st.lists(st.tuples(st.integers(0, 400), st.booleans()), max_size=600))
def test_nobody_is_lost_however_many_there_are(moves: list[tuple[int, bool]]) -> None:
    visits, here = Visits(), dict.fromkeys(range(401), 0)
    for number, is_coming in moves:
        visits = visits.seen([f"n{number}"], 0, is_coming=is_coming)
        here[number] += 1 if is_coming else -1
    counted = sum(visit.came - visit.went for visit in visits.people) + visits.more_came - visits.more_went
    assert len(visits.people) <= KNOWN_MAX
    assert bool(visits.text) == bool(moves)
    if len({number for number, _ in moves}) <= KNOWN_MAX:
        assert counted == sum(here.values())


def shown(timeline: Timeline) -> list[str]:
    return [entry.text for entry in timeline.entries]


def talk(timeline: Timeline, number: int) -> None:
    timeline.add([Said("python", number, float(number), "bob", f"line {number}")])


def test_ten_visits_between_the_lines_of_others_are_one_row_where_the_last_one_was() -> None:
    timeline = Timeline()
    for number in range(1, 11):
        timeline.visited(["zed"], 0, float(number), is_coming=True)
        timeline.visited(["zed"], 0, float(number), is_coming=False)
        talk(timeline, number)
    assert [text for text in shown(timeline) if "zed" in text] == ["zed came and went 10 times"]
    assert shown(timeline)[-2:] == ["zed came and went 10 times", "line 10"]


def test_who_comes_and_talks_and_goes_is_told_where_they_came_and_where_they_went() -> None:
    timeline = Timeline()
    timeline.visited(["zed"], 0, 1.0, is_coming=True)
    talk(timeline, 1)
    timeline.visited(["zed"], 0, 2.0, is_coming=False)
    assert shown(timeline) == ["→ zed joined", "line 1", "← zed left"]


def test_others_in_a_row_stay_where_they_are_told() -> None:
    timeline = Timeline()
    timeline.visited(["zed", "ann"], 0, 1.0, is_coming=True)
    timeline.visited(["zed"], 0, 1.0, is_coming=False)
    talk(timeline, 1)
    timeline.visited(["zed"], 0, 2.0, is_coming=True)
    assert shown(timeline) == ["→ ann joined", "line 1", "zed came and went, and is here"]


def test_one_visit_with_another_name_in_it_is_one_row() -> None:
    timeline = Timeline()
    timeline.visited(["ann"], 0, 1.0, is_coming=True)
    talk(timeline, 1)
    timeline.renamed("ann", "annie", 2.0)
    assert shown(timeline) == ["line 1", "→ annie (was ann) joined"]
    talk(timeline, 2)
    timeline.visited(["annie"], 0, 3.0, is_coming=False)
    assert shown(timeline) == ["line 1", "line 2", "annie (was ann) came and went"]


def test_who_only_takes_another_name_is_told_so_and_who_takes_it_back_is_not() -> None:
    timeline = Timeline()
    timeline.renamed("ann", "annie", 1.0)
    assert shown(timeline) == ["ann is now annie"]
    timeline.renamed("annie", "anna", 2.0)
    timeline.renamed("bob", "Bob", 3.0)
    assert shown(timeline) == ["ann is now anna  ·  bob is now Bob"]
    timeline.renamed("anna", "ann", 4.0)
    assert shown(timeline) == ["bob is now Bob"]
    timeline.renamed("Bob", "bob", 5.0)
    assert shown(timeline) == []


def test_who_comes_back_under_another_name_and_takes_their_own_is_who_they_were() -> None:
    timeline = Timeline()
    timeline.visited(["ann"], 0, 1.0, is_coming=False)
    talk(timeline, 1)
    timeline.visited(["ann_"], 0, 2.0, is_coming=True)
    timeline.renamed("ann_", "ann", 3.0)
    assert shown(timeline) == ["line 1", "ann left and came back"]


def test_many_other_names_are_counted_and_go_with_the_joins() -> None:
    timeline = Timeline()
    for number in range(KNOWN_MAX + 5):
        timeline.renamed(f"a{number}", f"b{number}", 1.0)
    (row,) = shown(timeline)
    assert row.endswith(f"  ·  {KNOWN_MAX - 3} more have other names")
    timeline.forget_visits()
    assert shown(timeline) == []


def test_what_was_long_ago_stays_there() -> None:
    timeline = Timeline()
    for at in (1.0, 2.0):
        timeline.visited(["zed"], 0, at, is_coming=at == 1.0)
    timeline.visited(["zed"], 0, FOLD_SECONDS + 3, is_coming=True)
    assert shown(timeline) == ["zed came and went", "→ zed joined"]


@given(st.lists(st.one_of(st.none(), st.tuples(st.sampled_from("abc"), st.booleans())), max_size=60))
def test_what_has_changed_is_always_said(steps: list[tuple[str, bool] | None]) -> None:
    timeline, mirror, number = Timeline(), list[object](), 0
    for step in steps:
        if step is None:
            number += 1
            talk(timeline, number)
        else:
            timeline.visited([step[0]], 0, 1.0, is_coming=step[1])
        changes = timeline.take_changes()
        assert changes is not None
        mirror[changes.since :] = timeline.entries[changes.since :]
        assert mirror == list(timeline.entries)
        places = [
            (entry.after, entry.order) if isinstance(entry, StatusMessage) else (entry.seq, 0)
            for entry in timeline.entries
        ]
        assert places == sorted(set(places))
