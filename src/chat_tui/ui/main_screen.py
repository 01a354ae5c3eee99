"""The screen where one reads and writes: its panes, its keys, and when it is painted.

Knows what each key and each message of a pane is for, and has it done. Never knows the wire, nor how the program is connected.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Click, Resize

from chat_tui.actions import ACTIONS, EVERYWHERE, Action
from chat_tui.ui import terminal
from chat_tui.ui.chat_view import ChatView
from chat_tui.ui.composer import Composer
from chat_tui.ui.drafts import NO_ROOM
from chat_tui.ui.first_frame import FirstFrame
from chat_tui.ui.foot import Active, for_footer
from chat_tui.ui.list_pane import ListPane
from chat_tui.ui.paint_timer import PaintTimer
from chat_tui.ui.panes import Nowhere, Panes
from chat_tui.ui.program import Program
from chat_tui.ui.search_bar import SearchBar
from chat_tui.ui.seat import Seat
from chat_tui.ui.sides import BELOW
from chat_tui.ui.told_shortly import Covered
from chat_tui.ui.writing import completed


def binding_of(action: Action) -> Binding:
    """The key of an action."""
    return Binding(
        action.keys,
        action.method,
        action.hint or action.title.format(number=action.number),
        show=bool(action.hint),
        priority=action.keys not in ("escape", "ctrl+c"),
        id=action.name,
    )


class Servers(Protocol):
    """The servers, for the screen."""

    @property
    def shown(self) -> Program:
        """The program, as the server has it that is on the screen."""

    def seats(self) -> Sequence[Seat]:
        """Where the user sits at each, in their order."""

    def let_ask(self) -> None:
        """Nothing is open over the panes: have a server ask that has waited for it."""


class MainScreen(Covered, FirstFrame):
    """The panes."""

    AUTO_FOCUS: ClassVar[str | None] = "Composer"
    """Else it is the bar of the search, which is not seen, until the prompt asks for it: what is typed meanwhile would go there."""

    # What works everywhere is the app's, and stands here too: first in the footer.
    BINDINGS: ClassVar[list[BindingType]] = [
        binding_of(action) for action in sorted(ACTIONS, key=lambda action: action.name not in EVERYWHERE)
    ]

    def __init__(self, servers: Callable[[], Servers]) -> None:
        """Show nothing yet. `servers` are those that there will be."""
        super().__init__()
        terminal.draw_what_is_seen(self)
        self._servers = servers
        self._is_ready = False
        self._paint_timer = PaintTimer(self, self.paint, is_slow=lambda: self._program.settings.slow_link)

    @property
    def _program(self) -> Program:
        return self._servers().shown

    def compose(self) -> ComposeResult:
        """The panes."""
        self.panes = Panes(
            lambda: self._program,
            lambda before: completed(self._program, self.navigation.current, before),
            self._before_history,
        )
        # Before there are any panes: of a class that comes later each is styled once more, 10 ms of a start.
        self.update_classes(self.panes.classes(*self.app.size), update=False)
        yield from self.panes.compose()

    def on_mount(self) -> None:
        """Begin."""
        self.panes.fit(self, *self.app.size)
        self.set_interval(0.25, self.watch_reading)
        self.set_interval(1.0, self.tick)
        self.app.theme_changed_signal.subscribe(self, lambda _: self.paint_soon())

    def new_seat(self, program: Program, come_here: Callable[[], None]) -> Seat:
        """A seat at a server, which `come_here` puts on the screen."""
        return Seat(
            program,
            self,
            self.panes,
            paint_soon=self.paint_soon,
            come_here=come_here,
            all_seats=lambda: self._servers().seats(),
        )

    def sit_down(self, seat: Seat, begun: str = "") -> None:
        """Have a server on the screen. `begun`: what was begun for no room yet, and comes along."""
        self.seat = seat
        self.navigation, self.hearing, self.showing = seat.navigation, seat.hearing, seat.showing
        self.writing, self.doing, self.searching = seat.writing, seat.doing, seat.searching
        self.answering, self.lines = seat.answering, seat.lines
        seat.is_shown = self._is_ready = True
        self.panes.sides.go_to_server(seat.program, seat.navigation.places, seat.navigation.current)
        seat.offer_rooms()
        seat.navigation.appear(begun)

    def stand_up(self) -> None:
        """Keep what was written at the server that is on the screen, for another one comes there."""
        self.keep_draft()
        self.seat.is_shown = False

    @property
    def is_open(self) -> bool:
        """Whether there is a screen to paint. Timers and the server may still speak when the last one has closed."""
        return self._is_ready and self.is_running

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is asked, the footer shows none of the keys that mean something else there; keys of lines work while one is chosen."""
        if action == "line" and self._is_ready:
            return self.is_active and self.focused is self.panes.prompt and self.lines.takes(str(parameters[0]))
        return self.is_active or not self._is_ready

    @property
    def active_bindings(self) -> dict[str, Active]:
        """The keys that do something, for the footer."""
        return for_footer(super().active_bindings, self.lines.can) if self._is_ready else super().active_bindings

    def leave_server(self) -> str:
        """Keep what was written here, and show no room; return what is for no room yet."""
        self.writing.early.give_back()
        self.navigation.keep_draft()
        begun = self.panes.prompt.draft if self.navigation.current is None else ""
        if begun:
            self._program.client.note_draft(NO_ROOM, "")
        return begun

    def close_panes(self) -> None:
        """Write everything down; nothing is shown from now on."""
        self.keep_draft()
        self._is_ready = False

    def keep_draft(self) -> None:
        """Keep what is written and not sent, if anything can be written yet."""
        if self._is_ready:
            self.navigation.keep_draft()

    # Painting: many events, one paint.

    def on_resize(self, event: Resize) -> None:
        """Fold what there is no place for."""
        if self.is_open:
            self.panes.fit(self, event.size.width, event.size.height)
            self.call_after_refresh(self.paint_soon)

    def paint_soon(self) -> None:
        """Have what has changed painted."""
        if self.is_open:
            self._paint_timer.start()

    def paint(self) -> None:
        """Show what has changed."""
        self._paint_timer.has_come()
        if not self.is_open:
            return
        self.panes.fit(self, *self.app.size)
        for seat in self._servers().seats():
            seat.navigation.arrive()
        self.seat.go_on()
        self.panes.sides.sync()
        self.showing.numbers()
        self.navigation.arrive_at_line()
        self.lines.show()
        seen = [room for room in self.panes.sides.rooms() if self.navigation.is_looking_at(room)]
        self.panes.paint(self, self.navigation.current, seen)

    def tick(self) -> None:
        """Every second: what waits gets older, and what is written is written down, so that no end of the program takes it away."""
        if self.is_open:
            self.keep_draft()
            if self.panes.grow_old(self.navigation.current):
                self.paint_soon()
            self.panes.sides.tick()
            if self.is_active:
                self._servers().let_ask()
            self.seat.tick()
            for seat in self._servers().seats():
                seat.program.client.tick()

    # Reading.

    def watch_reading(self) -> None:
        """See whether the room has been read, and whether what there is to read lets one wait."""
        is_looked_at = self.is_open and self.is_active and self._program.has_focus
        if self.is_open and self.panes.sides.watch_reading(is_looked_at=is_looked_at):
            self.paint_soon()

    @on(ChatView.OlderWanted)
    def _older(self, event: ChatView.OlderWanted) -> None:
        self.panes.sides.want_older(event.room, event.before)

    @on(Nowhere.Fitted)
    @on(ChatView.Moved)
    def _moved(self) -> None:
        self.paint_soon()

    def on_click(self, event: Click) -> None:
        """Go to the other side; open a link; go down where more is below."""
        where = self.get_widget_at(event.screen_x, event.screen_y)[0]
        if is_beside := self.panes.sides.holds(where) and not self.get_selected_text():
            self.doing.do("other-side", {})
        if where.has_class(BELOW):
            self.action_bottom()
        elif is_beside:
            self.panes.prompt.focus()
        elif where is self.panes.chat and event.style.link:
            terminal.open_link(self.app, event.style.link)
        elif where is self.panes.chat and not self.get_selected_text():
            self.lines.click(event.screen_y - where.content_region.y, event.style.meta)

    def action_choose(self, step: int) -> None:
        """Choose a line: the one above, or below."""
        self.lines.step(step)

    def action_line(self, deed: str) -> None:
        """Do something with the line that is chosen."""
        self.lines.do(deed)

    @on(Composer.BottomWanted)
    def action_bottom(self) -> None:
        """Go to the newest line; first, out of the search, of the choice of a line, and of what the prompt is there for."""
        if self.panes.bar.display:
            self.panes.bar.action_close()
            return
        if self.lines.end() or self.answering.end():
            return
        self.panes.chat.go_to_bottom()
        self.panes.prompt.focus()

    def action_top(self) -> None:
        """Go to the oldest line that is loaded."""
        self.panes.chat.go_to_top()

    def action_page(self, pages: int) -> None:
        """Scroll by a page."""
        self.panes.chat.scroll_pages(pages)

    def action_first_unread(self) -> None:
        """Go to the first unread line."""
        room, start = self.navigation.current, self.panes.chat.entry_rows.unread_from
        if room is not None and start is not None:
            self.navigation.line.want(room.name, start + 1)

    def action_go_to(self) -> None:
        """Ask for a number or a day, and go there; while one searches in what was sent, give that up, as in a shell."""
        if self.panes.typed.display:
            self.panes.typed.action_give_up()
            return
        self.navigation.line.ask_for_it(self.navigation.current)

    # Switching.

    @on(ListPane.Chosen, "#rooms")
    def _room_chosen(self, event: ListPane.Chosen) -> None:
        self.navigation.choose(event.key)
        self.panes.prompt.focus()

    @on(ListPane.Chosen, "#people")
    def _person_chosen(self, event: ListPane.Chosen) -> None:
        self.navigation.address(event.key)

    def action_switch(self, step: int) -> None:
        """Go to the next room, or the one before."""
        self.navigation.step(step)

    def action_room(self, number: int) -> None:
        """Go to a room by its place in the list; a user who is in none enters it."""
        self.navigation.go_to_number(number)

    # Searching.

    def action_search_typed(self) -> None:
        """Search in what was sent before; again: further back."""
        if self.panes.bar.display:
            self.panes.bar.action_close()
        self.panes.typed.open()

    def action_search(self) -> None:
        """Search in this room."""
        self.panes.typed.close()
        self.panes.bar.open()

    @on(SearchBar.Changed)
    def _search_changed(self, event: SearchBar.Changed) -> None:
        self.searching.begin(event.words.strip())

    @on(SearchBar.Next)
    def _search_next(self, event: SearchBar.Next) -> None:
        self.searching.step(event.step)

    @on(SearchBar.Closed)
    def _search_closed(self) -> None:
        self.searching.end()

    # Writing.

    def _before_history(self) -> str | None:
        return self.answering.before_history()

    @on(Composer.Submitted)
    def _submit(self, event: Composer.Submitted) -> None:
        self.seat.submit(event.text)
        self.keep_draft()
        self.paint()

    @on(Composer.LongPaste)
    def _long_paste(self, event: Composer.LongPaste) -> None:
        self.writing.ask_about_paste(event)

    def action_copy(self) -> None:
        """Copy what is selected."""
        self.writing.copy(self.get_selected_text() or self.panes.prompt.selected_text)

    # Looking.

    def action_do(self, what: str) -> None:
        """Do what a command of the screen asks for, or what only has a key."""
        self.doing.do(what, {})

    def action_fold(self, pane: str) -> None:
        """Show or hide a pane."""
        is_shown = self.query_one(f"#{pane}").display
        self.set_class(is_shown, f"folded-{pane}")
        self.set_class(not is_shown, f"shown-{pane}")
        self.call_after_refresh(self.paint_soon)

    @on(Composer.Changed)
    def _typed(self) -> None:
        if self.is_open:
            self.lines.end()
            self.showing.typed()
            if not self.is_active and self.panes.prompt.text:
                self._program.typed_below()
