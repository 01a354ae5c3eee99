"""What is known of the terminal at the other end: what its telnet client has said of it, and what follows from that.

negotiation.py takes in what is said (its size, whenever that changes, too); what is shown otherwise because of it, sessions/display.py and
text_session.py say. Pure.
"""

from msgspec import Struct

_WITH_COLOURS = (
    "xterm",
    "screen",
    "tmux",
    "rxvt",
    "linux",
    "ansi",
    "putty",
    "konsole",
    "cygwin",
    "vte",
    "kitty",
    "alacritty",
    "iterm",
)
_WITHOUT_COLOURS = ("vt100", "vt102", "vt220", "vt320")
_MANY_COLOURS = ("256color", "direct", "kitty", "alacritty")

MANY = 256
FEW = 16


class Mtts:
    """The bits of the Mud Terminal Type Standard's third answer (`MTTS 137`)."""

    ANSI = 1
    VT100 = 2
    UTF_8 = 4
    COLOURS_256 = 8
    SCREEN_READER = 64
    TRUECOLOR = 256


class Terminal(Struct, frozen=True):
    """A terminal, as far as it has been described."""

    names: tuple[str, ...] = ()
    """Its answers to TERMINAL-TYPE, in lower case, oldest first."""
    is_described: bool = False
    """Nothing more is to come about its type."""
    columns: int = 0
    rows: int = 0
    charset: str | None = None
    """What its telnet client has agreed to (RFC 2066)."""

    @property
    def mtts(self) -> int | None:
        """The bits of its third answer, if it is a MUD client."""
        for name in self.names:
            word, _, bits = name.partition(" ")
            if word == "mtts" and bits.isascii() and bits.isdecimal() and len(bits) < 8:  # noqa: PLR2004 - there are twelve bits
                return int(bits)
        return None

    @property
    def colours(self) -> int:
        """How many colours it says it has: 0, 16 or 256."""
        bits = self.mtts
        if bits is not None:
            return MANY if bits & (Mtts.COLOURS_256 | Mtts.TRUECOLOR) else FEW if bits & Mtts.ANSI else 0
        if any(part in name for name in self.names for part in _MANY_COLOURS):
            return MANY
        return FEW if any(name.startswith(_WITH_COLOURS) for name in self.names) else 0

    @property
    def can_be_edited_on(self) -> bool:
        """Whether a line can be redrawn on it. A MUD client has an input line of its own, and takes ECHO for a password."""
        known = any(name.startswith((*_WITH_COLOURS, *_WITHOUT_COLOURS)) for name in self.names)
        return self.is_described and self.mtts is None and known and self.columns > 0

    @property
    def is_screen_reader(self) -> bool:
        """Whether it says that it is read aloud."""
        return bool((self.mtts or 0) & Mtts.SCREEN_READER)


UNKNOWN = Terminal()
"""One of which nothing has been said."""
