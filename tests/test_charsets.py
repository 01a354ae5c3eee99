"""Charsets: text in, bytes out, and what stands for what a charset has not."""

from functools import cache
from itertools import pairwise
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.protocol.choices import CHARSETS, find_charset
from chat_server.protocol.requests import Say
from chat_server.protocol.sanitize import sanitize
from chat_server.sessions.doors import PARSE_TEXT
from chat_server.wire import charsets
from chat_server.wire.charsets import (
    ambiguous_columns,
    decode,
    encode,
    has_byte_255,
    incremental_decoder,
    last_character,
    may_be_gb18030,
    showable,
    substitute,
)
from chat_server.wire.text import TextDecoder

CONVERSATION = "大家好！\n今天吃什麼？喝茶嗎\n/me 揮手\nhello, 世界\n"


@pytest.mark.parametrize("charset", ["gb18030", "big5", "utf-8"])
@given(cuts=st.lists(st.integers(0, 120), max_size=12))
def test_every_split_of_a_conversation_gives_the_same_text(charset: str, cuts: list[int]) -> None:
    data = CONVERSATION.encode("cp950" if charset == "big5" else charset)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    every_byte = range(len(data) + 1)
    for ends in (edges, every_byte):
        decoder = TextDecoder(PARSE_TEXT, 4096)
        decoder.charset = charset
        said = [
            request.text if isinstance(request, Say) else request
            for start, end in pairwise(ends)
            for request in decoder.receive_data(data[start:end])
        ]
        first, second, third, fourth = CONVERSATION.splitlines()
        assert said[:2] == [first, second]
        assert getattr(said[2], "action", "") == third.removeprefix("/me ")
        assert said[3] == fourth


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands for a character is the same in every charset: for all of Unicode it is looked up once, not in each. Nor is it encoded twice."""
    monkeypatch.setattr(charsets, "substitute", STANDS_FOR.__getitem__)
    monkeypatch.setattr(charsets, "encode", encoded)


class _StandsFor(dict[str, str]):
    def __missing__(self, character: str) -> str:
        self[character] = stands = substitute(character)
        return stands


STANDS_FOR = _StandsFor()
encoded = cache(encode)


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("charset", CHARSETS)
def test_no_control_character_stands_inside_a_longer_sequence(charset: str) -> None:
    """Lines are cut, and telnet is taken off, before anything is decoded."""
    data = encoded(everything(), charset) + encoded(all_that_is_not_clean(), charset)
    assert not {*range(0x20), 0x7F} & {*data}
    assert 0xFF not in data or has_byte_255(charset)


@cache
def everything() -> str:
    codes = map(chr, [*range(0x20, 0xD800), *range(0xE000, 0x20000)])
    return sanitize("".join(character for character in codes if category(character) != "Cn"))


@cache
def all_that_is_not_clean() -> str:
    return "".join({*map(chr, [*range(0xA0, 0xD800), *range(0xE000, 0x10000)])}.difference(everything()))


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("charset", CHARSETS)
def test_clean_text_stays_clean_through_a_charset(charset: str) -> None:
    text = everything()
    shown = showable(text, charset)
    assert sanitize(shown) == shown
    assert encoded(shown, charset) == encoded(text, charset)


@given(st.characters(exclude_categories=["Cs", "Cc"]))
def test_what_stands_for_a_character_is_ascii_that_can_be_shown(character: str) -> None:
    shown = substitute(character)
    assert shown.isascii()
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("text", "charset", "shown"),
    [
        ("naïve “quote” – 5 €…", "ascii", 'naive "quote" - 5 EUR...'),
        ("hi 👋", "latin-1", "hi :waving hand sign:"),
        ("你好", "latin-1", "??"),
        ("Ångström ß", "ascii", "Angstrom ss"),
        ("Ｆｕｌｌ", "koi8-r", "Full"),
        ("привет", "koi8-r", "привет"),
        ("👨‍👩‍👧", "gbk", ":man::woman::girl:"),
    ],
)
def test_what_a_charset_has_not_is_replaced_by_something_that_can_be_read(text: str, charset: str, shown: str) -> None:
    assert decode(encode(text, charset), charset) == showable(text, charset) == shown


@pytest.mark.parametrize(
    ("name", "charset"),
    [("UTF8", "utf-8"), ("GB2312", "gbk"), ("ISO_8859-1", "latin-1"), ("Shift-JIS", "shift_jis"), ("KOI8", "koi8-r")],
)
def test_a_charset_is_found_by_its_usual_names(name: str, charset: str) -> None:
    assert find_charset(name) == charset


def test_what_is_no_charset_of_a_terminal_is_not_found() -> None:
    for name in ("utf-16", "idna", "rot13", "hex", "utf-7", "iso-2022-jp", "hz", ""):
        assert find_charset(name) is None


@pytest.mark.parametrize("charset", CHARSETS)
def test_the_last_character_is_known_in_bytes(charset: str) -> None:
    for text in ("a", "aé", "a你好", "aЪ", "aソ", "a한", "a👋"):
        data = encode(text, charset)
        decoded = decode(data, charset)
        assert decode(data[: len(data) - last_character(data, charset)], charset) == decoded[:-1]
    assert last_character(b"", charset) == 0
    assert last_character(b"\x81", charset) in (0, 1)


@given(st.binary(max_size=20), st.sampled_from(CHARSETS), st.lists(st.integers(0, 20), max_size=5))
def test_any_bytes_are_some_text_whatever_their_split(data: bytes, charset: str, cuts: list[int]) -> None:
    def decoded(*chunks: bytes) -> str:
        decoder = incremental_decoder(charset)
        return "".join(map(decoder.decode, chunks))

    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[start:end] for start, end in pairwise(edges)]
    assert decoded(*chunks) == decoded(data) == decoded(*(data[at : at + 1] for at in range(len(data))))


def test_chinese_is_told_from_what_only_looks_like_it() -> None:
    for text in ("大家好", "你好 hello", "（今天天气很好。）", "/login 小明"):
        assert may_be_gb18030(text.encode("gb18030"))
        assert not may_be_gb18030(text.encode())
    for line in (b"plain", "café".encode("latin-1"), "Müller, Größe".encode("latin-1"), b"\x81", b"\xff\xfb\x01"):
        assert not may_be_gb18030(line)


def test_every_charset_of_two_bytes_makes_two_columns() -> None:
    for charset in ("gbk", "big5", "euc-kr", "shift_jis", "euc-jp"):
        assert ambiguous_columns(charset) == 2
    for charset in ("utf-8", "gb18030", "koi8-r"):
        assert ambiguous_columns(charset) == 1


def test_rare_characters_are_not_taken_for_chinese() -> None:
    assert not may_be_gb18030("ÈÉ ÊË ìíîï äöüß".encode("latin-1"))
