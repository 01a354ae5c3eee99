"""The keys at the foot of the screen, as many as there is place for. Knows nothing of what they do."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from textual.content import Content
from textual.events import Resize
from textual.style import Style
from textual.widgets import Static

from chat_tui.actions import shown_key
from chat_tui.language import message, say

OF_A_LINE = "line("
"""How actions begin that are for the line which is chosen: while there is one, no others are shown."""

BACK = message("back")

ORDER = ("jump", "next-activity", "search", "fold-rooms", "fold-people", "palette", "quit", "help")
"""Actions that are shown, by their names, in their order; before them those that are for a line."""

MOST_WANTED = ("jump", "next-activity", "help", "search", "palette", "fold-rooms", "fold-people", "quit")
"""Those that are shown where there is no place for all are the first of these."""

GAP = "   "
"""What stands between two keys."""

Active = Any
"""A key that does something just now, as Textual has it."""


def for_footer(active: dict[str, Active], can: Callable[[str], bool]) -> dict[str, Active]:
    """Of the keys that do something just now those that are to be shown; of a line's those that can be done with it."""
    of_line = {key: one for key, one in active.items() if one.binding.action.startswith(OF_A_LINE)}
    of_line = {key: one for key, one in of_line.items() if can(one.binding.action[len(OF_A_LINE) :].strip("')"))}
    back = active.get("escape")
    if not of_line or back is None:
        return active
    return {**of_line, "escape": back._replace(binding=replace(back.binding, show=True, description=BACK))}


class Foot(Static):
    """One row of them, made again only where others are shown than before. A click does what the key does."""

    def __init__(self, is_ready: Callable[[], bool]) -> None:
        """`is_ready`: whether there is anything yet for which there are keys."""
        super().__init__()
        self.is_ready = is_ready

    def on_mount(self) -> None:
        """Show them."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.paint())
        self.paint()

    def on_resize(self, event: Resize) -> None:
        """Show as many as there is place for now."""
        del event
        self.paint()

    def paint(self) -> None:
        """Show what does something just now."""
        if not self.is_attached or not self.size.width or not self.is_ready():
            return
        shown = _fitting(_hints(self.screen.active_bindings.values()), self.size.width - 1)
        content = Content(" ") + Content(GAP).join(shown)
        content += " " * (self.size.width - content.cell_length)  # which is reversed where there are no tones
        if self.content != content:
            self.update(content, layout=False)


def _hints(active: Iterable[Active]) -> list[tuple[int, Content]]:
    """Each key with its word; two keys with the same word stand together. With each how little it is wanted."""
    shown = [one.binding for one in active if one.binding.show and one.binding.description]
    keys: dict[str, list[Content]] = {}
    wanted: dict[str, int] = {}
    for binding in sorted(shown, key=lambda binding: _place(ORDER, binding.id)):
        action = binding.action if binding.action.startswith("app.") else f"screen.{binding.action}"
        key = Content.styled(shown_key(binding.key), "bold").stylize(Style.from_meta({"@click": action}))
        keys.setdefault(binding.description, []).append(key)
        wanted.setdefault(binding.description, _place(MOST_WANTED, binding.id))
    return [
        (wanted[words], Content(" ").join(keys[words]) + Content.styled(" " + say(words), "$text-muted"))
        for words in keys
    ]


def _place(names: tuple[str, ...], name: str | None) -> int:
    return names.index(name) if name in names else -1


def _fitting(hints: list[tuple[int, Content]], width: int) -> list[Content]:
    """Those that have their whole place, in their order: the least wanted are left out."""
    left = list(hints)
    while left and sum(hint.cell_length + len(GAP) for _, hint in left) - len(GAP) > width:
        least = max(wanted for wanted, _ in left)
        left.remove([hint for hint in left if hint[0] == least][-1])
    return [hint for _, hint in left]
