"""The plain door: telnet taken off, lines cut, requests made. Whoever takes the requests carries each out before the next."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat_server.protocol.choices import find_charset
from chat_server.protocol.incoming import Echo, Invalid, ProtocolReply, Unreadable
from chat_server.protocol.requests import Act, ChooseCharset, ChooseMode, Join, Login, Request, Say, Topic
from chat_server.protocol.runs import RUN_MAX, RunTexts, SayRun
from chat_server.sessions.doors import PARSE_TEXT
from chat_server.wire.connection_events import (
    AreYouThere,
    CharsetUnclear,
    CompletionRequested,
    InputCost,
    ProgramDetected,
    SecretEntered,
    TerminalChanged,
)
from chat_server.wire.line_mode import LineMode, TooLong
from chat_server.wire.telnet.decoder import (
    SUBNEGOTIATION_MAX,
    Command,
    OptionSaid,
    Piece,
    Subnegotiation,
    TelnetDecoder,
)
from chat_server.wire.telnet.options import Code, Option
from chat_server.wire.text import INPUT_COSTS_PER_LINE, Item, TextDecoder, TextInput

IAC, SB, SE, WILL, WONT, DO, DONT = Code.IAC, Code.SB, Code.SE, Code.WILL, Code.WONT, Code.DO, Code.DONT
BINARY, ECHO, SGA, TIMING_MARK, NAWS, TTYPE, CHARSET = Option.BINARY, Option.ECHO, Option.SGA, 6, 31, 24, 42

QUESTION = bytes((IAC, DO, BINARY))

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
    bytes((IAC, SB, TTYPE, 0)) + b"xterm" + bytes((IAC, SE)),
    b"a\r\n",
]
INPUT = st.one_of(
    st.binary(max_size=60),
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=3)), max_size=40).map(b"".join),
)


class Listener:
    """Takes what a decoder gives, and carries out what changes how the bytes after it are read."""

    def __init__(self, limit: int = 4096) -> None:
        self.decoder = TextDecoder(PARSE_TEXT, limit)
        self.asked: list[TextInput] = []
        self.answers: list[bytes] = []
        self.in_order: list[Item] = []
        self.program: TelnetDecoder | None = None
        self.for_program: list[Piece] = []

    def receive(self, *chunks: bytes) -> "Listener":
        for chunk in chunks:
            if self.program:  # all the rest is for another decoder
                self.for_program += self.program.receive_data(chunk)
                continue
            for item in self.decoder.receive_data(chunk):
                self.in_order.append(item)
                if isinstance(item, ProgramDetected):
                    self.program = item.telnet
                    self.for_program += item.pieces
                elif isinstance(item, ProtocolReply):
                    self.answers.append(item.data)
                elif not isinstance(item, Echo | InputCost):
                    self.asked.append(item)
                    self.carry_out(item)
        return self

    def carry_out(self, asked: TextInput) -> None:
        if isinstance(asked, ChooseCharset):
            self.decoder.charset = find_charset(asked.charset) or self.decoder.charset
        elif isinstance(asked, ChooseMode):
            self.answers.append(self.decoder.edit(wanted=asked.mode == "edit"))
        elif isinstance(asked, CompletionRequested) and self.decoder.editor:
            self.decoder.editor.complete(["ann: ", "anna: "])
        elif asked == Say("secret"):
            self.decoder.expect_secret()

    @property
    def negotiated(self) -> bytes:
        """What telnet was answered, without what an editor draws."""
        return b"".join(answer for answer in self.answers if answer[:1] == bytes((IAC,)))


class Talker:
    """Somebody who has logged in, whose lines come in runs or not."""

    def __init__(self, charset: str, *, in_runs: bool) -> None:
        self.decoder = TextDecoder(PARSE_TEXT, 12, in_runs=in_runs)
        list(self.decoder.receive_data(b"/login ann\n"))
        self.decoder.allow(40, 40)
        if charset != "UTF-8":
            self.decoder.charset = find_charset(charset) or ""
        self.said: list[Item | Say] = []

    def receive(self, chunk: bytes) -> None:
        for item in self.came(chunk):
            self.said += item if isinstance(item, SayRun) else (item,)

    def came(self, chunk: bytes) -> list[Item]:
        return list(self.decoder.receive_data(chunk))


def requests(*chunks: bytes, limit: int = 4096) -> list[TextInput]:
    return [asked for asked in Listener(limit).receive(*chunks).asked if not isinstance(asked, TerminalChanged)]


def option(verb: int, option: int) -> bytes:
    return bytes((IAC, verb, option))


UNSEEN = [
    "\x0c",
    "\x0c\x0c",
    "\x15\x0b",
    "\x1b",
    "\x1b[A",
    "\x1b[1;5C\x1bOB",
    "\ufeff",
    "\u200b",
    "\u200d\ufe0f",
    "\u2060\x07",
    "\x85",
    "\u202e",
    "\xad",
]


@pytest.mark.parametrize("unseen", UNSEEN)
@pytest.mark.parametrize("in_runs", [True, False])
def test_a_line_that_is_seen_as_a_command_is_one_whatever_stands_unseen_before_it(unseen: str, in_runs: bool) -> None:
    typed = f"{unseen}/join python\r\n".encode()
    assert requests(typed) == requests(b"hello\r\n", typed)[1:] == [Join("python")]
    talker = Talker("UTF-8", in_runs=in_runs)
    for chunk in (b"hello\n", typed, f"one\n{unseen}/join python\ntwo\n".encode()):
        talker.receive(chunk)
    assert talker.said == [Say("hello"), Join("python"), Say("one"), Join("python"), Say("two")]


@pytest.mark.parametrize("unseen", ["", "\u200b", "\x0c"])
@pytest.mark.parametrize("in_runs", [True, False])
def test_the_wide_slash_of_a_chinese_keyboard_is_a_slash(unseen: str, in_runs: bool) -> None:
    talker = Talker("UTF-8", in_runs=in_runs)
    typed = f"{unseen}／join python\n".encode()
    for chunk in (typed, f"你好\n{unseen}／join python\na／b\n{unseen}／／join\n ／join\n".encode()):
        talker.receive(chunk)
    assert talker.said == [Join("python"), Say("你好"), Join("python"), Say("a／b"), Say("/join"), Say(" ／join")]
    assert requests(f"{unseen}／login ann\r\n".encode()) == [Login("ann")]


def test_what_comes_of_a_key_ends_before_a_slash() -> None:
    assert requests(b"\x1bO//join\r\n") == [Say("O//join")], "no key sends that"


@pytest.mark.parametrize("unseen", ["", *UNSEEN])
def test_what_is_seen_before_a_slash_makes_the_line_something_said(unseen: str) -> None:
    assert requests(f"{unseen}//join\r\n".encode()) == [Say("/join")], "two slashes say one"
    for before in (" ", "\t", "x", "\x0c "):
        (said,) = requests(f"{before}{unseen}/join python\r\n".encode())
        assert isinstance(said, Say)


def sub(option: int, data: bytes) -> bytes:
    return bytes((IAC, SB, option)) + data + bytes((IAC, SE))


def byte_by_byte(limit: int) -> LineMode:
    """Lines in a charset whose characters are bytes."""
    mode = LineMode(limit)
    mode.charset = "latin-1"
    return mode


def lines(data: bytes) -> list[bytes | TooLong]:
    return list(byte_by_byte(4096).receive_data(data))


def pieces(*chunks: bytes) -> list[Piece]:
    """What of telnet there is, text joined."""
    decoder = TelnetDecoder()
    return joined_text(piece for chunk in chunks for piece in decoder.receive_data(chunk))


def joined_text(pieces: Iterable[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for piece in pieces:
        if joined and isinstance(piece, bytes) and isinstance(joined[-1], bytes):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def split(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


AGREED = option(WILL, BINARY) + option(WILL, TTYPE) + option(WILL, NAWS) + sub(NAWS, b"\0\x50\0\x18")
EDITING = b"/mode edit\r\n" + AGREED + option(DO, ECHO) + option(DO, SGA)
SWITCHES = [
    EDITING,
    b"/mode line\n" + option(DONT, ECHO) + option(DONT, SGA),
    b"/charset gbk\n",
    b"/charset koi8-r\r",
    b"/charset utf-8\n",
    b"secret\n",
    b"\t",
    b"an\t",
    b"\x1b[200~a\r\nb\x1b[201~",
    b"\x1b[D",
    b"\x1b[A",
    "你好".encode("gbk"),
    "Ъ".encode("koi8-r"),
]
LIVELY = st.lists(st.one_of(st.sampled_from(PIECES + SWITCHES), st.binary(max_size=3)), max_size=30).map(b"".join)


@given(st.one_of(INPUT, LIVELY), st.lists(st.integers(0, 200), max_size=10))
def test_any_split_of_the_bytes_gives_the_same_requests_and_the_same_answers(data: bytes, cuts: list[int]) -> None:
    whole = Listener(12).receive(data)
    for other in (Listener(12).receive(*split(data, cuts)), Listener(12).receive(*split(data, range(len(data))))):
        assert other.asked == whole.asked
        assert other.negotiated == whole.negotiated
        assert joined_text(other.for_program) == joined_text(whole.for_program)
    assert pieces(*split(data, cuts)) == pieces(data)


@given(
    st.lists(st.sampled_from(SWITCHES + PIECES[11:20]), max_size=25).map(b"".join),
    st.lists(st.integers(0, 300), max_size=10),
)
def test_any_split_draws_the_same_line_in_the_end(data: bytes, cuts: list[int]) -> None:
    whole, other = Listener().receive(data), Listener().receive(*split(data, cuts))
    assert (whole.decoder.editor is None) == (other.decoder.editor is None)
    if whole.decoder.editor and other.decoder.editor:
        assert whole.decoder.editor._row.redraw() == other.decoder.editor._row.redraw()


@given(INPUT)
def test_nc_never_gets_an_answer_of_the_protocol(data: bytes) -> None:
    listener = Listener().receive(data.replace(b"\xff", b"").replace(b"\r", b""))
    assert listener.answers == []


def test_every_end_of_line_ends_one_line() -> None:
    assert lines(b"a\r\nb\nc\rd\r\0e\n\nf\r\r\n") == [b"a", b"b", b"c", b"d", b"e", b"", b"f", b""]


def test_an_end_of_line_cut_in_two_ends_one_line() -> None:
    mode = byte_by_byte(10)
    assert [list(mode.receive_data(chunk)) for chunk in (b"a\r", b"\nb\r", b"c\r", b"\n", b"\n")] == [
        [b"a"],
        [b"b"],
        [b"c"],
        [],
        [b""],
    ]


SAID = [
    b"a",
    b"\r",
    b"\n",
    b"\r\n",
    b"\n/",
    b"bcd",
    b" ",
    b"\0",
    b"\b",
    b"/",
    b"\xe4",
    b"\x1b",
    b"\t",
    b"\xff\xfa",
    b"123456789",
]
SAID += ["你好".encode(), "🙂\u2028".encode(), "e\u0301".encode() * 5, "你好".encode("gbk"), "\u3000".encode()]


@given(
    st.lists(st.sampled_from(SAID), max_size=40).map(b"".join),
    st.lists(st.integers(0, 60), max_size=4),
    st.sampled_from(["UTF-8", "GBK", "Latin-1"]),
)
def test_many_lines_at_once_are_the_same_lines(data: bytes, cuts: list[int], charset: str) -> None:
    """Whether they come in runs, together, or byte by byte."""
    found = [Talker(charset, in_runs=in_runs) for in_runs in (True, False, False)]
    for start, end in pairwise([0, *sorted(cuts), max(len(data), *cuts, 0)]):
        found[0].receive(data[start:end])
        found[1].receive(data[start:end])
    for byte in data:
        found[2].receive(bytes((byte,)))
    assert found[0].said == found[1].said == found[2].said


COMMANDS_AND_MORE = [
    *(b"/login x\r\n", b"/login x\n", b"/me waves\r", b"/me waves\r\n\n", b"/\r\n", b"//x\n", b"/frobnicate  \r\n"),
    *(
        b"/me 123456789012\n",
        b"/me 12345678\r\n",
        b"/me \x1b\n",
        "/me 你\n".encode(),
        b"/charset gbk\r\n",
        b"/me a\b\n",
    ),
    *(b"secret\n", b"secret\r\n", b"hello\r\n", b"hello\r", b"\n", b"\r\n", b"he", b"123456789012345", b" ", b"\b"),
    *(option(WILL, BINARY), option(WILL, TTYPE), bytes((IAC,)), bytes((IAC, SB, NAWS)), bytes((IAC, SE)), b"{\n"),
]


@given(st.lists(st.sampled_from(COMMANDS_AND_MORE), max_size=12))
@example([b"he", b"/me waves\r\n"])
@example([b"hello\r", b"/me waves\r\n"])
@example([b"secret\n", b"/me waves\r\n"])
@example([bytes((IAC, SB, NAWS)), b"/me waves\r\n"])
@example([b"hello\n", b"/me 123456789012\n"])
def test_a_command_that_comes_alone_is_what_it_is_among_others(chunks: list[bytes]) -> None:
    """Chunk by chunk, or byte by byte."""
    whole = Listener(15).receive(*chunks)
    other = Listener(15).receive(*(bytes((byte,)) for byte in b"".join(chunks)))
    assert [item for item in whole.in_order if not isinstance(item, InputCost | ProgramDetected)] == [
        item for item in other.in_order if not isinstance(item, InputCost | ProgramDetected)
    ]
    assert joined_text(whole.for_program) == joined_text(other.for_program)
    assert whole.decoder.is_mid_line == other.decoder.is_mid_line


def test_lines_that_come_together_are_a_run_and_a_command_among_them_ends_it() -> None:
    talker = Talker("UTF-8", in_runs=True)
    talker.receive(b"be")
    assert talker.came(b"gun\r\nhello  \r\n\r\n // x\r\nand") == [SayRun(RunTexts.of(["begun", "hello", " // x"]))]
    assert talker.came("é你\r\na/b\n".encode()) == [SayRun(RunTexts.of(["andé你", "a/b"]))]
    assert talker.came(b"one\n") == [Say("one")]
    assert talker.came(b"one\n/me waves\ntwo\nthree\n") == [Say("one"), Act("waves"), Say("two"), Say("three")]


def test_a_run_is_bounded() -> None:
    came = Talker("UTF-8", in_runs=True).came(b"a\n" * (RUN_MAX * 2 + 1))
    assert [len(run) for run in came if isinstance(run, SayRun)] == [RUN_MAX, RUN_MAX, 1]


def test_a_lone_nul_is_nothing() -> None:
    assert lines(b"a\0b\n") == [b"ab"]


def test_backspace_and_delete_and_erase_character_take_back_a_whole_character() -> None:
    assert requests("ab\bé\x7f你\b".encode() + b"c" + bytes((IAC, Code.EC)) + b"d\n") == [Say("ad")]
    assert requests(b"\b\b\x7fa\n") == [Say("a")]


def test_backspace_takes_back_a_whole_character_of_any_charset() -> None:
    for charset, text in (
        ("gbk", "a你"),
        ("gb18030", "a你👋"),
        ("big5", "a你"),
        ("shift_jis", "aソ"),
        ("euc-kr", "a한"),
    ):
        typed = f"/charset {charset}\n".encode() + text.encode(charset) + b"\b" * (len(text) - 1) + b"b\n"
        assert requests(typed)[-1] == Say("ab")


def test_erase_line_interrupt_and_break_take_back_the_line() -> None:
    for code in (Code.EL, Code.IP, Code.BRK):
        assert requests(b"secret" + bytes((IAC, code)) + b"a\n") == [Say("a")]


def test_a_line_that_is_too_long_is_reported_once_and_skipped() -> None:
    listener = Listener(10)
    assert listener.receive(b"x" * 11).asked == [Invalid("line-too-long", {"limit": "10"})]
    assert listener.receive(b"y" * 100_000).asked == [Invalid("line-too-long", {"limit": "10"})]
    assert listener.receive(b"z\nshort\n" + b"w" * 11 + b"\n").asked == [
        Invalid("line-too-long", {"limit": "10"}),
        Say("short"),
        Invalid("line-too-long", {"limit": "10"}),
    ]


def test_a_line_of_the_limit_passes() -> None:
    assert requests(b"x" * 10 + b"\n", limit=10) == [Say("x" * 10)]


def test_bytes_that_are_not_utf_8_become_replacement_characters() -> None:
    assert requests(b"caf\xe9 \xf0\x9f\n") == [Say("caf\ufffd \ufffd")]


def test_two_slashes_say_one_and_an_empty_line_is_nothing() -> None:
    assert requests(b"//help\r\n\r\n   \r\n\x1b\r\n") == [Say("/help")]


def test_leading_spaces_are_part_of_what_is_said() -> None:
    assert requests(b"    return x  \n") == [Say("    return x")]


# Telnet.


def test_text_beside_a_negotiation_in_one_packet_is_kept() -> None:
    assert requests(b"hel" + option(WILL, NAWS) + b"lo\r\n") == [Say("hello")]


def test_a_subnegotiation_is_not_text_even_with_an_escaped_iac_in_it() -> None:
    data = b"a" + bytes((IAC, SB, NAWS, 0, IAC, IAC, 10, IAC, SE)) + b"b"
    assert pieces(data) == [b"a", Subnegotiation(NAWS, b"\0\xff\n"), b"b"]


def test_a_subnegotiation_that_is_never_closed_is_given_up() -> None:
    assert pieces(bytes((IAC, SB, NAWS)) + b"x" * (SUBNEGOTIATION_MAX - 1) + b"hello") == [b"hello"]


def test_a_command_inside_a_subnegotiation_ends_it() -> None:
    assert pieces(bytes((IAC, SB, NAWS, 1, IAC, DO, ECHO)) + b"hello") == [OptionSaid(DO, ECHO), b"hello"]


def test_iac_iac_is_a_byte_of_text_and_so_is_one_before_what_is_no_command() -> None:
    assert pieces(bytes((97, IAC, IAC, 98))) == [b"a\xffb"]
    assert pieces(bytes((97, IAC, 98, 10))) == [b"a\xffb\n"]
    assert pieces(bytes((IAC, Code.AYT))) == [Command(Code.AYT)]


def test_a_letter_that_is_255_is_one_where_there_is_no_telnet() -> None:
    assert requests(b"/charset koi8-r\n" + "Ъел".encode("koi8-r") + b"\n")[-1] == Say("Ъел")
    for end in (b"\n", b"\r\n"):  # a raw connection that ends its lines in CR LF is asked, and has no answer
        typed = b"/charset windows-1251" + end + "понять мяч, пряник яя эюя".encode("cp1251") + end
        assert requests(typed)[-1] == Say("понять мяч, пряник яя эюя")
    telnet = option(WILL, BINARY) + b"/charset koi8-r\n" + "Ъел".encode("koi8-r").replace(b"\xff", b"\xff\xff") + b"\n"
    assert requests(telnet)[-1] == Say("Ъел")


# Asking first.


def test_a_first_line_that_ends_in_cr_lf_is_followed_by_one_question_of_three_bytes() -> None:
    assert Listener().receive(b"a\r\nb\r\nc\n").in_order == [Say("a"), ProtocolReply(QUESTION), Say("b"), Say("c")]
    assert Listener().receive(b"a\r", b"\n").in_order == [Say("a"), ProtocolReply(QUESTION)]


def test_a_first_line_that_ends_otherwise_is_followed_by_none_whatever_comes_later() -> None:
    for end in (b"\n", b"\r\0", b"\r", b"\n\r\n"):
        assert Listener().receive(b"a" + end + b"b\r\nc\r\n").answers == []


def test_an_iac_is_followed_by_the_question_at_once_and_by_no_second() -> None:
    listener = Listener().receive(bytes((IAC, Code.NOP)) + b"a\r\nb\r\n" + bytes((IAC, Code.NOP)))
    assert listener.answers == [QUESTION]


def test_everything_else_is_asked_after_the_answer_whatever_it_is() -> None:
    for verb in (WILL, WONT):
        listener = Listener().receive(b"a\r\n")
        assert not listener.decoder.telnet.is_spoken
        listener.receive(option(verb, BINARY))
        assert listener.decoder.telnet.is_spoken
        assert listener.answers[1:] == [option(DO, TTYPE) + option(DO, NAWS) + option(WILL, CHARSET)]


def test_the_reply_to_a_timing_mark_comes_before_the_answers_to_what_was_typed_after_it() -> None:
    """Debian's telnet throws everything away until it has the reply."""
    assert Listener().receive(b"a\n" + option(DO, TIMING_MARK) + b"b\n").in_order == [
        Say("a"),
        ProtocolReply(QUESTION),
        ProtocolReply(option(WONT, TIMING_MARK)),
        TerminalChanged(),
        Say("b"),
    ]


