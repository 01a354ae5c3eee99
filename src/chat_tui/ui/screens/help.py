"""The keys and the commands, on one page that scrolls. Never knows what they do."""

from collections.abc import Iterable
from itertools import groupby
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from chat_server.protocol.described import CommandDescribed
from chat_server.protocol.requests import GROUPS
from chat_tui.actions import ACTIONS, EDITING_KEYS, KEYS_IN_PROMPT, PRESETS, Action, keymap, shown_key
from chat_tui.language import message, say
from chat_tui.ui.screens.box import Box
from chat_tui.ui.wrapping import pieces

KEY_WIDTH = 22
"""Columns for keys and usages, where there is place for columns."""

WIDE = 70
"""Columns of a terminal that has place for them."""

BOX, AROUND = 84, 8
"""Columns of the box at most (screens.tcss), and those of them that its frame and its scrollbar take."""

NARROW_AROUND = 9
"""The same in a narrow terminal, and by how many columns there the rows are set in that go on with one."""

PEOPLE_SIGNS = (
    (message("* before a name"), message("Owns the room")),
    (message("+ before a name"), message("Moderates the room")),
    (message("? behind a name"), message("Has no account")),
)
"""What stands at names in the list of people."""

_ROOMS = message("Go to room 1 to {number}")

_GROUPS = {
    "general": message("general"),
    "talking": message("talking"),
    "rooms": message("rooms"),
    "reading": message("reading back"),
    "moderating": message("moderating"),
    "terminal": message("how things are shown to you"),
}
"""What a group of commands is about."""


class HelpScreen(ModalScreen[None]):
    """Explains everything that can be done."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,f1", "dismiss", "Close")]

    def __init__(self, commands: Iterable[CommandDescribed], keys: dict[str, str]) -> None:
        super().__init__()
        self._commands = {command.name: command for command in commands}
        self._keys = keymap(keys)
        self._preset = PRESETS.get(keys.get("preset", ""))

    def compose(self) -> ComposeResult:
        """One text, and how to leave it."""
        with (
            Box(
                say("Keys and commands"),
                say("Esc goes back. PageUp and PageDown show more."),
                classes="wide",
                id="help",
            ),
            VerticalScroll(),
        ):
            yield Static(self._text(), id="text")

    def on_mount(self) -> None:
        """Keys scroll what there is to read."""
        self.query_one(VerticalScroll).focus()

    def on_resize(self) -> None:
        """Rows are as wide as there is place."""
        self.query_one("#text", Static).update(self._text())

    def _row(self, left: str, right: str) -> Content:
        columns = self.app.size.width
        if columns < WIDE:
            return _hanging(left, right, max(20, columns - NARROW_AROUND))
        width = max(KEY_WIDTH, cell_len(left) + 2) + 2
        place = max(20, min(BOX, columns) - AROUND - width)
        rows = [right[begin:end].strip() for begin, end, _ in pieces(right, place)]
        return Content.assemble((set_cell_size(f"  {left}", width), "bold"), ("\n" + " " * width).join(rows))

    def _actions(self) -> list[tuple[str, Action]]:
        """Keys and what they do. The first nine rooms have one row while they have the keys that everybody expects."""
        rows = [(shown_key(self._keys.get(action.name, action.keys)), action) for action in ACTIONS]
        rooms = [(key, action) for key, action in rows if action.name.startswith("room-")]
        if any(action.name in self._keys for _, action in rooms):
            return rows
        (first, action), (last, _) = rooms[0], rooms[-1]
        one = (
            say("{first} to {last}", first=first, last=last),
            action._replace(title=_ROOMS, number=len(rooms)),
        )
        return [one if row == rooms[0] else row for row in rows if row == rooms[0] or row not in rooms]

    def _text(self) -> Content:
        parts: list[Content] = []
        groups = list(dict.fromkeys(action.group for action in ACTIONS))
        for group, actions in groupby(
            sorted(self._actions(), key=lambda row: groups.index(row[1].group)), lambda row: row[1].group
        ):
            parts.append(_heading(say(group)))
            parts += [self._row(key, action.words) for key, action in actions]
        parts.append(_heading(say("While you write")))
        parts += [self._row(key, say(does)) for key, does in KEYS_IN_PROMPT]
        if self._preset is None:
            parts += [self._row(key, say(does)) for key, does in EDITING_KEYS]
        else:
            parts += [self._row(shown_key(edit.key), say(edit.title)) for edit in self._preset.edits]
        parts.append(_heading(say("Among the people")))
        parts += [self._row(say(sign), say(meaning)) for sign, meaning in PEOPLE_SIGNS]
        for group, commands in groupby(self._by_group(), lambda command: command.group):
            about = _GROUPS.get(group)
            parts.append(_heading(say("Commands: {about}", about=say(about)) if about else say("Commands")))
            parts += [self._row(command.usage, command.explanation.partition("\n")[0]) for command in commands]
        return Content("\n").join(parts)[1:]  # over the first heading is the frame

    def _by_group(self) -> list[CommandDescribed]:
        """The commands as the server's /help has them; those of which it says no group, last."""
        known = list(GROUPS)
        return sorted(
            self._commands.values(),
            key=lambda command: known.index(command.group) if command.group in known else len(known),
        )


def _heading(text: str) -> Content:
    return Content.assemble("\n", (text, "bold $primary"))


def _hanging(left: str, right: str, place: int) -> Content:
    """Keys, in bold, and what they do after them; rows that go on with it are set in."""
    words = f"{left}  {right}"
    text = "  " + "\n    ".join(words[begin:end].strip() for begin, end, _ in pieces(words, place))
    letters = len("".join(left.split()))
    ends = [at for at, letter in enumerate(text, 1) if not letter.isspace()]
    return Content(text).stylize("bold", 0, ends[letters - 1])
