"""What is typed behind a command about an account waits for the form that this opens, and is in it then.

The form opens when the server has answered, which takes as long as the line does; who types a password meanwhile, or pastes it with the command,
would have it in the prompt, in plain sight. If no form opens, it is thrown away. Knows keys. Never knows what is asked.
"""

from collections import deque
from collections.abc import Callable, Iterable

from textual.app import App
from textual.events import Key, Paste

from chat_server.protocol.sanitize import typed_lines
from chat_tui.client.early_typing import thrown_away
from chat_tui.ui.program import Program

TYPING = frozenset(("enter", "tab", "shift+tab", "backspace", "delete", "left", "right", "home", "end", "ctrl+j"))
"""Keys that are part of what is typed, beside letters. All others do at once what they do: whoever waits may leave."""


class KeysForForm:
    """Those of one app."""

    def __init__(self, app: App[None], program: Callable[[], Program], tell: Callable[[str], None]) -> None:
        """None waits. `program`: as the server has it that is on the screen; `tell` tells the user of what is thrown away."""
        self._app, self._program, self._tell = app, program, tell
        self._has_kept = False

    def waits(self, event: Key | Paste) -> bool:
        """Whether this is part of what is typed, or no form is on its way: if not, it does at once what it does."""
        is_typing = isinstance(event, Paste) or event.is_printable or event.key in TYPING
        return is_typing or not (self._has_kept or self._program().awaits_form)

    def may_go(self, waiting: deque[Key | Paste]) -> bool:
        """Not as long as a form is on its way. What has waited for one that does not come is thrown away."""
        if self._program().awaits_form:
            self._has_kept = bool(waiting)
            return False
        if self._has_kept:
            self._has_kept = False
            if not self._has_form:
                lines = _lines(waiting)
                waiting.clear()
                if lines:
                    self._tell(thrown_away(lines))
        return True

    @property
    def _has_form(self) -> bool:
        from chat_tui.ui.screens.form import FormScreen  # noqa: PLC0415 - whoever asks for one pays

        return isinstance(self._app.screen, FormScreen) and self._program().has_whole_typed


def _lines(keys: Iterable[Key | Paste]) -> int:
    """In how many lines something was typed."""
    typed = "".join(_typed(key) for key in keys)
    return sum(bool(line.strip()) for line in typed.split("\n"))


def _typed(key: Key | Paste) -> str:
    if isinstance(key, Paste):
        return typed_lines(key.text)
    return "\n" if key.key in ("enter", "tab", "ctrl+j") else (key.is_printable and key.character) or ""