def test_are_you_there_stands_in_the_stream_where_it_was_asked() -> None:
    assert requests(b"a\n" + bytes((IAC, Code.AYT)) + b"b\n") == [Say("a"), AreYouThere(), Say("b")]


def learnt(*data: bytes) -> Listener:
    return Listener().receive(b"a\r\n", option(WILL, BINARY), *data)


def test_a_terminals_type_is_asked_for_until_it_says_the_same_again() -> None:
    ask = bytes((IAC, SB, TTYPE, 1, IAC, SE))
    listener = learnt(option(WILL, TTYPE))
    assert listener.answers[-1] == ask
    listener.receive(sub(TTYPE, b"\0XTERM-256COLOR"))
    assert listener.answers[-1] == ask
    assert not listener.decoder.telnet.terminal.is_described
    listener.receive(sub(TTYPE, b"\0XTERM-256COLOR"), sub(TTYPE, b"\0VT100"))
    assert listener.decoder.telnet.terminal.names == ("xterm-256color",)
    assert listener.decoder.telnet.terminal.is_described
    assert listener.decoder.telnet.terminal.colours == 256


def test_a_mud_client_tells_what_it_can_in_its_third_answer() -> None:
    listener = learnt(option(WILL, TTYPE), *(sub(TTYPE, b"\0" + name) for name in (b"TINTIN++", b"xterm", b"MTTS 65")))
    terminal = listener.decoder.telnet.terminal
    assert terminal.is_described
    assert terminal.is_screen_reader
    assert terminal.colours == 16
    assert not terminal.can_be_edited_on
    assert listener.negotiated.count(bytes((IAC, SB, TTYPE, 1, IAC, SE))) == 3


