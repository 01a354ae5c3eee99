"""A person's connection: a session that is in one place at a time, the hall or a room, which carries out whatever is asked.

Knows the person's terminal as far as it has been learnt, and what was chosen instead: from both it tells how the person is shown things, and
who edits the line. Never knows what a command means.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from typing import ClassVar, get_origin, get_type_hints

import trio
from msgspec.structs import replace

from chat_server.commands.completion import candidates
from chat_server.commands.handler import Pause
from chat_server.config import HistoryTable, Limits
from chat_server.guard import Guard
from chat_server.protocol.choices import LANGUAGES, UTF_8
from chat_server.protocol.entries import EVENTS, Recalled
from chat_server.protocol.events import AliveAnswered, CharsetHinted, Entered, Event, Refused
from chat_server.protocol.preferences import AS_THE_TERMINAL, Preferences
from chat_server.protocol.requests import NUMBER_MAX, Say
from chat_server.rooms.room import EndSession, Occupant, Room
from chat_server.sessions.session import ANSWER_BYTES_PER_TOKEN, LIGHT_CHARACTERS, ChatSession, Neighbours, left
from chat_server.sessions.transport import Transport
from chat_server.wire.charsets import can_write, has_byte_255
from chat_server.wire.editor.line_editor import COLUMNS_MAX
from chat_server.wire.render.profiles import Reader, nearest, show_for, shown_in_pieces, written
from chat_server.wire.render.widths import width_class
from chat_server.wire.telnet.options import Code
from chat_server.wire.text import (
    TOILS_PER_LINE,
    AreYouThere,
    Asked,
    CharsetUnclear,
    Learnt,
    Noticed,
    ProgramCame,
    Secret,
    Tab,
    TextDecoder,
    Toil,
)

LAID_OUT_WEIGHT = 2
"""How many times as dear an answer is to somebody who is shown it in colours, in rows or in another charset."""

IN_ORDER = (Entered, Recalled)
"""Lists that are short enough to be shown at once, as they must be: what else a room shows comes after them."""

LISTS = frozenset(
    kind
    for kind in EVENTS
    if kind not in IN_ORDER and any(get_origin(hint) is tuple for hint in get_type_hints(kind).values())
)
"""Events with as many lines as there are people, rooms or lines."""

NAMES_PER_TOKEN = 5000
"""Names among which Tab looks that count as a line: 1 ms."""

NOP = bytes((Code.IAC, Code.NOP))


class PersonSession(ChatSession[Asked]):
    """A person on telnet or nc."""

    COSTS: ClassVar[Mapping[type, float]] = {Learnt: 0.02, Tab: 0.2, Toil: 1 / TOILS_PER_LINE}
    """Whoever drags a window's corner sends dozens of sizes a second, and Tab is pressed until the right name comes."""

    __slots__ = (
        "_awaits_secret",
        "_closing",
        "_has_asked_to_edit",
        "_reader",
        "_rest",
        "_since",
        "_text",
        "hears_itself",
        "program_came",
    )

    def __init__(
        self,
        transport: Transport,
        decoder: TextDecoder,
        *,
        place: Room,
        limits: Limits,
        history: HistoryTable,
        preferences: Preferences,
        neighbours: Neighbours,
        start: Callable[[Callable[[], Awaitable[None]]], None],
    ) -> None:
        """Begin in `place`; `start` starts a task that may outlive a call."""
        self._text = decoder
        self._since = 0
        self._reader = Reader(preferences.language)
        self._has_asked_to_edit = False
        self._rest: list[Event] = []  # answers that are shown when their request has been carried out
        self._closing = b""  # what gives the row back, when it has been
        self.hears_itself = False
        self.program_came: ProgramCame | None = None
        """What has come, if the caller turned out to be a program."""
        self._awaits_secret: Callable[[str], Pause] | None = None
        super().__init__(
            transport,
            decoder,
            show_for(self._reader),
            place=place,
            limits=limits,
            history=history,
            preferences=preferences,
            neighbours=neighbours,
            start=start,
        )

    # How the person is shown things.

    def send(self, event: Event) -> None:
        """Show an event to the reader; a list that has to be laid out when the request for it has been carried out."""
        if self._rest or (self._reader.is_laid_out and type(event) in LISTS):
            self._rest.append(event)
        else:
            super().send(event)

    async def _show_rest(self) -> None:
        """Lay out what is to be shown still, some lines at a time, each in its turn among all that is dear; then write it in one piece."""
        while self._rest:
            pieces: list[bytes] = []
            await self.take_turn()  # what was read came to many at once
            for piece in self._in_pieces(self._rest[0]):
                if piece is None:
                    pieces = [self.show(Refused("cannot-show"))]
                else:
                    pieces.append(piece)
                await self.take_turn()
            del self._rest[0]
            self._answer(b"".join(pieces))

    def _in_pieces(self, event: Event) -> Iterator[bytes | None]:
        """The event, some lines at a time; None last, if it cannot be shown."""
        with Guard("something could not be shown to a session", nick=self.nick):
            yield from shown_in_pieces(event, self._reader)
            return
        yield None

    async def drained(self) -> None:
        """Wait until everything has been shown, and the kernel has taken it."""
        await self._show_rest()
        await super().drained()

    def show_among(self, kinds: Collection[Callable[[Event], bytes]], limit: int) -> Callable[[Event], bytes]:
        """As the nearest of the kinds, if there is one that the person can read."""
        return nearest(self._reader, kinds, limit)

    @property
    def has_terminal(self) -> bool:
        """Whoever types has one."""
        return True

    @property
    def speaks_telnet(self) -> bool:
        """Whether a question of telnet was answered."""
        return self._text.speaks_telnet

    def prefer(self, preferences: Preferences) -> None:
        """Show the person things in this way from now on."""
        if preferences.mode == "edit" and not self._text.wants_editing:
            self._has_asked_to_edit = (
                False  # it may have been refused before; whoever says it again wants it asked again
            )
        self.preferences = preferences
        self._look_again()

    def in_force(self, setting: str) -> str:
        """What a setting comes to."""
        reader = self._reader
        match setting:
            case "mode":
                return "edit" if self._text.wants_editing else "line"
            case "colour":
                return "on" if reader.colours else "off"
            case "wrap":
                return str(reader.columns + 1) if reader.columns else "off"
            case "plain":
                return "on" if reader.is_plain else "off"
            case "keepalive":
                return "on" if self.preferences.keepalive and self.speaks_telnet else "off"
        return str(getattr(reader, setting))

    @property
    def _is_plain(self) -> bool:
        chosen = self.preferences.plain
        return self._text.terminal.is_screen_reader if chosen is None else chosen

    @property
    def _columns(self) -> int:
        chosen = self.preferences.wrap
        if chosen == AS_THE_TERMINAL:
            return self._text.terminal.columns
        if chosen is not None:
            return chosen
        return 0 if self._is_plain else self._text.terminal.columns

    @property
    def _wants_to_edit(self) -> bool:
        chosen = self.preferences.mode
        if self._is_plain:  # what is edited is drawn again and again, and a screen reader reads all of it
            return False
        return self._text.terminal.can_be_edited_on if chosen is None else chosen == "edit"

    @property
    def _colours(self) -> int:
        chosen, suggested = self.preferences.colour, self._text.terminal.colours
        if chosen is None:
            return 0 if self._is_plain else suggested
        return (suggested or 16) if chosen else 0

    def _look_again(self) -> None:
        """Something was chosen or learnt: show things as they are to be shown now."""
        terminal, chosen = self._text.terminal, self.preferences
        charset = chosen.charset or terminal.charset or UTF_8
        self._text.charset = charset
        self._reader = Reader(
            chosen.language if can_write(charset, LANGUAGES[chosen.language]) else "en",
            charset,
            self.speaks_telnet and has_byte_255(charset),
            self._colours,
            width_class(self._columns),
            self._is_plain,
        )
        self._answer_bytes = ANSWER_BYTES_PER_TOKEN / (LAID_OUT_WEIGHT if self._reader.is_laid_out else 1)
        if self._wants_to_edit != self._has_asked_to_edit:
            self._has_asked_to_edit = self._wants_to_edit
            self._answer_protocol(self._text.edit(wanted=self._wants_to_edit))
        shown_before, pushed_before = self.show, self.push
        self.show = show_for(self._reader)
        self.show_naming = show_for(replace(self._reader, is_named=True)) if self._reader.colours else None
        self._begin_or_end_editing()
        if chosen.mode == "edit" and self._has_asked_to_edit and not self._text.wants_editing:
            self.preferences = replace(self.preferences, mode=None)
            self.send(Refused("not-editable"))
        if self.show is not shown_before or self.push != pushed_before:
            self.place.shown_anew(self, shown_before)

    def _begin_or_end_editing(self) -> None:
        editor = self._text.editor
        # Who types into the server's own line is shown what was said of it when it is stored. An attribute, for it is asked for every line.
        self.hears_itself = editor is not None
        if editor is None:
            self.push = self._outbox.push
        elif self.push == self._outbox.push:
            self.push = self._push_around
            editor.is_shown_back = self.place.works_for(self, Say)
            editor.prompted(self._prompt)
            self._outbox.push(editor.open())
        elif min(self._text.terminal.columns, COLUMNS_MAX) not in (0, editor.columns):
            self._outbox.push(editor.resized(self._text.terminal.columns))
        else:
            self._draw(b"".join(editor.drawing()))  # in the charset that was chosen

    def _draw(self, data: bytes) -> None:
        if data:
            self._outbox.push(data)

    def _answer_protocol(self, data: bytes) -> None:
        if data:
            self._outbox.push_urgent(data)

    def _push_around(self, data: bytes) -> None:
        """Write whole lines above the line that is being edited."""
        editor = self._text.editor
        self._outbox.push(data if editor is None else editor.around(data))

    @property
    def _prompt(self) -> str:
        return f"[{self.place.name}] {self.nick}> " if self.nick else "> "

    def carried_out(self) -> None:
        """The place, or the name, may be another: so is the prompt."""
        editor = self._text.editor
        if editor is not None and self._awaits_secret is None:
            editor.is_shown_back = self.place.works_for(self, Say)
            self._draw(editor.prompted(self._prompt))

    def _notice_of(self, lines: int, after: dict[str, int]) -> bytes:
        notice = super()._notice_of(lines, after)
        editor = self._text.editor
        return self._closing + notice if editor is None else editor.around(notice)

    def say_farewell(self, farewell: Event) -> None:
        """Give the row back to the terminal, and say goodbye."""
        if self._text.editor is not None:
            self._closing = self._text.editor.close()
            self._text.editor = None
            self.push = self._outbox.push
        self.push(self._closing + self.shown(farewell))

    # What the person wants.

    def logged_in(self, nick: str, token: str) -> None:
        """The person has this nickname from now on, and may write longer lines than a stranger."""
        super().logged_in(nick, token)
        self._text.allow(self._limits.line_bytes, self._limits.text_bytes)

    def is_light(self, asked: Asked) -> bool:
        """Whether it is an ordinary line."""
        return type(asked) is Say and len(asked.text) <= LIGHT_CHARACTERS

    async def settled(self) -> None:
        """Wait until what was said here is stored and shown."""
        await self.place.settled(self)

    def handle(self, asked: Asked) -> Pause:
        """Have the place carry it out, if it is not about the connection itself."""
        if type(asked) is Say:  # nearly all is
            pause = self.place.handle(self, asked)
        elif isinstance(asked, Noticed):
            pause = self._notice(asked)
        else:
            pause = self.place.handle(self, asked)
            if pause is not None or self._rest:
                return self._answered(pause)
        if pause is None and self.hears_itself:
            self.carried_out()
        return pause

    async def _answered(self, pause: Pause) -> None:
        if pause is not None:
            await pause
        await self._show_rest()

    def _notice(self, noticed: Noticed) -> Pause:
        match noticed:
            case Learnt():
                self._look_again()
            case Tab():
                self._complete(noticed.before)
            case ProgramCame():
                self._become_program(noticed)
            case AreYouThere():
                self.send(AliveAnswered())
            case CharsetUnclear():
                self._hint()
            case Secret():
                then, self._awaits_secret = self._awaits_secret, None
                return then(noticed.text) if then else None
        return None

    def _become_program(self, came: ProgramCame) -> None:
        """Give the row back to the terminal, if it was edited here, and end: a session of the other kind goes on from here."""
        editor = self._text.editor
        if editor is not None:
            self._outbox.push(editor.close())
            self._answer_protocol(self._text.edit(wanted=False))
        self.program_came = came
        raise EndSession

    def ask_secret(self, prompt: str, then: Callable[[str], Pause]) -> None:
        """Ask for a password, which telnet does not show while it is typed; `then` is called with it, and with nothing else ever.

        It is in no history, in no log, and shown to nobody.
        """
        self._awaits_secret = then
        said = self._text.expect_secret()
        editor = self._text.editor
        if editor is not None:
            self._draw(editor.prompted(prompt, is_secret=True))
        else:
            self._answer_protocol(said)
            self._outbox.push(written(prompt, self._reader))

    def _complete(self, before: str) -> None:
        editor = self._text.editor
        if editor is None:
            return
        works_here = [request for request in self.place.commands if self.place.works_for(self, request)]
        rooms = [room.name for room in self.place.directory.rooms] if self.nick else []
        nicks = self.place.nicks
        self.owe((len(rooms) + len(nicks)) / NAMES_PER_TOKEN)
        found = candidates(before, works_here=works_here, rooms=rooms, nicks=nicks)
        self._draw(editor.complete(found))

    def _hint(self) -> None:
        """Tell in both languages that the charset may be another; in the one that it may be, too."""
        self.push(show_for(Reader())(CharsetHinted()) + show_for(Reader("zh", "gb18030"))(CharsetHinted()))

    async def receive(self) -> bytes:
        """Wait for what the person sends next; keep the connection open meanwhile, if telnet can."""
        gap = self._limits.nop_seconds
        while gap and self.preferences.keepalive and self.speaks_telnet:
            with trio.move_on_after(gap):
                return await super().receive()
            if self._outbox.is_empty:
                self._outbox.push(NOP)
        return await super().receive()

    # Where the person is.

    @property
    def rooms(self) -> tuple[str, ...]:
        """The room where the person is, if they are in one."""
        return tuple(self.place.position)

    def positions(self) -> dict[str, int]:
        """The last line's number in the room."""
        return self.place.position

    def heard_since(self) -> dict[str, int]:
        """Behind which line the person hears the room, if they are in one where something has been said since."""
        return {room: self._since for room, seq in self.place.position.items() if seq > self._since}

    def has_come_to(self, room: str, seq: int | None) -> None:
        """Nobody on this door asks for a room's whole past."""

    async def enter(self, place: Room, *, is_return: bool = False) -> int:
        """Leave the place where the person is and enter this one."""
        await self.place.leave(self)
        self.place, self._since = place, NUMBER_MAX
        self._since = await place.enter(self, is_return=is_return)
        return self._since

    async def leave(self, place: Room, hall: Room) -> None:
        """Leave the room for the hall."""
        del place
        await self.enter(hall)

    async def leave_all(self) -> None:
        """Leave the place where the person is."""
        await left(self.place, self)

    def renamed(self, old: str) -> Pause:
        """Tell everybody who should know that the nickname has changed."""
        return self.place.announce_name(self, old)

    async def take_over(self, ghost: Occupant) -> None:
        """Nobody on this door has the token that proves it, so there is nothing to take over."""
