"""What is kept no longer is deleted, now and then. Knows the journal, and that rooms remember what was said last."""

import time
from collections.abc import Sequence
from math import inf

import trio

from chat_server.config import HistoryTable
from chat_server.guard import Guard
from chat_server.journal import Journal, JournalError
from chat_server.logs import log
from chat_server.rooms.chat_room import ChatRoom

PRUNE_SECONDS = 900.0
"""Seconds between two looks for what is too old to be kept."""

PRUNE_PAUSE = 0.05
"""Seconds between two transactions that delete: appends go first."""


async def forget_what_is_old(journal: Journal, history: HistoryTable, rooms: Sequence[ChatRoom]) -> None:
    """Delete what the configuration does not keep any longer, and keys that nobody will use again, for ever."""
    while True:
        before = time.time() - history.keep_days * 86400 if history.keep_days else -inf
        with Guard("cannot delete what is old"):
            await _forget_older_than(before, history.keep_lines, journal, rooms)
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
