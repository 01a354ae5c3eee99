"""What is done with what the user writes: completed, sent, sent again, taken back.

Knows the client and the prompt. Never knows which key it was.
"""

from collections.abc import Callable, Iterator, Mapping
from math import inf

from textual.screen import Screen

from chat_server.protocol.described import CommandDescribed
from chat_server.protocol.entries import Entry, Spoken
from chat_server.protocol.events import Event
from chat_server.protocol.redactions import can_be_deleted
from chat_server.protocol.typed import BEHIND_SECONDS
from chat_tui.client.command_line import Asked, Misused
from chat_tui.client.completion import Completion, complete
from chat_tui.client.conversing import is_conversation
from chat_tui.client.early_typing import NOT_YET, thrown_away
from chat_tui.client.own_commands import own_command, own_commands
from chat_tui.client.room_rights import offered
from chat_tui.client.state import RoomState, State
from chat_tui.language import say
from chat_tui.ui import terminal
from chat_tui.ui.composer import Composer
from chat_tui.ui.hearing import Hearing
from chat_tui.ui.panes import Panes
from chat_tui.ui.program import Program
from chat_tui.ui.typed_early import TypedEarly


def commands_here(program: Program, room: RoomState | None) -> dict[str, CommandDescribed]:
    """The commands that one may ask for in a room, by word."""
    commands, own = program.client.state.commands, own_commands(program.settings.profiles)
    if room is None:
        return {**own, **commands}
    kind = "conversation" if is_conversation(room.name) else "room"
    return {**own, **offered(commands, room.rights, kind)}


def completed(program: Program, room: RoomState | None, before: str) -> Completion | None:
    """What the word before the cursor may become, in a room."""
    state = program.client.state
    return complete(
        before,
        commands=commands_here(program, room),
        rules=state.rules,
        nicks=[nick for nick in room.people.values() if nick != state.nick] if room else [],
        rooms=list(state.listed),
        others=_others(state, room),
        aliases=program.client.aliases.words,
        snippets=program.client.aliases.snippets,
        lines=lambda do: _lines_for(do, room, state.nick),
    )


def _lines_for(do: str, room: RoomState | None, me: str) -> Iterator[int]:
    """The numbers of the lines that a request may be about, the newest first."""
    whose, is_meant = _MEANT.get(do, (None, None))
    if room is None or is_meant is None:
        return
    for line in reversed(room.timeline.entries):
        if isinstance(line, Entry) and whose in (None, line.nick == me) and is_meant(line):
            yield line.seq


_MEANT: dict[str, tuple[bool | None, Callable[[Entry], bool]]] = {
    "delete": (True, can_be_deleted),
    "report": (False, can_be_deleted),
    "edit": (True, lambda line: isinstance(line, Spoken)),
    "re": (False, lambda line: isinstance(line, Spoken)),
    "react": (False, lambda line: isinstance(line, Spoken)),
    "versions": (None, lambda line: isinstance(line, Spoken) and line.edited > 0),
}
"""Which lines a request is about: one's own, or others' (None: either); and of which kind."""


def _others(state: State, room: RoomState | None) -> list[str]:
    """Who is known of other rooms, and is not in this one."""
    here = room.people if room is not None else {}
    known = {key: nick for other in state.rooms.values() for key, nick in other.people.items()}
    return [nick for key, nick in known.items() if key not in here and nick != state.nick]


ABOUT_SERVERS = ("connect", "disconnect")
"""Commands that are no secret, and needed where a server lets nobody in."""


