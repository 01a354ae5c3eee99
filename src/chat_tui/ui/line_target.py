"""The line that the user wants to see, by its number or by a moment: asked for, and gone to when it is there.

Knows the client and the pane of lines. Never knows how one comes from room to room.
"""

from collections.abc import Callable
from functools import partial

from textual.screen import Screen

from chat_server.protocol import entries, events
from chat_server.protocol.events import Event
from chat_server.protocol.names import name_key
from chat_tui.client.moments import Moment
from chat_tui.client.state import RoomState
from chat_tui.language import message, say
from chat_tui.ui.panes import Panes
from chat_tui.ui.program import Program, ask

DAY_MAX = 250_000_000_000
"""A time in the year 9892: the calendar ends soon after."""


class LineTarget:
    """A line of a room, or a moment in it; or none."""

    def __init__(self, program: Program, screen: Screen[None], panes: Panes, *, paint_soon: Callable[[], None]) -> None:
        self._program, self._screen, self._panes = program, screen, panes
        self._paint_soon = paint_soon
        self._line: tuple[str, int] | None = None
        self._moment: Moment | None = None

    @property
    def room(self) -> str | None:
        """The room of the line that is wanted, if any."""
        return self._line[0] if self._line is not None else None

    def ask_for_it(self, room: RoomState | None) -> None:
        """Ask for a number or a day, and go there in a room."""
        from chat_tui.ui.screens.asking import AskScreen  # noqa: PLC0415 - who asks pays

        self._screen.app.push_screen(
            AskScreen(say("Go to"), say("4711, yesterday 14:00, monday, -2h")),
            lambda text: self._go_to_text(room, text),
        )

    def _go_to_text(self, room: RoomState | None, text: str | None) -> None:
        if not text or room is None:
            return
        if text.removeprefix("#").isdecimal():
            self.want(room.name, int(text.removeprefix("#")))
            return
        from chat_server.protocol.days import NotADay, moment_of  # noqa: PLC0415 - its time zones cost 10 ms that the first paint need not wait for

        try:
            self._want_moment(room, moment_of(text, self._program.clock(), ""))
        except NotADay:
            self._program.say_shortly(
                say(
                    '"{text}" is neither a line nor a day.'
                    " A line is a number; a day is 2026-11-20, monday or 3 days ago; a time is 14:30, -2h or yesterday 14:00.",
                    text=text,
                )
            )

    def _want_moment(self, room: RoomState, at: float) -> None:
        """Go to the first line that was said then or later."""
        moment = Moment(room.name, at)
        line = moment.first_of(room.timeline.lines())
        if line is not None:
            self.want(room.name, line.seq)
            return
        from datetime import date  # noqa: PLC0415 - as above

        day = date.fromtimestamp(min(max(at, 0), DAY_MAX)).isoformat()
        if ask(self._program, "date", partial(self._page_came, moment), room=room.name, day=day):
            self._moment = moment
        else:
            self._program.say_shortly(say("There is no connection, and the lines of that time are not loaded."))

    def _page_came(self, moment: Moment, event: Event) -> None:
        """Go to the line of a page that is nearest to the moment that it was asked for, if that is still wanted, and ask for the page where it is."""
        if self._moment is not moment:
            return
        if isinstance(event, events.Refused):
            self.forget()
        if not isinstance(event, entries.PageShown):
            return
        step = moment.take(event)
        if step.seq is None:
            self._program.say_shortly(say("Nothing was said then or later."))
        elif self._line is None or self._line[0] == moment.room:
            self._line = (event.room, step.seq)
        came = partial(self._page_came, moment)
        if step.ask is None or not ask(self._program, "history", came, room=event.room, **step.ask):
            self._moment = None

    def want(self, room: str, seq: int) -> None:
        """Go to a line, which may have to be loaded first."""
        wish = (room, seq)
        self._line, self._moment = wish, None
        known = self._program.client.state.known(room)
        index = known.timeline.index_of(seq) if known else 0
        entries = known.timeline.entries if known else ()
        is_loaded = index < len(entries) and getattr(entries[index], "seq", 0) == seq
        came = partial(self._line_came, wish)
        if not is_loaded and not ask(self._program, "around", came, room=room, number=seq):
            self._line = None
            self._program.say_shortly(say("There is no connection, and that line is not loaded."))
        self._paint_soon()

    def _line_came(self, wish: tuple[str, int], event: Event) -> None:
        """Go to the first line of the page around the one that was wanted, if that is not there; nowhere if another one is wanted by now."""
        if self._line != wish:
            return
        if isinstance(event, events.Refused):
            self.forget()
        elif isinstance(event, entries.PageShown):
            if any(line.seq == wish[1] for line in event.lines):
                return
            self._line = (event.room, event.lines[0].seq) if event.lines else None
            if not event.lines:
                sentence = message("There is no such line here. The lines are {first} to {last}.")
                self._program.say_shortly(say(sentence, first=event.first, last=event.last))

    def go_to_page(self, page: entries.PageShown) -> None:
        """Go to the first line of a page that was asked for."""
        if page.lines:
            self._line = (page.room, page.lines[0].seq)

    def arrive(self) -> None:
        """Go there, if it is loaded, and mark it. Its room is shown."""
        if self._line is not None and self._panes.chat.go_to_line(self._line[1]):
            self._panes.chat.mark_hit(self._line[1])
            self._line = None

    def forget_elsewhere(self, room: RoomState | None) -> None:
        """Who goes to a room is not taken back to another by a line that was asked for there and comes late."""
        wished = self._line[0] if self._line is not None else self._moment.room if self._moment is not None else None
        if wished is not None and (room is None or name_key(room.name) != name_key(wished)):
            self.forget()

    def forget(self) -> None:
        """Want no line any more."""
        self._line = self._moment = None
