import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.clean import clean
from chat_server.names import NAME_MAX, BadName, parse_name, same_name_key


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
    assert same_name_key(parse_name(one)) == same_name_key(parse_name(other))


@given(st.text(max_size=40))
def test_a_name_that_is_taken_is_short_clean_and_in_its_last_form(text: str) -> None:
    try:
        name = parse_name(text)
    except BadName:
        return
    assert 1 <= len(name) <= NAME_MAX
    assert clean(name) == name
    assert parse_name(name) == name
    assert not set(name) & set(" *~:/,.@#")
