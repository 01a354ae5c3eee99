"""The line editor, alone, with a terminal emulator that shows what it draws."""

import re
import time
import tracemalloc
from collections.abc import Iterable
from itertools import pairwise

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.protocol.sanitize import sanitize
from chat_server.wire.editor.edit_buffer import HISTORY_CHARACTERS, EditBuffer
from chat_server.wire.editor.line_editor import (
    SEQUENCE_MAX,
    Closing,
    Completion,
    EditingCost,
    LineEditor,
    TooMuch,
    Typed,
)
from chat_server.wire.render.widths import columns_of

LEFT, RIGHT, UP, DOWN = "\x1b[D", "\x1b[C", "\x1b[A", "\x1b[B"
HOME, END, DELETE, BACKSPACE = "\x1b[H", "\x1b[F", "\x1b[3~", "\x7f"
ENTER, TAB = "\r", "\t"


class Desk:
    """An editor, and the screen of the one who types into it."""

    def __init__(
        self, columns: int = 40, rows: int = 6, limit: int = 4096, text_limit: int = 16384, charset: str = "utf-8"
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.editor = LineEditor(columns, charset, limit, text_limit, lambda data: data)
        self.said: list[object] = []
        self.written = b""
        self.show(self.editor.open())
        self.show(self.editor.prompted("ann> "))

    def show(self, data: bytes) -> None:
        self.written += data
        self.stream.feed(data)

    def type(self, *keys: str) -> "Desk":
        return self.feed("".join(keys).encode())

    def feed(self, *chunks: bytes) -> "Desk":
        for chunk in chunks:
            for item in self.editor.receive_data(chunk):
                if isinstance(item, bytes):
                    self.show(item)
                elif not isinstance(item, EditingCost):
                    self.said.append(item)
        return self

    @property
    def lines(self) -> list[str]:
        """What is on the screen, without what nothing was written on."""
        return [line.rstrip() for line in self.screen.display if line.strip()]

    @property
    def typed(self) -> list[str]:
        return [item.text for item in self.said if isinstance(item, Typed)]

    @property
    def row(self) -> str:
        """The row with the cursor, which is shown as a bar."""
        cells = self.screen.buffer[self.screen.cursor.y]
        shown = "".join(cells[column].data for column in range(self.screen.columns)).rstrip()
        before = "".join(cells[column].data for column in range(self.screen.cursor.x))
        return before + "|" + shown[len(before) :]


@pytest.mark.parametrize(
    ("keys", "row"),
    [
        (["hello"], "ann> hello|"),
        (["hello", LEFT, LEFT, "x"], "ann> helx|lo"),
        (["hello", HOME, "x", RIGHT, "y"], "ann> xhy|ello"),
        (["hello", HOME, END, "!"], "ann> hello!|"),
        (["hello", "\x01", DELETE, "\x05", "!"], "ann> ello!|"),
        (["\x1bOH", "a", "\x1bOD", "b"], "ann> b|a"),
        (["one two three", "\x17"], "ann> one two |"),
        (["one two three", "\x17", "\x17", "\x19"], "ann> one two |"),
        (["one two", LEFT, LEFT, "\x0b"], "ann> one t|"),
        (["one two", LEFT, LEFT, "\x15"], "ann> |wo"),
        (["one two", "\x15", "\x19", "\x19"], "ann> one twoone two|"),
        (["one two", "\x1bb", "\x1bb", "\x1bf", "!"], "ann> one!| two"),
        (["one two", "\x1b[1;5D", "\x1bd"], "ann> one |"),
        (["a你👩‍💻b", LEFT, BACKSPACE], "ann> a你|b"),
        (["a你b", LEFT, BACKSPACE, BACKSPACE], "ann> |b"),
        (["e\u0301x", BACKSPACE, BACKSPACE], "ann> |"),
        (["\x1b[99;99X", "\x1b[5~", "\x00", "\x1c", "\x1bz", "ok"], "ann> ok|"),
        (["a\u202eb\u2028c\x9bd"], "ann> abcd|"),
        (["ab", "\x1b\x1b[D", "x"], "ann> ax|b"),
        (["\x1b[[A", "ok"], "ann> ok|"),
        (["abc", "\x1b[1;2\x01", "x"], "ann> x|abc"),
    ],
)
def test_keys_do_what_they_do_everywhere(keys: list[str], row: str) -> None:
    assert Desk().type(*keys).row == row


@pytest.mark.parametrize("character", [chr(code) for code in range(0x20, 0x7F)])
def test_every_character_that_can_be_printed_is_put_in(character: str) -> None:
    assert Desk().type(f"a{character}b").editor.text == f"a{character}b"


def test_what_was_typed_before_is_there_again_and_so_is_what_was_begun() -> None:
    desk = Desk().type("/one", ENTER, "two", ENTER, "/one", ENTER, "beg")
    for keys, row in (
        (UP, "/one|"),
        (UP, "two|"),
        (UP, "/one|"),
        (UP, "/one|"),
        (DOWN, "two|"),
        (DOWN, "/one|"),
        (DOWN, "beg|"),
    ):
        assert desk.type(keys).row == f"ann> {row}"
    assert desk.type(DOWN, "in").row == "ann> begin|"
    assert desk.type(UP, "!", ENTER).typed == ["/one", "two", "/one", "/one!"]


def test_a_command_stays_on_the_screen_and_what_is_said_is_left_to_the_room() -> None:
    desk = Desk().type("/rooms", ENTER, "hello", ENTER, "//shrug", ENTER, "／help", ENTER, "／／wide", ENTER)
    assert desk.typed == ["/rooms", "hello", "//shrug", "／help", "／／wide"]
    assert desk.lines == ["ann> /rooms", "ann> ／help", "ann>"]


def test_what_others_say_never_cuts_into_what_is_typed() -> None:
    desk = Desk().type("half a sent", LEFT)
    desk.show(desk.editor.around(b"bob: hello\r\n* carol joined\r\n"))
    assert desk.lines == ["bob: hello", "* carol joined", "ann> half a sent"]
    assert desk.row == "ann> half a sen|t"
    desk.type("X")
    assert desk.row == "ann> half a senX|t"


def test_one_key_at_the_end_costs_one_byte() -> None:
    desk = Desk().type("hell")
    before = len(desk.written)
    desk.type("o")
    assert desk.written[before:] == b"o"


def test_a_long_line_scrolls_sideways_in_one_row() -> None:
    desk = Desk(columns=20).type("abcdefghijklmnopqrstuvwxyz")
    assert len(desk.lines) == 1
    assert desk.row.startswith("ann> <")
    assert desk.row.endswith("xyz|")
    assert desk.type(HOME).row == "ann> |abcdefghijklmn"
    assert desk.type(END, BACKSPACE).row.endswith("xy|")
    assert desk.type("\x15").row == "ann> |"


@given(
    st.lists(
        st.sampled_from(
            [
                "a",
                "bc ",
                "你",
                "é",
                "e\u0301",
                "👩‍💻",
                LEFT,
                RIGHT,
                HOME,
                END,
                BACKSPACE,
                DELETE,
                "\x17",
                UP,
                DOWN,
                ENTER,
                "\x03",
                "\x19",
            ]
        ),
        max_size=60,
    ),
    st.integers(12, 50),
    st.lists(st.integers(0, 300), max_size=8),
)
def test_any_split_gives_the_same_lines_and_in_the_end_the_same_screen(
    keys: list[str], columns: int, cuts: list[int]
) -> None:
    data = "".join(keys).encode()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    whole = Desk(columns).feed(data)
    for chunks in (
        [data[start:end] for start, end in pairwise(edges)],
        [bytes((byte,)) for byte in data],
    ):
        other = Desk(columns).feed(*chunks)
        assert other.typed == whole.typed
        assert other.editor.text == whole.editor.text
        # Where the row was scrolled to may differ while it is longer than the screen; drawn anew from the same place it is the same.
        for desk in (other, whole):
            desk.show(desk.editor.resized(columns))
        assert other.row == whole.row


@given(
    st.lists(
        st.sampled_from(["a", "你", "é", "b ", LEFT, RIGHT, HOME, END, BACKSPACE, DELETE, "\x17", "\x0b", "\x19"]),
        max_size=60,
    ),
    st.integers(12, 50),
)
def test_the_screen_shows_the_line_around_the_cursor(keys: list[str], columns: int) -> None:
    desk = Desk(columns)
    for key in keys:
        desk.type(key)
        row = desk.row
        before, after = row.removeprefix("ann> ").split("|")
        shown = desk.editor.text
        scrolled = before.startswith("<") and not shown.startswith("<")
        assert shown.startswith(before.rstrip()) or scrolled
        assert before.removeprefix("<").rstrip() in shown
        assert after.rstrip() in shown
        assert columns_of(row) <= columns + 1
        assert len(desk.lines) == 1, "one row, whatever the length"


def test_a_paste_is_one_message_with_its_lines_and_is_not_sent_by_itself() -> None:
    desk = Desk().type("see: \x1b[200~def f():\r\n\treturn '\x02\x1b[A你'\n\n\x1b[201~")
    assert desk.typed == []
    assert desk.row == "ann> see: def f():↵    return '你'|"
    assert desk.type(ENTER).typed == ["see: def f():\n    return '你'"]
    assert desk.type(UP, ENTER).typed[1] == desk.typed[0]


def test_a_paste_that_is_too_long_is_refused_whole_and_the_line_stays() -> None:
    desk = Desk(limit=100, text_limit=100).type("keep", "\x1b[200~", "x" * 200, "\x1b[201~", "!")
    assert desk.said == [TooMuch(100)]
    assert desk.row == "ann> keep!|"


def test_a_line_of_the_limit_takes_no_more_and_says_so() -> None:
    desk = Desk(limit=10).type("1234567890x")
    assert desk.editor.text == "1234567890"
    assert b"\a" in desk.written
    assert desk.type(BACKSPACE, "é").editor.text == "123456789", "two bytes do not fit"


def test_interrupts_begin_a_new_line_and_the_old_one_is_not_lost() -> None:
    desk = Desk().type("oops", "\x03")
    assert desk.lines == ["ann> oops^C", "ann>"]
    assert desk.typed == []
    assert desk.type(UP).row == "ann> oops|"


def test_control_d_leaves_only_from_an_empty_line() -> None:
    desk = Desk().type("ab", LEFT, "\x04", "\x04")
    assert desk.row == "ann> a|"
    assert desk.said == []
    assert desk.type(BACKSPACE, "\x04").said == [Closing()]


def test_control_l_clears_the_screen_but_not_the_line() -> None:
    desk = Desk()
    desk.show(desk.editor.around(b"bob: hello\r\n"))
    assert desk.type("hi", "\x0c").lines == ["ann> hi"]


def test_tab_puts_in_what_there_is_and_again_the_next() -> None:
    desk = Desk().type("hi an", TAB)
    assert desk.said == [Completion("hi an")]
    desk.show(desk.editor.complete(["ann ", "anna "]))
    assert desk.row == "ann> hi ann |"
    assert desk.type(TAB).row == "ann> hi anna |"
    assert desk.type(TAB).row == "ann> hi ann |"
    assert desk.type("x", TAB).said[-1] == Completion("hi ann x")
    desk.show(desk.editor.complete([]))
    assert desk.written.endswith(b"\a")


def test_a_secret_is_not_drawn_and_is_in_no_history() -> None:
    desk = Desk().type("before", ENTER)
    desk.show(desk.editor.prompted("Password: ", is_secret=True))
    desk.type("xyz", BACKSPACE, "zy\x15", "xyzzy")
    assert "x" not in "".join(desk.lines)
    desk.type(UP, TAB, ENTER)
    assert desk.typed[-1] == "xyzzy"
    desk.show(desk.editor.prompted("ann> "))
    assert desk.type(UP).row == "ann> before|"
    assert desk.type("\x15", "\x19").row == "ann> before|"


def test_a_resized_terminal_is_drawn_on_anew() -> None:
    desk = Desk(columns=40).type("a line that is rather long for this")
    desk.screen.resize(6, 20)
    desk.show(desk.editor.resized(20))
    assert desk.row.startswith("ann> <")
    assert columns_of(desk.row) <= 20
    desk.screen.resize(6, 60)
    desk.show(desk.editor.resized(60))
    assert desk.row == "ann> a line that is rather long for this|"


def test_a_prompt_that_would_take_half_of_the_row_is_left_out() -> None:
    desk = Desk(columns=30)
    desk.show(desk.editor.prompted("[a-room-with-a-name] somebody> "))
    assert desk.type("hello").row == "> hello|"


def test_a_line_in_another_charset_is_drawn_in_it() -> None:
    desk = Desk(charset="gbk")
    desk.feed("你好".encode("gbk"), "👋".encode(), b"\r")
    assert desk.typed[0].startswith("你好")
    assert "你好".encode("gbk") in desk.written


def test_a_history_has_a_bound() -> None:
    line = EditBuffer(4096, 16384)
    for number in range(1000):
        line.replace(f"{number} " + "x" * 1000)
        line.remember()
    line.replace("")
    recalled = set()
    for _ in range(100):
        line.older()
        recalled.add(line.text)
    assert 5 < len(recalled) <= HISTORY_CHARACTERS // 1000


WORST: Iterable[bytes] = [
    b"x" * 8192,
    "e\u0301".encode() * 2730,
    "👩‍💻".encode() * 745,
    (b"x" * 4000 + b"\x01" + b"y" * 4000),
    "\u1100".encode() * 2730,
    "\u0915\u094d".encode() * 1365,
    b"\x1b[A" * 2730,
    b"a " * 2000 + b"\x17" * 2000 + b"\x19" * 100,
    b"\x1b[200~" + b"a\n" * 4000 + b"\x1b[201~",
    b"\r" * 8192,
    b"/x\r" * 2730,
    b"\x03" * 8192,
    b"\x0c" * 8192,
    b"z\t" * 4096,
    b"\x1bb\x1bf" * 2048,
    b"\x15\x19" * 4096,
    b"\x10\x0e" * 4096,
    b"\x10\x01x" * 2730,
]


@pytest.mark.parametrize("data", WORST, ids=map(str, range(99)))
@pytest.mark.parametrize("columns", [80, 65535])
def test_no_keys_cost_much_before_they_are_told_to_wait(data: bytes, columns: int) -> None:
    """A line may be long already. Who is told to wait takes the next step when it is their turn, and others have theirs before."""
    editor = LineEditor(columns, "utf-8", 4096, 16384, lambda out: out)
    for _ in editor.receive_data(b"\x1b[200~" + "你👩‍💻\n".encode() * 800 + b"\x1b[201~" + data[:256]):
        pass
    out, start, longest = 0, time.process_time(), 0.0
    for item in editor.receive_data(data[:256]):
        now = time.process_time()
        longest, start = max(longest, now - start), now
        out += len(item) if isinstance(item, bytes) else 0
    assert longest < 0.1, "measured: 5 ms"
    assert out <= 3000 * 256


@given(st.binary(max_size=200))
def test_whatever_is_typed_the_line_is_clean(data: bytes) -> None:
    desk = Desk().feed(data)
    for text in (*desk.typed, desk.editor.text):
        assert all(sanitize(line) == line for line in text.split("\n"))
    assert all(line.startswith(("ann> ", "ann>")) for line in desk.lines)


def test_tab_after_an_interrupt_completes_nothing_of_the_line_before() -> None:
    for interrupt in ("\x03", "\r", "\x15"):
        desk = Desk().type("hello an", TAB)
        desk.show(desk.editor.complete(["ann ", "anna "]))
        desk.type(interrupt, TAB, "x", ENTER)
        assert desk.typed[-1] == "x"
        assert desk.said.count(Completion("")) == 1


def test_a_paste_that_shrinks_when_it_is_cleaned_is_taken_whole_or_not_at_all() -> None:
    desk = Desk(text_limit=1000).type("\x1b[200~" + "line     \r\n" * 100 + "THE END\x1b[201~")
    assert desk.said == [TooMuch(1000)]
    assert desk.editor.text == ""


def test_what_cannot_be_pasted_can_still_be_interrupted() -> None:
    desk = Desk().type("\x1b[200~never ended")
    desk.show(desk.editor.abandon())
    assert desk.type("hello", ENTER).typed == ["hello"]
    assert desk.type("\x1b[200~never ended", ENTER, "\x03", "again", ENTER).typed == ["hello", "again"]


def test_keys_at_the_end_of_a_long_text_cost_no_more_than_others() -> None:
    editor = LineEditor(80, "utf-8", 4096, 16384, lambda out: out)
    for _ in editor.receive_data(b"\x1b[200~" + b"y" * 16370 + b"\nz\x1b[201~"):
        pass
    start = time.process_time()
    for _ in editor.receive_data(b"w\x7f" * 256):
        pass
    assert time.process_time() - start < 0.03, "measured: 2 ms"


def test_a_prompt_is_as_wide_as_it_is_in_the_charset() -> None:
    desk = Desk(columns=40, charset="ascii")
    desk.show(desk.editor.prompted("ßßßßß> "))
    desk.type("x" * 60, BACKSPACE, BACKSPACE)
    assert len(desk.lines) == 1
    assert desk.row.startswith("ssssssssss> <xxx")
    assert len(desk.type(HOME).lines) == 1, "and it fits when it is full"


def test_a_text_of_several_lines_may_be_longer_than_a_line_and_only_while_it_is_one() -> None:
    desk = Desk(limit=10, text_limit=30).type("\x1b[200~one\ntwo\nthree\x1b[201~", "!!!!")
    assert desk.editor.text == "one\ntwo\nthree!!!!"
    desk.type("\x15", "1234567890x")
    assert desk.editor.text == "1234567890"
    desk.type("\x15", "\x1b[200~a\nb\x1b[201~", "\x01", DELETE, DELETE, "\x05", "1234567890")
    assert desk.editor.text == "b123456789"
    assert desk.type("\x15", "\x1b[200~a\nb\x1b[201~", ENTER, "1234567890x").editor.text == "1234567890"


def test_what_nobody_shows_back_stays_where_it_was_typed() -> None:
    desk = Desk()
    desk.editor.is_shown_back = False
    assert desk.type("hello?", ENTER).lines == ["ann> hello?", "ann>"]


def test_the_same_line_twice_and_an_empty_one_are_in_the_history_once_and_never() -> None:
    desk = Desk().type("one", ENTER, "two", ENTER, "two", ENTER, ENTER, "  ", ENTER)
    assert desk.type(UP).editor.text == "two"
    assert desk.type(UP).editor.text == "one"


def test_to_delete_nothing_keeps_what_was_deleted() -> None:
    assert Desk().type("one two", "\x15", "\x15", "\x0b", "\x17", "\x19").editor.text == "one two"


def test_a_word_begins_after_a_line_break() -> None:
    desk = Desk().type("\x1b[200~hi\nan\x1b[201~", TAB)
    desk.show(desk.editor.complete(["ann "]))
    assert desk.editor.text == "hi\nann "


def test_what_a_terminal_made_of_a_row_that_it_broke_is_taken_away() -> None:
    desk = Desk(columns=40).type("a line that is rather long for this")
    assert desk.editor.resized(20).startswith(b"\r\x1b[J")


def test_a_row_of_ambiguous_characters_fits_where_they_are_two_columns() -> None:
    for first, then in (("gbk", None), ("utf-8", "gbk")):
        desk = Desk(columns=40, charset=first)
        if then:
            desk.editor.charset = then
        desk.feed("я".encode("gbk") * 30, b"\x01")
        row = desk.editor._row.redraw().decode("gbk")
        row = re.sub("\x1b\\[[0-9;?]*[A-Za-z]|\r", "", row)
        assert columns_of(row, 2) < 40


def test_a_row_with_what_the_charset_has_not_fits_the_terminal() -> None:
    desk = Desk(columns=40, charset="utf-8").type("👋👋👋👋")
    desk.editor.charset = "latin-1"
    row = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]|\r", b"", desk.editor._row.redraw())
    assert len(row) < 40