def test_a_width_is_learnt_whenever_it_changes_and_only_then() -> None:
    listener = learnt(
        option(WILL, NAWS), sub(NAWS, b"\0\x50\0\x18"), sub(NAWS, b"\0\x50\0\x18"), sub(NAWS, b"\0\x28\0\x18")
    )
    assert listener.decoder.telnet.terminal.columns == 40
    assert listener.asked.count(TerminalChanged()) == 3
    listener.receive(sub(NAWS, b"\0"), sub(NAWS, b"12345"))
    assert listener.decoder.telnet.terminal.columns == 40


def test_a_charset_is_agreed_on_by_either_sides_list() -> None:
    listener = learnt(option(DO, CHARSET))
    assert listener.answers[-1].startswith(bytes((IAC, SB, CHARSET, 1)) + b";UTF-8;GBK;")
    listener.receive(sub(CHARSET, b"\2KOI8-R"))
    assert listener.decoder.telnet.terminal.charset == "koi8-r"
    asking = Listener().receive(option(WILL, CHARSET), sub(CHARSET, b"\1 x-mine ISO-8859-1 UTF-8"))
    assert asking.answers[-1] == sub(CHARSET, b"\2ISO-8859-1")
    assert asking.decoder.telnet.terminal.charset == "latin-1"
    assert asking.receive(sub(CHARSET, b"\1;x-mine")).answers[-1] == sub(CHARSET, b"\3")
    assert asking.receive(sub(CHARSET, b"\1[TTABLE]\1;big5")).answers[-1] == sub(CHARSET, b"\2big5")
    both = learnt(option(DO, CHARSET), option(WILL, CHARSET), sub(CHARSET, b"\1;big5"))
    assert both.answers[-1] == sub(CHARSET, b"\3"), "when both ask at once, the server's question stands (RFC 2066)"


