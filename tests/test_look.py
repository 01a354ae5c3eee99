"""How chat-tui looks: every text can be read where it stands, names can be told apart, and no signal is a colour alone."""

from collections.abc import Iterator
from itertools import combinations
from math import dist
from typing import Any

import pytest
from msgspec.structs import replace
from rich.color import Color as Colour
from rich.color import ColorSystem
from rich.segment import Segment
from textual.theme import BUILTIN_THEMES

from chat_server.protocol.entries import Said
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.timeline_entries import StatusMessage, TimelineEntry
from chat_tui.ui.colours import CONTRAST_MIN, DARK, LIGHT, SURFACES, TEXTS, Palette, blended, contrast, softened
from chat_tui.ui.few_colours import reduced
from chat_tui.ui.rendering import rows_of
from showcase import arrange, showcase
from stories import NOON, Pilot, StoryApp, play, said, settle
from test_hostile_texts import looking

PALETTES = {"dark": DARK, "light": LIGHT}


# Contrast.


@pytest.mark.parametrize("name", PALETTES)
def test_every_text_has_its_contrast_on_every_surface(name: str) -> None:
    assert PALETTES[name].poor_contrasts() == []


def test_a_text_that_can_hardly_be_read_is_found() -> None:
    poor = Palette(soft="#555555").poor_contrasts()
    assert poor
    assert {text for text, _, _ in poor} == {"soft"}
    assert poor[0][2] < CONTRAST_MIN


def test_what_is_softer_than_a_text_can_still_be_read() -> None:
    assert contrast(softened("#ffffff", ("#000000", "#333333")), "#333333") >= CONTRAST_MIN
    assert softened("#888888", ("#777777",)) == "#888888", "and no softer than the text, where that can hardly be read"
    assert blended("#000000", "#ffffff", 0.5) == "#808080"


ORNAMENT = set("─│╭╮╰╯▌▏▁▂▃▄▅▆▇█┃ ")
"""What is never text. A scrollbar is drawn with eighths."""


def segments(app: StoryApp) -> Iterator[Segment]:
    """Everything on the screen, with its colours."""
    for strip in app.screen._compositor.render_strips(app.size):
        yield from strip


def unreadable(app: StoryApp) -> list[str]:
    """Texts on the screen that have too little contrast with what they stand on."""
    found = []
    for segment in segments(app):
        style = segment.style
        if style is None or not set(segment.text) - ORNAMENT:
            continue
        if style.color is None or style.bgcolor is None or style.color.triplet is None or style.bgcolor.triplet is None:
            continue
        fore, back = style.color.triplet.hex, style.bgcolor.triplet.hex
        if style.reverse:
            fore, back = back, fore
        is_cursor = len(segment.text) == 1 and segment.text.isalpha()  # of which one sees the shape
        if contrast(fore, back) < (3 if is_cursor else CONTRAST_MIN):
            found.append(f"{segment.text!r}: {fore} on {back}: {contrast(fore, back):.1f}")
    return found


async def chosen(pilot: Pilot) -> None:
    await arrange(pilot)
    await pilot.press("alt+up", "alt+up")
    await settle(pilot)


async def lost(pilot: Pilot) -> None:
    app: Any = pilot.app
    await arrange(pilot)
    app.servers.shown.seconds_left = lambda: 7
    app.connection_changed(ConnectionChanged(Status.WAITING, "the connection was closed", 0.0))
    await settle(pilot)


async def refused(pilot: Pilot) -> None:
    app: Any = pilot.app
    app.connection_changed(ConnectionChanged(Status.REFUSED, "This name is taken."))
    await settle(pilot)


async def searched(pilot: Pilot) -> None:
    app: Any = pilot.app
    await arrange(pilot)
    app.main.searching.search.later = lambda _seconds, _ask: None
    await pilot.press("ctrl+f", *"delivery", "enter")
    await settle(pilot)


def pressed(*keys: str) -> Any:
    async def press(pilot: Pilot) -> None:
        await arrange(pilot)
        await pilot.press(*keys)
        await settle(pilot)

    return press


STATES = {
    "main": arrange,
    "chosen": chosen,
    "lost": lost,
    "refused": refused,
    "searched": searched,
    "replying": pressed("alt+up", "alt+up", "r"),
    "switcher": pressed("ctrl+k", "r"),
    "menu": pressed("alt+up", "enter"),
    "room": pressed("alt+o"),
    "help": pressed("f1"),
    "connecting": pressed("f3"),
    "conversation": pressed("alt+6"),
    "scrolled": pressed("ctrl+home"),
}


