"""A person's connection: a session that is in one place at a time, the hall or a room, which carries out whatever is asked.

Knows the row that is edited on the person's terminal, and puts into effect how they are shown things (display.py says how that is). Never knows
what a command means.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, ClassVar

from msgspec.structs import replace

from chat_server.commands.completion import completions
from chat_server.commands.handler import EndSession
from chat_server.commands.table import COMMANDS, dispatch
from chat_server.protocol.events import EnteredHall, Event, Ponged, Refused
from chat_server.protocol.preferences import Preferences
from chat_server.protocol.requests import NUMBER_MAX, Say
from chat_server.protocol.runs import SayRun
from chat_server.protocol.snippets import SnippetUsed
from chat_server.rooms.room import CONVERSATION, MaybeAwaitable, Room
from chat_server.sessions.caller import Caller
from chat_server.sessions.context import SessionContext
from chat_server.sessions.display import display_for, effective
from chat_server.sessions.json_session import late_program
from chat_server.sessions.keep_alive import is_kept_alive, wait_kept_alive
from chat_server.sessions.layout import LAID_OUT_WEIGHT, charset_hints, is_list, laid_out
from chat_server.sessions.membership import left
from chat_server.sessions.outbox import PushSink
from chat_server.sessions.session import LIGHT_CHARACTERS, ChatSession
from chat_server.sessions.withheld import counted, stop_withholding, tell_withheld, withhold
from chat_server.wire.connection_events import (
    AreYouThere,
    CharsetUnclear,
    CompletionRequested,
    ConnectionEvent,
    InputCost,
    LineWithheld,
    ProgramDetected,
    SecretEntered,
    TerminalChanged,
)
from chat_server.wire.editor.line_editor import LineEditor
from chat_server.wire.editor.row import COLUMNS_MAX
from chat_server.wire.render.profiles import nearest, renderer_for, written
from chat_server.wire.render.sentences import prompted
from chat_server.wire.text import INPUT_COSTS_PER_LINE, TextDecoder, TextInput

NAMES_PER_TOKEN = 5000
"""Names among which Tab looks that count as a line: 1 ms."""


class TextSession(ChatSession[TextInput]):
    """A person on telnet or nc."""

    COSTS: ClassVar[Mapping[type, float]] = {
        TerminalChanged: 0.02,
        CompletionRequested: 0.2,
        InputCost: 1 / INPUT_COSTS_PER_LINE,
    }
    """Whoever drags a window's corner sends dozens of sizes a second, and Tab is pressed until the right name comes."""

    has_terminal: ClassVar[bool] = True
    __slots__ = (
        *("_awaits_secret", "_closing", "_display", "_has_asked_to_edit", "_program"),
        *("_rest", "_since", "_text", "receives_own"),
    )

    def __init__(self, caller: Caller, decoder: TextDecoder, context: SessionContext) -> None:
        display = display_for(context.preferences, decoder.telnet.terminal, speaks_telnet=False)
        super().__init__(caller, decoder, renderer_for(display.profile), context)
        self._text = decoder
        self._display = display
        self._since = 0
        self._has_asked_to_edit = False
        self._rest: tuple[Event, ...] = ()  # answers that are shown when their request has been carried out
        self._closing = b""  # what gives the row back, when it has been
        self.receives_own = False
        self._program: ProgramDetected | None = None  # what has come, if the caller turned out to be a program
        self._awaits_secret: tuple[str, Callable[[str], MaybeAwaitable]] | None = None

    # How the person is shown things.

    def send(self, event: Event) -> None:
        """Show an event to the reader; a list that has to be laid out when the request for it has been carried out."""
        if type(event) is SnippetUsed and (drawn := put_in(event, self._text.editor)) is not None:
            self._draw(drawn)
        elif self._rest or (self._display.profile.is_laid_out and is_list(type(event))):
            self._rest = (*self._rest, event)
        else:
            super().send(event)

    async def _show_rest(self) -> None:
        """Lay out what is to be shown still, and write each answer in one piece."""
        while self._rest:
            data = await laid_out(self._rest[0], self._display.profile, self._loop.take_turn, nick=self.nick)
            self._rest = self._rest[1:]
            self._answer(data)

    async def drained(self) -> None:
        """Wait until everything has been shown, and the kernel has taken it."""
        await self._show_rest()
        await super().drained()

    def renderer_among(self, kinds: Collection[Callable[[Event], bytes]], limit: int) -> Callable[[Event], bytes]:
        """As the nearest of the kinds, if there is one that the person can read."""
        return nearest(self._display.profile, kinds, limit)

    @property
    def speaks_telnet(self) -> bool:
        """Whether a question of telnet was answered."""
        return self._text.telnet.is_spoken

    @property
    def shows_typing(self) -> bool:
        """Whether there is no telnet to hide a secret; not while a stranger may not have answered yet whether there is."""
        return not (self.speaks_telnet or (not self.nick and self._text.may_speak_telnet))

    def set_preferences(self, preferences: Preferences) -> None:
        """Show the person things in this way from now on."""
        if preferences.mode == "edit" and not self._text.telnet.wants_editing:
            # It may have been refused before; whoever says it again wants it asked again.
            self._has_asked_to_edit = False
        self.preferences = preferences
        self._apply_preferences()

    def effective(self, setting: str) -> str:
        """What a setting comes to."""
        edited, telnet, profile = self._text.telnet.wants_editing, self.speaks_telnet, self._display.profile
        return effective(setting, profile, self.preferences, is_edited=edited, speaks_telnet=telnet)

    def cost_of_answer(self, size: int) -> float:
        """Lines that are laid out count for more."""
        return super().cost_of_answer(size) * (LAID_OUT_WEIGHT if self._display.profile.is_laid_out else 1)

    def _apply_preferences(self) -> None:
        """Something was chosen or learnt: show things as they are to be shown now."""
        self._display = display_for(self.preferences, self._text.telnet.terminal, speaks_telnet=self.speaks_telnet)
        profile = self._display.profile
        self._text.charset = profile.charset
        wants_editing = self._display.wants_editing
        if wants_editing != self._has_asked_to_edit:
            self._has_asked_to_edit = wants_editing
            self._answer_protocol(self._text.edit(wanted=wants_editing))
        rendered_before, sink_before = self.render, self.sink
        self.render = renderer_for(profile)
        self.render_mention = renderer_for(replace(profile, is_named=True)) if profile.colours else None
        self._begin_or_end_editing()
        if self.preferences.mode == "edit" and self._has_asked_to_edit and not self._text.telnet.wants_editing:
            self.preferences = replace(self.preferences, mode=None)
            self.send(Refused("not-editable"))
        if self.render is not rendered_before or self.sink is not sink_before:
            self.place.member_changed(self)

    def _begin_or_end_editing(self) -> None:
        editor = self._text.editor
        # Who types into the server's own line is shown what was said of it when it is stored. An attribute, for it is asked for every line.
        self.receives_own = editor is not None
        if editor is None:
            self.sink = self._outbox
        elif self.sink is self._outbox:
            self.sink = PushSink(self.push)
            editor.is_shown_back = COMMANDS.works_for(self.place, self, Say)
            secret = self._awaits_secret  # it may have been asked for before telnet agreed to editing
            editor.prompted(secret[0] if secret else self._prompt, is_secret=bool(secret))
            self._outbox.push(editor.open())
        elif min(self._text.telnet.terminal.columns, COLUMNS_MAX) not in (0, editor.columns):
            self._outbox.push(editor.resized(self._text.telnet.terminal.columns))
        else:
            self._draw(b"".join(editor.drawing()))  # in the charset that was chosen

    def _draw(self, data: bytes) -> None:
        if data:
            self._outbox.push(data)

    def _answer_protocol(self, data: bytes) -> None:
        if data:
            self._outbox.push_urgent(data)

    def push(self, data: bytes) -> None:
        """Write whole lines, above the line that is being edited."""
        editor = self._text.editor
        self._outbox.push(data if editor is None else editor.around(data))

    @property
    def _prompt(self) -> str:
        return f"[{self.place.name}] {self.nick}> " if self.nick else "> "

    def carried_out(self) -> None:
        """The place, or the name, may be another: so is the prompt."""
        editor = self._text.editor
        if editor is not None and self._awaits_secret is None:
            editor.is_shown_back = COMMANDS.works_for(self.place, self, Say)
            self._draw(editor.prompted(self._prompt))

    def skip_notice(self, lines: int, after: dict[str, int]) -> bytes:
        """What to say when lines have been skipped, around the row that is being edited."""
        editor, notice = self._text.editor, super().skip_notice(lines, after)
        return self._closing + notice if editor is None else editor.around(notice)

    def say_farewell(self, farewell: Event) -> None:
        """Give the row back to the terminal, and say goodbye."""
        if self._text.editor is not None:
            self._closing = self._text.editor.close()
            self._text.editor = None
        self.push(self._closing + self.shown(farewell))

    # What the person wants.

    def allow_lines(self) -> None:
        """A person who has logged in may write longer lines than a stranger."""
        if self.nick:
            self._text.allow(self._context.limits.line_bytes, self._context.limits.text_bytes)

    def is_light(self, asked: TextInput) -> bool:
        """Whether it is an ordinary line, or lines in a run."""
        return type(asked) is SayRun or (type(asked) is Say and len(asked.text) <= LIGHT_CHARACTERS)

    async def flushed(self) -> None:
        """Wait until what was said here is stored and shown."""
        await self.place.flushed(self)

    def handle(self, asked: TextInput) -> MaybeAwaitable:
        """Have the place carry it out, if it is not about the connection itself."""
        if type(asked) is Say or type(asked) is SayRun:  # nearly all is
            pause = dispatch(self.place, self, asked)
        else:
            pause = (
                self._handle_event(asked) if isinstance(asked, ConnectionEvent) else dispatch(self.place, self, asked)
            )
            if pause is not None or self._rest:
                return self._answered(pause)
        if pause is None and self.receives_own:
            self.carried_out()
        return pause

    async def _answered(self, pause: MaybeAwaitable) -> None:
        if pause is not None:
            await pause
        await self._show_rest()

    def _handle_event(self, event: ConnectionEvent) -> MaybeAwaitable:
        match event:
            case TerminalChanged():
                self._apply_preferences()
            case CompletionRequested():
                self._complete(event.before)
            case ProgramDetected():
                self._become_program(event)
            case AreYouThere():
                self.send(Ponged())
            case CharsetUnclear():
                _tell_unclear(self, event)
            case LineWithheld():
                tell_withheld(self, self._text, event)
            case SecretEntered():
                secret, self._awaits_secret = self._awaits_secret, None
                return secret[1](event.text) if secret else None
        return None

    def _become_program(self, came: ProgramDetected) -> None:
        """Give the row back to the terminal, if it was edited here, and end: a session of the other kind goes on from here."""
        if (editor := self._text.editor) is not None:
            self._outbox.push(editor.close())
            self._answer_protocol(self._text.edit(wanted=False))
        if came.is_tls:
            self._context.late_hello()
        else:
            self._program = came
        raise EndSession

    def successor(self) -> ChatSession[Any] | None:
        """The session of a caller who turned out to be a program."""
        return None if self._program is None else _successor(self, self._program, self._context)

    def ask_secret(self, prompt: str, then: Callable[[str], MaybeAwaitable]) -> None:
        """Ask for a secret; see Occupant. Telnet does not show it while it is typed, and the editor never."""
        prompt = prompted(prompt, self.preferences.language)
        self._awaits_secret = prompt, then
        stop_withholding(self._text)
        self._answer_protocol(self._text.expect_secret())
        editor, profile = self._text.editor, self._display.profile
        self._draw(written(prompt, profile) if editor is None else editor.prompted(prompt, is_secret=True))

    def withhold_next(self) -> None:
        """Say nothing of what comes right behind this; see Occupant."""
        if self._awaits_secret is None and COMMANDS.works_for(self.place, self, Say):
            withhold(self._text)

    def _complete(self, before: str) -> None:
        found, names = completions(before, self.place, self)
        self.owe(names / NAMES_PER_TOKEN)
        if self._text.editor is not None:
            self._draw(self._text.editor.complete(found))

    def wait_readable(self) -> Awaitable[None]:
        """Wait for what the person sends next; keep the connection open meanwhile, if telnet can."""
        seconds = self._context.limits.nop_seconds
        if not seconds or not self._text.telnet.is_spoken or not is_kept_alive(self):
            return counted(self._text, super().wait_readable())
        wait = wait_kept_alive(super().wait_readable, self, self._outbox, seconds, lambda: self._loop.heard_at)
        return counted(self._text, wait)

    # Where the person is.

    @property
    def rooms(self) -> tuple[str, ...]:
        """The room where the person is, if they are in one."""
        return () if self.place.kind == CONVERSATION else tuple(self.place.position)

    def positions(self) -> dict[str, int]:
        """The last line's number in the room."""
        return self.place.position

    def live_since(self) -> dict[str, int]:
        """After which line the person hears the room, if they are in one where something has been said since."""
        return {room: self._since for room, seq in self.place.position.items() if seq > self._since}

    async def enter(self, place: Room, *, is_return: bool = False) -> int:
        """Leave the place where the person is and enter this one."""
        stop_withholding(self._text)
        self._outbox.uncork()  # what was said before is kept, if it must be, with the position in the place before
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
        stop_withholding(self._text)  # it and the decoder refer to one another
        await left(self.place, self)

    def room_renamed(self, *_: object) -> None:
        """The prompt has the new name."""
        self.carried_out()

    def put_out(self, room: Room) -> None:
        """Be in the hall, if this is where the person is."""
        if self.place is room:
            self.place = self._context.hall
            self.send_unasked(EnteredHall())
            self.carried_out()

    @property
    def is_in_hall(self) -> bool:
        """Whether the person is in no room."""
        return not self.rooms


def _successor(session: TextSession, came: ProgramDetected, context: SessionContext) -> ChatSession[Any]:
    """The session of a caller who is a program, in the language that was chosen before."""
    program = late_program(came, session.caller, context)
    program.inherit(session.hand_on())
    program.set_preferences(replace(program.preferences, language=session.preferences.language))
    return program


def put_in(snippet: SnippetUsed, editor: LineEditor | None) -> bytes | None:
    """Put a snippet into the line that is edited here, and draw that; None: there is none, or no room in it."""
    if editor is None or not editor.put_in(snippet.snippet, snippet.cursor):
        return None
    return b"".join(editor.drawing())


def _tell_unclear(session: TextSession, line: CharsetUnclear) -> None:
    """Say how lines in another charset are understood; what is behind a command in one may be a secret."""
    session.push(charset_hints())
    if line.may_be_command:
        session.withhold_next()
