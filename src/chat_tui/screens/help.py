"""The keys and the commands, on one page that scrolls."""

from collections.abc import Iterable
from itertools import groupby
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from chat_server.events import GROUPS, CommandDescribed
from chat_tui.actions import ACTIONS, EDITING_KEYS, KEYS_IN_PROMPT, PRESETS, keymap, shown_key

KEY_WIDTH = 22
"""Columns for keys and usages, where there is place for columns."""

WIDE = 70
"""Columns of a terminal that has place for them."""


_GROUPS = {
    "general": "general",
    "talking": "talking",
    "rooms": "rooms",
    "reading": "reading back",
    "terminal": "how you are shown things",
}
"""What a group of commands is about."""


class HelpScreen(ModalScreen[None]):
    """Explains everything that can be done."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,f1", "dismiss", "Close")]

    def __init__(self, commands: Iterable[CommandDescribed], keys: dict[str, str]) -> None:
        """With the server's commands, and the keys that the user has chosen."""
        super().__init__()
        self._commands = {command.name: command for command in commands}
        self._keys = keymap(keys)
        self._preset = PRESETS.get(keys.get("preset", ""))

    def compose(self) -> ComposeResult:
        """One text."""
        with VerticalScroll(classes="box wide"):
            yield Static(self._text())

    def _row(self, left: str, right: str) -> Content:
        width = KEY_WIDTH if self.app.size.width >= WIDE else 0
        return Content.assemble((f"  {left}".ljust(width), "bold"), "  ", right)

    def _text(self) -> Content:
        parts: list[Content] = []
        groups = list(dict.fromkeys(action.group for action in ACTIONS))
        for group, actions in groupby(
            sorted(ACTIONS, key=lambda action: groups.index(action.group)), lambda action: action.group
        ):
            parts.append(_heading(group))
            parts += [
                self._row(shown_key(self._keys.get(action.name, action.keys)), action.title) for action in actions
            ]
        parts.append(_heading("While you write"))
        parts += [self._row(key, does) for key, does in KEYS_IN_PROMPT]
        if self._preset is None:
            parts += [self._row(key, does) for key, does in EDITING_KEYS]
        else:
            parts += [self._row(shown_key(edit.key), edit.title) for edit in self._preset.edits]
        for group, commands in groupby(self._by_group(), lambda command: command.group):
            parts.append(_heading(f"Commands: {_GROUPS[group]}" if group in _GROUPS else "Commands"))
            parts += [self._row(command.usage, command.explanation.partition("\n")[0]) for command in commands]
        return Content("\n").join(parts)

    def _by_group(self) -> list[CommandDescribed]:
        """The commands as the server's /help has them; those of which it says no group, last."""
        known = list(GROUPS)
        return sorted(
            self._commands.values(),
            key=lambda command: known.index(command.group) if command.group in known else len(known),
        )


def _heading(text: str) -> Content:
    return Content.assemble("\n", (text, "bold $primary"))
