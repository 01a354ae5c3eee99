"""What waits for moderators, in memory. See Cases."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from chat_server.accounts.cases import Case, CaseKind, Ending, NotTaken, after_end, is_old, refusal_of
from chat_server.accounts.kept_accounts import KeptAccounts


class MemoryCases:
    """See Cases."""

    def __init__(self, kept: KeptAccounts, begin: Callable[[], None]) -> None:
        """Go on with what is kept. `begin` raises JournalError if nothing can be stored."""
        self._kept = kept
        self._begin = begin

    async def add(self, case: Case) -> Case | NotTaken:
        """Store one more; see Cases."""
        self._begin()
        kept = self._kept
        refusal = refusal_of(case, [one for one in kept.cases.values() if one.kind == case.kind])
        if refusal is not None:
            return refusal
        kept.next_case += 1
        added = kept.cases[kept.next_case] = replace(case, number=kept.next_case)
        return added

    async def listed(self, at: float) -> list[Case]:
        """Those that wait."""
        return [one for _, one in sorted(self._kept.cases.items()) if one.is_on(at)]

    async def close(self, number: int, kinds: Sequence[CaseKind], at: float) -> Case | None:
        """Close one that waits; see Cases."""
        self._begin()
        case = self._kept.cases.get(number)
        if case is None or not case.is_on(at) or case.kind not in kinds:
            return None
        self._kept.cases[number] = case.closed
        return case

    async def open_again(self, case: Case) -> None:
        """Let one wait again."""
        self._begin()
        self._kept.cases[case.number] = case

    def end(self, account: int, nick: str, ending: Ending) -> None:
        """An account has ended, and is called so."""
        left = {number: after_end(case, account, nick, ending) for number, case in self._kept.cases.items()}
        self._kept.cases = {number: case for number, case in left.items() if case is not None}

    def forget_old(self, at: float) -> int:
        """Forget what is old; return how many."""
        old = [number for number, case in self._kept.cases.items() if is_old(case, at)]
        for number in old:
            del self._kept.cases[number]
        return len(old)
