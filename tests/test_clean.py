import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from chat_server.clean import MARKS_MAX, clean

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
    cleaned = clean(text)
    cleaned.encode()
    categories = {unicodedata.category(character) for character in cleaned}
    assert not categories & {"Cc", "Cs", "Zl", "Zp"}
    assert not any(unicodedata.bidirectional(character) in BIDI_CONTROLS for character in cleaned)
    assert not any("\U000e0000" <= character <= "\U000e007f" for character in cleaned)


BIDI_CONTROLS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(HOSTILE)
def test_a_run_of_marks_is_bounded(text: str) -> None:
    run = 0
    for character in clean(text):
        run = run + 1 if unicodedata.category(character) in {"Mn", "Me", "Cf"} else 0
        assert run <= MARKS_MAX


@given(HOSTILE)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_every_combining_mark_is_seen_by_the_quick_look() -> None:
    for code in range(0x110000):
        mark = chr(code)
        if unicodedata.category(mark) in {"Mn", "Me", "Cf"}:
            assert len(clean("a" + mark * 40)) <= MARKS_MAX + 1, hex(code)


def test_invisible_characters_do_not_let_marks_pile_up() -> None:
    for between in "\u200b\u200c\u200d\u2060\xad":
        assert len(clean("a" + ("\u0301" * 8 + between) * 50)) == MARKS_MAX + 1


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
        "한국어",
    ):
        assert clean(text) == text


def test_spaces_of_other_kinds_become_spaces() -> None:
    assert clean("a\tb\u2028c\x85d") == "a b c d"


def test_an_escape_sequence_loses_what_makes_it_one() -> None:
    assert clean("\x1b]0;title\x07\x1b[31mred\x9b0m") == "]0;title[31mred0m"
