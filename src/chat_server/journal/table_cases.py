"""What waits for moderators where an engine keeps it in a table. See Cases; how a change is stored is the engine's (table_storage.Storage)."""

from collections.abc import Sequence

from chat_server.accounts.cases import EVERYTHING, Case, CaseKind, Closed, Closing, NotTaken, Waiting, Wanted
from chat_server.journal import case_rows as rows
from chat_server.journal.table_acts import TableActs, news_of
from chat_server.journal.table_storage import News, Storage
from chat_server.protocol.stored_event import Author


class TableCases:
    """See Cases."""

    def __init__(self, storage: Storage, acts: TableActs) -> None:
        """What is done about a case that has no room is one of the server's acts."""
        self._storage = storage
        self._acts = acts

    async def add(self, case: Case) -> Case | NotTaken:
        """Store one more; see Cases."""
        return await self._storage.store(lambda tables: rows.add(tables, case))

    async def listed(self, at: float, wanted: Wanted = EVERYTHING) -> list[Case]:
        """The newest of those that wait and are wanted; see Cases."""
        return await self._storage.read(lambda tables: tables.cases.listed(at, wanted))

    async def case(self, number: int, at: float) -> Case | None:
        """The case with this number, if it waits."""
        case = await self._storage.read(lambda tables: tables.cases.case(number))
        return case if case is not None and case.is_on(at) else None

    async def counted(self, at: float, account: Author, sender: str) -> list[Waiting]:
        """How much waits that is not by somebody; see Cases."""
        return await self._storage.read(lambda tables: tables.cases.counted(at, account, sender))

    async def close(self, number: int, kinds: Sequence[CaseKind], closing: Closing) -> Closed | None:
        """Close one that waits; see Cases."""

        def note(closed: Closed | None) -> None:
            if closed is not None and not closed.case.room:
                self._acts.note(closed.act)

        def news(closed: Closed | None) -> News:
            return News() if closed is None or closed.case.room else news_of(closed.act)

        closed = await self._storage.store(lambda tables: rows.close(tables, number, kinds, closing), note, news=news)
        if closed is not None and not closed.case.room:
            await self._acts.follow(closed.act)
        return closed

    async def begin_saying(self, number: int, at: float) -> Case | None:
        """Let nobody else decide on what is held while it is being said; see Cases."""
        return await self._storage.store(lambda tables: rows.begin_saying(tables, number, at))

    async def end_saying(self, number: int) -> None:
        """Let one wait on; see Cases."""
        await self._storage.store(lambda tables: rows.end_saying(tables, number))
