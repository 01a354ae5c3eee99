"""What the server says, on the screen: told among the lines, or beside them, or by the terminal's bell.

Knows the client, where one is, and the pane of lines. Never knows what keys do.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.app import App

from chat_server.protocol import entries, events
from chat_server.protocol.conversation_events import RequestAccepted
from chat_server.protocol.entries import Entry
from chat_server.protocol.events import Event
from chat_server.protocol.room_events import RoomDeleted, RoomRenamed
from chat_server.protocol.snippets import SnippetUsed
from chat_tui.client.answers import answer_in_words, words_for
from chat_tui.client.conversing import is_conversation
from chat_tui.client.notifications import how_told
from chat_tui.client.room_words import put_out
from chat_tui.client.state import RoomState
from chat_tui.language import say
from chat_tui.ui import labels
from chat_tui.ui.navigation import Navigation
from chat_tui.ui.panes import Panes
from chat_tui.ui.program import Program
from chat_tui.ui.told_shortly import TOAST_MAX

if TYPE_CHECKING:
    from chat_tui.ui.screens.answer import AnswerScreen


class Hearing:
    """Tells the user what comes."""

    def __init__(
        self,
        program: Program,
        app: App[None],
        panes: Panes,
        navigation: Navigation,
        *,
        paint_soon: Callable[[], None],
    ) -> None:
        self._program, self._app, self._panes, self._navigation = program, app, panes, navigation
        self._paint_soon = paint_soon
        self._last_login = ""
        self._answer: AnswerScreen | None = None
        self._has_begun = False

    def take(self, event: Event, new: list[Entry], *, is_told: bool) -> None:
        """Do what an event means whoever has asked for it; tell it, unless that has been done."""
        if (left := self._program.client.state.left) is not None:
            self._note_left(left, is_own=is_told or not isinstance(event, events.WentBack))
        match event:
            case events.Entered():
                self._navigation.entered(event.room, is_wanted=False)
                self._tell_last_login(event.room)
            case events.RoomsListed():
                self._join_only(event)
            case events.LoggedIn() | events.Renamed(room=""):
                self._navigation.name_again()
                if isinstance(event, events.LoggedIn):
                    self._note_login(event)
            case events.Registered() if not is_told:
                self._program.registered(event)
            case events.LoggedOut():
                self._program.leave()
        if not is_told and not isinstance(event, events.LoggedIn):
            self._tell_in_words(event, was_typed=False)
        for line in new:
            self._maybe_notify(line)

    def _note_left(self, left: RoomState, *, is_own: bool) -> None:
        """The user is in a room no more. If somebody has put them out, it is told where they are now, and over it: its lines are seen no more."""
        self._navigation.arrive()
        words = "" if is_own else put_out(left.rights, left.name)
        if words:
            self.tell(words, is_error=True)
            if self._navigation.current is None:
                self._program.client.state.put_out = words
            elif self._navigation.follows:
                self._app.notify(words[:TOAST_MAX], markup=False, severity="error", timeout=15)

    def _note_login(self, event: events.LoggedIn) -> None:
        """What was tried in vain since the last login must not pass by: it stands among lines, of the room where one is, or of the first."""
        self._last_login = words_for(event, was_typed=False, language=self._program.client.state.language)
        if self._navigation.current is not None:
            self._tell_last_login(self._navigation.current.name)

    def _tell_last_login(self, room: str) -> None:
        words, self._last_login = self._last_login, ""
        if words:
            self.tell(words, room=room)

    def answered(self, event: Event) -> bool:
        """Tell what answers something that was typed."""
        match event:
            case events.Refused(code="in-room-already"):
                self._navigation.entered(event.details.get("room", ""), is_wanted=True)
            case events.Entered():
                self._navigation.entered(event.room, is_wanted=True)
            case RequestAccepted():  # they want to read what they have accepted: it comes just after
                self._navigation.entered(event.room, is_wanted=True)
                self._tell_in_words(event, was_typed=True)
            case entries.PageShown(lines=[_, *_]):
                self._navigation.line.go_to_page(event)
            case entries.PageShown() | entries.Found():  # of a page: nothing was said then
                words = answer_in_words(event, was_typed=True, language=self._program.client.state.language)
                self.tell(words, room=event.room, is_answer=True)
            case SnippetUsed():
                self._panes.prompt.put_in(event.snippet, event.cursor)
            case _:
                self._tell_in_words(event, was_typed=True)
        return True

    def _tell_in_words(self, event: Event, *, was_typed: bool) -> None:
        if isinstance(event, events.Refused):
            self.tell(event.text, room=event.room, is_error=True)
        elif not isinstance(event, events.Renamed) or self._navigation.current is None:
            words = words_for(event, was_typed=was_typed, language=self._program.client.state.language)
            if isinstance(event, RoomDeleted):
                self._toast(words)  # the lines among which it would stand are gone with the room
            elif words:
                room = event.new if isinstance(event, RoomRenamed) else getattr(event, "room", "")
                self.tell(words, room=room, is_answer=was_typed)

    def _join_only(self, event: events.RoomsListed) -> None:
        """A user who has never been in a room here begins in the only one, if there is only one: among several they choose."""
        has_begun, self._has_begun = self._has_begun, True
        rooms = self._program.client.state.rooms.values()
        is_outside = not has_begun and all(is_conversation(room.name) for room in rooms)
        if is_outside and len(event.rooms) == 1 and self._program.is_new_here():
            self._program.client.connection.request("join", room=event.rooms[0][0])

    def tell(self, text: str, *, room: str = "", is_error: bool = False, is_answer: bool = False) -> None:
        """Tell the user something, among the lines if they are in a room. `is_answer`: they have asked for it, and want to read all of it."""
        state, current = self._program.client.state, self._navigation.current
        there = (state.known(room) if room else None) or current
        if there is not None:
            state.noticed(there.name, text, is_error=is_error)
        if there is None and is_answer and self._navigation.is_shown and (len(text) > TOAST_MAX or self._is_read):
            self._show(text)
        elif there is None or not self._navigation.sees(there):
            self._toast(text, is_error=is_error)
        self._paint_soon()

    @property
    def _is_read(self) -> bool:
        """Whether the user reads an answer just now, which may go on."""
        return self._answer is not None and self._answer.is_attached

    def _show(self, text: str) -> None:
        """Have them read this, or go on with it."""
        from chat_tui.ui.screens.answer import AnswerScreen  # noqa: PLC0415 - who asks pays

        if self._answer is not None and self._is_read:
            self._answer.add(text)
        else:
            self._answer = AnswerScreen(text)
            self._app.push_screen(self._answer)

    def _toast(self, text: str, *, is_error: bool = False) -> None:
        told = labels.from_server("" if self._navigation.is_shown else self._program.title, text)
        self._app.notify(told[:TOAST_MAX], markup=False, severity="error" if is_error else "information")

    def _maybe_notify(self, line: Entry) -> None:
        state, rules = self._program.client.state, self._program.settings.notify
        room = state.known(line.room)
        if room is None or room.read is None or line.seq <= room.read or self._navigation.is_looking_at(room):
            return
        how = how_told(line, state.nick, rules, state.choices.of(room.name))
        if not how:
            return
        title = labels.from_server(
            self._program.title, say("{nick} in {room}", nick=f"{line.nick}{line.mark}", room=line.room)
        )
        self._program.call_user(how, title, line.text)
