"""What waits for moderators, in memory. See Cases."""

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from chat_server.accounts.case_bounds import refusal_of, same_as, taken_of
from chat_server.accounts.cases import (
    EVERYTHING,
    Case,
    CaseKind,
    Closed,
    Closing,
    Ending,
    NotTaken,
    Waiting,
    Wanted,
    act_of,
    after_end,
    can_be_closed,
    can_be_said,
    is_old,
)
from chat_server.accounts.kept_accounts import KeptAccounts
from chat_server.accounts.memory_acts import MemoryActs
from chat_server.protocol.stored_event import Author


class MemoryCases:
    """See Cases."""

    def __init__(self, kept: KeptAccounts, acts: MemoryActs, begin: Callable[[], None]) -> None:
        """Go on with what is kept; what is done about it is kept among the acts. `begin` raises JournalError if nothing can be stored."""
        self._kept = kept
        self._acts = acts
        self._begin = begin

    async def add(self, case: Case) -> Case | NotTaken:
        """Store one more; see Cases."""
        self._begin()
        kept = self._kept
        known = kept.cases.values()
        refusal = same_as(case, known) or refusal_of(case, taken_of(case, known))
        if refusal is not None:
            return refusal
        kept.next_case += 1
        added = kept.cases[kept.next_case] = replace(case, number=kept.next_case)
        return added

    async def listed(self, at: float, wanted: Wanted = EVERYTHING) -> list[Case]:
        """The newest of those that wait and are wanted; see Cases."""
        found = [
            one
            for number, one in sorted(self._kept.cases.items())
            if one.is_on(at)
            and one.kind in wanted.kinds
            and wanted.room in (None, one.room)
            and (not wanted.before or number < wanted.before)
        ]
        return found[-wanted.limit :]

    async def case(self, number: int, at: float) -> Case | None:
        """The case with this number, if it waits."""
        case = self._kept.cases.get(number)
        return case if case is not None and case.is_on(at) else None

    async def counted(self, at: float, account: Author, sender: str) -> list[Waiting]:
        """How much waits that is not by somebody; see Cases."""
        others = [
            one
            for one in self._kept.cases.values()
            if one.is_on(at) and one.sender != sender and (not account or one.account != account)
        ]
        counts = Counter((one.kind, one.room, one.author) for one in others)
        return [Waiting(*key, count) for key, count in counts.items()]

    async def close(self, number: int, kinds: Sequence[CaseKind], closing: Closing) -> Closed | None:
        """Close one that waits; see Cases."""
        self._begin()
        case = self._kept.cases.get(number)
        if case is None or not can_be_closed(case, kinds, closing):
            return None
        self._kept.cases[number] = case.closed
        return Closed(case, await self._acts.keep_on_case(case.room, act_of(case, closing)))

    async def begin_saying(self, number: int, at: float) -> Case | None:
        """Let nobody else decide on what is held while it is being said; see Cases."""
        self._begin()
        case = self._kept.cases.get(number)
        if case is None or not can_be_said(case, at):
            return None
        self._kept.cases[number] = replace(case, saying_at=at)
        return case

    async def end_saying(self, number: int) -> None:
        """Let one wait on; see Cases."""
        self._begin()
        case = self._kept.cases.get(number)
        if case is not None and case.is_open:
            self._kept.cases[number] = replace(case, saying_at=0.0)

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