@pytest.mark.parametrize("theme", ["chat-dark", "chat-light"])
@pytest.mark.parametrize("state", STATES)
def test_everything_on_the_screen_can_be_read(state: str, theme: str) -> None:
    app = showcase(theme)

    async def act(pilot: Pilot) -> None:
        await STATES[state](pilot)
        assert unreadable(app) == []

    play(app, act, size=(120, 40))


@pytest.mark.parametrize("theme", sorted(name for name, theme in BUILTIN_THEMES.items() if not theme.ansi))
def test_the_main_screen_can_be_read_in_every_theme_of_textual(theme: str) -> None:
    app = showcase(theme)

    async def act(pilot: Pilot) -> None:
        await arrange(pilot)
        assert app.theme == theme
        assert unreadable(app) == []

    play(app, act, size=(120, 40))


# 256 colours.


def shown(colour: str) -> str:
    """What a terminal of 256 colours shows for it: the one that Rich takes."""
    return Colour.parse(colour).downgrade(ColorSystem.EIGHT_BIT).get_truecolor().hex


def as_shown(palette: Palette) -> Palette:
    """The same of a palette."""
    names = tuple(map(shown, palette.names))
    fields = [field for field in palette.__struct_fields__ if field not in ("is_dark", "names")]
    return replace(palette, **{field: shown(getattr(palette, field)) for field in fields}, names=names)


def saturation(colour: str) -> int:
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return max(parts) - min(parts)


@pytest.mark.parametrize("name", PALETTES)
def test_in_256_colours_surfaces_are_greys_that_differ_and_every_text_is_read_on_them(name: str) -> None:
    palette = as_shown(reduced(PALETTES[name]))
    surfaces = [getattr(palette, surface) for surface in SURFACES]
    assert [saturation(surface) for surface in surfaces] == [0] * len(surfaces), "and no navy"
    assert surfaces.count(palette.background) == 1
    assert len({palette.background, palette.pane, palette.raised}) == 3
    assert palette.poor_contrasts() == []
    assert len({*palette.names}) == 8
    assert all(saturation(colour) for colour in (*palette.names, palette.mention, palette.danger, palette.ok))
    ours = as_shown(PALETTES[name])
    assert any(saturation(getattr(ours, surface)) for surface in SURFACES), "left to Rich, one has a colour"


def test_a_palette_of_the_user_s_keeps_its_surfaces_apart_in_256_colours() -> None:
    near = Palette(background="#101010", pane="#121212", raised="#131313", selected="#141414", code="#111111")
    palette = as_shown(reduced(near))
    assert [getattr(palette, name) for name in SURFACES].count(palette.background) == 1


@pytest.mark.parametrize("theme", ["chat-dark", "chat-light"])
@pytest.mark.parametrize("state", ["main", "chosen", "lost", "switcher", "connecting"])
def test_a_terminal_of_256_colours_gets_those(state: str, theme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", "256")
    app = showcase(theme)
    palette = as_shown(reduced(PALETTES[theme.removeprefix("chat-")]))

    async def act(pilot: Pilot) -> None:
        await STATES[state](pilot)
        colours = {
            shown(triplet.hex)
            for segment in segments(app)
            if segment.style is not None and (colour := segment.style.bgcolor) is not None
            for triplet in (colour.triplet,)
            if triplet is not None
        }
        known = {getattr(palette, name) for name in (*SURFACES, *TEXTS)}
        assert colours <= known, colours - known

    play(app, act, size=(120, 40))


# Names, as those see them who lack one kind of cones (Viénot, Brettel and Mollon 1999; Brettel 1997 for tritanopia, in linear RGB).

DEFICIENCIES = {
    "protanopia": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "deuteranopia": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
    "tritanopia": ((1.01277, 0.13548, -0.14826), (-0.01243, 0.86812, 0.14431), (0.07589, 0.805, 0.11911)),
}

Triple = tuple[float, float, float]


def linear(colour: str) -> Triple:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    one, two, three = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)
    )
    return one, two, three


def times(matrix: tuple[Triple, Triple, Triple], vector: Triple) -> Triple:
    one, two, three = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return one, two, three


def oklab(rgb: Triple) -> Triple:
    long, middle, short = times(
        (
            (0.4122214708, 0.5363325363, 0.0514459929),
            (0.2119034982, 0.6806995451, 0.1073969566),
            (0.0883024619, 0.2817188376, 0.6299787005),
        ),
        rgb,
    )
    roots = (max(long, 0.0) ** (1 / 3), max(middle, 0.0) ** (1 / 3), max(short, 0.0) ** (1 / 3))
    return times(
        (
            (0.2104542553, 0.7936177850, -0.0040720468),
            (1.9779984951, -2.4285922050, 0.4505937099),
            (0.0259040371, 0.7827717662, -0.8086757660),
        ),
        roots,
    )


