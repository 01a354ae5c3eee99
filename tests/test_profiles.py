"""How each kind of reader is shown an event."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.protocol import entries, events
from chat_server.protocol.choices import CHARSETS
from chat_server.protocol.names import NAME_MAX
from chat_server.protocol.sanitize import sanitize
from chat_server.wire.charsets import ambiguous_columns, decode, has_byte_255
from chat_server.wire.render.colours import _OF_256, named
from chat_server.wire.render.profiles import RenderProfile, renderer_for
from chat_server.wire.render.widths import columns_of
from chat_server.wire.telnet.terminal import Terminal

SGR = re.compile("\x1b\\[[0-9;]*m")


def said(text: str, nick: str = "ann") -> entries.Said:
    return entries.Said("python", 7, 0.0, nick, text)


def shown(event: events.Event, **reader: object) -> str:
    kind = RenderProfile(**reader)  # type: ignore[arg-type] # each test names its own fields
    return decode(renderer_for(kind)(event), kind.charset)


def test_readers_of_one_kind_share_one_function() -> None:
    assert renderer_for(RenderProfile("zh", columns=79)) is renderer_for(RenderProfile("zh", columns=79))
    assert renderer_for(RenderProfile("zh")) is not renderer_for(RenderProfile())


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("columns", [31, 39, 55, 79])
def test_a_list_of_rooms_has_the_rows_of_the_terminal(language: str, columns: int) -> None:
    """Made for 80 columns and broken again on a narrower screen, a room would have two rows, and every other row would be short."""
    rooms = {f"room{number}-{'x' * (number % 9)}": number % 2 for number in range(60)}
    topics = dict.fromkeys(list(rooms)[::3], "all there is to say about it: 关于它的一切" * 2)
    event = events.RoomsListed(tuple(rooms.items()), topics)
    rows = shown(event, language=language, columns=columns).splitlines()
    assert [row for row in rows if not row.startswith("* ")] == []
    assert max(map(columns_of, rows)) <= columns
    assert sum(row.endswith("…") for row in rows) == len(topics)
    shown_narrow = shown(events.RoomsListed((("y" * NAME_MAX, 3),), {"y" * NAME_MAX: "a topic"}), columns=23)
    assert "y" * NAME_MAX in shown_narrow.replace("\r\n", "").replace(" ", ""), "a name is never cut"


def test_lines_are_broken_for_the_width_and_further_rows_are_set_in() -> None:
    assert shown(said("one two three four five"), columns=20) == "ann: one two three\r\n  four five\r\n"
    assert shown(said("def f():\n    return 1"), columns=20) == "ann: def f():\r\n      return 1\r\n"
    assert shown(said("你好世界你好世界你好"), columns=20) == "ann: 你好世界你好世\r\n  界你好\r\n"
    assert shown(said("x" * 200)) == f"ann: {'x' * 200}\r\n", "where the width is not known, nothing is broken"


CLEAN = st.text(st.characters(exclude_categories=["Cs"]), max_size=120).map(sanitize)


@given(CLEAN, st.sampled_from(CHARSETS), st.sampled_from([0, 19, 39, 79]), st.sampled_from([0, 16, 256]), st.booleans())
def test_whatever_is_said_a_row_of_it_never_passes_for_another(
    text: str, charset: str, columns: int, colours: int, is_named: bool
) -> None:
    reader = RenderProfile("en", charset, has_byte_255(charset), colours, columns, is_named=is_named)
    data = renderer_for(reader)(said(text))
    if reader.doubles_iac:
        assert data.count(b"\xff") == 2 * data.count(b"\xff\xff")
        data = data.replace(b"\xff\xff", b"\xff")
    else:
        assert b"\xff" not in data
    rows = decode(data, charset).split("\r\n")
    assert rows.pop() == ""
    for number, row in enumerate(rows):
        plain = SGR.sub("", row)
        assert "\x1b" not in plain, "nothing but colours"
        assert plain.startswith("ann: " if number == 0 else "  ")
        assert not set(map(chr, range(32))) & set(plain)
        assert 2 * row.count("\x1b[0m") == len(SGR.findall(row)), "no colour runs on"
    assert all(columns_of(SGR.sub("", row), ambiguous_columns(charset)) <= columns for row in rows if columns)


def test_without_colours_there_is_no_escape_at_all() -> None:
    for reader in (
        RenderProfile(),
        RenderProfile(columns=79),
        RenderProfile("zh", "gbk"),
        RenderProfile(is_plain=True),
    ):
        assert b"\x1b" not in renderer_for(reader)(said("hello ann"))


def test_a_name_has_its_own_colour_and_times_are_dim() -> None:
    line = shown(said("hi"), colours=256)
    assert re.fullmatch("\x1b\\[38;5;\\d+mann\x1b\\[0m: hi\r\n", line)
    assert named("ANN", 256).replace("ANN", "ann") == named("ann", 256), "names that count as the same look the same"
    assert len({named(f"nick{number}", 256).partition("m")[0] for number in range(200)}) == len(_OF_256)
    page = entries.PageShown("python", (said("hi"), entries.Acted("python", 8, 0.0, "ann", "waves")), 7, 8, "UTC")
    rows = shown(page, colours=16).split("\r\n")
    assert rows[1].startswith("\x1b[2m#7 00:00\x1b[0m ")
    assert SGR.sub("", rows[2]) == "#8 00:00 ~ ann waves"


def test_a_line_that_names_its_reader_is_bright_and_says_the_same() -> None:
    plain, bright = shown(said("hi bob"), colours=16), shown(said("hi bob"), colours=16, is_named=True)
    assert "\x1b[1mhi bob\x1b[0m" in bright
    assert SGR.sub("", plain) == SGR.sub("", bright), "colour is never the only signal"


def luminance(number: int) -> float:
    levels = [0, 95, 135, 175, 215, 255]
    number -= 16
    parts = [levels[number // 36] / 255, levels[number // 6 % 6] / 255, levels[number % 6] / 255]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("number", _OF_256)
def test_the_colours_of_names_can_be_read_on_black_and_on_white(number: int) -> None:
    assert (luminance(number) + 0.05) / 0.05 >= 3.9
    assert 1.05 / (luminance(number) + 0.05) >= 3.9


def test_what_a_charset_has_not_is_broken_by_what_stands_for_it() -> None:
    line = shown(said("👋 " * 6), charset="latin-1", columns=39)
    assert all(len(row) <= 39 for row in line.split("\r\n"))
    assert "waving" in line


def test_plain_mode_says_the_same_without_ornaments() -> None:
    recalled = entries.Recalled("python", (said("hi"),), None, 7, "UTC")
    assert shown(recalled, is_plain=True) == "* 1970-01-01\r\n#7 00:00 ann: hi\r\n* You are up to date.\r\n"


def test_rows_fit_a_terminal_where_what_is_ambiguous_takes_two_columns() -> None:
    rows = (
        renderer_for(RenderProfile("en", "gbk", columns=39))(
            entries.Said("python", 1, 0.0, "ann", "Привет всем и каждому, кто это читает")
        )
        .decode("gbk")
        .split("\r\n")
    )
    assert all(columns_of(row, 2) <= 39 for row in rows)


def test_only_the_first_line_stands_after_the_name() -> None:
    shown = renderer_for(RenderProfile(columns=20))(
        entries.Said("python", 1, 0.0, "a-long-name", "x\n123456 890123456")
    ).decode()
    assert shown == "a-long-name: x\r\n  123456 890123456\r\n"


def test_no_colour_runs_on_after_a_row() -> None:
    reader = RenderProfile(colours=16, columns=19, is_named=True)
    rows = (
        renderer_for(reader)(entries.Said("python", 1, 0.0, "ann", "hi bob, this is a long line for you"))
        .decode()
        .split("\r\n")
    )
    for row in rows:
        assert 2 * row.count("\x1b[0m") == len(re.findall("\x1b\\[[0-9;]*m", row)), row


@pytest.mark.parametrize(
    ("names", "colours", "is_edited"),
    [
        (("vt100",), 0, True),
        (("vt220",), 0, True),
        (("dumb",), 0, False),
        (("xterm",), 16, True),
        (("xterm-256color",), 256, True),
        (("mudlet", "xterm", "mtts 9"), 256, False),
        (("x", "y", "mtts 257"), 256, False),
        (("x", "y", "mtts 1"), 16, False),
        (("x", "y", "mtts 4"), 0, False),
    ],
)
def test_what_follows_from_a_terminals_names(names: tuple[str, ...], colours: int, is_edited: bool) -> None:
    terminal = Terminal(names, is_described=True, columns=80)
    assert (terminal.colours, terminal.can_be_edited_on) == (colours, is_edited)
    assert not Terminal(names, is_described=True).can_be_edited_on, "whose width is not known"