# Who edits the line.


def test_the_line_is_edited_here_when_telnet_has_agreed_to_both_of_what_it_takes() -> None:
    listener = learnt()
    assert listener.decoder.edit(wanted=True) == option(WILL, ECHO) + option(WILL, SGA) + option(WILL, BINARY)
    listener.receive(b"be", option(DO, SGA))
    assert listener.decoder.editor is None
    listener.receive(option(DO, ECHO))
    assert listener.decoder.editor is not None
    assert listener.decoder.editor.text == "be", "what was begun before is there"
    listener.receive(b"\x7fy\r\n")
    assert listener.asked[-1] == Say("by")


def test_half_of_what_editing_takes_is_given_back() -> None:
    """ECHO without SGA would be a terminal that shows nothing of what is typed."""
    listener = learnt()
    listener.decoder.edit(wanted=True)
    listener.receive(option(DO, ECHO), option(DONT, SGA))
    assert listener.decoder.editor is None
    assert option(WONT, ECHO) in listener.negotiated
    listener.receive(option(DONT, ECHO), b"hello\r\n")
    assert listener.asked[-1] == Say("hello")


def test_the_callers_program_may_take_the_line_back_by_itself() -> None:
    listener = learnt()
    listener.decoder.edit(wanted=True)
    listener.receive(option(DO, ECHO), option(DO, SGA), option(DONT, ECHO), b"hello\r\n")
    assert listener.decoder.editor is None
    assert listener.asked[-1] == Say("hello")
    assert option(WONT, SGA) in listener.negotiated


