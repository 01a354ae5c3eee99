"""Markdown never changes what somebody said: what is surely a mark is not shown, and is copied; all else is shown as it was typed."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.client.markdown import FENCES_MAX, MARKS_MAX, Kind, marked
from chat_tui.ui.markup import Shown, Styles, shown


def as_shown(text: str) -> str:
    return shown(text, Styles()).text


def parts(text: str, kind: Kind) -> list[str]:
    return [text[start:end] for start, end in marked(text).parts.get(kind, [])]


AS_TYPED = [
    "2*3*4 = 24",
    "lambda *a, **k: a*b*c",
    "use __init__",
    "__all__ = ['a']",
    "C:\\*\\*.txt",
    "\\\\server\\*share*",
    "snake_case_name and _private",
    "**/*.py and **/*.md",
    "**/a/** and src/**/b/**",
    "rm *.o *.a",
    "delete */tmp/*",
    "print(*a, sep='*')",
    "SELECT * FROM a WHERE b = '*' OR c = '*'",
    'the "*" and the "*"',
    "/* a */ int *p; /* b */",
    "char *a; char* b",
    "int *p = q; r = s *t",
    "5 *6* 7",
    "2 ** 3 ** 4",
    "2**3**4",
    "长*宽*高",
    "~5 km, ~6 km",
    "~~~\ncode\n~~~",
    "`one backtick",
    "the int`s and the str`s",
    "it`s a`b`c",
    "` not code `",
    "* a\n* b",
    "- a\n- b\n1. c",
    "# not a heading\n## nor this",
    "a\n---\nb\n***\n===",
    "    four spaces",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "<b>x</b> &amp; <!-- y -->",
    "[a](b) ![c](d) [e]: f",
    ">>> x = 1\n>_<\n>5\n> 5 people",
    "```\n```",
    "```\nnever closed",
    "```print(1)\nx\n```y",
    "*a\nb*",
    "**a\n\nb**",
    "****a**** *****b*****",
    "\\*a and a\\_b and \\`c",
    "¯\\_(ツ)_/¯",
    "*",
    "`" * 200 + "*" * 200,
]


@pytest.mark.parametrize("text", AS_TYPED)
def test_what_is_no_mark_is_shown_as_it_was_typed(text: str) -> None:
    assert as_shown(text) == text


@pytest.mark.parametrize(
    ("text", "kind", "marked_part", "is_shown"),
    [
        ("an *em* here", Kind.EMPHASIS, "em", "an em here"),
        ("an _em_ here", Kind.EMPHASIS_TOO, "em", "an em here"),
        ("(*em*), ok", Kind.EMPHASIS, "em", "(em), ok"),
        ("**two words**.", Kind.STRONG, "two words", "two words."),
        ("**Note:** read", Kind.STRONG, "Note:", "Note: read"),
        ("***both***", Kind.BOTH, "both", "both"),
        ("~~gone~~!", Kind.STRUCK, "gone", "gone!"),
        ("这是**重要**的", Kind.STRONG, "重要", "这是重要的"),
        ("*斜*，好", Kind.EMPHASIS, "斜", "斜，好"),
        ("`a*b*c` *x*", Kind.CODE, "a*b*c", "a*b*c x"),
        ("`` a`b ``", Kind.CODE, " a`b ", " a`b "),
        ("see ```x = 1``` there", Kind.CODE, "x = 1", "see x = 1 there"),
        ("`C:\\`", Kind.CODE, "C:\\", "C:\\"),
        ("*use snake_case_names*", Kind.EMPHASIS, "use snake_case_names", "use snake_case_names"),
        ("*int *b*", Kind.EMPHASIS, "b", "*int b"),
        ("> said *so*\n> twice", Kind.QUOTE, "> said *so*\n> twice", "> said so\n> twice"),
        ("a\n```python\nx = *y*\n```\nb", Kind.BLOCK, "x = *y*", "a\npython\nx = *y*\nb"),
        ("```\nx\n\ny\n```", Kind.BLOCK, "x\n\ny", "x\n\ny"),
        ("````\n```\nx\n```\n````", Kind.BLOCK, "```\nx\n```", "```\nx\n```"),
    ],
)
def test_what_is_marked_is_shown_without_its_marks(text: str, kind: Kind, marked_part: str, is_shown: str) -> None:
    assert parts(text, kind) == [marked_part]
    assert as_shown(text) == is_shown


def test_marks_may_stand_in_one_another() -> None:
    text = "**a _b_ ~~c~~ `d`**"
    assert as_shown(text) == "a b c d"
    assert [len(parts(text, kind)) for kind in (Kind.STRONG, Kind.EMPHASIS_TOO, Kind.STRUCK, Kind.CODE)] == [1] * 4
    assert as_shown("*a **b* c**") == "a **b c**", "what crosses is not in one another"


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [
        ("\\*a\\*", "*a*"),
        ("\\*a*", "*a*"),
        ("*a\\*", "*a*"),
        ("\\**a**", "**a**"),
        ("\\*\\*a\\*\\*", "**a**"),
        ("\\_a\\_", "_a_"),
        ("\\`*a*\\`", "`*a*`"),
        ("*a\\* b*", "a* b"),
        ("\\~~a~~", "~~a~~"),
    ],
)
def test_a_backslash_takes_their_meaning_from_marks_that_would_have_one(text: str, is_shown: str) -> None:
    assert as_shown(text) == is_shown


def test_in_an_address_nothing_is_a_mark() -> None:
    text = "*https://e.org/a*b_c_* _https://e.org/a_ https://e.org/_x_"
    assert as_shown(text) == "https://e.org/a*b_c_ https://e.org/a https://e.org/_x_"
    assert parts(text, Kind.LINK) == ["https://e.org/a*b_c_", "https://e.org/a", "https://e.org/_x_"]


def test_too_many_marks_are_taken_as_they_were_typed() -> None:
    assert as_shown("*a* " * (MARKS_MAX // 2)) == "a " * (MARKS_MAX // 2)
    for text in ("*a* " * (MARKS_MAX // 2 + 1), "```\na\n```\n" * FENCES_MAX):
        assert as_shown(text) == text
    code = "a_b * c_d\n" * MARKS_MAX
    assert as_shown(f"```\n{code}```\n*so*") == f"{code}so", "marks in a block do not count"


_WRITTEN = st.lists(
    st.sampled_from(
        [
            *"*_~`\\> \nab2.,:;(/'",
            "**",
            "***",
            "~~",
            "```",
            "\n```\n",
            "\n```py\n",
            "> ",
            "word",
            "小",
            "é",
            "👋",
            "e\u0301",
            "https://e.org/a_b",
        ]
    ),
    max_size=40,
).map("".join)


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text)


@given(_WRITTEN)
def test_nothing_is_swallowed_and_nothing_changes_its_place(text: str) -> None:
    found = marked(text)
    hidden = found.hidden
    assert all(before.end <= after.start for before, after in pairwise(hidden)), "marks stand one after another"
    assert all(set(text[start:end]) <= set("*_~`\\ \n") for start, end, _ in hidden), "only marks are hidden"
    assert "".join(words(as_shown(text))) == "".join(words(text))
    if text.isascii():
        assert words(as_shown(text)) == words(text)
    for spans in found.parts.values():
        assert all(start < end for start, end in spans)
        assert all(before.end <= after.start for before, after in pairwise(spans))


@given(
    st.lists(
        st.lists(st.sampled_from(["a", "word", "2", " ", ".", "/", "(", "小"]), max_size=6).map("".join),
        min_size=5,
        max_size=5,
    ),
    st.permutations(["*", "_", "**", "~~"]),
)
def test_without_a_second_mark_there_is_none(between: list[str], marks: list[str]) -> None:
    text = between[0] + "".join(mark + piece for mark, piece in zip(marks, between[1:], strict=True))
    assert re.search(r"\*\*\**\w|_{2,}", text) or as_shown(text) == text


@given(st.text(alphabet="*_~ab2", min_size=1), st.sampled_from(["a", "7"]))
def test_inside_a_word_nothing_is_a_mark(text: str, letter: str) -> None:
    inside = letter + text.replace(" ", "") + letter
    assert as_shown(inside) == inside


@given(_WRITTEN, st.integers(0, 60), st.integers(0, 60))
def test_what_is_copied_is_what_was_said(text: str, first: int, last: int) -> None:
    result = shown(text, Styles())
    assert result.said(0, len(result.text)) == text, "all of it, byte for byte"
    first, last = sorted((min(first, len(result.text)), min(last, len(result.text))))
    copied = result.said(first, last)
    assert copied in text
    cut = result.text[first:last]
    assert "".join(words(copied)) == "".join(words(cut))


@given(_WRITTEN, st.lists(st.integers(0, 60), min_size=2, max_size=5))
def test_in_pieces_it_is_copied_as_in_one(text: str, places: list[int]) -> None:
    result = shown(text, Styles())
    places = sorted({0, len(result.text), *(min(place, len(result.text)) for place in places)})
    assert "".join(words("".join(result.said(*pair) for pair in pairwise(places)))) == "".join(words(text))


def test_marks_are_copied_with_what_they_belong_to() -> None:
    result = shown("a **b** c `d`", Styles())
    assert result.text == "a b c d"
    assert [result.said(2, 3), result.said(0, 2), result.said(3, 6), result.said(4, 7)] == [
        "**b**",
        "a ",
        " c ",
        "c `d`",
    ]


def test_parts_are_painted_where_they_are_shown() -> None:
    styles = Styles()
    content = shown("x **b** `c` https://e.org", styles).content(0, 100)
    assert content.plain == "x b c https://e.org"
    painted = {content.plain[span.start : span.end]: span.style for span in content.spans if span.start < span.end}
    assert painted["b"] == styles.strong
    assert painted["https://e.org"] == styles.link + type(styles.link)(link="https://e.org")


def test_a_part_of_the_rows_has_its_styles() -> None:
    result = shown("aa **bb cc** dd", Styles())
    content = result.content(4, 7)
    assert content.plain == "b c"
    assert [(span.start, span.end) for span in content.spans] == [(0, 3)]


def test_with_markdown_off_all_is_as_it_was_typed() -> None:
    result = shown("*a* https://e.org", Styles(), is_markdown=False)
    assert result.text == "*a* https://e.org"
    assert len(result.content(0, 99).spans) == 1


def test_nothing_shown_is_nothing() -> None:
    assert Shown("").text == ""
    assert Shown("").said(0, 0) == ""
