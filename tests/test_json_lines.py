import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.protocol import events, requests
from chat_server.protocol.incoming import Addressed, Invalid
from chat_server.protocol.requests import REQUESTS, Say, tag_of
from chat_server.protocol.sanitize import sanitize, sanitize_lines
from chat_server.protocol.versions import PROTOCOL
from chat_server.sessions.json_session import PARSE
from chat_server.wire.json_lines import JsonDecoder, renderer_for, show_answer


def decoded(data: bytes, *, line_limit: int = 1000, text_limit: int = 100) -> list[Any]:
    return [*JsonDecoder(PARSE, line_limit, text_limit).receive_data(data)]


def test_many_lines_are_read_as_they_are_carried_out() -> None:
    read: list[bytes] = []

    def parse(line: bytes, *_: object) -> Addressed:
        read.append(line)
        return Addressed(Invalid("not-json"))

    came = iter(JsonDecoder(parse, 1000, 100).receive_data(b"1\n" * 1000))
    assert [next(came), next(came)] == [Addressed(Invalid("not-json"))] * 2
    assert len(read) == 2
    assert len([*came]) == 998


def wrong_field(request: object) -> str:
    """The field that is wrong in what could not be read; "" if it is none of the fields."""
    return request.details.get("field", "") if isinstance(request, Invalid) else ""


def test_a_line_is_a_request_with_its_room_and_its_mark() -> None:
    line = b'{"do":"say","room":"python","text":"hi","key":"k","ref":7}\n'
    assert decoded(line) == [Addressed(Say("hi", "k"), "python", 7)]


def test_a_room_that_a_request_is_about_is_not_the_one_it_is_for() -> None:
    assert decoded(b'{"do":"join","room":"python"}\r\n') == [Addressed(requests.Join("python"))]


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        (b"hello", Invalid("not-json")),
        (b"[1]", Invalid("not-json")),
        (b"{}", Invalid("not-json")),
        (b'{"do":5}', Invalid("not-json")),
        (b'{"do":"say","text":"\xff"}', Invalid("not-json")),
        (b"[" * 900, Invalid("not-json")),
        (b'{"do":"dance"}', Invalid("unknown-request", {"word": "dance"})),
        (b'{"do":"say"}', Invalid("wrong-field", {"field": "text", "why": "is missing"})),
        (b'{"do":"say","text":5}', Invalid("wrong-field", {"field": "text", "why": "expected str, got int"})),
        (b'{"do":"say","text":" \\u001b "}', Invalid("wrong-field", {"field": "text", "why": "expected a text"})),
        (
            b'{"do":"say","text":"x","ref":[]}',
            Invalid("wrong-field", {"field": "ref", "why": "expected int | str | null, got array"}),
        ),
        (b'{"do":"login","nick":"ann","token":"short"}', None),
        (b'{"do":"since","number":-1}', None),
        (b'{"do":"say","text":"%b"}' % (b"x" * 101), Invalid("text-too-long", {"limit": "100"})),
        (b'{"do":"say","text":"%b"}' % ("\u4f60".encode() * 34), Invalid("text-too-long", {"limit": "100"})),
        (b"x" * 1001, Invalid("line-too-long", {"limit": "1000"})),
    ],
)
def test_a_line_that_is_no_request_is_a_value_that_says_why(line: bytes, request_: object) -> None:
    (addressed,) = decoded(line + b"\n")
    assert addressed.request == request_ or (request_ is None and wrong_field(addressed.request))


def test_text_is_clean_and_may_have_several_lines() -> None:
    text = "\n def f():\x1b[2J\r\n\u2028    return\u202e 1\n\n"
    assert decoded(json.dumps({"do": "say", "text": text}).encode() + b"\n")[0].request == Say(
        " def f():[2J\n\n    return 1"
    )
    assert decoded(b'{"do":"me","action":"a\\nb"}\n')[0].request == requests.Act("a\nb")


@pytest.mark.parametrize("between", ["\n", "\r\n", "\r", "\n\n   ", "\x0b", "\x1d", "\u2028"])
def test_no_two_words_are_glued_where_a_text_has_one_line(between: str) -> None:
    asked = {"do": "topic", "text": f"a{between}b"}, {"do": "search", "words": f"a{between}b"}
    lines = b"".join(json.dumps(request).encode() + b"\n" for request in asked)
    assert [addressed.request for addressed in decoded(lines)] == [requests.Topic("a b"), requests.Search("a b")]


def test_a_line_break_in_a_name_is_never_taken_out() -> None:
    assert wrong_field(decoded(b'{"do":"login","nick":"ann\\nbob"}\n')[0].request)
    assert wrong_field(decoded(b'{"do":"join","room":"py\\r\\nthon"}\n')[0].request)


@pytest.mark.parametrize("day", ["yesterday", "-3d", "14:30", "2026-11-20", "3 days ago", "yesterday 14:00", "-2h"])
def test_a_day_is_written_as_people_write_it(day: str) -> None:
    assert decoded(json.dumps({"do": "date", "day": day}).encode() + b"\n")[0].request == requests.OnDate(day)


