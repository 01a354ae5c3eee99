"""A pane with a list: rooms, people, what was found. One row an item; a click or Enter chooses. Knows nothing of what the items are."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.content import Content
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

from chat_tui.ui.themes import part_style


class Item(NamedTuple):
    """One row: what it is called by, what is on it, and what stands at its right end."""

    key: str
    content: Content
    end: Content = Content("")


class ListPane(ScrollView):
    """Items under a heading."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"list-pane--heading", "list-pane--current"}
    DEFAULT_CSS = """
    ListPane {
        scrollbar-size-vertical: 1;
        scrollbar-background: $surface;
        scrollbar-color: $panel;
        overflow-x: hidden;
        & > .list-pane--heading { color: $text-muted; text-style: bold; }
        & > .list-pane--current { background: $primary 30%; text-style: bold; }
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

    def __init__(self, heading: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.heading = heading
        self._items: Sequence[Item] = ()
        self._current: str | None = None
        self._known_styles: tuple[Style, Style, Style] | None = None
        self.can_focus = False

    def show(self, items: Sequence[Item], current: str | None = None, *, heading: str | None = None) -> None:
        """Show these items, under another heading if one is given; mark the current one, and keep it in sight."""
        heading = self.heading if heading is None else heading
        if _looks(items) == _looks(self._items) and (current, heading) == (self._current, self.heading):
            return
        self.heading = heading
        moved = current != self._current
        self._items, self._current = items, current
        self.virtual_size = Size(self.size.width, len(items) + self._offset)
        if moved:
            for index, item in enumerate(items):
                if item.key == current:
                    self._keep_in_sight(index)
        self.refresh()

    def _keep_in_sight(self, index: int) -> None:
        row, top, height = index + self._offset, self.scroll_offset.y, self.size.height
        if not height:
            return
        if row < top or row >= top + height:
            self.scroll_to(y=max(0, row - height // 2), animate=False)

    @property
    def items(self) -> Sequence[Item]:
        """What is shown."""
        return self._items

    @property
    def _offset(self) -> int:
        return 1 if self.heading else 0

    def render_line(self, y: int) -> Strip:
        """One row."""
        width = self.scrollable_content_region.width
        row = y + self.scroll_offset.y
        base, heading, current = self._styles
        if self.heading and row == 0:
            return Strip(Content.styled(f" {self.heading}", heading).render_segments(base)).adjust_cell_length(
                width, base.rich_style
            )
        index = row - self._offset
        if not 0 <= index < len(self._items):
            return Strip.blank(width, base.rich_style)
        item = self._items[index]
        if item.key == self._current:
            base += current
        end = item.end.cell_length
        content = item.content.truncate(max(1, width - 2 - (end + 1 if end else 0)), ellipsis=True)
        filled = Content(" ") + content + " " * max(0, width - 2 - content.cell_length - end) + item.end + " "
        return Strip(filled.render_segments(base)).adjust_cell_length(width, base.rich_style)

    @property
    def _styles(self) -> tuple[Style, Style, Style]:
        """How rows look, the heading, and the current item: worked out once for a theme."""
        if self._known_styles is None:
            heading, current = (part_style(self, f"list-pane--{name}") for name in ("heading", "current"))
            self._known_styles = (self.visual_style, heading, current)
        return self._known_styles

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._known_styles = None

    def on_click(self, event: Click) -> None:
        """Choose what is under the mouse."""
        index = event.y + self.scroll_offset.y - self._offset
        if 0 <= index < len(self._items):
            event.stop()
            self.post_message(self.Chosen(self, self._items[index].key))


def _looks(items: Sequence[Item]) -> list[tuple[object, ...]]:
    """What can be seen of items. Contents are equal if their texts are, whatever their styles."""
    return [(item.key, item.content.plain, item.content.spans, item.end.plain, item.end.spans) for item in items]
