"""What somebody at a terminal sends right behind a command that would have asked for a secret, and did not: it may be the secret, and is not said.

So nobody is told a password because its command was refused, or mistyped. What holds so begins when that is told, and ends with the next command,
after BEHIND_MAX lines that were not pasted together with it, or when nothing has come for BEHIND_SECONDS. Only the time counts in which the
server waited for more: what waits because of the sender's pace, or of others', has come before. Until then lines are read one by one
(`TextDecoder.reads_each`); before and after it there is nothing of this, in no session. Never knows which commands those are (commands/).
"""

from collections.abc import Awaitable

import trio

from chat_server.protocol.events import Refused
from chat_server.protocol.incoming import Unreadable, is_said_without_word
from chat_server.protocol.requests import Request
from chat_server.protocol.typed import BEHIND_MAX, BEHIND_SECONDS
from chat_server.rooms.room import Occupant
from chat_server.wire.connection_events import ConnectionEvent, LineWithheld
from chat_server.wire.text import TextDecoder

PASTED_SECONDS = 0.25
"""Seconds for which nothing has come among lines that are pasted together: none of them is said, however many they are, for a dialogue that somebody
has copied may have been begun more than once."""


class Withholding:
    """Reads what one caller sends, in place of their decoder's own way, until it has ended."""

    __slots__ = ("_decoder", "_left", "_parse", "_waited", "_waited_before")

    def __init__(self, decoder: TextDecoder, lines: int, waited_before: float) -> None:
        """Begin, for so many lines; nothing had come for some seconds, all in all, since what was told before the first of them."""
        self._decoder = decoder
        self._left = lines
        self._waited, self._waited_before = 0.0, waited_before
        self._parse = decoder.parse
        decoder.parse, decoder.reads_each = self, True

    def __call__(self, text: str) -> Request | Unreadable | ConnectionEvent | None:
        """Read what was typed. What is no request ends nothing: a password may begin with a slash."""
        asked = self._parse(text)
        if not isinstance(asked, Request):
            return asked
        self.end()
        if self._waited > BEHIND_SECONDS or not is_said_without_word(asked, text):
            return asked
        waited = self._waited_before + self._waited
        return LineWithheld(self._left - (waited > PASTED_SECONDS), waited)

    async def counting(self, wait: Awaitable[None]) -> None:
        """Wait until something has come, and count how long that takes."""
        began = trio.current_time()
        await wait
        self._waited += trio.current_time() - began

    def end(self) -> None:
        """Read as before again."""
        self._decoder.parse, self._decoder.reads_each = self._parse, False


def withhold(decoder: TextDecoder, lines: int = BEHIND_MAX, waited: float = 0.0) -> None:
    """Have so many lines not said that come right behind what was told just now. See LineWithheld."""
    stop_withholding(decoder)
    if lines > 0:
        Withholding(decoder, lines, waited)


def counted(decoder: TextDecoder, wait: Awaitable[None]) -> Awaitable[None]:
    """The same wait; it counts among the seconds within which what comes is not said, if anything is not."""
    if decoder.reads_each and isinstance(decoder.parse, Withholding):
        return decoder.parse.counting(wait)
    return wait


def tell_withheld(session: Occupant, decoder: TextDecoder, line: LineWithheld) -> None:
    """Say that a line was not said; what comes right behind that is not, either."""
    if decoder.editor is not None:
        decoder.editor.forget_last()
    session.send(Refused("may-be-secret"))
    withhold(decoder, line.left, line.waited)


def stop_withholding(decoder: TextDecoder) -> None:
    """Have the next line said, whatever came before."""
    if isinstance(decoder.parse, Withholding):
        decoder.parse.end()
