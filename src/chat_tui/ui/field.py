"""A line in which something is asked for. Never knows what."""

from textual.reactive import reactive
from textual.widgets import Input


class Field(Input):
    """Textual's, but for the cursor, which stands still: nothing is drawn, and no input method disturbed, while nobody does anything."""

    cursor_blink = reactive(False, init=False)
