"""What waits for moderators where an engine keeps it in a table. See Cases; how a change is stored is the engine's (table_storage.Storage)."""

from collections.abc import Sequence

from chat_server.accounts.cases import EVERYTHING, Case, CaseKind, NotTaken, Waiting, Wanted
from chat_server.journal import case_rows as rows
from chat_server.journal.table_storage import Storage
from chat_server.protocol.stored_event import Author


class TableCases:
    """See Cases."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

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

    async def close(self, number: int, kinds: Sequence[CaseKind], at: float) -> Case | None:
        """Close one that waits; see Cases."""
        return await self._storage.store(lambda tables: rows.close(tables, number, kinds, at))

    async def open_again(self, case: Case) -> None:
        """Let one wait again."""
        await self._storage.store(lambda tables: tables.cases.put(case))
