"""What the server's moderators do, put into effect on those who are here: as soon as it is known at this node, by whichever node it was done.

Never knows who may do what, nor how it is kept.
"""

from collections.abc import Iterable
from math import inf

from chat_server.accounts import sender_of
from chat_server.accounts.acts import ServerAct
from chat_server.accounts.in_force import OUT, Visitor, hits
from chat_server.accounts.networks import shortened
from chat_server.guard import Guard
from chat_server.logs import log
from chat_server.protocol.events import Refused
from chat_server.protocol.moderation_events import MutedEverywhere, OfficeChanged
from chat_server.protocol.names import name_key
from chat_server.protocol.stored_event import left_of
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.directory import Directory
from chat_server.rooms.person import HOLDER, Person
from chat_server.rooms.rights import OF_ACCOUNT
from chat_server.rooms.room import Occupant, Room
from chat_server.rooms.visitors import IN_OFFICE, visitor_of

KNOWN_SECONDS = 30 * 86400.0
"""Seconds for which it is known whence somebody who has a role on the server has come."""


class Enforcement:
    """Puts acts of one server's moderators into effect."""

    def __init__(self, directory: Directory[Room, Person[Occupant]]) -> None:
        """Whatever is done from now on is put into effect."""
        self._directory = directory
        self._guard = Guard("what a moderator of the server has done could not be put into effect")
        directory.accounts.acts.in_force.heard.append(self._note)
        self.has_office = False
        """Whether somebody may have a role on the server."""
        self._networks: set[str] = set()  # shortened: whence somebody who has one has come lately

    def _note(self, act: ServerAct) -> None:
        with self._guard:
            if act.kind == "role-given":
                self.has_office = True
                person = self._directory.identified(sender_of(act.account))
                if person is not None:
                    before, person.role = person.role, OF_ACCOUNT.get(act.text, HOLDER)
                    if person.role != before:
                        self._tell(person, OfficeChanged("none" if act.text == "member" else act.text))
                    for name in person.rooms:
                        if isinstance(room := self._directory.room(name), ChatRoom):
                            room.look_again()
            elif act.kind in OUT:
                sessions = hit(self._directory, act)
                silence(self._directory, sessions)
                for session in sessions:
                    _dismiss(session, act, self._now())
            elif act.kind == "muted":
                self._tell_muted(hit(self._directory, act), act)
        log.info("a moderator of the server has acted", kind=act.kind, by=act.by, number=act.number)

    def _tell(self, person: Person[Occupant], event: OfficeChanged) -> None:
        for session in person.sessions:
            if not session.proof.is_bot:  # what its account is on the server is nothing to a bot
                self._guard.attempt(session.send_unasked, event)

    def _tell_muted(self, sessions: Iterable[Occupant], act: ServerAct) -> None:
        for session in sessions:
            self._guard.attempt(session.send_unasked, muted(act, self._now()))

    async def restore(self) -> None:
        """Find out whether somebody has a role on the server. Raises JournalError."""
        accounts, acts = self._directory.accounts, self._directory.accounts.acts
        found = [await accounts.find(name_key(one.name)) for one in await acts.holders()]
        holders = {one.id for one in found if one is not None}
        self.has_office = bool(holders)
        if holders:
            seen = await acts.seen_since(self._now() - KNOWN_SECONDS)
            self._networks = {shortened(network) for account, network in seen if account in holders}

    def knows(self, network: str) -> bool:
        """Whether somebody who has a role on the server has come from this network lately, or from beside it."""
        return shortened(network) in self._networks

    def look_at(self, one: Occupant) -> bool:
        """Somebody has just logged in: they may have been banned since that was looked at. Whether they have been dismissed."""
        if one.person.role in IN_OFFICE:
            self.has_office = True
            self._networks.add(shortened(one.network))
        in_force = self._directory.accounts.acts.in_force
        if in_force.is_idle:
            return False
        now = self._now()
        act = in_force.ban_of(visitor_of(one, now), now)
        if act is not None:
            silence(self._directory, (one,))
            _dismiss(one, act, now)
        return act is not None

    def _now(self) -> float:
        return self._directory.authentication.now()


def hit(directory: Directory[Room, Person[Occupant]], act: ServerAct) -> list[Occupant]:
    """The sessions of those who are here and whom an act is about."""
    now = directory.authentication.now()
    people = directory.people if act.network else _named(directory, act)
    sessions = [one for person in people for one in (*person.sessions, *person.replaced)]
    return [one for one in sessions if hits(act, visitor_of(one, now))]


def tell_if_muted(directory: Directory[Room, Person[Occupant]], session: Occupant) -> None:
    """Tell somebody who has just come in that they are muted on the whole server, if they are."""
    in_force = directory.accounts.acts.in_force
    if in_force.is_idle:
        return
    now = directory.authentication.now()
    act = in_force.mute_of(visitor_of(session, now), now)
    if act is not None:
        session.send_unasked(muted(act, now))


def muted(act: ServerAct, now: float) -> MutedEverywhere:
    """What whoever is muted by an act is told."""
    return MutedEverywhere(left_of(act.until - now), act.until, act.text or "-", act.number)


def _named(directory: Directory[Room, Person[Occupant]], act: ServerAct) -> set[Person[Occupant]]:
    """Who is here by the account, or as a guest by what an act names: of ten thousand people none is looked at who is somebody else."""
    if act.account:
        found = [directory.identified(sender_of(act.account))]
    else:
        found = [find(who) for who in act.known_as for find in (directory.identified, directory.person)]
    return {one for one in found if one is not None}


def silence(directory: Directory[Room, Person[Occupant]], sessions: Iterable[Occupant]) -> None:
    """Have nothing more stored of what these say."""
    for one in sessions:
        directory.silenced.add(one)


def let_speak(directory: Directory[Room, Person[Occupant]], sessions: Iterable[Occupant]) -> None:
    """Have what they say stored again: nothing was done to them after all."""
    for one in sessions:
        directory.silenced.discard(one)


def refusal_of_visitor(directory: Directory[Room, Person[Occupant]], visitor: Visitor) -> Refused | None:
    """Why somebody may not come in; None if they may."""
    now = directory.authentication.now()
    act = directory.accounts.acts.in_force.ban_of(visitor, now)
    return _out(act, now) if act is not None else None


def refusal_of_guest(directory: Directory[Room, Person[Occupant]], visitor: Visitor) -> Refused | None:
    """Why a guest may not come in; None if they may."""
    seconds = directory.accounts.acts.in_force.panic_seconds(directory.authentication.now())
    return Refused("panic-guests", {"span": left_of(seconds)}) if seconds else refusal_of_visitor(directory, visitor)


def _out(act: ServerAct, now: float) -> Refused:
    """What whoever is put off the server is told, and whoever wants to come in meanwhile."""
    details = {"span": left_of(act.until - now), "reason": act.text or "-", "id": str(act.number)}
    if act.kind == "kicked":
        return Refused("kicked-off-server", details)
    return Refused("network-banned", details) if act.network else Refused("banned-on-server", details)


def _dismiss(session: Occupant, act: ServerAct, now: float) -> None:
    told = _out(act, now)
    session.dismiss(told.code, inf, told.details)
