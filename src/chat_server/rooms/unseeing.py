"""Who of a room may not see a line of which something is said there: nothing of it is shown to them but its number.

Never knows what is said of it, nor how anything is shown.
"""

from collections.abc import Callable, Iterable

from chat_server.rooms.person import Person
from chat_server.rooms.room import Occupant


def unseeing(
    sessions: Iterable[Occupant],
    reads_from: Callable[[Person[Occupant]], int],
    number: int,
    whose: tuple[int, str] | None,
) -> tuple[Occupant, ...]:
    """Which of the sessions may not see the line with this number, for it is from before they came, or of somebody whom they have blocked.

    `whose` is the account (0: none) and the name of its author; None: that is not known.
    """
    return tuple(
        session
        for session in sessions
        if reads_from(session.person) > number
        or (session.person.blocks and (whose is None or session.person.blocks.hide(*whose)))
    )
