"""What a caller's telnet client is asked, in which order, and what it has told of its terminal.

Nothing is asked before the caller has shown that it may speak telnet, and then one question of three bytes: DO BINARY. Everything else waits
for the answer, whatever it is: an answer at all is what shows it. What each option is for:

    option          side            state
    BINARY          theirs          asked first: without it, Debian's telnet takes the eighth bit off before it looks for control characters,
                                    finds an interrupt in "本" (E6 9C AC) and eats it
    TERMINAL-TYPE   theirs          asked; up to three answers are fetched, as MTTS has it
    NAWS            theirs          asked; the width decides where lines are broken
    BINARY          ours            agreed to, and asked when the line is to be edited here; not before, for Debian's telnet then no longer adds
                                    a CR to the LF that it shows for Enter
    CHARSET         ours, theirs    offered, agreed to; either side's list is answered
    ECHO, SGA       ours            asked when the line is to be edited here; ECHO alone around a password
    SGA             theirs          agreed to
    all others      both            refused, whenever they are asked: until it has the answer to DO TIMING-MARK, Debian's shows nothing

Pure: bytes out for what came in. Never knows text, nor what the server does with what it learns.
"""

from msgspec.structs import replace

from chat_server.protocol.choices import CHARSETS, find_charset
from chat_server.wire.telnet.options import Code, Option, Options, State
from chat_server.wire.telnet.terminal import UNKNOWN, Terminal

TYPES_MAX = 3
"""Answers to TERMINAL-TYPE that are fetched: a MUD client's name, its terminal, its MTTS bits."""

NAME_MAX = 40
"""Characters of a terminal's name that are kept."""

_IS, _SEND = 0, 1  # of TERMINAL-TYPE
_REQUEST, _ACCEPTED, _REJECTED, _TTABLE_REJECTED = 1, 2, 3, 5  # of CHARSET
_TTABLE_IS = 4
_TTABLE = b"[TTABLE]"
_NAWS_LENGTH = 4


_OURS = frozenset((Option.BINARY, Option.CHARSET))
_THEIRS = frozenset((Option.BINARY, Option.SGA, Option.NAWS, Option.TTYPE, Option.CHARSET))


