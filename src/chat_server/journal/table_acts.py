"""The acts of the server's moderators that an engine keeps in tables. See Acts; what is done is in act_changes.py."""

from chat_server.accounts.acts import ACTS_AT_ONCE, ActPlace, Judge, Neighbour, NotEnacted, OfficeHolder, ServerAct
from chat_server.accounts.in_force import InForce
from chat_server.accounts.networks import CameFrom
from chat_server.journal.account_changes import Tables
from chat_server.journal.act_changes import enact, neighbours
from chat_server.journal.table_storage import News, Storage


class TableActs:
    """See Acts."""

    def __init__(self, storage: Storage) -> None:
        """Nothing is in force until it is loaded."""
        self.in_force = InForce()
        self._storage = storage

    def load(self, tables: Tables, now: float) -> None:
        """Take in what is in force."""
        self.in_force.load(tables.acts.are_in_force(now), tables.acts.newest())

    async def enact(self, act: ServerAct, judge: Judge) -> ServerAct | NotEnacted:
        """Store an act; see Acts."""

        def note(done: ServerAct | NotEnacted) -> None:
            if isinstance(done, ServerAct):
                self.note(done)

        def news(done: ServerAct | NotEnacted) -> News:
            return news_of(done) if isinstance(done, ServerAct) else News()

        done = await self._storage.store(lambda tables: enact(tables, act, judge), note, news=news)
        if isinstance(done, ServerAct):
            await self.follow(done)
        return done

    def note(self, done: ServerAct) -> None:
        """An act has been stored. It is in force here at once, unless others have done something before of which this node has not heard."""
        if done.number == self.in_force.newest + 1:
            self.in_force.note(done)

    async def follow(self, done: ServerAct) -> None:
        """Then take in what they have done, too."""
        if done.number > self.in_force.newest:
            await self.catch_up()

    async def catch_up(self) -> None:
        """Take in what other nodes have stored; see Acts."""
        while True:
            newest = self.in_force.newest
            found = await self._storage.read(lambda tables: tables.acts.after(newest, ACTS_AT_ONCE))  # noqa: B023 - it is asked at once
            for act in found:
                self.in_force.note(act)
            if len(found) < ACTS_AT_ONCE:
                return

    async def listed(self, before: int, limit: int) -> list[ServerAct]:
        """Some acts; see Acts."""
        return await self._storage.read(lambda tables: tables.acts.before(before, limit))

    async def of_room(self, room: str, before: ActPlace | None, limit: int) -> list[ServerAct]:
        """Some of what was done in a room; see Acts."""
        return await self._storage.read(lambda tables: tables.acts.of_room(room, before, limit))

    async def holders(self) -> list[OfficeHolder]:
        """Who has a role on the server."""
        return await self._storage.read(lambda tables: tables.acts.holders())

    async def seen_since(self, at: float) -> list[tuple[int, str]]:
        """From which networks accounts have come; see Acts."""
        return await self._storage.read(lambda tables: tables.acts.seen_since(at))

    async def networks(self, account: int) -> list[CameFrom]:
        """The last networks from which an account has logged in, the newest first."""
        return await self._storage.read(lambda tables: tables.acts.networks_of(account))

    async def neighbours(self, network: str, at: float) -> list[Neighbour]:
        """The accounts that have come from a network; see Acts."""
        return await self._storage.read(lambda tables: neighbours(tables.acts, network, at))


def news_of(done: ServerAct) -> News:
    """What other nodes hear of an act."""
    return News(done.account if done.kind == "role-given" else 0, acted=done.number)