class Writing:
    """The user's own lines, from the prompt on."""

    def __init__(
        self,
        program: Program,
        screen: Screen[None],
        panes: Panes,
        hearing: Hearing,
        *,
        own: Callable[[str, Mapping[str, object]], None],
    ) -> None:
        self._program, self._screen, self._panes = program, screen, panes
        self.hearing = hearing
        """Tells what answers."""
        self.early = TypedEarly(program, panes.prompt)
        """What was typed before the user was let in."""
        self._own = own
        self._before_secret = -inf
        self._opens = {
            "/devices": program.action_devices,
            "/tls": program.action_line,
            "/fingerprint": program.action_line,
        }

    def submit(self, text: str, room: RoomState | None, *, re: int = 0) -> bool:
        """Do what a text asks for that was typed in a room, or say it there, in reply to line `re` if that is not 0. Returns whether that went."""
        client, prompt = self._program.client, self._panes.prompt
        client.activity.sent()
        text = client.as_meant(text)
        opens = self._opens.get(text.strip().casefold())
        own = own_command(text, client.state.commands, client.state.language)
        is_harmless = opens is not None or (isinstance(own, Asked) and own.do in ABOUT_SERVERS)
        if not is_harmless and self._is_early(text, room):
            return False
        asked = client.parse(client.aliases.line(text, client.state.commands))
        if room is not None and isinstance(asked, Asked) and asked.words and self._panes.hold(room, text):
            return False
        self._note_secret(text)
        client.remember_typed(text)
        prompt.remember(client.saved.typed)
        typed, text = text, client.aliases.line(text, client.state.commands)
        if (own := own_command(text, client.state.commands, client.state.language)) is not None:
            self._do_own(own, typed)
            return True
        if opens is not None:
            opens()
            return True
        if self._program.ask_about_account(text):
            return True
        wrong = client.submit(text, room.name if room else "", self._answered, re=re)
        if wrong:
            self._refuse(wrong, typed)
        elif not self._panes.chat.follows:
            self._panes.chat.go_to_bottom()
        return not wrong

    def asks(self, text: str) -> bool:
        """Whether this is a command that says nothing to anybody."""
        client = self._program.client
        text = client.aliases.line(client.as_meant(text), client.state.commands)
        if own_command(text, client.state.commands, client.state.language) is not None:
            return True
        asked = client.parse(text)
        if isinstance(asked, Asked):
            return asked.words is None
        return text[1:].partition(" ")[0].casefold() in client.state.commands  # it is known how that is written

    def _says_by_word(self, text: str) -> bool:
        """Whether a command says this, as /say does: as at the server's doors that is said, whatever came before."""
        client = self._program.client
        asked = client.parse(client.aliases.line(text, client.state.commands))
        return isinstance(asked, Asked) and asked.words is not None and text[:1] == "/" != text[1:2]

    def _is_early(self, text: str, room: RoomState | None) -> bool:
        """Keep what cannot be sent yet, for the user is not let in; and nothing of what may be a password for a form that is about to open."""
        is_command = self.asks(text) or self._says_by_word(text)
        if is_command:
            self._before_secret = -inf  # who goes on by a command has no password to type
            self._program.command_typed()
        if (self._program.may_open_form or self._is_behind_secret) and not is_command:
            self.hearing.tell(thrown_away(1), is_error=True)
            return True
        if self.early.keep(text, has_room=room is not None):
            return True
        if not self._program.client.early_typing.may_be_secret:
            return False
        self.hearing.tell(say(NOT_YET), is_error=True)
        self._panes.prompt.put(f"{text}\n")  # what is typed next stands apart from it
        return True

    def _note_secret(self, text: str) -> None:
        if self._program.client.is_before_secrets(text):
            self._before_secret = self._program.clock()

    @property
    def _is_behind_secret(self) -> bool:
        """Whether a text comes so soon after a command before secrets that it was typed, or pasted, with it: whatever came of that."""
        return 0 <= self._program.clock() - self._before_secret < BEHIND_SECONDS

    def _answered(self, event: Event) -> bool:
        self.early.answered()
        return self.hearing.answered(event)

    def _do_own(self, own: Asked | Misused, text: str) -> None:
        """Do what a command of the screen asks for."""
        if isinstance(own, Misused):
            self._refuse(own.why, text)
        else:
            self._own(own.do, own.fields)

    def _refuse(self, why: str, text: str) -> None:
        """Say why nothing came of a text, and have it in the prompt to be mended; but nothing of it that may be a secret."""
        self.hearing.tell(why, is_error=True)
        self._panes.prompt.put(self._program.client.without_secrets(text))
        self._panes.prompt.select_all()

    def copy(self, text: str) -> None:
        """Copy this, if it is anything."""
        if text:
            self._screen.app.copy_to_clipboard(text)
            self._screen.notify(say("Copied."), timeout=2, markup=False)

    def show_links(self, room: RoomState | None) -> None:
        """Show the links of a room, to open or copy one."""
        from chat_tui.client.room_links import links_in  # noqa: PLC0415 - who asks pays
        from chat_tui.ui.screens.links import LinksScreen  # noqa: PLC0415 - who asks pays

        def open_it(url: str | None) -> None:
            if url:
                terminal.open_link(self._screen.app, url)

        if room is None:
            self._program.say_shortly(say("You are in no room yet."))
        else:
            self._screen.app.push_screen(LinksScreen(room.name, links_in(room.timeline), self.copy), open_it)

    def ask_about_paste(self, paste: Composer.LongPaste) -> None:
        """Ask before many lines go into the prompt."""
        from chat_tui.ui.screens.asking import ConfirmPasteScreen  # noqa: PLC0415 - who asks pays

        def answer(yes: bool | None) -> None:
            if yes:
                self._panes.prompt.insert(paste.text)

        self._screen.app.push_screen(ConfirmPasteScreen(paste.text), answer)

    def send_again(self, room: RoomState | None) -> None:
        """Send again what could not be stored."""
        if room is not None and self._program.client.outgoing.send_again(room):
            self._panes.chat.tick()

    def give_up(self, room: RoomState | None) -> None:
        """Take back what could not be stored."""
        text = self._program.client.outgoing.give_up(room) if room is not None else ""
        if text:
            self._panes.prompt.put(text)
