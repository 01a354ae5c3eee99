"""Telnet's options: no sequence of them, from however hostile a peer, leads to answers without end."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chat_server.sessions.doors import PARSE_TEXT
from chat_server.wire.render.profiles import IAC as IAC_BYTE
from chat_server.wire.telnet.options import Code, Option, Options, Side, State
from chat_server.wire.text import TextDecoder

IAC, SB, SE, WILL, WONT, DO, DONT = Code.IAC, Code.SB, Code.SE, Code.WILL, Code.WONT, Code.DO, Code.DONT
OPTIONS = [Option.BINARY, Option.ECHO, Option.SGA, Option.TTYPE, Option.NAWS, Option.CHARSET, 6, 39, 200]

UNASKED_MAX = 400
"""Bytes that are sent beside answers: each question once, three fetches of the terminal's type, the list of charsets (156)."""


class HostilePeer(RuleBasedStateMachine):
    """Somebody who sends any option in any order, while the line is edited here and there."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = TextDecoder(PARSE_TEXT, 4096)
        self.came = 0
        self.wishes = 0
        self.said = b""

    def receive(self, data: bytes) -> None:
        self.came += len(data)
        for item in self.decoder.receive_data(data):
            self.said += getattr(item, "data", b"")

    @rule(verb=st.sampled_from([WILL, WONT, DO, DONT]), option=st.sampled_from(OPTIONS), times=st.integers(1, 20))
    def option(self, verb: int, option: int, times: int) -> None:
        self.receive(bytes((IAC, verb, option)) * times)

    @rule(
        option=st.sampled_from(OPTIONS),
        data=st.one_of(
            st.binary(max_size=30),
            st.sampled_from([b"\0xterm", b"\0MTTS 137", b"\1;UTF-8;BIG5", b"\2KOI8-R", b"\3", b"\0\x50\0\x18"]),
        ),
    )
    def subnegotiation(self, option: int, data: bytes) -> None:
        self.receive(bytes((IAC, SB, option)) + data.replace(IAC_BYTE, IAC_BYTE * 2) + bytes((IAC, SE)))

    @rule(text=st.sampled_from([b"hello\r\n", b"\r\n", b"a\n", bytes((IAC, Code.NOP)), bytes((IAC, Code.IP))]))
    def text(self, text: bytes) -> None:
        self.receive(text)

    @rule(wanted=st.booleans())
    def edit(self, wanted: bool) -> None:
        self.wishes += 1
        self.said += self.decoder.edit(wanted=wanted)

    @rule()
    def secret(self) -> None:
        self.wishes += 1
        self.said += self.decoder.expect_secret()

    @invariant()
    def answers_are_bounded_by_what_came(self) -> None:
        # An answer is as long as what it answers, but for the row of an editor, which is drawn anew for an interrupt.
        assert len(self.said) <= 8 * self.came + 40 * self.wishes + UNASKED_MAX
        assert self.said.count(bytes((IAC, SB, Option.CHARSET, 1))) <= 1, "the list is offered once"
        assert self.said.count(bytes((IAC, SB, Option.TTYPE, 1))) <= 3, "and three answers are fetched"


TestHostilePeer = HostilePeer.TestCase


def both_sides(moves: list[tuple[bool, bool, int]]) -> tuple[Options, Options, int]:
    """Two who speak by the Q method, each wishing things as it likes while messages are on their way. Returns how many there were."""
    ann = Options(ours=(Option.ECHO, Option.SGA), theirs=(Option.ECHO, Option.SGA))
    bob = Options(ours=(Option.ECHO, Option.SGA), theirs=(Option.ECHO, Option.SGA))
    to_ann, to_bob = deque[int](), deque[int]()
    count = 0
    for is_ann, asks, option in moves:
        side = (ann if is_ann else bob).ours
        (to_bob if is_ann else to_ann).extend(side.ask(option) if asks else side.end(option))
        count += deliver(ann, bob, to_ann, to_bob, at_most=1)
    return ann, bob, count + deliver(ann, bob, to_ann, to_bob, at_most=1000)


def deliver(ann: Options, bob: Options, to_ann: deque[int], to_bob: deque[int], *, at_most: int) -> int:
    for count in range(at_most):
        if not to_ann and not to_bob:
            return count
        for options, inbox, outbox in ((ann, to_ann, to_bob), (bob, to_bob, to_ann)):
            if inbox:
                inbox.popleft()
                outbox.extend(options.receive(inbox.popleft(), inbox.popleft()))
    return at_most


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from([Option.ECHO, Option.SGA])), max_size=30))
def test_two_who_change_their_minds_while_messages_cross_come_to_the_same_end(
    moves: list[tuple[bool, bool, int]],
) -> None:
    ann, bob, count = both_sides(moves)
    assert count < 4 * len(moves) + 4, "there is no loop"
    wanted: dict[tuple[bool, int], bool] = {(is_ann, option): asks for is_ann, asks, option in moves}
    for option in (Option.ECHO, Option.SGA):
        for ours, theirs, is_ann in ((ann.ours, bob.theirs, True), (bob.ours, ann.theirs, False)):
            assert ours.state(option) in (State.YES, State.NO)
            assert ours.is_on(option) == theirs.is_on(option) == wanted.get((is_ann, option), False)


def test_what_is_so_already_is_not_answered() -> None:
    options = Options(ours=(), theirs=(Option.NAWS,))
    assert options.receive(WILL, Option.NAWS) == bytes((IAC, DO, Option.NAWS))
    assert options.receive(WILL, Option.NAWS) == b""
    assert options.receive(WONT, Option.NAWS) == bytes((IAC, DONT, Option.NAWS))
    assert options.receive(WONT, Option.NAWS) == b""


def test_what_is_not_agreeable_is_refused_whenever_it_is_asked() -> None:
    options = Options(ours=(), theirs=())
    assert options.receive(DO, 6) == options.receive(DO, 6) == bytes((IAC, WONT, 6))
    assert options.receive(WILL, 39) == bytes((IAC, DONT, 39))
    assert options.receive(DONT, 6) == options.receive(WONT, 39) == b""


def test_a_wish_that_changes_before_the_answer_is_kept_until_then() -> None:
    side = Side(WILL, WONT, ())
    assert side.ask(Option.ECHO) == bytes((IAC, WILL, Option.ECHO))
    assert side.end(Option.ECHO) == b""
    assert side.state(Option.ECHO) is State.WANT_YES_OPPOSITE
    assert side.agreed(Option.ECHO) == bytes((IAC, WONT, Option.ECHO))
    assert side.ask(Option.ECHO) == b""
    assert side.refused(Option.ECHO) == bytes((IAC, WILL, Option.ECHO))
    assert side.agreed(Option.ECHO) == b""
    assert side.is_on(Option.ECHO)


@pytest.mark.parametrize(
    ("moves", "state", "said"),
    [
        (("ask", "agreed"), State.YES, (WILL, 0)),
        (("ask", "end", "refused"), State.NO, (WILL, 0, 0)),
        (("ask", "end", "ask", "agreed"), State.YES, (WILL, 0, 0, 0)),
        (("ask", "agreed", "end", "agreed"), State.NO, (WILL, 0, WONT, 0)),
        (("ask", "agreed", "end", "ask", "agreed"), State.YES, (WILL, 0, WONT, 0, 0)),
        (("ask", "agreed", "end", "ask", "end", "refused"), State.NO, (WILL, 0, WONT, 0, 0, 0)),
        (("ask", "agreed", "end", "ask", "refused"), State.WANT_YES, (WILL, 0, WONT, 0, WILL)),
    ],
)
def test_the_table_of_rfc_1143(moves: tuple[str, ...], state: State, said: tuple[int, ...]) -> None:
    side = Side(WILL, WONT, ())
    answers = tuple((getattr(side, move)(Option.ECHO) or b"\0\0")[1] for move in moves)
    assert (side.state(Option.ECHO), answers) == (state, said)
