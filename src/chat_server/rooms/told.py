"""What somebody who enters a room is told of what holds there: its rules, who has which role, and what they may not do themselves.

All of it follows from what the room is (protocol/room_state.py), so whoever applies the entries that come after it to what they were told knows what
they would be told if they entered now. Pure; never knows how it is shown.
"""

from collections.abc import Callable
from typing import TypedDict

from msgspec import UNSET, UnsetType

from chat_server.protocol.described import Forbidden
from chat_server.protocol.room_state import PLACES, ROOM_ROLES, Curb, RoomState
from chat_server.rooms.rights import SERVER_MODERATOR, Standing

ROLES_NAMED_MAX = 100
"""Who is named that has a role, owners first; /role names all."""


class Holding(TypedDict, total=False):
    """The fields of Entered that tell it."""

    rules: dict[str, str] | UnsetType
    role: str | UnsetType
    server_role: str | UnsetType
    roles: dict[str, str] | UnsetType
    forbidden: tuple[Forbidden, ...] | UnsetType
    now: float | UnsetType
    archived: bool | UnsetType


def what_holds(
    state: RoomState,
    account: int,
    who: Standing,
    curbs: list[Curb],
    *,
    now: float,
    name_of: Callable[[int], str],
) -> Holding:
    """What somebody is told who enters a room; nothing of what is as everybody would expect it.

    Args:
        state: what the room is.
        account: theirs.
        who: where they stand in it.
        curbs: what they may not do just now.
        now: the time.
        name_of: what an account is called now; "" if that is not known.

    """
    return {
        "rules": dict(state.rules) or UNSET,
        "role": state.role(account) or UNSET,
        "server_role": PLACES[who.rank] if who.rank >= SERVER_MODERATOR else UNSET,
        "roles": roles_named(state, name_of) or UNSET,
        "forbidden": tuple(
            Forbidden(one.id, one.kind, one.until, name_of(one.of) or one.by, one.reason) for one in curbs
        )
        or UNSET,
        "now": now if curbs else UNSET,
        "archived": state.is_archived or UNSET,
    }


def roles_named(state: RoomState, name_of: Callable[[int], str], most: int = ROLES_NAMED_MAX) -> dict[str, str]:
    """Who has a role in a room: so many of them, by what they are called, owners first."""
    if not state.roles:
        return {}
    by_rank = sorted(state.roles.items(), key=lambda pair: -ROOM_ROLES.index(pair[1]))
    return {name_of(account) or state.names.get(account, "?"): role for account, role in by_rank[:most]}
