"""Opening a link in the desktop's browser, where there is a desktop. Never knows who asks for it."""

import os
import sys


def has_desktop() -> bool:
    """Whether there is a desktop on which a browser can open."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_in_browser(url: str) -> bool:
    """Open a link; where there is no desktop, a browser would take the terminal. Returns whether it was possible."""
    if not has_desktop():
        return False
    import webbrowser  # noqa: PLC0415 - who asks pays

    return webbrowser.open(url)
