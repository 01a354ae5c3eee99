"""What counts for who may come in while the server is full, or raided: whether there is panic, and who of those who log in has a role.

Never knows how many may be connected.
"""

from math import inf
from typing import Any, cast

from chat_server.commands.handler import EndSession
from chat_server.journal.engines import Store
from chat_server.rooms.enforcing import Enforcement
from chat_server.rooms.room import Occupant
from chat_server.rooms.visitors import IN_OFFICE
from chat_server.sessions.session import ChatSession


def is_panic(store: Store) -> bool:
    """Whether there is panic just now."""
    in_force = store.accounts.acts.in_force
    return not in_force.is_idle and in_force.panic_seconds(store.now()) > 0


def look_at(enforcement: Enforcement, session: object) -> None:
    """Somebody has just logged in: who moderates the server keeps the place that they have beyond the limit, and who does not goes again.

    Raises EndSession of whoever goes: else they would be welcomed before they are told why not.
    """
    one = cast(ChatSession[Any], session)
    if enforcement.look_at(cast(Occupant, one)):
        raise EndSession
    if (reserved := one.caller.reserved) is not None:
        reserved.is_earned = one.person.role in IN_OFFICE
        if not reserved.is_earned:
            one.dismiss("server-full", inf)
            raise EndSession
