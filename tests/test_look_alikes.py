"""Names that look alike, and names in mixed scripts."""

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.accounts.look_alikes import described, skeleton, telling_letter
from chat_server.accounts.new_names import parse_new_name
from chat_server.accounts.scripts import foreign_letter
from chat_server.accounts.unicode_tables import LOOK_ALIKES, SCRIPTS, UNICODE
from chat_server.protocol.names import NAME_MAX, BadName, may_stand_in_a_name, parse_name

WORDS = LOOK_ALIKES.split(" ")
SHAPES = dict(zip(WORDS[::2], WORDS[1::2], strict=True))


@pytest.mark.parametrize(
    ("one", "other", "letter"),
    [
        ("emily", "еmily", "е"),
        ("paypal", "раураl", "р"),
        ("paypal", "рауpal", "р"),
        ("paypal", "paypaI", "I"),
        ("paypal", "paypa1", "1"),
        ("alice", "aIice", "I"),
        ("dog", "d0g", "0"),
        ("root", "rооt", "о"),
        ("BOB", "ВОВ", "В"),
        ("TOM", "ТОМ", "Т"),
        ("cocoa", "сосоа", "с"),
        ("ı", "i", "i"),
        ("naïve", "nаïve", "а"),
        ("aero", "æro", "æ"),
        ("Mclntyre", "McIntyre", "I"),
        ("ілля", "iлля", "i"),
        ("оо", "00", "0"),
        ("\u05d5", "\u05df", "\u05df"),
    ],
)
def test_names_that_look_alike_have_one_skeleton_and_a_letter_that_tells_them_apart(
    one: str, other: str, letter: str
) -> None:
    assert skeleton(one) == skeleton(other)
    assert telling_letter(other, one) == letter


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann", "апп"),
        ("ann", "anna"),
        ("m", "rn"),
        ("modem", "modern"),
        ("tom", "том"),
        ("Ian", "Lan"),
        ("ian", "lan"),
        ("neil", "nell"),
        ("bill", "biil"),
        ("小明", "小朋"),
        ("zoe", "zoë"),
        ("aб", "a6б"),
    ],
)
def test_names_that_can_be_told_apart_have_two(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@pytest.mark.parametrize("name", ["ivan", "иван", "ΝΙΚΗ", "IVAN", "小明", "हिन्दी", "ジョン", "한국", "עברית", "ivan_2"])
def test_a_name_of_one_script_is_taken_as_it_is(name: str) -> None:
    assert parse_new_name(name) == unicodedata.normalize("NFKC", name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "ann小明",
            "小明さん",
            "ジョン",
            "コーヒー太郎",
            "ー太郎",
            "Tシャツ",
            "한국漢字",
            "K팝",
            "ㄅㄆ小明",
            "x小明ㄅ",
        ),
        *("иван-2", "٣", "३दिल्ली", "ʻOkina", "नमस्ते", "e\u0301mile", "е\u0301лка", "รัก", "\u0640ابن"),
    ],
)
def test_scripts_that_people_write_together_and_digits_may_be_mixed(name: str) -> None:
    assert foreign_letter(parse_name(name)) == ""


@pytest.mark.parametrize(
    ("name", "letter"),
    [
        ("аnn", "а"),
        ("annа", "а"),
        ("вася_pro", "p"),
        ("pro_вася", "p"),
        ("anω", "ω"),
        ("ann٣", "٣"),
        ("小さいㄅ", "小"),
        ("한국さん", "さ"),
        ("ไทยa", "a"),
        ("小明я", "я"),
        ("שa", "a"),
    ],
)
def test_other_mixtures_are_refused_and_the_letter_is_named(name: str, letter: str) -> None:
    with pytest.raises(BadName) as refused:
        parse_new_name(name)
    assert refused.value.code == "name-mixes-scripts"
    assert refused.value.details == {"name": name, "letter": letter, "which": described(letter)}


def test_a_letter_is_described_so_that_nobody_need_see_it() -> None:
    assert described("а") == "U+0430, Cyrillic small letter a"
    assert described("0") == "U+0030, Digit zero"
    assert described("\U000e0fff") == "U+E0FFF, Unknown"


def names() -> st.SearchStrategy[str]:
    """Names, many of letters that look like others, and some of any letters."""
    alike = st.sampled_from([letter for letters in SHAPES.values() for letter in letters])
    letters = st.one_of(alike, st.sampled_from("abcIl10omrnАВЕО\u0301"), st.characters(categories=["L", "N", "M"]))
    return st.text(letters, min_size=1, max_size=NAME_MAX).filter(is_name)


def is_name(text: str) -> bool:
    try:
        parse_name(text)
    except BadName:
        return False
    return True


@given(names())
def test_a_skeleton_is_its_own(name: str) -> None:
    once = skeleton(name)
    assert skeleton(once) == once
    assert once == once.casefold()
    assert skeleton(parse_name(name)) == once, "the form in which it was typed does not count"


@given(names(), st.data())
def test_a_name_with_a_letter_that_is_drawn_the_same_looks_like_it(name: str, data: st.DataObject) -> None:
    letters = list(name)
    place = data.draw(st.integers(0, len(letters) - 1))
    alike = SHAPES.get(letters[place])
    if alike is None:
        return
    letters[place] = data.draw(st.sampled_from(alike))
    other = "".join(letters)
    if not is_name(other) or "I" in name + other or other.casefold() != other:
        return
    assert skeleton(other) == skeleton(name)


@given(names(), names())
def test_what_tells_two_names_apart_is_a_letter_of_the_first(one: str, other: str) -> None:
    assert telling_letter(one, other) in parse_name(one)
    assert described(telling_letter(one, other))


@given(names())
def test_a_part_of_a_name_in_one_script_is_in_one_script(name: str) -> None:
    if foreign_letter(name) == "":
        assert foreign_letter(name[: len(name) // 2 + 1]) == ""
    else:
        assert foreign_letter(name) in unicodedata.normalize("NFKC", name)


def test_the_tables_have_what_may_stand_in_names_and_nothing_else() -> None:
    letters = [letter for alike in SHAPES.values() for letter in alike]
    assert len(letters) == len(set(letters))
    known = [letter for letter in letters if unicodedata.category(letter) != "Cn"]
    assert [letter for letter in known if not may_stand_in_a_name(letter)] == []
    assert not {"m", "I", "i", "l", "o"} & set(letters)
    starts = [int(word, 16) for word in SCRIPTS.split(" ")[::2]]
    assert starts == sorted(set(starts))
    assert UNICODE.count(".") == 2


def test_the_tables_are_not_read_before_a_name_comes_that_is_not_ascii() -> None:
    check = """
import sys
import chat_server.server.server
from chat_server.accounts.look_alikes import skeleton
from chat_server.accounts.new_names import parse_nickname
table = "chat_server.accounts.unicode_tables"
parse_nickname("ann-01"), skeleton("aIice")
assert table not in sys.modules
parse_nickname("小明")
assert table in sys.modules
"""
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False).stderr == ""