@pytest.mark.parametrize("day", ["yesterdy", "2026-02-30", ""])
def test_what_is_no_day_is_a_wrong_field(day: str) -> None:
    refused = decoded(json.dumps({"do": "date", "day": day}).encode() + b"\n")[0].request
    assert wrong_field(refused) == "day"


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("key", {"do": "say", "text": "x", "key": "k\x01"}),
        ("key", {"do": "me", "action": "x", "key": "k\u200b\u202e"}),
        ("ref", {"do": "say", "text": "x", "ref": "7\x02"}),
        ("room", {"do": "say", "text": "x", "room": "py\x1bthon"}),
        ("room", {"do": "join", "room": "py\u3164thon"}),
        ("room", {"do": "create", "room": "py\tthon"}),
        ("nick", {"do": "login", "nick": "an\u00adn"}),
        ("nick", {"do": "nick", "nick": "ann\n"}),
        ("token", {"do": "login", "nick": "ann", "token": "a" * 22 + "\n"}),
        ("rooms", {"do": "resume", "rooms": {"python": 1, "p\x1bm": 3}}),
        ("command", {"do": "help", "command": "say\x00"}),
        ("do", {"do": "dance\x07"}),
    ],
)
def test_what_names_something_is_refused_when_it_is_not_clean_for_changed_it_would_be_another(
    field: str, line: dict[str, Any]
) -> None:
    (addressed,) = decoded(json.dumps(line).encode() + b"\n")
    assert wrong_field(addressed.request) == field


def test_two_keys_that_differ_in_what_cannot_be_seen_are_never_one() -> None:
    keys = [f"k{chr(code)}" for code in (*range(1, 32), 0x7F, 0xAD, 0x200E, 0x2066, 0x3164, 0xFEFF, 0xE0041)]
    for key in keys:
        assert wrong_field(decoded(json.dumps({"do": "say", "text": "x", "key": key}).encode() + b"\n")[0].request)
    assert decoded(b'{"do":"say","text":"x","key":"k "}\n')[0].request == Say("x", "k ")


@given(st.lists(st.one_of(st.binary(max_size=60), st.just(b'{"do":"say","text":"hi"}\n'), st.just(b"\n"))), st.data())
def test_any_split_of_any_bytes_gives_the_same_requests(pieces: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    decoder = JsonDecoder(PARSE, 50, 30)
    cut = [
        request
        for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)
        for request in decoder.receive_data(whole[start:end])
    ]
    assert cut == decoded(whole, line_limit=50, text_limit=30)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from([tag_of(kind) for kind in REQUESTS])
FIELDS = st.sampled_from(
    ["room", "text", "key", "nick", "token", "number", "count", "rooms", "ref", "before", "zone", "day"]
)


@given(WORDS, st.dictionaries(FIELDS, JSON | st.text()))
def test_any_object_gives_a_request_whose_every_text_is_clean(word: str, fields: dict[str, Any]) -> None:
    addressed = PARSE(json.dumps({**fields, "do": word}).encode(), 1000, PROTOCOL)
    for value in (
        addressed.room,
        addressed.ref,
        *(getattr(addressed.request, name) for name in addressed.request.__struct_fields__),
    ):
        if isinstance(value, str):
            assert value == sanitize_lines(value) if isinstance(addressed.request, Say) else value == sanitize(value)
    show_answer(events.Slowed(1), addressed.ref, "en")


@pytest.mark.parametrize("depth", [100, 900, 960, 975, *range(978, 1000), 5000])
def test_however_deep_a_line_is_nested_it_is_a_value(depth: int) -> None:
    for tail in (b"", b"]" * depth + b"}"):
        PARSE(b'{"do":"say","text":"x","x":' + b"[" * depth + tail, 1000, PROTOCOL)


def test_a_key_of_which_nothing_is_left_is_refused_for_without_it_a_line_would_be_stored_twice() -> None:
    assert decoded(b'{"do":"say","text":"x","key":"\\u0007"}\n')[0].request == Invalid(
        "wrong-field", {"field": "key", "why": "has characters that cannot stand there"}
    )


def test_an_error_has_its_sentence_beside_its_code() -> None:
    assert json.loads(renderer_for("en")(events.Refused("no-such-room", {"room": "x"}))) == {
        "is": "refused",
        "code": "no-such-room",
        "details": {"room": "x"},
        "room": "",
        "text": "There is no room x. /rooms lists the rooms.",
    }


@pytest.mark.parametrize("cut", [0, 1, 300, 700, 1000])
def test_only_the_end_of_a_long_line_is_dear_however_it_is_cut(cut: int) -> None:
    line = b'{"do":"say","text":"' + b"x" * 1000 + b'"}\n'
    decoder = JsonDecoder(PARSE, 65536, 16384)
    assert not decoder.is_dear(b'{"do":"say","text":"hello"}\n')
    decoder.receive_data(line[:cut])
    assert not decoder.is_dear(line[cut:-1])
    assert decoder.is_dear(line[cut:])
