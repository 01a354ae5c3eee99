"""The commands by which one chooses how one is shown things; they work in every place.

Knows a session only as a `Chooser`. Never knows how a choice is put into effect.
"""

from typing import Any, Protocol

from msgspec.structs import replace

from chat_server.commands.handler import CommandHandler, Pause
from chat_server.protocol.choices import find_charset, find_language
from chat_server.protocol.events import Chosen, Event, Refused
from chat_server.protocol.preferences import AS_THE_TERMINAL, Preferences
from chat_server.protocol.requests import (
    ChooseCharset,
    ChooseColour,
    ChooseKeepalive,
    ChooseLanguage,
    ChooseMode,
    ChoosePlain,
    ChooseWrap,
    Request,
)
from chat_server.protocol.syntax import word_of
from chat_server.protocol.typed import SHOWN_MAX, shortened

WIDTHS = range(20, 201)
"""Columns that one may say a terminal has."""


class Chooser(Protocol):
    """Somebody who chooses."""

    @property
    def preferences(self) -> Preferences:
        """What they have chosen until now."""

    @property
    def has_terminal(self) -> bool:
        """Whether there is a terminal at the other end, as far as can be known; a program shows text in its own way."""

    @property
    def speaks_telnet(self) -> bool:
        """Whether there is telnet at the other end."""

    def prefer(self, preferences: Preferences) -> None:
        """Show them things in this way from now on."""

    def in_force(self, setting: str) -> str:
        """What a setting comes to, whether it was chosen or suggested by the terminal."""

    def send(self, event: Event) -> None:
        """Show them an event."""


class Choices(CommandHandler):
    """Where one may choose."""

    def do_lang(self, session: Chooser, request: ChooseLanguage) -> Pause:
        """Choose the language in which the server speaks to you.

        Commands stay the same. Without a language: show it.
        """
        language = find_language(request.language) if request.language else None
        if request.language and language is None:
            session.send(Refused("no-such-language", {"language": shortened(request.language)}))
            return None
        self._choose(session, "language", language)
        return None

    def do_charset(self, session: Chooser, request: ChooseCharset) -> Pause:
        """Choose the charset of your terminal.

        Such as utf-8, gbk, gb18030, big5, euc-kr, shift_jis, koi8-r, latin-1. Characters that it lacks are replaced by something readable.
        Without a charset: show it.
        """
        charset = find_charset(request.charset) if request.charset else None
        if request.charset and charset is None:
            session.send(Refused("no-such-charset", {"charset": shortened(request.charset)}))
        elif _may(session, request):
            self._choose(session, "charset", charset)
        return None

    def do_mode(self, session: Chooser, request: ChooseMode) -> Pause:
        """Edit your input here, or in your own program.

        With /mode edit there are arrow keys, a history, and Tab, and what others say never cuts into what you type; that needs telnet.
        """
        if _may(session, request, needs_telnet=request.mode == "edit"):
            self._choose(session, "mode", request.mode or None)
        return None

    def do_colour(self, session: Chooser, request: ChooseColour) -> Pause:
        """Turn colours on or off.

        Without a choice: show which.
        """
        if _may(session, request):
            self._choose(session, "colour", {"on": True, "off": False}.get(request.colour))
        return None

    def do_wrap(self, session: Chooser, request: ChooseWrap) -> Pause:
        """Break long lines between words, or not.

        on, off, or for how many columns. Without a choice: show it.
        """
        if not _may(session, request):
            return None
        wanted = request.columns.casefold()
        if wanted == "on":
            session.prefer(replace(session.preferences, wrap=AS_THE_TERMINAL))
            value = session.in_force("wrap")
            session.send(Chosen("wrap", "unknown" if value == "off" else value))
        elif wanted in ("", "off"):
            self._choose(session, "wrap", 0 if wanted else None)
        elif wanted.isascii() and wanted.isdecimal() and len(wanted) < SHOWN_MAX and int(wanted) in WIDTHS:
            self._choose(session, "wrap", int(wanted))
        else:
            session.send(Refused("no-such-width"))
        return None

    def do_plain(self, session: Chooser, request: ChoosePlain) -> Pause:
        """Turn on plain mode, for screen readers.

        No colours, no ornaments, nothing is drawn twice. /plain off turns it off.
        """
        if _may(session, request):
            self._choose(session, "plain", request.plain == "on")
        return None

    def do_keepalive(self, session: Chooser, request: ChooseKeepalive) -> Pause:
        """Keep your connection open in silence, or not.

        If your client shows that as garbage: /keepalive off. Without a choice: show it.
        """
        if _may(session, request, needs_telnet=request.keepalive == "on"):
            self._choose(session, "keepalive", {"on": True, "off": False}.get(request.keepalive))
        return None

    def _choose(self, session: Chooser, setting: str, value: object) -> None:
        """Put a choice into effect, if there is one, and show what is in force."""
        if value is not None:
            chosen: dict[str, Any] = {setting: value}
            session.prefer(replace(session.preferences, **chosen))
        session.send(Chosen(setting, session.in_force(setting), value is not None))


def _may(session: Chooser, request: Request, *, needs_telnet: bool = False) -> bool:
    """Whether this session may choose this; says why not."""
    if session.has_terminal and (session.speaks_telnet or not needs_telnet):
        return True
    details = {"word": word_of(type(request))}
    session.send(Refused("no-telnet" if session.has_terminal else "for-terminals", details))
    return False
