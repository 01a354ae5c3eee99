"""Choosing by a few letters: a room or person; or a line by its words, in all rooms."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from chat_server.protocol.entries import Found, LineBlocked
from chat_server.protocol.events import Event, Refused
from chat_server.protocol.names import BadName, parse_name
from chat_tui.client import clocks
from chat_tui.language import say, sentences
from chat_tui.ui.field import Field
from chat_tui.ui.list_pane import Item, ListPane


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

    def __init__(self, heading: str, placeholder: str) -> None:
        super().__init__()
        self._heading = heading
        self._placeholder = placeholder
        self._at = 0

    def compose(self) -> ComposeResult:
        """A line and a list."""
        with Vertical(classes="box"):
            yield Static(self._heading, classes="heading", markup=False)
            yield Field(placeholder=self._placeholder, compact=True)
            yield ListPane()
            yield Static("", classes="hint", markup=False)

    def show(self, items: Sequence[Item], hint: str = "") -> None:
        """Show these items, the first one marked."""
        self._at = 0
        pane = self.query_one(ListPane)
        pane.show(items, items[0].key if items else None)
        self.query_one(".hint", Static).update(Content(hint or say("Enter chooses, Esc goes back")))

    @property
    def marked(self) -> str:
        """The key of the item that is marked; "" if there is none."""
        items = self.query_one(ListPane).items
        return items[self._at].key if items else ""

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


class SearchScreen(ChooseScreen):
    """Lines of all rooms by their words: the server looks. Returns `room seq`."""

    def __init__(self, ask: Callable[[str, Callable[[Event], object]], bool]) -> None:
        """`ask` sends the words to the server, has a function called with what answers, and returns whether that was possible."""
        super().__init__(say("Search in all rooms"), say('words, "words together", or wor*; Enter searches'))
        self._ask = ask
        self._asked = ""

    def on_mount(self) -> None:
        """Nothing has been found yet."""
        self.show([], say("The newest lines that have all the words"))

    def entered(self, text: str) -> None:
        """Search; what has been searched for is chosen from."""
        if text and text != self._asked:
            self._asked = text
            is_asked = self._ask(text, partial(self._answered, text))
            self.show([], say("Looking …") if is_asked else say("There is no connection."))
        else:
            self.choose()

    def _answered(self, words: str, event: Event) -> None:
        if not self.is_active or words != self._asked:
            return  # one has gone elsewhere meanwhile, or looks for something else
        if isinstance(event, Refused):
            self._asked = ""  # the same words may be asked for again
            self.show([], say("The server could not search just now. Enter tries again."))
        elif isinstance(event, Found):
            self._show_found(event)

    def _show_found(self, found: Found) -> None:
        items = [
            Item(
                f"{room} {line.seq}",
                Content.assemble(
                    (f"{room} ", "dim"),
                    (f"{line.nick}{line.mark}: ", "bold"),
                    line.text.replace("\n", " "),
                ),
                Content.styled(time.strftime("%Y-%m-%d %H:%M", clocks.shown(line.at)), "dim"),
            )
            for room, lines in found.rooms
            for line in reversed(lines)
            if not isinstance(line, LineBlocked)
        ]
        more = say("There are more; more words find fewer.") if found.has_more else ""
        told = sentences(say("{count} found.", count=len(items)), more, say("Enter goes there."))
        self.show(items, told if items else say("Nothing found in any room or conversation."))