def distance(one: str, other: str, deficiency: str = "") -> float:
    """How far two colours are from each other, in hundredths of OKLab; as seen by somebody with a deficiency, if one is named."""
    seen = [linear(colour) for colour in (one, other)]
    if deficiency:
        seen = [times(DEFICIENCIES[deficiency], rgb) for rgb in seen]
    first, second = map(oklab, seen)
    return 100 * dist(first, second)


@pytest.mark.parametrize("name", PALETTES)
def test_names_can_be_told_apart(name: str) -> None:
    names = PALETTES[name].names
    assert len(names) == 8
    assert min(distance(one, other) for one, other in combinations(names, 2)) >= 13


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("name", PALETTES)
def test_names_can_be_told_apart_without_one_kind_of_cones(name: str, deficiency: str) -> None:
    least = min(distance(one, other, deficiency) for one, other in combinations(PALETTES[name].names, 2))
    assert least >= 5, "with twelve hues of one lightness it is less than 1"


def test_names_are_of_about_the_same_weight() -> None:
    for palette in PALETTES.values():
        weights = [contrast(name, palette.background) for name in palette.names]
        assert max(weights) / min(weights) < 1.8


# No signal is a colour alone: the same screen without colours still says it.


@pytest.mark.parametrize(
    ("state", "words", "sign"),
    [
        ("main", "release", "▌"),  # the current room
        ("main", "see https://example.org/bench", "▌"),  # a line for the reader
        ("main", "parser", "@2"),  # a room that names the reader
        ("main", "docs", "12"),
        ("main", "random", "(87)"),  # a muted one
        ("main", "bob   ", " 1 "),  # a conversation
        ("main", "lounge", "draft"),
        ("main", "On my way", "…"),  # not stored yet
        ("main", "ann   ", "you"),
        ("main", "Away", "2"),
        ("main", "chat.example.org", "●"),
        ("main", "6 new", "───"),
        ("chosen", "今天发布吗?", "▌"),
        ("lost", "No connection", "○"),
        ("refused", "This name is taken.", "✗"),
        ("searched", "0.35 µs for each delivery", "▌"),
    ],
)
@pytest.mark.parametrize("theme", ["chat-dark", "ansi-dark"])
def test_a_signal_has_a_sign_or_a_word_beside_its_colour(state: str, words: str, sign: str, theme: str) -> None:
    app = showcase(theme)

    async def act(pilot: Pilot) -> None:
        await STATES[state](pilot)
        assert any(words in row and sign in row for row in app.screen_text().split("\n")), app.screen_text()

    play(app, act, size=(120, 40))


def test_nothing_jumps_sideways_when_something_changes() -> None:
    app = showcase()

    async def act(pilot: Pilot) -> None:
        panes = app.main.panes

        def columns() -> list[tuple[int, int]]:
            regions = (panes.rooms.region, panes.chat.region, panes.prompt.region, panes.people.region)
            return [(region.x, region.right) for region in regions]

        await settle(pilot)
        before = columns()
        await arrange(pilot)
        assert columns() == before, "a draft, a line that waits, a pinned room"
        app.tell(*said(*(f"ann: {number}" for number in range(1500)), room="docs", first=13))
        await settle(pilot)
        assert columns() == before, "unread lines, as many as there may be"
        await lost(pilot)
        assert columns() == before, "no connection"
        await pilot.press("alt+up", "r")
        await settle(pilot)
        assert columns() == before, "a reply"

    play(app, act, size=(120, 40))


def times_beside(*entries: TimelineEntry) -> list[str]:
    """What stands at the end of each of these, which follow one another."""
    look = looking(100)
    rows = [rows_of(entry, before, look, now=NOON) for entry, before in zip(entries, (None, *entries), strict=False)]
    return [str(row[len(row) - 1].end).strip() for row in rows]


def at(second: int, nick: str = "bob", text: str = "hello") -> Said:
    return Said("r", second + 1, NOON + second, nick, text)


def test_a_time_stands_where_another_five_minutes_begin_and_not_at_each_speaker() -> None:
    first, *others = times_beside(at(0), at(60, "ann"), at(179), at(240), at(300, "ann"), at(360))
    assert first
    assert [bool(time) for time in others] == [False, False, False, True, False]


def test_a_time_stands_after_a_pause_and_where_the_reader_is_called() -> None:
    _, pause, soon, called, last = times_beside(
        at(0), at(120), at(239), at(240, "bob", "ann: look"), at(241, "bob", "did you?")
    )
    assert [bool(time) for time in (pause, soon, called, last)] == [True, False, True, False]


def test_a_time_stands_after_what_has_none_of_its_own() -> None:
    answer = StatusMessage(1, 1, NOON + 300, "There is no command /frob.")
    assert [bool(time) for time in times_beside(at(0), answer, at(360))] == [True, False, True]