def test_a_secret_is_not_echoed_and_is_no_request() -> None:
    listener = learnt()
    assert listener.decoder.expect_secret() == option(WILL, ECHO)
    listener.receive(option(DO, ECHO), b"/logout\r\nhello\r\n")
    assert listener.asked[-2:] == [SecretEntered("/logout"), Say("hello")]
    assert listener.answers[-1] == option(WONT, ECHO) + b"\r\n"
    plain = Listener().receive(b"a\n")
    assert plain.decoder.expect_secret() == b"", "nc cannot hide it, and is not asked to"
    assert plain.receive(b"xyzzy\n").asked[-1] == SecretEntered("xyzzy")
    assert plain.answers == []


def test_a_chinese_first_line_in_another_charset_is_pointed_out_once_and_not_said() -> None:
    hello = "大家好".encode("gb18030")
    assert requests(hello + b"\n" + hello + b"\n") == [
        CharsetUnclear(may_be_command=False),
        Say(hello.decode(errors="replace")),
    ]
    edited = Listener().receive(EDITING, hello + b"\r")
    assert edited.asked[-1] == CharsetUnclear(may_be_command=False)
    for chunks in ([b"first\nhi " + hello + b"\n"], [b"first\nhi " + hello, b"\n"], [b"first\nhi ", hello + b"\n"]):
        assert requests(*chunks)[1:] == [CharsetUnclear(may_be_command=False)]
    for line in (
        "大家好".encode(),
        "Grüße".encode("latin-1"),
        "café".encode("latin-1"),
        b"\xff\xfe",
    ):
        assert not any(isinstance(asked, CharsetUnclear) for asked in requests(line + b"\n")), line


