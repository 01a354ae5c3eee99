"""The terminal is told what it does not show yet, and nothing twice; what it shows is what has been drawn."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from chat_tui.ui.on_terminal import OnTerminal
from processes import Screen, running_server
from tmux_windows import PROGRAM

WIDTH, HEIGHT = 30, 4
CONSOLE = Console(force_terminal=True, color_system="truecolor", width=WIDTH, height=HEIGHT)

STYLES = ("", "bold", "red", "red on blue", "bold #112233 on #445566", "reverse", "underline", "on blue")
TEXTS = (
    "a",
    "bc",
    "     ",
    "            ",
    "│",
    "ä",
    "你",
    "\N{GRINNING FACE}",
    "one two",
    "ab你cd\N{GRINNING FACE}ef",
    "你e\u0301",
)

pieces = st.lists(st.tuples(st.sampled_from(TEXTS), st.sampled_from(STYLES)), max_size=9)
rows = st.lists(pieces, min_size=HEIGHT, max_size=HEIGHT)
screens = st.lists(st.tuples(rows, st.booleans()), min_size=1, max_size=4)


def strip_of(pieces: list[tuple[str, str]]) -> Strip:
    segments = [Segment(text, Style.parse(style)) for text, style in pieces]
    return Strip(segments).adjust_cell_length(WIDTH, Style.parse("default on default"))


def emulator() -> tuple[pyte.Screen, Callable[[str], None]]:
    screen = pyte.Screen(WIDTH, HEIGHT)
    screen.reset_mode(pyte.modes.DECAWM)  # as Textual has it
    return screen, pyte.Stream(screen).feed


def cells(screen: pyte.Screen) -> list[list[object]]:
    """All that is seen. Of a blank neither the colour is, nor whether it is bold."""

    def seen(cell: Any) -> object:
        is_blank = cell.data == " " and not cell.reverse and not cell.underscore
        return cell._replace(fg="", bold=False) if is_blank else cell

    return [[seen(screen.buffer[row][column]) for column in range(screen.columns)] for row in range(screen.lines)]


@given(screens)
def test_the_terminal_shows_what_has_been_drawn(drawn: list[tuple[list[list[tuple[str, str]]], bool]]) -> None:
    told, tell = emulator()
    on_terminal = OnTerminal()
    for rows, is_whole in drawn:
        strips = [strip_of(row) for row in rows]
        update = (
            LayoutUpdate([[strip] for strip in strips], Region(0, 0, WIDTH, HEIGHT))
            if is_whole
            else ChopsUpdate(
                [{0: strip} for strip in strips], [(row, 3, 20) for row in range(HEIGHT)], [[WIDTH]] * HEIGHT
            )
        )
        tell(on_terminal.written(update, CONSOLE))
        plain, tell_plainly = emulator()
        tell_plainly(LayoutUpdate([[strip] for strip in strips], Region(0, 0, WIDTH, HEIGHT)).render_segments(CONSOLE))
        assert cells(told) == cells(plain)
        assert on_terminal.written(update, CONSOLE) == ""


cuts = st.lists(st.integers(1, WIDTH - 1), max_size=3, unique=True).map(sorted)


@given(rows, st.lists(st.tuples(rows, cuts, st.lists(st.booleans(), min_size=4, max_size=4)), min_size=1, max_size=4))
def test_parts_of_rows_are_shown_wherever_they_are_cut(
    first: list[list[tuple[str, str]]], drawn: list[tuple[list[list[tuple[str, str]]], list[int], list[bool]]]
) -> None:
    told, tell = emulator()
    on_terminal = OnTerminal()
    shown = [strip_of(row) for row in first]
    tell(on_terminal.written(LayoutUpdate([[strip] for strip in shown], Region(0, 0, WIDTH, HEIGHT)), CONSOLE))
    for pieces_of_rows, places, are_drawn in drawn:
        spans = list(pairwise([0, *places, WIDTH]))
        chops: list[dict[int, Strip | None]] = []
        for at, new in enumerate(map(strip_of, pieces_of_rows)):
            old, shown[at] = shown[at], Strip([])
            chops.append({begin: None for begin, _ in spans})
            for is_new, some in groupby(zip(spans, are_drawn, strict=False), key=itemgetter(1)):
                parts = [span for span, _ in some]
                if is_new:
                    chops[at] |= {begin: new.crop(begin, end) for begin, end in parts}
                    shown[at] = Strip.join([shown[at], *(new.crop(begin, end) for begin, end in parts)])
                else:  # what stays is cut only where something is drawn beside it
                    shown[at] = Strip.join([shown[at], old.crop(parts[0][0], parts[-1][1])])
        ends = [[end for _, end in spans]] * HEIGHT
        tell(on_terminal.written(ChopsUpdate(chops, [(row, 0, WIDTH) for row in range(HEIGHT)], ends), CONSOLE))
        plain, tell_plainly = emulator()
        tell_plainly(LayoutUpdate([[strip] for strip in shown], Region(0, 0, WIDTH, HEIGHT)).render_segments(CONSOLE))
        assert cells(told) == cells(plain)


def test_what_was_forgotten_is_written_once_more() -> None:
    on_terminal = OnTerminal()
    update = LayoutUpdate([[strip_of([("one", "red")])]] * HEIGHT, Region(0, 0, WIDTH, HEIGHT))
    first = on_terminal.written(update, CONSOLE)
    on_terminal.forget()
    assert on_terminal.written(update, CONSOLE) == first != ""


def test_a_blank_rest_of_a_row_is_erased_and_a_style_is_told_once() -> None:
    update = LayoutUpdate([[strip_of([("one", "red"), ("│", "red"), ("two", "bold red")])]], Region(0, 0, WIDTH, 1))
    assert OnTerminal().written(update, CONSOLE) == "\x1b[1H\x1b[31mone│\x1b[1mtwo\x1b[m\x1b[K"


def test_a_link_is_told_as_one_and_is_the_same_when_it_is_drawn_again() -> None:
    on_terminal = OnTerminal()

    def drawn() -> str:
        pieces = [Segment("see "), Segment("it", Style(link="https://example.org/x;y")), Segment(" again, all of you")]
        return on_terminal.written(LayoutUpdate([[Strip(pieces)]], Region(0, 0, 24, 1)), CONSOLE)

    # "OSC 8 ; id=… ; URI ST", and an empty one at its end.
    assert re.fullmatch(
        r"\x1b\[1Hsee \x1b]8;id=\d+;https://example\.org/x;y\x1b\\it\x1b]8;;\x1b\\ again, all of you", drawn()
    )
    assert drawn() == ""


@contextmanager
def ann(state: Path, *flags: str) -> Iterator[Screen]:
    with running_server() as server:
        own = ("--nick", "ann", "--room", "python", "--state", str(state), "--config", os.devnull)
        screen = Screen(*PROGRAM, f"127.0.0.1:{server.port}", *own, *flags)
        try:
            screen.wait_until("Nobody has said anything here yet.")
            screen.settle()
            yield screen
        finally:
            screen.kill()


OPENED = {"\x1bOP": "Keys and commands", "\x0b": "Go to", "\x1bOQ": "Actions", "\x1bOR": "Connect"}
"""Keys that open a window, and what stands there."""


@pytest.mark.parametrize(
    ("flags", "first", "each", "back"), [(("--slow-link",), 2200, 2300, 1500), ((), 5500, 4600, 3500)]
)
def test_a_window_that_opens_is_told_to_the_terminal_once(
    flags: tuple[str, ...], first: int, each: int, back: int, tmp_path: Path
) -> None:
    with ann(tmp_path, *flags) as screen:
        costs = {"first": (len(screen.raw), first)}
        for key, heading in OPENED.items():
            before = len(screen.raw)
            screen.type(key)
            screen.wait_until(heading)
            screen.settle()
            opened = screen.raw[before:]
            costs[heading] = len(opened), each
            screen.type("\x1b")
            screen.settle()
            costs[f"{heading}, back"] = len(screen.raw) - before - len(opened), back
        assert {name: cost for name, cost in costs.items() if cost[0] > cost[1]} == {}


@pytest.mark.parametrize("flags", [("--slow-link",), ()])
def test_what_was_told_piece_by_piece_is_what_stands_there_when_all_is_drawn_anew(
    flags: tuple[str, ...], tmp_path: Path
) -> None:
    with ann(tmp_path, *flags) as screen:
        opened = [step for window in OPENED.items() for step in (window, ("\x1b", "Write to python"))]
        for keys, shown in (("hello, 你好 \N{GRINNING FACE}\r", "hello, 你"), ("and **more**\r", "and more"), *opened):
            screen.type(keys)
            screen.wait_until(shown)
            screen.settle()
            told = cells(screen._emulator)
            for is_signal in (True, False):
                at = len(screen.raw)
                if is_signal:
                    os.kill(screen.pid, signal.SIGCONT)
                else:
                    screen.type("\x0c")
                deadline = time.monotonic() + 10
                while len(screen.raw) - at <= 500 and time.monotonic() < deadline:
                    screen.read(0.1)
                assert len(screen.raw) - at > 500, "nothing is drawn anew"
                screen.settle()
                assert cells(screen._emulator) == told
