"""Names on the screen: those who talk in a room at the same time have different colours as long as there are any, and keep theirs."""

import random

import pytest
from textual.style import Style

from chat_server.protocol.entries import Said
from chat_server.protocol.events import Joined
from chat_tui.client.hues import KEPT_MAX, Hues, usual
from stories import NOON, Pilot, StoryApp, beginning, play, settle

NICKS = [f"nick{number}" for number in range(400)]


@pytest.mark.parametrize("seed", range(20))
def test_whoever_talks_has_a_hue_of_their_own_as_long_as_there_are_any_and_keeps_it(seed: int) -> None:
    chance, hues = random.Random(seed), Hues()  # noqa: S311 - nobody is to be surprised
    talkers = chance.sample(NICKS, 8)
    first = [hues.talks(nick, 8) for nick in talkers]
    assert sorted(first) == [*range(8)]
    for nick in chance.choices(NICKS, k=100):
        hues.talks(nick, 8)
    assert [hues.talks(nick, 8) for nick in talkers] == first
    assert [hues.of(nick, 8) for nick in talkers] == first


def test_a_name_has_its_usual_hue_where_nobody_else_has_it() -> None:
    for nick in NICKS:
        assert Hues().talks(nick, 8) == Hues().of(nick, 8) == usual(nick, 8)


def test_where_all_are_taken_the_one_is_shared_that_was_seen_longest_ago() -> None:
    hues = Hues()
    talkers = iter(NICKS)
    taken = [hues.talks(nick, 8) for nick in (next(talkers) for _ in range(8))]
    for nick in NICKS[1:8]:
        hues.talks(nick, 8)
    newcomer = next(nick for nick in talkers)
    assert hues.talks(newcomer, 8) == taken[0]


def test_names_that_are_the_same_have_the_same_hue() -> None:
    hues = Hues()
    assert hues.talks("Ann", 8) == hues.talks("ann", 8)


def test_with_another_number_of_colours_all_begin_anew() -> None:
    hues = Hues()
    for nick in NICKS[:8]:
        hues.talks(nick, 8)
    assert sorted(hues.talks(nick, 3) for nick in NICKS[:3]) == [0, 1, 2]


def test_no_more_people_are_kept_than_that() -> None:
    hues = Hues()
    for number in range(3 * KEPT_MAX):
        hues.talks(f"n{number}", 8)
    assert len(hues._of) <= KEPT_MAX + 1


TALKERS = [nick for nick in NICKS if usual(nick, 8) == 0][:8]
"""Eight that have the same colour where each is alone."""


def test_eight_who_talk_have_eight_colours_among_their_lines_and_the_same_ones_among_the_people() -> None:
    lines = [Said("python", seq, NOON + 600 * seq, nick, "hello") for seq, nick in enumerate(TALKERS, 2)]
    app = StoryApp([*beginning(), Joined("python", tuple(TALKERS)), *lines])

    async def act(pilot: Pilot) -> None:
        await settle(pilot)
        rows = app.chat.entry_rows
        shown = {}
        for index in range(len(app.chat.room.timeline.entries)):  # type: ignore[union-attr] # there is one
            made = rows.at(index)
            for number in range(len(made)):
                nick, spans = made[number].gutter.plain.strip(), made[number].gutter.spans
                if nick in TALKERS and isinstance(spans[0].style, Style):
                    shown[nick] = spans[0].style.foreground
        assert len(shown) == len(set(shown.values())) == 8
        people = {item.key: item.content.spans[0].style for item in app.main.panes.people.items if item.key in TALKERS}
        assert {nick: style.foreground for nick, style in people.items() if isinstance(style, Style)} == shown

    play(app, act, size=(120, 40))
