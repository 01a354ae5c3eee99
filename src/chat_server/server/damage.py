"""A look through what is kept, once, soon after the start: a disk damages what nobody reads for months, and copies of it push the good ones out.

Knows the log. Never knows what is kept, nor how it is looked through.
"""

from collections.abc import Callable
from contextlib import suppress

import trio

from chat_server.guard import Guard
from chat_server.journal import UnusableJournal
from chat_server.logs import log

AFTER_SECONDS = 60.0
"""Seconds after the start at which it begins: what comes first then is people."""

LOOK_SECONDS = 5.0
"""Seconds that it may take: as long as it lasts, the journal's log only grows. `chat-server check-journal` takes what it needs."""


async def look_for_damage(look: Callable[[float], str]) -> None:
    """Look, and say in the log what is wrong; `look` is given how many seconds it has, and blocks for as long. See Engine.quick_look."""
    await trio.sleep(AFTER_SECONDS)
    with Guard("what is kept could not be looked through"), suppress(UnusableJournal):
        trouble = await trio.to_thread.run_sync(look, LOOK_SECONDS, abandon_on_cancel=True)
        if trouble:
            log.error("the journal is damaged; `chat-server doctor` says what to do", why=trouble)