def test_a_lone_escape_does_not_swallow_enter_nor_an_interrupt() -> None:
    assert Desk().type("hello\x1b", ENTER).typed == ["hello"]
    assert Desk().type("hello\x1b\x03x", ENTER).typed == ["x"]
    assert Desk().type("hi an\x1b", TAB).said == [Completion("hi an")]


def test_what_never_ends_is_not_kept() -> None:
    desk = Desk(limit=100, text_limit=100).type("\x1b[" + "1" * 5000)
    assert len(desk.editor._sequence) <= SEQUENCE_MAX
    desk = Desk(limit=100, text_limit=100).type("\x1b[200~" + "x" * 5000)
    assert desk.editor._pasted is not None
    assert len(desk.editor._pasted.getvalue()) <= 100


def test_a_paste_is_refused_with_the_limit_that_it_broke() -> None:
    assert Desk(limit=50, text_limit=100).type("\x1b[200~" + "x" * 80 + "\x1b[201~").said == [TooMuch(50)]
    assert Desk(limit=50, text_limit=100).type("\x1b[200~" + "x\n" * 80 + "\x1b[201~").said == [TooMuch(100)]


def test_an_interrupt_gives_up_a_key_that_is_half_there() -> None:
    desk = Desk().type("\x1b[")
    desk.show(desk.editor.abandon())
    assert desk.type("hello", ENTER).typed == ["hello"]


