"""Where it is kept what moderators and admins of the server do: the one protocol of every store.

Each act has a number, and is kept for good. What it forbids holds from when it is stored. Never knows sessions, nor who may do what.
"""

from typing import NamedTuple, Protocol

from chat_server.accounts.acts import ActPlace, Judge, Neighbour, NotEnacted, OfficeHolder, ServerAct
from chat_server.accounts.in_force import InForce
from chat_server.accounts.networks import CameFrom


class KeptAct(NamedTuple):
    """An act as it is kept: whether it is in force no longer, and in which room it was done; "": on the server.

    Of a room that is no more the name is lost: all of what was done in it has the same number `gone`.
    """

    act: ServerAct
    is_lifted: bool = False
    room: str = ""
    gone: int = 0


class Acts(Protocol):
    """The acts of one server. Every method that waits may raise JournalError: then nothing has changed."""

    in_force: InForce
    """What holds just now. Level with what is stored, as `Accounts.names` is."""

    async def enact(self, act: ServerAct, judge: Judge) -> ServerAct | NotEnacted:
        """Store an act, with the next number, unless the judge refuses it: what it judges by stays so until it is stored.

        What is stored anywhere later is stored by a node that knows of it: see Beside.acts. A role that is given is the account's by the same commit.
        """
        ...

    async def catch_up(self) -> None:
        """Take in what other nodes have stored. Harmless at any other time."""

    async def listed(self, before: int, limit: int) -> list[ServerAct]:
        """Some of all acts that there ever were, those before a number (0: all), the newest first."""
        ...

    async def of_room(self, room: str, before: ActPlace | None, limit: int) -> list[ServerAct]:
        """Some of what was done in a room by its owners and moderators, and the server's, whatever has become of the lines: before a place, or all.

        The newest stand first.
        """
        ...

    async def holders(self) -> list[OfficeHolder]:
        """Who has a role on the server, in the order of their names."""
        ...

    async def seen_since(self, at: float) -> list[tuple[int, str]]:
        """From which networks, shortened as they are kept, which accounts have come since a time."""
        ...

    async def networks(self, account: int) -> list[CameFrom]:
        """The last networks from which an account has logged in, the newest first."""
        ...

    async def neighbours(self, network: str, at: float) -> list[Neighbour]:
        """The accounts that are not closed and have come since a time from what overlaps a network, as far as that is kept; by their names."""
        ...
