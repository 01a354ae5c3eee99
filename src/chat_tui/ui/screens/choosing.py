"""Choosing by a few letters: a room or person; or a line by its words, in all rooms. Never knows what is done with the choice."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from chat_server.protocol.entries import Found, LineBlocked
from chat_server.protocol.events import Event, Refused
from chat_server.protocol.names import BadName, parse_name
from chat_tui.client import clocks
from chat_tui.client.days import days_between, weekday
from chat_tui.language import message, say, sentences
from chat_tui.ui.field import Field
from chat_tui.ui.list_pane import Item, ListPane
from chat_tui.ui.screens.box import Box

WIDE = 60
"""Columns of a terminal from which on there is place for a whole date and what it is of."""

DAYS_BY_NAME = 7
"""Days ago from which on a weekday could be another's."""


ROWS_MIN, ROWS_MAX, AROUND = 3, 14, 4
"""Rows of a list at least and at most, and those of the frame that are not its: what one types, an empty one, and what is said below."""


class ChooseScreen(ModalScreen[str]):
    """Shows what fits what is typed. Returns the chosen item's key, or ""."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss('')", "Cancel"),
        Binding("up,ctrl+p,ctrl+k", "move(-1)", show=False, priority=True),
        Binding("down,ctrl+n,ctrl+j", "move(1)", show=False, priority=True),
        Binding("pageup", "move(-8)", show=False, priority=True),
        Binding("pagedown", "move(8)", show=False, priority=True),
    ]

    KEYS: ClassVar[str] = message("Enter chooses. Esc goes back.")
    """Its keys, in sentences."""

    def __init__(self, heading: str, placeholder: str, *, is_wide: bool = False) -> None:
        super().__init__()
        self._heading = heading
        self._placeholder = placeholder
        self._is_wide = is_wide
        self._at = 0

    def compose(self) -> ComposeResult:
        """A line and a list."""
        with Box(self._heading, say(self.KEYS), classes="wide" if self._is_wide else ""):
            yield Field(placeholder=self._placeholder, compact=True)
            yield ListPane()
            yield Static("", classes="hint", markup=False)

    def on_resize(self) -> None:
        """The terminal is of another size: the list scrolls, so that what stands around it is seen."""
        rows = self.query_one(Box).rows - AROUND
        self.query_one(ListPane).styles.max_height = max(ROWS_MIN, min(ROWS_MAX, rows))

    def show(self, items: Sequence[Item], hint: str = "") -> None:
        """Show these items, the first one marked."""
        self._at = 0
        pane = self.query_one(ListPane)
        pane.show(items, items[0].key if items else None)
        self.hint(hint)

    def hint(self, text: str) -> None:
        """Say something below the list; "": nothing."""
        told = self.query_one(".hint", Static)
        told.update(Content(text))
        told.display = bool(text)

    @property
    def marked(self) -> str:
        """The key of the item that is marked; "" if there is none."""
        items = self.query_one(ListPane).items
        return items[self._at].key if items else ""

    def time_of(self, at: float) -> Content:
        """When something was said, as it stands at the end of an item: the hour, and of an earlier day that too; with little place, that alone."""
        then, now = clocks.shown(at), clocks.shown(time.time())
        hour, ago = time.strftime("%H:%M", then), days_between(then, now)
        if not ago:
            told = hour
        elif self.app.size.width < WIDE:
            told = time.strftime("%m-%d", then)
        elif 0 < ago < DAYS_BY_NAME:
            day = say("Yesterday") if ago == 1 else weekday(then)
            told = f"{day} {hour}"
        else:
            told = time.strftime("%Y-%m-%d %H:%M", then)
        return Content.styled(told, "dim")

    def action_move(self, step: int) -> None:
        """Mark another item."""
        pane = self.query_one(ListPane)
        if pane.items:
            self._at = max(0, min(self._at + step, len(pane.items) - 1))
            pane.show(pane.items, pane.items[self._at].key)

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        self.entered(event.value.strip())

    def entered(self, text: str) -> None:
        """Enter was pressed."""
        del text
        self.choose()

    def choose(self) -> None:
        """Return what is marked."""
        self.dismiss(self.marked)

    @on(ListPane.Chosen)
    def _click(self, event: ListPane.Chosen) -> None:
        self.dismiss(event.key)


class JumpScreen(ChooseScreen):
    """Rooms and people by a few letters."""

    def __init__(self, find: Callable[[str], list[Item]]) -> None:
        """`find` gives what fits the letters, best first."""
        super().__init__(say("Go to"), say("a few letters of a room or a person"))
        self._find = find

    def on_mount(self) -> None:
        """Show where one may go."""
        self.show(self._find(""))

    @on(Input.Changed)
    def _look(self, event: Input.Changed) -> None:
        letters = event.value.strip()
        items = self._find(letters)
        self.show(items, "" if items else _nothing_like(letters))


def _nothing_like(letters: str) -> str:
    """What to do where nothing has the letters."""
    try:
        opens = say("/create {room} opens a room.", room=parse_name(letters))
    except BadName:
        opens = ""
    none = say('No room and nobody here is called "{letters}". Fewer letters find more.', letters=letters)
    return sentences(none, opens)


Ask = Callable[[str, Callable[[Event], object]], bool]
"""Sends words to a server, has a function called with what answers, and returns whether that was possible."""


class SearchScreen(ChooseScreen):
    """Lines of all rooms of all servers by their words: the servers look. Returns `server room seq`, the server by its place."""

    def __init__(self, servers: Sequence[tuple[str, Ask]]) -> None:
        """`servers`: what each is called where there are several, and what asks it."""
        super().__init__(say("Search in all rooms"), say('words, "words together", or wor*'))
        self._servers = servers
        self._asked = ""
        self._answers: dict[int, Found | None] = {}  # of each server; None: it could not search

    def on_mount(self) -> None:
        """Nothing has been found yet."""
        self.show([], say("Enter searches: the newest lines that have all the words."))

    def entered(self, text: str) -> None:
        """Search; what has been searched for is chosen from."""
        if not text or text == self._asked:
            self.choose()
            return
        self._asked, self._answers = text, {}
        asked = [ask(text, partial(self._answered, text, place)) for place, (_, ask) in enumerate(self._servers)]
        if not any(asked):
            self._asked = ""
            self.show([], say("There is no connection."))
            return
        self._answers.update({place: None for place, is_asked in enumerate(asked) if not is_asked})
        self._show_found()

    def _answered(self, words: str, place: int, event: Event) -> None:
        if not self.is_active or words != self._asked or not isinstance(event, Refused | Found):
            return  # one has gone elsewhere meanwhile, or looks for something else
        self._answers[place] = event if isinstance(event, Found) else None
        if len(self._answers) == len(self._servers) and not any(self._answers.values()):
            self._asked = ""  # the same words may be asked for again
        self._show_found()

    def _show_found(self) -> None:
        found = [(place, answer) for place, answer in sorted(self._answers.items()) if answer is not None]
        items = [item for place, answer in found for item in self._items(place, answer)]
        is_over = len(self._answers) == len(self._servers)
        if not is_over and not items:
            self.show([], say("Looking …"))
        elif not found:
            self.show([], say("The server could not search just now. Enter tries again."))
        else:
            marked, has_more = self.marked, any(answer.has_more for _, answer in found)
            self.show(items, self._told(len(items), has_more=has_more, is_over=is_over))
            self.action_move(next((at for at, item in enumerate(items) if item.key == marked), 0))  # it stays marked

    def _items(self, place: int, found: Found) -> list[Item]:
        title, _ = self._servers[place]
        return [
            Item(
                f"{place} {room} {line.seq}",
                Content.assemble(
                    (f"{title}  " if title else "", "bold dim"),
                    (f"{room} ", "dim"),
                    (f"{line.nick}{line.mark}: ", "bold"),
                    line.text.replace("\n", " "),
                ),
                self.time_of(line.at),
            )
            for room, lines in found.rooms
            for line in reversed(lines)
            if not isinstance(line, LineBlocked)
        ]

    def _told(self, count: int, *, has_more: bool, is_over: bool) -> str:
        told = [say("{count} found.", count=count)] if count else [say("Nothing found in any room or conversation.")]
        told += [say("There are more; more words find fewer.")] if has_more else []
        told += [] if is_over else [say("Looking …")]
        told += [
            say("{server} could not search just now.", server=self._servers[place][0])
            for place, answer in self._answers.items()
            if answer is None
        ]
        return sentences(*told, *([say("Enter goes there.")] if count else []))
