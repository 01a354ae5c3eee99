from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chat_server.events import ProtocolReply, Request, Say, Unreadable
from chat_server.wire.telnet import SUBNEGOTIATION_MAX, Code, TelnetDecoder, TooLong
from chat_server.wire.text import TextDecoder

IAC, SB, SE, WILL, WONT, DO, DONT = Code.IAC, Code.SB, Code.SE, Code.WILL, Code.WONT, Code.DO, Code.DONT
BINARY, ECHO, TIMING_MARK, NAWS = Code.BINARY, 1, 6, 31

PIECES = [bytes((byte,)) for byte in (0, 8, 10, 13, 127, SE, 241, 247, 248, SB, WILL, WONT, DO, DONT, IAC)]
PIECES += [
    b"\r\n",
    b"\r\0",
    b"hello",
    b"/login x",
    b"//",
    b"\xc3\xa4",
    "你好".encode(),
    b"\x1b[31m",
    b" ",
    b"123456789012",
    bytes((IAC, SB, NAWS)),
]
INPUT = st.one_of(
    st.binary(max_size=60),
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=3)), max_size=40).map(b"".join),
)


def decode_in_order(*chunks: bytes, limit: int = 4096) -> list[Request | Unreadable | ProtocolReply]:
    decoder = TextDecoder(limit)
    return [request for chunk in chunks for request in decoder.receive_data(chunk)]


def decode(*chunks: bytes, limit: int = 4096) -> tuple[list[Request | Unreadable], bytes]:
    """The requests, and all replies after the question that the first IAC leads to."""
    everything = decode_in_order(*chunks, limit=limit)
    replies = b"".join(request.data for request in everything if isinstance(request, ProtocolReply))
    requests = [request for request in everything if not isinstance(request, ProtocolReply)]
    return requests, replies.removeprefix(bytes((IAC, DO, BINARY)))


def lines(data: bytes) -> list[bytes | TooLong]:
    return [piece for piece in TelnetDecoder(4096).receive_data(data) if not isinstance(piece, ProtocolReply)]


@given(INPUT, st.lists(st.integers(0, 200), max_size=10))
def test_any_split_of_the_bytes_gives_the_same_requests_and_the_same_answers(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[start:end] for start, end in pairwise(edges)]
    whole = decode_in_order(data, limit=12)
    assert decode_in_order(*chunks, limit=12) == whole
    one, many = TelnetDecoder(12), TelnetDecoder(12)
    assert [piece for chunk in chunks for piece in many.receive_data(chunk)] == one.receive_data(data)
    assert decode_in_order(*(data[at : at + 1] for at in range(len(data))), limit=12) == whole


@given(INPUT)
def test_a_caller_without_iac_never_gets_an_answer_of_the_protocol(data: bytes) -> None:
    everything = decode_in_order(data.replace(b"\xff", b""))
    assert not any(isinstance(request, ProtocolReply) for request in everything)


@given(INPUT)
def test_answers_are_never_longer_than_what_was_asked(data: bytes) -> None:
    _, replies = decode(data)
    assert len(replies) <= len(data)


def test_every_end_of_line_ends_one_line() -> None:
    assert lines(b"a\r\nb\nc\rd\r\0e\n\nf\r\r\n") == [b"a", b"b", b"c", b"d", b"e", b"", b"f", b""]


def test_an_end_of_line_cut_in_two_ends_one_line() -> None:
    decoder = TelnetDecoder(10)
    assert [decoder.receive_data(chunk) for chunk in (b"a\r", b"\nb\r", b"c\r", b"\n", b"\n")] == [
        [b"a"],
        [b"b"],
        [b"c"],
        [],
        [b""],
    ]


def test_a_lone_nul_is_nothing() -> None:
    assert lines(b"a\0b\n") == [b"ab"]


def test_every_option_is_refused_whenever_it_is_asked() -> None:
    _, replies = decode(bytes((IAC, WILL, NAWS, IAC, DO, TIMING_MARK, IAC, DO, TIMING_MARK)))
    assert replies == bytes((IAC, DONT, NAWS, IAC, WONT, TIMING_MARK, IAC, WONT, TIMING_MARK))


