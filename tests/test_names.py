import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.accounts.new_names import parse_new_name, parse_nickname
from chat_server.protocol.names import NAME_MAX, NAME_TYPED_MAX, BadName, may_stand_in_a_name, name_key, parse_name
from chat_server.protocol.sanitize import sanitize


@pytest.mark.parametrize("name", ["ann", "小明", "Ångström", "हिन्दी", "x_1-2", "ivan", "иван", "한국", "٣", "a" * 32])
def test_names_of_any_script_are_taken_as_they_are(name: str) -> None:
    assert parse_name(name) == name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "name-length"),
        ("a" * 33, "name-length"),
        ("a b", "name-characters"),
        ("*", "name-characters"),
        ("~ann", "name-characters"),
        ("ann:", "name-characters"),
        ("a\u202eb", "name-characters"),
        ("\u3164", "name-characters"),
        ("a\u200db", "name-characters"),
        ("\u0301a", "name-characters"),
        ("a" + "\u0323" * 20, "name-characters"),
        ("😀", "name-characters"),
        ("/help", "name-characters"),
    ],
)
def test_what_is_no_name_is_refused_for_a_reason(name: str, code: str) -> None:
    with pytest.raises(BadName) as refused:
        parse_name(name)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("one", "other"), [("ann", "ANN"), ("Straße", "STRASSE"), ("ａｎｎ", "ann"), ("Σ", "ς"), ("e\u0301", "É")]
)
def test_names_that_look_the_same_count_as_the_same(one: str, other: str) -> None:
    assert name_key(parse_name(one)) == name_key(parse_name(other))


@given(st.text(max_size=40))
def test_a_name_that_is_taken_is_short_clean_and_in_its_last_form(text: str) -> None:
    try:
        name = parse_name(text)
    except BadName:
        return
    assert 1 <= len(name) <= NAME_MAX
    assert sanitize(name) == name
    assert parse_name(name) == name
    assert not set(name) & set(" *~:/,.@#")


@pytest.mark.parametrize("name", ["\u156f", "\u156fServer", "ann\ua4fd", "a\u02d0b", "\U0001031f", "\u2d4c12"])
def test_a_letter_that_looks_like_a_mark_of_the_servers_is_in_no_new_name_and_stays_in_old_ones(name: str) -> None:
    assert parse_name(name) == name
    for parse in (parse_new_name, parse_nickname):
        with pytest.raises(BadName) as refused:
            parse(name)
        assert refused.value.code == "name-like-mark"


@pytest.mark.parametrize(
    "name",
    [
        "server",
        "Server",
        "ＳＥＲＶＥＲ",
        "-server-",
        "server_2",
        "Chat-Server",
        "ſystem",
        "ADMIN",
        "admin1",
        "服务器",
        "系统",
        "m0derator",
        "ЅУЅТЕМ",
        "ѕуѕ0р",
        "NickServ",
        "chanserv_",
    ],
)
def test_nobody_is_called_as_the_server_is_but_a_room_may_be(name: str) -> None:
    parse_new_name(name)
    with pytest.raises(BadName) as refused:
        parse_nickname(name)
    assert refused.value.code == "name-of-server"


@pytest.mark.parametrize(
    "name",
    [
        "severin",
        "observer",
        "sysiphus",
        "रामः",
        "ʻOkina",
        "ー太郎",
        "一郎",
        "a-b",
        "madmin_x",
        "conserve",
        "nickserver",
    ],
)
def test_names_that_only_resemble_such_a_word_are_taken(name: str) -> None:
    assert parse_nickname(name) == name


def test_what_is_too_long_to_be_a_name_is_never_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "\U0001d165\U0001d16d" * NAME_TYPED_MAX

    def refuse(form: str, text: str) -> str:
        raise AssertionError(f"{len(text)} characters are normalised")

    monkeypatch.setattr("chat_server.protocol.names.normalize", refuse)
    assert name_key(long) == long
    with pytest.raises(BadName) as refused:
        parse_nickname(long)
    assert refused.value.code == "name-length"


@given(st.text(max_size=NAME_MAX))
def test_a_name_written_in_the_most_code_points_is_still_taken(text: str) -> None:
    try:
        name = parse_name(text)
    except BadName:
        return
    typed = unicodedata.normalize("NFD", name)
    assert len(typed) <= NAME_TYPED_MAX
    assert len(name_key(name)) <= NAME_TYPED_MAX
    assert parse_name(typed) == name


@given(st.text(st.characters(max_codepoint=0x7F), max_size=NAME_TYPED_MAX))
def test_a_name_of_ascii_has_the_form_and_the_key_that_any_name_has(text: str) -> None:
    assert name_key(text) == unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    is_name = 1 <= len(text) <= NAME_MAX and all(map(may_stand_in_a_name, text))
    try:
        assert parse_name(text) == text
        assert is_name
    except BadName:
        assert not is_name
