"""The keys at the foot of the screen. Knows nothing of what they do."""

from textual.app import ComposeResult
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from chat_tui.language import say, spoken


class Foot(Footer):
    """Keys that are made again only where others are shown than before: Textual says three times while it starts that they may be others."""

    _made: object = None

    def _wanted(self) -> object:
        return spoken(), [
            (key, active.binding, active.enabled, active.tooltip)
            for key, active in self.screen.active_bindings.items()
            if active.binding.show
        ]

    def compose(self) -> ComposeResult:
        """One widget a key, with its word in the language that is spoken."""
        if self._bindings_ready:
            self._made = self._wanted()
        for widget in super().compose():
            if isinstance(widget, FooterKey) and widget.description:
                widget.description = say(widget.description)
            yield widget

    async def recompose(self) -> None:
        """Make them again, if they are others."""
        if self.is_attached and self._wanted() != self._made:
            await super().recompose()
