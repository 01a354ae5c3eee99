"""A text area in which a letter costs half of what it does in Textual's. Knows Textual only."""

from typing import ClassVar

from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widgets import TextArea


class QuickTextArea(TextArea):
    """A text area whose messages are for the screen, and whose styles are worked out when they change."""

    FOR_SCREEN: ClassVar[tuple[type[Message], ...]] = (TextArea.Changed,)
    """The messages that go straight to the screen, in their order, and not up through all panes around it."""

    _styled: object = None  # the theme that has been told how the parts look

    def notify_style_update(self) -> None:
        """Another theme, or a class that looks otherwise."""
        self._styled = None
        super().notify_style_update()

    def on_resize(self) -> None:
        """Draw the rows as they are broken now: where there are as many as before, Textual leaves those that it drew before it broke them anew."""
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the text. Textual works out for each letter how its parts look, which is half of what a letter costs.

        Where there is no column for it, nothing is drawn: Textual's placeholder cannot be broken into rows of none.
        """
        if not self.content_size.width:
            return [Strip.blank(crop.width, self.rich_style) for _ in range(crop.height)]
        if self._styled is self._theme:
            return super(TextArea, self).render_lines(crop)
        self._styled = self._theme
        return super().render_lines(crop)

    def post_message(self, message: Message) -> bool:
        """Send a message. Where the cursor is, nobody wants to know."""
        if isinstance(message, TextArea.SelectionChanged):
            return False
        if self.is_running and isinstance(message, self.FOR_SCREEN):
            return self.screen.post_message(message)
        return super().post_message(message)
