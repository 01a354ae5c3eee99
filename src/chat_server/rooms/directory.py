"""Who is here under which name and with which proof, which rooms there are, and what keeps accounts and what is said.

People and rooms are nothing here but what has a name. Never knows what can be done in a room.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakSet

import trio

from chat_server.accounts import Accounts
from chat_server.accounts.authentication import Authentication
from chat_server.accounts.look_alikes import difference
from chat_server.accounts.networks import shortened
from chat_server.journal import Journal, JournalError, RoomTaken, new_room_id
from chat_server.journal.nodes import Nodes
from chat_server.journal.signs import RoomFounded
from chat_server.protocol.events import Refused
from chat_server.protocol.names import name_key
from chat_server.rooms.away import AwayAmongNodes
from chat_server.rooms.calls import Calls
from chat_server.rooms.flow import Flow
from chat_server.rooms.guest_blocks import GuestBlocks
from chat_server.rooms.guest_reactions import GuestReactions
from chat_server.rooms.guests import GuestMarks
from chat_server.rooms.held_names import HeldNames
from chat_server.rooms.line_rules import WordList
from chat_server.rooms.listed_rooms import ListedRooms, NamedRoom
from chat_server.rooms.quotas import Quotas

if TYPE_CHECKING:
    from chat_server.rooms.other_nodes import OtherNodes
    from chat_server.rooms.shared_names import WhenStored

DAY = 86400.0

EXPORTS = 3
"""How often within a day: a connection that is lost half-way is no lost day."""

RENAMES = 5
"""How often somebody may rename rooms within a day: the search index of SQLite's engine is made anew for each."""


R = TypeVar("R", bound=NamedRoom)
P = TypeVar("P")


