"""What waits for moderators where an engine keeps it in a table. See Cases; how a change is stored is the engine's (table_storage.Storage)."""

from collections.abc import Sequence

from chat_server.accounts.cases import Case, CaseKind, NotTaken
from chat_server.journal import case_rows as rows
from chat_server.journal.table_storage import Storage


class TableCases:
    """See Cases."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def add(self, case: Case) -> Case | NotTaken:
        """Store one more; see Cases."""
        return await self._storage.store(lambda tables: rows.add(tables, case))

    async def listed(self, at: float) -> list[Case]:
        """Those that wait."""
        found = await self._storage.read(lambda tables: tables.cases.all())
        return [case for case in found if case.is_on(at)]

    async def close(self, number: int, kinds: Sequence[CaseKind], at: float) -> Case | None:
        """Close one that waits; see Cases."""
        return await self._storage.store(lambda tables: rows.close(tables, number, kinds, at))

    async def open_again(self, case: Case) -> None:
        """Let one wait again."""
        await self._storage.store(lambda tables: tables.cases.put(case))
