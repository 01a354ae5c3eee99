"""The sides of the window, each with the lines of a room: the one where one writes, and, where it is wide, one that may stand beside it.

Knows which room each shows, and of which server. Never knows a key, nor how one comes to a room.
"""

from collections.abc import Callable, Iterator, Sequence

from rich.cells import cell_len
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from chat_server.protocol.mentions import Names
from chat_tui.client.notifications import calling
from chat_tui.client.state import RoomState, State
from chat_tui.language import say
from chat_tui.ui import labels, looks, terminal
from chat_tui.ui.chat_view import ChatView, Places
from chat_tui.ui.looks import Wanted
from chat_tui.ui.program import Program
from chat_tui.ui.read_marker import ReadMarker
from chat_tui.ui.row import Spacing

WIDE = 120
"""Columns from which on two rooms have a place beside one another: some fifty each, beside the list of rooms."""

BELOW = "below"
"""What the row is called that says what is below."""


DRAFT_GAP = 2
"""Columns after the word that says of the other side that something is begun there."""


class Side(Vertical):
    """The lines of a room, and over their last row, while that is not the newest, how many are below."""

    def __init__(self, view: ChatView, program: Program) -> None:
        """Show no room yet. `program` is that of the server whose rooms are shown."""
        self.view = view
        self._places: Places | None = None
        self._below = Static("", classes=BELOW)
        super().__init__(view, self._below, classes="side")
        self.belong_to(program)

    def belong_to(self, program: Program) -> None:
        """Show rooms of this server from now on."""
        self.program, self.marker = program, ReadMarker(program)

    def go_to_server(self, places: Places) -> None:
        """Know the places in the rooms of a server; where it is another one, show no room."""
        if places is not self._places:
            self._places = places
            self.view.go_to_server(places)

    def show(self, room: RoomState | None) -> None:
        """Show a room of the server. One that is shown already stays as it is: one comes there from the other side."""
        if room is not self.view.room:
            self.view.show_room(room, *self._names)

    def name_again(self) -> None:
        """The user has a name, or another one."""
        self.view.set_names(*self._names)

    @property
    def _names(self) -> tuple[str, Names | None]:
        """The user's, and what counts as one."""
        nick = self.program.client.state.nick
        return nick, calling(nick, self.program.settings.notify)

    def tell_coming(self) -> None:
        """Say that lines are on their way, if they have been for so long that it is worth a word."""
        room, rows = self.view.room, self.view.entry_rows
        coming = self.program.client.gaps.coming(room.name) if room is not None else 0
        if coming != rows.coming:
            rows.tell_coming(coming)
            self.view.refresh()

    def paint(self, *, is_here: bool) -> None:
        """Say how many lines are below; where one writes, with the key that goes there."""
        below = self.view.below
        words = say("↓ {count} new below", count=below) if below else say("↓ newest line")
        content = Content.assemble((words, "bold"), ("   Esc" if is_here else "", "$text-muted"))
        if self._below.content != content:
            self._below.update(content, layout=False)
        self._below.display = not self.view.follows


