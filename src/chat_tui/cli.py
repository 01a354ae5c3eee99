"""The command `chat-tui`, as it is started: nothing is collected while that goes on.

Never knows what is asked for (starting.py).
"""

import gc
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit code: 0 well, 2 it could not start."""
    was_enabled = gc.isenabled()
    # Nothing that a start makes is to be collected: to look through all of it, again and again, takes 15 ms. What then runs for long enables it.
    gc.disable()
    try:
        from chat_tui.starting import run  # noqa: PLC0415 - as little as possible before that

        return run(arguments)
    finally:
        if was_enabled:
            gc.enable()
