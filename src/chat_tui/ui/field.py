"""A line in which something is asked for, seen or unseen. Never knows what."""

from textual.reactive import reactive
from textual.widgets import Input

from chat_server.protocol.requests import SECRET_MAX


class Field(Input):
    """Textual's, but for the cursor, which stands still: nothing is drawn, and no input method disturbed, while nobody does anything."""

    cursor_blink = reactive(False, init=False)


class SecretField(Input):
    """The same for a secret: it is not shown, and does not get into a clipboard."""

    cursor_blink = reactive(False, init=False)

    def __init__(self, begun: str = "", *, placeholder: str, id: str) -> None:  # noqa: A002 - Textual's name
        """`begun` is what was typed of it elsewhere: what is typed now goes after that."""
        super().__init__(
            begun,
            placeholder=placeholder,
            id=id,
            password=True,
            compact=True,
            select_on_focus=not begun,
            max_length=SECRET_MAX,  # what is longer no server takes: of a paste nothing goes in then, rather than a part
        )

    def action_copy(self) -> None:
        """Do nothing: the terminal's clipboard is everybody's."""

    def action_cut(self) -> None:
        """Do nothing, for the same reason."""
