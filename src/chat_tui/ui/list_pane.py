"""A pane with a list: rooms, people, what was found. One row an item; a click or Enter chooses. Knows nothing of what the items are."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.content import Content
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

from chat_tui.ui.themes import part_style

MARK = "▌"
"""What stands before the current item, for those who see no colours."""


class Item(NamedTuple):
    """One row: what it is called by, what is on it, and what stands at its right end."""

    key: str
    content: Content
    end: Content = Content("")


def item_place(item: Item, width: int) -> int:
    """Columns of a row for what is on it, with what stands at its right end."""
    end = item.end.cell_length
    return max(1, width - 2 - (end + 1 if end else 0))


class ListPane(ScrollView):
    """Items under each other."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"list-pane--current", "list-pane--mark"}
    DEFAULT_CSS = """
    ListPane {
        scrollbar-size-vertical: 1;
        scrollbar-background: $surface;
        scrollbar-color: $panel;
        overflow-x: hidden;
        & > .list-pane--current { background: $selected; text-style: bold; }
        & > .list-pane--mark { color: $text-primary; }
        &:ansi { scrollbar-color: ansi_bright_black; }
        &:ansi > .list-pane--current { background: ansi_default; text-style: bold reverse; }
    }
    """

    class Chosen(Message):
        """An item was chosen."""

        def __init__(self, pane: "ListPane", key: str) -> None:
            super().__init__()
            self.pane = pane
            self.key = key

        @property
        def control(self) -> "ListPane":
            """The pane, for `@on` with a selector."""
            return self.pane

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._items: Sequence[Item] = ()
        self._current: str | None = None
        self._known_styles: tuple[Style, Style, Style] | None = None
        self.can_focus = False

    def show(self, items: Sequence[Item], current: str | None = None) -> None:
        """Show these items; mark the current one, and keep it in sight."""
        if _looks(items) == _looks(self._items) and current == self._current:
            return
        moved = current != self._current
        before = None if moved or len(items) != len(self._items) else self._items
        self._items, self._current = items, current
        self.virtual_size = Size(self.size.width, len(items))
        if moved:
            for index, item in enumerate(items):
                if item.key == current:
                    self._keep_in_sight(index)
        if before is None:
            self.refresh()
            return
        rows = zip(_looks(before), _looks(items), strict=True)
        changed = [number - self.scroll_offset.y for number, (old, new) in enumerate(rows) if old != new]
        seen = [Region(0, row, self.size.width, 1) for row in changed if 0 <= row < self.size.height]
        if seen:
            self.refresh(*seen)  # each cell costs a slow line a byte

    def _keep_in_sight(self, index: int) -> None:
        row, top, height = index, self.scroll_offset.y, self.size.height
        if not height:
            return
        if row < top or row >= top + height:
            self.scroll_to(y=max(0, row - height // 2), animate=False)

    @property
    def items(self) -> Sequence[Item]:
        """What is shown."""
        return self._items

    def render_line(self, y: int) -> Strip:
        """One row."""
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        base, current, mark = self._styles
        if not 0 <= index < len(self._items):
            return Strip.blank(width, base.rich_style)
        item = self._items[index]
        is_current = bool(item.key) and item.key == self._current
        if is_current:
            base += current
        end = item.end.cell_length
        content = item.content.truncate(item_place(item, width), ellipsis=True)
        left = Content.styled(MARK, mark) if is_current else Content(" ")
        filled = left + content + " " * max(0, width - 2 - content.cell_length - end) + item.end + " "
        return Strip(filled.render_segments(base)).adjust_cell_length(width, base.rich_style)

    @property
    def _styles(self) -> tuple[Style, Style, Style]:
        """How rows look, the current one, and what marks it: worked out once for a theme."""
        if self._known_styles is None:
            current, mark = (part_style(self, f"list-pane--{name}") for name in ("current", "mark"))
            self._known_styles = (self.visual_style, current, mark)
        return self._known_styles

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._known_styles = None

    def on_click(self, event: Click) -> None:
        """Choose what is under the mouse."""
        index = event.y + self.scroll_offset.y
        if 0 <= index < len(self._items):
            event.stop()
            self.post_message(self.Chosen(self, self._items[index].key))


def _looks(items: Sequence[Item]) -> list[tuple[object, ...]]:
    """What can be seen of items. Contents are equal if their texts are, whatever their styles."""
    return [(item.key, item.content.plain, item.content.spans, item.end.plain, item.end.spans) for item in items]