def test_what_is_refused_is_a_value_in_the_stream() -> None:
    assert isinstance(requests(b"/nonsense\n")[0], Unreadable)


def test_a_pasted_text_is_clean_and_not_empty() -> None:
    marks = (
        b"\x1b[200~x\ny\x1b[201~"
        + b"".join("\x1b[200~\u0301\u0301\u0301\u0301\x1b[201~".encode() for _ in range(9))
        + b"\r"
    )
    said = Listener().receive(EDITING, marks).asked[-1]
    assert isinstance(said, Say)
    assert said.text.startswith("x\ny")
    assert said.text.count("\u0301") <= 8
    emptied = Listener().receive(EDITING, b"\x1b[200~a\n\nb\x1b[201~\x7f\x01\x1b[3~\r")
    assert not any(isinstance(asked, Say) for asked in emptied.asked)


@pytest.mark.parametrize(
    ("pasted", "asked"),
    [
        ("/me does\nthings", Act("does\nthings")),
        ("/topic a\nb", Topic("a b")),
        ("/* a comment */\nint x;", Say("/* a comment */\nint x;")),
        ("// a comment\nint x;", Say("// a comment\nint x;")),
    ],
)
def test_a_pasted_text_of_several_lines_is_read_as_a_program_reads_it(pasted: str, asked: Request) -> None:
    paste = b"\x1b[200~" + pasted.encode() + b"\x1b[201~\r"
    assert Listener().receive(EDITING, paste).asked[-1] == asked


