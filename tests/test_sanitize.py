import unicodedata
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.protocol.sanitize import MARKS_MAX, _bound_marks, _table, sanitize, sanitize_to_line

# Where one code is like the other: ideographs, Hangul, private use, and what no character is assigned in.
ALIKE = [
    (0x3400, 0x4DC0), (0x4E00, 0xA000), (0xAC00, 0xD7A4), (0xE000, 0xF900), (0x20000, 0x40000), (0x40000, 0x60000), (0x60000, 0x80000),
    (0x80000, 0xA0000), (0xA0000, 0xC0000), (0xC0000, 0xE0000), (0xE1000, 0xF0000), (0xF0000, 0x110000),
]  # fmt: skip
# Every other code, and of these the ends.
CODES = (
    *range(0x3400),
    *range(0x4DC0, 0x4E00),
    *range(0xA000, 0xAC00),
    *range(0xD7A4, 0xE000),
    *range(0xF900, 0x20000),
    *range(0xE0000, 0xE1000),
    *(code for first, end in ALIKE for code in (*range(first, first + 256), *range(end - 256, end))),
)

HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\x1b\x07\x9b\x9d\u202e\u2066\u2028\u2029\x85\r\n\t\u0301\u0300\u200d\ufe0f\U000e0041\ud800\udfff\u200f"
        ),
    )
)


@given(HOSTILE)
def test_what_comes_out_can_be_encoded_and_has_no_control_of_any_kind(text: str) -> None:
    cleaned = sanitize(text)
    cleaned.encode()
    categories = {unicodedata.category(character) for character in cleaned}
    assert not categories & {"Cc", "Cs", "Zl", "Zp"}
    assert not any(unicodedata.bidirectional(character) in BIDI_CONTROLS for character in cleaned)
    assert not any("\U000e0000" <= character <= "\U000e007f" for character in cleaned)


BIDI_CONTROLS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def is_mark(character: str) -> bool:
    """Whether it is drawn with another, or has a place in the canonical order, as it stands or in compatibility form."""
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return True
    return all(unicodedata.combining(part) for part in unicodedata.normalize("NFKD", character))


@given(HOSTILE)
def test_a_run_of_marks_is_bounded(text: str) -> None:
    run = 0
    for character in sanitize(text):
        run = run + 1 if is_mark(character) else 0
        assert run <= MARKS_MAX


@given(HOSTILE)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert sanitize(sanitize(text)) == sanitize(text)


def test_to_look_at_the_ends_of_what_is_alike_is_to_look_at_all() -> None:
    assert {*CODES}.union(*(range(first, end) for first, end in ALIKE)) == {*range(0x110000)}
    for first, end in ALIKE:
        characters = [chr(code) for code in range(first, end)]
        assert {*map(unicodedata.category, characters)} <= {"Lo", "Cn", "Co"}
        assert not any(map(unicodedata.combining, characters))
        assert _table().keys().isdisjoint(range(first, end))


def test_what_keeps_words_or_lines_apart_is_never_taken_out() -> None:
    for code in CODES:
        between = chr(code)
        if between.isspace() or len(f"a{between}b".splitlines()) > 1:
            assert sanitize(f"a{between}b").split() == ["a", "b"], hex(code)
    assert sanitize("a\r\nb") == "a b"


def test_a_text_that_is_to_have_one_line_keeps_its_words_apart() -> None:
    assert sanitize_to_line("a\n\n  b \u2028c") == "a b c"
    assert sanitize_to_line("a  b") == "a  b"
    assert sanitize_to_line("\n") == ""


def test_every_combining_mark_is_seen_by_the_quick_look() -> None:
    for code in CODES:
        mark = chr(code)
        if 0xD800 <= code < 0xE000 or is_mark(mark):
            assert len(sanitize("a" + mark * 40)) <= MARKS_MAX + 1, hex(code)


def test_whatever_order_it_is_in_clean_text_has_no_long_run_that_must_be_put_in_order() -> None:
    marks = [chr(code) for code in CODES if unicodedata.combining(chr(code))]
    marks += ["\uff9e", "\u0344", "\u0f73"]
    by_class = {unicodedata.combining(mark): mark for mark in marks}
    for one in by_class.values():
        for other in ("\uff9e", "\U0001d165", "\u0301"):
            run = 0
            for character in unicodedata.normalize("NFKD", sanitize("a" + (one + other) * 100)):
                run = run + 1 if unicodedata.combining(character) else 0
                assert run <= 2 * MARKS_MAX


@pytest.mark.slow
def test_what_passes_at_the_first_look_is_what_passes_when_looked_at_closely() -> None:
    for block in batched(CODES, 64):
        texts = ["a" + chr(code) * (MARKS_MAX + 1) for code in block]
        together = "".join(texts)
        if sanitize(together) is together:  # at the first look: so each of them passes at it
            texts = [together]
        for text in texts:
            assert sanitize(text) == _bound_marks(text.translate(_table())), ascii(text)


def batched(codes: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (codes[start : start + size] for start in range(0, len(codes), size))


# What Unicode draws as nothing (Default_Ignorable_Code_Point of DerivedCoreProperties.txt, 16.0).
IGNORABLE = [
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E),
    (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
]  # fmt: skip
SHAPING = "\u034f\u180b\u180c\u180d\u180f\u200b\u200c\u200d\u2060"


def test_what_is_drawn_as_nothing_is_taken_out_unless_it_shapes_what_stands_beside_it() -> None:
    left = {
        chr(code) for first, last in IGNORABLE for code in range(first, last + 1) if sanitize(f"a{chr(code)}b") != "ab"
    }
    selectors = {chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))}
    assert left == set(SHAPING) | selectors


@pytest.mark.parametrize("blank", ["\u2800", "\U0001d159", "\U00013441", "\U00013442"])
def test_a_blank_that_passes_for_a_sign_is_a_space(blank: str) -> None:
    assert sanitize(f"a{blank}b") == "a b"
    assert sanitize(blank * 3).strip() == ""


def test_invisible_characters_do_not_let_marks_pile_up() -> None:
    for between in "\u200b\u200c\u200d\u2060\xad":
        assert len(sanitize("a" + ("\u0301" * 8 + between) * 50)) == MARKS_MAX + 1


def test_emoji_cjk_and_scripts_with_marks_pass_untouched() -> None:
    for text in (
        "你好，世界",
        "👩‍👩‍👧‍👦 👍🏽 ❤️ 🇨🇳",
        "नमस्ते दुनिया",
        "שָׁלוֹם",
        "Việt Nam",
        "สวัสดีชาวโลก",
        "ก็ได้",
        "مرحبا",
        "한국어 닭볶음탕",
        "ﾊﾞﾅﾅ ガギグ",
        "葛\U000e0100城",
        "ꦗꦮ ᬩᬮᬶ",
        "မြန်မာ",
        "ᠮᠣᠩᠭᠣᠯ\u180b",
    ):
        assert sanitize(text) == text


def test_spaces_of_other_kinds_become_spaces() -> None:
    assert sanitize("a\tb\u2028c\x85d") == "a b c d"


def test_an_escape_sequence_loses_what_makes_it_one() -> None:
    assert sanitize("\x1b]0;title\x07\x1b[31mred\x9b0m") == "]0;title[31mred0m"
