"""What is kept no longer is deleted, now and then. Knows the journal, and that rooms remember what was said last."""

from collections.abc import Callable, Sequence
from math import inf

import trio

from chat_server.accounts import Account, Accounts
from chat_server.config import HistoryTable
from chat_server.guard import Guard
from chat_server.journal import Journal, JournalError
from chat_server.journal.engines import Store
from chat_server.logs import log
from chat_server.rooms.chat_room import ChatRoom
from chat_server.rooms.ends import end_account

PRUNE_SECONDS = 900.0
"""Seconds between two looks for what is too old to be kept."""

PRUNE_PAUSE = 0.05
"""Seconds between two transactions that delete: appends go first."""


async def forget_what_is_old(store: Store, history: Callable[[], HistoryTable], rooms: Sequence[ChatRoom]) -> None:
    """Delete what the configuration does not keep any longer, keys that nobody will use again, and accounts whose time has come, for ever."""
    while True:
        kept = history()
        before = store.now() - kept.keep_days * 86400 if kept.keep_days else -inf
        with Guard("cannot delete what is old"):
            await _forget_older_than(before, kept.keep_lines, store.journal, rooms)
        with Guard("cannot end accounts whose time has come"):
            await _end_accounts(store.accounts, rooms, store.now())
        await trio.sleep(PRUNE_SECONDS)


async def _forget_older_than(before: float, keep_lines: int, journal: Journal, rooms: Sequence[ChatRoom]) -> None:
    try:
        while (pruned := await journal.prune(before, keep_lines)).total:
            for room in rooms:
                if room.name in pruned.rooms:
                    room.forget_past()
            await trio.sleep(PRUNE_PAUSE)
    except JournalError as error:
        log.error("cannot delete what is old", why=str(error))


async def _end_accounts(accounts: Accounts, rooms: Sequence[ChatRoom], now: float) -> None:
    """End those whose time has come, all together: files are made anew once for all of them."""
    try:
        async with trio.open_nursery() as nursery:
            for account in await accounts.due(now):
                nursery.start_soon(_end_account, accounts, rooms, account, now)
        forgotten = await accounts.forget_old(now)
        while forgotten:
            await trio.sleep(PRUNE_PAUSE)
            forgotten = await accounts.forget_old(now)
    except* JournalError as errors:
        log.error("cannot end accounts whose time has come", why=str(errors.exceptions[0]))


async def _end_account(accounts: Accounts, rooms: Sequence[ChatRoom], account: Account, now: float) -> None:
    if account.ending is not None:
        await end_account(accounts, rooms, account.id, account.ending, now, is_due=True)
