"""The bar for searching in what one has sent before, as a shell's Ctrl+R does. What is found stands in the prompt at once.

Knows the prompt. Never knows what is done with what is sent.
"""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Resize
from textual.widgets import Input, Static

from chat_tui.language import say
from chat_tui.ui.composer import Composer
from chat_tui.ui.field import Field

FIELD_MIN = 10
"""Columns that what one searches for has at least."""


def place_of(typed: Sequence[str], words: str, start: int, step: int) -> int | None:
    """The place of the nearest text that has the words, from `start` on, towards older ones if `step` is -1; None if none has."""
    folded = words.casefold()
    places = range(start, -1, -1) if step < 0 else range(start, len(typed))
    return next((place for place in places if folded in typed[place].casefold()), None)


class TypedSearch(Horizontal):
    """Hidden until one searches."""

    DEFAULT_CSS = """
    TypedSearch {
        height: 1;
        display: none;
        background: $panel;
        & > Static { width: auto; padding: 0 1; color: $text-muted; }
        & > Input { width: 1fr; min-width: 10; background: $panel; }
        & > .left-out { display: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "Send", show=False, priority=True),
        Binding("escape,tab", "edit", "Edit", show=False, priority=True),
        Binding("up", "step(-1)", "Older", show=False, priority=True),
        Binding("down", "step(1)", "Newer", show=False, priority=True),
        Binding("ctrl+c", "give_up", "Back", show=False, priority=True),
    ]

    def __init__(self, prompt: Composer, key: str) -> None:
        """`key` is the one that goes to older ones, as people write it."""
        super().__init__()
        self._prompt = prompt
        self._key = key
        self._before: tuple[int | None, str] = (None, "")
        self._told = ""

    def compose(self) -> ComposeResult:
        """A line and what came of it."""
        yield Static("", id="typed-name", markup=False)
        yield Field(compact=True)
        yield Static("", id="typed-found")
        yield Static("", id="typed-keys", markup=False)

    def on_mount(self) -> None:
        """Say what it is."""
        self.name_again()

    def name_again(self) -> None:
        """Say what it is, in the language that is spoken now."""
        self.query_one("#typed-name", Static).update(say("Sent before:"))
        self.query_one("#typed-keys", Static).update(self._keys())
        self._tell("")

    def on_resize(self, event: Resize) -> None:
        """There is place for the keys now, or no more."""
        del event
        self._tell(self._told)

    def open(self) -> None:
        """Begin to search; when that has begun, go on to older ones."""
        if self.display:
            self.action_step(-1)
            return
        self._before = (self._prompt.typed_at, self._prompt.text)
        self.display = True
        self._tell("")
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display:
            at = self._prompt.typed_at
            self._find(len(self._prompt.typed) - 1 if at is None else at, -1)

    def action_step(self, step: int) -> None:
        """Go to an older one, or a newer one."""
        at = self._prompt.typed_at
        self._find(len(self._prompt.typed) - (step < 0) if at is None else at + step, step)

    def _find(self, start: int, step: int) -> None:
        words = self.query_one(Input).value
        if not words:
            self._go_back()
            self._tell("")
            return
        place = place_of(self._prompt.typed, words, start, step)
        if place is None:
            has_one = self._prompt.typed_at is not None and words.casefold() in self._prompt.text.casefold()
            self._tell((say("nothing older") if step < 0 else say("nothing newer")) if has_one else say("not found"))
        else:
            self._prompt.recall(place, words)
            self._tell("")

    def _keys(self) -> str:
        return say("Enter sends · Esc edits · {key} older · Ctrl+G back", key=self._key)

    def _tell(self, text: str) -> None:
        """Say what came of it. The keys that there is no place for then are left out, and not cut."""
        self._told = text
        found, keys = self.query_one("#typed-found", Static), self.query_one("#typed-keys", Static)
        found.update(Content(text))
        found.set_class(not text, "left-out")
        words = [say("Sent before:"), self._keys(), *([text] if text else [])]
        keys.set_class(self.size.width < FIELD_MIN + sum(cell_len(word) + 2 for word in words), "left-out")

    def _go_back(self) -> None:
        at, text = self._before
        self._prompt.recall(at)
        self._prompt.put(text)

    def action_give_up(self) -> None:
        """Have in the prompt what was there before."""
        self._go_back()
        self._close()

    def action_edit(self) -> None:
        """Leave what was found in the prompt."""
        self._prompt.move_cursor(self._prompt.document.end)
        self._close()

    def action_send(self) -> None:
        """Send what was found."""
        self._close()
        self._prompt.submit()

    def close(self) -> None:
        """Search no more, wherever one goes."""
        if self.display:
            self.action_give_up()

    def _close(self) -> None:
        self.display = False
        self.query_one(Input).clear()
        self._prompt.focus()
