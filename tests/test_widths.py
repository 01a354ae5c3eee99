"""How wide text is, and where long lines are broken."""

import sys
import time

import pytest
import wcwidth
from hypothesis import given
from hypothesis import strategies as st

from chat_server.wire.render.widths import GRAPHEME_MAX, OWN, columns_of, graphemes, width_class
from chat_server.wire.render.wrapping import INDENT, wrapped

TEXTS = st.lists(
    st.sampled_from(["a", "bc", " ", "  ", "你", "，", "é", "e\u0301", "👩‍💻", "https://example.org/x", "。"]),
    max_size=40,
).map("".join)


@given(TEXTS, st.integers(8, 40), st.integers(0, 40))
def test_no_row_is_wider_than_it_may_be_and_nothing_but_spaces_is_lost(text: str, columns: int, room: int) -> None:
    rows = wrapped(text, columns, room=min(room, columns))
    assert columns_of(rows[0]) <= min(room, columns)
    assert all(columns_of(row) <= columns for row in rows)
    assert all(row.startswith(INDENT) for row in rows[1:])
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")


@given(TEXTS, st.integers(8, 40))
def test_what_a_reader_takes_for_one_character_is_never_broken(text: str, columns: int) -> None:
    broken = [part for row in wrapped(text, columns) for part in graphemes(row.removeprefix(INDENT)) if part != " "]
    assert broken == [part for part in graphemes(text) if part != " "]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("the quick brown fox jumps", ["the quick brown fox", "  jumps"]),
        ("a  b   c", ["a  b   c"]),
        ("    indented code that is long", ["    indented code", "  that is long"]),
        ("你好世界，你好世界，你好世界", ["你好世界，你好世界，", "  你好世界"]),
        ("一二三四五六七八九十，十一", ["一二三四五六七八九", "  十，十一"]),
        ("请使用Python语言，谢谢", ["请使用Python语言，谢", "  谢"]),
        ("一二三四五六七八Python", ["一二三四五六七八", "  Python"]),
        ("一二三四五六七八九（十", ["一二三四五六七八九", "  （十"]),
        ("x" * 30, ["x" * 20, "  " + "x" * 10]),
        ("", [""]),
    ],
)
def test_lines_are_broken_at_words_and_chinese_where_it_may_be(text: str, rows: list[str]) -> None:
    assert wrapped(text, 20) == rows


@pytest.mark.parametrize(
    ("columns", "made_for"), [(0, 0), (-1, 0), (80, 79), (79, 71), (100, 95), (132, 127), (1000, 199), (30, 27), (1, 7)]
)
def test_widths_come_in_few_classes(columns: int, made_for: int) -> None:
    assert width_class(columns) == made_for


def test_a_room_has_few_kinds_of_widths() -> None:
    assert len({width_class(columns) for columns in range(2000)}) <= 32


@pytest.mark.parametrize(
    "text",
    ["你好世" * 455, "a b " * 1000, "x" * 4096, "👩‍💻" * 370, "e" + "\u0301" * 2000, "\u1100" * 5000, "🇩" * 4096],
)
def test_to_break_the_longest_line_takes_no_time_that_others_notice(text: str) -> None:
    start = time.process_time()
    wrapped(text, 79)
    assert time.process_time() - start < 0.05, "measured: 0.2 to 4 ms"


def test_a_charset_of_two_bytes_makes_two_columns_of_what_is_ambiguous() -> None:
    assert wrapped("“ΑΒΓ” ΔΕ", 12) == ["“ΑΒΓ” ΔΕ"]
    assert wrapped("“ΑΒΓ” ΔΕ", 12, ambiguous=2) == ["“ΑΒΓ”", "  ΔΕ"]


def test_one_character_has_a_bound_so_that_it_can_be_broken() -> None:
    assert max(map(len, graphemes("a" + "\u1100" * 1000))) <= GRAPHEME_MAX
    text = "x你👩‍💻e\u0301" * 200
    assert "".join(graphemes(text)) == text
    assert len(graphemes(text)) == 800, "slices cut nothing in two"


@given(TEXTS)
def test_characters_are_what_the_library_takes_for_one_each(text: str) -> None:
    assert graphemes(text) == list(wcwidth.iter_graphemes(text))


def test_what_is_a_character_of_its_own_is_one_beside_anything() -> None:
    own = [character for character in map(chr, range(0x20, sys.maxunicode)) if OWN.match(character)]
    assert len(own) > 100_000
    text = "क".join(own)
    assert list(wcwidth.iter_graphemes(text)) == list(text)


def test_what_is_no_character_of_its_own_is_not_cut_from_the_one_it_belongs_to() -> None:
    text = "a\u0301b" * 300 + "\u0600१" + "\U0001f1e8\U0001f1f3" * 300 + "x" + "👩‍💻" * 100
    assert graphemes(text) == list(wcwidth.iter_graphemes(text))
