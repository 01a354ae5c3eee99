"""Who is named in a text: the same answer for the server, the client's counts, its paint, and bots."""

import ast
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from unicodedata import category

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import chat_server.protocol.mentions
from chat_server.protocol.entries import Said
from chat_server.protocol.mentions import _WITHOUT_MARKS, Names, _kind, folded, names_in
from chat_server.protocol.names import NAME_TYPED_MAX, name_key
from chat_tui.client.notifications import calling, how_told, names
from chat_tui.settings import NotifyTable

NAMED = [
    ("ann", "ann"),
    ("ann", "ann: hi"),
    ("ann", "hi, ann, how are you"),
    ("ann", "@ann"),
    ("ann", "(ann)"),
    ("ann", "ann's"),
    ("ann", "ann\u2019s"),
    ("ann", "ANN!"),
    ("ann", "thanks _ann_"),
    ("ann", "**ann**"),
    ("ann", "ann - hello"),
    ("ann", "hello--\nann"),
    ("ann", "ann👋"),
    ("ann", "你好ann吗"),
    ("ann", "@ann你好"),
    ("ann", "你好@ann"),
    ("ann", "ann/bob"),
    ("ann-marie", "ann-marie: hi"),
    ("ann_", "hi ann_"),
    ("小明", "小明你好"),
    ("小明", "请问小明在吗"),
    ("小明", "小明abc"),
    ("ann小明", "你好ann小明"),
    ("민수", "민수가 왔다"),
    ("ไทย", "ภาษาไทยง่ายมาก"),
    ("ลาว", "ພາສາລາວ ลาวง่าย"),
    ("straße", "STRASSE: hi"),
    ("STRASSE", "hi straße"),
    ("josé", "jose\u0301, hi"),
    ("नमस्ते", "नमस्ते, कैसे हो"),
    ("علی", "علی، سلام"),
    ("ann", "\uff41\uff4e\uff4e\uff01"),
]
NOT_NAMED = [
    ("ann", ""),
    ("ann", "annabel"),
    ("ann", "joann"),
    ("ann", "ann2"),
    ("ann", "ann_b hi"),
    ("ann", "ann-marie"),
    ("ann", "jo-ann"),
    ("ann", "ann-小明"),
    ("ann", "ann@example.org"),
    ("ann", "joe@ann.example"),
    ("ann", "ann\u0301 hi"),
    ("ann", "ann\u0335 hi"),
    ("ann", "ann²"),
    ("小明", "小-明"),
    ("小明", "小明_b"),
    ("小明", "小明@example.org"),
    ("กา", "เกา"),
    ("ก", "กา"),
    ("ท", "ที่"),
    ("नमस्", "नमस्ते"),
]


@pytest.mark.parametrize(("name", "text"), NAMED)
def test_whoever_is_named_is_found_by_all(name: str, text: str) -> None:
    assert names_in(text, {name_key(name): 0}) == {name_key(name)}
    assert names(name, text)
    assert Names((name,)).spans(text)


@pytest.mark.parametrize(("name", "text"), NOT_NAMED)
def test_whoever_is_not_named_is_found_by_nobody(name: str, text: str) -> None:
    assert not names_in(text, {name_key(name): 0})
    assert not names(name, text)
    assert not Names((name,)).spans(text)


_PIECES = st.sampled_from(
    [
        *"ann-_@ :.'()2",
        "ANN",
        "小明",
        "明",
        "ไทย",
        "กา",
        "เ",
        "า",
        "ี",
        "\u0301",
        "\u0335",
        "é",
        "ß",
        "ss",
        "\u1100",
        "\u1161",
        "ガ",
        "\uff76\uff9e",
    ]
)
_TEXTS = st.lists(_PIECES, max_size=12).map("".join)
_SOME_NAMES = st.sets(
    st.lists(_PIECES.filter(lambda piece: piece not in " :.'()@"), min_size=1, max_size=3).map("".join), max_size=6
)


@example("\u0e35", {"\u0e35"})  # a mark without a letter
@given(
    st.lists(st.sampled_from(["ann", "Ann", "bob", "a", "2", "-", "--", "_", "@", " ", ".", "\n", "\x1f"])).map(
        "".join
    ),
    st.sets(st.sampled_from(["ann", "bob", "a", "a-2", "ann-bob", "_ann", "ann_", "-bob-", "-", "__"])),
)
def test_what_else_a_text_has_decides_on_no_name_that_it_does_not_touch(text: str, known: set[str]) -> None:
    assert names_in(text, known) == names_in(
        f"{text} \u2026", known
    )  # the second is no text of ASCII, which are read by their bytes


@given(_TEXTS, _SOME_NAMES)
def test_the_server_and_the_client_never_disagree(text: str, some: set[str]) -> None:
    known = {name_key(name) for name in some}
    found = names_in(text, known)
    assert found == {name for name in known if Names((name,)).are_in(text)}
    assert Names(known).are_in(text) is bool(found)
    assert bool(Names(known).spans(text)) is bool(found)