def test_tab_and_yank_put_nothing_into_a_password() -> None:
    desk = Desk().type("old\x15")
    desk.show(desk.editor.prompted("Password: ", is_secret=True))
    desk.type("\x19", "xyz", TAB, ENTER)
    assert desk.typed == ["xyz"]
    assert not any(isinstance(said, Completion) for said in desk.said)


@pytest.mark.slow
def test_keys_that_draw_much_are_told_to_wait() -> None:
    for keys in (b"x\x01" * 2000, b"\x15\x19" * 4096, b"\x0c" * 8192, b"\x10\x0e" * 4000):
        editor = LineEditor(80, "utf-8", 4096, 16384, lambda out: out)
        list(editor.receive_data(b"y" * 4000 + b"\r" + b"z" * 4000))
        chunks = (keys[start : start + 64] for start in range(0, len(keys), 64))
        assert any(isinstance(item, EditingCost) for chunk in chunks for item in editor.receive_data(chunk)), keys[:4]


def test_a_row_that_is_drawn_costs_its_columns() -> None:
    editor = LineEditor(500, "utf-8", 4096, 16384, lambda out: out)
    items = [item for _ in range(100) for item in editor.receive_data(b"x\x01")]
    assert any(isinstance(item, EditingCost) for item in items)


def test_the_editor_asks_for_bracketed_paste_and_gives_it_back() -> None:
    desk = Desk()
    assert desk.written.startswith(b"\x1b[?2004h")
    assert desk.editor.close().endswith(b"\x1b[?2004l")


