"""A line that is edited on the caller's terminal: what keys do to it.

Pure: bytes of keys in; lines, wishes and bytes to draw out. Knows the sequences that keys send, and bracketed paste. Never knows telnet, nor what
a line means.

Where and how the line is drawn is the row's business (row.py). Bytes that were cut anywhere give the same lines and, in the end, the same screen.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from io import StringIO

from msgspec import Struct

from chat_server.protocol.late_pattern import LatePattern
from chat_server.protocol.sanitize import sanitize, sanitize_lines, without_unseen_start
from chat_server.protocol.typed import command_begun, with_slash_first
from chat_server.wire.charsets import incremental_decoder
from chat_server.wire.editor.edit_buffer import EditBuffer
from chat_server.wire.editor.row import ERASE, Row
from chat_server.wire.line_buffer import LIGHT_BYTES

SEQUENCE_MAX = 32  # characters of an escape sequence beyond which it is none; the longest that a key sends has 10

WORK_MAX = 2048
"""Characters that are put in, taken out or drawn before the keys are told to wait: 1.3 ms at the dearest (a history of emoji)."""

LIGHT_KEYS = 32
"""Bytes of keys that may be taken without waiting for a turn: one of them may cost a row, which is 0.1 ms."""

HELD_MIN = 8192
"""Bytes of memory below which a line is not counted: an ordinary one, and a few before it."""

BEGUN_MAX = 64
"""Characters that are told of what was too much: it may be a command."""

RAW_MAX = 256
"""Bytes of a line that are kept as they came, to tell which charset they may be of."""

_OPEN = b"\x1b[?2004h"  # bracketed paste: what is pasted comes between two sequences
_CLOSE = b"\x1b[?2004l"
_BELL = b"\a"
_TAB = "    "  # in what is pasted: code keeps its shape

_SEGMENTS = LatePattern(rb"[^\x00-\x1f\x7f]+|[\x00-\x1f\x7f]")
_PASTE_BEGINS, _PASTE_ENDS = "csi 200~", "csi 201~"


class Typed(Struct, frozen=True):
    """A line that has been ended. It may be of several lines, if it was pasted. `raw` is there if it is not all of the charset."""

    text: str
    raw: bytes = b""


class TooMuch(Struct, frozen=True):
    """More was pasted than a line may have, in bytes; nothing of it has been taken."""

    limit: int
    begun: str = ""
    """How the line would have begun, if that may be a command."""


class Completion(Struct, frozen=True):
    """Tab was typed after this text."""

    before: str


class Closing(Struct, frozen=True):
    """The caller wants to leave: Ctrl+D on an empty line."""


class EditingCost(Struct, frozen=True):
    """The keys have cost as much as a part of a line does: they should wait until it is their turn."""


Item = bytes | Typed | TooMuch | Completion | Closing | EditingCost
"""What is to be written to the terminal, or what the caller wants."""


class _State(Enum):
    TEXT = "text"
    ESCAPE = "after ESC"
    CSI = "inside a control sequence"
    FUNCTION = "after ESC [ ["  # the Linux console's F1 to F5
    SS3 = "after ESC O"


_KEYS: dict[str, Callable[[EditBuffer], object]] = {
    **dict.fromkeys(("ctrl A", "csi H", "csi 1~", "csi 7~"), EditBuffer.home),
    **dict.fromkeys(("ctrl E", "csi F", "csi 4~", "csi 8~"), EditBuffer.end),
    **dict.fromkeys(("ctrl B", "csi D"), EditBuffer.left),
    **dict.fromkeys(("ctrl F", "csi C"), EditBuffer.right),
    **dict.fromkeys(("ctrl P", "csi A"), EditBuffer.older),
    **dict.fromkeys(("ctrl N", "csi B"), EditBuffer.newer),
    **dict.fromkeys(("ctrl H", "ctrl ?"), EditBuffer.erase),
    **dict.fromkeys(("ctrl D", "csi 3~"), EditBuffer.delete),
    **dict.fromkeys(("csi 1;5D", "csi 1;3D", "csi 5D", "alt b"), EditBuffer.word_left),
    **dict.fromkeys(("csi 1;5C", "csi 1;3C", "csi 5C", "alt f"), EditBuffer.word_right),
    **dict.fromkeys(("ctrl W", "alt \x7f", "alt \x08"), EditBuffer.kill_word_before),
    "alt d": EditBuffer.kill_word_after,
    "ctrl U": EditBuffer.kill_to_start,
    "ctrl K": EditBuffer.kill_to_end,
    "ctrl Y": EditBuffer.yank,
}
"""What each key does. A cursor key sends CSI or SS3 and a letter; the rest are xterm's, and VT220's for Home and End."""

_NOT_FOR_SECRETS = (EditBuffer.older, EditBuffer.newer, EditBuffer.yank)


class LineEditor:
    """One caller's line."""

    def __init__(
        self, columns: int, charset: str, limit: int, text_limit: int, write: Callable[[bytes], bytes]
    ) -> None:
        """Begin an empty line.

        Args:
            columns: the terminal's width.
            charset: of both its directions.
            limit: bytes that a line may have in UTF-8.
            text_limit: bytes that a text of several lines may have, which only comes of pasting.
            write: what telnet does to bytes on their way out.

        """
        self._line = EditBuffer(limit, text_limit)
        self._row = Row(self._line, columns, write)
        self.around = self._row.around
        self.resized = self._row.resized
        self.prompted = self._row.prompted
        self.is_shown_back = True
        """Whether what is said is shown by the room when it is stored; else it stays where it was typed, as commands do."""
        self._state = _State.TEXT
        self._sequence = ""
        self._pasted: StringIO | None = None  # None: nothing is being pasted
        self._pasted_size = 0  # in UTF-8
        self._is_paste_given_up = False  # what still comes of it is skipped
        self.after_cr = False
        """Whether the last byte ended a line by CR, so that LF or NUL now is part of that end."""
        self._raw: bytes | None = b""  # what came for this line; None when it was more than characters
        self.charset = charset

    @property
    def columns(self) -> int:
        """The terminal's width."""
        return self._row.columns

    @property
    def charset(self) -> str:
        """The charset of what is typed and drawn."""
        return self._charset

    @charset.setter
    def charset(self, charset: str) -> None:
        self._charset = charset
        self._row.charset = charset
        self._decoder = incremental_decoder(charset)

    @property
    def text(self) -> str:
        """What has been typed and not sent."""
        return self._line.text

    @property
    def held(self) -> int:
        """Bytes of memory for what was typed, about; 0 where that is an ordinary line."""
        held = self._line.held + self._pasted_size
        return held if held > HELD_MIN else 0

    def give_up(self) -> bytes:
        """Forget the line, what is being pasted, and what could be brought back. Return what to write.

        What still comes of a paste is part of what was given up: as keys it would be lines that nobody has sent.
        """
        is_pasting, state = self._pasted is not None, self._state
        self._line.forget()
        drawn = self.abandon()
        if is_pasting:  # its end may have been cut in two
            self._pasted, self._is_paste_given_up, self._state = StringIO(), True, state
        return drawn

    def allow(self, limit: int, text_limit: int) -> None:
        """Take longer lines from now on."""
        self._line.limit, self._line.text_limit = limit, text_limit

    # What is drawn, beside what the row does itself.

    def open(self) -> bytes:
        """Begin to draw."""
        return _OPEN + self._row.redraw()

    def close(self) -> bytes:
        """Take the row away; nothing is drawn after this."""
        return ERASE + _CLOSE

    # What is typed.

    def is_dear(self, data: bytes) -> bool:
        """Whether they are more keys than anybody types at once, or change or end a long line."""
        return len(data) > LIGHT_KEYS or self._line.size + self._pasted_size > LIGHT_BYTES

    def receive_data(self, data: bytes) -> Iterator[Item]:
        """Take keys as they came; give what they lead to, in order, as far as it is asked for.

        What was typed is drawn at the end, and before whatever the caller wants.
        """
        for segment in _SEGMENTS.findall(data):  # the charset may be another after any line
            self._note_raw(segment)
            for character in self._decoder.decode(segment):
                yield from self._take(character)
                if self.take_cost():
                    yield EditingCost()
        yield from self.drawing()

    def take_cost(self) -> bool:
        """Whether the keys have cost so much since this was last so that others should have their turn."""
        if self._line.work <= WORK_MAX:
            return False
        self._line.work = 0
        return True

    def _note_raw(self, segment: bytes) -> None:
        if segment in (b"\r", b"\n"):
            return
        is_text = self._raw is not None and segment[0] >= 0x20 and segment != b"\x7f"  # noqa: PLR2004 - where ASCII's text begins
        self._raw = ((self._raw or b"") + segment)[:RAW_MAX] if is_text else None

    def drawing(self) -> Iterator[bytes]:
        """What is to be written so that the row shows the line, if anything."""
        drawn = self._row.refresh()
        if drawn:
            yield drawn

    def _take(self, character: str) -> Iterator[Item]:
        """Take one character, which may be part of a key's sequence."""
        if character == "\x1b":
            self._state, self._sequence = _State.ESCAPE, ""
        elif self._state is not _State.TEXT and (character >= " " or self._state is _State.ESCAPE):
            yield from self._continue_sequence(character)
        elif self._pasted is not None and character == "\x03":  # terminals take it out of what is pasted: it was typed
            yield self.abandon()
        elif self._pasted is not None:
            self._paste(_TAB if character == "\t" else character)
        else:
            self._state = _State.TEXT  # a control character ends a sequence that was none
            yield from self._key(character)

    def _continue_sequence(self, character: str) -> Iterator[Item]:
        state, self._state = self._state, _State.TEXT
        if state is _State.ESCAPE and character in "[O":
            self._state = _State.CSI if character == "[" else _State.SS3
        elif state is _State.ESCAPE and character in "\r\n\t\x03":
            yield from self._take(character)
        elif state is _State.ESCAPE:
            yield from self._pressed(f"alt {character}")
        elif state is _State.CSI and character == "[" and not self._sequence:
            self._state = _State.FUNCTION
        elif state is _State.FUNCTION:
            pass
        elif state is _State.SS3 or "@" <= character <= "~":
            yield from self._pressed(f"csi {self._sequence}{character}")
        elif len(self._sequence) < SEQUENCE_MAX:
            self._state = state
            self._sequence += character

    def _pressed(self, sequence: str) -> Iterator[Item]:
        """Take a key that sends more than one character."""
        if self._pasted is not None:
            if sequence == _PASTE_ENDS:
                yield from self._end_paste()
        elif sequence == _PASTE_BEGINS:
            self._pasted, self._pasted_size, self._is_paste_given_up = StringIO(), 0, False
        else:
            self._act(sequence)

    def _act(self, key: str) -> None:
        """Do what the key does, if anything."""
        self._line.end_completing()
        action = _KEYS.get(key)
        if action is not None and not (self._row.is_secret and action in _NOT_FOR_SECRETS):
            action(self._line)

    def _key(self, character: str) -> Iterator[Item]:
        """Take a key that sends one character."""
        after_cr, self.after_cr = self.after_cr, character == "\r"
        if character == "\t":
            yield from self._tab()
        elif character in "\r\n":
            if character == "\r" or not after_cr:
                yield from self._enter()
        elif character == "\x03":
            yield self.abandon()
        elif character == "\x04" and not self._line.cells:
            yield from self.drawing()
            yield Closing()
        elif character == "\x0c":
            self._row.clear()
        elif character.isascii() and not character.isprintable():
            self._act(f"ctrl {chr(ord(character) ^ 0x40)}")
        else:
            self._line.end_completing()
            if not self._line.type(character):
                yield _BELL

    def _tab(self) -> Iterator[Item]:
        if self._row.is_secret or self._line.complete_again():
            return
        yield from self.drawing()
        self._line.work += len(self._line.cells)
        yield Completion(self._line.before_cursor)

    def complete(self, candidates: Sequence[str]) -> bytes:
        """Put in the first of these for the word before the cursor; Tab again puts in the next. Return what to write."""
        if not candidates:
            return _BELL
        self._line.complete(candidates)
        return self._row.refresh()

    def _paste(self, text: str) -> None:
        """Keep what is pasted until its end, as much as could be taken."""
        if self._is_paste_given_up:
            return
        self._pasted_size += len(text.encode(errors="replace"))
        if self._pasted is not None and self._pasted_size <= self._line.text_limit:
            self._pasted.write(text)

    def _end_paste(self) -> Iterator[Item]:
        pasted = sanitize_lines(self._pasted.getvalue() if self._pasted else "")
        size, self._pasted, self._pasted_size = self._pasted_size, None, 0
        self._line.end_completing()
        limit = self._line.text_limit if "\n" in pasted else self._line.limit
        if size > self._line.text_limit or not self._line.insert(pasted):
            yield from self.drawing()
            yield TooMuch(limit, command_begun((self._line.before_cursor + pasted)[:BEGUN_MAX]))

    def insert(self, text: str) -> None:
        """Put in text that was typed before the editor was there."""
        self._line.insert(sanitize(text))

    def put_in(self, text: str, cursor: int) -> bool:
        """Put in a text where the cursor is, which stands after so many of its characters then. Returns False if there is no room for it."""
        before, after = (sanitize(part.replace("\n", " ")) for part in (text[:cursor], text[cursor:]))
        if not self._line.insert(before + after):
            return False
        self._line.back_over(after)
        return True

    def _enter(self) -> Iterator[Item]:
        self._line.end_completing()
        text, raw = self._line.text, self._raw
        seen = without_unseen_start(text)
        is_command = seen.startswith("/") and not seen.startswith("//")
        stays = is_command or not self.is_shown_back
        if "\n" in text and (is_command or with_slash_first(seen)):
            stays = False  # below the command may be a password
        if stays or self._row.is_secret:
            yield self._begin_below(b"")
        else:
            self._begin_anew()
            yield from self.drawing()
        yield Typed(text, raw if raw and "\ufffd" in text else b"")

    def forget_last(self) -> None:
        """Have the line that was entered last in no history: it may be a secret."""
        self._line.forget_last()

    def abandon(self) -> bytes:
        """Begin a new line, below; the history has the old one, unless it was secret. Return what to write.

        What is being pasted, or is part of a key's sequence, is given up too.
        """
        self._pasted, self._pasted_size, self._state = None, 0, _State.TEXT
        return self._begin_below(b"^C")

    def _begin_below(self, mark: bytes) -> bytes:
        """Leave the row as it is, and begin a new one."""
        drawn = self._row.refresh()
        self._begin_anew()
        return drawn + mark + b"\r\n" + self._row.drawn_anew()

    def _begin_anew(self) -> None:
        if self._row.is_secret:
            self._line.forget_killed()
        else:
            self._line.remember()
        self._line.replace("")
        self._row.first = 0
        self._raw = b""

    def erase_character(self) -> None:
        """Take back the character before the cursor; see `drawing`."""
        self._line.erase()
        self._raw = None

    def erase_line(self) -> None:
        """Take back everything; see `drawing`."""
        self._line.kill_all()
        self._raw = None