def test_a_client_that_negotiates_without_answering_the_question_is_telnet_all_the_same() -> None:
    listener = Listener().receive(b"a\r\n" + option(DO, SGA))
    assert listener.decoder.telnet.is_spoken


@given(
    st.lists(st.sampled_from([*"яюэьыаб", "гуляю", "я", " ", ", ", ".", "!", "-", "0", "*"]), max_size=30).map("".join),
    st.sampled_from([b"\n", b"\r\n", b"\r\0"]),
)
def test_no_russian_word_is_taken_for_telnet(text: str, end: bytes) -> None:
    listener = Listener().receive(b"/charset windows-1251" + end, text.encode("cp1251") + end, b"and more" + end)
    said = [Say(text.rstrip())] if text.strip() else []
    assert [asked for asked in listener.asked if isinstance(asked, Say)] == [*said, Say("and more")]
    assert not listener.decoder.telnet.is_spoken
    assert listener.negotiated in (b"", QUESTION)


def test_a_client_in_a_doubtful_charset_may_still_answer() -> None:
    listener = Listener().receive(
        b"/charset windows-1251\r\n", option(WILL, BINARY), "я".encode("cp1251") * 2 + b"\r\n"
    )
    assert listener.decoder.telnet.is_spoken
    assert listener.asked[-1] == Say("я")


def test_what_is_sent_again_without_being_typed_counts_by_its_size() -> None:
    text = "\x1b[200~" + "x" * 3000 + "\ny\x1b[201~\r"
    listener = Listener().receive(EDITING, text.encode())
    pasting = sum(isinstance(item, InputCost) for item in listener.in_order)
    assert pasting < INPUT_COSTS_PER_LINE / 2, "a paste has been counted as it came"
    listener.receive(b"\x1b[A\r")
    again = sum(isinstance(item, InputCost) for item in listener.in_order) - pasting
    assert 2 <= again / INPUT_COSTS_PER_LINE < 3.5
    assert listener.asked.count(listener.asked[-1]) == 2


def test_what_was_begun_in_an_aborted_subnegotiation_is_not_part_of_the_next() -> None:
    data = bytes((IAC, SB, NAWS, 1, IAC, DO, ECHO)) + sub(TTYPE, b"\0x")
    assert pieces(data) == [OptionSaid(DO, ECHO), Subnegotiation(TTYPE, b"\0x")]


def test_a_subnegotiation_cut_in_its_text_is_no_text() -> None:
    listener = learnt(option(WILL, TTYPE), bytes((IAC, SB, TTYPE, 0)), b"XTERM", bytes((IAC, SE)), b"hello\r\n")
    assert listener.decoder.telnet.terminal.names == ("xterm",)
    assert listener.asked[-1] == Say("hello")


def test_no_option_after_a_letter_is_a_letter() -> None:
    assert requests(b"/charset windows-1251\n" + "яыx".encode("cp1251") + b"\n")[-1] == Say("яыx")


def test_the_rest_is_asked_once() -> None:
    listener = learnt(option(WONT, TTYPE), option(WONT, NAWS), option(WONT, BINARY), option(WILL, BINARY))
    assert listener.negotiated.count(option(DO, TTYPE)) == listener.negotiated.count(option(DO, NAWS)) == 1


def test_a_size_of_who_has_not_agreed_to_tell_one_is_not_believed() -> None:
    assert Listener().receive(option(WONT, NAWS), sub(NAWS, b"\0\x50\0\x18")).decoder.telnet.terminal.columns == 0


def test_the_list_of_charsets_is_offered_once() -> None:
    listener = learnt(option(DO, CHARSET), option(DONT, CHARSET), option(DO, CHARSET))
    assert listener.negotiated.count(bytes((IAC, SB, CHARSET, 1))) == 1


def test_who_rejects_our_list_may_still_send_theirs() -> None:
    listener = learnt(option(DO, CHARSET), option(WILL, CHARSET), sub(CHARSET, b"\3"), sub(CHARSET, b"\1;big5"))
    assert listener.answers[-1] == sub(CHARSET, b"\2big5")
    assert listener.decoder.telnet.terminal.charset == "big5"