def test_tab_completes_the_word_before_the_cursor() -> None:
    assert Desk().type("an hi", LEFT, LEFT, LEFT, TAB).said == [Completion("an")]


def test_a_secret_with_the_same_prompt_is_a_secret() -> None:
    desk = Desk()
    desk.show(desk.editor.prompted("ann> ", is_secret=True))
    desk.type("xyzzy")
    assert "xyzzy" not in desk.lines[-1]


def test_a_terminal_is_believed_to_have_500_columns_at_most() -> None:
    editor = LineEditor(65535, "utf-8", 4096, 16384, lambda out: out)
    assert editor.columns == 500


def test_what_is_typed_pasted_deleted_and_brought_back_costs_little_memory() -> None:
    text = "".join(chr(0x4E00 + number) for number in range(5000))
    editor = LineEditor(80, "utf-8", 4096, 16384, lambda out: out)
    list(editor.receive_data(f"\x1b[200~a\n{text}\x1b[201~".encode()))
    tracemalloc.start()
    other = LineEditor(80, "utf-8", 4096, 16384, lambda out: out)
    list(other.receive_data(f"\x1b[200~a\n{text}\x1b[201~\x15\x19\x15\x19".encode()))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 200_000, "measured: 60 KB; each cell a string of its own, and what was deleted beside: 850 KB"
    assert other.held >= 5000


