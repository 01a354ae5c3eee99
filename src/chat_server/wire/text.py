"""The plain door: people on telnet, nc, or anything else that sends lines of text.

Turns bytes into requests: the telnet protocol is taken off and answered, lines are cut or edited, decoded, cleaned; a line that begins with `/` is
a command. Who seems to write in another charset is told so once. What is written to people is in render/: sentences.py, profiles.py.
Pure: knows bytes and what was chosen; never knows a session.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

from msgspec.structs import replace

from chat_server.protocol.choices import UTF_8
from chat_server.protocol.incoming import Dialogue, Echo, Invalid, ProtocolReply, Unreadable, is_said_without_word
from chat_server.protocol.late_pattern import LatePattern
from chat_server.protocol.requests import Logout, Request, Say
from chat_server.protocol.runs import RUN_MAX, SayRun, say_runs
from chat_server.protocol.sanitize import sanitize, typed_lines, without_unseen_start
from chat_server.protocol.typed import command_begun
from chat_server.wire.charsets import decode, has_byte_255, may_be_gb18030
from chat_server.wire.connection_events import (
    CharsetUnclear,
    CompletionRequested,
    ConnectionEvent,
    InputCost,
    LineWithheld,
    ProgramDetected,
    SecretEntered,
    TerminalChanged,
)
from chat_server.wire.editor.line_editor import LIGHT_KEYS, Completion, EditingCost, LineEditor, TooMuch, Typed
from chat_server.wire.editor.line_editor import Item as Edited
from chat_server.wire.line_mode import LineMode, TooLong
from chat_server.wire.telnet.callers_telnet import NO_TELNET
from chat_server.wire.telnet.commands import carry_out
from chat_server.wire.telnet.decoder import Command, OptionSaid, Piece, Subnegotiation, TelnetDecoder
from chat_server.wire.telnet.negotiation import FIRST_QUESTION, Negotiation
from chat_server.wire.telnet.options import Code
from chat_server.wire.whole_lines import said_in

COLUMNS = 80
"""The width of a terminal that has not said how wide it is, where one must be known."""

INPUT_COSTS_PER_LINE = 4
"""Pieces of work into which what keys cost is cut: others have their turn after each."""

BYTES_PER_LINE = 1024
"""Bytes of a text that are sent without having been typed which count as a line."""

_SLASHES = (b"/", b"\xa3\xaf", b"\xa1\xfe", b"\x81\x5e")
"""How a line may begin that is a command, or is meant for one: a slash, and the wide one in GB18030, Big5 and Shift JIS."""

_BLANKS = "\ufeff \t"
_OBJECT = LatePattern(r"\ufeff?[ \t]*\{")

TextInput = Request | SayRun | Unreadable | ConnectionEvent
"""What a caller on this door wants, or what was learnt of it."""

Item = TextInput | ProtocolReply | Echo
"""What comes of a caller's bytes."""

Parse = Callable[[str], Request | Unreadable | ConnectionEvent | None]
"""Turns what was typed, one clean line or several, into what it asks for, or is; None for nothing at all."""


