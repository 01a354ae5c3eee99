"""How late the event loop is: a task that wants to go on every tenth of a second sees when it does. Never knows what keeps the loop busy."""

from math import inf

import trio

from chat_server.metrics import Histogram

LOOK_SECONDS = 0.1
"""Seconds between two looks. Each costs 30 us."""


class Lateness:
    """How much later than was asked for the event loop went on."""

    def __init__(self) -> None:
        """It has not been looked at."""
        self.seconds = Histogram()
        self.looked_at = -inf
        """When it was last seen to go on, by its own clock."""

    async def run(self) -> None:
        """Look at it, until cancelled."""
        while True:
            due = trio.current_time() + LOOK_SECONDS
            await trio.sleep_until(due)
            self.looked_at = trio.current_time()
            self.seconds.note(max(0.0, self.looked_at - due))