@given(_TEXTS | st.text(), _SOME_NAMES)
def test_what_is_painted_reads_as_a_name(text: str, some: set[str]) -> None:
    spans = Names(some).spans(text)
    keys = {folded(name) for name in some}
    assert all(start < end for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert all(any(key in folded(text[start:end]) for key in keys) for start, end in spans)


@pytest.mark.parametrize(
    ("name", "text", "painted"),
    [
        ("strasse", "hi STRAßE, and ﬁ", ["STRAßE"]),
        ("josé", "x jose\u0301 y josé", ["jose\u0301", "josé"]),
        ("가나", "\u1100\u1161나다", ["\u1100\u1161나"]),
        ("ガ", "\uff76\uff9e!", ["\uff76\uff9e"]),
        ("小明", "㍿小明ﬃ小明", ["小明", "小明"]),
    ],
)
def test_it_is_painted_where_it_stands(name: str, text: str, painted: list[str]) -> None:
    assert [text[start:end] for start, end in Names((name,)).spans(text)] == painted


@given(st.text(max_size=NAME_TYPED_MAX))  # a longer one is nobody's name
def test_texts_are_folded_as_names_are(text: str) -> None:
    assert folded(text) == name_key(text)


def test_the_words_one_wants_to_hear_of_are_found_as_names_are() -> None:
    rules = NotifyTable(words=["c++", "help wanted", "lunch"])
    found = calling("ann", rules)
    for text, spans in (
        ("who knows C++?", [(10, 13)]),
        ("ann: help wanted!", [(0, 3), (5, 16)]),
        ("lunchtime", []),
        ("the lunch-box", []),
    ):
        assert found.spans(text) == spans
    line = Said("python", 1, 0.0, "bob", "the LUNCH.")
    assert how_told(line, "ann", rules)


def test_letters_of_scripts_without_spaces_are_taken_for_such() -> None:
    for letter in "ลກཀမក你かカ가ꦏ\U0001b001\U00020000":
        assert _kind(letter) == "u", (letter, hex(ord(letter)))
    for letter in "aéбאعनঅ2":
        assert _kind(letter) == "a", letter


def test_it_imports_nothing_of_ours_that_knows_anything() -> None:
    tree = ast.parse(Path(chat_server.protocol.mentions.__file__).read_text())
    modules = {
        name.name if isinstance(node, ast.Import) else node.module or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    ours = {"chat_server.protocol.late_pattern"}
    assert modules == {"re", "bisect", "collections.abc", "functools", "itertools", "unicodedata"} | ours


HOSTILE = [
    "a",
    "a ",
    "a-",
    "-",
    "_",
    "@",
    "a@",
    "ann ",
    "anna",
    "ann-",
    "小",
    "小明",
    "小-",
    "ก",
    "กา",
    "เก",
    "e\u0301",
    "ﷺ",
    "ß",
    "\u1100\u1161",
    "👋",
    " ",
]


def _cost(text: str) -> float:
    some = Names(("ann", "a", "-", "小明", "小", "กา", "e\u0301"))
    known = {folded(name) for name in ("ann", "a", "-", "小明", "小", "กา", "e\u0301")}
    began = time.thread_time()
    some.spans(text)
    some.are_in(text)
    names_in(text, known)
    return time.thread_time() - began


def _is_ever_linear(small: str, large: str) -> bool:
    """Whether eight times as much has at least once cost no more than 24 times; a square would be 64 times as much."""
    best_small = best_large = 1.0
    for _ in range(5):
        best_small, best_large = min(best_small, _cost(small)), min(best_large, _cost(large))
        if best_large < 8 * 3 * max(best_small, 0.0005):
            return True
    return False


@pytest.mark.parametrize("unit", HOSTILE)
def test_what_it_costs_grows_with_the_text_and_no_faster(unit: str) -> None:
    assert _is_ever_linear(*((unit * size)[:size] for size in (4000, 32000)))


def test_marks_are_no_letters_that_a_regular_expression_knows() -> None:
    """Texts whose words are found by a regular expression hold no mark."""
    marks = [chr(code) for code in range(0x110000) if category(chr(code))[0] == "M"]
    assert not [hex(ord(mark)) for mark in marks if _WITHOUT_MARKS.fullmatch(mark)]


def test_large_classes_of_characters_are_compiled_when_they_are_needed() -> None:
    check = (
        "import re, sys; compiled = []; real = re.compile\n"
        "re.compile = lambda pattern, flags=0: (compiled.append(pattern), real(pattern, flags))[1]\n"
        "from chat_server.protocol import mentions, sanitize\n"
        "from chat_server.wire.render import widths\n"
        "sanitize.sanitize('hello'), mentions.Names(('ann',)).are_in('ann: hello')\n"
        "of_unicode = [p for p in map(str, compiled) if '\\\\u' in p or any(ord(c) > 0x250 for c in p)]\n"
        "large = [p for p in of_unicode if 'ann' not in p]\n"
        "sys.exit(len(large))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
