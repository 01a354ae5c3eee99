"""Which version of Textual it is, and what of it is left out. Comes before everything else that imports Textual.

Knows how Textual is installed. Never knows what stands on the screen.
"""

import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import textual

PINNED = "8.2.8"
"""The version of Textual of which private things are known (terminal.py)."""

PALETTE = "textual.command"
"""The module of Textual's palette of commands."""

OF_PALETTE = (
    *("CommandList", "CommandListItem", "CommandPalette", "DiscoveryHit", "Hit", "Hits", "Matcher", "Provider"),
    *("SimpleCommand", "SimpleProvider"),
)
"""What other modules of Textual import from it, all but for what is never done here."""


@cache
def is_pinned() -> bool:
    """Whether this is the version of Textual of which private things are known.

    How it is installed says so. Textual itself asks importlib.metadata, which takes 20 ms of a start.
    """
    folder = Path(textual.__file__).parent
    return folder.with_name(f"textual-{PINNED}.dist-info").is_dir() or textual.__version__ == PINNED


def leave_out_palette() -> None:
    """Have Textual do without its palette: there is one of ours (screens/finding.py), and that one takes 8 ms of a start, with widgets only it needs.

    Does nothing where it is there already, nor with a version of Textual that is not known.
    """
    if PALETTE not in sys.modules and is_pinned():
        module = ModuleType(PALETTE)
        for name in OF_PALETTE:
            setattr(module, name, type(name, (), {}))
        sys.modules[PALETTE] = module