def test_a_list_is_answered_whichever_side_agreed() -> None:
    listener = learnt(option(DO, CHARSET), sub(CHARSET, b"\3"), sub(CHARSET, b"\1;big5"))
    assert listener.answers[-1] == sub(CHARSET, b"\2big5")


def test_a_translation_table_is_rejected() -> None:
    assert learnt(option(WILL, CHARSET), sub(CHARSET, b"\4\1;a;b")).answers[-1] == sub(CHARSET, b"\5")


def test_a_charset_that_was_not_offered_is_not_agreed_on() -> None:
    assert (
        learnt(option(DO, CHARSET), sub(CHARSET, b"\3"), sub(CHARSET, b"\2KOI8-R")).decoder.telnet.terminal.charset
        is None
    )


def test_what_is_agreeable_is_agreed_to_when_the_caller_begins() -> None:
    listener = Listener()
    listener.receive(option(WILL, SGA), option(DO, BINARY), option(DO, CHARSET))
    assert option(DO, SGA) in listener.negotiated
    assert option(WILL, BINARY) in listener.negotiated
    assert option(WILL, CHARSET) in listener.negotiated


def test_a_letter_that_is_255_comes_twice_once_telnet_has_spoken() -> None:
    typed = b"/charset koi8-r\n" + option(WILL, BINARY) + "Ъел".encode("koi8-r").replace(b"\xff", b"\xff\xff") + b"\n"
    assert requests(typed)[-1] == Say("Ъел")


def test_who_has_chosen_a_charset_gets_no_hint() -> None:
    for charset in ("gbk", "gb18030"):
        assert requests(f"/charset {charset}\n".encode() + "大家好\n".encode(charset))[-1] == Say("大家好")


def test_editing_that_is_refused_does_not_show_the_password() -> None:
    listener = learnt()
    listener.decoder.expect_secret()
    listener.receive(option(DO, ECHO))
    listener.decoder.edit(wanted=True)
    listener.receive(option(DONT, SGA))
    assert option(WONT, ECHO) not in listener.negotiated
    listener.receive(b"xyzzy\r\n")
    assert SecretEntered("xyzzy") in listener.asked
    assert option(WONT, ECHO) in listener.negotiated


def test_a_password_does_not_end_the_editing_that_is_under_way() -> None:
    listener = learnt()
    listener.decoder.edit(wanted=True)
    listener.decoder.expect_secret()
    listener.receive(option(DO, ECHO), b"xyzzy\r\n")
    assert option(WONT, ECHO) not in listener.negotiated
    listener.receive(option(DO, SGA))
    assert listener.decoder.editor is not None


def test_erase_character_and_erase_line_work_on_the_edited_line_too() -> None:
    listener = Listener().receive(EDITING, "ab你".encode() + bytes((IAC, Code.EC)) + b"\r")
    assert listener.asked[-1] == Say("ab")
    listener.receive(b"never mind" + bytes((IAC, Code.EL)) + b"hello\r")
    assert listener.asked[-1] == Say("hello")


def test_a_password_that_is_pasted_with_a_line_break_is_not_said() -> None:
    listener = Listener().receive(EDITING, b"secret\r", b"\x1b[200~xyz\nzy\x1b[201~\r")
    assert isinstance(listener.asked[-1], SecretEntered)
    assert not [asked for asked in listener.asked if isinstance(asked, Say) and "xyz" in asked.text]


def test_a_line_that_is_edited_here_is_begun() -> None:
    assert Listener().receive(EDITING, b"half").decoder.is_mid_line


def test_a_password_in_another_charset_is_no_reason_for_a_hint() -> None:
    listener = Listener().receive(b"a\n")
    listener.decoder.expect_secret()
    assert isinstance(listener.receive("大家好\n".encode("gbk")).asked[-1], SecretEntered)


def test_an_enter_cut_in_two_by_the_beginning_of_editing_is_one() -> None:
    listener = Listener().receive(b"/mode edit\r\n", AGREED, b"secret\r", option(DO, ECHO) + option(DO, SGA), b"\n")
    assert not any(isinstance(asked, SecretEntered) for asked in listener.asked)


def test_what_is_typed_after_a_charset_was_chosen_is_read_in_it() -> None:
    listener = Listener().receive(EDITING, b"/charset gbk\r", "你好\r".encode("gbk"))
    assert listener.asked[-1] == Say("你好")


def test_a_hint_comes_after_lines_that_were_edited() -> None:
    hello = "大家好".encode("gbk")
    assert Listener().receive(EDITING, b"ab\x7f\r", hello + b"\r").asked[-1] == CharsetUnclear(may_be_command=False)
