"""Rooms that are easily taken for something else: a start logs them, and opens them all the same, for they may have been there for long.

Never knows what is said in a room, nor who is there.
"""

from collections.abc import Iterable, Sequence

from chat_server.accounts.look_alikes import skeleton
from chat_server.commands.table import COMMANDS
from chat_server.logs import log

HIDDEN_NAMED_MAX = 20
"""Rooms that the log names because a command hides them."""


def tell_of_hidden(rooms: Iterable[str]) -> None:
    """Log which rooms cannot be entered by their names alone."""
    hidden = [room for room in rooms if COMMANDS.vocabulary.is_command(room)]
    if hidden:
        log.warning("rooms have the names of commands, so only /join enters them", rooms=hidden[:HIDDEN_NAMED_MAX])


def tell_of_alike(configured: Sequence[str]) -> None:
    """Log which rooms of the configuration look like another of it."""
    known: dict[str, str] = {}
    for room in configured:
        other = known.setdefault(skeleton(room), room)
        if other != room:
            log.warning("two rooms of the configuration look alike", room=room, other=other)