def test_an_editor_gives_up_all_that_it_holds() -> None:
    editor = LineEditor(80, "utf-8", 4096, 16384, lambda out: out)
    list(editor.receive_data(f"\x1b[200~a\n{'你' * 5000}\x1b[201~\x15\x19".encode()))
    list(editor.receive_data(b"\x1b[200~" + b"x" * 10_000))
    assert editor.held > 16_000
    drawn = editor.give_up()
    assert editor.held == 0
    assert editor.text == ""
    assert drawn.endswith(b"> ")
    assert Typed("hello") in list(editor.receive_data(b"\x1b[201~hello\r"))


def test_what_still_comes_of_a_paste_that_was_given_up_is_not_sent_as_lines() -> None:
    editor = LineEditor(80, "utf-8", 4096, 16384, lambda out: out)
    list(editor.receive_data(b"\x1b[200~first\n" + b"x" * 10_000))
    editor.give_up()
    assert editor.held == 0
    rest = list(editor.receive_data(b"\nmine alone\n/logout\n" + b"x" * 20_000))
    assert all(isinstance(item, bytes) for item in rest), "the paste has not ended"
    list(editor.receive_data(b"\x1b[20"))
    editor.give_up()
    rest = list(editor.receive_data(b"1~hello\r"))
    assert [item for item in rest if not isinstance(item, bytes)] == [Typed("hello")]
    editor.give_up()
    list(editor.receive_data(b"\x1b[200~again\x1b[201~"))
    assert editor.text == "again"


def test_an_ordinary_line_is_not_counted() -> None:
    editor = LineEditor(80, "utf-8", 4096, 16384, lambda out: out)
    list(editor.receive_data("早上好，大家好！\r今天讨论什么？".encode()))
    assert editor.held == 0
