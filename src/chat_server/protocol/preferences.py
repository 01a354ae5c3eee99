"""What is chosen at one session about how the server speaks to it: a value.

What of it is kept with an account is in commands/chosen.py. Never knows how it is put into effect.
"""

from msgspec import Struct

AS_THE_TERMINAL = -1
"""Lines are broken for as many columns as the terminal says it has, in plain mode too."""


class Preferences(Struct, frozen=True):
    """None stands for what the terminal suggests."""

    language: str = "en"
    charset: str | None = None
    mode: str | None = None
    """Who edits the line: the caller's own program ("line") or the server ("edit")."""
    colour: bool | None = None
    wrap: int | None = None
    """Columns for which long lines are broken; 0: they are not. AS_THE_TERMINAL is another number."""
    plain: bool | None = None
    keepalive: bool = True
