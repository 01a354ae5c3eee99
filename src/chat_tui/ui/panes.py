"""The panes and bars of the main screen, and what is painted in them.

Knows what is known of the server, and Textual. Never knows what keys do, nor when it is time to paint.
"""

from collections.abc import Callable, Collection

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.dom import DOMNode
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Static

from chat_server.protocol.names import name_key
from chat_tui.actions import edits, keymap, shown_key
from chat_tui.client.completion import Completion
from chat_tui.client.connection import Status
from chat_tui.client.conversing import is_conversation
from chat_tui.client.room_words import notice
from chat_tui.client.sendable import nearly_full
from chat_tui.client.spelling import KnownNames
from chat_tui.client.state import RoomState, State
from chat_tui.language import say, spoken
from chat_tui.ui import labels, room_list, server_groups, terminal
from chat_tui.ui.chat_view import ChatView
from chat_tui.ui.composer import Composer
from chat_tui.ui.foot import Foot
from chat_tui.ui.list_pane import ListPane
from chat_tui.ui.people_pane import PeoplePane
from chat_tui.ui.program import Group, Program
from chat_tui.ui.row import TEXT_MAX, Spacing
from chat_tui.ui.search_bar import SearchBar
from chat_tui.ui.sides import Sides
from chat_tui.ui.spelling import OFF, Dictionaries
from chat_tui.ui.typed_search import TypedSearch

NARROW, SLIM = 108, 72
"""Columns below which the people fold away, and the rooms."""

NARROW_OF_TWO = 180
"""Columns below which the people fold away for two rooms that stand beside one another."""

SHORT, TALL, AIRY = 20, 30, 50
"""Rows below which the footer folds away; from which on the prompt has a border, and an empty row stands where nobody has said anything for long; and
from which on there are more of those."""

PROMPT = "❯ "  # noqa: RUF001 - it looks like one that points the way
"""What stands before what one writes, where it has no border."""

TOPIC_MIN = 12
"""Columns of what a room is about, at least: fewer say nothing."""

BETWEEN = "   "
"""What stands between the parts of the header."""

GROWING = ("me", "writing")
"""Texts that are as wide as they are. Others keep their place, so that a new one has nothing laid out again; but the status may need a second row."""


class Nowhere(Static):
    """What is said to who is in no room: as much as there is place for, which is not known before it is seen."""

    class Fitted(Message):
        """It has another size."""

    def on_resize(self) -> None:
        """What is in it may be said otherwise."""
        self.post_message(self.Fitted())