def test_the_reply_to_a_timing_mark_comes_before_the_answers_to_what_was_typed_after_it() -> None:
    """Debian's telnet throws everything away until it has the reply."""
    assert decode_in_order(b"a\n" + bytes((IAC, DO, TIMING_MARK)) + b"b\n") == [
        Say("a"),
        ProtocolReply(bytes((IAC, DO, BINARY))),
        ProtocolReply(bytes((IAC, WONT, TIMING_MARK))),
        Say("b"),
    ]


def test_binary_is_asked_for_once_and_agreed_to_without_a_loop() -> None:
    them = (WILL, WILL, DO, DO, WONT, WONT, DONT, DONT, WILL)
    everything = decode_in_order(b"".join(bytes((IAC, verb, BINARY)) for verb in them))
    replies = [request.data[1] for request in everything if isinstance(request, ProtocolReply)]
    assert replies == [DO, WILL, DONT, WONT, DO]


def test_a_refusal_is_not_answered_so_there_is_no_loop() -> None:
    _, replies = decode(bytes((IAC, WONT, ECHO, IAC, DONT, ECHO)))
    assert replies == b""


def test_text_beside_a_negotiation_in_one_packet_is_kept() -> None:
    assert decode(b"hel" + bytes((IAC, WILL, NAWS)) + b"lo\r\n")[0] == [Say("hello")]


def test_a_subnegotiation_is_not_text_even_with_an_escaped_iac_in_it() -> None:
    assert lines(b"a" + bytes((IAC, SB, NAWS, 0, IAC, IAC, 10, IAC, SE)) + b"b\n") == [b"ab"]


def test_a_subnegotiation_that_is_never_closed_is_given_up() -> None:
    assert lines(bytes((IAC, SB, NAWS)) + b"x" * (SUBNEGOTIATION_MAX - 1) + b"hello\n") == [b"hello"]


def test_a_command_inside_a_subnegotiation_ends_it() -> None:
    data = bytes((IAC, SB, NAWS, 1, IAC, DO, ECHO)) + b"hello\n"
    assert lines(data) == [b"hello"]
    assert decode(data)[1] == bytes((IAC, WONT, ECHO))


def test_iac_iac_is_a_byte_of_text() -> None:
    assert lines(bytes((97, IAC, IAC, 98, 10))) == [b"a\xffb"]


def test_backspace_and_delete_and_erase_character_take_back_a_whole_character() -> None:
    assert lines("ab\bé\x7f你\b".encode() + b"c" + bytes((IAC, 247)) + b"d\n") == [b"ad"]
    assert lines(b"\b\b\x7fa\n") == [b"a"]


def test_erase_line_takes_back_the_line() -> None:
    assert lines(b"secret" + bytes((IAC, 248)) + b"a\n") == [b"a"]


def test_a_line_that_is_too_long_is_reported_once_and_skipped() -> None:
    decoder = TelnetDecoder(10)
    assert decoder.receive_data(b"x" * 11) == [TooLong.LINE]
    assert decoder.receive_data(b"y" * 100_000) == []
    assert decoder.receive_data(b"z\nshort\n" + b"w" * 11 + b"\n") == [b"short", TooLong.LINE]


def test_a_line_of_the_limit_passes() -> None:
    assert TelnetDecoder(10).receive_data(b"x" * 10 + b"\n") == [b"x" * 10]


def test_bytes_that_are_not_utf_8_become_replacement_characters() -> None:
    assert decode(b"caf\xe9 \xf0\x9f\n")[0] == [Say("caf\ufffd \ufffd")]


def test_two_slashes_say_one_and_an_empty_line_is_nothing() -> None:
    assert decode(b"//help\r\n\r\n   \r\n\x1b\r\n")[0] == [Say("/help")]


def test_leading_spaces_are_part_of_what_is_said() -> None:
    assert decode(b"    return x  \n")[0] == [Say("    return x")]
