"""Telnet's options and who has agreed to what: RFC 1143's Q method, so that no sequence of requests can make a loop.

Each option has two sides, ours (WILL, WONT, answered by DO, DONT) and theirs. On each side it is in one of six states:

    no                  off
    yes                 on
    want-no             on until they confirm that we have ended it
    want-no-opposite    the same, and to be asked for again then
    want-yes            off until they agree
    want-yes-opposite   the same, and to be ended again then

Pure; never knows what an option is for.
"""

from collections.abc import Collection
from enum import Enum
from functools import lru_cache


class Code:
    """The bytes that mean something (RFC 854)."""

    NUL, BS, LF, CR, DEL = 0, 8, 10, 13, 127
    EOF, NOP, DM, BRK, IP, AO, AYT = 236, 241, 242, 243, 244, 245, 246
    SE, EC, EL, SB, WILL, WONT, DO, DONT, IAC = 240, 247, 248, 250, 251, 252, 253, 254, 255


class Option:
    """The options that are agreed to, in one case or another; all others are refused."""

    BINARY = 0  # RFC 856
    ECHO = 1  # RFC 857
    SGA = 3  # suppress go-ahead, RFC 858
    TTYPE = 24  # terminal type, RFC 1091
    NAWS = 31  # window size, RFC 1073
    CHARSET = 42  # RFC 2066


class State(Enum):
    """Where one side of an option is."""

    NO = "no"
    YES = "yes"
    WANT_NO = "want-no"
    WANT_NO_OPPOSITE = "want-no-opposite"
    WANT_YES = "want-yes"
    WANT_YES_OPPOSITE = "want-yes-opposite"


_ON_AGREEMENT = {
    # They agree, or begin: the state after, and whether we now say no.
    State.YES: (State.YES, False),
    State.WANT_NO: (
        State.NO,
        False,
    ),  # an answer to a refusal that agrees: wrong, and taken for what it should have been
    State.WANT_NO_OPPOSITE: (State.YES, False),
    State.WANT_YES: (State.YES, False),
    State.WANT_YES_OPPOSITE: (State.WANT_NO, True),
}
_ON_REFUSAL = {
    # They refuse, or end: the state after, and what we now say: True for yes, False for no, None for nothing.
    State.NO: (State.NO, None),
    State.YES: (State.NO, False),
    State.WANT_NO: (State.NO, None),
    State.WANT_NO_OPPOSITE: (State.WANT_YES, True),
    State.WANT_YES: (State.NO, None),
    State.WANT_YES_OPPOSITE: (State.NO, None),
}


States = tuple[tuple[int, State], ...]
"""Options that are not simply off, and where each is."""


@lru_cache(maxsize=1024)
def _with(states: States, option: int, state: State) -> States:
    """The states with this one; the same tuple for all callers who are as far, for a dictionary of its own would cost each 300 bytes."""
    return (*((known, before) for known, before in states if known != option), (option, state))


class Side:
    """One side of every option."""

    __slots__ = ("_agreeable", "_no", "_states", "_yes")

    def __init__(self, yes: int, no: int, agreeable: Collection[int]) -> None:
        """`yes` and `no` are what we say; to `agreeable` options we agree when they begin."""
        self._yes = yes
        self._no = no
        self._agreeable = agreeable
        self._states: States = ()

    def state(self, option: int) -> State:
        """Where the option is."""
        for known, state in self._states:
            if known == option:
                return state
        return State.NO

    def _set(self, option: int, state: State) -> None:
        self._states = _with(self._states, option, state)

    def is_on(self, option: int) -> bool:
        """Whether both have agreed to it."""
        return self.state(option) is State.YES

    def ask(self, option: int) -> bytes:
        """Ask for the option; return what to send, if anything."""
        match self.state(option):
            case State.NO:
                self._set(option, State.WANT_YES)
                return _said(self._yes, option)
            case State.WANT_NO:
                self._set(option, State.WANT_NO_OPPOSITE)
            case State.WANT_YES_OPPOSITE:
                self._set(option, State.WANT_YES)
        return b""

    def end(self, option: int) -> bytes:
        """End the option; return what to send, if anything."""
        match self.state(option):
            case State.YES:
                self._set(option, State.WANT_NO)
                return _said(self._no, option)
            case State.WANT_NO_OPPOSITE:
                self._set(option, State.WANT_NO)
            case State.WANT_YES:
                self._set(option, State.WANT_YES_OPPOSITE)
        return b""

    def agreed(self, option: int) -> bytes:
        """Take their yes; return the answer, if one is due."""
        state = self.state(option)
        if state is State.NO:
            if option not in self._agreeable:
                return _said(self._no, option)
            self._set(option, State.YES)
            return _said(self._yes, option)
        after, says_no = _ON_AGREEMENT[state]
        self._set(option, after)
        return _said(self._no, option) if says_no else b""

    def refused(self, option: int) -> bytes:
        """Take their no; return the answer, if one is due."""
        state, answer = _ON_REFUSAL[self.state(option)]
        if state is not self.state(option):
            self._set(option, state)
        if answer is None:
            return b""
        return _said(self._yes if answer else self._no, option)


@lru_cache(maxsize=1024)
def _said(verb: int, option: int) -> bytes:
    return bytes((Code.IAC, verb, option))


class Options:
    """Both sides."""

    __slots__ = ("ours", "theirs")

    def __init__(self, *, ours: Collection[int], theirs: Collection[int]) -> None:
        """Everything is off. `ours` and `theirs` are the options to which we agree on each side when they begin."""
        self.ours = Side(Code.WILL, Code.WONT, ours)
        self.theirs = Side(Code.DO, Code.DONT, theirs)

    def receive(self, verb: int, option: int) -> bytes:
        """Take WILL, WONT, DO or DONT; return the answer, if one is due."""
        match verb:
            case Code.WILL:
                return self.theirs.agreed(option)
            case Code.WONT:
                return self.theirs.refused(option)
            case Code.DO:
                return self.ours.agreed(option)
            case _:
                return self.ours.refused(option)