class Panes:
    """The widgets of the main screen."""

    def __init__(
        self,
        shown: Callable[[], Program],
        complete: Callable[[str], Completion | None],
        before_history: Callable[[], str | None],
    ) -> None:
        """Empty ones.

        Args:
            shown: the program, as the server has it that is on the screen.
            complete: knows what the word before the cursor may become.
            before_history: what Up may do first (composer.py).

        """
        self._shown = shown
        settings = shown().settings
        self.sides = Sides(shown)
        self.prompt = Composer(
            complete=complete,
            before_history=before_history,
            edits=edits(settings.keys),
            dictionaries=Dictionaries(OFF if settings.slow_link else settings.spelling),
            names=KnownNames(lambda: shown().client.state),
            id="prompt",
        )
        self.bar = SearchBar()
        self.typed = TypedSearch(self.prompt, self._key("search-typed", "ctrl+r"))
        self._foot = Foot(lambda: self._is_painted)
        self.rooms = ListPane(id="rooms")
        self.people = PeoplePane(id="people")
        self._texts = {
            name: (Nowhere if name == "nowhere" else Static)("", id=name)
            for name in ("topic", "nowhere", "status", "notice", "begun", "writing", "me")
        }
        self._titled = ""
        self._held = ("", "")
        self._frame = Horizontal(id="write")  # around the prompt: a key has only what stands in it drawn anew
        self._begun = Content("")
        self._written = Content("")
        self._is_tall = False
        self._fitted = 0
        self._spoken = spoken()
        self._is_painted = False
        self.offered = ""
        """The room that Enter joins while one is in none."""

    def compose(self) -> ComposeResult:
        """All of them, in their places."""
        yield self._texts["topic"]
        with Horizontal(id="panes"):
            yield self.rooms
            with Vertical(id="middle"):
                with self.sides.box:
                    yield self.sides.here
                yield self._texts["nowhere"]
                yield self.bar
                yield self.typed
                yield self._texts["status"]
                yield self._texts["notice"]
                yield self._texts["begun"]
                with Horizontal(id="desk"), self._frame:  # a margin would make everything beside it narrower, too
                    yield Static(PROMPT, id="sign")
                    yield self.prompt
            yield self.people
        with Horizontal(id="foot"):
            yield self._foot
            yield self._texts["writing"]
            yield self._texts["me"]

    @property
    def chat(self) -> ChatView:
        """The lines of the room where one writes."""
        return self.sides.here.view

    @property
    def _program(self) -> Program:
        return self._shown()

    def classes(self, width: int, height: int) -> dict[str, bool]:
        """Which classes of style the screen has in a window of this size, and which it has not."""
        self._is_tall = height >= TALL and not self._program.settings.slow_link
        return {
            "narrow": width < (NARROW_OF_TWO if self.sides.are_two else NARROW),
            "slim": width < SLIM,
            "short": height < SHORT,
            "tall": self._is_tall,
        }

    def fit(self, screen: DOMNode, width: int, height: int) -> None:
        """Fold what there is no place for, and give what there is place for more of it."""
        screen.update_classes(self.classes(width, height))
        self.sides.fit(width, self._spacing(height))
        for pane, widths in ((self.rooms, labels.ROOMS_WIDTHS), (self.people, labels.PEOPLE_WIDTHS)):
            if width != self._fitted:  # what stands there may need more, once it is painted
                pane.styles.width = labels.usual_width(width, widths)
        self._fitted = width

    def _spacing(self, height: int) -> Spacing:
        """Where empty rows stand: as the user wants it, or as there is place."""
        settings = self._program.settings
        if settings.spacing != "auto":
            return Spacing(settings.spacing)
        if height < TALL or settings.slow_link:
            return Spacing.COMPACT
        return Spacing.AIRY if height >= AIRY else Spacing.PAUSES

    def paint(self, screen: DOMNode, room: RoomState | None, seen: Collection[RoomState]) -> None:
        """Show what has changed. `seen` are the rooms that are being read."""
        if self._spoken != spoken():
            self._say_again()
        width = screen.app.size.width
        self._paint_lists(room, seen, width)
        screen.set_class(room is None and self._is_outside, "nowhere")
        self._paint_header(screen, room, width)
        self._paint_status(room)
        self._paint_notice(room)
        self._paint_prompt(room)
        if not self._is_painted:
            self._is_painted = True
            self._foot.paint()

    def _say_again(self) -> None:
        """What else stands here is painted by what it says; these are to be told that they say it in another language."""
        self._spoken = spoken()
        for view in self.sides.views():
            view.fit_rows()
        self.bar.name_again()
        self.typed.name_again()
        self._foot.paint()

    def _paint_lists(self, room: RoomState | None, seen: Collection[RoomState], width: int) -> None:
        state = self._program.client.state
        groups, seen = self._begun_elsewhere(room), [one for one in seen if not one.is_kept_unread]
        current = name_key(room.name) if room else None
        if len(groups) == 1:
            rows = self.rooms.size.height
            rooms = room_list.room_items(state, seen, drafts=groups[0].drafts, rows=rows)
        else:
            rooms, current = server_groups.room_items(groups, seen), server_groups.current_key(groups, current)
        self.rooms.show(rooms, current)
        self.rooms.styles.width = labels.pane_width(rooms, width, labels.ROOMS_WIDTHS, self.rooms.styles.width)
        self.people.paint(state, room, self.chat.look.nicks, width)

    @property
    def _is_outside(self) -> bool:
        """Whether one is in no room and on the way into none: there are no people to show, and will be none soon."""
        rooms = self._program.client.state.rooms.values()
        return self._program.change.status is Status.ONLINE and all(is_conversation(room.name) for room in rooms)

    def _begun_elsewhere(self, room: RoomState | None) -> list[Group]:
        """The servers; among what is begun at each not what stands in the prompt, though it is kept with the rest."""
        name = room.name if room is not None else ""
        return [
            group._replace(drafts=[one for one in group.drafts if one != name]) if group.is_shown else group
            for group in self._program.groups()
        ]

    def _paint_header(self, screen: DOMNode, room: RoomState | None, width: int) -> None:
        """Which server, which room, how many people, and who one is: what has no other place on a small screen."""
        client, change, title = self._program.client, self._program.change, self._program.title
        state, connection = client.state, client.connection
        is_slim = screen.has_class("slim")
        nick = Content.styled(state.nick or connection.identity.nick, "bold")
        count = Content.styled("" if is_slim else labels.people_count(room), "$text-muted")
        unread = labels.elsewhere(self._states, room) if is_slim else Content("")
        has_foot = not (screen.has_class("short") or screen.app.has_class("slow"))
        right = [labels.exposed(change), unread, count]
        are_two = self.sides.are_two
        left = (
            Content("")
            if is_slim or (are_two and not self.rooms.display)  # what is over the sides begins where they do
            else labels.server(change, title or labels.address(connection.host, connection.port))
        )
        middle = (
            self.sides.header(self._states)
            if are_two
            else labels.topic_line(change, self._states, room, is_slim=is_slim, title=title if is_slim else "")
        )
        widths = (self._width_of(self.rooms), self._width_of(self.people))
        if is_slim:
            middle, hint = fitting(
                middle, right if has_foot else [*right, nick], width - widths[1], self._key("help", "f1")
            )
            right.append(Content("") if has_foot else hint)
        end = Content(BETWEEN).join(filter(None, right if has_foot else [*right, nick]))
        header = labels.header(left, middle, end, widths=widths, width=width)
        self._write("topic", header)
        self._write("me", nick)

    def _key(self, action: str, usual: str) -> str:
        return shown_key(keymap(self._program.settings.keys).get(action, usual))

    @staticmethod
    def _width_of(pane: ListPane) -> int:
        return pane.outer_size.width if pane.display else 0

    def _paint_status(self, room: RoomState | None) -> None:
        client, change = self._program.client, self._program.change
        state, host = client.state, client.connection.host
        self.sides.paint(has_room=room is not None)
        size = self._texts["nowhere"].content_size or Size(TEXT_MAX, TEXT_MAX)
        choices = labels.offered(state)
        chosen = self.offered if self.offered in choices else next(iter(choices), "")
        self._write("nowhere", labels.nowhere(change, host, state, size, chosen))
        self._texts["nowhere"].display = room is None
        early = self._program.lines_early
        status = labels.status_line(change, host, state, self._program.seconds_left(), early=early)
        self._write("status", labels.from_server(self._program.title, "") + status)
        self._texts["status"].set_class(str(status).startswith("✗"), "refused")
        self._texts["status"].display = change.status is Status.WAITING or (
            change.status is not Status.ONLINE and not change.is_moving
        )
        title = labels.window_title(self._states, room)
        if self._program.settings.notify.title and title != self._titled:
            self._titled = title
            self._program.tell_terminal(terminal.title(title))

    @property
    def _states(self) -> list[State]:
        return [group.state for group in self._program.groups()]

    def grow_old(self, room: RoomState | None) -> bool:
        """Whether something else is to be said than is, because time has passed: of the connection, or over the prompt."""
        shown = self._texts["notice"].content
        is_offline = any(group.change.status is not Status.ONLINE for group in self._program.groups())
        is_writing_told = self._writing(room) == str(self._written)
        return is_offline or not is_writing_told or self._notice(room) != str(shown)

    def note_typed(self, room: RoomState | None) -> None:
        """Something else stands in the prompt: say how much that is, if it is nearly as much as a message may have."""
        if self._writing(room) != str(self._written):
            self._paint_prompt(room)

    def _writing(self, room: RoomState | None) -> str:
        """How much one has written, if it is nearly too much; else who else writes."""
        if full := nearly_full(self.prompt.text, self._program.client.state.limits):
            return full
        is_wanted = room is not None and self._program.settings.signs and not self._program.settings.slow_link
        return room.activity.in_words(self._program.clock()) if room is not None and is_wanted else ""

    def hold(self, room: RoomState, text: str) -> bool:
        """Keep in the prompt what cannot be said now, and say why. Returns False if it can be."""
        now, rights = self._program.clock(), room.rights
        if not rights.is_archived and rights.muted(now) is None and not rights.waits(now):
            return False
        self.prompt.put(text)
        self._held = room.name, text
        return True

    def _notice(self, room: RoomState | None) -> str:
        if room is None or not room.is_joined:
            return ""
        return notice(room.rights, self._program.clock(), is_held=self._held == (room.name, self.prompt.text))

    def _paint_notice(self, room: RoomState | None) -> None:
        """Why one cannot write just now. In a slow room it stands there always: what comes and goes would push the lines."""
        self.prompt.address(room.name if room else "", is_archived=room is not None and room.rights.is_archived)
        words = self._notice(room)
        self._write("notice", Content(words))
        self._texts["notice"].display = bool(words)

    def say_begun(self, what: Content) -> None:
        """Say over the prompt what it is there for; nothing, if it is there for new lines."""
        self._begun = what
        self._paint_begun()

    def _paint_begun(self) -> None:
        """In the prompt's border, if it has one; else in a row over it."""
        begun = self._begun or self._aim()
        self._write("begun", begun)
        self._texts["begun"].display = bool(begun) and not self._is_tall
        if self._is_tall and self._frame.border_title != begun:
            self._frame.border_title = begun

    def _aim(self) -> Content:
        """Where there are two rooms, to which of them one writes."""
        room = self.chat.room
        if room is None or not self.sides.are_two:
            return Content("")
        return Content.styled(say("Writing to {room}", room=room.name.removeprefix("@")), "bold $text-primary")

    def _paint_prompt(self, room: RoomState | None) -> None:
        """What it is there for, and who writes: in its border, if it has one; else at the foot."""
        self._written = Content(self._writing(room))
        self._write("writing", Content("") if self._is_tall else self._written)
        if self._is_tall and self._frame.border_subtitle != self._written:
            self._frame.border_subtitle = self._written
        self._paint_begun()
        self._frame.set_class(self.chat.drawing.chosen is not None, "away")

    def _write(self, name: str, content: Content) -> None:
        """Show another text in one of the places for text, if it is another."""
        widget = self._texts[name]
        shown = widget.content
        if shown != content:
            longest = max(content.cell_length, shown.cell_length if isinstance(shown, Content) else 0)
            widget.update(content, layout=name in GROWING or (name == "status" and longest > widget.size.width))


def fitting(middle: Content, right: list[Content], width: int, key: str) -> tuple[Content, Content]:
    """The room and what it is about, without that where hardly any of it has a place beside the rest; and the key for help, if that has one too."""
    place = width - sum(part.cell_length + len(BETWEEN) for part in right if part)
    name = middle.plain.find(BETWEEN)
    if name >= 0 and middle.cell_length > place and place - cell_len(middle.plain[:name]) - len(BETWEEN) < TOPIC_MIN:
        middle = middle[:name]
    bare = Content.styled(key, "bold")
    hints = (bare + Content.styled(" " + say("keys"), "$text-muted"), bare)
    rest = place - middle.cell_length - len(BETWEEN)
    return middle, next((hint for hint in hints if hint.cell_length <= rest), Content(""))