class Sides:
    """One, and perhaps another."""

    def __init__(self, shown: Callable[[], Program]) -> None:
        """One side, with no room yet. `shown` is the program, as the server has it that is on the screen."""
        self._shown = shown
        self.box = Horizontal(id="sides")
        """Where they stand."""
        self.here = self._new("chat")
        """The side where one writes."""
        self._other: Side | None = None  # there is none before it is wanted: who needs one only pays for one
        self._is_wide = False
        self._spacing = Spacing.COMPACT
        self.last: RoomState | None = None
        """The room that was shown beside another one last."""

    def _new(self, name: str) -> Side:
        program = self._shown()
        settings = program.settings
        wanted = Wanted(
            settings.time_format,
            settings.markdown,
            has_emoji=settings.emoji and terminal.has_emoji() and not settings.ascii,
            is_ascii=settings.ascii or not terminal.has_unicode(),
        )
        view = ChatView(wanted, is_slow=settings.slow_link, clock=program.clock, id=name)
        return Side(view, program)

    @property
    def beside(self) -> Side | None:
        """The other side, if a room is shown there, or would be in a wider window."""
        return self._other if self._other is not None and self._other.view.room is not None else None

    @property
    def is_wide(self) -> bool:
        """Whether two have a place."""
        return self._is_wide

    @property
    def are_two(self) -> bool:
        """Whether two are on the screen."""
        return len(self.shown) > 1

    @property
    def shown(self) -> list[Side]:
        """Those that are on the screen, from left to right."""
        here, beside = self.here, self.beside
        if beside is None or not self._is_wide or here.view.room is None:
            return [here]
        return [side for side in self.box.children if isinstance(side, Side)]

    def views(self) -> Iterator[ChatView]:
        """The lines that are on the screen."""
        return (side.view for side in self.shown)

    def rooms(self) -> list[RoomState]:
        """The rooms that are on the screen."""
        return [room for view in self.views() if (room := view.room) is not None]

    def sees(self, room: RoomState) -> bool:
        """Whether the newest line of a room is on the screen."""
        return any(view.room is room and view.follows for view in self.views())

    def holds(self, widget: Widget) -> bool:
        """Whether this stands on the other side."""
        return self._other is not None and self._other in widget.ancestors_with_self

    # Which rooms are shown.

    def face(self, room: RoomState | None, program: Program) -> None:
        """One comes to a room of this server: if it stands on the other side, that is where one writes from now on."""
        beside = self.beside
        if beside is not None and beside.view.room is room:
            self.here.view.choose(None)
            self.here.view.highlight(None)
            self.here, self._other = beside, self.here
            self._settle()
        if self.here.program is not program:
            self.here.belong_to(program)

    def go_to_server(self, program: Program, places: Places, room: RoomState | None) -> None:
        """Come to a server, and in it to a room."""
        self.face(room, program)
        self.here.go_to_server(places)

    async def open(self, room: RoomState, program: Program, places: Places) -> None:
        """Show a room on the other side, where one was in it last."""
        if self.here.view.room is room:
            return
        if self._other is None:
            self._other = self._new("chat-beside")
            await self.box.mount(self._other)
        other = self._other
        self.box.move_child(other, after=self.here)
        other.belong_to(program)
        other.display = True
        other.view.space_out(self._spacing)
        other.call_after_refresh(self._show, other, room, places)

    def _show(self, side: Side, room: RoomState, places: Places) -> None:
        if side is self._other and self.here.view.room is not room:
            side.go_to_server(places)
            side.show(room)
            self.last = room
        self._settle()

    def close(self) -> None:
        """Show no room on the other side."""
        if (beside := self.beside) is not None:
            self.last = beside.view.room
            beside.view.show_room(None, "", None)
            self._settle()

    def _keep_known(self) -> None:
        """Close the other side if one is not in its room any more."""
        if (beside := self.beside) is not None and not any(
            room is beside.view.room for group in self._shown().groups() for room in group.state.rooms.values()
        ):
            self.close()

    def _settle(self) -> None:
        shown = self.shown
        self.here.display = True
        if self._other is not None:
            self._other.display = self._other in shown
        for place, side in enumerate(shown):
            side.set_class(place > 0, "second")

    # What all of them do.

    def fit(self, width: int, spacing: Spacing) -> None:
        """The window has so many columns, and empty rows stand there."""
        self._spacing = spacing
        for side in (self.here, self._other):
            if side is not None:
                side.view.space_out(spacing)
        if self._is_wide is not (width >= WIDE):
            self._is_wide = width >= WIDE
            self._settle()

    def name_again(self, program: Program) -> None:
        """The user has a name at this server, or another one."""
        for side in self.shown:
            if side.program is program:
                side.name_again()

    def forget_rules(self, program: Program) -> None:
        """Have the rule between read and unread stand nowhere in rooms of this server, on the screen or not: all of them have been read."""
        for side in (self.here, self.beside):
            if side is not None and side.program is program:
                side.view.put_rule(None)

    def want_older(self, room: RoomState, before: int) -> None:
        """Ask for lines of a room before a number, if it is still shown."""
        for side in self.shown:
            if side.view.room is room:
                side.program.client.want_older(room.name, before)

    def sync(self) -> None:
        """Take what has changed in their rooms."""
        self._keep_known()
        for view in self.views():
            view.sync()

    def tick(self) -> None:
        """Time has passed."""
        for view in self.views():
            view.tick()

    def watch_reading(self, *, is_looked_at: bool) -> bool:
        """See whether a room has been read, and whether what there is to read lets one wait. Returns whether one counts as read by that."""
        for side in self.shown:
            side.tell_coming()
        read = [
            side.marker.watch(side.view.room if is_looked_at and side.view.follows else None) for side in self.shown
        ]
        return any(read)

    def paint(self, *, has_room: bool) -> None:
        """Show them, if one is in a room, and what is below."""
        self.box.display = has_room
        for side in self.shown:
            side.paint(is_here=side is self.here)

    def header(self, states: Sequence[State], *, is_ascii: bool = False) -> Content:
        """What stands over two of them: which room is there, and what it is about; the one where one writes is marked."""
        line, shown = Content(""), self.shown
        for side in shown:
            program, room = side.program, side.view.room
            title = program.title if self._are_of_two else ""
            words = labels.topic_line(program.change, states, room, is_slim=False, title=title)
            if side is self.here:
                mark = looks.MARK_ASCII if is_ascii else looks.MARK
                words = Content.styled(mark, "$text-primary") + words
            else:
                words = " " + Content.styled(words.plain, "$text-muted")
            is_begun = side is not self.here and room is not None and room.name in program.client.saved.drafts
            end = say("draft") if is_begun else ""
            width = side.outer_size.width - cell_len(end) - (DRAFT_GAP if end else 0)
            words = words.truncate(max(1, width - 2), ellipsis=True)
            is_last = side is shown[-1] and not end
            line += words + ("" if is_last else " " * (width - words.cell_length))
            line += Content.styled(end + " " * DRAFT_GAP, "$text-muted") if end else ""
        return line

    @property
    def _are_of_two(self) -> bool:
        return len({id(side.program) for side in self.shown}) > 1
