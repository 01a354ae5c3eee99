"""The pages for programs that watch over the server: metrics, whether it is well, whether it is there for callers.

Knows what makes each; never knows who fetches it, nor what there is to be measured.
"""

from collections.abc import Callable, Mapping

import trio

from chat_server.guard import Guard
from chat_server.metrics import CONTENT_TYPE, written
from chat_server.server.health import Health
from chat_server.server.measured import METRICS
from chat_server.server.monitor_door import Answer, Page, told
from chat_server.server.observed import Observed

METRICS_AT_ONCE = 8
"""Metrics written before others have their turn: 0.2 ms."""

FRESH_SECONDS = 1.0
"""Seconds for which what has been measured is answered again: whoever asks without end has it looked at no more often than once in so long."""


def pages(health: Health, observed: Callable[[], Observed]) -> Mapping[str, Page]:
    """What can be fetched, by its path."""
    metrics = _Metrics(observed)

    async def healthz() -> Answer:
        return told(health.trouble())

    async def readyz() -> Answer:
        return told(health.not_ready())

    return {"/metrics": metrics.page, "/healthz": healthz, "/readyz": readyz}


class _Metrics:
    """All metrics, looked at by one at a time."""

    def __init__(self, observed: Callable[[], Observed]) -> None:
        self._observed = observed
        self._looking = trio.Lock()
        self._looked_at = float("-inf")
        self._text = ""

    async def page(self) -> Answer:
        async with self._looking:
            if trio.current_time() >= self._looked_at + FRESH_SECONDS:
                self._text = await self._look()
                self._looked_at = trio.current_time()
        return Answer(200, self._text, CONTENT_TYPE)

    async def _look(self) -> str:
        observed = self._observed()
        await observed.look()
        lines: list[str] = []
        for number, metric in enumerate(METRICS, 1):
            with Guard("a metric could not be read", metric=metric.name):  # the others are worth having
                lines.append(written(metric, observed))
            if number % METRICS_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
        return "".join(lines)
