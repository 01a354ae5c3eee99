"""No row of a terminal whose width is known begins with what another person typed, whatever they typed, whichever table the terminal goes by."""

from collections.abc import Callable
from unicodedata import category, east_asian_width

import pyte
import pytest
import wcwidth
from hypothesis import example, given
from hypothesis import strategies as st

from chat_server.protocol.entries import Acted, Recalled, Said, TopicSet
from chat_server.protocol.events import Event
from chat_server.protocol.names import BadName, parse_name
from chat_server.protocol.sanitize import sanitize, sanitize_lines
from chat_server.wire.render.profiles import RenderProfile, renderer_for
from chat_server.wire.render.widths import width_class
from chat_server.wire.render.wrapping import INDENT

FILLERS = "\u3164\u115f\uffa0\u2800\xad\u1160\u200b\U00016fe4"
MARKS_AND_WIDE = "\u0903\u0bbe\u11a8\u1100\ua960\ud7b0\u0e33\u0600\u3000\u303f\u2e3a\ufdfd\U0001f1e6"
EMOJI = ["\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd", "\u2764\ufe0f"]
ORDINARY = ["* The server restarts", "~ ", " ", "a", "你", "한", "é", "e\u0301", "\n", "x" * 90]
NASTY = st.lists(st.sampled_from([*FILLERS, *MARKS_AND_WIDE, *EMOJI, *ORDINARY]) | st.characters(), max_size=60).map(
    "".join
)


def by_library(text: str) -> int:
    """As terminals do that know what makes one character."""
    return wcwidth.width(text, control_codes="ignore")


def by_code_point(text: str) -> int:
    """As terminals do that add up wcwidth's widths."""
    return sum(max(wcwidth.wcwidth(character), 0) for character in text)


def by_east_asian_width(text: str) -> int:
    """As terminals do that add up Unicode's East Asian Width, with spacing marks."""
    return sum(
        0 if category(part) in {"Mn", "Me", "Cf"} else 2 if east_asian_width(part) in "WF" else 1 for part in text
    )


TERMINALS: list[Callable[[str], int]] = [by_library, by_code_point, by_east_asian_width]


def rows_of(event: Event, columns: int) -> list[str]:
    return renderer_for(RenderProfile(columns=width_class(columns)))(event).decode().split("\r\n")[:-1]


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 132])
@given(text=NASTY)
@example(text="a" + "\u3164" * 37 + "* The server restarts")
@example(text="a" + "\u0903" * 80 + "* The server restarts")
@example(text="a" + "\u1161" * 80 + "* The server restarts")
def test_every_row_fits_whatever_table_a_terminal_goes_by(columns: int, text: str) -> None:
    said = sanitize_lines(text)
    events: list[Event] = [
        Said("r", 1, 0.0, "bob", said),
        Acted("r", 1, 0.0, "bob", said),
        TopicSet("r", 1, 0.0, "bob", sanitize(text)),
    ]
    events.append(Recalled("r", (Said("r", 1, 0.0, "bob", said),), None, 1, "UTC"))
    for event in events:
        rows = rows_of(event, columns)
        assert all(terminal(row) <= columns for row in rows for terminal in TERMINALS)
        assert all(row.startswith(("bob: ", "~ bob ", "* ", "#1 00:00 bob: ", INDENT)) for row in rows)
        assert sum(row.startswith("* ") for row in rows) <= 2  # the rules of a page, or the topic's


@given(name=st.text(st.characters(categories=["L", "Nd", "Mn", "Mc"]), max_size=32), columns=st.integers(20, 90))
@example(name="a" * 19 + "bob", columns=20)
@example(name="你" * 32, columns=24)
def test_no_row_begins_inside_a_name(name: str, columns: int) -> None:
    try:
        nick = parse_name(name)
    except BadName:
        return
    first, *others = rows_of(Said("r", 1, 0.0, nick, "hello"), columns)
    assert first[:1] == nick[:1]
    assert all(row.startswith(INDENT) for row in others)
    assert all(terminal(row) <= columns for row in (first, *others) for terminal in TERMINALS)


@pytest.mark.parametrize("columns", [40, 80])
@given(text=NASTY)
@example(text="a" + "\u3164" * 37 + "* The server restarts")
def test_on_a_terminal_each_row_begins_as_the_server_says(columns: int, text: str) -> None:
    screen = pyte.Screen(columns, 200)
    terminal = pyte.Stream(screen)
    rows = rows_of(Said("r", 1, 0.0, "bob", sanitize_lines(text)), columns)
    terminal.feed("\r\n".join(rows))
    shown = [row for row in screen.display if row.strip()]
    assert all(row.startswith(("bob:", INDENT)) for row in shown)