class Directory(Generic[R, P]):
    """Who is here under which name, and which rooms there are."""

    def __init__(
        self,
        journal: Journal,
        accounts: Accounts,
        nodes: Nodes | None = None,
        *,
        authentication: Authentication,
        start_room: Callable[[str, str], R],
    ) -> None:
        """Nobody, and no rooms.

        Args:
            journal: where what is said is kept.
            accounts: where accounts are kept.
            nodes: this server among those with the same journal; None: it has the journal for itself.
            authentication: whether somebody is who they say, as far as they have accounts.
            start_room: makes a room of this name and id that is not there yet, and starts its broadcaster.

        """
        self.journal = journal
        self.nodes = nodes
        """This server among those with the same journal; None: it has the journal for itself."""
        self.accounts = accounts
        """Who has an account. `accounts.names` says at once whose a name is."""
        self.guests = GuestMarks(accounts)
        """Who is marked as a guest."""
        self.flow = Flow()
        """What is measured of the rooms' turns."""
        self.calls = Calls(self)
        """Who is named and does not hear it."""
        self.away = AwayAmongNodes()
        """Who is away."""
        self._listed: ListedRooms[R] = ListedRooms()
        self.guest_reactions = GuestReactions()
        """Which reactions are whose of those who have no account."""
        self.guest_blocks = GuestBlocks(self.room, accounts, authentication.now)
        """Who has blocked which guests."""
        self.authentication = authentication
        """Whether somebody is who they say, as far as they have accounts."""
        self._start_room, self._rooms_max = start_room, 0
        self._by_person = Quotas(0, DAY)
        self._by_address = Quotas(0, DAY)
        self._renames = Quotas(RENAMES, DAY)
        self.exports = Quotas(EXPORTS, DAY)
        """How often somebody has been given everything that is kept of them; the time is the wall clock's, for it counts from day to day."""
        self.owned_max = 0
        """How many rooms one account may own at a time; 0: as many as it likes."""
        self.sessions_max = 0
        """How many sessions one person may have at a time; 0: as many as they like."""
        self.words: WordList | None = None
        """Words that count in every room; None: there are none."""
        self.silenced: WeakSet[object] = WeakSet()
        """Sessions of which nothing more is stored, whatever of it waits: they were ended by somebody else's word. They go with the last of them."""
        self.has_logged_in: Callable[[object], None] = lambda _: None
        """Called with each session that has just logged in."""
        self.founding = trio.Lock()
        """Whoever has it is the only one who changes which rooms there are."""
        self.conversing: object | None = None
        """The conversations at this node, for `conversations_of` (conversations.py); None until somebody asks for them."""
        self.writing: object | None = None
        """Who is writing just now at this node, for `writing_of` (writing.py); the same."""
        self._names: HeldNames[P] = HeldNames()
        self.others = _other_nodes(self._names, nodes)
        """What is known here of the same people at other nodes; None where there are none, and names are given here alone."""
        self._people = self._names.holders
        self._identities: dict[str, P] = {}

    def allow(
        self, rooms_max: int, per_person: int, per_address: int, sessions_max: int = 0, owned_max: int = 0
    ) -> None:
        """Have so many rooms founded from now on, with those that are there; of them by one person, and from one address, within a day. 0: no limit.

        `sessions_max` one person may have at a time, and `owned_max` rooms one account.
        """
        self._rooms_max, self._by_person.limit, self._by_address.limit = rooms_max, per_person, per_address
        self.sessions_max, self.owned_max = sessions_max, owned_max

    @property
    def is_engine_away(self) -> bool:
        """Whether the engine of several nodes does not answer: lines wait, and nothing else is asked of it."""
        return self.nodes is not None and self.nodes.life.is_engine_away

    def claim(self, nick: str, person: P) -> Refused | None:
        """Give the name to this person, where there are no other nodes; else see SharedNames.claim.

        Return why not, if somebody else has it, or one that counts as the same or looks like it.
        """
        return self._names.claim(nick, person)

    def release(self, nick: str, person: object, stored: "Sequence[WhenStored]" = ()) -> None:
        """Take the name back, if this person has it, at this node. Other nodes give it to others when all this is stored."""
        if self.others is None:
            self._names.release(nick, person)
        else:
            self.others.names.release(nick, person, stored)

    def person(self, nick: str) -> P | None:
        """Who has this name, or one that counts as the same."""
        return self._people.get(name_key(nick))

    def identified(self, identity: str) -> P | None:
        """Who is here with the proof of being this one."""
        return self._identities.get(identity)

    def identify(self, identity: str, person: P) -> None:
        """Note who has proved to be this sender; anybody noted before no longer is."""
        self._identities[identity] = person

    def forget_identity(self, identity: str, person: object) -> None:
        """Forget the proof of somebody who is gone, if nobody has taken it over."""
        if self._identities.get(identity) is person:
            del self._identities[identity]

    @property
    def people(self) -> set[P]:
        """Everybody who has a name or a proof."""
        return {*self._people.values(), *self._identities.values()}

    def note_seen(self, account: int, device: int, network: str) -> None:
        """Note that an account's holder was here until now, at a device (0: at none), from a network."""
        self.accounts.note_seen(account, device, shortened(network), self.authentication.now())

    def forget(self, person: object) -> None:
        """Take back whatever this person has, by whatever name: for one of whom something went wrong half-way."""
        (self._names if self.others is None else self.others.names).release_all(person)
        for identity in [identity for identity, other in self._identities.items() if other is person]:
            del self._identities[identity]

    def open_room(self, room: R) -> None:
        """List a room."""
        self._listed.add(room)
        if self.others is not None:
            self.others.rooms_have_changed()

    def close_room(self, room: R) -> None:
        """List a room no longer."""
        self._listed.remove(room)

    def rename_room(self, room: R, name: str) -> None:
        """Give a listed room another name. Who asks for the old one is given it still, until another room has that name."""
        self._listed.rename(room, name)
        if self.others is not None:
            self.others.rooms_have_changed()

    def room(self, name: str) -> R | None:
        """The room with this name, or with one that counts as the same."""
        return self._listed.room(name)

    def formerly(self, name: str) -> R | None:
        """The room that had this name, or one that counts as the same, before it was renamed."""
        return self._listed.formerly(name)

    def room_of_id(self, room_id: str) -> R | None:
        """The room with this id, whatever it is called."""
        return self._listed.of_id(room_id)

    def rooms_with(self, part: str) -> list[R]:
        """The rooms that have this in their names, in the order in which they were opened; "" is in all."""
        return self._listed.with_part(part)

    @property
    def rooms(self) -> list[R]:
        """All rooms, in the order in which they were opened."""
        return self._listed.all()

    async def create_room(
        self, name: str, person: str = "", address: str = "", is_known: Callable[[R], bool] = lambda _: True
    ) -> Refused | None:
        """Store and open a new room.

        Args:
            name: the room's.
            person: who founds it, and
            address: from where; "" does not count.
            is_known: whether they may know of a room. One that is in the way, and of which they may not, is told of as little as can be: that
                nobody can have the name; and to find that out counts as much as to have founded a room, so nobody goes through a list of names.

        Returns:
            Why not; None if it is open now.

        Raises:
            JournalError: it could not be stored, and is not open.

        """
        async with self.founding:
            now = trio.current_time()
            in_the_way = self.room(name) or self._listed.like(name)
            is_hidden = in_the_way is not None and not is_known(in_the_way)
            refusal = self._refusal(name, None if is_hidden else in_the_way, person, address, now)
            if refusal is not None:
                return refusal
            counted = [(quotas, who) for quotas, who in ((self._by_person, person), (self._by_address, address)) if who]
            # Before it is stored, for whoever is gone by then has had it stored all the same.
            for quotas, who in counted:
                quotas.use(who, now)
            if is_hidden:
                return Refused("room-name-unusable", {"room": name})
            room_id = new_room_id()
            try:
                await self.journal.create_room(name, is_new=True, room_id=room_id)
            except JournalError as error:
                for quotas, who in counted:
                    quotas.take_back(who, now)
                if isinstance(error, RoomTaken):
                    return self.another_has(name, error, is_known)
                raise
            if self.nodes is not None:
                self.nodes.signs.tell(RoomFounded(person, address))
            self.open_room(self._start_room(name, room_id))
            return None

    def _refusal(self, name: str, in_the_way: R | None, person: str, address: str, now: float) -> Refused | None:
        """Why a room cannot be made by this person, from this address, where this room has the name or one like it; as far as this node knows."""
        if in_the_way is not None and in_the_way is self.room(name):
            return Refused("room-exists", {"room": name})
        if in_the_way is not None:
            return Refused("room-like-another", difference(name, in_the_way.name))
        if self._rooms_max and len(self._listed) >= self._rooms_max:
            return Refused("rooms-full", {})
        if person and self._by_person.is_used_up(person, now):
            return Refused("rooms-by-person", {"limit": str(self._by_person.limit)})
        if address and self._by_address.is_used_up(address, now):
            return Refused("rooms-by-address", {"limit": str(self._by_address.limit)})
        return None

    def another_has(self, name: str, taken: RoomTaken, is_known: Callable[[R], bool]) -> Refused:
        """What whoever wants to make a room is told where another node has just made one."""
        other = self.room(name if taken.is_same else taken.other)
        if other is not None and not is_known(other):
            return Refused("room-name-unusable", {"room": name})
        if taken.is_same:
            return Refused("room-exists", {"room": name})
        return Refused("room-like-another", difference(name, taken.other))

    def refusal_of_name(self, name: str, room: R, is_known: Callable[[R], bool]) -> Refused | None:
        """Why this room cannot be called so beside the others; as far as this node knows. What is not known is told of as in `create_room`."""
        for other in (self.room(name), self._listed.like(name)):
            if other not in (None, room) and not is_known(other):
                return Refused("room-name-unusable", {"room": name})
        if self.room(name) not in (None, room):
            return Refused("room-exists", {"room": name})
        alike = self._listed.like(name)
        return Refused("room-like-another", difference(name, alike.name)) if alike not in (None, room) else None

    def refusal_to_rename(self, person: str, now: float) -> Refused | None:
        """Why somebody may not rename a room now: it costs the search much."""
        return Refused("renamed-too-often", {"limit": str(RENAMES)}) if self._renames.is_used_up(person, now) else None

    def note_renamed(self, person: str, now: float) -> None:
        """Count that somebody has renamed a room."""
        self._renames.use(person, now)

    def note_founded(self, person: str, address: str) -> None:
        """Count that somebody has founded a room at another node."""
        for quotas, who in ((self._by_person, person), (self._by_address, address)):
            if who:
                quotas.use(who, trio.current_time())

    async def open_room_of_others(self, name: str, room_id: str) -> None:
        """Open a room that there is at other nodes already. Harmless if it is open."""
        async with self.founding:
            if self.room(name) is None:
                self.open_room(self._start_room(name, room_id))


def _other_nodes(names: HeldNames[P], nodes: Nodes | None) -> "OtherNodes[P] | None":
    if nodes is None:
        return None
    from chat_server.rooms.other_nodes import OtherNodes  # noqa: PLC0415 - only where there are several nodes

    return OtherNodes(names, nodes)
