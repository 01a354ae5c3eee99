"""What somebody at a terminal sends right behind a command that would have asked for a secret, and did not: it may be the secret, and is not said.

So nobody is told a password because its command was refused, or mistyped. What holds so begins when that is told, and ends with the next command,
after LINES_MAX lines, or when nothing has come for SECONDS. Until then lines are read one by one (`TextDecoder.reads_each`); before and after it
there is nothing of this, in no session. Never knows which commands those are (commands/).
"""

import trio

from chat_server.protocol.events import Refused
from chat_server.protocol.incoming import Unreadable
from chat_server.protocol.requests import Request, Say
from chat_server.rooms.room import Occupant
from chat_server.wire.connection_events import ConnectionEvent, LineWithheld
from chat_server.wire.text import TextDecoder

LINES_MAX = 3
"""Lines that are not said at most: `/password` takes three, the old one and the new one twice."""

SECONDS = 2.5
"""Seconds after what was told last within which a line has come by itself, and is no answer: whoever pastes is there at once, whoever types without
looking takes about two seconds for a password, and who reads first that they are not asked takes longer than that to say something."""


class Withholding:
    """Reads what one caller sends, in place of their decoder's own way, until it has ended."""

    __slots__ = ("_decoder", "_left", "_parse", "_until")

    def __init__(self, decoder: TextDecoder, lines: int) -> None:
        """Begin, for so many lines."""
        self._decoder = decoder
        self._left = lines - 1
        self._until = trio.current_time() + SECONDS
        self._parse = decoder.parse
        decoder.parse, decoder.reads_each = self, True

    def __call__(self, text: str) -> Request | Unreadable | ConnectionEvent | None:
        """Read what was typed. What is no request ends nothing: a password may begin with a slash."""
        asked = self._parse(text)
        if not isinstance(asked, Request):
            return asked
        self.end()
        is_said = isinstance(asked, Say) and (
            text[:1] != "/" or text[1:2] == "/"
        )  # which /say is not: that is a command
        return LineWithheld(self._left) if is_said and trio.current_time() <= self._until else asked

    def end(self) -> None:
        """Read as before again."""
        self._decoder.parse, self._decoder.reads_each = self._parse, False


def withhold(decoder: TextDecoder, lines: int = LINES_MAX) -> None:
    """Have so many lines not said that come right behind what was told just now."""
    stop_withholding(decoder)
    if lines:
        Withholding(decoder, lines)


def tell_withheld(session: Occupant, decoder: TextDecoder, line: LineWithheld) -> None:
    """Say that a line was not said; what comes right behind that is not, either."""
    if decoder.editor is not None:
        decoder.editor.forget_last()
    session.send(Refused("may-be-secret"))
    withhold(decoder, line.left)


def stop_withholding(decoder: TextDecoder) -> None:
    """Have the next line said, whatever came before."""
    if isinstance(decoder.parse, Withholding):
        decoder.parse.end()
