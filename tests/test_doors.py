import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.sessions.doors import HTTP, PERSON, PROGRAM, PROXY, TLS, Door, door_of


@pytest.mark.parametrize(
    ("first", "door"),
    [
        (b"", None),
        (b"hello\r\n", PERSON),
        (b"/login ann\r\n", PERSON),
        (b"\xff\xfd\x01", PERSON),
        (b"\n", PERSON),
        (b"\r\n", None),
        (b"\r\n/login ann\r\n", PERSON),
        (b'{"do":"login"}\n', PROGRAM),
        (b"GET / HTTP/1.1\r\n", HTTP),
        (b"OPTIONS * HTTP/1.1\r\n", HTTP),
        (b"PRI * HTTP/2.0\r\n", HTTP),
        (b"P", None),
        (b"GET", None),
        (b"GETTING", PERSON),
        (b"get / HTTP/1.1", PERSON),
        (b"\x16\x03\x01\x02\x00", TLS),
        (b"\x16", TLS),
        (b"\x16a", TLS),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", PROXY),
        (b"PROXY TCP6 ::1 ::2 1 2\r\n", PROXY),
        (b"PROXY UNKNOWN\r\n", PROXY),
        (b"PROXY TCP", None),
        (b"PROXY servers are fun\r\n", PERSON),
        (b"\r\n\r\n\0\r\nQUIT\n\x21", PROXY),
        (b"\r\n\r\n\0\r\n", None),
        (b"\r\n\r\n\0hello", PERSON),
    ],
)
def test_callers_are_told_apart_by_their_first_bytes(first: bytes, door: Door | None) -> None:
    assert door_of(first) is door


@given(
    st.one_of(
        st.binary(min_size=1), st.sampled_from([b"DELETE /x", b"\x16\x03", b"CONNECT a", b"{", b"PROXY ", b"\r\n\r\n"])
    ),
    st.binary(),
)
def test_what_is_recognised_stays_recognised_when_more_comes(first: bytes, more: bytes) -> None:
    door = door_of(first)
    if door is not None:
        assert door_of(first + more) is door
    elif first:
        assert len(first) < len(b"PROXY UNKNOWN"), "no more than what a caller can begin with is ever waited for"


def test_the_answer_to_a_browser_is_valid_http() -> None:
    head, _, body = HTTP.refusal.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert f"Content-Length: {len(body)}\r\n".encode() in head
