"""The links of a room, to open or copy one. Never knows how either is done."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input

from chat_tui.client.room_links import RoomLink
from chat_tui.language import message, say
from chat_tui.ui.list_pane import Item
from chat_tui.ui.screens.choosing import ChooseScreen


class LinksScreen(ChooseScreen):
    """Shows them, the newest first. Returns the one that is to be opened, or ""."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "copy", "Copy", priority=True)]

    KEYS: ClassVar[str] = message("Enter opens. Ctrl+C copies. Esc.")

    def __init__(self, room: str, links: Sequence[RoomLink], copy: Callable[[str], None]) -> None:
        """`copy` has a text in the clipboard."""
        super().__init__(say("Links in {room}", room=room), say("part of the address, or a name"))
        self._links, self._copy = links, copy

    def on_mount(self) -> None:
        """Show all of them."""
        self._show("")

    @on(Input.Changed)
    def _look(self, event: Input.Changed) -> None:
        self._show(event.value.strip().casefold())

    def _show(self, letters: str) -> None:
        items = [
            Item(
                link.url,
                Content.assemble(link.url, (f"  {link.nick}", "dim")),
                self.time_of(link.at),
            )
            for link in self._links
            if letters in link.url.casefold() or letters in link.nick.casefold()
        ]
        none = (
            say("No link has these letters.")
            if self._links
            else say("There is no link in the lines that are loaded here.")
        )
        self.show(items, "" if items else none)

    def action_copy(self) -> None:
        """Copy what is marked."""
        if key := self.marked:
            self._copy(key)
