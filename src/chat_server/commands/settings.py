"""The commands by which one chooses how one is shown things; they work in every place.

Never knows how a choice is put into effect: sessions/display.py says what follows from it, and text_session.py does that.
"""

from typing import Any

from msgspec.structs import replace

from chat_server.commands.access import ANYBODY, access
from chat_server.commands.chosen import WIDTHS, note_choice
from chat_server.commands.handler import CommandHandler
from chat_server.protocol.choices import find_charset, find_language
from chat_server.protocol.events import Refused
from chat_server.protocol.preferences import AS_THE_TERMINAL
from chat_server.protocol.requests import (
    ChooseCharset,
    ChooseColour,
    ChooseKeepalive,
    ChooseLanguage,
    ChooseMode,
    ChoosePlain,
    ChooseWrap,
    Request,
    Time,
)
from chat_server.protocol.setting_events import SettingShown, ZoneShown
from chat_server.protocol.syntax import word_of
from chat_server.protocol.time_zones import BadZone, parse_zone
from chat_server.protocol.typed import SHOWN_MAX, shortened
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room


class SettingsCommands(CommandHandler):
    """To choose how one is shown things, or to ask."""

    def do_time(self, place: Room, session: Occupant, request: Time) -> MaybeAwaitable:
        """Choose the zone in which times are shown.

        Such as Europe/Berlin or +02:00. Without a zone: show the time and the zone.
        """
        if request.zone and session.proof.is_bot:
            session.send(Refused("not-for-bots", {"word": "time"}))
            return None
        if request.zone:
            try:
                session.person.zone = parse_zone(request.zone)
            except BadZone:
                session.send(Refused("no-such-zone", {"zone": shortened(request.zone)}))
                return None
        session.send(ZoneShown(session.person.zone, place.directory.authentication.now()))
        return note_choice(place, session, "zone", session.person.zone) if request.zone else None

    @access(role=ANYBODY)
    def do_lang(self, place: Room, session: Occupant, request: ChooseLanguage) -> MaybeAwaitable:
        """Choose the language in which the server speaks to you.

        Commands stay the same. Without a language: show it.
        """
        language = find_language(request.language) if request.language else None
        if request.language and language is None:
            session.send(Refused("no-such-language", {"language": shortened(request.language)}))
            return None
        if language is not None and not session.proof.is_bot:  # what a bot wants its person need not want
            session.person.language = language
        pause = _choose(place, session, "language", language)
        if not session.proof.is_bot:
            speak_as_chosen(session)
        return pause

    @access(role=ANYBODY, door="terminal")
    def do_charset(self, place: Room, session: Occupant, request: ChooseCharset) -> MaybeAwaitable:
        """Choose the charset of your terminal.

        Such as utf-8, gbk, gb18030, big5, euc-kr, shift_jis, koi8-r, latin-1. Characters that it lacks are replaced by something readable.
        Without a charset: show it.
        """
        charset = find_charset(request.charset) if request.charset else None
        if request.charset and charset is None:
            session.send(Refused("no-such-charset", {"charset": shortened(request.charset)}))
            return None
        return _choose(place, session, "charset", charset)

    @access(role=ANYBODY, door="terminal")
    def do_mode(self, place: Room, session: Occupant, request: ChooseMode) -> MaybeAwaitable:
        """Edit your input here, or in your own program.

        With /mode edit there are arrow keys, a history, and Tab, and what others say never cuts into what you type; that needs telnet.
        """
        if request.mode != "edit" or _has_telnet(session, request):
            return _choose(place, session, "mode", request.mode or None)
        return None

    @access(role=ANYBODY, door="terminal")
    def do_colour(self, place: Room, session: Occupant, request: ChooseColour) -> MaybeAwaitable:
        """Turn colours on or off.

        Without a choice: show which.
        """
        return _choose(place, session, "colour", {"on": True, "off": False}.get(request.colour))

    @access(role=ANYBODY, door="terminal")
    def do_wrap(self, place: Room, session: Occupant, request: ChooseWrap) -> MaybeAwaitable:
        """Break long lines between words, or not.

        on, off, or the number of columns. Without a choice: show it.
        """
        wanted = request.columns.casefold()
        if wanted == "on":
            session.set_preferences(replace(session.preferences, wrap=AS_THE_TERMINAL))
            value = session.effective("wrap")
            session.send(SettingShown("wrap", "unknown" if value == "off" else value))
            return note_choice(place, session, "wrap", AS_THE_TERMINAL)
        if wanted in ("", "off"):
            return _choose(place, session, "wrap", 0 if wanted else None)
        if wanted.isascii() and wanted.isdecimal() and len(wanted) < SHOWN_MAX and int(wanted) in WIDTHS:
            return _choose(place, session, "wrap", int(wanted))
        session.send(Refused("no-such-width"))
        return None

    @access(role=ANYBODY, door="terminal")
    def do_plain(self, place: Room, session: Occupant, request: ChoosePlain) -> MaybeAwaitable:
        """Turn on plain mode, for screen readers.

        No colours, no ornaments, nothing is drawn twice. /plain off turns it off.
        """
        return _choose(place, session, "plain", request.plain == "on")

    @access(role=ANYBODY, door="terminal")
    def do_keepalive(self, place: Room, session: Occupant, request: ChooseKeepalive) -> MaybeAwaitable:
        """Keep your connection open when it is silent, or not.

        If your client shows that as garbage: /keepalive off. Without a choice: show it.
        """
        if request.keepalive != "on" or _has_telnet(session, request):
            return _choose(place, session, "keepalive", {"on": True, "off": False}.get(request.keepalive))
        return None


def speak_as_chosen(session: Occupant) -> None:
    """Have every session of the person speak in the language that they want; one that spoke in another, and has not just asked, is told so."""
    _speak_as_chosen(session)
    session.person.each_other(session, _speak_as_chosen)


def _speak_as_chosen(session: Occupant) -> None:
    language = session.person.language
    if language and language != session.preferences.language:
        session.set_preferences(replace(session.preferences, language=language))
        session.send_unasked(SettingShown("language", session.effective("language")))


def _choose(place: Room, session: Occupant, setting: str, value: str | int | bool | None) -> MaybeAwaitable:
    """Put a choice into effect, if there is one, show what is in force, and have it kept."""
    if value is not None:
        chosen: dict[str, Any] = {setting: value}
        session.set_preferences(replace(session.preferences, **chosen))
    session.send(SettingShown(setting, session.effective(setting), value is not None))
    return None if value is None else note_choice(place, session, setting, value)


def _has_telnet(session: Occupant, request: Request) -> bool:
    """Whether there is telnet, which this choice needs; says so if there is none."""
    if not session.speaks_telnet:
        session.send(Refused("no-telnet", {"word": word_of(type(request))}))
    return session.speaks_telnet
