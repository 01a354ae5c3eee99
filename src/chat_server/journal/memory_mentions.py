"""Who was named while they were not there, in the engine `memory`. See journal/mentions.py."""

from collections.abc import Callable, Sequence

from chat_server.journal.kept_in_memory import Kept
from chat_server.journal.mentions import MENTIONS_MAX, Mention


class KeptMentions:
    """Who was named while they were not there: see Mentions."""

    def __init__(self, kept: Kept, check_open: Callable[[], None]) -> None:
        self._kept = kept
        self._check_open = check_open

    async def add(self, mentions: Sequence[Mention]) -> None:
        """Keep these; see Mentions."""
        self._check_open()
        for one in mentions:
            kept = self._kept.mentions.setdefault(one.account, [])
            is_new = all((one.room, one.seq) != (other.room, other.seq) for other in kept)
            if is_new and one.room in self._kept.rooms and self._kept.accounts.active(one.account) is not None:
                kept.append(one)
                kept.sort(key=lambda other: other.at)
                del kept[:-MENTIONS_MAX]

    async def of(self, account: int) -> list[Mention]:
        """Those of an account; see Mentions."""
        self._check_open()
        return [*self._kept.mentions.get(account, ())]

    async def mark_read(self, account: int, seen: Sequence[Mention]) -> None:
        """The account has seen these; see Mentions."""
        self._check_open()
        where = {(one.room, one.seq) for one in seen}
        kept = self._kept.mentions.get(account, [])
        kept[:] = [one._replace(is_read=one.is_read or (one.room, one.seq) in where) for one in kept]