class Negotiation:
    """One caller's telnet client."""

    __slots__ = (
        *("_has_offered_charsets", "_is_charset_awaited", "_is_type_awaited"),
        *("has_begun", "has_spoken", "is_answered", "is_secret_expected", "options", "terminal", "wants_editing"),
    )

    def __init__(self, *, has_begun: bool = False) -> None:
        """Nothing has been said, but the first question if it `has_begun`."""
        self.options = Options(ours=_OURS, theirs=_THEIRS)
        self.has_begun = False
        if has_begun:
            self.begin()
        self.is_answered = False
        """Whether the one question has been answered."""
        self.has_spoken = False
        """Whether the caller has negotiated anything, asked or not."""
        self.terminal: Terminal = UNKNOWN
        self.wants_editing = False
        """Whether the line is edited here, or will be when the caller's telnet agrees."""
        self.is_secret_expected = False
        """Whether the next line is a secret, which is not to be shown while it is typed."""
        self._is_type_awaited = False
        self._has_offered_charsets = False
        self._is_charset_awaited = False

    def begin(self) -> bytes:
        """Ask the one question; return it, or nothing if it has been asked."""
        if self.has_begun:
            return b""
        self.has_begun = True
        return self.options.theirs.ask(Option.BINARY)

    def edit(self, *, wanted: bool) -> bytes:
        """Have the line edited here, or by the caller's own program, as soon as it agrees. Return what is to be said."""
        self.wants_editing = wanted
        ours = self.options.ours
        turned = ours.ask if wanted else ours.end
        said = turned(Option.SGA) + turned(Option.BINARY)
        return said if not wanted and self.is_secret_expected else turned(Option.ECHO) + said

    @property
    def may_be_edited(self) -> bool:
        """Whether it has agreed to both of what editing the line here takes."""
        return self.options.ours.is_on(Option.ECHO) and self.options.ours.is_on(Option.SGA)

    @property
    def is_editing_refused(self) -> bool:
        """Whether it has refused one of them."""
        return State.NO in (self.options.ours.state(Option.ECHO), self.options.ours.state(Option.SGA))

    def expect_secret(self) -> bytes:
        """Have what is typed not shown until `end_secret`. Return what is to be said."""
        self.is_secret_expected = True
        return self.options.ours.ask(Option.ECHO) if self.has_spoken else b""

    def end_secret(self) -> bytes:
        """Have it shown again, unless the line is edited here. Return what is to be said."""
        self.is_secret_expected = False
        return b"" if self.wants_editing else self.options.ours.end(Option.ECHO)

    def receive_option(self, verb: int, option: int) -> bytes:
        """Take WILL, WONT, DO or DONT; return what is to be said."""
        had_spoken, self.has_spoken = self.has_spoken, True
        was_on = self.options.theirs.is_on(Option.TTYPE)
        offered = self.options.ours.is_on(Option.CHARSET)
        said = self.options.receive(verb, option)
        if option == Option.BINARY and verb in (Code.WILL, Code.WONT) and not self.is_answered:
            said += self._ask_the_rest()
        if option == Option.TTYPE and verb == Code.WONT:
            self._describe(is_described=True)
        elif option == Option.TTYPE and self.options.theirs.is_on(option) and not was_on:
            said += b"" if self.terminal.is_described or self._is_type_awaited else self._ask_type()
        if option == Option.CHARSET and self.options.ours.is_on(option) and not offered:
            said += self._offer_charsets()
        if self.is_secret_expected and not had_spoken:  # it was asked for before anybody knew that there is telnet
            said += self.options.ours.ask(Option.ECHO)
        return said

    def _ask_the_rest(self) -> bytes:
        self.is_answered = True
        return (
            self.options.theirs.ask(Option.TTYPE)
            + self.options.theirs.ask(Option.NAWS)
            + self.options.ours.ask(Option.CHARSET)
        )

    def receive_subnegotiation(self, option: int, data: bytes) -> bytes:
        """Take what stood between IAC SB and IAC SE, after the option; return what is to be said."""
        self.has_spoken = True
        match option:
            case Option.TTYPE if data[:1] == bytes((_IS,)):
                return self._receive_type(data[1:])
            case Option.NAWS if len(data) == _NAWS_LENGTH and self.options.theirs.is_on(option):
                self._describe(
                    columns=int.from_bytes(data[:2], "big"),
                    rows=int.from_bytes(data[2:], "big"),
                )
            case Option.CHARSET if data:
                return self._receive_charset(data[0], data[1:])
        return b""

    def _describe(self, **known: object) -> None:
        self.terminal = replace(self.terminal, **known)

    def _ask_type(self) -> bytes:
        self._is_type_awaited = True
        return bytes((Code.IAC, Code.SB, Option.TTYPE, _SEND, Code.IAC, Code.SE))

    def _receive_type(self, data: bytes) -> bytes:
        """Take a name. A client that has no more of them says its last one again."""
        if not self._is_type_awaited:
            return b""
        self._is_type_awaited = False
        names = self.terminal.names
        name = "".join(filter(str.isprintable, data[:NAME_MAX].decode("ascii", "ignore"))).lower()
        if names[-1:] != (name,):
            names = (*names, name)
            self._describe(names=names)
            if len(names) < TYPES_MAX:
                return self._ask_type()
        self._describe(is_described=True)
        return b""

    def _offer_charsets(self) -> bytes:
        if self._has_offered_charsets:
            return b""
        self._has_offered_charsets = self._is_charset_awaited = True
        return self._charset_said(_REQUEST, b";" + ";".join(CHARSETS).upper().encode())

    def _receive_charset(self, verb: int, data: bytes) -> bytes:
        if verb in (_ACCEPTED, _REJECTED):
            if self._is_charset_awaited and verb == _ACCEPTED:
                self._agree_on(data)
            self._is_charset_awaited = False
        elif verb == _TTABLE_IS:
            return self._charset_said(_TTABLE_REJECTED, b"")
        elif verb == _REQUEST and (
            self.options.theirs.is_on(Option.CHARSET) or self.options.ours.is_on(Option.CHARSET)
        ):
            if data.startswith(_TTABLE):
                data = data[len(_TTABLE) + 1 :]
            # When both sides ask at once, the server's question stands (RFC 2066).
            offered = data[1:].split(data[:1]) if data and not self._is_charset_awaited else []
            accepted = next((name for name in offered if self._agree_on(name)), None)
            return self._charset_said(_REJECTED, b"") if accepted is None else self._charset_said(_ACCEPTED, accepted)
        return b""

    def _agree_on(self, name: bytes) -> bool:
        charset = find_charset(name.decode("ascii", "replace"))
        if charset is not None:
            self._describe(charset=charset)
        return charset is not None

    @staticmethod
    def _charset_said(verb: int, data: bytes) -> bytes:
        return bytes((Code.IAC, Code.SB, Option.CHARSET, verb)) + data + bytes((Code.IAC, Code.SE))


FIRST_QUESTION = Negotiation().begin()
"""What is asked before anything is known of the caller's telnet."""