class TextDecoder:
    """Turn the bytes of one caller into requests. Any split of the bytes gives the same requests; no bytes make it raise.

    What a request changes (the charset, who edits the line, that a secret is expected) counts from the next byte on: whoever takes the requests
    carries each out before taking the next.
    """

    __slots__ = (
        *("_charset", "_has_had_a_line"),
        "_line_limit",
        "_lines",
        "_may_hint",
        "_object",
        "_text_limit",
        "_typed_bytes",
        "editor",
        "in_runs",
        "parse",
        "reads_each",
        "telnet",
    )

    def __init__(self, parse: Parse, line_limit: int, text_limit: int | None = None, *, in_runs: bool = False) -> None:
        """Know what can be asked for by `parse`; refuse lines of more than `line_limit` bytes, and edited ones of more than `text_limit`.

        Lines that come together are given as runs if they may be (`in_runs`): where each has to be paid for, they come one by one.
        """
        self.parse = parse  # another one for a while where what comes may not be said (sessions/withheld.py)
        self.in_runs = in_runs
        self._line_limit = line_limit
        self._text_limit = text_limit or line_limit
        self._charset = UTF_8
        self._lines = LineMode(line_limit)
        self.reads_each = self._lines.stops_at_object = True  # no lines together, as long as each is looked at
        self._object = b""  # what has come of a program's first line
        self._has_had_a_line = False
        self._may_hint = True
        self._typed_bytes = 0  # into the editor, since its last line
        self.editor: LineEditor | None = None
        """What edits the caller's line, while it is edited here."""
        self.telnet = NO_TELNET
        """What is known of the caller's telnet."""

    @property
    def is_mid_line(self) -> bool:
        """Whether the caller has begun a line and not ended it."""
        return bool(self.editor.text if self.editor else self._lines.is_mid_line) or self.telnet.is_in_sequence

    @property
    def held(self) -> int:
        """Bytes of memory for the line that has been begun, and for those that can be brought back; few where it is not edited here."""
        return self.editor.held if self.editor else 0

    def is_dear(self, data: bytes) -> bool:
        """Whether they are many keys or much of telnet, or end a long line."""
        if len(data) > LIGHT_KEYS and b"\xff" in data:
            return True
        return self.editor.is_dear(data) if self.editor else self._lines.is_dear(data)

    def give_up(self) -> Iterable[ProtocolReply | Echo]:
        """Forget the line that is being edited, and those before it."""
        return [Echo(self.editor.give_up())] if self.editor else []

    @property
    def may_speak_telnet(self) -> bool:
        """Whether the caller ends lines as telnet does, and so is asked, or has been: an answer may be on its way."""
        return bool(self._lines.first_ended_in_cr_lf)

    @property
    def charset(self) -> str:
        """The charset of what comes from now on."""
        return self._charset

    @charset.setter
    def charset(self, charset: str) -> None:
        if charset == self._charset:
            return
        self._charset = self._lines.charset = charset
        self._may_hint = False
        self.telnet.judge_byte_255(self._charset)
        if self.editor:
            self.editor.charset = charset

    def allow(self, line_limit: int, text_limit: int) -> None:
        """Take longer lines from now on: the caller has logged in, and is a person."""
        self._line_limit, self._text_limit = line_limit, text_limit
        self._lines.limit = line_limit
        if self._lines.stops_at_object:
            self.reads_each = self._lines.stops_at_object = False
        if self.editor:
            self.editor.allow(line_limit, text_limit)

    def edit(self, *, wanted: bool) -> bytes:
        """Have the line edited here, or by the caller's own program, as soon as its telnet agrees. Return what to write."""
        return self._negotiated().edit(wanted=wanted)

    def expect_secret(self) -> bytes:
        """Take the next line for a secret, which telnet does not show while it is typed. Return what to write.

        A caller without telnet sees what it types: nothing on this side can help that.
        """
        return self._negotiated().expect_secret()

    def _end_secret(self) -> bytes:
        if self.editor or not self.telnet.is_spoken:
            self._negotiated().is_secret_expected = False
            return b""
        return self._negotiated().end_secret() + b"\r\n"  # the caller's Enter was not shown either

    def _negotiated(self) -> Negotiation:
        """What has been agreed on with the caller's telnet until now: it may have been asked the first question already."""
        negotiation = self.telnet.negotiation
        if negotiation is None:
            negotiation = Negotiation(has_begun=self._has_had_a_line and self.may_speak_telnet)
            self.telnet = replace(self.telnet, negotiation=negotiation)
        return negotiation

    def receive_data(self, data: bytes) -> Iterable[Item]:
        """Take bytes as they came; give the requests that they complete and the replies due, in order, as far as they are asked for."""
        if self.telnet is not NO_TELNET and (self.editor or self.telnet.expects_no_text):
            return self._each(data)
        if data.startswith(b"/") and (command := self._lines.command(data)) is not None:
            return self._alone(command)
        said = self._whole_lines(data)
        return self._each(data) if said is None else said

    def _alone(self, command: str) -> Iterator[Item]:
        if (request := self.parse(command)) is not None:
            yield request
        yield from self._maybe_begin()

    # Nearly everything that comes is lines of text which are said and change nothing: those are taken all at once.

    def _whole_lines(self, data: bytes) -> Sequence[Item] | None:
        """What lines say that these bytes end; None, and nothing is taken, if there may be more in them than that."""
        if self.reads_each or not self._has_had_a_line:
            return None
        lines, rest = self._lines.cut(data)
        texts = said_in(lines, rest, self._charset) if lines else None
        if texts is None:
            return None
        self._lines.begin(rest, after_cr=data.endswith(b"\r"))
        if self.in_runs and texts.count > 1:
            return [SayRun(texts)] if texts.count <= RUN_MAX else say_runs([*texts])
        return [Say(said) for said in texts]

    # All the rest is taken step by step.

    def _each(self, data: bytes) -> Iterator[Item]:
        pieces = self._pieces(data)
        for piece in pieces:
            if isinstance(piece, bytes):
                yield from self._text(piece)
                if self._object:
                    telnet = self.telnet.decoder or TelnetDecoder()
                    telnet.doubts_iac = False
                    yield ProgramDetected(telnet, self._negotiated(), (self._object, *pieces))
                    return
            else:
                yield from self._protocol(piece)
                if self.editor and self.editor.take_cost():
                    yield InputCost()
        if self.editor:
            for drawn in self.editor.drawing():
                yield Echo(drawn)

    def _pieces(self, data: bytes) -> Iterator[Piece]:
        """The bytes as text and what is of telnet."""
        decoder = self.telnet.decoder
        if decoder is None:
            if Code.IAC not in data:
                return iter((data,) if data else ())
            decoder = TelnetDecoder()
            self.telnet = replace(self.telnet, decoder=decoder)
            self.telnet.judge_byte_255(self._charset)
        return decoder.receive_data(data)

    def _text(self, data: bytes) -> Iterator[Item]:
        if self.editor:
            self._typed_bytes += len(data)
            for item in self.editor.receive_data(data):
                may_be_program = self._lines.stops_at_object  # not after the login that the line before was
                if may_be_program and isinstance(item, Typed) and (self._object or _OBJECT.match(item.text)):
                    self._object += item.text.strip(_BLANKS).encode() + b"\n"
                elif not self._object:
                    yield from self._edited(item)
            if self._object:
                self._object += self.editor.text.encode()
            return
        for line in self._lines.receive_data(data):
            yield from self._maybe_begin()
            yield from self._line(line)
        yield from self._maybe_begin()
        self._object = self._lines.object

    def _maybe_begin(self) -> Iterator[ProtocolReply]:
        """Ask whether the caller speaks telnet, if that is due: after a first line that ended in CR LF."""
        if self._has_had_a_line or self._lines.first_ended_in_cr_lf is None:
            return
        self._has_had_a_line = True
        if self._lines.first_ended_in_cr_lf:
            question = self.telnet.negotiation.begin() if self.telnet.negotiation else FIRST_QUESTION
            if question:
                yield ProtocolReply(question)

    def _line(self, line: bytes | TooLong) -> Iterator[Item]:
        if isinstance(line, TooLong):
            yield _too_long(line, self._line_limit, self._charset)
        elif self._is_unclear(line):
            yield CharsetUnclear(line.startswith(_SLASHES))
        else:
            yield from self._read(decode(line, self._charset))

    def _is_unclear(self, line: bytes) -> bool:
        """Whether the line seems to be Chinese in another charset; that is asked once."""
        if not self._may_hint or line.isascii() or self.telnet.is_secret_expected or not may_be_gb18030(line):
            return False
        self._may_hint = False
        return True

    def _read(self, text: str) -> Iterator[Item]:
        if self.telnet.is_secret_expected:
            if ended := self._end_secret():
                yield ProtocolReply(ended)
            yield SecretEntered(sanitize(text))
            return
        typed = typed_lines(text) if "\n" in text else sanitize(without_unseen_start(text))
        if (request := self.parse(typed)) is not None:
            yield from _each_of(request, self.editor, self._read) if isinstance(request, Dialogue) else (request,)

    def _edited(self, item: Edited) -> Iterator[Item]:
        match item:
            case bytes():
                yield Echo(item)
            case Typed():
                yield from self._typed(item)
            case TooMuch():
                yield Invalid("text-too-long", {"limit": str(item.limit)}, item.begun)
            case EditingCost():
                yield InputCost()
            case Completion():
                yield CompletionRequested(item.before)
            case _:
                yield Logout()

    def _typed(self, line: Typed) -> Iterator[Item]:
        typed, self._typed_bytes = self._typed_bytes, 0
        for _ in range((len(line.text.encode()) - typed) * INPUT_COSTS_PER_LINE // BYTES_PER_LINE):
            yield InputCost()  # it came out of the history, or was put in again
        if line.raw and self._is_unclear(line.raw):
            yield CharsetUnclear(line.raw.startswith(_SLASHES))
        else:
            yield from self._read(line.text)

    def _protocol(self, piece: Piece) -> Iterator[Item]:
        """Take something of telnet."""
        negotiation = self._negotiated()
        if question := negotiation.begin():
            yield ProtocolReply(question)
        known = self.telnet.terminal, self.telnet.is_spoken
        match piece:
            case OptionSaid():
                said = negotiation.receive_option(piece.verb, piece.option)
            case Subnegotiation():
                said = negotiation.receive_subnegotiation(piece.option, piece.data)
            case _:
                said = b""
        self.telnet.judge_byte_255(self._charset)
        if said:
            yield ProtocolReply(said)
        if isinstance(piece, Command):
            yield from carry_out(piece.code, self.editor, self._lines)
        is_changed = yield from self._begin_or_end_editing(negotiation)
        if is_changed or known != (self.telnet.terminal, self.telnet.is_spoken):
            yield TerminalChanged()

    def _begin_or_end_editing(self, negotiation: Negotiation) -> Generator[ProtocolReply | Echo, None, bool]:
        """Edit the line here if that is wanted and the caller's telnet has agreed to both of what it takes. Returns whether that is new."""
        agreed = negotiation.may_be_edited
        if self.editor and not agreed:
            yield Echo(self.editor.close())
            self._lines.after_cr = self.editor.after_cr
            self.editor = None
            is_changed = True
        elif self.telnet.wants_editing and agreed and not self.editor:
            columns = self.telnet.terminal.columns or COLUMNS
            self.editor = LineEditor(columns, self._charset, self._line_limit, self._text_limit, self._escaped)
            _take_over_line(self.editor, self._lines)
            return True
        else:
            is_changed = False
        if self.telnet.wants_editing and negotiation.is_editing_refused:
            # Half of it would be a terminal that shows nothing of what is typed.
            yield ProtocolReply(self.edit(wanted=False))
            is_changed = True
        return is_changed

    def _escaped(self, data: bytes) -> bytes:
        return data.replace(b"\xff", b"\xff\xff") if has_byte_255(self._charset) else data


def _too_long(line: TooLong, limit: int, charset: str) -> Invalid:
    return Invalid("line-too-long", {"limit": str(limit)}, command_begun(decode(line.begun, charset)))


def _each_of(dialogue: Dialogue, editor: LineEditor | None, read: Callable[[str], Iterator[Item]]) -> Iterator[Item]:
    """Each line as if it had been typed by itself; but what is no answer, and no command, may be one that came too late."""
    if editor:
        editor.forget_last()
    for line in dialogue.lines:
        for item in read(line):
            yield LineWithheld(0) if isinstance(item, Request) and is_said_without_word(item, line) else item


def _take_over_line(editor: LineEditor, lines: LineMode) -> None:
    """Go on in the editor with the line that has been begun without it."""
    editor.after_cr = lines.after_cr
    editor.insert(decode(lines.take_unfinished(), editor.charset))
