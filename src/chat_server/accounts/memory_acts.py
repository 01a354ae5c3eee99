"""The acts of the server's moderators, in memory. See Acts."""

from typing import Protocol

from msgspec.structs import replace

from chat_server.accounts import Account
from chat_server.accounts.acts import (
    CURBING,
    IN_FORCE_MAX,
    ActPlace,
    Judge,
    Neighbour,
    NotEnacted,
    Office,
    OfficeHolder,
    ServerAct,
)
from chat_server.accounts.in_force import InForce
from chat_server.accounts.kept_accounts import KeptAccounts
from chat_server.accounts.networks import CameFrom, overlapping


class Rooms(Protocol):
    """What a journal in memory keeps, as far as it matters here; see accounts.memory.Lines."""

    def check_open(self) -> None:
        """Raise JournalError if nothing more can be stored."""

    def acted(self, act: ServerAct) -> None:
        """Have other nodes hear of an act."""

    def acts_of(self, room: str) -> list[ServerAct]:
        """What was done in a room by office: more can be put there."""
        ...

    def call_in_acts(self, account: int, nick: str) -> None:
        """Put this name into that."""


class MemoryActs:
    """See Acts."""

    def __init__(self, kept: KeptAccounts, rooms: Rooms) -> None:
        """Go on with what is kept."""
        self.in_force = InForce()
        self._kept = kept
        self._rooms = rooms
        self.in_force.load((act for act in kept.acts if act.number not in kept.lifted), len(kept.acts))

    async def enact(self, act: ServerAct, judge: Judge) -> ServerAct | NotEnacted:
        """Store an act; see Acts."""
        self._rooms.check_open()
        kept = self._kept
        act = replace(act, number=len(kept.acts) + 1)
        actor, target = kept.active(act.author), kept.active(act.account)
        on = {one.number: one for one in kept.acts if one.kind in CURBING and self._is_on(one, act.at)}
        lifted = on.get(act.of)
        is_there = lifted is not None if act.kind == "lifted" else not act.account or target is not None
        has_other = any(one.role in {"admin", "owner"} and one.id != act.account for one in self._open())
        roles = actor.role if actor is not None else "", target.role if target is not None else ""
        why = judge(act, Office(*roles, has_other, is_there, lifted))
        if why or (act.kind in CURBING and len(on) >= IN_FORCE_MAX):
            return NotEnacted(why or "too-many-bans")
        if lifted is not None:
            kept.lifted.add(lifted.number)
            act = replace(act, whom=lifted.whom, account=lifted.account, network=lifted.network)
        if act.kind == "role-given" and target is not None:
            role = act.text
            kept.change(target.id, lambda one: replace(one, role=role))
        return await self._keep(act)

    async def _keep(self, act: ServerAct) -> ServerAct:
        self._kept.acts.append(act)
        await self.catch_up()
        self._rooms.acted(act)
        return act

    async def keep_on_case(self, room: str, act: ServerAct) -> ServerAct:
        """Keep what was done about something that waited, of this room; "": of none."""
        if not room:
            return await self._keep(replace(act, number=len(self._kept.acts) + 1))
        acts = self._rooms.acts_of(room)
        newest = acts[-1].place if acts else ActPlace(0)
        acts.append(replace(act, number=newest.number, nth=newest.nth + 1))
        return acts[-1]

    def _is_on(self, act: ServerAct, at: float) -> bool:
        return act.number not in self._kept.lifted and act.until > at

    def _open(self) -> list[Account]:
        return [one for one in self._kept.accounts.values() if one.state != "closed"]

    async def catch_up(self) -> None:
        """Take in what other nodes have stored; see Acts."""
        for act in self._kept.acts[self.in_force.newest :]:
            self.in_force.note(act)

    async def listed(self, before: int, limit: int) -> list[ServerAct]:
        """Some acts; see Acts."""
        return self._kept.acts[: before - 1 if before else None][::-1][:limit]

    async def of_room(self, room: str, before: ActPlace | None, limit: int) -> list[ServerAct]:
        """Some of what was done in a room; see Acts."""
        found = [act for act in self._rooms.acts_of(room) if before is None or act.place < before]
        return found[::-1][:limit]

    async def holders(self) -> list[OfficeHolder]:
        """Who has a role on the server."""
        found = sorted((one for one in self._open() if one.role != "member"), key=lambda one: one.key)
        return [OfficeHolder(one.name, one.role) for one in found]

    async def seen_since(self, at: float) -> list[tuple[int, str]]:
        """From which networks accounts have come; see Acts."""
        kept = self._kept
        by_device = {(one.account, one.network) for one in kept.devices.values() if one.seen >= at and one.network}
        return list(by_device | {which for which, one in kept.came_from.items() if one.at >= at})

    async def networks(self, account: int) -> list[CameFrom]:
        """The last networks from which an account has logged in, the newest first."""
        return self._kept.networks_of(account)

    async def neighbours(self, network: str, at: float) -> list[Neighbour]:
        """The accounts that have come from a network; see Acts."""
        seen = await self.seen_since(at)
        beside = {*overlapping({one for _, one in seen}, network)}
        numbers = {account for account, one in seen if one in beside}
        found = sorted((one for one in self._open() if one.id in numbers), key=lambda one: one.key)
        return [Neighbour(one.id, one.name, one.made, one.role) for one in found]

    def call(self, account: int, nick: str) -> None:
        """Whoever has this account is called so in all acts."""
        self._rooms.call_in_acts(account, nick)
        for place, act in enumerate(self._kept.acts):
            by, whom = nick if act.author == account else act.by, nick if act.account == account else act.whom
            self._kept.acts[place] = replace(act, by=by, whom=whom)
